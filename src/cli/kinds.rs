//! The names given to `--kind`, with help for a name that was mistyped.

use mailtally_parsers::{Event, Kind, Reason};

use crate::export::{self, UNCLASSIFIED};

/// How many close names a message shows.
const CLOSE_NAMES: usize = 6;

/// One name of `--kind`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KindName {
    /// A kind of the catalogue.
    Known(Kind),
    /// The lines that have none.
    Unclassified,
}

impl KindName {
    /// Returns the kind, unless it is that of the lines that have none.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            KindName::Known(kind) => Some(kind),
            KindName::Unclassified => None,
        }
    }
}

/// Says which names are close to one that is none of them, or else which there are.
pub(super) fn near(name: &str, names: &[&str]) -> String {
    let close = close_to(name, names.iter().copied());
    match close.is_empty() {
        true => format!("there are: {}", names.join(", ")),
        false => format!("close ones: {}", close.join(", ")),
    }
}

/// Reads a name of `--kind`; the error names close ones.
pub(super) fn parse(name: &str) -> Result<KindName, String> {
    if name == UNCLASSIFIED {
        return Ok(KindName::Unclassified);
    }
    if let Some(kind) = Kind::from_name(name) {
        return Ok(KindName::Known(kind));
    }
    let close = close_to(name, export::kinds());
    Err(if close.is_empty() {
        "no such kind of line: `mailtally coverage FILES` lists those that a log has".to_owned()
    } else {
        format!("no such kind of line; close ones: {}", close.join(", "))
    })
}

/// The kinds to show; none named means all.
#[derive(Clone, Debug)]
pub(super) struct KindSet {
    all: bool,
    known: Vec<bool>,
    unclassified: bool,
}

impl KindSet {
    pub(super) fn new(names: &[KindName]) -> Self {
        let mut known = vec![false; Kind::COUNT];
        let mut unclassified = false;
        for name in names {
            match name {
                KindName::Unclassified => unclassified = true,
                KindName::Known(kind) => {
                    if let Some(wanted) = known.get_mut(kind.index()) {
                        *wanted = true;
                    }
                }
            }
        }
        KindSet {
            all: names.is_empty(),
            known,
            unclassified,
        }
    }

    pub(super) fn has(&self, event: &Result<Event<'_>, Reason>) -> bool {
        self.all
            || match event {
                Ok(event) => self
                    .known
                    .get(event.kind().index())
                    .copied()
                    .unwrap_or(false),
                Err(_) => self.unclassified,
            }
    }
}

/// Lists the names that are near a mistyped one, nearest first.
pub(super) fn close_to<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let near = |known: &'n str| {
        let edits = edit_distance(name, known);
        let is_part = name.len() >= 3 && known.contains(name);
        (is_part || edits <= 1 + name.len() / 4).then_some((edits, known))
    };
    let mut close: Vec<(usize, &str)> = names.filter_map(near).collect();
    close.sort_unstable();
    close
        .into_iter()
        .take(CLOSE_NAMES)
        .map(|(_, known)| known)
        .collect()
}

/// Counts the characters to insert, delete or replace that turn one word into the other.
pub(super) fn edit_distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (at, wanted) in from.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (cell, found) in row.iter_mut().skip(1).zip(to.chars()) {
            let replaced = diagonal + usize::from(wanted != found);
            diagonal = *cell;
            *cell = replaced.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_close_kinds() {
        assert!(parse("smtpd_connect").is_ok());
        assert_eq!(parse("unclassified"), Ok(KindName::Unclassified));
        let error = parse("smtpd_conect").unwrap_err();
        assert!(
            error.starts_with("no such kind of line; close ones: smtpd_connect"),
            "{error}"
        );
        assert!(parse("connect").unwrap_err().contains("smtpd_connect"));
        assert!(
            parse("zzzzzzzzzzzzzzzz")
                .unwrap_err()
                .contains("mailtally coverage")
        );
    }

    #[test]
    fn counts_edits() {
        for (from, to, edits) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("abc", "abc", 0),
        ] {
            assert_eq!(edit_distance(from, to), edits, "{from} {to}");
        }
    }

    #[test]
    fn no_name_means_all_kinds() {
        let unparsed = Err(Reason("smtpd"));
        assert!(KindSet::new(&[]).has(&unparsed));
        assert!(KindSet::new(&[KindName::Unclassified]).has(&unparsed));
        let connect = KindName::Known(Kind::from_name("smtpd_connect").unwrap());
        assert!(!KindSet::new(&[connect]).has(&unparsed));
    }
}
