//! Hosts and tags that lines repeat: their symbols are found without looking their strings up.
//! Where the envelope says that both were there before, not even the texts are compared.
//!
//! What is known here is known of one part of a log and its symbols; another part begins anew.

use mailtally_parsers::near::place_of_end;
use mailtally_parsers::syslog::Author;
use mailtally_parsers::{Record, Tag};

use super::by_author::ByAuthor;
use super::deliveries::Status;
use super::symbols::{Symbol, Symbols};

/// How many tags are remembered, as a power of two.
const TAG_BITS: u32 = 8;

/// The symbols of a tag and of its elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TagSymbols {
    pub(crate) whole: Symbol,
    pub(crate) prefix: Symbol,
    pub(crate) service: Option<Symbol>,
}

/// Who logged a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origin {
    pub(crate) host: Symbol,
    pub(crate) tag: TagSymbols,
    /// The number of the program, where it has one.
    pub(crate) program: Option<u8>,
}

/// The hosts and tags seen lately.
#[derive(Clone)]
pub(crate) struct Known {
    authors: ByAuthor<Origin>,
    host: Option<Symbol>,
    /// The tag last seen at each place.
    tags: Vec<Option<TagSymbols>>,
    /// The statuses that nearly all deliveries have.
    statuses: [Option<Symbol>; Status::NAMED],
}

impl Default for Known {
    fn default() -> Self {
        Known {
            authors: ByAuthor::default(),
            host: None,
            tags: vec![None; 1 << TAG_BITS],
            statuses: [None; Status::NAMED],
        }
    }
}

impl Known {
    /// Tells who logged a line; `author` is the same for lines of the same host and tag.
    #[inline]
    pub(crate) fn origin(
        &mut self,
        author: Option<Author>,
        record: &Record<'_>,
        symbols: &mut Symbols,
    ) -> Origin {
        let Some(author) = author else {
            return self.logged_origin(record, symbols);
        };
        match self.authors.get(author) {
            Some(origin) => origin,
            None => self.other_author(author, record, symbols),
        }
    }

    #[cold]
    fn other_author(
        &mut self,
        author: Author,
        record: &Record<'_>,
        symbols: &mut Symbols,
    ) -> Origin {
        let origin = self.logged_origin(record, symbols);
        self.authors.keep(author, origin);
        origin
    }

    /// Tells who logged a line by the texts of its host and its tag.
    #[inline(never)]
    fn logged_origin(&mut self, record: &Record<'_>, symbols: &mut Symbols) -> Origin {
        Origin {
            host: self.host(record.host, symbols),
            tag: self.tag(&record.tag, symbols),
            program: record
                .tag
                .program
                .number()
                .and_then(|number| u8::try_from(number).ok()),
        }
    }

    /// Returns the symbol of a line's host, which mostly is that of the line before.
    #[inline]
    pub(crate) fn host(&mut self, host: &[u8], symbols: &mut Symbols) -> Symbol {
        match self.host {
            Some(last) if symbols.is(last, host) => last,
            _ => self.other_host(host, symbols),
        }
    }

    #[cold]
    fn other_host(&mut self, host: &[u8], symbols: &mut Symbols) -> Symbol {
        let symbol = symbols.intern(host);
        self.host = Some(symbol);
        symbol
    }

    /// Returns the symbol of a delivery's status, whose text is mostly one of three.
    #[inline]
    pub(crate) fn status(&mut self, status: Status, text: &[u8], symbols: &mut Symbols) -> Symbol {
        match self.statuses.get_mut(status as usize) {
            Some(known) => *known.get_or_insert_with(|| symbols.intern(text)),
            None => symbols.intern(text),
        }
    }

    /// Returns the symbols of a tag; most lines repeat one of a few.
    #[inline]
    fn tag(&mut self, tag: &Tag<'_>, symbols: &mut Symbols) -> TagSymbols {
        // Services and daemons differ at the end.
        let place = place_of_end(tag.text, TAG_BITS).unwrap_or(0);
        match self.tags.get(place) {
            Some(Some(known)) if symbols.is(known.whole, tag.text) => *known,
            _ => self.other_tag(place, tag, symbols),
        }
    }

    #[cold]
    fn other_tag(&mut self, place: usize, tag: &Tag<'_>, symbols: &mut Symbols) -> TagSymbols {
        let found = TagSymbols {
            whole: symbols.intern(tag.text),
            prefix: symbols.intern(tag.instance()),
            service: tag.service().map(|service| symbols.intern(service)),
        };
        if let Some(slot) = self.tags.get_mut(place) {
            *slot = Some(found);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use mailtally_parsers::syslog::Envelopes;

    use super::*;

    #[test]
    fn tags_that_share_a_place_are_told_apart() {
        let (mut known, mut symbols) = (Known::default(), Symbols::default());
        let names: Vec<String> = (0..600).map(|at| format!("postfix/{at}/smtpd")).collect();
        for name in names.iter().chain(&names) {
            let tag = Tag::parse(name.as_bytes());
            let found = known.tag(&tag, &mut symbols);
            assert_eq!(symbols.get(found.whole), name.as_bytes());
            assert_eq!(symbols.get(found.prefix), b"postfix");
            assert_eq!(
                found.service.map(|service| symbols.get(service)),
                tag.service()
            );
            assert_eq!(known.tag(&tag, &mut symbols), found);
        }
    }

    #[test]
    fn an_author_is_what_its_lines_say() {
        let (mut known, mut symbols) = (Known::default(), Symbols::default());
        let lines: Vec<String> = (0..3_000)
            .map(|at| {
                let (host, pid) = (at % 3, at % 700);
                format!("Nov 21 00:44:25 mx{host} postfix/{pid}/smtpd[{pid}]: connect from x\n")
            })
            .collect();
        let text = lines.concat();
        let (mut envelopes, mut rest) = (Envelopes::default(), text.as_bytes());
        let mut named = 0;
        for line in &lines {
            if let Some(behind) = envelopes.take_repeating(rest) {
                rest = behind;
            } else {
                rest = &rest[line.len()..];
                envelopes.parse(line.trim_end().as_bytes());
            }
            let (record, author) = (envelopes.record(), envelopes.author());
            named += u32::from(author.is_some());
            let origin = known.origin(author, record, &mut symbols);
            assert_eq!(origin, known.logged_origin(record, &mut symbols));
            assert_eq!(symbols.get(origin.host), record.host);
            assert_eq!(symbols.get(origin.tag.whole), record.tag.text);
        }
        assert_eq!(named, 3_000);
    }

    #[test]
    fn hosts_between_each_other_are_told_apart() {
        let (mut known, mut symbols) = (Known::default(), Symbols::default());
        for host in [&b"mx1"[..], b"mx1", b"mx2", b"mx1", b"", b"mx2"] {
            let found = known.host(host, &mut symbols);
            assert_eq!(symbols.get(found), host);
        }
    }
}
