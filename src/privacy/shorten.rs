//! Addresses without the part that names one machine, for logs that leave the house.
//!
//! What this does **not** do: hide names, mailboxes or users, or find an address that a host's name
//! spells in another way than as four numbers in a row.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Appends a text in which every IPv4 address ends in 0 and every IPv6 address after its first 64
/// bits; those of the machine itself (127.0.0.0/8, ::1) stay.
///
/// Names of hosts often hold an address: `198-51-100-7.dsl.example`, or reversed as in
/// `7.100.51.198.in-addr.arpa`. Which end names the machine is not told, so four numbers within a
/// name lose the first and the last. Other text that looks the same (`1.2.3.4.beta`) is changed
/// too: too much is hidden rather than too little.
pub fn mask_addresses(out: &mut Vec<u8>, text: &[u8]) {
    let mut half_done = Vec::with_capacity(text.len());
    mask_ipv6(&mut half_done, text);
    mask_ipv4(out, &half_done);
}

/// Tells whether a byte may stand in a word that has an IPv6 address in it.
pub(super) fn is_of_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.')
}

/// Copies a text, with the IPv6 addresses in it masked.
fn mask_ipv6(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.iter().take_while(|byte| is_of_word(byte)).count();
        let (word, behind) = rest.split_at(length);
        mask_ipv6_word(out, word);
        let between = behind.iter().take_while(|byte| !is_of_word(byte)).count();
        let (between, behind) = behind.split_at(between);
        out.extend_from_slice(between);
        rest = behind;
    }
}

fn mask_ipv6_word(out: &mut Vec<u8>, word: &[u8]) {
    let Some((before, ip, behind)) = find_ipv6(word) else {
        out.extend_from_slice(word);
        return;
    };
    out.extend_from_slice(before);
    out.extend_from_slice(masked_ipv6(ip).to_string().as_bytes());
    out.extend_from_slice(behind);
}

/// Finds the IPv6 address in a word of letters, digits, colons and dots; returns what stands before
/// and behind it too.
pub(super) fn find_ipv6(word: &[u8]) -> Option<(&[u8], Ipv6Addr, &[u8])> {
    // Where a colon joins it to other text, as in `smtp:2001:db8::1` of anvil, any may be the last.
    let colons = word.iter().enumerate().filter(|&(_, &byte)| byte == b':');
    let likely = [behind_label(word), behind_letters(word)];
    let mut begins = likely.into_iter().chain(colons.map(|(at, _)| at + 1));
    begins.find_map(|begin| {
        let (before, rest) = word.split_at(begin);
        let (ip, behind) = leading_ipv6(rest)?;
        Some((before, ip, behind))
    })
}

/// Returns where an address may begin: `IPv6:2001:db8::1` is how a HELO says it. Anvil has the port
/// before it, `:25:2001:db8::1`.
fn behind_label(word: &[u8]) -> usize {
    if let [b':', port @ ..] = word {
        let digits = port.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_port = digits > 0 && port.get(digits) == Some(&b':');
        return if is_port { digits + 2 } else { 0 };
    }
    let colon = word.iter().position(|&byte| byte == b':').unwrap_or(0);
    let label = word.get(..colon).unwrap_or_default();
    let is_label = label.iter().any(|byte| !byte.is_ascii_hexdigit());
    if is_label { colon + 1 } else { 0 }
}

/// Returns where an address may begin that other text runs into, as in a quoted `\n2001:db8::1`.
fn behind_letters(word: &[u8]) -> usize {
    let is_of_address = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let letter = word.iter().rposition(|byte| !is_of_address(byte));
    letter.map_or(0, |letter| letter + 1)
}

/// The bytes of an address whose last 32 bits are written as four numbers. A longer text is none, and
/// is not looked through again from each of its colons.
const LONGEST_IPV6: usize = 45;

/// Splits an address off the beginning; behind it may be punctuation, or the number of a port.
fn leading_ipv6(text: &[u8]) -> Option<(Ipv6Addr, &[u8])> {
    let shorter = text.len().saturating_sub(1);
    let mut short_part = text.iter().take(LONGEST_IPV6 + 1);
    let dot = short_part.position(|&byte| byte == b'.');
    let lengths = [text.len(), shorter, dot.unwrap_or(shorter)];
    let mut possible = lengths.into_iter().filter(|&length| length <= LONGEST_IPV6);
    possible.find_map(|length| {
        let (address, behind) = text.split_at(length);
        Some((ipv6(address)?, behind))
    })
}

fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn masked_ipv6(ip: Ipv6Addr) -> IpAddr {
    // An IPv4 address in other words; its last number goes with those of all others.
    if ip.is_loopback() || ip.to_ipv4_mapped().is_some() {
        return ip.into();
    }
    Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into()
}

/// Copies a text, with the four numbers of each IPv4 address in it masked.
fn mask_ipv4(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    let mut before = b' ';
    while let Some((&first, behind)) = rest.split_first() {
        let begins = first.is_ascii_digit() && !before.is_ascii_digit();
        let quad = if begins { Quad::parse(rest) } else { None };
        let Some(quad) = quad else {
            out.push(first);
            before = first;
            rest = behind;
            continue;
        };
        quad.write_masked(out, is_of_name(before) || quad.goes_on());
        before = b'0';
        rest = quad.behind;
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// Four numbers below 256 with the same sign between them.
pub(super) struct Quad<'a> {
    numbers: [&'a [u8]; 4],
    pub(super) sign: u8,
    pub(super) behind: &'a [u8],
}

impl<'a> Quad<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let (first, behind) = octet(text)?;
        let (&sign, _) = behind.split_first()?;
        if !matches!(sign, b'.' | b'-' | b'_') {
            return None;
        }
        let (second, behind) = octet(behind.strip_prefix(&[sign])?)?;
        let (third, behind) = octet(behind.strip_prefix(&[sign])?)?;
        let (fourth, behind) = octet(behind.strip_prefix(&[sign])?)?;
        Some(Quad {
            numbers: [first, second, third, fourth],
            sign,
            behind,
        })
    }

    /// Returns the address, as far as it is written in the order of addresses.
    pub(super) fn ip(&self) -> Option<Ipv4Addr> {
        let mut octets = [0; 4];
        for (octet, number) in octets.iter_mut().zip(self.numbers) {
            *octet = std::str::from_utf8(number).ok()?.parse().ok()?;
        }
        Some(octets.into())
    }

    /// Tells whether a name goes on behind it; a full stop at the end of a sentence is none.
    pub(super) fn goes_on(&self) -> bool {
        match self.behind {
            [b'.'] => false,
            [b'.', next, ..] => is_of_name(*next),
            [next, ..] => is_of_name(*next),
            [] => false,
        }
    }

    fn write_masked(&self, out: &mut Vec<u8>, is_in_name: bool) {
        let [first, second, third, fourth] = self.numbers;
        let is_own = !is_in_name && self.sign == b'.' && first == b"127";
        let first = if is_in_name { b"0" } else { first };
        let fourth = if is_own { fourth } else { b"0" };
        let signs = [Some(self.sign), Some(self.sign), Some(self.sign), None];
        for (number, sign) in [first, second, third, fourth].into_iter().zip(signs) {
            out.extend_from_slice(number);
            out.extend(sign);
        }
    }
}

/// Splits a number below 256, of at most three digits, off the beginning.
fn octet(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    let (number, behind) = text.split_at(digits);
    let value = number
        .iter()
        .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    (value <= u32::from(u8::MAX)).then_some((number, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut out = Vec::new();
        mask_addresses(&mut out, text.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_ipv4_address_ends_in_0() {
        assert_eq!(
            masked("connect from a.example[198.51.100.17]:25"),
            "connect from a.example[198.51.100.0]:25"
        );
        assert_eq!(masked("198.51.100.17: refused"), "198.51.100.0: refused");
        assert_eq!(masked("by 198.51.100.17."), "by 198.51.100.0.");
        assert_eq!(masked("198.51.100.17/24"), "198.51.100.0/24");
        assert_eq!(masked("192.0.2.1,192.0.2.2"), "192.0.2.0,192.0.2.0");
    }

    #[test]
    fn an_ipv6_address_ends_after_64_bits() {
        let whole = "[2001:db8:1:2:3:4:5:6]:25";
        assert_eq!(masked(whole), "[2001:db8:1:2::]:25");
        assert_eq!(masked("IPv6:2001:db8::7"), "IPv6:2001:db8::");
        assert_eq!(masked("2001:db8::7: refused"), "2001:db8::: refused");
        assert_eq!(masked("2001:db8::7.25"), "2001:db8::.25");
        assert_eq!(masked("\\n2001:db8::a:7"), "\\n2001:db8::");
        let rate = "rate 1/60s for ([2001:db8:ff::1]:25:2001:db8:0:10::10) at";
        assert_eq!(
            masked(rate),
            "rate 1/60s for ([2001:db8:ff::]:25:2001:db8:0:10::) at"
        );
        assert_eq!(masked("smtp:2001:db8:0:10::10"), "smtp:2001:db8:0:10::");
        assert_eq!(
            masked("192.0.2.1:25:2001:db8:1:2:3:4:5:6"),
            "192.0.2.0:25:2001:db8:1:2::"
        );
        assert_eq!(masked("n2001:db8:1:2:3:4:5:6"), "n2001:db8:1:2::");
        assert_eq!(masked("fe80::1:2%eth0"), "fe80::%eth0");
        assert_eq!(masked("::ffff:192.0.2.7"), "::ffff:192.0.2.0");
        assert_eq!(masked("::ffff:c000:207"), "::ffff:192.0.2.0");
    }

    #[test]
    fn an_address_in_a_name_loses_both_ends() {
        assert_eq!(
            masked("198-51-100-17.dsl.example"),
            "0-51-100-0.dsl.example"
        );
        assert_eq!(
            masked("17.100.51.198.zen.example"),
            "0.100.51.0.zen.example"
        );
        assert_eq!(masked("ip_198_51_100_17"), "ip_0_51_100_0");
        assert_eq!(masked("host198.51.100.17"), "host0.51.100.0");
    }

    #[test]
    fn the_machine_itself_stays() {
        assert_eq!(masked("[127.0.0.1]:10025 [::1]"), "[127.0.0.1]:10025 [::1]");
        assert_eq!(masked("a.127.0.0.1.example"), "a.0.0.0.0.example");
    }

    #[test]
    fn other_text_stays() {
        for text in [
            "",
            "2026-11-21T09:30:05.123456+01:00",
            "4Xb12F3c5Tz1: removed",
            "delays=0.1/0.02/3/0.44, dsn=4.4.1",
            "Mail::Dkim 12:30:05 AA:BB:CC:DD",
            "99999999999999999999.1.2.3 300.1.2.3 1.2.3 1-2.3-4 1.2.3.400",
        ] {
            assert_eq!(masked(text), text);
        }
        let mut out = Vec::new();
        mask_addresses(&mut out, b"\xff198.51.100.7\xfe");
        assert_eq!(out, b"\xff198.51.100.0\xfe");
    }
}
