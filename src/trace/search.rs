//! The search: what each pass over the log looks for, and what its lines belong to.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use super::assemble::assemble;
use super::connections;
use super::entry::{Entry, bare};
use super::groups::{CHILDREN, Group, Groups, PARENTS, ids};
use super::mail::Mail;
use super::term::Term;

/// At most so many passes over the log.
pub const MOST_PASSES: usize = 8;
/// Of the lines that match, the latest so many are kept.
const MOST_FOUND: usize = 20_000;
/// Of the lines that name an id of the mails found, the latest so many of each pass are kept.
const MOST_NAMED: usize = 50_000;
/// Mails are at most so many, when several terms must be met and few lines have all.
const MOST_CANDIDATES: usize = 1_000;
/// Lines of a connection are looked for so far around a mail's own.
const NEAR_LINES: u64 = 5_000;
/// Ids are looked for so far around the lines of their mail: 8 days, as in `tally`. Queue ids are used
/// again, and message-ids are forged.
const FAR_US: i64 = 8 * 86_400 * 1_000_000;

/// What the pass at hand looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// What the user asked for.
    Terms,
    /// Ids that lines found so far name.
    Keys,
    /// Connections of the mails found.
    Connections,
}

/// A search for mails over several passes.
#[derive(Debug)]
pub struct Search {
    terms: Vec<Term>,
    limit: usize,
    wish: Wish,
    wanted: HashSet<Vec<u8>>,
    searched: HashSet<Vec<u8>>,
    /// In the order of their places.
    near: Vec<Near>,
    /// When the lines reached so far were logged, in order; and whether one does not say.
    times: Vec<i64>,
    has_timeless: bool,
    entries: BTreeMap<u64, Entry>,
    connections: BTreeMap<u64, Entry>,
    seeds: BTreeSet<u64>,
    /// Lines that matched, and were forgotten for there were too many.
    pub matches_forgotten: u64,
    /// Lines of later passes that were forgotten likewise.
    pub lines_forgotten: u64,
    /// How many mails (or lines without one) matched and are not followed.
    pub left_out: usize,
    /// Passes made so far.
    pub passes: usize,
    /// Whether there were keys left to search for when the passes were used up.
    pub is_cut: bool,
}

/// Lines of a process or a client around a place.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Near {
    place: u64,
    host: Vec<u8>,
    who: Who,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Who {
    Process {
        tag: Vec<u8>,
        pid: u32,
    },
    /// What postscreen and policy services say of a client.
    Client {
        address: Vec<u8>,
    },
}

impl Search {
    /// Begins a search for at most `limit` mails that meet all terms.
    pub fn new(terms: Vec<Term>, limit: usize) -> Self {
        Search {
            terms,
            limit: limit.max(1),
            wish: Wish::Terms,
            wanted: HashSet::new(),
            searched: HashSet::new(),
            near: Vec::new(),
            times: Vec::new(),
            has_timeless: false,
            entries: BTreeMap::new(),
            connections: BTreeMap::new(),
            seeds: BTreeSet::new(),
            matches_forgotten: 0,
            lines_forgotten: 0,
            left_out: 0,
            passes: 0,
            is_cut: false,
        }
    }

    /// Tells what the pass at hand looks for.
    pub fn wish(&self) -> Wish {
        self.wish
    }

    /// Returns the bytes of which a line of this pass has one, in any case of letters where
    /// [`ignores_case`](Search::ignores_case) says so.
    pub fn needles(&self) -> Vec<Vec<u8>> {
        let mut needles: Vec<Vec<u8>> = match self.wish {
            Wish::Terms => self
                .terms
                .iter()
                .map(|term| term.needle().to_vec())
                .collect(),
            Wish::Keys => self.wanted.iter().cloned().collect(),
            Wish::Connections => self.near.iter().map(Near::needle).collect(),
        };
        needles.sort_unstable();
        needles.dedup();
        needles
    }

    /// Tells whether the needles of this pass may be written in other capitals.
    pub fn ignores_case(&self) -> bool {
        self.wish == Wish::Terms && !self.terms.iter().all(Term::is_exact)
    }

    /// Tells whether lines of these places, logged from one time to another, can matter in this pass.
    ///
    /// Nothing is lost of mails that are logged about every `FAR_US`: the tally takes a mail without a
    /// line for as long as ended.
    pub fn reaches(&self, places: &Range<u64>, span: Option<(i64, i64)>) -> bool {
        match (self.wish, span) {
            (Wish::Connections, _) => {
                let from = places.start.saturating_sub(NEAR_LINES);
                let to = places.end.saturating_add(NEAR_LINES);
                let at = self.near.partition_point(|near| near.place < from);
                self.near.get(at).is_some_and(|near| near.place <= to)
            }
            (Wish::Keys, Some((first, last))) => {
                let from = first.saturating_sub(FAR_US);
                let at = self.times.partition_point(|time| *time < from);
                let is_near = |time: &i64| *time <= last.saturating_add(FAR_US);
                self.has_timeless || self.times.get(at).is_some_and(is_near)
            }
            _ => true,
        }
    }

    /// Tells whether a line that has a needle is one to be taken.
    pub fn wants(&self, entry: &Entry) -> bool {
        match self.wish {
            Wish::Terms => is_about_mail(entry) && self.terms.iter().any(|term| term.is_in(entry)),
            Wish::Keys => {
                let is_wanted = |id: &[u8]| self.wanted.contains(id);
                entry.session().is_some_and(is_wanted)
                    || entry
                        .fields()
                        .flat_map(|(_, value)| value.split(|byte| b", ".contains(byte)))
                        .any(|value| is_wanted(bare(value)))
            }
            Wish::Connections => self.near.iter().any(|near| near.wants(entry)),
        }
    }

    /// Returns how many lines of the pass at hand are kept at most, the latest ones.
    pub fn most_lines(&self) -> usize {
        match self.wish {
            Wish::Terms => MOST_FOUND,
            _ => MOST_NAMED,
        }
    }

    /// Notes that so many lines of the pass at hand were found and not kept.
    pub fn forget(&mut self, lines: u64) {
        match self.wish {
            Wish::Terms => self.matches_forgotten += lines,
            _ => self.lines_forgotten += lines,
        }
    }

    /// Takes a line over.
    pub fn take(&mut self, entry: Entry) {
        let place = entry.place;
        match self.wish {
            Wish::Terms => {
                self.seeds.insert(place);
                self.entries.insert(place, entry);
            }
            Wish::Keys => {
                self.entries.insert(place, entry);
            }
            Wish::Connections => {
                self.connections.insert(place, entry);
            }
        }
    }

    /// Ends a pass; tells whether there is another one to be made.
    pub fn end_pass(&mut self) -> bool {
        self.passes += 1;
        if self.wish == Wish::Connections {
            return false;
        }
        if self.wish == Wish::Terms {
            self.choose_seeds();
        }
        let reached = self.reached_places();
        self.searched.extend(self.wanted.drain());
        self.wanted = reached
            .iter()
            .filter_map(|place| self.entries.get(place))
            .flat_map(keys_of)
            .filter(|key| !self.searched.contains(key))
            .collect();
        self.note_times(&reached);
        self.is_cut = !self.wanted.is_empty() && self.passes + 1 >= MOST_PASSES;
        if !self.wanted.is_empty() && !self.is_cut {
            self.wish = Wish::Keys;
            return true;
        }
        self.near = reached
            .iter()
            .filter_map(|place| self.entries.get(place))
            .filter_map(Near::of)
            .flatten()
            .collect();
        self.wish = Wish::Connections;
        !self.near.is_empty()
    }

    fn note_times(&mut self, reached: &BTreeSet<u64>) {
        let entries = reached.iter().filter_map(|place| self.entries.get(place));
        let (stamped, timeless): (Vec<_>, Vec<_>) =
            entries.partition(|entry| entry.wall_us.is_some());
        self.times = stamped.iter().filter_map(|entry| entry.wall_us).collect();
        self.times.sort_unstable();
        self.has_timeless = !timeless.is_empty();
    }

    /// Keeps the latest of what was found, as far as it can be shown.
    fn choose_seeds(&mut self) {
        let groups = Groups::of(&self.entries);
        let mut of_term: Vec<BTreeSet<usize>> = Vec::new();
        for term in &self.terms {
            let places = self.seeds.iter().filter(|place| {
                self.entries
                    .get(place)
                    .is_some_and(|entry| term.is_in(entry))
            });
            of_term.push(
                places
                    .filter_map(|place| groups.of_place.get(place).copied())
                    .collect(),
            );
        }
        let most = if self.terms.len() > 1 {
            MOST_CANDIDATES
        } else {
            self.limit
        };
        let fewest = of_term
            .into_iter()
            .min_by_key(BTreeSet::len)
            .unwrap_or_default();
        let mut chosen: Vec<&Group> = fewest
            .iter()
            .filter_map(|at| groups.list.get(*at))
            .collect();
        chosen.sort_by_key(|group| std::cmp::Reverse(group.first));
        self.left_out = chosen.len().saturating_sub(most);
        chosen.truncate(most);
        let keep: BTreeSet<u64> = chosen
            .iter()
            .flat_map(|group| group.places.iter().copied())
            .collect();
        self.seeds.retain(|place| keep.contains(place));
        self.entries.retain(|place, _| keep.contains(place));
    }

    fn reached_places(&self) -> BTreeSet<u64> {
        let groups = Groups::of(&self.entries);
        let seeds = self
            .seeds
            .iter()
            .filter_map(|place| groups.of_place.get(place).copied());
        let reached = groups.reach(seeds);
        reached
            .into_iter()
            .filter_map(|at| groups.list.get(at))
            .flat_map(|group| group.places.iter().copied())
            .collect()
    }

    /// Puts the mails together, in the order in which they began; the latest ones if there are more
    /// than the limit.
    pub fn finish(mut self) -> (Vec<Mail>, usize) {
        let groups = Groups::of(&self.entries);
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let mut mails = Vec::new();
        for place in &self.seeds {
            let Some(seed) = groups.of_place.get(place) else {
                continue;
            };
            if seen.contains(seed) {
                continue;
            }
            let members = groups.reach([*seed].into_iter());
            seen.extend(&members);
            let has = |term: &Term| {
                let places = members.iter().filter_map(|at| groups.list.get(*at));
                places
                    .flat_map(|group| &group.places)
                    .filter_map(|place| self.entries.get(place))
                    .any(|entry| term.is_in(entry))
            };
            if self.terms.iter().all(has) {
                mails.push(assemble(
                    &groups,
                    &members,
                    &self.entries,
                    &self.connections,
                ));
            }
        }
        mails.sort_by_key(Mail::first_place);
        let surplus = mails.len().saturating_sub(self.limit);
        self.left_out += surplus;
        mails.drain(..surplus);
        (mails, self.left_out)
    }
}

/// Tells whether a line is about a mail or a refused one; connections and logins are not.
fn is_about_mail(entry: &Entry) -> bool {
    let is_refusal = matches!(
        entry.kind,
        "smtpd_reject" | "smtpd_reject_warning" | "psc_reject_rcpt" | "milter_action"
    );
    is_refusal
        || [entry.queue_id(), entry.message_id(), entry.task()]
            .iter()
            .any(Option::is_some)
}

/// Lists the ids that a line names.
fn keys_of(entry: &Entry) -> Vec<Vec<u8>> {
    let mut keys: Vec<&[u8]> = Vec::new();
    keys.extend(entry.queue_id());
    keys.extend(entry.message_id());
    keys.extend(entry.session().filter(|_| is_delivering(entry)));
    keys.extend(entry.task());
    for name in CHILDREN.iter().chain(PARENTS) {
        keys.extend(ids(entry, name));
    }
    // What is too short is in every line.
    keys.into_iter()
        .filter(|key| key.len() >= 4)
        .map(<[u8]>::to_vec)
        .collect()
}

/// A user who reads or deletes the mail later does so in a session with much else in it.
fn is_delivering(entry: &Entry) -> bool {
    let process = entry.field("process");
    process.is_none_or(|process| matches!(process, b"lmtp" | b"lda" | b"deliver"))
}

impl Near {
    fn of(entry: &Entry) -> Option<Vec<Near>> {
        let near = |who| Near {
            place: entry.place,
            host: entry.host.clone(),
            who,
        };
        let process = || {
            let (tag, pid) = (entry.tag.clone(), entry.pid?);
            Some(near(Who::Process { tag, pid }))
        };
        let client = || {
            let address = entry.field("client_address")?.to_vec();
            Some(near(Who::Client { address }))
        };
        match entry.kind {
            "smtpd_client" | "smtpd_reject" | "smtpd_reject_warning" => {
                Some(process().into_iter().chain(client()).collect())
            }
            "psc_reject_rcpt" => Some(vec![client()?]),
            "delivery" if entry.field("relay_port").is_some() => Some(vec![process()?]),
            _ => None,
        }
    }

    fn needle(&self) -> Vec<u8> {
        match &self.who {
            Who::Process { pid, .. } => pid.to_string().into_bytes(),
            Who::Client { address } => address.clone(),
        }
    }

    fn wants(&self, entry: &Entry) -> bool {
        if entry.host != self.host || entry.place.abs_diff(self.place) > NEAR_LINES {
            return false;
        }
        match &self.who {
            Who::Process { tag, pid } => {
                let is_of_connection = matches!(
                    entry.kind,
                    "smtpd_connect" | "smtpd_client" | "smtpd_disconnect"
                ) || entry.kind.starts_with("tls_")
                    || connections::is_early_decision(entry);
                is_of_connection && entry.tag == *tag && entry.pid == Some(*pid)
            }
            Who::Client { address } => {
                let is_about_client =
                    connections::is_of_screen(entry) || connections::is_of_policy(entry);
                is_about_client && connections::client_of(entry) == Some(address)
            }
        }
    }
}
