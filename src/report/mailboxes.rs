//! Dovecot: sessions and bytes, mails saved, Sieve actions, full mailboxes.

use std::collections::{BTreeMap, BTreeSet};

use super::number::len;
use super::{Block, Cell, Column, Options, Rest, Section, Table, ranked};
use crate::tally::totals::{MailSessionRow, MailboxTotals, SavedRow, SieveRow, UserRow};

/// Rows of each list in text.
const ROWS: usize = 10;

/// Shows what Dovecot's mail processes did, as far as the log has it.
pub(crate) fn mailboxes(totals: &MailboxTotals, options: Options) -> Option<Section> {
    let blocks: Vec<Block> = [
        by_protocol(&totals.sessions),
        by_user(&totals.sessions, options),
        saved(&totals.saved, options),
        sieve(&totals.sieve),
        users(
            "Redirected by Sieve to",
            "recipient",
            &totals.redirects,
            options,
        ),
        users("Full mailboxes", "user", &totals.over_quota, options),
        users("Deliveries that failed", "user", &totals.failed, options),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!blocks.is_empty()).then(|| Section {
        id: "mailboxes",
        title: "Mailboxes (Dovecot)".into(),
        blocks,
    })
}

/// Sessions, bytes in, bytes out, and users.
type Sums<'a> = (u64, u64, u64, BTreeSet<&'a str>);

fn by_protocol(rows: &[MailSessionRow]) -> Option<Block> {
    let mut protocols: BTreeMap<&str, Sums<'_>> = BTreeMap::new();
    for row in rows {
        let (sessions, received, sent, users) = protocols.entry(&row.protocol).or_default();
        *sessions += row.sessions;
        *received = received.saturating_add(row.in_bytes);
        *sent = sent.saturating_add(row.out_bytes);
        users.extend(row.user.as_deref());
    }
    let mut protocols: Vec<_> = protocols.into_iter().collect();
    protocols.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.0));
    let mut table = Table::titled(
        "Sessions that ended",
        vec![
            Column::text("protocol"),
            Column::number("sessions"),
            Column::number("users"),
            Column::number("from clients"),
            Column::number("to clients"),
        ],
    );
    for (protocol, (sessions, received, sent, users)) in protocols {
        table.rows.push(vec![
            Cell::text(protocol),
            Cell::Count(sessions),
            Cell::Count(len(users.len())),
            Cell::Bytes(received),
            Cell::Bytes(sent),
        ]);
    }
    (!rows.is_empty()).then_some(Block::Table(table))
}

fn by_user(rows: &[MailSessionRow], options: Options) -> Option<Block> {
    let mut table = Table::titled(
        "By user",
        vec![
            Column::number("sessions"),
            Column::number("from clients"),
            Column::number("to clients"),
            Column::number("expunged"),
            Column::text("protocol"),
            Column::text("user"),
        ],
    );
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(row.sessions),
            Cell::Bytes(row.in_bytes),
            Cell::Bytes(row.out_bytes),
            Cell::Count(row.expunged),
            Cell::text(&row.protocol),
            Cell::logged(row.user.as_deref()),
        ]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.sessions));
    (!rows.is_empty()).then_some(Block::Table(table.without_idle_columns()))
}

fn saved(rows: &[SavedRow], options: Options) -> Option<Block> {
    let mut table = Table::titled(
        "Mails saved",
        vec![
            Column::number("mails"),
            Column::text("mailbox"),
            Column::text("user"),
        ],
    );
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(row.count),
            Cell::text(&row.mailbox),
            Cell::logged(row.user.as_deref()),
        ]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    (!rows.is_empty()).then_some(Block::Table(table))
}

fn sieve(rows: &[SieveRow]) -> Option<Block> {
    let mut actions: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for row in rows {
        let (count, users) = actions.entry(row.action).or_default();
        *count += row.count;
        *users += 1;
    }
    let counts = actions.iter().map(|(action, (count, _))| (*action, *count));
    let mut table = Table::titled(
        "Sieve",
        vec![
            Column::number("actions"),
            Column::number("users"),
            Column::text("action"),
        ],
    );
    for (action, count) in ranked(counts) {
        let users = actions.get(action).map_or(0, |(_, users)| *users);
        table.rows.push(vec![
            Cell::Count(count),
            Cell::Count(users),
            Cell::text(action.replace('_', " ")),
        ]);
    }
    (!rows.is_empty()).then_some(Block::Table(table))
}

fn users(caption: &str, who: &'static str, rows: &[UserRow], options: Options) -> Option<Block> {
    let columns = vec![Column::number("mails"), Column::text(who)];
    let mut table = Table::titled(caption, columns);
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        let user = Cell::logged(row.user.as_deref());
        table.rows.push(vec![Cell::Count(row.count), user]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    (!rows.is_empty()).then_some(Block::Table(table))
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn session(user: &str, sessions: u64) -> MailSessionRow {
        MailSessionRow {
            protocol: "imap".into(),
            user: Some(user.into()),
            sessions,
            in_bytes: 10,
            out_bytes: 1_000,
            expunged: 0,
        }
    }

    #[test]
    fn shows_what_the_log_has() {
        let user = |user: &str, count| UserRow {
            user: Some(user.into()),
            count,
        };
        let totals = MailboxTotals {
            sessions: vec![session("ann", 3), session("bob", 1)],
            saved: vec![SavedRow {
                user: Some("ann".into()),
                mailbox: "INBOX".into(),
                count: 4,
            }],
            sieve: vec![
                SieveRow {
                    action: "vacation_sent",
                    user: Some("ann".into()),
                    count: 2,
                },
                SieveRow {
                    action: "vacation_sent",
                    user: None,
                    count: 1,
                },
            ],
            over_quota: vec![user("bob", 5)],
            ..MailboxTotals::default()
        };
        let expected = "\
Mailboxes (Dovecot)
[Sessions that ended]
protocol | sessions | users | from clients | to clients
imap | 4 | 2 | 20B | 2000B
[By user]
sessions | from clients | to clients | protocol | user
3 | 10B | 1000B | imap | ann
1 | 10B | 1000B | imap | bob
[Mails saved]
mails | mailbox | user
4 | INBOX | ann
[Sieve]
actions | users | action
3 | 2 | vacation sent
[Full mailboxes]
mails | user
5 | bob
";
        assert_eq!(
            plain(&mailboxes(&totals, Options::default()).unwrap()),
            expected
        );
        assert!(mailboxes(&MailboxTotals::default(), Options::default()).is_none());
    }
}
