//! What the tests of rules share: lines, and an engine that takes them in.
#![cfg(test)]

use std::sync::OnceLock;

use mailtally_parsers::{Event, Record};

use super::alert::{Alert, Change};
use super::engine::{Engine, us};
use super::observed::Observed;
use super::rule::{Rules, builtin, read_rules};
use crate::export::Line;
use crate::source::WallTime;

/// Second `second` of a day, as the log shows it.
pub(super) fn time(second: i64) -> WallTime {
    WallTime {
        wall_us: 20_778 * 86_400_000_000 + second * 1_000_000,
        offset_secs: Some(3_600),
    }
}

/// A login that failed.
pub(super) fn failed(address: &str, user: &str) -> String {
    let failed = "SASL LOGIN authentication failed: authentication failure, sasl_username=";
    format!("postfix/smtpd[7]: warning: unknown[{address}]: {failed}{user}")
}

/// An engine, and what it said.
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) alerts: Vec<Alert>,
}

impl World {
    pub(super) fn new() -> Self {
        static RULES: OnceLock<Rules> = OnceLock::new();
        let engine = Engine::new(RULES.get_or_init(|| builtin().unwrap()).clone());
        let alerts = Vec::new();
        World { engine, alerts }
    }

    pub(super) fn with(rules: &str) -> Self {
        let engine = Engine::new(read_rules(&[rules.to_owned()]).unwrap());
        World {
            engine,
            alerts: Vec::new(),
        }
    }

    /// Takes a line in that was logged in a second of the day.
    ///
    /// Without a text only the time goes on.
    pub(super) fn line(&mut self, second: i64, text: &str) {
        if text.is_empty() {
            let now_us = us(time(second));
            return self.engine.advance(now_us, &mut self.alerts);
        }
        let raw = format!("Nov 21 00:00:00 mx1 {text}");
        let record = Record::parse(raw.as_bytes()).unwrap();
        let event = Event::parse(&record.tag, record.message);
        self.engine.observe(
            &Observed {
                line: Line {
                    time: None,
                    record: &record,
                    event,
                },
                raw: raw.as_bytes(),
                time: time(second),
                place: None,
            },
            &mut self.alerts,
        );
    }

    /// Takes a line in at the time of its stamp, one of RFC 3339.
    pub(super) fn stamped(&mut self, raw: &[u8]) {
        let record = Record::parse(raw).unwrap();
        let text = std::str::from_utf8(raw).unwrap();
        let stamp = text.split(' ').next().unwrap();
        let stamp = chrono::DateTime::parse_from_rfc3339(stamp).unwrap();
        let time = WallTime {
            wall_us: stamp.naive_local().and_utc().timestamp_micros(),
            offset_secs: Some(stamp.offset().local_minus_utc()),
        };
        let line = Line {
            time: None,
            record: &record,
            event: Event::parse(&record.tag, record.message),
        };
        let place = None;
        let observed = Observed {
            line,
            raw,
            time,
            place,
        };
        self.engine.observe(&observed, &mut self.alerts);
    }

    /// What was said of a rule since the last time it was asked.
    pub(super) fn said(&mut self, rule: &str) -> Vec<(Change, u64)> {
        let alerts = std::mem::take(&mut self.alerts);
        let said = alerts.iter().filter(|alert| alert.rule == rule);
        said.map(|alert| (alert.change, alert.distinct.unwrap_or(alert.count)))
            .collect()
    }
}

/// A client that connects.
pub(super) fn connect(address: &str) -> String {
    format!("postfix/smtpd[7]: connect from unknown[{address}]")
}
