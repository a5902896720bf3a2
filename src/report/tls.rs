//! TLS by direction, trust, protocol and cipher, and what the log does not say about it.

use std::collections::BTreeMap;

use super::number::{count, share};
use super::{Block, Cell, Column, Options, Rest, Section, Table, ranked};
use crate::tally::totals::{StateCounts, TlsFailureRow, TlsTotals};

/// Rows of each list in text.
const ROWS: usize = 10;

/// Whose sessions these are, in the order shown.
const SIDES: [&str; 3] = [
    "Inbound sessions",
    "Inbound sessions from own hosts",
    "Outbound sessions",
];

/// Trust, protocol, cipher.
type Strength<'a> = (&'a str, &'a str, &'a str);

/// Shows what the log proves about encryption; where it mostly says nothing, that comes first.
pub(crate) fn tls(tls: &TlsTotals, options: Options) -> Section {
    let (inbound, outbound) = (tls.states.inbound, tls.states.outbound);
    let mut blocks = Vec::new();
    blocks.extend(advice("inbound sessions", inbound, "smtpd_tls_loglevel"));
    blocks.extend(advice("outbound deliveries", outbound, "smtp_tls_loglevel"));
    blocks.extend(states(inbound, outbound));
    for (side, counts) in SIDES.into_iter().zip(by_strength(tls)) {
        blocks.extend(strengths(side, counts, options));
    }
    blocks.extend(failures(&tls.failures, options));
    if blocks.is_empty() {
        return Section::line("tls", "TLS: no sessions");
    }
    Section {
        id: "tls",
        title: "TLS".into(),
        blocks,
    }
}

/// Says how to switch TLS lines on where the log is silent about more than half.
fn advice(what: &str, states: StateCounts, parameter: &str) -> Option<Block> {
    let (silent, all) = (states.not_logged, sum(states));
    if u128::from(silent) * 2 <= u128::from(all) {
        return None;
    }
    Some(Block::Note(format!(
        "For {} of {} {what} ({}) the log does not say whether they were encrypted: \
         set {parameter} = 1 in main.cf to have TLS sessions logged.",
        count(silent),
        count(all),
        share(silent, all),
    )))
}

fn sum(states: StateCounts) -> u64 {
    let StateCounts {
        logged,
        seen,
        plaintext,
        not_logged,
    } = states;
    [logged, seen, plaintext, not_logged]
        .into_iter()
        .fold(0, u64::saturating_add)
}

fn states(inbound: StateCounts, outbound: StateCounts) -> Option<Block> {
    let mut table = Table::new(vec![
        Column::text("by what the log proves"),
        Column::number("TLS line"),
        Column::number("TLS seen"),
        Column::number("plaintext"),
        Column::number("not logged"),
    ]);
    for (name, states) in [
        ("inbound sessions", inbound),
        ("outbound deliveries", outbound),
    ] {
        if sum(states) > 0 {
            let counts = [
                states.logged,
                states.seen,
                states.plaintext,
                states.not_logged,
            ];
            let cells = counts.into_iter().map(Cell::Count);
            table
                .rows
                .push([Cell::text(name)].into_iter().chain(cells).collect());
        }
    }
    table.note = Some("TLS seen: encrypted, as a line other than a TLS line proves.".into());
    (!table.rows.is_empty()).then_some(Block::Table(table))
}

/// Adds sessions up by trust, protocol and cipher, in the order of [`SIDES`].
fn by_strength(tls: &TlsTotals) -> [BTreeMap<Strength<'_>, u64>; 3] {
    let mut outside = BTreeMap::new();
    let mut own = BTreeMap::new();
    let mut outbound = BTreeMap::new();
    for row in &tls.inbound {
        let side = if row.client_scope == "own" {
            &mut own
        } else {
            &mut outside
        };
        let strength: Strength<'_> = (row.trust, &row.protocol, &row.cipher);
        *side.entry(strength).or_insert(0) += row.sessions;
    }
    for row in &tls.outbound {
        let strength: Strength<'_> = (row.trust, &row.protocol, &row.cipher);
        *outbound.entry(strength).or_insert(0) += row.sessions;
    }
    [outside, own, outbound]
}

fn strengths(side: &str, counts: BTreeMap<Strength<'_>, u64>, options: Options) -> Option<Block> {
    if counts.is_empty() {
        return None;
    }
    let rows = ranked(counts);
    let all = rows.iter().map(|(_, sessions)| sessions).sum();
    let mut table = Table::titled(
        side,
        vec![
            Column::number("sessions"),
            Column::number("share"),
            Column::text("trust"),
            Column::text("protocol"),
            Column::text("cipher"),
        ],
    );
    let shown = options.rows(ROWS);
    for ((trust, protocol, cipher), sessions) in rows.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(*sessions),
            Cell::Share {
                part: *sessions,
                whole: all,
            },
            Cell::text(*trust),
            Cell::text(*protocol),
            Cell::text(*cipher),
        ]);
    }
    table.rest = Rest::after(shown, &rows);
    Some(Block::Table(table))
}

fn failures(rows: &[TlsFailureRow], options: Options) -> Option<Block> {
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::titled(
        "Failed handshakes",
        vec![
            Column::number("sessions"),
            Column::text("direction"),
            Column::text("reason"),
        ],
    );
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(row.sessions),
            Cell::text(row.direction),
            Cell::text(handshake_reason(&row.reason)),
        ]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.sessions));
    Some(Block::Table(table))
}

/// Postfix logs the TLS library's result where the system has no word for it; why stands in
/// warnings (`tls_library_problem`).
pub(super) fn handshake_reason(reason: &str) -> String {
    match reason {
        "-1" | "0" => format!("TLS failed ({reason}): see warnings of tls_library_problem"),
        reason => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;
    use crate::tally::totals::{TlsInboundRow, TlsOutboundRow, TlsStates};

    fn inbound(client_scope: &'static str, trust: &'static str, sessions: u64) -> TlsInboundRow {
        TlsInboundRow {
            instance: "postfix".into(),
            client_scope,
            family: "ipv4",
            trust,
            protocol: "TLSv1.3".into(),
            cipher: "TLS_AES_256_GCM_SHA384".into(),
            sessions,
        }
    }

    fn outbound(host: &str, cipher: &str, sessions: u64) -> TlsOutboundRow {
        TlsOutboundRow {
            instance: "postfix".into(),
            domain: None,
            host: host.into(),
            family: "ipv6",
            trust: "verified",
            protocol: "TLSv1.2".into(),
            cipher: cipher.into(),
            sessions,
        }
    }

    fn totals() -> TlsTotals {
        let mut ipv6 = inbound("outside", "anonymous", 2);
        ipv6.family = "ipv6";
        TlsTotals {
            inbound: vec![
                inbound("outside", "anonymous", 5),
                inbound("own", "anonymous", 4),
                ipv6,
                inbound("outside", "trusted", 1),
            ],
            outbound: vec![
                outbound(
                    "a.example[2001:db8::1]:25",
                    "ECDHE-RSA-AES256-GCM-SHA384",
                    3,
                ),
                outbound(
                    "b.example[2001:db8::2]:25",
                    "ECDHE-RSA-AES256-GCM-SHA384",
                    3,
                ),
                outbound("b.example[2001:db8::2]:25", "AES128-SHA", 1),
            ],
            states: TlsStates {
                inbound: StateCounts {
                    logged: 12,
                    seen: 1,
                    plaintext: 2,
                    not_logged: 15,
                },
                outbound: StateCounts {
                    logged: 7,
                    not_logged: 8,
                    ..StateCounts::default()
                },
            },
            failures: [("-1", 9), ("lost connection", 2)]
                .map(|(reason, sessions)| TlsFailureRow {
                    direction: "inbound",
                    reason: reason.into(),
                    sessions,
                })
                .into(),
        }
    }

    #[test]
    fn adds_up_by_strength_and_says_what_is_not_logged() {
        let expected = "\
TLS
> For 8 of 15 outbound deliveries (53%) the log does not say whether they were encrypted: \
set smtp_tls_loglevel = 1 in main.cf to have TLS sessions logged.
by what the log proves | TLS line | TLS seen | plaintext | not logged
inbound sessions | 12 | 1 | 2 | 15
outbound deliveries | 7 | 0 | 0 | 8
(TLS seen: encrypted, as a line other than a TLS line proves.)
[Inbound sessions]
sessions | share | trust | protocol | cipher
7 | 7/8 | anonymous | TLSv1.3 | TLS_AES_256_GCM_SHA384
1 | 1/8 | trusted | TLSv1.3 | TLS_AES_256_GCM_SHA384
[Inbound sessions from own hosts]
sessions | share | trust | protocol | cipher
4 | 4/4 | anonymous | TLSv1.3 | TLS_AES_256_GCM_SHA384
[Outbound sessions]
sessions | share | trust | protocol | cipher
6 | 6/7 | verified | TLSv1.2 | ECDHE-RSA-AES256-GCM-SHA384
1 | 1/7 | verified | TLSv1.2 | AES128-SHA
[Failed handshakes]
sessions | direction | reason
9 | inbound | TLS failed (-1): see warnings of tls_library_problem
2 | inbound | lost connection
";
        assert_eq!(plain(&tls(&totals(), Options::default())), expected);
    }

    #[test]
    fn a_cut_list_says_how_much_is_missing() {
        let text = plain(&tls(&totals(), Options::with_top(1)));
        assert!(
            text.contains("TLS_AES_256_GCM_SHA384\n+ 1 rows, 1 in sum\n"),
            "{text}"
        );
    }

    #[test]
    fn a_log_without_tls_lines_says_so_first_and_claims_no_plaintext() {
        let silent = TlsTotals {
            states: TlsStates {
                inbound: StateCounts {
                    not_logged: 30,
                    ..StateCounts::default()
                },
                ..TlsStates::default()
            },
            ..TlsTotals::default()
        };
        let expected = "\
TLS
> For 30 of 30 inbound sessions (100%) the log does not say whether they were encrypted: \
set smtpd_tls_loglevel = 1 in main.cf to have TLS sessions logged.
by what the log proves | TLS line | TLS seen | plaintext | not logged
inbound sessions | 0 | 0 | 0 | 30
(TLS seen: encrypted, as a line other than a TLS line proves.)
";
        assert_eq!(plain(&tls(&silent, Options::default())), expected);
    }

    #[test]
    fn exactly_half_is_not_above_half() {
        let half = StateCounts {
            logged: 3,
            not_logged: 3,
            ..StateCounts::default()
        };
        assert_eq!(advice("inbound sessions", half, "smtpd_tls_loglevel"), None);
    }

    #[test]
    fn no_sessions_is_one_line() {
        let section = tls(&TlsTotals::default(), Options::default());
        assert_eq!(plain(&section), "TLS: no sessions\n");
    }

    #[test]
    fn sums_of_sessions_are_kept() {
        let totals = totals();
        let [outside, own, outbound] = by_strength(&totals);
        let inbound: u64 = totals.inbound.iter().map(|row| row.sessions).sum();
        let outbound_rows: u64 = totals.outbound.iter().map(|row| row.sessions).sum();
        assert_eq!(
            outside.values().sum::<u64>() + own.values().sum::<u64>(),
            inbound
        );
        assert_eq!(outbound.values().sum::<u64>(), outbound_rows);
    }
}
