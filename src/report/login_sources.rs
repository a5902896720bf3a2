//! Where failed logins come from, and which users log in from many places.

use std::collections::{BTreeMap, BTreeSet};

use super::number::len;
use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::network;
use crate::tally::totals::LoginRow;

/// Rows of each list in text.
const ROWS: usize = 10;

/// The least number of networks that is worth a row.
const NETWORKS: usize = 2;

/// Shows failed logins by address and by network, and users by networks.
pub(crate) fn login_sources(rows: &[LoginRow], options: Options) -> Option<Section> {
    let blocks: Vec<Block> = [
        failed(rows, "address", options, str::to_owned),
        failed(rows, "network", options, network),
        users(rows, options),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!blocks.is_empty()).then(|| Section {
        id: "login_sources",
        title: "Where logins come from".into(),
        blocks,
    })
}

/// What one address or network did.
#[derive(Default)]
struct Source<'a> {
    failures: u64,
    successes: u64,
    users: BTreeSet<&'a str>,
}

fn failed(
    rows: &[LoginRow],
    what: &'static str,
    options: Options,
    name: impl Fn(&str) -> String,
) -> Option<Block> {
    let mut sources: BTreeMap<String, Source<'_>> = BTreeMap::new();
    for row in rows {
        let Some(address) = &row.address else {
            continue;
        };
        let source = sources.entry(name(address)).or_default();
        if row.outcome == "failure" {
            source.failures += row.count;
            source.users.extend(row.user.as_deref());
        } else {
            source.successes += row.count;
        }
    }
    let mut sources: Vec<_> = sources
        .into_iter()
        .filter(|(_, source)| source.failures > 0)
        .collect();
    sources.sort_by_key(|(_, source)| std::cmp::Reverse(source.failures));
    let mut table = Table::titled(
        format!("Failed, by {what}"),
        vec![
            Column::number("failed"),
            Column::number("users tried"),
            Column::number("successful"),
            Column::whole(what),
        ],
    );
    let shown = options.rows(ROWS);
    for (source, counts) in sources.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(counts.failures),
            Cell::Count(len(counts.users.len())),
            Cell::Count(counts.successes),
            Cell::text(source),
        ]);
    }
    table.rest = Rest::of(
        sources
            .iter()
            .skip(shown)
            .map(|(_, counts)| counts.failures),
    );
    (!sources.is_empty()).then_some(Block::Table(table))
}

/// Users that logged in from several networks: a password that is known to others looks like this.
fn users(rows: &[LoginRow], options: Options) -> Option<Block> {
    let mut users: BTreeMap<&str, (BTreeSet<String>, u64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.outcome == "success") {
        if let (Some(user), Some(address)) = (&row.user, &row.address) {
            let (networks, logins) = users.entry(user).or_default();
            networks.insert(network(address));
            *logins += row.count;
        }
    }
    let mut users: Vec<_> = users
        .into_iter()
        .filter(|(_, (networks, _))| networks.len() >= NETWORKS)
        .collect();
    users.sort_by_key(|(_, (networks, _))| std::cmp::Reverse(networks.len()));
    let mut table = Table::titled(
        "Successful from several networks (/24, /64)",
        vec![
            Column::number("networks"),
            Column::number("logins"),
            Column::text("user"),
        ],
    );
    let shown = options.rows(ROWS);
    for (user, (networks, logins)) in users.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(len(networks.len())),
            Cell::Count(*logins),
            Cell::text(*user),
        ]);
    }
    table.rest = Rest::of(users.iter().skip(shown).map(|(_, (_, logins))| *logins));
    (!users.is_empty()).then_some(Block::Table(table))
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn row(outcome: &'static str, user: Option<&str>, address: &str, count: u64) -> LoginRow {
        LoginRow {
            service: "imap".into(),
            outcome,
            user: user.map(Into::into),
            method: None,
            address: Some(address.into()),
            family: "ipv4",
            tls: None,
            count,
        }
    }

    #[test]
    fn shows_addresses_networks_and_users() {
        let rows = [
            row("failure", Some("ann"), "192.0.2.1", 5),
            row("failure", Some("bob"), "192.0.2.9", 2),
            row("failure", None, "2001:db8::9", 6),
            row("success", Some("ann"), "192.0.2.1", 1),
            row("success", Some("ann"), "198.51.100.1", 3),
            row("success", Some("bob"), "198.51.100.1", 3),
        ];
        let expected = "\
Where logins come from
[Failed, by address]
failed | users tried | successful | address
6 | 0 | 0 | 2001:db8::9
5 | 1 | 1 | 192.0.2.1
2 | 1 | 0 | 192.0.2.9
[Failed, by network]
failed | users tried | successful | network
7 | 2 | 1 | 192.0.2.0/24
6 | 0 | 0 | 2001:db8::/64
[Successful from several networks (/24, /64)]
networks | logins | user
2 | 4 | ann
";
        assert_eq!(
            plain(&login_sources(&rows, Options::default()).unwrap()),
            expected
        );
        assert!(login_sources(&[], Options::default()).is_none());
    }
}
