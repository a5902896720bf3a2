//! The parts of a split, by the values of one field.

use hashbrown::HashMap;

/// The field by whose values a report is split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The host that logged.
    Host,
    /// The first element of the tag.
    Instance,
    /// The domain of a recipient.
    RecipientDomain,
}

impl By {
    /// Tells whether the field is one of mails, not of lines.
    pub fn decides_mails(self) -> bool {
        self == By::RecipientDomain
    }

    /// Returns the field's name in conditions.
    pub fn field(self) -> &'static str {
        match self {
            By::Host => "host",
            By::Instance => "instance",
            By::RecipientDomain => "recipient_domain",
        }
    }
}

/// The part of all lines that are in no other one.
pub(super) const OTHER: u32 = 0;

/// Numbers values as they come: the first ones get parts of their own.
#[derive(Debug, Default)]
pub(super) struct Values {
    parts: HashMap<Box<[u8]>, u32>,
    most: u32,
    pub(super) is_beyond: bool,
}

impl Values {
    pub(super) fn new(most: u32) -> Self {
        Values {
            most,
            ..Values::default()
        }
    }

    /// Returns the part of a value.
    pub(super) fn part(&mut self, value: &[u8]) -> u32 {
        if let Some(&part) = self.parts.get(value) {
            return part;
        }
        let next = u32::try_from(self.parts.len()).map_or(u32::MAX, |known| known + 1);
        if next > self.most {
            self.is_beyond = true;
            return OTHER;
        }
        self.parts.insert(value.into(), next);
        next
    }

    /// Returns the values with their parts, in order of the values.
    pub(super) fn into_rows(self) -> Vec<(Vec<u8>, u32)> {
        let rows = self.parts.into_iter();
        let mut rows: Vec<(Vec<u8>, u32)> =
            rows.map(|(value, part)| (value.into_vec(), part)).collect();
        rows.sort();
        rows
    }
}
