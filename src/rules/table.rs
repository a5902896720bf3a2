//! One of the site's own maps: header and body checks, access tables, networks.
//!
//! It is read as Postfix reads it, as far as a log can tell anything about it: in which order entries
//! are asked, what each of them says, and what it looks for. What a table's lookups would answer to
//! anything that no line tells is not the business of this module.

use hashbrown::HashMap;
use thiserror::Error;

use super::answer::Answer;
use super::logical::{LogicalLine, logical_lines, split_blank};
use super::net::Net;
use super::pattern::Pattern;

/// How a table looks things up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `regexp:`
    Regexp,
    /// `pcre:`
    Pcre,
    /// `cidr:`
    Cidr,
    /// `hash:`, `lmdb:`, `texthash:` and all others that look a key up.
    Indexed,
}

/// What a table is asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    Header,
    Body,
    Access,
    Unknown,
}

/// Why a file is no table.
#[derive(Debug, Error)]
pub enum TableError {
    /// The type before the colon is none whose source is a text of entries.
    #[error(
        "a table of type {0:?} has no file of rules: the types are regexp, pcre, cidr, texthash, hash, \
         btree, lmdb, dbm, sdbm, cdb"
    )]
    Type(String),
    /// It is a database, not the text that it was made of.
    #[error("this is no text: name the file that postmap made it of, without .db at its end")]
    NoText,
}

/// Something in a table that Postfix warns about, or passes over.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TableProblem {
    /// The line of the file.
    pub line: u32,
    /// What is the matter with it.
    pub what: &'static str,
}

/// A map of the site.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name, as it was given.
    pub name: String,
    /// How it looks things up.
    pub kind: Kind,
    /// What Postfix would warn about.
    pub problems: Vec<TableProblem>,
    pub(super) scope: Scope,
    pub(super) entries: Vec<Entry>,
    /// What the `if` blocks ask for.
    conditions: Vec<Matcher>,
    /// Of each entry, the place of the one before it that takes all that it would.
    shadows: Vec<Option<usize>>,
}

/// An entry of a table.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The first of its lines in the file.
    pub(super) line: u32,
    /// Its left side as it is written.
    pub(super) left: Vec<u8>,
    pub(super) matcher: Matcher,
    /// The `if` blocks around it, by their number in the table, the outermost first.
    conditions: Vec<usize>,
    pub(super) answer: Answer,
    /// The words between `$1` and the like, where the text has such.
    pub(super) pieces: Option<Vec<Vec<u8>>>,
}

/// What an entry looks for.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Pattern(Pattern),
    Net {
        net: Net,
        is_negated: bool,
    },
    /// Lower-cased.
    Key(Vec<u8>),
}

impl Matcher {
    /// Whether this one is met wherever the other one is.
    fn covers(&self, other: &Matcher) -> bool {
        match (self, other) {
            (Matcher::Pattern(earlier), Matcher::Pattern(later)) => earlier.covers(later),
            (Matcher::Key(earlier), Matcher::Key(later)) => earlier == later,
            (
                Matcher::Net {
                    net: earlier,
                    is_negated: false,
                },
                Matcher::Net {
                    net: later,
                    is_negated: false,
                },
            ) => earlier.contains(later),
            (
                Matcher::Net {
                    net: earlier,
                    is_negated: true,
                },
                Matcher::Net {
                    net: later,
                    is_negated: true,
                },
            ) => later.contains(earlier),
            _ => false,
        }
    }
}

impl Table {
    /// Reads a table; without a type its content tells how it looks things up.
    ///
    /// Rule ids in it are found as those of the log are, by the site's patterns too: set these first.
    ///
    /// # Errors
    /// When the type is unknown or has no file of rules, or the file is no text.
    pub fn parse(name: &str, kind: Option<&str>, content: &[u8]) -> Result<Table, TableError> {
        if content.contains(&0) {
            return Err(TableError::NoText);
        }
        let (lines, loose) = logical_lines(content);
        let kind = match kind {
            Some(word) => Kind::of_type(word).ok_or_else(|| TableError::Type(word.to_owned()))?,
            None => Kind::of_content(name, &lines),
        };
        let mut table = Table {
            name: name.to_owned(),
            kind,
            problems: Vec::new(),
            scope: Scope::of(name, kind, &lines),
            entries: Vec::new(),
            conditions: Vec::new(),
            shadows: Vec::new(),
        };
        for line in loose {
            table.problem(line, "it begins with a blank and continues no line");
        }
        table.read(&lines);
        table.shadows = shadows(&table.entries);
        table.problems.sort();
        Ok(table)
    }

    /// Tells whether it can be a `postscreen_access_list`: networks that are permitted or refused, and
    /// not a word more.
    pub(super) fn is_of_postscreen(&self) -> bool {
        let is_bare = |entry: &Entry| {
            let action = entry.answer.action.as_slice();
            entry.answer.words.is_empty() && matches!(action, b"PERMIT" | b"REJECT" | b"DUNNO")
        };
        self.kind == Kind::Cidr && self.entries.iter().all(is_bare)
    }

    /// Tells whether there is no entry in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn problem(&mut self, line: u32, what: &'static str) {
        self.problems.push(TableProblem { line, what });
    }

    fn read(&mut self, lines: &[LogicalLine]) {
        let mut open: Vec<(u32, usize)> = Vec::new();
        for line in lines {
            match Statement::of(line, self.kind) {
                Statement::If(matcher) => {
                    open.push((line.number, self.condition(matcher)));
                }
                Statement::EndIf if open.pop().is_none() => {
                    self.problem(line.number, "endif without if");
                }
                Statement::EndIf => {}
                Statement::Entry(matcher, left, right) => {
                    let conditions = open.iter().map(|(_, number)| *number).collect();
                    self.add(line.number, matcher, left, right, conditions);
                }
                Statement::Nothing(what) => self.problem(line.number, what),
            }
        }
        for (line, _) in open {
            self.problem(line, "if without endif");
        }
    }

    /// Returns the number of what an `if` asks for; blocks that ask for the same share it.
    fn condition(&mut self, matcher: Matcher) -> usize {
        let same = |known: &Matcher| known.covers(&matcher) && matcher.covers(known);
        let known = self.conditions.iter().position(same);
        known.unwrap_or_else(|| {
            self.conditions.push(matcher);
            self.conditions.len() - 1
        })
    }

    fn add(
        &mut self,
        line: u32,
        matcher: Matcher,
        left: &[u8],
        right: &[u8],
        conditions: Vec<usize>,
    ) {
        let answer = Answer::parse(right, self.scope != Scope::Access);
        let has_groups = matches!(self.kind, Kind::Regexp | Kind::Pcre);
        let pieces = has_groups.then(|| pieces(&answer.words)).flatten();
        self.entries.push(Entry {
            line,
            left: left.to_vec(),
            matcher,
            conditions,
            answer,
            pieces,
        });
    }

    /// Returns the entry before this one that is met wherever this one is: Postfix asks no further.
    pub(super) fn shadow_of(&self, at: usize) -> Option<&Entry> {
        let shadow = self.shadows.get(at).copied().flatten()?;
        self.entries.get(shadow)
    }

    /// Tells whether an entry is met, given what tells so of a single matcher; `None` is unknown.
    pub(super) fn is_met(
        &self,
        entry: &Entry,
        test: impl Fn(&Matcher) -> Option<bool>,
    ) -> Option<bool> {
        let conditions = entry.conditions.iter();
        let conditions = conditions.filter_map(|&number| self.conditions.get(number));
        let mut is_known = true;
        for matcher in conditions.chain([&entry.matcher]) {
            match test(matcher) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => is_known = false,
            }
        }
        is_known.then_some(true)
    }
}

/// Finds for each entry the first one before it that takes all that it would.
///
/// A table may have a hundred thousand entries: each is compared only with those that look for the
/// same words, or for a network around its own.
fn shadows(entries: &[Entry]) -> Vec<Option<usize>> {
    let mut seen: HashMap<Stem<'_>, Vec<usize>> = HashMap::new();
    let mut found = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let covers = |&earlier: &usize| {
            entries.get(earlier).is_some_and(|earlier| {
                entry.conditions.starts_with(&earlier.conditions)
                    && earlier.matcher.covers(&entry.matcher)
            })
        };
        let around = entry.matcher.stems_around().into_iter();
        let same = around.filter_map(|stem| seen.get(&stem)?.iter().copied().find(covers));
        found.push(same.min());
        seen.entry(entry.matcher.stem()).or_default().push(at);
    }
    found
}

/// What entries have in common of which one can cover another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Stem<'a> {
    Words(&'a [u8]),
    Net(Net),
    NegatedNet,
}

impl Matcher {
    fn stem(&self) -> Stem<'_> {
        match self {
            Matcher::Pattern(pattern) => Stem::Words(pattern.body()),
            Matcher::Key(key) => Stem::Words(key),
            Matcher::Net {
                is_negated: true, ..
            } => Stem::NegatedNet,
            Matcher::Net { net, .. } => Stem::Net(net.cut_to(net.prefix())),
        }
    }

    /// The stems of all that may cover this one.
    fn stems_around(&self) -> Vec<Stem<'_>> {
        match self {
            Matcher::Net {
                net,
                is_negated: false,
            } => {
                let lengths = 0..=net.prefix();
                lengths
                    .map(|prefix| Stem::Net(net.cut_to(prefix)))
                    .collect()
            }
            _ => vec![self.stem()],
        }
    }
}

/// What a logical line is.
enum Statement<'a> {
    If(Matcher),
    EndIf,
    /// What it looks for, the same as it is written, and the right side.
    Entry(Matcher, &'a [u8], &'a [u8]),
    /// Nothing that Postfix can use, for this reason.
    Nothing(&'static str),
}

impl<'a> Statement<'a> {
    fn of(line: &'a LogicalLine, kind: Kind) -> Statement<'a> {
        let text = line.text.as_slice();
        if kind == Kind::Indexed {
            let (left, right) = split_blank(text);
            let key = Matcher::Key(left.to_ascii_lowercase());
            return Statement::entry(key, left, right);
        }
        let (word, rest) = split_blank(text);
        if word.eq_ignore_ascii_case(b"endif") {
            return Statement::EndIf;
        }
        if word.eq_ignore_ascii_case(b"if") {
            return match matcher(rest, kind) {
                Some((matcher, _, _)) => Statement::If(matcher),
                None => Statement::Nothing("its if has no pattern"),
            };
        }
        match matcher(text, kind) {
            Some((matcher, left, right)) => Statement::entry(matcher, left, right),
            None if kind == Kind::Cidr => Statement::Nothing("it has no network"),
            None => Statement::Nothing("it has no pattern between delimiters"),
        }
    }

    fn entry(matcher: Matcher, left: &'a [u8], right: &'a [u8]) -> Statement<'a> {
        if right.is_empty() {
            return Statement::Nothing("it has no right side");
        }
        Statement::Entry(matcher, left, right)
    }
}

/// Reads what a regexp, pcre or cidr entry looks for; returns it, its text and what follows.
fn matcher(text: &[u8], kind: Kind) -> Option<(Matcher, &[u8], &[u8])> {
    if kind == Kind::Cidr {
        let (left, right) = split_blank(text);
        let (is_negated, net) = match left.strip_prefix(b"!") {
            Some(net) => (true, net),
            None => (false, left),
        };
        let net = Net::parse(net)?;
        return Some((Matcher::Net { net, is_negated }, left, right));
    }
    let (pattern, right) = Pattern::parse(text)?;
    let left = text.get(..pattern.written.len())?;
    Some((Matcher::Pattern(pattern), left, right))
}

impl Kind {
    /// The kind of one of Postfix's type names.
    pub fn of_type(word: &str) -> Option<Kind> {
        Some(match word {
            "regexp" => Kind::Regexp,
            "pcre" => Kind::Pcre,
            "cidr" => Kind::Cidr,
            "hash" | "btree" | "lmdb" | "texthash" | "dbm" | "sdbm" | "cdb" => Kind::Indexed,
            _ => return None,
        })
    }

    /// The name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Regexp => "regexp",
            Kind::Pcre => "pcre",
            Kind::Cidr => "cidr",
            Kind::Indexed => "indexed",
        }
    }

    /// Tells how a table looks things up by its name, else by how most of its lines begin.
    fn of_content(name: &str, lines: &[LogicalLine]) -> Kind {
        let end = name.rsplit('.').next().and_then(Kind::of_type);
        if let Some(kind) = end {
            return kind;
        }
        let is_pattern = |line: &&LogicalLine| match Pattern::parse(&line.text) {
            Some(_) => true,
            None => split_blank(&line.text).0.eq_ignore_ascii_case(b"if"),
        };
        let patterns = lines.iter().filter(is_pattern).count();
        if patterns * 2 > lines.len() {
            return Kind::Regexp;
        }
        let key = |line: &LogicalLine| split_blank(&line.text).0.to_vec();
        let nets = lines.iter().filter(|line| Net::parse(&key(line)).is_some());
        let has_prefix = lines.iter().any(|line| key(line).contains(&b'/'));
        if has_prefix && nets.count() * 2 > lines.len() {
            return Kind::Cidr;
        }
        Kind::Indexed
    }
}

impl Scope {
    /// Tells what a table is asked about by its name, else by what it looks for.
    fn of(name: &str, kind: Kind, lines: &[LogicalLine]) -> Scope {
        let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if has(&["access", "client", "sender", "recipient", "rcpt", "helo"]) {
            return Scope::Access;
        }
        if matches!(kind, Kind::Cidr | Kind::Indexed) {
            return Scope::Access;
        }
        if has(&["body"]) {
            return Scope::Body;
        }
        let patterns = lines.iter().filter_map(|line| Pattern::parse(&line.text));
        let of_header = patterns
            .filter(|(pattern, _)| pattern.is_of_header())
            .count();
        if has(&["header"]) || of_header * 2 > lines.len() {
            return Scope::Header;
        }
        Scope::Unknown
    }
}

/// Splits a text at `$1`, `${1}`, `$(1)`; `None` if it has none of them. `$$` is a dollar.
fn pieces(words: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut pieces = vec![Vec::new()];
    let mut rest = words;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let group = if byte == b'$' {
            group_len(behind)
        } else {
            None
        };
        if let Some(len) = group {
            rest = behind.get(len..).unwrap_or(b"");
            pieces.push(Vec::new());
            continue;
        }
        if byte == b'$' {
            rest = behind.strip_prefix(b"$").unwrap_or(behind);
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(byte);
        }
    }
    (pieces.len() > 1).then_some(pieces)
}

/// The length of a group's number behind `$`, with the brackets around it.
fn group_len(text: &[u8]) -> Option<usize> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let close = match text.first() {
        Some(b'{') => b'}',
        Some(b'(') => b')',
        _ => return Some(digits(text)).filter(|&len| len > 0),
    };
    let len = digits(text.get(1..)?);
    (len > 0 && text.get(len + 1) == Some(&close)).then_some(len + 2)
}

/// Tells whether a text is made of these pieces, with anything between them.
pub(super) fn is_made_of(text: &[u8], pieces: &[Vec<u8>]) -> bool {
    let Some((first, others)) = pieces.split_first() else {
        return false;
    };
    let Some((last, middle)) = others.split_last() else {
        return text == first;
    };
    let Some(mut rest) = text.strip_prefix(first.as_slice()) else {
        return false;
    };
    for piece in middle {
        let Some(at) = memchr::memmem::find(rest, piece) else {
            return false;
        };
        rest = rest.get(at + piece.len()..).unwrap_or(b"");
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, content: &str) -> Table {
        Table::parse(name, None, content.as_bytes()).unwrap()
    }

    fn lines(table: &Table) -> Vec<u32> {
        table.entries.iter().map(|entry| entry.line).collect()
    }

    #[test]
    fn the_content_tells_the_type() {
        for (content, kind) in [
            (
                "/^Subject: a/ REJECT\nif /^To:/\n/b/ WARN\nendif\n",
                Kind::Regexp,
            ),
            ("192.0.2.0/24 REJECT\n198.51.100.7 OK\n", Kind::Cidr),
            ("198.51.100.7 REJECT\n203.0.113.9 OK\n", Kind::Indexed),
            ("example.com REJECT\nuser@example.com OK\n", Kind::Indexed),
            ("", Kind::Indexed),
        ] {
            assert_eq!(table("map", content).kind, kind, "{content}");
        }
        assert_eq!(table("/etc/postfix/x.pcre", "").kind, Kind::Pcre);
        let named = |kind| Table::parse("map", Some(kind), b"/a/ REJECT\n");
        assert_eq!(named("hash").unwrap().kind, Kind::Indexed);
        assert!(matches!(named("ldap"), Err(TableError::Type(_))));
        let binary = Table::parse("access.db", None, b"\0\x06\x15a");
        assert!(matches!(binary, Err(TableError::NoText)));
    }

    #[test]
    fn reads_blocks_and_says_what_is_wrong() {
        let content = "if /^Subject:/\n/a/ REJECT\nif !/b/\n/c/ WARN x\nendif\nendif\nendif\n/d/\nnonsense\nif /e/\n/f/\n REJECT\n";
        let table = Table::parse("header_checks", Some("regexp"), content.as_bytes()).unwrap();
        assert_eq!(lines(&table), [2, 4, 11]);
        let depths: Vec<usize> = table.entries.iter().map(|e| e.conditions.len()).collect();
        assert_eq!(depths, [1, 2, 1]);
        let problems: Vec<(u32, &str)> = table.problems.iter().map(|p| (p.line, p.what)).collect();
        assert_eq!(
            problems,
            [
                (7, "endif without if"),
                (8, "it has no right side"),
                (9, "it has no pattern between delimiters"),
                (10, "if without endif"),
            ]
        );
    }

    #[test]
    fn an_entry_behind_one_that_takes_all_of_it_is_shadowed() {
        let shadows = |content: &str| -> Vec<Option<u32>> {
            let table = table("map", content);
            (0..table.entries.len())
                .map(|at| table.shadow_of(at).map(|entry| entry.line))
                .collect()
        };
        let regexp = "/a/ REJECT\nif /x/\n/a/ WARN\n/b/ REJECT\nendif\n/b/ REJECT\nif /x/\n/b/ OK\nendif\nif /y/\n/b/ OK\n/c/ OK\nendif\n";
        assert_eq!(
            shadows(regexp),
            [None, Some(1), None, None, Some(4), Some(6), None]
        );
        let cidr = "192.0.2.0/24 REJECT\n192.0.2.7 OK\n192.0.3.7 OK\n";
        assert_eq!(shadows(cidr), [None, Some(1), None]);
        let access = "example.com REJECT\nExample.COM OK\nsub.example.com OK\n";
        assert_eq!(shadows(access), [None, Some(1), None]);
    }

    #[test]
    fn a_text_with_groups_is_told_by_what_stands_around_them() {
        let found = pieces(b"no $1, ${2} costs $$3").unwrap();
        assert_eq!(
            found,
            [b"no ".to_vec(), b", ".to_vec(), b" costs $3".to_vec()]
        );
        assert!(is_made_of(b"no pills, one costs $3", &found));
        assert!(!is_made_of(b"no pills costs $3", &found));
        assert!(!is_made_of(b"pills, one costs $3", &found));
        assert_eq!(pieces(b"no $$1 and $x and ${a}"), None);
    }

    #[test]
    fn names_and_patterns_tell_what_a_table_is_asked_about() {
        for (name, content, scope) in [
            ("/etc/postfix/header_checks", "/x/ REJECT", Scope::Header),
            ("mime_header_checks.pcre", "/x/ REJECT", Scope::Header),
            ("body_checks", "/^From:/ REJECT", Scope::Body),
            ("helo_access.pcre", "/x/ REJECT", Scope::Access),
            ("spam", "/^Subject: x/ REJECT", Scope::Header),
            ("spam", "/x/ REJECT", Scope::Unknown),
            ("spam", "x REJECT", Scope::Access),
        ] {
            assert_eq!(table(name, content).scope, scope, "{name}: {content}");
        }
    }
}
