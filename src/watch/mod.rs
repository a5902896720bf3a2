//! Rules on events as they come, and the alerts that they raise.
//!
//! A [`Rule`] is a condition on what happened within a time, for each key: an address, a network, a
//! user. An [`Engine`] takes events in, one line after the other, and says which alerts are raised,
//! updated and resolved. Time is that of the log, so that a log read again raises the alerts that it
//! raised when it was followed.
//!
//! [`sinks`] sends alerts to people and programs. What this does **not** do: read logs, or look at a
//! clock to judge them.

mod alert;
mod carried;
mod distinct;
mod engine;
mod health;
mod history;
mod index;
mod key;
mod mails;
mod meter;
mod novel;
mod observed;
mod rule;
pub mod serve;
mod sign;
pub mod sinks;
mod values;
mod window;

#[cfg(test)]
#[path = "rules/tests.rs"]
mod rule_tests;
#[cfg(test)]
mod testing;

pub use alert::{Alert, Change, SignNumbers};
pub use carried::{Carried, LastLine};
pub use engine::{Engine, Snapshot};
pub use health::Health;
pub use history::WARM_DAYS;
pub use meter::{Meter, MeterSnapshot};
pub use observed::Observed;
pub use rule::{AlertClass, Rule, RuleError, Rules, Severity, builtin, read_rules};
