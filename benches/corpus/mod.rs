//! The corpus that the benches read: a log of real servers, 24,149 lines.

use std::io::Read;

/// Reads the log, unpacked.
pub(crate) fn log() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/logs/lab-a/mail.log.gz"
    );
    let mut log = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| flate2::read::GzDecoder::new(file).read_to_end(&mut log));
    assert!(read.is_ok(), "cannot read {path}: {read:?}");
    log
}

/// Cuts a log into lines.
pub(crate) fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect()
}
