//! One column of a row group as pages of Parquet.
//!
//! Which rows have a value stands before the values (definition levels). Values are written in the way that leaves
//! least of them behind zstd, which was measured column by column; how pages are packed and put together is **not**
//! decided here.
//!
//! To the next editor: zstd finds what comes again byte by byte. Numbers of a dictionary are therefore written in
//! whole bytes where they take more than half of one; packed in 11 bits each, the same numbers leave a fifth more.
//! Neighbours in a sorted dictionary begin alike: of texts like names and addresses that leaves 3 to 5 % less, of the
//! replies to deliveries, which name mailbox or server first, a tenth. A small dictionary leaves less in the order of first use.

use std::hash::{BuildHasherDefault, Hash};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use polars::error::{PolarsResult, polars_err};
use polars_arrow::datatypes::{ArrowDataType, Field, TimeUnit};
use polars_parquet::parquet::CowBuffer;
use polars_parquet::parquet::page::{DataPage, DataPageHeader, DataPageHeaderV1, DictPage};
use polars_parquet::parquet::schema::types::PrimitiveType;
use polars_parquet::parquet::statistics::{
    BinaryStatistics, BooleanStatistics, ParquetStatistics, PrimitiveStatistics,
};
use polars_parquet::write::{Descriptor, Encoding, Page};
use rustc_hash::FxHasher;

use super::bits::{Widths, pack, push_deltas, push_packed, push_packed_head, push_run, width_of};
use crate::export::tables::{Column, ColumnKind, Data, Texts, Values};

/// Returns how a column is declared in a file; times are instants in UTC.
pub(super) fn field(column: &Column) -> Field {
    let arrow_type = match column.kind {
        ColumnKind::Time => ArrowDataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnKind::Int => ArrowDataType::Int64,
        ColumnKind::Real => ArrowDataType::Float64,
        ColumnKind::Bool => ArrowDataType::Boolean,
        ColumnKind::Text => ArrowDataType::Utf8View,
    };
    Field::new(column.name.as_ref().into(), arrow_type, column.is_nullable)
}

/// Encodes the values of a column for as many rows as there are.
///
/// # Errors
/// When a row has no value although the column always has one.
pub(super) fn pages(
    column: &Column,
    values: &Values,
    rows: usize,
    to: PrimitiveType,
) -> PolarsResult<Vec<Page>> {
    let present = values.rows().len();
    if !column.is_nullable && present != rows {
        let name = &column.name;
        return Err(polars_err!(ComputeError: "column {name} has {present} values in {rows} rows"));
    }
    let mut buffer = Vec::new();
    if column.is_nullable {
        push_levels(&mut buffer, values.rows(), rows);
    }
    let mut leaf = Leaf {
        to,
        rows,
        nulls: i64::try_from(rows - present).unwrap_or(i64::MAX),
        buffer,
    };
    Ok(match values.data() {
        // Most columns of `events`, in most parts: there is nothing to skip, and so nothing to say.
        _ if present == 0 => vec![leaf.page(Encoding::Plain, None)],
        Data::Int(numbers) => leaf.ints(column, numbers),
        Data::Real(numbers) => {
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
            leaf.buffer.extend(bytes);
            vec![leaf.page(Encoding::Plain, None)]
        }
        Data::Bool(flags) => {
            let bits = flags.iter().map(|flag| u64::from(*flag));
            pack(&mut leaf.buffer, bits, 1);
            let statistics = leaf.flag_statistics(flags);
            vec![leaf.page(Encoding::Plain, Some(statistics))]
        }
        Data::Text(texts) => leaf.texts(texts),
    })
}

/// Appends which rows have a value: one bit each, with the length of it all before.
fn push_levels(out: &mut Vec<u8>, with_value: &[u32], rows: usize) {
    let mut levels = Vec::new();
    if with_value.is_empty() || with_value.len() == rows {
        push_run(&mut levels, rows, u8::from(!with_value.is_empty()));
    } else {
        push_packed_head(&mut levels, rows);
        let start = levels.len();
        levels.resize(start + rows.div_ceil(8), 0);
        for row in with_value {
            let byte = usize::try_from(row / 8).unwrap_or(usize::MAX);
            if let Some(byte) = levels.get_mut(start.saturating_add(byte)) {
                *byte |= 1 << (row % 8);
            }
        }
    }
    let length = u32::try_from(levels.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&levels);
}

/// A column being encoded; its buffer holds the levels already.
struct Leaf {
    to: PrimitiveType,
    rows: usize,
    nulls: i64,
    buffer: Vec<u8>,
}

impl Leaf {
    /// Ends the page of values.
    fn page(self, encoding: Encoding, statistics: Option<ParquetStatistics>) -> Page {
        let header = DataPageHeaderV1 {
            num_values: i32::try_from(self.rows).unwrap_or(i32::MAX),
            encoding: encoding.into(),
            definition_level_encoding: Encoding::Rle.into(),
            repetition_level_encoding: Encoding::Rle.into(),
            statistics,
        };
        let descriptor = Descriptor {
            primitive_type: self.to,
            max_def_level: 0,
            max_rep_level: 0,
        };
        let header = DataPageHeader::V1(header);
        let buffer = CowBuffer::Owned(self.buffer);
        Page::Data(DataPage::new(header, buffer, descriptor, self.rows))
    }

    fn ints(mut self, column: &Column, numbers: &[i64]) -> Vec<Page> {
        let statistics = Some(self.int_statistics(numbers));
        // Times and places in a file grow from row to row: little is left of them as differences.
        if column.kind == ColumnKind::Time || column.name == "log_line" {
            push_deltas(&mut self.buffer, numbers, Widths::WholeBytes);
            return vec![self.page(Encoding::DeltaBinaryPacked, statistics)];
        }
        let plain = |numbers: &[i64]| {
            numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect()
        };
        let most = (numbers.len() / 4).max(FEW);
        if let Some(dictionary) = Dictionary::of(numbers.iter().copied(), most) {
            return self.by_number(&dictionary, plain(&dictionary.words), statistics);
        }
        let plain: Vec<u8> = plain(numbers);
        self.buffer.extend_from_slice(&plain);
        vec![self.page(Encoding::Plain, statistics)]
    }

    fn texts(mut self, texts: &Texts) -> Vec<Page> {
        let is_long = texts.bytes().len() >= LONG * texts.len();
        let share = if is_long { 4 } else { 2 };
        let most = (texts.len() * share / 5).max(FEW);
        if let Some(dictionary) = Dictionary::of(texts.iter(), most) {
            let statistics = match &*dictionary.words {
                [first, .., last] if dictionary.is_sorted => {
                    self.text_statistics([*first, *last].into_iter())
                }
                words => self.text_statistics(words.iter().copied()),
            };
            let mut words = Vec::new();
            dictionary
                .words
                .iter()
                .for_each(|word| push_plain(&mut words, word));
            return self.by_number(&dictionary, words, statistics);
        }
        let statistics = self.text_statistics(texts.iter());
        if is_long {
            // Of long texts the length is a mark that zstd finds the next one by.
            texts
                .iter()
                .for_each(|text| push_plain(&mut self.buffer, text));
            return vec![self.page(Encoding::Plain, statistics)];
        }
        // Lengths apart from the letters: either packs better without the other.
        let lengths: Vec<i64> = texts
            .iter()
            .map(|text| i64::try_from(text.len()).unwrap_or(i64::MAX))
            .collect();
        push_deltas(&mut self.buffer, &lengths, Widths::Fewest);
        self.buffer.extend_from_slice(texts.bytes());
        vec![self.page(Encoding::DeltaLengthByteArray, statistics)]
    }

    /// Writes values by their numbers in a dictionary, whose page comes first.
    fn by_number<T>(
        mut self,
        dictionary: &Dictionary<T>,
        words: Vec<u8>,
        statistics: Option<ParquetStatistics>,
    ) -> Vec<Page> {
        let count = dictionary.words.len();
        let width = match width_of(count.saturating_sub(1) as u64) {
            width @ 0..=4 => width.max(1),
            5..=8 => 8,
            9..=16 => 16,
            width => width,
        };
        self.buffer.push(u8::try_from(width).unwrap_or(u8::MAX));
        if count == 1 {
            push_run(&mut self.buffer, dictionary.numbers.len(), 0);
        } else {
            push_packed(&mut self.buffer, &dictionary.numbers, width);
        }
        let words = DictPage::new(CowBuffer::Owned(words), count, false);
        let numbers = self.page(Encoding::RleDictionary, statistics);
        vec![Page::Dict(words), numbers]
    }

    fn int_statistics(&self, numbers: &[i64]) -> ParquetStatistics {
        let statistics = PrimitiveStatistics::<i64> {
            primitive_type: self.to.clone(),
            null_count: Some(self.nulls),
            distinct_count: None,
            min_value: numbers.iter().copied().min(),
            max_value: numbers.iter().copied().max(),
        };
        statistics.serialize()
    }

    fn flag_statistics(&self, flags: &[bool]) -> ParquetStatistics {
        let statistics = BooleanStatistics {
            null_count: Some(self.nulls),
            distinct_count: None,
            min_value: flags.iter().copied().min(),
            max_value: flags.iter().copied().max(),
        };
        statistics.serialize()
    }

    /// The least and the greatest text, unless one is long: texts of strangers do not belong into the foot of a file.
    fn text_statistics<'t>(
        &self,
        texts: impl Iterator<Item = &'t [u8]> + Clone,
    ) -> Option<ParquetStatistics> {
        let short = |text: Option<&[u8]>| {
            text.filter(|text| text.len() <= LONGEST_BOUND)
                .map(<[u8]>::to_vec)
        };
        let bounds = short(texts.clone().min()).zip(short(texts.max()));
        let (min_value, max_value) = bounds.unzip();
        let statistics = BinaryStatistics {
            primitive_type: self.to.clone(),
            null_count: Some(self.nulls),
            distinct_count: None,
            max_value,
            min_value,
        };
        Some(statistics.serialize())
    }
}

/// So many different values are always worth a dictionary.
const FEW: usize = 16;
/// Texts of so many bytes on the average are long.
const LONG: usize = 30;
/// The longest text that is given as the least or the greatest.
const LONGEST_BOUND: usize = 64;

/// Appends a text with its length.
fn push_plain(out: &mut Vec<u8>, text: &[u8]) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text);
}

/// Dictionaries of more words are sorted.
const SMALL: usize = 256;

/// The different values of a column, and for each value its number among them.
struct Dictionary<T> {
    words: Vec<T>,
    numbers: Vec<u32>,
    is_sorted: bool,
}

/// A value that a dictionary can have.
trait Word: Copy + Ord + Hash {
    /// Returns a number that is the less of two where the value is, or that of both: most words are in order by it, and it
    /// stands beside them.
    fn first_bits(self) -> u64;
}

impl Word for i64 {
    fn first_bits(self) -> u64 {
        self.cast_unsigned() ^ (1 << 63)
    }
}

impl Word for &[u8] {
    fn first_bits(self) -> u64 {
        let mut first = [0; 8];
        for (place, byte) in first.iter_mut().zip(self) {
            *place = *byte;
        }
        u64::from_be_bytes(first)
    }
}

impl<T: Word> Dictionary<T> {
    /// Returns `None` where there are more different values than `most`: then numbers would only be added.
    fn of(values: impl Iterator<Item = T>, most: usize) -> Option<Dictionary<T>> {
        let mut known: HashMap<T, u32, BuildHasherDefault<FxHasher>> = HashMap::default();
        let mut words: Vec<T> = Vec::new();
        let mut numbers = Vec::with_capacity(values.size_hint().0);
        // Host, log and coverage hardly ever change.
        let mut last = None;
        for value in values {
            if let Some((_, number)) = last.filter(|(word, _)| *word == value) {
                numbers.push(number);
                continue;
            }
            let number = match known.entry(value) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    if words.len() >= most {
                        return None;
                    }
                    let next = u32::try_from(words.len()).ok()?;
                    words.push(value);
                    *entry.insert(next)
                }
            };
            numbers.push(number);
            last = Some((value, number));
        }
        let mut dictionary = Dictionary {
            words,
            numbers,
            is_sorted: false,
        };
        if dictionary.words.len() > SMALL {
            dictionary.sort();
        }
        Some(dictionary)
    }

    fn sort(&mut self) {
        let words = self.words.iter().zip(0..);
        let mut order: Vec<(u64, T, u32)> = words
            .map(|(word, number)| (word.first_bits(), *word, number))
            .collect();
        order.sort_unstable();
        let mut places = vec![0; order.len()];
        for ((_, word, number), place) in order.iter().zip(0..) {
            let at = *number as usize;
            if let Some(new) = places.get_mut(at) {
                *new = place;
            }
            if let Some(slot) = self.words.get_mut(place as usize) {
                *slot = *word;
            }
        }
        for number in &mut self.numbers {
            *number = places.get(*number as usize).copied().unwrap_or(0);
        }
        self.is_sorted = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_a_run_or_bits() {
        let mut all = Vec::new();
        push_levels(&mut all, &[0, 1, 2], 3);
        assert_eq!(all, [2, 0, 0, 0, 6, 1]);
        let mut none = Vec::new();
        push_levels(&mut none, &[], 3);
        assert_eq!(none, [2, 0, 0, 0, 6, 0]);
        let mut some = Vec::new();
        push_levels(&mut some, &[1, 9], 10);
        assert_eq!(some, [3, 0, 0, 0, (2 << 1) | 1, 0b10, 0b10]);
    }

    #[test]
    fn what_hardly_comes_again_has_no_dictionary() {
        let values = [1_i64, 2, 1, 3];
        assert!(Dictionary::of(values.into_iter(), 2).is_none());
        let dictionary = Dictionary::of(values.into_iter(), 3).unwrap();
        assert_eq!(dictionary.words, [1, 2, 3]);
        assert_eq!(dictionary.numbers, [0, 1, 0, 2]);
    }

    #[test]
    fn a_large_dictionary_is_sorted_and_a_small_one_is_not() {
        let values = (0..600_i64).map(|at| (at * 7) % 300 - 150);
        let dictionary = Dictionary::of(values.clone(), 300).unwrap();
        assert!(dictionary.words.is_sorted());
        let read = dictionary.numbers.iter();
        let read: Vec<i64> = read.map(|at| dictionary.words[*at as usize]).collect();
        assert_eq!(read, values.collect::<Vec<i64>>());
        let names: Vec<String> = (0..300).map(|at| format!("mx{at}.bank.example")).collect();
        let texts = names.iter().map(String::as_bytes);
        let texts = Dictionary::of(texts.chain([&b"mx"[..], b"mx\0"]), 400).unwrap();
        assert!(texts.words.is_sorted());
        let small = Dictionary::of([3_i64, 1, 2].into_iter(), 300).unwrap();
        assert_eq!((small.words, small.is_sorted), (vec![3, 1, 2], false));
    }
}
