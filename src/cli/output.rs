//! Where a report goes: standard output, a file, or a folder with a file for each section.
//!
//! Files are the owner's alone, for log lines have addresses in them (metrics do not). A file that is there is
//! replaced as a whole, so that nobody sees half of one and a nightly job can write the same name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::Format;
use super::paper;
use crate::render::{self, Exposition, Paper};
use crate::report::{self, Options, Report, Section};
use crate::tally::totals::Totals;

/// A report, and what metrics are made of.
pub(super) struct Printed<'a, F> {
    pub(super) report: &'a Report<F>,
    pub(super) totals: &'a Totals,
    pub(super) options: &'a Options,
}

/// Writes a report to standard output.
pub(super) fn print<F: Serialize>(
    printed: &Printed<'_, F>,
    format: Format,
    colour: paper::Colour,
) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match format {
        Format::Csv => return print_csv(&printed.report.sections, &mut out),
        _ => render(printed, format, paper::of_standard_output(colour), &mut out),
    };
    let written = written.and_then(|()| out.flush());
    written.context("cannot write the report to standard output")
}

/// Writes a schema to standard output.
pub(super) fn print_schema(schema: &serde_json::Value) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = serde_json::to_writer_pretty(&mut out, schema).map_err(io::Error::from);
    let written = written
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    written.context("cannot write the schema to standard output")
}

/// Writes to standard output what is no report.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.context("cannot write to standard output")
}

/// Writes to a file what is no report.
pub(super) fn save_bytes(bytes: &[u8], path: &Path) -> Result<()> {
    replace(path, 0o600, |out| out.write_all(bytes))
}

/// Writes a report to a file, or one file for each section to a folder.
pub(super) fn save<F: Serialize>(
    printed: &Printed<'_, F>,
    format: Format,
    path: &Path,
) -> Result<()> {
    if format != Format::Csv {
        return replace(path, mode(format), |out| {
            render(printed, format, Paper::default(), out)
        });
    }
    make_folder(path)?;
    for section in csv_sections(&printed.report.sections) {
        let file = path.join(format!("{}.csv", section.id));
        replace(&file, mode(format), |out| render::csv(section, out))?;
    }
    Ok(())
}

fn render<F: Serialize>(
    printed: &Printed<'_, F>,
    format: Format,
    paper: Paper,
    out: &mut impl Write,
) -> io::Result<()> {
    let report = printed.report;
    match format {
        Format::Text => render::text(report, paper, out),
        Format::Json => render::json(report, out),
        Format::Html => render::html(report, out),
        Format::Markdown => render::markdown(report, out),
        Format::Prometheus => {
            let metrics = report::metrics(printed.totals, printed.options);
            render::prometheus(&metrics, Exposition::Text, out)
        }
        Format::Csv => csv_sections(&report.sections)
            .into_iter()
            .try_for_each(|section| render::csv(section, out)),
    }
}

/// The head is for people: its rows are names, not figures.
fn csv_sections(sections: &[Section]) -> Vec<&Section> {
    let has_figures = |section: &&Section| section.id != "head" && render::has_rows(section);
    sections.iter().filter(has_figures).collect()
}

fn print_csv(sections: &[Section], out: &mut impl Write) -> Result<()> {
    let sections = csv_sections(sections);
    let [section] = sections[..] else {
        let names: Vec<&str> = sections.iter().map(|section| section.id).collect();
        bail!(
            "CSV is a file for each section, and there are {}: {}\n\
             name a folder with --out DIR, or one of them with --sections",
            sections.len(),
            names.join(", ")
        );
    };
    let written = render::csv(section, out).and_then(|()| out.flush());
    written.context("cannot write the report to standard output")
}

/// Makes a folder that only its owner can look into; one that is there is left as it is.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Writes a file beside its place, and puts it there when it is whole.
pub(super) fn replace(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    if path.is_dir() {
        bail!("cannot write {}: it is a folder", path.display());
    }
    // A device or pipe, such as /dev/stdout, has no place to be put into.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let file = OpenOptions::new().write(true).open(path);
        return written(file.with_context(context)?, write).with_context(context);
    }
    let beside = name_beside(path);
    let file = new_file(&beside, mode).with_context(context)?;
    let done = written(file, write).and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done.with_context(context)
}

fn written(
    file: File,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()
}

fn name_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// Who may read a file: its owner alone, but metrics are there for another program, and have no
/// address in them.
fn mode(format: Format) -> u32 {
    match format {
        Format::Prometheus => 0o644,
        _ => 0o600,
    }
}

/// Makes a new file; what an earlier run of this number left behind goes.
fn new_file(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            options.open(path)
        }
        opened => opened,
    }
}
