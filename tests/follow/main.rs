//! Following as its user runs it: with real files, a journal, crashes and what else goes wrong.
#![cfg(test)]

mod claim;
mod faults;
mod journal;
mod log;
mod order;
mod process;
mod scripts;
mod silence;
#[path = "../skipped/mod.rs"]
mod skipped;
#[path = "../small_disk/mod.rs"]
mod small_disk;
mod waiting;
