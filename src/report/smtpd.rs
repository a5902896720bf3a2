//! How long clients stayed with smtpd (pflogsumm's connection statistics), and what broke off.

use std::collections::BTreeMap;

use super::clock::stamp;
use super::number::{duration, len};
use super::tls::handshake_reason;
use super::{Block, Cell, Column, Options, Pairs, Rest, Section, Table};
use crate::tally::totals::{
    BrokenHandshakeRow, BrokenSessionRow, DetailTotals, StayHourRow, StayRow, StayTotals,
};

/// Rows of each list in text.
const ROWS: usize = 10;

/// Microseconds in an hour.
const HOUR_US: i64 = 3_600_000_000;

/// Stays added up.
#[derive(Clone, Copy, Default)]
struct Sums {
    connections: u64,
    total_us: u64,
    longest_us: u64,
}

impl Sums {
    fn add(&mut self, row: &StayHourRow) {
        self.connections += row.connections;
        self.total_us = self.total_us.saturating_add(row.total_us);
        self.longest_us = self.longest_us.max(row.longest_us);
    }

    fn average_us(&self) -> u64 {
        self.total_us.checked_div(self.connections).unwrap_or(0)
    }
}

/// Shows connections over all, by day and hour of the day, and by client; then what broke off.
pub(crate) fn smtpd(details: &DetailTotals, options: Options) -> Option<Section> {
    let DetailTotals { stays, broken, .. } = details;
    let mut all = Sums::default();
    stays.per_hour.iter().for_each(|row| all.add(row));
    let mut blocks = Vec::new();
    if all.connections > 0 {
        blocks.push(Block::Pairs(vec![overview(stays, all)]));
        blocks.extend(per_day(&stays.per_hour));
        blocks.push(per_hour(&stays.per_hour));
        blocks.push(by_client(&stays.by_client, options));
    }
    blocks.extend(by_stage(&broken.sessions, options));
    blocks.extend(by_breaker(&broken.sessions, options));
    blocks.extend(handshakes(&broken.handshakes, options));
    if blocks.is_empty() {
        return None;
    }
    Some(Section {
        id: "smtpd",
        title: "Connections to smtpd".into(),
        blocks,
    })
}

fn overview(stays: &StayTotals, all: Sums) -> Pairs {
    let mut pairs = Pairs::default();
    pairs.count(all.connections, "connections with both ends in the log");
    pairs.count(len(stays.by_client.len()), "hosts and domains");
    let mut time = |us: u64, label: &str| {
        pairs.rows.push((Cell::text(duration(us)), label.into()));
    };
    time(all.average_us(), "on average");
    time(all.longest_us, "the longest");
    time(all.total_us, "in sum");
    if let Some(busiest) = stays.per_hour.iter().max_by_key(|row| row.connections) {
        let from = stamp(busiest.hour.saturating_mul(HOUR_US));
        let from = from.strip_suffix(":00").unwrap_or(&from);
        let label = format!("in the busiest hour, from {from} on");
        pairs.count(busiest.connections, label);
    }
    pairs
}

fn columns(first: Column) -> Vec<Column> {
    vec![
        first,
        Column::number("connections"),
        Column::number("average"),
        Column::number("longest"),
        Column::number("in sum"),
    ]
}

fn cells(name: Cell, sums: Sums) -> Vec<Cell> {
    vec![
        name,
        Cell::Count(sums.connections),
        Cell::text(duration(sums.average_us())),
        Cell::text(duration(sums.longest_us)),
        Cell::text(duration(sums.total_us)),
    ]
}

/// Days, where there is more than one.
fn per_day(rows: &[StayHourRow]) -> Option<Block> {
    let mut days: BTreeMap<i64, Sums> = BTreeMap::new();
    for row in rows {
        days.entry(row.hour.div_euclid(24)).or_default().add(row);
    }
    if days.len() < 2 {
        return None;
    }
    let mut table = Table::titled("Per day", columns(Column::whole("day")));
    for (day, sums) in days {
        let day = stamp(day.saturating_mul(24 * HOUR_US));
        let date = day.split(' ').next().unwrap_or_default();
        table.rows.push(cells(Cell::text(date), sums));
    }
    Some(Block::Table(table))
}

fn per_hour(rows: &[StayHourRow]) -> Block {
    let mut hours: BTreeMap<i64, Sums> = BTreeMap::new();
    for row in rows {
        hours.entry(row.hour.rem_euclid(24)).or_default().add(row);
    }
    let mut table = Table::titled("Per hour of the day", columns(Column::whole("hour")));
    for (hour, sums) in hours {
        let name = Cell::text(format!("{hour:02}:00"));
        table.rows.push(cells(name, sums));
    }
    Block::Table(table)
}

fn by_client(rows: &[StayRow], options: Options) -> Block {
    let mut table = Table::titled("By client", columns(Column::text("host or domain")));
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        let sums = Sums {
            connections: row.connections,
            total_us: row.total_us,
            longest_us: row.longest_us,
        };
        table.rows.push(cells(Cell::text(&row.client), sums));
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.connections));
    Block::Table(table)
}

/// Adds sessions that broke off up by a key, the most first.
fn added_up<'a, K: Ord>(
    rows: &'a [BrokenSessionRow],
    key: impl Fn(&'a BrokenSessionRow) -> K,
) -> Vec<(K, u64)> {
    let mut sums: BTreeMap<K, u64> = BTreeMap::new();
    for row in rows {
        *sums.entry(key(row)).or_default() += row.sessions;
    }
    let mut sums: Vec<(K, u64)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sessions)| std::cmp::Reverse(*sessions));
    sums
}

fn by_stage(rows: &[BrokenSessionRow], options: Options) -> Option<Block> {
    let columns = [
        Column::number("sessions"),
        Column::text("how"),
        Column::text("after"),
    ];
    let sums = added_up(rows, |row| (row.how, row.stage.as_str()));
    let cells = |(how, stage): &(&'static str, &str)| vec![Cell::text(*how), Cell::text(*stage)];
    broken(
        "Sessions that broke off",
        columns.into(),
        &sums,
        cells,
        options,
    )
}

fn by_breaker(rows: &[BrokenSessionRow], options: Options) -> Option<Block> {
    let columns = [Column::number("sessions"), Column::text("client")];
    let sums = added_up(rows, |row| row.client.as_str());
    let title = "Clients whose sessions broke off";
    broken(
        title,
        columns.into(),
        &sums,
        |client| vec![Cell::text(*client)],
        options,
    )
}

fn handshakes(rows: &[BrokenHandshakeRow], options: Options) -> Option<Block> {
    let columns = [
        Column::number("handshakes"),
        Column::text("direction"),
        Column::text("with"),
        Column::text("reason"),
    ];
    let rows: Vec<_> = rows.iter().map(|row| (row, row.handshakes)).collect();
    let cells = |row: &&BrokenHandshakeRow| {
        vec![
            Cell::text(row.direction),
            Cell::text(&row.peer),
            Cell::text(handshake_reason(&row.reason)),
        ]
    };
    broken(
        "TLS handshakes that failed",
        columns.into(),
        &rows,
        cells,
        options,
    )
}

/// Makes a table of counts in front of what was counted; none for no rows.
fn broken<K>(
    title: &str,
    columns: Vec<Column>,
    rows: &[(K, u64)],
    cells: impl Fn(&K) -> Vec<Cell>,
    options: Options,
) -> Option<Block> {
    let mut table = Table::titled(title, columns);
    let shown = options.rows(ROWS);
    for (key, count) in rows.iter().take(shown) {
        let mut row = vec![Cell::Count(*count)];
        row.extend(cells(key));
        table.rows.push(row);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|(_, count)| *count));
    (!rows.is_empty()).then_some(Block::Table(table))
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;
    use crate::tally::totals::BrokenTotals;

    fn hour(hour: i64, connections: u64, total_us: u64) -> StayHourRow {
        StayHourRow {
            hour,
            connections,
            total_us,
            longest_us: total_us / 2,
        }
    }

    #[test]
    fn shows_days_hours_and_clients() {
        let stays = StayTotals {
            per_hour: vec![hour(498_672, 2, 8_000_000), hour(498_696, 6, 12_000_000)],
            by_client: vec![StayRow {
                client: "example.net".into(),
                connections: 8,
                total_us: 20_000_000,
                longest_us: 6_000_000,
            }],
        };
        let session = |how, stage: &str, client: &str, sessions| BrokenSessionRow {
            how,
            stage: stage.into(),
            client: client.into(),
            sessions,
        };
        let broken = BrokenTotals {
            sessions: vec![
                session("lost connection", "AUTH", "192.0.2.9", 4),
                session("timeout", "END-OF-MESSAGE", "192.0.2.7", 2),
                session("lost connection", "AUTH", "192.0.2.7", 1),
            ],
            handshakes: vec![BrokenHandshakeRow {
                direction: "inbound",
                peer: "unknown[192.0.2.9]".into(),
                reason: "-1".into(),
                handshakes: 3,
            }],
        };
        let details = DetailTotals {
            stays,
            broken,
            ..DetailTotals::default()
        };
        let expected = "\
Connections to smtpd
8 connections with both ends in the log
1 hosts and domains
2.5 s on average
6.0 s the longest
20.0 s in sum
6 in the busiest hour, from 2026-11-22 00:00 on
[Per day]
day | connections | average | longest | in sum
2026-11-21 | 2 | 4.0 s | 4.0 s | 8.0 s
2026-11-22 | 6 | 2.0 s | 6.0 s | 12.0 s
[Per hour of the day]
hour | connections | average | longest | in sum
00:00 | 8 | 2.5 s | 6.0 s | 20.0 s
[By client]
host or domain | connections | average | longest | in sum
example.net | 8 | 2.5 s | 6.0 s | 20.0 s
[Sessions that broke off]
sessions | how | after
5 | lost connection | AUTH
2 | timeout | END-OF-MESSAGE
[Clients whose sessions broke off]
sessions | client
4 | 192.0.2.9
3 | 192.0.2.7
[TLS handshakes that failed]
handshakes | direction | with | reason
3 | inbound | unknown[192.0.2.9] | TLS failed (-1): see warnings of tls_library_problem
";
        let section = smtpd(&details, Options::default()).unwrap();
        assert_eq!(plain(&section), expected);
    }

    #[test]
    fn no_connection_is_no_section() {
        assert!(smtpd(&DetailTotals::default(), Options::default()).is_none());
    }
}
