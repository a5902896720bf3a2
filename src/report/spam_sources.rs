//! Sources of unwanted mail: client addresses by a simple score.
//!
//! The score of an address is the sum of what it did, each times its [weight](Evidence::weight), less its
//! accepted mail. Addresses of the site's own are never listed, nor is one without a positive
//! score. It is a list to look at, **not** a blocklist.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::evidence::{ACCEPTED_WEIGHT, Evidence};
use crate::tally::totals::EvidenceRow;

/// Rows in text.
const ROWS: usize = 10;

/// A source of unwanted mail, as JSON shows it.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct SpamSource<'a> {
    /// The client's address.
    pub address: &'a str,
    /// The client's address family.
    pub family: &'static str,
    /// A verified host name, where the log has one.
    pub hostname: Option<&'a str>,
    /// The sum of its evidence.
    pub score: u64,
    /// Refusals.
    pub rejects: u64,
    /// DNSBL hits.
    pub dnsbl: u64,
    /// Failed logins.
    pub auth_failures: u64,
    /// Refusals for unknown recipients.
    pub unknown_recipients: u64,
    /// Violations of the protocol.
    pub protocol_errors: u64,
    /// Mails accepted.
    pub accepted: u64,
}

/// Scores the evidence: highest score first, equal scores in order of address.
pub fn spam_sources(evidence: &[EvidenceRow]) -> Vec<SpamSource<'_>> {
    let outside = evidence.iter().filter(|row| row.client_scope != "own");
    let mut sources: Vec<_> = outside
        .map(source)
        .filter(|source| source.score > 0)
        .collect();
    sources.sort_unstable_by(|a, b| b.score.cmp(&a.score).then_with(|| a.address.cmp(b.address)));
    sources
}

fn source(row: &EvidenceRow) -> SpamSource<'_> {
    SpamSource {
        address: &row.address,
        family: row.family,
        hostname: row.hostname.as_deref(),
        score: score(row),
        rejects: row.rejects,
        dnsbl: row.dnsbl,
        auth_failures: row.auth_failures,
        unknown_recipients: row.unknown_recipients,
        protocol_errors: row.protocol_errors,
        accepted: row.accepted,
    }
}

fn score(row: &EvidenceRow) -> u64 {
    let points = [
        (row.rejects, Evidence::Reject.weight()),
        (row.unknown_recipients, Evidence::UnknownRecipient.weight()),
        (row.dnsbl, Evidence::Dnsbl.weight()),
        (row.auth_failures, Evidence::AuthFailure.weight()),
        (row.protocol_errors, Evidence::Protocol.weight()),
    ];
    let against = points.into_iter().fold(0, |sum: u64, (count, weight)| {
        sum.saturating_add(count.saturating_mul(weight))
    });
    against.saturating_sub(row.accepted.saturating_mul(ACCEPTED_WEIGHT))
}

/// Shows the first sources.
pub(crate) fn section(sources: &[SpamSource<'_>], options: Options) -> Section {
    if sources.is_empty() {
        return Section::line("spam_sources", "Spam sources: none");
    }
    let shown = options.rows(ROWS);
    let mut table = Table::new(vec![
        Column::number("score"),
        Column::whole("address"),
        Column::number("rejects"),
        Column::number("DNSBL"),
        Column::number("auth"),
        Column::number("unknown"),
        Column::number("SMTP"),
        Column::number("good"),
        Column::text("host"),
    ]);
    table.rows = sources.iter().take(shown).map(cells).collect();
    // The sum of scores means nothing; only how many there are is said.
    table.rest = Rest::of(sources.iter().skip(shown).map(|_| 0));
    table.note = Some(formula());
    Section {
        id: "spam_sources",
        title: "Spam sources".into(),
        blocks: vec![Block::Table(table.without_idle_columns())],
    }
}

/// Says how the score is made, and so what the columns are.
fn formula() -> String {
    let times = |weight: u64| {
        if weight == 1 {
            String::new()
        } else {
            format!("{weight} x ")
        }
    };
    format!(
        "Score: {}rejects + {}DNSBL hits + {}failed logins (auth) + {}unknown recipients \
         + {}SMTP protocol errors - {}accepted mails (good).",
        times(Evidence::Reject.weight()),
        times(Evidence::Dnsbl.weight()),
        times(Evidence::AuthFailure.weight()),
        times(Evidence::UnknownRecipient.weight()),
        times(Evidence::Protocol.weight()),
        times(ACCEPTED_WEIGHT),
    )
}

fn cells(source: &SpamSource<'_>) -> Vec<Cell> {
    vec![
        Cell::Count(source.score),
        Cell::text(source.address),
        Cell::Count(source.rejects),
        Cell::Count(source.dnsbl),
        Cell::Count(source.auth_failures),
        Cell::Count(source.unknown_recipients),
        Cell::Count(source.protocol_errors),
        Cell::Count(source.accepted),
        source.hostname.map_or(Cell::Empty, Cell::text),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn row(address: &str, rejects: u64, accepted: u64) -> EvidenceRow {
        EvidenceRow {
            address: address.into(),
            family: "ipv4",
            client_scope: "outside",
            hostname: None,
            rejects,
            dnsbl: 0,
            auth_failures: 0,
            unknown_recipients: 0,
            protocol_errors: 0,
            accepted,
        }
    }

    #[test]
    fn the_score_is_the_weighted_sum_less_good_mail() {
        let mut all = row("192.0.2.1", 10, 4);
        all.dnsbl = 5;
        all.auth_failures = 3;
        all.unknown_recipients = 2;
        all.protocol_errors = 1;
        // 10 + 2 + 5 * 3 + 3 * 2 + 1 * 2 - 4 * 3
        assert_eq!(score(&all), 23);
    }

    #[test]
    fn own_addresses_and_good_servers_are_not_listed() {
        let mut own = row("192.0.2.1", 900, 0);
        own.client_scope = "own";
        let greylisted = row("192.0.2.2", 40, 20);
        let silent = row("192.0.2.3", 0, 0);
        let evidence = [own, greylisted, silent, row("192.0.2.4", 1, 0)];
        let sources = spam_sources(&evidence);
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].address, "192.0.2.4");
    }

    #[test]
    fn equal_scores_stand_in_order_of_address() {
        let evidence = [
            row("192.0.2.9", 5, 0),
            row("192.0.2.10", 5, 0),
            row("192.0.2.1", 6, 0),
        ];
        let order: Vec<_> = spam_sources(&evidence)
            .iter()
            .map(|source| source.address)
            .collect();
        assert_eq!(order, ["192.0.2.1", "192.0.2.10", "192.0.2.9"]);
    }

    #[test]
    fn shows_the_first_and_what_made_them_so() {
        let mut named = row("2001:db8::7", 100, 1);
        named.hostname = Some("bulk.example".into());
        named.unknown_recipients = 12;
        let evidence = [named, row("192.0.2.7", 3, 0), row("192.0.2.8", 2, 0)];
        let sources = spam_sources(&evidence);
        let expected = "\
Spam sources
score | address | rejects | unknown | good | host
109 | 2001:db8::7 | 100 | 12 | 1 | bulk.example
3 | 192.0.2.7 | 3 | 0 | 0 | 
+ 1 rows, 0 in sum
(Score: rejects + 3 x DNSBL hits + 2 x failed logins (auth) + unknown recipients \
+ 2 x SMTP protocol errors - 3 x accepted mails (good).)
";
        assert_eq!(plain(&section(&sources, Options::with_top(2))), expected);
        assert_eq!(
            plain(&section(&[], Options::default())),
            "Spam sources: none\n"
        );
    }

    #[test]
    fn scores_do_not_overflow() {
        let mut huge = row("192.0.2.1", u64::MAX, 0);
        huge.dnsbl = u64::MAX;
        assert_eq!(score(&huge), u64::MAX);
        huge.accepted = u64::MAX;
        assert_eq!(score(&huge), 0);
    }
}
