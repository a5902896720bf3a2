//! How fast lines become records, and messages events.
//!
//! Every bench asserts its answer. Figures: MB/s and lines/s by divan's counters.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use mailtally_parsers::syslog::Envelopes;
use mailtally_parsers::{Event, Record};

use self::corpus::Corpus;

mod corpus;

fn main() {
    divan::main();
}

#[divan::bench(args = Corpus::ALL)]
fn envelopes(bencher: Bencher, corpus: Corpus) {
    let log = corpus.log();
    let lines = corpus::lines(&log);
    bencher
        .counter(BytesCount::new(log.len()))
        .counter(ItemsCount::new(lines.len()))
        .bench(|| {
            let mut envelopes = Envelopes::default();
            let found = lines
                .iter()
                .filter(|line| black_box(envelopes.parse(line)).is_some())
                .count();
            assert_eq!(found, lines.len());
        });
}

#[divan::bench(args = Corpus::ALL)]
fn events(bencher: Bencher, corpus: Corpus) {
    let log = corpus.log();
    let records: Vec<Record> = corpus::lines(&log)
        .into_iter()
        .filter_map(Record::parse)
        .collect();
    let ours = records
        .iter()
        .filter(|record| record.tag.program.is_ours())
        .count();
    assert_eq!(ours > 0, corpus != Corpus::Foreign);
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
