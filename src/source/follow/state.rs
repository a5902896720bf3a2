//! Where following is, as a value that outlives the process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::source::dating::YearWalk;

/// Where following all logs is, as of one line.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowState {
    /// What was to be followed, as it was named: a log that comes with a pattern later is new.
    pub(super) asked: Vec<String>,
    /// By the name of the log.
    pub(super) logs: BTreeMap<String, LogState>,
    /// The cursor of the last entry of the journal.
    pub(super) journal: Option<String>,
}

/// Where following one log is.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct LogState {
    /// Where the next line begins; none as long as no file was there.
    pub(super) place: Option<Place>,
    /// The fingerprints of the files that are done with: what is older is not read again where the
    /// file of the place is gone.
    pub(super) past: Vec<u64>,
    /// Whether that is behind a file that was emptied without a copy.
    pub(super) is_emptied: bool,
    /// What dates the next stamp without a year.
    pub(super) years: Option<YearWalk>,
    /// The last line, for one that says that it was logged again.
    #[serde(with = "bytes")]
    pub(super) above: Vec<u8>,
    /// How often lines may have been lost: a file was emptied or is gone, without a copy.
    pub(super) gaps: u64,
    /// How often the log was copied and emptied.
    pub(super) copies: u64,
}

/// Writes bytes as text in which each character stands for a byte: a line need not be UTF-8, and a
/// list of numbers would be four times as long.
fn text_of(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Writes the name of a file.
pub(super) fn text_of_path(path: &Path) -> String {
    text_of(path.as_os_str().as_bytes())
}

/// Reads what [`text_of_path`] wrote.
pub(super) fn path_of(text: &str) -> Option<PathBuf> {
    Some(PathBuf::from(OsString::from_vec(bytes_of(text)?)))
}

/// Reads what [`text_of`] wrote; `None` for any other text.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let byte = |character| u8::try_from(u32::from(character)).ok();
    text.chars().map(byte).collect()
}

mod bytes {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::text_of(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        super::bytes_of(&text).ok_or_else(|| D::Error::custom("a character that is no byte"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_line_outlives_the_process() {
        let all: Vec<u8> = (0..=255).collect();
        let state = LogState {
            above: all,
            ..LogState::default()
        };
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<LogState>(&text).unwrap(), state);
        let wrong = text.replace("abc", "a\u{4e2d}c");
        assert!(serde_json::from_str::<LogState>(&wrong).is_err());
    }
}
