//! The keys of JSON that the sections beyond the totals bring.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::message_detail::MessageDetailFigures;
use super::{Options, Part, clock, reject_detail};
use crate::tally::totals::{
    BehindRow, BrokenHandshakeRow, BrokenSessionRow, DelayRow, DestinationRow, DetailTotals,
    DnsblRow, ExpiredRow, FailureRow, FailureTotals, GreylistRow, GreylistTotals, MailSessionRow,
    MailboxTotals, OverlapRow, QueueReasonRow, QueueRow, QueueTotals, RankRow, RecipientDomainRow,
    RefusedRow, RuleRow, SavedRow, ScreeningRow, ServerFailureRow, SieveRow, StayRow, Totals,
    TripletRow, TripletTotals, UserRow, VerdictRow, VolumeRow, VolumeTotals, WarningRow,
    WithoutSizeRow,
};

/// What the sections beyond the totals show; a part that was not asked for has no key.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct DetailFigures<'a> {
    /// Deliveries that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<FailureFigures<'a>>,
    /// Single mails: deferred, bounced, expired, the biggest, the slowest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_detail: Option<MessageDetailFigures<'a>>,
    /// Delays, stage by stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delays: Option<&'a [DelayRow]>,
    /// Mails and bytes by domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<DomainFigures<'a>>,
    /// Mails and bytes by envelope sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub senders: Option<&'a [VolumeRow]>,
    /// Mails and bytes by recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<&'a [VolumeRow]>,
    /// Deliveries of mails whose size the log does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_size: Option<WithoutSizeFigures<'a>>,
    /// Refusals by rule and stage, hour by hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject_trend: Option<Vec<RefusedFigure<'a>>>,
    /// Who was refused by each rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject_detail: Option<RejectDetailFigures<'a>>,
    /// How greylisting went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greylist: Option<GreylistFigures<'a>>,
    /// What postscreen did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postscreen: Option<PostscreenFigures<'a>>,
    /// What blocklists said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dnsbl: Option<DnsblFigures<'a>>,
    /// What milters, policy services and filters decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<&'a [VerdictRow]>,
    /// How long clients stayed with smtpd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtpd: Option<SmtpdFigures<'a>>,
    /// What Dovecot's mail processes did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailboxes: Option<MailboxFigures<'a>>,
    /// What asks for attention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<WarningFigure<'a>>>,
    /// The mail queue, where it was given beside the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueFigures<'a>>,
}

impl<'a> DetailFigures<'a> {
    pub(crate) fn new(totals: &'a Totals, options: Options) -> Self {
        let details: &DetailTotals = &totals.details;
        let has = |part| options.sections.has(part);
        let at = |part| options.at(part);
        let volume = &details.volume;
        let addresses = has(Part::Addresses).then_some(volume);
        DetailFigures {
            failures: has(Part::Failures)
                .then(|| FailureFigures::new(&details.failures, at(Part::Failures))),
            message_detail: has(Part::MessageDetail)
                .then(|| MessageDetailFigures::new(&details.mails, at(Part::MessageDetail))),
            delays: has(Part::Delays).then_some(&details.delays),
            domains: has(Part::Domains).then(|| DomainFigures::new(volume, at(Part::Domains))),
            senders: addresses.map(|volume| at(Part::Addresses).cut(&volume.senders)),
            recipients: addresses.map(|volume| at(Part::Addresses).cut(&volume.recipients)),
            without_size: addresses.map(|volume| WithoutSizeFigures {
                mails: volume.without_size.mails,
                recipients: at(Part::Addresses).cut(&volume.without_size.recipients),
            }),
            reject_trend: has(Part::RejectTrend)
                .then(|| refused(&details.refused, at(Part::RejectTrend))),
            reject_detail: has(Part::RejectDetail)
                .then(|| RejectDetailFigures::new(totals, at(Part::RejectDetail))),
            greylist: has(Part::Greylist)
                .then(|| GreylistFigures::new(&details.greylist, at(Part::Greylist))),
            postscreen: has(Part::Postscreen).then_some(PostscreenFigures {
                actions: &details.screening.actions,
                ranks: &details.screening.ranks,
            }),
            dnsbl: has(Part::Postscreen).then(|| DnsblFigures {
                lists: at(Part::Postscreen).cut(&details.screening.lists),
                overlaps: at(Part::Postscreen).cut(&details.screening.overlaps),
            }),
            verdicts: has(Part::Verdicts).then(|| at(Part::Verdicts).cut(&details.verdicts)),
            smtpd: has(Part::Smtpd).then(|| SmtpdFigures::new(details, at(Part::Smtpd))),
            mailboxes: has(Part::Mailboxes)
                .then(|| MailboxFigures::new(&details.mailboxes, at(Part::Mailboxes))),
            warnings: has(Part::Warnings).then(|| warnings(&details.warnings, at(Part::Warnings))),
            queue: details
                .queue
                .as_ref()
                .map(|queue| QueueFigures::new(queue, options)),
        }
    }
}

/// Deliveries that failed.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct FailureFigures<'a> {
    /// By canonical reason.
    pub by_reason: &'a [FailureRow],
    /// By recipient domain.
    pub by_destination: &'a [DestinationRow],
    /// Mails given up, by their last deferral.
    pub expired: &'a [ExpiredRow],
    /// Servers that could not be reached or did not take a mail.
    pub servers: &'a [ServerFailureRow],
}

impl<'a> FailureFigures<'a> {
    fn new(failures: &'a FailureTotals, options: Options) -> Self {
        FailureFigures {
            by_reason: options.cut(&failures.by_reason),
            by_destination: options.cut(&failures.by_destination),
            expired: options.cut(&failures.expired),
            servers: options.cut(&failures.servers),
        }
    }
}

/// Mails and bytes by domain.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct DomainFigures<'a> {
    /// Received mails by the sender's domain.
    pub sending: &'a [VolumeRow],
    /// Deliveries by recipient domain.
    pub recipient: &'a [RecipientDomainRow],
}

impl<'a> DomainFigures<'a> {
    fn new(volume: &'a VolumeTotals, options: Options) -> Self {
        DomainFigures {
            sending: options.cut(&volume.sending_domains),
            recipient: options.cut(&volume.recipient_domains),
        }
    }
}

/// Deliveries of mails whose size the log does not have.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct WithoutSizeFigures<'a> {
    /// How many mails.
    pub mails: u64,
    /// Their recipients.
    pub recipients: &'a [WithoutSizeRow],
}

/// An hour of the log's wall clock for programs: `2026-11-21T00:00:00`.
pub(crate) fn hour(hour: i64) -> String {
    clock::iso(hour.saturating_mul(3_600_000_000))
}

/// Refusals by one rule at one stage.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct RefusedFigure<'a> {
    /// The site's own rule id, else the class.
    pub rule: &'a str,
    /// The canonical class.
    pub class: &'a str,
    /// `reject`, `reject_warning`, `hold`, `discard`, …
    pub action: &'static str,
    /// `connect`, `helo`, `mail`, `rcpt`, …
    pub stage: &'static str,
    /// 4 for now, 5 for good.
    pub code_class: Option<u8>,
    /// How often.
    pub count: u64,
    /// The same by hour; hours without a hit are left out.
    pub per_hour: Vec<HourFigure>,
}

/// Who was refused by each rule.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct RejectDetailFigures<'a> {
    /// By rule and action, the commonest first.
    pub rules: Vec<RejectPartiesFigure<'a>>,
    /// By party (`client`, `helo`, `sender`, `recipient`): one name of how many is listed; 1 when all are.
    pub one_in: &'a BTreeMap<&'static str, u64>,
}

/// Those whom one rule refused.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct RejectPartiesFigure<'a> {
    /// The site's own rule id, else the class.
    pub rule: &'a str,
    /// The canonical class.
    pub class: &'a str,
    /// `reject`, `reject_warning`, `hold`, `discard`, …
    pub action: &'a str,
    /// How often.
    pub count: u64,
    /// The clients, as `name[address]`.
    pub clients: Vec<RejectPartyFigure<'a>>,
    /// The HELO names, in the clients' own writing.
    pub helos: Vec<RejectPartyFigure<'a>>,
    /// The envelope senders; `<>` where it is empty.
    pub senders: Vec<RejectPartyFigure<'a>>,
    /// The envelope recipients.
    pub recipients: Vec<RejectPartyFigure<'a>>,
}

/// One of those whom a rule refused.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct RejectPartyFigure<'a> {
    /// The name.
    pub name: &'a str,
    /// How often.
    pub count: u64,
}

impl<'a> RejectDetailFigures<'a> {
    fn new(totals: &'a Totals, options: Options) -> Self {
        let behind = &totals.details.behind;
        let rows = reject_detail::by_rule(behind);
        let rule = |rule: &'a RuleRow| {
            let key = (&rule.rule[..], &rule.class[..], &rule.action[..]);
            let rows = rows.get(&key).map_or(&[][..], Vec::as_slice);
            rejected_parties(rule, rows, options)
        };
        RejectDetailFigures {
            rules: options
                .cut(&totals.rejects.by_rule)
                .iter()
                .map(rule)
                .collect(),
            one_in: &behind.one_in,
        }
    }
}

fn rejected_parties<'a>(
    rule: &'a RuleRow,
    rows: &[&'a BehindRow],
    options: Options,
) -> RejectPartiesFigure<'a> {
    let of = |party| {
        let rows = reject_detail::of(party, rows);
        let figures = options.cut(&rows).iter().map(|row| RejectPartyFigure {
            name: &row.name,
            count: row.count,
        });
        figures.collect()
    };
    RejectPartiesFigure {
        rule: &rule.rule,
        class: &rule.class,
        action: &rule.action,
        count: rule.count,
        clients: of("client"),
        helos: of("helo"),
        senders: of("sender"),
        recipients: of("recipient"),
    }
}

/// A count of one hour.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct HourFigure {
    /// The hour's first moment.
    pub hour: String,
    /// How many.
    pub count: u64,
}

fn refused(rows: &[RefusedRow], options: Options) -> Vec<RefusedFigure<'_>> {
    let rows = options.cut(rows).iter();
    rows.map(refused_figure).collect()
}

fn refused_figure(row: &RefusedRow) -> RefusedFigure<'_> {
    let hours = row.per_hour.iter().map(|(at, count)| HourFigure {
        hour: hour(*at),
        count: *count,
    });
    RefusedFigure {
        rule: &row.rule,
        class: &row.class,
        action: row.action,
        stage: row.stage,
        code_class: row.code_class,
        count: row.count,
        per_hour: hours.collect(),
    }
}

/// How greylisting went.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct GreylistFigures<'a> {
    /// Refusals that ask to come later.
    pub refusals: u64,
    /// The networks that were refused so.
    pub networks: u64,
    /// Those of them from which a mail was accepted later.
    pub came_back: u64,
    /// The median time from the first refusal to the first mail after it.
    pub median_wait_us: Option<u64>,
    /// The time that nine of ten did not exceed.
    pub p90_wait_us: Option<u64>,
    /// By network.
    pub by_network: &'a [GreylistRow],
    /// By network, sender and recipient: what a greylisting server waits for.
    pub by_triplet: TripletFigures<'a>,
}

/// Greylisting by network, sender and recipient.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct TripletFigures<'a> {
    /// How many triplets were refused.
    pub triplets: u64,
    /// Their refusals.
    pub refusals: u64,
    /// Those of which a mail was accepted later.
    pub came_back: u64,
    /// The median time from the first refusal to the first mail after it.
    pub median_wait_us: Option<u64>,
    /// The time that nine of ten did not exceed.
    pub p90_wait_us: Option<u64>,
    /// One triplet of how many is counted here; 1 when all are.
    pub one_in: u64,
    /// By triplet.
    pub by_triplet: &'a [TripletRow],
}

impl<'a> GreylistFigures<'a> {
    fn new(greylist: &'a GreylistTotals, options: Options) -> Self {
        GreylistFigures {
            refusals: greylist.refusals,
            networks: greylist.networks,
            came_back: greylist.came_back,
            median_wait_us: greylist.median_wait_us,
            p90_wait_us: greylist.p90_wait_us,
            by_network: options.cut(&greylist.by_network),
            by_triplet: triplets(&greylist.by_triplet, options),
        }
    }
}

fn triplets(triplets: &TripletTotals, options: Options) -> TripletFigures<'_> {
    TripletFigures {
        triplets: triplets.triplets,
        refusals: triplets.refusals,
        came_back: triplets.came_back,
        median_wait_us: triplets.median_wait_us,
        p90_wait_us: triplets.p90_wait_us,
        one_in: triplets.one_in,
        by_triplet: options.cut(&triplets.by_triplet),
    }
}

/// What postscreen did.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct PostscreenFigures<'a> {
    /// By what its lines say of a client.
    pub actions: &'a [ScreeningRow],
    /// Clients above the DNSBL threshold by rank.
    pub ranks: &'a [RankRow],
}

/// What blocklists said.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct DnsblFigures<'a> {
    /// The lists.
    pub lists: &'a [DnsblRow],
    /// Clients that two lists have in common.
    pub overlaps: &'a [OverlapRow],
}

/// Connections to smtpd of which the log has both ends.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct SmtpdFigures<'a> {
    /// By hour of their end.
    pub per_hour: Vec<StayHourFigure>,
    /// By client.
    pub by_client: &'a [StayRow],
    /// Sessions that broke off, by how, after which command, and client.
    pub broken_sessions: &'a [BrokenSessionRow],
    /// TLS handshakes that failed, of both directions.
    pub failed_handshakes: &'a [BrokenHandshakeRow],
}

/// Connections that ended within one hour.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct StayHourFigure {
    /// The hour's first moment.
    pub hour: String,
    /// How many connections.
    pub connections: u64,
    /// Their time in sum, in microseconds.
    pub total_us: u64,
    /// The longest of them.
    pub longest_us: u64,
}

impl<'a> SmtpdFigures<'a> {
    fn new(details: &'a DetailTotals, options: Options) -> Self {
        let DetailTotals { stays, broken, .. } = details;
        let hours = stays.per_hour.iter().map(|row| StayHourFigure {
            hour: hour(row.hour),
            connections: row.connections,
            total_us: row.total_us,
            longest_us: row.longest_us,
        });
        SmtpdFigures {
            per_hour: hours.collect(),
            by_client: options.cut(&stays.by_client),
            broken_sessions: options.cut(&broken.sessions),
            failed_handshakes: options.cut(&broken.handshakes),
        }
    }
}

/// What Dovecot's mail processes did.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct MailboxFigures<'a> {
    /// Sessions that ended, by protocol and user.
    pub sessions: &'a [MailSessionRow],
    /// Mails saved.
    pub saved: &'a [SavedRow],
    /// Deliveries that failed.
    pub failed: &'a [UserRow],
    /// Those that found a mailbox full.
    pub over_quota: &'a [UserRow],
    /// Sieve actions.
    pub sieve: &'a [SieveRow],
    /// Where Sieve redirected mail to.
    pub redirects: &'a [UserRow],
}

impl<'a> MailboxFigures<'a> {
    fn new(totals: &'a MailboxTotals, options: Options) -> Self {
        MailboxFigures {
            sessions: options.cut(&totals.sessions),
            saved: options.cut(&totals.saved),
            failed: options.cut(&totals.failed),
            over_quota: options.cut(&totals.over_quota),
            sieve: options.cut(&totals.sieve),
            redirects: options.cut(&totals.redirects),
        }
    }
}

/// Lines that ask for attention and are about one thing.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct WarningFigure<'a> {
    /// `panic`, `fatal`, `error`, `warning`; `master` for what master says without such a word.
    pub severity: &'static str,
    /// The program that logged.
    pub program: &'static str,
    /// What they are about.
    pub about: &'static str,
    /// How many lines.
    pub count: u64,
    /// The earliest stamp, as `2026-11-21T00:44:25`.
    pub first: String,
    /// The latest stamp.
    pub last: String,
    /// The first such message in the log.
    pub sample: &'a str,
}

fn warnings(rows: &[WarningRow], options: Options) -> Vec<WarningFigure<'_>> {
    let rows = options.cut(rows).iter();
    rows.map(warning_figure).collect()
}

fn warning_figure(row: &WarningRow) -> WarningFigure<'_> {
    WarningFigure {
        severity: row.severity,
        program: row.program,
        about: row.about,
        count: row.count,
        first: clock::iso(row.first_us),
        last: clock::iso(row.last_us),
        sample: &row.sample,
    }
}

/// The mail queue at one moment.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct QueueFigures<'a> {
    /// By queue.
    pub queues: &'a [QueueRow],
    /// By recipient domain.
    pub domains: &'a [QueueRow],
    /// By envelope sender.
    pub senders: &'a [QueueRow],
    /// Recipients by why they wait.
    pub reasons: &'a [QueueReasonRow],
}

impl<'a> QueueFigures<'a> {
    fn new(queue: &'a QueueTotals, options: Options) -> Self {
        QueueFigures {
            queues: &queue.queues,
            domains: options.cut(&queue.domains),
            senders: options.cut(&queue.senders),
            reasons: options.cut(&queue.reasons),
        }
    }
}
