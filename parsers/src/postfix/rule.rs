//! Which rule refused: the site's own rule id, else a canonical class.
//!
//! A site writes ids into its reply and header-check texts (`id=7`, `[rule:HDR-0113]`, `Rule #70`)
//! to find the rule again in the log. Where a text has none, the reason is put into a class by
//! Postfix's own words. Nothing here counts or looks at more than one line.

use core::fmt;

use super::access::{Note, Reject, Subject, Trigger, subject};
use super::cleanup::Check;
use super::{Event, milter, postscreen, reason, site, smtpd};
use crate::fields::{Field, Fields, Visitor};
use crate::scan::{
    contains, find_letter_from, has_digit, is_queue_id, split_once, split_once_here,
};

/// A canonical class of refusal, or of the reason of a delivery that failed.
///
/// Printed as `name`, or `name:detail` for a blocklist: `dnsbl:zen.example`. Visited as
/// `reason_class` and `reason_detail`. The names are those of
/// [`reason::CLASSES`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Class<'a> {
    /// The name of the class, e.g. `relay-denied`.
    pub name: &'static str,
    /// The blocklist's domain, for `dnsbl`.
    pub detail: Option<&'a [u8]>,
}

impl Field for Class<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text("reason_class", self.name.as_bytes());
        self.detail.visit_as("reason_detail", visitor);
    }
}

impl fmt::Display for Class<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let Some(detail) = self.detail else {
            return Ok(());
        };
        f.write_str(":")?;
        for chunk in detail.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}

/// What a line says about the rule behind a refusal or another action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule<'a> {
    /// The site's own rule id.
    pub id: Option<&'a [u8]>,
    /// The class, also where there is an id.
    pub class: Class<'a>,
    /// What was done: `reject`, `reject_warning`, `hold`, `discard`, …
    pub action: &'a [u8],
}

impl<'a> Rule<'a> {
    /// Tells the rule of an event that has one: refusals, content rules, milters, proxies.
    ///
    /// An id counts only in the site's own words: not in a blocklist's text, a remote server's
    /// reply to an address probe, the matched header, or the name that was refused.
    pub fn of(event: &Event<'a>) -> Option<Self> {
        match event {
            Event::SmtpdReject(reject) => Some(refusal(reject, b"reject", &wording(reject.reason))),
            Event::SmtpdRejectWarning(reject) => {
                Some(refusal(reject, b"reject_warning", &wording(reject.reason)))
            }
            Event::SmtpdHold(trigger) => Some(triggered(trigger, b"hold")),
            Event::SmtpdDiscard(trigger) => Some(triggered(trigger, b"discard")),
            Event::SmtpdFilter(trigger) => Some(triggered(trigger, b"filter")),
            Event::SmtpdRedirect(trigger) => Some(triggered(trigger, b"redirect")),
            Event::SmtpdBcc(trigger) => Some(triggered(trigger, b"bcc")),
            Event::SmtpdDelay(trigger) => Some(triggered(trigger, b"delay")),
            Event::SmtpdWarn(note) => Some(noted(note, b"warn")),
            Event::SmtpdInfo(note) => Some(noted(note, b"info")),
            Event::SmtpdHangup(note) => Some(noted(note, b"hangup")),
            Event::CleanupCheck(check) => Some(checked(check)),
            Event::CleanupMimeError(_) => Some(rejected_for("mime-error")),
            Event::MilterAction(action) => Some(by_milter(action)),
            Event::MilterHeaderCheck(check) => Some(Rule {
                id: check.optional_text.and_then(rule_id),
                class: named("milter-header-check"),
                action: check.action,
            }),
            Event::SmtpdProxyResult(result) => by_proxy(result),
            Event::PscRejectRcpt(reject) => Some(by_postscreen(reject)),
            // Nothing of the site's decided: the server could not serve.
            Event::SmtpdLocalDataError(_) => Some(rejected_for("server-error")),
            Event::PscRejectConnect(_) | Event::PscScreeningBusy(_) => {
                Some(rejected_for("service-unavailable"))
            }
            _ => None,
        }
    }
}

/// The kinds of events that may have a rule.
pub(crate) const KINDS: &[&str] = &[
    "smtpd_reject",
    "smtpd_reject_warning",
    "smtpd_hold",
    "smtpd_discard",
    "smtpd_filter",
    "smtpd_redirect",
    "smtpd_bcc",
    "smtpd_delay",
    "smtpd_warn",
    "smtpd_info",
    "smtpd_hangup",
    "cleanup_check",
    "cleanup_mime_error",
    "milter_action",
    "milter_header_check",
    "smtpd_proxy_result",
    "psc_reject_rcpt",
    "smtpd_local_data_error",
    "psc_reject_connect",
    "psc_screening_busy",
];

impl Fields for Rule<'_> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        self.id.visit_as("rule_id", visitor);
        self.class.visit_as("reason", visitor);
    }
}

/// A refusal without words of the site's own.
fn rejected_for(class: &'static str) -> Rule<'static> {
    Rule {
        id: None,
        class: named(class),
        action: b"reject",
    }
}

fn by_postscreen<'a>(reject: &postscreen::RejectRcpt<'a>) -> Rule<'a> {
    let class = class(reject.reason, reject.dsn);
    Rule {
        id: if is_others_text(class) {
            None
        } else {
            rule_id(reject.reason)
        },
        class,
        action: b"reject",
    }
}

/// Tells the rule of a refusal by smtpd, whose reason was taken apart.
pub(super) fn refusal<'a>(
    reject: &Reject<'a>,
    action: &'static [u8],
    wording: &Wording<'a>,
) -> Rule<'a> {
    let class = class_of_wording(wording, reject.dsn);
    let own_text = wording
        .subject
        .map_or(reject.reason, |subject| subject.text);
    Rule {
        id: if is_others_text(class) {
            None
        } else {
            rule_id(own_text)
        },
        class,
        action,
    }
}

/// Tells whether the text behind such a refusal is another's: a blocklist's, a remote server's.
fn is_others_text(class: Class<'_>) -> bool {
    matches!(class.name, "dnsbl" | "unverified")
}

fn triggered<'a>(trigger: &Trigger<'a>, action: &'static [u8]) -> Rule<'a> {
    Rule {
        id: trigger.text.and_then(rule_id),
        class: named("access-rule"),
        action,
    }
}

fn noted<'a>(note: &Note<'a>, action: &'static [u8]) -> Rule<'a> {
    Rule {
        id: note.text.and_then(rule_id),
        class: named("access-rule"),
        action,
    }
}

fn checked<'a>(check: &Check<'a>) -> Rule<'a> {
    Rule {
        id: check.optional_text.and_then(rule_id),
        class: content_class(check.part, check.text),
        action: check.action,
    }
}

fn by_milter<'a>(action: &milter::Action<'a>) -> Rule<'a> {
    let class = match action.action {
        b"milter-discard" => "milter-discard",
        b"milter-hold" => "milter-hold",
        _ => policy_class(action.text, action.dsn).unwrap_or("milter-reject"),
    };
    Rule {
        id: rule_id(action.text),
        class: named(class),
        action: action
            .action
            .strip_prefix(b"milter-")
            .unwrap_or(action.action),
    }
}

fn by_proxy<'a>(result: &smtpd::ProxyResult<'a>) -> Option<Rule<'a>> {
    (result.action == b"proxy-reject").then_some(Rule {
        id: result.reply.and_then(rule_id),
        class: named("proxy-reject"),
        action: b"reject",
    })
}

/// The headers that `mime_header_checks` looks at, wherever they stand in a mail.
const MIME_HEADERS: [&[u8]; 6] = [
    b"content-type:",
    b"content-disposition:",
    b"content-transfer-encoding:",
    b"content-description:",
    b"content-id:",
    b"mime-version:",
];

/// Returns the class of a content rule by what it looked at: `part` and `text` of
/// [`Check`].
pub fn content_class<'a>(part: &[u8], text: &[u8]) -> Class<'a> {
    let is_mime = || {
        MIME_HEADERS
            .iter()
            .any(|name| starts_with_ignoring_case(text, name))
    };
    named(match part {
        b"header" if is_mime() => "mime-header-check",
        b"header" => "header-check",
        b"body" => "body-check",
        _ => "content-check",
    })
}

const fn named(name: &'static str) -> Class<'static> {
    Class { name, detail: None }
}

/// Returns the class of a refusal by its reason, the reply codes taken off.
///
/// Postfix's own texts are told by their words, in their place behind the name that was refused
/// (`<{name}>: {Sender address|…} rejected: …`); those of policy servers by the words that they
/// use (greylisting, SPF, DMARC, quota). What no text tells is told by what was refused:
/// `client-rejected`, `helo-rejected`, `sender-rejected`, `recipient-rejected`; else `other`.
pub fn class<'a>(reason: &'a [u8], dsn: Option<&[u8]>) -> Class<'a> {
    class_of_wording(&wording(reason), dsn)
}

fn class_of_wording<'a>(wording: &Wording<'a>, dsn: Option<&[u8]>) -> Class<'a> {
    let (about, text) = (wording.about, wording.text);
    let may_be_probe = matches!(text, [b'u' | b'a', ..]);
    if may_be_probe && PROBES.iter().any(|lead| text.starts_with(lead)) {
        return named("unverified");
    }
    if let Some(domain) = blocklist(text) {
        return Class {
            name: "dnsbl",
            detail: Some(domain),
        };
    }
    named(
        stock_class(about, text)
            .or_else(|| policy_class(text, dsn))
            .unwrap_or_else(|| class_of_subject(about)),
    )
}

/// How the texts of address probes begin; what follows is a remote server's reply.
const PROBES: [&[u8]; 3] = [
    b"undeliverable address: ",
    b"unverified address: ",
    b"address verification problem",
];

/// A reason, taken apart.
#[derive(Clone, Copy)]
pub(super) struct Wording<'a> {
    /// What was looked at, where the reason names it.
    pub(super) subject: Option<Subject<'a>>,
    /// What was refused, `Sender address`; empty if unsaid.
    pub(super) about: &'a [u8],
    /// Our own words.
    pub(super) text: &'a [u8],
}

/// Takes a reason apart.
pub(super) fn wording(reason: &[u8]) -> Wording<'_> {
    let subject = subject(reason);
    let (about, text) = match &subject {
        Some(subject) => {
            let text = subject.text;
            let text = text.strip_prefix(b"rejected: ").unwrap_or(text);
            (subject.class, text)
        }
        None => without_subject(reason),
    };
    Wording {
        subject,
        about,
        text,
    }
}

/// What was refused, and our own words, of a reason that names nothing.
fn without_subject(reason: &[u8]) -> (&[u8], &[u8]) {
    if let Some(text) = reason.strip_prefix(b"Client host rejected: ") {
        return (b"Client host", text);
    }
    if reason.starts_with(b"<")
        && let Some((_, text)) = split_once(reason, b">: ")
    {
        return (b"", text);
    }
    (b"", reason.strip_prefix(b": ").unwrap_or(reason))
}

/// Finds the blocklist in `… blocked using {domain}[; {text}]`.
pub(super) fn blocklist(text: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split_once_here(text, b" blocked using ")?;
    let end = memchr::memchr2(b';', b' ', rest).unwrap_or(rest.len());
    rest.get(..end).filter(|domain| !domain.is_empty())
}

/// Tells the class of Postfix's own texts.
pub(super) fn stock_class(about: &[u8], text: &[u8]) -> Option<&'static str> {
    if text.starts_with(b"Domain ") && text.ends_with(b" does not accept mail (nullMX)") {
        return Some("null-mx");
    }
    let (_, class) = STOCK.iter().find(|(lead, _)| text.starts_with(lead))?;
    Some(match (*class, about) {
        ("unknown-recipient", b"Sender address") => "unknown-sender",
        ("domain-not-found", b"Sender address") => "sender-domain-not-found",
        ("domain-not-found", b"Helo command") => "helo-not-found",
        ("domain-not-found", _) => "recipient-domain-not-found",
        ("address-not-fqdn", b"Sender address") => "sender-not-fqdn",
        ("address-not-fqdn", _) => "recipient-not-fqdn",
        (class, _) => class,
    })
}

/// How Postfix's own texts begin, and their classes.
const STOCK: [(&[u8], &str); 26] = [
    (b"User unknown", "unknown-recipient"),
    (b"Relay access denied", "relay-denied"),
    (b"Access denied", "access-denied"),
    (b"cannot find your ", "no-reverse-dns"),
    (b"Host not found", "helo-not-found"),
    (b"Domain not found", "domain-not-found"),
    (b"Malformed DNS server reply", "domain-not-found"),
    (b"need fully-qualified hostname", "helo-not-fqdn"),
    (b"need fully-qualified address", "address-not-fqdn"),
    (b"Invalid name", "helo-invalid"),
    (b"invalid ip address", "helo-invalid"),
    (b"not logged in", "not-owned"),
    (b"not owned by user ", "not-owned"),
    (b"Improper use of SMTP command pipelining", "pipelining"),
    (b"Multi-recipient bounce", "multi-recipient-bounce"),
    (b"Session encryption is required", "tls-required"),
    (b"Must issue a STARTTLS command first", "tls-required"),
    (b"Message size exceeds fixed limit", "size"),
    (b"message file too big", "size"),
    (b"bare <LF> received", "bare-lf"),
    (b"Service unavailable", "service-unavailable"),
    (b"Server configuration error", "server-error"),
    (b"Temporary lookup failure", "server-error"),
    (b"Insufficient system storage", "server-error"),
    (b"queue file write error", "server-error"),
    (b"Error: queue file write error", "server-error"),
];

/// Tells the class of a policy server's or milter's text.
fn policy_class(text: &[u8], dsn: Option<&[u8]>) -> Option<&'static str> {
    match dsn.and_then(|dsn| dsn.get(2..)) {
        Some(b"7.23" | b"7.24") => return Some("spf"),
        Some(b"7.26") => return Some("dmarc"),
        _ => {}
    }
    reason::of_policy(text)
}

fn starts_with_ignoring_case(text: &[u8], lead: &[u8]) -> bool {
    text.get(..lead.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(lead))
}

/// Returns the class of a refusal by what was refused.
pub(super) fn class_of_subject(about: &[u8]) -> &'static str {
    match about {
        b"Client host" | b"Unverified Client host" | b"Client certificate" => "client-rejected",
        b"Helo command" => "helo-rejected",
        b"Sender address" => "sender-rejected",
        b"Recipient address" => "recipient-rejected",
        b"SASL login name" => "login-rejected",
        b"Etrn command" | b"Data command" | b"End-of-data" | b"End-of-data command" => {
            "command-rejected"
        }
        _ => "other",
    }
}

/// Finds the site's own rule id in the text of a reply or of a header check.
///
/// Spellings, whatever the case: `id=7`, `id= 7`, `id = 7`, `(ID:55)`, `[rule:HDR-0113]`,
/// `rule 70`, `Rule #70`, `rule_id=b84`. The id is a word of letters, digits, `-` and `_` with at
/// least one digit. No id of a rule stands inside a URL, before the rest of an address
/// (`id=7@example.com`), in a word such as `message-id`, or is a queue id or amavis's own number
/// (`Reject, id=20020-00 - spam`).
///
/// The site's own patterns come first ([`site`]).
pub fn rule_id(text: &[u8]) -> Option<&[u8]> {
    site::rule_id(text).or_else(|| usual_rule_id(text))
}

fn usual_rule_id(text: &[u8]) -> Option<&[u8]> {
    // Most texts have no digit, without which there is no id.
    if !has_digit(text) {
        return None;
    }
    let mut from = 0;
    loop {
        let at = find_letter_from::<b'i', b'r'>(text, from)?;
        if let Some(id) = rule_id_at(text, at) {
            return Some(id);
        }
        from = at + 1;
    }
}

/// Reads `{key}{mark}{id}` where a word begins.
fn rule_id_at(text: &[u8], at: usize) -> Option<&[u8]> {
    let (before, rest) = text.split_at_checked(at)?;
    if before.last().is_some_and(|byte| is_word(*byte)) {
        return None;
    }
    let (rest, is_bare_id) = match rest {
        _ if starts_with_ignoring_case(rest, b"rule_id") => (assigned(rest.get(7..)?)?, false),
        _ if starts_with_ignoring_case(rest, b"rule") => {
            let behind = rest.get(4..)?;
            (assigned(behind).or_else(|| separated(behind))?, false)
        }
        _ if starts_with_ignoring_case(rest, b"id") => (assigned(rest.get(2..)?)?, true),
        _ => return None,
    };
    let rest = rest.strip_prefix(b"#").unwrap_or(rest);
    let len = rest.iter().take_while(|&&byte| is_id_byte(byte)).count();
    let (id, behind) = rest.split_at_checked(len)?;
    let is_id = id.first() != Some(&b'-') && id.iter().any(u8::is_ascii_digit);
    let is_anothers = (is_bare_id && (is_part_of_word(before) || is_amavis_number(id)))
        || is_in_url(before)
        || is_before_address(behind)
        || is_queue_number(id);
    (is_id && !is_anothers).then_some(id)
}

/// Steps over `=` or `:` and the blanks around it.
fn assigned(input: &[u8]) -> Option<&[u8]> {
    match input.trim_ascii_start().split_first()? {
        (b'=' | b':', rest) => Some(rest.trim_ascii_start()),
        _ => None,
    }
}

/// Steps over at least one blank.
fn separated(input: &[u8]) -> Option<&[u8]> {
    let rest = input.trim_ascii_start();
    (rest.len() < input.len()).then_some(rest)
}

/// Tells whether a byte belongs to a word, so that no key begins behind it.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Tells whether `id` is the end of a longer name: `message-id`, `/id`.
fn is_part_of_word(before: &[u8]) -> bool {
    matches!(before.last(), Some(b'-' | b'/' | b'.' | b'?' | b'&'))
}

/// Tells whether what stands before belongs to an unfinished URL.
fn is_in_url(before: &[u8]) -> bool {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'<' | b'>' | b'"');
    let start = before.iter().rposition(is_end).map_or(0, |at| at + 1);
    let word = before.get(start..).unwrap_or(b"");
    contains(word, b"://") || starts_with_ignoring_case(word, b"www.")
}

/// Tells whether the id is the beginning of an address.
fn is_before_address(behind: &[u8]) -> bool {
    let is_local = |byte: &&u8| {
        is_word(**byte) || matches!(byte, b'.' | b'+' | b'-' | b'=' | b'!' | b'%' | b'&' | b'/')
    };
    let len = behind.iter().take_while(is_local).count();
    behind.get(len) == Some(&b'@')
}

/// Tells whether a word is amavis's number of a mail, `{process}-{count}[-{part}]`: `20020-00`.
fn is_amavis_number(id: &[u8]) -> bool {
    let mut parts = id.split(|byte| *byte == b'-');
    let mut has_digits = |least: usize| {
        parts
            .next()
            .is_some_and(|part| part.len() >= least && part.iter().all(u8::is_ascii_digit))
    };
    has_digits(3) && has_digits(2) && parts.all(|part| part.iter().all(u8::is_ascii_digit))
}

/// Tells whether a word is a queue id rather than a rule's: long and not all digits.
fn is_queue_number(id: &[u8]) -> bool {
    id.len() >= 9 && id.iter().any(u8::is_ascii_alphabetic) && is_queue_id(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<&str> {
        rule_id(text.as_bytes()).map(|id| core::str::from_utf8(id).unwrap())
    }

    fn class_name(reason: &str, dsn: &str) -> String {
        class(reason.as_bytes(), Some(dsn.as_bytes())).to_string()
    }

    #[test]
    fn finds_ids_in_every_spelling() {
        for (text, expected) in [
            ("Plz stop sending SPAM id=105", "105"),
            ("Plz stop sending SPAM id= 120 ", "120"),
            ("spam (id = 444), contact postmaster@example.com", "444"),
            (
                "(ID:55) unwanted header; see https://www.example.org/spam",
                "55",
            ),
            ("Id:551 body not wanted", "551"),
            ("[rule:HDR-0113] message rejected", "HDR-0113"),
            ("[Rule: H-498] refused", "H-498"),
            ("blocked by policy, rule 520/2", "520"),
            ("Rule #70: blocked subject", "70"),
            ("RULE 70", "70"),
            ("rule_id=b84", "b84"),
            (
                "No thanks, your domain is listed here, rule=acc-465",
                "acc-465",
            ),
            ("bad HELO, rule HELO-97", "HELO-97"),
            ("attachment type not allowed, id=MIME-514", "MIME-514"),
            ("id=169: no, \"really\"; <not> here [x]", "169"),
            ("the rules say id=7", "7"),
            ("no rule id here but id=x1_2", "x1_2"),
            ("rule id=8", "8"),
            ("id=abc id=7", "7"),
            ("rule : #70", "70"),
            ("anti-spam-rule=12", "12"),
            ("id=7.", "7"),
            ("see <https://example.com/why?id=6> id=9", "9"),
        ] {
            assert_eq!(id(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn invents_no_id() {
        for text in [
            "",
            "id",
            "id=",
            "rule",
            "ruleid b-452 hit",
            "no valid=7 and no void=8, no uid=1000, no rcpt_id=4",
            "id=none",
            "id=-7",
            "your host is banned here (ref 46)",
            "quarantine Q136",
            "Reject, id=20020-00 - spam",
            "Error in processing, id=20004-04-2, virus scanner unavailable",
            "SPF fail - not authorized. Please see http://www.openspf.net/Why?s=mfrom;id=a7@example.net;ip=192.0.2.7;r=example.org",
            "Please see http://www.openspf.net/Why?s=mfrom;id=j\u{fc}rgen7@example.net;ip=192.0.2.7",
            "see www.example.com/spam?id=7",
            "see example.com/spam?id=7",
            "see example.com/id=7",
            "id=a7.b@example.com",
            "message-id: 20240501103456.4F1A22C0D9E",
            "id=4F1A22C0D9E",
            "id=4Vd3Qh2sBwz1XkP9",
            "the rule of law",
        ] {
            assert_eq!(id(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_end_an_id() {
        assert_eq!(rule_id(b"id=7\xff8"), Some(&b"7"[..]));
        assert_eq!(rule_id(b"\xe9id=7"), None);
        assert_eq!(rule_id(b"id=\xff"), None);
    }

    #[test]
    fn puts_every_stock_reason_into_its_class() {
        for (reason, dsn, expected) in [
            (
                "<b@example.org>: Relay access denied",
                "5.7.1",
                "relay-denied",
            ),
            (
                "Service unavailable; Client host [192.0.2.66] blocked using zen.example; https://zen.example/q?ip=192.0.2.66",
                "5.7.1",
                "dnsbl:zen.example",
            ),
            (
                "Service unavailable; client [192.0.2.66] blocked using zen.example",
                "5.7.1",
                "dnsbl:zen.example",
            ),
            (
                "<b@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
                "5.1.1",
                "unknown-recipient",
            ),
            (
                "<a@example.net>: Sender address rejected: User unknown in local recipient table",
                "5.1.0",
                "unknown-sender",
            ),
            (
                "<b@example.com>: Recipient address rejected: Greylisted, see http://postgrey.example/help/example.org.html",
                "4.2.0",
                "greylist",
            ),
            (
                "<x>: Helo command rejected: need fully-qualified hostname",
                "5.5.2",
                "helo-not-fqdn",
            ),
            (
                "<x.example>: Helo command rejected: Host not found",
                "4.7.1",
                "helo-not-found",
            ),
            (
                "<x.example>: Helo command rejected: you are not me",
                "5.7.1",
                "helo-rejected",
            ),
            (
                "<bad_host!name>: Helo command rejected: Invalid name",
                "5.5.2",
                "helo-invalid",
            ),
            (
                "Client host rejected: cannot find your reverse hostname, [192.0.2.66]",
                "4.7.1",
                "no-reverse-dns",
            ),
            (
                "Client host rejected: cannot find your hostname, [2001:db8::66]",
                "4.7.25",
                "no-reverse-dns",
            ),
            (
                "<a@x.example>: Sender address rejected: Domain not found",
                "4.1.8",
                "sender-domain-not-found",
            ),
            (
                "<b@x.example>: Recipient address rejected: Domain not found",
                "4.1.2",
                "recipient-domain-not-found",
            ),
            (
                "<b@example.com>: Recipient address rejected: Message rejected due to: SPF fail - not authorized. Please see http://www.openspf.net/Why?s=mfrom;id=greylist@example.net",
                "5.7.23",
                "spf",
            ),
            (
                "<b@example.com>: Recipient address rejected: Message rejected due to: SPF fail",
                "5.7.1",
                "spf",
            ),
            (
                "<a@example.net>: Sender address rejected: not owned by user alice@example.com",
                "5.7.1",
                "not-owned",
            ),
            (
                "<a@example.net>: Sender address rejected: not logged in",
                "5.7.1",
                "not-owned",
            ),
            (
                "<a@example.net>: Sender address rejected: Access denied",
                "5.7.1",
                "access-denied",
            ),
            (
                "<a@example.net>: Sender address rejected: id=514 spammer domain",
                "5.7.1",
                "sender-rejected",
            ),
            (
                "<b@example.com>: Recipient address rejected: mailbox is moving",
                "4.2.0",
                "recipient-rejected",
            ),
            (
                "<unknown[192.0.2.66]>: Client host rejected: go away for a while",
                "4.7.0",
                "client-rejected",
            ),
            (
                "<b@example.com>: Recipient address rejected: unverified address: host x.example[192.0.2.7] said: 452 4.2.2 <b@example.com>: Recipient address rejected: user is over quota (in reply to RCPT TO command)",
                "4.1.1",
                "unverified",
            ),
            (
                "<a@example.net>: Sender address rejected: undeliverable address: host x.example[192.0.2.7] said: 550 <x>: Helo command rejected: Access denied",
                "5.1.7",
                "unverified",
            ),
            (
                "<b@example.com>: Recipient address rejected: Server configuration error",
                "4.3.5",
                "server-error",
            ),
            ("Server configuration error", "4.3.5", "server-error"),
            (
                "<b@example.com>: Temporary lookup failure",
                "4.3.0",
                "server-error",
            ),
            (
                "<b@example.com>: Recipient address rejected: Service unavailable",
                "4.7.1",
                "service-unavailable",
            ),
            ("Message size exceeds fixed limit", "5.3.4", "size"),
            ("Session encryption is required", "5.7.0", "tls-required"),
            ("bare <LF> received", "", "bare-lf"),
            (
                "<DATA>: Data command rejected: Multi-recipient bounce",
                "5.5.3",
                "multi-recipient-bounce",
            ),
            (
                "<b@example.com>: Recipient address rejected: Improper use of SMTP command pipelining",
                "5.5.0",
                "pipelining",
            ),
            (
                "<root>: Sender address rejected: need fully-qualified address",
                "5.5.2",
                "sender-not-fqdn",
            ),
            (
                "<a@nomail.example>: Sender address rejected: Domain nomail.example does not accept mail (nullMX)",
                "5.7.27",
                "null-mx",
            ),
            (
                "<a@example.net>: Sender address rejected: Domain is listed here",
                "5.7.1",
                "sender-rejected",
            ),
            ("something else", "5.7.1", "other"),
            (": Relay access denied", "5.7.1", "relay-denied"),
            (
                ": Recipient address rejected: User unknown",
                "5.1.1",
                "unknown-recipient",
            ),
        ] {
            assert_eq!(class_name(reason, dsn), expected, "{reason}");
        }
    }

    #[test]
    fn a_forged_helo_does_not_choose_the_class() {
        let reason =
            "<x>: Relay access denied>: Helo command rejected: need fully-qualified hostname";
        assert_eq!(class_name(reason, "5.5.2"), "helo-not-fqdn");
        let reason = "<x blocked using evil.example>: Helo command rejected: Invalid name";
        assert_eq!(class_name(reason, "5.5.2"), "helo-invalid");
    }

    #[test]
    fn mime_headers_are_told_from_others() {
        for (part, text, expected) in [
            ("header", "Subject: Content-Type: x", "header-check"),
            (
                "header",
                "content-type: application/octet-stream; name=\"x.exe\"",
                "mime-header-check",
            ),
            ("body", "Content-Type: x", "body-check"),
            ("content", "x", "content-check"),
        ] {
            let class = content_class(part.as_bytes(), text.as_bytes());
            assert_eq!(class.name, expected, "{text}");
        }
    }

    fn rule(daemon: crate::Daemon, line: &str) -> Rule<'_> {
        Rule::of(&super::super::parse(daemon, line.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn takes_ids_only_from_the_sites_own_words() {
        use crate::Daemon::{Cleanup, Smtpd};
        for (daemon, line, expected) in [
            (
                Smtpd,
                "NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 <rule 5@example.net>: Sender address rejected: id=514 spammer domain; from=<rule 5@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
                Some("514"),
            ),
            (
                Smtpd,
                "NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 <\"rule 5\"@example.net>: Sender address rejected: Access denied; from=<\"rule 5\"@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
                None,
            ),
            (
                Smtpd,
                "NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.example; rule 7; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
                None,
            ),
            (
                Smtpd,
                "NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 550 5.1.1 <b@example.com>: Recipient address rejected: undeliverable address: host m.example[192.0.2.9] said: 550 rule 7 (in reply to RCPT TO command); from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
                None,
            ),
            (
                Cleanup,
                "4F1A22C0D9E: reject: header Subject: rule 9 from a.example[192.0.2.7]; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>: 5.7.1 spam id= 7 ",
                Some("7"),
            ),
            (
                Cleanup,
                "4F1A22C0D9E: reject: header Subject: rule 9 from a.example[192.0.2.7]; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>: 5.7.1 message content rejected",
                None,
            ),
        ] {
            let found = rule(daemon, line);
            assert_eq!(found.id, expected.map(str::as_bytes), "{line}");
            assert_eq!(found.action, b"reject");
        }
    }

    #[test]
    fn milters_and_proxies_have_classes_of_their_own() {
        use crate::Daemon::{Cleanup, Smtpd};
        for (daemon, line, class, action) in [
            (
                Cleanup,
                "4F1A22C0D9E: milter-reject: END-OF-MESSAGE from a.example[192.0.2.7]: 5.7.1 Spam message rejected; from=<a@example.net> to=<b@example.com>",
                "milter-reject",
                "reject",
            ),
            (
                Cleanup,
                "4F1A22C0D9E: milter-reject: END-OF-MESSAGE from a.example[192.0.2.7]: 5.7.1 rejected by DMARC policy for example.net; from=<a@example.net> to=<b@example.com>",
                "dmarc",
                "reject",
            ),
            (
                Smtpd,
                "NOQUEUE: milter-reject: RCPT from a.example[192.0.2.7]: 451 4.7.1 Greylisting in action; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
                "greylist",
                "reject",
            ),
            (
                Cleanup,
                "4F1A22C0D9E: milter-hold: END-OF-MESSAGE from a.example[192.0.2.7]: virus suspected; from=<a@example.net> to=<b@example.com>",
                "milter-hold",
                "hold",
            ),
            (
                Smtpd,
                "proxy-reject: END-OF-MESSAGE: 554 5.7.0 Reject, id=20020-00 - spam; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
                "proxy-reject",
                "reject",
            ),
        ] {
            let found = rule(daemon, line);
            assert_eq!(found.class.to_string(), class, "{line}");
            assert_eq!(
                (found.id, found.action),
                (None, action.as_bytes()),
                "{line}"
            );
        }
    }
}
