//! `--rotated`: the rotated siblings of the logs that are read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::messages::say;
use crate::source::{self, Input};

/// So many names are said; of more than that only the first and the last one.
const MOST_NAMES: usize = 8;

/// Adds to each file its rotated siblings that are not there yet, and says which.
pub(super) fn add_siblings(inputs: Vec<Input>) -> Vec<Input> {
    let mut known: BTreeSet<PathBuf> = inputs.iter().filter_map(file).map(real).collect();
    let mut found = Vec::new();
    for path in inputs.iter().filter_map(file) {
        let siblings = source::siblings(path).into_iter();
        found.extend(siblings.filter(|sibling| known.insert(real(sibling))));
    }
    say(&told(&found));
    found.into_iter().map(Input::File).chain(inputs).collect()
}

fn file(input: &Input) -> Option<&Path> {
    match input {
        Input::File(path) => Some(path),
        _ => None,
    }
}

/// The one path of a file that has several; of one that is not there the one that it is named by.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn told(found: &[PathBuf]) -> String {
    let name = |path: &PathBuf| path.display().to_string();
    match found {
        [] => "--rotated: no rotated files were found".to_owned(),
        [first, .., last] if found.len() > MOST_NAMES => format!(
            "reading {} rotated files too, {} to {}",
            found.len(),
            first.display(),
            last.display()
        ),
        few => format!(
            "reading rotated files too: {}",
            few.iter().map(name).collect::<Vec<_>>().join(", ")
        ),
    }
}
