//! What whoever follows logs should hear of.

use std::fmt;
use std::path::PathBuf;

use crate::source::problem::Problem;

/// Something about a followed log, for standard error.
#[derive(Debug)]
#[non_exhaustive]
pub enum FollowNotice {
    /// There is no such file yet.
    Waiting(PathBuf),
    /// It cannot be read; it is tried again.
    Problem(Problem),
    /// It can be read again.
    Recovered(PathBuf),
    /// What was written to it and not read is lost; so often by now.
    Lost(PathBuf, u64),
    /// It was copied and emptied; so often by now.
    Copied(PathBuf, u64),
    /// It was followed by an earlier run, and is not named any more.
    Dropped(String),
}

impl fmt::Display for FollowNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FollowNotice::Waiting(path) => {
                write!(
                    f,
                    "{}: there is no such file yet; waiting for it",
                    path.display()
                )
            }
            FollowNotice::Problem(problem) => write!(f, "{problem}"),
            FollowNotice::Recovered(path) => write!(f, "{}: can be read again", path.display()),
            FollowNotice::Lost(path, times) => write!(
                f,
                "{}: was emptied or removed without a copy; what was not read by then is lost ({times} so far)",
                path.display()
            ),
            FollowNotice::Copied(path, times) => write!(
                f,
                "{}: was copied and emptied; a line written between the two is in neither ({times} so far)",
                path.display()
            ),
            FollowNotice::Dropped(name) => {
                write!(f, "{name}: was followed before, and is not named any more")
            }
        }
    }
}
