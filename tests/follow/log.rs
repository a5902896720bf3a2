//! A log as a daemon and logrotate treat it, and all lines that were written to it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Raises an alert at once for each marker.
pub(crate) const MARKER_RULE: &str = "\
[[rule]]
name = 'marker'
about = 'a line that a test waits for'
next = 'go on'
class = 'background'
severity = 'info'
key = ['pid']
within = '1m'
on = [{ kinds = ['smtpd_lost_connection'] }]
";

/// So many rotated files are kept.
const KEPT: u32 = 40;

pub(crate) struct Log {
    path: PathBuf,
    daemon: File,
    /// The rest of a line that was begun.
    rest: String,
    is_renamed: bool,
    pub(crate) lines: Vec<String>,
}

impl Log {
    pub(crate) fn new(folder: &Path) -> Self {
        let path = folder.join("mail.log");
        Log {
            daemon: append(&path),
            path,
            rest: String::new(),
            is_renamed: false,
            lines: Vec::new(),
        }
    }

    /// Makes the next line: its process id is its number. Every third is a failed login.
    fn line(&mut self, text: Option<&str>) -> String {
        let number = self.lines.len() + 1;
        let (minute, second) = (number / 600, number / 10 % 60);
        let (hour, minute, tenth) = (10 + minute / 60, minute % 60, number % 10);
        let user = number % 7;
        let failed = format!(
            "warning: unknown[203.0.113.{}]: SASL LOGIN authentication failed: \
             authentication failure, sasl_username=user{user}",
            number % 2
        );
        let removed = format!("connect from unknown[198.51.100.{}]", number % 200);
        let text = text.unwrap_or(if number.is_multiple_of(3) {
            &failed
        } else {
            &removed
        });
        let line = format!(
            "2026-11-21T{hour:02}:{minute:02}:{second:02}.{tenth}00000+01:00 mx1 \
             postfix/smtpd[{number}]: {text}\n"
        );
        self.lines.push(line.clone());
        line
    }

    pub(crate) fn write(&mut self, lines: u64) {
        self.end_line();
        for _ in 0..lines {
            let line = self.line(None);
            self.daemon.write_all(line.as_bytes()).unwrap();
        }
    }

    pub(crate) fn write_half(&mut self) {
        self.end_line();
        let line = self.line(None);
        let (first, rest) = line.split_at(line.len() / 2);
        self.daemon.write_all(first.as_bytes()).unwrap();
        self.rest = rest.to_owned();
    }

    pub(crate) fn end_line(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        self.daemon.write_all(rest.as_bytes()).unwrap();
    }

    /// Writes a line to wait for; returns how it shows in what follows the log.
    pub(crate) fn write_marker(&mut self) -> String {
        self.end_line();
        let line = self.line(Some("lost connection after AUTH from unknown[192.0.2.1]"));
        self.daemon.write_all(line.as_bytes()).unwrap();
        self.marker()
    }

    /// How the last line shows in what follows the log.
    pub(crate) fn marker(&self) -> String {
        self.lines.len().to_string()
    }

    fn rotated(&self, turn: u32, suffix: &str) -> PathBuf {
        self.path.with_file_name(format!("mail.log.{turn}{suffix}"))
    }

    fn shift(&self) {
        for turn in (1..KEPT).rev() {
            for suffix in ["", ".gz"] {
                let _ = fs::rename(self.rotated(turn, suffix), self.rotated(turn + 1, suffix));
            }
        }
    }

    /// The daemon keeps the renamed file open.
    pub(crate) fn rename(&mut self) {
        self.shift();
        fs::rename(&self.path, self.rotated(1, "")).unwrap();
        self.is_renamed = true;
    }

    pub(crate) fn reopen(&mut self) {
        self.end_line();
        self.daemon = append(&self.path);
        self.is_renamed = false;
    }

    pub(crate) fn copy_and_empty(&mut self) {
        self.shift();
        fs::copy(&self.path, self.rotated(1, "")).unwrap();
        self.daemon.set_len(0).unwrap();
    }

    pub(crate) fn pack(&mut self) {
        for turn in 1 + u32::from(self.is_renamed)..=KEPT {
            let plain = self.rotated(turn, "");
            if let Ok(text) = fs::read(&plain) {
                let packed = File::create(self.rotated(turn, ".gz")).unwrap();
                let mut packer = GzEncoder::new(packed, Compression::fast());
                packer.write_all(&text).unwrap();
                packer.finish().unwrap();
                fs::remove_file(plain).unwrap();
            }
        }
    }

    pub(crate) fn empty(&mut self) {
        self.daemon.set_len(0).unwrap();
    }

    pub(crate) fn recreate(&mut self) {
        fs::remove_file(&self.path).unwrap();
        self.daemon = append(&self.path);
    }
}

fn append(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.append(true).create(true).open(path).unwrap()
}
