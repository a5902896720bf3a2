//! Runs a program of the site's own for each alert.
//!
//! The program and its arguments are the site's words alone and go through no shell. What the log says
//! is in environment variables, hidden characters escaped, and on standard input as JSON.

use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::lane::Queue;
use super::{Say, child};
use crate::render::escaped;
use crate::watch::{Alert, Change};

/// Programs that run at one time.
const AT_ONCE: usize = 4;
/// How long one may take.
const LIMIT: Duration = Duration::from_secs(30);
/// A variable has at most so many bytes: systems refuse more than some 128 KiB.
const LONGEST: usize = 4_096;

/// A program to run, and its arguments.
pub struct Exec {
    program: String,
    arguments: Vec<String>,
    limit: Duration,
}

impl Exec {
    /// Takes a command apart at white space; there is no other syntax. `None` if there is no word in it.
    pub fn new(command: &str) -> Option<Self> {
        let mut words = command.split_whitespace().map(str::to_owned);
        Some(Self {
            program: words.next()?,
            arguments: words.collect(),
            limit: LIMIT,
        })
    }

    pub(super) fn run(&self, queue: Queue<Alert>, say: &Say) {
        let queue = Mutex::new(queue);
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| self.work(&queue, say));
            }
        });
    }

    /// One of the workers: takes an alert, runs the program, and so on.
    fn work(&self, queue: &Mutex<Queue<Alert>>, say: &Say) {
        loop {
            let taken = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(alert) = taken else {
                return;
            };
            if let Err(error) = self.tell(&alert) {
                let (program, id) = (&self.program, &alert.id);
                say(&format!("--exec {program}: {error} (alert {id})"));
            }
            alert.delivered();
        }
    }

    fn tell(&self, alert: &Alert) -> Result<(), child::ChildError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        for (name, value) in variables(alert) {
            command.env(name, value);
        }
        let json = alert.json().unwrap_or_default();
        child::feed(&mut command, json.into_bytes(), self.limit)
    }
}

/// What an alert says, as environment variables.
fn variables(alert: &Alert) -> Vec<(String, String)> {
    let change = match alert.change {
        Change::Raised => "raised",
        Change::Updated => "updated",
        Change::Resolved => "resolved",
    };
    let count = alert.count.to_string();
    let plain = [
        ("ID", alert.id.as_str()),
        ("CHANGE", change),
        ("TIME", &alert.time),
        ("RULE", &alert.rule),
        ("CLASS", alert.class.name()),
        ("SEVERITY", alert.severity.name()),
        ("COUNT", &count),
        ("ABOUT", &alert.about),
        ("NEXT", &alert.next),
        ("FIRST_LINE", &alert.first_line),
        ("LAST_LINE", &alert.last_line),
    ];
    let mut all: Vec<(String, String)> = plain
        .into_iter()
        .map(|(name, value)| (format!("MAILTALLY_{name}"), harmless(value)))
        .collect();
    for (name, value) in &alert.key {
        let name = name.to_ascii_uppercase();
        all.push((format!("MAILTALLY_KEY_{name}"), harmless(value)));
    }
    all
}

/// A text without hidden characters, cut if it is long.
fn harmless(text: &str) -> String {
    let mut safe = escaped(text);
    let mut end = LONGEST.min(safe.len());
    while !safe.is_char_boundary(end) {
        end -= 1;
    }
    safe.truncate(end);
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_words_and_nothing_else() {
        let exec = Exec::new(" /usr/local/bin/notify --now '$(id)' ; `id`").unwrap();
        assert_eq!(exec.program, "/usr/local/bin/notify");
        assert_eq!(exec.arguments, ["--now", "'$(id)'", ";", "`id`"]);
        assert!(Exec::new("  ").is_none());
    }

    #[test]
    fn variables_have_no_hidden_characters_and_an_end() {
        assert_eq!(harmless("a\0b\nc\u{202e}"), "a\\x00b\\x0ac\\u{202e}");
        assert_eq!(harmless(&"ä".repeat(5_000)).len(), LONGEST);
        assert_eq!(
            harmless(&format!("a{}", "ä".repeat(5_000))).len(),
            LONGEST - 1
        );
    }
}
