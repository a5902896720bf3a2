//! The sections for people: what rules did, and what the maps have that did nothing.

use super::findings::{Findings, Fired, Listed, MapSummary, Place};
use super::hits::Sample;
use crate::report::number::{count, counted, len};
use crate::report::{Axis, Block, Cell, Column, Rest, Section, Table, iso, stamp};

/// Rows of the list of rules in text.
const ROWS: usize = 20;

/// Rules in text of which a line is shown.
const SAMPLED: usize = 5;

/// Entries of maps in text: an access table may have a hundred thousand that never fire.
const LISTED: usize = 100;

/// What is wrong with one map, in text.
const PROBLEMS: usize = 20;

const DAY_US: i64 = 86_400 * 1_000_000;

/// How the sections are laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    /// Rows of the list of rules.
    pub top: Option<usize>,
    /// All columns, for a spreadsheet.
    pub is_wide: bool,
}

/// Makes the sections; the first one is that of the rules.
pub fn sections(findings: &Findings, layout: Layout) -> Vec<Section> {
    let mut sections = vec![rules(findings, layout)];
    sections.extend(if_enforced(findings));
    if findings.maps.is_empty() {
        return sections;
    }
    sections.push(maps(findings));
    sections.extend(in_maps(findings, layout));
    sections.extend(never_fired(&findings.never_fired, layout));
    sections.extend(shadowed(&findings.shadowed, layout));
    sections.extend(same_ids(&findings.same_ids));
    sections.extend(in_no_map(findings));
    sections
}

fn rules(findings: &Findings, layout: Layout) -> Section {
    let fired = &findings.fired;
    if fired.is_empty() {
        return Section::line("rules", "Rules: none did anything");
    }
    let shown = layout.top.unwrap_or(ROWS);
    let mut blocks = vec![Block::Table(if layout.is_wide {
        wide_table(findings, shown)
    } else {
        narrow_table(findings, shown)
    })];
    if !layout.is_wide {
        blocks.push(Block::Table(over_time(fired, shown)));
        blocks.extend(samples(fired, layout.top.unwrap_or(SAMPLED)));
        if findings.maps.is_empty() {
            let hint = "With --map /etc/postfix/header_checks (may be repeated) this also names rules that \
                        never fired.";
            blocks.push(Block::Note(hint.into()));
        }
    }
    let hits = counted(findings.count(), "hit", "hits");
    let rules = counted(len(fired.len()), "rule", "rules");
    Section {
        id: "rules",
        title: format!("Rules ({rules}, {hits})"),
        blocks,
    }
}

fn narrow_table(findings: &Findings, shown: usize) -> Table {
    let fired = &findings.fired;
    let mut table = Table::new(vec![
        Column::number("hits"),
        Column::number("share"),
        Column::number("clients"),
        Column::number("senders"),
        Column::whole("action"),
        Column::whole("rule"),
        Column::text("class"),
    ]);
    let all = findings.count();
    let cells = |rule: &Fired| {
        let class = (rule.class != rule.rule).then(|| rule.class.clone());
        vec![
            Cell::Count(rule.count),
            Cell::Share {
                part: rule.count,
                whole: all,
            },
            Cell::Count(rule.clients),
            Cell::Count(rule.senders),
            Cell::text(rule.action),
            Cell::text(&rule.rule),
            class.map_or(Cell::Empty, Cell::text),
        ]
    };
    table.rows = fired.iter().take(shown).map(cells).collect();
    table.rest = Rest::of(fired.iter().skip(shown).map(|rule| rule.count));
    table
}

/// The time of day where all is of one day, else the day.
fn short(at_us: i64, is_one_day: bool) -> String {
    let stamp = stamp(at_us);
    match stamp.split_once(' ') {
        Some((_, time)) if is_one_day => time.to_owned(),
        Some((day, _)) => day.to_owned(),
        None => stamp,
    }
}

/// Everything, a column each.
fn wide_table(findings: &Findings, shown: usize) -> Table {
    let mut table = Table::new(vec![
        Column::number("hits"),
        Column::number("share"),
        Column::number("clients"),
        Column::number("senders"),
        Column::whole("first"),
        Column::whole("last"),
        Column::whole("action"),
        Column::whole("rule"),
        Column::whole("class"),
        Column::whole("place"),
        Column::whole("pattern"),
        Column::whole("sample"),
    ]);
    let all = findings.count();
    let cells = |rule: &Fired| {
        vec![
            Cell::Count(rule.count),
            Cell::Share {
                part: rule.count,
                whole: all,
            },
            Cell::Count(rule.clients),
            Cell::Count(rule.senders),
            Cell::text(iso(rule.first_us)),
            Cell::text(iso(rule.last_us)),
            Cell::text(rule.action),
            Cell::text(&rule.rule),
            Cell::text(&rule.class),
            Cell::text(places(&rule.places)),
            rule.pattern.as_ref().map_or(Cell::Empty, Cell::text),
            rule.samples
                .first()
                .map_or(Cell::Empty, |sample| Cell::text(message(sample))),
        ]
    };
    table.rows = findings.fired.iter().take(shown).map(cells).collect();
    table
}

fn over_time(fired: &[Fired], shown: usize) -> Table {
    let first = fired.iter().map(|rule| rule.first_us).min().unwrap_or(0);
    let last = fired.iter().map(|rule| rule.last_us).max().unwrap_or(0);
    let is_one_day = first.div_euclid(DAY_US) == last.div_euclid(DAY_US);
    let hours = fired
        .iter()
        .flat_map(|rule| rule.per_hour.iter().map(|(hour, _)| *hour));
    let axis = Axis::of(hours);
    let columns = vec![
        Column::number("hits"),
        Column::whole("over time"),
        Column::whole("first"),
        Column::whole("last"),
        Column::text("action"),
        Column::text("rule"),
    ];
    let mut table = Table::titled("Over time", columns);
    let cells = |rule: &Fired| {
        let line = axis.map(|axis| axis.line(&rule.per_hour));
        vec![
            Cell::Count(rule.count),
            line.map_or(Cell::Empty, Cell::text),
            Cell::text(short(rule.first_us, is_one_day)),
            Cell::text(short(rule.last_us, is_one_day)),
            Cell::text(rule.action),
            Cell::text(&rule.rule),
        ]
    };
    table.rows = fired.iter().take(shown).map(cells).collect();
    table.rest = Rest::of(fired.iter().skip(shown).map(|rule| rule.count));
    table.note = axis.map(|axis| axis.note());
    table.without_idle_columns()
}

/// The first line of each rule, whole: a table would cut it.
fn samples(fired: &[Fired], shown: usize) -> impl Iterator<Item = Block> {
    let fired = fired.iter().take(shown);
    fired.filter_map(|rule| {
        let line = message(rule.samples.first()?);
        Some(Block::Note(format!("Rule {}: {line}", rule.rule)))
    })
}

fn message(sample: &Sample) -> String {
    String::from_utf8_lossy(&sample.message).into_owned()
}

fn if_enforced(findings: &Findings) -> Option<Section> {
    let mut table = Table::new(vec![
        Column::number("rejects"),
        Column::number("senders"),
        Column::number("delivered"),
        Column::whole("action"),
        Column::text("rule"),
        Column::text("line"),
    ]);
    for rule in &findings.fired {
        let Some(delivered) = rule.senders_delivered else {
            continue;
        };
        table.rows.push(vec![
            Cell::Count(rule.count),
            Cell::Count(rule.senders),
            Cell::Count(delivered),
            Cell::text(rule.action),
            Cell::text(&rule.rule),
            Cell::text(places(&rule.places)),
        ]);
    }
    if table.rows.is_empty() {
        return None;
    }
    let rejects: u64 = findings
        .fired
        .iter()
        .filter(|rule| rule.senders_delivered.is_some())
        .fold(0, |sum, rule| sum.saturating_add(rule.count));
    table.note = Some(
        "Rules that only warn (warn_if_reject, WARN). delivered: senders among these of whom a mail was \
         delivered in this log."
            .into(),
    );
    Some(Section {
        id: "if_enforced",
        title: format!(
            "If enforced: {}",
            counted(rejects, "reject more", "rejects more")
        ),
        blocks: vec![Block::Table(table)],
    })
}

fn maps(findings: &Findings) -> Section {
    let mut table = Table::new(vec![
        Column::number("entries"),
        Column::number("fired"),
        Column::number("never"),
        Column::number("leave no line"),
        Column::whole("type"),
        Column::whole("map"),
    ]);
    let mut problems = Table::titled(
        "Not as Postfix wants it",
        vec![Column::whole("line"), Column::text("what is wrong")],
    );
    for map in &findings.maps {
        table.rows.push(vec![
            Cell::Count(map.entries),
            Cell::Count(map.fired),
            Cell::Count(map.never_fired),
            Cell::Count(map.silent),
            Cell::text(map.kind),
            Cell::text(&map.map),
        ]);
        for problem in map.problems.iter().take(PROBLEMS) {
            let place = Place {
                map: map.map.clone(),
                line: problem.line,
            };
            problems
                .rows
                .push(vec![Cell::text(places(&[place])), Cell::text(problem.what)]);
        }
    }
    if findings.maps.iter().any(|map| map.silent > 0) {
        table.note =
            Some("Of OK, DUNNO, IGNORE and the like no log says whether they fire.".into());
    }
    let more = |map: &MapSummary| len(map.problems.len().saturating_sub(PROBLEMS));
    let more: u64 = findings.maps.iter().map(more).sum();
    problems.note = (more > 0).then(|| format!("{} more: --format json lists them.", count(more)));
    let mut blocks = vec![Block::Table(table)];
    if !problems.rows.is_empty() {
        blocks.push(Block::Table(problems));
    }
    Section {
        id: "maps",
        title: "Maps".into(),
        blocks,
    }
}

/// Shows where the rules stand that did something.
fn in_maps(findings: &Findings, layout: Layout) -> Option<Section> {
    let mut table = Table::new(vec![
        Column::number("hits"),
        Column::whole("line"),
        Column::text("rule"),
        Column::whole("action"),
        Column::text("pattern"),
    ]);
    let placed = |rule: &&Fired| !rule.places.is_empty();
    let fired: Vec<&Fired> = findings.fired.iter().filter(placed).collect();
    let cells = |rule: &&Fired| {
        vec![
            Cell::Count(rule.count),
            Cell::text(places(&rule.places)),
            Cell::text(&rule.rule),
            Cell::text(rule.action),
            rule.pattern.as_ref().map_or(Cell::Empty, Cell::text),
        ]
    };
    let shown = layout.top.unwrap_or(ROWS);
    table.rows = fired.iter().take(shown).map(cells).collect();
    table.rest = Rest::of(fired.iter().skip(shown).map(|rule| rule.count));
    (!fired.is_empty()).then(|| Section {
        id: "fired",
        title: format!("Fired ({})", counted(len(fired.len()), "rule", "rules")),
        blocks: vec![Block::Table(table)],
    })
}

fn never_fired(entries: &[Listed], layout: Layout) -> Option<Section> {
    (!entries.is_empty()).then(|| Section {
        id: "never_fired",
        title: format!(
            "Never fired ({})",
            counted(len(entries.len()), "rule", "rules")
        ),
        blocks: listed(entries, layout),
    })
}

/// Lists entries, and says how many are left out.
fn listed(entries: &[Listed], layout: Layout) -> Vec<Block> {
    let shown = layout.top.unwrap_or(LISTED).max(LISTED);
    let mut table = listed_table();
    table.rows = entries.iter().take(shown).map(listed_cells).collect();
    if entries.iter().any(|entry| entry.shadowed_by.is_some()) {
        table.note = Some("behind: the line above it that takes all that it would.".into());
    }
    let mut blocks = vec![Block::Table(table.without_idle_columns())];
    let more = entries.len().saturating_sub(shown);
    if more > 0 {
        let more = count(len(more));
        blocks.push(Block::Note(format!(
            "{more} more: --top {} or --format json lists them.",
            entries.len()
        )));
    }
    blocks
}

fn listed_table() -> Table {
    Table::new(vec![
        Column::whole("line"),
        Column::text("id"),
        Column::number("behind"),
        Column::whole("action"),
        Column::text("pattern"),
    ])
}

fn listed_cells(entry: &Listed) -> Vec<Cell> {
    vec![
        Cell::text(places(std::slice::from_ref(&entry.place))),
        entry.id.as_ref().map_or(Cell::Empty, Cell::text),
        entry
            .shadowed_by
            .map_or(Cell::Empty, |line| Cell::text(line.to_string())),
        Cell::text(&entry.action),
        Cell::text(&entry.pattern),
    ]
}

fn shadowed(entries: &[Listed], layout: Layout) -> Option<Section> {
    (!entries.is_empty()).then(|| Section {
        id: "shadowed",
        title: format!(
            "Cannot fire ({})",
            counted(len(entries.len()), "rule", "rules")
        ),
        blocks: listed(entries, layout),
    })
}

fn same_ids(ids: &[(String, Vec<Place>)]) -> Option<Section> {
    let mut table = Table::new(vec![Column::text("id"), Column::text("lines")]);
    let cells =
        |(id, entries): &(String, Vec<Place>)| vec![Cell::text(id), Cell::text(places(entries))];
    table.rows = ids.iter().map(cells).collect();
    (!ids.is_empty()).then(|| Section {
        id: "ids_used_twice",
        title: format!("Ids used twice ({})", count(len(ids.len()))),
        blocks: vec![Block::Table(table)],
    })
}

fn in_no_map(findings: &Findings) -> Option<Section> {
    let mut table = Table::new(vec![
        Column::number("hits"),
        Column::whole("last"),
        Column::whole("action"),
        Column::text("rule"),
        Column::text("class"),
    ]);
    for rule in findings.fired.iter().filter(|rule| rule.is_missing) {
        table.rows.push(vec![
            Cell::Count(rule.count),
            Cell::text(stamp(rule.last_us)),
            Cell::text(rule.action),
            Cell::text(&rule.rule),
            Cell::text(&rule.class),
        ]);
    }
    let rules = counted(len(table.rows.len()), "rule", "rules");
    (!table.rows.is_empty()).then(|| Section {
        id: "in_no_map",
        title: format!("Hits of rules that are in no map here ({rules})"),
        blocks: vec![Block::Table(table)],
    })
}

/// `header_checks:24`; lines of one map are listed behind its name.
fn places(places: &[Place]) -> String {
    let mut text = String::new();
    let mut last: Option<&str> = None;
    for place in places {
        let name = place.map.rsplit('/').next().unwrap_or(&place.map);
        if last == Some(place.map.as_str()) {
            text += &format!(",{}", place.line);
        } else {
            let blank = if text.is_empty() { "" } else { " " };
            text += &format!("{blank}{name}:{}", place.line);
        }
        last = Some(&place.map);
    }
    text
}
