//! Weak TLS: which protocols and ciphers, and who would be cut off without them; plaintext.

use std::collections::{BTreeMap, BTreeSet};

use super::number::{counted, len};
use super::{Block, Cell, Column, Options, Rest, Table};
use crate::tally::totals::{DetailTotals, LevelRow, PlaintextRow, WeakRow};

/// Rows of each list in text.
const ROWS: usize = 10;

/// The blocks that follow the sessions in the section on TLS.
pub(crate) fn blocks(details: &DetailTotals, options: Options) -> Vec<Block> {
    [
        weak(&details.weak_tls, options),
        cut_off(&details.weak_tls, options),
        plaintext(&details.plaintext, options),
        levels(&details.tls_levels, options),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Sessions and peers of one weakness.
#[derive(Default)]
struct Counts<'a> {
    sessions: u64,
    peers: BTreeSet<&'a str>,
    /// Peers that have no other sessions.
    cut_off: BTreeSet<&'a str>,
}

fn weak(rows: &[WeakRow], options: Options) -> Option<Block> {
    let mut ways: BTreeMap<(&str, &str, &str), Counts<'_>> = BTreeMap::new();
    for row in rows {
        let counts = ways
            .entry((row.direction, &row.protocol, &row.cipher))
            .or_default();
        counts.sessions += row.sessions;
        counts.peers.insert(&row.peer);
        if row.strong_sessions == 0 {
            counts.cut_off.insert(&row.peer);
        }
    }
    let mut ways: Vec<_> = ways.into_iter().collect();
    ways.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.sessions));
    let mut table = Table::titled(
        "Weak protocols and ciphers",
        vec![
            Column::number("sessions"),
            Column::number("peers"),
            Column::number("cut off"),
            Column::text("direction"),
            Column::text("protocol"),
            Column::text("cipher"),
        ],
    );
    let shown = options.rows(ROWS);
    for ((direction, protocol, cipher), counts) in ways.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(counts.sessions),
            Cell::Count(len(counts.peers.len())),
            Cell::Count(len(counts.cut_off.len())),
            Cell::text(*direction),
            Cell::text(*protocol),
            Cell::text(*cipher),
        ]);
    }
    table.rest = Rest::of(ways.iter().skip(shown).map(|(_, counts)| counts.sessions));
    table.note = Some(
        "Weak: protocols before TLSv1.2, ciphers such as RC4 and 3DES. Cut off: peers that had no \
         other session."
            .into(),
    );
    (!rows.is_empty()).then_some(Block::Table(table))
}

fn cut_off(rows: &[WeakRow], options: Options) -> Option<Block> {
    let mut peers: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.strong_sessions == 0) {
        *peers.entry((row.direction, &row.peer)).or_insert(0) += row.sessions;
    }
    let peers = super::ranked(peers);
    let mut table = Table::titled(
        format!(
            "Without them, {} would be cut off",
            counted(len(peers.len()), "peer", "peers")
        ),
        vec![
            Column::number("sessions"),
            Column::text("direction"),
            Column::whole("client or destination"),
        ],
    );
    let shown = options.rows(ROWS);
    for ((direction, peer), sessions) in peers.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(*sessions),
            Cell::text(*direction),
            Cell::text(*peer),
        ]);
    }
    table.rest = Rest::after(shown, &peers);
    (!peers.is_empty()).then_some(Block::Table(table))
}

fn plaintext(rows: &[PlaintextRow], options: Options) -> Option<Block> {
    let mut table = Table::titled(
        "Delivered without encryption, as the log proves",
        vec![Column::number("deliveries"), Column::text("destination")],
    );
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        let domain = Cell::logged(row.domain.as_deref());
        table.rows.push(vec![Cell::Count(row.deliveries), domain]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.deliveries));
    (!rows.is_empty()).then_some(Block::Table(table))
}

/// Deliveries by TLS level, over all destinations.
fn levels(rows: &[LevelRow], options: Options) -> Option<Block> {
    let mut levels: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for row in rows {
        let (delivered, failed, domains) = levels.entry(&row.level).or_default();
        *delivered += row.delivered;
        *failed += row.failed;
        *domains += 1;
    }
    let mut levels: Vec<_> = levels.into_iter().collect();
    levels.sort_by_key(|(_, (delivered, _, _))| std::cmp::Reverse(*delivered));
    let mut table = Table::titled(
        "Deliveries by TLS level (tls=)",
        vec![
            Column::number("delivered"),
            Column::number("failed"),
            Column::number("destinations"),
            Column::text("level"),
        ],
    );
    let shown = options.rows(ROWS);
    for (level, (delivered, failed, domains)) in levels.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(*delivered),
            Cell::Count(*failed),
            Cell::Count(*domains),
            Cell::text(*level),
        ]);
    }
    table.rest = Rest::of(
        levels
            .iter()
            .skip(shown)
            .map(|(_, (delivered, _, _))| *delivered),
    );
    (!levels.is_empty()).then_some(Block::Table(table))
}

#[cfg(test)]
mod tests {
    use super::super::Section;
    use super::super::plain::plain;
    use super::*;

    fn row(peer: &str, protocol: &str, sessions: u64, strong_sessions: u64) -> WeakRow {
        WeakRow {
            direction: "inbound",
            peer: peer.into(),
            why: "protocol",
            protocol: protocol.into(),
            cipher: "AES128-SHA".into(),
            sessions,
            strong_sessions,
        }
    }

    #[test]
    fn names_who_would_be_cut_off() {
        let details = DetailTotals {
            weak_tls: vec![
                row("192.0.2.1", "TLSv1", 7, 0),
                row("192.0.2.2", "TLSv1", 3, 9),
                row("192.0.2.1", "TLSv1.1", 2, 0),
            ],
            plaintext: vec![PlaintextRow {
                domain: Some("example.org".into()),
                deliveries: 4,
            }],
            tls_levels: [("may", "a.example", 5, 0), ("may", "b.example", 1, 2)]
                .map(|(level, domain, delivered, failed)| LevelRow {
                    level: level.into(),
                    domain: domain.into(),
                    delivered,
                    failed,
                })
                .into(),
            ..DetailTotals::default()
        };
        let section = Section {
            id: "tls",
            title: "TLS".into(),
            blocks: blocks(&details, Options::default()),
        };
        let expected = "\
TLS
[Weak protocols and ciphers]
sessions | peers | cut off | direction | protocol | cipher
10 | 2 | 1 | inbound | TLSv1 | AES128-SHA
2 | 1 | 1 | inbound | TLSv1.1 | AES128-SHA
(Weak: protocols before TLSv1.2, ciphers such as RC4 and 3DES. Cut off: peers that had no other \
session.)
[Without them, 1 peer would be cut off]
sessions | direction | client or destination
9 | inbound | 192.0.2.1
[Delivered without encryption, as the log proves]
deliveries | destination
4 | example.org
[Deliveries by TLS level (tls=)]
delivered | failed | destinations | level
6 | 2 | 2 | may
";
        assert_eq!(plain(&section), expected);
        assert!(blocks(&DetailTotals::default(), Options::default()).is_empty());
    }
}
