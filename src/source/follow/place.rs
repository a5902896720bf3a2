//! A place in a log: the fingerprint of a file and an offset.
//!
//! The fingerprint is made of the file's first line, so that it outlives renaming, copying and
//! packing, and changes where a file is emptied and begun anew.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The beginning of a file, by which a truncated and refilled one is told from a grown one.
pub(in crate::source) const HEAD_BYTES: usize = 1024;

/// The end of a file, wherever that is.
pub(super) const END: u64 = u64::MAX;

/// Where a line begins: in which file, and how far into it, unpacked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Place {
    /// A hash of the file's first line.
    pub fingerprint: u64,
    /// The bytes before the line.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}:{}", self.fingerprint, self.offset)
    }
}

/// The first line of a file, as far as it is remembered; all of that where it has no end.
pub(in crate::source) fn fingerprint(head: &[u8]) -> u64 {
    let end = memchr::memchr(b'\n', head).unwrap_or(head.len());
    let line = head.get(..end).unwrap_or(head);
    // FNV-1a: it has to be the same in each release and on each machine.
    line.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
