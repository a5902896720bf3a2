//! Any tag with any message: no panic, every field lies inside the message, and all can be visited.
//!
//! The input is the tag, a line end and the message (what `seed.sh` makes of the fixtures). Beside
//! the grammar that the tag names, one other program's grammar reads the message too: lines move
//! between daemons from release to release.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mailtally_fuzz::{Inside, other_tag};
use mailtally_parsers::{Event, Fields, Kind, Tag};

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (tag, message) = match end {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (&b"postfix"[..], bytes),
    };
    parse(tag, message);
    parse(&other_tag(message), message);
});

fn parse(tag: &[u8], message: &[u8]) {
    let tag = Tag::parse(tag);
    let Ok(event) = Event::parse(&tag, message) else {
        return;
    };
    assert!(event.kind().index() < Kind::COUNT);
    assert_eq!(Kind::from_name(event.kind().name()), Some(event.kind()));
    event.visit(&mut Inside(message));
    assert_eq!(
        Event::parse(&tag, message),
        Ok(event),
        "the same line gives the same event"
    );
}
