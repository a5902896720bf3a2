//! A queue id as a key.

/// A queue id, inline: ids come and go by the million, so they are not interned.
///
/// Its letters stand in numbers, for these are hashed and compared at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct QueueId {
    first: u64,
    second: u64,
    /// The last seven letters, and the length at the top.
    third: u64,
}

/// How many letters of an id are kept.
const ID_BYTES: usize = 23;

impl QueueId {
    /// Takes an id from a line. Postfix's longest have 21 bytes; of a longer word the end counts.
    pub(crate) fn new(id: &[u8]) -> Self {
        let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
        let kept = id.last_chunk::<ID_BYTES>().map_or(id, |end| end);
        let (first, second, third) = match kept.split_first_chunk::<8>() {
            None => (few(kept), 0, 0),
            Some((first, rest)) => match rest.split_first_chunk::<8>() {
                None => (u64::from_le_bytes(*first), few(rest), 0),
                Some((second, rest)) => (
                    u64::from_le_bytes(*first),
                    u64::from_le_bytes(*second),
                    few(rest),
                ),
            },
        };
        QueueId {
            first,
            second,
            third: third | u64::from(length) << 56,
        }
    }

    /// Returns the id for writing out.
    pub(crate) fn text(&self) -> String {
        let bytes = [self.first, self.second, self.third].map(u64::to_le_bytes);
        let bytes = bytes.as_flattened();
        let length = bytes.last().copied().map_or(0, usize::from);
        let kept = bytes.get(..length.min(ID_BYTES)).unwrap_or_default();
        String::from_utf8_lossy(kept).into_owned()
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
