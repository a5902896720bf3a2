//! The fields of a line as a report's conditions see them: the names of `events`, and the report's own.

use mailtally_parsers::postfix::Event as Postfix;
use mailtally_parsers::postfix::rule::Rule;
use mailtally_parsers::{Event, Fields, Seconds, Visitor};

use crate::export::{self, Line};
use crate::tally;

/// The fields that decide a whole mail.
pub const MAIL_FIELDS: [&str; 5] = [
    "sender",
    "recipient",
    "sender_domain",
    "recipient_domain",
    "status",
];

/// Names that a report has beside those of `events`.
const OWN_FIELDS: [&str; 6] = [
    "client",
    "network",
    "user",
    "rule",
    "sender_domain",
    "recipient_domain",
];

/// Lists the names by which lines and mails can be chosen, each once, in order.
pub fn names() -> Vec<&'static str> {
    // What was logged when is asked for with a range, which spares reading the rest.
    let known = export::names().into_iter().filter(|name| *name != "time");
    let mut names: Vec<&str> = known.chain(OWN_FIELDS).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A line with the report's own fields beside its own.
pub(super) struct ReportLine<'l> {
    pub(super) line: &'l Line<'l>,
    /// Whether somebody asks for the network, which is costly to write out.
    pub(super) needs_network: bool,
}

impl Fields for ReportLine<'_> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        let mut own = OwnNames {
            to: visitor,
            is_foreign: self.line.event.is_err() && !self.line.record.tag.program.is_ours(),
            has_status: self.has_status(),
            needs_network: self.needs_network,
            domain: Vec::new(),
        };
        self.line.visit(&mut own);
        if let Ok(Event::Postfix(event)) = &self.line.event
            && let Some(rule) = Rule::of(event)
        {
            visit_rule(&rule, visitor);
        }
    }
}

impl ReportLine<'_> {
    /// Tells whether a `status` of this line is that of a mail: other programs have some of their own.
    fn has_status(&self) -> bool {
        matches!(
            self.line.event,
            Ok(Event::Postfix(
                Postfix::Delivery(_) | Postfix::QmgrExpired(_)
            ))
        )
    }
}

/// Visits the site's own id of a rule; where there is none, its class with and without the blocklist.
fn visit_rule(rule: &Rule<'_>, visitor: &mut dyn Visitor) {
    if let Some(id) = rule.id {
        return visitor.text("rule", id);
    }
    visitor.text("rule", rule.class.name.as_bytes());
    if let Some(detail) = rule.class.detail {
        let whole = [rule.class.name.as_bytes(), b":", detail].concat();
        visitor.text("rule", &whole);
    }
}

/// Passes fields on, and the report's own beside those that they are made of. A name may be visited
/// twice: a client has an address and a name, and either will do.
struct OwnNames<'v> {
    to: &'v mut dyn Visitor,
    is_foreign: bool,
    has_status: bool,
    needs_network: bool,
    domain: Vec<u8>,
}

impl OwnNames<'_> {
    fn client(&mut self, address: &[u8]) {
        self.to.text("client", address);
        if self.needs_network {
            let network = tally::network(&String::from_utf8_lossy(address));
            self.to.text("network", network.as_bytes());
        }
    }

    fn domain(&mut self, name: &'static str, address: &[u8]) {
        domain_of(address, &mut self.domain);
        self.to.text(name, &self.domain);
    }
}

/// Writes the domain of an address in lower case; a bare word is its own.
pub(super) fn domain_of(address: &[u8], into: &mut Vec<u8>) {
    into.clear();
    into.extend_from_slice(tally::recipient_domain(address));
    into.make_ascii_lowercase();
}

impl Visitor for OwnNames<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        match name {
            "status" if !self.has_status => return,
            // Of another program's line only the envelope says something.
            "kind" | "reason" | "text" if self.is_foreign => return,
            _ => self.to.text(name, value),
        }
        match name {
            "client_name" => self.to.text("client", value),
            "client_address" | "rip" | "ip" => self.client(value),
            "sasl_username" => self.to.text("user", value),
            "sender" => self.domain("sender_domain", value),
            "recipient" => self.domain("recipient_domain", value),
            _ => {}
        }
    }

    fn number(&mut self, name: &'static str, value: u64) {
        if name != "status" {
            self.to.number(name, value);
        }
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.to.decimal(name, value);
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        self.to.seconds(name, value);
    }

    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        self.to.seconds_list(name, values);
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.to.flag(name, value);
    }
}

#[cfg(test)]
mod tests {
    use mailtally_parsers::Record;

    use super::*;

    /// Collects texts as `name=value`.
    #[derive(Default)]
    struct Texts(Vec<String>);

    impl Visitor for Texts {
        fn text(&mut self, name: &'static str, value: &[u8]) {
            self.0
                .push(format!("{name}={}", String::from_utf8_lossy(value)));
        }
        fn number(&mut self, _: &'static str, _: u64) {}
        fn decimal(&mut self, _: &'static str, _: &[u8]) {}
        fn seconds(&mut self, _: &'static str, _: Seconds) {}
        fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}
        fn flag(&mut self, _: &'static str, _: bool) {}
    }

    fn own(text: &str, names: &[&str]) -> Vec<String> {
        let text = format!("Nov 21 10:00:00 mx1 {text}");
        let record = Record::parse(text.as_bytes()).unwrap();
        let line = Line {
            time: None,
            record: &record,
            event: Event::parse(&record.tag, record.message),
        };
        let mut texts = Texts::default();
        let line = ReportLine {
            line: &line,
            needs_network: true,
        };
        line.visit(&mut texts);
        let is_asked_for =
            |text: &String| names.contains(&text.split_once('=').unwrap_or_default().0);
        texts.0.retain(is_asked_for);
        texts.0
    }

    #[test]
    fn a_refusal_has_client_network_rule_and_domains() {
        let reject = "postfix/smtpd[1]: NOQUEUE: reject: RCPT from mail.example.net[198.51.100.7]: \
                      554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using \
                      zen.example; from=<a@Example.NET> to=<b@Example.COM> proto=ESMTP helo=<x>";
        assert_eq!(
            own(reject, &OWN_FIELDS),
            [
                "client=mail.example.net",
                "client=198.51.100.7",
                "network=198.51.100.0/24",
                "sender_domain=example.net",
                "recipient_domain=example.com",
                "rule=dnsbl",
                "rule=dnsbl:zen.example",
            ]
        );
    }

    #[test]
    fn users_are_those_of_smtp_too() {
        let client = "postfix/smtpd[1]: 4F1A22C0D9E: client=x[192.0.2.1], sasl_method=PLAIN, sasl_username=bob";
        assert_eq!(own(client, &["user"]), ["user=bob"]);
        let login = "dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=1, TLS, session=<a>";
        assert_eq!(
            own(login, &["user", "client", "network"]),
            ["user=bob", "client=192.0.2.7", "network=192.0.2.0/24"]
        );
    }

    #[test]
    fn a_status_is_that_of_a_mail() {
        let delivery = "postfix/smtp[1]: 4F1A22C0D9E: to=<b@example.com>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (x)";
        assert_eq!(own(delivery, &["status"]), ["status=deferred"]);
        let verify = "postfix/verify[1]: cache btree:/var/lib/postfix/verify_cache full cleanup: retained=1 dropped=0 entries";
        assert!(own(verify, &["status"]).is_empty());
    }

    #[test]
    fn of_another_program_only_the_envelope_says_something() {
        assert_eq!(
            own("cron[1]: (root) CMD (true)", &["host", "kind", "text"]),
            ["host=mx1"]
        );
    }

    #[test]
    fn names_are_sorted_and_without_time() {
        let names = names();
        assert!(names.is_sorted());
        assert!(!names.contains(&"time"));
        for name in OWN_FIELDS.iter().chain(&MAIL_FIELDS) {
            assert!(names.contains(name), "{name}");
        }
    }
}
