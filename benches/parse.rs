//! How fast lines become records, and messages events, on the corpus's lines.
//!
//! Every bench asserts its answer. Figures: MB/s and lines/s by divan's counters.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use mailtally_parsers::{Event, Record};

mod corpus;

fn main() {
    divan::main();
}

#[divan::bench]
fn records(bencher: Bencher) {
    let log = corpus::log();
    let lines = corpus::lines(&log);
    bencher
        .counter(BytesCount::new(log.len()))
        .counter(ItemsCount::new(lines.len()))
        .bench(|| {
            let found = lines
                .iter()
                .filter(|line| black_box(Record::parse(line)).is_some())
                .count();
            assert_eq!(found, lines.len());
        });
}

#[divan::bench]
fn events(bencher: Bencher) {
    let log = corpus::log();
    let records: Vec<Record> = corpus::lines(&log)
        .into_iter()
        .filter_map(Record::parse)
        .collect();
    let ours = records
        .iter()
        .filter(|record| record.tag.program.is_ours())
        .count();
    bencher
        .counter(BytesCount::new(log.len()))
        .counter(ItemsCount::new(records.len()))
        .bench(|| {
            let parsed = records
                .iter()
                .filter(|record| black_box(Event::parse(&record.tag, record.message)).is_ok());
            assert_eq!(parsed.count(), ours);
        });
}
