//! The small words of the line grammars, as nom parsers over bytes.
//!
//! Everything here is `complete` nom: a line is whole when it gets here, so there is no
//! `Incomplete`. The error type is `()`: which line kind gave up is said by the caller's
//! [`Reason`](crate::Reason), and nom's verbose errors panic on long lines (nom#1867).

use nom::bytes::complete::{tag, take_until, take_while1};
use nom::sequence::terminated;
use nom::{IResult, Parser};

use crate::fields::{Field, Seconds, Visitor};

use crate::near::{base52_digits, hex_digits, is_same};
pub(crate) use crate::near::{
    find, find_any_from, find_either, find_either_from, find_from, find_here, find_letter_from,
    find_near, find_no_alphanumeric_from, find_of_four_from, has_digit, rfind, rfind_here,
    rfind_near,
};

/// Makes a table of what a function says of each byte.
macro_rules! byte_table {
    ($of:ident) => {{
        let mut table = [0; 256];
        let mut rest: &mut [u8] = &mut table;
        let mut byte = 0u8;
        while let [first, behind @ ..] = rest {
            *first = $of(byte);
            byte = byte.wrapping_add(1);
            rest = behind;
        }
        table
    }};
}
pub(crate) use byte_table;

/// What a parser of this crate returns: the rest of the line, and a value.
pub(crate) type Scan<'a, T> = IResult<&'a [u8], T, ()>;

/// Reports that the input does not have the expected shape.
pub(crate) fn mismatch<'a, T>() -> Scan<'a, T> {
    Err(nom::Err::Error(()))
}

/// Reads the text before `mark` and steps over both.
pub(crate) fn before<'a>(mark: &'static str) -> impl FnMut(&'a [u8]) -> Scan<'a, &'a [u8]> {
    move |input| terminated(take_until(mark), tag(mark)).parse(input)
}

/// Splits at the *last* `mark`: remote text on the left may hold the mark itself.
pub(crate) fn before_last<'a>(input: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = rfind(input, mark)?;
    Some((input.get(..at)?, input.get(at + mark.len()..)?))
}

/// Splits at the first `mark`.
pub(crate) fn split_once<'a>(input: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(input, mark)?;
    Some((input.get(..at)?, input.get(at + mark.len()..)?))
}

/// The same where it is asked for; see [`find_here`].
#[inline(always)]
pub(crate) fn split_once_here<'a>(input: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find_here(input, mark)?;
    Some((input.get(..at)?, input.get(at + mark.len()..)?))
}

/// Steps behind the first `mark`, which mostly stands at the beginning.
pub(crate) fn behind<'a>(input: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    match input.strip_prefix(mark) {
        Some(rest) => Some(rest),
        None => split_once(input, mark).map(|(_, rest)| rest),
    }
}

/// Finds a short mark and all further ones.
pub(crate) fn find_iter<'a>(
    input: &'a [u8],
    mark: &'a [u8],
) -> impl Iterator<Item = usize> + Clone {
    let mut from = 0;
    core::iter::from_fn(move || {
        let at = from + find(input.get(from..)?, mark)?;
        from = at + 1;
        Some(at)
    })
}

/// Tells whether a short mark stands in a text.
pub(crate) fn contains(input: &[u8], mark: &[u8]) -> bool {
    find(input, mark).is_some()
}

/// Eight times the same byte.
const fn splat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Finds a short mark from the end of a text on, and all further ones before it.
pub(crate) fn rfind_iter<'a>(input: &'a [u8], mark: &'a [u8]) -> impl Iterator<Item = usize> {
    let mut end = input.len();
    core::iter::from_fn(move || {
        let at = rfind(input.get(..end)?, mark)?;
        end = (at + mark.len()).checked_sub(1)?;
        Some(at)
    })
}

/// Takes a decimal number off the front: the number, and what follows it.
pub(crate) fn split_number(input: &[u8]) -> Option<(u64, &[u8])> {
    number(input).ok().map(|(rest, value)| (value, rest))
}

/// Splits `text (group)` before the parenthesis that the last byte closes: the text without the
/// blank, and the group without its parentheses.
pub(crate) fn trailing_group(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = input.strip_suffix(b")")?;
    let mut depth = 1u32;
    for at in memchr::memrchr2_iter(b'(', b')', inside) {
        match inside.get(at) {
            Some(b')') => depth = depth.saturating_add(1),
            _ => depth = depth.saturating_sub(1),
        }
        if depth == 0 {
            let text = inside.get(..at)?.strip_suffix(b" ")?;
            return Some((text, inside.get(at + 1..)?));
        }
    }
    None
}

/// Takes the angle brackets off `<text>`; a text without them, or with further ones, stays as is.
pub(crate) fn without_angles(input: &[u8]) -> &[u8] {
    match input
        .strip_prefix(b"<")
        .and_then(|text| text.strip_suffix(b">"))
    {
        Some(text) if memchr::memchr2(b'<', b'>', text).is_none() => text,
        _ => input,
    }
}

/// Reads a decimal number; one that does not fit is a mismatch, never a wrong number.
pub(crate) fn number(input: &[u8]) -> Scan<'_, u64> {
    if let Some(near) = near_number(input) {
        return Ok(near);
    }
    let (text, rest) = input.split_at(digits(input));
    match to_number(text) {
        Some(value) => Ok((rest, value)),
        None => mismatch(),
    }
}

/// Reads a number of one to seven digits that is not the last thing of a line: all digits at once.
#[inline(always)]
pub(crate) fn near_number(input: &[u8]) -> Option<(&[u8], u64)> {
    let digits = u64::from_le_bytes(*input.first_chunk()?) ^ splat(b'0');
    // Adding makes the top bit of each byte above nine one; a carry only goes to bytes behind it.
    let others = (digits | digits.wrapping_add(splat(0x76))) & splat(0x80);
    let length = others.trailing_zeros() / 8;
    if length == 0 || length > 7 {
        return None;
    }
    // The last digit comes to the top byte; what was behind it falls out.
    let ones = digits << (64 - 8 * length);
    let pairs = (ones.wrapping_mul(10).wrapping_add(ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let value = (fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff;
    Some((input.get(length as usize..)?, value))
}

/// Reads a number that fits 32 bits (ports, process ids, counts of one mail).
pub(crate) fn small_number(input: &[u8]) -> Scan<'_, u32> {
    let (rest, value) = number(input)?;
    match u32::try_from(value) {
        Ok(value) => Ok((rest, value)),
        Err(_) => mismatch(),
    }
}

/// Turns decimal digits into a number; `None` when empty, not digits or too large.
pub(crate) fn to_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    // Eighteen digits always fit.
    let (near, far) = digits.split_at(digits.len().min(18));
    let mut value = 0u64;
    for &byte in near {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    far.iter().try_fold(value, |value, &byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Reads up to the next blank or the end; not empty.
pub(crate) fn word(input: &[u8]) -> Scan<'_, &[u8]> {
    take_while1(|byte| byte != b' ').parse(input)
}

/// Reads a duration in decimal seconds with up to six digits of fraction; further ones are cut.
pub(crate) fn seconds(input: &[u8]) -> Scan<'_, Seconds> {
    let (rest, whole) = number(input)?;
    let Some(whole_micros) = whole.checked_mul(1_000_000) else {
        return mismatch();
    };
    let (fraction, rest) = match rest.strip_prefix(b".") {
        Some(behind) => behind.split_at(digits(behind)),
        None => (&b""[..], rest),
    };
    let micros = whole_micros.saturating_add(u64::from(micros(fraction)));
    Ok((rest, Seconds { micros }))
}

/// How many digits a text begins with.
fn digits(input: &[u8]) -> usize {
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    input.iter().take_while(is_digit).count()
}

/// Turns the digits after the decimal point into microseconds; digits past the sixth are cut.
pub(crate) fn micros(digits: &[u8]) -> u32 {
    let mut unit = 1_000_000;
    let mut value = 0;
    for digit in digits.iter().take(6) {
        unit /= 10;
        value += u32::from(digit.wrapping_sub(b'0').min(9)) * unit;
    }
    value
}

/// A client or server with its name, as in `mail.example.net[198.51.100.7]:51234`.
///
/// `name` is `unknown` where Postfix could not verify one; `address` may be a path (unix sockets)
/// or the word `unknown`; `port` stands there only with `smtpd_client_port_logging`, and may be the
/// word `unknown`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client<'a> {
    /// The verified name, `unknown`, `localhost`; empty where people masked it.
    pub name: &'a [u8],
    /// The address, without brackets.
    pub address: &'a [u8],
    /// The port, as logged.
    pub port: Option<&'a [u8]>,
}

impl Field for Client<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        // postscreen's and tlsproxy's clients have no name.
        if !self.name.is_empty() {
            visitor.text("client_name", self.name);
        }
        visitor.text("client_address", self.address);
        self.port.visit_as("client_port", visitor);
    }
}

/// The other end of a connection that we opened: `mx1.example.org[203.0.113.25]:25`.
///
/// The same shape as [`Client`], visited as `host`, `address`, `port`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer<'a> {
    /// The whole text, as logged.
    pub text: &'a [u8],
    /// The host name.
    pub host: &'a [u8],
    /// The address, without brackets; a path for unix sockets.
    pub address: &'a [u8],
    /// The port, as logged.
    pub port: Option<&'a [u8]>,
}

impl Field for Peer<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        // tlsproxy's peers have no name, and Postfix up to 2.4 logs no address.
        if !self.host.is_empty() {
            visitor.text("host", self.host);
        }
        if !self.address.is_empty() {
            visitor.text("address", self.address);
        }
        self.port.visit_as("port", visitor);
    }
}

/// Reads `name[address]` with an optional `:port`.
#[inline(always)]
pub(crate) fn client(input: &[u8]) -> Scan<'_, Client<'_>> {
    match name_and_address(input) {
        Some((name, address, rest)) => {
            let (rest, port) = optional_port(rest);
            let client = Client {
                name,
                address,
                port,
            };
            Ok((rest, client))
        }
        None => mismatch(),
    }
}

/// Splits `name[address]` off; neither holds a blank.
#[inline(always)]
fn name_and_address(input: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, behind) = input.split_at_checked(find_either_from::<b'[', b' '>(input, 0)?)?;
    let inside = behind.strip_prefix(b"[")?;
    let end = find_either_from::<b']', b' '>(input, name.len() + 1)?;
    let (address, behind) = inside.split_at_checked(end - name.len() - 1)?;
    Some((name, address, behind.strip_prefix(b"]")?))
}

/// Reads a server: [`client`]'s shape, with the text kept whole for joining.
#[inline(always)]
pub(crate) fn peer(input: &[u8]) -> Scan<'_, Peer<'_>> {
    let Some((host, address, rest)) = name_and_address(input) else {
        return mismatch();
    };
    let (rest, port) = server_port(rest);
    let text = input.get(..input.len() - rest.len()).unwrap_or(input);
    let peer = Peer {
        text,
        host,
        address,
        port,
    };
    Ok((rest, peer))
}

/// Reads postscreen's and tlsproxy's `[address]:port`, which has no name.
#[inline]
pub(crate) fn nameless_client(input: &[u8]) -> Scan<'_, Client<'_>> {
    let Some((address, rest)) = bracketed_address(input) else {
        return mismatch();
    };
    let (rest, port) = server_port(rest);
    let client = Client {
        name: b"",
        address,
        port,
    };
    Ok((rest, client))
}

/// Splits `[address]` off.
#[inline(always)]
fn bracketed_address(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = input.strip_prefix(b"[")?;
    let end = find_either_from::<b']', b' '>(input, 1)?;
    let (address, behind) = inside.split_at_checked(end - 1)?;
    Some((address, behind.strip_prefix(b"]")?))
}

/// Reads `:port` (digits or the word `unknown`) where it stands.
#[inline(always)]
fn optional_port(input: &[u8]) -> (&[u8], Option<&[u8]>) {
    match input {
        [b':', tail @ ..] => port(input, tail),
        _ => (input, None),
    }
}

/// The same of a server, which mostly has one.
#[inline(always)]
pub(crate) fn server_port(input: &[u8]) -> (&[u8], Option<&[u8]>) {
    let [b':', tail @ ..] = input else {
        return (input, None);
    };
    match near_number(tail) {
        Some((rest, _)) => (rest, tail.get(..tail.len() - rest.len())),
        None => port(input, tail),
    }
}

/// The same where a colon stands; `tail` is what follows it.
fn port<'a>(input: &'a [u8], tail: &'a [u8]) -> (&'a [u8], Option<&'a [u8]>) {
    if let Some(rest) = tail.strip_prefix(b"unknown") {
        return (rest, Some(b"unknown"));
    }
    let digits = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match tail.split_at_checked(digits) {
        Some((port, rest)) if !port.is_empty() => (rest, Some(port)),
        _ => (input, None),
    }
}

/// Reads a queue id and the `: ` after it.
///
/// Short ids are upper-case hexadecimal, six or more; long ids are 15 or so letters without vowels
/// and digits. Words such as `warning` and `statistics` have letters that neither form has.
/// `NOQUEUE` is no queue id.
#[inline(always)]
pub(crate) fn queue_id(input: &[u8]) -> Scan<'_, &[u8]> {
    // Most are short.
    if let Some(length @ 6..) = hex_digits(input)
        && let Some((id, [b':', b' ', rest @ ..])) = input.split_at_checked(length)
    {
        return Ok((rest, id));
    }
    long_queue_id(input)
}

/// Reads a queue id that is not a short one of less than sixteen digits.
#[inline(never)]
fn long_queue_id(input: &[u8]) -> Scan<'_, &[u8]> {
    let (Some(0..=15), Some(length)) = (hex_digits(input), base52_digits(input)) else {
        return any_queue_id(input);
    };
    match input.split_at_checked(length) {
        Some((id, [b':', b' ', rest @ ..])) if has_inode(id) => Ok((rest, id)),
        _ if length == 16 => any_queue_id(input),
        _ => mismatch(),
    }
}

/// Reads a queue id of any form.
#[inline(never)]
fn any_queue_id(input: &[u8]) -> Scan<'_, &[u8]> {
    let near = input.get(..QUEUE_ID_BYTES).unwrap_or(input);
    let Some(end) = find_either(near, b':', b' ') else {
        return mismatch();
    };
    match input.split_at_checked(end) {
        Some((id, [b':', b' ', rest @ ..])) if is_queue_id(id) => Ok((rest, id)),
        _ => mismatch(),
    }
}

/// A queue id and its colon are no longer than this: Postfix's longest ids have 21 letters.
const QUEUE_ID_BYTES: usize = 40;

/// Reads a queue id or the word `NOQUEUE` (`None`), and the `: ` after it.
pub(crate) fn queue_id_or_none(input: &[u8]) -> Scan<'_, Option<&[u8]>> {
    if let Some(rest) = input.strip_prefix(b"NOQUEUE: ") {
        return Ok((rest, None));
    }
    let (rest, id) = queue_id(input)?;
    Ok((rest, Some(id)))
}

/// Tells whether a word has the shape of a queue id, short or long.
pub(crate) fn is_queue_id(word: &[u8]) -> bool {
    let all = word.iter().fold(HEX | BASE52, |all, &byte| {
        all & DIGITS.get(usize::from(byte)).copied().unwrap_or(0)
    });
    let is_short = all & HEX != 0 && word.len() >= 6;
    is_short || all & BASE52 != 0 && has_inode(word)
}

/// Tells whether a `z` stands where a long queue id has it: time before, an inode number behind.
fn has_inode(word: &[u8]) -> bool {
    let last_z = word.iter().rposition(|byte| *byte == b'z');
    last_z.is_some_and(|last_z| last_z >= 10 && last_z + 1 < word.len())
}

/// A digit of a short queue id: upper-case hexadecimal.
const HEX: u8 = 1;
/// A digit of a long queue id: digits, and letters without vowels.
const BASE52: u8 = 2;
/// Which digits each byte can be.
static DIGITS: [u8; 256] = byte_table!(digit_sets);

/// Which digits a byte can be, 0 for none.
const fn digit_sets(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => HEX | BASE52,
        b'A' | b'E' => HEX,
        b'B' | b'C' | b'D' | b'F' => HEX | BASE52,
        b'I' | b'O' | b'U' | b'a' | b'e' | b'i' | b'o' | b'u' => 0,
        b'G'..=b'Z' | b'b'..=b'z' => BASE52,
        _ => 0,
    }
}

/// Reads an address in angle brackets that ends before one of `ends` or at the end of the input.
///
/// A quoted local part may hold `>` and `,`; an unquoted one (Postfix up to 3.4 logs the internal
/// form) ends at the first `>` that is followed by what can stand behind an address in this line.
pub(crate) fn angle<'a>(input: &'a [u8], ends: &[&[u8]]) -> Scan<'a, &'a [u8]> {
    let (inside, _) = tag("<").parse(input)?;
    let mut from = quoted_prefix(inside);
    while let Some(found) = inside.get(from..).and_then(|tail| find_near(tail, b'>')) {
        let at = from + found;
        let (Some(address), Some(rest)) = (inside.get(..at), inside.get(at + 1..)) else {
            break;
        };
        if rest.is_empty() || ends.iter().any(|end| begins(rest, end)) {
            return Ok((rest, address));
        }
        from = at + 1;
    }
    mismatch()
}

/// Tells whether a text begins with a short mark.
fn begins(text: &[u8], mark: &[u8]) -> bool {
    text.get(..mark.len())
        .is_some_and(|start| is_same(start, mark))
}

/// Returns the length of a leading quoted string, 0 if there is none.
fn quoted_prefix(input: &[u8]) -> usize {
    if input.first() != Some(&b'"') {
        return 0;
    }
    let mut escaped = false;
    for (at, &byte) in input.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    0
}

/// Tells whether the text is `d.d.d`: an enhanced status code.
#[inline(always)]
pub(crate) fn enhanced_code(input: &[u8]) -> Scan<'_, &[u8]> {
    // Words are told from codes by their first letter.
    if !matches!(input, [b'2' | b'4' | b'5', ..]) {
        return mismatch();
    }
    // Most have one digit in each place.
    if let [_, b'.', b'0'..=b'9', b'.', b'0'..=b'9', b' ', ..] = input
        && let Some((code, rest)) = input.split_at_checked(5)
    {
        return Ok((rest, code));
    }
    any_enhanced_code(input)
}

/// The same with numbers of any length.
#[inline(never)]
fn any_enhanced_code(input: &[u8]) -> Scan<'_, &[u8]> {
    let (rest, _) = (number, tag("."), number, tag("."), number).parse(input)?;
    let text = input.get(..input.len() - rest.len()).unwrap_or(input);
    match text.len() {
        ..=9 => Ok((rest, text)),
        _ => mismatch(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_near_numbers_as_slow_ones() {
        let behinds = [
            "",
            " ",
            "]: x",
            "x1234567",
            "/",
            ":",
            "\u{ff}\u{ff}12345678",
            "99999999",
            ".5",
        ];
        for number in [
            "", "0", "7", "10", "4711", "65535", "99999", "123456", "9999999", "12345678", "00012",
        ] {
            for behind in behinds {
                let text = format!("{number}{behind}");
                let length = digits(text.as_bytes());
                let (near, rest) = text.as_bytes().split_at(length);
                match near_number(text.as_bytes()) {
                    Some(found) => assert_eq!(found, (rest, to_number(near).unwrap()), "{text}"),
                    None => assert!(!(1..=7).contains(&length) || text.len() < 8, "{text}"),
                }
                let slow = to_number(near).map(|value| (rest, value));
                assert_eq!(super::number(text.as_bytes()).ok(), slow, "{text}");
            }
        }
    }

    #[test]
    fn short_queue_ids_are_read_as_all_others_are() {
        for id in [
            "ABCDE",
            "ABCDEF",
            "0123456789ABCDEF",
            "0123456789ABCDEF0",
            "4F1A2g",
            "4jHFZd2LmNz1TJrR",
            "4jHFZd2LmNz1TJr",
            "4jHFZd2LmNz1TJrRb",
            "4jHFZd2LmNz1",
            "4jHFZd2LmNzz",
            "4jHFZd2LmNbz",
            "4jHFZd2Lmzb1TJrR",
            "4jHFZd2LmNb1TJrR",
            "4jHFZd2LmNb1TJrz",
            "4jHFad2LmNz1TJrR",
            "warning",
            "NOQUEUE",
        ] {
            for behind in [
                ": removed",
                ":removed",
                " x",
                "",
                ": ",
                ": a text behind it",
            ] {
                let text = format!("{id}{behind}");
                let text = text.as_bytes();
                assert_eq!(queue_id(text), any_queue_id(text), "{id}{behind}");
            }
        }
        let found = queue_id(b"4F1A22C0D9E: removed and so on").unwrap();
        assert_eq!(found, (&b"removed and so on"[..], &b"4F1A22C0D9E"[..]));
        assert!(queue_id(b"4F1A2: removed and so on").is_err());
    }

    #[test]
    fn tells_queue_ids_from_words() {
        for id in [
            "4F1A22C0D9E",
            "4Vd3Qh2sBwz1XkP9",
            "ABCDEF",
            "4ZxYw1234BCDz1",
        ] {
            assert!(is_queue_id(id.as_bytes()), "{id}");
        }
        for word in [
            "NOQUEUE",
            "warning",
            "statistics",
            "ABCDE",
            "reject",
            "connect",
            "z",
            "",
        ] {
            assert!(!is_queue_id(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn reads_clients_of_every_form() {
        let read = |text: &'static str| client(text.as_bytes()).unwrap();
        let (rest, found) = read("mail.example.net[198.51.100.7]:51234, x");
        assert_eq!(
            (found.name, found.address),
            (&b"mail.example.net"[..], &b"198.51.100.7"[..])
        );
        assert_eq!((found.port, rest), (Some(&b"51234"[..]), &b", x"[..]));
        assert_eq!(read("unknown[2001:db8::9]: x").0, b": x");
        assert_eq!(
            read("unknown[unknown]:unknown").1.port,
            Some(&b"unknown"[..])
        );
        assert_eq!(read("mail[]").1.address, b"");
    }

    #[test]
    fn keeps_quoted_and_odd_local_parts_whole() {
        let ends: &[&[u8]] = &[b", "];
        assert_eq!(
            angle(b"<\"x>, relay=y\"@example.com>, relay=z", ends)
                .unwrap()
                .1,
            b"\"x>, relay=y\"@example.com"
        );
        assert_eq!(
            angle(b"<a>b@example.com>, relay=z", ends).unwrap().1,
            b"a>b@example.com"
        );
        assert_eq!(angle(b"<>", ends).unwrap().1, b"");
        assert!(angle(b"<open", ends).is_err());
    }

    #[test]
    fn prints_seconds_as_postfix_does() {
        for text in ["0", "0.04", "1.5", "71204", "0.000123", "12"] {
            assert_eq!(seconds(text.as_bytes()).unwrap().1.to_string(), text);
        }
        assert!(seconds(b"99999999999999999999").is_err());
    }
}
