//! What programs read: the keys of `report --format json`.
//!
//! These names are an interface. A key keeps its name and meaning; more keys may come to stand
//! beside it. A part that was not asked for (`--sections`) leaves out its keys. Every field is borrowed from the totals; lists are complete unless `--top` is given.

use schemars::JsonSchema;
use serde::Serialize;

use super::clock;
use super::detail_figures::DetailFigures;
use super::number::len;
use super::spam_sources::SpamSource;
use super::{Meta, Options, Part, RangeAsked};
use crate::tally::totals::{
    AcceptedRow, ConnectionRow, ConnectionTotals, Coverage, DayRow, DeliveryFamilyRow,
    DeliveryTotals, FamilyCounts, HourRow, InstanceTotals, KindRow, LevelRow, LineCounts, LoginRow,
    MailTotals, Messages, PlaintextRow, RecipientRow, RejectClientRow, RejectTotals, RelayRow,
    RuleRow, ServerRow, ServiceRow, ShapeRow, TlsFailureRow, TlsInboundRow, TlsOutboundRow,
    TlsStates, Totals, WeakRow, WeekdayHourRow,
};

/// The version of the JSON report.
pub const SCHEMA: u32 = 1;

/// The whole JSON report.
#[derive(Clone, PartialEq, Debug, JsonSchema, Serialize)]
pub struct Figures<'a> {
    /// The version of this format.
    pub schema: u32,
    /// Where the figures come from.
    pub meta: MetaFigures<'a>,
    /// How far the log was understood.
    pub coverage: CoverageFigures<'a>,
    /// pflogsumm's counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<&'a MailTotals>,
    /// The same by instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals_by_instance: Option<&'a [InstanceTotals]>,
    /// Each mail counted once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<&'a Messages>,
    /// Accepted mail by client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_by_client: Option<&'a [AcceptedRow]>,
    /// Traffic by hour of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<&'a [HourRow]>,
    /// Traffic by day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<&'a [DayRow]>,
    /// Traffic by weekday and hour of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_weekday_hour: Option<&'a [WeekdayHourRow]>,
    /// TLS sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFigures<'a>>,
    /// Login attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logins: Option<&'a [LoginRow]>,
    /// Refused mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects: Option<RejectFigures<'a>>,
    /// Connections of clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<ConnectionFigures<'a>>,
    /// Delivery attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<DeliveryFigures<'a>>,
    /// Sources of unwanted mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spam_sources: Option<Vec<SpamSource<'a>>>,
    /// The sections beyond the totals.
    #[serde(flatten)]
    pub details: DetailFigures<'a>,
}

impl<'a> Figures<'a> {
    /// Puts the figures together. `--top` cuts every list that can grow with the traffic; hours,
    /// days, instances, services and statuses stay whole.
    pub(crate) fn new(
        totals: &'a Totals,
        meta: &'a Meta,
        mut spam_sources: Vec<SpamSource<'a>>,
        options: Options,
    ) -> Self {
        let at = |part| options.at(part);
        spam_sources.truncate(at(Part::SpamSources).rows(usize::MAX));
        let [mail, traffic, families] = [Part::Totals, Part::Traffic, Part::Families]
            .map(|part| options.sections.has(part).then_some(totals));
        let has = |part| options.sections.has(part);
        Figures {
            schema: SCHEMA,
            meta: MetaFigures::new(totals, meta, options),
            coverage: CoverageFigures::new(&totals.coverage, at(Part::Coverage)),
            totals: mail.map(|totals| &totals.totals),
            totals_by_instance: mail.map(|totals| &totals.totals_by_instance[..]),
            messages: mail.map(|totals| &totals.messages),
            accepted_by_client: families
                .map(|totals| at(Part::Families).cut(&totals.accepted_by_client)),
            per_hour: traffic.map(|totals| &totals.per_hour[..]),
            per_day: traffic.map(|totals| &totals.per_day[..]),
            per_weekday_hour: traffic.map(|totals| &totals.per_weekday_hour[..]),
            tls: has(Part::Tls).then(|| TlsFigures::new(totals, at(Part::Tls))),
            logins: has(Part::Logins).then(|| at(Part::Logins).cut(&totals.logins)),
            rejects: has(Part::Rejects)
                .then(|| RejectFigures::new(&totals.rejects, at(Part::Rejects))),
            connections: families
                .map(|totals| ConnectionFigures::new(&totals.connections, at(Part::Families))),
            deliveries: families
                .map(|totals| DeliveryFigures::new(&totals.deliveries, at(Part::Families))),
            spam_sources: has(Part::SpamSources).then_some(spam_sources),
            details: DetailFigures::new(totals, options),
        }
    }
}

/// Where the figures come from.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct MetaFigures<'a> {
    /// The hosts that logged, sorted.
    pub hosts: &'a [String],
    /// The first stamp, as `2026-11-21T00:44:25`: the log's wall clock in whole seconds; null for
    /// a log without stamps.
    pub first: Option<String>,
    /// The last stamp.
    pub last: Option<String>,
    /// The range of time that was asked for; null for all.
    pub range: Option<RangeFigure<'a>>,
    /// The conditions that lines and mails had to meet; the key is left out where there were none.
    #[serde(rename = "where", skip_serializing_if = "<[String]>::is_empty")]
    pub conditions: &'a [String],
    /// The files read.
    pub files: &'a [String],
    /// The time zone of the wall clock.
    pub timezone: &'a str,
    /// What a reader must know about the input.
    pub notes: &'a [String],
    /// The rows that `--top` left of each list; null if lists are complete.
    pub top: Option<u64>,
}

/// A range of time, its end not included.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct RangeFigure<'a> {
    /// The user's words.
    pub asked: &'a str,
    /// The first moment, as `2026-11-21T00:00:00`; null from the beginning on.
    pub since: Option<String>,
    /// The moment before which it ends; null to the end.
    pub until: Option<String>,
}

impl<'a> RangeFigure<'a> {
    fn new(asked: &'a RangeAsked) -> Self {
        RangeFigure {
            asked: &asked.words,
            since: asked.from_us.map(clock::iso),
            until: asked.to_us.map(clock::iso),
        }
    }
}

impl<'a> MetaFigures<'a> {
    pub(crate) fn new(totals: &'a Totals, meta: &'a Meta, options: Options) -> Self {
        MetaFigures {
            hosts: &totals.hosts,
            first: totals.span.map(|(first, _)| clock::iso(first)),
            last: totals.span.map(|(_, last)| clock::iso(last)),
            range: meta.range.as_ref().map(RangeFigure::new),
            conditions: &meta.conditions,
            files: &meta.files,
            timezone: &meta.timezone,
            notes: &meta.notes,
            top: options.top.map(len),
        }
    }
}

/// How far the log was understood; by itself, the JSON of the coverage report.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct CoverageFigures<'a> {
    /// The classes of lines; `read` is the sum of the other five.
    pub lines: LineCounts,
    /// Lines that the loggers themselves reported as lost.
    pub lost: u64,
    /// Lines whose envelope had no known form.
    pub no_envelope: u64,
    /// Foreign lines that look like those of another mail server.
    #[serde(skip_serializing_if = "<[ServerRow]>::is_empty")]
    pub foreign_servers: &'a [ServerRow],
    /// Lines stamped earlier than the line before them on the same host.
    pub disordered: u64,
    /// The largest step back, in microseconds.
    pub disorder_us: u64,
    /// Silences of more than an hour, longest first.
    pub gaps: Vec<GapFigure<'a>>,
    /// Lines by program and kind.
    pub kinds: &'a [KindRow],
    /// Unparsed lines, clustered by shape.
    pub unparsed_shapes: &'a [ShapeRow],
    /// Unparsed lines whose shape was not kept because there were too many.
    pub unparsed_shapes_dropped: u64,
}

impl<'a> CoverageFigures<'a> {
    pub(crate) fn new(coverage: &'a Coverage, options: Options) -> Self {
        let gaps = options.cut(&coverage.gaps).iter();
        CoverageFigures {
            lines: coverage.lines,
            lost: coverage.lost,
            no_envelope: coverage.no_envelope,
            foreign_servers: &coverage.foreign_servers,
            disordered: coverage.disordered,
            disorder_us: coverage.disorder_us,
            gaps: gaps
                .map(|gap| GapFigure {
                    host: &gap.host,
                    from: clock::iso(gap.from_us),
                    to: clock::iso(gap.to_us),
                })
                .collect(),
            kinds: options.cut(&coverage.kinds),
            unparsed_shapes: options.cut(&coverage.unparsed_shapes),
            unparsed_shapes_dropped: coverage.unparsed_shapes_dropped,
        }
    }
}

/// A silence of more than an hour.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct GapFigure<'a> {
    /// The host that was silent.
    pub host: &'a str,
    /// The last stamp before it.
    pub from: String,
    /// The first stamp after it.
    pub to: String,
}

/// TLS sessions.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct TlsFigures<'a> {
    /// Sessions with clients.
    pub inbound: &'a [TlsInboundRow],
    /// Sessions with servers.
    pub outbound: &'a [TlsOutboundRow],
    /// What the log proves.
    pub states: &'a TlsStates,
    /// Failed handshakes.
    pub failures: &'a [TlsFailureRow],
    /// Sessions with an old protocol or a weak cipher.
    pub weak: &'a [WeakRow],
    /// Deliveries that the log proves to be plaintext, by destination.
    pub plaintext: &'a [PlaintextRow],
    /// Deliveries by the TLS level that their lines state (`tls=`), and destination.
    pub levels: &'a [LevelRow],
}

impl<'a> TlsFigures<'a> {
    fn new(totals: &'a Totals, options: Options) -> Self {
        let (tls, details) = (&totals.tls, &totals.details);
        TlsFigures {
            weak: options.cut(&details.weak_tls),
            plaintext: options.cut(&details.plaintext),
            levels: options.cut(&details.tls_levels),
            inbound: options.cut(&tls.inbound),
            outbound: options.cut(&tls.outbound),
            states: &tls.states,
            failures: options.cut(&tls.failures),
        }
    }
}

/// Refused mail.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct RejectFigures<'a> {
    /// By rule.
    pub by_rule: &'a [RuleRow],
    /// By client and stage.
    pub by_client: &'a [RejectClientRow],
}

impl<'a> RejectFigures<'a> {
    fn new(rejects: &'a RejectTotals, options: Options) -> Self {
        RejectFigures {
            by_rule: options.cut(&rejects.by_rule),
            by_client: options.cut(&rejects.by_client),
        }
    }
}

/// Connections of clients.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct ConnectionFigures<'a> {
    /// By address family.
    pub by_family: &'a FamilyCounts,
    /// By service.
    pub by_service: &'a [ServiceRow],
    /// By client address.
    pub by_address: &'a [ConnectionRow],
}

impl<'a> ConnectionFigures<'a> {
    fn new(connections: &'a ConnectionTotals, options: Options) -> Self {
        ConnectionFigures {
            by_family: &connections.by_family,
            by_service: &connections.by_service,
            by_address: options.cut(&connections.by_address),
        }
    }
}

/// Delivery attempts.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct DeliveryFigures<'a> {
    /// By status.
    pub by_status: &'a std::collections::BTreeMap<String, u64>,
    /// By address family.
    pub by_family: &'a [DeliveryFamilyRow],
    /// By relay.
    pub by_relay: &'a [RelayRow],
    /// By recipient.
    pub by_recipient: &'a [RecipientRow],
}

impl<'a> DeliveryFigures<'a> {
    fn new(deliveries: &'a DeliveryTotals, options: Options) -> Self {
        DeliveryFigures {
            by_status: &deliveries.by_status,
            by_family: &deliveries.by_family,
            by_relay: options.cut(&deliveries.by_relay),
            by_recipient: options.cut(&deliveries.by_recipient),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::tally::totals::GapRow;

    fn json(totals: &Totals, top: Option<usize>) -> Value {
        let meta = Meta {
            files: vec!["mail.log".into()],
            timezone: "Europe/Berlin".into(),
            ..Meta::default()
        };
        let figures = super::super::report(
            totals,
            &meta,
            &Options {
                top,
                ..Options::default()
            },
        )
        .figures;
        serde_json::to_value(figures).unwrap()
    }

    fn keys(value: &Value) -> Vec<&str> {
        value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect()
    }

    /// The keys of the contract; serde_json's map sorts them.
    #[test]
    fn has_the_keys_that_others_rely_on() {
        let json = json(&Totals::default(), None);
        assert_eq!(json["schema"], 1);
        let top = "accepted_by_client connections coverage deliveries dnsbl failures logins \
                   mailboxes messages meta per_day per_hour per_weekday_hour postscreen rejects schema \
                   spam_sources tls totals totals_by_instance verdicts warnings";
        assert_eq!(keys(&json).join(" "), top);
        for (key, expected) in [
            ("meta", "files first hosts last notes range timezone top"),
            (
                "tls",
                "failures inbound levels outbound plaintext states weak",
            ),
            ("rejects", "by_client by_rule"),
            ("connections", "by_address by_family by_service"),
            ("deliveries", "by_family by_recipient by_relay by_status"),
            ("failures", "by_destination by_reason expired servers"),
        ] {
            assert_eq!(keys(&json[key]).join(" "), expected, "{key}");
        }
        let lines = "filtered foreign generic parsed read unparsed";
        assert_eq!(keys(&json["coverage"]["lines"]).join(" "), lines);
        assert_eq!(json["coverage"]["lost"], 0);
        let states = "logged not_logged plaintext seen";
        assert_eq!(keys(&json["tls"]["states"]["inbound"]).join(" "), states);
        assert_eq!(keys(&json["tls"]["states"]["outbound"]).join(" "), states);
        let families = "ipv4 ipv6 local unknown";
        assert_eq!(keys(&json["connections"]["by_family"]).join(" "), families);
        let totals = "bounced bytes_delivered bytes_received canceled deferrals deferred \
                      delivered discarded expired forwarded held received recipient_domains \
                      recipients reject_warnings rejected senders sending_domains";
        assert_eq!(keys(&json["totals"]).join(" "), totals);
        let messages = "accepted bounced_recipients delivered_recipients expired_recipients \
                        lost_end open_at_end open_at_start reinjected rejected_4xx rejected_5xx \
                        rejected_recipients superseded";
        assert_eq!(keys(&json["messages"]).join(" "), messages);
    }

    #[test]
    fn stamps_are_seconds_of_the_wall_clock_and_null_without_a_log() {
        let empty = json(&Totals::default(), None);
        assert_eq!(empty["meta"]["first"], Value::Null);
        let mut totals = Totals {
            span: Some((1_795_221_865_624_661, 1_795_225_465_999_999)),
            hosts: vec!["mx1".into()],
            ..Totals::default()
        };
        totals.coverage.gaps = vec![GapRow {
            host: "mx1".into(),
            from_us: 1_795_221_865_624_661,
            to_us: 1_795_225_465_999_999,
        }];
        let json = json(&totals, None);
        assert_eq!(json["meta"]["first"], "2026-11-21T00:44:25");
        assert_eq!(json["meta"]["last"], "2026-11-21T01:44:25");
        assert_eq!(json["meta"]["hosts"][0], "mx1");
        assert_eq!(json["meta"]["files"][0], "mail.log");
        assert_eq!(json["meta"]["timezone"], "Europe/Berlin");
        assert_eq!(json["coverage"]["gaps"][0]["to"], "2026-11-21T01:44:25");
    }

    #[test]
    fn top_cuts_lists_and_says_so() {
        let rule = |rule: &str, count| RuleRow {
            rule: rule.into(),
            class: "header-check".into(),
            action: "reject".into(),
            count,
        };
        let mut totals = Totals::default();
        totals.rejects.by_rule = vec![rule("7", 3), rule("8", 1)];
        let whole = json(&totals, None);
        assert_eq!(whole["rejects"]["by_rule"].as_array().unwrap().len(), 2);
        assert_eq!(whole["meta"]["top"], Value::Null);
        let cut = json(&totals, Some(1));
        assert_eq!(cut["rejects"]["by_rule"].as_array().unwrap().len(), 1);
        assert_eq!(cut["meta"]["top"], 1);
    }
}
