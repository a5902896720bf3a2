//! What the benches read: a log of real servers, and logs of one sort of line, each with an answer
//! that is known without counting it by the code that is measured.

use std::fmt;
use std::fmt::Write;
use std::io::Read;

/// A sort of log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Corpus {
    /// 24,149 lines of real servers.
    Mixed,
    /// Refusals of smtpd.
    Rejects,
    /// Logins and deliveries of Dovecot.
    Dovecot,
    /// Deliveries with a remote reply of 2 KiB.
    LongLines,
    /// Lines of programs that have nothing to do with mail.
    Foreign,
}

/// How many lines the logs of one sort have.
pub(crate) const LINES: u64 = 20_000;

impl Corpus {
    pub(crate) const ALL: [Corpus; 5] = [
        Corpus::Mixed,
        Corpus::Rejects,
        Corpus::Dovecot,
        Corpus::LongLines,
        Corpus::Foreign,
    ];

    /// The log, unpacked.
    pub(crate) fn log(self) -> Vec<u8> {
        if self == Corpus::Mixed {
            return real();
        }
        let mut log = String::new();
        let words = "x".repeat(2_000);
        for at in 0..LINES {
            let second = at / 10 % 60;
            let _ = write!(log, "Nov 21 00:44:{second:02} mx1 ");
            let _ = match self {
                Corpus::Rejects => writeln!(
                    log,
                    "postfix/smtpd[{}]: NOQUEUE: reject: RCPT from unknown[192.0.2.{}]: 450 4.7.1 Client host \
                     rejected: cannot find your hostname, [192.0.2.{}]; from=<a@example.com> to=<u{}@example.org> \
                     proto=ESMTP helo=<mail.example.net>",
                    1000 + at % 30,
                    at % 250,
                    at % 250,
                    at % 400
                ),
                Corpus::Dovecot if at % 2 == 0 => writeln!(
                    log,
                    "dovecot: imap-login: Login: user=<u{}@example.org>, method=PLAIN, rip=198.51.100.{}, \
                     lip=192.0.2.1, mpid={at}, TLS, session=<s{at}>",
                    at % 400,
                    at % 200
                ),
                Corpus::Dovecot => writeln!(
                    log,
                    "dovecot: lmtp(u{}@example.org)<4711><s{at}>: save: box=INBOX, uid={at}, \
                     msgid=<{at}@example.com>, size=4096",
                    at % 400
                ),
                Corpus::LongLines => writeln!(
                    log,
                    "postfix/smtp[{}]: {:010X}: to=<u{}@example.org>, relay=mx.example.org[203.0.113.25]:25, \
                     delay=1.2, delays=0.1/0/0.5/0.6, dsn=2.0.0, status=sent (250 2.0.0 Ok {words})",
                    1000 + at % 30,
                    0xABCDE + at,
                    at % 400
                ),
                _ => writeln!(
                    log,
                    "cron[{at}]: (root) CMD (run-parts --report /etc/cron.hourly)"
                ),
            };
        }
        log.into_bytes()
    }
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Corpus::Mixed => "mixed",
            Corpus::Rejects => "rejects",
            Corpus::Dovecot => "dovecot",
            Corpus::LongLines => "long lines",
            Corpus::Foreign => "foreign",
        })
    }
}

/// A log of real servers.
fn real() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/logs/lab-a/mail.log.gz"
    );
    let mut log = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| flate2::read::GzDecoder::new(file).read_to_end(&mut log));
    assert!(read.is_ok(), "cannot read {path}: {read:?}");
    log
}

/// Cuts a log into lines.
pub(crate) fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect()
}
