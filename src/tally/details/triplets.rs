//! Greylisting by triplet: the client's network, the sender and the recipient.
//!
//! That is what a greylisting server keys its waiting on. A refusal has all three; of a mail that
//! was accepted they stand in several lines, and its recipients are those of its delivery lines,
//! before rewriting. So a mail is joined when it is settled, and whether it came after the refusal
//! is told by the ordinals of lines. Case says nothing.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::finish;
use super::super::symbols::Renumbering;
use super::greylist::{Waits, written_out};
use super::sampled::{Kept, Sampled};

/// Where a line stands: its ordinal, and its stamp.
type Place = (u64, i64);

/// What became of one triplet.
#[derive(Clone, Copy, Debug, Default)]
struct Triplet {
    refusals: u64,
    /// The first refusal.
    refused: Option<Place>,
    /// The first mail after it.
    back: Option<Place>,
    /// The first mail of this part: an earlier part may have refused before.
    first_mail: Option<Place>,
}

impl Kept for Triplet {
    fn is_counted(&self) -> bool {
        self.refusals > 0
    }
}

impl Triplet {
    fn mail(&mut self, at: Place) {
        self.first_mail = earliest(self.first_mail, Some(at));
        if self.refused.is_some_and(|refused| at > refused) {
            self.back = earliest(self.back, Some(at));
        }
    }

    /// Adds a later part's, whose lines follow the `lines` lines of this one.
    fn merge(&mut self, later: Triplet, lines: u64) {
        let shifted = |place: Option<Place>| place.map(|(line, us)| (line + lines, us));
        let first_mail = shifted(later.first_mail);
        if self.refused.is_some() {
            self.back = earliest(self.back, first_mail);
        } else {
            self.refused = shifted(later.refused);
            self.back = shifted(later.back);
        }
        self.refusals += later.refusals;
        self.first_mail = earliest(self.first_mail, first_mail);
    }

    fn wait_us(&self) -> Option<u64> {
        let ((_, refused_us), (_, back_us)) = self.refused.zip(self.back)?;
        Some(back_us.saturating_sub(refused_us).max(0).unsigned_abs())
    }
}

fn earliest(ours: Option<Place>, theirs: Option<Place>) -> Option<Place> {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
        _ => ours.or(theirs),
    }
}

/// Counts refusals and returns.
#[derive(Clone, Default)]
pub(crate) struct Triplets {
    triplets: Sampled<(), Triplet>,
    key: Vec<u8>,
}

impl Triplets {
    pub(crate) fn refused(&mut self, network: &[u8], sender: &[u8], recipient: &[u8], at: Place) {
        write_key(&mut self.key, network, sender, recipient);
        self.triplets.update((), &self.key, |triplet| {
            triplet.refusals += 1;
            triplet.refused = triplet.refused.or(Some(at));
        });
    }

    /// Notes that a mail was accepted.
    pub(crate) fn mail(
        &mut self,
        network: &[u8],
        sender: &[u8],
        recipient: &[u8],
        at: Place,
        anchored: bool,
    ) {
        write_key(&mut self.key, network, sender, recipient);
        if anchored {
            // Nothing precedes it, so a refusal before it is known.
            self.triplets
                .update_known((), &self.key, |triplet| triplet.mail(at));
        } else {
            self.triplets
                .update((), &self.key, |triplet| triplet.mail(at));
        }
    }

    /// Takes over a later part, whose lines follow the `lines` lines of this one.
    pub(crate) fn merge(
        &mut self,
        later: Triplets,
        lines: u64,
        numbers: &Renumbering,
        anchored: bool,
    ) {
        self.triplets
            .merge(later.triplets, numbers, |ours, theirs| {
                ours.merge(theirs, lines);
            });
        if anchored {
            self.triplets.keep_counted();
        }
    }

    pub(crate) fn finish(&self) -> TripletTotals {
        let counted = self.triplets.iter();
        let counted = counted.filter(|(_, triplet)| triplet.is_counted());
        let rows = counted.map(|(key, triplet)| row(&key.text, triplet));
        let rows = finish::sorted(rows, |row| row.refusals);
        let waits = Waits::of(rows.iter().filter_map(|row| row.wait_us));
        TripletTotals {
            triplets: rows.len() as u64,
            refusals: rows.iter().map(|row| row.refusals).sum(),
            came_back: waits.count(),
            median_wait_us: waits.at(50),
            p90_wait_us: waits.at(90),
            one_in: self.triplets.one_in(),
            by_triplet: rows,
        }
    }
}

fn write_key(key: &mut Vec<u8>, network: &[u8], sender: &[u8], recipient: &[u8]) {
    key.clear();
    key.extend_from_slice(network);
    for address in [sender, recipient] {
        key.push(0);
        key.extend_from_slice(address);
    }
    if let Some(addresses) = key.get_mut(network.len()..) {
        addresses.make_ascii_lowercase();
    }
}

fn row(key: &[u8], triplet: &Triplet) -> TripletRow {
    let mut parts = key.splitn(3, |byte| *byte == 0);
    let mut next = || String::from_utf8_lossy(parts.next().unwrap_or(b"")).into_owned();
    TripletRow {
        network: written_out(&next()),
        sender: next(),
        recipient: next(),
        refusals: triplet.refusals,
        wait_us: triplet.wait_us(),
    }
}

/// How greylisting went, by network, sender and recipient.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct TripletTotals {
    /// How many triplets were refused.
    pub triplets: u64,
    /// Their refusals.
    pub refusals: u64,
    /// Those of which a mail was accepted later.
    pub came_back: u64,
    /// The median time from the first refusal to the first mail after it, in microseconds.
    pub median_wait_us: Option<u64>,
    /// The time that nine of ten did not exceed.
    pub p90_wait_us: Option<u64>,
    /// One triplet of how many is counted here; 1 when all are.
    pub one_in: u64,
    /// By triplet.
    pub by_triplet: Vec<TripletRow>,
}

impl Default for TripletTotals {
    fn default() -> Self {
        Triplets::default().finish()
    }
}

/// Greylisting of one network, sender and recipient.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct TripletRow {
    /// The client's /24 or /64.
    pub network: String,
    /// The envelope sender, lower-cased.
    pub sender: String,
    /// The envelope recipient, lower-cased.
    pub recipient: String,
    /// Refusals.
    pub refusals: u64,
    /// The time from the first refusal to the first mail after it; null if none came.
    pub wait_us: Option<u64>,
}
