//! The elements at the end of every line of a login process: who is at the other end.
//!
//! An attacker chooses the user name, which may imitate any other element
//! (`user=<x>, rip=192.0.2.1>`). Everything behind the user is the server's own, so the line is
//! anchored at the *last* `rip=`: do not change that to reading from the left.

use crate::scan::{before_last, find, find_from, near_number, rfind, split_once, to_number};

/// The elements of a login line, by name.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Elements<'a> {
    pub(super) user: &'a [u8],
    pub(super) method: Option<&'a [u8]>,
    pub(super) rip: Option<&'a [u8]>,
    pub(super) lip: Option<&'a [u8]>,
    pub(super) mpid: Option<u64>,
    pub(super) secured: Option<&'a [u8]>,
    pub(super) session: Option<&'a [u8]>,
    pub(super) more: Option<&'a [u8]>,
}

/// Splits a login process's text into its message and its elements.
///
/// The message of `ID sent:` lines is the client's own text and may imitate elements, while their
/// user is not known yet: those lines are split at the last place, all others at the first.
pub(super) fn split<'a>(text: &'a [u8]) -> Option<(&'a [u8], Elements<'a>)> {
    let starts: [&[u8]; 5] = [
        b": user=",
        b": method=",
        b": rip=",
        b": lip=",
        b": session=<",
    ];
    let is_client_text = text.starts_with(b"ID sent: ");
    let at = starts.iter().find_map(|start| {
        if is_client_text {
            rfind(text, start)
        } else {
            find(text, start)
        }
    })?;
    Some((text.get(..at)?, parse(text.get(at + 2..)?)))
}

/// Parses the elements of nearly all logins: all of them in their order, and nothing else. The user
/// has no `>` in it, so that the line cannot be read in another way; `None` for any other, which
/// [`parse`] reads.
pub(super) fn usual(text: &[u8]) -> Option<Elements<'_>> {
    let (user, rest) = up_to::<b'>'>(text.strip_prefix(b"user=<")?)?;
    let (method, rest) = up_to::<b','>(rest.strip_prefix(b">, method=")?)?;
    let (rip, rest) = up_to::<b','>(rest.strip_prefix(b", rip=")?)?;
    let (lip, rest) = up_to::<b','>(rest.strip_prefix(b", lip=")?)?;
    let (rest, mpid) = near_number(rest.strip_prefix(b", mpid=")?)?;
    let (secured, rest) = match rest.strip_prefix(b", TLS") {
        Some(behind) => (rest.get(b", ".len()..b", TLS".len()), behind),
        None => (None, rest),
    };
    let session = rest.strip_prefix(b", session=<")?.strip_suffix(b">")?;
    let is_plain = method.iter().all(is_mechanism) && !session.contains(&b',');
    let is_whole = [method, rip, lip, session]
        .iter()
        .all(|text| !text.is_empty());
    (is_plain && is_whole).then_some(Elements {
        user,
        method: Some(method),
        rip: Some(rip),
        lip: Some(lip),
        mpid: Some(mpid),
        secured,
        session: Some(session),
        more: None,
    })
}

/// Splits a text before the first byte of this kind.
#[inline(always)]
fn up_to<const BYTE: u8>(text: &[u8]) -> Option<(&[u8], &[u8])> {
    text.split_at_checked(find_from::<BYTE>(text, 0)?)
}

/// Parses elements: `user=<..>, method=.., rip=.., lip=.., mpid=.., TLS, session=<..>`.
pub(super) fn parse(text: &[u8]) -> Elements<'_> {
    let mut elements = Elements::default();
    match before_last(text, b", rip=") {
        Some((left, _)) => {
            let more = left_of_address(left, &mut elements);
            elements.read_own(text, left.len() + b", ".len(), more);
        }
        None => {
            let start = without_address(text, &mut elements);
            elements.read_own(text, start, None);
        }
    }
    elements
}

/// Reads `user=<..>[, method=..]`, which stands left of the client's address.
///
/// Returns where elements of a customised format start between the two.
fn left_of_address<'a>(left: &'a [u8], elements: &mut Elements<'a>) -> Option<usize> {
    let mut left = left;
    if let Some((head, method)) = before_last(left, b", method=")
        && method.iter().all(is_mechanism)
        && !method.is_empty()
    {
        elements.method = Some(method);
        left = head;
    }
    if let Some(method) = left.strip_prefix(b"method=") {
        elements.method = Some(method);
    }
    let user = left.strip_prefix(b"user=")?;
    let user = user.strip_prefix(b"<").unwrap_or(user);
    if let Some(user) = user.strip_suffix(b">") {
        elements.user = user;
        return None;
    }
    match before_last(user, b">, ") {
        Some((user, more)) => {
            elements.user = user;
            Some(left.len() - more.len())
        }
        None => {
            elements.user = user;
            None
        }
    }
}

fn is_mechanism(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Reads the user of a line without `rip=` behind it; returns where the other elements start.
///
/// This is also Dovecot up to 2.1.1, where an empty user is dropped.
fn without_address<'a>(text: &'a [u8], elements: &mut Elements<'a>) -> usize {
    let Some(user) = text.strip_prefix(b"user=") else {
        return 0;
    };
    let user = user.strip_prefix(b"<").unwrap_or(user);
    let (user, rest) = split_once(user, b">, ")
        .or_else(|| split_once(user, b", "))
        .unwrap_or((user, b""));
    elements.user = user.strip_suffix(b">").unwrap_or(user);
    text.len() - rest.len()
}

impl<'a> Elements<'a> {
    /// Reads the server's own elements from `start` on; the text of an unfinished handshake may
    /// hold commas, so a piece that is no element continues the one before it.
    fn read_own(&mut self, text: &'a [u8], start: usize, more_from: Option<usize>) {
        let mut more_from = more_from;
        let mut more_to = start.saturating_sub(b", ".len());
        let mut secured_from = start;
        let mut rest = text.get(start..).unwrap_or_default();
        while !rest.is_empty() {
            let from = text.len() - rest.len();
            let (piece, next) = split_once(rest, b", ").unwrap_or((rest, b""));
            let to = from + piece.len();
            if is_secured(piece) {
                self.secured = Some(piece);
                secured_from = from;
            } else if self.read_key(piece) {
                secured_from = text.len();
            } else if secured_from < from && self.secured_has_text(piece) {
                self.secured = text.get(secured_from..to);
            } else {
                more_from = more_from.or(Some(from));
                more_to = to;
            }
            rest = next;
        }
        self.more = more_from.and_then(|from| text.get(from..more_to));
    }

    /// Tells whether a piece continues the text after `TLS handshaking: `.
    fn secured_has_text(&self, piece: &[u8]) -> bool {
        let has_text = self.secured.is_some_and(|text| text.contains(&b':'));
        has_text && !piece.starts_with(b"TLSv") && !piece.starts_with(b"SSLv")
    }

    fn read_key(&mut self, piece: &'a [u8]) -> bool {
        if let Some(rip) = piece.strip_prefix(b"rip=") {
            self.rip = Some(rip).filter(|rip| !rip.is_empty());
        } else if let Some(lip) = piece.strip_prefix(b"lip=") {
            self.lip = Some(lip).filter(|lip| !lip.is_empty());
        } else if let Some(pid) = piece.strip_prefix(b"mpid=") {
            self.mpid = to_number(pid);
        } else if let Some(session) = piece.strip_prefix(b"session=") {
            let session = session.strip_prefix(b"<").unwrap_or(session);
            let session = session.strip_suffix(b">").unwrap_or(session);
            self.session = Some(session).filter(|session| !session.is_empty());
        } else if let Some(method) = piece.strip_prefix(b"method=") {
            self.method = Some(method);
        } else {
            return false;
        }
        true
    }
}

fn is_secured(piece: &[u8]) -> bool {
    let words: [&[u8]; 4] = [b"TLS", b"TSL", b"secured", b"TLS handshaking"];
    let head = split_once(piece, b": ").map_or(piece, |(head, _)| head);
    words.contains(&head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Elements<'_> {
        parse(text.as_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        /// The elements that are read in one go, beside their twin.
        #[test]
        fn usual_elements_are_read_as_all_others_are(
            user in proptest::sample::select(vec!["a", "", "x>", "x, method=y", ", rip=1", "<b"]),
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    ", method=PLAIN", ", method=", ", rip=192.0.2.1", ", rip=", ", lip=2001:db8::1",
                    ", mpid=4711", ", mpid=12345678", ", TLS", ", secured", ", session=<s+/>",
                    ", session=<s, rip=1>", ", x=1", ">", " ",
                ]),
                0..9,
            ),
            is_whole in any::<bool>(),
        ) {
            let fields = words.concat();
            let whole = ", method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, mpid=4711";
            let text = match is_whole {
                true => format!("user=<{user}>{whole}{fields}"),
                false => format!("user=<{user}>{fields}"),
            };
            if let Some(found) = usual(text.as_bytes()) {
                prop_assert_eq!(found, of(&text));
            }
        }
    }

    #[test]
    fn logins_are_usual() {
        for text in [
            "user=<a@example.com>, method=PLAIN, rip=192.0.2.10, lip=198.51.100.1, mpid=4711, TLS, session=<QCK1>",
            "user=<a>, method=SCRAM-SHA-256, rip=2001:db8::1, lip=2001:db8::2, mpid=1, session=<QCK1>",
        ] {
            assert_eq!(usual(text.as_bytes()), Some(of(text)), "{text}");
        }
    }

    #[test]
    fn reads_all_elements() {
        let e = of(
            "user=<alice@example.com>, method=PLAIN, rip=192.0.2.10, lip=198.51.100.1, mpid=4711, TLS, session=<QCK1i+ZSI8TAAAIK>",
        );
        assert_eq!(e.user, b"alice@example.com");
        assert_eq!(e.method, Some(&b"PLAIN"[..]));
        assert_eq!(e.rip, Some(&b"192.0.2.10"[..]));
        assert_eq!(e.lip, Some(&b"198.51.100.1"[..]));
        assert_eq!(e.mpid, Some(4711));
        assert_eq!(e.secured, Some(&b"TLS"[..]));
        assert_eq!(e.session, Some(&b"QCK1i+ZSI8TAAAIK"[..]));
        assert_eq!(e.more, None);
    }

    /// Hard cases 3 and 4: a user name that imitates elements.
    #[test]
    fn user_names_cannot_imitate_elements() {
        for (user, text) in [
            (
                "a>b",
                "user=<a>b>, method=PLAIN, rip=192.0.2.10, lip=198.51.100.1, session=<s>",
            ),
            (
                "x, y",
                "user=<x, y>, rip=192.0.2.10, lip=198.51.100.1, session=<s>",
            ),
            (
                "x>, rip=203.0.113.9",
                "user=<x>, rip=203.0.113.9>, rip=192.0.2.10, lip=198.51.100.1, session=<s>",
            ),
            (
                "x>, method=LOGIN, rip=203.0.113.9, lip=203.0.113.1, mpid=1, TLS, session=<t>",
                "user=<x>, method=LOGIN, rip=203.0.113.9, lip=203.0.113.1, mpid=1, TLS, session=<t>>, rip=192.0.2.10, lip=198.51.100.1, session=<s>",
            ),
        ] {
            let e = of(text);
            assert_eq!(e.user, user.as_bytes(), "{text}");
            assert_eq!(e.rip, Some(&b"192.0.2.10"[..]), "{text}");
            assert_eq!(e.lip, Some(&b"198.51.100.1"[..]), "{text}");
            assert_eq!(e.session, Some(&b"s"[..]), "{text}");
            assert_eq!(e.secured, None, "{text}");
        }
        let e = of("user=<x>, method=LOGIN>, rip=192.0.2.10, lip=198.51.100.1");
        assert_eq!((e.user, e.method), (&b"x>, method=LOGIN"[..], None));
    }

    /// Hard case 3: the empty user is dropped up to 2.1.1 and present from 2.1.2 on.
    #[test]
    fn user_may_be_empty_or_missing() {
        for text in [
            "user=<>, rip=192.0.2.10, lip=198.51.100.1",
            "rip=192.0.2.10, lip=198.51.100.1",
            "user=, rip=192.0.2.10, lip=198.51.100.1",
        ] {
            let e = of(text);
            assert_eq!(e.user, b"", "{text}");
            assert_eq!(e.rip, Some(&b"192.0.2.10"[..]), "{text}");
        }
    }

    /// Lines as people paste them: everything in angle brackets is gone.
    #[test]
    fn pasted_lines_keep_their_other_elements() {
        let e = of(
            "user=, method=PLAIN, rip=::ffff:, lip=2a00:1838:20:1::XXXX:XXXX, mpid=4712, TLS, session=",
        );
        assert_eq!(e.user, b"");
        assert_eq!(e.method, Some(&b"PLAIN"[..]));
        assert_eq!(e.rip, Some(&b"::ffff:"[..]));
        assert_eq!(e.lip, Some(&b"2a00:1838:20:1::XXXX:XXXX"[..]));
        assert_eq!(
            (e.mpid, e.secured, e.session),
            (Some(4712), Some(&b"TLS"[..]), None)
        );
    }

    /// Hard case 5: commas and colons in the text of a TLS error.
    #[test]
    fn secured_keeps_its_text() {
        let e = of(
            "user=<>, rip=192.0.2.66, lip=198.51.100.1, TLS handshaking: SSL_accept() failed: error:0A0000C1:SSL routines::no, shared cipher, session=<s>",
        );
        assert_eq!(
            e.secured,
            Some(&b"TLS handshaking: SSL_accept() failed: error:0A0000C1:SSL routines::no, shared cipher"[..])
        );
        assert_eq!(e.session, Some(&b"s"[..]));
        assert_eq!(e.more, None);
    }

    #[test]
    fn elements_of_a_customised_format_are_kept() {
        let e = of(
            "user=<a, b>, method=SCRAM-SHA-256, rip=192.0.2.10, lip=198.51.100.1, mpid=4711, TLS, TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits), session=<s>",
        );
        assert_eq!(e.secured, Some(&b"TLS"[..]));
        assert_eq!(
            e.more,
            Some(&b"TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"[..])
        );
        let e =
            of("user=<x>, lport=993, rip=192.0.2.10, lip=198.51.100.1, session=<s>, rport=50211");
        assert_eq!((e.user, e.session), (&b"x"[..], Some(&b"s"[..])));
        let more = e.more.unwrap();
        assert!(more.starts_with(b"lport=993, ") && more.ends_with(b", rport=50211"));
    }

    #[test]
    fn session_alone_is_enough() {
        let e = of("user=<>, session=<QCK1i+ZSI8TAAAIK>");
        assert_eq!((e.rip, e.session), (None, Some(&b"QCK1i+ZSI8TAAAIK"[..])));
    }
}
