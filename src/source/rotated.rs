//! The rotated siblings of a log file, told by their names.
//!
//! Known are the names that logrotate gives (`mail.log.1`, `mail.log-20261101.gz`, with `extension`
//! `mail-20261101.log`), newsyslog (`maillog.0.bz2`, `maillog.20261101T000000`), savelog
//! (`mail.log.0`, `mail.log.20261101000000`), logadm, and Postfix for its own log file
//! (`postfix.log.20261101-000000`). Files that only begin alike, such as `mail.log.err` and
//! `mail.log.bak`, are **not** siblings. What is in them is not looked at.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a packed file's name ends in.
const PACKED: [&[u8]; 4] = [b".gz", b".bz2", b".xz", b".zst"];

/// A longer number is none that rotated files are counted with.
const NUMBER_DIGITS: usize = 4;

/// When a log was rotated, as its name tells. Those that compare less are earlier.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Turn {
    /// The date and what follows it, digits only: `20261101` or `20261101000000`.
    Date(Vec<u8>),
    /// How many rotations ago, as a number below zero.
    Ago(i32),
}

/// Finds the rotated siblings of a log, the earliest first; none where its folder cannot be read.
pub fn siblings(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let listed = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let Ok(entries) = fs::read_dir(listed) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut found = siblings_among(path, names);
    found.retain(|sibling| sibling.is_file());
    found
}

/// Finds the rotated siblings of a log among the names in its folder, the earliest first.
pub(super) fn siblings_among(path: &Path, names: impl Iterator<Item = OsString>) -> Vec<PathBuf> {
    let Some(base) = path.file_name() else {
        return Vec::new();
    };
    let turn_and_path = |name: OsString| Some((turn_of(&name, base)?, path.with_file_name(name)));
    let mut found: Vec<(Turn, PathBuf)> = names.filter_map(turn_and_path).collect();
    found.sort();
    found.into_iter().map(|(_, sibling)| sibling).collect()
}

/// Tells by the names whether a file is a rotated sibling of a log.
pub(super) fn is_sibling(path: &Path, log: &Path) -> bool {
    let names = path.file_name().zip(log.file_name());
    path.parent() == log.parent() && names.is_some_and(|(name, base)| turn_of(name, base).is_some())
}

/// Reads out of a name when the log of the other name was rotated; `None` if it is no sibling.
fn turn_of(name: &OsStr, base: &OsStr) -> Option<Turn> {
    let (name, base) = (name.as_bytes(), base.as_bytes());
    let name = PACKED
        .iter()
        .find_map(|suffix| name.strip_suffix(*suffix))
        .unwrap_or(name);
    let behind = name.strip_prefix(base).and_then(turn);
    behind.or_else(|| {
        // Between the name and its suffix.
        let dot = memchr::memrchr(b'.', base).filter(|dot| *dot > 0)?;
        let (stem, suffix) = base.split_at_checked(dot)?;
        turn(name.strip_prefix(stem)?.strip_suffix(suffix)?)
    })
}

/// Reads `.1`, `-20261101` and the like.
fn turn(text: &[u8]) -> Option<Turn> {
    let (separator, stamp) = text.split_first()?;
    if !matches!(separator, b'.' | b'-' | b'_') {
        return None;
    }
    if stamp.len() <= NUMBER_DIGITS {
        return number(stamp).map(|number| Turn::Ago(-number));
    }
    date(stamp).map(Turn::Date)
}

fn number(digits: &[u8]) -> Option<i32> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Reads `20261101` or `2026-11-01`, and behind it nothing, or a time or seconds since 1970.
fn date(stamp: &[u8]) -> Option<Vec<u8>> {
    let is_dashed = stamp.get(4) == Some(&b'-') && stamp.get(7) == Some(&b'-');
    let (date, behind) = stamp.split_at_checked(if is_dashed { 10 } else { 8 })?;
    let mut digits: Vec<u8> = date.iter().copied().filter(|byte| *byte != b'-').collect();
    let (year, month, day) = (
        number(digits.get(..4)?)?,
        number(digits.get(4..6)?)?,
        number(digits.get(6..)?)?,
    );
    let is_date = digits.len() == 8
        && (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day);
    if !is_date {
        return None;
    }
    let behind = match behind.split_first() {
        Some((b'-' | b'_' | b'.' | b'T' | b't', time)) if !time.is_empty() => time,
        _ => behind,
    };
    let is_time = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.');
    let ends_in_digit = behind.last().is_none_or(u8::is_ascii_digit);
    if behind.len() > 12 || !behind.iter().all(is_time) || !ends_in_digit {
        return None;
    }
    digits.extend(behind.iter().filter(|byte| byte.is_ascii_digit()));
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_sibling(name: &str, base: &str) -> bool {
        turn_of(OsStr::new(name), OsStr::new(base)).is_some()
    }

    #[test]
    fn names_that_programs_give_to_rotated_logs() {
        for name in [
            "mail.log.1",
            "mail.log.2.gz",
            "mail.log.0",
            "mail.log.0.bz2",
            "mail.log.12.xz",
            "mail.log.365.zst",
            "mail.log-20261101",
            "mail.log-20261101.gz",
            "mail.log-2026110113.gz",
            "mail.log-20261101-1793491200.gz",
            "mail.log-2026-11-01",
            "mail.log_20261101",
            "mail.log.20261101",
            "mail.log.20261101T000000.bz2",
            "mail.log.20261101000000",
            "mail.log.20261101-000000",
            "mail-20261101.log",
            "mail-20261101.log.gz",
            "mail.1.log",
            "mail.2.log.gz",
        ] {
            assert!(is_sibling(name, "mail.log"), "{name}");
        }
        for name in [
            "maillog.0.bz2",
            "maillog-20261101",
            "maillog.20261101T000000",
        ] {
            assert!(is_sibling(name, "maillog"), "{name}");
        }
    }

    #[test]
    fn names_that_only_begin_alike() {
        for name in [
            "mail.log",
            "mail.log.gz",
            "mail.log.err",
            "mail.log.bak",
            "mail.log.1.bak",
            "mail.log.1.gz.bak",
            "mail.log.1~",
            "mail.log.",
            "mail.log-",
            "mail.log1",
            "mail.log.20261301",
            "mail.log.20261132",
            "mail.log.18261101",
            "mail.log.202611",
            "mail.log.12345",
            "mail.log.2026-11",
            "mail.log-20261101x",
            "mail.log-20261101-",
            "mail.log.1.2",
            "mail.err",
            "mail.err.1",
            "mail.warn-20261101",
            "mail-20261101.err",
            "mail-20261101",
            "xmail.log.1",
            "mail.log.1.lz4",
            "mail..log",
        ] {
            assert!(!is_sibling(name, "mail.log"), "{name}");
        }
        assert!(!is_sibling("mail.log.1", "mail"));
        assert!(!is_sibling(".1", ".log"));
    }

    #[test]
    fn finds_them_in_the_order_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "mail.log",
            "mail.log.1",
            "mail.log.10.gz",
            "mail.log.2.gz",
            "mail.log-20261101.gz",
            "mail.log-20251231",
            "mail.log.err",
        ];
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("mail.log.3")).unwrap();
        let found = siblings(&folder.path().join("mail.log"));
        let found: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            found,
            [
                "mail.log-20251231",
                "mail.log-20261101.gz",
                "mail.log.10.gz",
                "mail.log.2.gz",
                "mail.log.1"
            ]
        );
        assert!(siblings(&folder.path().join("nowhere/mail.log")).is_empty());
        assert!(siblings(Path::new("/")).is_empty());
    }
}
