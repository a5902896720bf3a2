//! Where a mail log is when the user names none.
//!
//! Postfix's own log file, the two files of the common syslog set-ups, then the journal: Debian has
//! installed no syslog daemon since version 12.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::input::Input;
use super::journalctl::JournalOutput;
use super::problem::{Notice, SourceError};

/// The places where a mail log may be.
#[derive(Clone, Debug)]
pub struct Places {
    /// Postfix's configuration, which may name a `maillog_file`.
    pub main_cf: PathBuf,
    /// The files of syslog daemons.
    pub logs: Vec<PathBuf>,
    /// The program that reads the journal.
    pub journalctl: OsString,
}

impl Default for Places {
    fn default() -> Self {
        Places {
            main_cf: "/etc/postfix/main.cf".into(),
            logs: vec!["/var/log/mail.log".into(), "/var/log/maillog".into()],
            journalctl: "journalctl".into(),
        }
    }
}

/// There is no mail log that this user may read. Two lines: where was looked, and what to do.
#[derive(Debug, thiserror::Error)]
#[error(
    "no mail log to read: {}\n\
     name the log files, or let this user read them: sudo usermod -aG adm,systemd-journal USER, \
     then log in anew",
    looked.join("; ")
)]
pub struct NothingToRead {
    looked: Vec<String>,
}

impl Places {
    /// Finds the mail log of this machine, and says which it is.
    ///
    /// # Errors
    /// When there is none, or none that may be read.
    pub fn find_log(&self) -> Result<(Input, Notice), NothingToRead> {
        let mut looked = Vec::new();
        let own = maillog_file(&self.main_cf);
        if own.is_none() {
            looked.push(format!("{} names no maillog_file", self.main_cf.display()));
        }
        for path in own.iter().chain(&self.logs) {
            match may_read(path) {
                Ok(()) => return Ok((Input::File(path.clone()), Notice::Chosen(path.clone()))),
                Err(error) => looked.push(format!("{}: {}", path.display(), short(&error))),
            }
        }
        match JournalOutput::has_lines(&self.journalctl) {
            Ok(true) => {
                let input = Input::Journal {
                    program: self.journalctl.clone(),
                    since: None,
                    until: None,
                };
                return Ok((input, Notice::Chosen("the journal".into())));
            }
            Ok(false) => looked.push("the journal has no mail that this user may see".into()),
            Err(error) => looked.push(format!("the journal: {error}")),
        }
        Err(NothingToRead { looked })
    }
}

fn may_read(path: &Path) -> Result<(), SourceError> {
    if fs::metadata(path)?.is_dir() {
        return Err(SourceError::Directory(path.display().to_string()));
    }
    File::open(path)?;
    Ok(())
}

fn short(error: &SourceError) -> String {
    match error {
        SourceError::Missing => "does not exist".into(),
        SourceError::Denied => "permission denied".into(),
        SourceError::Directory(_) => "is a directory".into(),
        other => other.to_string(),
    }
}

/// Reads `maillog_file` out of main.cf; the last one counts.
///
/// A value with `$` in it, and `/dev/stdout` of containers, are not followed.
fn maillog_file(main_cf: &Path) -> Option<PathBuf> {
    let text = fs::read(main_cf).ok()?;
    let text = String::from_utf8_lossy(&text);
    let mut values = text.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        // A line that begins with a blank goes on with the one above it.
        (name.trim_end() == "maillog_file").then(|| value.trim())
    });
    let value = values.next_back().filter(|value| value.starts_with('/'))?;
    let is_file = !value.contains('$') && !value.starts_with("/dev/");
    is_file.then(|| value.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn places(folder: &Path) -> Places {
        Places {
            main_cf: folder.join("main.cf"),
            logs: vec![folder.join("mail.log"), folder.join("maillog")],
            journalctl: folder.join("journalctl").into(),
        }
    }

    fn script(path: &Path, text: &str) {
        fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn takes_postfixs_own_log_first_then_syslogs_then_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let chosen = || places.find_log().unwrap().0;
        script(&folder.path().join("journalctl"), "echo '{}'");
        assert!(matches!(chosen(), Input::Journal { .. }));
        for name in ["maillog", "mail.log"] {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            assert_eq!(chosen(), Input::File(path));
        }
        let own = folder.path().join("postfix.log");
        fs::write(&own, "").unwrap();
        let lines = format!(
            "# maillog_file = /a\nmaillog_file_rotate = b\nmaillog_file=/c\nmaillog_file = {}\n",
            own.display()
        );
        fs::write(&places.main_cf, lines).unwrap();
        assert_eq!(chosen(), Input::File(own.clone()));
        assert_eq!(places.find_log().unwrap().1, Notice::Chosen(own));
    }

    #[test]
    fn says_in_two_lines_where_it_looked_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        fs::create_dir(folder.path().join("maillog")).unwrap();
        script(
            &folder.path().join("journalctl"),
            "echo not allowed >&2; exit 1",
        );
        let error = places.find_log().unwrap_err().to_string();
        let lines: Vec<&str> = error.lines().collect();
        let [looked, advice] = lines[..] else {
            panic!("{error}")
        };
        for part in [
            "main.cf names no maillog_file",
            "mail.log: does not exist",
            "maillog: is a directory",
            "not allowed",
        ] {
            assert!(looked.contains(part), "{looked}");
        }
        assert!(advice.contains("adm"), "{advice}");
    }

    #[test]
    fn does_not_follow_what_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main.cf");
        for value in ["", "/dev/stdout", "$config_directory/log", "relative"] {
            fs::write(&path, format!("maillog_file = {value}\n")).unwrap();
            assert_eq!(maillog_file(&path), None, "{value}");
        }
        assert_eq!(maillog_file(folder.path()), None);
    }
}
