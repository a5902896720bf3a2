//! What postscreen did with clients, and what blocklists said of them.

use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::{DnsblRow, OverlapRow, RankRow, ScreeningRow, ScreeningTotals};

/// Rows of each list in text.
const ROWS: usize = 10;

/// Shows postscreen's lines, then blocklists.
pub(crate) fn screening(screening: &ScreeningTotals, options: Options) -> Vec<Section> {
    let postscreen = [actions(&screening.actions), ranks(&screening.ranks)];
    let dnsbl = [
        lists(&screening.lists, options),
        overlaps(&screening.overlaps, options),
    ];
    [
        section("postscreen", "postscreen", postscreen),
        section("dnsbl", "Blocklists", dnsbl),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn section(id: &'static str, title: &str, blocks: [Option<Block>; 2]) -> Option<Section> {
    let blocks: Vec<Block> = blocks.into_iter().flatten().collect();
    (!blocks.is_empty()).then(|| Section {
        id,
        title: title.into(),
        blocks,
    })
}

fn actions(rows: &[ScreeningRow]) -> Option<Block> {
    let connects = rows.iter().find(|row| row.action == "psc_connect");
    let all = connects.map_or(0, |row| row.count);
    let mut table = Table::new(vec![
        Column::number("lines"),
        Column::number("of connections"),
        Column::number("clients"),
        Column::text("what"),
    ]);
    for row in rows {
        let share = if all == 0 {
            Cell::Empty
        } else {
            Cell::Share {
                part: row.count,
                whole: all,
            }
        };
        table.rows.push(vec![
            Cell::Count(row.count),
            share,
            Cell::Count(row.clients),
            Cell::text(words(row.action)),
        ]);
    }
    (!rows.is_empty()).then_some(Block::Table(table))
}

/// What a kind of line means, in postscreen's words.
fn words(action: &str) -> String {
    let words = match action {
        "psc_connect" => "CONNECT",
        "psc_pass_new" => "PASS NEW",
        "psc_pass_old" => "PASS OLD",
        "psc_allowlisted" => "ALLOWLISTED",
        "psc_denylisted" => "DENYLISTED",
        "psc_allowlist_veto" => "ALLOWLIST VETO",
        "psc_dnsbl_rank" => "DNSBL rank above the threshold",
        "psc_pregreet" => "PREGREET: talked before the greeting",
        "psc_hangup" => "HANGUP before the tests were over",
        "psc_bare_newline" => "BARE NEWLINE",
        "psc_pipelining" => "COMMAND PIPELINING",
        "psc_non_smtp" => "NON-SMTP COMMAND",
        "psc_cmd_time_limit" => "COMMAND TIME LIMIT",
        "psc_cmd_count_limit" => "COMMAND COUNT LIMIT",
        "psc_cmd_length_limit" => "COMMAND LENGTH LIMIT",
        "psc_data_without_rcpt" => "DATA without a valid RCPT",
        "psc_reject_rcpt" => "reject: RCPT",
        "psc_reject_connect" => "reject: CONNECT",
        "psc_screening_busy" => "too busy to screen",
        "psc_disconnect" => "DISCONNECT",
        other => other,
    };
    words.to_owned()
}

/// How many rows of ranks are shown by themselves; those above are one row.
const RANKS: usize = 12;

fn ranks(rows: &[RankRow]) -> Option<Block> {
    let mut table = Table::titled(
        "DNSBL ranks",
        vec![Column::number("clients"), Column::whole("rank")],
    );
    for row in rows.iter().take(RANKS) {
        let rank = Cell::text(row.rank.to_string());
        table.rows.push(vec![Cell::Count(row.count), rank]);
    }
    table.rest = Rest::of(rows.iter().skip(RANKS).map(|row| row.count));
    (!rows.is_empty()).then_some(Block::Table(table))
}

fn lists(rows: &[DnsblRow], options: Options) -> Option<Block> {
    let mut table = Table::new(vec![
        Column::number("hits"),
        Column::number("clients"),
        Column::number("alone"),
        Column::number("refused"),
        Column::number("let in without"),
        Column::number("accepted"),
        Column::text("list"),
    ]);
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(row.hits),
            Cell::Count(row.clients),
            Cell::Count(row.only_here),
            Cell::Count(row.refused),
            Cell::Count(row.refused_only_here),
            Cell::Count(row.accepted),
            Cell::text(&row.list),
        ]);
    }
    table.rest = Rest::of(
        rows.iter()
            .skip(shown)
            .map(|row| row.hits.max(row.refusals)),
    );
    table.note = Some(
        "Clients: those on the list; alone: on no other, as far as the log says; refused: by \
         postscreen, or by smtpd in the list's name; let in without: refused for it alone; \
         accepted: their mail was, all the same."
            .into(),
    );
    (!rows.is_empty()).then_some(Block::Table(table))
}

fn overlaps(rows: &[OverlapRow], options: Options) -> Option<Block> {
    let mut table = Table::titled(
        "Clients that two lists have in common",
        vec![
            Column::number("clients"),
            Column::text("list"),
            Column::text("and"),
        ],
    );
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(row.clients),
            Cell::text(&row.list),
            Cell::text(&row.other),
        ]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.clients));
    (!rows.is_empty()).then_some(Block::Table(table))
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    #[test]
    fn shows_postscreen_then_blocklists() {
        let totals = ScreeningTotals {
            actions: vec![
                ScreeningRow {
                    action: "psc_connect",
                    count: 40,
                    clients: 9,
                },
                ScreeningRow {
                    action: "psc_dnsbl_rank",
                    count: 10,
                    clients: 2,
                },
            ],
            ranks: vec![RankRow { rank: 3, count: 10 }],
            lists: vec![DnsblRow {
                list: "zen.example".into(),
                hits: 12,
                clients: 3,
                only_here: 1,
                refusals: 0,
                refused: 2,
                refused_only_here: 1,
                accepted: 1,
            }],
            overlaps: vec![OverlapRow {
                list: "bl.example".into(),
                other: "zen.example".into(),
                clients: 2,
            }],
        };
        let text: String = screening(&totals, Options::default())
            .iter()
            .map(plain)
            .collect();
        let expected = "\
postscreen
lines | of connections | clients | what
40 | 40/40 | 9 | CONNECT
10 | 10/40 | 2 | DNSBL rank above the threshold
[DNSBL ranks]
clients | rank
10 | 3
Blocklists
hits | clients | alone | refused | let in without | accepted | list
12 | 3 | 1 | 2 | 1 | 1 | zen.example
(Clients: those on the list; alone: on no other, as far as the log says; refused: by postscreen, or \
by smtpd in the list's name; let in without: refused for it alone; accepted: their mail was, all the \
same.)
[Clients that two lists have in common]
clients | list | and
2 | bl.example | zen.example
";
        assert_eq!(text, expected);
    }

    #[test]
    fn without_postscreen_there_is_no_section() {
        assert!(screening(&ScreeningTotals::default(), Options::default()).is_empty());
    }
}
