//! What the lines of other mail servers look like, for whoever gives us their logs.
//!
//! Nothing of such a line is read here but what gives it away.

use crate::{Program, Record};

/// A mail server whose lines are foreign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Server {
    /// Exim: its main log, or what it logs through syslog.
    Exim,
    /// Sendmail; Postfix's own sendmail(1) logs as `postfix/sendmail`.
    Sendmail,
}

impl Server {
    /// Tells whose line a foreign one is, if it gives that away.
    ///
    /// Shapes: `2026-11-21 00:44:25 {message id} <= {sender} …` (Exim's main log, without host and
    /// tag), `exim[123]: {message id} => …`, `sendmail[123]: {queue id}: from=<…>, size=…`, and the
    /// same under another tag.
    pub fn of(record: &Record<'_>) -> Option<Self> {
        if record.tag.program != Program::Foreign {
            return None;
        }
        match record.tag.name() {
            // Behind its stamp the main log has the id, where others have the host.
            b"" if is_exim_id(record.host) && is_exim_text(record.message) => Some(Server::Exim),
            b"exim" | b"exim4" => Some(Server::Exim),
            b"sendmail" | b"sm-mta" | b"sm-msp" | b"sm-msp-queue" => Some(Server::Sendmail),
            _ if is_exim(record.message) => Some(Server::Exim),
            _ if is_sendmail(record.message) => Some(Server::Sendmail),
            _ => None,
        }
    }

    /// Returns the name, as the server's makers write it.
    pub fn name(self) -> &'static str {
        match self {
            Server::Exim => "Exim",
            Server::Sendmail => "Sendmail",
        }
    }
}

/// A line through syslog: `{message id} <= …`, or with the main log's stamp before it.
fn is_exim(message: &[u8]) -> bool {
    let mut words = message.splitn(4, |byte| *byte == b' ').take(3);
    let Some(id_at) = words.position(is_exim_id) else {
        return false;
    };
    let texts = message.splitn(id_at + 2, |byte| *byte == b' ');
    texts.last().is_some_and(is_exim_text)
}

/// Tells whether a word is a message id: `1kXabc-0001-AB`'s parts have 6, 4 or 6, and 2 letters or
/// digits; since 4.97 they have 6, 11 and 4.
fn is_exim_id(word: &[u8]) -> bool {
    let mut parts = word.split(|byte| *byte == b'-');
    let (Some(first), Some(second), Some(third), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let lengths = (first.len(), second.len(), third.len());
    let is_known = matches!(lengths, (6, 4 | 6, 2) | (6, 11, 4));
    let all = [first, second, third];
    is_known
        && all
            .iter()
            .all(|part| part.iter().all(u8::is_ascii_alphanumeric))
}

fn is_exim_text(text: &[u8]) -> bool {
    let marks: [&[u8]; 9] = [
        b"<= ",
        b"=> ",
        b"-> ",
        b"** ",
        b"== ",
        b"*> ",
        b">> ",
        b"(= ",
        b"Completed",
    ];
    marks.iter().any(|mark| text.starts_with(mark))
}

/// Tells whether a message is `{queue id}: from=…, size=…, class=…` or `…: to=…, …, mailer=…`.
fn is_sendmail(message: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', message) else {
        return false;
    };
    let (id, rest) = message.split_at_checked(colon).unwrap_or((message, b""));
    let is_id = (12..=16).contains(&id.len()) && id.iter().all(u8::is_ascii_alphanumeric);
    let has = |word: &[u8]| memchr::memmem::find(rest, word).is_some();
    let is_from = rest.starts_with(b": from=") && has(b", size=") && has(b", class=");
    let is_to = rest.starts_with(b": to=") && has(b", delay=") && has(b", mailer=");
    is_id && (is_from || is_to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(line: &str) -> Option<&'static str> {
        Server::of(&Record::parse(line.as_bytes())?).map(Server::name)
    }

    #[test]
    fn lines_of_other_servers_give_themselves_away() {
        for (line, name) in [
            (
                "2026-11-21 00:44:25 1kXabc-0001-AB <= a@example.com H=mx.example.net [198.51.100.7]",
                Some("Exim"),
            ),
            (
                "2026-11-21 00:44:25 1kXabc-000123-AB Completed",
                Some("Exim"),
            ),
            (
                "2026-11-21 00:44:25 1kXabc-0000000abcd-1Ab2 => b <b@example.com> R=local",
                Some("Exim"),
            ),
            (
                "Nov 21 00:44:25 mx1 exim[7]: 1kXabc-0001-AB => b <b@example.com>",
                Some("Exim"),
            ),
            (
                "Nov 21 00:44:25 mx1 exim4[7]: Start queue run: pid=8",
                Some("Exim"),
            ),
            (
                "Nov 21 00:44:25 mx1 mta[7]: 2026-11-21 00:44:25 1kXabc-0001-AB ** b@example.com",
                Some("Exim"),
            ),
            (
                "Nov 21 00:44:25 mx1 sendmail[7]: 0A1BcDeF012345: from=<a@example.com>, size=1234, class=0",
                Some("Sendmail"),
            ),
            (
                "Nov 21 00:44:25 mx1 sm-mta[7]: STARTTLS=server, relay=x",
                Some("Sendmail"),
            ),
            (
                "Nov 21 00:44:25 mx1 mail[7]: 0A1BcDeF012345: to=<a@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp",
                Some("Sendmail"),
            ),
            ("Nov 21 00:44:25 mx1 cron[7]: 1kXabc-0001-AB", None),
            ("Nov 21 00:44:25 mx1 cron[7]: (root) CMD (true)", None),
            ("2026-11-21 00:44:25 1kXabc-0001-AB something else", None),
            ("Nov 21 00:44:25 mx1 postfix/sendmail[7]: fatal: x", None),
            (
                "Nov 21 00:44:25 mx1 postfix/qmgr[7]: 0A1BcDeF012345: from=<a@example.com>, size=1, class=0",
                None,
            ),
        ] {
            assert_eq!(server(line), name, "{line}");
        }
    }
}
