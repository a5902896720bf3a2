//! A part of a file, read into a buffer without going there: several threads may read one file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;

/// Long buffers are made as long as some of these.
const PAGES_BYTES: usize = 64 << 10;

/// Reads a part of a file into a buffer, in the place of what that holds; where the file ends, less than
/// was asked for.
///
/// # Errors
/// Those of the file system; the buffer has what was read before.
pub(super) fn read_part(file: &File, part: Range<u64>, buffer: &mut Vec<u8>) -> io::Result<()> {
    let bytes = part.end.saturating_sub(part.start);
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let outcome = match buffer.capacity() < bytes {
        true => read_into_new(file, part.start, bytes, buffer),
        false => read_over(file, part.start, bytes, buffer),
    };
    buffer.truncate(bytes);
    outcome
}

/// Reads so many bytes of a file from a place on, fewer where it ends.
///
/// # Errors
/// Those of the file system.
pub(super) fn read_at(file: &File, at: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::new();
    read_part(file, at..at.saturating_add(bytes), &mut buffer)?;
    Ok(buffer)
}

/// Reads into a buffer that is long enough: what is left in it need not be cleared first.
fn read_over(file: &File, start: u64, bytes: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.resize(bytes, 0);
    let mut filled = 0;
    let outcome = loop {
        let rest = buffer.get_mut(filled..).unwrap_or_default();
        if rest.is_empty() {
            break Ok(());
        }
        match file.read_at(rest, behind(start, filled)) {
            Ok(0) => break Ok(()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    buffer.truncate(filled);
    outcome
}

/// Reads into a new buffer in the place of one that is too short: nor need memory be cleared that was
/// not used before.
fn read_into_new(file: &File, start: u64, bytes: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
    *buffer = Vec::with_capacity(room(bytes));
    while buffer.len() < bytes {
        let at = behind(start, buffer.len());
        match rustix::io::pread(file, spare_capacity(buffer), at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn behind(start: u64, bytes: usize) -> u64 {
    start.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX))
}

/// How long a new buffer is made for so many bytes: the next part of a file may be a little longer; a
/// look at a place of it is not.
fn room(bytes: usize) -> usize {
    match bytes {
        0..PAGES_BYTES => bytes,
        _ => bytes.checked_next_multiple_of(PAGES_BYTES).unwrap_or(bytes),
    }
}
