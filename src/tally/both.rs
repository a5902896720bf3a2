//! Two things done at once, where there is somebody to do the other one.

/// Does two things: at once on one of rayon's threads, where another one that is idle may take the
/// second; one after the other elsewhere, so that who asks for one thread gets one.
pub(super) fn both<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    match rayon::current_thread_index() {
        Some(_) => rayon::join(first, second),
        None => (first(), second()),
    }
}
