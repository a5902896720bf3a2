//! Lines that belong together: lives of a queue id, Dovecot's sessions, tasks of amavis; and what joins
//! these with each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::entry::Entry;
use super::lives::{self, Life};
use super::mail::Join;

/// A message-id that more mails share joins none of them: it is a bulk mailer's or a forger's.
const MOST_OF_A_MESSAGE_ID: usize = 50;

/// The lines of a filter's work on a mail follow each other, and the mail's birth, by no more than this,
/// as those of a mail that comes back follow in `tally`.
const TASK_LINES: u64 = 10_000;
/// A filter that takes a mail and hands it back names both of its lives.
const MOST_LIVES_OF_A_TASK: usize = 2;

/// What several groups have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    Session,
    MessageId,
}

impl Shared {
    fn join(self) -> Join {
        match self {
            Shared::Session => Join::Session,
            Shared::MessageId => Join::MessageId,
        }
    }
}

/// The place of a line, and its group.
type Line = (u64, usize);

/// Splits the lines of one name of a task, in log order, into those of one work each.
fn works(lines: &[Line]) -> impl Iterator<Item = BTreeSet<usize>> {
    let is_one = |one: &Line, next: &Line| next.0.abs_diff(one.0) <= TASK_LINES;
    let works = lines.chunk_by(is_one);
    works.map(|work| work.iter().map(|(_, group)| *group).collect())
}

/// Lines that belong together without any join.
pub(super) struct Group {
    pub(super) host: Vec<u8>,
    /// Empty where the lines have none.
    pub(super) queue_id: Vec<u8>,
    /// Whether Postfix logged of the queue id, not only filters beside it, maybe on another host.
    pub(super) is_life: bool,
    pub(super) places: Vec<u64>,
    pub(super) first: u64,
    pub(super) removed: bool,
}

/// All groups and what joins them.
pub(super) struct Groups {
    pub(super) list: Vec<Group>,
    /// The group of each line.
    pub(super) of_place: HashMap<u64, usize>,
    /// From, to, how.
    pub(super) joins: Vec<(usize, usize, Join)>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Bucket {
    Life(Vec<u8>, Vec<u8>),
    Session(Vec<u8>),
    Loose(u64),
}

/// Fields that name lives which follow from the line's own.
pub(super) const CHILDREN: &[&str] = &["queued_as", "forwarded_as", "new_queue_id"];
/// Fields that name the life which the line's own follows from.
pub(super) const PARENTS: &[&str] = &["orig_queue_id", "orig_id"];

/// The ids in a field: amavis names several that it queued.
pub(super) fn ids<'e>(entry: &'e Entry, name: &str) -> impl Iterator<Item = &'e [u8]> {
    let value = entry.field(name).unwrap_or_default();
    value
        .split(|byte| b", /".contains(byte))
        .filter(|id| !id.is_empty())
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
            is_life: false,
            first: places.first().copied().unwrap_or(0),
            places,
            removed: false,
        });
    }

    fn add_life(&mut self, host: &[u8], queue_id: &[u8], life: &Life, list: &[&Entry]) {
        let lines = life.lines.iter().filter_map(|at| list.get(*at));
        self.add(Group {
            host: host.to_vec(),
            queue_id: queue_id.to_vec(),
            is_life: lines.clone().any(|entry| !entry.is_companion),
            places: lines.map(|entry| entry.place).collect(),
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
        let all = self.list.iter().enumerate();
        for (at, group) in all.filter(|(_, group)| group.is_life) {
            lives.entry(&group.queue_id).or_default().push(at);
        }
        let mut joins = Vec::new();
        let mut shared: BTreeMap<(Shared, &[u8]), BTreeSet<usize>> = BTreeMap::new();
        let mut tasks: BTreeMap<(&[u8], &[u8]), Vec<Line>> = BTreeMap::new();
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
            joins.extend(self.filtered(&lives, own, entry));
            if let Some(id) = entry.session() {
                shared.entry((Shared::Session, id)).or_default().insert(own);
            }
            if let Some(id) = entry.message_id() {
                shared
                    .entry((Shared::MessageId, id))
                    .or_default()
                    .insert(own);
            }
            if let Some(task) = entry.task() {
                let lines = tasks.entry((&entry.host, task)).or_default();
                lines.push((entry.place, own));
            }
        }
        for ((what, _), members) in shared {
            if what == Shared::Session || members.len() <= MOST_OF_A_MESSAGE_ID {
                self.join_all(&members, what.join(), &mut joins);
            }
        }
        for members in tasks.values().flat_map(|lines| works(lines)) {
            let lives = members.iter().filter_map(|at| self.list.get(*at));
            // A connection of a milter may be for several mails.
            if lives.filter(|group| group.is_life).count() <= MOST_LIVES_OF_A_TASK {
                self.join_all(&members, Join::Session, &mut joins);
            }
        }
        self.joins = joins;
    }

    /// Joins all with the first life among them: it is the one that others hang on.
    fn join_all(
        &self,
        members: &BTreeSet<usize>,
        how: Join,
        joins: &mut Vec<(usize, usize, Join)>,
    ) {
        let mut ordered: Vec<usize> = members.iter().copied().collect();
        ordered.sort_by_key(|at| {
            let group = self.list.get(*at);
            group.map(|group| (!group.is_life, group.first))
        });
        if let Some((first, others)) = ordered.split_first() {
            joins.extend(others.iter().map(|other| (*first, *other, how)));
        }
    }

    /// Finds the life that a filter speaks of which logs on a host of its own.
    fn filtered(
        &self,
        lives: &HashMap<&[u8], Vec<usize>>,
        own: usize,
        entry: &Entry,
    ) -> Option<(usize, usize, Join)> {
        let group = self.list.get(own).filter(|group| !group.is_life)?;
        let life = self.child(lives.get(group.queue_id.as_slice()), own, entry)?;
        let first = self.list.get(life)?.first;
        let is_near = first.abs_diff(entry.place) <= TASK_LINES;
        is_near.then_some((life, own, Join::Session))
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
    pub(super) fn reach(&self, from: impl Iterator<Item = usize>) -> BTreeSet<usize> {
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
        Bucket::Loose(entry.place)
    }
}
