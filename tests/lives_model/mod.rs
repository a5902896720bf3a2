//! The lives of mails, read line by line over a whole log: what the tally must agree with.
//!
//! Nothing is settled early and nothing is merged here, so that the rules can be seen at a glance:
//! births are `client=`, `uid=` and `message-id=`; a birth line joins a life that has only birth
//! lines so far; any other line joins an open life, or one that ended at most K lines ago.

use std::collections::HashMap;

/// What the model counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Model {
    pub(crate) open_at_start: u64,
    pub(crate) deferred: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_delivered: u64,
    pub(crate) received: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Origin,
    MessageId,
    Size(u64),
    Sent,
    Deferred,
    Removed,
    Other,
}

struct Life {
    first: usize,
    end: Option<usize>,
    has_origin: bool,
    progressed: bool,
    birth_seen: bool,
    size: Option<u64>,
    sent: u64,
    deferred: bool,
}

impl Life {
    fn new(at: usize, kind: Kind) -> Life {
        Life {
            first: at,
            end: None,
            has_origin: false,
            progressed: false,
            birth_seen: matches!(kind, Kind::Origin | Kind::MessageId),
            size: None,
            sent: 0,
            deferred: false,
        }
    }

    fn extend(&mut self, at: usize, kind: Kind) {
        self.end = None;
        match kind {
            Kind::Origin => self.has_origin = true,
            Kind::MessageId => {}
            _ => self.progressed = true,
        }
        match kind {
            Kind::Size(size) => self.size = self.size.or(Some(size)),
            Kind::Sent => self.sent += 1,
            Kind::Deferred => self.deferred = true,
            Kind::Removed => self.end = Some(at),
            _ => {}
        }
    }
}

/// Tells the queue id of a line and what the line does.
fn read(line: &str) -> Option<(&str, Kind)> {
    let text = line.split_once("]: ")?.1;
    let (id, text) = text.split_once(": ")?;
    if id.len() != 6 || !id.starts_with("A0000") {
        return None;
    }
    let size = || text.split_once("size=")?.1.split(',').next()?.parse().ok();
    Some((
        id,
        match text {
            _ if text.starts_with("client=") || text.starts_with("uid=") => Kind::Origin,
            _ if text.starts_with("message-id=") => Kind::MessageId,
            _ if text.contains("(queue active)") => Kind::Size(size()?),
            _ if text.contains("forwarded as") => Kind::Other,
            _ if text.contains("status=sent") => Kind::Sent,
            _ if text.contains("status=deferred") => Kind::Deferred,
            _ if text == "removed" => Kind::Removed,
            _ => Kind::Other,
        },
    ))
}

fn joins(life: &Life, at: usize, kind: Kind, late: usize) -> bool {
    let only_born = life.end.is_none() && !life.progressed;
    match kind {
        Kind::Origin => only_born && !life.has_origin && at - life.first <= late,
        Kind::MessageId => only_born,
        _ => life.end.is_none_or(|end| at - end <= late),
    }
}

fn finish(life: &Life, into: &mut Model) {
    into.open_at_start += u64::from(!life.birth_seen);
    into.deferred += u64::from(life.deferred);
    into.bytes_received += if life.has_origin {
        life.size.unwrap_or(0)
    } else {
        0
    };
    into.bytes_delivered += life.size.unwrap_or(0) * life.sent;
}

/// Numbers the lives of a whole log: each line that has a queue id is of one; `late` is K.
pub(crate) fn lives(log: &[String], late: u64) -> Vec<Option<usize>> {
    let late = usize::try_from(late).unwrap();
    let mut open: HashMap<&str, (usize, Life)> = HashMap::new();
    let mut begun = 0;
    let mut number = |at: usize, line| {
        let (id, kind) = read(line)?;
        let joins_it = |(_, life): &(usize, Life)| joins(life, at, kind, late);
        if !open.get(id).is_some_and(joins_it) {
            begun += 1;
            open.insert(id, (begun, Life::new(at, kind)));
        }
        let (number, life) = open.get_mut(id)?;
        life.extend(at, kind);
        Some(*number)
    };
    let lines = log.iter().enumerate();
    lines.map(|(at, line)| number(at, line)).collect()
}

/// Reads a whole log; `late` is K.
pub(crate) fn sequential(log: &[String], late: u64) -> Model {
    let late = usize::try_from(late).unwrap();
    let mut model = Model::default();
    let mut lives: HashMap<&str, Life> = HashMap::new();
    for (at, line) in log.iter().enumerate() {
        let Some((id, kind)) = read(line) else {
            continue;
        };
        model.received += u64::from(kind == Kind::Origin);
        let joins_it = |life: &Life| joins(life, at, kind, late);
        if !lives.get(id).is_some_and(joins_it)
            && let Some(old) = lives.insert(id, Life::new(at, kind))
        {
            finish(&old, &mut model);
        }
        let life = lives.get_mut(id).unwrap();
        life.extend(at, kind);
    }
    lives.values().for_each(|life| finish(life, &mut model));
    model
}
