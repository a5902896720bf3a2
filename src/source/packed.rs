//! Packed logs: gzip, bzip2, xz and zstd, told by their first bytes.
//!
//! A packed log may be several ones put together (members, streams, frames), with NULs behind each:
//! it unpacks to all of them. What a damaged or cut one still holds is given before the error.
//! Who reads ahead of whom is **not** decided here.

use std::io::{self, BufRead, Read};

use super::packed_stream::{Bzip2, Gzip, Stream};
use super::packed_xz::XzDecoder;
use super::packed_zstd::ZstdDecoder;

/// What xz and zstd may need to look back at: more than their programs need for what they pack
/// with any of the levels 1 to 19 and 9.
pub(super) const WINDOW_MIB: u32 = 128;

/// So many first bytes tell how a file is packed.
pub(super) const MAGIC_BYTES: usize = 8;

/// A way of packing that is undone here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packer {
    /// RFC 1952, what logrotate makes.
    Gzip,
    /// What newsyslog made for a long time.
    Bzip2,
    /// The `.xz` format.
    Xz,
    /// RFC 8878.
    Zstd,
}

/// Ways of packing that are not, and the program that does it.
const OTHERS: [(&[u8], &str); 4] = [
    (b"\x04\x22\x4D\x18", "lz4"),
    (b"\x1F\x9D", "gzip"),
    (b"LZIP", "lzip"),
    (b"\x89LZO\0\r\n\x1A", "lzop"),
];

impl Packer {
    /// Tells how something is packed; `None` if it is not.
    pub(super) fn of(magic: &[u8]) -> Option<Self> {
        let begins = |with: &[u8]| magic.starts_with(with);
        // A bzip2 stream's fourth byte is its level; its fifth begins a block, or the end.
        let is_bzip2 = begins(b"BZh")
            && magic
                .get(3)
                .is_some_and(|level| (b'1'..=b'9').contains(level))
            && magic
                .get(4)
                .is_none_or(|block| matches!(block, 0x31 | 0x17));
        if begins(b"\x1F\x8B") {
            Some(Packer::Gzip)
        } else if is_bzip2 {
            Some(Packer::Bzip2)
        } else if begins(b"\xFD7zXZ\0") {
            Some(Packer::Xz)
        } else if begins(b"\x28\xB5\x2F\xFD") || is_skippable_frame(magic) {
            Some(Packer::Zstd)
        } else {
            None
        }
    }

    /// Names the program that can unpack what we cannot.
    pub(super) fn other(magic: &[u8]) -> Option<&'static str> {
        let other = OTHERS.iter().find(|(bytes, _)| magic.starts_with(bytes));
        other.map(|(_, program)| *program)
    }

    /// Names the program that packs so.
    pub fn name(self) -> &'static str {
        match self {
            Packer::Gzip => "gzip",
            Packer::Bzip2 => "bzip2",
            Packer::Xz => "xz",
            Packer::Zstd => "zstd",
        }
    }

    /// The command that unpacks also what needs a large window.
    pub(super) fn command_for_windows(self) -> &'static str {
        match self {
            Packer::Gzip => "gzip -dc",
            Packer::Bzip2 => "bzip2 -dc",
            Packer::Xz => "xz -dc",
            Packer::Zstd => "zstd -dc --long=31",
        }
    }

    /// Unpacks a stream.
    pub(super) fn unpack(self, packed: impl BufRead + Send + 'static) -> Box<dyn Read + Send> {
        match self {
            Packer::Gzip => Box::new(Members::<_, Stream<_, Gzip>>::new(packed)),
            Packer::Bzip2 => Box::new(Members::<_, Stream<_, Bzip2>>::new(packed)),
            Packer::Xz => Box::new(XzDecoder::new(packed)),
            Packer::Zstd => Box::new(Members::<_, ZstdDecoder<_>>::new(packed)),
        }
    }
}

/// The parallel zstd programs begin with a frame that says how long the next one is.
fn is_skippable_frame(magic: &[u8]) -> bool {
    let [kind, rest @ ..] = magic else {
        return false;
    };
    (0x50..=0x5F).contains(kind) && rest.starts_with(b"\x2A\x4D\x18")
}

/// Unpacks one member, stream or frame, and leaves its input where that ends.
pub(super) trait Member<R>: Read {
    fn begin(packed: R) -> Self;
    fn into_input(self) -> R;
}

/// Unpacks one member after the other. An error is final: where the next member begins is lost.
struct Members<R, M> {
    packed: Option<R>,
    member: Option<M>,
}

impl<R, M> Members<R, M> {
    fn new(packed: R) -> Self {
        Members {
            packed: Some(packed),
            member: None,
        }
    }
}

impl<R: BufRead, M: Member<R>> Read for Members<R, M> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(member) = &mut self.member {
                match member.read(buffer) {
                    Ok(0) => self.packed = self.member.take().map(M::into_input),
                    Ok(count) => return Ok(count),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                    Err(error) => {
                        self.member = None;
                        return Err(error);
                    }
                }
            }
            let Some(mut packed) = self.packed.take() else {
                return Ok(0);
            };
            if !skip_nuls(&mut packed)? {
                return Ok(0);
            }
            self.member = Some(M::begin(packed));
        }
    }
}

/// Skips what pads a member to the size of a block; tells whether anything follows.
fn skip_nuls(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = packed.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let nuls = bytes.iter().take_while(|byte| **byte == 0).count();
        let is_over = nuls < bytes.len();
        packed.consume(nuls);
        if is_over {
            return Ok(true);
        }
    }
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;
