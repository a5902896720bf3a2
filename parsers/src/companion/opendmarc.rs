//! Lines of OpenDMARC. The job id is Postfix's queue id; the disposition stands in Postfix's
//! milter-reject line only.

use super::{Event, Parsed, job_id, started};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, split_once, to_number};

event_struct! {
    /// The DMARC result of a mail.
    ///
    /// Shape: `{queue_id}: {domain} {pass|fail|none|temperror|permerror}`. Source: OpenDMARC
    /// `opendmarc/opendmarc.c`.
    pub struct DmarcResult<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The domain of the `From:` header.
        pub domain: &'a [u8],
        /// The result.
        pub result: &'a [u8],
    }
}

event_struct! {
    /// The result of OpenDMARC's own SPF check.
    ///
    /// Shape: `{queue_id}: SPF({mailfrom|helo}): {domain} {result}`.
    pub struct Spf<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// What was checked: `mailfrom` or `helo`.
        pub identity: &'a [u8],
        /// The domain.
        pub domain: &'a [u8],
        /// The result, in lower case.
        pub result: &'a [u8],
    }
}

event_struct! {
    /// A mail, client or header that is not looked at.
    ///
    /// Shape: `ignoring connection from {host}`, `{queue_id}: ignoring mail from {domain}`,
    /// `{queue_id} ignoring Authentication-Results at {index} from {host}` (no colon).
    pub struct Ignored<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// The client, or the host that wrote the header.
        pub host: Option<&'a [u8]>,
        /// The domain.
        pub domain: Option<&'a [u8]>,
        /// Which of the mail's headers.
        pub index: Option<u64>,
    }
}

event_struct! {
    /// A note on a mail, or a line about none.
    ///
    /// Shape: `OpenDMARC Filter v{version} {starting|terminating ...}`, `{implicit authentication
    /// service|additional trusted authentication services}: {host}`, `{queue_id}: {RFC5322
    /// requirement error: ...|multi-valued From field detected|unable to parse From header field|
    /// opendmarc_policy_query_dmarc({domain}) returned status {status}}`.
    pub struct Misc<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// The version.
        pub version: Option<&'a [u8]>,
        /// The command line.
        pub args: Option<&'a [u8]>,
        /// The trusted host.
        pub host: Option<&'a [u8]>,
        /// The domain whose policy was asked for.
        pub domain: Option<&'a [u8]>,
        /// The status of that query.
        pub status: Option<u64>,
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a message of opendmarc.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Some(event) = of_no_mail(message) {
        return Ok(event);
    }
    if let Some((queue_id, text)) = job_id(message) {
        return of_mail(queue_id, text)
            .or_else(|| ignored_results(message))
            .ok_or(Reason("opendmarc text"));
    }
    ignored_results(message).ok_or(Reason("opendmarc"))
}

fn of_mail<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix(b"SPF(") {
        let (identity, rest) = split_once(rest, b"): ")?;
        let (domain, result) = before_last(rest, b" ")?;
        return Some(Event::OpendmarcSpf(Spf {
            queue_id,
            identity,
            domain,
            result,
        }));
    }
    if let Some(domain) = text.strip_prefix(b"ignoring mail from ") {
        return Some(Event::OpendmarcIgnored(Ignored {
            queue_id: Some(queue_id),
            host: None,
            domain: Some(domain),
            index: None,
        }));
    }
    if let Some((domain, result)) = before_last(text, b" ")
        && is_result(result)
        && !domain.contains(&b' ')
    {
        return Some(Event::OpendmarcResult(DmarcResult {
            queue_id,
            domain,
            result,
        }));
    }
    note(queue_id, text)
}

/// The line is nothing but a domain and this word, so the word has to be a known one.
fn is_result(word: &[u8]) -> bool {
    matches!(
        word,
        b"pass" | b"fail" | b"none" | b"temperror" | b"permerror" | b"policy"
    )
}

fn note<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Option<Event<'a>> {
    let notes: [&[u8]; 4] = [
        b"RFC5322 requirement error: ",
        b"multi-valued From field detected",
        b"unable to parse From header field",
        b"opendmarc_policy_query_dmarc(",
    ];
    let mut misc = empty_misc(text);
    misc.queue_id = Some(queue_id);
    notes.iter().find(|note| text.starts_with(note))?;
    if let Some(rest) = text.strip_prefix(b"opendmarc_policy_query_dmarc(") {
        let (domain, status) = split_once(rest, b") returned status ")?;
        misc.domain = Some(domain);
        misc.status = to_number(status);
    }
    Some(Event::OpendmarcMisc(misc))
}

fn empty_misc(text: &[u8]) -> Misc<'_> {
    Misc {
        queue_id: None,
        version: None,
        args: None,
        host: None,
        domain: None,
        status: None,
        text,
    }
}

fn of_no_mail(message: &[u8]) -> Option<Event<'_>> {
    if let Some(host) = message.strip_prefix(b"ignoring connection from ") {
        return Some(Event::OpendmarcIgnored(Ignored {
            queue_id: None,
            host: Some(host),
            domain: None,
            index: None,
        }));
    }
    let mut misc = empty_misc(message);
    if let Some(rest) = message.strip_prefix(b"OpenDMARC Filter v") {
        (misc.version, misc.args) = started(rest);
    } else {
        let services: [&[u8]; 2] = [
            b"implicit authentication service: ",
            b"additional trusted authentication services: ",
        ];
        misc.host = Some(services.iter().find_map(|s| message.strip_prefix(*s))?);
    }
    Some(Event::OpendmarcMisc(misc))
}

/// Reads `{queue_id} ignoring Authentication-Results at {index} from {host}`.
fn ignored_results(message: &[u8]) -> Option<Event<'_>> {
    let (queue_id, rest) = split_once(message, b" ignoring Authentication-Results at ")?;
    let queue_id = queue_id.strip_suffix(b":").unwrap_or(queue_id);
    let (index, host) = split_once(rest, b" from ")?;
    Some(Event::OpendmarcIgnored(Ignored {
        queue_id: Some(queue_id),
        host: Some(host),
        domain: None,
        index: to_number(index),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hard case 25: the line is only an id, a domain and a word.
    #[test]
    fn result_needs_a_known_word_and_an_id() {
        let Ok(Event::OpendmarcResult(found)) = parse(b"4F1A22C0D9E: example.org fail") else {
            panic!()
        };
        assert_eq!(
            (found.domain, found.result),
            (&b"example.org"[..], &b"fail"[..])
        );
        assert!(parse(b"4F1A22C0D9E: example.org weird").is_err());
        assert!(parse(b"config: example.org fail").is_err());
        assert!(parse(b"4F1A22C0D9E: not a domain fail").is_err());
    }
}
