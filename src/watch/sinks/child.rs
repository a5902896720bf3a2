//! A program that is started, fed and waited for, within a time.

use std::io::{self, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

/// How often to look whether the program has ended, at most and at least.
const SOON: Duration = Duration::from_millis(1);
const LATER: Duration = Duration::from_millis(50);

/// What went wrong with a program.
#[derive(Debug, Error)]
pub(super) enum ChildError {
    /// It could not be started.
    #[error("cannot start it: {0}")]
    Start(#[source] io::Error),
    /// It could not be waited for.
    #[error("cannot wait for it: {0}")]
    Wait(#[source] io::Error),
    /// It ended badly.
    #[error("it ended with {0}")]
    Status(ExitStatus),
    /// It took too long and was killed.
    #[error("it took longer than {} s and was killed", .0.as_secs())]
    TimedOut(Duration),
}

/// Runs a program with a text on its standard input. What it prints goes to standard error, for
/// standard output is for alerts.
pub(super) fn feed(
    command: &mut Command,
    input: Vec<u8>,
    limit: Duration,
) -> Result<(), ChildError> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(ChildError::Start)?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that does not read would keep us at writing: a thread of its own does it, which
        // ends with the program.
        thread::spawn(move || pipe.write_all(&input));
    }
    let begin = Instant::now();
    let mut pause = SOON;
    loop {
        if let Some(status) = child.try_wait().map_err(ChildError::Wait)? {
            return match status.success() {
                true => Ok(()),
                false => Err(ChildError::Status(status)),
            };
        }
        if begin.elapsed() >= limit {
            // It may have ended just now: then there is nothing to kill.
            let _ = child.kill();
            child.wait().map_err(ChildError::Wait)?;
            return Err(ChildError::TimedOut(limit));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LATER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_neither_reads_nor_ends_is_killed() {
        let begin = Instant::now();
        let input = vec![b'x'; 1 << 20];
        let fed = feed(
            Command::new("sleep").arg("60"),
            input,
            Duration::from_millis(200),
        );
        assert!(matches!(fed, Err(ChildError::TimedOut(_))), "{fed:?}");
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_went_wrong_is_told() {
        let limit = Duration::from_secs(20);
        let fed = |program: &str| feed(&mut Command::new(program), Vec::new(), limit);
        assert!(fed("true").is_ok());
        assert!(matches!(fed("false"), Err(ChildError::Status(_))));
        assert!(matches!(fed("/no/such/program"), Err(ChildError::Start(_))));
    }
}
