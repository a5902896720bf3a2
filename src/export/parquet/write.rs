//! One file, row group by row group.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::vec::IntoIter;

use polars::error::{PolarsError, PolarsResult, polars_err};
use polars_arrow::datatypes::ArrowSchema;
use polars_parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, FallibleStreamingIterator,
    FileWriter, KeyValue, ParquetType, StatisticsOptions, Version, WriteOptions, to_parquet_schema,
};

use super::pack::{Packer, Packing};
use super::pages::{field, pages};
use crate::export::tables::{Batch, Column, PartWriter, Table, Values};

/// One Parquet file a part, with one row group: parts are cut at a size that memory bears.
#[derive(Clone, Copy, Debug)]
pub struct ParquetParts;

impl PartWriter for ParquetParts {
    fn extension(&self) -> &'static str {
        "parquet"
    }

    fn write(&self, batch: &Batch, out: &mut dyn Write) -> io::Result<()> {
        let failure = Failure::default();
        let out = Noting {
            out,
            failure: Arc::clone(&failure),
        };
        write_file(batch, out).map_err(|error| {
            let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
            let words = || io::Error::other(error.to_string());
            failure.take().unwrap_or_else(words)
        })
    }
}

fn write_file(batch: &Batch, out: impl Write) -> PolarsResult<()> {
    let table = batch.table();
    let schema: ArrowSchema = table.columns.iter().map(field).collect();
    let types = to_parquet_schema(&schema)?.fields().to_vec();
    let mut file = FileWriter::try_new(out, schema, *OPTIONS)?;
    if !batch.is_empty() {
        let rows = batch.rows();
        let columns = table.columns.iter().zip(batch.columns()).zip(types);
        let mut packer = Packer::new()?;
        // What is packed of a part takes a few megabytes; what is not, only one column at a time.
        let columns: Vec<Vec<CompressedPage>> = columns
            .map(|((column, values), to)| packed(column, values, rows, to, &mut packer))
            .collect::<PolarsResult<_>>()?;
        let columns = columns.into_iter().map(|pages| {
            Ok::<_, PolarsError>(DynStreamingIterator::new(Packed {
                left: pages.into_iter(),
                current: None,
            }))
        });
        file.write(rows as u64, DynIter::new(columns))?;
    }
    // No Arrow schema: the types of Parquet say all, and for hundreds of columns it is a third of the file's foot.
    file.end(Some(own_words(table).to_vec()))?;
    Ok(())
}

/// Says in a file's head what the file is.
fn own_words(table: &Table) -> [KeyValue; 2] {
    let words = [
        ("mailtally.table", table.name.to_owned()),
        ("mailtally.tables_version", table.version.to_string()),
    ];
    words.map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(value),
    })
}

/// Why writing failed: the encoder keeps of that no more than words of its own.
type Failure = Arc<Mutex<Option<io::Error>>>;

/// Notes the first error of what it writes to.
struct Noting<W> {
    out: W,
    failure: Failure,
}

impl<W: Write> Noting<W> {
    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| same(error));
        })
    }
}

impl<W: Write> Write for Noting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.noted(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.noted(flushed)
    }
}

/// Returns an error that says the same.
fn same(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

static OPTIONS: LazyLock<WriteOptions> = LazyLock::new(|| WriteOptions {
    // Those of a page are made with it.
    statistics: StatisticsOptions::empty(),
    version: Version::V1,
    // Nor is this what a column is packed with.
    compression: CompressionOptions::Uncompressed,
    data_page_size: None,
});

/// Encodes and packs one column of a row group.
fn packed(
    column: &Column,
    values: &Values,
    rows: usize,
    to: ParquetType,
    packer: &mut Packer,
) -> PolarsResult<Vec<CompressedPage>> {
    let ParquetType::PrimitiveType(to) = to else {
        return Err(polars_err!(ComputeError: "column {} is a group", column.name));
    };
    let pages = pages(column, values, rows, to)?;
    let packing = Packing::of(&pages, values.rows().len(), rows);
    let packed = pages.into_iter().map(|page| packer.pack(page, packing));
    Ok(packed.collect::<io::Result<_>>()?)
}

/// The packed pages of a column, one after the other.
struct Packed {
    left: IntoIter<CompressedPage>,
    current: Option<CompressedPage>,
}

impl FallibleStreamingIterator for Packed {
    type Item = CompressedPage;
    type Error = PolarsError;

    fn advance(&mut self) -> PolarsResult<()> {
        self.current = self.left.next();
        Ok(())
    }

    fn get(&self) -> Option<&CompressedPage> {
        self.current.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use polars::prelude::{AnyValue, DataFrame, DataType, SerReader, TimeUnit, TimeZone};
    use polars_io::prelude::ParquetReader;

    use super::*;

    fn place(name: &str) -> usize {
        Table::named("logins").unwrap().place_of(name).unwrap()
    }

    /// A batch of `logins`: times, users, attempts, whether TLS.
    fn batch(rows: &[(i64, Option<&str>, i64, Option<bool>)]) -> Batch {
        let mut batch = Batch::new(Table::named("logins").unwrap());
        for (time, user, attempts, is_tls) in rows {
            batch.int(place("time"), *time);
            for name in ["host", "program", "service", "result", "family"] {
                batch.text(place(name), b"x");
            }
            batch.maybe_text(place("user"), user.map(str::as_bytes));
            batch.int(place("attempts"), *attempts);
            if let Some(is_tls) = is_tls {
                batch.flag(place("is_tls"), *is_tls);
            }
            batch.end_row();
        }
        batch
    }

    fn file(batch: &Batch) -> Vec<u8> {
        let mut out = Vec::new();
        ParquetParts.write(batch, &mut out).unwrap();
        out
    }

    fn read(bytes: Vec<u8>) -> DataFrame {
        ParquetReader::new(Cursor::new(bytes)).finish().unwrap()
    }

    fn cells(frame: &DataFrame, column: &str) -> Vec<String> {
        let column = frame.column(column).unwrap();
        let cells = (0..frame.height()).map(|row| match column.get(row).unwrap() {
            AnyValue::Null => "-".to_owned(),
            AnyValue::Datetime(at, _, _) => at.to_string(),
            other => other.str_value().into_owned(),
        });
        cells.collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let frame = read(file(&batch(&[
            (5, None, 1, None),
            (6, Some("anna"), 2, Some(true)),
            (6, Some(""), -3, None),
            (7, Some("j\u{fc}rgen"), i64::MAX, Some(false)),
        ])));
        assert_eq!(cells(&frame, "time"), ["5", "6", "6", "7"]);
        assert_eq!(cells(&frame, "user"), ["-", "anna", "", "j\u{fc}rgen"]);
        assert_eq!(
            cells(&frame, "attempts"),
            ["1", "2", "-3", "9223372036854775807"]
        );
        assert_eq!(cells(&frame, "is_tls"), ["-", "true", "-", "false"]);
        assert_eq!(cells(&frame, "reason"), ["-"; 4]);
        let time = frame.column("time").unwrap().dtype().clone();
        assert_eq!(
            time,
            DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
        );
    }

    #[test]
    fn texts_that_come_again_and_those_that_do_not_are_read_as_they_were() {
        const ROWS: usize = 40_000;
        let users: Vec<String> = (0..ROWS).map(|row| format!("user{row}")).collect();
        let mut all = batch(&[]);
        for (row, user) in users.iter().enumerate() {
            let user = (row % 3 != 0).then_some(user.as_str());
            all.append(&batch(&[(
                row as i64,
                user,
                (row % 5) as i64,
                Some(row % 2 == 0),
            )]));
        }
        let bytes = file(&all);
        // Two words for all rows: their numbers are bits, and zstd has nearly nothing to keep.
        assert!(bytes.len() < 300_000, "{}", bytes.len());
        let frame = read(bytes);
        let (read_users, attempts) = (cells(&frame, "user"), cells(&frame, "attempts"));
        assert_eq!(read_users.len(), ROWS);
        for row in 0..ROWS {
            let user = if row % 3 == 0 {
                "-"
            } else {
                users[row].as_str()
            };
            assert_eq!(read_users[row], user);
            assert_eq!(attempts[row], (row % 5).to_string());
        }
    }

    #[test]
    fn a_table_without_rows_is_a_file() {
        let frame = read(file(&batch(&[])));
        let columns = Table::named("logins").unwrap().columns.len();
        assert_eq!((frame.height(), frame.width()), (0, columns));
    }

    /// A disk with so much room.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let left = self.0.checked_sub(bytes.len());
            self.0 = left.ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_said_as_such() {
        let rows = batch(&[(5, Some("anna"), 1, None)]);
        let whole = file(&rows).len();
        for room in [0, 4, whole / 2, whole - 1] {
            let error = ParquetParts.write(&rows, &mut Disk(room)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room}: {error}");
        }
        let mut disk = Disk(whole);
        ParquetParts.write(&rows, &mut disk).unwrap();
        assert_eq!(disk.0, 0);
    }
}
