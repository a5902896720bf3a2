//! The tables of traffic: by day, by hour, by domain, by address.

use std::io::{self, Write};

use super::super::counts::{Counts, DayCounts, DayKey, Deliveries, Mails};
use super::super::options::{Limit, Options};
use super::super::part::COLUMNS;
use super::super::stamp::month_name;
use super::number::{clock, delay, mean, rounded, scaled};
use super::order::{by_count, by_count_and_size};
use super::{shown, title};

/// Writes all tables.
pub(super) fn all(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    if counts.day_count > 1 {
        traffic_by_day(counts, options, out)?;
    }
    traffic_by_hour(counts, options, out)?;
    deliveries(counts, options, out)?;
    received(counts, options, out)?;
    if options.smtpd_stats {
        if counts.day_count > 1 {
            connections_by_day(counts, options, out)?;
        }
        connections_by_hour(counts, options, out)?;
        connections_by_client(counts, options, out)?;
    }
    users(counts, options, out)?;
    if !options.no_no_msg_size {
        no_size(counts, out)?;
    }
    Ok(())
}

const TRAFFIC: &str = "received  delivered   deferred    bounced     rejected";
const RULE: &str = "    --------------------------------------------------------------------";

fn traffic_by_day(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    title("Per-Day Traffic Summary", out)?;
    writeln!(out, "    date          {TRAFFIC}\n{RULE}")?;
    for (key, day) in &counts.days {
        let columns = if options.zero_fill {
            COLUMNS
        } else {
            day.columns
        };
        if columns == 0 {
            continue;
        }
        day_label(key, options, out)?;
        for count in day.counts.iter().take(columns) {
            write!(out, "    {}", scaled(*count))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn day_label(key: &DayKey, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let DayKey { year, month, day } = *key;
    if options.iso_date_time {
        return write!(out, "    {year:4}-{:02}-{day:02} ", month + 1);
    }
    out.write_all(b"    ")?;
    out.write_all(month_name(month))?;
    write!(out, " {day:2} {year}")
}

fn hour_label(hour: usize, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let next = hour + 1;
    if options.iso_date_time {
        write!(out, "    {hour:02}:00-{next:02}:00")
    } else {
        write!(out, "    {hour:02}00-{next:02}00  ")
    }
}

/// What tables by hour show: sums of the one day, or means of several.
fn by_hour(counts: &Counts) -> (&'static str, u64) {
    if counts.day_count > 1 {
        ("Daily Average", counts.day_count)
    } else {
        ("Summary", 1)
    }
}

fn traffic_by_hour(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let (what, days) = by_hour(counts);
    title(&format!("Per-Hour Traffic {what}"), out)?;
    writeln!(out, "    time          {TRAFFIC}\n{RULE}")?;
    for (hour, row) in counts.hours.iter().enumerate() {
        hour_label(hour, options, out)?;
        for count in row {
            write!(out, "    {}", mean(*count, days))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes a title that ends in a blank or in how many rows there are at most.
fn top_title(text: &str, limit: Limit, out: &mut impl Write) -> io::Result<()> {
    match limit {
        Limit::All => title(&format!("{text} "), out),
        Limit::Top(most) => title(&format!("{text} (top {most})"), out),
    }
}

fn deliveries(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let limit = options.host_count;
    if limit.is_none() {
        return Ok(());
    }
    top_title("Host/Domain Summary: Message Delivery", limit, out)?;
    writeln!(
        out,
        " sent cnt  bytes   defers   avg dly max dly host/domain"
    )?;
    writeln!(
        out,
        " -------- -------  -------  ------- ------- -----------"
    )?;
    let rows = counts.recipient_domains.iter();
    let mut rows: Vec<_> = rows
        .filter(|(_, row)| row.mails.count + row.deferred > 0)
        .collect();
    by_count_and_size(
        &mut rows,
        |row| row.mails.count,
        |row| signed(row.mails.bytes),
    );
    for (domain, row) in shown(rows, limit) {
        let Deliveries {
            mails, deferred, ..
        } = row;
        let longest = row.longest_us.unwrap_or(0) as f64 / 1e6;
        let (mean, longest) = (delay(mean_delay(row)), delay(longest));
        let (sent, bytes) = (scaled(mails.count), scaled(mails.bytes));
        write!(
            out,
            " {sent}  {bytes}  {}  {mean}  {longest}  ",
            scaled(*deferred)
        )?;
        name(domain, out)?;
    }
    Ok(())
}

fn mean_delay(row: &Deliveries) -> f64 {
    if row.mails.count == 0 {
        return 0.0;
    }
    row.delay_secs / row.mails.count as f64
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn name(name: &[u8], out: &mut impl Write) -> io::Result<()> {
    out.write_all(name)?;
    out.write_all(b"\n")
}

fn received(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let limit = options.host_count;
    if limit.is_none() {
        return Ok(());
    }
    top_title("Host/Domain Summary: Messages Received", limit, out)?;
    writeln!(
        out,
        " msg cnt   bytes   host/domain\n -------- -------  -----------"
    )?;
    let mut rows = counts.seen_sending_domains();
    by_count_and_size(&mut rows, |row| row.count, |row| signed(row.bytes));
    for (domain, row) in shown(rows, limit) {
        write!(out, " {}  {}  ", scaled(row.count), scaled(row.bytes))?;
        name(domain, out)?;
    }
    Ok(())
}

fn connections_by_day(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    title("Per-Day SMTPD Connection Summary", out)?;
    writeln!(
        out,
        "    date        connections    time conn.    avg./conn.   max. time\n{RULE}"
    )?;
    for (key, DayCounts { connections, .. }) in &counts.days {
        if connections.count == 0 {
            continue;
        }
        day_label(key, options, out)?;
        write!(out, "   {}", scaled(connections.count))?;
        write!(out, "       {}", clock(connections.seconds))?;
        let mean = rounded(connections.seconds, connections.count);
        writeln!(out, "      {mean:6}s      {:6}s", connections.longest)?;
    }
    Ok(())
}

fn connections_by_hour(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let (what, days) = by_hour(counts);
    title(&format!("Per-Hour SMTPD Connection {what}"), out)?;
    if counts.day_count > 1 {
        writeln!(out, "    hour        connections    time conn.")?;
        writeln!(out, "    -------------------------------------")?;
    } else {
        writeln!(
            out,
            "    hour        connections    time conn.    avg./conn.   max. time\n{RULE}"
        )?;
    }
    for (hour, row) in counts.hour_connections.iter().enumerate() {
        if row.count == 0 {
            continue;
        }
        hour_label(hour, options, out)?;
        write!(out, "   {}", mean(row.count, days))?;
        if counts.day_count > 1 {
            writeln!(out, "       {}", clock(rounded(row.seconds, days)))?;
        } else {
            write!(out, "       {}", clock(row.seconds))?;
            let mean = rounded(row.seconds, row.count);
            writeln!(out, "      {mean:6}s      {:6}s", row.longest)?;
        }
    }
    Ok(())
}

fn connections_by_client(
    counts: &Counts,
    options: &Options,
    out: &mut impl Write,
) -> io::Result<()> {
    let limit = options.host_count;
    if limit.is_none() {
        return Ok(());
    }
    top_title("Host/Domain Summary: SMTPD Connections", limit, out)?;
    writeln!(
        out,
        " connections  time conn.  avg./conn.  max. time  host/domain"
    )?;
    writeln!(
        out,
        " -----------  ----------  ----------  ---------  -----------"
    )?;
    let mut rows = counts.seen_clients();
    by_count_and_size(&mut rows, |row| row.count, |row| row.seconds);
    for (domain, row) in shown(rows, limit) {
        write!(out, "  {}      {}", scaled(row.count), clock(row.seconds))?;
        let mean = rounded(row.seconds, row.count);
        write!(out, "     {mean:6}s    {:6}s   ", row.longest)?;
        name(domain, out)?;
    }
    Ok(())
}

fn users(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let rows = |rows: Vec<(_, Mails)>, count: fn(&Mails) -> u64| -> Vec<_> {
        rows.into_iter()
            .map(|(name, mails)| (name, count(&mails)))
            .collect()
    };
    let (senders, recipients) = (counts.seen_senders(), counts.seen_recipients());
    let lists = [
        (
            "Senders by message count",
            rows(senders.clone(), |mails| mails.count),
        ),
        (
            "Recipients by message count",
            rows(recipients.clone(), |mails| mails.count),
        ),
        (
            "Senders by message size",
            rows(senders, |mails| mails.bytes),
        ),
        (
            "Recipients by message size",
            rows(recipients, |mails| mails.bytes),
        ),
    ];
    for (what, rows) in lists {
        list(what, rows, options, out)?;
    }
    Ok(())
}

fn list(
    what: &str,
    mut rows: Vec<(&[u8], u64)>,
    options: &Options,
    out: &mut impl Write,
) -> io::Result<()> {
    let text = match options.user_count {
        Limit::Top(0) => return Ok(()),
        Limit::Top(most) => format!("top {most} {what}"),
        Limit::All => what.to_owned(),
    };
    if rows.is_empty() {
        return super::problems::none(&text, options, out);
    }
    title(&text, out)?;
    by_count(&mut rows);
    for (text, count) in shown(rows, options.user_count) {
        write!(out, " {}  ", scaled(count))?;
        name(text, out)?;
    }
    Ok(())
}

fn no_size(counts: &Counts, out: &mut impl Write) -> io::Result<()> {
    let rows = counts.no_size();
    if rows.is_empty() {
        return Ok(());
    }
    title("Messages with no size data", out)?;
    for (queue_id, recipient) in rows {
        out.write_all(b" ")?;
        out.write_all(queue_id)?;
        out.write_all(b"  ")?;
        name(recipient, out)?;
    }
    Ok(())
}
