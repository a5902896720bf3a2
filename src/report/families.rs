//! IPv4 and IPv6 side by side, in both directions.

use std::collections::BTreeMap;

use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::{DeliveryFamilyRow, FamilyCounts, LoginRow, Totals};

/// Shows for each kind of traffic how it divides into address families; nothing if there is none.
pub(crate) fn families(totals: &Totals, options: Options) -> Option<Section> {
    let mut rows = inbound(totals);
    rows.extend(outbound(totals));
    rows.retain(|row| row.families != FamilyCounts::default());
    if rows.is_empty() {
        return None;
    }
    let mut blocks = vec![Block::Table(table(&rows))];
    blocks.extend(ipv6_failed(totals, options));
    Some(Section {
        id: "families",
        title: "IPv4 and IPv6".into(),
        blocks,
    })
}

/// Domains that mail reached by IPv4 alone, while connections to the same servers failed by IPv6.
fn ipv6_failed(totals: &Totals, options: Options) -> Option<Block> {
    let mut failures: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for row in &totals.details.failures.servers {
        if row.family == "ipv6" && !row.connected {
            let (count, _) = failures.entry(&row.host).or_insert((0, &row.reason));
            *count += row.count;
        }
    }
    let mut domains: BTreeMap<&str, Reached<'_>> = BTreeMap::new();
    let sent = totals.deliveries.by_relay.iter();
    for row in sent.filter(|row| row.status == "sent") {
        let reached = domains.entry(&row.domain).or_default();
        match row.family {
            "ipv4" => reached.ipv4 += row.count,
            "ipv6" => reached.ipv6 += row.count,
            _ => continue,
        }
        let host = row.relay.split('[').next().unwrap_or(&row.relay);
        if let Some((host, failures)) = failures.get_key_value(host) {
            reached.failures.insert(host, *failures);
        }
    }
    let mut domains: Vec<_> = domains
        .into_iter()
        .filter(|(_, reached)| reached.ipv6 == 0 && !reached.failures.is_empty())
        .collect();
    domains.sort_by_key(|(_, reached)| std::cmp::Reverse(reached.ipv4));
    let mut table = Table::titled(
        "Reached by IPv4 alone, while IPv6 connections to the same servers failed",
        vec![
            Column::number("delivered"),
            Column::number("IPv6 failures"),
            Column::text("destination"),
            Column::text("first reason"),
        ],
    );
    let shown = options.rows(ROWS);
    for (domain, reached) in domains.iter().take(shown) {
        let failures = reached.failures.values();
        let reason = failures.clone().next().map(|(_, reason)| *reason);
        table.rows.push(vec![
            Cell::Count(reached.ipv4),
            Cell::Count(failures.map(|(count, _)| count).sum()),
            Cell::text(*domain),
            Cell::logged(reason),
        ]);
    }
    table.rest = Rest::of(domains.iter().skip(shown).map(|(_, reached)| reached.ipv4));
    (!domains.is_empty()).then_some(Block::Table(table))
}

/// Rows of the list of destinations in text.
const ROWS: usize = 10;

/// How a domain was reached.
#[derive(Default)]
struct Reached<'a> {
    ipv4: u64,
    ipv6: u64,
    /// By server: failed connections by IPv6, and why.
    failures: BTreeMap<&'a str, (u64, &'a str)>,
}

/// One kind of traffic.
struct Row {
    direction: &'static str,
    traffic: String,
    families: FamilyCounts,
}

/// Adds counts up by the name of their family.
fn sum<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> FamilyCounts {
    let mut families = FamilyCounts::default();
    for (family, count) in counts {
        add(&mut families, family, count);
    }
    families
}

fn add(families: &mut FamilyCounts, family: &str, count: u64) {
    let sum = match family {
        "ipv4" => &mut families.ipv4,
        "ipv6" => &mut families.ipv6,
        "local" => &mut families.local,
        _ => &mut families.unknown,
    };
    *sum = sum.saturating_add(count);
}

fn inbound(totals: &Totals) -> Vec<Row> {
    let accepted = totals.accepted_by_client.iter();
    let rejects = totals.rejects.by_client.iter();
    let rejects = rejects.filter(|row| row.action == "reject");
    let sessions = totals.tls.inbound.iter();
    [
        ("connections", totals.connections.by_family),
        (
            "accepted mail",
            sum(accepted.map(|row| (row.family, row.count))),
        ),
        ("rejects", sum(rejects.map(|row| (row.family, row.count)))),
        ("logins", logins(&totals.logins, "success")),
        ("failed logins", logins(&totals.logins, "failure")),
        (
            "TLS sessions",
            sum(sessions.map(|row| (row.family, row.sessions))),
        ),
    ]
    .map(|(traffic, families)| Row {
        direction: "inbound",
        traffic: traffic.into(),
        families,
    })
    .into()
}

fn logins(rows: &[LoginRow], outcome: &str) -> FamilyCounts {
    let rows = rows.iter().filter(|row| row.outcome == outcome);
    sum(rows.map(|row| (row.family, row.count)))
}

/// Deliveries by status, those to the net before those within the host, and outbound TLS.
fn outbound(totals: &Totals) -> Vec<Row> {
    let sessions = totals
        .tls
        .outbound
        .iter()
        .map(|row| (row.family, row.sessions));
    let tls = Row {
        direction: "outbound",
        traffic: "TLS sessions".into(),
        families: sum(sessions),
    };
    let mut rows = by_status(&totals.deliveries.by_family, "outbound");
    rows.push(tls);
    rows.extend(by_status(&totals.deliveries.by_family, "local"));
    rows
}

fn by_status(rows: &[DeliveryFamilyRow], direction: &'static str) -> Vec<Row> {
    let mut statuses: BTreeMap<(usize, &str), FamilyCounts> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.direction == direction) {
        let key = (status_order(&row.status), row.status.as_str());
        add(statuses.entry(key).or_default(), row.family, row.count);
    }
    let row = |((_, status), families): ((usize, &str), FamilyCounts)| Row {
        direction,
        traffic: status.into(),
        families,
    };
    statuses.into_iter().map(row).collect()
}

/// The statuses of every log first, others after them by name.
fn status_order(status: &str) -> usize {
    ["sent", "deferred", "bounced", status]
        .iter()
        .position(|known| *known == status)
        .unwrap_or(usize::MAX)
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(vec![
        Column::text("direction"),
        Column::text("traffic"),
        Column::number("IPv4"),
        Column::number("IPv6"),
        Column::number("local"),
        Column::number("unknown"),
        Column::number("IPv6 share"),
    ]);
    let mut above = "";
    for row in rows {
        let direction = if row.direction == above {
            Cell::Empty
        } else {
            Cell::text(row.direction)
        };
        above = row.direction;
        table.rows.push(cells(direction, row));
    }
    table.without_idle_columns()
}

fn cells(direction: Cell, row: &Row) -> Vec<Cell> {
    let families = row.families;
    vec![
        direction,
        Cell::text(&row.traffic),
        Cell::Count(families.ipv4),
        Cell::Count(families.ipv6),
        Cell::Count(families.local),
        Cell::Count(families.unknown),
        Cell::Share {
            part: families.ipv6,
            whole: families.ipv4.saturating_add(families.ipv6),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;
    use crate::tally::totals::{
        AcceptedRow, ConnectionTotals, DeliveryTotals, RejectClientRow, RejectTotals, RelayRow,
        ServerFailureRow, TlsInboundRow, TlsOutboundRow, TlsTotals,
    };

    fn accepted(family: &'static str, count: u64) -> AcceptedRow {
        AcceptedRow {
            address: "192.0.2.1".into(),
            family,
            client_scope: "outside",
            count,
        }
    }

    fn reject(family: &'static str, action: &'static str, count: u64) -> RejectClientRow {
        RejectClientRow {
            address: None,
            family,
            client_scope: "outside",
            stage: "rcpt",
            code_class: Some(5),
            action,
            count,
        }
    }

    fn login(family: &'static str, outcome: &'static str, count: u64) -> LoginRow {
        LoginRow {
            service: "imap".into(),
            outcome,
            user: None,
            method: None,
            address: None,
            family,
            tls: None,
            count,
        }
    }

    fn delivery(
        direction: &'static str,
        family: &'static str,
        status: &str,
        count: u64,
    ) -> DeliveryFamilyRow {
        DeliveryFamilyRow {
            direction,
            family,
            status: status.into(),
            count,
        }
    }

    fn tls(family: &'static str, sessions: u64) -> TlsTotals {
        let outbound = TlsOutboundRow {
            instance: "postfix".into(),
            domain: None,
            host: "mx.example".into(),
            family,
            trust: "trusted",
            protocol: "TLSv1.3".into(),
            cipher: "x".into(),
            sessions,
        };
        let inbound = TlsInboundRow {
            instance: "postfix".into(),
            client_scope: "outside",
            family: "ipv4",
            trust: "anonymous",
            protocol: "TLSv1.3".into(),
            cipher: "x".into(),
            sessions,
        };
        TlsTotals {
            inbound: vec![inbound],
            outbound: vec![outbound],
            ..TlsTotals::default()
        }
    }

    fn totals() -> Totals {
        Totals {
            connections: ConnectionTotals {
                by_family: FamilyCounts {
                    ipv4: 30,
                    ipv6: 10,
                    ..FamilyCounts::default()
                },
                ..ConnectionTotals::default()
            },
            accepted_by_client: vec![
                accepted("ipv4", 5),
                accepted("local", 2),
                accepted("ipv6", 5),
            ],
            rejects: RejectTotals {
                by_client: vec![
                    reject("ipv4", "reject", 9),
                    reject("ipv4", "hold", 4),
                    reject("ipv4", "reject", 1),
                ],
                ..RejectTotals::default()
            },
            logins: vec![login("ipv6", "success", 8), login("ipv4", "failure", 3)],
            deliveries: DeliveryTotals {
                by_family: vec![
                    delivery("outbound", "ipv4", "bounced", 1),
                    delivery("outbound", "ipv4", "sent", 6),
                    delivery("outbound", "ipv6", "sent", 2),
                    delivery("outbound", "ipv4", "deliverable", 1),
                    delivery("local", "local", "sent", 11),
                ],
                ..DeliveryTotals::default()
            },
            tls: tls("ipv6", 4),
            ..Totals::default()
        }
    }

    #[test]
    fn both_families_stand_side_by_side_in_both_directions() {
        let expected = "\
IPv4 and IPv6
direction | traffic | IPv4 | IPv6 | local | IPv6 share
inbound | connections | 30 | 10 | 0 | 10/40
 | accepted mail | 5 | 5 | 2 | 5/10
 | rejects | 10 | 0 | 0 | 0/10
 | logins | 0 | 8 | 0 | 8/8
 | failed logins | 3 | 0 | 0 | 0/3
 | TLS sessions | 4 | 0 | 0 | 0/4
outbound | sent | 6 | 2 | 0 | 2/8
 | bounced | 1 | 0 | 0 | 0/1
 | deliverable | 1 | 0 | 0 | 0/1
 | TLS sessions | 0 | 4 | 0 | 4/4
local | sent | 0 | 0 | 11 | 0/0
";
        assert_eq!(
            plain(&families(&totals(), Options::default()).unwrap()),
            expected
        );
    }

    #[test]
    fn the_families_of_each_row_add_up_to_its_total() {
        let totals = totals();
        let whole = |rows: Vec<Row>, traffic: &str| {
            let found = rows.into_iter().find(|row| row.traffic == traffic);
            let FamilyCounts {
                ipv4,
                ipv6,
                local,
                unknown,
            } = found.unwrap().families;
            ipv4 + ipv6 + local + unknown
        };
        let accepted: u64 = totals.accepted_by_client.iter().map(|row| row.count).sum();
        assert_eq!(whole(inbound(&totals), "accepted mail"), accepted);
        assert_eq!(whole(inbound(&totals), "connections"), 40);
        assert_eq!(whole(outbound(&totals), "sent"), 8);
    }

    #[test]
    fn a_family_of_an_unknown_name_is_unknown() {
        let families = sum([("ipv5", 1), ("unknown", 2)].into_iter());
        assert_eq!(families.unknown, 3);
    }

    #[test]
    fn names_where_ipv6_failed_and_ipv4_did_not() {
        let relay = |relay: &str, domain: &str, family, count| RelayRow {
            relay: relay.into(),
            domain: domain.into(),
            family,
            status: "sent".into(),
            reply_class: Some(2),
            stage: None,
            probe: false,
            count,
        };
        let failure = |host: &str, family| ServerFailureRow {
            host: host.into(),
            family,
            connected: false,
            reason: "unreachable".into(),
            count: 3,
        };
        let mut totals = totals();
        totals.deliveries.by_relay = vec![
            relay("mx.a.example[192.0.2.1]:25", "a.example", "ipv4", 7),
            relay("mx.b.example[192.0.2.2]:25", "b.example", "ipv4", 9),
            relay("mx.b.example[2001:db8::2]:25", "b.example", "ipv6", 1),
            relay("mx.c.example[192.0.2.3]:25", "c.example", "ipv4", 5),
        ];
        totals.details.failures.servers = vec![
            failure("mx.a.example", "ipv6"),
            failure("mx.b.example", "ipv6"),
            failure("mx.c.example", "ipv4"),
        ];
        let text = plain(&families(&totals, Options::default()).unwrap());
        let expected = "\
[Reached by IPv4 alone, while IPv6 connections to the same servers failed]
delivered | IPv6 failures | destination | first reason
7 | 3 | a.example | unreachable
";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn no_traffic_is_no_section() {
        assert_eq!(families(&Totals::default(), Options::default()), None);
    }
}
