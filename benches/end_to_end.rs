//! How fast a whole log becomes totals: parse, count, settle, as one worker does it.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use mailtally::tally::{Tally, Windows};
use mailtally_parsers::{Event, Record};

mod corpus;

fn main() {
    divan::main();
}

#[divan::bench]
fn log_to_totals(bencher: Bencher) {
    let log = corpus::log();
    let lines = corpus::lines(&log);
    bencher
        .counter(BytesCount::new(log.len()))
        .counter(ItemsCount::new(lines.len()))
        .bench(|| {
            let mut tally = Tally::anchored(Windows::default());
            for record in corpus::lines(&log).into_iter().filter_map(Record::parse) {
                tally.absorb(&record, 0, &Event::parse(&record.tag, record.message));
            }
            // Counted by the clients of the corpus's lab run.
            assert_eq!(tally.finish().totals.received, 1526);
        });
}
