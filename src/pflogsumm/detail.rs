//! What the detail reports count: one row for each text, below one or two groups.

use super::table::Table;

/// The detail reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Detail {
    Deferral,
    Bounce,
    Reject,
    RejectWarning,
    Hold,
    Discard,
    Smtp,
    Warning,
    Fatal,
    Panic,
    Master,
}

impl Detail {
    fn tag(self) -> u8 {
        match self {
            Detail::Deferral => 0,
            Detail::Bounce => 1,
            Detail::Reject => 2,
            Detail::RejectWarning => 3,
            Detail::Hold => 4,
            Detail::Discard => 5,
            Detail::Smtp => 6,
            Detail::Warning => 7,
            Detail::Fatal => 8,
            Detail::Panic => 9,
            Detail::Master => 10,
        }
    }
}

/// How often each row was seen: one table for all reports, for most rows come again and again.
#[derive(Default, Debug)]
pub(super) struct Details {
    rows: Table<u64>,
    key: Vec<u8>,
}

impl Details {
    /// Counts a row: its groups from the outer one on, then its text.
    pub(super) fn add(&mut self, detail: Detail, path: [&[u8]; 3]) {
        self.key.clear();
        self.key.push(detail.tag());
        for part in path {
            let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
            self.key.extend_from_slice(&len.to_be_bytes());
            self.key.extend_from_slice(part);
        }
        if let Some(count) = self.rows.value(&self.key) {
            *count += 1;
        }
    }

    /// Adds what was counted in a later part.
    pub(super) fn merge(&mut self, later: &Details) {
        for (key, more) in later.rows.iter() {
            if let Some(count) = self.rows.value(key) {
                *count += more;
            }
        }
    }

    /// Goes through the rows of one report.
    pub(super) fn rows(&self, detail: Detail) -> impl Iterator<Item = ([&[u8]; 3], u64)> {
        self.rows.iter().filter_map(move |(key, count)| {
            let key = key.strip_prefix(&[detail.tag()])?;
            let (outer, key) = part(key)?;
            let (inner, key) = part(key)?;
            let (text, _) = part(key)?;
            Some(([outer, inner, text], *count))
        })
    }
}

fn part(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = key.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
}
