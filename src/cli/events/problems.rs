//! `--problems`: which classes of problems are asked for.

use clap::ValueEnum;
use mailtally_parsers::Problem;

/// A class of problems by its name on the command line.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub(super) enum ProblemName {
    /// All of them
    Any,
    /// A program found a bug in itself and gave up
    Panic,
    /// A program gave up
    Fatal,
    /// A program could not do something
    Error,
    /// A program complains, or says what it would have refused
    Warning,
    /// A client, a command or a mail was refused
    Reject,
    /// A delivery, a connection or a login did not succeed
    Failure,
    /// A line of unknown shape has one of these words
    Unclassified,
}

/// The classes asked for; none means that it was not asked for problems at all.
#[derive(Clone, Debug)]
pub(super) struct ProblemSet(Vec<ProblemName>);

impl ProblemSet {
    pub(super) fn new(names: &[ProblemName]) -> Self {
        ProblemSet(names.to_vec())
    }

    /// Tells whether lines without a problem are left out.
    pub(super) fn is_asked_for(&self) -> bool {
        !self.0.is_empty()
    }

    /// Tells whether a line with this problem was asked for.
    pub(super) fn has(&self, problem: Option<Problem>) -> bool {
        let Some(problem) = problem else {
            return !self.is_asked_for();
        };
        let wanted = match problem {
            Problem::Panic => ProblemName::Panic,
            Problem::Fatal => ProblemName::Fatal,
            Problem::Error => ProblemName::Error,
            Problem::Warning => ProblemName::Warning,
            Problem::Reject => ProblemName::Reject,
            Problem::Failure => ProblemName::Failure,
            Problem::Unclassified => ProblemName::Unclassified,
        };
        self.0.contains(&ProblemName::Any) || self.0.contains(&wanted)
    }
}
