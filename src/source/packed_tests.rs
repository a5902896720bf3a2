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

/// What of a packed file is unpacked by reads of these sizes.
fn unpack_in(packed: &[u8], input_bytes: usize, read_bytes: usize) -> (Vec<u8>, bool) {
    let packer = Packer::of(packed).unwrap();
    let input = BufReader::with_capacity(input_bytes, Cursor::new(packed.to_vec()));
    let mut reader = packer.unpack(input);
    let (mut unpacked, mut buffer) = (Vec::new(), vec![0; read_bytes]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (unpacked, false),
            Ok(count) => unpacked.extend_from_slice(&buffer[..count]),
            Err(_) => {
                // Nothing comes behind an error.
                assert_eq!(reader.read(&mut buffer).unwrap_or(0), 0);
                return (unpacked, true);
            }
        }
    }
}

#[test]
fn what_is_left_of_damaged_data_does_not_depend_on_the_size_of_reads() {
    for name in [
        "one.gz",
        "two.gz",
        "one.bz2",
        "two.bz2",
        "one.xz",
        "two.xz",
        "blocks.xz",
        "one.zst",
        "two.zst",
    ] {
        let packed = fixture(name);
        // The others fetch memory for the largest block of each stream, which takes a while.
        let step = if name.ends_with(".gz") { 1 } else { 67 };
        for at in (8..packed.len()).step_by(step) {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x24;
            let whole = unpack_in(&damaged, 1 << 13, 1 << 13);
            for (input_bytes, read_bytes) in [(1, 1), (3, 1 << 13), (1 << 13, 100)] {
                let parts = unpack_in(&damaged, input_bytes, read_bytes);
                assert!(
                    parts == whole,
                    "{name} damaged at {at}: {input_bytes}, {read_bytes}: {} {} not {} {}",
                    parts.0.len(),
                    parts.1,
                    whole.0.len(),
                    whole.1
                );
            }
        }
    }
}

/// A log of which every line tells where it stands, so that what is unpacked can be told from what
/// is made of damage.
fn numbered_log() -> Vec<u8> {
    let line = |number: u32| format!("{number:07} {:08x}\n", number.wrapping_mul(2_654_435_761));
    (0..20_000)
        .flat_map(|number| line(number).into_bytes())
        .collect()
}

#[test]
fn all_before_the_damage_is_kept() {
    let log = numbered_log();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    io::Write::write_all(&mut packer, &log).unwrap();
    let packed = packer.finish().unwrap();
    for tenth in 1..10 {
        let at = packed.len() * tenth / 10;
        let mut damaged = packed.clone();
        damaged[at..at + 64].fill(0xFF);
        let (unpacked, has_failed) = unpack_in(&damaged, 1 << 16, 1 << 20);
        let (cut, _) = unpack_in(&packed[..at], 1 << 16, 1 << 20);
        assert!(has_failed && log.starts_with(&cut), "{tenth}");
        // Up to the damaged byte all is as in the file that is cut off there.
        assert!(
            unpacked.starts_with(&cut),
            "{tenth}: {} of {}",
            unpacked.len(),
            cut.len()
        );
        assert!(cut.len() * 20 > log.len() * tenth, "{tenth}: {}", cut.len());
    }
}

/// RFC 1952: extra field, name, comment and a checksum of the header.
#[test]
fn a_gzip_header_may_have_every_field() {
    let log = fixture("mail.log");
    let body = &fixture("one.gz");
    // The fixture's own header has a name at most.
    let name_end = match body[3] & 8 {
        0 => 10,
        _ => 11 + body[10..].iter().position(|byte| *byte == 0).unwrap(),
    };
    let mut header = vec![0x1F, 0x8B, 8, 0x1E, 1, 2, 3, 4, 0, 3];
    header.extend(b"\x04\0abcdmail.log\0of yesterday\0");
    let mut sum = flate2::Crc::new();
    sum.update(&header);
    let sum = sum.sum().to_le_bytes();
    for (sum, is_right) in [([sum[0], sum[1]], true), ([sum[0], !sum[1]], false)] {
        let packed = [&header[..], &sum, &body[name_end..]].concat();
        for input_bytes in [1, 5, 4096] {
            let (unpacked, error) = unpack_by(&packed, input_bytes);
            assert_eq!(error.is_none(), is_right, "{error:?}");
            assert!(unpacked == if is_right { &log[..] } else { b"" });
        }
    }
}
