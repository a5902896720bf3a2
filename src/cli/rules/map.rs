//! Reading the site's maps: `--map [TYPE:]FILE`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cli::kinds::close_to;
use crate::cli::messages::say;
use crate::rules::{Kind, Maps, Table, TableError};

#[derive(Args, Debug)]
pub(super) struct MapArguments {
    /// A map of the site's rules: header and body checks, access and cidr tables. The type is told by
    /// the content, or before the name as in main.cf: pcre:/etc/postfix/header_checks. May be repeated
    #[arg(long = "map", value_name = "[TYPE:]FILE")]
    maps: Vec<std::ffi::OsString>,
}

/// Types whose tables have no file, or one that is no text.
const TYPES: [&str; 10] = [
    "regexp", "pcre", "cidr", "texthash", "hash", "btree", "lmdb", "dbm", "sdbm", "cdb",
];

impl MapArguments {
    /// Reads all maps that were named.
    ///
    /// # Errors
    /// One cannot be read, is no table, or is named twice.
    pub(super) fn read(&self) -> Result<Maps> {
        let mut tables: Vec<Table> = Vec::new();
        for named in &self.maps {
            let table = read(named)?;
            if tables.iter().any(|known| known.name == table.name) {
                bail!("--map: {} is named twice", table.name);
            }
            tables.push(table);
        }
        Ok(Maps::new(tables))
    }
}

fn read(named: &OsStr) -> Result<Table> {
    let (kind, path) = split_type(named);
    let name = path.display().to_string();
    if let Some(kind) = kind.filter(|kind| Kind::of_type(kind).is_none()) {
        let close = close_to(kind, TYPES.into_iter());
        if !close.is_empty() {
            bail!(
                "--map: no table has the type `{kind}`; close ones: {}",
                close.join(", ")
            );
        }
        return Err(TableError::Type(kind.to_owned())).context("--map");
    }
    let content = fs::read(path).with_context(|| format!("cannot read the map {name}"))?;
    let table = Table::parse(&name, kind, &content).with_context(|| format!("--map {name}"))?;
    if table.is_empty() {
        say(&format!("{name}: there is no rule in it"));
    }
    Ok(table)
}

/// Splits `pcre:/etc/postfix/header_checks`; `proxy:` before a type changes nothing of it.
///
/// A type is a word of small letters. Where a file has the whole name, there is none.
fn split_type(named: &OsStr) -> (Option<&str>, &Path) {
    let whole = Path::new(named);
    let bytes = named.as_bytes();
    let bytes = bytes.strip_prefix(b"proxy:").unwrap_or(bytes);
    let Some((kind, path)) = memchr::memchr(b':', bytes).and_then(|at| bytes.split_at_checked(at))
    else {
        return (None, Path::new(OsStr::from_bytes(bytes)));
    };
    let is_word = !kind.is_empty() && kind.iter().all(u8::is_ascii_lowercase);
    let (Ok(kind), Some(path)) = (std::str::from_utf8(kind), path.get(1..)) else {
        return (None, whole);
    };
    if !is_word || path.is_empty() || whole.exists() {
        return (None, whole);
    }
    (Some(kind), Path::new(OsStr::from_bytes(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_before_a_colon_is_a_type() {
        for (named, kind, path) in [
            ("pcre:/etc/postfix/x", Some("pcre"), "/etc/postfix/x"),
            ("proxy:hash:/etc/postfix/x", Some("hash"), "/etc/postfix/x"),
            ("/etc/postfix/a:b", None, "/etc/postfix/a:b"),
            ("header_checks", None, "header_checks"),
            ("pcre:", None, "pcre:"),
        ] {
            let found = split_type(OsStr::new(named));
            assert_eq!(found, (kind, Path::new(path)), "{named}");
        }
    }
}
