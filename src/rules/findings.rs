//! What the log says about the rules, and what the maps say about those that it does not show.

use std::collections::{BTreeMap, BTreeSet};

use super::hits::{Hit, HitKey, Hits, Sample};
use super::maps::{EntryNumber, Maps};
use super::table::{Entry, Scope, Table, TableProblem};

/// Where an entry stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    pub(super) map: String,
    pub(super) line: u32,
}

/// A rule that did something.
#[derive(Clone, Debug)]
pub(super) struct Fired {
    /// The site's own id, else the class.
    pub(super) rule: String,
    pub(super) class: String,
    pub(super) action: &'static str,
    /// Where it stands in the maps; more than one where nothing tells them apart.
    pub(super) places: Vec<Place>,
    /// What it looks for, if it stands in one place.
    pub(super) pattern: Option<String>,
    pub(super) count: u64,
    pub(super) first_us: i64,
    pub(super) last_us: i64,
    pub(super) clients: u64,
    pub(super) senders: u64,
    pub(super) per_hour: Vec<(i64, u64)>,
    pub(super) samples: Vec<Sample>,
    /// Of a warning: how many of the senders had mail delivered.
    pub(super) senders_delivered: Option<u64>,
    /// Whether it is a site's own rule that none of the maps has which are asked about such things.
    pub(super) is_missing: bool,
}

/// An entry of a map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listed {
    pub(super) place: Place,
    pub(super) id: Option<String>,
    pub(super) pattern: String,
    pub(super) action: String,
    pub(super) text: String,
    /// The line of an entry above that takes all that this one would.
    pub(super) shadowed_by: Option<u32>,
}

/// A map, and how many of its entries did something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct MapSummary {
    pub(super) map: String,
    pub(super) kind: &'static str,
    pub(super) entries: u64,
    pub(super) fired: u64,
    pub(super) never_fired: u64,
    /// `OK`, `DUNNO` and the like leave no line.
    pub(super) silent: u64,
    pub(super) problems: Vec<TableProblem>,
}

/// All that is known about rules and maps.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    pub(super) fired: Vec<Fired>,
    pub(super) maps: Vec<MapSummary>,
    pub(super) never_fired: Vec<Listed>,
    pub(super) shadowed: Vec<Listed>,
    pub(super) same_ids: Vec<(String, Vec<Place>)>,
}

impl Findings {
    /// Joins what was counted with the maps; `delivered` has the senders whose mail was delivered.
    pub fn new(hits: &Hits, maps: &Maps, delivered: &BTreeMap<String, u64>) -> Findings {
        let mut struck = BTreeSet::new();
        let mut fired = Vec::new();
        for (key, hit) in &hits.rules {
            let entries = hits.entries_of(key);
            fired.push(fired_rule(hits, key, hit, &entries, maps, delivered));
            struck.extend(entries);
        }
        fired.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key().cmp(&b.key())));
        let mut findings = Findings {
            fired,
            same_ids: same_ids(maps),
            ..Findings::default()
        };
        findings.look_through(maps, &struck);
        findings
    }

    /// Entries of all maps: that fired, never fired, leave no line, and all of them.
    pub fn entry_counts(&self) -> (u64, u64, u64, u64) {
        let sum = |count: fn(&MapSummary) -> u64| self.maps.iter().map(count).sum();
        (
            sum(|map| map.fired),
            sum(|map| map.never_fired),
            sum(|map| map.silent),
            sum(|map| map.entries),
        )
    }

    /// The sum of all hits.
    pub(super) fn count(&self) -> u64 {
        self.fired
            .iter()
            .fold(0, |sum, rule| sum.saturating_add(rule.count))
    }

    /// Names what never fired, and what cannot.
    fn look_through(&mut self, maps: &Maps, struck: &BTreeSet<EntryNumber>) {
        self.maps = maps.tables().iter().map(summary).collect();
        for (number, table, at, entry) in maps.entries() {
            let shadow = table.shadow_of(at).map(|entry| entry.line);
            let listed = || listed(table, entry, shadow);
            if shadow.is_some() {
                self.shadowed.push(listed());
            }
            let same = |map: &&mut MapSummary| map.map == table.name;
            let Some(map) = self.maps.iter_mut().find(same) else {
                continue;
            };
            if entry.answer.logged_as.is_empty() {
                map.silent += 1;
            } else if struck.contains(&number) {
                map.fired += 1;
            } else {
                map.never_fired += 1;
                self.never_fired.push(listed());
            }
        }
    }
}

impl Fired {
    fn key(&self) -> (&str, &str, &str, &[Place]) {
        (&self.rule, &self.class, self.action, &self.places)
    }

    /// Whether the rule only warns of what it would refuse: `warn_if_reject`, or `WARN` of a header or
    /// body check.
    fn is_warning(action: &str) -> bool {
        matches!(action, "reject_warning" | "warning")
    }
}

fn fired_rule(
    hits: &Hits,
    key: &HitKey,
    hit: &Hit,
    entries: &[EntryNumber],
    maps: &Maps,
    delivered: &BTreeMap<String, u64>,
) -> Fired {
    let symbols = &hits.symbols;
    let known: Vec<(&Table, &Entry)> = entries.iter().filter_map(|&at| maps.entry(at)).collect();
    let places = known.iter().map(|(table, entry)| place(table, entry));
    let pattern = match known[..] {
        [(_, entry)] => Some(text(&entry.left)),
        _ => None,
    };
    let (rule, class) = (symbols.text(key.rule), symbols.text(key.class));
    let count_delivered = || {
        let senders = hit.senders.iter().map(|&sender| symbols.text(sender));
        senders
            .filter(|sender| delivered.contains_key(sender))
            .count()
    };
    Fired {
        places: places.collect(),
        pattern,
        count: hit.count,
        first_us: hit.first_us,
        last_us: hit.last_us,
        clients: number(hit.clients.len()),
        senders: number(hit.senders.len()),
        per_hour: hit
            .per_hour
            .iter()
            .map(|(&hour, &count)| (hour, count))
            .collect(),
        samples: hit.samples.clone(),
        senders_delivered: Fired::is_warning(key.action).then(|| number(count_delivered())),
        is_missing: entries.is_empty() && is_of_maps(&class, rule != class, maps),
        rule,
        class,
        action: key.action,
    }
}

/// Tells whether a rule of this class should stand in one of the maps: it is the site's own, and some
/// map is asked about what it looked at.
fn is_of_maps(class: &str, has_id: bool, maps: &Maps) -> bool {
    let scope = match class {
        "header-check" | "mime-header-check" => Scope::Header,
        "body-check" => Scope::Body,
        "access-rule" => Scope::Access,
        // Without an id such a refusal may as well be a policy server's, or Postfix's own.
        "client-rejected" | "helo-rejected" | "sender-rejected" | "recipient-rejected"
        | "login-rejected" | "command-rejected" | "access-denied"
            if has_id =>
        {
            Scope::Access
        }
        _ => return false,
    };
    maps.tables()
        .iter()
        .any(|table| table.scope == scope || table.scope == Scope::Unknown)
}

/// Lists ids that several entries have.
fn same_ids(maps: &Maps) -> Vec<(String, Vec<Place>)> {
    let mut ids: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for (_, table, _, entry) in maps.entries() {
        if let Some(id) = &entry.answer.id {
            ids.entry(text(id)).or_default().push(place(table, entry));
        }
    }
    ids.retain(|_, places| places.len() > 1);
    ids.into_iter().collect()
}

fn summary(table: &Table) -> MapSummary {
    MapSummary {
        map: table.name.clone(),
        kind: table.kind.name(),
        entries: number(table.entries.len()),
        fired: 0,
        never_fired: 0,
        silent: 0,
        problems: table.problems.clone(),
    }
}

fn listed(table: &Table, entry: &Entry, shadowed_by: Option<u32>) -> Listed {
    Listed {
        place: place(table, entry),
        id: entry.answer.id.as_deref().map(text),
        pattern: text(&entry.left),
        action: text(&entry.answer.action),
        text: text(&entry.answer.words),
        shadowed_by,
    }
}

fn place(table: &Table, entry: &Entry) -> Place {
    Place {
        map: table.name.clone(),
        line: entry.line,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
