//! IPv4 and IPv6 side by side, in both directions.

use std::collections::BTreeMap;

use super::{Block, Cell, Column, Section, Table};
use crate::tally::totals::{DeliveryFamilyRow, FamilyCounts, LoginRow, Totals};

/// Shows for each kind of traffic how it divides into address families; nothing if there is none.
pub(crate) fn families(totals: &Totals) -> Option<Section> {
    let mut rows = inbound(totals);
    rows.extend(outbound(totals));
    rows.retain(|row| row.families != FamilyCounts::default());
    if rows.is_empty() {
        return None;
    }
    Some(Section {
        id: "families",
        title: "IPv4 and IPv6".into(),
        blocks: vec![Block::Table(table(&rows))],
    })
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
        AcceptedRow, ConnectionTotals, DeliveryTotals, RejectClientRow, RejectTotals,
        TlsInboundRow, TlsOutboundRow, TlsTotals,
    };

    fn accepted(family: &'static str, count: u64) -> AcceptedRow {
        AcceptedRow {
            address: "192.0.2.1".into(),
            family,
            client_scope: "outside",
            count,
        }
    }

    fn reject(family: &'static str, action: &str, count: u64) -> RejectClientRow {
        RejectClientRow {
            address: None,
            family,
            client_scope: "outside",
            stage: "rcpt".into(),
            code_class: Some(5),
            action: action.into(),
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
        assert_eq!(plain(&families(&totals()).unwrap()), expected);
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
    fn no_traffic_is_no_section() {
        assert_eq!(families(&Totals::default()), None);
    }
}
