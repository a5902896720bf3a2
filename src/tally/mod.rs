//! Counts events, so that any cut of a log merges to the same totals.
//!
//! ```text
//! tally(A·B) == tally(A).merge(tally(B))
//! ```
//!
//! A [`Tally`] is a part of a log, counted. Most counts need no other line and are plain adding;
//! what an earlier or a later line may still change is kept in small fragments: the lives of mails
//! (`lives`), the sessions of processes (`sessions`), the exchanges of logins (`logins`). A
//! part is *anchored* when nothing precedes it: then all that has ended is settled. This module
//! reads no clock, no file and no environment, and formats nothing.

mod absorb;
pub(crate) mod apart;
mod both;
mod buckets;
mod by_author;
mod by_symbol;
mod clients;
mod counts;
pub(crate) mod course;
mod coverage;
mod deliveries;
pub(crate) mod details;
mod distinct;
mod dovecot;
pub mod evidence;
mod finish;
mod histogram;
mod kinds;
mod known;
mod life;
mod lives;
mod logins;
mod mail;
mod mail_counts;
mod noted;
mod origin;
mod own;
mod processes;
mod queue;
mod queue_id;
mod recent;
mod refusals;
mod rejects;
mod senders;
mod sessions;
mod shed;
mod shelf;
pub(crate) mod symbols;
mod tls;
pub mod totals;
mod wanted;

use hashbrown::HashMap;
use mailtally_parsers::dovecot::Event as DovecotEvent;
use mailtally_parsers::foreign::Server;
use mailtally_parsers::postfix::Event as PostfixEvent;
use mailtally_parsers::syslog::Author;
use mailtally_parsers::{self as parsers, Event, Kind, Program, Reason, Record, companion, logger};

pub(crate) use self::absorb::recipient_domain;
use self::both::both;
use self::clients::Clients;
use self::coverage::{Accounts, Class};
use self::deliveries::{Deliveries, RelayFacts, Shown};
pub(crate) use self::deliveries::{Status, relay_family};
use self::details::Details;
pub(crate) use self::details::greylist::network_of as network;
pub(crate) use self::details::stays::stay_us;
pub(crate) use self::details::warnings::complaint;
pub(crate) use self::dovecot::{failed_session, failed_user, login_line, service};
use self::finish::Scopes;
use self::known::{Known, Origin};
pub(crate) use self::lives::Lives;
pub use self::lives::Windows;
pub(crate) use self::lives::{At, Fate, LifeKey, Line, QueueId, Settled, Tale};
pub(crate) use self::logins::By;
use self::logins::Logins;
pub(crate) use self::mail::{
    Access, ClientFacts, Facts, Outcome, listed_sender, normalize, write_client_domain,
};
use self::mail_counts::{MailCounts, Settling, add};
use self::origin::{Instances, Resolver};
use self::own::Hops;
pub(crate) use self::own::hash;
pub use self::queue::{Queue, Queued};
pub(crate) use self::refusals::{Action, Verdict};
use self::rejects::Rejects;
use self::sessions::{Connections, Servers};
use self::symbols::{Derived, Symbol, Symbols};
use self::tls::TlsCounts;
use self::totals::{ConnectionTotals, InstanceTotals, MailTotals, Messages, Totals};
pub use self::wanted::Wanted;

/// Microseconds in an hour.
pub(crate) const HOUR_US: i64 = 3_600 * 1_000_000;

/// Which of the events that a line stands for is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Occurrence {
    /// Its own: the line is accounted for.
    First,
    /// One that a logger wrote no line of its own for.
    Again,
}

/// A part of a log, counted.
#[derive(Clone)]
pub struct Tally {
    windows: Windows,
    wanted: Wanted,
    /// What `wanted` says of details: asked for on each line.
    wants_details: bool,
    anchored: bool,
    lines: u64,
    now_us: i64,
    known: Known,
    symbols: Symbols,
    /// The domains of recipients.
    domains: Derived<Symbol>,
    /// What the texts of relays tell.
    relays: Derived<RelayFacts>,
    accounts: Accounts,
    instances: Instances,
    mail: MailCounts,
    lives: Lives,
    servers: Servers,
    connections: Connections,
    tls: TlsCounts,
    logins: Logins,
    hops: Hops,
    rejects: Rejects,
    clients: Clients,
    deliveries: Deliveries,
    details: Details,
}

impl Tally {
    /// An empty part that other lines may precede: a chunk, a later day.
    pub fn part(windows: Windows) -> Tally {
        Tally {
            windows,
            wanted: Wanted::ALL,
            wants_details: true,
            anchored: false,
            lines: 0,
            now_us: i64::MIN,
            known: Known::default(),
            symbols: Symbols::default(),
            domains: Derived::default(),
            relays: Derived::default(),
            accounts: Accounts::default(),
            instances: Instances::default(),
            mail: MailCounts::default(),
            lives: Lives::default(),
            servers: Servers::default(),
            connections: Connections::default(),
            tls: TlsCounts::default(),
            logins: Logins::default(),
            hops: Hops::default(),
            rejects: Rejects::default(),
            clients: Clients::default(),
            deliveries: Deliveries::default(),
            details: Details::default(),
        }
    }

    /// An empty part that nothing precedes: the beginning of a log.
    pub fn anchored(windows: Windows) -> Tally {
        Tally {
            anchored: true,
            ..Tally::part(windows)
        }
    }

    /// Counts only what is wanted.
    #[must_use]
    pub fn counting(self, wanted: Wanted) -> Tally {
        Tally {
            wanted,
            wants_details: wanted.details(),
            ..self
        }
    }

    /// Parses and counts a line with an envelope; `wall_us` is its stamp on the log's wall clock.
    pub fn line(&mut self, record: &Record<'_>, wall_us: i64) {
        self.line_of(None, record, wall_us);
    }

    /// The same of a line whose author may be known: his host and tag are looked up once.
    pub fn line_of(&mut self, author: Option<Author>, record: &Record<'_>, wall_us: i64) {
        let message = record.message;
        // Events are large: those of the commonest programs are counted where they are made.
        match record.tag.program {
            Program::Postfix(daemon) => match &PostfixEvent::parse(daemon, message) {
                Ok(event) => self.absorb_postfix(record, author, wall_us, event),
                Err(reason) => self.absorb_unparsed(record, wall_us, *reason),
            },
            Program::Dovecot => match &DovecotEvent::parse(message) {
                Ok(event) => self.absorb_dovecot(record, author, wall_us, event),
                Err(reason) => self.absorb_unparsed(record, wall_us, *reason),
            },
            Program::Companion(companion) => match &companion::Event::parse(companion, message) {
                Ok(event) => self.absorb_companion(record, author, wall_us, event),
                Err(reason) => self.absorb_unparsed(record, wall_us, *reason),
            },
            _ => self.absorb(record, wall_us, &Event::parse(&record.tag, message)),
        }
    }

    /// Counts a line that was parsed already.
    pub fn absorb(
        &mut self,
        record: &Record<'_>,
        wall_us: i64,
        parsed: &Result<Event<'_>, Reason>,
    ) {
        match parsed {
            Ok(Event::Postfix(event)) => self.absorb_postfix(record, None, wall_us, event),
            Ok(Event::Dovecot(event)) => self.absorb_dovecot(record, None, wall_us, event),
            Ok(Event::Companion(event)) => self.absorb_companion(record, None, wall_us, event),
            Ok(event) => self.absorb_other(record, wall_us, event),
            Err(reason) => self.absorb_unparsed(record, wall_us, *reason),
        }
    }

    #[inline]
    fn absorb_postfix(
        &mut self,
        record: &Record<'_>,
        author: Option<Author>,
        wall_us: i64,
        event: &PostfixEvent<'_>,
    ) {
        self.postfix(record, author, wall_us, event, Occurrence::First);
        self.again(record, |tally| {
            tally.postfix(record, author, wall_us, event, Occurrence::Again);
        });
    }

    #[inline]
    fn absorb_dovecot(
        &mut self,
        record: &Record<'_>,
        author: Option<Author>,
        wall_us: i64,
        event: &DovecotEvent<'_>,
    ) {
        let origin = self.known.origin(author, record, &mut self.symbols);
        self.account(record, origin, wall_us, event.kind(), event.class());
        self.dovecot(record, origin.host, wall_us, event);
        self.again(record, |tally| {
            tally.dovecot(record, origin.host, wall_us, event);
        });
    }

    #[inline]
    fn absorb_companion(
        &mut self,
        record: &Record<'_>,
        author: Option<Author>,
        wall_us: i64,
        event: &companion::Event<'_>,
    ) {
        let origin = self.known.origin(author, record, &mut self.symbols);
        self.account(
            record,
            origin,
            wall_us,
            event.kind(),
            parsers::Class::Parsed,
        );
        self.companion(record, event);
        self.again(record, |tally| tally.companion(record, event));
    }

    /// Counts a line of the logger itself.
    #[cold]
    fn absorb_other(&mut self, record: &Record<'_>, wall_us: i64, event: &Event<'_>) {
        let origin = self.known.origin(None, record, &mut self.symbols);
        self.account(record, origin, wall_us, event.kind(), event.class());
        let count = |tally: &mut Tally| {
            if let Event::Logger(logger::Event::RateLimit(lost)) = event {
                tally.accounts.count_lost(lost.count);
            }
        };
        count(self);
        self.again(record, count);
    }

    /// Counts the events that a line stands for beside its own, and settles what is due.
    #[inline]
    fn again(&mut self, record: &Record<'_>, count: impl FnMut(&mut Tally)) {
        if record.repeated > 1 {
            self.repeat(record.repeated - 1, count);
        }
        self.sweep();
    }

    #[cold]
    #[inline(never)]
    fn repeat(&mut self, times: u32, mut count: impl FnMut(&mut Tally)) {
        self.accounts.count_expanded(u64::from(times));
        for _ in 0..times {
            count(self);
        }
    }

    #[inline]
    fn companion(&mut self, record: &Record<'_>, event: &companion::Event<'_>) {
        if self.wanted.verdicts {
            let verdicts = &mut self.details.verdicts;
            verdicts.line(record, event, &mut self.symbols);
        }
        if self.wanted.exporter {
            self.details.exporter.companion(event, &mut self.symbols);
        }
    }

    /// Accounts for a line of a known kind.
    #[inline(always)]
    fn account(
        &mut self,
        record: &Record<'_>,
        origin: Origin,
        wall_us: i64,
        kind: Kind,
        class: parsers::Class,
    ) {
        self.lines += 1;
        let is_parsed = class == parsers::Class::Parsed;
        match origin.program {
            Some(program) if is_parsed => self.accounts.count_parsed(usize::from(program), kind),
            _ => self.account_by_name(record, kind, is_parsed),
        }
        self.accounts.stamp(origin.host, wall_us);
        self.now_us = self.now_us.max(wall_us);
    }

    /// Accounts for a line that has no place in the table of kinds.
    #[cold]
    fn account_by_name(&mut self, record: &Record<'_>, kind: Kind, is_parsed: bool) {
        let class = match is_parsed {
            true => Class::Parsed,
            false => Class::Generic,
        };
        let name = self.program(record);
        self.accounts.count(name, Some(kind), class);
    }

    /// Counts a marker of `journalctl`: it has neither stamp nor host.
    pub fn absorb_marker(&mut self, record: &Record<'_>) {
        self.lines += 1;
        let program = self.program(record);
        match Event::parse(&record.tag, record.message) {
            Ok(event) => {
                let kind = Some(event.kind());
                self.accounts.count(program, kind, Class::Parsed);
            }
            Err(_) => self.accounts.count(program, None, Class::Foreign),
        }
    }

    fn absorb_unparsed(&mut self, record: &Record<'_>, wall_us: i64, reason: Reason) {
        self.lines += 1;
        let program = self.program(record);
        if record.tag.program.is_ours() {
            let host = self.known.host(record.host, &mut self.symbols);
            self.accounts.stamp(host, wall_us);
            self.accounts.count(program, None, Class::Unparsed);
            if self.wanted.exporter {
                let exporter = &mut self.details.exporter;
                exporter.unsupported(record, b"", &mut self.symbols);
            }
            self.accounts.unparsed(
                program,
                reason.of(record.message),
                record.tag.text,
                record.message,
            );
        } else {
            self.accounts.count(program, None, Class::Foreign);
            if let Some(server) = Server::of(record) {
                self.accounts.count_server(server);
            }
        }
    }

    /// Counts a line without an envelope: foreign.
    pub fn absorb_foreign(&mut self) {
        self.lines += 1;
        let program = self.symbols.intern(b"");
        self.accounts.count_no_envelope(program);
    }

    /// Counts lines that a filter left out: those that are counted keep their place in the log.
    pub fn absorb_filtered(&mut self, lines: u64) {
        self.lines += lines;
        self.accounts.count_filtered(lines);
    }

    /// How many lines were counted.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The program's name, as coverage lists it.
    fn program(&mut self, record: &Record<'_>) -> Symbol {
        match record.tag.program.number() {
            Some(number) => self.symbols.intern(Program::name_of(number).as_bytes()),
            None => self.symbols.intern(record.tag.text),
        }
    }

    #[inline]
    fn sweep(&mut self) {
        if self.lives.is_due(self.lines) {
            self.sweep_now();
        }
    }

    /// Settles what no line can concern any more.
    #[cold]
    fn sweep_now(&mut self) {
        let now = At {
            line: self.lines,
            us: self.now_us,
        };
        let (lives, mail, mut into) = (
            &mut self.lives,
            &mut self.mail,
            Settling {
                wanted: self.wanted,
                anchored: self.anchored,
                clients: &mut self.clients,
                details: &mut self.details,
                symbols: &mut self.symbols,
            },
        );
        let swept = lives.sweep(now, self.anchored, self.windows, &mut |settled| {
            mail.settle(&settled, &mut into);
        });
        if swept {
            self.servers.sweep(self.now_us, self.anchored);
            self.details.stays.sweep(self.now_us, self.anchored);
            self.connections
                .sweep(self.now_us, self.anchored, &mut self.tls);
        }
    }

    /// Adds a later part: its lines follow this part's.
    pub fn merge(&mut self, later: Tally) {
        let numbers = &self.symbols.merge(&later.symbols);
        let (lines, anchored, windows) = (self.lines, self.anchored, self.windows);
        // At the end of a log the other workers have nothing else to do.
        let ((), accepted) = both(
            || {
                self.accounts.merge(later.accounts, numbers);
                self.instances.merge(later.instances, numbers);
                self.mail.merge(later.mail, numbers);
                self.logins.merge(later.logins, numbers, anchored);
                self.hops.merge(later.hops, numbers);
                self.rejects.merge(later.rejects, numbers);
                self.clients.merge(later.clients, numbers, &self.symbols);
                self.deliveries.merge(later.deliveries, numbers);
                self.details.merge(later.details, lines, numbers, anchored);
            },
            || {
                self.lives
                    .merge(later.lives, lines, numbers, anchored, windows);
                let tls = &mut self.tls;
                tls.merge(later.tls, numbers);
                self.connections
                    .merge(later.connections, numbers, anchored, tls);
                self.servers
                    .merge(later.servers, lines, numbers, windows, anchored, tls)
            },
        );
        for (key, action) in accepted {
            if let Some(life) = self.lives.current(key) {
                life.facts.note_access(action);
            }
        }
        self.lines += later.lines;
        self.now_us = self.now_us.max(later.now_us);
        self.sweep();
    }

    /// Returns both ends of each hop between servers of these logs, in order.
    pub fn own_addresses(&self) -> Vec<String> {
        let own = self.hops.own_addresses(&self.symbols);
        let mut own: Vec<String> = own.into_iter().map(|one| self.symbols.text(one)).collect();
        own.sort();
        own
    }

    /// Settles everything and says what was counted.
    pub fn finish(mut self) -> Totals {
        let last_us = self.accounts.last_us().unwrap_or(0);
        let (mail, mut into) = (
            &mut self.mail,
            Settling {
                wanted: self.wanted,
                anchored: self.anchored,
                clients: &mut self.clients,
                details: &mut self.details,
                symbols: &mut self.symbols,
            },
        );
        self.lives.finish(last_us, self.windows, &mut |settled| {
            mail.settle(&settled, &mut into);
        });
        self.servers.finish(&mut self.tls);
        self.connections.finish(&mut self.tls);
        self.logins.finish_open();
        self.totals()
    }

    fn totals(&self) -> Totals {
        let symbols = &self.symbols;
        let instances = self.instances.resolve(symbols);
        let scopes = Scopes::new(symbols, self.hops.own_addresses(symbols));
        let (totals, totals_by_instance) = self.mail_totals(&instances);
        let lists = self.wanted.lists;
        let (rejects, messages) = (&self.rejects, self.mail.messages);
        Totals {
            hosts: self.accounts.hosts(symbols),
            span: self.accounts.span(),
            coverage: self.accounts.finish(symbols),
            totals,
            totals_by_instance,
            messages: Messages {
                rejected_recipients: rejects.at_rcpt(),
                rejected_4xx: rejects.with_code_class(4),
                rejected_5xx: rejects.with_code_class(5),
                delivered_recipients: messages
                    .delivered_recipients
                    .saturating_sub(self.mail.handed_over),
                ..messages
            },
            accepted_by_client: self.clients.accepted_rows(symbols, &scopes, lists),
            per_hour: self.mail.per_hour(),
            per_day: self.mail.per_day(),
            per_weekday_hour: self.mail.per_weekday_hour(),
            tls: self.tls.finish(symbols, &instances, &scopes, lists),
            logins: self.logins.rows(symbols, &scopes, lists),
            rejects: rejects.finish(symbols, &scopes, lists),
            connections: ConnectionTotals {
                by_family: self.clients.families(&scopes),
                by_service: self.clients.services(symbols, &instances),
                by_address: match lists {
                    true => self.clients.addresses(symbols, &instances, &scopes),
                    false => Vec::new(),
                },
            },
            deliveries: self.deliveries.finish(symbols, lists, &self.shown_relays()),
            evidence: self
                .clients
                .evidence(self.logins.failures(), symbols, &scopes, lists),
            details: self.detail_totals(&instances),
        }
    }

    /// The relays of which rows are made.
    fn shown_relays(&self) -> Shown<'_> {
        match self.wanted.relays {
            true => Shown::All,
            false => Shown::Behind(self.details.failures.unreached(&self.symbols)),
        }
    }

    /// Sums pflogsumm's counts over prefixes that are one instance, and over all.
    fn mail_totals(&self, instances: &Resolver<'_>) -> (MailTotals, Vec<InstanceTotals>) {
        let recipients = self.deliveries.distinct(&self.symbols, instances);
        let senders = self.mail.senders.distinct(instances);
        let mut by_instance: HashMap<(Symbol, Symbol), MailTotals> = HashMap::new();
        let mut all = MailTotals::default();
        for (key, totals) in self.mail.instances() {
            add(
                by_instance
                    .entry((key.host, instances.instance(key)))
                    .or_default(),
                totals,
            );
            add(&mut all, totals);
        }
        (all.senders, all.sending_domains) = senders.all();
        (all.recipients, all.recipient_domains) = recipients.all();
        let row = |(key, mut totals): ((Symbol, Symbol), MailTotals)| {
            (totals.senders, totals.sending_domains) = senders.of(key);
            (totals.recipients, totals.recipient_domains) = recipients.of(key);
            InstanceTotals {
                host: self.symbols.text(key.0),
                instance: self.symbols.text(key.1),
                totals,
            }
        };
        let mut rows: Vec<InstanceTotals> = by_instance.into_iter().map(row).collect();
        rows.sort_by(|a, b| {
            let received = b.totals.received.cmp(&a.totals.received);
            received.then_with(|| (&a.host, &a.instance).cmp(&(&b.host, &b.instance)))
        });
        (all, rows)
    }
}
