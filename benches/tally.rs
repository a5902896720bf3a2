//! How fast events are counted, and how fast parts merge.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use mailtally::tally::{Tally, Windows};
use mailtally_parsers::{Event, Record};

mod corpus;

fn main() {
    divan::main();
}

fn count(lines: &[&[u8]]) -> Tally {
    let mut tally = Tally::part(Windows::default());
    for record in lines.iter().filter_map(|line| Record::parse(line)) {
        tally.absorb(&record, 0, &Event::parse(&record.tag, record.message));
    }
    tally
}

#[divan::bench]
fn absorb(bencher: Bencher) {
    let log = corpus::log();
    let lines = corpus::lines(&log);
    bencher
        .counter(BytesCount::new(log.len()))
        .counter(ItemsCount::new(lines.len()))
        .bench(|| {
            assert_eq!(count(&lines).lines(), lines.len() as u64);
        });
}

#[divan::bench]
fn merge(bencher: Bencher) {
    let log = corpus::log();
    let lines = corpus::lines(&log);
    let (early, later) = lines.split_at(lines.len() / 2);
    let parts = (count(early), count(later));
    bencher
        .counter(ItemsCount::new(lines.len()))
        .with_inputs(|| parts.clone())
        .bench_values(|(mut early, later)| {
            early.merge(later);
            assert_eq!(early.lines(), lines.len() as u64);
            early
        });
}
