//! The keys of JSON that the sections beyond the totals bring.

use serde::Serialize;

use super::{Options, Part};
use crate::tally::totals::{
    DelayRow, DestinationRow, DetailTotals, ExpiredRow, FailureRow, FailureTotals,
    RecipientDomainRow, ServerFailureRow, VolumeRow, VolumeTotals, WithoutSizeRow,
};

/// What the sections beyond the totals show; a part that was not asked for has no key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DetailFigures<'a> {
    /// Deliveries that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<FailureFigures<'a>>,
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
}

impl<'a> DetailFigures<'a> {
    pub(crate) fn new(details: &'a DetailTotals, options: Options) -> Self {
        let has = |part| options.sections.has(part);
        let volume = &details.volume;
        let addresses = has(Part::Addresses).then_some(volume);
        DetailFigures {
            failures: has(Part::Failures).then(|| FailureFigures::new(&details.failures, options)),
            delays: has(Part::Delays).then_some(&details.delays),
            domains: has(Part::Domains).then(|| DomainFigures::new(volume, options)),
            senders: addresses.map(|volume| options.cut(&volume.senders)),
            recipients: addresses.map(|volume| options.cut(&volume.recipients)),
            without_size: addresses.map(|volume| WithoutSizeFigures {
                mails: volume.without_size.mails,
                recipients: options.cut(&volume.without_size.recipients),
            }),
        }
    }
}

/// Deliveries that failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
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
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
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
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WithoutSizeFigures<'a> {
    /// How many mails.
    pub mails: u64,
    /// Their recipients.
    pub recipients: &'a [WithoutSizeRow],
}
