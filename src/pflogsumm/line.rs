//! A line that pflogsumm takes: the tag's command, and the first word behind the tag.

use regex::bytes::Regex;

use super::find::{one_of, splits, until};
use super::stamp::is_space;

/// A line, its stamp and host taken off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// All from the tag on.
    pub(super) text: &'a [u8],
    /// `smtpd`, but `relay/smtpd` for a service of its own: only `smtps/` and `submission/` go.
    pub(super) command: &'a [u8],
    /// The first word behind the tag, whatever it is: a queue id, `warning`, `connect`.
    pub(super) queue_id: &'a [u8],
}

impl<'a> Line<'a> {
    /// Goes through what stands behind each `[pid]: `; there is rarely more than one.
    pub(super) fn messages(&self) -> impl Iterator<Item = &'a [u8]> {
        splits(self.text, b"]: ").filter_map(|(before, text)| {
            let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit());
            let digits = digits.count();
            let tag = before.get(..before.len() - digits)?;
            (digits > 0 && tag.ends_with(b"[")).then_some(text)
        })
    }
}

/// The syslog name that was asked for is a regular expression with a mistake in it.
#[derive(Debug, thiserror::Error)]
#[error("--syslog-name is no regular expression")]
pub struct SyslogNameError(#[from] regex::Error);

/// Tells the lines of Postfix by their tags: `postfix`, and the syslog name of the user's own.
#[derive(Default)]
pub(super) struct Tags {
    own: Option<OwnName>,
}

enum OwnName {
    Literal(Vec<u8>),
    Pattern(Regex),
    /// A pattern with groups: pflogsumm then takes no line of a daemon.
    Grouped,
}

impl OwnName {
    fn pattern(name: &str) -> Result<Self, SyslogNameError> {
        let pattern = Regex::new(&format!(
            r"^(?s-u:(?:postfix|{name})(?:/(?:smtps|submission))?/([^\[:]*).*?: ([^:\s]+))"
        ))?;
        // The whole, the command and the word.
        Ok(match pattern.captures_len() {
            3 => OwnName::Pattern(pattern),
            _ => OwnName::Grouped,
        })
    }
}

const NAME: &[u8] = b"postfix";
const SERVICES: &[&[u8]] = &[b"smtps/", b"submission/"];

impl Tags {
    /// Makes the matcher for a syslog name, which may be a regular expression.
    ///
    /// # Errors
    /// When the name is a regular expression with a mistake in it.
    pub(super) fn new(syslog_name: Option<&str>) -> Result<Self, SyslogNameError> {
        let own = match syslog_name {
            None | Some("postfix") => None,
            Some(name) if regex::escape(name).replace("\\-", "-") == name => {
                Some(OwnName::Literal(name.into()))
            }
            Some(name) => Some(OwnName::pattern(name)?),
        };
        Ok(Tags { own })
    }

    /// Takes the tag apart; `None` when the line is not of Postfix.
    pub(super) fn line<'a>(&self, text: &'a [u8]) -> Option<Line<'a>> {
        match &self.own {
            None => of_name(text, NAME),
            Some(OwnName::Literal(own)) => of_name(text, NAME).or_else(|| of_own_name(text, own)),
            Some(OwnName::Pattern(pattern)) => match pattern.captures(text) {
                Some(found) => Some(Line {
                    text,
                    command: found.get(1)?.as_bytes(),
                    queue_id: found.get(2)?.as_bytes(),
                }),
                None => of_name(text, NAME),
            },
            Some(OwnName::Grouped) => bare(text, text.strip_prefix(NAME)?),
        }
    }
}

fn of_name<'a>(text: &'a [u8], name: &[u8]) -> Option<Line<'a>> {
    let rest = text.strip_prefix(name)?;
    match rest.strip_prefix(b"/") {
        Some(rest) => of_daemon(text, rest),
        None => bare(text, rest),
    }
}

/// Only daemons log under a name of one's own; the commands say `postfix`.
fn of_own_name<'a>(text: &'a [u8], name: &[u8]) -> Option<Line<'a>> {
    of_daemon(text, text.strip_prefix(name)?.strip_prefix(b"/")?)
}

fn of_daemon<'a>(text: &'a [u8], rest: &'a [u8]) -> Option<Line<'a>> {
    let rest = one_of(rest, SERVICES).map_or(rest, |(_, rest)| rest);
    let end = memchr::memchr2(b'[', b':', rest)?;
    let (command, rest) = rest.split_at_checked(end)?;
    Some(Line {
        text,
        command,
        queue_id: first_word(rest)?,
    })
}

/// `postfix[pid]: word` and `postfix-script[pid]: word`.
fn bare<'a>(text: &'a [u8], rest: &'a [u8]) -> Option<Line<'a>> {
    let rest = rest.strip_prefix(b"-script").unwrap_or(rest);
    let command = text.get(..text.len() - rest.len())?;
    let rest = match rest.strip_prefix(b"[") {
        Some(pid) => {
            let (digits, rest) = until(pid, |byte| !byte.is_ascii_digit());
            rest.strip_prefix(b"]").filter(|_| !digits.is_empty())?
        }
        None => rest,
    };
    let queue_id = word(rest.strip_prefix(b": ")?);
    (!queue_id.is_empty()).then_some(Line {
        text,
        command,
        queue_id,
    })
}

/// Finds the first `: ` with a word behind it, and returns the word.
fn first_word(rest: &[u8]) -> Option<&[u8]> {
    let words = splits(rest, b": ").map(|(_, rest)| word(rest));
    words.into_iter().find(|word| !word.is_empty())
}

fn word(text: &[u8]) -> &[u8] {
    until(text, |byte| byte == b':' || is_space(byte)).0
}
