//! Patterns and folders, whose files come and go.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};

use super::files::length_and_identity;
use crate::source::open::Identity;
use crate::source::rotated;

/// What `*` stands for: as in a shell, neither a slash nor the dot of a hidden file.
const AS_IN_A_SHELL: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A pattern such as `/var/log/mail*.log`, or all files of a folder.
pub(super) struct Pattern {
    /// As it was named.
    pub(super) name: PathBuf,
    text: String,
    /// Files that cannot be followed, as they were when that was found out.
    refused: BTreeMap<PathBuf, (u64, Identity)>,
}

impl Pattern {
    /// Makes a pattern of a name that has wildcards in it or is a folder; `None` for the name of a
    /// file, be it there or not.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if path.is_file() {
            return None;
        }
        let text = path.to_str()?;
        let text = if path.is_dir() {
            format!("{}/*", glob::Pattern::escape(text.trim_end_matches('/')))
        } else if text.contains(['*', '?', '[']) {
            text.to_owned()
        } else {
            return None;
        };
        glob::Pattern::new(&text).ok()?;
        Some(Pattern {
            name: path.to_owned(),
            text,
            refused: BTreeMap::new(),
        })
    }

    /// Returns the folder in which files may come, as far as it has no wildcards itself.
    pub(super) fn folder(&self) -> &Path {
        if self.name.is_dir() {
            return &self.name;
        }
        let is_plain = |folder: &&Path| !folder.to_string_lossy().contains(['*', '?', '[']);
        let folder = self.name.ancestors().skip(1).find(is_plain);
        folder
            .filter(|folder| *folder != Path::new(""))
            .unwrap_or(Path::new("."))
    }

    /// Lists the files that are there now, but for those that were refused and did not change since.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let Ok(found) = glob_with(&self.text, AS_IN_A_SHELL) else {
            return Vec::new();
        };
        let is_new = |path: &PathBuf| match self.refused.get(path) {
            Some(refused) => length_and_identity(path).as_ref() != Some(refused),
            None => true,
        };
        found
            .flatten()
            .filter(|path| path.is_file())
            .filter(is_new)
            .collect()
    }

    /// Tells whether a file that was followed before is one of the pattern.
    pub(super) fn matches(&self, path: &Path) -> bool {
        let pattern = glob::Pattern::new(&self.text);
        pattern.is_ok_and(|pattern| pattern.matches_path_with(path, AS_IN_A_SHELL))
    }

    /// Notes that a file cannot be followed as it is.
    pub(super) fn refuse(&mut self, path: &Path) {
        if let Some(seen) = length_and_identity(path) {
            self.refused.insert(path.to_owned(), seen);
        }
        self.refused
            .retain(|path, _| fs::exists(path).unwrap_or(true));
    }
}

/// Leaves the rotated siblings of other logs out: they are read where they are needed.
pub(super) fn without_siblings(mut found: Vec<PathBuf>, followed: &[PathBuf]) -> Vec<PathBuf> {
    let mut logs = followed.to_vec();
    logs.extend_from_slice(&found);
    found.retain(|path| !logs.iter().any(|log| rotated::is_sibling(path, log)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_wildcards_and_folders_are_patterns() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("odd[1].log"), "").unwrap();
        fs::write(at("mail.log"), "").unwrap();
        fs::write(at(".hidden"), "").unwrap();
        fs::create_dir(at("more")).unwrap();
        assert!(Pattern::of(&at("mail.log")).is_none());
        assert!(Pattern::of(&at("odd[1].log")).is_none());
        assert!(Pattern::of(&at("later.log")).is_none());
        let all = Pattern::of(folder.path()).unwrap();
        assert_eq!(all.files(), [at("mail.log"), at("odd[1].log")]);
        assert_eq!(all.folder(), folder.path());
        let some = Pattern::of(&at("*.log")).unwrap();
        assert_eq!(some.files(), all.files());
        assert_eq!(some.folder(), folder.path());
        assert_eq!(Pattern::of(&at("*/x*")).unwrap().folder(), folder.path());
    }

    #[test]
    fn what_was_refused_is_looked_at_again_when_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wtmp");
        fs::write(&path, [0; 5]).unwrap();
        let mut all = Pattern::of(folder.path()).unwrap();
        all.refuse(&path);
        assert!(all.files().is_empty());
        fs::write(&path, "longer").unwrap();
        assert_eq!(all.files(), [path]);
    }

    #[test]
    fn rotated_siblings_are_no_logs_of_their_own() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let found = paths(&[
            "/l/mail.log",
            "/l/mail.log.1",
            "/l/mail.log.2.gz",
            "/l/mail.err",
        ]);
        let kept = without_siblings(found, &[]);
        assert_eq!(kept, paths(&["/l/mail.log", "/l/mail.err"]));
        let rotating = without_siblings(paths(&["/l/mail.log.1"]), &paths(&["/l/mail.log"]));
        assert!(rotating.is_empty());
        let elsewhere = paths(&["/m/mail.log.1"]);
        assert_eq!(
            without_siblings(elsewhere.clone(), &paths(&["/l/mail.log"])),
            elsewhere
        );
    }
}
