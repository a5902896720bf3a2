//! Grand totals: pflogsumm's counts, and beside them each mail counted once.

use super::number::{count, share};
use super::{Block, Cell, Column, Pairs, Section, Table};
use crate::tally::totals::{InstanceTotals, MailTotals, Messages};

/// Shows both sets of numbers side by side, never mixed.
pub(crate) fn grand_totals(totals: &MailTotals, messages: &Messages) -> Section {
    if *totals == MailTotals::default() && *messages == Messages::default() {
        return Section::line("totals", "Grand totals: no mail");
    }
    let blocks = vec![
        Block::Pairs(vec![as_pflogsumm_counts(totals), counted_once(messages)]),
        Block::Pairs(vec![volume(totals), people(totals)]),
    ];
    Section {
        id: "totals",
        title: "Grand totals".into(),
        blocks,
    }
}

/// pflogsumm's words in pflogsumm's order. What its report always has is here too, even if zero;
/// the rest only if there is any.
fn as_pflogsumm_counts(totals: &MailTotals) -> Pairs {
    let mut pairs = Pairs {
        title: "as pflogsumm counts",
        ..Pairs::default()
    };
    // pflogsumm's whole: what came to an end one way or the other, in this report's words.
    let ends = totals
        .delivered
        .saturating_add(totals.rejected)
        .saturating_add(totals.discarded);
    pairs.count(totals.received, "received");
    pairs.count(totals.delivered, "delivered");
    pairs.count_if_any(totals.forwarded, "forwarded");
    let deferrals = match totals.deferrals {
        0 => String::new(),
        1 => " (1 deferral)".into(),
        many => format!(" ({} deferrals)", count(many)),
    };
    pairs.count(totals.deferred, format!("deferred{deferrals}"));
    pairs.count(totals.bounced, "bounced");
    pairs.count_if_any(totals.expired, "expired");
    pairs.count(
        totals.rejected,
        with_share("rejected", totals.rejected, ends),
    );
    pairs.count_if_any(totals.reject_warnings, "reject warnings");
    pairs.count_if_any(totals.held, "held");
    pairs.count_if_any(
        totals.discarded,
        with_share("discarded", totals.discarded, ends),
    );
    pairs.count_if_any(totals.canceled, "canceled");
    pairs
}

fn with_share(label: &str, part: u64, whole: u64) -> String {
    if part == 0 {
        return label.to_owned();
    }
    format!("{label} ({})", share(part, whole))
}

fn counted_once(messages: &Messages) -> Pairs {
    let mut pairs = Pairs {
        title: "each mail counted once",
        ..Pairs::default()
    };
    pairs.count(messages.accepted, "accepted");
    pairs.count_if_any(messages.reinjected, "re-injected, not counted again");
    pairs.count(messages.delivered_recipients, "recipients delivered");
    pairs.count(messages.bounced_recipients, "recipients bounced");
    pairs.count_if_any(messages.expired_recipients, "recipients expired");
    pairs.count(messages.rejected_recipients, "recipients rejected");
    pairs.count(messages.rejected_5xx, "rejects for good (5xx)");
    pairs.count(messages.rejected_4xx, "rejects for now (4xx)");
    pairs.count_if_any(messages.open_at_start, "under way when the log begins");
    pairs.count_if_any(messages.open_at_end, "in the queue when it ends");
    pairs.count_if_any(messages.lost_end, "without an end for 8 days");
    pairs.count_if_any(messages.superseded, "lost their queue id");
    pairs
}

fn volume(totals: &MailTotals) -> Pairs {
    let mut pairs = Pairs::default();
    let received = Cell::Bytes(totals.bytes_received);
    let delivered = Cell::Bytes(totals.bytes_delivered);
    pairs.rows.push((received, "received".into()));
    pairs.rows.push((delivered, "delivered".into()));
    pairs
}

fn people(totals: &MailTotals) -> Pairs {
    let mut pairs = Pairs::default();
    let domains = |number| format!("of {} domains", count(number));
    pairs.count(
        totals.senders,
        format!("senders {}", domains(totals.sending_domains)),
    );
    let of_domains = domains(totals.recipient_domains);
    pairs.count(totals.recipients, format!("recipients {of_domains}"));
    pairs
}

/// Shows the chief counts of each instance, where there is more than one.
pub(crate) fn by_instance(rows: &[InstanceTotals]) -> Option<Section> {
    if rows.len() < 2 {
        return None;
    }
    let mut table = Table::new(vec![
        Column::number("received"),
        Column::number("delivered"),
        Column::number("deferrals"),
        Column::number("bounced"),
        Column::number("rejected"),
        Column::text("instance"),
        Column::text("host"),
    ]);
    // Within one host, the head has named it.
    let is_one_host = rows
        .iter()
        .all(|row| rows.first().is_some_and(|first| first.host == row.host));
    table.rows = rows
        .iter()
        .map(|row| instance_row(row, is_one_host))
        .collect();
    Some(Section {
        id: "instances",
        title: "By instance, as pflogsumm counts".into(),
        blocks: vec![Block::Table(table.without_idle_columns())],
    })
}

fn instance_row(row: &InstanceTotals, is_one_host: bool) -> Vec<Cell> {
    vec![
        Cell::Count(row.totals.received),
        Cell::Count(row.totals.delivered),
        Cell::Count(row.totals.deferrals),
        Cell::Count(row.totals.bounced),
        Cell::Count(row.totals.rejected),
        Cell::text(&row.instance),
        if is_one_host {
            Cell::Empty
        } else {
            Cell::text(&row.host)
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    #[test]
    fn both_sets_of_numbers_stand_side_by_side() {
        let totals = MailTotals {
            received: 1_526,
            delivered: 1_300,
            deferred: 60,
            deferrals: 92,
            bounced: 9,
            rejected: 650,
            held: 3,
            discarded: 50,
            bytes_received: 2_048,
            bytes_delivered: 4_096,
            senders: 12,
            sending_domains: 1_008,
            recipients: 10,
            recipient_domains: 5,
            ..MailTotals::default()
        };
        let messages = Messages {
            accepted: 1_203,
            reinjected: 214,
            delivered_recipients: 1_250,
            bounced_recipients: 9,
            rejected_recipients: 412,
            rejected_4xx: 120,
            rejected_5xx: 500,
            open_at_end: 4,
            ..Messages::default()
        };
        let expected = "\
Grand totals
[as pflogsumm counts]
1526 received
1300 delivered
60 deferred (92 deferrals)
9 bounced
650 rejected (33%)
3 held
50 discarded (3%)
[each mail counted once]
1203 accepted
214 re-injected, not counted again
1250 recipients delivered
9 recipients bounced
412 recipients rejected
500 rejects for good (5xx)
120 rejects for now (4xx)
4 in the queue when it ends
2048B received
4096B delivered
12 senders of 1,008 domains
10 recipients of 5 domains
";
        assert_eq!(plain(&grand_totals(&totals, &messages)), expected);
    }

    #[test]
    fn no_mail_is_one_line() {
        let section = grand_totals(&MailTotals::default(), &Messages::default());
        assert_eq!(plain(&section), "Grand totals: no mail\n");
    }

    #[test]
    fn zeros_of_rare_things_are_left_out() {
        let totals = MailTotals {
            received: 1,
            ..MailTotals::default()
        };
        let text = plain(&grand_totals(&totals, &Messages::default()));
        assert!(
            text.contains("\n0 delivered\n0 deferred\n0 bounced\n0 rejected\n"),
            "{text}"
        );
        assert!(
            !text.contains("canceled") && !text.contains("expired"),
            "{text}"
        );
    }

    #[test]
    fn one_instance_is_not_split() {
        let row = |host: &str, instance: &str| InstanceTotals {
            host: host.into(),
            instance: instance.into(),
            totals: MailTotals {
                received: 3,
                delivered: 4,
                deferrals: 5,
                bounced: 6,
                rejected: 7,
                ..MailTotals::default()
            },
        };
        assert_eq!(by_instance(&[row("mx1", "postfix")]), None);
        let one_host = [row("mx1", "postfix"), row("mx1", "postfix-out")];
        let expected = "\
By instance, as pflogsumm counts
received | delivered | deferrals | bounced | rejected | instance
3 | 4 | 5 | 6 | 7 | postfix
3 | 4 | 5 | 6 | 7 | postfix-out
";
        assert_eq!(plain(&by_instance(&one_host).unwrap()), expected);
        let two_hosts = [row("mx1", "postfix"), row("mx2", "postfix")];
        let text = plain(&by_instance(&two_hosts).unwrap());
        assert!(
            text.ends_with("| postfix | mx1\n3 | 4 | 5 | 6 | 7 | postfix | mx2\n"),
            "{text}"
        );
    }
}
