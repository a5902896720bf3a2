//! Metrics of what is watched: served over HTTP, and written to a file.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::Utc;
use clap::Args;
use mailtally_parsers::{Event, Reason};

use crate::cli::messages::say;
use crate::cli::output;
use crate::render::{self, Exposition};
use crate::report::{Metric, Options, Sections};
use crate::source::{Line, WallTime};
use crate::watch::serve::{self, Desk};
use crate::watch::{Alert, Health, Meter, MeterSnapshot};

#[derive(Args, Debug)]
pub(in crate::cli) struct MetricsArguments {
    /// Serve metrics for Prometheus on this address, such as 127.0.0.1:9154
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = addresses)]
    metrics: Option<Addresses>,
    /// Write metrics to this file, for node_exporter's textfile collector
    #[arg(long, value_name = "FILE")]
    textfile: Option<PathBuf>,
    /// How many seconds pass between one writing of --textfile and the next
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 15,
        requires = "textfile"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    textfile_every: u64,
    /// Metrics of the names that postfix_exporter has, too
    #[arg(long)]
    compat_metrics: bool,
}

/// The addresses that a name stands for; the first that can be had is taken.
#[derive(Clone, Debug)]
struct Addresses(Vec<SocketAddr>);

/// Reads a value of `--metrics`.
fn addresses(text: &str) -> Result<Addresses, String> {
    let found = text.to_socket_addrs().map(Iterator::collect);
    match found {
        Ok(found) if !Vec::is_empty(&found) => Ok(Addresses(found)),
        _ => Err("write an address and a port: 127.0.0.1:9154 or [::1]:9154".to_owned()),
    }
}

/// Counts for metrics and gives them to whoever asks.
pub(in crate::cli) struct Metering {
    /// `None` where nobody asked for metrics: then nothing is counted.
    meter: Option<Meter>,
    desk: Desk,
    textfile: Option<TextFile>,
    started_us: i64,
}

/// What only the loop that follows knows of how watching fares.
#[derive(Default)]
pub(in crate::cli) struct Following {
    pub(in crate::cli) logs: u64,
    pub(in crate::cli) unread_bytes: u64,
    pub(in crate::cli) gaps: u64,
    pub(in crate::cli) checkpoint_us: Option<i64>,
    pub(in crate::cli) firing: Vec<(String, &'static str, u64)>,
    pub(in crate::cli) evicted: u64,
    pub(in crate::cli) last_line: Option<WallTime>,
}

/// A file that is written from time to time.
struct TextFile {
    path: PathBuf,
    every: Duration,
    written: Option<Instant>,
    /// What was wrong the last time: it is said once.
    problem: String,
}

impl MetricsArguments {
    /// Begins to serve and to count, as far as that was asked for.
    pub(in crate::cli) fn begin(&self) -> Result<Metering> {
        let desk = Desk::default();
        if let Some(Addresses(addresses)) = &self.metrics {
            begin_to_serve(addresses, &desk)?;
        }
        let textfile = self.textfile.as_ref().map(|path| TextFile {
            path: path.clone(),
            every: Duration::from_secs(self.textfile_every),
            written: None,
            problem: String::new(),
        });
        let options = Options {
            sections: Sections::ALL,
            compat_metrics: self.compat_metrics,
            ..Options::default()
        };
        let is_asked = self.metrics.is_some() || textfile.is_some();
        if self.compat_metrics && !is_asked {
            bail!("--compat-metrics needs --metrics or --textfile");
        }
        Ok(Metering {
            meter: is_asked.then(|| Meter::new(options)),
            desk,
            textfile,
            started_us: Utc::now().timestamp_micros(),
        })
    }
}

fn begin_to_serve(addresses: &[SocketAddr], desk: &Desk) -> Result<()> {
    let names: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    let bound = serve::serve(addresses, desk.clone())
        .with_context(|| format!("--metrics: cannot listen on {}", names.join(" or ")))?;
    say(&format!("serving metrics on http://{bound}/metrics"));
    if !bound.ip().is_loopback() {
        say(&format!(
            "--metrics: whoever can reach {bound} can read the metrics; there is no password"
        ));
    }
    Ok(())
}

impl Metering {
    /// Returns what was counted, to go on another time.
    pub(in crate::cli) fn snapshot(&mut self) -> Option<MeterSnapshot> {
        self.meter.as_mut().map(Meter::snapshot)
    }

    /// Goes on where an earlier run was, if this one counts at all.
    pub(in crate::cli) fn restore(&mut self, snapshot: MeterSnapshot) {
        self.meter = self.meter.take().map(|meter| meter.restore(snapshot));
    }

    /// Counts a line, and what its message was parsed to where it has an envelope.
    pub(in crate::cli) fn count_line(
        &mut self,
        line: &Line<'_>,
        event: Option<&Result<Event<'_>, Reason>>,
    ) {
        if let Some(meter) = &mut self.meter {
            meter.count_line(line, event);
        }
    }

    /// Sees to it, behind a chunk, that what was counted stays small.
    pub(in crate::cli) fn keep_small(&mut self) {
        if let Some(meter) = &mut self.meter {
            meter.keep_small();
        }
    }

    /// Counts alerts that are about to be written.
    pub(in crate::cli) fn count(&mut self, alerts: &[Alert]) {
        if let Some(meter) = &mut self.meter {
            alerts.iter().for_each(|alert| meter.count_alert(alert));
        }
    }

    /// Hands metrics to whoever asks, and writes the file when it is time.
    pub(in crate::cli) fn tend(&mut self, following: impl Fn() -> Following) {
        let Some(meter) = &mut self.meter else {
            return;
        };
        let health = |following| health(self.started_us, following);
        let desk = &self.desk;
        desk.hand_over(|| all(meter, &health(following())));
        if let Some(file) = &mut self.textfile
            && file.is_due()
        {
            file.write(&all(meter, &health(following())));
        }
    }

    /// Writes the file a last time.
    pub(in crate::cli) fn end(&mut self, following: Following) -> Result<()> {
        let health = health(self.started_us, following);
        if let (Some(meter), Some(file)) = (&mut self.meter, &mut self.textfile) {
            file.write(&all(meter, &health));
            if !file.problem.is_empty() {
                bail!(
                    "--textfile: the last numbers are not in {}",
                    file.path.display()
                );
            }
        }
        Ok(())
    }
}

/// The metrics of the log and those of watching, in order of their names.
fn all(meter: &mut Meter, health: &Health) -> Vec<Metric> {
    let own = health.metrics();
    let both = meter.metrics().into_iter().chain(own);
    let both: BTreeMap<_, _> = both.map(|metric| (metric.name.clone(), metric)).collect();
    both.into_values().collect()
}

fn health(started_us: i64, following: Following) -> Health {
    // Stamps without a zone are the machine's own.
    let instant_us = |time: WallTime| {
        time.instant_us().unwrap_or_else(|| {
            let offset = chrono::Local::now().offset().local_minus_utc();
            time.wall_us - i64::from(offset) * 1_000_000
        })
    };
    Health {
        now_us: Utc::now().timestamp_micros(),
        started_us,
        last_line_us: following.last_line.map(instant_us),
        unread_bytes: following.unread_bytes,
        logs: following.logs,
        gaps: following.gaps,
        firing: following.firing,
        evicted: following.evicted,
        checkpoint_us: following.checkpoint_us,
    }
}

impl TextFile {
    fn is_due(&self) -> bool {
        self.written
            .is_none_or(|written| written.elapsed() >= self.every)
    }

    /// Writes the file anew; a full disk is said once, and tried again.
    fn write(&mut self, metrics: &[Metric]) {
        self.written = Some(Instant::now());
        let done = output::replace(&self.path, 0o644, |out| {
            render::prometheus(metrics, Exposition::Text, out)?;
            out.flush()
        });
        let problem = done.err().map(|error| format!("--textfile: {error:#}"));
        let problem = problem.unwrap_or_default();
        if !problem.is_empty() && problem != self.problem {
            say(&problem);
        }
        self.problem = problem;
    }
}
