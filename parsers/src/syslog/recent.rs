//! Lines one after another: most repeat the stamp and the host of the line above, and a recent tag.
//!
//! What is remembered here saves reading it again; what a line's envelope *is* stays with the
//! formats beside this file, and every line gives the record that [`Record::parse`] gives.

use super::words::Words;
use super::{digits, origin, rfc3164, rfc3339};
use crate::near::{find_far, find_near, is_same, is_same_stretch, place};
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
    form: Form,
    /// How many bytes of the head the stamp has, with its blank.
    stamp_bytes: usize,
    minute_number: u64,
    /// The last record; as long as there is a head, its stamp and host are those of the head.
    record: Record<'a>,
    hosts: [&'a [u8]; HOSTS],
    words: Words<'a>,
    tags: [Option<Tag<'a>>; TAGS],
}

/// What of a head differs from line to line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// There is none, or we do not know.
    Other,
    /// A traditional stamp of 15 bytes: its seconds.
    Traditional,
    /// A stamp of RFC 3339: its seconds and their fraction, up to the zone that begins here.
    Rfc3339 { zone_at: usize },
}

impl Default for Envelopes<'_> {
    #[inline]
    fn default() -> Self {
        Envelopes {
            head: b"",
            form: Form::Other,
            stamp_bytes: 0,
            minute_number: 0,
            record: Record::EMPTY,
            hosts: [b""; HOSTS],
            words: Words::default(),
            tags: [None; TAGS],
        }
    }
}

impl<'a> Envelopes<'a> {
    /// Takes the first of many lines off, if all of its envelope but the seconds was there before.
    ///
    /// Returns the line without its line end, and the lines behind it; its record is then in
    /// [`Envelopes::record`]. `None` for lines that have to be looked at more closely.
    #[inline]
    pub fn take_repeating(&mut self, lines: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let text = self.behind_head(lines)?;
        let (word, text) = self.words.split(text)?;
        // What stands before is known, and holds no line end.
        let end = find_far(text, b'\n')?;
        let (message, rest) = (text.get(..end)?, text.get(end + 1..)?);
        if is_odd(message) {
            return None;
        }
        self.record.tag = word.tag;
        self.record.pid = word.pid;
        self.record.message = message;
        self.record.repeated = 1;
        let line = lines.get(..lines.len() - rest.len() - 1)?;
        Some((line, rest))
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

    /// Returns a number that is the same for lines that follow each other and whose stamps differ in
    /// their seconds below 60 and the fraction of these alone: what follows from the rest need not be
    /// worked out again.
    #[inline]
    pub fn minute_number(&self) -> u64 {
        self.minute_number
    }

    fn forget(&mut self) {
        (self.head, self.form) = (b"", Form::Other);
        self.minute_number += 1;
    }

    /// Parses a line of the commonest form: a stamp, a host, a tag.
    fn plain(&mut self, line: &'a [u8]) -> Option<()> {
        let text = match self.behind_head(line) {
            Some(text) => text,
            None => self.behind_new_head(line)?,
        };
        let logged = origin::tagged(text)?;
        let tag = self.tag(logged.tag);
        self.words.keep(text, tag, &logged);
        let Record {
            timestamp, host, ..
        } = self.record;
        self.record = Record::new(timestamp, host, tag, logged.pid, logged.message);
        Some(())
    }

    /// Returns what stands behind stamp and host, if there is nothing in these but a new second that
    /// was not there before.
    #[inline]
    fn behind_head(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        match line.split_at_checked(self.head.len()) {
            Some((head, text)) if !head.is_empty() && is_same_stretch(head, self.head) => {
                Some(text)
            }
            _ => self.behind_similar_head(line),
        }
    }

    /// The same where the stamp differs from the last one in its seconds and their fraction, or the
    /// host is another one that logged before.
    #[inline(never)]
    fn behind_similar_head(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        let (stamp, rest) = line.split_at_checked(self.stamp_bytes)?;
        let (known, known_host) = self.head.split_at_checked(self.stamp_bytes)?;
        let (second, micros) = match self.form {
            Form::Traditional => (second_of_minute(stamp, known)?, 0),
            Form::Rfc3339 { zone_at } => moment_of_minute(stamp, known, zone_at)?,
            Form::Other => return None,
        };
        let text = match rest.split_at_checked(known_host.len()) {
            Some((host, text)) if is_same(host, known_host) => text,
            _ => self.behind_known_host(rest)?,
        };
        self.head = line.get(..line.len() - text.len())?;
        self.record.timestamp.second = second;
        self.record.timestamp.micros = micros;
        Some(text)
    }

    /// Takes a host off that logged before, and the blank behind it.
    fn behind_known_host(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let (host, rest) = text.split_at_checked(find_near(text, b' ')?)?;
        let known = *self.hosts.get(place(host, HOST_BITS))?;
        if !is_same(known, host) {
            return None;
        }
        self.record.host = known;
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
        if let Some(known) = self.hosts.get_mut(place(host, HOST_BITS)) {
            *known = host;
        }
        self.head = line.get(..line.len() - text.len())?;
        self.record.timestamp = timestamp;
        self.record.host = host;
        self.minute_number += 1;
        Some(text)
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

/// Reads the seconds of a traditional stamp, if all else is as it was.
fn second_of_minute(stamp: &[u8], known: &[u8]) -> Option<u8> {
    let stamp = stamp.first_chunk::<16>()?;
    let known = known.first_chunk::<16>()?;
    // All but the two digits before the blank.
    const MINUTE: u128 =
        u128::from_le_bytes(*b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\xff");
    let others = u128::from_le_bytes(*stamp) ^ u128::from_le_bytes(*known);
    (others & MINUTE == 0).then(|| digits::second(stamp))?
}

/// Reads the seconds of an RFC 3339 stamp and their microseconds, if all else is as it was.
fn moment_of_minute(stamp: &[u8], known: &[u8], zone_at: usize) -> Option<(u8, u32)> {
    let (moment, zone) = stamp.split_at_checked(zone_at)?;
    let (known_moment, known_zone) = known.split_at_checked(zone_at)?;
    let (minute, seconds) = moment.split_first_chunk::<17>()?;
    let is_same_minute = known_moment.first_chunk() == Some(minute);
    if !is_same_minute || zone != known_zone {
        return None;
    }
    let (&[tens, ones], fraction) = seconds.split_first_chunk::<2>()?;
    let second = digits::two(tens, ones).filter(|second| *second < 60)?;
    let (micros, rest) = digits::fraction(fraction);
    rest.is_empty().then_some((second, micros))
}

/// Tells whether anything but the message may be in what stands behind the tag: a frame around it,
/// an id of Solaris's, a line end. What is short is looked at as well.
#[inline]
fn is_odd(message: &[u8]) -> bool {
    let begins_oddly = matches!(message.first(), Some(b'm' | b'['));
    let ends_oddly = !matches!(message.last_chunk(), Some([escape, _, _, end]) if *escape != b'#' && *end != b'\r');
    begins_oddly || ends_oddly
}

#[cfg(test)]
mod tests {
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
        if let Some((_, rest)) = envelopes.take_repeating(lines) {
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
            for line in &lines {
                let record = Record::parse(line.as_bytes());
                prop_assert_eq!(next(&mut envelopes, &mut rest), record, "{}", line);
                let stamp = record.map(|record| minute_of(&record.timestamp));
                let number = envelopes.minute_number();
                prop_assert!(number != above.0 || stamp == above.1, "{}", line);
                above = (number, stamp);
            }
            prop_assert_eq!(rest, b"");
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
            (line(4, 10, "connect from x").replace("mx1", "mx2"), false),
            (line(4, 10, "connect from x"), true),
            (line(4, 10, "connect from x").replace("mx1", "mx2"), true),
            (line(5, 10, "connect from x"), true),
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
            if let Some((taken, _)) = taken {
                assert_eq!(taken, line.trim_end().as_bytes());
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

    #[test]
    fn tags_that_share_a_place_are_told_apart() {
        let tags: Vec<String> = (0..500).map(|at| format!("postfix/{at}/smtpd")).collect();
        let mut envelopes = Envelopes::default();
        for tag in tags.iter().chain(&tags) {
            assert_eq!(envelopes.tag(tag.as_bytes()), Tag::parse(tag.as_bytes()));
        }
    }
}
