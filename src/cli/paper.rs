//! What standard output is: how wide, and whether it shows colours.

use std::env;
use std::io::{self, IsTerminal};

use clap::ValueEnum;

use crate::render::Paper;

/// When text is coloured.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum, Debug)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set or TERM is `dumb`
    #[default]
    Auto,
    /// Also where it is no terminal: `mailtally --color always | less -R`
    Always,
    /// Nowhere
    Never,
}

/// The columns that a line has at least and at most: a report as wide as a wall is hard to read.
const WIDTH: (usize, usize) = (60, 132);

/// Returns what a text on standard output is written on: a terminal is as wide as it is, all else
/// has 80 columns.
pub(super) fn of_standard_output(colour: Colour) -> Paper {
    let is_terminal = io::stdout().is_terminal();
    let width = is_terminal.then(width_of_terminal).flatten();
    Paper {
        width: width.unwrap_or(Paper::default().width),
        is_coloured: match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => is_terminal && wants_colour(),
        },
    }
}

fn width_of_terminal() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    (width.0 > 0).then(|| usize::from(width.0).clamp(WIDTH.0, WIDTH.1))
}

/// See <https://no-color.org>: set to whatever is not empty.
fn wants_colour() -> bool {
    let is_set = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = env::var_os("TERM").is_none_or(|name| name == "dumb");
    !is_set && !is_dumb
}
