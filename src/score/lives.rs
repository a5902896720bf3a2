//! Mails whose queue id ties a later line to the client or sender of an earlier one.
//!
//! A part of a log that others may precede cannot know whose mail a line is about; it keeps such
//! lines, cut down to what matters, and the part before it applies them when both are merged. So
//! `scores(A·B) == scores(A).merge(scores(B))` by construction, and a report holds the mails open at
//! one time plus one chunk's lines.

use hashbrown::HashMap;

use super::Key;
use super::row::Sample;
use super::sketch::Rows;
use crate::tally::evidence::Evidence;

/// Lives that are kept at most; of logs that have lost their `removed` lines.
const MOST: usize = 1_000_000;

/// What a line says of a mail.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// It came in.
    Client {
        life: Key,
        key: Option<Key>,
        is_first_hop: bool,
    },
    /// It is in the queue: it was accepted.
    Active { life: Key, key: Option<Key> },
    /// A recipient has it.
    Delivered { life: Key, key: Option<Key> },
    /// A filter says what it is.
    Verdict {
        life: Key,
        evidence: Evidence,
        keys: Vec<Key>,
        wall_us: i64,
        sample: Sample,
    },
    /// It is gone.
    End { life: Key },
}

impl Op {
    /// Counts lines before its part.
    pub(super) fn shift(&mut self, lines: u64) {
        if let Op::Verdict { sample, .. } = self {
            sample.shift(lines);
        }
    }
}

#[derive(Clone, Default, Debug)]
pub(super) struct Life {
    key: Option<Key>,
    is_first_hop: bool,
    is_accepted: bool,
    is_judged: bool,
}

/// The mails under way, or what is to be told of them.
#[derive(Clone, Debug)]
pub(super) enum Lives {
    Anchored(HashMap<Key, Life>),
    Part(Vec<Op>),
}

impl Lives {
    pub(super) fn new(is_anchored: bool) -> Self {
        if is_anchored {
            Lives::Anchored(HashMap::new())
        } else {
            Lives::Part(Vec::new())
        }
    }

    /// Returns what waits for an earlier part.
    pub(super) fn waiting(self) -> Vec<Op> {
        match self {
            Lives::Anchored(_) => Vec::new(),
            Lives::Part(ops) => ops,
        }
    }

    pub(super) fn apply(&mut self, op: Op, rows: &mut Rows) {
        match self {
            Lives::Part(ops) => ops.push(op),
            Lives::Anchored(lives) => {
                if lives.len() >= MOST {
                    lives.clear();
                }
                step(lives, op, rows);
            }
        }
    }
}

fn step(lives: &mut HashMap<Key, Life>, op: Op, rows: &mut Rows) {
    match op {
        Op::Client {
            life,
            key,
            is_first_hop,
        } => {
            let begun = Life {
                key,
                is_first_hop,
                ..Life::default()
            };
            lives.insert(life, begun);
        }
        Op::Active { life, key } => {
            let Some(life) = lives.get_mut(&life) else {
                return;
            };
            if life.is_accepted || !life.is_first_hop {
                return;
            }
            life.is_accepted = true;
            life.key = life.key.take().or(key);
            if let Some(key) = &life.key {
                rows.accept(key.clone());
            }
        }
        Op::Delivered { life, key } => {
            if let (Some(life), Some(key)) = (lives.get(&life), key)
                && life.is_first_hop
            {
                rows.accept(key);
            }
        }
        Op::Verdict {
            life,
            evidence,
            keys,
            wall_us,
            sample,
        } => {
            let life = lives.entry(life).or_default();
            if std::mem::replace(&mut life.is_judged, true) {
                return;
            }
            let keys = if keys.is_empty() {
                life.key.clone().into_iter().collect()
            } else {
                keys
            };
            for key in keys {
                let row = rows.of(key);
                row.see(wall_us);
                row.add(evidence, 1);
                row.sample(evidence, sample.at(), || sample.clone());
            }
        }
        Op::End { life } => {
            lives.remove(&life);
        }
    }
}
