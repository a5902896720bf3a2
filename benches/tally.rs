//! How fast events are counted, and how fast parts merge.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use mailtally::tally::{Tally, Windows};
use mailtally_parsers::{Event, Reason, Record};

use self::corpus::Corpus;

#[path = "corpus/answer.rs"]
mod answer;
mod corpus;

fn main() {
    divan::main();
}

type Parsed<'a> = (Record<'a>, Result<Event<'a>, Reason>);

fn parse(log: &[u8]) -> Vec<Parsed<'_>> {
    let records = corpus::lines(log).into_iter().filter_map(Record::parse);
    records
        .map(|record| (record, Event::parse(&record.tag, record.message)))
        .collect()
}

fn count(lines: &[Parsed<'_>]) -> Tally {
    let mut tally = Tally::part(Windows::default());
    for (record, parsed) in lines {
        tally.absorb(record, 0, parsed);
    }
    tally
}

#[divan::bench(args = Corpus::ALL)]
fn absorb(bencher: Bencher, corpus: Corpus) {
    let log = corpus.log();
    let lines = parse(&log);
    bencher
        .counter(BytesCount::new(log.len()))
        .counter(ItemsCount::new(lines.len()))
        .bench(|| {
            assert_eq!(count(&lines).lines(), lines.len() as u64);
        });
}

#[divan::bench(args = Corpus::ALL)]
fn merge(bencher: Bencher, corpus: Corpus) {
    let log = corpus.log();
    let lines = parse(&log);
    let (early, later) = lines.split_at(lines.len() / 2);
    let parts = (count(early), count(later));
    let (mut whole, rest) = parts.clone();
    whole.merge(rest);
    let (found, expected) = answer::answer(corpus, &whole.finish());
    assert_eq!(found, expected);
    bencher
        .counter(ItemsCount::new(lines.len()))
        .with_inputs(|| parts.clone())
        .bench_values(|(mut early, later)| {
            early.merge(later);
            assert_eq!(early.lines(), lines.len() as u64);
            early
        });
}
