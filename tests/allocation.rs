//! The parser allocates nothing: neither for the envelope nor for the event, whatever the line.
#![cfg(test)]

use std::io::Read;

use mailtally_parsers::{Event, Record};

#[test]
fn parsing_allocates_nothing_per_line() {
    let file = std::fs::File::open("fixtures/logs/lab-a/mail.log.gz").unwrap();
    let mut log = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut log)
        .unwrap();
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
