//! Sends alerts by mail through the local sendmail.
//!
//! The first alert goes out after some seconds, with those that come with it; what follows waits for
//! ten minutes and goes out in one mail: a storm of alerts is no storm of mails.

use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::lane::Queue;
use super::waiting::Held;
use super::{Say, child, message};
use crate::watch::{Alert, AlertClass, Change};

/// How long the first alert waits for those that come with it.
const SETTLE: Duration = Duration::from_secs(5);
/// How long to wait from one mail to the next.
const PAUSE: Duration = Duration::from_secs(600);
/// How long sendmail may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Alerts in one mail; more are counted.
const MOST: usize = 200;
/// Rules that the subject names.
const NAMED: usize = 4;

/// Where mail goes, and by which program.
pub struct Mail {
    to: Vec<String>,
    sendmail: PathBuf,
}

impl Mail {
    /// Sends to these addresses through this program.
    pub fn new(to: Vec<String>, sendmail: PathBuf) -> Self {
        Self { to, sendmail }
    }

    pub(super) fn run(&self, queue: &Queue<Alert>, say: &Say) {
        let mut digest = Digest::default();
        loop {
            let now = Instant::now();
            let wait = digest.due.map(|due| due.saturating_duration_since(now));
            // Without an alert there is nothing to wait for but the next one.
            match queue.recv_timeout(wait.unwrap_or(PAUSE)) {
                Ok(alert) => digest.add(alert, Instant::now()),
                Err(RecvTimeoutError::Timeout) if wait.is_some() => self.send(&mut digest, say),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    if digest.due.is_some() {
                        self.send(&mut digest, say);
                    }
                    return digest.say_lost(say);
                }
            }
        }
    }

    /// Sends what there is; after a failure it stays for the next time.
    fn send(&self, digest: &mut Digest, say: &Say) {
        let mail = message::write(&self.to, &digest.subject(), &digest.body());
        let mut command = Command::new(&self.sendmail);
        command.args(["-t", "-i"]);
        match child::feed(&mut command, mail, LIMIT) {
            Ok(()) => digest.clear(Instant::now()),
            Err(error) => {
                let (program, minutes) = (self.sendmail.display(), PAUSE.as_secs() / 60);
                say(&format!(
                    "--mail-to: {program}: {error}; the next attempt is in {minutes} minutes"
                ));
                digest.put_off(Instant::now());
            }
        }
    }
}

/// The alerts of the next mail.
#[derive(Default)]
struct Digest {
    alerts: Vec<Held<Alert>>,
    left_out: u64,
    /// When it is to be sent, if there is anything to send.
    due: Option<Instant>,
    sent: Option<Instant>,
}

impl Digest {
    fn add(&mut self, alert: Held<Alert>, now: Instant) {
        if self.alerts.len() < MOST {
            self.alerts.push(alert);
        } else {
            // All that becomes of it is a number.
            alert.delivered();
            self.left_out = self.left_out.saturating_add(1);
        }
        if self.due.is_none() {
            let next = self.sent.map_or(now, |sent| sent + PAUSE);
            self.due = Some(next.max(now + SETTLE));
        }
    }

    /// Notes that all of it was sent.
    fn clear(&mut self, now: Instant) {
        self.alerts.drain(..).for_each(Held::delivered);
        *self = Self {
            sent: Some(now),
            ..Self::default()
        };
    }

    fn put_off(&mut self, now: Instant) {
        self.due = Some(now + PAUSE);
    }

    /// How many alerts there are, and which rules raised them. The words are ours and the site's.
    fn subject(&self) -> String {
        let new = self
            .alerts
            .iter()
            .filter(|alert| alert.change == Change::Raised);
        let pages = new.filter(|alert| alert.class == AlertClass::Page).count();
        let mut rules: Vec<&str> = self
            .alerts
            .iter()
            .map(|alert| alert.rule.as_str())
            .collect();
        rules.sort_unstable();
        rules.dedup();
        let more = if rules.len() > NAMED { ", ..." } else { "" };
        rules.truncate(NAMED);
        format!("mailtally: {pages} to act on: {}{more}", rules.join(", "))
    }

    fn body(&self) -> String {
        let mut body = String::new();
        for alert in &self.alerts {
            body.push_str(&alert.text());
            body.push('\n');
        }
        if self.left_out > 0 {
            body.push_str(&format!("and {} more that are not shown\n", self.left_out));
        }
        body
    }

    fn say_lost(&self, say: &Say) {
        if !self.alerts.is_empty() {
            let lost = self.alerts.len();
            say(&format!("--mail-to: {lost} alerts could not be sent"));
        }
    }
}
