//! The heads of objects: host, tag and what follows from them, written once for many lines.

use std::hash::{Hash, Hasher};

use mailtally_parsers::Tag;
use rustc_hash::FxHasher;

/// Heads by host and tag. A head that comes to the place of another takes it: a log has few, and
/// whoever makes many cannot make this grow.
#[derive(Debug, Default)]
pub(super) struct Heads {
    places: Vec<Head>,
}

#[derive(Clone, Debug, Default)]
struct Head {
    host: Vec<u8>,
    tag: Vec<u8>,
    text: Vec<u8>,
}

/// A power of two, some times the number of programs that log on one host.
const PLACES: usize = 512;

impl Heads {
    /// Returns the text of a head; `write` makes it when it is not at hand.
    pub(super) fn get(
        &mut self,
        host: &[u8],
        tag: &Tag<'_>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> &[u8] {
        if self.places.is_empty() {
            self.places.resize(PLACES, Head::default());
        }
        let Some(head) = self.places.get_mut(place(host, tag)) else {
            return b"";
        };
        // An empty text is a place not taken yet.
        if head.text.is_empty() || head.tag != tag.text || head.host != host {
            copy(&mut head.host, host);
            copy(&mut head.tag, tag.text);
            head.text.clear();
            write(&mut head.text);
        }
        &head.text
    }
}

fn place(host: &[u8], tag: &Tag<'_>) -> usize {
    let mut hasher = FxHasher::default();
    host.hash(&mut hasher);
    tag.text.hash(&mut hasher);
    // The upper bits of this hash are the better mixed ones.
    usize::try_from(hasher.finish() >> 40).unwrap_or(0) % PLACES
}

fn copy(to: &mut Vec<u8>, from: &[u8]) {
    to.clear();
    to.extend_from_slice(from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_heads_in_few_places_stay_apart() {
        let mut heads = Heads::default();
        for round in 0..3 {
            for number in 0..5 * PLACES {
                let (host, tag) = (format!("mx{}", number % 7), format!("postfix/{number}"));
                let expected = format!("{host} {tag}");
                let tag = Tag::parse(tag.as_bytes());
                let written = heads.get(host.as_bytes(), &tag, |out| {
                    out.extend_from_slice(expected.as_bytes());
                });
                assert_eq!(written, expected.as_bytes(), "round {round}");
            }
        }
    }

    #[test]
    fn a_head_at_hand_is_not_written_again() {
        let mut heads = Heads::default();
        let tag = Tag::parse(b"postfix/smtpd");
        let mut count = 0;
        for _ in 0..3 {
            heads.get(b"mx1", &tag, |out| {
                count += 1;
                out.push(b'x');
            });
        }
        assert_eq!(count, 1);
    }
}
