//! Lines one after another: most repeat the stamp and the host of the line above, and a recent tag.
//!
//! What is remembered here saves reading it again; what a line's envelope *is* stays with the
//! formats beside this file, and every line gives the record that [`Record::parse`] gives.

use super::words::{Words, new_number};
use super::{digits, origin, rfc3164, rfc3339};
use crate::near::{Beginning, find_far_here, find_near, is_same, place};
use crate::{Record, Tag, Timestamp};

/// How many tags are remembered: a server has some thirty, and few of them are to share a place.
const TAGS: usize = 1 << TAG_BITS;
const TAG_BITS: u32 = 8;

/// How many hosts: logs of many are put together by servers that are there for it.
const HOSTS: usize = 1 << HOST_BITS;
const HOST_BITS: u32 = 6;

/// Parses the envelopes of lines that follow each other in a log.
///
/// Gives the same records as [`Record::parse`], in a quarter of the time: the last one is kept here,
/// and only what a line says anew is written to it.
#[derive(Clone, Debug)]
pub struct Envelopes<'a> {
    /// Stamp and host of the line above with the blanks behind them, as logged; empty where that had
    /// another form.
    head: &'a [u8],
    beginning: Beginning,
    form: Form,
    /// How many bytes of the head the stamp has, with its blank.
    stamp_bytes: usize,
    moment_number: u64,
    minute_number: u64,
    /// The last record; as long as there is a head, its stamp and host are those of the head.
    record: Record<'a>,
    /// The number of its host, and that of its tag and process id where they are remembered; else 0.
    host_number: u64,
    word_number: u64,
    hosts: [Host<'a>; HOSTS],
    words: Words<'a>,
    tags: [Option<Tag<'a>>; TAGS],
}

/// Who logged a line, by numbers: what is worked out about one host, or one process, need not be
/// worked out again where the numbers come again.
///
/// The same author always means the same host, tag and process id, whatever log the lines are of.
/// Other authors may mean the same as well.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Author {
    host: u64,
    word: u64,
}

impl Author {
    /// Returns a number for finding an author again in a table of `1 << bits` places.
    #[inline]
    pub fn place(self, bits: u32) -> usize {
        usize::try_from(self.word & ((1 << bits) - 1)).unwrap_or(0)
    }
}

/// A host that logged.
#[derive(Clone, Copy, Debug)]
struct Host<'a> {
    text: &'a [u8],
    /// No other host has it; 0 where there is no host.
    number: u64,
}

/// What of a head differs from line to line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// There is none, or we do not know.
    Other,
    /// A traditional stamp of 15 bytes: its minute and second.
    Traditional,
    /// A stamp of RFC 3339: these and the fraction, up to the zone that begins here.
    Rfc3339 { zone_at: usize },
}

impl Default for Envelopes<'_> {
    #[inline]
    fn default() -> Self {
        Envelopes {
            head: b"",
            beginning: Beginning::none(),
            form: Form::Other,
            stamp_bytes: 0,
            moment_number: 0,
            minute_number: 0,
            record: Record::EMPTY,
            host_number: 0,
            word_number: 0,
            hosts: [Host {
                text: b"",
                number: 0,
            }; HOSTS],
            words: Words::default(),
            tags: [None; TAGS],
        }
    }
}

impl<'a> Envelopes<'a> {
    /// Takes the first of many lines off, if all of its envelope but the time within the hour was there
    /// before.
    ///
    /// Returns the lines behind it; its record is then in [`Envelopes::record`]. `None` for lines that
    /// have to be looked at more closely.
    #[inline(always)]
    pub fn take_repeating(&mut self, lines: &'a [u8]) -> Option<&'a [u8]> {
        let text = match self.beginning.split(lines) {
            Some(text) => text,
            None => self.behind_similar_head(lines)?,
        };
        let (word, text) = self.words.split(text)?;
        // What stands before is known, and holds no line end.
        let end = find_far_here(text, b'\n')?;
        let (message, rest) = (text.get(..end)?, text.get(end + 1..)?);
        if is_odd(message) {
            return None;
        }
        word.write_to(&mut self.record, message);
        self.word_number = word.number;
        Some(rest)
    }

    /// Parses the next line, without its line end; `None` when it has no envelope that we know.
    pub fn parse(&mut self, line: &'a [u8]) -> Option<&Record<'a>> {
        if self
            .plain(line.strip_suffix(b"\r").unwrap_or(line))
            .is_none()
        {
            self.forget();
            self.record = Record::parse(line)?;
        }
        Some(&self.record)
    }

    /// Returns the record of the last line that had one.
    #[inline]
    pub fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// Returns who logged the last line that had a record, where that is remembered.
    #[inline]
    pub fn author(&self) -> Option<Author> {
        let (host, word) = (self.host_number, self.word_number);
        (host != 0 && word != 0).then_some(Author { host, word })
    }

    /// Returns a number that is the same for lines that follow each other and have the same stamp; it
    /// is not 0 when there is a record.
    #[inline]
    pub fn moment_number(&self) -> u64 {
        self.moment_number
    }

    /// Returns a number that is the same for lines that follow each other and whose stamps differ in
    /// their seconds below 60 and the fraction of these alone: what follows from the rest need not be
    /// worked out again.
    #[inline]
    pub fn minute_number(&self) -> u64 {
        self.minute_number
    }

    fn forget(&mut self) {
        self.set_head(b"");
        self.form = Form::Other;
        self.word_number = 0;
        self.moment_number += 1;
        self.minute_number += 1;
    }

    /// Parses a line of the commonest form: a stamp, a host, a tag.
    fn plain(&mut self, line: &'a [u8]) -> Option<()> {
        let text = match self.behind_head(line) {
            Some(text) => text,
            None => self.behind_new_head(line)?,
        };
        if let Some((word, message)) = self.words.split(text)
            && !is_odd(message)
        {
            word.write_to(&mut self.record, message);
            self.word_number = word.number;
            return Some(());
        }
        let logged = origin::tagged(text)?;
        let tag = self.tag(logged.tag);
        self.word_number = self.words.keep(text, tag, &logged);
        let Record {
            timestamp, host, ..
        } = self.record;
        self.record = Record::new(timestamp, host, tag, logged.pid, logged.message);
        Some(())
    }

    fn set_head(&mut self, head: &'a [u8]) {
        self.head = head;
        self.beginning = Beginning::of(head);
    }

    /// Returns what stands behind stamp and host, if there is nothing in these but a new time of the
    /// same hour that was not there before.
    fn behind_head(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        match line.strip_prefix(self.head) {
            Some(text) if !self.head.is_empty() => Some(text),
            _ => self.behind_similar_head(line),
        }
    }

    /// The same where the stamp may differ from the last one in its minute, its second and the
    /// fraction of that, and the host may be another one that logged before.
    #[inline(never)]
    fn behind_similar_head(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        let (stamp, rest) = line.split_at_checked(self.stamp_bytes)?;
        let (known, known_host) = self.head.split_at_checked(self.stamp_bytes)?;
        let (minute, second, micros) = match self.form {
            Form::Traditional => time_of_hour(stamp, known)?,
            Form::Rfc3339 { zone_at } => moment_of_hour(stamp, known, zone_at)?,
            Form::Other => return None,
        };
        let text = match rest.split_at_checked(known_host.len()) {
            Some((host, text)) if is_same(host, known_host) => text,
            _ => self.behind_known_host(rest)?,
        };
        let head_bytes = line.len() - text.len();
        self.head = line.get(..head_bytes)?;
        self.beginning.renew(line, head_bytes);
        self.moment_number += 1;
        let timestamp = &mut self.record.timestamp;
        self.minute_number += u64::from(timestamp.minute != minute);
        (timestamp.minute, timestamp.second) = (minute, second);
        timestamp.micros = micros;
        Some(text)
    }

    /// Takes a host off that logged before, and the blank behind it.
    #[inline(never)]
    fn behind_known_host(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let (host, rest) = text.split_at_checked(find_near(text, b' ')?)?;
        let known = self.hosts.get(place(host, HOST_BITS))?;
        if !is_same(known.text, host) {
            return None;
        }
        self.record.host = known.text;
        self.host_number = known.number;
        rest.get(1..)
    }

    /// Reads stamp and host and the blanks behind them.
    fn behind_new_head(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        let (timestamp, rest) = self.stamped(line)?;
        let (host, text) = origin::plain_host(rest)?;
        self.stamp_bytes = line.len() - rest.len();
        self.form = match timestamp.second {
            // A leap second is the next minute's on the clocks of many zones.
            60.. => Form::Other,
            _ => Form::of(line, self.stamp_bytes),
        };
        self.host_number = self.number_of(host);
        self.set_head(line.get(..line.len() - text.len())?);
        self.record.timestamp = timestamp;
        self.record.host = host;
        self.moment_number += 1;
        self.minute_number += 1;
        Some(text)
    }

    /// Remembers a host; returns its number.
    fn number_of(&mut self, host: &'a [u8]) -> u64 {
        let Some(known) = self.hosts.get_mut(place(host, HOST_BITS)) else {
            return 0;
        };
        if known.number == 0 || !is_same(known.text, host) {
            *known = Host {
                text: host,
                number: new_number(),
            };
        }
        known.number
    }

    /// Reads a stamp and the blank behind it.
    fn stamped(&self, line: &'a [u8]) -> Option<(Timestamp, &'a [u8])> {
        let (text, rest) = line.split_first_chunk::<16>()?;
        // Another host at the same time.
        if self.form == Form::Traditional && self.head.first_chunk() == Some(text) {
            return Some((self.record.timestamp, rest));
        }
        let (timestamp, behind) = match text {
            [b'A'..=b'Z', ..] => rfc3164::stamp(line)?,
            [b'0'..=b'9', _, _, _, b'-', ..] => rfc3339::stamp(line)?,
            _ => return None,
        };
        Some((timestamp, behind.strip_prefix(b" ")?))
    }

    fn tag(&mut self, text: &'a [u8]) -> Tag<'a> {
        let place = place(text, TAG_BITS);
        if let Some(Some(tag)) = self.tags.get(place)
            && is_same(tag.text, text)
        {
            return *tag;
        }
        let tag = Tag::parse(text);
        if let Some(slot) = self.tags.get_mut(place) {
            *slot = Some(tag);
        }
        tag
    }
}

impl Form {
    /// Tells the form of a stamp that was read, with the blank behind it, from so many bytes.
    fn of(line: &[u8], stamp_bytes: usize) -> Self {
        match line {
            [b'A'..=b'Z', ..] if stamp_bytes == 16 => Form::Traditional,
            [b'0'..=b'9', ..] => {
                let behind_seconds = line.get(19..).unwrap_or(b"");
                let (_, zone) = digits::fraction(behind_seconds);
                Form::Rfc3339 {
                    zone_at: line.len() - zone.len(),
                }
            }
            _ => Form::Other,
        }
    }
}

/// Reads the minute and the second of a traditional stamp, if all else is as it was; there are no
/// microseconds.
fn time_of_hour(stamp: &[u8], known: &[u8]) -> Option<(u8, u8, u32)> {
    let stamp = stamp.first_chunk::<16>()?;
    let known = known.first_chunk::<16>()?;
    // All but the digits on both sides of the second colon.
    const HOUR: u128 =
        u128::from_le_bytes(*b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\xff\0\0\xff");
    let others = u128::from_le_bytes(*stamp) ^ u128::from_le_bytes(*known);
    if others & HOUR != 0 {
        return None;
    }
    let [.., m1, m2, _, s1, s2, _] = *stamp;
    let (minute, second) = digits::in_hour([m1, m2], [s1, s2])?;
    Some((minute, second, 0))
}

/// Reads the minute and the second of an RFC 3339 stamp and its microseconds, if all else is as it
/// was.
#[inline(never)]
fn moment_of_hour(stamp: &[u8], known: &[u8], zone_at: usize) -> Option<(u8, u8, u32)> {
    let (moment, zone) = stamp.split_at_checked(zone_at)?;
    let (known_moment, known_zone) = known.split_at_checked(zone_at)?;
    let (hour, in_hour) = moment.split_first_chunk::<14>()?;
    let is_same_hour = known_moment.first_chunk() == Some(hour);
    if !is_same_hour || zone != known_zone {
        return None;
    }
    let (&[m1, m2, b':', s1, s2], fraction) = in_hour.split_first_chunk::<5>()? else {
        return None;
    };
    let (minute, second) = digits::in_hour([m1, m2], [s1, s2])?;
    let (micros, rest) = digits::fraction(fraction);
    rest.is_empty().then_some((minute, second, micros))
}

/// Tells whether anything but the message may be in what stands behind the tag: a frame around it,
/// an id of Solaris's, a line end. What is short is looked at as well.
#[inline(always)]
fn is_odd(message: &[u8]) -> bool {
    match message {
        [first, .., escape, _, _, end] => {
            matches!(first, b'm' | b'[') || *escape == b'#' || *end == b'\r'
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Parts of envelopes that differ little, so that lines repeat them and nearly repeat them.
    fn line() -> impl Strategy<Value = String> {
        let stamps = [
            "Nov 21 00:44:25 ",
            "Nov 21 00:44:26 ",
            "Nov 21 00:44:60 ",
            "Nov 21 00:44:61 ",
            "Nov 21 00:44:2x ",
            "Nov 21 00:45:26 ",
            "Nov  1 00:44:25 ",
            "Nov 1 00:44:25 ",
            "Nov 31 25:44:25 ",
            "Nov 21 00:44:25.123 ",
            "2026-11-21T00:44:25.730092+00:00 ",
            "2026-11-21T00:44:25.730093+00:00 ",
            "2026-11-21T00:44:26.730092+00:00 ",
            "2026-11-21T00:44:61.730092+00:00 ",
            "2026-11-21T00:44:26.73x092+00:00 ",
            "2026-11-21T00:45:26.730092+00:00 ",
            "2026-11-21T00:44:26.730092+01:00 ",
            "2026-11-21T00:44:25.73009200:00 ",
            "2026-11-21 00:44:26 ",
            "2026-11-21 00:44:27 ",
            "2026-11-21 00:44:2712 ",
            "2026-11-21T00:44:25Z ",
            "<22>Nov 21 00:44:25 ",
            "Sat 2026-11-21 00:44:25 UTC ",
            "1 2026-11-21T00:44:25Z ",
            "1793491200.1 ",
            "",
            "Nov 21 00:44:25",
        ];
        let hosts = [
            "mx1 ",
            "mx1.example.net ",
            "mx ",
            "",
            "<mail.info> ",
            "<mail.info> mx1 ",
            "mail.info ",
            "mx1: ",
            "imap(a): ",
            " ",
        ];
        let tags = [
            "postfix/smtpd[1]: ",
            "postfix/smtpd[22]: ",
            "postfix/smtpd[22]:",
            "postfix/smtpd[22] ",
            "postfix/submission/smtpd[4194304]: ",
            "postfix/smtpe[1]: ",
            "dovecot: ",
            "postfix/a[x]: ",
            "cron[1]",
            "imap-login: Info: ",
            "[1]: ",
            "postfix[",
            "last message repeated 2 times",
            "--- last message repeated 2 times ---",
            "a b: ",
        ];
        let texts = [
            "connect from x[192.0.2.1]",
            "",
            "[ID 197553 mail.info] x",
            "x\r",
            "disconnect\r",
            "disconnect from x#012",
            "message repeated 3 times: [ connect from x]",
            "abc",
        ];
        let pick = |from: &[&str]| {
            proptest::sample::select(from.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        (pick(&stamps), pick(&hosts), pick(&tags), pick(&texts))
            .prop_map(|(a, b, c, d)| [a, b, c, d].concat())
    }

    /// The minute of a stamp; a leap second is of another one.
    fn minute_of(stamp: &Timestamp) -> Timestamp {
        Timestamp {
            second: stamp.second / 60 * 60,
            micros: 0,
            ..*stamp
        }
    }

    /// Takes the next line off as the cursor over a chunk does.
    fn next<'a>(envelopes: &mut Envelopes<'a>, lines: &mut &'a [u8]) -> Option<Record<'a>> {
        if let Some(rest) = envelopes.take_repeating(lines) {
            *lines = rest;
            return Some(*envelopes.record());
        }
        let end = lines.iter().position(|byte| *byte == b'\n').unwrap();
        let line = &lines[..end];
        *lines = &lines[end + 1..];
        envelopes.parse(line).copied()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn what_is_remembered_changes_nothing(lines in proptest::collection::vec(line(), 1..30)) {
            let mut envelopes = Envelopes::default();
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let mut rest = text.as_bytes();
            let mut above = (0, None);
            let mut moment = (0, None);
            let mut authors = HashMap::new();
            for line in &lines {
                let record = Record::parse(line.as_bytes());
                prop_assert_eq!(next(&mut envelopes, &mut rest), record, "{}", line);
                let stamp = record.map(|record| minute_of(&record.timestamp));
                let number = envelopes.minute_number();
                prop_assert!(number != above.0 || stamp == above.1, "{}", line);
                above = (number, stamp);
                let stamp = record.map(|record| record.timestamp);
                let number = envelopes.moment_number();
                prop_assert!(number != moment.0 || stamp == moment.1, "{}", line);
                prop_assert!(number != 0 || stamp.is_none());
                moment = (number, stamp);
                if let (Some(author), Some(record)) = (envelopes.author(), record) {
                    let named = (record.host, record.tag, record.pid);
                    prop_assert_eq!(*authors.entry(author).or_insert(named), named);
                }
            }
            prop_assert_eq!(rest, b"");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn one_author_has_one_host_tag_and_process(
            logs in proptest::collection::vec(proptest::collection::vec(line(), 1..30), 1..3),
        ) {
            let mut known = HashMap::new();
            for lines in &logs {
                let mut envelopes = Envelopes::default();
                let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
                let mut rest = text.as_bytes();
                for line in lines {
                    let record = next(&mut envelopes, &mut rest);
                    let Some(author) = envelopes.author() else { continue };
                    let named = record.map(|Record { host, tag, pid, .. }| {
                        (host.to_vec(), tag.text.to_vec(), pid)
                    });
                    prop_assert!(named.is_some(), "{}", line);
                    let first = known.entry(author).or_insert_with(|| named.clone());
                    prop_assert_eq!(first, &named, "{}", line);
                }
            }
        }
    }

    /// A log is read fast only if its lines are taken at a glance.
    #[test]
    fn lines_that_repeat_are_taken_at_a_glance() {
        let line = |second: u8, pid: u32, text: &str| {
            format!("Nov 21 00:44:{second:02} mx1 postfix/submission/smtpd[{pid}]: {text}\n")
        };
        let iso = |moment: &str, text: &str| {
            format!("2026-11-21T00:44:{moment}+00:00 mx1 postfix/submission/smtpd[10]: {text}\n")
        };
        let lines = [
            (line(1, 10, "connect from x"), false),
            (line(1, 10, "disconnect from x"), true),
            (line(2, 10, "connect from x"), true),
            (line(2, 4_194_304, "connect from x"), false),
            (line(2, 10, "connect from x"), true),
            (line(3, 4_194_304, "connect from x"), true),
            (line(3, 10, "lost#012"), false),
            (line(3, 10, "message repeated 3 times: [ x]"), false),
            (line(3, 10, "connect from x"), true),
            (iso("25.730092", "connect from x"), false),
            (iso("25.730093", "connect from x"), true),
            (iso("26.000001", "connect from x"), true),
            (iso("61.000001", "connect from x"), false),
            (iso("27.000001", "connect from x"), false),
            (
                iso("27.500000", "connect from x").replace(":44:", ":59:"),
                true,
            ),
            (
                iso("27.500000", "connect from x").replace("T00:", "T01:"),
                false,
            ),
            (
                iso("27.500000", "connect from x").replace("T00:44", "T01:60"),
                false,
            ),
            (line(4, 10, "connect from x").replace("mx1", "mx2"), false),
            (line(4, 10, "connect from x"), true),
            (line(4, 10, "connect from x").replace("mx1", "mx2"), true),
            (line(5, 10, "connect from x"), true),
            (line(5, 10, "connect from x").replace(":44:", ":45:"), true),
            (
                line(5, 10, "connect from x").replace("00:44", "01:44"),
                false,
            ),
            (
                line(5, 10, "connect from x").replace("00:44", "01:59"),
                true,
            ),
            (
                line(5, 10, "connect from x").replace("00:44", "01:60"),
                false,
            ),
            (line(5, 10, "connect from x"), false),
            (
                line(5, 10, "connect from x").replace("00:44", "00:4x"),
                false,
            ),
            ("-- Boot --\n".into(), false),
            (line(3, 10, "connect from x"), false),
            (line(3, 10, "connect from x"), true),
        ];
        let text: String = lines.iter().map(|(line, _)| &line[..]).collect();
        let mut envelopes = Envelopes::default();
        let mut rest = text.as_bytes();
        for (line, at_a_glance) in &lines {
            let taken = envelopes.clone().take_repeating(rest);
            assert_eq!(taken.is_some(), *at_a_glance, "{line}");
            if let Some(behind) = taken {
                assert_eq!(behind, &rest[line.len()..]);
            }
            let record = next(&mut envelopes, &mut rest);
            assert_eq!(record, Record::parse(line.trim_end().as_bytes()), "{line}");
        }
    }

    #[test]
    fn words_that_share_a_place_are_told_apart() {
        let line = |at: u32| format!("Nov 21 00:44:25 mx1 postfix/smtpd[{at}]: connect from x\n");
        let text: String = (0..2_000).chain(0..2_000).map(line).collect();
        let mut envelopes = Envelopes::default();
        let mut rest = text.as_bytes();
        for at in (0..2_000).chain(0..2_000) {
            let record = next(&mut envelopes, &mut rest).unwrap();
            assert_eq!(record.pid, Some(at));
        }
    }

    /// Some of these share a place with the word that they are the beginning of.
    #[test]
    fn a_word_is_not_taken_for_one_that_begins_so() {
        let line =
            |word: &str| format!("Nov 21 00:44:25 mx1 {word} connect from unknown[192.0.2.1]");
        let lines: Vec<String> = (0..5_000)
            .flat_map(|at| {
                [
                    format!("postfix/{at}/smtpd[1]:"),
                    format!("postfix/{at}/smt"),
                ]
            })
            .map(|word| line(&word))
            .collect();
        let text = lines.join("\n") + "\n";
        let (mut envelopes, mut rest) = (Envelopes::default(), text.as_bytes());
        for line in &lines {
            let record = Record::parse(line.as_bytes());
            assert_eq!(next(&mut envelopes, &mut rest), record, "{line}");
        }
    }

    #[test]
    fn tags_that_share_a_place_are_told_apart() {
        let tags: Vec<String> = (0..500).map(|at| format!("postfix/{at}/smtpd")).collect();
        let mut envelopes = Envelopes::default();
        for tag in tags.iter().chain(&tags) {
            assert_eq!(envelopes.tag(tag.as_bytes()), Tag::parse(tag.as_bytes()));
        }
    }
}
