//! What the whole log says: parts in log order, and what their mails' steps mean.

use std::collections::BTreeMap;

use super::address;
use super::client;
use super::connection::{Connections, Processes, State, year_of};
use super::detail::Details;
use super::lives::{Lives, QueueId};
use super::missed::Missed;
use super::options::Options;
use super::part::{COLUMNS, Part, Run, Step, Totals};
use super::table::{Id, Table};
use crate::tally::{At, Line as InLife};

/// A day as pflogsumm keys it, in the order of its report.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct DayKey {
    pub(super) year: i32,
    pub(super) month: i8,
    pub(super) day: u8,
}

/// What happened on a day.
#[derive(Clone, Default, Debug)]
pub(super) struct DayCounts {
    pub(super) counts: [u64; COLUMNS],
    /// How many columns were touched, counted up to the last one.
    pub(super) columns: usize,
    pub(super) connections: Connections,
}

/// How many mails, and their bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Mails {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

impl Mails {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// What was delivered to a domain.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Deliveries {
    pub(super) mails: Mails,
    pub(super) deferred: u64,
    /// Of what was sent. A float, summed in log order as pflogsumm does it: the sum's error shows
    /// in rounded means.
    pub(super) delay_secs: f64,
    pub(super) longest_us: Option<i64>,
}

/// What is known of the mail that has a queue id now.
#[derive(Clone, Copy, Default, Debug)]
struct Mail {
    /// 0 is unknown to pflogsumm as well.
    size_bytes: Option<u64>,
    origin: Origin,
    is_deferred: bool,
    /// Its size is 0.
    is_empty: bool,
}

/// Whence a mail came whose sender was not told yet.
#[derive(Clone, Copy, Default, Debug)]
enum Origin {
    #[default]
    Unknown,
    Pickup,
    /// The domain of a client, by its number.
    Client(Id),
}

/// Somebody in a mail's extended detail.
#[derive(Clone, Copy, Debug)]
enum Actor {
    Sender(Id),
    Recipient(Id),
    /// The mail was delivered, but its sender was not told.
    NotInLog,
}

/// What the whole log says.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) totals: Totals,
    pub(super) hours: [[u64; COLUMNS]; 24],
    pub(super) hour_connections: [Connections; 24],
    pub(super) days: BTreeMap<DayKey, DayCounts>,
    /// How often the day of the month changed, the first time included.
    pub(super) day_count: u64,
    pub(super) details: Details,
    pub(super) senders: Table<Mails>,
    pub(super) sending_domains: Table<Mails>,
    pub(super) recipients: Table<Mails>,
    pub(super) recipient_domains: Table<Deliveries>,
    pub(super) client_domains: Table<Connections>,
    pub(super) bytes_received: u64,
    pub(super) bytes_delivered: u64,
    pub(super) missed: Missed,
    today: Option<DayKey>,
    /// Mails by their queue ids; mended, by these and a number of their own.
    mails: Table<Mail>,
    /// The senders and recipients of each mail, for the extended detail.
    stories: BTreeMap<Id, Vec<Actor>>,
    /// Mails delivered whose size is not known, and their last recipient.
    no_size: BTreeMap<Id, Id>,
    /// Mended: the recipients of those, whose bytes count when the size is told after all.
    unsized_recipients: BTreeMap<Id, Vec<RecipientId>>,
    processes: Processes,
    lives: Lives,
}

/// Where the names of a part are in the tables of the whole.
struct Names {
    mails: Vec<Id>,
    /// Mended: whose queue ids they are.
    queue_ids: Vec<QueueId>,
    clients: Vec<Id>,
    senders: Vec<SenderId>,
    recipients: Vec<RecipientId>,
}

#[derive(Clone, Copy)]
struct SenderId {
    sender: Id,
    domain: Option<Id>,
}

#[derive(Clone, Copy, Debug)]
struct RecipientId {
    recipient: Id,
    domain: Id,
}

impl Counts {
    /// Adds the next part of the log.
    pub(super) fn absorb(&mut self, part: &Part, options: &Options) {
        self.add_totals(&part.totals);
        self.missed.add(&part.missed);
        add_hours(&mut self.hours, &part.hours);
        let days = self.add_days(&part.runs, options);
        self.details.merge(&part.details);
        let mut names = self.names(part, options);
        self.add_connections(part, &days, &names, options);
        for step in &part.steps {
            self.step(step, &mut names, options);
        }
        self.lives.add_lines(part.lines);
    }

    fn add_totals(&mut self, more: &Totals) {
        let totals = &mut self.totals;
        totals.received += more.received;
        totals.delivered += more.delivered;
        totals.forwarded += more.forwarded;
        totals.deferrals += more.deferrals;
        totals.bounced += more.bounced;
        totals.rejected += more.rejected;
        totals.reject_warnings += more.reject_warnings;
        totals.held += more.held;
        totals.discarded += more.discarded;
    }

    /// Adds the runs of a part to their days, and returns these.
    ///
    /// A run goes on with the day before it if that is the same day of the month, be it of
    /// another month.
    fn add_days(&mut self, runs: &[Run], options: &Options) -> Vec<DayKey> {
        let mut keys = Vec::with_capacity(runs.len());
        for run in runs {
            let stated = run.year.filter(|_| options.mend);
            let key = DayKey {
                year: stated.unwrap_or_else(|| year_of(run.month, &options.today)),
                month: run.month,
                day: run.day,
            };
            let is_same = |today: &DayKey| match options.mend {
                true => *today == key,
                false => today.day == run.day,
            };
            let same = self.today.filter(is_same);
            self.missed.days_as_others += u64::from(same.is_some_and(|today| today != key));
            self.missed.years += if run.year.is_some_and(|year| year != key.year) {
                run.lines
            } else {
                0
            };
            let key = same.unwrap_or(key);
            let is_new = same.is_none() && !self.days.contains_key(&key);
            self.missed.days_again += u64::from(same.is_none() && !is_new);
            self.day_count += u64::from(if options.mend { is_new } else { same.is_none() });
            self.today = Some(key);
            let day = self.days.entry(key).or_default();
            if same.is_none() && options.zero_fill && !options.mend {
                // A day that comes again (a clock put back, two hosts at midnight) loses the last
                // column: that is how pflogsumm sees to it that all columns are there.
                day.counts[COLUMNS - 1] = 0;
            }
            for (count, more) in day.counts.iter_mut().zip(run.counts) {
                *count += more;
            }
            day.columns = day.columns.max(run.columns);
            day.connections.merge(&run.connections);
            keys.push(key);
        }
        keys
    }

    /// Finds the names of a part in the tables of the whole, each of them once.
    fn names(&mut self, part: &Part, options: &Options) -> Names {
        let mails = part.mails.iter().map(|(queue_id, is_deferred)| {
            if options.mend {
                // The lines of its life tell which mail it is.
                return Id::MAX;
            }
            let mail = self.mails.id(queue_id);
            if let Some(mail) = self.mails.get_mut(mail) {
                mail.is_deferred |= is_deferred;
            }
            mail
        });
        let mails = mails.collect();
        let queue_ids = if options.mend {
            let keys = part.mails.iter().map(|(key, _)| self.lives.queue_id(key));
            keys.collect()
        } else {
            Vec::new()
        };
        let clients = part.clients.iter().map(|(text, connections)| {
            let domain = match options.mend {
                true => self.client_domains.id(text),
                false => self.client_domains.id(&client::domain(text)),
            };
            if let Some(known) = self.client_domains.get_mut(domain) {
                known.merge(connections);
            }
            domain
        });
        let clients = clients.collect();
        let senders = part.senders.iter().map(|(text, ())| {
            let sender = address::sender(text, options);
            let domain = address::sender_domain(&sender, options);
            SenderId {
                sender: self.senders.id(&sender),
                domain: domain.map(|domain| self.sending_domains.id(domain)),
            }
        });
        let senders = senders.collect();
        let recipients = part.recipients.iter().map(|(text, tried)| {
            let recipient = address::recipient(text, options);
            let domain = address::recipient_domain(&recipient, options);
            let domain = self.recipient_domains.id(domain);
            if let Some(deliveries) = self.recipient_domains.get_mut(domain) {
                deliveries.deferred += tried.deferred;
                deliveries.longest_us = deliveries.longest_us.max(tried.longest_us);
            }
            RecipientId {
                recipient: self.recipients.id(&recipient),
                domain,
            }
        });
        let recipients = recipients.collect();
        Names {
            mails,
            queue_ids,
            clients,
            senders,
            recipients,
        }
    }

    fn add_connections(&mut self, part: &Part, days: &[DayKey], names: &Names, options: &Options) {
        for (hour, more) in self.hour_connections.iter_mut().zip(&part.hour_connections) {
            hour.merge(more);
        }
        for disconnect in &part.disconnects {
            let before = self
                .processes
                .close_earlier(&part.processes, disconnect.process);
            let State::Open(since) = before else { continue };
            let Some(seconds) = options.stay(since, disconnect.at) else {
                continue;
            };
            let hour = usize::from(disconnect.hour);
            let day = days
                .get(disconnect.run)
                .and_then(|day| self.days.get_mut(day));
            let domain = get(&names.clients, disconnect.client);
            let domain = domain.and_then(|domain| self.client_domains.get_mut(domain));
            let by_hour = self.hour_connections.get_mut(hour);
            let by_day = day.map(|day| &mut day.connections);
            for connections in [by_hour, by_day, domain].into_iter().flatten() {
                connections.add(seconds);
            }
        }
        self.processes.merge(&part.processes);
    }

    /// Goes one step further with a mail.
    fn step(&mut self, step: &Step, names: &mut Names, options: &Options) -> Option<()> {
        match *step {
            Step::Line { mail, line, at } => {
                let place = usize::try_from(mail).ok()?;
                let queue_id = names.queue_ids.get(place)?;
                *names.mails.get_mut(place)? = self.mail_of(queue_id, line, at);
            }
            Step::Deferred { mail } => {
                self.mails.get_mut(get(&names.mails, mail)?)?.is_deferred = true;
            }
            Step::Client { mail, client } => {
                let domain = get(&names.clients, client)?;
                let key = self.client_domains.key(domain);
                let is_known = options.mend || !key.is_empty() && key != b"0";
                let mail = self.mails.get_mut(get(&names.mails, mail)?)?;
                self.missed.queue_ids += u64::from(mail.size_bytes.is_some());
                mail.origin = if is_known {
                    Origin::Client(domain)
                } else {
                    Origin::Unknown
                };
            }
            Step::Pickup { mail } => {
                let mail = self.mails.get_mut(get(&names.mails, mail)?)?;
                self.missed.queue_ids += u64::from(mail.size_bytes.is_some());
                mail.origin = Origin::Pickup;
            }
            Step::Active {
                mail,
                sender,
                size_bytes,
            } => {
                let mail = get(&names.mails, mail)?;
                let sender = get(&names.senders, sender)?;
                self.active(mail, sender, size_bytes, options)?;
            }
            Step::Sent {
                mail,
                recipient,
                delay_us,
            } => {
                let mail = get(&names.mails, mail)?;
                let recipient = get(&names.recipients, recipient)?;
                self.sent(mail, recipient, delay_us, options)?;
            }
        }
        Some(())
    }

    fn active(
        &mut self,
        mail_id: Id,
        id: SenderId,
        size_bytes: u64,
        options: &Options,
    ) -> Option<()> {
        let mail = self.mails.get_mut(mail_id)?;
        if mail.size_bytes.is_some() {
            return None;
        }
        mail.size_bytes = Some(size_bytes).filter(|size| options.mend || *size != 0);
        mail.is_empty = size_bytes == 0;
        if options.mend {
            self.add_late_size(mail_id, size_bytes);
        } else if size_bytes > 0 && self.no_size.contains_key(&mail_id) {
            self.missed.late_sizes += 1;
        }
        let mail = self.mails.get_mut(mail_id)?;
        if options.extended {
            let story = self.stories.entry(mail_id).or_default();
            story.push(Actor::Sender(id.sender));
        }
        let domain = match (std::mem::take(&mut mail.origin), id.domain) {
            (Origin::Unknown, _) => return None,
            (_, Some(domain)) => domain,
            (Origin::Pickup, None) => self.sending_domains.id(self.senders.key(id.sender)),
            (Origin::Client(client), None) => {
                self.sending_domains.id(self.client_domains.key(client))
            }
        };
        self.bytes_received = self.bytes_received.saturating_add(size_bytes);
        self.sending_domains.get_mut(domain)?.add(size_bytes);
        self.senders.get_mut(id.sender)?.add(size_bytes);
        Some(())
    }

    fn sent(
        &mut self,
        mail_id: Id,
        id: RecipientId,
        delay_us: i64,
        options: &Options,
    ) -> Option<()> {
        let mail = self.mails.get_mut(mail_id)?;
        let size_bytes = mail.size_bytes;
        if size_bytes.is_none() {
            self.missed.empty += u64::from(mail.is_empty);
            self.no_size.insert(mail_id, id.recipient);
            if options.mend {
                self.unsized_recipients.entry(mail_id).or_default().push(id);
            }
        }
        if options.extended {
            let story = self.stories.entry(mail_id).or_default();
            if size_bytes.is_none() {
                story.push(Actor::NotInLog);
            }
            story.push(Actor::Recipient(id.recipient));
        }
        let size_bytes = size_bytes.unwrap_or(0);
        self.bytes_delivered = self.bytes_delivered.saturating_add(size_bytes);
        self.recipients.get_mut(id.recipient)?.add(size_bytes);
        let domain = self.recipient_domains.get_mut(id.domain)?;
        domain.mails.add(size_bytes);
        domain.delay_secs += delay_us as f64 / 1e6;
        Some(())
    }

    /// Returns how many lines were read.
    pub(super) fn lines(&self) -> u64 {
        self.lives.lines()
    }

    /// Counts the mails that were deferred.
    pub(super) fn deferred(&self) -> usize {
        self.mails
            .iter()
            .filter(|(_, mail)| mail.is_deferred)
            .count()
    }

    /// Lists the senders of mails that were received.
    pub(super) fn seen_senders(&self) -> Vec<(&[u8], Mails)> {
        seen(&self.senders, |mails| mails.count)
    }

    /// Lists the domains of mails that were received.
    pub(super) fn seen_sending_domains(&self) -> Vec<(&[u8], Mails)> {
        seen(&self.sending_domains, |mails| mails.count)
    }

    /// Lists the recipients of mails that were delivered.
    pub(super) fn seen_recipients(&self) -> Vec<(&[u8], Mails)> {
        seen(&self.recipients, |mails| mails.count)
    }

    /// Lists the domains of clients that were connected.
    pub(super) fn seen_clients(&self) -> Vec<(&[u8], Connections)> {
        seen(&self.client_domains, |connections| connections.count)
    }

    /// Lists the mails without a size, and the last recipient of each, by queue id.
    pub(super) fn no_size(&self) -> Vec<(&[u8], &[u8])> {
        let rows = self.no_size.iter();
        let mut rows: Vec<_> = rows
            .map(|(mail, recipient)| (self.queue_id(*mail), self.recipients.key(*recipient)))
            .collect();
        rows.sort_unstable();
        rows
    }

    /// The queue id of a mail.
    fn queue_id(&self, mail: Id) -> &[u8] {
        let key = self.mails.key(mail);
        self.lives.shown(key)
    }

    /// Mended: finds the mail that a line belongs to.
    fn mail_of(&mut self, queue_id: &QueueId, line: InLife, at: At) -> Id {
        let key = self.lives.mail(queue_id, line, at);
        self.mails.id(key)
    }

    /// Mended: adds the bytes of recipients who had the mail before its size was told.
    fn add_late_size(&mut self, mail: Id, size_bytes: u64) {
        self.no_size.remove(&mail);
        for id in self.unsized_recipients.remove(&mail).unwrap_or_default() {
            self.bytes_delivered = self.bytes_delivered.saturating_add(size_bytes);
            if let Some(mails) = self.recipients.get_mut(id.recipient) {
                mails.bytes = mails.bytes.saturating_add(size_bytes);
            }
            if let Some(deliveries) = self.recipient_domains.get_mut(id.domain) {
                deliveries.mails.bytes = deliveries.mails.bytes.saturating_add(size_bytes);
            }
        }
    }

    /// Lists senders and recipients of each mail that has any.
    pub(super) fn stories(&self) -> impl Iterator<Item = (&[u8], Vec<&[u8]>)> {
        self.stories.iter().map(|(mail, story)| {
            let actors = story.iter().map(|actor| match actor {
                Actor::Sender(sender) => self.senders.key(*sender),
                Actor::Recipient(recipient) => self.recipients.key(*recipient),
                Actor::NotInLog => b"(sender not in log)",
            });
            (self.queue_id(*mail), actors.collect())
        })
    }
}

/// Lists what was counted; a table also has the names that only steps needed.
fn seen<V: Copy>(table: &Table<V>, count: impl Fn(&V) -> u64) -> Vec<(&[u8], V)> {
    let rows = table.iter().filter(|(_, value)| count(value) > 0);
    rows.map(|(name, value)| (name, *value)).collect()
}

fn add_hours(hours: &mut [[u64; COLUMNS]; 24], more: &[[u64; COLUMNS]; 24]) {
    for (hour, more) in hours.iter_mut().flatten().zip(more.iter().flatten()) {
        *hour += more;
    }
}

fn get<T: Copy>(names: &[T], id: Id) -> Option<T> {
    names.get(usize::try_from(id).ok()?).copied()
}
