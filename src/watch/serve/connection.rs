//! One connection: a request that comes, numbers that are waited for, an answer that goes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::request::{self, Answer, HEAD_BYTES};
use super::{Desk, PATIENCE};
use crate::render::{self, Exposition};

/// How long a request may take to come.
pub(super) const READ_TIME: Duration = Duration::from_secs(5);

/// How long an answer may take to go.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// How long what is still sent is read and thrown away, so that the answer arrives: where unread
/// bytes are left, closing takes it back.
const DRAIN_TIME: Duration = Duration::from_millis(500);

/// How much of it.
const DRAIN_BYTES: usize = 256 * 1024;

pub(super) struct Connection {
    stream: TcpStream,
    stage: Stage,
    /// When the stage began.
    since: Instant,
}

enum Stage {
    /// The request comes.
    Reading(Vec<u8>),
    /// Numbers are waited for that were made after so many others.
    Waiting {
        after: u64,
        exposition: Exposition,
        is_head: bool,
    },
    /// The answer goes; so much of it went.
    Writing(Vec<u8>, usize),
    /// The answer is gone; so much came meanwhile.
    Draining(usize),
    Over,
}

/// Whether there is anything more to do at once.
#[derive(PartialEq, Eq)]
enum Step {
    Moved,
    Blocked,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, now: Instant) -> Self {
        Connection {
            stream,
            stage: Stage::Reading(Vec::new()),
            since: now,
        }
    }

    /// Whether it has said nothing yet that it can be answered.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Reading(_) | Stage::Draining(_))
    }

    /// Does what can be done without waiting; false when the connection is over.
    pub(super) fn step(&mut self, now: Instant, desk: &Desk) -> bool {
        while self.advance(now, desk) == Step::Moved {
            if matches!(self.stage, Stage::Over) {
                return false;
            }
        }
        true
    }

    fn advance(&mut self, now: Instant, desk: &Desk) -> Step {
        let spent = now.saturating_duration_since(self.since);
        match &mut self.stage {
            Stage::Reading(received) => match read(&mut self.stream, received) {
                Came::Nothing if spent < READ_TIME => Step::Blocked,
                Came::Nothing => self.refuse(request::TIMEOUT, now),
                Came::End => self.turn(Stage::Over, now),
                Came::Some => match request::answer(received) {
                    Some(answer) => self.begin(answer, now, desk),
                    None => Step::Moved,
                },
            },
            Stage::Waiting {
                after,
                exposition,
                is_head,
            } => {
                let is_last = spent >= PATIENCE;
                let (exposition, is_head) = (*exposition, *is_head);
                match desk.numbers(*after, is_last) {
                    Some(metrics) => {
                        let mut body = Vec::new();
                        let written = render::prometheus(&metrics, exposition, &mut body);
                        // Writing into memory does not fail.
                        debug_assert!(written.is_ok());
                        let head = ok(content_type(exposition), body.len());
                        self.write(head, if is_head { Vec::new() } else { body }, now)
                    }
                    None if is_last => self.refuse(request::UNAVAILABLE, now),
                    None => Step::Blocked,
                }
            }
            Stage::Writing(answer, gone) => {
                let left = answer.get(*gone..).unwrap_or_default();
                if left.is_empty() {
                    let _ = self.stream.shutdown(Shutdown::Write);
                    return self.turn(Stage::Draining(0), now);
                }
                match self.stream.write(left) {
                    Ok(0) => self.turn(Stage::Over, now),
                    Ok(count) => {
                        *gone += count;
                        Step::Moved
                    }
                    Err(error) if is_to_wait(&error) && spent < WRITE_TIME => Step::Blocked,
                    Err(_) => self.turn(Stage::Over, now),
                }
            }
            Stage::Draining(drained) => {
                let mut more = Vec::new();
                match read(&mut self.stream, &mut more) {
                    Came::Nothing if spent < DRAIN_TIME => Step::Blocked,
                    Came::Some if *drained < DRAIN_BYTES && spent < DRAIN_TIME => {
                        *drained += more.len();
                        Step::Moved
                    }
                    _ => self.turn(Stage::Over, now),
                }
            }
            Stage::Over => Step::Moved,
        }
    }

    fn turn(&mut self, stage: Stage, now: Instant) -> Step {
        self.stage = stage;
        self.since = now;
        Step::Moved
    }

    fn begin(&mut self, answer: Answer, now: Instant, desk: &Desk) -> Step {
        match answer {
            Answer::Metrics {
                exposition,
                is_head,
            } => {
                let after = desk.ask();
                let waiting = Stage::Waiting {
                    after,
                    exposition,
                    is_head,
                };
                self.turn(waiting, now)
            }
            Answer::Start { is_head } => {
                let body = b"mailtally watches; its metrics are at /metrics\n".to_vec();
                let head = ok("text/plain; charset=utf-8", body.len());
                self.write(head, if is_head { Vec::new() } else { body }, now)
            }
            Answer::Refusal(_) => self.refuse(answer, now),
        }
    }

    fn refuse(&mut self, answer: Answer, now: Instant) -> Step {
        let Answer::Refusal(status) = answer else {
            return self.turn(Stage::Over, now);
        };
        let body = format!("{status}\n");
        let allow = if answer == request::NOT_ALLOWED {
            "Allow: GET, HEAD\r\n"
        } else {
            ""
        };
        let head = head(status, "text/plain; charset=utf-8", body.len(), allow);
        self.write(head, body.into_bytes(), now)
    }

    fn write(&mut self, head: String, body: Vec<u8>, now: Instant) -> Step {
        let answer = [head.into_bytes(), body].concat();
        self.turn(Stage::Writing(answer, 0), now)
    }
}

/// What a look at a stream brought.
enum Came {
    Some,
    Nothing,
    End,
}

/// Appends what came, as far as there is room for a head.
fn read(stream: &mut TcpStream, into: &mut Vec<u8>) -> Came {
    let mut buffer = [0; 2048];
    let room = HEAD_BYTES
        .saturating_sub(into.len())
        .min(buffer.len())
        .max(1);
    let buffer = buffer.get_mut(..room).unwrap_or_default();
    match stream.read(buffer) {
        Ok(0) => Came::End,
        Ok(count) => {
            into.extend_from_slice(buffer.get(..count).unwrap_or_default());
            Came::Some
        }
        Err(error) if is_to_wait(&error) => Came::Nothing,
        Err(_) => Came::End,
    }
}

fn is_to_wait(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn content_type(exposition: Exposition) -> &'static str {
    match exposition {
        Exposition::Text => "text/plain; version=0.0.4; charset=utf-8",
        Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    }
}

fn ok(content_type: &str, length: usize) -> String {
    head("200 OK", content_type, length, "")
}

fn head(status: &str, content_type: &str, length: usize, more: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\n{more}Connection: close\r\n\r\n"
    )
}
