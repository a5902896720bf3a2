//! The site's own configuration: a TOML file with what only the site knows.
//!
//! ```toml
//! # Why deliveries failed, in words of partners that no table knows; asked before the built-in ones.
//! [[reason]]
//! class = "over-quota"
//! words = "das postfach ist voll"
//!
//! # How the site's own rule ids look in replies and header checks; the group is the id.
//! [[rule-id]]
//! pattern = 'ACL-(\d+)'
//!
//! # What a piece of evidence counts for in the score of `mailtally top`.
//! [weights]
//! dnsbl = 5
//! ```
//!
//! Where the file lies, and when it is read, is **not** decided here.

use std::collections::BTreeMap;

use mailtally_parsers::postfix::site::Site;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is no TOML, or has keys that nobody knows; says where.
    #[error("{}", first_lines(.0))]
    Toml(toml::de::Error),
    /// A class that cannot be a name in the output.
    #[error("the class {0:?} is not made of a-z, 0-9 and `-`")]
    Class(String),
    /// A reason without words and without pattern, or with both.
    #[error("the reason {0:?} needs either `words` or `pattern`")]
    WordsOrPattern(String),
    /// Something that is no regular expression.
    #[error("{pattern:?} is no regular expression: {}", last_line(.cause))]
    Pattern {
        /// What stands in the file.
        pattern: String,
        /// Why it is none.
        cause: regex::Error,
    },
    /// A pattern without a group that says which part of the match is the id.
    #[error("{0:?} has no group: write the id in parentheses, as in 'ACL-(\\d+)'")]
    Group(String),
}

fn first_lines(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    // Where it is, and last what it is; between them stand the line and a pointer.
    match (lines.first(), lines.last()) {
        (Some(place), Some(cause)) if lines.len() > 1 => format!("{place}: {cause}"),
        _ => text.trim_end().to_owned(),
    }
}

fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    reason: Vec<ReasonEntry>,
    #[serde(default)]
    rule_id: Vec<RuleIdEntry>,
    #[serde(default)]
    weights: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonEntry {
    class: String,
    words: Option<String>,
    pattern: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleIdEntry {
    pattern: String,
}

/// A configuration that was read.
#[derive(Debug, Default)]
pub struct Config {
    reasons: Vec<(Regex, &'static str)>,
    rule_ids: Vec<Regex>,
    weights: BTreeMap<String, u64>,
}

impl Config {
    /// Returns the points of evidence that the site sets; whether the names are known is not
    /// looked at here.
    pub fn weights(&self) -> &BTreeMap<String, u64> {
        &self.weights
    }

    /// Reads the text of a configuration file.
    ///
    /// The names of classes live as long as the program: read it once.
    ///
    /// # Errors
    /// When it is no TOML, has unknown keys, or says something that makes no sense.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(ConfigError::Toml)?;
        let reasons = file.reason.into_iter().map(reason);
        let rule_ids = file.rule_id.into_iter().map(rule_id);
        Ok(Config {
            reasons: reasons.collect::<Result<_, _>>()?,
            rule_ids: rule_ids.collect::<Result<_, _>>()?,
            weights: file.weights,
        })
    }

    /// Asks these patterns of rule ids before those of the file.
    ///
    /// # Errors
    /// When one is no regular expression, or has no group.
    pub fn asking_first(mut self, patterns: &[String]) -> Result<Self, ConfigError> {
        let entries = patterns.iter().map(|pattern| RuleIdEntry {
            pattern: pattern.clone(),
        });
        let first: Vec<Regex> = entries.map(rule_id).collect::<Result<_, _>>()?;
        self.rule_ids.splice(0..0, first);
        Ok(self)
    }
}

impl Site for Config {
    fn reason(&self, text: &[u8]) -> Option<&'static str> {
        let mut reasons = self.reasons.iter();
        let found = reasons.find(|(pattern, _)| pattern.is_match(text));
        found.map(|(_, class)| *class)
    }

    fn rule_id<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let id = |pattern: &Regex| Some(pattern.captures(text)?.get(1)?.as_bytes());
        self.rule_ids.iter().find_map(id)
    }
}

fn reason(entry: ReasonEntry) -> Result<(Regex, &'static str), ConfigError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if entry.class.is_empty() || !entry.class.bytes().all(is_plain) {
        return Err(ConfigError::Class(entry.class));
    }
    let pattern = match (entry.words, entry.pattern) {
        (Some(words), None) => words_pattern(&words),
        (None, Some(pattern)) => pattern,
        _ => return Err(ConfigError::WordsOrPattern(entry.class)),
    };
    Ok((regex(pattern)?, entry.class.leak()))
}

/// Words stand anywhere in the text, with any blanks between them.
fn words_pattern(words: &str) -> String {
    let words: Vec<String> = words.split_whitespace().map(regex::escape).collect();
    words.join(r"\s+")
}

fn rule_id(entry: RuleIdEntry) -> Result<Regex, ConfigError> {
    let pattern = regex(entry.pattern)?;
    // The whole match is a group of its own.
    if pattern.captures_len() < 2 {
        return Err(ConfigError::Group(pattern.as_str().to_owned()));
    }
    Ok(pattern)
}

/// Capitals say nothing in what mail servers answer.
fn regex(pattern: String) -> Result<Regex, ConfigError> {
    RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .build()
        .map_err(|cause| ConfigError::Pattern { pattern, cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Config {
        Config::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_first_reason_that_fits_names_the_class() {
        let config = parsed(
            "[[reason]]\nclass = 'over-quota'\nwords = 'Postfach ist  voll'\n\
             [[reason]]\nclass = 'partner-down'\npattern = 'error E4\\d\\d'\n\
             [[reason]]\nclass = 'later'\npattern = 'E451'\n",
        );
        for (text, expected) in [
            (
                "host a[1] said: 552 das POSTFACH ist voll",
                Some("over-quota"),
            ),
            ("552 Postfach ist 552 voll", None),
            ("450 Error E451 (in reply to RCPT TO)", Some("partner-down")),
            ("450 E451", Some("later")),
            ("450 other", None),
        ] {
            assert_eq!(config.reason(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn the_group_of_the_first_pattern_is_the_id() {
        let config = parsed(
            "[[rule-id]]\npattern = 'acl-(\\d+)'\n[[rule-id]]\npattern = '\\[([A-Z]+)\\]'\n",
        );
        let id = |text: &'static str| config.rule_id(text.as_bytes());
        assert_eq!(id("no [ABC] by ACL-17"), Some(&b"17"[..]));
        assert_eq!(id("no [ABC]"), Some(&b"ABC"[..]));
        assert_eq!(id("no"), None);
    }

    #[test]
    fn what_makes_no_sense_is_said_in_one_line() {
        for (text, expected) in [
            (
                "[[reason]]\nclass = 'x'\n",
                "needs either `words` or `pattern`",
            ),
            (
                "[[reason]]\nclass = 'x'\nwords = 'a'\npattern = 'b'",
                "needs either `words` or `pattern`",
            ),
            (
                "[[reason]]\nclass = 'a b'\nwords = 'x'",
                "is not made of a-z",
            ),
            ("[[reason]]\nclass = ''\nwords = 'x'", "is not made of a-z"),
            ("[[rule-id]]\npattern = 'ACL-\\d+'", "has no group"),
            ("[[rule-id]]\npattern = '('", "is no regular expression"),
            ("[[reasons]]\nclass = 'x'", "unknown field `reasons`"),
            ("reason = 1", "line 1"),
        ] {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}
