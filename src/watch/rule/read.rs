//! Reading rules from TOML.
//!
//! A site's own file adds rules, or changes the built-in one of the same name: keys that it does not
//! give stay as they are, and so do signs that it does not name.

use mailtally_parsers::Kind;
use serde::Deserialize;
use toml::{Table, Value};

use super::{AlertClass, Rule, RuleError, Selector, Severity, Sign, Test};
use crate::export;
use crate::filter::Condition;
use crate::watch::values::{MADE_FIELDS, Names, Source};

/// The built-in rules.
const BUILTIN: [&str; 6] = [
    include_str!("../rules/logins.toml"),
    include_str!("../rules/accounts.toml"),
    include_str!("../rules/smtp.toml"),
    include_str!("../rules/outbound.toml"),
    include_str!("../rules/system.toml"),
    include_str!("../rules/baselines.toml"),
];

/// The keys of a rule, those of its only sign after them.
const RULE_KEYS: [&str; 15] = [
    "name",
    "about",
    "next",
    "class",
    "severity",
    "key",
    "within",
    "hold",
    "cool-down",
    "enabled",
    "need",
    "trigger",
    "usual",
    "usual-within",
    "most-keys",
];

/// The keys of a sign; a rule with one sign has them itself.
const SIGN_KEYS: [&str; 14] = [
    "on",
    "count",
    "distinct",
    "distinct-count",
    "novel",
    "novel-count",
    "memory",
    "novel-after",
    "median-pause",
    "share",
    "spike",
    "habit",
    "silence",
    "group",
];

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    name: String,
    about: String,
    next: String,
    class: AlertClass,
    severity: Severity,
    key: Vec<String>,
    within: String,
    #[serde(default = "no_time")]
    hold: String,
    #[serde(default = "no_time")]
    cool_down: String,
    #[serde(default = "yes")]
    enabled: bool,
    need: Option<usize>,
    #[serde(default)]
    trigger: Vec<SelectorEntry>,
    #[serde(default)]
    usual: Vec<SelectorEntry>,
    #[serde(default = "a_month")]
    usual_within: String,
    #[serde(default = "most_keys")]
    most_keys: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SignEntry {
    #[serde(default)]
    name: String,
    group: Option<String>,
    on: Vec<SelectorEntry>,
    #[serde(default = "one")]
    count: u64,
    distinct: Option<String>,
    #[serde(default = "one")]
    distinct_count: u64,
    novel: Option<String>,
    #[serde(default = "one")]
    novel_count: u64,
    #[serde(default = "two_weeks")]
    memory: String,
    #[serde(default = "three_days")]
    novel_after: String,
    median_pause: Option<String>,
    share: Option<ShareEntry>,
    spike: Option<SpikeEntry>,
    habit: Option<HabitEntry>,
    silence: Option<SilenceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ShareEntry {
    of: Vec<SelectorEntry>,
    percent: u64,
    #[serde(default = "one")]
    of_count: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SpikeEntry {
    times: u64,
    spreads: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct HabitEntry {
    times: u64,
    percentile: u64,
    hours: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SilenceEntry {
    times: u32,
    at_least: String,
    at_most: String,
    #[serde(default)]
    meanwhile: Vec<SelectorEntry>,
    #[serde(default = "one")]
    meanwhile_count: u64,
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

fn one() -> u64 {
    1
}

fn no_time() -> String {
    "0s".to_owned()
}

fn three_days() -> String {
    "3d".to_owned()
}

fn two_weeks() -> String {
    "14d".to_owned()
}

fn a_month() -> String {
    "30d".to_owned()
}

fn most_keys() -> usize {
    100_000
}

fn yes() -> bool {
    true
}

/// Rules, and the fields that they ask for.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The rules.
    pub list: Vec<Rule>,
    pub(in crate::watch) names: Names,
}

/// Returns the built-in rules.
///
/// # Errors
/// Never in a release: a test reads them.
pub fn builtin() -> Result<Rules, RuleError> {
    read_rules(&[])
}

/// Reads the built-in rules and then a site's own files, which may change them.
///
/// # Errors
/// When a file is no TOML, has unknown keys, or a rule makes no sense.
pub fn read_rules(files: &[String]) -> Result<Rules, RuleError> {
    let mut tables: Vec<Table> = Vec::new();
    let builtin = BUILTIN.iter().copied();
    for text in builtin.chain(files.iter().map(String::as_str)) {
        add_tables(&mut tables, text)?;
    }
    let mut rules = Rules::default();
    for table in tables {
        let name = name_of(&table).unwrap_or_default().to_owned();
        let rule = rule(table, &mut rules.names);
        let rule = rule.map_err(|cause| RuleError::Rule { rule: name, cause })?;
        rules.list.extend(rule);
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
            if name_of(&entry).is_none() {
                return Err(RuleError::Name(at + 1));
            }
            add_by_name(tables, entry);
        }
    }
    Ok(())
}

/// Adds a table, or changes the one of its name; signs in it are added likewise.
fn add_by_name(tables: &mut Vec<Table>, entry: Table) {
    let name = name_of(&entry);
    let known = tables.iter_mut().find(|table| name_of(table) == name);
    let Some(known) = known else {
        tables.push(entry);
        return;
    };
    for (key, value) in entry {
        match (known.get_mut(&key), value) {
            (Some(Value::Array(signs)), Value::Array(changes)) if key == "sign" => {
                let mut tables: Vec<Table> = signs.drain(..).filter_map(table_of).collect();
                for change in changes.into_iter().filter_map(table_of) {
                    add_by_name(&mut tables, change);
                }
                signs.extend(tables.into_iter().map(Value::Table));
            }
            (_, value) => {
                known.insert(key, value);
            }
        }
    }
}

fn table_of(value: Value) -> Option<Table> {
    match value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

fn name_of(table: &Table) -> Option<&str> {
    table.get("name").and_then(Value::as_str)
}

/// Refuses keys that there are not.
fn check_keys(table: &Table, known: &[&str]) -> Result<(), String> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(unknown("key", key, known)),
        None => Ok(()),
    }
}

/// Reads a rule; `None` if it is switched off.
fn rule(mut table: Table, names: &mut Names) -> Result<Option<Rule>, String> {
    let signs = signs(&mut table, names)?;
    let known: Vec<&str> = RULE_KEYS
        .into_iter()
        .chain(SIGN_KEYS)
        .chain(["sign"])
        .collect();
    check_keys(&table, &known)?;
    let entry: Entry = read(table)?;
    let within_us = span_us("within", &entry.within)?;
    if within_us == 0 || entry.key.is_empty() {
        return Err("`within` must be above 0, and `key` not be empty".to_owned());
    }
    let mut groups: Vec<&str> = signs.iter().map(|sign| sign.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let need = entry.need.unwrap_or(groups.len());
    if need == 0 || need > groups.len() {
        return Err(format!("`need` is between 1 and {}", groups.len()));
    }
    let mut key = Vec::new();
    for field in entry.key {
        let source = source(&field, names)?;
        key.push((field, source));
    }
    let rule = Rule {
        key,
        within_us,
        need,
        hold_us: span_us("hold", &entry.hold)?,
        cool_down_us: span_us("cool-down", &entry.cool_down)?,
        usual_within_us: span_us("usual-within", &entry.usual_within)?,
        signs,
        trigger: selectors(entry.trigger, names)?,
        usual: selectors(entry.usual, names)?,
        name: entry.name,
        about: entry.about,
        next: entry.next,
        class: entry.class,
        severity: entry.severity,
        most_keys: entry.most_keys.max(10),
    };
    Ok(entry.enabled.then_some(rule))
}

/// Takes the signs out of a rule: its tables of that name, or what stands in itself.
fn signs(table: &mut Table, names: &mut Names) -> Result<Vec<Sign>, String> {
    let mut own = Table::new();
    for key in SIGN_KEYS {
        if let Some(value) = table.remove(key) {
            own.insert(key.to_owned(), value);
        }
    }
    let known: Vec<&str> = SIGN_KEYS.iter().copied().chain(["name"]).collect();
    match table.remove("sign") {
        None => Ok(vec![sign(own, &known, names)?]),
        Some(Value::Array(signs)) if own.is_empty() && !signs.is_empty() => signs
            .into_iter()
            .filter_map(table_of)
            .map(|table| sign(table, &known, names))
            .collect(),
        Some(_) => Err(
            "what is counted stands in the rule or in its [[rule.sign]], not in both".to_owned(),
        ),
    }
}

fn sign(table: Table, known: &[&str], names: &mut Names) -> Result<Sign, String> {
    check_keys(&table, known)?;
    let entry: SignEntry = read(table)?;
    if entry.on.is_empty()
        || entry.count == 0
        || entry.distinct_count == 0
        || entry.novel_count == 0
    {
        return Err("`on` must not be empty, and counts must be above 0".to_owned());
    }
    let on = selectors(entry.on, names)?;
    let mut tests = Vec::new();
    if let Some(field) = entry.distinct {
        let (source, count) = (source(&field, names)?, entry.distinct_count);
        tests.push(Test::Distinct {
            field,
            source,
            count,
        });
    }
    if let Some(field) = entry.novel {
        tests.push(Test::Novel {
            source: source(&field, names)?,
            field,
            count: entry.novel_count,
            memory_us: span_us("memory", &entry.memory)?,
            after_us: span_us("novel-after", &entry.novel_after)?,
        });
    }
    if let Some(pause) = entry.median_pause {
        let at_least_us = span_us("median-pause", &pause)?;
        tests.push(Test::Pauses { at_least_us });
    }
    if let Some(share) = entry.share {
        tests.push(Test::Share {
            of: selectors(share.of, names)?,
            percent: share.percent,
            of_count: share.of_count,
        });
    }
    if let Some(SpikeEntry { times, spreads }) = entry.spike {
        tests.push(Test::Spike { times, spreads });
    }
    if let Some(habit) = entry.habit {
        tests.push(self::habit(habit)?);
    }
    if let Some(silence) = entry.silence {
        tests.push(Test::Silence {
            times: i64::from(silence.times.max(1)),
            at_least_us: span_us("at-least", &silence.at_least)?.max(1_000_000),
            at_most_us: span_us("at-most", &silence.at_most)?,
            meanwhile: selectors(silence.meanwhile, names)?,
            meanwhile_count: silence.meanwhile_count,
        });
    }
    let test = tests.pop().unwrap_or(Test::Count);
    if !tests.is_empty() {
        return Err(
            "a sign has one of `distinct`, `novel`, `median-pause`, `share`, `spike`, `habit`, \
                    `silence`; write two [[rule.sign]]"
                .to_owned(),
        );
    }
    Ok(Sign {
        group: entry.group.unwrap_or_else(|| entry.name.clone()),
        name: entry.name,
        on,
        count: entry.count,
        test,
    })
}

fn habit(entry: HabitEntry) -> Result<Test, String> {
    if !(1..=100).contains(&entry.percentile) || entry.times == 0 || entry.hours == 0 {
        return Err(
            "`habit` has a `percentile` between 1 and 100, and `times` and `hours` above 0"
                .to_owned(),
        );
    }
    Ok(Test::Habit {
        times: entry.times,
        percentile: entry.percentile,
        hours: entry.hours,
    })
}

fn read<'de, T: Deserialize<'de>>(table: Table) -> Result<T, String> {
    let read = Value::Table(table).try_into();
    read.map_err(|error: toml::de::Error| error.message().to_owned())
}

fn selectors(entries: Vec<SelectorEntry>, names: &mut Names) -> Result<Vec<Selector>, String> {
    let read = entries.into_iter().map(|entry| selector(entry, names));
    read.collect()
}

fn selector(entry: SelectorEntry, names: &mut Names) -> Result<Selector, String> {
    if entry.kinds.is_empty() && entry.problems.is_empty() {
        return Err("a selector needs `kinds` or `problems`".to_owned());
    }
    let kinds: Vec<&str> = export::kinds().chain(["*"]).collect();
    for kind in &entry.kinds {
        if Kind::from_name(kind).is_none() && !kinds.contains(&kind.as_str()) {
            return Err(unknown("kind", kind, &kinds));
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
        conditions.push((names.slot(condition.field()), condition));
    }
    if let Some(weight) = &entry.weight {
        check_name(weight)?;
    }
    Ok(Selector {
        kinds: entry.kinds,
        problems: entry.problems,
        conditions,
        weight: entry.weight.map(|name| names.slot(&name)),
    })
}

/// What a rule calls a field.
fn source(field: &str, names: &mut Names) -> Result<Source, String> {
    Ok(match field {
        "all" => Source::All,
        "address" => Source::Address,
        "network" => Source::Network,
        "wide_network" => Source::WideNetwork,
        "user" => Source::User,
        "peer" => Source::Peer,
        "relay_domain" => Source::RelayDomain,
        "recipient_domain" => Source::RecipientDomain,
        name => {
            check_name(name)?;
            Source::Field(names.slot(name))
        }
    })
}

/// Refuses a field that no line has and that is not known of mails.
fn check_name(field: &str) -> Result<(), String> {
    let names = export::names();
    let is_of_mail =
        field.starts_with("mail_") && MADE_FIELDS.iter().any(|(made, _)| *made == field);
    if is_of_mail || names.contains(&field) {
        return Ok(());
    }
    let made = MADE_FIELDS.iter().map(|(made, _)| *made);
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
