//! Who sent and received how much: domains and addresses, by mails and by bytes.

use super::number::{count, counted, duration};
use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::{RecipientDomainRow, VolumeRow, VolumeTotals, WithoutSize};

/// Rows of each list in text.
const ROWS: usize = 10;

/// Shows deliveries by recipient domain, and received mail by the sender's domain.
pub(crate) fn domains(volume: &VolumeTotals, options: Options) -> Option<Section> {
    let blocks: Vec<Block> = [
        recipient_domains(&volume.recipient_domains, options),
        by_count("Received from", "domain", &volume.sending_domains, options),
    ]
    .into_iter()
    .flatten()
    .collect();
    section("domains", "Mail by domain", blocks)
}

/// Shows senders and recipients, by mails and by bytes.
pub(crate) fn addresses(volume: &VolumeTotals, options: Options) -> Option<Section> {
    let (senders, recipients) = (&volume.senders, &volume.recipients);
    let blocks: Vec<Block> = [
        by_count("Senders by mails", "sender", senders, options),
        by_bytes("Senders by bytes", "sender", senders, options),
        by_count("Recipients by mails", "recipient", recipients, options),
        by_bytes("Recipients by bytes", "recipient", recipients, options),
        without_size(&volume.without_size, options),
    ]
    .into_iter()
    .flatten()
    .collect();
    section("addresses", "Senders and recipients", blocks)
}

fn section(id: &'static str, title: &str, blocks: Vec<Block>) -> Option<Section> {
    (!blocks.is_empty()).then(|| Section {
        id,
        title: title.into(),
        blocks,
    })
}

fn recipient_domains(rows: &[RecipientDomainRow], options: Options) -> Option<Block> {
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::titled(
        "Delivered to",
        vec![
            Column::number("delivered"),
            Column::number("bytes"),
            Column::number("deferrals"),
            Column::number("bounced"),
            Column::number("avg delay"),
            Column::number("longest"),
            Column::text("domain"),
        ],
    );
    let shown = options.rows(ROWS);
    let cells = |row: &RecipientDomainRow| {
        vec![
            Cell::Count(row.delivered),
            Cell::Bytes(row.bytes),
            Cell::Count(row.deferrals),
            Cell::Count(row.bounced),
            Cell::text(duration(row.delay_avg_us)),
            Cell::text(duration(row.delay_max_us)),
            Cell::text(&row.domain),
        ]
    };
    table.rows = rows.iter().take(shown).map(cells).collect();
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.delivered));
    table.note =
        Some("avg delay: of delivered recipients; longest: of delivered and deferred ones.".into());
    Some(Block::Table(table.without_idle_columns()))
}

fn by_count(
    caption: &str,
    what: &'static str,
    rows: &[VolumeRow],
    options: Options,
) -> Option<Block> {
    table(
        caption,
        what,
        rows.iter().collect(),
        |row| row.count,
        options,
    )
}

fn by_bytes(
    caption: &str,
    what: &'static str,
    rows: &[VolumeRow],
    options: Options,
) -> Option<Block> {
    let mut rows: Vec<&VolumeRow> = rows.iter().collect();
    // Stable: rows of one size stay in the order of count and name.
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    table(caption, what, rows, |row| row.count, options)
}

fn table(
    caption: &str,
    what: &'static str,
    rows: Vec<&VolumeRow>,
    count: impl Fn(&VolumeRow) -> u64,
    options: Options,
) -> Option<Block> {
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::titled(
        caption,
        vec![
            Column::number("mails"),
            Column::number("bytes"),
            Column::text(what),
        ],
    );
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(row.count),
            Cell::Bytes(row.bytes),
            Cell::text(&row.name),
        ]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| count(row)));
    Some(Block::Table(table))
}

fn without_size(without: &WithoutSize, options: Options) -> Option<Block> {
    if without.mails == 0 {
        return None;
    }
    let mails = counted(without.mails, "mail", "mails");
    let sum: u64 = without.recipients.iter().map(|row| row.delivered).sum();
    let mut table = Table::titled(
        format!(
            "Without a size in the log: {mails}, {} deliveries",
            count(sum)
        ),
        vec![Column::number("delivered"), Column::text("recipient")],
    );
    let shown = options.rows(ROWS);
    for row in without.recipients.iter().take(shown) {
        table
            .rows
            .push(vec![Cell::Count(row.delivered), Cell::text(&row.recipient)]);
    }
    table.rest = Rest::of(
        without
            .recipients
            .iter()
            .skip(shown)
            .map(|row| row.delivered),
    );
    table.note = Some("They came in before the log begins; their bytes are not counted.".into());
    Some(Block::Table(table))
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;
    use crate::tally::totals::WithoutSizeRow;

    fn row(name: &str, count: u64, bytes: u64) -> VolumeRow {
        VolumeRow {
            name: name.into(),
            count,
            bytes,
        }
    }

    fn totals() -> VolumeTotals {
        VolumeTotals {
            senders: vec![
                row("many@example.org", 9, 90),
                row("big@example.org", 1, 7_000),
            ],
            recipients: vec![row("ann@example.com", 3, 30)],
            sending_domains: vec![row("example.org", 10, 7_090)],
            recipient_domains: vec![RecipientDomainRow {
                domain: "example.com".into(),
                delivered: 3,
                bytes: 30,
                deferrals: 2,
                bounced: 0,
                delay_avg_us: 1_500_000,
                delay_max_us: 61_000_000,
            }],
            without_size: WithoutSize {
                mails: 1,
                recipients: vec![WithoutSizeRow {
                    recipient: "bob@example.com".into(),
                    delivered: 2,
                }],
            },
        }
    }

    #[test]
    fn shows_domains_without_columns_of_zeros() {
        let expected = "\
Mail by domain
[Delivered to]
delivered | bytes | deferrals | avg delay | longest | domain
3 | 30B | 2 | 1.5 s | 1 m 1 s | example.com
(avg delay: of delivered recipients; longest: of delivered and deferred ones.)
[Received from]
mails | bytes | domain
10 | 7090B | example.org
";
        assert_eq!(
            plain(&domains(&totals(), Options::default()).unwrap()),
            expected
        );
    }

    #[test]
    fn shows_addresses_by_mails_then_by_bytes() {
        let text = plain(&addresses(&totals(), Options::with_top(1)).unwrap());
        let expected = "\
Senders and recipients
[Senders by mails]
mails | bytes | sender
9 | 90B | many@example.org
+ 1 rows, 1 in sum
[Senders by bytes]
mails | bytes | sender
1 | 7000B | big@example.org
+ 1 rows, 9 in sum
[Recipients by mails]
mails | bytes | recipient
3 | 30B | ann@example.com
[Recipients by bytes]
mails | bytes | recipient
3 | 30B | ann@example.com
[Without a size in the log: 1 mail, 2 deliveries]
delivered | recipient
2 | bob@example.com
(They came in before the log begins; their bytes are not counted.)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_mail_is_no_section() {
        let none = VolumeTotals::default();
        assert!(domains(&none, Options::default()).is_none());
        assert!(addresses(&none, Options::default()).is_none());
    }
}
