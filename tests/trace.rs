//! `trace` against what the clients, the operator and the last servers of a whole run saw.
//!
//! `fixtures/logs/lab-a/mails.tsv` has each mail that a client was told is queued, and
//! `remote-hosts.tsv` what the fake servers of other domains took; both are extracts of what the
//! scripted clients and servers wrote down, made without a log. What must become of a recipient
//! follows from them and from what its scenario does.
#![cfg(test)]

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;

use mailtally::trace::{Entry, Mail, Outcome, Recipient, Search, Term};
use mailtally_parsers::Record;

const ROOM: &str = "fixtures/logs/lab-a";

/// All lines of a log, parsed once, and where each value that a search may ask for stands.
struct Log {
    entries: Vec<Entry>,
    of_key: HashMap<Vec<u8>, Vec<usize>>,
}

impl Log {
    fn read() -> Self {
        let file = File::open(format!("{ROOM}/mail.log.gz")).unwrap();
        let mut bytes = Vec::new();
        let mut unpacked = flate2::read::GzDecoder::new(file);
        unpacked.read_to_end(&mut bytes).unwrap();
        let mut log = Log {
            entries: Vec::new(),
            of_key: HashMap::new(),
        };
        for (place, line) in (0..).zip(bytes.split(|byte| *byte == b'\n')) {
            if let Some(record) = Record::parse(line) {
                let mut entry = Entry::new(&record, line, None);
                entry.place = place;
                log.add(entry);
            }
        }
        log
    }

    fn add(&mut self, entry: Entry) {
        let at = self.entries.len();
        let mut keys: Vec<Vec<u8>> = entry.session().map(<[u8]>::to_vec).into_iter().collect();
        keys.extend(entry.pid.map(|pid| pid.to_string().into_bytes()));
        let bare = |text: &[u8]| {
            let text = text.strip_prefix(b"<").unwrap_or(text);
            text.strip_suffix(b">").unwrap_or(text).to_vec()
        };
        for (name, value) in entry.fields() {
            keys.extend(value.split(|byte| b", ".contains(byte)).map(bare));
            if name == "client_address" {
                keys.push([b"[", value, b"]"].concat());
            }
        }
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            self.of_key.entry(key).or_default().push(at);
        }
        self.entries.push(entry);
    }

    /// Searches as `mailtally trace` does, with the index in place of the log.
    fn trace(&self, term: Term) -> Vec<Mail> {
        let mut search = Search::new(vec![term], 20);
        loop {
            let needles = search.needles();
            let found = needles.iter().filter_map(|needle| self.of_key.get(needle));
            let mut places: Vec<usize> = found.flatten().copied().collect();
            places.sort_unstable();
            places.dedup();
            let entries = places.iter().map(|at| &self.entries[*at]);
            let wanted: Vec<_> = entries.filter(|entry| search.wants(entry)).collect();
            wanted
                .into_iter()
                .for_each(|entry| search.take(entry.clone()));
            if !search.end_pass() {
                return search.finish().0;
            }
        }
    }
}

/// A mail that a client was told is queued.
struct Accepted {
    queue_id: String,
    scenario: String,
    recipients: Vec<String>,
    is_deleted: bool,
}

fn rows(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(format!("{ROOM}/{name}")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn accepted() -> Vec<Accepted> {
    let mails = rows("mails.tsv").into_iter().map(|row| Accepted {
        queue_id: row[0].clone(),
        scenario: row[1].clone(),
        recipients: row[3].split(' ').map(str::to_owned).collect(),
        is_deleted: row[4] == "deleted",
    });
    mails.collect()
}

/// How many recipients each server of another domain took.
fn taken() -> BTreeMap<String, usize> {
    let rows = rows("remote-hosts.tsv").into_iter();
    rows.map(|row| (row[0].clone(), row[1].parse().unwrap()))
        .collect()
}

/// The mailbox with a quota.
const SMALL_MAILBOX: &str = "lena.graf";

const NOT_YET: &[Outcome] = &[Outcome::Deferred, Outcome::Expired];
const FAILED: &[Outcome] = &[Outcome::Deferred, Outcome::Expired, Outcome::Bounced];

/// What may have become of a recipient, as those who took or refused it know.
fn expected(
    mail: &Accepted,
    recipient: &str,
    taken: &BTreeMap<String, usize>,
) -> &'static [Outcome] {
    let (user, domain) = recipient.split_once('@').unwrap();
    match mail.scenario.as_str() {
        _ if mail.is_deleted => return &[Outcome::Discarded],
        "access_drop" | "action_body_discard" | "action_hdr_discard" | "milter_discard" => {
            return &[Outcome::Discarded];
        }
        // The operator released some of them.
        "action_body_hold" | "action_hdr_hold" | "milter_quarantine" => {
            return &[Outcome::Held, Outcome::Delivered];
        }
        "content_filter_spam" | "out_remote_unknown" | "out_sizelimit" | "smtputf8" => {
            return &[Outcome::Bounced];
        }
        "content_filter_crash" | "content_filter_temp" => return NOT_YET,
        "out_refused" | "out_synblack" | "out_noroute" => return NOT_YET,
        // A loop of aliases, a command that fails, hosts that are not there or refer to themselves.
        "inbound_local_special" if matches!(user, "looper" | "brokenscript") => {
            return &[Outcome::Bounced];
        }
        "inbound_local_special" if user == "tempscript" => return NOT_YET,
        "out_special" if user == "someone" && !domain.starts_with("sink.") => return FAILED,
        "out_pipe" if user.starts_with("ok") => return &[Outcome::Delivered],
        "out_pipe" => return FAILED,
        // The operator put it into the queue anew, and deleted it under its new id.
        "out_banner554" if mail.queue_id == "E70F69A831F" => return &[Outcome::Discarded],
        _ => {}
    }
    // The other mail server accepts what we refuse, and a mailbox that is full takes some mails only.
    if user.starts_with("no.such.user") {
        return &[Outcome::Bounced];
    }
    if user.starts_with(SMALL_MAILBOX) {
        return &[Outcome::Bounced, Outcome::Delivered];
    }
    if domain == "fern.test" {
        return match user.split(['.', '+']).next().unwrap() {
            "real" | "moved" => &[Outcome::Delivered],
            "busy" | "full" => NOT_YET,
            _ => &[Outcome::Bounced],
        };
    }
    match taken.get(domain) {
        Some(0) => FAILED,
        _ => &[Outcome::Delivered],
    }
}

fn is_for(found: &Recipient, recipient: &str) -> bool {
    let is_it = |address: &Vec<u8>| address.eq_ignore_ascii_case(recipient.as_bytes());
    found.orig_to.as_ref().is_some_and(is_it) || found.address.as_ref().is_none_or(is_it)
}

#[test]
fn each_accepted_mail_has_the_outcome_that_its_last_server_saw() {
    let (log, taken) = (Log::read(), taken());
    let mut wrong = Vec::new();
    let mut recipients = 0;
    let mut left = 0;
    for mail in accepted() {
        let id = &mail.queue_id;
        let mails = log.trace(Term::QueueId(id.clone()));
        let found: Vec<_> = mails.iter().flat_map(|mail| &mail.recipients).collect();
        let is_left =
            |found: &&Recipient| matches!(found.outcome, Outcome::Held | Outcome::Deferred);
        left += usize::from(found.iter().any(is_left));
        for recipient in &mail.recipients {
            recipients += 1;
            let own: Vec<_> = found
                .iter()
                .filter(|found| is_for(found, recipient))
                .collect();
            let expected = expected(&mail, recipient, &taken);
            if own.is_empty() || !own.iter().all(|found| expected.contains(&found.outcome)) {
                let all = found.iter().map(|found| {
                    let text = |address: &Option<Vec<u8>>| {
                        String::from_utf8_lossy(address.as_deref().unwrap_or(b"-")).into_owned()
                    };
                    let outcome = found.outcome.name();
                    format!(
                        "{} ({}) {outcome}",
                        text(&found.address),
                        text(&found.orig_to)
                    )
                });
                let all: Vec<_> = all.collect();
                let scenario = &mail.scenario;
                wrong.push(format!(
                    "{id} {scenario} {recipient}: {all:?}, not {expected:?}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(recipients > 1_092, "{recipients} recipients");
    // The main queue had 3 at the end; one is a vacation reply that the operator held, no client's.
    assert_eq!(left, 2);
}
