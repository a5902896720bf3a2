//! The detail reports: what went wrong, and each mail's senders and recipients.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::super::counts::Counts;
use super::super::detail::Detail;
use super::super::options::{Limit, Options};
use super::number::scaled;
use super::order::{by_count, by_sender};
use super::{shown, title};

/// Writes all reports of problems.
pub(super) fn all(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let reject = options.reject_detail;
    for (what, detail, limit) in [
        (
            "message deferral detail",
            Detail::Deferral,
            options.deferral_detail,
        ),
        (
            "message bounce detail (by relay)",
            Detail::Bounce,
            options.bounce_detail,
        ),
        ("message reject detail", Detail::Reject, reject),
        (
            "message reject warning detail",
            Detail::RejectWarning,
            reject,
        ),
        ("message hold detail", Detail::Hold, reject),
        ("message discard detail", Detail::Discard, reject),
        ("smtp delivery failures", Detail::Smtp, options.smtp_detail),
        ("Warnings", Detail::Warning, options.smtpd_warning_detail),
        ("Fatal Errors", Detail::Fatal, Limit::All),
        ("Panics", Detail::Panic, Limit::All),
        ("Master daemon messages", Detail::Master, Limit::All),
    ] {
        if limit.is_none() {
            continue;
        }
        let rows = Rows::of(counts, detail);
        if rows.is_empty() {
            none(what, options, out)?;
            continue;
        }
        title(what, out)?;
        match detail {
            Detail::Master => rows.plain(limit, out)?,
            Detail::Reject | Detail::RejectWarning | Detail::Hold | Detail::Discard => {
                rows.in_two_groups(limit, out)?;
            }
            _ => rows.in_groups(limit, out)?,
        }
    }
    Ok(())
}

/// Says that a list is empty, unless nobody wants to know.
pub(super) fn none(what: &str, options: &Options, out: &mut impl Write) -> io::Result<()> {
    if options.quiet {
        return Ok(());
    }
    writeln!(out, "\n{what}: none")
}

type Leaves<'c> = Vec<(&'c [u8], u64)>;

/// The rows of a report by their groups.
struct Rows<'c>(BTreeMap<&'c [u8], BTreeMap<&'c [u8], Leaves<'c>>>);

impl<'c> Rows<'c> {
    fn of(counts: &'c Counts, detail: Detail) -> Self {
        let mut groups: BTreeMap<_, BTreeMap<_, Leaves<'c>>> = BTreeMap::new();
        for ([outer, inner, text], count) in counts.details.rows(detail) {
            let group = groups.entry(outer).or_default().entry(inner).or_default();
            group.push((text, count));
        }
        Rows(groups)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn plain(self, limit: Limit, out: &mut impl Write) -> io::Result<()> {
        for leaves in self.0.into_values().flat_map(BTreeMap::into_values) {
            write_leaves(leaves, 0, limit, out)?;
        }
        Ok(())
    }

    fn in_groups(self, limit: Limit, out: &mut impl Write) -> io::Result<()> {
        for (name, groups) in self.0 {
            for leaves in groups.into_values() {
                group(name, &leaves, 2, limit, out)?;
                write_leaves(leaves, 4, limit, out)?;
            }
        }
        Ok(())
    }

    fn in_two_groups(self, limit: Limit, out: &mut impl Write) -> io::Result<()> {
        for (name, groups) in self.0 {
            out.write_all(b"  ")?;
            out.write_all(name)?;
            out.write_all(b"\n")?;
            for (name, leaves) in groups {
                group(name, &leaves, 4, limit, out)?;
                write_leaves(leaves, 6, limit, out)?;
            }
        }
        Ok(())
    }
}

/// Writes the title of a group: its name, how much of it is shown, and its sum.
fn group(
    name: &[u8],
    leaves: &Leaves<'_>,
    indent: usize,
    limit: Limit,
    out: &mut impl Write,
) -> io::Result<()> {
    write!(out, "{:indent$}", "")?;
    out.write_all(name)?;
    if let Limit::Top(most) = limit {
        write!(out, " (top {most})")?;
    }
    let total: u64 = leaves.iter().map(|(_, count)| count).sum();
    writeln!(out, " (total: {total})")
}

fn write_leaves(
    mut leaves: Leaves<'_>,
    indent: usize,
    limit: Limit,
    out: &mut impl Write,
) -> io::Result<()> {
    by_count(&mut leaves);
    let indent = indent.max(1);
    for (text, count) in shown(leaves, limit) {
        write!(out, "{:indent$}{}  ", "", scaled(count))?;
        out.write_all(text)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Writes the senders and recipients of each mail.
pub(super) fn mails(counts: &Counts, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let mut mails: Vec<(&[u8], Vec<&[u8]>)> = counts.stories().collect();
    if mails.is_empty() {
        return none("Message detail", options, out);
    }
    let sender = |actors: &[&'_ [u8]]| actors.first().map_or(Vec::new(), |first| first.to_vec());
    mails.sort_by(|(queue_id, actors), (other_id, others)| {
        by_sender((queue_id, &sender(actors)), (other_id, &sender(others)))
    });
    title("Message detail", out)?;
    for (queue_id, actors) in mails {
        out.write_all(b" ")?;
        out.write_all(queue_id)?;
        let mut indent: &[u8] = b"  ";
        for actor in actors {
            out.write_all(indent)?;
            out.write_all(actor)?;
            out.write_all(b"\n")?;
            indent = b"   ";
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}
