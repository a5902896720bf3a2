//! The queue as `postqueue -j` lists it: one JSON object per mail.

use std::io::{self, BufRead};

use serde::Deserialize;

/// No mail's object is longer: one with 10,000 recipients has some 3 MB.
const LONGEST: u64 = 64 << 20;

/// A mail in the queue.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct QueuedMail {
    /// `active`, `deferred`, `hold`, `incoming` or `maildrop`.
    pub queue_name: String,
    /// The queue id.
    pub queue_id: String,
    /// When it came in, in seconds since 1970 (UTC).
    pub arrival_time: i64,
    /// Its size in bytes.
    pub message_size: u64,
    /// The envelope sender; empty for bounces.
    pub sender: String,
    /// The recipients still to be delivered to.
    pub recipients: Vec<QueuedRecipient>,
}

/// A recipient still to be delivered to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct QueuedRecipient {
    /// The envelope recipient.
    pub address: String,
    /// Why it was not delivered to yet, if that was tried.
    pub delay_reason: Option<String>,
}

/// Reads the listing, and calls for each mail; returns how many lines are none.
pub fn read_queue(mut listing: impl BufRead, each: &mut dyn FnMut(QueuedMail)) -> io::Result<u64> {
    let mut strange = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut listing, LONGEST).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(strange);
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<QueuedMail>(&line) {
            Ok(mail) if !mail.queue_id.is_empty() => each(mail),
            _ => strange += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_mails_and_counts_what_is_none() {
        let listing = br#"{"queue_name": "deferred", "queue_id": "4F1A22C0D9E", "arrival_time": 1795221865, "message_size": 335, "forced_expire": false, "sender": "a@example.net", "recipients": [{"address": "b@example.org", "delay_reason": "connect to mx.example.org[203.0.113.9]:25: Connection refused"}, {"address": "c@example.org"}]}

Mail queue is empty
{"queue_name": "active", "queue_id": "4F1A22C0D9F"}
{"queue_id": 7}
"#;
        let mut mails = Vec::new();
        let strange = read_queue(&listing[..], &mut |mail| mails.push(mail)).unwrap();
        assert_eq!((mails.len(), strange), (2, 2));
        let mail = &mails[0];
        assert_eq!(
            (mail.queue_name.as_str(), mail.message_size),
            ("deferred", 335)
        );
        assert_eq!(mail.arrival_time, 1_795_221_865);
        assert_eq!(mail.recipients[1].delay_reason, None);
        assert_eq!(mails[1].recipients, []);
    }

    #[test]
    fn an_empty_queue_is_no_line() {
        assert_eq!(read_queue(&b""[..], &mut |_| panic!()).unwrap(), 0);
    }
}
