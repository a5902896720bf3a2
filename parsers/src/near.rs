//! Finds bytes and short marks that stand near, sixteen bytes at a time.
//!
//! The words of a log line are short: what `memchr` sets up for a search, for it is made for long
//! texts, costs more than looking at the word. What is compared at once here every x86-64 and ARM64
//! machine can compare. Long texts are **not** looked through faster.
//!
//! To the next editor: each function has a plain twin in the tests, and must agree with it on any
//! text, at any place, up to lengths where all ways of reading a tail are taken.

use wide::u8x16;

/// How many bytes are compared at once.
const WIDTH: usize = 16;

/// Bytes that are compared at once.
#[derive(Clone, Copy, Debug)]
struct Block(u8x16);

impl Block {
    #[inline(always)]
    fn of(bytes: &[u8; WIDTH]) -> Self {
        Block(u8x16::new(*bytes))
    }

    #[inline(always)]
    fn of_halves(low: [u8; 8], high: [u8; 8]) -> Self {
        let [low, high] = [low, high].map(|half| u128::from(u64::from_le_bytes(half)));
        let both = (low | high << 64).to_le_bytes();
        Block::of(&both)
    }

    /// One byte in all places.
    #[inline(always)]
    fn all(byte: u8) -> Self {
        Block(u8x16::splat(byte))
    }

    /// Returns a bit for each place where both are the same, the first place's lowest.
    #[inline(always)]
    fn same(self, other: Self) -> u32 {
        bits(self.0.cmp_eq(other.0))
    }
}

/// How many bytes a [`Stretch`] has.
pub(crate) const STRETCH: usize = 2 * WIDTH;

/// Thirty-two bytes that are compared at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    low: Block,
    high: Block,
}

impl Stretch {
    #[inline(always)]
    pub(crate) fn of(bytes: &[u8; STRETCH]) -> Self {
        let (low, high) = bytes.split_at(WIDTH);
        let block = |half: &[u8]| half.first_chunk().map_or(Block::all(0), Block::of);
        Stretch {
            low: block(low),
            high: block(high),
        }
    }

    /// The beginning of a text, and zeros where that is shorter.
    pub(crate) fn of_text(text: &[u8]) -> Self {
        let mut bytes = [0; STRETCH];
        for (to, from) in bytes.iter_mut().zip(text) {
            *to = *from;
        }
        Stretch::of(&bytes)
    }

    /// Returns a bit for each place that has a byte, the first place's lowest.
    #[inline(always)]
    pub(crate) fn places_of(self, byte: u8) -> u32 {
        let all = Block::all(byte);
        self.same(Stretch {
            low: all,
            high: all,
        })
    }

    /// Returns a bit for each place where both are the same.
    #[inline(always)]
    pub(crate) fn same(self, other: Self) -> u32 {
        self.low.same(other.low) | self.high.same(other.high) << WIDTH
    }
}

/// What a text is looked at for the beginning that it may have in common with others.
const WINDOW: usize = 4 * WIDTH;
/// A beginning has less than three blocks.
const LONGEST: usize = 3 * WIDTH - 1;

/// A beginning that many texts have in common, compared with theirs at once: its first sixteen
/// letters, its last, and those behind the first. These may overlap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    blocks: [Block; 3],
    /// Where the second and the third block begin.
    second_at: usize,
    third_at: usize,
    length: usize,
}

impl Beginning {
    /// One that no text has: two letters in one place.
    pub(crate) fn none() -> Self {
        Beginning {
            blocks: [Block::all(b'a'), Block::all(b'b'), Block::all(b'b')],
            second_at: 0,
            third_at: 0,
            // No text is taken in its place for being as long.
            length: usize::MAX,
        }
    }

    /// One of sixteen to forty-seven letters; a text of another length is never found again.
    pub(crate) fn of(text: &[u8]) -> Self {
        let third_at = text.len().saturating_sub(WIDTH);
        let second_at = third_at.min(WIDTH);
        let block = |at: usize| text.get(at..)?.first_chunk().map(Block::of);
        match (block(0), block(second_at), block(third_at)) {
            (Some(first), Some(second), Some(third)) if text.len() <= LONGEST => Beginning {
                blocks: [first, second, third],
                second_at,
                third_at,
                length: text.len(),
            },
            _ => Beginning::none(),
        }
    }

    /// Takes the beginning of another text in its place, of so many letters.
    #[inline(always)]
    pub(crate) fn renew(&mut self, text: &[u8], length: usize) {
        match text.first_chunk() {
            Some(window) if length == self.length => {
                self.blocks = self.blocks_of(window).unwrap_or(self.blocks);
            }
            _ => self.begin_anew(text.get(..length).unwrap_or_default()),
        }
    }

    #[inline(never)]
    fn begin_anew(&mut self, text: &[u8]) {
        *self = Beginning::of(text);
    }

    /// Returns what stands behind it in a long text that begins so; `None` also of a text that is
    /// not long.
    #[inline(always)]
    pub(crate) fn split<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let [first, second, third] = self.blocks_of(text.first_chunk()?)?;
        let same = self.blocks[0].0.cmp_eq(first.0)
            & self.blocks[1].0.cmp_eq(second.0)
            & self.blocks[2].0.cmp_eq(third.0);
        (bits(same) == 0xffff).then(|| text.get(self.length & 63..))?
    }

    /// What another text has where the blocks are.
    #[inline(always)]
    fn blocks_of(&self, window: &[u8; WINDOW]) -> Option<[Block; 3]> {
        // No place is beyond what the bits hold: they spare asking whether it is in the window.
        let block = |at: usize| window.get(at & 31..)?.first_chunk().map(Block::of);
        Some([block(0)?, block(self.second_at)?, block(self.third_at)?])
    }
}

/// Tells whether two texts are the same. Most are short, and calling for help takes longer than
/// looking at both ends of them, which meet or overlap.
#[inline]
pub fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // Names and addresses are asked for first: most have eight letters or more.
    match a.len() {
        0..=7 => is_same_of_few(a, b),
        8..=16 => same_ends::<8>(a, b),
        17..=32 => same_ends::<16>(a, b),
        33..=64 => same_ends::<32>(a, b),
        _ => a == b,
    }
}

/// The same of two texts of the same length, less than eight letters.
#[inline]
fn is_same_of_few(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        4..=7 => same_ends::<4>(a, b),
        2..=3 => same_ends::<2>(a, b),
        _ => a.first() == b.first(),
    }
}

/// Returns a number for finding a text again in a table of `1 << bits` places: told by its length,
/// its first and its last letters, which differ between most texts of one log.
#[inline]
pub fn place(text: &[u8], bits: u32) -> usize {
    let both = match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first).rotate_left(29) ^ u64::from_le_bytes(*last)
        }
        _ => few(text),
    };
    mixed(both ^ text.len() as u64, bits)
}

/// The same told by the last eight letters alone, which hold the process id behind a tag; `None` for
/// a shorter text.
#[inline]
pub fn place_of_end(text: &[u8], bits: u32) -> Option<usize> {
    Some(mixed(u64::from_le_bytes(*text.last_chunk()?), bits))
}

#[inline]
fn mixed(number: u64, bits: u32) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    usize::try_from(number.wrapping_mul(MIX) >> (u64::BITS - bits)).unwrap_or(0)
}

/// The same of less than eight letters.
#[inline]
fn few(text: &[u8]) -> u64 {
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => text.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

/// Tells whether both ends of two texts of `N` letters or more are the same.
#[inline(always)]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    let (Some(a_first), Some(a_last)) = (a.first_chunk::<N>(), a.last_chunk::<N>()) else {
        return false;
    };
    let (Some(b_first), Some(b_last)) = (b.first_chunk::<N>(), b.last_chunk::<N>()) else {
        return false;
    };
    a_first == b_first && a_last == b_last
}

/// Marks the places of bytes that are one of `count` from a first one on.
#[inline(always)]
fn within(block: u8x16, from: u8, count: u8) -> u8x16 {
    let above = block - u8x16::splat(from);
    above.cmp_eq(above.min(u8x16::splat(count - 1)))
}

/// Returns a bit for each place that is marked, the first place's lowest.
#[inline(always)]
fn bits(marks: u8x16) -> u32 {
    marks.move_mask().cast_unsigned()
}

/// Counts the digits of a hexadecimal number, `A` to `F`, that a text begins with, up to sixteen;
/// `None` where less than sixteen bytes of text are there.
#[inline]
pub(crate) fn hex_digits(text: &[u8]) -> Option<usize> {
    let block = u8x16::new(*text.first_chunk()?);
    let digits = within(block, b'0', 10) | within(block, b'A', 6);
    Some(lowest(!bits(digits)))
}

/// Counts the digits of a number to the base 52 that a text begins with, up to sixteen: digits and
/// letters without vowels. `None` where less than sixteen bytes of text are there.
#[inline]
pub(crate) fn base52_digits(text: &[u8]) -> Option<usize> {
    let block = u8x16::new(*text.first_chunk()?);
    let small = block | u8x16::splat(0x20);
    let vowel = |letter: u8| small.cmp_eq(u8x16::splat(letter));
    let vowels = (vowel(b'a') | vowel(b'e')) | (vowel(b'i') | vowel(b'o')) | vowel(b'u');
    let others = within(block, b'0', 10) | within(small, b'a', 26);
    Some(lowest(!(bits(others) & !bits(vowels))))
}

/// Counts the letters, digits, `-`, `.` and `_` that a text begins with, up to sixteen; `None` where
/// less than sixteen bytes of text are there.
#[inline]
pub(crate) fn name_bytes(text: &[u8]) -> Option<usize> {
    let block = u8x16::new(*text.first_chunk()?);
    let letters = within(block | u8x16::splat(0x20), b'a', 26);
    // `/` is between them: the dot, the slash and the digits are one stretch.
    let others = within(block, b'-', 13) | block.cmp_eq(u8x16::splat(b'_'));
    let slashes = block.cmp_eq(u8x16::splat(b'/'));
    Some(lowest(!(bits(letters | others) & !bits(slashes))))
}

/// The place of the lowest bit.
#[inline(always)]
fn lowest(bits: u32) -> usize {
    bits.trailing_zeros() as usize
}

/// The place of the highest bit of a block's.
#[inline(always)]
fn highest(bits: u32) -> usize {
    (u32::BITS - 1).saturating_sub(bits.leading_zeros()) as usize
}

/// Finds a byte.
#[inline]
pub(crate) fn find_near(input: &[u8], byte: u8) -> Option<usize> {
    let wanted = Block::all(byte);
    hit_from(input, 0, |block| block.same(wanted))
}

/// Finds a byte from a place of a text on, which begins before that place: less than a block behind it
/// is looked at together with what stands before.
#[inline(always)]
pub(crate) fn find_from<const BYTE: u8>(text: &[u8], from: usize) -> Option<usize> {
    hit_from(text, from, |block| block.same(Block::all(BYTE)))
}

/// Finds the first of three bytes from a place of a text on; see [`find_from`].
#[inline(always)]
pub(crate) fn find_any_from<const A: u8, const B: u8, const C: u8>(
    text: &[u8],
    from: usize,
) -> Option<usize> {
    hit_from(text, from, |block| {
        block.same(Block::all(A)) | block.same(Block::all(B)) | block.same(Block::all(C))
    })
}

/// Finds the first of four bytes from a place of a text on; see [`find_from`].
#[inline(always)]
pub(crate) fn find_of_four_from<const A: u8, const B: u8, const C: u8, const D: u8>(
    text: &[u8],
    from: usize,
) -> Option<usize> {
    hit_from(text, from, |block| {
        let (a, b) = (block.same(Block::all(A)), block.same(Block::all(B)));
        a | b | block.same(Block::all(C)) | block.same(Block::all(D))
    })
}

/// Finds the first of two small letters or their capitals from a place of a text on; see
/// [`find_from`].
#[inline(always)]
pub(crate) fn find_letter_from<const A: u8, const B: u8>(
    text: &[u8],
    from: usize,
) -> Option<usize> {
    hit_from(text, from, |block| {
        let small = Block(block.0 | u8x16::splat(0x20));
        small.same(Block::all(A)) | small.same(Block::all(B))
    })
}

/// Finds the first byte that is neither a letter nor a digit from a place of a text on; see
/// [`find_from`].
#[inline(always)]
pub(crate) fn find_no_alphanumeric_from(text: &[u8], from: usize) -> Option<usize> {
    hit_from(text, from, |block| {
        let letters = within(block.0 | u8x16::splat(0x20), b'a', 26);
        bits(!(letters | within(block.0, b'0', 10)))
    })
}

/// Tells whether a text has a digit.
#[inline]
pub(crate) fn has_digit(text: &[u8]) -> bool {
    hit_from(text, 0, |block| bits(within(block.0, b'0', 10))).is_some()
}

/// Finds the first of two bytes from a place of a text on; see [`find_from`].
#[inline(always)]
pub(crate) fn find_either_from<const A: u8, const B: u8>(
    text: &[u8],
    from: usize,
) -> Option<usize> {
    hit_from(text, from, |block| {
        block.same(Block::all(A)) | block.same(Block::all(B))
    })
}

/// Finds the first byte from a place on that `hits` has a bit for: mostly in the first two blocks,
/// which are looked at where it is asked for.
#[inline(always)]
fn hit_from(text: &[u8], from: usize, hits: impl Fn(Block) -> u32) -> Option<usize> {
    let rest = text.get(from..)?;
    let Some((block, behind)) = rest.split_first_chunk() else {
        return hit_at_end(text, from, rest.len(), hits);
    };
    let bits = hits(Block::of(block));
    if bits != 0 {
        return Some(from + lowest(bits));
    }
    let Some(block) = behind.first_chunk() else {
        return hit_at_end(text, from + WIDTH, behind.len(), hits);
    };
    let bits = hits(Block::of(block));
    if bits != 0 {
        return Some(from + WIDTH + lowest(bits));
    }
    hit_further(text, from + 2 * WIDTH, hits)
}

/// The same where the first two blocks have none.
#[inline(never)]
fn hit_further(text: &[u8], mut from: usize, hits: impl Fn(Block) -> u32) -> Option<usize> {
    loop {
        let rest = text.get(from..)?;
        let Some(block) = rest.first_chunk() else {
            return hit_at_end(text, from, rest.len(), hits);
        };
        let bits = hits(Block::of(block));
        if bits != 0 {
            return Some(from + lowest(bits));
        }
        from += WIDTH;
    }
}

/// The same where less than a block is left: the last whole one, without what stands before.
#[inline(always)]
fn hit_at_end(text: &[u8], from: usize, left: usize, hits: impl Fn(Block) -> u32) -> Option<usize> {
    let Some(block) = text.last_chunk() else {
        return hit_of_few(text, from, hits);
    };
    let bits = hits(Block::of(block)) >> WIDTH.saturating_sub(left);
    (bits != 0).then(|| from + lowest(bits))
}

/// The same where the whole text is less than a block: both halves, which overlap, or one by one.
#[inline(never)]
fn hit_of_few(text: &[u8], from: usize, hits: impl Fn(Block) -> u32) -> Option<usize> {
    let rest = text.get(from..)?;
    if let (Some(low), Some(high)) = (rest.first_chunk(), rest.last_chunk()) {
        let bits = hits(Block::of_halves(*low, *high));
        let place = lowest(bits);
        return match bits {
            0 => None,
            _ if place < 8 => Some(from + place),
            _ => Some(text.len() + place - WIDTH),
        };
    }
    let is_hit = |byte: &u8| hits(Block::all(*byte)) != 0;
    rest.iter().position(is_hit).map(|place| from + place)
}

/// Returns a bit for each place of the one and of the other byte in a text of eight to 32 bytes, the
/// first place's lowest; `None` for any other text.
#[inline(always)]
pub(crate) fn places_of_both(text: &[u8], a: u8, b: u8) -> Option<(u32, u32)> {
    let (a, b) = (Block::all(a), Block::all(b));
    if let (Some(low), Some(high)) = (text.first_chunk(), text.last_chunk()) {
        // Places that both blocks have count once.
        let twice = 2 * WIDTH - text.len().min(2 * WIDTH);
        let (low, high) = (Block::of(low), Block::of(high));
        let places = |byte| low.same(byte) | high.same(byte) >> twice << WIDTH;
        return (text.len() <= 2 * WIDTH).then(|| (places(a), places(b)));
    }
    let (low, high) = (text.first_chunk()?, text.last_chunk()?);
    let block = Block::of_halves(*low, *high);
    let twice = WIDTH.saturating_sub(text.len());
    let places = |byte| {
        let hits = block.same(byte);
        hits & 0xff | hits >> 8 >> twice << 8
    };
    Some((places(a), places(b)))
}

/// How many bytes are looked at in one go where a byte is far away.
const FAR: usize = 4 * STRETCH;

/// Finds a byte that is some hundred bytes away: the end of a line.
pub fn find_far(input: &[u8], byte: u8) -> Option<usize> {
    find_far_here(input, byte)
}

/// The same where it is asked for.
#[inline(always)]
pub(crate) fn find_far_here(input: &[u8], byte: u8) -> Option<usize> {
    let (mut at, mut rest) = (0, input);
    while let Some((here, behind)) = rest.split_first_chunk::<FAR>() {
        let (stretches, _) = here.as_chunks::<STRETCH>();
        for (number, stretch) in stretches.iter().enumerate() {
            // Putting both together costs no more than asking whether one of them has it.
            let bits = Stretch::of(stretch).places_of(byte);
            if bits != 0 {
                return Some(at + number * STRETCH + lowest(bits));
            }
        }
        at += FAR;
        rest = behind;
    }
    find_at_end(rest, byte).map(|place| at + place)
}

/// The same in what is left at the end of a text.
#[inline(never)]
fn find_at_end(input: &[u8], byte: u8) -> Option<usize> {
    find_near(input, byte)
}

/// Finds the first of two bytes.
#[inline]
pub(crate) fn find_either(input: &[u8], a: u8, b: u8) -> Option<usize> {
    let (a, b) = (Block::all(a), Block::all(b));
    hit_from(input, 0, |block| block.same(a) | block.same(b))
}

/// Finds the last place of a byte.
#[inline]
pub(crate) fn rfind_near(input: &[u8], byte: u8) -> Option<usize> {
    let wanted = Block::all(byte);
    let mut rest = input;
    while let Some((before, block)) = rest.split_last_chunk::<WIDTH>() {
        let bits = Block::of(block).same(wanted);
        if bits != 0 {
            return Some(before.len() + highest(bits));
        }
        rest = before;
    }
    rest.iter().rposition(|&other| other == byte)
}

/// Where two bytes that follow each other may stand in a text, sixteen places at a time.
#[derive(Clone, Copy)]
struct Pair {
    first: Block,
    second: Block,
}

/// So many bytes hold sixteen places of two bytes.
const PLACES: usize = WIDTH + 1;

impl Pair {
    #[inline(always)]
    fn hits(self, text: &[u8; PLACES]) -> u32 {
        match (text.first_chunk(), text.last_chunk()) {
            (Some(here), Some(behind)) => {
                Block::of(here).same(self.first) & Block::of(behind).same(self.second)
            }
            _ => 0,
        }
    }
}

/// Finds a short mark, and returns where it begins.
pub fn find(input: &[u8], mark: &[u8]) -> Option<usize> {
    find_here(input, mark)
}

/// The same where it is asked for: a mark that is known there is compared without loading it.
#[inline(always)]
pub(crate) fn find_here(input: &[u8], mark: &[u8]) -> Option<usize> {
    let &[a, b, ref more @ ..] = mark else {
        return find_near(input, *mark.first()?);
    };
    let pair = Pair {
        first: Block::all(a),
        second: Block::all(b),
    };
    let (mut at, mut rest) = (0, input);
    while let Some(text) = rest.first_chunk() {
        let hits = pair.hits(text);
        if hits != 0
            && let Some(found) = first_of(input, at, hits, more)
        {
            return Some(found);
        }
        at += WIDTH;
        rest = rest.get(WIDTH..)?;
    }
    // Places that were looked at already are no marks.
    if let Some(text) = input.last_chunk() {
        let hits = pair.hits(text);
        return first_of(input, input.len() - PLACES, hits, more);
    }
    let mut from = 0;
    loop {
        let found = from + find_near(input.get(from..)?, a)?;
        if input.get(found..)?.starts_with(mark) {
            return Some(found);
        }
        from = found + 1;
    }
}

/// Returns the first of the places where two bytes stand and `more` behind them.
#[inline(always)]
fn first_of(input: &[u8], at: usize, mut hits: u32, more: &[u8]) -> Option<usize> {
    while hits != 0 {
        let found = at + lowest(hits);
        if has(input, found + 2, more) {
            return Some(found);
        }
        hits &= hits - 1;
    }
    None
}

/// Tells whether a text stands at a place of another.
#[inline(always)]
fn has(input: &[u8], at: usize, text: &[u8]) -> bool {
    let rest = input.get(at..).unwrap_or_default();
    rest.get(..text.len())
        .is_some_and(|here| is_same(here, text))
}

/// Finds the last place of a short mark.
pub(crate) fn rfind(input: &[u8], mark: &[u8]) -> Option<usize> {
    rfind_here(input, mark)
}

/// The same where it is asked for; see [`find_here`].
#[inline(always)]
pub(crate) fn rfind_here(input: &[u8], mark: &[u8]) -> Option<usize> {
    let &[a, b, ref more @ ..] = mark else {
        return rfind_near(input, *mark.first()?);
    };
    let pair = Pair {
        first: Block::all(a),
        second: Block::all(b),
    };
    let mut rest = input;
    while let Some(text) = rest.last_chunk() {
        let at = rest.len() - PLACES;
        let hits = pair.hits(text);
        if hits != 0
            && let Some(found) = last_of(input, at, hits, more)
        {
            return Some(found);
        }
        // The first byte of this text may be the second one of a mark.
        rest = rest.get(..=at)?;
    }
    if let Some(text) = input.first_chunk() {
        return last_of(input, 0, pair.hits(text), more);
    }
    let mut end = input.len();
    loop {
        let found = rfind_near(input.get(..end)?, a)?;
        if input.get(found..)?.starts_with(mark) {
            return Some(found);
        }
        end = found;
    }
}

/// Returns the last of the places where two bytes stand and `more` behind them.
#[inline(always)]
fn last_of(input: &[u8], at: usize, mut hits: u32, more: &[u8]) -> Option<usize> {
    while hits != 0 {
        let place = highest(hits);
        let found = at + place;
        if has(input, found + 2, more) {
            return Some(found);
        }
        hits ^= 1 << place;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scan::{find_iter, rfind_iter};

    /// Each function beside its twin, on one text.
    fn agrees(text: &[u8], a: u8, b: u8, mark: &[u8]) {
        let starts = |at: &usize| !mark.is_empty() && text[*at..].starts_with(mark);
        let place = |byte| text.iter().position(|&other| other == byte);
        let either = text.iter().position(|&byte| byte == a || byte == b);
        assert_eq!(find_near(text, a), place(a), "{text:?} {a}");
        assert_eq!(find_far(text, a), place(a), "{text:?} {a}");
        assert_eq!(
            rfind_near(text, a),
            text.iter().rposition(|&byte| byte == a)
        );
        assert_eq!(find_either(text, a, b), either, "{text:?} {a} {b}");
        assert_eq!(find(text, mark), (0..text.len()).find(starts), "{text:?}");
        assert_eq!(rfind(text, mark), (0..text.len()).rev().find(starts));
    }

    /// The functions that begin at a place, beside their twins, at all places of a text.
    fn agrees_from_all_places(text: &[u8]) {
        for from in 0..=text.len() {
            let place = |wanted: [u8; 2]| (from..text.len()).find(|at| wanted.contains(&text[*at]));
            let either = find_either_from::<1, 2>(text, from);
            assert_eq!(either, place([1, 2]), "{text:?} {from}");
            assert_eq!(find_from::<1>(text, from), place([1, 1]), "{text:?} {from}");
            let any = find_any_from::<1, 2, 7>(text, from);
            assert_eq!(any, place([1, 2]), "{text:?} {from}");
            let any = find_of_four_from::<7, 1, 8, 2>(text, from);
            assert_eq!(any, place([1, 2]), "{text:?} {from}");
        }
        assert_eq!(find_from::<1>(text, text.len() + 1), None);
    }

    #[test]
    fn places_of_both_bytes_are_found_once_each() {
        for length in 0..40 {
            for at in 0..length.max(1) {
                let mut text: Vec<u8> = (0..3).cycle().take(length).collect();
                text.get_mut(at..).unwrap().fill(1);
                let places = |byte| {
                    let hits = (0..length).filter(|&at| text[at] == byte);
                    hits.fold(0u32, |all, at| all | 1 << at)
                };
                let found = places_of_both(&text, 1, 2);
                let expected = (8..=32).contains(&length);
                assert_eq!(found, expected.then(|| (places(1), places(2))), "{text:?}");
            }
        }
    }

    #[test]
    fn finds_from_any_place_on() {
        for length in 0..70 {
            agrees_from_all_places(&vec![0; length]);
            for at in 0..length {
                let mut text = vec![0; length];
                text[at] = 1;
                agrees_from_all_places(&text);
                text[length - 1] = 2;
                agrees_from_all_places(&text);
            }
        }
    }

    #[test]
    fn letters_and_digits_are_told_from_all_other_bytes() {
        for byte in 0..=255 {
            for at in 0..40 {
                let mut text = [b'/'; 40];
                text[at] = byte;
                let is_letter = matches!(byte, b'i' | b'I' | b'r' | b'R');
                let found = find_letter_from::<b'i', b'r'>(&text, 0);
                assert_eq!(found, is_letter.then_some(at), "{byte}");
                assert_eq!(has_digit(&text), byte.is_ascii_digit(), "{byte}");
                text.fill(b'z');
                text[at] = byte;
                let found = find_no_alphanumeric_from(&text, 0);
                assert_eq!(
                    found,
                    (!byte.is_ascii_alphanumeric()).then_some(at),
                    "{byte}"
                );
                text.fill(b'/');
                text[at] = byte;
                assert!(!has_digit(&text[..at]));
            }
        }
    }

    #[test]
    fn texts_that_differ_in_one_byte_are_not_the_same() {
        for length in 0..80u8 {
            let text: Vec<u8> = (0..length).collect();
            assert!(is_same(&text, &text.clone()));
            for at in 0..usize::from(length) {
                let mut other = text.clone();
                other[at] ^= 1;
                assert!(!is_same(&text, &other), "{length} {at}");
            }
            assert!(!is_same(&text, &[&text[..], b"x"].concat()));
        }
    }

    #[test]
    fn beginnings_are_told_from_texts_that_differ_in_one_byte() {
        for length in 0..80 {
            let text: Vec<u8> = (0..length).collect();
            let beginning = Beginning::of(&text);
            let long = [&text[..], &[b'x'; WINDOW]].concat();
            let (kept, rest) = long.split_at(text.len());
            let is_kept = (WIDTH..=LONGEST).contains(&text.len());
            assert_eq!(beginning.split(&long), is_kept.then_some(rest), "{length}");
            assert_eq!(beginning.split(kept), None);
            for at in 0..text.len() {
                let mut other = long.clone();
                other[at] ^= 1;
                assert_eq!(beginning.split(&other), None, "{length} {at}");
            }
        }
        for byte in [0, b'a', b'b'] {
            assert_eq!(Beginning::none().split(&[byte; WINDOW]), None);
        }
    }

    #[test]
    fn a_beginning_is_taken_anew_from_texts_of_any_length() {
        let text: Vec<u8> = (0..200).collect();
        for (before, length) in (0..70).flat_map(|before| (0..70).map(move |at| (before, at))) {
            let mut beginning = Beginning::of(&text[..before]);
            beginning.renew(&text[50..], length);
            let is_kept = (WIDTH..=LONGEST).contains(&length);
            let rest = is_kept.then_some(&text[50 + length..]);
            assert_eq!(beginning.split(&text[50..]), rest, "{before} {length}");
            beginning.renew(&text[..length], length);
            let rest = is_kept.then_some(&text[length..]);
            assert_eq!(beginning.split(&text), rest, "{before} {length}");
        }
    }

    #[test]
    fn places_of_a_stretch_are_those_of_its_bytes() {
        let bytes = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
        let stretch = Stretch::of(&bytes);
        for at in 0..STRETCH {
            assert_eq!(stretch.places_of(bytes[at]), 1 << at);
            let mut other = bytes;
            other[at] = 0;
            assert_eq!(stretch.same(Stretch::of(&other)), !(1 << at));
            let zeros = Stretch::of_text(&bytes[..at]).places_of(0);
            assert_eq!(zeros, u32::MAX << at);
        }
        assert_eq!(stretch.places_of(0), 0);
    }

    #[test]
    fn digits_are_told_from_all_other_bytes() {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
        assert_eq!(hex_digits(b"0123456789ABCDE"), None);
        assert_eq!(hex_digits(b"0123456789ABCDEF0"), Some(16));
        for byte in 0..=255 {
            for at in 0..16 {
                let mut text = *b"0123456789ABCDEFg";
                text[at] = byte;
                let plain = text.iter().take_while(|byte| is_digit(byte)).count();
                assert_eq!(hex_digits(&text), Some(plain));
            }
        }
    }

    #[test]
    fn digits_to_the_base_52_are_told_from_all_other_bytes() {
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() && !b"aeiouAEIOU".contains(byte);
        assert_eq!(base52_digits(b"4jHFZd2LmNz1TJr"), None);
        for byte in 0..=255 {
            for at in 0..16 {
                let mut text = *b"4jHFZd2LmNz1TJrR:";
                text[at] = byte;
                let plain = text.iter().take_while(|byte| is_digit(byte)).count();
                assert_eq!(base52_digits(&text), Some(plain), "{byte} {at}");
            }
        }
    }

    #[test]
    fn bytes_of_names_are_told_from_all_others() {
        let is_name =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        assert_eq!(name_bytes(b"imap-login: Log"), None);
        for byte in 0..=255 {
            for at in 0..16 {
                let mut text = *b"imap-login_0.9Za:";
                text[at] = byte;
                let plain = text.iter().take_while(|byte| is_name(byte)).count();
                assert_eq!(name_bytes(&text), Some(plain.min(16)), "{byte} {at}");
            }
        }
    }

    #[test]
    fn finds_at_any_place_of_any_length() {
        for length in 0..150 {
            agrees(&vec![0; length], b' ', b'[', b": ");
            for at in 0..length {
                let mut text = vec![b'\x81'; length];
                text[at] = b' ';
                agrees(&text, b' ', b'[', b" \x81");
                agrees(&text, b'[', b' ', b" ");
                text[length - 1] = b'[';
                agrees(&text, b' ', b'[', b"\x81[");
                agrees(&text, b'[', b' ', b" \x81\x81[");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn agrees_with_plain_loops(
            text in proptest::collection::vec(0u8..4, 0..80),
            mark in proptest::collection::vec(0u8..4, 0..6),
            a in 0u8..5, b in 0u8..5,
        ) {
            agrees(&text, a, b, &mark);
            agrees_from_all_places(&text);
        }
    }

    #[test]
    fn finds_marks_from_both_ends() {
        let text = b" from a from b, from from c";
        let marks: [&[u8]; 6] = [b" from ", b"from", b", ", b" ", b"c", b"none"];
        for mark in marks {
            let expected: Vec<usize> = (0..text.len())
                .filter(|at| text[*at..].starts_with(mark))
                .collect();
            assert_eq!(find_iter(text, mark).collect::<Vec<_>>(), expected);
            let backwards: Vec<usize> = rfind_iter(text, mark).collect();
            assert!(backwards.iter().rev().eq(&expected), "{mark:?}");
        }
    }
}
