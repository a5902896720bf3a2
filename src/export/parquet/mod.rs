//! Parquet: the rows of a table as a file that every engine for columns reads.
//!
//! A file holds a row group with statistics, so that a reader can skip what lies outside of a range; texts that come
//! again stand in a dictionary, and pages are packed with zstd. Where the files go and how large they get is **not**
//! decided here.

mod bits;
mod pack;
mod pages;
mod write;

pub use write::ParquetParts;
