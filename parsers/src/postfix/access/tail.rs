//! The tail of a transaction: `; from=<…> to=<…> proto=… helo=<…>` behind a line's text.
//!
//! Careful: the text before the tail and the HELO name are under a stranger's control. Read the
//! notes at [`split_tail`] before changing how the tail is found.

use crate::scan::{Scan, angle, find_any_from, mismatch, rfind, split_once};

/// The transaction so far, as the tail of a line states it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Tail<'a> {
    /// `from=<…>`
    pub(crate) sender: Option<&'a [u8]>,
    /// `to=<…>`
    pub(crate) recipient: Option<&'a [u8]>,
    /// `proto=…`
    pub(crate) proto: Option<&'a [u8]>,
    /// `helo=<…>`
    pub(crate) helo: Option<&'a [u8]>,
    /// `sasl_method=…`
    pub(crate) sasl_method: Option<&'a [u8]>,
    /// `sasl_username=…`; milters and proxies put it into angle brackets.
    pub(crate) sasl_username: Option<&'a [u8]>,
    /// `sasl_sender=…`
    pub(crate) sasl_sender: Option<&'a [u8]>,
}

/// How a tail is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Addresses as Postfix logs them since 3.5: `<` and `>` only inside quotes.
    External,
    /// Addresses with any byte (up to 3.4), and pasted lines that lost their angle brackets.
    Internal,
    /// The line was cut inside the tail.
    Cut,
}

/// The forms of a tail, in the order in which they are tried.
pub(crate) const FORMS: [Form; 3] = [Form::External, Form::Internal, Form::Cut];

/// Splits the text of a line from the tail of the transaction behind it.
///
/// Shape: `;[ from=<S>][ to=<R>][ proto=P][ helo=<H>][ sasl_method=M][ sasl_username=U]
/// [ sasl_sender=S]`. Texts hold semicolons and, if someone wishes so, ` from=<x>`: the tail starts
/// at the leftmost `;` from which the tail grammar reaches the end of the line. Strict addresses
/// are tried first, for with the loose ones a forged `to=<z>` in a blocklist's text would swallow
/// the true tail. HELO names are neutered, so that they end at the first `>`, except while HELO
/// itself is answered (`stage` is HELO or EHLO): then all up to the last `>` belongs to the name.
/// A login has no end of its own: one with a semicolon may be forged and hold the true tail, and is
/// taken only if no later tail fits.
pub(crate) fn split_tail<'a>(input: &'a [u8], stage: &[u8]) -> (&'a [u8], Tail<'a>) {
    if matches!(stage, b"HELO" | b"EHLO")
        && let Some(found) = split_raw_helo(input)
    {
        return found;
    }
    for form in FORMS {
        let mut swallowing = None;
        for at in memchr::memchr_iter(b';', input) {
            let (Some(text), Some(rest)) = (input.get(..at), input.get(at + 1..)) else {
                continue;
            };
            // Only a line that was cut has another text behind the `;` of a tail.
            if form != Form::Cut && !may_begin_tail(rest) {
                continue;
            }
            if form == Form::External
                && let Some(tail) = usual_tail(rest)
            {
                return (text, tail);
            }
            match tail(rest, form) {
                Ok((b"", tail)) if !has_semicolon(tail.sasl_username) => return (text, tail),
                Ok((b"", tail)) => swallowing = swallowing.or(Some((text, tail))),
                _ => {}
            }
        }
        if let Some(found) = swallowing {
            return found;
        }
    }
    (input, Tail::default())
}

/// Tells whether a text may be a tail: by the letter that its first field begins with.
#[inline(always)]
fn may_begin_tail(text: &[u8]) -> bool {
    matches!(text, [b' ', b'f' | b't' | b'p' | b'h', ..])
}

fn has_semicolon(value: Option<&[u8]>) -> bool {
    value.is_some_and(|value| value.contains(&b';'))
}

/// Splits a line that answers HELO: `;[ proto=P] helo=<{raw}>` and nothing else.
///
/// The raw name can hold a tail of its own. Where the text names it too (`<{raw}>: Helo command
/// rejected`), the split that makes both names equal is right, else the leftmost.
fn split_raw_helo(input: &[u8]) -> Option<(&[u8], Tail<'_>)> {
    let named = memchr::memchr(b'<', input).and_then(|at| input.get(at + 1..));
    let mut leftmost = None;
    for at in memchr::memchr_iter(b';', input) {
        let (Some(text), Some(rest)) = (input.get(..at), input.get(at + 1..)) else {
            continue;
        };
        let Some(tail) = raw_helo_tail(rest) else {
            continue;
        };
        let helo = tail.helo.unwrap_or(b"");
        let same = named
            .and_then(|named| named.strip_prefix(helo))
            .is_some_and(|behind| behind.starts_with(b">: "));
        if same {
            return Some((text, tail));
        }
        leftmost = leftmost.or(Some((text, tail)));
    }
    leftmost
}

fn raw_helo_tail(input: &[u8]) -> Option<Tail<'_>> {
    let (input, proto) = proto(input).unwrap_or((input, None));
    let helo = input.strip_prefix(b" helo=<")?;
    if let Some(helo) = helo.strip_suffix(b">") {
        return Some(Tail {
            proto,
            helo: Some(helo),
            ..Tail::default()
        });
    }
    let close = rfind(helo, b"> sasl_")?;
    let found = Tail {
        proto,
        helo: helo.get(..close),
        ..Tail::default()
    };
    let (rest, tail) = sasl(helo.get(close + 1..)?, found);
    rest.is_empty().then_some(tail)
}

/// Reads the tail without its `;`, as far as it goes: cleanup's lines have more text behind it.
pub(crate) fn tail(input: &[u8], form: Form) -> Scan<'_, Tail<'_>> {
    let (input, sender) = bracketed(input, b" from=", form)?;
    let (input, recipient) = bracketed(input, b" to=", form)?;
    let (input, proto) = proto(input)?;
    let (input, helo) = bracketed(input, b" helo=", form)?;
    let found = Tail {
        sender,
        recipient,
        proto,
        helo,
        ..Tail::default()
    };
    if form == Form::Cut && !input.is_empty() && is_field_start(input) {
        return Ok((b"", found));
    }
    // A lone `;` is no tail: a text may end with one.
    if sender.or(recipient).or(proto).or(helo).is_none() {
        return mismatch();
    }
    Ok(sasl(input, found))
}

/// Reads a tail in which nothing but Postfix's own fields stands, without quotes: in one go what
/// [`tail`] reads of any form.
fn usual_tail(input: &[u8]) -> Option<Tail<'_>> {
    let (sender, rest) = usual_bracketed(input, b" from=<")?;
    let (recipient, rest) = usual_bracketed(rest, b" to=<")?;
    let (rest, proto) = proto(rest).ok()?;
    let (helo, rest) = usual_bracketed(rest, b" helo=<")?;
    sender.or(recipient).or(proto).or(helo)?;
    rest.is_empty().then_some(Tail {
        sender,
        recipient,
        proto,
        helo,
        ..Tail::default()
    })
}

/// Reads an optional field in angle brackets in which there are no others, nor quotes.
#[inline(always)]
fn usual_bracketed<'a>(input: &'a [u8], name: &[u8]) -> Option<(Option<&'a [u8]>, &'a [u8])> {
    let Some(inside) = input.strip_prefix(name) else {
        return Some((None, input));
    };
    let at = find_any_from::<b'>', b'<', b'"'>(inside, 0)?;
    match inside.split_at_checked(at)? {
        (text, [b'>', rest @ ..]) => Some((Some(text), rest)),
        _ => None,
    }
}

/// Tells whether a cut line ends inside the name of a field of the tail.
fn is_field_start(input: &[u8]) -> bool {
    [&b" from=<"[..], b" to=<", b" proto=", b" helo=<"]
        .iter()
        .any(|name| name.starts_with(input))
}

fn proto(input: &[u8]) -> Scan<'_, Option<&[u8]>> {
    let Some(value) = input.strip_prefix(b" proto=") else {
        return Ok((input, None));
    };
    let length = value.iter().take_while(|byte| byte.is_ascii_alphanumeric());
    match value.split_at_checked(length.count()) {
        Some((word @ [_, ..], rest)) => Ok((rest, Some(word))),
        _ => mismatch(),
    }
}

/// What can stand behind an address in a tail.
const BEHIND: [&[u8]; 7] = [
    b" to=<",
    b" proto=",
    b" helo=<",
    b" sasl_method=",
    b" sasl_username=",
    b" sasl_sender=",
    b": ",
];

/// Reads an optional field in angle brackets.
fn bracketed<'a>(input: &'a [u8], name: &[u8], form: Form) -> Scan<'a, Option<&'a [u8]>> {
    let Some(value) = input.strip_prefix(name) else {
        return Ok((input, None));
    };
    let Some(inside) = value.strip_prefix(b"<") else {
        return match form {
            Form::Internal => Ok(bare(value)),
            _ => mismatch(),
        };
    };
    match form {
        Form::External => strict(inside),
        Form::Internal => angle(value, &BEHIND).map(|(rest, text)| (rest, Some(text))),
        Form::Cut if !inside.contains(&b'>') => Ok((b"", Some(inside))),
        Form::Cut => strict(inside),
    }
}

/// Reads a value whose angle brackets were stripped; with its text gone too, it is absent.
fn bare(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let blank = memchr::memchr(b' ', value).unwrap_or(value.len());
    let (word, _) = value.split_at_checked(blank).unwrap_or((value, b""));
    let has_text_behind = word.len() < value.len();
    let word = match word.strip_suffix(b":") {
        Some(word) if has_text_behind => word,
        _ => word,
    };
    let rest = value.get(word.len()..).unwrap_or(b"");
    (rest, Some(word).filter(|word| !word.is_empty()))
}

/// Reads up to the `>` that closes the bracket; angle brackets may stand only inside quotes.
fn strict(inside: &[u8]) -> Scan<'_, Option<&[u8]>> {
    let mut from = 0;
    while let Some(found) = inside
        .get(from..)
        .and_then(|tail| memchr::memchr3(b'>', b'<', b'"', tail))
    {
        let at = from + found;
        match inside.get(at) {
            Some(b'>') => {
                return match (inside.get(..at), inside.get(at + 1..)) {
                    (Some(text), Some(rest)) => Ok((rest, Some(text))),
                    _ => mismatch(),
                };
            }
            Some(b'"') => match quoted_len(inside.get(at..).unwrap_or(b"")) {
                0 => return mismatch(),
                quoted => from = at + quoted,
            },
            _ => return mismatch(),
        }
    }
    mismatch()
}

/// Returns the length of a leading quoted string, 0 if there is none.
pub(crate) fn quoted_len(input: &[u8]) -> usize {
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

/// Reads the SASL fields and steps over fields that we do not know.
fn sasl<'a>(input: &'a [u8], found: Tail<'a>) -> (&'a [u8], Tail<'a>) {
    let (mut rest, mut tail) = (input, found);
    while let Some((name, value)) = unknown_field(rest) {
        let end = match name {
            // The user name may hold blanks; only one field can follow it.
            b"sasl_username" => crate::scan::find(value, b" sasl_sender="),
            _ => memchr::memchr(b' ', value),
        };
        let Some((value, behind)) = value.split_at_checked(end.unwrap_or(value.len())) else {
            break;
        };
        match name {
            b"sasl_method" => tail.sasl_method = Some(value),
            b"sasl_username" => tail.sasl_username = Some(value),
            b"sasl_sender" => tail.sasl_sender = Some(value),
            _ => {}
        }
        rest = behind;
    }
    (rest, tail)
}

/// Splits ` {name}={value}…`; a second field of the tail's own is a forgery, not an unknown one.
fn unknown_field(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = split_once(input.strip_prefix(b" ")?, b"=")?;
    let known = matches!(name, b"from" | b"to" | b"proto" | b"helo");
    let is_name = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    (!known && !name.is_empty() && name.iter().all(is_name)).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Tails that are read in one go, beside their twin.
        #[test]
        fn usual_tails_are_read_as_all_others_are(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    " from=<a@b.example>", " to=<b@c.example>", " proto=ESMTP", " helo=<x>", " from=<",
                    " to=<", " helo=<", ">", "<", "\"", " proto=", "a", " ", ";", " sasl_username=u",
                    " to=b",
                ]),
                0..7,
            ),
        ) {
            let input = words.concat();
            if let Some(found) = usual_tail(input.as_bytes()) {
                prop_assert_eq!(tail(input.as_bytes(), Form::External), Ok((&b""[..], found)));
            }
            // Where no tail can begin, none is read.
            for form in [Form::External, Form::Internal] {
                let is_tail = tail(input.as_bytes(), form).is_ok();
                prop_assert!(!is_tail || may_begin_tail(input.as_bytes()), "{}", input);
            }
        }
    }

    #[test]
    fn tails_as_postfix_writes_them_are_usual() {
        for input in [
            " from=<a@b.example> to=<b@c.example> proto=ESMTP helo=<x>",
            " from=<> to=<b@c.example> proto=SMTP helo=<x>",
            " proto=ESMTP helo=<x>",
        ] {
            assert!(usual_tail(input.as_bytes()).is_some(), "{input}");
        }
        assert!(usual_tail(b"").is_none());
    }
}
