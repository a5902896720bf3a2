use std::fs;
use std::io::{BufReader, Cursor};
use std::path::PathBuf;

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/packed");
    fs::read(folder.join(name)).unwrap()
}

/// Unpacks with a small input buffer, so that everything is met at its edge.
fn unpack_by(packed: &[u8], input_bytes: usize) -> (Vec<u8>, Option<io::Error>) {
    let packer = Packer::of(packed).unwrap();
    let input = BufReader::with_capacity(input_bytes, Cursor::new(packed.to_vec()));
    let mut unpacked = Vec::new();
    let outcome = packer.unpack(input).read_to_end(&mut unpacked);
    (unpacked, outcome.err())
}

fn unpack(packed: &[u8]) -> (Vec<u8>, Option<io::Error>) {
    unpack_by(packed, 4096)
}

#[test]
fn unpacks_what_the_programs_packed() {
    let log = fixture("mail.log");
    for name in [
        "one.gz",
        "one.bz2",
        "one.xz",
        "one.zst",
        "two.gz",
        "two.bz2",
        "two.xz",
        "two.zst",
        "pzstd.zst",
        "blocks.xz",
    ] {
        for input_bytes in [1, 7, 4096] {
            let (unpacked, error) = unpack_by(&fixture(name), input_bytes);
            assert!(error.is_none(), "{name}: {error:?}");
            assert!(unpacked == log, "{name}");
        }
    }
    for name in ["empty.gz", "empty.bz2", "empty.xz", "empty.zst"] {
        let (unpacked, error) = unpack(&fixture(name));
        assert!(unpacked.is_empty() && error.is_none(), "{name}: {error:?}");
    }
}

#[test]
fn padding_is_no_damage_and_other_bytes_behind_are() {
    let log = fixture("mail.log");
    for name in ["one.gz", "one.bz2", "one.xz", "one.zst"] {
        let padded = [fixture(name), vec![0; 512]].concat();
        let (unpacked, error) = unpack(&padded);
        assert!(unpacked == log && error.is_none(), "{name}: {error:?}");
        let more = [fixture(name), b"more of it".to_vec()].concat();
        let (unpacked, error) = unpack(&more);
        assert!(unpacked == log && error.is_some(), "{name}");
    }
}

#[test]
fn a_cut_file_gives_what_it_holds_and_then_an_error() {
    let log = fixture("mail.log");
    for name in [
        "one.gz",
        "one.bz2",
        "one.xz",
        "one.zst",
        "two.gz",
        "two.bz2",
        "two.xz",
        "two.zst",
        "blocks.xz",
    ] {
        let packed = fixture(name);
        let mut longest = 0;
        for length in 16..packed.len() {
            let (unpacked, error) = unpack(&packed[..length]);
            assert!(log.starts_with(&unpacked), "{name} cut at {length}");
            // Between two streams a cut does not show.
            assert!(
                error.is_some() || unpacked.len() < log.len(),
                "{name} cut at {length}"
            );
            longest = longest.max(unpacked.len());
        }
        // The checksum stands behind the last byte of the log; the last frame of two.zst has none,
        // and a block of zstd comes whole or not at all.
        let expected = if name == "two.zst" { 938 } else { log.len() };
        assert_eq!(longest, expected, "{name}");
    }
}

#[test]
fn the_first_of_two_is_read_when_the_second_is_cut() {
    const FIRST_LINES: usize = 7;
    for name in ["two.gz", "two.bz2", "two.xz", "two.zst"] {
        let log = fixture("mail.log");
        let first: Vec<&[u8]> = log
            .split_inclusive(|byte| *byte == b'\n')
            .take(FIRST_LINES)
            .collect();
        let packed = fixture(name);
        let (unpacked, error) = unpack(&packed[..packed.len() - 60]);
        assert!(unpacked.starts_with(&first.concat()), "{name}");
        assert!(error.is_some(), "{name}");
    }
}

#[test]
fn wrong_bytes_are_damage() {
    let log = fixture("mail.log");
    for name in [
        "one.gz",
        "one.bz2",
        "one.xz",
        "one.zst",
        "blocks.xz",
        "two.zst",
    ] {
        let (packed, mut seen) = (fixture(name), 0);
        for at in 12..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x24;
            let (unpacked, error) = unpack(&damaged);
            // Some bits do not matter, and the second frame of two.zst has no checksum.
            let is_seen = error.is_some() || unpacked == log;
            assert!(is_seen || name == "two.zst", "{name} at {at}");
            seen += usize::from(error.is_some());
        }
        assert!(seen > packed.len() / 2, "{name}: {seen}");
    }
}

#[test]
fn a_window_too_large_is_refused_before_it_is_there() {
    for name in ["window.xz", "window.zst"] {
        let (unpacked, error) = unpack(&fixture(name));
        assert!(unpacked.is_empty(), "{name}");
        assert_eq!(error.unwrap().kind(), io::ErrorKind::OutOfMemory, "{name}");
    }
}

#[test]
fn text_is_not_taken_for_packed() {
    for text in [
        &b"BZhang: hello"[..],
        b"BZ",
        b"Nov 21 00:00:00",
        b"(\xB5",
        b"",
        b"\x1F",
    ] {
        assert_eq!(Packer::of(text), None, "{text:?}");
    }
    assert_eq!(Packer::other(b"\x04\x22\x4D\x18 and so on"), Some("lz4"));
    assert_eq!(Packer::other(b"Nov 21 00:00:00"), None);
}
