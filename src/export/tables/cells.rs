//! The cells of an event's own fields: which column a field has, and how its value is written there.

use std::sync::LazyLock;

use mailtally_parsers::{FieldType, Kind, Seconds, Visitor};
use rustc_hash::FxHashMap;

use super::batch::Batch;
use super::event_columns::column_name;
use super::schemas::{ColumnKind, TableId};
use crate::export::UNCLASSIFIED_FIELDS;
use crate::export::jsonl::push_seconds;
use crate::export::line::message_name;

/// Where the values of a field go.
#[derive(Clone, Copy, Default, Debug)]
struct Target {
    /// The column of its values, and their kind; none if all of them are durations.
    plain: Option<(u16, ColumnKind)>,
    /// The column of its durations.
    micros: Option<u16>,
}

/// The columns of all fields, by the name that the parser gives them.
static TARGETS: LazyLock<FxHashMap<&'static str, Target>> = LazyLock::new(targets);

/// The same of the fields that came so far, by where the program has their names: that is told faster
/// than what a name is, and a field's name stands at few places.
#[derive(Debug, Default)]
pub(super) struct Targets(FxHashMap<(usize, usize), Target>);

impl Targets {
    fn get(&mut self, name: &'static str) -> Target {
        let place = (name.as_ptr().addr(), name.len());
        let target = || TARGETS.get(name).copied().unwrap_or_default();
        *self.0.entry(place).or_insert_with(target)
    }
}

fn targets() -> FxHashMap<&'static str, Target> {
    let table = TableId::Events.table();
    let mut targets: FxHashMap<&'static str, Target> = FxHashMap::default();
    let mut add = |name: &'static str, field_type| {
        let column = column_name(message_name(name), field_type);
        let place = table.place_of(&column);
        let Some((place, column)) = place.and_then(|at| Some((at, table.columns.get(at)?))) else {
            return;
        };
        let target = targets.entry(name).or_default();
        let place = u16::try_from(place).ok();
        if field_type == FieldType::Seconds {
            target.micros = place;
        } else {
            target.plain = place.map(|place| (place, column.kind));
        }
    };
    for kind in Kind::all() {
        kind.describe_fields(&mut |field| add(field.name, field.field_type));
    }
    for field in UNCLASSIFIED_FIELDS {
        add(field.name, field.field_type);
    }
    targets
}

/// Fills the cells of the fields that it visits.
pub(super) struct Cells<'b> {
    pub(super) batch: &'b mut Batch,
    pub(super) scratch: &'b mut Vec<u8>,
    pub(super) targets: Targets,
    /// A field that is left out.
    pub(super) without: Option<&'static str>,
}

impl Cells<'_> {
    fn plain(&mut self, name: &'static str) -> Option<(usize, ColumnKind)> {
        let (column, kind) = self.targets.get(name).plain?;
        Some((usize::from(column), kind))
    }
}

impl Visitor for Cells<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        if self.without == Some(name) {
            return;
        }
        if let Some((column, _)) = self.plain(name) {
            self.batch.text(column, value);
        }
    }

    fn number(&mut self, name: &'static str, value: u64) {
        match self.plain(name) {
            Some((column, ColumnKind::Int)) => {
                self.batch
                    .int(column, i64::try_from(value).unwrap_or(i64::MAX));
            }
            // Such numbers are short: nothing is lost.
            Some((column, ColumnKind::Real)) => self.batch.real(column, value as f64),
            Some((column, _)) => {
                let mut digits = itoa::Buffer::new();
                self.batch.text(column, digits.format(value).as_bytes());
            }
            None => {}
        }
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        match self.plain(name) {
            Some((column, ColumnKind::Real)) => {
                let number = str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok());
                if let Some(number) = number.filter(|number: &f64| number.is_finite()) {
                    self.batch.real(column, number);
                }
            }
            Some((column, _)) => self.batch.text(column, value),
            None => {}
        }
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        if let Some(column) = self.targets.get(name).micros {
            let micros = i64::try_from(value.micros).unwrap_or(i64::MAX);
            self.batch.int(usize::from(column), micros);
        }
    }

    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        let Some((column, _)) = self.plain(name) else {
            return;
        };
        self.scratch.clear();
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.scratch.push(b'/');
            }
            push_seconds(self.scratch, *value);
        }
        self.batch.text(column, self.scratch);
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        match self.plain(name) {
            Some((column, ColumnKind::Bool)) => self.batch.flag(column, value),
            Some((column, _)) => {
                let word: &[u8] = if value { b"true" } else { b"false" };
                self.batch.text(column, word);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event_columns::has_column;
    use super::*;

    #[test]
    fn every_field_of_every_kind_has_a_column() {
        let mut targets = Targets::default();
        for kind in Kind::all() {
            kind.describe_fields(&mut |field| {
                let target = targets.get(field.name);
                let has_one = match field.field_type {
                    _ if !has_column(field.name) => target.plain.is_none(),
                    FieldType::Seconds => target.micros.is_some(),
                    _ => target.plain.is_some(),
                };
                assert!(has_one, "{} of {}", field.name, kind.name());
            });
        }
    }
}
