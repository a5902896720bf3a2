//! Rules: what is counted for which key, and how much of it is too much; read from TOML.
//!
//! A site's own file adds rules, or changes the built-in one of the same name: keys that it does not
//! give stay as they are.

use mailtally_parsers::Kind;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::export;
use crate::filter::{Condition, Filter};

/// The built-in rules.
const BUILTIN: [(&str, &str); 3] = [
    ("logins.toml", include_str!("rules/logins.toml")),
    ("smtp.toml", include_str!("rules/smtp.toml")),
    ("system.toml", include_str!("rules/system.toml")),
];

/// What is wrong with a rule.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// It is no TOML.
    #[error("{}", .0.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(": "))]
    Toml(#[from] toml::de::Error),
    /// There is something beside rules.
    #[error("unknown key `{0}`: a file has only [[rule]] tables")]
    Key(String),
    /// A rule without a name, and with which number it is.
    #[error("rule {0} has no name")]
    Name(usize),
    /// Something in a rule.
    #[error("rule {rule:?}: {cause}")]
    Rule {
        /// The rule.
        rule: String,
        /// What is wrong, and what to write instead.
        cause: String,
    },
}

/// Whom an alert concerns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertClass {
    /// A human must act.
    Page,
    /// A machine may, and a human reads it some day.
    Background,
}

impl AlertClass {
    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            AlertClass::Page => "page",
            AlertClass::Background => "background",
        }
    }
}

/// How bad something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something is wrong.
    Warning,
    /// Something is broken or broken into.
    Critical,
}

impl Severity {
    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    name: String,
    about: String,
    next: String,
    class: AlertClass,
    severity: Severity,
    key: Vec<String>,
    within: String,
    #[serde(default = "one")]
    count: u64,
    distinct: Option<String>,
    #[serde(default = "one")]
    distinct_count: u64,
    #[serde(default = "no_time")]
    hold: String,
    #[serde(default = "no_time")]
    cool_down: String,
    #[serde(default = "yes")]
    enabled: bool,
    on: Vec<SelectorEntry>,
    #[serde(default)]
    trigger: Vec<SelectorEntry>,
}

fn one() -> u64 {
    1
}

fn no_time() -> String {
    "0s".to_owned()
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SelectorEntry {
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    problems: Vec<String>,
    #[serde(default, rename = "where")]
    conditions: Vec<String>,
    weight: Option<String>,
}

/// A rule that was read.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    pub(super) about: String,
    pub(super) next: String,
    /// Whom its alerts concern.
    pub class: AlertClass,
    /// How bad what it finds is.
    pub severity: Severity,
    pub(super) key: Vec<String>,
    pub(super) within_us: i64,
    pub(super) count: u64,
    pub(super) distinct: Option<String>,
    pub(super) distinct_count: u64,
    pub(super) hold_us: i64,
    pub(super) cool_down_us: i64,
    pub(super) on: Vec<Selector>,
    /// If there are any, only their events raise the alert, and they are not counted.
    pub(super) trigger: Vec<Selector>,
}

impl Rule {
    /// Says in a few words what it takes: `6 within 60s, by address`.
    pub fn summary(&self) -> String {
        let within_secs = self.within_us / 1_000_000;
        let key = self.key.join(", ");
        match &self.distinct {
            Some(field) => format!(
                "{} different of {field} in {within_secs} s, by {key}",
                self.distinct_count
            ),
            None => format!("{} in {within_secs} s, by {key}", self.count),
        }
    }
}

/// Which events are counted.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub(super) kinds: Vec<String>,
    pub(super) problems: Vec<String>,
    pub(super) filter: Filter,
    /// The field that says how many events it stands for; without it, it is one.
    pub(super) weight: Option<String>,
}

/// Returns the built-in rules.
///
/// # Errors
/// Never in a release: a test reads them.
pub fn builtin() -> Result<Vec<Rule>, RuleError> {
    read_rules(&[])
}

/// Reads the built-in rules and then a site's own files, which may change them.
///
/// # Errors
/// When a file is no TOML, has unknown keys, or a rule makes no sense.
pub fn read_rules(files: &[String]) -> Result<Vec<Rule>, RuleError> {
    let mut tables: Vec<Table> = Vec::new();
    let builtin = BUILTIN.iter().map(|(_, text)| *text);
    for text in builtin.chain(files.iter().map(String::as_str)) {
        add_tables(&mut tables, text)?;
    }
    let mut rules = Vec::new();
    for table in tables {
        rules.extend(rule(table)?);
    }
    Ok(rules)
}

/// Adds the rules of a file, or changes those that have their names.
fn add_tables(tables: &mut Vec<Table>, text: &str) -> Result<(), RuleError> {
    let file: Table = toml::from_str(text)?;
    for (key, value) in file {
        let (true, Value::Array(found)) = (key == "rule", value) else {
            return Err(RuleError::Key(key));
        };
        for (at, entry) in found.into_iter().enumerate() {
            let Value::Table(entry) = entry else {
                return Err(RuleError::Name(at + 1));
            };
            let Some(name) = name_of(&entry).map(str::to_owned) else {
                return Err(RuleError::Name(at + 1));
            };
            let known = tables
                .iter_mut()
                .find(|table| name_of(table) == Some(name.as_str()));
            match known {
                Some(known) => known.extend(entry),
                None => tables.push(entry),
            }
        }
    }
    Ok(())
}

fn name_of(table: &Table) -> Option<&str> {
    table.get("name").and_then(Value::as_str)
}

/// Reads a rule; `None` if it is switched off.
fn rule(table: Table) -> Result<Option<Rule>, RuleError> {
    let name = name_of(&table).unwrap_or_default().to_owned();
    let wrong = |cause: String| RuleError::Rule {
        rule: name.clone(),
        cause,
    };
    let entry: Entry = Value::Table(table)
        .try_into()
        .map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
    let within_us = span_us("within", &entry.within).map_err(wrong)?;
    if within_us == 0 || entry.count == 0 || entry.distinct_count == 0 {
        return Err(wrong("`within` and counts must be above 0".to_owned()));
    }
    if entry.key.is_empty() || entry.on.is_empty() {
        return Err(wrong("`key` and `on` must not be empty".to_owned()));
    }
    for field in entry.key.iter().chain(&entry.distinct) {
        check_field(field).map_err(wrong)?;
    }
    let selectors = |entries: Vec<SelectorEntry>| -> Result<Vec<Selector>, RuleError> {
        entries
            .into_iter()
            .map(|entry| selector(entry).map_err(wrong))
            .collect()
    };
    let rule = Rule {
        within_us,
        hold_us: span_us("hold", &entry.hold).map_err(wrong)?,
        cool_down_us: span_us("cool-down", &entry.cool_down).map_err(wrong)?,
        on: selectors(entry.on)?,
        trigger: selectors(entry.trigger)?,
        name: entry.name,
        about: entry.about,
        next: entry.next,
        class: entry.class,
        severity: entry.severity,
        key: entry.key,
        count: entry.count,
        distinct: entry.distinct,
        distinct_count: entry.distinct_count,
    };
    Ok(entry.enabled.then_some(rule))
}

fn selector(entry: SelectorEntry) -> Result<Selector, String> {
    if entry.kinds.is_empty() && entry.problems.is_empty() {
        return Err("`on` and `trigger` need `kinds` or `problems`".to_owned());
    }
    for kind in &entry.kinds {
        if Kind::from_name(kind).is_none() {
            return Err(unknown("kind", kind, &export::kinds().collect::<Vec<_>>()));
        }
    }
    const PROBLEMS: [&str; 6] = ["panic", "fatal", "error", "warning", "reject", "failure"];
    for problem in &entry.problems {
        if !PROBLEMS.contains(&problem.as_str()) {
            return Err(unknown("problem", problem, &PROBLEMS));
        }
    }
    let mut conditions = Vec::new();
    for text in &entry.conditions {
        let condition: Condition = text.parse().map_err(|error| format!("`where`: {error}"))?;
        check_name(condition.field())?;
        conditions.push(condition);
    }
    if let Some(weight) = &entry.weight {
        check_name(weight)?;
    }
    Ok(Selector {
        kinds: entry.kinds,
        problems: entry.problems,
        filter: Filter::new(conditions).map_err(|error| error.to_string())?,
        weight: entry.weight,
    })
}

/// Names that stand for one of several fields, or are made of one.
pub(super) const MADE_FIELDS: [&str; 4] = ["address", "network", "user", "all"];

fn check_field(field: &str) -> Result<(), String> {
    if MADE_FIELDS.contains(&field) {
        return Ok(());
    }
    check_name(field)
}

fn check_name(field: &str) -> Result<(), String> {
    let names = export::names();
    if names.contains(&field) {
        return Ok(());
    }
    let made = MADE_FIELDS.iter().copied();
    Err(unknown(
        "field",
        field,
        &names.into_iter().chain(made).collect::<Vec<_>>(),
    ))
}

/// Says that there is no such name, and which is the nearest.
fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .min_by_key(|known| (distance(name, known), **known));
    match nearest {
        Some(nearest) => format!("there is no {what} `{name}`; the nearest is `{nearest}`"),
        None => format!("there is no {what} `{name}`"),
    }
}

/// How many letters have to be changed, added or left out.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, left) in a.bytes().enumerate() {
        let mut diagonal = at;
        let mut before = at + 1;
        let mut next = vec![before];
        for (right, above) in b.bytes().zip(row.iter().skip(1)) {
            let cost = diagonal + usize::from(left != right);
            diagonal = *above;
            before = cost.min(before + 1).min(above + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// Reads `90s`, `10m`, `3h`, `1d`.
fn span_us(key: &str, text: &str) -> Result<i64, String> {
    let wrong = || format!("`{key}` is a number and s, m, h or d, such as \"10m\", not {text:?}");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text
        .get(..text.len() - 1)
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)?;
    Ok(i64::from(number) * unit * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Vec<Rule>, String> {
        read_rules(&[text.to_owned()]).map_err(|error| error.to_string())
    }

    #[test]
    fn the_built_in_rules_can_be_read_and_have_names_of_their_own() {
        let rules = builtin().unwrap();
        let mut names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        assert!(names.len() >= 8);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rules.len());
    }

    #[test]
    fn a_site_changes_adds_and_switches_off() {
        let rules = with(
            "[[rule]]\nname = 'relay-probe'\ncount = 7\n\
             [[rule]]\nname = 'lost-lines'\nenabled = false\n\
             [[rule]]\nname = 'own'\nabout = 'a'\nnext = 'b'\nclass = 'page'\nseverity = 'info'\n\
             key = ['all']\nwithin = '5m'\non = [{ kinds = ['smtpd_connect'] }]\n",
        )
        .unwrap();
        let find = |name: &str| rules.iter().find(|rule| rule.name == name);
        let probe = find("relay-probe").unwrap();
        assert_eq!((probe.count, probe.within_us), (7, 600_000_000));
        assert!(find("lost-lines").is_none());
        assert_eq!(find("own").unwrap().count, 1);
    }

    #[test]
    fn what_makes_no_sense_is_said_in_one_line() {
        for (text, expected) in [
            (
                "[[rule]]\nname = 'relay-probe'\ncuont = 7",
                "unknown field `cuont`",
            ),
            (
                "[[rule]]\nname = 'relay-probe'\nwithin = '5 minutes'",
                "`within` is a number",
            ),
            ("[[rule]]\nname = 'relay-probe'\ncount = 0", "above 0"),
            (
                "[[rule]]\nname = 'relay-probe'\nkey = ['adress']",
                "nearest is `address`",
            ),
            (
                "[[rule]]\nname = 'relay-probe'\non = [{ kinds = ['smtpd_rejct'] }]",
                "nearest is `smtpd_reject`",
            ),
            (
                "[[rule]]\nname = 'relay-probe'\non = [{ where = ['pid=1'] }]",
                "`kinds` or",
            ),
            ("[[rule]]\nname = 'new'", "missing field"),
            ("[[rule]]\ncount = 7", "rule 1 has no name"),
            ("[rules]\nx = 1", "unknown key `rules`"),
            ("[[rule]\n", "line 1"),
        ] {
            let error = with(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}
