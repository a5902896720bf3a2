//! Counters of mails: those that a single line moves, and those that a settled mail does.

use super::clients::Clients;
use super::details::Details;
use super::lives::{Fate, Settled};
use super::mail::Outcome;
use super::origin::InstanceKey;
use super::recent::Recent;
use super::senders::Senders;
use super::symbols::{Renumber, Renumbering, Symbols};
use super::totals::{DayRow, HourRow, MailTotals, Messages, Traffic, WeekdayHourRow};
use super::{HOUR_US, Wanted};

/// Counters that need no correlation, and those that settled mails fill.
#[derive(Clone, Default)]
pub(crate) struct MailCounts {
    by_instance: Recent<InstanceKey, MailTotals>,
    /// By the first moment of each hour, on the log's wall clock.
    traffic: Recent<i64, Traffic>,
    pub(crate) messages: Messages,
    /// Deliveries that only handed a recipient over to a later hop.
    pub(crate) handed_over: u64,
    pub(crate) senders: Senders,
}

/// What settled mails add to, beside the counters of mails.
pub(crate) struct Settling<'a> {
    pub(crate) wanted: Wanted,
    /// Whether nothing precedes this part.
    pub(crate) anchored: bool,
    pub(crate) clients: &'a mut Clients,
    pub(crate) details: &'a mut Details,
    pub(crate) symbols: &'a mut Symbols,
}

impl MailCounts {
    /// Returns the counts of an instance.
    #[inline]
    pub(crate) fn instance(&mut self, key: InstanceKey) -> &mut MailTotals {
        self.by_instance.of(key)
    }

    /// Lists the counts of all instances, in no order.
    pub(crate) fn instances(&self) -> impl Iterator<Item = (InstanceKey, &MailTotals)> {
        self.by_instance.iter()
    }

    /// Returns the traffic of the hour of a stamp.
    #[inline]
    pub(crate) fn traffic(&mut self, wall_us: i64) -> &mut Traffic {
        let is_within = |hour_us: &i64| (0..HOUR_US).contains(&wall_us.wrapping_sub(*hour_us));
        let hour_us = match self.traffic.last_key().filter(is_within) {
            Some(hour_us) => hour_us,
            None => wall_us.div_euclid(HOUR_US).saturating_mul(HOUR_US),
        };
        self.traffic.of(hour_us)
    }

    /// Lists the hours since 1970 that have traffic, in no order.
    fn hours(&self) -> impl Iterator<Item = (i64, &Traffic)> {
        let hours = self.traffic.iter();
        hours.map(|(hour_us, traffic)| (hour_us.div_euclid(HOUR_US), traffic))
    }

    pub(crate) fn merge(&mut self, later: MailCounts, numbers: &Renumbering) {
        for (key, totals) in later.by_instance.iter() {
            add(self.instance(key.renumber(numbers)), totals);
        }
        for (hour_us, traffic) in later.traffic.iter() {
            add_traffic(self.traffic(hour_us), traffic);
        }
        add_messages(&mut self.messages, &later.messages);
        self.handed_over += later.handed_over;
        self.senders.merge(&later.senders, numbers);
    }

    /// Adds a mail of which no further line can change anything.
    pub(crate) fn settle(&mut self, settled: &Settled<'_>, into: &mut Settling<'_>) {
        if into.wanted.mail_details() {
            into.details
                .settle(settled, into.wanted, into.symbols, into.anchored);
        }
        let outcome = Outcome::of(settled);
        self.settle_message(&outcome);
        self.handed_over += outcome.handed_over;
        if outcome.accepted
            && let Some(client) = outcome.facts.client
        {
            into.clients.accepted.add(client.address, 1);
        }
        let Some(instance) = outcome.instance else {
            return;
        };
        let facts = outcome.facts;
        let size_bytes = facts.size_bytes.unwrap_or(0);
        let totals = self.instance(instance);
        totals.deferred += u64::from(facts.deferrals > 0);
        totals.bytes_delivered = totals
            .bytes_delivered
            .saturating_add(size_bytes.saturating_mul(facts.sent));
        if facts.size_bytes.is_some() && (facts.client.is_some() || facts.pickup) {
            totals.bytes_received = totals.bytes_received.saturating_add(size_bytes);
            let bytes = match into.wanted.volume {
                true => size_bytes,
                false => 0,
            };
            self.senders.add(instance, facts, bytes, into.symbols);
        }
    }

    fn settle_message(&mut self, outcome: &Outcome<'_>) {
        let messages = &mut self.messages;
        let facts = outcome.facts;
        messages.accepted += u64::from(outcome.accepted);
        messages.reinjected += u64::from(outcome.reinjected);
        messages.delivered_recipients += facts.sent;
        messages.bounced_recipients += facts.bounced;
        messages.expired_recipients = messages
            .expired_recipients
            .saturating_add(outcome.expired_recipients);
        messages.open_at_start += u64::from(!outcome.birth_seen);
        match outcome.fate {
            Fate::Removed => {}
            Fate::Open => messages.open_at_end += u64::from(outcome.was_in_queue()),
            Fate::Lost => messages.lost_end += u64::from(outcome.was_in_queue()),
            Fate::Superseded => messages.superseded += u64::from(outcome.was_in_queue()),
        }
    }

    pub(crate) fn per_hour(&self) -> Vec<HourRow> {
        let mut rows: Vec<HourRow> = (0..24)
            .map(|hour| HourRow {
                hour,
                traffic: Traffic::default(),
            })
            .collect();
        for (hour, traffic) in self.hours() {
            let row = usize::try_from(hour.rem_euclid(24))
                .ok()
                .and_then(|hour| rows.get_mut(hour));
            if let Some(row) = row {
                add_traffic(&mut row.traffic, traffic);
            }
        }
        rows
    }

    pub(super) fn per_weekday_hour(&self) -> Vec<WeekdayHourRow> {
        let mut hours: std::collections::BTreeMap<(u8, u8), Traffic> =
            std::collections::BTreeMap::new();
        for (hour, traffic) in self.hours() {
            add_traffic(hours.entry(weekday_hour(hour)).or_default(), traffic);
        }
        hours
            .into_iter()
            .map(|((weekday, hour), traffic)| WeekdayHourRow {
                weekday,
                hour,
                traffic,
            })
            .collect()
    }

    pub(crate) fn per_day(&self) -> Vec<DayRow> {
        let mut days: std::collections::BTreeMap<i64, Traffic> = std::collections::BTreeMap::new();
        for (hour, traffic) in self.hours() {
            add_traffic(days.entry(hour.div_euclid(24)).or_default(), traffic);
        }
        days.into_iter()
            .map(|(day, traffic)| DayRow {
                date: date(day),
                traffic,
            })
            .collect()
    }
}

/// Returns the weekday (1 is Monday) and hour of an hour since 1970, which began on a Thursday.
fn weekday_hour(hour: i64) -> (u8, u8) {
    let weekday = (hour.div_euclid(24) + 3).rem_euclid(7) + 1;
    let hour = hour.rem_euclid(24);
    (
        u8::try_from(weekday).unwrap_or(1),
        u8::try_from(hour).unwrap_or(0),
    )
}

/// Writes a day since 1970 as `YYYY-MM-DD`.
fn date(day: i64) -> String {
    let date = i32::try_from(day).ok().and_then(|day| {
        chrono::NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(i64::from(day)))
    });
    date.map_or_else(String::new, |date| date.to_string())
}

/// Adds one set of pflogsumm's counts to another; distinct ones are not among them.
pub(crate) fn add(to: &mut MailTotals, from: &MailTotals) {
    to.received += from.received;
    to.delivered += from.delivered;
    to.forwarded += from.forwarded;
    to.deferred += from.deferred;
    to.deferrals += from.deferrals;
    to.bounced += from.bounced;
    to.expired += from.expired;
    to.rejected += from.rejected;
    to.reject_warnings += from.reject_warnings;
    to.held += from.held;
    to.discarded += from.discarded;
    to.canceled += from.canceled;
    to.bytes_received = to.bytes_received.saturating_add(from.bytes_received);
    to.bytes_delivered = to.bytes_delivered.saturating_add(from.bytes_delivered);
}

fn add_traffic(to: &mut Traffic, from: &Traffic) {
    to.received += from.received;
    to.delivered += from.delivered;
    to.deferrals += from.deferrals;
    to.bounced += from.bounced;
    to.rejected += from.rejected;
}

fn add_messages(to: &mut Messages, from: &Messages) {
    to.accepted += from.accepted;
    to.reinjected += from.reinjected;
    to.delivered_recipients += from.delivered_recipients;
    to.bounced_recipients += from.bounced_recipients;
    to.expired_recipients = to
        .expired_recipients
        .saturating_add(from.expired_recipients);
    to.open_at_start += from.open_at_start;
    to.open_at_end += from.open_at_end;
    to.lost_end += from.lost_end;
    to.superseded += from.superseded;
}
