//! Serves metrics over HTTP, to whoever scrapes them.
//!
//! Two threads: one takes connections in, the other reads requests and writes answers, all of them
//! in turn without waiting for any. The number of connections, what is read of each and how long each
//! may take are bounded, so that slow, greedy or many clients cost nothing but their own answers; the
//! oldest goes when there are too many, for a scrape is over within milliseconds. The numbers are
//! made by whoever reads the log, when it is asked to and has the time; until then a scrape waits, at
//! most `PATIENCE`, and then gets the last ones.
//!
//! It is no web server: it knows two pages, one answer for each connection, and no encryption.

mod connection;
mod request;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::connection::Connection;
use crate::report::Metric;

/// How many connections are open at one time.
const MOST_CONNECTIONS: usize = 64;

/// How often connections are looked at while there are any.
const TICK: Duration = Duration::from_millis(5);

/// How long a scrape waits for numbers of its own.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between one making of the numbers and the next, at least so much time passes.
const BETWEEN: Duration = Duration::from_millis(250);

/// And at most so much.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Numbers are made for at most one part in so many of the time.
const SHARE: u32 = 10;

/// Where numbers are asked for and handed over.
#[derive(Clone, Default)]
pub struct Desk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_asked: bool,
    /// How often numbers were made.
    made: u64,
    metrics: Option<Arc<Vec<Metric>>>,
    /// When they may be made again.
    not_before: Option<Instant>,
}

impl Desk {
    /// Hands numbers over if somebody asks for them and it is time; else makes none.
    pub fn hand_over(&self, make: impl FnOnce() -> Vec<Metric>) {
        let now = Instant::now();
        {
            let state = self.state();
            let is_early = state.not_before.is_some_and(|time| now < time);
            if !state.is_asked || is_early {
                return;
            }
        }
        let metrics = Arc::new(make());
        let cost = now.elapsed();
        let mut state = self.state();
        state.is_asked = false;
        state.made += 1;
        state.metrics = Some(metrics);
        // A machine that was busy once must not leave scrapes with old numbers for long.
        let pause = cost.saturating_mul(SHARE).clamp(BETWEEN, LONGEST_PAUSE);
        state.not_before = Instant::now().checked_add(pause);
    }

    /// Asks for numbers; returns how often they were made until now.
    fn ask(&self) -> u64 {
        let mut state = self.state();
        state.is_asked = true;
        state.made
    }

    /// Returns numbers made after some others, or at last whatever there is.
    fn numbers(&self, after: u64, is_last: bool) -> Option<Arc<Vec<Metric>>> {
        let state = self.state();
        let metrics = state.metrics.clone();
        metrics.filter(|_| is_last || state.made > after)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves on an address until the process ends; returns the address with the port in use.
///
/// # Errors
/// When the address is none of this machine, or taken.
pub fn serve(address: &[SocketAddr], desk: Desk) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let bound = listener.local_addr()?;
    let (sender, receiver) = mpsc::sync_channel(MOST_CONNECTIONS);
    thread::Builder::new()
        .name("metrics-accept".to_owned())
        .spawn(move || accept(&listener, &sender))?;
    thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || answer(&receiver, &desk))?;
    Ok(bound)
}

fn accept(listener: &TcpListener, sender: &SyncSender<TcpStream>) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                if stream.set_nonblocking(true).is_ok() && sender.send(stream).is_err() {
                    return;
                }
            }
            // No more file descriptors, mostly: that passes.
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}

fn answer(receiver: &Receiver<TcpStream>, desk: &Desk) {
    let mut open: Vec<Connection> = Vec::new();
    loop {
        let came = if open.is_empty() {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(TICK)
        };
        match came {
            Ok(stream) => take_in(&mut open, stream),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        open.retain_mut(|connection| connection.step(now, desk));
    }
}

/// Takes a connection in; where there is no room the one that has been here longest goes.
fn take_in(open: &mut Vec<Connection>, stream: TcpStream) {
    if open.len() >= MOST_CONNECTIONS {
        let idle = open.iter().position(Connection::is_idle);
        open.remove(idle.unwrap_or(0));
    }
    open.push(Connection::new(stream, Instant::now()));
}

#[cfg(test)]
mod tests;
