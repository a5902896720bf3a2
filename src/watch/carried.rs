//! What a watch carries from the lines before to those to come, for its checkpoints.

use serde::{Deserialize, Serialize};

use super::engine::Snapshot;
use super::meter::MeterSnapshot;
use super::sinks::WaitingAlerts;
use crate::source::WallTime;

/// All that a watch knows beside its rules. A part that an earlier version did not have is empty.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Carried {
    /// What rules saw.
    pub engine: Snapshot,
    /// What was counted for metrics; none where nobody asks for them.
    pub meter: Option<MeterSnapshot>,
    /// The last line's time, and when it came.
    pub last: Option<LastLine>,
    /// Alerts that were raised by then and that sinks have not delivered.
    pub waiting: WaitingAlerts,
}

/// When the last line was logged, and when it came.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct LastLine {
    wall_us: i64,
    offset_secs: Option<i32>,
    /// By this machine's clock, in microseconds since the epoch.
    pub came_us: i64,
}

impl LastLine {
    /// Notes a line.
    pub fn new(time: WallTime, came_us: i64) -> Self {
        LastLine {
            wall_us: time.wall_us,
            offset_secs: time.offset_secs,
            came_us,
        }
    }

    /// Returns when it was logged.
    pub fn time(&self) -> WallTime {
        WallTime {
            wall_us: self.wall_us,
            offset_secs: self.offset_secs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the version before wrote it: nothing of what waits.
    #[test]
    fn a_state_without_alerts_that_wait_is_read() {
        let before = r#"{"engine":{"rules":{},"due":[],"kept":{"clock_us":7,"offset_secs":3600,
            "calendar":{"hours":[],"days":0},"mails":{"by_id":{},"order":[],"taken":0,"evicted":0},
            "touches":0,"evicted":0}},"meter":null,
            "last":{"wall_us":5,"offset_secs":3600,"came_us":9}}"#;
        let read: Carried = serde_json::from_str(before).unwrap();
        assert_eq!(read.last.unwrap().came_us, 9);
        assert!(read.waiting.is_empty());
    }
}
