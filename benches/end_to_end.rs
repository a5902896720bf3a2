//! How fast a whole log becomes totals: lines, stamps, events, counts, as one worker does it.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use mailtally::source::{Chunk, Dating, SourceId};
use mailtally::tally::{Tally, Windows};

use self::corpus::Corpus;

#[path = "corpus/answer.rs"]
mod answer;
mod corpus;

fn main() {
    divan::main();
}

#[divan::bench(args = Corpus::ALL)]
fn log_to_totals(bencher: Bencher, corpus: Corpus) {
    let log = corpus.log();
    let lines = corpus::lines(&log).len();
    let bytes = log.len();
    let chunk = Chunk::new(log, Dating::from_year(2026, None), SourceId(0));
    bencher
        .counter(BytesCount::new(bytes))
        .counter(ItemsCount::new(lines))
        .bench(|| {
            let mut tally = Tally::anchored(Windows::default());
            let mut lines = chunk.records();
            while let Some(line) = &lines.next() {
                match (line.record(), &line.time) {
                    (Some(record), Some(time)) => tally.line_of(line.author, record, time.wall_us),
                    _ => tally.absorb_foreign(),
                }
            }
            let (found, expected) = answer::answer(corpus, &tally.finish());
            assert_eq!(found, expected);
        });
}
