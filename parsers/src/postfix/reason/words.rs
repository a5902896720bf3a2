//! Finding the words of the table in a text: one walk over the text's words.
//!
//! Wordings are filed under their first word, so that a word of the text meets only those that
//! begin with it. What a stranger chooses is stepped over (see [`read`](super::read)). Measured on
//! `fixtures/reasons.tsv`: see the bench `parse`.

use std::sync::LazyLock;

use super::read::{Span, Word, Words};
use super::table::{BLOCKLISTS, Row, TABLE};
use crate::scan::enhanced_code;

/// What the words of a text tell.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// The class.
    pub(super) class: &'static str,
    /// The blocklist's domain, where one stands in the text.
    pub(super) blocklist: Option<&'a [u8]>,
}

/// Finds the first row of the table of which some words stand in a text.
pub(super) fn find(text: &[u8], counts: impl Fn(&Row) -> bool) -> Option<Found<'_>> {
    let index = &*INDEX;
    let mut best = TABLE.len();
    let mut blocklist = None;
    for word in Words::new(text, 0) {
        match word {
            Word::Domain(domain) => blocklist = blocklist.or_else(|| known_blocklist(domain)),
            Word::Readable(span) => {
                let next = next_letter(text, span.end);
                for entry in index.filed_under(span.hash) {
                    let may_fit = entry.rank < best && entry.may_go_on_with(next);
                    if may_fit && entry.fits(text, span) && counts(entry.row) {
                        best = entry.rank;
                    }
                }
                for entry in index.filed_by_beginning(text, span) {
                    if entry.rank < best && entry.fits(text, span) && counts(entry.row) {
                        best = entry.rank;
                    }
                }
            }
        }
    }
    let by_words = TABLE.get(best).map(|row| row.class);
    let dnsbl = TABLE
        .get(index.rank_of_blocklists)
        .filter(|row| blocklist.is_some() && counts(row));
    let class = match by_words {
        // Rows above that of blocklists say more than a link to one.
        Some(class) if best < index.rank_of_blocklists => class,
        by_words => dnsbl.map(|row| row.class).or(by_words)?,
    };
    Some(Found { class, blocklist })
}

/// Returns the first letter of the next word; none where the codes of a next line may stand between.
fn next_letter(text: &[u8], end: usize) -> Option<u8> {
    let behind = text.get(end..)?.trim_ascii_start();
    behind
        .first()
        .map(u8::to_ascii_lowercase)
        .filter(|byte| !byte.is_ascii_digit())
}

fn known_blocklist(domain: &[u8]) -> Option<&[u8]> {
    public_blocklist(domain).map(|_| domain)
}

/// Returns the domain of the public blocklist that a name belongs to: everybody knows it, whatever
/// stands before it.
pub fn public_blocklist(domain: &[u8]) -> Option<&'static str> {
    let is_below = |list: &str| {
        let Some(at) = domain.len().checked_sub(list.len()) else {
            return false;
        };
        let (sub, end) = domain.split_at(at);
        end.eq_ignore_ascii_case(list.as_bytes()) && (sub.is_empty() || sub.ends_with(b"."))
    };
    BLOCKLISTS.iter().copied().find(|list| is_below(list))
}

static INDEX: LazyLock<Index> = LazyLock::new(Index::new);

/// How many places there are for first words; some hundred are taken.
const PLACES: usize = 1_024;

/// The wordings of the table by their first words; made once.
struct Index {
    /// The wordings whose first word is whole, by place.
    entries: Vec<Entry>,
    /// Where the entries of each place begin; one more for the end.
    starts: Vec<usize>,
    /// The wordings whose first word may go on (`greylist*`), by the place of its beginning.
    beginnings: Vec<Entry>,
    beginning_starts: Vec<usize>,
    rank_of_blocklists: usize,
}

impl Index {
    fn new() -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for (rank, row) in TABLE.iter().enumerate() {
            let wordings = row.words.iter();
            entries.extend(wordings.map(|wording| Entry::new(rank, row, wording)));
        }
        let (mut beginnings, mut entries): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.is_beginning);
        entries.sort_by_key(|entry| (place(entry.hash), entry.rank));
        beginnings.sort_by_key(|entry| (place(entry.hash), entry.rank));
        let is_dnsbl = |row: &Row| row.class == "dnsbl";
        Index {
            starts: starts(&entries),
            entries,
            beginning_starts: starts(&beginnings),
            beginnings,
            rank_of_blocklists: TABLE.iter().position(is_dnsbl).unwrap_or(0),
        }
    }

    /// Lists the wordings that may begin with a word, and few others.
    fn filed_under(&self, hash: u32) -> &[Entry] {
        stretch(&self.entries, &self.starts, place(hash))
    }

    /// Lists the wordings whose first word goes on and may begin as a word does.
    fn filed_by_beginning(&self, text: &[u8], span: Span) -> &[Entry] {
        let hash = span.beginning(text);
        stretch(&self.beginnings, &self.beginning_starts, place(hash))
    }
}

/// Tells where the entries of each place begin, given in that order.
fn starts(entries: &[Entry]) -> Vec<usize> {
    (0..=PLACES)
        .map(|at| entries.partition_point(|entry| place(entry.hash) < at))
        .collect()
}

fn stretch<'e>(entries: &'e [Entry], starts: &[usize], at: usize) -> &'e [Entry] {
    match (starts.get(at), starts.get(at + 1)) {
        (Some(&start), Some(&end)) => entries.get(start..end).unwrap_or_default(),
        _ => &[],
    }
}

fn place(hash: u32) -> usize {
    (hash ^ hash >> 16) as usize % PLACES
}

/// One wording of the table.
struct Entry {
    /// The place of its row.
    rank: usize,
    row: &'static Row,
    /// The words up to the first gap, `^` taken off.
    words: &'static [u8],
    /// The hash of the first of them, or of its first three letters if it may go on.
    hash: u32,
    /// The first word may go on.
    is_beginning: bool,
    /// The first letter of the second of them, where there is one.
    next: Option<u8>,
    /// What must follow somewhere behind them.
    behind: Option<&'static [u8]>,
    /// It counts only where the text begins.
    is_lead: bool,
}

/// Stands in a wording for anything in between.
const GAP: &str = " .. ";

impl Entry {
    fn new(rank: usize, row: &'static Row, wording: &'static str) -> Self {
        let plain = wording.strip_prefix('^').unwrap_or(wording);
        let (words, behind) = match plain.split_once(GAP) {
            Some((words, behind)) => (words, Some(behind.as_bytes())),
            None => (plain, None),
        };
        let first = Span::of(words.as_bytes(), 0);
        let is_beginning = words.get(first.end..) == Some("*");
        Entry {
            rank,
            row,
            words: words.as_bytes(),
            hash: if is_beginning {
                first.beginning(words.as_bytes())
            } else {
                first.hash
            },
            is_beginning,
            next: next_letter(words.as_bytes(), first.end).filter(|_| !is_beginning),
            behind,
            is_lead: plain.len() < wording.len(),
        }
    }

    /// Tells by one letter of the next word whether the wording can stand here: of the many that
    /// begin with `mailbox`, few are left.
    fn may_go_on_with(&self, next: Option<u8>) -> bool {
        match (self.next, next) {
            (Some(wanted), Some(next)) => wanted == next,
            _ => true,
        }
    }

    /// Tells whether the wording begins at a word of the text.
    fn fits(&self, text: &[u8], word: Span) -> bool {
        let is_first_word = self.is_beginning || self.hash == word.hash;
        if !is_first_word || (self.is_lead && word.start > 0) {
            return false;
        }
        let Some(end) = end_of(text, word.start, self.words) else {
            return false;
        };
        self.behind.is_none_or(|words| {
            let mut behind = Words::new(text, end);
            let fits = |at| end_of(text, at, words).is_some();
            behind.any(|word| matches!(word, Word::Readable(span) if fits(span.start)))
        })
    }
}

/// Returns where words without a gap end that begin at a place of the text.
fn end_of(text: &[u8], at: usize, words: &[u8]) -> Option<usize> {
    let (words, goes_on) = match words.strip_suffix(b"*") {
        Some(words) => (words, true),
        None => (words, false),
    };
    let mut at = at;
    for &wanted in words {
        if wanted == b' ' {
            at = after_blanks(text, at)?;
            continue;
        }
        if text.get(at)?.to_ascii_lowercase() != wanted {
            return None;
        }
        at += 1;
    }
    let is_end = goes_on || !text.get(at).is_some_and(u8::is_ascii_alphanumeric);
    is_end.then_some(at)
}

/// Steps over blanks, and over the codes with which a reply goes on in its next line.
fn after_blanks(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let behind = rest.trim_ascii_start();
    if behind.len() == rest.len() {
        return None;
    }
    let behind = after_line_codes(behind).unwrap_or(behind);
    Some(text.len() - behind.len())
}

/// Steps over `550-5.1.1 ` or `550 `.
fn after_line_codes(text: &[u8]) -> Option<&[u8]> {
    let (code, rest) = text.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) || !matches!(rest.first(), Some(b' ' | b'-')) {
        return None;
    }
    let rest = rest.get(1..)?;
    let rest = enhanced_code(rest).map_or(rest, |(rest, _)| rest);
    Some(rest.trim_ascii_start())
}
