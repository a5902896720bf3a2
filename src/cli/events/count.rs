//! `--count`: how many lines of each kind were chosen, instead of the lines.

use std::collections::BTreeMap;
use std::io::{self, Write};

use mailtally_parsers::Problem;
use serde::Serialize;

use super::EventFormat;

/// Lines by kind, and by problem where those were asked for.
#[derive(Default)]
pub(super) struct Counts {
    lines: BTreeMap<(&'static str, Option<Problem>), u64>,
}

/// One row of the table.
#[derive(Serialize)]
struct Row {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
    count: u64,
}

impl Counts {
    /// Counts a line as often as it says that it was logged.
    pub(super) fn add(&mut self, kind: &'static str, problem: Option<Problem>, times: u64) {
        *self.lines.entry((kind, problem)).or_default() += times;
    }

    pub(super) fn merge(&mut self, other: Counts) {
        for (key, count) in other.lines {
            *self.lines.entry(key).or_default() += count;
        }
    }

    /// Writes the table, the most frequent kind first; without a format it is for people.
    pub(super) fn write(&self, format: Option<EventFormat>, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.rows();
        let has_problems = rows.iter().any(|row| row.problem.is_some());
        match format {
            Some(EventFormat::Jsonl) => {
                for row in rows {
                    serde_json::to_writer(&mut *out, &row)?;
                    out.write_all(b"\n")?;
                }
            }
            // Names of kinds and problems need no quotes.
            Some(EventFormat::Csv) => {
                let header = if has_problems { "problem," } else { "" };
                write!(out, "kind,{header}count\r\n")?;
                for row in rows {
                    let problem = row.problem.map(|name| format!("{name},"));
                    let problem = problem.unwrap_or_default();
                    write!(out, "{},{problem}{}\r\n", row.kind, row.count)?;
                }
            }
            None => {
                for row in rows {
                    let problem = row.problem.map(|name| format!("{name:<12}  "));
                    let problem = problem.unwrap_or_default();
                    writeln!(out, "{:>11}  {problem}{}", row.count, row.kind)?;
                }
            }
        }
        out.flush()
    }

    fn rows(&self) -> Vec<Row> {
        let rows = self.lines.iter().map(|((kind, problem), count)| Row {
            kind,
            problem: problem.map(Problem::name),
            count: *count,
        });
        let mut rows: Vec<Row> = rows.collect();
        // Stable: kinds of one number stay in the order of their names.
        rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Counts {
        let mut counts = Counts::default();
        let mut later = Counts::default();
        counts.add("delivery", Some(Problem::Failure), 1);
        counts.add("a_kind", Some(Problem::Warning), 1);
        later.add("delivery", Some(Problem::Failure), 1);
        later.add("a_kind", Some(Problem::Reject), 1);
        counts.merge(later);
        counts
    }

    fn written(format: Option<EventFormat>) -> String {
        let mut out = Vec::new();
        counts().write(format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_most_frequent_comes_first_and_ties_by_name() {
        let text = "          2  failure       delivery\n          \
                    1  warning       a_kind\n          1  reject        a_kind\n";
        assert_eq!(written(None), text);
        let csv = "kind,problem,count\r\ndelivery,failure,2\r\na_kind,warning,1\r\n\
                   a_kind,reject,1\r\n";
        assert_eq!(written(Some(EventFormat::Csv)), csv);
        let first = "{\"kind\":\"delivery\",\"problem\":\"failure\",\"count\":2}\n";
        assert!(written(Some(EventFormat::Jsonl)).starts_with(first));
    }
}
