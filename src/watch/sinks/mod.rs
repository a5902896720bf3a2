//! Where alerts go beside standard output: mail, programs, and a log for those that block.
//!
//! Each sink has a thread and a queue of its own, both bounded: one that is slow or dead never delays
//! whoever reads the log. What its queue has no room for is dropped, counted and said. What it did not
//! deliver yet can be looked at any time, to be handed to the sinks of the next run.
//!
//! What this does **not** do: decide what is worth an alert, or write down what waits.

mod child;
mod exec;
mod jail;
mod lane;
mod mail;
mod message;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use exec::Exec;
pub use jail::JailLog;
pub use mail::Mail;

use self::lane::Lane;
use super::{Alert, AlertClass, Severity};

/// How a sink says what went wrong, to the person who started the program.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// Which alerts a sink takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Those of one class alone.
    pub class: Option<AlertClass>,
    /// Those that are at least so bad.
    pub least: Severity,
}

impl Wanted {
    /// Tells whether an alert is one of them.
    pub fn has(self, alert: &Alert) -> bool {
        alert.severity >= self.least && self.class.is_none_or(|class| alert.class == class)
    }
}

/// Alerts that sinks have not delivered, by the name of the flag that asks for the sink.
pub type WaitingAlerts = BTreeMap<String, Vec<Alert>>;

/// All sinks of a run.
pub struct Sinks {
    lanes: Vec<(Wanted, Lane<Alert>)>,
    say: Say,
}

impl Sinks {
    /// Has no sink yet; `say` gets what goes wrong.
    pub fn new(say: Say) -> Self {
        let lanes = Vec::new();
        Self { lanes, say }
    }

    /// Sends alerts by mail.
    pub fn add_mail(&mut self, mail: Mail, wanted: Wanted) {
        let say = self.say.clone();
        self.add("--mail-to", wanted, move |queue| mail.run(&queue, &say));
    }

    /// Runs a program for each alert.
    pub fn add_exec(&mut self, exec: Exec, wanted: Wanted) {
        let say = self.say.clone();
        self.add("--exec", wanted, move |queue| exec.run(queue, &say));
    }

    /// Writes offences down.
    pub fn add_jail(&mut self, jail: JailLog) {
        let say = self.say.clone();
        let wanted = Wanted {
            class: Some(AlertClass::Background),
            least: Severity::Info,
        };
        self.add("--jail-log", wanted, move |queue| jail.run(&queue, &say));
    }

    fn add(
        &mut self,
        name: &'static str,
        wanted: Wanted,
        run: impl FnOnce(lane::Queue<Alert>) + Send + 'static,
    ) {
        let lane = Lane::open(name, lane::ROOM, self.say.clone(), run);
        self.lanes.push((wanted, lane));
    }

    /// Hands an alert to the sinks that want it; what one has no room for is dropped.
    pub fn offer(&mut self, alert: &Alert) {
        for (wanted, lane) in &mut self.lanes {
            if wanted.has(alert) {
                lane.offer(alert.clone());
            }
        }
    }

    /// Hands an alert to the sinks that want it, and waits for room: for logs that are there anyway.
    pub fn give(&mut self, alert: &Alert) {
        for (wanted, lane) in &mut self.lanes {
            if wanted.has(alert) {
                lane.give(alert.clone());
            }
        }
    }

    /// Returns what the sinks have not delivered yet; of each that has nothing, nothing.
    pub fn waiting(&self) -> WaitingAlerts {
        let lanes = self.lanes.iter();
        let waiting = lanes.map(|(_, lane)| (lane.name().to_owned(), lane.waiting()));
        waiting.filter(|(_, alerts)| !alerts.is_empty()).collect()
    }

    /// Hands over what waited for the sinks of an earlier run.
    pub fn restore(&mut self, waiting: WaitingAlerts) {
        for (name, alerts) in waiting {
            let mut lanes = self.lanes.iter_mut();
            let lane = lanes.find(|(_, lane)| lane.name() == name);
            let Some((wanted, lane)) = lane else {
                let count = alerts.len();
                (self.say)(&format!(
                    "{count} alerts waited for --{name}, which is not asked for any more: they are given up"
                ));
                continue;
            };
            let wanted = alerts.into_iter().filter(|alert| wanted.has(alert));
            wanted.for_each(|alert| lane.offer(alert));
        }
    }

    /// Returns how many alerts the sinks have delivered.
    pub fn delivered(&self) -> u64 {
        self.lanes.iter().map(|(_, lane)| lane.delivered()).sum()
    }

    /// Lets the sinks finish what they have, within a time if one is given, and says what was dropped.
    /// What still waits then is lost, unless the caller keeps it.
    pub fn close(&mut self, patience: Option<Duration>, is_kept: bool) {
        for (_, lane) in &mut self.lanes {
            lane.close(patience, is_kept);
        }
    }
}
