//! The values of a column as an array that the encoder of Parquet takes.

use std::hash::BuildHasherDefault;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use polars_arrow::array::{
    Array, BooleanArray, DictionaryArray, PrimitiveArray, Utf8ViewArray, new_null_array,
};
use polars_arrow::bitmap::{Bitmap, MutableBitmap};
use polars_arrow::datatypes::{ArrowDataType, Field, TimeUnit};
use polars_arrow::types::NativeType;
use polars_parquet::write::Encoding;
use rustc_hash::FxHasher;

use crate::export::tables::{Column, ColumnKind, Data, Texts, Values};

/// Returns how a column is declared in a file.
pub(super) fn field(column: &Column) -> Field {
    let name = column.name.as_ref().into();
    Field::new(name, arrow_type(column.kind), column.is_nullable)
}

/// Returns the type of a kind of values; times are instants in UTC.
pub(in crate::export) fn arrow_type(kind: ColumnKind) -> ArrowDataType {
    match kind {
        ColumnKind::Time => ArrowDataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnKind::Int => ArrowDataType::Int64,
        ColumnKind::Real => ArrowDataType::Float64,
        ColumnKind::Bool => ArrowDataType::Boolean,
        ColumnKind::Text => ArrowDataType::Utf8View,
    }
}

/// Returns the values of a column for as many rows as there are, and how they are best encoded.
pub(super) fn array(column: &Column, values: &Values, rows: usize) -> (Box<dyn Array>, Encoding) {
    if values.is_empty() {
        // Most columns of `events`, in most parts.
        return (
            new_null_array(arrow_type(column.kind), rows),
            Encoding::Plain,
        );
    }
    match values.data() {
        Data::Int(numbers) => {
            let array = primitive(column.kind, values, numbers, rows);
            (array, int_encoding(column))
        }
        Data::Real(numbers) => (
            primitive(column.kind, values, numbers, rows),
            Encoding::Plain,
        ),
        Data::Bool(flags) => {
            let dense: Bitmap = dense(values, flags, rows).into_iter().collect();
            let array = BooleanArray::new(ArrowDataType::Boolean, dense, validity(values, rows));
            (array.boxed(), Encoding::Plain)
        }
        Data::Text(texts) => text(values, texts, rows),
    }
}

/// Times and places in a file grow from row to row: little is left of them as differences.
fn int_encoding(column: &Column) -> Encoding {
    let grows = column.kind == ColumnKind::Time || column.name == "log_line";
    if grows {
        Encoding::DeltaBinaryPacked
    } else {
        // Where few numbers come again the encoder writes them plainly.
        Encoding::RleDictionary
    }
}

fn primitive<T: NativeType>(
    kind: ColumnKind,
    values: &Values,
    numbers: &[T],
    rows: usize,
) -> Box<dyn Array> {
    let dense = dense(values, numbers, rows);
    PrimitiveArray::new(arrow_type(kind), dense.into(), validity(values, rows)).boxed()
}

/// Returns a value for each row; rows without one get that of the row before them, which packs well.
fn dense<T: Copy + Default>(values: &Values, present: &[T], rows: usize) -> Vec<T> {
    if present.len() == rows {
        return present.to_vec();
    }
    let mut last = T::default();
    let mut dense = Vec::with_capacity(rows);
    for (row, value) in values.rows().iter().zip(present) {
        dense.resize((*row as usize).min(rows), last);
        last = *value;
        dense.push(last);
    }
    dense.resize(rows, last);
    dense
}

/// Returns which rows have a value; `None` where all have.
pub(in crate::export) fn validity(values: &Values, rows: usize) -> Option<Bitmap> {
    if values.rows().len() == rows {
        return None;
    }
    let mut bits = MutableBitmap::from_len_zeroed(rows);
    for row in values.rows() {
        bits.set(*row as usize, true);
    }
    Some(bits.freeze())
}

/// Returns texts by the numbers of a dictionary, or as they are where hardly one comes again.
fn text(values: &Values, texts: &Texts, rows: usize) -> (Box<dyn Array>, Encoding) {
    if let Some(array) = Dictionary::of(texts).and_then(|words| words.array(values, rows)) {
        return (array, Encoding::RleDictionary);
    }
    let cells = values.places(rows).map(|place| texts.get(place?));
    let cells: Vec<Option<&str>> = cells.collect();
    // Lengths apart from the letters: either packs better without the other.
    let encoding = Encoding::DeltaLengthByteArray;
    (Utf8ViewArray::from_slice(cells).boxed(), encoding)
}

/// The different texts of a column, and for each text that is there its number among them.
struct Dictionary<'t> {
    words: Vec<&'t str>,
    numbers: Vec<u32>,
}

impl<'t> Dictionary<'t> {
    /// Returns `None` where more than three quarters of the texts are different ones: then numbers would only be added.
    fn of(texts: &'t Texts) -> Option<Dictionary<'t>> {
        let mut known: HashMap<&str, u32, BuildHasherDefault<FxHasher>> = HashMap::default();
        let (mut words, mut numbers) = (Vec::new(), Vec::new());
        for text in texts.iter() {
            let next = u32::try_from(words.len()).ok()?;
            let number = match known.entry(text) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    words.push(text);
                    *entry.insert(next)
                }
            };
            numbers.push(number);
        }
        let is_worth_it = words.len() <= 16 || words.len() / 3 <= numbers.len() / 4;
        is_worth_it.then_some(Dictionary { words, numbers })
    }

    fn array(&self, values: &Values, rows: usize) -> Option<Box<dyn Array>> {
        let numbers = dense(values, &self.numbers, rows);
        let keys = PrimitiveArray::new(
            ArrowDataType::UInt32,
            numbers.into(),
            validity(values, rows),
        );
        let words = Utf8ViewArray::from_slice_values(&self.words).boxed();
        let array = DictionaryArray::<u32>::try_from_keys(keys, words, false).ok()?;
        Some(array.boxed())
    }
}
