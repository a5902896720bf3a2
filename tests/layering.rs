//! Who may use whom: an arrow between two rooms of `src/` that the design does not name fails here.
//!
//! The table is that of the design's section 2, with the outside crates left out: those show in
//! `Cargo.toml`. A new room gets a row.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room of `src/` and the rooms that it may use.
const ROOMS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("state", &["source", "tally"]),
    ("filter", &[]),
    ("tally", &[]),
    ("select", &["source", "filter", "tally", "export"]),
    ("pipeline", &["source", "tally", "select", "privacy"]),
    // Containers are taken off in one place.
    ("privacy", &["source"]),
    ("report", &["tally"]),
    // How rows are written: no more than a format.
    ("csv", &[]),
    ("render", &["report", "csv"]),
    ("export", &["tally", "csv"]),
    ("score", &["tally", "filter"]),
    ("trace", &["tally", "filter"]),
    // It makes sections and figures of its own.
    ("rules", &["tally", "filter", "report"]),
    ("blocklist", &["tally", "filter", "score"]),
    (
        "watch",
        &[
            "source", "state", "pipeline", "filter", "tally", "report", "render", "score", "export",
        ],
    ),
    // Its own counting: a drop-in keeps the original's numbers, defects and all. The rules of what
    // counts in the mended ones are the tally's.
    ("pflogsumm", &["source", "tally"]),
    ("config", &[]),
    (
        "cli",
        &[
            "source",
            "state",
            "pipeline",
            "privacy",
            "pflogsumm",
            "filter",
            "select",
            "tally",
            "report",
            "csv",
            "render",
            "export",
            "score",
            "trace",
            "rules",
            "blocklist",
            "watch",
            "config",
        ],
    ),
];

/// Words that no pure room may say: files, sockets, environment, clocks, prints.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "SystemTime",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "stdout()",
    "stderr()",
    "println!",
    "eprintln!",
];

/// A Rust file of the project, comments taken out.
struct Source {
    path: PathBuf,
    code: String,
}

#[test]
fn rooms_use_only_what_their_row_names() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let Some(room) = room_of(&source.path) else {
            continue;
        };
        let row = ROOMS.iter().find(|(name, _)| *name == room);
        let Some((_, allowed)) = row else {
            wrong.push(format!(
                "{}: room `{room}` has no row",
                source.path.display()
            ));
            continue;
        };
        for used in rooms_used(&source.code) {
            if used != room && !allowed.contains(&used.as_str()) {
                let path = source.path.display();
                wrong.push(format!("{path}: `{room}` may not use `{used}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_touch_nothing_outside() {
    let mut wrong = Vec::new();
    let files = [
        "parsers/src",
        "src/tally",
        "src/report",
        "src/pflogsumm",
        "src/filter",
        "src/rules",
    ];
    for source in files.into_iter().flat_map(sources) {
        let product = source.code.split("#[cfg(test)]").next().unwrap_or("");
        for word in IMPURE.iter().filter(|word| product.contains(**word)) {
            wrong.push(format!("{}: `{word}`", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn sees_an_arrow_in_every_spelling() {
    let code = "use crate::source::Chunks;\nuse crate::{\n    tally::{Tally, Totals},\n    render,\n};\n\
                fn f() -> crate::report::Report { $crate::pipeline::run() }\n// crate::comment\n\
                use crate::fields as crate_fields; use mailtally::watch;";
    let used = rooms_used(&without_comments(code));
    let expected = [
        "fields", "pipeline", "render", "report", "source", "tally", "watch",
    ];
    assert_eq!(used.into_iter().collect::<Vec<_>>(), expected);
}

/// Reads all Rust files below a folder of the project.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(&root.join(folder), &mut found);
    assert!(!found.is_empty(), "no Rust file below {folder}");
    for source in &mut found {
        source.path = source.path.strip_prefix(root).unwrap().to_path_buf();
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let code = without_comments(&fs::read_to_string(&path).unwrap());
            found.push(Source { path, code });
        }
    }
}

/// Returns the room that a file belongs to; `lib.rs` and `main.rs` belong to none.
fn room_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix("src").ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(first, "lib.rs" | "main.rs")).then(|| room.to_owned())
}

fn without_comments(code: &str) -> String {
    let lines = code.lines().map(|line| {
        let is_comment = line.trim_start().starts_with("//");
        let end = line.find(" // ").unwrap_or(line.len());
        if is_comment { "" } else { &line[..end] }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Lists what stands directly behind `crate::`, also in braces.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for root in ["crate::", "mailtally::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let behind = &code[at + root.len()..];
            match behind.strip_prefix('{') {
                Some(group) => used.extend(first_words_of_group(group)),
                None => used.extend(first_word(behind)),
            }
        }
    }
    used
}

fn first_word(code: &str) -> Option<String> {
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_');
    let word = &code[..end.unwrap_or(code.len())];
    // An item of the crate's root starts in upper case or is a macro; a room is neither.
    let is_room = word.starts_with(|c: char| c.is_lowercase());
    is_room.then(|| word.to_owned())
}

/// Returns the first word of each member of `{a::b, c::{d, e}}`, given from behind the brace.
fn first_words_of_group(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut member = String::new();
    let mut words = Vec::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' => break,
            ',' if depth == 0 => words.extend(first_word(std::mem::take(&mut member).trim())),
            _ => {}
        }
        if depth == 0 && c != ',' {
            member.push(c);
        }
    }
    words.extend(first_word(member.trim()));
    words
}
