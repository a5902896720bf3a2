//! Room on disk for chunks that have to wait, so that they do not fill the memory.
//!
//! Lines of a plain file are read there again. Others (standard input, packed files, the journal) are
//! written to a file without a name in the folder for temporary files, which is gone with the process.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use super::chunk::Chunk;
use super::plain::PlainLog;
use super::progress::Progress;

/// Takes the lines of chunks out of memory.
#[derive(Debug, Default)]
pub struct Spool {
    place: Option<Place>,
    /// There is no room: chunks stay in memory from now on.
    is_full: bool,
}

#[derive(Debug)]
struct Place {
    file: File,
    log: Arc<PlainLog>,
    written: u64,
}

impl Spool {
    /// Takes the lines of a chunk out of memory until somebody asks for them. Where there is no room
    /// on disk they stay: the answer is the same.
    pub fn put_by(&mut self, chunk: &mut Chunk) {
        if !chunk.is_on_disk() && !self.is_full {
            self.is_full = self.write(chunk).is_err();
        }
        chunk.forget();
    }

    fn write(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        let place = match &mut self.place {
            Some(place) => place,
            none => none.insert(Place::new()?),
        };
        let bytes = chunk.bytes();
        place.file.write_all_at(bytes, place.written)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let end = place.written.saturating_add(length);
        chunk.put_on_disk(&place.log, place.written..end);
        place.written = end;
        Ok(())
    }
}

impl Place {
    /// Makes a file that only this process can reach.
    fn new() -> io::Result<Place> {
        let name = format!("mailtally.{}.spool", std::process::id());
        let path = env::temp_dir().join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&path)?;
        fs::remove_file(&path)?;
        let reading = file.try_clone()?;
        Ok(Place {
            file,
            log: Arc::new(PlainLog::new(PathBuf::new(), reading, Progress::default())),
            written: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dating, SourceId};
    use super::*;

    #[test]
    fn lines_come_back_as_they_were() {
        let mut spool = Spool::default();
        let mut chunks: Vec<Chunk> = (0..3)
            .map(|number| {
                let bytes = format!("line {number}\n").repeat(number + 1).into_bytes();
                Chunk::new(bytes, Dating::from_year(2026, None), SourceId(0))
            })
            .collect();
        for chunk in &mut chunks {
            spool.put_by(chunk);
            assert!(!chunk.is_read());
        }
        // A second time there is nothing to write.
        if let Some(chunk) = chunks.first_mut() {
            spool.put_by(chunk);
        }
        assert_eq!(spool.place.as_ref().map(|place| place.written), Some(42));
        for (number, chunk) in chunks.iter().enumerate() {
            let expected = format!("line {number}\n").repeat(number + 1);
            assert_eq!(chunk.bytes(), expected.as_bytes());
        }
    }

    #[test]
    fn without_room_they_stay_in_memory() {
        let mut spool = Spool {
            is_full: true,
            ..Spool::default()
        };
        let dates = Dating::from_year(2026, None);
        let mut chunk = Chunk::new(b"line\n".to_vec(), dates, SourceId(0));
        spool.put_by(&mut chunk);
        assert_eq!((chunk.is_read(), chunk.bytes()), (true, &b"line\n"[..]));
    }
}
