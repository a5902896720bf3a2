//! `--queue`: the listing of `postqueue -j`, beside the logs.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::input::InputArguments;
use super::messages::say;
use crate::privacy::Masking;
use crate::source::{QueuedMail, read_queue};
use crate::tally::totals::QueueTotals;
use crate::tally::{Queue, Queued};

/// Reads and counts the queue; ages are counted from the present that the input has.
pub(super) fn read(
    path: &Path,
    input: &InputArguments,
    masking: Option<&Masking>,
) -> Result<QueueTotals> {
    let is_standard_input = |path: &Path| path.as_os_str() == "-";
    if is_standard_input(path) && input.reads_standard_input() {
        bail!("standard input is the queue: name the logs, or give the queue as a file");
    }
    let now = input.options()?.now.timestamp();
    let unreadable = || format!("cannot read the queue from {}", path.display());
    let listing: Box<dyn BufRead> = if is_standard_input(path) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).with_context(unreadable)?))
    };
    let mut queue = Queue::default();
    let strange = read_queue(listing, &mut |mut mail| {
        if let Some(masking) = masking {
            mask(&mut mail, masking);
        }
        let queued = Queued {
            queue: &mail.queue_name,
            age_secs: u64::try_from(now.saturating_sub(mail.arrival_time)).unwrap_or(0),
            size_bytes: mail.message_size,
            sender: &mail.sender,
        };
        let recipients = mail.recipients.iter();
        let recipients = recipients.map(|to| (to.address.as_str(), to.delay_reason.as_deref()));
        queue.add(&queued, recipients);
    });
    let strange = strange.with_context(unreadable)?;
    if strange > 0 {
        say(&format!(
            "{}: {strange} lines are not of `postqueue -j`, and are left out",
            path.display()
        ));
    }
    Ok(queue.finish())
}

/// Masks a mail as the lines of the logs are masked.
fn mask(mail: &mut QueuedMail, masking: &Masking) {
    mail.sender = masking.mailbox(&mail.sender);
    for to in &mut mail.recipients {
        let reason = to.delay_reason.as_deref();
        to.delay_reason = reason.map(|reason| masking.text(reason, &to.address));
        to.address = masking.mailbox(&to.address);
    }
}
