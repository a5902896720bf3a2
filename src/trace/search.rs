//! The search: what each pass over the log looks for, and what its lines belong to.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::entry::{Entry, bare};
use super::lives::{self, Life};
use super::mail::{self, Join, Mail};
use super::term::Term;

/// At most so many passes over the log.
pub const MOST_PASSES: usize = 8;
/// Of the lines that match, the latest so many are kept.
const MOST_FOUND: usize = 20_000;
/// Of the lines that name an id of the mails found, the latest so many of each pass are kept.
const MOST_NAMED: usize = 50_000;
/// A message-id that more mails share joins none of them: it is a bulk mailer's or a forger's.
const MOST_OF_A_MESSAGE_ID: usize = 50;
/// Mails are at most so many, when several terms must be met and few lines have all.
const MOST_CANDIDATES: usize = 1_000;
/// Lines of a connection are looked for so far around a mail's own.
const NEAR_LINES: u64 = 5_000;

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
    near: Vec<Near>,
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
    Process { tag: Vec<u8>, pid: u32 },
    Screened { address: Vec<u8> },
}

/// Lines that belong together without any join.
pub(super) struct Group {
    pub(super) host: Vec<u8>,
    pub(super) queue_id: Vec<u8>,
    pub(super) places: Vec<u64>,
    pub(super) first: u64,
    pub(super) removed: bool,
}

impl Group {
    pub(super) fn is_life(&self) -> bool {
        !self.queue_id.is_empty()
    }
}

/// All groups and what joins them.
pub(super) struct Groups {
    pub(super) list: Vec<Group>,
    of_place: HashMap<u64, usize>,
    /// From, to, how.
    pub(super) joins: Vec<(usize, usize, Join)>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Bucket {
    Life(Vec<u8>, Vec<u8>),
    Session(Vec<u8>),
    Task(Vec<u8>, Vec<u8>),
    Loose(u64),
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

    /// Returns the bytes of which a line of this pass has one, in any case of letters.
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

    /// Tells whether lines from one place to another can matter in this pass.
    pub fn reaches(&self, from: u64, to: u64) -> bool {
        self.wish != Wish::Connections
            || self.near.iter().any(|near| {
                from <= near.place + NEAR_LINES && near.place.saturating_sub(NEAR_LINES) <= to
            })
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
                mails.push(mail::assemble(
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
        || [entry.queue_id(), entry.message_id(), entry.field("am_id")]
            .iter()
            .any(Option::is_some)
}

/// Lists the ids that a line names.
fn keys_of(entry: &Entry) -> Vec<Vec<u8>> {
    let mut keys: Vec<&[u8]> = Vec::new();
    keys.extend(entry.queue_id());
    keys.extend(entry.message_id());
    keys.extend(entry.session().filter(|_| is_delivering(entry)));
    keys.extend(entry.field("am_id"));
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

const CHILDREN: &[&str] = &["queued_as", "forwarded_as", "new_queue_id"];
const PARENTS: &[&str] = &["orig_queue_id", "orig_id"];

/// The ids in a field: amavis names several that it queued.
fn ids<'e>(entry: &'e Entry, name: &str) -> impl Iterator<Item = &'e [u8]> {
    let value = entry.field(name).unwrap_or_default();
    value
        .split(|byte| b", /".contains(byte))
        .filter(|id| !id.is_empty())
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
        match entry.kind {
            "smtpd_client" | "smtpd_reject" | "smtpd_reject_warning" => {
                let address = entry.field("client_address").map(<[u8]>::to_vec);
                let screened = address.map(|address| near(Who::Screened { address }));
                Some(process().into_iter().chain(screened).collect())
            }
            "delivery" if entry.field("relay_port").is_some() => Some(vec![process()?]),
            _ => None,
        }
    }

    fn needle(&self) -> Vec<u8> {
        match &self.who {
            Who::Process { pid, .. } => pid.to_string().into_bytes(),
            Who::Screened { address } => [b"[", address.as_slice(), b"]"].concat(),
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
                    || mail::is_early_decision(entry);
                is_of_connection && entry.tag == *tag && entry.pid == Some(*pid)
            }
            Who::Screened { address } => {
                let is_screen = entry.kind.starts_with("psc_");
                is_screen && entry.field("client_address") == Some(address.as_slice())
            }
        }
    }
}

impl Groups {
    pub(super) fn of(entries: &BTreeMap<u64, Entry>) -> Self {
        let list: Vec<&Entry> = entries.values().collect();
        let mut buckets: BTreeMap<Bucket, Vec<usize>> = BTreeMap::new();
        for (at, entry) in list.iter().enumerate() {
            buckets.entry(Bucket::of(entry)).or_default().push(at);
        }
        let mut groups = Groups {
            list: Vec::new(),
            of_place: HashMap::new(),
            joins: Vec::new(),
        };
        for (bucket, members) in &buckets {
            groups.add_bucket(bucket, members, &list);
        }
        groups.join(&list);
        groups
    }

    fn add_bucket(&mut self, bucket: &Bucket, members: &[usize], list: &[&Entry]) {
        let entry = |at: &usize| list.get(*at).copied();
        if let Bucket::Life(host, queue_id) = bucket {
            let lines = members.iter().filter_map(|at| Some((*at, entry(at)?)));
            for life in lives::split(lines) {
                self.add_life(host, queue_id, &life, list);
            }
            return;
        }
        let places: Vec<u64> = members
            .iter()
            .filter_map(entry)
            .map(|entry| entry.place)
            .collect();
        let host = members
            .first()
            .and_then(entry)
            .map_or(Vec::new(), |entry| entry.host.clone());
        self.add(Group {
            host,
            queue_id: Vec::new(),
            first: places.first().copied().unwrap_or(0),
            places,
            removed: false,
        });
    }

    fn add_life(&mut self, host: &[u8], queue_id: &[u8], life: &Life, list: &[&Entry]) {
        let places = life.lines.iter().filter_map(|at| list.get(*at));
        self.add(Group {
            host: host.to_vec(),
            queue_id: queue_id.to_vec(),
            places: places.map(|entry| entry.place).collect(),
            first: life.first,
            removed: life.removed.is_some(),
        });
    }

    fn add(&mut self, group: Group) {
        let at = self.list.len();
        self.of_place
            .extend(group.places.iter().map(|place| (*place, at)));
        self.list.push(group);
    }

    fn join(&mut self, list: &[&Entry]) {
        let mut lives: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (at, group) in self
            .list
            .iter()
            .enumerate()
            .filter(|(_, group)| group.is_life())
        {
            lives.entry(&group.queue_id).or_default().push(at);
        }
        let mut joins = Vec::new();
        let mut shared: BTreeMap<(u8, &[u8]), BTreeSet<usize>> = BTreeMap::new();
        for entry in list {
            let Some(own) = self.of_place.get(&entry.place).copied() else {
                continue;
            };
            for name in CHILDREN {
                for id in ids(entry, name) {
                    let found = self.child(lives.get(id), own, entry);
                    joins.extend(found.map(|child| (own, child, Join::of(name, entry))));
                }
            }
            for name in PARENTS {
                for id in ids(entry, name) {
                    let found = self.parent(lives.get(id), own, entry);
                    joins.extend(found.map(|parent| (parent, own, Join::of(name, entry))));
                }
            }
            let ids = [entry.session(), entry.field("am_id"), entry.message_id()];
            for (sort, id) in (0u8..).zip(ids) {
                if let Some(id) = id {
                    shared.entry((sort, id)).or_default().insert(own);
                }
            }
        }
        for ((sort, _), members) in shared {
            if sort == 2 && members.len() > MOST_OF_A_MESSAGE_ID {
                continue;
            }
            let how = if sort == 2 {
                Join::MessageId
            } else {
                Join::Session
            };
            let mut ordered: Vec<usize> = members.into_iter().collect();
            // A life is the one that others hang on.
            ordered.sort_by_key(|at| {
                self.list
                    .get(*at)
                    .map(|group| (!group.is_life(), group.first))
            });
            if let Some((first, others)) = ordered.split_first() {
                joins.extend(others.iter().map(|other| (*first, *other, how)));
            }
        }
        self.joins = joins;
    }

    /// Finds the life that begins nearest, on the same host first.
    fn child(&self, lives: Option<&Vec<usize>>, own: usize, entry: &Entry) -> Option<usize> {
        let candidates = lives?.iter().copied().filter(|at| *at != own);
        candidates.min_by_key(|at| {
            let group = self.list.get(*at);
            group.map(|group| (group.host != entry.host, group.first.abs_diff(entry.place)))
        })
    }

    /// Finds the life that began last before the line, on the same host first.
    fn parent(&self, lives: Option<&Vec<usize>>, own: usize, entry: &Entry) -> Option<usize> {
        let candidates = lives?.iter().copied().filter(|at| *at != own);
        candidates.min_by_key(|at| {
            let group = self.list.get(*at);
            group.map(|group| {
                let is_later = group.first > entry.place;
                (
                    group.host != entry.host,
                    is_later,
                    group.first.abs_diff(entry.place),
                )
            })
        })
    }

    /// Lists all groups that are joined with these, directly or not.
    fn reach(&self, from: impl Iterator<Item = usize>) -> BTreeSet<usize> {
        let mut beside: HashMap<usize, Vec<usize>> = HashMap::new();
        for (one, other, _) in &self.joins {
            beside.entry(*one).or_default().push(*other);
            beside.entry(*other).or_default().push(*one);
        }
        let mut reached: BTreeSet<usize> = from.collect();
        let mut open: Vec<usize> = reached.iter().copied().collect();
        while let Some(at) = open.pop() {
            for next in beside.get(&at).into_iter().flatten() {
                if reached.insert(*next) {
                    open.push(*next);
                }
            }
        }
        reached
    }
}

impl Bucket {
    fn of(entry: &Entry) -> Self {
        if let Some(queue_id) = entry.queue_id() {
            return Bucket::Life(entry.host.clone(), queue_id.to_vec());
        }
        if let Some(session) = entry.field("session").and(entry.session()) {
            return Bucket::Session(session.to_vec());
        }
        match entry.field("am_id") {
            Some(task) => Bucket::Task(entry.host.clone(), task.to_vec()),
            None => Bucket::Loose(entry.place),
        }
    }
}
