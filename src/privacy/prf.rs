//! The keyed function from which all tokens are made, and the key.
//!
//! HMAC-SHA256: whoever has the tokens and guesses a name cannot tell that it is right without the
//! key, which a plain hash, or one made for hash tables, would let him do. The key is 256 random
//! bits, of this run alone or of a file.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

/// The bytes of a key, and of what the function returns.
const BYTES: usize = 32;

/// A key cannot be had.
#[derive(Error, Debug)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("cannot read or make the key {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others can read the file.
    #[error(
        "the key {} has mode {mode:04o}, so that others may know it: chmod 600 {}, or take a new one",
        path.display(),
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// There is no key in the file.
    #[error(
        "{} is no key: 64 hexadecimal digits are one; name a new file to have one made",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The system has no random numbers.
    #[error("cannot get random numbers for a key: {0}")]
    Random(getrandom::Error),
}

/// A key of 256 bits.
#[derive(Clone)]
pub struct Key([u8; BYTES]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// Makes a key that nobody has.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, KeyError> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
        Ok(Key(bytes))
    }

    /// Makes a key of bytes that are known, for tests.
    pub fn known(bytes: [u8; 32]) -> Self {
        Key(bytes)
    }

    /// Reads a key, or makes one where the file is not there yet, for its owner alone.
    ///
    /// # Errors
    /// When the file cannot be read or made, is none of a key, or can be read by others.
    pub fn of_file(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Io {
            path: path.to_owned(),
            source,
        };
        match fs::metadata(path) {
            Ok(metadata) => {
                let mode = metadata.permissions().mode() & 0o7777;
                if mode & 0o077 != 0 {
                    let path = path.to_owned();
                    return Err(KeyError::Open { path, mode });
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return Key::new_file(path),
            Err(error) => return Err(failed(error)),
        }
        // A key has 65 bytes: what is larger is none, and is not read whole.
        let mut text = Vec::new();
        let file = File::open(path).map_err(failed)?;
        io::Read::read_to_end(&mut io::Read::take(file, 200), &mut text).map_err(failed)?;
        let no_key = || KeyError::NoKey {
            path: path.to_owned(),
        };
        Key::from_hex(text.trim_ascii()).ok_or_else(no_key)
    }

    fn new_file(path: &Path) -> Result<Self, KeyError> {
        let key = Key::random()?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let written = options.open(path).and_then(|mut file| {
            file.write_all(key.hex().as_bytes())?;
            file.sync_all()
        });
        written.map_err(|source| KeyError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(key)
    }

    fn hex(&self) -> String {
        let digits = self.0.iter().map(|byte| format!("{byte:02x}"));
        digits.chain(["\n".to_owned()]).collect()
    }

    fn from_hex(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; BYTES];
        let (pairs, rest) = text.as_chunks::<2>();
        if pairs.len() != BYTES || !rest.is_empty() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let is_hex = pair.iter().all(u8::is_ascii_hexdigit);
            let digits = std::str::from_utf8(pair).ok().filter(|_| is_hex)?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Key(bytes))
    }
}

/// The keyed function.
#[derive(Clone)]
pub(super) struct Prf(Hmac<Sha256>);

impl fmt::Debug for Prf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prf(…)")
    }
}

impl Prf {
    pub(super) fn new(key: &Key) -> Self {
        Prf(<Hmac<Sha256> as KeyInit>::new(&padded(&key.0).into()))
    }

    /// Returns 32 bytes that look random, and are the same for the same use and parts.
    pub(super) fn of(&self, usage: &str, parts: &[&[u8]]) -> [u8; BYTES] {
        let mut mac = self.0.clone();
        for part in [usage.as_bytes()].iter().chain(parts) {
            // The length keeps `ab` `c` and `a` `bc` apart.
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            mac.update(&length.to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// HMAC's key of a whole block: zeros follow a shorter one.
fn padded(key: &[u8; BYTES]) -> [u8; 64] {
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_hmac_sha256() {
        let prf = Prf::new(&Key([0x0b; 32]));
        let hex: String = prf
            .of("name", &[b"ab"])
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, EXPECTED);
    }

    /// By another implementation: Python's `hmac` over both parts, each behind its length.
    const EXPECTED: &str = "b25362f093cbc3ad5007c1a68cc4f2169cfa2a59debb90b2470c8795142a769c";

    #[test]
    fn parts_are_kept_apart() {
        let prf = Prf::new(&Key([1; 32]));
        assert_ne!(prf.of("a", &[b"b", b"c"]), prf.of("a", &[b"bc"]));
        assert_ne!(prf.of("a", &[b"b"]), prf.of("ab", &[]));
    }

    #[test]
    fn a_key_comes_back_from_its_file_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = Key::of_file(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(Key::of_file(&path).unwrap().0, made.0);
        assert_ne!(Key::random().unwrap().0, made.0);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Key::of_file(&path).unwrap_err().to_string();
        assert!(refused.contains("mode 0640"), "{refused}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "",
            "secret\n",
            &"g".repeat(64),
            &"0".repeat(63),
            &"+1".repeat(32),
        ] {
            let path = folder.path().join("key");
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let refused = Key::of_file(&path).unwrap_err().to_string();
            assert!(refused.contains("is no key"), "{text}: {refused}");
        }
    }
}
