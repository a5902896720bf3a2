//! The progress bar: how much of the logs was read, how fast, and how long the rest takes.
//!
//! It is drawn by a thread of its own that looks at a counter now and then.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::messages;
use crate::source::Progress;

/// What is over sooner needs no bar.
const DELAY: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(200);
/// How many characters the bar itself has.
const WIDTH: u64 = 20;

/// A bar that is drawn until this is dropped.
pub(super) struct Bar {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Begins to watch the progress of reading; `None` where nobody would see a bar.
    ///
    /// `size_bytes` is how much there is to read, if that is known.
    pub(super) fn begin(progress: Progress, size_bytes: Option<u64>) -> Option<Self> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let (stop, stopped) = mpsc::channel::<()>();
        let draw = move || {
            let started = Instant::now();
            let mut wait = DELAY;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                messages::draw(&text(progress.bytes(), size_bytes, started.elapsed()));
                wait = EVERY;
            }
            messages::clear();
        };
        let thread = thread::Builder::new().spawn(draw).ok()?;
        Some(Bar {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic there left the terminal as it is: nothing can be done about it here.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Writes how far reading is.
fn text(read_bytes: u64, size_bytes: Option<u64>, elapsed: Duration) -> String {
    let elapsed_ms = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let rate = read_bytes.saturating_mul(1000) / elapsed_ms;
    let size_bytes = size_bytes.filter(|size| *size > 0);
    let Some(size_bytes) = size_bytes else {
        return format!("{} read, {}/s", size(read_bytes), size(rate));
    };
    // A file may have grown meanwhile.
    let read_bytes = read_bytes.min(size_bytes);
    let part_of = |whole: u64| {
        let part = u128::from(read_bytes) * u128::from(whole) / u128::from(size_bytes);
        u64::try_from(part).unwrap_or(whole)
    };
    let filled = usize::try_from(part_of(WIDTH)).unwrap_or(0);
    let bar = "#".repeat(filled);
    let left = (size_bytes - read_bytes).checked_div(rate);
    let left = left.map_or_else(String::new, |seconds| format!(", {} left", time(seconds)));
    format!(
        "[{bar:.<width$}] {percent:3}% of {whole}, {rate}/s{left}",
        width = usize::try_from(WIDTH).unwrap_or(0),
        percent = part_of(100),
        whole = size(size_bytes),
        rate = size(rate),
    )
}

/// Writes a number of bytes with three digits or so.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while tenths >= 10_000
        && let Some(larger) = units.next()
    {
        tenths /= 1024;
        unit = Some(larger);
    }
    let unit = unit.unwrap_or(&"");
    if tenths >= 1000 {
        format!("{} {unit}", tenths / 10)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

fn time(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match hours {
        0 => format!("{minutes}:{:02}", seconds % 60),
        _ => format!("{hours}:{:02}:{:02}", minutes % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_how_much_how_fast_and_how_long() {
        let seconds = Duration::from_secs;
        assert_eq!(
            text(50 << 20, Some(200 << 20), seconds(2)),
            "[#####...............]  25% of 200 MiB, 25.0 MiB/s, 0:06 left"
        );
        assert_eq!(
            text(1 << 40, Some(1 << 40), seconds(5000)),
            "[####################] 100% of 1.0 TiB, 209 MiB/s, 0:00 left"
        );
        // More than there was at first.
        assert!(text(2 << 20, Some(1 << 20), seconds(1)).contains("100% of 1.0 MiB"));
        assert_eq!(
            text(0, Some(1 << 30), seconds(1)),
            "[....................]   0% of 1.0 GiB, 0.0 KiB/s"
        );
        assert_eq!(text(3 << 20, None, seconds(2)), "3.0 MiB read, 1.5 MiB/s");
        assert_eq!(
            text(1000, Some(0), Duration::ZERO),
            "0.9 KiB read, 976 KiB/s"
        );
        assert!(text(1, Some(u64::MAX), seconds(u64::MAX)).len() < 80);
    }

    #[test]
    fn long_times_have_hours() {
        assert_eq!(
            [time(59), time(61), time(3600)],
            ["0:59", "1:01", "1:00:00"]
        );
    }
}
