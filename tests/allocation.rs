//! The hot path allocates nothing per line: neither for the envelope, nor for the time, nor for the
//! event, over a million lines, and neither for lines of a journal.
#![cfg(test)]

use std::io::Read;

use loggen::{Format, Generator};
use mailtally::source::{Chunk, Dating, SourceId};
use mailtally_parsers::{Event, Record};

/// A log of real servers, 24,149 lines.
fn real_log() -> Vec<u8> {
    let file = std::fs::File::open("fixtures/logs/lab-a/mail.log.gz").unwrap();
    let mut log = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut log)
        .unwrap();
    log
}

fn journal() -> Vec<u8> {
    let options = loggen::Options {
        format: Format::Journal,
        ..loggen::Options::small(11, 1_500)
    };
    let mut log = Vec::new();
    Generator::new(options).write_to(&mut log).unwrap();
    log
}

/// Reads all lines of a chunk; tells how many are known.
fn read(chunk: &mut Chunk) -> u64 {
    let mut known = 0;
    let mut lines = chunk.records();
    while let Some(line) = &lines.next() {
        if let (Some(record), Some(_)) = (line.record(), &line.time) {
            known += u64::from(Event::parse(&record.tag, record.message).is_ok());
        }
    }
    known
}

#[test]
fn a_million_lines_allocate_nothing() {
    let dating = Dating::from_year(2026, None);
    let text = &mut Chunk::new(real_log(), dating, SourceId(0));
    let journal = &mut Chunk::new(journal(), dating, SourceId(1));
    let (mut known, mut in_journal) = (0, 0);
    let text_allocations = allocation_counter::measure(|| {
        known = (0..41).map(|_| read(text)).sum();
    });
    // A journal is unwrapped into buffers that grow to the longest line and stay.
    let few = allocation_counter::measure(|| in_journal = read(journal));
    assert!(known + in_journal > 1_000_000, "{known} and {in_journal}");
    assert!(in_journal > 19_000, "{in_journal}");
    assert_eq!(text_allocations.count_total, 0);
    assert!(
        few.count_total < 100,
        "{} for {in_journal} lines",
        few.count_total
    );
}

#[test]
fn a_record_by_itself_allocates_nothing_either() {
    let log = real_log();
    let lines: Vec<&[u8]> = log.split(|&byte| byte == b'\n').collect();
    let mut parsed = 0;
    let allocations = allocation_counter::measure(|| {
        for record in lines.iter().filter_map(|line| Record::parse(line)) {
            parsed += usize::from(Event::parse(&record.tag, record.message).is_ok());
        }
    });
    assert!(parsed > 24_000, "only {parsed} lines were parsed");
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn the_counter_sees_allocations() {
    let allocations = allocation_counter::measure(|| drop(std::hint::black_box(vec![1u8; 10])));
    assert_eq!(allocations.count_total, 1);
}
