//! The corpus that the benches read: a log of real servers, 24,149 lines.

use std::io::Read;

/// Reads the log, unpacked.
pub fn log() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/logs/lab-a/mail.log.gz"
    );
    let file = std::fs::File::open(path).expect("the fixture is part of the tree");
    let mut log = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut log)
        .expect("the fixture is whole");
    log
}

/// Cuts a log into lines.
pub fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect()
}
