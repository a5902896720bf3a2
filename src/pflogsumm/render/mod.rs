//! Counts to text, in pflogsumm's layout.

mod number;
mod order;
mod problems;
mod tables;

use std::io::{self, Write};

use self::number::{clock, percent, rounded, scaled};
use super::counts::Counts;
use super::options::{Limit, Options};

/// Writes the report.
///
/// # Errors
/// When the report cannot be written.
pub(super) fn render(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    if let Some(day) = &options.day {
        writeln!(out, "Postfix log summaries for {}", day.rfc3164)?;
    }
    totals(counts, out)?;
    if options.smtpd_stats {
        connection_totals(counts, out)?;
    }
    writeln!(out)?;
    if options.problems_first {
        problems::all(counts, options, out)?;
    }
    tables::all(counts, options, out)?;
    if !options.problems_first {
        problems::all(counts, options, out)?;
    }
    if options.extended {
        problems::mails(counts, options, out)?;
    }
    Ok(())
}

fn totals(counts: &Counts, out: &mut impl Write) -> io::Result<()> {
    let totals = &counts.totals;
    let judged = totals.delivered + totals.rejected + totals.discarded;
    let deferred = u64::try_from(counts.deferred()).unwrap_or(u64::MAX);
    let distinct = |count: usize| scaled(u64::try_from(count).unwrap_or(u64::MAX));
    writeln!(out, "\nGrand Totals\n------------\nmessages\n")?;
    writeln!(out, " {}  received", scaled(totals.received))?;
    writeln!(out, " {}  delivered", scaled(totals.delivered))?;
    writeln!(out, " {}  forwarded", scaled(totals.forwarded))?;
    write!(out, " {}  deferred", scaled(deferred))?;
    if totals.deferrals > 0 {
        write!(out, "  ({} deferrals)", scaled(totals.deferrals).tight())?;
    }
    writeln!(out, "\n {}  bounced", scaled(totals.bounced))?;
    let rejected = percent(totals.rejected, judged);
    writeln!(out, " {}  rejected ({rejected}%)", scaled(totals.rejected))?;
    writeln!(out, " {}  reject warnings", scaled(totals.reject_warnings))?;
    writeln!(out, " {}  held", scaled(totals.held))?;
    let discarded = percent(totals.discarded, judged);
    writeln!(
        out,
        " {}  discarded ({discarded}%)\n",
        scaled(totals.discarded)
    )?;
    writeln!(out, " {}  bytes received", scaled(counts.bytes_received))?;
    writeln!(out, " {}  bytes delivered", scaled(counts.bytes_delivered))?;
    writeln!(out, " {}  senders", distinct(counts.seen_senders().len()))?;
    writeln!(
        out,
        " {}  sending hosts/domains",
        distinct(counts.seen_sending_domains().len())
    )?;
    writeln!(
        out,
        " {}  recipients",
        distinct(counts.seen_recipients().len())
    )?;
    let domains = counts.recipient_domains.iter();
    let domains = domains
        .filter(|(_, deliveries)| deliveries.mails.count > 0)
        .count();
    writeln!(out, " {}  recipient hosts/domains", distinct(domains))
}

fn connection_totals(counts: &Counts, out: &mut impl Write) -> io::Result<()> {
    let rows = counts.seen_clients();
    let count: u64 = rows.iter().map(|(_, row)| row.count).sum();
    let seconds: i64 = rows.iter().map(|(_, row)| row.seconds).sum();
    let mean = if count == 0 {
        0
    } else {
        rounded(seconds, count)
    };
    let domains = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    writeln!(out, "\nsmtpd\n")?;
    writeln!(out, "  {}  connections", scaled(count))?;
    writeln!(out, "  {}  hosts/domains", scaled(domains))?;
    writeln!(out, "  {mean:6}   avg. connect time (seconds)")?;
    writeln!(out, " {}  total connect time", clock(seconds))
}

/// Writes a title with a line of dashes below it.
fn title(text: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{text}\n{}", "-".repeat(text.len()))
}

/// Cuts a list.
fn shown<T>(rows: Vec<T>, limit: Limit) -> Vec<T> {
    match limit {
        Limit::All => rows,
        Limit::Top(most) => {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            rows.into_iter().take(most).collect()
        }
    }
}
