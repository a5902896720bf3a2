//! What is said on standard error, one line at a time, and the one line that is drawn over.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::render::escaped;

/// Whether a line is drawn that has to go before anything is said.
static IS_DRAWN: Mutex<bool> = Mutex::new(false);

/// Says something to the person at the terminal. Names of files may come from anywhere, so that
/// hidden characters are escaped; that nobody listens any more is no error.
pub(super) fn say(text: &str) {
    let mut is_drawn = is_drawn();
    let _ = writeln!(
        io::stderr(),
        "{}mailtally: {}",
        erase(&mut is_drawn),
        escaped(text)
    );
}

/// Draws a line in the place of the one drawn before.
pub(super) fn draw(text: &str) {
    let mut is_drawn = is_drawn();
    let _ = write!(io::stderr(), "{}{text}", erase(&mut is_drawn));
    *is_drawn = true;
}

/// Takes the line away that is drawn, if there is one.
pub(super) fn clear() {
    let mut is_drawn = is_drawn();
    let _ = write!(io::stderr(), "{}", erase(&mut is_drawn));
}

/// What takes the line away that is drawn.
fn erase(is_drawn: &mut bool) -> &'static str {
    if std::mem::take(is_drawn) {
        "\r\x1b[K"
    } else {
        ""
    }
}

/// Locks: nobody draws while somebody speaks.
fn is_drawn() -> MutexGuard<'static, bool> {
    IS_DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}
