//! Forgets what was counted, and keeps what later lines can still concern.
//!
//! A log that is followed has no end, and a tally grows with every name in it. Whoever adds up totals
//! elsewhere takes them from time to time and goes on with a tally that has only the mails, sessions
//! and logins under way, and the names that these need. What a report alone asks for is gone: which
//! addresses are our own, which mails were greylisted triplet by triplet.

use super::symbols::Renumbering;
use super::{Accounts, Tally, TlsCounts};

impl Tally {
    /// Returns how many names it holds: a measure of its size.
    pub fn names(&self) -> usize {
        self.symbols.len()
    }

    /// Forgets what it counted. Only for an anchored tally: what is settled there stays so.
    pub fn shed(&mut self) {
        debug_assert!(
            self.anchored,
            "an earlier part may still concern what was counted"
        );
        let fresh = Tally {
            wanted: self.wanted,
            anchored: self.anchored,
            lines: self.lines,
            now_us: self.now_us,
            ..Tally::part(self.windows)
        };
        let old = std::mem::replace(self, fresh);
        let numbers = Renumbering::into_new(old.symbols);
        self.instances.merge(old.instances, &numbers);
        self.accounts = Accounts::going_on(&old.accounts, &numbers);
        self.tls = TlsCounts::going_on(&old.tls, &numbers);
        self.lives = old.lives.renumbered(&numbers);
        self.servers = old.servers.renumbered(&numbers);
        self.connections = old.connections.renumbered(&numbers);
        self.logins = old.logins.going_on(&numbers);
        self.details.stays = old.details.stays.going_on(&numbers);
        self.details.greylist = old.details.greylist.going_on(self.now_us, &numbers);
        self.symbols = numbers.into_symbols();
    }
}

#[cfg(test)]
#[path = "shed_tests.rs"]
mod tests;
