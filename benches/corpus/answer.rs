//! What counting each log must give.

use mailtally::tally::totals::Totals;

use super::corpus::{Corpus, LINES};

/// What the answer is, and what it must be.
pub(crate) fn answer(corpus: Corpus, totals: &Totals) -> (u64, u64) {
    let logins = totals.logins.iter().map(|row| row.count).sum();
    match corpus {
        // Counted by the clients of the lab run that the log is of.
        Corpus::Mixed => (totals.totals.received, 1526),
        Corpus::Rejects => (totals.totals.rejected, LINES),
        Corpus::Dovecot => (logins, LINES / 2),
        Corpus::LongLines => (totals.totals.delivered, LINES),
        Corpus::Foreign => (totals.coverage.lines.foreign, LINES),
    }
}
