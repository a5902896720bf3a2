//! A queue id as a key.

use std::hash::{Hash, Hasher};

/// A queue id, inline: ids come and go by the million, so they are not interned.
///
/// Its letters stand in numbers, for these are hashed and compared at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct QueueId {
    /// The first eight letters; of an id of less than eight all of them.
    first: u64,
    /// Of an id of 8 to 16 letters its last eight, some of which may be among the first; of a longer
    /// one the eight that follow.
    second: u64,
    /// What follows of a longer id, and the length at the top.
    third: u64,
}

impl Hash for QueueId {
    /// Nearly all ids of a log have 16 letters or less, and one length.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.first);
        state.write_u64(self.second ^ self.third.rotate_left(32));
    }
}

/// How many letters of an id are kept.
const ID_BYTES: usize = 23;

impl QueueId {
    /// Takes an id from a line. Postfix's longest have 21 bytes; of a longer word the end counts.
    #[inline]
    pub(crate) fn new(id: &[u8]) -> Self {
        match (id.first_chunk::<8>(), id.last_chunk::<8>()) {
            (Some(first), Some(last)) if id.len() <= 16 => QueueId {
                first: u64::from_le_bytes(*first),
                second: u64::from_le_bytes(*last),
                third: (id.len() as u64) << 56,
            },
            _ => QueueId::odd(id),
        }
    }

    /// Takes an id of less than 8 letters, or more than 16.
    #[cold]
    fn odd(id: &[u8]) -> Self {
        let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
        let kept = id.last_chunk::<ID_BYTES>().map_or(id, |end| end);
        let (first, rest) = eight(kept);
        let (second, rest) = eight(rest);
        let third = few(rest) | u64::from(length) << 56;
        QueueId {
            first,
            second,
            third,
        }
    }

    /// Returns the id for writing out.
    pub(crate) fn text(&self) -> String {
        let length = usize::try_from(self.third >> 56).unwrap_or(0).min(ID_BYTES);
        let [first, second, third] = [self.first, self.second, self.third].map(u64::to_le_bytes);
        // Of an id of 8 to 16 letters the second number has some of the first eight once more.
        let twice = match length {
            8..=16 => 16 - length,
            _ => 0,
        };
        let second = second.get(twice..).unwrap_or_default();
        let mut bytes = [&first[..], second, &third].concat();
        bytes.truncate(length);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Takes up to eight letters off as a number, the first one lowest.
fn eight(letters: &[u8]) -> (u64, &[u8]) {
    match letters.split_first_chunk::<8>() {
        Some((first, rest)) => (u64::from_le_bytes(*first), rest),
        None => (few(letters), &[]),
    }
}

/// Puts up to seven letters into a number, the first one lowest.
fn few(letters: &[u8]) -> u64 {
    match (letters.first_chunk::<4>(), letters.last_chunk::<4>()) {
        // Both overlap; where they do, they are the same.
        (Some(first), Some(last)) => {
            let shift = 8 * (letters.len() - 4);
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift
        }
        _ => letters
            .iter()
            .rev()
            .fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_any_length_are_told_apart_and_written_out() {
        let letters = b"4ZxYw1234BCDz1QRSTVWX56789";
        for length in 0..letters.len() {
            let id = &letters[..length];
            let kept = &id[id.len().saturating_sub(ID_BYTES)..];
            assert_eq!(QueueId::new(id).text().as_bytes(), kept);
            for at in 0..kept.len() {
                let mut other = kept.to_vec();
                other[at] = b'_';
                assert_ne!(QueueId::new(kept), QueueId::new(&other), "{length} {at}");
            }
            assert_ne!(QueueId::new(id), QueueId::new(&letters[..=length]));
        }
    }
}
