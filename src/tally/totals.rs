//! What a finished tally says: plain rows, sorted, ready for a report.
//!
//! The names and meanings are those of the JSON report's contract. Lists are sorted by count
//! descending, then by key; they are complete, a report cuts them.

use schemars::JsonSchema;
use serde::Serialize;

pub use super::buckets::Buckets;
pub use super::details::DetailTotals;
pub use super::details::behind::{BehindRow, BehindTotals};
pub use super::details::broken::{BrokenHandshakeRow, BrokenSessionRow, BrokenTotals};
pub use super::details::delays::DelayRow;
pub use super::details::exporter::ExporterTotals;
pub use super::details::failures::{
    DestinationRow, ExpiredRow, FailureRow, FailureTotals, ServerFailureRow,
};
pub use super::details::greylist::{GreylistRow, GreylistTotals};
pub use super::details::mailboxes::{MailSessionRow, MailboxTotals, SavedRow, SieveRow, UserRow};
pub use super::details::mails::{MailList, MailLists, MailRow};
pub use super::details::refused::RefusedRow;
pub use super::details::screening::{DnsblRow, OverlapRow, RankRow, ScreeningRow, ScreeningTotals};
pub use super::details::stays::{StayHourRow, StayRow, StayTotals};
pub use super::details::triplets::{TripletRow, TripletTotals};
pub use super::details::verdicts::VerdictRow;
pub use super::details::volume::{
    RecipientDomainRow, VolumeRow, VolumeTotals, WithoutSize, WithoutSizeRow,
};
pub use super::details::warnings::WarningRow;
pub use super::queue::{QueueReasonRow, QueueRow, QueueTotals};
pub use super::tls::{LevelRow, PlaintextRow, WeakRow};

/// All that was counted in a log.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct Totals {
    /// The hosts that logged, sorted.
    pub hosts: Vec<String>,
    /// The first and last stamp, as microseconds of the log's wall clock since 1970.
    pub span: Option<(i64, i64)>,
    /// How every line was accounted for.
    pub coverage: Coverage,
    /// pflogsumm's counts over all instances, services and hosts.
    pub totals: MailTotals,
    /// The same by instance.
    pub totals_by_instance: Vec<InstanceTotals>,
    /// Mails, each counted once.
    pub messages: Messages,
    /// Accepted mails by client, first hop only.
    pub accepted_by_client: Vec<AcceptedRow>,
    /// Traffic by hour of day, 24 rows.
    pub per_hour: Vec<HourRow>,
    /// Traffic by day, in order of date.
    pub per_day: Vec<DayRow>,
    /// Traffic by weekday and hour of day, in this order, those without any left out.
    pub per_weekday_hour: Vec<WeekdayHourRow>,
    /// TLS sessions.
    pub tls: TlsTotals,
    /// Logins, failed and successful.
    pub logins: Vec<LoginRow>,
    /// Refused mail.
    pub rejects: RejectTotals,
    /// Connections of clients.
    pub connections: ConnectionTotals,
    /// Delivery attempts.
    pub deliveries: DeliveryTotals,
    /// Evidence of unwanted mail by client address, in order of address; a report scores it.
    pub evidence: Vec<EvidenceRow>,
    /// What the sections beyond the totals show.
    pub details: DetailTotals,
}

/// How every line was accounted for: `read` is the sum of the five below it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct LineCounts {
    /// All lines.
    pub read: u64,
    /// Lines of a kind of the catalogue.
    pub parsed: u64,
    /// Lines of a known daemon and severity word, but of no known kind.
    pub generic: u64,
    /// Lines of ours of unknown shape.
    pub unparsed: u64,
    /// Lines of other programs, or without an envelope.
    pub foreign: u64,
    /// Lines that a filter left out.
    pub filtered: u64,
    /// Events beside those of the lines read: of lines that say that they were repeated.
    #[serde(skip_serializing_if = "is_none")]
    pub expanded: u64,
}

/// Tells whether there is nothing to write.
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// What was read, and how far it was understood.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct Coverage {
    /// The five classes of lines.
    pub lines: LineCounts,
    /// Lines that the loggers themselves reported as lost.
    pub lost: u64,
    /// Lines by program and kind.
    pub kinds: Vec<KindRow>,
    /// Unparsed lines, clustered by shape.
    pub unparsed_shapes: Vec<ShapeRow>,
    /// Unparsed lines whose shape was not kept because there were too many shapes.
    pub unparsed_shapes_dropped: u64,
    /// Gaps of more than an hour between two lines of one host, longest first.
    pub gaps: Vec<GapRow>,
    /// Lines stamped earlier than the line before them on the same host.
    pub disordered: u64,
    /// The largest step back, in microseconds.
    pub disorder_us: u64,
    /// Lines whose envelope had no known form.
    pub no_envelope: u64,
    /// Foreign lines that look like those of another mail server.
    pub foreign_servers: Vec<ServerRow>,
}

/// Foreign lines that look like those of one mail server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct ServerRow {
    /// `Exim` or `Sendmail`.
    pub server: &'static str,
    /// How many lines.
    pub count: u64,
}

/// Lines of one program and kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct KindRow {
    /// The program: a Postfix daemon's name, `dovecot`, a companion's name, or the foreign tag.
    pub program: String,
    /// The kind; null for unparsed and foreign lines.
    pub kind: Option<String>,
    /// `parsed`, `generic`, `unparsed` or `foreign`.
    pub class: &'static str,
    /// How many lines.
    pub count: u64,
}

/// Unparsed lines of one shape.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct ShapeRow {
    /// The program that logged.
    pub program: String,
    /// The message with digits, addresses and ids masked.
    pub shape: String,
    /// The place in the grammar that gave up.
    pub reason: String,
    /// How many lines.
    pub count: u64,
    /// The first such line, as `tag: message`: the form of the lines in `fixtures/lines/`.
    pub sample: String,
}

/// A silence of more than an hour.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct GapRow {
    /// The host that was silent.
    pub host: String,
    /// The last stamp before the gap (microseconds, wall clock).
    pub from_us: i64,
    /// The first stamp after it.
    pub to_us: i64,
}

/// pflogsumm 1.1.5's counts, its defects mended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct MailTotals {
    /// `client=` lines of smtpd and postscreen, and pickups.
    pub received: u64,
    /// Recipients delivered: `status=sent` without forwards.
    pub delivered: u64,
    /// `status=sent (forwarded as …)`.
    pub forwarded: u64,
    /// Mails deferred at least once.
    pub deferred: u64,
    /// Deferred delivery attempts.
    pub deferrals: u64,
    /// `status=bounced`.
    pub bounced: u64,
    /// Mails returned because they were too old, or expired by hand.
    pub expired: u64,
    /// Refusals.
    pub rejected: u64,
    /// Refusals that a `warn_if_reject` only warned of, and header-check warnings.
    pub reject_warnings: u64,
    /// Mails put on hold by a rule.
    pub held: u64,
    /// Mails discarded by a rule.
    pub discarded: u64,
    /// Transactions given up during DATA (`removed (canceled)`, Postfix 3.10).
    pub canceled: u64,
    /// Bytes of the mails received.
    pub bytes_received: u64,
    /// Bytes delivered, once per recipient.
    pub bytes_delivered: u64,
    /// Distinct envelope senders of received mails.
    pub senders: u64,
    /// Distinct domains of those.
    pub sending_domains: u64,
    /// Distinct recipients with a delivery.
    pub recipients: u64,
    /// Distinct domains of those.
    pub recipient_domains: u64,
}

/// [`MailTotals`] of one instance of one host.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct InstanceTotals {
    /// The host that logged.
    pub host: String,
    /// The Postfix instance.
    pub instance: String,
    /// Its counts.
    #[serde(flatten)]
    pub totals: MailTotals,
}

/// Mails, each counted once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct Messages {
    /// Mails accepted (250 at the end of DATA), re-injected copies left out.
    pub accepted: u64,
    /// Mails that were a later hop of a mail already counted.
    pub reinjected: u64,
    /// Recipients delivered, hand-overs between hops left out.
    pub delivered_recipients: u64,
    /// Recipients bounced.
    pub bounced_recipients: u64,
    /// Recipients given up when their mail expired.
    pub expired_recipients: u64,
    /// Refusals at RCPT: recipients refused.
    pub rejected_recipients: u64,
    /// Refusals with a 4xx reply, at any stage.
    pub rejected_4xx: u64,
    /// Refusals with a 5xx reply, at any stage.
    pub rejected_5xx: u64,
    /// Mails that were under way when the log began.
    pub open_at_start: u64,
    /// Mails still in the queue when the log ended.
    pub open_at_end: u64,
    /// Mails without an end and without a line for 8 days.
    pub lost_end: u64,
    /// Mails whose queue id was born again before their end was seen.
    pub superseded: u64,
}

/// Accepted mails of one client.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct AcceptedRow {
    /// The client's address.
    pub address: String,
    /// `ipv4`, `ipv6`, `local` or `unknown`.
    pub family: &'static str,
    /// `own` or `outside`.
    pub client_scope: &'static str,
    /// How many mails.
    pub count: u64,
}

/// Traffic in one hour of the day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct HourRow {
    /// 0 to 23, wall clock of the log.
    pub hour: u8,
    /// The traffic.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// Traffic in one hour of one day of the week.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct WeekdayHourRow {
    /// The day: 1 is Monday, 7 Sunday.
    pub weekday: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// What happened in it.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// Traffic in one day.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct DayRow {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// The traffic.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// The five columns of pflogsumm's traffic tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct Traffic {
    /// Mails received.
    pub received: u64,
    /// Recipients delivered.
    pub delivered: u64,
    /// Deferred attempts.
    pub deferrals: u64,
    /// Bounces.
    pub bounced: u64,
    /// Refusals, warnings, holds and discards.
    pub rejected: u64,
}

/// TLS sessions.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct TlsTotals {
    /// Sessions with clients.
    pub inbound: Vec<TlsInboundRow>,
    /// Sessions with remote servers.
    pub outbound: Vec<TlsOutboundRow>,
    /// What the log proves about encryption.
    pub states: TlsStates,
    /// Failed handshakes.
    pub failures: Vec<TlsFailureRow>,
}

/// Sessions with clients that agree in all columns.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct TlsInboundRow {
    /// The Postfix instance.
    pub instance: String,
    /// `own` or `outside`.
    pub client_scope: &'static str,
    /// The client's address family.
    pub family: &'static str,
    /// `anonymous`, `untrusted`, `trusted`, `verified` or `unstated`.
    pub trust: &'static str,
    /// E.g. `TLSv1.3`.
    pub protocol: String,
    /// E.g. `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// How many sessions.
    pub sessions: u64,
}

/// Sessions with servers that agree in all columns.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct TlsOutboundRow {
    /// The Postfix instance.
    pub instance: String,
    /// The recipient domain, when a delivery over this session tells it.
    pub domain: Option<String>,
    /// The server, `host[address]:port` as logged.
    pub host: String,
    /// The server's address family.
    pub family: &'static str,
    /// As for clients.
    pub trust: &'static str,
    /// As for clients.
    pub protocol: String,
    /// As for clients.
    pub cipher: String,
    /// How many sessions.
    pub sessions: u64,
}

/// What the log proves about encryption, by direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct TlsStates {
    /// Sessions of clients.
    pub inbound: StateCounts,
    /// Deliveries to servers.
    pub outbound: StateCounts,
}

/// Sessions or deliveries by what the log proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct StateCounts {
    /// Encrypted, with a TLS line.
    pub logged: u64,
    /// Encrypted, without a TLS line: a `starttls=1` counter, a wrapper service, `tls=`.
    pub seen: u64,
    /// Proved to be plaintext.
    pub plaintext: u64,
    /// The log does not say.
    pub not_logged: u64,
}

/// Failed handshakes of one reason.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct TlsFailureRow {
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// The reason as logged.
    pub reason: String,
    /// How many sessions.
    pub sessions: u64,
}

/// Login attempts that agree in all columns.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct LoginRow {
    /// `smtp`, `imap`, `pop3`, `sieve`, `submission`, or `unknown`.
    pub service: String,
    /// `success` or `failure`.
    pub outcome: &'static str,
    /// The user; null where the log has none.
    pub user: Option<String>,
    /// The SASL mechanism.
    pub method: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// The client's address family.
    pub family: &'static str,
    /// Whether the connection was encrypted; null where the log does not say.
    pub tls: Option<bool>,
    /// How many attempts.
    pub count: u64,
}

/// Refused mail.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct RejectTotals {
    /// By rule.
    pub by_rule: Vec<RuleRow>,
    /// By client.
    pub by_client: Vec<RejectClientRow>,
}

/// Refusals by one rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct RuleRow {
    /// The site's own rule id, else the class.
    pub rule: String,
    /// The canonical class.
    pub class: String,
    /// `reject`, `reject_warning`, `hold`, `discard`, …
    pub action: String,
    /// How often.
    pub count: u64,
}

/// Refusals of one client at one stage.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct RejectClientRow {
    /// The client's address; null where the line has none.
    pub address: Option<String>,
    /// The client's address family.
    pub family: &'static str,
    /// `own` or `outside`.
    pub client_scope: &'static str,
    /// `connect`, `helo`, `mail`, `rcpt`, `data`, `end_of_message`, …
    pub stage: &'static str,
    /// 4 or 5.
    pub code_class: Option<u8>,
    /// `reject`, `reject_warning`, `hold`, `discard`, …
    pub action: &'static str,
    /// How often.
    pub count: u64,
}

/// Connections of clients to smtpd and postscreen.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct ConnectionTotals {
    /// By address family; a client that postscreen passed counts once.
    pub by_family: FamilyCounts,
    /// By service.
    pub by_service: Vec<ServiceRow>,
    /// By client address.
    pub by_address: Vec<ConnectionRow>,
}

/// A count for each address family.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct FamilyCounts {
    /// IPv4.
    pub ipv4: u64,
    /// IPv6.
    pub ipv6: u64,
    /// No network.
    pub local: u64,
    /// Not told.
    pub unknown: u64,
}

/// Connections to one service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct ServiceRow {
    /// The Postfix instance.
    pub instance: String,
    /// The service, where it logs under a name of its own.
    pub service: Option<String>,
    /// `smtpd` or `postscreen`.
    pub daemon: &'static str,
    /// How many connections.
    pub count: u64,
}

/// Connections of one client to one service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct ConnectionRow {
    /// The Postfix instance.
    pub instance: String,
    /// The service, where it logs under a name of its own.
    pub service: Option<String>,
    /// `smtpd` or `postscreen`.
    pub daemon: &'static str,
    /// The client's address.
    pub address: String,
    /// The client's address family.
    pub family: &'static str,
    /// `own` or `outside`.
    pub client_scope: &'static str,
    /// How many connections.
    pub count: u64,
}

/// Delivery attempts.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct DeliveryTotals {
    /// By status as logged; `expired` counts mails.
    pub by_status: std::collections::BTreeMap<String, u64>,
    /// By direction and family.
    pub by_family: Vec<DeliveryFamilyRow>,
    /// By relay.
    pub by_relay: Vec<RelayRow>,
    /// By recipient.
    pub by_recipient: Vec<RecipientRow>,
}

/// Deliveries by direction and family.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct DeliveryFamilyRow {
    /// `outbound` (a relay with an address) or `local`.
    pub direction: &'static str,
    /// The relay's address family.
    pub family: &'static str,
    /// The status as logged.
    pub status: String,
    /// How many attempts.
    pub count: u64,
}

/// Delivery attempts over one relay that agree in all columns.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct RelayRow {
    /// The relay as logged.
    pub relay: String,
    /// The recipient domain.
    pub domain: String,
    /// The relay's address family.
    pub family: &'static str,
    /// The status as logged.
    pub status: String,
    /// 2, 4 or 5: the first digit of the remote reply.
    pub reply_class: Option<u8>,
    /// `connect`, `greeting`, `mail`, `rcpt`, `data`.
    pub stage: Option<&'static str>,
    /// Whether this was an address verification.
    pub probe: bool,
    /// How many attempts.
    pub count: u64,
}

/// Deliveries to one recipient over one relay.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct RecipientRow {
    /// The relay as logged.
    pub relay: String,
    /// The recipient.
    pub recipient: String,
    /// How many deliveries.
    pub sent: u64,
}

/// What one client address did that unwanted mail's sources do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct EvidenceRow {
    /// The client's address.
    pub address: String,
    /// The client's address family.
    pub family: &'static str,
    /// `own` or `outside`.
    pub client_scope: &'static str,
    /// A verified host name, where the log has one.
    pub hostname: Option<String>,
    /// Refusals with action `reject`.
    pub rejects: u64,
    /// DNSBL hits: blocked by a list, or a positive postscreen rank.
    pub dnsbl: u64,
    /// Failed logins.
    pub auth_failures: u64,
    /// Refusals for unknown recipients (part of `rejects`).
    pub unknown_recipients: u64,
    /// Pregreet, pipelining, non-SMTP commands, too many errors and the like.
    pub protocol_errors: u64,
    /// Mails accepted from this address.
    pub accepted: u64,
}
