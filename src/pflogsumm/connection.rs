//! smtpd's connections: how many, and how long they took.

use chrono::NaiveDate;

use super::options::Today;
use super::stamp::Stamp;
use super::table::{Id, Table};

/// Connections, and how long they took in all and at most.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Connections {
    pub(super) count: u64,
    pub(super) seconds: i64,
    pub(super) longest: i64,
}

impl Connections {
    /// Adds one that took so long.
    pub(super) fn add(&mut self, seconds: i64) {
        self.merge(&Connections {
            count: 1,
            seconds,
            longest: seconds,
        });
    }

    /// Adds what was counted elsewhere.
    pub(super) fn merge(&mut self, other: &Connections) {
        self.count += other.count;
        self.seconds += other.seconds;
        self.longest = self.longest.max(other.longest);
    }
}

/// What is known of a process's connection.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum State {
    /// It was not seen in this part; an earlier part may know.
    #[default]
    Unseen,
    /// Open since this second.
    Open(i64),
    /// There is none.
    Closed,
}

/// Each process's connection, by process id: a later one overwrites it.
#[derive(Default, Debug)]
pub(super) struct Processes(Table<State>);

impl Processes {
    /// Begins a connection.
    pub(super) fn open(&mut self, process: &[u8], at: i64) {
        let process = self.0.id(process);
        self.set(process, State::Open(at));
    }

    /// Ends a connection, and returns the process's number and what was known of it.
    pub(super) fn close(&mut self, process: &[u8]) -> (Id, State) {
        let process = self.0.id(process);
        let before = self.0.get_mut(process).map(std::mem::take);
        self.set(process, State::Closed);
        (process, before.unwrap_or_default())
    }

    /// Ends the connection of a process of a later part, begun in this one.
    pub(super) fn close_earlier(&mut self, later: &Processes, process: Id) -> State {
        self.close(later.0.key(process)).1
    }

    /// Takes over the states at the end of a later part.
    pub(super) fn merge(&mut self, later: &Processes) {
        for (key, state) in later.0.iter() {
            if *state != State::Unseen {
                let process = self.0.id(key);
                self.set(process, *state);
            }
        }
    }

    fn set(&mut self, process: Id, state: State) {
        if let Some(known) = self.0.get_mut(process) {
            *known = state;
        }
    }
}

/// Returns a stamp's second since 1970; none if there is no such time.
pub(super) fn second(stamp: &Stamp, today: &Today) -> Option<i64> {
    let month = u32::try_from(stamp.month + 1).ok()?;
    let day = NaiveDate::from_ymd_opt(year_of(stamp.month, today), month, stamp.day.into())?;
    let time = day.and_hms_opt(stamp.hour.into(), stamp.minute.into(), stamp.second.into())?;
    Some(time.and_utc().timestamp())
}

/// Returns the year of a stamp: this one, or the last one for months yet to come.
pub(super) fn year_of(month: i8, today: &Today) -> i32 {
    today.year - i32::from(month > today.month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_to_come_was_last_years() {
        let today = Today {
            year: 2026,
            month: 10,
        };
        assert_eq!(year_of(10, &today), 2026);
        assert_eq!(year_of(11, &today), 2025);
        let mut stamp = Stamp {
            year: None,
            month: 1,
            day: 28,
            hour: 0,
            minute: 0,
            second: 1,
        };
        // By `date -u -d 2026-02-28T00:00:01 +%s`.
        assert_eq!(second(&stamp, &today), Some(1_772_236_801));
        stamp.day = 30;
        assert_eq!(second(&stamp, &today), None);
    }
}
