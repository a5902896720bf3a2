//! The tables described, for programs and for people: made from the columns themselves.

use std::fmt::Write;

use serde_json::{Value, json};

use super::TABLES_VERSION;
use super::schemas::{Column, Table};

/// Returns the tables and their columns as JSON.
pub fn schema() -> Value {
    let column = |column: &Column| {
        json!({
            "name": column.name,
            "type": column.kind.name(),
            "nullable": column.is_nullable,
            "description": column.doc,
        })
    };
    let table = |table: &Table| {
        let columns: Vec<Value> = table.columns.iter().map(column).collect();
        json!({ "name": table.name, "description": table.doc, "columns": columns })
    };
    let tables: Vec<Value> = Table::all().iter().map(table).collect();
    json!({ "version": TABLES_VERSION, "tables": tables })
}

const HEAD: &str = "\
# The tables

`mailtally export` writes these tables, and `mailtally sql` asks them. This page is made from the code:
`mailtally export --schema=markdown`; `mailtally export --schema` is the same for programs.

- Files are `TABLE/date=YYYY-MM-DD/host=NAME/part-LOG-NUMBER.EXT`. `date` is the day on the log's own clock, as the
  report's days are; a mail stands under the day of its first line. `host` is percent-encoded where it is no plain
  name. LOG is a hash of the log's first line: a log that is exported again, renamed or packed since, has its parts
  replaced.
- `time` is an instant in UTC with microseconds. A stamp that states no zone is taken as if it were UTC, and its
  `offset_s` is empty.
- A text that is not UTF-8 has U+FFFD in its place. In CSV no value is an empty cell, as an empty text is.
- Counts are the report's, by the same rules: `mailtally report --format json` has them under `messages`, `totals`,
  `rejects`, `logins` and `tls`.
";

/// Returns the same for people.
pub fn markdown() -> String {
    let mut text = String::from(HEAD);
    let _ = writeln!(
        text,
        "\nVersion {TABLES_VERSION}: it changes when a column changes its name, type or meaning, or goes."
    );
    for table in Table::all() {
        let _ = write!(text, "\n## {}\n\n{}\n\n", table.name, cell(table.doc));
        text.push_str("| column | type | | |\n|---|---|---|---|\n");
        for column in &table.columns {
            let presence = if column.is_nullable {
                "maybe"
            } else {
                "always"
            };
            let (name, kind) = (&column.name, column.kind.name());
            let doc = cell(&column.doc);
            let _ = writeln!(text, "| `{name}` | {kind} | {presence} | {doc} |");
        }
    }
    text
}

/// A text as it can stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_every_column() {
        let (json, text) = (schema(), markdown());
        for (table, described) in Table::all().iter().zip(json["tables"].as_array().unwrap()) {
            assert_eq!(described["name"], table.name);
            assert_eq!(
                described["columns"].as_array().unwrap().len(),
                table.columns.len()
            );
            for column in &table.columns {
                assert!(
                    text.contains(&format!("| `{}` |", column.name)),
                    "{}",
                    column.name
                );
            }
        }
        let row = "| `queue_us` | int | always | Microseconds from the first line to the last. |";
        assert!(text.contains(row));
    }

    #[test]
    fn the_page_in_the_tree_is_of_this_version() {
        let page = include_str!("../../../dashboards/sql/SCHEMA.md");
        assert!(
            page == markdown(),
            "dashboards/sql/SCHEMA.md is old: mailtally export --schema=markdown writes it"
        );
    }
}
