//! Envelope addresses: in lower case, unmangled, and the domain they are counted under.

use super::Options;
use super::find::{split, split_last, until};

/// Returns a sender as pflogsumm counts it; the empty one is `from=<>`.
pub(super) fn sender(address: &[u8], options: &Options) -> Vec<u8> {
    if address.is_empty() || address == b"0" && !options.mend {
        return b"from=<>".to_vec();
    }
    let address = folded(address, options);
    match options.verp_mung {
        Some(level) => super::verp::mung(address, level),
        None => address,
    }
}

/// Returns a recipient as pflogsumm counts it.
pub(super) fn recipient(address: &[u8], options: &Options) -> Vec<u8> {
    folded(address, options)
}

/// Returns a sender's domain; an address without one has none.
///
/// A quoted local part may hold an `@`: the mended domain stands behind the last one.
pub(super) fn sender_domain<'a>(address: &'a [u8], options: &Options) -> Option<&'a [u8]> {
    if options.mend {
        return split_last(address, b"@").map(|(_, domain)| domain);
    }
    let (_, domain) = user_and_domain(address)?;
    (!domain.is_empty()).then_some(domain)
}

/// Returns a recipient's domain; an address without one is its own.
pub(super) fn recipient_domain<'a>(address: &'a [u8], options: &Options) -> &'a [u8] {
    if options.mend {
        return split_last(address, b"@").map_or(address, |(_, domain)| domain);
    }
    user_and_domain(address).map_or(address, |(_, domain)| domain)
}

fn user_and_domain(address: &[u8]) -> Option<(&[u8], &[u8])> {
    split(address, b"@").filter(|(user, _)| !user.is_empty())
}

/// Undoes a bang path if asked to, then makes the domain lower case, or all of the address.
fn folded(address: &[u8], options: &Options) -> Vec<u8> {
    let unmangled = if options.uucp_mung {
        uucp(address)
    } else {
        None
    };
    let mut folded = unmangled.unwrap_or_else(|| address.to_vec());
    let start = if options.ignore_case {
        0
    } else {
        until(&folded, |byte| byte == b'@').0.len()
    };
    if let Some(tail) = folded.get_mut(start..) {
        tail.make_ascii_lowercase();
    }
    folded
}

/// Turns `somehost.dom!user@foo` back into `foo!user@somehost.dom`.
///
/// Only where the last part has no dot: `foo` is the next host upstream.
fn uucp(address: &[u8]) -> Option<Vec<u8>> {
    let mut end = address.len();
    loop {
        let (hosts, rest) = split_last(address.get(..end)?, b"!")?;
        end = hosts.len();
        let rest = address.get(end + 1..).unwrap_or(rest);
        let (user, upstream) = until(rest, |byte| matches!(byte, b'!' | b'@'));
        let upstream = upstream.strip_prefix(b"@");
        let upstream = upstream.filter(|last| !last.is_empty() && !last.contains(&b'.'));
        let host_start = split_last(hosts, b"!").map_or(0, |(before, _)| before.len() + 1);
        let (path, host) = hosts.split_at_checked(host_start)?;
        if let Some(upstream) = upstream
            && !user.is_empty()
            && !host.is_empty()
        {
            return Some([upstream, b"!", path, user, b"@", host].concat());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn only_the_domain_becomes_lower_case_unless_all_is_to() {
        let plain = Options::default();
        let all = Options {
            ignore_case: true,
            ..Options::default()
        };
        assert_eq!(recipient(b"A@B.Org", &plain), b"A@b.org");
        assert_eq!(recipient(b"A@B@C", &plain), b"A@b@c");
        assert_eq!(recipient(b"Root", &plain), b"Root");
        assert_eq!(recipient(b"Root@X", &all), b"root@x");
        assert_eq!(sender(b"", &plain), b"from=<>");
        assert_eq!(sender(b"0", &plain), b"from=<>");
    }

    #[test]
    fn a_domain_stands_behind_the_first_at() {
        assert_eq!(
            sender_domain(b"a@b@c", &Options::default()),
            Some(&b"b@c"[..])
        );
        for address in ["a", "a@", "@b", ""] {
            assert_eq!(
                sender_domain(address.as_bytes(), &Options::default()),
                None,
                "{address}"
            );
        }
        assert_eq!(recipient_domain(b"root", &Options::default()), b"root");
        assert_eq!(recipient_domain(b"@b", &Options::default()), b"@b");
        assert_eq!(recipient_domain(b"a@", &Options::default()), b"");
    }

    /// What pflogsumm -m printed for these senders.
    #[test]
    fn undoes_bang_paths() {
        for (address, expected) in [
            ("h.dom!user@foo", "foo!user@h.dom"),
            ("a!b!u@foo", "foo!a!u@b"),
            ("\"h!u\"@x", "x!u\"@\"h"),
            ("h!u@x@y", "x@y!u@h"),
            ("h.dom!u@v!w@foo", "foo!h.dom!w@u@v"),
            ("h.dom!user@foo.bar", ""),
            ("user@foo", ""),
            ("h!u", ""),
            ("!u@x", ""),
            ("h!@x", ""),
            ("h!u@", ""),
            ("@h!u", ""),
        ] {
            let found = uucp(address.as_bytes()).unwrap_or_default();
            assert_eq!(shown(&found), expected, "{address}");
        }
    }
}
