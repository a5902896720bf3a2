//! The order of rows.

use std::cmp::{Ordering, Reverse};

use super::super::client::fold;
use super::super::find::{split_last, until};
use super::super::stamp::is_space;

/// The key that rows with the same count are sorted by.
///
/// Of the first word: an IPv4 address counts by its four numbers, all else by its parts from the
/// last one to the first, so that hosts of a domain stand together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct NameKey(Vec<u16>);

impl NameKey {
    pub(super) fn of(name: &[u8]) -> Self {
        let (word, _) = until(name, is_space);
        if let Some(numbers) = ipv4(word) {
            return NameKey(numbers);
        }
        let parts = word.rsplit(|byte| matches!(byte, b'.' | b'@'));
        let bytes = parts.flatten().map(|byte| byte.to_ascii_lowercase().into());
        NameKey(bytes.collect())
    }
}

fn ipv4(word: &[u8]) -> Option<Vec<u16>> {
    let octet = |octet: &[u8]| {
        let is_number = (1..=3).contains(&octet.len()) && octet.iter().all(u8::is_ascii_digit);
        let value = |value: u16, digit: &u8| value * 10 + u16::from(digit.wrapping_sub(b'0'));
        is_number.then(|| octet.iter().fold(0, value))
    };
    let numbers: Option<Vec<u16>> = word.split(|byte| *byte == b'.').map(octet).collect();
    numbers.filter(|numbers| numbers.len() == 4)
}

/// Sorts rows by count, then by name; what pflogsumm leaves to chance is sorted by its bytes.
pub(super) fn by_count(rows: &mut [(&[u8], u64)]) {
    rows.sort_by_cached_key(|(name, count)| (Reverse(*count), NameKey::of(name), name.to_vec()));
}

/// Sorts hosts and domains by count, then by size; their ties pflogsumm leaves to chance.
pub(super) fn by_count_and_size<T>(
    rows: &mut [(&[u8], T)],
    count: impl Fn(&T) -> u64,
    size: impl Fn(&T) -> i64,
) {
    rows.sort_by(|(name, row), (other_name, other)| {
        let by_count = count(other).cmp(&count(row));
        let by_size = || size(other).cmp(&size(row));
        by_count
            .then_with(by_size)
            .then_with(|| name.cmp(other_name))
    });
}

/// Orders mails by the sender's domain, then the sender, then the queue id.
pub(super) fn by_sender(mail: (&[u8], &[u8]), other: (&[u8], &[u8])) -> Ordering {
    let key = |(queue_id, sender)| {
        let (user, domain) = user_and_domain(sender);
        let domain = match fold(domain) {
            Some((host, domain)) => [domain, b".", host].concat(),
            None => domain.to_vec(),
        };
        (domain, user, queue_id)
    };
    let (key, other): ((Vec<u8>, &[u8], &[u8]), _) = (key(mail), key(other));
    key.cmp(&other)
}

/// Splits a sender, whether it is an address or a bang path.
fn user_and_domain(sender: &[u8]) -> (&[u8], &[u8]) {
    let (user, rest) = until(sender, |byte| byte == b'@');
    let (domain, _) = until(rest.get(1..).unwrap_or(b""), |byte| byte == b'@');
    if !domain.is_empty() {
        return (
            split_last(user, b"!").map_or(user, |(_, user)| user),
            domain,
        );
    }
    match split_last(sender, b"!") {
        Some((hosts, user)) => (
            user,
            split_last(hosts, b"!").map_or(hosts, |(_, host)| host),
        ),
        None => (sender, domain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order in which pflogsumm printed them.
    #[test]
    fn names_are_sorted_as_pflogsumm_sorts_them() {
        let names = [
            "",
            "0.0.0.0",
            "1.2.3.4 foo",
            "9.255.0.1",
            "10.0.0.1",
            "!",
            "48.48.48.48",
            "1",
            "1000.1.1.1",
            "4.1.1.1234",
            "2",
            "2001:db8::1",
            "1.2.3",
            "x@1.2.3.4",
            "x1.2.3.4",
            "1.2.3.4:25",
            "[1.2.3.4]",
            "1.2.3.4x",
            "1.2.3.4.5",
            "65.66.67.68",
            "a",
            "ab",
            "b@a",
            "97.98.99.100",
            "c.a",
            "b",
            "a@b",
            "c.ba",
            "ab.c",
            "cba",
            "a.b@c",
            "z  (a)",
            "zz",
            "~",
            "126.1.1.1",
            "192.168.1.2",
            "192.168.1.10",
            "255.255.255.255",
            "300.1.1.1",
        ];
        let mut sorted = names;
        sorted.sort_by_key(|name| NameKey::of(name.as_bytes()));
        assert_eq!(sorted, names);
    }

    /// The order in which pflogsumm -e printed them.
    #[test]
    fn mails_are_sorted_by_domain_then_user_then_queue_id() {
        let senders = [
            "from=<>",
            "root",
            "d@a",
            "u@x.d1.abc.cde",
            "b@c",
            "a!b@c!d",
            "b@c!d",
            "u@example.co.uk",
            "u@mail.example.co.uk",
            "u@example.com",
            "u@a.mail.example.com",
            "u@mail.example.com",
            "h!g!u",
            "u@g",
            "g!zz",
            "a@h",
            "u@h!g",
            "u@www.example.de",
            "!u@x",
            "u@x",
        ];
        let mut sorted = senders;
        sorted.sort_by(|one, other| by_sender((b"", one.as_bytes()), (b"", other.as_bytes())));
        assert_eq!(sorted, senders);
        let ordering = by_sender((b"9", b"a@x"), (b"A", b"a@x"));
        assert_eq!(ordering, Ordering::Less);
    }
}
