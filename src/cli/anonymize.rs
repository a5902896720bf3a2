//! `mailtally anonymize`: a log with tokens in place of names, of which the report is the same but
//! for the names.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::Outcome;
use super::messages::say;
use super::output::{make_folder, replace};
use super::privacy::pseudonyms;
use crate::pipeline;
use crate::privacy::{Counts, Pseudonyms, Rewriter};
use crate::source::{self, Chunk, Input};

#[derive(Args, Debug)]
pub(super) struct AnonymizeArguments {
    /// Logs, packed or not; what is written is not packed. `-` is standard input, and so is no file
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Take the key from this file, and make it if it is not there; without it, tokens are of this
    /// run alone
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Write to this file instead of standard output; to this folder, under the names of the logs,
    /// if it is one or there are several logs. Only you can read what is written
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// How many threads work; by default one for each core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// Ends of names of packed files, whose text is written.
const PACKED: [&str; 5] = ["gz", "bz2", "xz", "zst", "zstd"];

pub(super) fn run(arguments: &AnonymizeArguments) -> Result<Outcome> {
    let inputs = arguments.inputs()?;
    let places = arguments.places(&inputs)?;
    let job = Job {
        names: pseudonyms(arguments.key_file.as_deref())?,
        threads: arguments.threads.map(NonZeroUsize::get),
    };
    let (mut counts, mut is_whole) = (Counts::default(), true);
    for (input, place) in inputs.into_iter().zip(places) {
        let done = match place {
            None => job.write(input, &mut io::stdout(), "standard output")?,
            Some(path) => job.save(input, &path)?,
        };
        counts.add(done.counts);
        is_whole &= done.is_whole;
    }
    say_unknown(&counts);
    Ok(if is_whole {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

/// Says of how many lines names are known by their looks alone.
fn say_unknown(counts: &Counts) {
    let Counts {
        lines,
        unknown,
        foreign,
    } = counts;
    if unknown + foreign == 0 {
        return;
    }
    say(&format!(
        "{unknown} of {lines} lines are of unknown shape and {foreign} are of other programs: in them \
         addresses and hosts were found by their looks, and users only where `user` stands before \
         them; look through these before you give the log away"
    ));
}

impl AnonymizeArguments {
    fn inputs(&self) -> Result<Vec<Input>> {
        if self.files.is_empty() {
            if io::stdin().is_terminal() {
                bail!("name a log, or `-` for standard input");
            }
            return Ok(vec![Input::Stdin]);
        }
        let files = self.files.iter();
        Ok(files
            .map(|file| Input::from_arg(file.as_os_str()))
            .collect())
    }

    /// Tells where each log goes; `None` is standard output.
    fn places(&self, inputs: &[Input]) -> Result<Vec<Option<PathBuf>>> {
        let Some(out) = &self.out else {
            return Ok(vec![None; inputs.len()]);
        };
        let places = if inputs.len() == 1 && !out.is_dir() {
            vec![out.clone()]
        } else {
            make_folder(out)?;
            inputs
                .iter()
                .map(|input| out.join(name_of(input)))
                .collect()
        };
        for (at, place) in places.iter().enumerate() {
            if places.iter().take(at).any(|other| other == place) {
                bail!(
                    "two logs would be written to {}: give them one at a time",
                    place.display()
                );
            }
            for input in inputs {
                if let Input::File(path) = input
                    && is_same_file(path, place)
                {
                    bail!("--out: {} is a log that is read", place.display());
                }
            }
        }
        Ok(places.into_iter().map(Some).collect())
    }
}

fn is_same_file(path: &Path, other: &Path) -> bool {
    let (path, other) = (fs::canonicalize(path), fs::canonicalize(other));
    matches!((path, other), (Ok(path), Ok(other)) if path == other)
}

/// Returns the name of a log in a folder: its own, without the end that says how it is packed.
fn name_of(input: &Input) -> PathBuf {
    let Input::File(path) = input else {
        return "stdin.log".into();
    };
    let is_packed = path
        .extension()
        .is_some_and(|end| PACKED.iter().any(|packed| end == *packed));
    let path = if is_packed {
        path.with_extension("")
    } else {
        path.clone()
    };
    path.file_name().unwrap_or_default().into()
}

/// What is done to each log.
struct Job {
    names: Pseudonyms,
    threads: Option<usize>,
}

/// How a log was rewritten.
struct Done {
    counts: Counts,
    is_whole: bool,
}

impl Job {
    fn save(&self, input: Input, path: &Path) -> Result<Done> {
        let modified = match &input {
            Input::File(log) => fs::metadata(log).and_then(|log| log.modified()).ok(),
            _ => None,
        };
        let mut done = None;
        replace(path, 0o600, |out| {
            let name = path.display().to_string();
            done = Some(self.write(input, out, &name).map_err(io::Error::other)?);
            out.flush()
        })?;
        // Stamps without a year are dated by the time of the file.
        if let Some(modified) = modified {
            let set = File::options().write(true).open(path);
            let set = set.and_then(|file| file.set_modified(modified));
            set.with_context(|| format!("cannot set the time of {}", path.display()))?;
        }
        done.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes one log, line by line in the order of the file.
    fn write(&self, input: Input, out: &mut (dyn Write + Send), name: &str) -> Result<Done> {
        let options = source::Options {
            threads: self.threads.unwrap_or(source::Options::default().threads),
            ..source::Options::default()
        };
        let mut chunks = source::read_all(vec![input], &options);
        for problem in chunks.problems() {
            say(&problem.to_string());
        }
        let said = chunks.problems().len();
        if chunks.names().is_empty() && said > 0 {
            return Ok(Done {
                counts: Counts::default(),
                is_whole: false,
            });
        }
        let pool = pipeline::workers(self.threads)?;
        let mut counts = Counts::default();
        let written = pipeline::in_order(
            chunks.by_ref(),
            &pool,
            |chunk| self.part(&chunk),
            |(bytes, of_part): (Vec<u8>, Counts)| {
                counts.add(of_part);
                out.write_all(&bytes)
            },
        );
        written
            .and_then(|()| out.flush())
            .with_context(|| format!("cannot write to {name}"))?;
        chunks.settle();
        for problem in chunks.problems().iter().skip(said) {
            say(&problem.to_string());
        }
        Ok(Done {
            counts,
            is_whole: chunks.problems().is_empty(),
        })
    }

    fn part(&self, chunk: &Chunk) -> (Vec<u8>, Counts) {
        let mut out = Vec::with_capacity(chunk.size_bytes());
        let mut rewriter = Rewriter::new(&self.names);
        rewriter.lines(&mut out, chunk.bytes());
        let counts = rewriter.finish(&mut out);
        (out, counts)
    }
}
