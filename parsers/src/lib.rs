//! Parses the log lines of Postfix, Dovecot and their companions into borrowed, typed events.
//!
//! ```text
//! &[u8] ──syslog──> Record<'a> { timestamp, host, tag, pid, message } ──Event::parse──> Event<'a>
//! ```
//!
//! Bytes go in and borrowed fields come out: nothing here allocates per line, reads a clock, does
//! I/O or panics on any input. Log lines are not always UTF-8; whoever writes a field out converts
//! it then. This crate does **not** unwrap containers (journal JSON), infer the year of a stamp
//! or relate one line to another: that is the work of the rooms `source` and `tally` of
//! `mailtally`.
//!
//! ```
//! use mailtally_parsers::{Event, Record};
//! use mailtally_parsers::postfix;
//!
//! let line = b"May  1 12:34:56 mx1 postfix/smtpd[1234]: connect from mail.example.net[198.51.100.7]";
//! let record = Record::parse(line).unwrap();
//! assert_eq!(record.host, b"mx1");
//! let event = Event::parse(&record.tag, record.message).unwrap();
//! assert_eq!(event.kind().name(), "smtpd_connect");
//! let Event::Postfix(postfix::Event::SmtpdConnect(connect)) = event else { panic!() };
//! assert_eq!(connect.client.address, b"198.51.100.7");
//! ```
#![deny(missing_docs)]
// nom's combinators index nothing, but a slice pattern reads better than `get` in tests.
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)
)]

mod address;
mod describe;
mod event;
mod fields;
mod problem;
mod record;
mod scan;
mod tag;
mod timestamp;

pub mod companion;
pub mod dovecot;
pub mod foreign;
pub mod logger;
pub mod near;
pub mod postfix;
pub mod syslog;

pub use address::{Family, family, is_loopback};
pub use describe::{FieldInfo, FieldType};
pub use event::{Class, Event, Kind, Reason};
pub use fields::{Field, Fields, Seconds, Visitor};
pub use problem::Problem;
pub use record::Record;
pub use tag::{Companion, Daemon, Program, Tag};
pub use timestamp::{Timestamp, Zone};
