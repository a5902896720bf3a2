//! What the line of a refusal says beside its rule: whom it hit, at which stage, with which words.
//!
//! One shape for all the kinds that refuse a mail or do something else with it by a rule: smtpd,
//! cleanup, postscreen, milters and proxies log the same things in different lines. What a mail
//! server's owner calls the rule is not decided here (that is [`rule`]), and nothing is counted.

use super::access::{Note, Reject, Subject, Trigger};
use super::cleanup::Check;
use super::rule::{self, Class, Rule, wording};
use super::{Client, Event, milter, postscreen, smtpd};

/// A refusal, or another action of a rule, as one line states it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ruling<'a> {
    /// The rule.
    pub rule: Rule<'a>,
    /// `connect`, `helo`, `mail`, `rcpt`, `data`, `end_of_message`, …
    pub stage: &'static str,
    /// The first digit of the reply: 4 for now, 5 for good, 2 where a proxy accepts.
    pub reply_class: Option<u8>,
    /// The client of the session.
    pub client: Option<Client<'a>>,
    /// The envelope sender.
    pub sender: Option<&'a [u8]>,
    /// The words behind the codes and the name that was looked at: the site's own, Postfix's, or a
    /// policy server's; what a content rule without words did has none.
    pub text: Option<&'a [u8]>,
    /// What the rule looked at.
    pub object: Object<'a>,
}

/// What a rule looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Object<'a> {
    /// A name that an access rule looks up; a stranger's text.
    Name {
        /// `Sender address`, `Client host`, …
        class: &'a [u8],
        /// The address, host or HELO name.
        name: &'a [u8],
    },
    /// A part of the mail itself; a stranger's text, cut after 200 bytes.
    Content {
        /// `header`, `body` or `content`.
        part: &'a [u8],
        /// What the rule matched.
        text: &'a [u8],
    },
    /// The line does not say.
    Unsaid,
}

impl<'a> Ruling<'a> {
    /// Tells what an event says of a rule; events that have nothing to do with one are `None`.
    pub fn of(event: &Event<'a>) -> Option<Self> {
        match event {
            Event::SmtpdReject(event) => Some(refusal(event, b"reject")),
            Event::SmtpdRejectWarning(event) => Some(refusal(event, b"reject_warning")),
            _ => by_rule(event, Rule::of(event)?),
        }
    }

    /// The ruling on a client that postscreen's access list refuses. Its line is no refusal: what
    /// becomes of the client is `postscreen_denylist_action`'s to say.
    pub fn denylisted(client: Client<'a>) -> Self {
        let class = Class {
            name: "denylisted",
            detail: None,
        };
        let rule = Rule {
            id: None,
            class,
            action: b"reject",
        };
        at_connect(client, rule)
    }
}

/// Reads the rest of an event that has a rule and is no refusal by smtpd.
fn by_rule<'a>(event: &Event<'a>, rule: Rule<'a>) -> Option<Ruling<'a>> {
    Some(match event {
        Event::PscRejectRcpt(event) => screened(event, rule),
        Event::SmtpdHold(event)
        | Event::SmtpdDiscard(event)
        | Event::SmtpdFilter(event)
        | Event::SmtpdRedirect(event)
        | Event::SmtpdBcc(event)
        | Event::SmtpdDelay(event) => triggered(event, rule),
        Event::SmtpdWarn(event) | Event::SmtpdInfo(event) | Event::SmtpdHangup(event) => {
            noted(event, rule)
        }
        Event::MilterAction(event) => by_milter(event, rule),
        Event::MilterHeaderCheck(event) => Ruling {
            client: event.client,
            sender: event.sender,
            text: event.optional_text,
            object: Object::Content {
                part: b"header",
                text: event.text,
            },
            ..at_end(rule)
        },
        Event::CleanupCheck(event) => checked(event, rule),
        Event::CleanupMimeError(event) => Ruling {
            client: event.client,
            sender: event.sender,
            text: Some(event.error),
            reply_class: Some(5),
            ..at_end(rule)
        },
        Event::SmtpdProxyResult(event) => by_proxy(event, rule),
        Event::SmtpdLocalDataError(event) => Ruling {
            stage: stage(event.r#where),
            reply_class: reply_class(event.code, event.dsn),
            client: Some(event.client),
            ..at_end(rule)
        },
        Event::PscRejectConnect(event) => at_connect(event.client, rule),
        Event::PscScreeningBusy(event) => at_connect(event.client, rule),
        _ => return None,
    })
}

/// A ruling on a whole message: the reply is given when all of it is in.
fn at_end(rule: Rule<'_>) -> Ruling<'_> {
    Ruling {
        rule,
        stage: "end_of_message",
        reply_class: None,
        client: None,
        sender: None,
        text: None,
        object: Object::Unsaid,
    }
}

/// A client that postscreen had no place for.
fn at_connect<'a>(client: Client<'a>, rule: Rule<'a>) -> Ruling<'a> {
    Ruling {
        stage: "connect",
        client: Some(client),
        ..at_end(rule)
    }
}

fn refusal<'a>(event: &Reject<'a>, action: &'static [u8]) -> Ruling<'a> {
    // The rule, the words and what was looked at all stand in the reason.
    let wording = wording(event.reason);
    let rule = rule::refusal(event, action, &wording);
    Ruling {
        stage: stage(event.r#where),
        reply_class: reply_class(event.code, event.dsn),
        client: Some(event.client),
        sender: event.sender,
        text: Some(wording.text),
        object: named(wording.subject),
        ..at_end(rule)
    }
}

fn named(subject: Option<Subject<'_>>) -> Object<'_> {
    match subject {
        Some(subject) => Object::Name {
            class: subject.class,
            name: subject.name,
        },
        None => Object::Unsaid,
    }
}

fn screened<'a>(event: &postscreen::RejectRcpt<'a>, rule: Rule<'a>) -> Ruling<'a> {
    Ruling {
        stage: stage(event.r#where),
        reply_class: reply_class(event.code, event.dsn),
        client: Some(event.client),
        sender: event.sender,
        text: Some(event.reason),
        ..at_end(rule)
    }
}

fn triggered<'a>(event: &Trigger<'a>, rule: Rule<'a>) -> Ruling<'a> {
    Ruling {
        stage: stage(event.r#where),
        client: Some(event.client),
        sender: event.sender,
        text: event.destination.or(event.text),
        object: match (event.class, event.name) {
            (Some(class), Some(name)) => Object::Name { class, name },
            _ => Object::Unsaid,
        },
        ..at_end(rule)
    }
}

fn noted<'a>(event: &Note<'a>, rule: Rule<'a>) -> Ruling<'a> {
    Ruling {
        stage: stage(event.r#where),
        client: Some(event.client),
        sender: event.sender,
        text: event.text,
        ..at_end(rule)
    }
}

fn by_milter<'a>(event: &milter::Action<'a>, rule: Rule<'a>) -> Ruling<'a> {
    Ruling {
        stage: stage(event.r#where),
        reply_class: reply_class(event.code, event.dsn),
        client: Some(event.client),
        sender: event.sender,
        text: Some(event.text),
        ..at_end(rule)
    }
}

fn checked<'a>(event: &Check<'a>, rule: Rule<'a>) -> Ruling<'a> {
    Ruling {
        reply_class: reply_class(None, event.dsn),
        client: event.client,
        sender: event.sender,
        text: event.optional_text,
        object: Object::Content {
            part: event.part,
            text: event.text,
        },
        ..at_end(rule)
    }
}

fn by_proxy<'a>(event: &smtpd::ProxyResult<'a>, rule: Rule<'a>) -> Ruling<'a> {
    Ruling {
        stage: stage(event.r#where),
        reply_class: reply_class(event.code, event.dsn),
        sender: event.sender,
        text: event.reply,
        ..at_end(rule)
    }
}

/// The word for the SMTP stage of a refusal, from the word that Postfix logs.
pub fn stage(r#where: &[u8]) -> &'static str {
    match r#where {
        b"CONNECT" => "connect",
        b"HELO" | b"EHLO" => "helo",
        b"MAIL" => "mail",
        b"RCPT" => "rcpt",
        b"END-OF-MESSAGE" => "end_of_message",
        b"AUTH" => "auth",
        b"STARTTLS" => "starttls",
        b"VRFY" => "vrfy",
        b"ETRN" => "etrn",
        _ if r#where.starts_with(b"DATA") || r#where.starts_with(b"BDAT") => "data",
        _ => "other",
    }
}

/// The first digit of a reply code, else of an enhanced status code.
pub fn reply_class(code: Option<u32>, dsn: Option<&[u8]>) -> Option<u8> {
    let from_code = code.and_then(|code| u8::try_from(code / 100).ok());
    let from_dsn = || {
        dsn.and_then(|dsn| dsn.first())
            .map(|digit| digit.wrapping_sub(b'0'))
    };
    from_code
        .or_else(from_dsn)
        .filter(|class| matches!(class, 2 | 4 | 5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Daemon;
    use crate::postfix::parse;

    fn ruling(daemon: Daemon, line: &str) -> Ruling<'_> {
        Ruling::of(&parse(daemon, line.as_bytes()).unwrap()).unwrap()
    }

    fn text(bytes: Option<&[u8]>) -> Option<&str> {
        bytes.map(|bytes| core::str::from_utf8(bytes).unwrap())
    }

    /// Daemon, line; stage, reply class, client's address, sender, text.
    type Row = (
        Daemon,
        &'static str,
        (&'static str, Option<u8>, Option<&'static str>),
        Option<&'static str>,
        Option<&'static str>,
    );

    #[test]
    fn reads_the_words_of_each_kind() {
        use Daemon::{Cleanup, Postscreen, Smtpd};
        let rows: [Row; 9] = [
            (
                Smtpd,
                "NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 <x@spam.example>: Sender address rejected: id=46 spammer domain; from=<x@spam.example> to=<b@example.com> proto=ESMTP helo=<a>",
                ("rcpt", Some(5), Some("192.0.2.7")),
                Some("x@spam.example"),
                Some("id=46 spammer domain"),
            ),
            (
                Smtpd,
                "NOQUEUE: reject_warning: RCPT from a.example[192.0.2.7]: 450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.7]; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<a>",
                ("rcpt", Some(4), Some("192.0.2.7")),
                Some("a@example.net"),
                Some("cannot find your reverse hostname, [192.0.2.7]"),
            ),
            (
                Smtpd,
                "NOQUEUE: filter: RCPT from a.example[192.0.2.7]: <f@example.net>: Sender address triggers FILTER scan:[127.0.0.1]:10025; from=<f@example.net> to=<b@example.com> proto=ESMTP helo=<a>",
                ("rcpt", None, Some("192.0.2.7")),
                Some("f@example.net"),
                Some("scan:[127.0.0.1]:10025"),
            ),
            (
                Smtpd,
                "NOQUEUE: warn: MAIL from a.example[192.0.2.7]: watch this sender; from=<a@example.net> proto=ESMTP helo=<a>",
                ("mail", None, Some("192.0.2.7")),
                Some("a@example.net"),
                Some("watch this sender"),
            ),
            (
                Cleanup,
                "4F1A22C0D9E: reject: header Subject: x from a.example[192.0.2.7]; from=<> to=<b@example.com> proto=ESMTP helo=<a>: 5.7.1 \"Plz stop sending SPAM id= 7 \"",
                ("end_of_message", Some(5), Some("192.0.2.7")),
                Some(""),
                Some("\"Plz stop sending SPAM id= 7 \""),
            ),
            (
                Cleanup,
                "4F1A22C0D9E: hold: header Subject: x from local; from=<a@example.net>",
                ("end_of_message", None, None),
                Some("a@example.net"),
                None,
            ),
            (
                Cleanup,
                "4F1A22C0D9E: milter-reject: END-OF-MESSAGE from a.example[192.0.2.7]: 5.7.1 Spam message rejected; from=<a@example.net> to=<b@example.com>",
                ("end_of_message", Some(5), Some("192.0.2.7")),
                Some("a@example.net"),
                Some("Spam message rejected"),
            ),
            (
                Smtpd,
                "proxy-reject: END-OF-MESSAGE: 554 5.7.0 Reject, id=20020-00 - spam; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
                ("end_of_message", Some(5), None),
                Some("a@example.net"),
                Some("Reject, id=20020-00 - spam"),
            ),
            (
                Postscreen,
                "NOQUEUE: reject: CONNECT from [192.0.2.7]:4711: too many connections",
                ("connect", None, Some("192.0.2.7")),
                None,
                None,
            ),
        ];
        for (daemon, line, (stage, class, address), sender, words) in rows {
            let found = ruling(daemon, line);
            assert_eq!((found.stage, found.reply_class), (stage, class), "{line}");
            let client = found.client.map(|client| client.address);
            assert_eq!(text(client), address, "{line}");
            assert_eq!(text(found.sender), sender, "{line}");
            assert_eq!(text(found.text), words, "{line}");
        }
    }

    #[test]
    fn says_what_the_rule_looked_at() {
        let line = "NOQUEUE: hold: RCPT from a.example[192.0.2.7]: <h@example.net>: Sender address suspicious; from=<h@example.net> to=<b@example.com> proto=ESMTP helo=<a>";
        let object = Object::Name {
            class: b"Sender address",
            name: b"h@example.net",
        };
        assert_eq!(ruling(Daemon::Smtpd, line).object, object);
        let line = "4F1A22C0D9E: reject: body buy now from a.example[192.0.2.7]; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<a>: 5.7.1 no";
        let object = Object::Content {
            part: b"body",
            text: b"buy now",
        };
        assert_eq!(ruling(Daemon::Cleanup, line).object, object);
    }

    #[test]
    fn a_line_that_refuses_nobody_is_no_ruling() {
        let line = b"connect from a.example[192.0.2.7]";
        assert_eq!(Ruling::of(&parse(Daemon::Smtpd, line).unwrap()), None);
        let line =
            b"proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok; from=<a@example.net> to=<b@example.com>";
        assert_eq!(Ruling::of(&parse(Daemon::Smtpd, line).unwrap()), None);
    }
}
