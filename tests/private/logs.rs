//! The logs that are masked: of real servers, every kind of line, and loggen's in several envelopes.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use loggen::{Container, Encoding, Format, Generator, Kinds};

use crate::examples;

/// A log and its name for messages.
pub(crate) struct Log {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

fn fixtures(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(path)
}

/// All logs.
pub(crate) fn all() -> Vec<Log> {
    let mut logs = vec![lab_small(), every_kind()];
    for name in ["mail.log.gz", "dovecot-own.log.gz"] {
        let packed = fs::read(fixtures("logs/lab-a").join(name)).unwrap();
        let mut bytes = Vec::new();
        let mut unpacked = flate2::read::GzDecoder::new(packed.as_slice());
        unpacked.read_to_end(&mut bytes).unwrap();
        let name = name.to_owned();
        logs.push(Log { name, bytes });
    }
    for file in fs::read_dir(fixtures("logs/pflogsumm-edge")).unwrap() {
        let path = file.unwrap().path();
        logs.push(Log {
            name: path.display().to_string(),
            bytes: fs::read(path).unwrap(),
        });
    }
    logs.extend(made());
    assert!(logs.len() > 15);
    logs
}

/// The log that comes with the project.
pub(crate) fn lab_small() -> Log {
    Log {
        name: "lab-small".to_owned(),
        bytes: fs::read(fixtures("logs/lab-small/mail.log")).unwrap(),
    }
}

/// The sample lines of every kind, and the catalogue's examples, behind an envelope.
fn every_kind() -> Log {
    let mut log = String::new();
    for program in fs::read_dir(fixtures("lines")).unwrap() {
        for file in fs::read_dir(program.unwrap().path()).unwrap() {
            let samples = fs::read(file.unwrap().path()).unwrap();
            let samples = String::from_utf8_lossy(&samples).into_owned();
            for sample in samples.lines().filter(|line| !line.starts_with('#')) {
                log.push_str(&format!("Nov 21 10:00:00 mx1 {sample}\n"));
            }
        }
    }
    let all = examples::catalogue().into_iter().chain(examples::own());
    for example in all.filter(|example| !example.program.is_empty()) {
        let (program, message) = (example.program, example.message);
        log.push_str(&format!("Nov 21 10:00:00 mx1 {program}[77]: {message}\n"));
    }
    for example in examples::subkinds() {
        let (program, message) = (example.program, example.message);
        log.push_str(&format!("Nov 21 10:00:00 mx1 {program}[77]: {message}\n"));
    }
    Log {
        name: "every kind".to_owned(),
        bytes: log.into_bytes(),
    }
}

/// Logs of loggen, which has every kind of line, in several envelopes.
fn made() -> Vec<Log> {
    let envelopes: [(Format, Option<Container>); 7] = [
        (Format::Rfc3164, None),
        (Format::Rfc3339, None),
        (Format::Rfc5424Data, None),
        (Format::Journal, None),
        (Format::JournalBytes, None),
        (Format::Rfc3164, Some(Container::Docker)),
        (Format::Rfc3339, Some(Container::Cri)),
    ];
    let made = envelopes.into_iter().enumerate();
    let made = made.map(|(seed, (format, container))| {
        let options = loggen::Options {
            seed: 40 + u64::try_from(seed).unwrap(),
            lines: Some(1_200),
            format,
            container,
            kinds: Kinds::All,
            foreign_percent: 3,
            encoding: if seed % 2 == 0 {
                Encoding::Utf8
            } else {
                Encoding::Latin1
            },
            crlf: seed == 1,
            ..loggen::Options::default()
        };
        let mut bytes = Vec::new();
        Generator::new(options).write_to(&mut bytes).unwrap();
        Log {
            name: format!("loggen {format:?} {container:?}"),
            bytes,
        }
    });
    made.collect()
}

/// Packs a log.
pub(crate) fn packed(log: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(log).unwrap();
    packer.finish().unwrap()
}
