//! Turns a report into bytes.
//!
//! A renderer knows blocks, cells and figures, and nothing about mail: what a section says is made
//! in `report`. It is pure but for the writer it is given. Text from log lines is hostile: whatever
//! may reach a terminal goes through `sanitize` first, in JSON too.

mod csv;
mod html;
mod json;
mod markdown;
mod prometheus;
mod sanitize;
mod table;
mod text;
mod width;

pub use csv::{csv, has_rows};
pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use prometheus::{Exposition, prometheus};
pub use sanitize::{escaped, is_hidden};
pub use text::{Paper, text};
