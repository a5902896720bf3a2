//! Merging parts of a log in whatever order.

/// Merges parts by the bracketing that `order` tells: each step merges two neighbours.
pub(crate) fn merge_in_any_order<T>(
    mut parts: Vec<T>,
    order: &[usize],
    merge: impl Fn(&mut T, T),
) -> T {
    let mut step = 0;
    while parts.len() > 1 {
        let at = order.get(step).copied().unwrap_or(0) % (parts.len() - 1);
        let later = parts.remove(at + 1);
        merge(&mut parts[at], later);
        step += 1;
    }
    parts.remove(0)
}
