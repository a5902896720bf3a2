//! Tests of the sorter: what is decided when, and what waits meanwhile.

use std::io::Write;
use std::path::Path;

use super::*;
use crate::source::{self, Input, Position};

const WINDOWS: Windows = Windows {
    late: 256,
    hop: 10_000,
    max_open: 1_000_000,
};

fn line(second: usize, text: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    format!(
        "2026-11-21T10:{:02}:{second:02}+00:00 mx1 {text}\n",
        minute % 60
    )
}

fn delivery(id: &str, to: &str) -> String {
    format!(
        "postfix/smtp[1]: {id}: to=<{to}>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (x)"
    )
}

/// A mail whose recipient is said only at the end, and between its lines many of another one.
fn log_with_a_long_mail(between: usize) -> String {
    let mut log = line(
        0,
        "postfix/smtpd[1]: 4AAAAAAAAA: client=a.example[192.0.2.1]",
    );
    for second in 0..between {
        log += &line(second, &delivery("4BBBBBBBBB", "other@example.net"));
    }
    log + &line(between, &delivery("4AAAAAAAAA", "asked@example.com"))
}

fn selection(conditions: &[&str]) -> Selection {
    let conditions = conditions.iter().map(|text| text.parse().unwrap());
    Selection::new(conditions.collect()).unwrap()
}

/// Sorts the lines of a file; returns each chunk's place, whether it came out in memory, and the
/// text of the lines that are marked.
fn sort(path: &Path, chunk_bytes: usize, conditions: &[&str]) -> Vec<(Position, bool, String)> {
    let options = source::Options {
        chunk_bytes,
        ..source::Options::default()
    };
    let chunks = source::read_all(vec![Input::File(path.into())], &options);
    let sorter = Sorter::new(chunks, selection(conditions), None, WINDOWS);
    let marks = sorter.marks();
    let look = |chunk: Chunk| {
        let was_read = chunk.is_read();
        let marks = marks.take(&chunk);
        let text = String::from_utf8(chunk.bytes().to_vec()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let marked = marks.iter().map(|mark| lines[mark.line as usize]);
        let marked = marked.collect::<Vec<_>>().join("\n");
        (chunk.span.start, was_read, marked)
    };
    sorter.map(look).collect()
}

#[test]
fn a_chunk_waits_for_its_mails_and_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("mail.log");
    let log = log_with_a_long_mail(2_000);
    std::fs::write(&plain, &log).unwrap();
    let packed = folder.path().join("mail.log.gz");
    let file = std::fs::File::create(&packed).unwrap();
    let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packer.write_all(log.as_bytes()).unwrap();
    packer.finish().unwrap();
    for path in [plain, packed] {
        let sorted = sort(&path, 10_000, &["recipient=asked@example.com"]);
        assert!(sorted.len() > 20);
        let first = sorted.iter().map(|(start, ..)| start).min().unwrap();
        let place = sorted
            .iter()
            .position(|(start, ..)| start == first)
            .unwrap();
        assert!(place > 15, "the first chunk came out as number {place}");
        let (_, was_read, marked) = &sorted[place];
        assert!(!was_read, "its text was not kept in memory");
        assert!(marked.ends_with("client=a.example[192.0.2.1]"), "{marked}");
        let marked: Vec<&str> = sorted.iter().map(|(.., marked)| marked.as_str()).collect();
        assert_eq!(marked.concat().matches("4AAAAAAAAA").count(), 2);
        assert!(!marked.concat().contains("4BBBBBBBBB"));
    }
}

/// The marked lines of a log, in its order.
fn chosen(log: &[String], conditions: &[&str]) -> Vec<usize> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    std::fs::write(&path, log.concat()).unwrap();
    let chosen = sort(&path, 1 << 20, conditions);
    let marked = chosen.iter().flat_map(|(.., marked)| marked.lines());
    let place = |text: &str| log.iter().position(|line| line.trim_end() == text).unwrap();
    marked.map(place).collect()
}

#[test]
fn the_sender_is_that_of_the_queue_unless_the_mail_never_got_there() {
    let log = [
        line(0, "postfix/pickup[1]: 4AAAAAAAAA: uid=0 from=<root>"),
        line(
            1,
            "postfix/cleanup[1]: 4AAAAAAAAA: message-id=<a@example.com>",
        ),
        line(
            2,
            "postfix/qmgr[1]: 4AAAAAAAAA: from=<root@example.com>, size=1, nrcpt=1 (queue active)",
        ),
        line(
            3,
            "postfix/smtpd[1]: 4BBBBBBBBB: client=a.example[192.0.2.1]",
        ),
        line(
            4,
            "postfix/cleanup[1]: 4BBBBBBBBB: milter-reject: END-OF-MESSAGE from a.example[192.0.2.1]: 5.7.1 no; from=<root> to=<x@example.com> proto=ESMTP helo=<x>",
        ),
    ];
    assert_eq!(chosen(&log, &["sender=root@example.com"]), [0, 1, 2]);
    assert_eq!(chosen(&log, &["sender=root"]), [3, 4]);
    assert_eq!(chosen(&log, &["sender!=root"]), [0, 1, 2]);
    assert_eq!(chosen(&log, &["recipient~^x@"]), [3, 4]);
}

#[test]
fn a_refused_recipient_is_none_of_the_mail() {
    let reject = "postfix/smtpd[1]: 4AAAAAAAAA: reject: RCPT from a.example[192.0.2.1]: 550 5.1.1 <no@example.com>: Recipient address rejected: User unknown in local recipient table; from=<s@example.net> to=<no@example.com> proto=ESMTP helo=<x>";
    let log = [
        line(
            0,
            "postfix/smtpd[1]: 4AAAAAAAAA: client=a.example[192.0.2.1]",
        ),
        line(1, reject),
        line(2, &delivery("4AAAAAAAAA", "yes@example.com")),
    ];
    assert_eq!(chosen(&log, &["recipient=no@example.com"]), [1]);
    assert_eq!(chosen(&log, &["recipient=yes@example.com"]), [0, 2]);
}

/// The queue manager gives up all that is left of a mail: that is of whichever recipients are left.
#[test]
fn expiry_counts_with_its_mail() {
    let log = [
        line(
            0,
            "postfix/smtpd[1]: 4AAAAAAAAA: client=a.example[192.0.2.1]",
        ),
        line(1, &delivery("4AAAAAAAAA", "b@example.com")),
        line(
            2,
            "postfix/qmgr[1]: 4AAAAAAAAA: from=<s@example.net>, status=expired, returned to sender",
        ),
    ];
    assert_eq!(
        chosen(&log, &["recipient=b@example.com", "status=deferred"]),
        [0, 1, 2]
    );
    assert_eq!(chosen(&log, &["status=expired"]), [0, 2]);
    assert!(chosen(&log, &["status=sent"]).is_empty());
}

#[test]
fn an_id_that_is_used_again_is_another_mail() {
    let mut log = vec![
        line(
            0,
            "postfix/smtpd[1]: 4AAAAAAAAA: client=a.example[192.0.2.1]",
        ),
        line(1, &delivery("4AAAAAAAAA", "b@example.com")),
        line(2, "postfix/qmgr[1]: 4AAAAAAAAA: removed"),
        line(
            3,
            "postfix/smtpd[1]: 4AAAAAAAAA: client=c.example[192.0.2.3]",
        ),
        line(4, &delivery("4AAAAAAAAA", "d@example.com")),
    ];
    assert_eq!(chosen(&log, &["recipient=b@example.com"]), [0, 1, 2]);
    assert_eq!(chosen(&log, &["recipient=d@example.com"]), [3, 4]);
    // The same id of another host is another mail, too.
    log[4] = log[4].replace(" mx1 ", " mx2 ");
    assert_eq!(chosen(&log, &["recipient=d@example.com"]), [4]);
}

/// The work for a mail does not grow with the square of its lines.
#[test]
fn a_mail_of_many_lines_is_no_burden() {
    let mut log = String::new();
    for second in 0..200_000 {
        log += &line(
            second,
            "postfix/smtp[1]: 4AAAAAAAAA: host a.example[192.0.2.1] said: 451 4.0.0 later (in reply to RCPT TO command)",
        );
    }
    log += &line(0, &delivery("4AAAAAAAAA", "b@example.com"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    std::fs::write(&path, log).unwrap();
    let sorted = sort(&path, 1 << 20, &["recipient=b@example.com"]);
    let marked = sorted.iter().map(|(.., marked)| marked.lines().count());
    assert_eq!(marked.sum::<usize>(), 200_001);
}

/// The longest silent mails are decided when too many are open, by what is known of them.
#[test]
fn at_most_so_many_mails_wait() {
    let mut log = String::new();
    for mail in 0..20_000 {
        log += &line(
            mail / 10,
            &format!("postfix/smtpd[1]: 4A{mail:07}: client=a.example[192.0.2.1]"),
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    std::fs::write(&path, &log).unwrap();
    let options = source::Options {
        chunk_bytes: 10_000,
        ..source::Options::default()
    };
    let chunks = source::read_all(vec![Input::File(path)], &options);
    let windows = Windows {
        max_open: 1_000,
        ..WINDOWS
    };
    let mut sorter = Sorter::new(chunks, selection(&["recipient~x"]), None, windows);
    let mut came = 0;
    while !sorter.is_over && sorter.next().is_some() {
        came += 1;
    }
    assert!(
        came > 50,
        "{came} chunks came out before the end of the log"
    );
    assert!(sorter.sorting.lines >= 20_000);
}

/// Each line of the mail that names nobody counts in the part of each recipient's domain, whenever
/// that comes up.
#[test]
fn a_mail_to_two_domains_counts_in_both() {
    let log = [
        line(
            0,
            "postfix/smtpd[1]: 4AAAAAAAAA: client=a.example[192.0.2.1]",
        ),
        line(1, &delivery("4AAAAAAAAA", "b@one.example")),
        line(
            2,
            "postfix/qmgr[1]: 4AAAAAAAAA: from=<s@example.net>, size=1, nrcpt=2 (queue active)",
        ),
        line(3, &delivery("4AAAAAAAAA", "b@TWO.example")),
        line(4, "postfix/qmgr[1]: 4AAAAAAAAA: removed"),
        line(5, &delivery("4BBBBBBBBB", "b@three.example")),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    std::fs::write(&path, log.concat()).unwrap();
    let chunks = source::read_all(vec![Input::File(path)], &source::Options::default());
    let split = Split {
        by: By::RecipientDomain,
        most: 2,
    };
    let mut sorter = Sorter::new(chunks, Selection::default(), Some(split), WINDOWS);
    let marks = sorter.marks();
    let mut marked: Vec<(u32, u32)> = Vec::new();
    for chunk in sorter.by_ref() {
        marked.extend(marks.take(&chunk).iter().map(|mark| (mark.part, mark.line)));
    }
    marked.sort_unstable();
    let (values, is_beyond) = sorter.into_values();
    assert_eq!(
        values,
        [(b"one.example".to_vec(), 1), (b"two.example".to_vec(), 2)]
    );
    assert!(is_beyond);
    let expected = [
        (OTHER, 5),
        (1, 0),
        (1, 1),
        (1, 2),
        (1, 4),
        (2, 0),
        (2, 2),
        (2, 3),
        (2, 4),
    ];
    assert_eq!(marked, expected);
}
