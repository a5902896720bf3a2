//! `--split-by`: a report for each value of one field, from one pass over the logs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum, value_parser};
use sha2::{Digest, Sha256};

use super::input::{self, InputArguments, Read};
use super::messages::say;
use super::output::{self, Printed};
use super::report::LayoutArguments;
use super::unparsed::UnparsedArguments;
use super::{Format, Outcome};
use crate::pipeline::{self, PartTallies};
use crate::report::{self, Meta, Options};
use crate::select::{By, CHUNK_BYTES, Selection, Sorter, Split};
use crate::source::{self, Order};
use crate::tally::Wanted;
use crate::tally::totals::LineCounts;

#[derive(Args, Debug)]
pub(super) struct SplitArguments {
    /// Write a report for each value of this field to the folder --out, from one pass over the logs
    #[arg(
        long, value_enum, value_name = "FIELD", requires = "out",
        conflicts_with_all = ["queue", "fail_on", "unparsed", "pseudonymize", "anonymize_ip"]
    )]
    split_by: Option<SplitBy>,
    /// So many values at most have reports of their own, as the log names them; the rest is in the
    /// one called `other`
    #[arg(
        long, value_name = "N", default_value_t = 100, requires = "split_by",
        value_parser = value_parser!(u32).range(1..=10_000)
    )]
    split_max: u32,
}

/// The fields that reports are split by.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum SplitBy {
    /// The host that logged
    Host,
    /// The first element of the tag, such as `postfix` or `postfix-out`
    Instance,
    /// The domain of recipients: the mails to it, and their deliveries there
    #[value(name = "recipient_domain", alias = "recipient-domain")]
    RecipientDomain,
}

impl SplitArguments {
    /// Returns what was asked for.
    pub(super) fn split(&self) -> Option<Split> {
        let by = match self.split_by? {
            SplitBy::Host => By::Host,
            SplitBy::Instance => By::Instance,
            SplitBy::RecipientDomain => By::RecipientDomain,
        };
        Some(Split {
            by,
            most: self.split_max,
        })
    }
}

/// What is asked for beside the split.
pub(super) struct Asked<'a> {
    pub(super) input: &'a InputArguments,
    pub(super) layout: &'a LayoutArguments,
    pub(super) selection: &'a Selection,
    pub(super) options: Options,
    pub(super) wanted: Wanted,
    /// What a reader of each part must know.
    pub(super) notes: Vec<String>,
    /// Whether to say where the time went.
    pub(super) timings: bool,
}

/// Counts and writes all parts.
pub(super) fn run(asked: &Asked<'_>, split: Split, folder: &Path) -> Result<Outcome> {
    output::make_folder(folder)?;
    let options = source::Options {
        order: Order::Log,
        chunk_bytes: CHUNK_BYTES,
        ..asked.input.options()?
    };
    let nothing = UnparsedArguments::default();
    let count = |chunks: &mut dyn Iterator<Item = source::Chunk>, options: &pipeline::Options| {
        let selection = asked.selection.clone();
        let mut sorter = Sorter::new(chunks, selection, Some(split), options.windows);
        let marks = sorter.marks();
        let (tallies, timings) = pipeline::parts(&mut sorter, options, &marks)?;
        let (values, is_beyond) = sorter.into_values();
        let parts = Parts {
            tallies,
            values,
            is_beyond,
        };
        Ok((parts, timings))
    };
    let (parts, mut read) =
        input::read(asked.input, &nothing, &options, asked.wanted, None, count)?;
    let is_beyond = parts.is_beyond;
    let written = parts.write(asked, split, folder, &read)?;
    let field = split.by.field();
    let name = folder.display();
    match written.reports {
        0 => say(&format!(
            "{name}: no line says a {field}, so there is no report"
        )),
        1 => say(&format!("{name} has 1 report by {field}")),
        count => say(&format!("{name} has {count} reports by {field}")),
    }
    if is_beyond {
        say(&format!(
            "there are more than {} values of {field}: the rest is in `{OTHER}` (--split-max)",
            split.most
        ));
    }
    read.look_at(&written.lines);
    if asked.timings {
        say(&read.timings(written.finish).to_string());
    }
    Ok(read.outcome())
}

/// The parts of the logs, counted.
struct Parts {
    tallies: PartTallies,
    /// The values with the numbers of their parts.
    values: Vec<(Vec<u8>, u32)>,
    is_beyond: bool,
}

/// What was written.
#[derive(Default)]
struct Written {
    reports: usize,
    /// The lines of all parts: those that are in none are in no class.
    lines: LineCounts,
    finish: Duration,
}

impl Parts {
    /// Writes the parts in order of their values, one in memory at a time.
    fn write(
        mut self,
        asked: &Asked<'_>,
        split: Split,
        folder: &Path,
        read: &Read<'_>,
    ) -> Result<Written> {
        let mut written = Written::default();
        written.lines.read = self.tallies.lines();
        let started = Instant::now();
        let field = split.by.field();
        let own = self.values.len();
        for (value, part) in std::mem::take(&mut self.values) {
            let only = format!("{field}={}", String::from_utf8_lossy(&value));
            let place = folder.join(file_name(&value));
            self.write_part(part, only, &place, asked, read, &mut written)?;
        }
        let only = match self.is_beyond {
            true => format!("{field} none of the {own} that have reports of their own"),
            false => format!("no {field}"),
        };
        self.write_part(0, only, &folder.join(OTHER), asked, read, &mut written)?;
        written.finish = started.elapsed();
        Ok(written)
    }

    /// Writes one part, if there is a line in it.
    fn write_part(
        &mut self,
        part: u32,
        only: String,
        place: &Path,
        asked: &Asked<'_>,
        read: &Read<'_>,
        written: &mut Written,
    ) -> Result<()> {
        let Some(tally) = self.tallies.take(part) else {
            return Ok(());
        };
        let totals = tally.finish();
        written.reports += 1;
        written.lines.foreign += totals.coverage.lines.foreign;
        let mut meta: Meta = read.meta();
        meta.conditions = input::words(asked.selection);
        meta.conditions.push(only);
        meta.notes.extend(asked.notes.iter().cloned());
        let report = report::report(&totals, &meta, &asked.options);
        let format = asked.layout.format();
        let printed = Printed {
            report: &report,
            totals: &totals,
            options: &asked.options,
        };
        output::save(&printed, format, &with_extension(place, format))
    }
}

/// The report of what is in no other one.
const OTHER: &str = "other";

/// Names that are taken, or that a web server shows instead of the folder.
const TAKEN: [&str; 2] = [OTHER, "index"];

/// Longer names do not fit into a file system's 255 bytes beside what is added to them.
const LONGEST_NAME: usize = 100;

/// How many bytes of a hash keep two values apart whose names would be the same.
const HASH_BYTES: usize = 6;

/// Returns a name for the file of a value: the value itself where it is plain, else what is plain of
/// it, and a part of its hash behind a `~`, which no plain value has.
fn file_name(value: &[u8]) -> String {
    let plain = |byte: &u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(*byte),
        b'A'..=b'Z' => char::from(byte.to_ascii_lowercase()),
        _ => '_',
    };
    let mut name: String = value.iter().take(LONGEST_NAME).map(plain).collect();
    if name.starts_with(['.', '-']) {
        name.replace_range(..1, "_");
    }
    if name.is_empty() {
        name.push('_');
    }
    if name.as_bytes() == value && !TAKEN.contains(&name.as_str()) {
        return name;
    }
    name.push('~');
    for byte in Sha256::digest(value).iter().take(HASH_BYTES) {
        name += &format!("{byte:02x}");
    }
    name
}

/// Adds what files of a format end in; CSV is a folder of files.
fn with_extension(place: &Path, format: Format) -> PathBuf {
    let extension = match format {
        Format::Prometheus => ".prom",
        Format::Text => ".txt",
        Format::Json => ".json",
        Format::Html => ".html",
        Format::Markdown => ".md",
        Format::Csv => "",
    };
    let mut name: OsString = place.as_os_str().to_owned();
    name.push(extension);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn plain_values_are_names() {
        for value in [
            "example.com",
            "mx-1",
            "postfix_out",
            "192.0.2.1",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(file_name(value.as_bytes()), value);
        }
    }

    /// Whatever stands in a log, a name stays in its folder, and no two values share one, not even
    /// where capitals say nothing.
    #[test]
    fn hostile_values_get_harmless_names_of_their_own() {
        let long = "a".repeat(5_000);
        let longer = "a".repeat(5_001);
        let values: [&[u8]; 22] = [
            b"",
            b".",
            b"..",
            b"../..",
            b"../../etc/passwd",
            b"/etc/passwd",
            b"a/b",
            b"a\\b",
            b"a\0b",
            b"a\nb",
            b"-rf",
            b"MX1",
            b"Mx1",
            b"mx1",
            b"other",
            b"index",
            b"Other",
            b"a~b",
            b"\xff\xfe",
            "b\u{fc}cher.example".as_bytes(),
            long.as_bytes(),
            longer.as_bytes(),
        ];
        let mut names = BTreeSet::new();
        for value in values {
            let name = file_name(value);
            let is_plain =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-~".contains(c);
            assert!(name.chars().all(is_plain), "{name}");
            assert!(
                !name.starts_with(['.', '-', '~']) && name.len() < 120,
                "{name}"
            );
            assert!(name != OTHER && name != "index");
            assert!(names.insert(name), "{value:?}");
        }
        assert!(file_name(b"MX1").starts_with("mx1~"));
    }

    #[test]
    fn dots_in_values_are_no_extensions() {
        let path = with_extension(Path::new("out/example.com"), Format::Json);
        assert_eq!(path, Path::new("out/example.com.json"));
        let folder = with_extension(Path::new("out/example.com"), Format::Csv);
        assert_eq!(folder, Path::new("out/example.com"));
    }
}
