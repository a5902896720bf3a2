//! `mailtally trace`: the whole life of a mail, over as many hops, files and hosts as it has.
//!
//! A log is searched as bytes, and only lines with a key in them are parsed. Each pass finds the
//! lines of the keys that the one before it named, so that all logs must be readable several times:
//! what comes through a pipe is kept in a temporary file without a name, because memory would be
//! the size of the log.

mod finder;
mod json;
mod scan;
mod spool;
mod text;

use std::io::{self, BufWriter, Write};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use self::scan::Log;
use self::spool::Spool;
use super::Outcome;
use super::input::{self, InputArguments};
use super::messages::say;
use super::output;
use super::paper::{self, Colour};
use crate::pipeline;
use crate::source;
use crate::trace::{Mail, Search, Term, Wish};

#[derive(Args, Debug)]
pub(super) struct TraceArguments {
    /// What to look for: a queue id, <message-id>, address, client (name or IP address), user or part of a reply; which of
    /// these is told by its looks. Not with the options that name one
    #[arg(value_name = "TERM")]
    term: Option<String>,
    #[command(flatten)]
    terms: TermArguments,
    #[command(flatten)]
    input: InputArguments,
    /// Show at most so many mails, the latest ones
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// How mails are written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: TraceFormat,
    /// Print the lines of the log as they stand there, and nothing else
    #[arg(long, conflicts_with = "format")]
    raw: bool,
    /// Print a JSON Schema of --format json, and read no log
    #[arg(long)]
    schema: bool,
    /// Say on standard error how long each pass over the logs took
    #[arg(long)]
    timings: bool,
}

/// What a mail must have; all that is given.
#[derive(Args, Debug)]
struct TermArguments {
    /// Mails with this queue id, on any hop
    #[arg(long, value_name = "ID")]
    queue_id: Option<String>,
    /// Mails with this Message-ID
    #[arg(long, value_name = "ID")]
    message_id: Option<String>,
    /// Mails from this envelope sender
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
    /// Mails to this recipient, before or after aliases
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// Mails that this user sent (SASL)
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Mails from this client, by name or IP address
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// Mails with this text in a reply
    #[arg(long, value_name = "TEXT")]
    reply: Option<String>,
}

/// How mails are written.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum, Debug)]
enum TraceFormat {
    /// For people: what became of each recipient, and a timeline
    #[default]
    Text,
    /// For programs: one JSON object
    Json,
}

/// What was searched.
pub(super) struct Searched {
    terms: Vec<Term>,
    files: Vec<String>,
    lines: u64,
    /// The stamps of the first and last line that were looked at.
    span: Option<(String, String)>,
    passes: usize,
    is_cut: bool,
    left_out: usize,
    /// Lines that match, and were forgotten for there were too many.
    matches_forgotten: u64,
    /// Lines of mails that were found, forgotten likewise.
    lines_forgotten: u64,
}

pub(super) fn run(mut arguments: TraceArguments) -> Result<Outcome> {
    if arguments.schema {
        output::print_schema(&json::schema())?;
        return Ok(Outcome::Done);
    }
    let terms = arguments.take_terms()?;
    arguments.input.configure()?;
    let mut search = Search::new(terms.clone(), arguments.limit);
    let (inputs, _spools) = Spool::of_all(arguments.input.inputs()?)?;
    let mut options = arguments.input.options()?;
    options.chunk_bytes = scan::CHUNK_BYTES;
    let pool = pipeline::workers(arguments.input.threads())?;
    let mut watch = Stopwatch::new(arguments.timings);
    let mut logs = input::open_inputs(&arguments.input, inputs.clone(), &options)?;
    watch.say("first look");
    let files = logs.names().iter().map(|name| spool::name(name)).collect();
    let log = Log::read(&mut logs, &pool, &mut search)?;
    watch.say_pass(&search);
    logs.look_at_range(log.lines());
    let read = logs.outcome();
    while search.end_pass() {
        let reopen = || source::read_all(inputs.clone(), &options);
        log.read_again(reopen, &pool, &mut search)?;
        watch.say_pass(&search);
    }
    let (passes, is_cut) = (search.passes, search.is_cut);
    let (matches_forgotten, lines_forgotten) = (search.matches_forgotten, search.lines_forgotten);
    let (mails, left_out) = search.finish();
    let searched = Searched {
        terms,
        files,
        lines: log.lines(),
        span: log.span(),
        passes,
        is_cut,
        left_out,
        matches_forgotten,
        lines_forgotten,
    };
    searched.say(mails.len());
    arguments
        .write(&mails, &searched)
        .context("cannot write mails to standard output")?;
    // As of grep: nothing found is no error, and no success.
    Ok(match (read, mails.is_empty()) {
        (Outcome::Done, true) => Outcome::Met,
        (read, _) => read,
    })
}

/// Says how long things took, where that was asked for.
struct Stopwatch {
    is_asked_for: bool,
    started: Instant,
}

impl Stopwatch {
    fn new(is_asked_for: bool) -> Self {
        Stopwatch {
            is_asked_for,
            started: Instant::now(),
        }
    }

    /// Says how long something took that ends now.
    fn say(&mut self, what: &str) {
        let took = self.started.elapsed();
        self.started = Instant::now();
        if self.is_asked_for {
            say(&format!("{what}: {took:.1?}"));
        }
    }

    fn say_pass(&mut self, search: &Search) {
        let what = match search.wish() {
            Wish::Terms => "what was asked for",
            Wish::Keys => "ids",
            Wish::Connections => "connections",
        };
        let (pass, needles) = (search.passes + 1, search.needles().len());
        self.say(&format!("pass {pass}, {what} ({needles})"));
    }
}

impl TraceArguments {
    /// Returns what is searched for; where an option names it, what stands first is a file.
    fn take_terms(&mut self) -> Result<Vec<Term>> {
        let named = self.terms.named();
        if named.iter().any(|term| term.needle().is_empty()) {
            bail!("nothing to look for: the text searched for is empty");
        }
        if !named.is_empty() {
            if let Some(file) = self.term.take() {
                self.input.put_first(file.into());
            }
            return Ok(named);
        }
        let Some(text) = self.term.take().filter(|text| !text.trim().is_empty()) else {
            bail!("say which mail: mailtally trace TERM FILES, such as a queue id or an address");
        };
        let term = Term::recognise(&text);
        let name = term.name();
        say(&format!(
            "{text} is taken for: {name} (--queue-id and the like say what it is)"
        ));
        Ok(vec![term])
    }

    fn write(&self, mails: &[Mail], searched: &Searched) -> io::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        match (self.raw, self.format) {
            (true, _) => write_raw(mails, &mut out)?,
            (_, TraceFormat::Json) => json::write(mails, searched, &mut out)?,
            (_, TraceFormat::Text) => {
                let width = paper::of_standard_output(Colour::Never).width;
                text::write(mails, width, &mut out)?;
            }
        }
        out.flush()
    }
}

impl TermArguments {
    fn named(&mut self) -> Vec<Term> {
        let named = [
            self.queue_id.take().map(Term::QueueId),
            self.message_id.take().map(Term::MessageId),
            self.sender.take().map(Term::Sender),
            self.recipient.take().map(Term::Recipient),
            self.user.take().map(Term::User),
            self.client.take().map(Term::Client),
            self.reply.take().map(Term::Reply),
        ];
        named.into_iter().flatten().collect()
    }
}

impl Searched {
    /// Says what a reader of the mails must know, and what was searched if there is none.
    fn say(&self, mails: usize) {
        if mails == 0 {
            let terms: Vec<String> = self
                .terms
                .iter()
                .map(|term| format!("{} {}", term.name(), term.text()))
                .collect();
            let span = self.span.as_ref().map_or(String::new(), |(first, last)| {
                format!(", {first} to {last}")
            });
            let (terms, files, lines) = (terms.join(" and "), self.files.join(", "), self.lines);
            say(&format!(
                "no mail with {terms} in {files}: {lines} lines{span}"
            ));
        }
        if self.left_out > 0 {
            let left_out = self.left_out;
            say(&format!(
                "{left_out} earlier matches are not shown: --limit shows more, --since and --date ask for a part"
            ));
        }
        if self.matches_forgotten > 0 {
            let forgotten = self.matches_forgotten;
            say(&format!(
                "too many lines match, and the {forgotten} earliest were left out: more terms, --since or --date \
                 ask for fewer"
            ));
        }
        if self.lines_forgotten > 0 {
            let forgotten = self.lines_forgotten;
            say(&format!(
                "too many lines name an id of these mails, and the {forgotten} earliest were left out: hops may be \
                 missing; --limit 1 asks for fewer"
            ));
        }
        if self.is_cut {
            say(&format!(
                "the search ended after {} passes: lines of further hops may be missing",
                self.passes
            ));
        }
    }
}

/// Writes each line once, in log order.
fn write_raw(mails: &[Mail], out: &mut impl Write) -> io::Result<()> {
    let hops = mails.iter().flat_map(|mail| &mail.hops);
    let mut lines: Vec<_> = hops.flat_map(|hop| &hop.entries).collect();
    lines.sort_by_key(|entry| entry.place);
    lines.dedup_by_key(|entry| entry.place);
    for entry in lines {
        out.write_all(&entry.raw)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
