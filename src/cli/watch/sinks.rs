//! Where alerts go beside standard output.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::cli::messages::say;
use crate::watch::sinks::{Exec, JailLog, Mail, Sinks, WaitingAlerts, Wanted};
use crate::watch::{Alert, AlertClass, Severity};

/// Sinks may take so long to finish when following is interrupted.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Args, Debug)]
pub(in crate::cli) struct SinkArguments {
    /// Which alerts standard output shows
    #[arg(long, value_enum, value_name = "CLASS", default_value_t = Class::All)]
    stdout_class: Class,
    /// How bad those are at least
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = LeastSeverity::Info)]
    stdout_severity: LeastSeverity,
    /// Mail alerts to this address through the local sendmail; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    mail_to: Vec<String>,
    /// Which alerts are mailed
    #[arg(long, value_enum, value_name = "CLASS", default_value_t = Class::Page)]
    mail_class: Class,
    /// How bad those are at least
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = LeastSeverity::Info)]
    mail_severity: LeastSeverity,
    /// The program that takes mail
    #[arg(long, value_name = "FILE", default_value = "/usr/sbin/sendmail")]
    sendmail: PathBuf,
    /// Run this for each alert: a program and its arguments, by words, without a shell; the alert is
    /// on its standard input as JSON and in variables MAILTALLY_*
    #[arg(long, value_name = "COMMAND", value_parser = command)]
    exec: Option<String>,
    /// Which alerts --exec is run for
    #[arg(long, value_enum, value_name = "CLASS", default_value_t = Class::All)]
    exec_class: Class,
    /// How bad those are at least
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = LeastSeverity::Info)]
    exec_severity: LeastSeverity,
    /// Append a line for each offence of an address to this file, for fail2ban or CrowdSec
    #[arg(long, value_name = "FILE")]
    jail_log: Option<PathBuf>,
}

/// Classes of alerts.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Class {
    /// Those for a human
    Page,
    /// Those for a machine
    Background,
    /// Both
    All,
}

/// Severities of alerts, each with those that are worse.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum LeastSeverity {
    /// All
    Info,
    /// What is wrong
    Warning,
    /// What is broken or broken into
    Critical,
}

/// Puts together what two flags say of one sink.
fn wanted(class: Class, severity: LeastSeverity) -> Wanted {
    Wanted {
        class: match class {
            Class::Page => Some(AlertClass::Page),
            Class::Background => Some(AlertClass::Background),
            Class::All => None,
        },
        least: match severity {
            LeastSeverity::Info => Severity::Info,
            LeastSeverity::Warning => Severity::Warning,
            LeastSeverity::Critical => Severity::Critical,
        },
    }
}

/// Reads a value of `--mail-to`. It becomes a part of a header, so it is one word.
fn address(text: &str) -> Result<String, String> {
    let is_plain = |character: char| !character.is_control() && !character.is_whitespace();
    let is_one = !text.contains([',', ';', '<', '>', '(', ')', ':', '"', '\\']);
    if text.is_empty() || !is_one || !text.chars().all(is_plain) {
        return Err("write one address, such as postmaster@example.org".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads a value of `--exec`.
fn command(text: &str) -> Result<String, String> {
    match Exec::new(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("write a program, and its arguments if it has any".to_owned()),
    }
}

/// The sinks of a run.
pub(in crate::cli) struct Outlets {
    sinks: Sinks,
    /// Logs that are there can wait for a slow sink; logs that grow cannot.
    is_replay: bool,
    /// How many alerts had been delivered when that was last asked.
    delivered: u64,
}

impl Outlets {
    /// Hands alerts to the sinks.
    pub(in crate::cli) fn take(&mut self, alerts: &[Alert]) {
        for alert in alerts {
            match self.is_replay {
                true => self.sinks.give(alert),
                false => self.sinks.offer(alert),
            }
        }
    }

    /// Returns what is not delivered yet.
    pub(in crate::cli) fn waiting(&self) -> WaitingAlerts {
        self.sinks.waiting()
    }

    /// Hands over what an earlier run had not delivered.
    pub(in crate::cli) fn restore(&mut self, waiting: WaitingAlerts) {
        self.sinks.restore(waiting);
    }

    /// Tells whether something was delivered since it was last asked.
    pub(in crate::cli) fn has_delivered(&mut self) -> bool {
        let delivered = self.sinks.delivered();
        std::mem::replace(&mut self.delivered, delivered) != delivered
    }

    /// Lets the sinks finish: all of it after a replay, what can be done soon after an interruption.
    /// What then still waits is kept or lost.
    pub(in crate::cli) fn close(&mut self, is_kept: bool) {
        let patience = (!self.is_replay).then_some(PATIENCE);
        self.sinks.close(patience, is_kept);
    }
}

impl SinkArguments {
    /// Returns what standard output shows.
    pub(in crate::cli) fn shown(&self) -> Wanted {
        wanted(self.stdout_class, self.stdout_severity)
    }

    /// Starts the sinks that were asked for.
    pub(in crate::cli) fn open(&self, is_replay: bool) -> Result<Outlets> {
        let mut sinks = Sinks::new(Arc::new(say));
        if !self.mail_to.is_empty() {
            let mail = Mail::new(self.mail_to.clone(), self.sendmail.clone());
            sinks.add_mail(mail, wanted(self.mail_class, self.mail_severity));
        }
        if let Some(exec) = self.exec.as_deref().and_then(Exec::new) {
            sinks.add_exec(exec, wanted(self.exec_class, self.exec_severity));
        }
        if let Some(path) = &self.jail_log {
            let jail = JailLog::open(path.clone())
                .with_context(|| format!("--jail-log: cannot write {}", path.display()))?;
            sinks.add_jail(jail);
        }
        Ok(Outlets {
            sinks,
            is_replay,
            delivered: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_word() {
        for good in ["postmaster", "a.b+c@example.org", "jörg@example.org"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a,b@c", "a@b\nBcc: c@d", "Ann <a@b>", "a\u{85}b"] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }
}
