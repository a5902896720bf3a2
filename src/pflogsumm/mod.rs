//! pflogsumm 1.1.5's report: its numbers and its layout, to the byte.
//!
//! A site that changes from pflogsumm to this program must see no step in its graphs, so this room
//! counts as pflogsumm counts, where it is wrong too: `postfix-out/smtp` is nobody, a mail's size
//! is that of the first mail with its queue id, years are dropped. `tests/pflogsumm.rs` holds both
//! against each other, on real and made-up logs; `tests/DIFFERENCES.md` names the few differences.
//!
//! The room counts by itself because the tally's numbers are right: there is no way from them to
//! these. What it shares with the other rooms is the way in (chunks) and the workers. For `--mend`
//! another reader stands at the front, which takes lines for what the tally takes them for: the
//! numbers are then those of `mailtally report`, in this layout.
//!
//! ```text
//!                  reader: as pflogsumm takes lines
//! chunks ──workers──<                                >──> Part ── in order ──> Counts ──> render
//!                  mended: as the parsers do
//! ```
//! A part is what a chunk says by itself, and the steps that need what was before.
//! All was found by running pflogsumm on lines made for the purpose; its source was not used.

mod address;
mod client;
mod connection;
mod counts;
mod delivery;
mod detail;
mod find;
mod line;
mod lives;
mod mended;
mod missed;
mod options;
mod part;
mod reader;
mod reject;
mod render;
mod shorten;
mod stamp;
mod table;
mod verp;

pub use line::SyslogNameError;
pub use options::{Day, Limit, Options, Today};
pub use part::Part;

use std::io::{self, Write};

use self::counts::Counts;
use self::line::Tags;
use self::mended::MendedReader;
use self::reader::PartReader;
use crate::source::Chunk;

/// Reads the lines that pflogsumm takes.
pub struct Reader {
    options: Options,
    tags: Tags,
}

impl Reader {
    /// Makes a reader that does what the options ask for.
    ///
    /// # Errors
    /// When the syslog name is a regular expression with a mistake in it.
    pub fn new(options: Options) -> Result<Self, SyslogNameError> {
        let tags = Tags::new(options.syslog_name.as_deref())?;
        Ok(Reader { options, tags })
    }

    /// Reads a part of the log, whole lines; no other part need be read before.
    ///
    /// Mended, they are read as for a report, else as pflogsumm reads them.
    pub fn read(&self, chunk: &Chunk) -> Part {
        if self.options.mend {
            return MendedReader::new(&self.options).read(chunk);
        }
        let reader = PartReader::new(&self.options, &self.tags);
        reader.read(&chunk.lines_within())
    }
}

/// What pflogsumm says of a log, or of as much as was read.
pub struct Summary {
    options: Options,
    counts: Counts,
}

impl Summary {
    /// Begins a summary of nothing.
    pub fn new(options: Options) -> Self {
        Summary {
            options,
            counts: Counts::default(),
        }
    }

    /// Adds the next part of the log.
    pub fn absorb(&mut self, part: &Part) {
        self.counts.absorb(part, &self.options);
    }

    /// Returns how many lines were read.
    pub fn lines(&self) -> u64 {
        self.counts.lines()
    }

    /// Says what is known to be miscounted; `None` if nothing is.
    pub fn missed(&self) -> Option<String> {
        if self.options.mend {
            return None;
        }
        self.counts.missed.told()
    }

    /// Writes the report.
    ///
    /// # Errors
    /// When the report cannot be written.
    pub fn render(&self, out: &mut impl Write) -> io::Result<()> {
        render::render(&self.counts, &self.options, out)
    }
}
