//! The site's maps together, and which entry of them a line of the log comes from.
//!
//! An entry is found by its words, as Postfix logs them, else by the rule id in them. Where entries
//! share their words, what the line says that was looked at decides between them: the header for a
//! header check, the name for an access table. If that decides nothing either, all of them are
//! named, and none is said never to have fired.

use hashbrown::HashMap;
use mailtally_parsers::postfix::ruling::{Object, Ruling};

use super::net::Net;
use super::table::{Entry, Matcher, Scope, Table, is_made_of};

/// The number of an entry among those of all tables.
pub(super) type EntryNumber = u32;

/// From so many entries of the same words on, a name is looked up instead of compared with each.
const MANY: usize = 32;

/// The site's maps.
#[derive(Clone, Default, Debug)]
pub struct Maps {
    tables: Vec<Table>,
    /// Table and place of each entry, by its number.
    places: Vec<(usize, usize)>,
    by_words: HashMap<Vec<u8>, Vec<EntryNumber>>,
    by_id: HashMap<Vec<u8>, Vec<EntryNumber>>,
    /// Entries of tables that look keys up.
    by_key: HashMap<Vec<u8>, Vec<EntryNumber>>,
    /// Entries whose words have groups in them.
    with_groups: Vec<EntryNumber>,
}

impl Maps {
    /// Puts tables together, in the order in which they are named.
    pub fn new(tables: Vec<Table>) -> Maps {
        let mut maps = Maps {
            tables,
            ..Maps::default()
        };
        for (table_at, table) in maps.tables.iter().enumerate() {
            for (entry_at, entry) in table.entries.iter().enumerate() {
                let number = EntryNumber::try_from(maps.places.len()).unwrap_or(EntryNumber::MAX);
                maps.places.push((table_at, entry_at));
                if entry.answer.logged_as.is_empty() {
                    continue;
                }
                if let Matcher::Key(key) = &entry.matcher {
                    maps.by_key.entry(key.clone()).or_default().push(number);
                }
                if let Some(id) = &entry.answer.id {
                    maps.by_id.entry(id.clone()).or_default().push(number);
                }
                if entry.pieces.is_some() {
                    maps.with_groups.push(number);
                    continue;
                }
                for words in entry.answer.logged_words() {
                    let same = maps.by_words.entry(words.to_vec()).or_default();
                    same.push(number);
                }
            }
        }
        maps
    }

    /// Tells whether there is no map at all.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The tables.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Lists the entries with their numbers and tables.
    pub(super) fn entries(&self) -> impl Iterator<Item = (EntryNumber, &Table, usize, &Entry)> {
        (0..)
            .zip(&self.places)
            .filter_map(|(number, &(table, at))| {
                let table = self.tables.get(table)?;
                Some((number, table, at, table.entries.get(at)?))
            })
    }

    pub(super) fn entry(&self, number: EntryNumber) -> Option<(&Table, &Entry)> {
        let &(table, at) = self.places.get(number as usize)?;
        let table = self.tables.get(table)?;
        Some((table, table.entries.get(at)?))
    }

    /// Finds the entries that a line may come from: none, one, or all that look the same.
    pub(super) fn find(&self, ruling: &Ruling<'_>, action: &str) -> Vec<EntryNumber> {
        let mut found = self.with_words(ruling, action);
        if found.is_empty()
            && let Some(id) = ruling.rule.id
        {
            let same = self.by_id.get(id).map_or(&[][..], Vec::as_slice);
            found = self.of_name(same, ruling);
            found.retain(|&number| self.fits(number, ruling, action));
        }
        if found.len() < 2 {
            return found;
        }
        let is_met = |&number: &EntryNumber| self.is_met(number, ruling) == Some(true);
        match found.iter().copied().find(is_met) {
            Some(number) => vec![number],
            None => found,
        }
    }

    /// Finds the first entry that refuses a client of the networks that postscreen is asked about.
    pub(super) fn find_client(&self, address: &[u8]) -> Option<EntryNumber> {
        let client = Net::parse(address)?;
        let is_it = |table: &Table, entry: &Entry| {
            table.is_of_postscreen()
                && entry.answer.logged_as.contains(&"reject")
                && table.is_met(entry, |matcher| match matcher {
                    Matcher::Net { net, is_negated } => Some(net.contains(&client) != *is_negated),
                    _ => None,
                }) == Some(true)
        };
        let mut entries = self.entries();
        let found = entries.find(|(_, table, _, entry)| is_it(table, entry));
        found.map(|(number, ..)| number)
    }

    /// Entries with the words of a line. Postfix's own words tell nothing by themselves: what the line
    /// says was looked at must not speak against the entry.
    fn with_words(&self, ruling: &Ruling<'_>, action: &str) -> Vec<EntryNumber> {
        let words = ruling.text.unwrap_or(b"").trim_ascii();
        let same = self.by_words.get(words).map_or(&[][..], Vec::as_slice);
        let same = self.of_name(same, ruling);
        let alike = self.with_groups.iter().copied().filter(|&number| {
            let pieces = self
                .entry(number)
                .and_then(|(_, entry)| entry.pieces.as_ref());
            pieces.is_some_and(|pieces| is_made_of(words, pieces))
        });
        let is_it = |number: &EntryNumber| {
            let is_stock = |(_, entry): (&Table, &Entry)| entry.answer.is_stock();
            self.fits(*number, ruling, action)
                && !(self.entry(*number).is_some_and(is_stock)
                    && self.is_met(*number, ruling) == Some(false))
        };
        same.into_iter().chain(alike).filter(is_it).collect()
    }

    /// Of many entries with the same words, those that a line's name is looked up by; of few all, for
    /// the line may say less than Postfix saw.
    fn of_name(&self, same: &[EntryNumber], ruling: &Ruling<'_>) -> Vec<EntryNumber> {
        let Object::Name { name, .. } = ruling.object else {
            return same.to_vec();
        };
        if same.len() <= MANY {
            return same.to_vec();
        }
        let keys = keys_of(name);
        let by_key = keys
            .iter()
            .filter_map(|key| self.by_key.get(key.as_slice()));
        let mut of_name: Vec<EntryNumber> = by_key
            .flatten()
            .copied()
            .filter(|number| same.binary_search(number).is_ok())
            .collect();
        if of_name.is_empty() {
            let is_key = |number: &EntryNumber| {
                let entry = self.entry(*number);
                entry.is_some_and(|(_, entry)| matches!(entry.matcher, Matcher::Key(_)))
            };
            of_name = same.iter().copied().filter(|at| !is_key(at)).collect();
        }
        of_name.sort_unstable();
        of_name
    }

    /// Tells whether an entry can have made Postfix log this action of this object.
    fn fits(&self, number: EntryNumber, ruling: &Ruling<'_>, action: &str) -> bool {
        let Some((table, entry)) = self.entry(number) else {
            return false;
        };
        entry.answer.logged_as.contains(&action)
            && match (table.scope, ruling.object) {
                (Scope::Unknown, _) => true,
                (Scope::Header, Object::Content { part, .. }) => part == b"header",
                (Scope::Body, Object::Content { part, .. }) => part == b"body",
                (Scope::Access, object) => !matches!(object, Object::Content { .. }),
                _ => false,
            }
    }

    /// Tells whether what the line says was looked at meets an entry; `None` where nobody can tell.
    fn is_met(&self, number: EntryNumber, ruling: &Ruling<'_>) -> Option<bool> {
        let (table, entry) = self.entry(number)?;
        table.is_met(entry, |matcher| match (matcher, ruling.object) {
            (Matcher::Pattern(pattern), Object::Content { text, .. }) => pattern.is_met_by(text),
            (Matcher::Pattern(pattern), Object::Name { name, .. }) => pattern.is_met_by(name),
            (Matcher::Net { net, is_negated }, Object::Name { .. } | Object::Unsaid) => {
                let client = Net::parse(ruling.client?.address)?;
                Some(net.contains(&client) != *is_negated)
            }
            (Matcher::Key(key), Object::Name { name, .. }) => Some(keys_of(name).contains(key)),
            _ => None,
        })
    }
}

/// The keys that an access table is asked for about a name, lower-cased.
///
/// access(5): an address, without its extension too, its domain and what that is part of, `user@`; a
/// host's name and what that is part of, an address and the networks that it is part of.
fn keys_of(name: &[u8]) -> Vec<Vec<u8>> {
    let name = name.to_ascii_lowercase();
    let mut keys = Vec::new();
    if let Some((host, address)) = host_and_address(&name) {
        push_domains(&mut keys, host);
        push_networks(&mut keys, address);
        return keys;
    }
    keys.push(name.clone());
    let at = memchr::memrchr(b'@', &name);
    let Some((local, domain)) = at.and_then(|at| Some((name.get(..at)?, name.get(at + 1..)?)))
    else {
        push_networks(&mut keys, &name);
        push_domains(&mut keys, &name);
        return keys;
    };
    let user = local.split(|&byte| byte == b'+').next().unwrap_or(local);
    for local in [local, user] {
        keys.push([local, b"@"].concat());
        keys.push([local, b"@", domain].concat());
    }
    push_domains(&mut keys, domain);
    keys
}

/// Splits `unknown[192.0.2.7]`.
fn host_and_address(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let (host, rest) = name.split_at_checked(memchr::memchr(b'[', name)?)?;
    let address = rest.strip_prefix(b"[")?.strip_suffix(b"]")?;
    (!host.is_empty()).then_some((host, address))
}

/// `www.example.com`, and of what it is part of `example.com` and `.example.com`.
fn push_domains(keys: &mut Vec<Vec<u8>>, name: &[u8]) {
    keys.push(name.to_vec());
    for dot in memchr::memchr_iter(b'.', name) {
        keys.extend(name.get(dot..).map(<[u8]>::to_vec));
        keys.extend(name.get(dot + 1..).map(<[u8]>::to_vec));
    }
}

/// `192.0.2.7`, `192.0.2`, …; `2001:db8::1`, `2001:db8:`, `2001:db8`, `2001`.
fn push_networks(keys: &mut Vec<Vec<u8>>, address: &[u8]) {
    keys.push(address.to_vec());
    for end in memchr::memchr2_iter(b'.', b':', address) {
        keys.extend(address.get(..end).map(<[u8]>::to_vec));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailtally_parsers::Daemon;
    use mailtally_parsers::postfix::Event;

    fn maps(tables: &[(&str, &str)]) -> Maps {
        let table = |(name, content): &(&str, &str)| Table::parse(name, None, content.as_bytes());
        Maps::new(tables.iter().map(table).collect::<Result<_, _>>().unwrap())
    }

    /// The lines of the entries that a line of the log may come from.
    fn found(maps: &Maps, daemon: Daemon, line: &str) -> Vec<u32> {
        let event = Event::parse(daemon, line.as_bytes()).unwrap();
        let ruling = Ruling::of(&event).unwrap();
        let action = std::str::from_utf8(ruling.rule.action).unwrap();
        let numbers = maps.find(&ruling, action);
        let line = |number| maps.entry(number).unwrap().1.line;
        numbers.into_iter().map(line).collect()
    }

    fn header(action: &str, header: &str, text: &str) -> String {
        format!(
            "4F1A22C0D9E: {action}: header {header} from a.example[192.0.2.7]; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<a>: {text}"
        )
    }

    #[test]
    fn words_come_first_then_the_id() {
        let maps = maps(&[(
            "header_checks",
            "/^Subject: a/ REJECT Plz stop id= 7 \n/^Subject: b/ REJECT other words, id=8\n/^Subject: c/ WARN Plz stop id= 7\n",
        )]);
        let of = |line: &str| found(&maps, Daemon::Cleanup, line);
        assert_eq!(
            of(&header("reject", "Subject: x", "5.7.1 Plz stop id= 7")),
            [1]
        );
        assert_eq!(of(&header("warning", "Subject: x", "Plz stop id= 7")), [3]);
        assert_eq!(
            of(&header("reject", "Subject: x", "5.7.1 old words, id=8")),
            [2]
        );
        assert_eq!(
            of(&header("reject", "Subject: x", "5.7.1 gone, id=9")),
            [0; 0]
        );
        assert_eq!(of(&header("hold", "Subject: x", "Plz stop id= 7")), [0; 0]);
    }

    #[test]
    fn the_header_decides_between_entries_of_the_same_words() {
        let maps = maps(&[(
            "header_checks",
            "if /^Subject:/\n/one/ REJECT id=7\n/two/ REJECT id=7\nendif\n/(x)\\1/ REJECT id=8\n/y/ REJECT id=8\n",
        )]);
        let of =
            |text: &str, reply: &str| found(&maps, Daemon::Cleanup, &header("reject", text, reply));
        assert_eq!(of("Subject: two", "5.7.1 id=7"), [3]);
        assert_eq!(of("Subject: one two", "5.7.1 id=7"), [2]);
        // Nothing meets it: the header is longer than what is logged. Neither is ruled out.
        assert_eq!(of("Subject: three", "5.7.1 id=7"), [2, 3]);
        assert_eq!(of("Subject: xx", "5.7.1 id=8"), [5, 6]);
        assert_eq!(of("Subject: y", "5.7.1 id=8"), [6]);
    }

    #[test]
    fn words_of_postfix_need_what_was_looked_at() {
        let maps = maps(&[
            (
                "rcpt_access",
                "spamtrap@example.org REJECT\nexample.net REJECT\n",
            ),
            ("client_access.cidr", "192.0.2.0/24 REJECT\n"),
            ("header_checks", "/^X-Bad:/ REJECT\n"),
        ]);
        let denied = |name: &str, class: &str, address: &str| {
            let line = format!(
                "NOQUEUE: reject: RCPT from a.example[{address}]: 554 5.7.1 <{name}>: {class} rejected: Access denied; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<a>"
            );
            found(&maps, Daemon::Smtpd, &line)
        };
        assert_eq!(
            denied("spamtrap@example.org", "Recipient address", "198.51.100.1"),
            [1]
        );
        assert_eq!(
            denied("x@sub.example.net", "Sender address", "198.51.100.1"),
            [2]
        );
        assert_eq!(
            denied("x@example.com", "Sender address", "198.51.100.1"),
            [0; 0]
        );
        assert_eq!(
            denied("a.example[192.0.2.9]", "Client host", "192.0.2.9"),
            [1]
        );
        let line = header("reject", "X-Bad: 1", "5.7.1 message content rejected");
        assert_eq!(found(&maps, Daemon::Cleanup, &line), [1]);
        let line = header("reject", "X-Good: 1", "5.7.1 message content rejected");
        assert_eq!(found(&maps, Daemon::Cleanup, &line), [0; 0]);
    }

    #[test]
    fn a_name_is_found_among_many_entries_of_the_same_words() {
        let mut content: String = (0..500)
            .map(|at| format!("spam{at}.example REJECT\n"))
            .collect();
        content += "/not a pattern/ REJECT\n";
        let maps = maps(&[("sender_access", &content)]);
        let denied = |name: &str| {
            let line = format!(
                "NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 <{name}>: Sender address rejected: Access denied; from=<{name}> to=<b@example.com> proto=ESMTP helo=<a>"
            );
            found(&maps, Daemon::Smtpd, &line)
        };
        assert_eq!(denied("x@www.spam417.example"), [418]);
        assert_eq!(denied("x@spam500.example"), [0; 0]);
    }

    #[test]
    fn a_table_of_one_thing_explains_nothing_else() {
        let maps = maps(&[
            ("body_checks", "/x/ REJECT id=7\n"),
            ("sender_access", "x REJECT id=8\n"),
        ]);
        let line = header("reject", "Subject: x", "5.7.1 id=7");
        assert_eq!(found(&maps, Daemon::Cleanup, &line), [0; 0]);
        let line = header("reject", "Subject: x", "5.7.1 id=8");
        assert_eq!(found(&maps, Daemon::Cleanup, &line), [0; 0]);
    }

    #[test]
    fn knows_the_keys_of_access_tables() {
        for (key, name, expected) in [
            ("example.com", "user@example.com", true),
            ("example.com", "user@mail.example.com", true),
            (".example.com", "user@mail.example.com", true),
            (".example.com", "user@example.com", false),
            ("example.com", "user@badexample.com", false),
            ("user@", "user@example.com", true),
            ("user@example.com", "User+tag@Example.com", true),
            ("user@example.com", "user@example.org", false),
            ("192.0.2", "unknown[192.0.2.7]", true),
            ("192.0.2", "unknown[192.0.20.7]", false),
            ("192.0.2.7", "mail.example[192.0.2.7]", true),
            ("mail.example", "mail.example[192.0.2.7]", true),
            ("2001:db8", "unknown[2001:db8::1]", true),
            ("localhost", "localhost", true),
        ] {
            assert_eq!(
                keys_of(name.as_bytes()).contains(&key.as_bytes().to_vec()),
                expected,
                "{key} {name}"
            );
        }
    }
}
