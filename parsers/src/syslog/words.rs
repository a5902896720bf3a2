//! Tags with their process ids, as they stand in one word: a process logs many lines.
//!
//! What such a word says is told by `origin`, and it depends on nothing behind it: where one comes
//! again it is **not** read again.

use super::origin::Logged;
use crate::near::{find_near, is_same, place_of_end};
use crate::{Program, Tag};

/// How many are remembered: more than processes that log at one time.
const WORDS: usize = 1 << WORD_BITS;
const WORD_BITS: u32 = 9;

/// `postfix/smtpd[1234]:`
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    text: &'a [u8],
    pub(super) tag: Tag<'a>,
    pub(super) pid: Option<u32>,
}

/// The words that were met last.
#[derive(Clone, Debug)]
pub(super) struct Words<'a>([Option<Word<'a>>; WORDS]);

impl Default for Words<'_> {
    #[inline]
    fn default() -> Self {
        Words([None; WORDS])
    }
}

impl<'a> Words<'a> {
    /// Takes a word off that is remembered, and the blank behind it.
    #[inline]
    pub(super) fn split(&self, text: &'a [u8]) -> Option<(&Word<'a>, &'a [u8])> {
        let end = find_near(text, b' ')?;
        let (word, rest) = (text.get(..end)?, text.get(end + 1..)?);
        let known = self.0.get(place_of_end(word, WORD_BITS)?)?.as_ref()?;
        is_same(known.text, word).then_some((known, rest))
    }

    /// Remembers what was read of the first word of a text, if the message begins behind it and the
    /// program is one of ours.
    pub(super) fn keep(&mut self, text: &'a [u8], tag: Tag<'a>, logged: &Logged<'a>) {
        if matches!(tag.program, Program::Foreign | Program::Logger) {
            return;
        }
        let before = text.len().saturating_sub(logged.message.len());
        let Some([word @ .., b' ']) = text.get(..before) else {
            return;
        };
        // With a blank in it, before which Solaris's id stands, it is never found.
        if let Some(place) = place_of_end(word, WORD_BITS)
            && let Some(known) = self.0.get_mut(place)
        {
            *known = Some(Word {
                text: word,
                tag,
                pid: logged.pid,
            });
        }
    }
}
