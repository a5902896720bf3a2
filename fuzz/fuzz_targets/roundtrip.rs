//! A line written out of any values by the documented grammar gives the same values back.
//!
//! The writer is `mailtally_fuzz::written`; it does not use the parser.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mailtally_fuzz::written::{Envelope, Found, Written};
use mailtally_parsers::{Event, Fields, Record};

fuzz_target!(|input: (Envelope, Written)| {
    let (envelope, written) = input;
    let line = envelope.around(&written.tag, &written.message);
    let shown = line.escape_ascii();
    let record = Record::parse(&line).unwrap_or_else(|| panic!("no envelope: {shown}"));
    assert_eq!(record.timestamp, envelope.timestamp, "{shown}");
    assert_eq!(record.host, envelope.host, "{shown}");
    assert_eq!(record.tag.text, written.tag, "{shown}");
    assert_eq!(record.pid, envelope.pid, "{shown}");
    assert_eq!(record.message, written.message, "{shown}");

    let event = Event::parse(&record.tag, record.message)
        .unwrap_or_else(|reason| panic!("unparsed ({}): {shown}", reason.0));
    assert_eq!(event.kind().name(), written.kind, "{shown}");
    let mut found = Found::default();
    event.visit(&mut found);
    for (name, value) in &written.fields {
        let (found, value) = (found.0.get(name), value.as_ref());
        assert!(
            found == value,
            "{name} is {:?}, written was {:?}: {shown}",
            found.map(|text| text.escape_ascii().to_string()),
            value.map(|text| text.escape_ascii().to_string()),
        );
    }
});
