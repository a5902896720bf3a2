//! What reading a log costs by itself: unpacked, cut into lines, and nothing done with them.
//!
//! `benches/packed.sh` gives files, and holds the time against that of a report. Without files, as CI runs
//! it, a small packed log is read once and compared with what was packed.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use mailtally::source::{self, Input, Options};

/// What is packed where no files are given.
const LINE: &str = "Nov 21 00:44:25 mx1 postfix/smtpd[1]: connect from unknown[192.0.2.1]\n";

fn main() -> io::Result<()> {
    let arguments = std::env::args().skip(1);
    let files: Vec<PathBuf> = arguments
        .filter(|argument| !argument.starts_with("--"))
        .map(PathBuf::from)
        .collect();
    if files.is_empty() {
        return reads_what_was_packed();
    }
    for file in files {
        let started = Instant::now();
        let bytes = read(file.clone());
        let seconds = started.elapsed().as_secs_f64();
        println!("{seconds:.3} s, {bytes} bytes: {}", file.display());
    }
    Ok(())
}

/// Reads a log, unpacked once as for a report; returns its size.
fn read(file: PathBuf) -> usize {
    let options = Options {
        may_guess: true,
        ..Options::default()
    };
    let chunks = source::read_all(vec![Input::File(file)], &options);
    chunks.map(|chunk| chunk.bytes().len()).sum()
}

fn reads_what_was_packed() -> io::Result<()> {
    let log = LINE.repeat(100_000);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mail.log.gz");
    let mut packer = GzEncoder::new(fs::File::create(&path)?, Compression::fast());
    packer.write_all(log.as_bytes())?;
    packer.finish()?;
    assert_eq!(read(path), log.len());
    println!("{} bytes read", log.len());
    Ok(())
}
