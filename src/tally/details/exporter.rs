//! What postfix_exporter counts, by its own rules, so that its dashboards go on working.
//!
//! The names, labels and limits are those of the exporter in its version 0.3 and of the fork that
//! goes on with it; each counts lines alone, so that nothing here joins any. What it never counts
//! (`smtp_deferred_messages_total`) stays 0 here too. Otherwise than there, the delays of smtp have
//! their stage, a service of its own name counts under its daemon, and `unsupported_log_entries_total`
//! has the lines that *this* program has no kind for.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use mailtally_parsers::companion::{self, Event as Companion};
use mailtally_parsers::postfix::{Event as Postfix, delivery, tls};
use mailtally_parsers::{Class, Daemon, Program, Record};

use super::super::buckets::Buckets;
use super::super::counts::Counts;
use super::super::symbols::{Renumber, Renumbering, Symbol, Symbols, key};
use super::delays::LIMITS_US;

/// The stages of a delivery.
const STAGES: [&str; 4] = [
    "before_queue_manager",
    "queue_manager",
    "connection_setup",
    "transmission",
];

/// Limits of sizes in bytes.
pub(crate) const SIZES: [u64; 7] = [
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];

/// Limits of numbers of recipients.
const RECIPIENTS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// Limits of DNSBL ranks.
const RANKS: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

key! {
    /// A counter and the values of its labels.
    struct Counter {
        name: &'static str,
        first: Option<Symbol>,
        second: Option<Symbol>,
        third: Option<Symbol>,
        fourth: Option<u32>,
        fifth: Option<u32>,
    }
}

key! {
    /// A histogram and the values of its labels.
    struct Timer { name: &'static str, relay: Option<Symbol>, stage: &'static str }
}

/// Counts what postfix_exporter counts.
#[derive(Clone, Default)]
pub(crate) struct Exporter {
    counts: Counts<Counter>,
    times: HashMap<Timer, Buckets>,
}

impl Exporter {
    /// Counts a line of Postfix.
    pub(crate) fn postfix(
        &mut self,
        record: &Record<'_>,
        event: &Postfix<'_>,
        symbols: &mut Symbols,
    ) {
        if event.class() == Class::Generic {
            let level = event.kind().name().trim_start_matches("generic_");
            self.unsupported(record, level.as_bytes(), symbols);
            return;
        }
        match event {
            Postfix::CleanupMessageId(_) => self.one("cleanup_messages_processed_total"),
            Postfix::CleanupCheck(check) if check.action == b"reject" => {
                self.one("cleanup_messages_rejected_total");
            }
            Postfix::QmgrActive(active) => {
                let timer = |name| Timer {
                    name,
                    relay: None,
                    stage: "",
                };
                for name in RECIPIENT_NAMES {
                    self.observe(timer(name), active.nrcpt, &RECIPIENTS);
                }
                let size = timer("qmgr_messages_inserted_size_bytes");
                self.observe(size, active.size_bytes, &SIZES);
            }
            Postfix::QmgrRemoved(_) => self.one("qmgr_messages_removed_total"),
            Postfix::QmgrExpired(_) => self.one("qmgr_messages_expired_total"),
            Postfix::Delivery(event) => self.delivery(record, event, symbols),
            Postfix::TlsConnection(event) => self.tls(record, event, symbols),
            Postfix::SmtpConnectFailed(event) if event.reason == b"Connection timed out" => {
                self.one("smtp_connection_timed_out_total");
            }
            Postfix::BounceSenderNdn(_) => self.one("bounce_non_delivery_notification_total"),
            _ => self.client(event, symbols),
        }
    }

    /// Counts what smtpd and postscreen say of clients.
    fn client(&mut self, event: &Postfix<'_>, symbols: &mut Symbols) {
        match event {
            Postfix::SmtpdConnect(_) => self.one("smtpd_connects_total"),
            Postfix::SmtpdDisconnect(_) => self.one("smtpd_disconnects_total"),
            Postfix::RdnsMismatch(_) => {
                self.one("smtpd_forward_confirmed_reverse_dns_errors_total");
            }
            Postfix::SmtpdLostConnection(event) => {
                self.labelled("smtpd_connections_lost_total", event.r#where, symbols);
            }
            Postfix::SmtpdClient(event) => {
                let method = event.sasl_method.unwrap_or(b"");
                self.labelled("smtpd_messages_processed_total", method, symbols);
            }
            Postfix::SmtpdReject(event) if event.queue_id.is_none() && event.r#where == b"RCPT" => {
                self.code("smtpd_messages_rejected_total", event.code);
            }
            Postfix::SaslAuthFailed(_) => self.one("smtpd_sasl_authentication_failures_total"),
            Postfix::PscConnect(_) => self.one("postscreen_connects_total"),
            Postfix::PscRejectConnect(event) => {
                self.labelled("postscreen_connects_rejected_total", event.reason, symbols);
            }
            Postfix::PscPassNew(_) => self.labelled("postscreen_passes_total", b"NEW", symbols),
            Postfix::PscPassOld(_) => self.labelled("postscreen_passes_total", b"OLD", symbols),
            Postfix::PscRejectRcpt(event) => {
                self.code("postscreen_messages_rejected_total", event.code);
            }
            Postfix::PscDnsblRank(event) => {
                let timer = Timer {
                    name: "postscreen_dnsbl_rank",
                    relay: None,
                    stage: "",
                };
                self.observe(timer, u64::from(event.rank), &RANKS);
            }
            Postfix::PscHangup(_) => self.one("postscreen_hangups_total"),
            _ => self.screened(event, symbols),
        }
    }

    /// Counts postscreen's lists, and tests that were failed.
    fn screened(&mut self, event: &Postfix<'_>, symbols: &mut Symbols) {
        let (name, value) = match event {
            Postfix::PscAllowlisted(_) => (LISTS, "allowlisted"),
            Postfix::PscDenylisted(_) => (LISTS, "denylisted"),
            Postfix::PscAllowlistVeto(_) => (LISTS, "allowlist veto"),
            Postfix::PscPregreet(_) => (TESTS, "pregreet"),
            Postfix::PscBareNewline(_) => (TESTS, "bare newline"),
            Postfix::PscPipelining(_) => (TESTS, "command pipelining"),
            Postfix::PscNonSmtp(_) => (TESTS, "non-smtp command"),
            Postfix::PscCmdTimeLimit(_) => (TESTS, "command time limit"),
            Postfix::PscCmdCountLimit(_) => (TESTS, "command count limit"),
            Postfix::PscCmdLengthLimit(_) => (TESTS, "command length limit"),
            _ => return,
        };
        self.labelled(name, value.as_bytes(), symbols);
    }

    /// Counts a line that is of no known kind.
    pub(crate) fn unsupported(&mut self, record: &Record<'_>, level: &[u8], symbols: &mut Symbols) {
        let service = match record.tag.program {
            Program::Postfix(daemon) => daemon.name(),
            Program::Companion(_) if record.tag.text.starts_with(b"opendkim") => "opendkim",
            _ => return,
        };
        let counter = Counter {
            first: Some(symbols.intern(service.as_bytes())),
            second: Some(symbols.intern(level)),
            ..Counter::plain("unsupported_log_entries_total")
        };
        self.counts.add(counter, 1);
    }

    /// Counts a line of a milter.
    pub(crate) fn companion(&mut self, event: &Companion<'_>, symbols: &mut Symbols) {
        if let Companion::OpendkimSigned(companion::opendkim::Signed {
            selector: Some(selector),
            domain: Some(domain),
            ..
        }) = event
        {
            let counter = Counter {
                first: Some(symbols.intern(selector)),
                second: Some(symbols.intern(domain)),
                ..Counter::plain("signatures_added_total")
            };
            self.counts.add(counter, 1);
        }
    }

    fn delivery(
        &mut self,
        record: &Record<'_>,
        event: &delivery::Delivery<'_>,
        symbols: &mut Symbols,
    ) {
        let (name, relay) = match record.tag.program {
            Program::Postfix(Daemon::Smtp) => {
                self.smtp_status(event, symbols);
                ("smtp_delivery_delay_seconds", None)
            }
            Program::Postfix(Daemon::Lmtp) => ("lmtp_delivery_delay_seconds", None),
            Program::Postfix(Daemon::Pipe) => {
                let relay = symbols.intern(event.relay.text);
                ("pipe_delivery_delay_seconds", Some(relay))
            }
            Program::Postfix(Daemon::Virtual)
                if event.status == b"sent" && event.reason == b"delivered to maildir" =>
            {
                return self.one("virtual_delivered_total");
            }
            _ => return,
        };
        let Some(parts) = event.delays() else {
            return;
        };
        for (stage, part) in STAGES.into_iter().zip(parts) {
            let timer = Timer { name, relay, stage };
            self.observe(timer, part.micros, &LIMITS_US);
        }
    }

    fn smtp_status(&mut self, event: &delivery::Delivery<'_>, symbols: &mut Symbols) {
        self.labelled("smtp_messages_processed_total", event.status, symbols);
        let by_dsn = match event.status {
            b"deferred" => {
                self.one("smtp_status_deferred");
                "smtp_deferred_messages_by_dsn_total"
            }
            b"bounced" => "smtp_bounced_messages_by_dsn_total",
            _ => return,
        };
        if let Some(dsn) = event.dsn() {
            self.labelled(by_dsn, dsn, symbols);
        }
    }

    fn tls(&mut self, record: &Record<'_>, event: &tls::Connection<'_>, symbols: &mut Symbols) {
        let name = match (record.tag.program, event.direction) {
            (Program::Postfix(Daemon::Smtp), tls::Direction::Outbound) => {
                "smtp_tls_connections_total"
            }
            (Program::Postfix(Daemon::Smtpd), tls::Direction::Inbound) => {
                "smtpd_tls_connections_total"
            }
            _ => return,
        };
        let (Some(trust), tls::Action::Established) = (event.trust, event.action) else {
            return;
        };
        let bits = event.details.bits();
        let counter = Counter {
            first: Some(symbols.intern(trust_word(trust))),
            second: Some(symbols.intern(event.protocol)),
            third: Some(symbols.intern(event.cipher)),
            fourth: bits.map(|(used, _)| used),
            fifth: bits.map(|(_, algorithm)| algorithm),
            ..Counter::plain(name)
        };
        self.counts.add(counter, 1);
    }

    fn one(&mut self, name: &'static str) {
        self.counts.add(Counter::plain(name), 1);
    }

    fn labelled(&mut self, name: &'static str, value: &[u8], symbols: &mut Symbols) {
        let counter = Counter {
            first: Some(symbols.intern(value)),
            ..Counter::plain(name)
        };
        self.counts.add(counter, 1);
    }

    fn code(&mut self, name: &'static str, code: Option<u32>) {
        let counter = Counter {
            fourth: code,
            ..Counter::plain(name)
        };
        self.counts.add(counter, 1);
    }

    fn observe(&mut self, timer: Timer, value: u64, limits: &[u64]) {
        let buckets = self.times.entry(timer);
        buckets.or_insert_with(|| Buckets::new(limits)).add(value);
    }

    pub(crate) fn merge(&mut self, later: Exporter, numbers: &Renumbering) {
        self.counts.merge(later.counts, numbers);
        for (timer, buckets) in later.times {
            match self.times.get_mut(&timer.renumber(numbers)) {
                Some(ours) => ours.merge(&buckets),
                None => {
                    self.times.insert(timer.renumber(numbers), buckets);
                }
            }
        }
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> ExporterTotals {
        let text = |symbol: Option<Symbol>| symbol.map(|symbol| symbols.text(symbol));
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        let mut totals = ExporterTotals::default();
        for (key, count) in self.counts.iter() {
            let all = [
                text(key.first),
                text(key.second),
                text(key.third),
                number(key.fourth),
                number(key.fifth),
            ];
            let values: Vec<String> = all.into_iter().flatten().collect();
            *totals.counts.entry((key.name, values)).or_insert(0) += count;
        }
        for (timer, buckets) in &self.times {
            let stage = (!timer.stage.is_empty()).then(|| timer.stage.to_owned());
            let values: Vec<String> = [text(timer.relay), stage].into_iter().flatten().collect();
            totals
                .histograms
                .insert((timer.name, values), buckets.clone());
        }
        totals
    }
}

/// The word that the line begins with.
fn trust_word(trust: tls::Trust) -> &'static [u8] {
    match trust {
        tls::Trust::Anonymous => b"Anonymous",
        tls::Trust::Untrusted => b"Untrusted",
        tls::Trust::Trusted => b"Trusted",
        tls::Trust::Verified => b"Verified",
    }
}

/// Both spellings of one name: the first one is the older.
const RECIPIENT_NAMES: [&str; 2] = [
    "qmgr_messages_inserted_receipients",
    "qmgr_messages_inserted_recipients",
];

const LISTS: &str = "postscreen_access_list_matches_total";
const TESTS: &str = "postscreen_tests_failed_total";

impl Counter {
    fn plain(name: &'static str) -> Self {
        Counter {
            name,
            first: None,
            second: None,
            third: None,
            fourth: None,
            fifth: None,
        }
    }
}

/// What postfix_exporter would have counted, by name and the values of the labels in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExporterTotals {
    /// Numbers.
    pub counts: BTreeMap<(&'static str, Vec<String>), u64>,
    /// Delays in microseconds, sizes in bytes, and numbers of recipients.
    pub histograms: BTreeMap<(&'static str, Vec<String>), Buckets>,
}
