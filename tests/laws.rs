//! The law of merging: `tally(A·B) == tally(A).merge(tally(B))`, for any cut and any bracketing.
//!
//! Logs are made here, line by line, by a generator that keeps to the law's domain: no queue id is
//! born while its earlier life is open. The windows are small, so that a log of a hundred lines
//! reaches far beyond them.
#![cfg(test)]

mod lives_model;
mod merging;
mod where_model;

use std::io::Write;

use lives_model::{Model, sequential};
use mailtally::pipeline;
use mailtally::select::{Selection, Sorter};
use mailtally::source::{self, Chunks, Input};
use mailtally::tally::totals::Totals;
use mailtally::tally::{Tally, Wanted, Windows};
use mailtally_parsers::{Event, Record, Timestamp};
use merging::merge_in_any_order;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use where_model::Asked;

const WINDOWS: Windows = Windows {
    late: 6,
    hop: 20,
    max_open: 1_000_000,
};

/// A line of a generated log: its text, and the second of its stamp.
type Log = Vec<String>;

fn micros(stamp: &Timestamp) -> i64 {
    let seconds = i64::from(stamp.day) * 86_400
        + i64::from(stamp.hour) * 3_600
        + i64::from(stamp.minute) * 60
        + i64::from(stamp.second);
    seconds * 1_000_000
}

fn absorb(tally: &mut Tally, line: &str) {
    match Record::parse(line.as_bytes()) {
        Some(record) => {
            let parsed = Event::parse(&record.tag, record.message);
            tally.absorb(&record, micros(&record.timestamp), &parsed);
        }
        None => tally.absorb_foreign(),
    }
}

fn part(lines: &[String], anchored: bool) -> Tally {
    let mut tally = if anchored {
        Tally::anchored(WINDOWS)
    } else {
        Tally::part(WINDOWS)
    };
    lines.iter().for_each(|line| absorb(&mut tally, line));
    tally
}

/// Cuts a log at the given places, in order.
fn cut<'a>(log: &'a [String], places: &[usize]) -> Vec<&'a [String]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (log.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for place in places {
        pieces.push(&log[from..place]);
        from = place;
    }
    pieces.push(&log[from..]);
    pieces
}

/// One mail's lines, in order; the generator interleaves mails.
#[derive(Clone, Debug)]
struct Mail {
    lines: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Birth {
    Client,
    ClientFromLoopback,
    MessageIdFirst,
    Pickup,
    Bounce,
}

fn birth() -> impl Strategy<Value = Birth> {
    prop_oneof![
        3 => Just(Birth::Client),
        1 => Just(Birth::ClientFromLoopback),
        1 => Just(Birth::MessageIdFirst),
        1 => Just(Birth::Pickup),
        1 => Just(Birth::Bounce),
    ]
}

/// The lines of a mail under a queue id that is put in when the mail is scheduled (`%Q`); another
/// id that it may be handed over to is `%N`.
fn mail() -> impl Strategy<Value = Mail> {
    let outcome = prop_oneof!["sent", "sent-as", "deferred", "bounced", "forwarded"];
    let parts = (
        birth(),
        0..4u32,
        prop::collection::vec(outcome, 1..4),
        any::<bool>(),
        any::<bool>(),
        1..9000u32,
    );
    parts.prop_map(|(birth, who, outcomes, late, expired, size)| {
        let client = format!("postfix/smtpd[7{who}]: %Q: client=host{who}.example.net[192.0.2.{who}]");
        let loopback = format!("postfix/smtpd[7{who}]: %Q: client=localhost[127.0.0.1]");
        let message_id = format!("postfix/cleanup[60]: %Q: message-id=<{}@example.net>", who % 2);
        let mut lines = match birth {
            Birth::Client => vec![client, message_id],
            Birth::ClientFromLoopback => vec![loopback, message_id],
            Birth::MessageIdFirst => vec![message_id, client],
            Birth::Pickup => vec![format!("postfix/pickup[61]: %Q: uid=10{who} from=<u{who}>"), message_id],
            Birth::Bounce => vec![message_id],
        };
        lines.push(format!(
            "postfix/qmgr[62]: %Q: from=<s{who}@example.net>, size={size}, nrcpt={} (queue active)",
            outcomes.len()
        ));
        for outcome in outcomes {
            lines.push(delivery(&outcome, who));
        }
        if expired {
            lines.push(format!(
                "postfix/qmgr[62]: %Q: from=<s{who}@example.net>, status=expired, returned to sender"
            ));
        }
        lines.push("postfix/qmgr[62]: %Q: removed".to_owned());
        if late {
            let last = lines.len() - 1;
            lines.swap(last - 1, last);
        }
        Mail { lines }
    })
}

fn delivery(outcome: &str, who: u32) -> String {
    let relay = format!("relay=mx{who}.example.org[203.0.113.{who}]:25");
    let (status, text) = match outcome {
        "sent" => ("sent", "250 2.0.0 Ok"),
        "sent-as" => ("sent", "250 2.0.0 Ok: queued as %N"),
        "deferred" => (
            "deferred",
            "connect to mx.example.org[203.0.113.9]:25: Connection timed out",
        ),
        _ => (
            "bounced",
            "host mx.example.org[203.0.113.9] said: 550 5.1.1 no (in reply to RCPT TO command)",
        ),
    };
    if outcome == "forwarded" {
        return format!(
            "postfix/local[63]: %Q: to=<r{who}@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (forwarded as %N)"
        );
    }
    format!(
        "postfix/smtp[8{who}]: %Q: to=<r{who}@example.org>, {relay}, delay=1, delays=0/0/0/1, dsn=2.0.0, status={status} ({text})"
    )
}

/// Lines without a queue id, of one process each.
fn session_line() -> impl Strategy<Value = String> {
    let tls = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)";
    let kind = 0..21u32;
    (kind, 0..3u32).prop_map(move |(kind, who)| {
        let peer = format!("host{who}.example.net[192.0.2.{who}]");
        match kind {
            0 => format!("postfix/smtpd[7{who}]: connect from {peer}"),
            1 => format!("postfix/smtpd[7{who}]: Anonymous TLS connection established from {peer}: {tls}"),
            2 => format!("postfix/smtpd[7{who}]: disconnect from {peer} ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"),
            3 => format!("postfix/smtpd[7{who}]: disconnect from {peer} ehlo=2 starttls=1 mail=1 quit=1 commands=5"),
            4 => format!("postfix/smtpd[7{who}]: disconnect from {peer}"),
            5 => format!("postfix/smtpd[7{who}]: NOQUEUE: discard: RCPT from {peer}: <x@example.net>: Sender address triggers DISCARD action; from=<x@example.net> to=<y@example.com> proto=ESMTP helo=<x>"),
            6 => format!("postfix/smtp[8{who}]: Trusted TLS connection established to mx{who}.example.org[203.0.113.{who}]:25: {tls}"),
            7 => format!("dovecot: auth: passwd-file(u{who}@example.com,192.0.2.{who},<session{who}>): Password mismatch"),
            8 => format!("dovecot: imap-login: Login: user=<u{who}@example.com>, method=PLAIN, rip=192.0.2.{who}, lip=198.51.100.1, mpid=47{who}, TLS, session=<session{who}>"),
            9 => format!("dovecot: imap-login: Disconnected: Connection closed (auth failed, 2 attempts in 4 secs): user=<>, method=PLAIN, rip=192.0.2.{who}, lip=198.51.100.1, session=<session{who}>"),
            10 => format!("postfix/smtpd[7{who}]: NOQUEUE: reject: RCPT from {peer}: 554 5.7.1 <x@example.net>: Relay access denied; from=<x@example.net> to=<x@example.net> proto=ESMTP helo=<x>"),
            11 => format!("postfix/smtpd[7{who}]: NOQUEUE: reject: RCPT from {peer}: 450 4.2.0 <x@example.net>: Recipient address rejected: Greylisted; from=<x@example.net> to=<x@example.net> proto=ESMTP helo=<x>"),
            12 => format!("postfix/postscreen[90]: CONNECT from [192.0.2.{who}]:4000 to [198.51.100.1]:25"),
            13 => format!("postfix/dnsblog[91]: addr 192.0.2.{who} listed by domain list{}.example as 127.0.0.2", who % 2),
            14 => format!("postfix/smtpd[7{who}]: warning: hostname h{who}.example does not resolve to address 192.0.2.{who}"),
            15 => format!("dovecot: imap(u{who})<47><s{who}>: Disconnected: Logged out in=1{who} out=2{who}"),
            16 => format!("postfix/smtp[8{who}]: connect to mx{who}.example.org[2001:db8::{who}]:25: Connection timed out"),
            // The triplet of a mail that may come before and after it.
            17 => format!("postfix/smtpd[7{who}]: NOQUEUE: reject: RCPT from {peer}: 450 4.2.0 <r{who}@example.org>: Recipient address rejected: Greylisted; from=<S{who}@example.net> to=<r{who}@example.org> proto=ESMTP helo=<h{who}>"),
            18 => format!("postfix/smtpd[7{who}]: NOQUEUE: reject: RCPT from {peer}: 554 5.7.1 Service unavailable; Client host [192.0.2.{who}] blocked using list{}.example; from=<> to=<r{who}@example.org> proto=ESMTP helo=<x>", who % 2),
            19 => format!("postfix/postscreen[90]: NOQUEUE: reject: RCPT from [192.0.2.{who}]:4000: 550 5.7.1 Service unavailable; client [192.0.2.{who}] blocked using list0.example; from=<a@example.com>, to=<b@example.org>, proto=ESMTP, helo=<x>"),
            _ => "cron[1]: (root) CMD (true)".to_owned(),
        }
    })
}

/// A whole log: mails interleaved over a small pool of queue ids, with session lines between.
fn log() -> impl Strategy<Value = Log> {
    let mails = prop::collection::vec(mail(), 1..14);
    let sessions = prop::collection::vec(session_line(), 0..60);
    (
        mails,
        sessions,
        1..6usize,
        prop::collection::vec(any::<u16>(), 400),
        any::<u16>(),
    )
        .prop_map(|(mails, sessions, pool, dice, skip)| {
            let mut log = interleave(mails, sessions, pool, &dice);
            // A log may begin in the middle of lives.
            log.drain(..usize::from(skip) % log.len().max(1));
            log
        })
}

/// Takes dice in turn.
struct Dice<'a>(std::iter::Cycle<std::slice::Iter<'a, u16>>);

impl Dice<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % limit.max(1)
    }
}

fn interleave(mails: Vec<Mail>, sessions: Vec<String>, pool: usize, dice: &[u16]) -> Log {
    let mut dice = Dice(dice.iter().cycle());
    let mut free: Vec<usize> = (0..pool).collect();
    let mut waiting = mails;
    let mut sessions = sessions;
    let mut running: Vec<(usize, Vec<String>)> = Vec::new();
    let mut log: Log = Vec::new();
    while !waiting.is_empty() || !running.is_empty() {
        let may_start = !waiting.is_empty() && !free.is_empty();
        if may_start && (running.is_empty() || dice.below(10) < 4) {
            let id = free.remove(dice.below(free.len()));
            running.push((id, waiting.remove(0).lines));
        } else {
            let at = dice.below(running.len());
            // Pairs that are logged in either order, and late lines, stay close together.
            let lines = &mut running[at].1;
            let is_pair = lines.len() > 1
                && (lines[1].contains("client=") && lines[0].contains("message-id=")
                    || lines[0].contains(": removed"));
            let next = dice.below(pool);
            for _ in 0..if is_pair { 2 } else { 1 } {
                let text = running[at].1.remove(0);
                push(&mut log, &text, running[at].0, next);
            }
            if running[at].1.is_empty() {
                free.push(running.remove(at).0);
            }
        }
        if dice.below(10) < 4 && !sessions.is_empty() {
            let text = sessions.remove(0);
            push(&mut log, &text, 0, 0);
        }
    }
    log
}

fn push(log: &mut Log, text: &str, id: usize, next: usize) {
    let second = log.len() / 3;
    let stamp = format!(
        "May  1 {:02}:{:02}:{:02} mx1",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    let text = text
        .replace("%Q", &format!("A0000{id}"))
        .replace("%N", &format!("A0000{next}"));
    log.push(format!("{stamp} {text}"));
}

/// Compares two totals and names only what differs: both are long.
fn same(left: &Totals, right: &Totals) -> Result<(), TestCaseError> {
    let (left, right) = (
        serde_json::to_value(left).unwrap(),
        serde_json::to_value(right).unwrap(),
    );
    for (key, value) in left.as_object().unwrap() {
        prop_assert_eq!(value, &right[key], "{}", key);
    }
    Ok(())
}

/// What the model of lives also says.
fn model_of(totals: &Totals) -> Model {
    Model {
        open_at_start: totals.messages.open_at_start,
        deferred: totals.totals.deferred,
        bytes_received: totals.totals.bytes_received,
        bytes_delivered: totals.totals.bytes_delivered,
        received: totals.totals.received,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_and_any_bracketing_merge_to_the_whole(
        log in log(),
        places in prop::collection::vec(any::<usize>(), 1..8),
        order in prop::collection::vec(any::<usize>(), 8),
    ) {
        let whole = part(&log, true).finish();
        let pieces = cut(&log, &places);
        let parts = pieces.iter().enumerate().map(|(at, piece)| part(piece, at == 0)).collect();
        same(&merge_in_any_order(parts, &order, Tally::merge).finish(), &whole)?;
        let floating = pieces.iter().map(|piece| part(piece, false)).collect();
        same(&merge_in_any_order(floating, &order, Tally::merge).finish(), &whole)?;
    }

    #[test]
    fn the_empty_tally_is_the_identity(log in log()) {
        let whole = part(&log, false).finish();
        let mut left = Tally::part(WINDOWS);
        left.merge(part(&log, false));
        same(&left.finish(), &whole)?;
        let mut right = part(&log, false);
        right.merge(Tally::part(WINDOWS));
        same(&right.finish(), &whole)?;
    }

    #[test]
    fn lives_are_those_of_the_sequential_model(log in log()) {
        let totals = part(&log, true).finish();
        prop_assert_eq!(model_of(&totals), sequential(&log, WINDOWS.late));
    }

    #[test]
    fn every_line_is_accounted_for(log in log()) {
        let lines = part(&log, true).finish().coverage.lines;
        prop_assert_eq!(lines.read, log.len() as u64);
        prop_assert_eq!(
            lines.read,
            lines.parsed + lines.generic + lines.unparsed + lines.foreign + lines.filtered
        );
        prop_assert_eq!(lines.unparsed, 0);
    }
}

/// Conditions on senders, recipients and what became of them, at least one.
fn asked() -> impl Strategy<Value = Asked> {
    let sender = prop_oneof![
        Just(None),
        Just(Some("s1@example.net")),
        Just(Some("!s1@example.net")),
        Just(Some("x@example.net")),
        Just(Some("u1")),
    ];
    let recipient = prop_oneof![
        Just(None),
        Just(Some("r2@example.org")),
        Just(Some("!r2@example.org")),
        Just(Some("y@example.com")),
    ];
    let status = prop_oneof![
        Just(None),
        Just(Some("sent")),
        Just(Some("!sent")),
        Just(Some("expired")),
    ];
    let all = (sender, recipient, status);
    let asked = all.prop_map(|(sender, recipient, status)| Asked {
        sender,
        recipient,
        status,
    });
    asked.prop_filter("a condition", |asked| !asked.conditions().is_empty())
}

/// Reads a log from a file, in chunks of about this size.
fn chunks(path: &std::path::Path, chunk_bytes: usize) -> Chunks {
    let options = source::Options {
        year: Some(2026),
        chunk_bytes,
        ..source::Options::default()
    };
    source::read_all(vec![Input::File(path.into())], &options)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// Counts the lines that the model lets through, one by one, each in its place.
fn counted_by_model(path: &std::path::Path, counts: &[bool]) -> Totals {
    let mut tally = Tally::anchored(WINDOWS);
    let mut counts = counts.iter();
    for chunk in chunks(path, 1 << 20) {
        let mut lines = chunk.records();
        while let Some(line) = lines.next() {
            match (counts.next(), line.record(), line.time) {
                (Some(true), Some(record), Some(time)) => tally.line(record, time.wall_us),
                (Some(false), ..) => tally.absorb_filtered(1),
                _ => unreachable!("a mail has lines with an envelope"),
            }
        }
    }
    tally.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Conditions on mails are decided while the log goes by, chunk by chunk, and the chunks are
    /// counted in the order in which they are decided: that is as if the lines that are left out had
    /// been known before.
    #[test]
    fn filtered_parts_merge_to_what_is_left_of_the_whole(
        log in log(),
        asked in asked(),
        chunk_bytes in 1..8_000usize,
        threads in 1..4usize,
        is_packed in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.log");
        let bytes = (log.join("\n") + "\n").into_bytes();
        // What is unpacked cannot be read again from its file.
        let bytes = if is_packed { packed(&bytes) } else { bytes };
        std::fs::write(&path, bytes).unwrap();
        let conditions = asked.conditions();
        let conditions = conditions.iter().map(|text| text.parse().unwrap()).collect();
        let selection = Selection::new(conditions).unwrap();
        let options = pipeline::Options {
            threads: Some(threads),
            windows: WINDOWS,
            wanted: Wanted::ALL,
            masking: None,
        };
        let mut sorter = Sorter::new(chunks(&path, chunk_bytes), selection, None, WINDOWS);
        let marks = sorter.marks();
        let (mut tallies, _) = pipeline::parts(&mut sorter, &options, &marks).unwrap();
        let tally = tallies.take(0).unwrap_or_else(|| tallies.empty(&options));
        let counts = asked.counts(&log, WINDOWS.late);
        let kept = counts.iter().filter(|counts| **counts).count() as u64;
        let totals = tally.finish();
        let lines = totals.coverage.lines;
        prop_assert_eq!(lines.parsed, kept);
        prop_assert_eq!(lines.filtered, lines.read - kept);
        same(&totals, &counted_by_model(&path, &counts))?;
    }
}

/// Else the laws would hold of sections that have nothing in them.
#[test]
fn generated_logs_reach_the_sections_that_join_lines() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut came_back, mut deferred, mut kept_out, mut refused) = (0, 0, 0, 0);
    for _ in 0..200 {
        let log = log().new_tree(&mut runner).unwrap().current();
        let details = part(&log, true).finish().details;
        came_back += details.greylist.by_triplet.came_back;
        deferred += details.mails.deferred.count;
        kept_out += details
            .screening
            .lists
            .iter()
            .map(|row| row.refused_only_here)
            .sum::<u64>();
        refused += details.behind.by_party.len();
    }
    assert!(
        came_back > 10 && deferred > 100 && kept_out > 10 && refused > 100,
        "{came_back} {deferred} {kept_out} {refused}"
    );
}
