//! The command line from outside: exit status, standard output and error of the same run.
#![cfg(test)]

mod bad_input;
mod coverage;
mod events;
mod invocation;
mod report;
mod sections;
mod support;
mod terminal;
