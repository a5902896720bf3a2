//! Log analytics for Postfix and Dovecot: a mail log becomes events, and events become a report.
//!
//! # The pipeline
//!
//! ```text
//!  files · stdin · gzip · journal                                            events --follow
//!          │                                                                        ▲
//!          ▼                                                                        │
//!  source ──chunks of lines──> pipeline ──rayon workers──> parsers ──Event──> filter ──> export
//!          (containers off,             (a chunk each)        │              (--where)   (JSON Lines)
//!           year, zone, order)                                ▼
//!                                                      Tally::absorb
//!                                                             │
//!                            chunk 1 · chunk 2 · …    Tally::merge, in log order
//!                                                             │
//!                                                      Tally::finish ──> Totals
//!                                                                          │
//!                                               report ──> Report { sections, figures }
//!                                                                          │
//!                                               render ──> text · html · json · … ──> stdout
//! ```
//!
//! - `source` brings bytes in: it finds the files, unpacks them, takes containers such as journal
//!   JSON off, gives each stamp its year and zone, and cuts the stream into chunks of whole lines.
//! - The crate `mailtally_parsers` turns a line into a `Record` (who logged, when) and its message
//!   into an `Event` (what happened), both borrowed from the line.
//! - `tally` counts. A part of a log is a `Tally`; parts that follow each other merge, and any cut
//!   of a log gives the same totals: `tally(A·B) == tally(A).merge(tally(B))`.
//! - `pipeline` runs chunks on all processors and merges them in log order.
//! - `report` makes sections and figures out of totals; percentages and top-N lists begin there.
//! - `render` makes bytes out of a report and does not know what Postfix is.
//! - `select` decides which lines a report counts, and in which of several reports: conditions on lines
//!   and on whole mails, before anything is counted.
//! - `state` keeps where following is, and what is carried from line to line, beyond the process.
//! - `filter` is the language of every `--where`; `export` writes events for other programs.
//! - `rules` counts what reject rules do, and joins them with the site's own maps.
//! - `privacy` puts tokens in place of what names somebody in a line, before it is counted or written.
//! - `cli` has one file for each subcommand, and is the only room that knows about all the others.
//!
//! Who may use whom is tested by `tests/layering.rs`.
//!
//! # How every line is accounted for
//!
//! `read == parsed + generic + unparsed + foreign + filtered`, always.
//!
//! - **parsed**: a kind of the catalogue with all its fields.
//! - **generic**: a known daemon and severity word, but text of no known kind.
//! - **unparsed**: a line of ours of unknown shape; in events its kind is `unclassified`.
//! - **foreign**: a line of another program, or without an envelope.
//! - **filtered**: a line that the user's own filter left out.
//!
//! # Terms
//!
//! The words are those of Postfix, Dovecot and syslog; there is one word for one thing.
//!
//! | term | meaning |
//! |---|---|
//! | envelope | what stands before the message of a line: stamp, host, tag, process id |
//! | tag | the syslog tag without process id, `postfix/submission/smtpd` |
//! | instance | a Postfix (or Dovecot) of its own: the first element of tags under which a qmgr or master logs |
//! | service | a name of its own for a service of master.cf: what stands between instance and daemon |
//! | daemon | the program, the last element of the tag: `smtpd`, `qmgr`, `cleanup`, … |
//! | kind | what a line says, by its stable name: `smtpd_connect`, `delivery`, … |
//! | queue id | Postfix's name of a mail in its queue; unique on one host while the mail is there |
//! | message-id | the `Message-ID:` header; the same mail has it on every host |
//! | life | one mail's way through one queue, from its first line to `removed` |
//! | session | one connection: a client's with smtpd, a user's with Dovecot |
//! | client | the other end of a connection that came in; its name is the verified one |
//! | relay | the server (or transport) that a delivery went to |
//! | sender, recipient | the envelope addresses, `from=` and `to=`; never header lines |
//! | `orig_to` | the recipient before aliases and rewriting |
//! | received | mails that came in: a `client=` line of smtpd or postscreen, or a pickup |
//! | delivered | recipients with `status=sent`, forwards left out |
//! | forwarded | recipients with `status=sent (forwarded as …)` |
//! | deferrals, deferred | attempts with `status=deferred`; mails that had at least one |
//! | bounced | recipients with `status=bounced` |
//! | expired | mails that were given up because they had waited too long |
//! | rejected | refusals, one for each line; a warning that `warn_if_reject` makes of one is a reject warning |
//! | held, discarded | mails that a rule put on hold, or took and threw away |
//! | accepted | mails taken over with a 250 at the end of DATA, each counted once however often a filter re-injects it |
//! | re-injected | a mail that came back from a content filter under a new queue id |
//! | rule | the site's own id for a refusal's cause where the text has one, else its class |
//! | trust | how far a TLS peer was verified: `anonymous`, `untrusted`, `trusted`, `verified`, `unstated` |
//! | login | one attempt to authenticate, with Postfix (SASL) or Dovecot |
//! | family | `ipv4`, `ipv6`, `local` or `unknown`; an IPv6 address that maps an IPv4 one is `ipv4` |
//! | own, outside | `own` is loopback and every address by which a Postfix of these logs reaches another |
//! | wall clock | the time of day that the logging machine showed; per-hour and per-day figures use it |
#![deny(unsafe_code)]

pub mod blocklist;
pub mod cli;
pub mod config;
mod csv;
pub mod export;
pub mod filter;
pub mod pflogsumm;
pub mod pipeline;
pub mod privacy;
pub mod render;
pub mod report;
pub mod rules;
pub mod score;
pub mod select;
pub mod source;
pub mod state;
pub mod tally;
pub mod trace;
pub mod watch;
