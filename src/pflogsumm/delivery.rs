//! Lines of the queue manager and the delivery agents.

use super::find::{split, splits, until};
use super::stamp::is_space;

/// `from=<{sender}>, size={bytes}`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Active<'a> {
    pub(super) sender: &'a [u8],
    pub(super) size_bytes: u64,
}

/// Finds a sender and a size, which is how pflogsumm knows the queue manager's line.
pub(super) fn active(text: &[u8]) -> Option<Active<'_>> {
    let mut texts = splits(text, b"from=<");
    texts.find_map(|(_, text)| {
        let (sender, rest) = until(text, |byte| byte == b'>');
        let (size, _) = until(rest.strip_prefix(b">, size=")?, |byte| {
            !byte.is_ascii_digit()
        });
        (!size.is_empty()).then_some(Active {
            sender,
            size_bytes: number(size),
        })
    })
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0u64, |number, digit| {
        let digit = u64::from(digit.wrapping_sub(b'0'));
        number.saturating_mul(10).saturating_add(digit)
    })
}

/// A delivery attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Delivery<'a> {
    pub(super) recipient: &'a [u8],
    pub(super) relay: &'a [u8],
    pub(super) delay_us: i64,
    pub(super) status: &'a [u8],
    /// What follows the status.
    pub(super) rest: &'a [u8],
}

/// Finds a delivery attempt; a field that pflogsumm does not know, or in another order, hides it.
pub(super) fn delivery(text: &[u8]) -> Option<Delivery<'_>> {
    splits(text, b"to=<").find_map(|(_, text)| of_recipient(text))
}

fn of_recipient(text: &[u8]) -> Option<Delivery<'_>> {
    let (recipient, rest) = until(text, |byte| byte == b'>');
    let rest = rest.strip_prefix(b">, ")?;
    let rest = match rest.strip_prefix(b"orig_to=<") {
        Some(original) => split(original, b">")?.1.strip_prefix(b", ")?,
        None => rest,
    };
    let (relay, rest) = value(rest.strip_prefix(b"relay=")?)?;
    let rest = without(rest, b"conn_use=");
    let (delay, rest) = value(rest.strip_prefix(b"delay=")?)?;
    let rest = without(rest, b"delays=");
    let rest = without(rest, b"dsn=").strip_prefix(b"status=")?;
    let (status, rest) = until(rest, is_space);
    (!status.is_empty()).then_some(Delivery {
        recipient,
        relay,
        delay_us: delay_us(delay),
        status,
        rest,
    })
}

/// Takes a value up to its comma.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (value, rest) = until(text, |byte| byte == b',');
    let rest = rest.strip_prefix(b", ")?;
    (!value.is_empty()).then_some((value, rest))
}

/// Takes a field off if it is there.
fn without<'a>(text: &'a [u8], name: &[u8]) -> &'a [u8] {
    let field = text.strip_prefix(name).and_then(value);
    field.map_or(text, |(_, rest)| rest)
}

/// Reads seconds as far as they are a number.
fn delay_us(delay: &[u8]) -> i64 {
    let (is_negative, digits) = signed(delay);
    let (whole, rest) = until(digits, |byte| !byte.is_ascii_digit());
    let (fraction, rest) = match rest.strip_prefix(b".") {
        Some(fraction) => until(fraction, |byte| !byte.is_ascii_digit()),
        None => (&b""[..], rest),
    };
    let mut micros = number(whole).saturating_mul(1_000_000);
    let mut weight = 100_000;
    for digit in fraction {
        micros = micros.saturating_add(u64::from(digit.wrapping_sub(b'0')) * weight);
        weight /= 10;
    }
    let micros = i64::try_from(with_exponent(micros, rest)).unwrap_or(i64::MAX);
    if is_negative { -micros } else { micros }
}

/// Multiplies by the power of ten that an exponent says, which no Postfix writes.
fn with_exponent(micros: u64, rest: &[u8]) -> u64 {
    let Some((b'e' | b'E', exponent)) = rest.split_first() else {
        return micros;
    };
    let (is_negative, digits) = signed(exponent);
    let (digits, _) = until(digits, |byte| !byte.is_ascii_digit());
    let power = u32::try_from(number(digits)).unwrap_or(u32::MAX);
    match 10u64.checked_pow(power) {
        Some(factor) if is_negative => micros / factor,
        Some(factor) => micros.saturating_mul(factor),
        None if is_negative || micros == 0 => 0,
        None => u64::MAX,
    }
}

fn signed(number: &[u8]) -> (bool, &[u8]) {
    match number.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, number),
    }
}

/// Returns why a delivery was deferred: what stands in parentheses up to the first closing one.
///
/// Of the whole line, for another status may stand before the one that counts.
pub(super) fn deferral_reason(text: &[u8]) -> &[u8] {
    let reasons = splits(text, b", status=deferred (").map(|(_, text)| until(text, is_closing).0);
    let mut reasons = reasons.filter(|reason| !reason.is_empty());
    reasons.next().unwrap_or(b"")
}

/// Returns why a delivery bounced: what stands in parentheses up to the last closing one.
pub(super) fn bounce_reason(text: &[u8]) -> &[u8] {
    let mut reasons = splits(text, b", status=bounced (").filter_map(|(_, text)| {
        let end = text.iter().rposition(|byte| is_closing(*byte))?;
        text.get(..end)
    });
    reasons.next().unwrap_or(b"")
}

fn is_closing(byte: u8) -> bool {
    byte == b')'
}

/// A connection that smtp could not make, in the words of Postfix before 2.3.
pub(super) fn failed_connection(text: &[u8]) -> Option<(&[u8], &[u8])> {
    last_connect(text, with_address).or_else(|| last_connect(text, with_port))
}

fn last_connect<'a>(
    text: &'a [u8],
    read: impl Fn(&'a [u8]) -> Option<(&'a [u8], &'a [u8])>,
) -> Option<(&'a [u8], &'a [u8])> {
    let mark = b" connect to ";
    let mut ends = memchr::memmem::rfind_iter(text, mark);
    ends.find_map(|at| read(text.get(at + mark.len()..)?))
}

/// `{host}: {reason}; address {address} port`
fn with_address(text: &[u8]) -> Option<(&[u8], &[u8])> {
    splits(text, b": ").find_map(|(host, rest)| {
        let (reason, rest) = until(rest, |byte| byte == b';');
        let (address, rest) = until(rest.strip_prefix(b"; address ")?, is_space);
        let is_whole = !reason.is_empty() && !address.is_empty() && rest.starts_with(b" port");
        let is_host = !host.is_empty() && !host.iter().any(|byte| is_space(*byte));
        (is_whole && is_host).then_some((host, reason))
    })
}

/// `{host}[{address}]: {reason} (port {number})`
fn with_port(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (host, rest) = split(text, b"[")?;
    let head = text.strip_suffix(b")")?;
    let digits = head
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let head = head.get(..head.len() - digits).filter(|_| digits > 0)?;
    let head = head.strip_suffix(b" (port ")?;
    let (address, _) = split(rest, b"]: ").filter(|(address, _)| {
        !address.is_empty() && !address.iter().any(|byte| is_space(*byte))
    })?;
    let reason = head.get(host.len() + address.len() + 4..)?;
    (!host.is_empty() && !reason.is_empty()).then_some((host, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "postfix/smtp[1]: A1: to=<r@d.e>, orig_to=<o>, relay=mx[192.0.2.1]:25, \
                         conn_use=2, delay=1.25, delays=1/0/0/0.25, dsn=2.0.0, status=sent (250 ok)";

    #[test]
    fn reads_a_delivery() {
        let found = delivery(WHOLE.as_bytes()).unwrap();
        assert_eq!(found.recipient, b"r@d.e");
        assert_eq!(found.relay, b"mx[192.0.2.1]:25");
        assert_eq!(found.delay_us, 1_250_000);
        assert_eq!(
            (found.status, found.rest),
            (&b"sent"[..], &b" (250 ok)"[..])
        );
    }

    /// What pflogsumm listed for these lines.
    #[test]
    fn reasons_stand_behind_the_status_and_its_comma() {
        for (text, deferred, bounced) in [
            ("(a)", "a", "a"),
            ("(a(b)c)", "a(b", "a(b)c"),
            ("(a", "a", ""),
            ("()", "", ""),
            (" (a)", "", ""),
            ("x (a)", "", ""),
            ("(a) status=S (b)", "a", "a) status=S (b"),
            ("x (a) status=S (b)", "", ""),
            ("x (a), status=S (b)", "b", "b"),
            ("(), status=S (b)", "b", "), status=S (b"),
        ] {
            let line = format!("to=<r>, relay=x, delay=1, status=S {text}");
            let of = |status: &str| line.replace("=S", &format!("={status}"));
            let reason = of("deferred");
            assert_eq!(
                deferral_reason(reason.as_bytes()),
                deferred.as_bytes(),
                "{text}"
            );
            let reason = of("bounced");
            let bounced = bounced.replace("=S", "=bounced");
            assert_eq!(
                bounce_reason(reason.as_bytes()),
                bounced.as_bytes(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_field_that_pflogsumm_does_not_know_hides_a_delivery() {
        let bare = "to=<r>, relay=x, delay=0, status=sent";
        assert!(delivery(bare.as_bytes()).is_some());
        for (from, to) in [
            ("status", "tls=none, status"),
            ("delay=", "delays=0/0, delay="),
            ("relay=x", "relay="),
            ("delay=0", "delay="),
            ("=sent", "= sent"),
            ("<r>", "<r>x>"),
            ("relay=x, ", "relay=x,"),
        ] {
            assert_eq!(delivery(bare.replace(from, to).as_bytes()), None, "{to}");
        }
        let tls = WHOLE.replace("dsn=", "tls=none, dsn=");
        assert_eq!(delivery(tls.as_bytes()), None);
    }

    #[test]
    fn delays_are_read_as_far_as_they_are_numbers() {
        for (text, expected) in [
            ("1", 1_000_000),
            (".5", 500_000),
            ("1.2.3", 1_200_000),
            ("0.0000019", 1),
            ("x", 0),
            ("7x", 7_000_000),
            ("-2.5", -2_500_000),
            ("99999999999999999999", i64::MAX),
            ("1.5e2", 150_000_000),
            ("2E+1x", 20_000_000),
            ("25e-1", 2_500_000),
            ("3e", 3_000_000),
            ("1e99", i64::MAX),
            ("1e-99", 0),
        ] {
            assert_eq!(delay_us(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn the_first_sender_with_a_size_counts() {
        let sizes = |text: &'static str| active(text.as_bytes()).map(|found| found.size_bytes);
        assert_eq!(sizes("from=<a>, size=7x"), Some(7));
        assert_eq!(
            sizes("from=<a>, from=<b>, size=8 from=<c>, size=9"),
            Some(8)
        );
        assert_eq!(sizes("from=<a>b>, size=7"), None);
        assert_eq!(sizes("from=<a>, size=-7"), None);
        assert_eq!(sizes("from=<a>, size=99999999999999999999"), Some(u64::MAX));
    }

    /// What pflogsumm listed for these lines.
    #[test]
    fn failed_connections_have_the_words_of_old() {
        for (text, expected) in [
            ("connect to a: r; address 1 port 25", "a: r"),
            ("connect to a: b: r; address 1 port", "a: b: r"),
            (
                "connect to a: r1 connect to b: r2; address 1 port 2",
                "b: r2",
            ),
            ("connect to a: r; x; address 1 port 2", ""),
            ("connect to a: r; address  port 2", ""),
            ("connect to a b: r; address 1 port 2", ""),
            ("connect to a[1]: r; address 1 port 2", "a[1]: r"),
            ("connect to a b[1]: r (a) (port 25)", "a b: r (a)"),
            ("connect to a[1][2]: r (port 25)", "a: r"),
            ("connect to a[1]: b[2]: r (port 25)", "a: b[2]: r"),
            ("connect to a[1]: r1 connect to b[2]: r2 (port 2)", "b: r2"),
            ("connect to a[1 2]: r (port 25)", ""),
            ("connect to a[1]: r (port 25) ", ""),
            ("connect to a[1]:  (port 25)", ""),
            ("connect to a[1]:25: r", ""),
            ("connect to [1]: r (port 25)", ""),
        ] {
            let line = format!("postfix/smtp[1]: {text}");
            let found = failed_connection(line.as_bytes());
            let shown = found.map_or(String::new(), |(host, reason)| {
                format!(
                    "{}: {}",
                    String::from_utf8_lossy(host),
                    String::from_utf8_lossy(reason)
                )
            });
            assert_eq!(shown, expected, "{text}");
        }
    }
}
