//! The folder of an export: `TABLE/date=YYYY-MM-DD/host=NAME/part-LOG-NUMBER.EXT`.
//!
//! A part is written beside its place and put there when it is whole. Its name has the log's
//! fingerprint: who exports the log again replaces its parts, and those of other logs stay as they
//! are, be they written at the same time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::gatherer::Part;
use super::part_writer::{PartWriter, day_name};
use super::schemas::TableSet;

/// An export's folder, as one run writes it.
pub struct Folder {
    root: PathBuf,
    tables: TableSet,
    /// The logs that this run reads.
    logs: BTreeSet<u64>,
    /// What tells this run's unfinished files from those of others that run now.
    process: u32,
}

/// The days that a run exports, since 1970; an open side is `None`, and the end is not part of it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Days {
    /// The first day.
    pub from: Option<i64>,
    /// The day behind the last one.
    pub to: Option<i64>,
}

/// A file whose part is not whole yet ends so.
const UNFINISHED: &str = ".unfinished";

impl Folder {
    /// Opens the folder for a run over some logs; what a killed run over one of them left unfinished
    /// goes.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(root: &Path, tables: TableSet, logs: &[u64]) -> io::Result<Folder> {
        make_folder(root)?;
        let folder = Folder {
            root: root.to_owned(),
            tables,
            logs: logs.iter().copied().collect(),
            process: std::process::id(),
        };
        folder.clear_unfinished();
        Ok(folder)
    }

    /// Writes a part, whose rows are in order then; returns where it is.
    ///
    /// # Errors
    /// Those of the file system; nothing of the part is left then.
    pub fn write(&self, part: &mut Part, writer: &dyn PartWriter) -> io::Result<PathBuf> {
        let key = &part.key;
        let place = self
            .root
            .join(key.table.table().name)
            .join(format!("date={}", day_name(key.day)))
            .join(format!("host={}", host_name(&key.host)));
        make_folder(&place)?;
        let extension = writer.extension();
        let name = format!("part-{:016x}-{:05}.{extension}", key.log, part.number);
        let beside = place.join(format!(".{name}.{}{UNFINISHED}", self.process));
        let path = place.join(name);
        part.batch.sort_by_time();
        let batch = &part.batch;
        let done = new_file(&beside)
            .and_then(|file| {
                let mut out = BufWriter::new(file);
                writer.write(batch, &mut out)?;
                out.flush()?;
                // A machine that fails now must not leave a name without its bytes.
                out.get_ref().sync_data()
            })
            .and_then(|()| fs::rename(&beside, &path));
        if let Err(error) = done {
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        Ok(path)
    }

    /// Removes the parts of this run's logs that it did not write: those of an earlier run that made
    /// more of them. Only parts of some days, if only those were exported, and with this ending.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn remove_stale(
        &self,
        written: &BTreeSet<PathBuf>,
        days: Days,
        extension: &str,
    ) -> io::Result<usize> {
        let mut removed = 0;
        for path in self.files(days) {
            let is_stale = part_name(&path).is_some_and(|(log, ending)| {
                ending == extension && self.logs.contains(&log) && !written.contains(&path)
            });
            if is_stale {
                remove_if_there(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes unfinished files of this run's logs whose process is no more.
    fn clear_unfinished(&self) {
        for path in self.files(Days::default()) {
            if let Some((log, process)) = unfinished_name(&path)
                && self.logs.contains(&log)
                && !is_running(process)
            {
                // If it cannot go, neither can it be taken for a part.
                let _ = remove_if_there(&path);
            }
        }
    }

    /// Lists all files of the tables, in order.
    fn files(&self, days: Days) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for table in self.tables.tables() {
            for date in entries(&self.root.join(table.name)) {
                if !days.have(&date) {
                    continue;
                }
                for host in entries(&date) {
                    files.extend(entries(&host));
                }
            }
        }
        files
    }
}

impl Days {
    /// Tells whether a folder is that of one of these days.
    fn have(self, folder: &Path) -> bool {
        let name = folder.file_name().and_then(|name| name.to_str());
        let Some(date) = name.and_then(|name| name.strip_prefix("date=")) else {
            return false;
        };
        let begins = self.from.is_none_or(|from| date >= day_name(from).as_str());
        begins && self.to.is_none_or(|to| date < day_name(to).as_str())
    }
}

/// The entries of a folder, in order; none where there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Reads the log and the ending in the name of a part.
fn part_name(path: &Path) -> Option<(u64, &str)> {
    let name = path.file_name()?.to_str()?.strip_prefix("part-")?;
    let (log, rest) = name.split_once('-')?;
    let (_, extension) = rest.split_once('.')?;
    Some((u64::from_str_radix(log, 16).ok()?, extension))
}

/// Reads the log and the process in the name of an unfinished file.
fn unfinished_name(path: &Path) -> Option<(u64, u32)> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_prefix(".part-")?.strip_suffix(UNFINISHED)?;
    let (log, rest) = name.split_once('-')?;
    let (_, process) = rest.rsplit_once('.')?;
    let log = u64::from_str_radix(log, 16).ok()?;
    Some((log, process.parse().ok()?))
}

/// Tells whether a process runs; where that cannot be known, none does.
fn is_running(process: u32) -> bool {
    process != std::process::id() && Path::new("/proc").join(process.to_string()).exists()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes a folder that only its owner can look into, for log lines have addresses in them.
fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

/// A longer name does not fit into a file system's 255 bytes beside what is added to it.
const LONGEST_HOST: usize = 150;

/// What engines take for "no value".
const NO_HOST: &str = "__HIVE_DEFAULT_PARTITION__";

/// Returns a host's name for a path: what is no letter, digit, `.`, `-` or `_` is percent-encoded, as
/// engines read it back; of a long one the end is a hash.
fn host_name(host: &[u8]) -> String {
    if host.is_empty() {
        return NO_HOST.to_owned();
    }
    let mut name = String::new();
    for (at, byte) in host.iter().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_')
            || (*byte == b'.' && at > 0);
        if is_plain {
            name.push(char::from(*byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
        if name.len() > LONGEST_HOST {
            let hash = host.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            });
            name.truncate(LONGEST_HOST);
            let _ = write!(name, "~{hash:016x}");
            break;
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::super::batch::Batch;
    use super::super::gatherer::PartKey;
    use super::super::part_writer::CsvParts;
    use super::super::schemas::TableId;
    use super::*;

    fn part(log: u64, day: i64, number: u32) -> Part {
        let table = TableId::Logins;
        let mut batch = Batch::new(table.table());
        batch.int(0, day * 86_400_000_000);
        batch.end_row();
        let host = b"mx1".to_vec();
        let key = PartKey {
            table,
            day,
            host,
            log,
        };
        Part { key, number, batch }
    }

    fn names(root: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for date in entries(&root.join("logins")) {
            for file in entries(&date.join("host=mx1")) {
                let name = file.strip_prefix(root.join("logins")).unwrap();
                names.push(name.display().to_string());
            }
        }
        names
    }

    const FIRST: &str = "date=2026-11-20/host=mx1/part-000000000000000a-00000.csv";

    #[test]
    fn an_earlier_runs_surplus_goes_and_other_logs_stay() {
        let root = tempfile::tempdir().unwrap();
        let open = |log| Folder::open(root.path(), TableSet::ALL, &[log]).unwrap();
        let other = open(11).write(&mut part(11, 20_777, 0), &CsvParts).unwrap();
        let before = open(10);
        for (day, number) in [(20_777, 0), (20_777, 1), (20_778, 0)] {
            before.write(&mut part(10, day, number), &CsvParts).unwrap();
        }
        let again = open(10);
        let written = again.write(&mut part(10, 20_777, 0), &CsvParts).unwrap();
        let written = BTreeSet::from([written]);
        let first_day = Days {
            from: Some(20_777),
            to: Some(20_778),
        };
        assert_eq!(again.remove_stale(&written, first_day, "jsonl").unwrap(), 0);
        assert_eq!(again.remove_stale(&written, first_day, "csv").unwrap(), 1);
        assert_eq!(
            names(root.path()).len(),
            3,
            "the other day was not exported"
        );
        assert_eq!(
            again
                .remove_stale(&written, Days::default(), "csv")
                .unwrap(),
            1
        );
        let other = other.strip_prefix(root.path().join("logins")).unwrap();
        assert_eq!(names(root.path()), [FIRST, &other.display().to_string()]);
    }

    #[test]
    fn what_a_killed_run_left_goes_and_what_runs_stays() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path(), TableSet::ALL, &[10]).unwrap();
        folder.write(&mut part(10, 20_777, 0), &CsvParts).unwrap();
        let place = root.path().join("logins/date=2026-11-20/host=mx1");
        let left = |log: u64, process: u32| {
            let name = format!(".part-{log:016x}-00001.csv.{process}{UNFINISHED}");
            fs::write(place.join(&name), "half").unwrap();
            place.join(name)
        };
        let (killed, others) = (left(10, u32::MAX - 1), left(11, u32::MAX - 1));
        // Process 1 always runs.
        let running = left(10, 1);
        Folder::open(root.path(), TableSet::ALL, &[10]).unwrap();
        assert!(!killed.exists(), "its process is no more");
        assert!(others.exists(), "that log is not ours to clear");
        assert!(running.exists() || !Path::new("/proc/1").exists());
    }

    #[test]
    fn hosts_are_names_of_folders() {
        assert_eq!(host_name(b"mx1.example.org"), "mx1.example.org");
        assert_eq!(host_name(b"MX_1"), "MX_1");
        assert_eq!(host_name(b""), NO_HOST);
        assert_eq!(host_name(b"../../etc"), "%2E.%2F..%2Fetc");
        assert_eq!(host_name(b"a/b\0\n=\xff"), "a%2Fb%00%0A%3D%FF");
        let (one, other) = (host_name(&[b'a'; 5000]), host_name(&[b'a'; 5001]));
        assert!(one.len() < 200 && one != other);
    }
}
