//! The logs that both programs read.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::skipped::skip;
use chrono::{Days, Utc};
use loggen::{Format, Generator, Kinds, Options};
use tempfile::{NamedTempFile, TempDir};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Lists the files of a folder that end in this, sorted; there must be some.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no {end} in {}", folder.display());
    found
}

/// Logs made by hand, each of them for one part of the report.
pub(crate) fn edges() -> Vec<PathBuf> {
    files(&root().join("fixtures/logs/pflogsumm-edge"), ".log")
}

pub(crate) fn defects() -> Vec<PathBuf> {
    files(&root().join("fixtures/defects"), ".log")
}

/// Logs of `fixtures/logs`, unpacked where they are packed, for the original cannot.
pub(crate) struct Unpacked {
    logs: Vec<PathBuf>,
    _folder: TempDir,
}

impl Unpacked {
    pub(crate) fn logs(&self) -> &[PathBuf] {
        &self.logs
    }
}

/// Unpacks the logs of whole servers.
pub(crate) fn unpacked() -> Unpacked {
    let folder = tempfile::tempdir().expect("a folder");
    let mut logs = Vec::new();
    let entries = fs::read_dir(root().join("fixtures/logs")).expect("fixtures/logs");
    for entry in entries {
        let case = entry.expect("an entry").path();
        if !case.is_dir() || case.ends_with("pflogsumm-edge") {
            continue;
        }
        for path in fs::read_dir(&case).expect("a case") {
            let path = path.expect("an entry").path();
            match path.extension().and_then(|end| end.to_str()) {
                Some("log") => logs.push(path),
                Some("gz") => logs.push(unpack(&path, folder.path())),
                _ => {}
            }
        }
    }
    assert!(logs.len() >= 3, "{logs:?}");
    Unpacked {
        logs,
        _folder: folder,
    }
}

fn unpack(path: &Path, folder: &Path) -> PathBuf {
    let mut bytes = Vec::new();
    let file = File::open(path).expect("the log opens");
    let mut unpacked = flate2::read::MultiGzDecoder::new(file);
    unpacked.read_to_end(&mut bytes).expect("the log unpacks");
    let to = folder.join(path.file_stem().expect("a name"));
    fs::write(&to, bytes).expect("written");
    to
}

/// The logs of the corpus beside this checkout, those too of which pflogsumm reads no line.
pub(crate) fn corpus() -> Vec<PathBuf> {
    let folder = root().join("../shared/corpus/lab-a");
    if !folder.is_dir() {
        skip(format!("there is no {}", folder.display()));
        return Vec::new();
    }
    let mut found = files(&folder, ".log");
    found.push(folder.join("journal.jsonl"));
    found
}

/// Ten logs of about 3,000 lines, other ones for each `MAILTALLY_SEED`.
///
/// Half of them have RFC 3164's stamps and half RFC 3339's; of each half one goes on to this day,
/// so that `-d` finds lines, and some have all kinds of lines that there are.
pub(crate) fn fresh() -> Vec<NamedTempFile> {
    let seed = std::env::var("MAILTALLY_SEED").ok();
    let seed: u64 = seed.map_or(1, |seed| seed.parse().expect("MAILTALLY_SEED is a number"));
    println!("the logs of MAILTALLY_SEED={seed}");
    (0..10)
        .map(|at| fresh_log(seed.wrapping_mul(10).wrapping_add(at), at))
        .collect()
}

fn fresh_log(seed: u64, at: u64) -> NamedTempFile {
    let yesterday = Utc::now().date_naive() - Days::new(1);
    let start = yesterday
        .and_hms_opt(12, 0, 0)
        .expect("noon")
        .and_utc()
        .timestamp();
    let default = Options::default();
    let is_recent = at < 2;
    let options = Options {
        seed,
        lines: Some(3_000),
        format: if at.is_multiple_of(2) {
            Format::Rfc3164
        } else {
            Format::Rfc3339
        },
        days: Some(1 + u32::from(!is_recent && at.is_multiple_of(3))),
        start: if is_recent {
            start.cast_unsigned()
        } else {
            default.start
        },
        kinds: if at % 4 < 2 {
            Kinds::Common
        } else {
            Kinds::All
        },
        foreign_percent: 5,
        ..default
    };
    let mut bytes = Vec::new();
    Generator::new(options)
        .write_to(&mut bytes)
        .expect("loggen writes");
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(&bytes).expect("written");
    file
}
