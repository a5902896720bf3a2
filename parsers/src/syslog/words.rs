//! Tags with their process ids, as they stand in one word: a process logs many lines.
//!
//! What such a word says is told by `origin`, and it depends on nothing behind it: where one comes
//! again it is **not** read again.

use std::sync::atomic::{AtomicU64, Ordering};

use super::origin::Logged;
use crate::near::{STRETCH, Stretch, find_near, is_same, place_of_end};
use crate::{Program, Record, Tag};

/// How many are remembered: more than processes that log at one time, so that few share a place.
const WORDS: usize = 1 << WORD_BITS;
const WORD_BITS: u32 = 10;

/// `postfix/smtpd[1234]:`
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    /// The word with the blank behind it; zeros where there is none that is short enough.
    begins: Stretch,
    text: &'a [u8],
    tag: Tag<'a>,
    pid: Option<u32>,
    /// No other word has it; 0 where there is no word.
    pub(super) number: u64,
}

impl<'a> Word<'a> {
    /// Writes what a line says that has the word, and a message behind it that is nothing else.
    #[inline(always)]
    pub(super) fn write_to(&self, record: &mut Record<'a>, message: &'a [u8]) {
        record.tag = self.tag;
        record.pid = self.pid;
        record.message = message;
        record.repeated = 1;
    }
}

/// The words that were met last.
#[derive(Clone, Debug)]
pub(super) struct Words<'a>([Word<'a>; WORDS]);

impl Default for Words<'_> {
    #[inline]
    fn default() -> Self {
        let none = Word {
            begins: Stretch::of_text(b""),
            text: b"",
            tag: Tag::EMPTY,
            pid: None,
            number: 0,
        };
        Words([none; WORDS])
    }
}

impl<'a> Words<'a> {
    /// Takes a word off that is remembered, and the blank behind it.
    #[inline(always)]
    pub(super) fn split(&self, text: &'a [u8]) -> Option<(&Word<'a>, &'a [u8])> {
        let window = text.first_chunk::<STRETCH>()?;
        let here = Stretch::of(window);
        let blanks = here.places_of(b' ');
        if blanks == 0 {
            return self.split_long(text);
        }
        let end = blanks.trailing_zeros() as usize;
        let known = self.0.get(place_of_end(window.get(..end)?, WORD_BITS)?)?;
        // All places up to the first blank.
        let word = blanks ^ blanks.wrapping_sub(1);
        let is_known = !here.same(known.begins) & word == 0;
        is_known.then_some((known, text.get(end + 1..)?))
    }

    /// The same where the word is too long to be compared at once.
    #[inline(never)]
    fn split_long(&self, text: &'a [u8]) -> Option<(&Word<'a>, &'a [u8])> {
        let end = find_near(text, b' ')?;
        let (word, rest) = (text.get(..end)?, text.get(end + 1..)?);
        let known = self.0.get(place_of_end(word, WORD_BITS)?)?;
        is_same(known.text, word).then_some((known, rest))
    }

    /// Remembers what was read of the first word of a text, if the message begins behind it and the
    /// program is one of ours; returns its number, or 0.
    pub(super) fn keep(&mut self, text: &'a [u8], tag: Tag<'a>, logged: &Logged<'a>) -> u64 {
        self.kept(text, tag, logged).unwrap_or(0)
    }

    fn kept(&mut self, text: &'a [u8], tag: Tag<'a>, logged: &Logged<'a>) -> Option<u64> {
        if matches!(tag.program, Program::Foreign | Program::Logger) {
            return None;
        }
        let before = text.len().saturating_sub(logged.message.len());
        let [word @ .., b' '] = text.get(..before)? else {
            return None;
        };
        // With a blank in it, before which Solaris's id stands, it is never found.
        let known = self.0.get_mut(place_of_end(word, WORD_BITS)?)?;
        if is_same(known.text, word) {
            return Some(known.number);
        }
        let is_short = before <= STRETCH;
        *known = Word {
            begins: Stretch::of_text(if is_short { text.get(..before)? } else { b"" }),
            text: word,
            tag,
            pid: logged.pid,
            number: new_number(),
        };
        Some(known.number)
    }
}

/// Returns a number that no other text has, of no log that is read.
pub(super) fn new_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
