//! How long clients stayed with smtpd: the time from `connect` to `disconnect`.
//!
//! Both lines are joined by (host, tag, pid). A part of a log keeps of each process the `disconnect`
//! before its first own `connect`, which an earlier part may own, and the connection still open.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::finish;
use super::super::processes::{Process, Processes};
use super::super::recent::Recent;
use super::super::symbols::{Renumber, Renumbering, Symbol, Symbols};

/// A longer stay is a process id used twice, not a connection.
const LOST_US: i64 = 36 * 3_600 * 1_000_000;

/// Microseconds in an hour.
const HOUR_US: i64 = 3_600 * 1_000_000;

/// The end of a connection.
#[derive(Clone, Copy, Debug)]
struct Close {
    us: i64,
    /// The client as pflogsumm files it: a domain, or an address.
    client: Symbol,
}

/// What one process said in this part. That there is an entry tells that it said something.
#[derive(Clone, Copy, Debug, Default)]
struct Server {
    head: Option<Close>,
    open_us: Option<i64>,
}

/// Tells how long a client stayed; `None` if that is no single stay.
pub(crate) fn stay_us(open_us: i64, close_us: i64) -> Option<u64> {
    let stay = close_us.saturating_sub(open_us);
    (stay <= LOST_US).then(|| stay.max(0).unsigned_abs())
}

/// Stays added up.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u64,
    total_us: u64,
    longest_us: u64,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.count += other.count;
        self.total_us = self.total_us.saturating_add(other.total_us);
        self.longest_us = self.longest_us.max(other.longest_us);
    }
}

/// Counts stays.
#[derive(Clone, Default)]
pub(crate) struct Stays {
    servers: Processes<Server>,
    /// By hour of the log's wall clock since 1970, of the end.
    hours: Recent<i64, Sums>,
    clients: HashMap<Symbol, Sums, FxBuildHasher>,
}

impl Stays {
    pub(crate) fn connect(&mut self, process: Process, us: i64) {
        self.servers.of(process).open_us = Some(us);
    }

    pub(crate) fn disconnect(&mut self, process: Process, us: i64, client: Symbol, anchored: bool) {
        let close = Close { us, client };
        // A process serves many clients: it is forgotten when it is swept.
        match self.servers.known(process) {
            Some(server) => {
                if let Some(open_us) = server.open_us.take() {
                    self.count(open_us, close);
                }
            }
            None if anchored => {}
            None => self.servers.of(process).head = Some(close),
        }
    }

    fn count(&mut self, open_us: i64, close: Close) {
        let Some(stay_us) = stay_us(open_us, close.us) else {
            return;
        };
        let sums = Sums {
            count: 1,
            total_us: stay_us,
            longest_us: stay_us,
        };
        let hour = close.us.div_euclid(HOUR_US);
        self.hours.of(hour).add(sums);
        self.clients.entry(close.client).or_default().add(sums);
    }

    pub(crate) fn merge(&mut self, later: Stays, numbers: &Renumbering, anchored: bool) {
        for (hour, sums) in later.hours.iter() {
            self.hours.of(hour).add(*sums);
        }
        for (client, sums) in later.clients {
            let ours = self.clients.entry(client.renumber(numbers)).or_default();
            ours.add(sums);
        }
        for (process, theirs) in later.servers.into_all() {
            let process = Process::from(process.renumber(numbers));
            if let Some(close) = theirs.head {
                let client = close.client.renumber(numbers);
                self.disconnect(process, close.us, client, false);
            }
            self.servers.of(process).open_us = theirs.open_us;
        }
        if anchored {
            self.servers.retain(|server| server.open_us.is_some());
        }
    }

    /// No stay, but the connections that are open.
    pub(crate) fn going_on(self, numbers: &Renumbering) -> Stays {
        let open = self.servers.into_all();
        Stays {
            servers: open
                .map(|(process, server)| (process.renumber(numbers), server))
                .collect(),
            ..Stays::default()
        }
    }

    /// Forgets connections whose end can no longer count.
    pub(crate) fn sweep(&mut self, now_us: i64, anchored: bool) {
        if anchored {
            let is_live = |us: i64| now_us.saturating_sub(us) <= 2 * LOST_US;
            self.servers
                .retain(|server| server.open_us.is_some_and(is_live));
        }
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> StayTotals {
        let mut clients: BTreeMap<String, Sums> = BTreeMap::new();
        for (&client, &sums) in &self.clients {
            clients.entry(symbols.text(client)).or_default().add(sums);
        }
        let client = |(client, sums): (String, Sums)| StayRow {
            client,
            connections: sums.count,
            total_us: sums.total_us,
            longest_us: sums.longest_us,
        };
        let hour = |(hour, sums): (i64, &Sums)| StayHourRow {
            hour,
            connections: sums.count,
            total_us: sums.total_us,
            longest_us: sums.longest_us,
        };
        let mut per_hour: Vec<StayHourRow> = self.hours.iter().map(hour).collect();
        per_hour.sort();
        StayTotals {
            per_hour,
            by_client: finish::sorted(clients.into_iter().map(client), |row| row.connections),
        }
    }
}

/// Connections to smtpd of which the log has both ends.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct StayTotals {
    /// By hour of their end, in order.
    pub per_hour: Vec<StayHourRow>,
    /// By client.
    pub by_client: Vec<StayRow>,
}

/// Connections that ended within one hour.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct StayHourRow {
    /// The hour of the log's wall clock, counted from 1970.
    pub hour: i64,
    /// How many connections.
    pub connections: u64,
    /// Their time in sum, in microseconds.
    pub total_us: u64,
    /// The longest of them.
    pub longest_us: u64,
}

/// Connections of one client.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct StayRow {
    /// The client's domain as pflogsumm has it, or its address.
    pub client: String,
    /// How many connections.
    pub connections: u64,
    /// Their time in sum, in microseconds.
    pub total_us: u64,
    /// The longest of them.
    pub longest_us: u64,
}

#[cfg(test)]
mod tests {
    use super::super::super::processes::ProcessKey;
    use super::*;

    #[test]
    fn a_stay_ends_once_and_the_next_one_of_the_process_counts_too() {
        let mut symbols = Symbols::default();
        let [host, tag, client] =
            ["mx1", "postfix/smtpd", "example.com"].map(|text| symbols.intern(text.as_bytes()));
        let process = Process::from(ProcessKey { host, tag, pid: 7 });
        for anchored in [true, false] {
            let mut stays = Stays::default();
            stays.connect(process, 0);
            stays.disconnect(process, 5, client, anchored);
            stays.disconnect(process, 9, client, anchored);
            stays.connect(process, 20);
            stays.disconnect(process, 24, client, anchored);
            let rows = stays.finish(&symbols).by_client;
            let counted: Vec<_> = rows
                .iter()
                .map(|row| (row.connections, row.total_us))
                .collect();
            assert_eq!(counted, [(2, 9)]);
        }
    }
}
