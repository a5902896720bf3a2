//! A report of pflogsumm's layout, with the rows in one order that it leaves to chance.
//!
//! By its manual and by what it prints, hosts and domains are sorted by count and size, all other
//! lists by count and a key made of the name; rows that are equal in this come in any order. Where a
//! list is cut, any of the last rows' equals may be the ones that are shown.

use std::fmt::Write;

/// A report, line by line.
pub(crate) struct Report(Vec<String>);

/// A row of a list: what it is sorted by, and the line.
struct Row {
    /// The text before the name, which no tie changes.
    rank: String,
    key: Vec<u32>,
    line: String,
}

impl Report {
    /// Reads a report, and sorts its ties.
    pub(crate) fn of(bytes: &[u8]) -> Report {
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        let mut sorted = Sorted::default();
        for line in text.split('\n') {
            sorted.line(line);
        }
        sorted.end_list();
        Report(sorted.lines)
    }

    /// Says in what this report differs from ours; what differs by 0.1 in a mean is only printed.
    pub(crate) fn difference(&self, ours: &Report) -> Option<String> {
        let mut said = String::new();
        let mut near = 0;
        let longest = self.0.len().max(ours.0.len());
        for at in 0..longest {
            let (theirs, ours) = (line(&self.0, at), line(&ours.0, at));
            if theirs == ours {
                continue;
            }
            if differ_by_a_tenth(theirs, ours) {
                near += 1;
                continue;
            }
            let _ = writeln!(said, "  theirs {at}: {theirs}\n  ours   {at}: {ours}");
            if said.len() > 2_000 {
                break;
            }
        }
        if near > 0 {
            println!("{near} rows differ by 0.1 in a mean alone");
        }
        (!said.is_empty()).then_some(said)
    }
}

fn line(lines: &[String], at: usize) -> &str {
    lines.get(at).map_or("(nothing)", String::as_str)
}

/// Tells whether two rows of deliveries differ in their mean delay alone, and there by 0.1.
fn differ_by_a_tenth(theirs: &str, ours: &str) -> bool {
    let (theirs, ours): (Vec<&str>, Vec<&str>) =
        (theirs.split(' ').collect(), ours.split(' ').collect());
    let differing: Vec<(&str, &str)> = theirs
        .iter()
        .copied()
        .zip(ours.iter().copied())
        .filter(|(a, b)| a != b)
        .collect();
    let [(theirs_mean, ours_mean)] = differing[..] else {
        return false;
    };
    let tenths = |mean: &str| {
        Some(
            (
                mean.split_once('.').filter(|(_, tenth)| tenth.len() == 1)?,
                mean.parse::<f64>().ok()?,
            )
                .1,
        )
    };
    let (Some(one), Some(other)) = (tenths(theirs_mean), tenths(ours_mean)) else {
        return false;
    };
    theirs.len() == ours.len() && (one - other).abs() < 0.11
}

/// A report whose lists are sorted as they are read.
#[derive(Default)]
struct Sorted {
    lines: Vec<String>,
    /// The line that the list began with.
    title: String,
    /// How many rows the list has at most.
    limit: Option<usize>,
    list: Vec<Row>,
}

impl Sorted {
    fn line(&mut self, line: &str) {
        if let Some(row) = Row::of(&self.title, line) {
            self.list.push(row);
            return;
        }
        self.end_list();
        if line.is_empty() {
            self.limit = None;
        } else if !line.starts_with([' ', '-']) {
            self.title = line.to_owned();
        }
        self.limit = limit(line).or(self.limit);
        self.lines.push(line.to_owned());
    }

    fn end_list(&mut self) {
        let mut list = std::mem::take(&mut self.list);
        let is_cut = self.limit == Some(list.len());
        let last = list.last().map(|row| (row.rank.clone(), row.key.clone()));
        for ties in list.chunk_by_mut(|row, next| (&row.rank, &row.key) == (&next.rank, &next.key))
        {
            let is_last = ties.first().map(|row| (row.rank.clone(), row.key.clone())) == last;
            if is_cut && is_last {
                self.lines
                    .extend(ties.iter().map(|row| format!("{}*", row.rank)));
                continue;
            }
            ties.sort_by(|row, other| row.line.cmp(&other.line));
            self.lines.extend(ties.iter().map(|row| row.line.clone()));
        }
    }
}

/// Finds `top 7` in a title.
fn limit(title: &str) -> Option<usize> {
    let (_, number) = title.split_once("top ")?;
    let end = number.find(|c: char| !c.is_ascii_digit());
    number[..end.unwrap_or(number.len())].parse().ok()
}

impl Row {
    /// Reads a row of a list that is sorted by count.
    fn of(title: &str, line: &str) -> Option<Row> {
        // Those of days and hours, of queue ids and mails are in an order of their own.
        let is_other = [
            "Per-",
            "Messages with no size",
            "Message detail",
            "Grand",
            "smtpd",
        ];
        if is_other.iter().any(|other| title.starts_with(other)) {
            return None;
        }
        let count_at = line.find(|c| c != ' ').filter(|at| *at > 0)?;
        let unit_at = count_at + line[count_at..].find(|c: char| !c.is_ascii_digit())?;
        let has_unit = unit_at > count_at && line[unit_at..].starts_with([' ', 'k', 'm']);
        let name_at = unit_at + 3;
        if !has_unit || !line.is_char_boundary(name_at) || line.len() < name_at {
            return None;
        }
        let (rank, key) = if title.starts_with("Host/Domain") {
            let second = line[name_at..].trim_start();
            let second_at = line.len() - second.len();
            let end = second_at + second.find(' ').unwrap_or(second.len());
            (&line[..end], Vec::new())
        } else {
            (&line[..name_at], key(&line[name_at..]))
        };
        Some(Row {
            rank: rank.to_owned(),
            key,
            line: line.to_owned(),
        })
    }
}

/// The key of a name: of its first word, the four numbers of an IPv4 address, or all else in lower
/// case with its parts turned round.
fn key(name: &str) -> Vec<u32> {
    let word = name
        .split([' ', '\t', '\r', '\x0b', '\x0c'])
        .next()
        .unwrap_or_default();
    let parts: Vec<&str> = word.split('.').collect();
    let is_octet = |part: &&str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if parts.len() == 4 && parts.iter().all(is_octet) {
        return parts.iter().filter_map(|part| part.parse().ok()).collect();
    }
    let turned = word.rsplit(['.', '@']).flat_map(str::chars);
    turned.map(|c| c.to_ascii_lowercase().into()).collect()
}

#[test]
fn ties_are_sorted_and_nothing_else_is() {
    let text = "Senders by message count\n---\n      2   b@x\n      2   B@x\n      2   a@y\n      1   c\n\n";
    let other = "Senders by message count\n---\n      2   B@x\n      2   b@x\n      2   a@y\n      1   c\n\n";
    let of = |text: &str| Report::of(text.as_bytes());
    assert_eq!(of(text).difference(&of(other)), None);
    let swapped = text
        .replace("b@x", "q")
        .replace("a@y", "b@x")
        .replace('q', "a@y");
    assert!(
        of(text).difference(&of(&swapped)).is_some(),
        "names have an order"
    );
    let counted = text.replace("1   c", "2   c");
    assert!(of(text).difference(&of(&counted)).is_some());
}

#[test]
fn of_a_cut_list_the_last_ties_may_be_others() {
    let of = |text: &str| Report::of(text.as_bytes());
    let text = "Host/Domain Summary: Messages Received (top 2)\n---\n msg cnt   bytes   host/domain\n      2      9   a\n      1      5   b\n";
    assert_eq!(
        of(text).difference(&of(&text.replace("   b\n", "   c\n"))),
        None
    );
    assert!(
        of(text)
            .difference(&of(&text.replace("   a\n", "   c\n")))
            .is_some()
    );
    assert!(
        of(text)
            .difference(&of(&text.replace("5   b", "6   b")))
            .is_some()
    );
    assert!(
        of(text)
            .difference(&of(&text
                .replace("(top 2)", "(top 3)")
                .replace("   b\n", "   c\n")))
            .is_some()
    );
}

#[test]
fn a_tenth_in_a_mean_is_near_and_more_is_not() {
    let row = "      2       9        0      1.5 s     2.0 s  example.org";
    assert!(differ_by_a_tenth(row, &row.replace("1.5", "1.4")));
    assert!(!differ_by_a_tenth(row, &row.replace("1.5", "1.3")));
    assert!(!differ_by_a_tenth(
        row,
        &row.replace("1.5", "1.4").replace("2.0", "2.1")
    ));
    assert!(!differ_by_a_tenth(row, &row.replace("  9", "  8")));
}
