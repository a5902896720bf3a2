//! The command line from outside: exit status, standard output and error of the same run.
#![cfg(test)]

mod bad_input;
mod configuration;
mod coverage;
mod events;
mod events_anonymize_ip;
mod events_csv;
mod events_problems;
mod events_schema;
mod events_unparsed;
mod events_where;
mod formats;
mod invocation;
mod manual;
mod metrics;
mod packed;
mod queue;
mod range;
mod report;
mod report_schema;
mod report_split;
mod report_where;
mod rotated;
mod rules;
mod sections;
#[path = "../skipped/mod.rs"]
mod skipped;
mod sql;
mod support;
mod terminal;
mod top;
mod trace;
mod trace_timelines;
