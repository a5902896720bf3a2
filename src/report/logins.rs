//! Logins by service, user, method and outcome.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::number::len;
use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::LoginRow;

/// Rows of each list in text.
const ROWS: usize = 10;

/// Shows the services with both outcomes, then who logged in and who failed to.
pub(crate) fn logins(rows: &[LoginRow], options: Options) -> Section {
    if rows.is_empty() {
        return Section::line("logins", "Logins: none");
    }
    let mut blocks = vec![Block::Table(by_service(rows))];
    for (outcome, caption) in [
        ("success", "Successful, by user"),
        ("failure", "Failed, by user"),
    ] {
        blocks.extend(by_user(caption, rows, outcome, options));
    }
    Section {
        id: "logins",
        title: "Logins".into(),
        blocks,
    }
}

#[derive(Clone, Copy, Default)]
struct ServiceCounts {
    success: u64,
    failure: u64,
    with_tls: u64,
    without_tls: u64,
}

impl ServiceCounts {
    fn attempts(&self) -> u64 {
        self.success.saturating_add(self.failure)
    }

    fn add(&mut self, row: &LoginRow) {
        match row.outcome {
            "success" => self.success += row.count,
            _ => self.failure += row.count,
        }
        match row.tls {
            Some(true) => self.with_tls += row.count,
            Some(false) => self.without_tls += row.count,
            None => {}
        }
    }

    fn cells(&self, service: &str) -> Vec<Cell> {
        let says_tls = self.with_tls > 0 || self.without_tls > 0;
        let tls = |count| {
            if says_tls {
                Cell::Count(count)
            } else {
                Cell::NotLogged
            }
        };
        vec![
            Cell::text(service),
            Cell::Count(self.success),
            Cell::Count(self.failure),
            tls(self.with_tls),
            tls(self.without_tls),
        ]
    }
}

fn by_service(rows: &[LoginRow]) -> Table {
    let mut services: BTreeMap<&str, ServiceCounts> = BTreeMap::new();
    for row in rows {
        services.entry(&row.service).or_default().add(row);
    }
    let mut services: Vec<_> = services.into_iter().collect();
    // Stable: services with as many attempts stay in order of name.
    services.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.attempts()));
    let mut table = Table::new(vec![
        Column::text("service"),
        Column::number("success"),
        Column::number("failure"),
        Column::number("with TLS"),
        Column::number("without TLS"),
    ]);
    table.rows = services
        .iter()
        .map(|(service, counts)| counts.cells(service))
        .collect();
    table
}

/// Service, user, method.
type Login<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

#[derive(Default)]
struct LoginCounts<'a> {
    attempts: u64,
    /// Each once, where they are shown.
    addresses: Vec<&'a str>,
}

fn by_user(caption: &str, rows: &[LoginRow], outcome: &str, options: Options) -> Option<Block> {
    let shown = options.rows(ROWS);
    let (logins, rest) = first_logins(rows.iter().filter(|row| row.outcome == outcome), shown);
    if logins.is_empty() && rest.is_empty() {
        return None;
    }
    let mut table = Table::titled(
        caption,
        vec![
            Column::number("attempts"),
            Column::number("addresses"),
            Column::text("service"),
            Column::text("method"),
            Column::text("user"),
        ],
    );
    let row = |(login, counts): &(Login<'_>, LoginCounts<'_>)| cells(login, counts);
    table.rows = logins.iter().map(row).collect();
    table.rest = Rest::of(rest.into_iter());
    Some(Block::Table(table))
}

/// Adds up attempts and addresses: the first so many, most attempts first, then by service, user and
/// method; and the attempts of the others, in no order.
fn first_logins<'a>(
    rows: impl Iterator<Item = &'a LoginRow>,
    shown: usize,
) -> (Vec<(Login<'a>, LoginCounts<'a>)>, Vec<u64>) {
    let mut logins: HashMap<Login<'_>, LoginCounts<'_>> = HashMap::new();
    for row in rows {
        let (user, method) = (row.user.as_deref(), row.method.as_deref());
        let counts = logins.entry((&row.service, user, method)).or_default();
        counts.attempts = counts.attempts.saturating_add(row.count);
        counts.addresses.extend(row.address.as_deref());
    }
    let mut logins: Vec<_> = logins.into_iter().collect();
    let order = |(a_login, a): &(Login<'_>, LoginCounts<'_>),
                 (b_login, b): &(Login<'_>, LoginCounts<'_>)| {
        let by_attempts = b.attempts.cmp(&a.attempts);
        by_attempts.then_with(|| a_login.cmp(b_login))
    };
    // Few are shown of many: the others need no order.
    if shown < logins.len() {
        logins.select_nth_unstable_by(shown, order);
    }
    let rest = logins.iter().skip(shown).map(|(_, counts)| counts.attempts);
    let rest = rest.collect();
    logins.truncate(shown);
    logins.sort_unstable_by(order);
    for (_, counts) in &mut logins {
        counts.addresses.sort_unstable();
        counts.addresses.dedup();
    }
    (logins, rest)
}

fn cells((service, user, method): &Login<'_>, counts: &LoginCounts<'_>) -> Vec<Cell> {
    vec![
        Cell::Count(counts.attempts),
        Cell::Count(len(counts.addresses.len())),
        Cell::text(*service),
        Cell::logged(*method),
        Cell::logged(*user),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn row(
        service: &str,
        outcome: &'static str,
        user: Option<&str>,
        address: &str,
        tls: Option<bool>,
        count: u64,
    ) -> LoginRow {
        LoginRow {
            service: service.into(),
            outcome,
            user: user.map(Into::into),
            method: Some("PLAIN".into()),
            address: Some(address.into()),
            family: "ipv4",
            tls,
            count,
        }
    }

    fn rows() -> Vec<LoginRow> {
        let mut without_method = row("smtp", "failure", None, "192.0.2.66", None, 7);
        without_method.method = None;
        vec![
            row("imap", "success", Some("ann"), "192.0.2.1", Some(true), 20),
            row("imap", "success", Some("ann"), "192.0.2.2", Some(true), 2),
            row("imap", "success", Some("ann"), "192.0.2.2", Some(false), 1),
            row("imap", "failure", Some("bob"), "192.0.2.1", Some(true), 3),
            row("smtp", "success", Some("ann"), "192.0.2.1", None, 23),
            without_method,
        ]
    }

    #[test]
    fn shows_services_then_users_by_outcome() {
        let expected = "\
Logins
service | success | failure | with TLS | without TLS
smtp | 23 | 7 | ? | ?
imap | 23 | 3 | 25 | 1
[Successful, by user]
attempts | addresses | service | method | user
23 | 2 | imap | PLAIN | ann
23 | 1 | smtp | PLAIN | ann
[Failed, by user]
attempts | addresses | service | method | user
7 | 1 | smtp | ? | ?
3 | 1 | imap | PLAIN | bob
";
        assert_eq!(plain(&logins(&rows(), Options::default())), expected);
    }

    #[test]
    fn cut_lists_keep_their_sums() {
        let text = plain(&logins(&rows(), Options::with_top(1)));
        assert!(
            text.contains("23 | 2 | imap | PLAIN | ann\n+ 1 rows, 23 in sum\n"),
            "{text}"
        );
        assert!(
            text.ends_with("7 | 1 | smtp | ? | ?\n+ 1 rows, 3 in sum\n"),
            "{text}"
        );
    }

    fn names_of<'a>(logins: &[(Login<'a>, LoginCounts<'_>)]) -> Vec<Login<'a>> {
        logins.iter().map(|(login, _)| *login).collect()
    }

    #[test]
    fn the_first_logins_are_the_same_however_many_are_shown() {
        let users = ["eve", "ann", "dan", "bob", "cem"];
        let rows: Vec<LoginRow> = (0..40_u64)
            .map(|at| {
                let user = users[usize::try_from(at * at % 5).unwrap()];
                let service = ["imap", "pop3"][usize::from(at % 3 == 0)];
                row(service, "success", Some(user), "192.0.2.1", None, at % 4)
            })
            .collect();
        let (all, rest) = first_logins(rows.iter(), 100);
        assert!(rest.is_empty() && all.len() > 4);
        let order = |(login, counts): &(Login<'_>, LoginCounts<'_>)| {
            (std::cmp::Reverse(counts.attempts), format!("{login:?}"))
        };
        assert!(all.iter().map(order).is_sorted());
        for shown in 0..all.len() {
            let (first, mut rest) = first_logins(rows.iter(), shown);
            assert_eq!(names_of(&first), names_of(&all[..shown]));
            let mut others: Vec<u64> = all[shown..]
                .iter()
                .map(|(_, counts)| counts.attempts)
                .collect();
            rest.sort_unstable();
            others.sort_unstable();
            assert_eq!(rest, others);
        }
    }

    #[test]
    fn no_login_is_one_line() {
        assert_eq!(plain(&logins(&[], Options::default())), "Logins: none\n");
    }

    #[test]
    fn only_failures_need_no_table_of_successes() {
        let rows = [row(
            "pop3",
            "failure",
            Some("eve"),
            "192.0.2.3",
            Some(false),
            4,
        )];
        let text = plain(&logins(&rows, Options::default()));
        assert!(!text.contains("Successful"), "{text}");
        assert!(text.contains("pop3 | 0 | 4 | 0 | 4\n"), "{text}");
    }
}
