//! What is said on standard error, one line at a time.

use std::io::{self, Write};

use crate::render::escaped;

/// Says something to the person at the terminal. Names of files may come from anywhere, so that
/// hidden characters are escaped; that nobody listens any more is no error.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "mailtally: {}", escaped(text));
}
