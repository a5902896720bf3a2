//! Hosts and tags that lines repeat: their symbols are found without looking their strings up.
//!
//! What is known here is known of one part of a log and its symbols; another part begins anew.

use mailtally_parsers::Tag;
use mailtally_parsers::near::place_of_end;

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

/// The host of the last line, and the tags seen lately.
#[derive(Clone)]
pub(crate) struct Known {
    host: Option<Symbol>,
    /// The tag last seen at each place.
    tags: Vec<Option<TagSymbols>>,
    /// The statuses that nearly all deliveries have.
    statuses: [Option<Symbol>; Status::NAMED],
}

impl Default for Known {
    fn default() -> Self {
        Known {
            host: None,
            tags: vec![None; 1 << TAG_BITS],
            statuses: [None; Status::NAMED],
        }
    }
}

impl Known {
    /// Returns the symbol of a line's host, which mostly is that of the line before.
    #[inline(always)]
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
    pub(crate) fn tag(&mut self, tag: &Tag<'_>, symbols: &mut Symbols) -> TagSymbols {
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
    fn hosts_between_each_other_are_told_apart() {
        let (mut known, mut symbols) = (Known::default(), Symbols::default());
        for host in [&b"mx1"[..], b"mx1", b"mx2", b"mx1", b"", b"mx2"] {
            let found = known.host(host, &mut symbols);
            assert_eq!(symbols.get(found), host);
        }
    }
}
