//! Sender addresses that mailing lists make up for each mail, taken together.

use super::find::is_word;

/// The words that begin such an address, and digits do.
const WORDS: &[&[u8]] = &[
    b"bounce",
    b"nolist",
    b"noreply",
    b"noresponse",
    b"return",
    b"sentto",
];

/// Replaces the number in an address of a list by `ID`; from level 2 on, drops the recipient too.
pub(super) fn mung(address: Vec<u8>, level: i64) -> Vec<u8> {
    let numbered = without_number(&address).unwrap_or(address);
    if level < 2 {
        return numbered;
    }
    without_recipient(&numbered).unwrap_or(numbered)
}

/// `list-return-12-someuser=some.dom@host` becomes `list-return-ID-someuser=some.dom@host`.
fn without_number(address: &[u8]) -> Option<Vec<u8>> {
    let word_end = (0..address.len()).find_map(|start| {
        let rest = address.get(start..)?;
        let word = WORDS.iter().find(|word| starts_with(rest, word));
        let digit = rest.first().filter(|byte| byte.is_ascii_digit());
        Some(start + word.map(|word| word.len()).or(digit.map(|_| 1))?)
    })?;
    let numbers = |start: usize| {
        let mut end = start;
        while let Some(len) = address.get(end..).and_then(number) {
            end += len;
        }
        (end > start).then_some((start, end))
    };
    let (start, end) = (word_end..address.len()).find_map(numbers)?;
    Some([address.get(..start)?, b"-ID", address.get(end..)?].concat())
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Measures `-12` where no letter follows.
fn number(text: &[u8]) -> Option<usize> {
    let (separator, rest) = text.split_first()?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_whole = !rest.get(digits).is_some_and(|byte| is_word(*byte));
    let is_number = b"+_.*-".contains(separator) && digits > 0 && is_whole;
    is_number.then_some(digits + 1)
}

/// `list-12-someuser=some.dom@host` becomes `list@host`.
fn without_recipient(address: &[u8]) -> Option<Vec<u8>> {
    let (start, domain) = (0..address.len()).find_map(|start| {
        let rest = address.get(start..)?;
        let rest = after_separator(rest)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let numbered = rest.get(digits..).filter(|_| digits > 0);
        let domain = numbered.and_then(after_separator).and_then(after_recipient);
        Some((start, domain.or_else(|| after_recipient(rest))?))
    })?;
    Some([address.get(..start)?, b"@", domain].concat())
}

fn after_separator(text: &[u8]) -> Option<&[u8]> {
    let (separator, rest) = text.split_first()?;
    matches!(separator, b'*' | b'-').then_some(rest)
}

/// `someuser=some.dom@`, and returns what follows.
fn after_recipient(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| b"=*-".contains(byte))?;
    let (user, rest) = text.split_at_checked(end)?;
    let (separator, rest) = rest.split_first()?;
    let at = memchr::memchr(b'@', rest)?;
    let is_recipient = !user.is_empty() && *separator != b'-' && at > 0;
    is_recipient.then_some(rest.get(at + 1..)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn munged(address: &str, level: i64) -> String {
        String::from_utf8(mung(address.into(), level)).unwrap()
    }

    /// What pflogsumm printed for these senders.
    #[test]
    fn mungs_as_pflogsumm_does() {
        for (address, simple, aggressive) in [
            (
                "list-return-12-u=d.e@h.x",
                "list-return-ID-u=d.e@h.x",
                "list-return-ID@h.x",
            ),
            ("list-12-u=x.dom@host", "list-12-u=x.dom@host", "list@host"),
            (
                "list-return-ab-u=x@h",
                "list-return-ab-u=x@h",
                "list-return-ab@h",
            ),
            ("BOUNCE-1@h", "BOUNCE-ID@h", "BOUNCE-ID@h"),
            ("xbouncex+1.2*3@h", "xbouncex-ID@h", "xbouncex-ID@h"),
            ("bounce-1-1-1x@h", "bounce-ID-1x@h", "bounce-ID-1x@h"),
            ("bounce-1_@h", "bounce-1_@h", "bounce-1_@h"),
            ("bounce=1@h", "bounce=1@h", "bounce=1@h"),
            ("x-1-2-3-4@h", "x-1-ID@h", "x-1-ID@h"),
            ("u5@a.12", "u5@a-ID", "u5@a-ID"),
            ("a-1-2-b=c@d", "a-1-ID-b=c@d", "a-1-ID@d"),
            ("a--b=c@d", "a--b=c@d", "a-@d"),
            ("a-1-=c@d", "a-1-=c@d", "a-1-=c@d"),
            ("a-b=c=d@e@f", "a-b=c=d@e@f", "a@e@f"),
            ("a-b*=c@d", "a-b*=c@d", "a@d"),
            ("a-b=@d", "a-b=@d", "a-b=@d"),
            ("a-b=c", "a-b=c", "a-b=c"),
            ("", "", ""),
        ] {
            assert_eq!(munged(address, 1), simple, "{address}");
            assert_eq!(munged(address, 2), aggressive, "{address}");
        }
    }
}
