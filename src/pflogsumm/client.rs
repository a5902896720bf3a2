//! The client of a line, and the domain that pflogsumm counts it under.

use super::find::{one_of, split, until};

/// Returns a client's domain: `example.com` of `mail.example.com[192.0.2.1]`, the address where
/// there is no name, nothing where the text has neither.
///
/// Names of three labels and more are folded where the last label has three characters, and
/// where the last two have two or three and two; folded names are in lower case, others as logged.
pub(super) fn domain(client: &[u8]) -> Vec<u8> {
    let Some((name, address)) = name_and_address(client) else {
        return Vec::new();
    };
    if name.is_empty() || name == b"unknown" {
        return address.to_vec();
    }
    match fold(name) {
        Some((_, folded)) => folded.to_ascii_lowercase(),
        None => name.to_vec(),
    }
}

/// Splits a host name at the domain that it is counted under.
pub(super) fn fold(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let labels: Vec<&[u8]> = name.rsplitn(5, |byte| *byte == b'.').collect();
    let folded = match labels[..] {
        [last, second, _, ..] if last.len() == 3 && !second.is_empty() => {
            last.len() + second.len() + 1
        }
        [last, second, third, _, ..]
            if last.len() == 2 && (2..=3).contains(&second.len()) && !third.is_empty() =>
        {
            last.len() + second.len() + third.len() + 2
        }
        _ => return None,
    };
    let at = name.len().checked_sub(folded)?;
    let (host, domain) = name.split_at_checked(at)?;
    Some((host.strip_suffix(b".")?, domain))
}

fn name_and_address(client: &[u8]) -> Option<(&[u8], &[u8])> {
    ipv4(client)
        .or_else(|| behind_slash(client))
        .or_else(|| bracketed(client))
}

/// `name[192.0.2.1]`, whatever follows.
fn ipv4(client: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = split(client, b"[")?;
    let (address, _) = split(rest, b"]")?;
    let octets: Vec<&[u8]> = address.split(|byte| *byte == b'.').collect();
    let is_address = octets.len() == 4
        && octets
            .iter()
            .all(|octet| (1..=3).contains(&octet.len()) && octet.iter().all(u8::is_ascii_digit));
    is_address.then_some((name, address))
}

/// `name/192.0.2.1`, as Postfix wrote clients once; it takes many a text that is none.
fn behind_slash(client: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = split(client, b"/")?;
    let (address, _) = until(rest, |byte| {
        !byte.is_ascii_hexdigit() && !matches!(byte, b'.' | b':')
    });
    (!address.is_empty()).then_some((name, address))
}

/// `name[address]` and a port, at the end of the text.
fn bracketed(client: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = until(client, |byte| matches!(byte, b'[' | b'(' | b'/'));
    let (address, rest) = until(rest.get(1..)?, |byte| matches!(byte, b']' | b')'));
    let (_, port) = one_of(rest, &[b"]", b")"])?;
    let port = port.strip_prefix(b":").unwrap_or(port);
    let is_port = port.iter().all(u8::is_ascii_digit);
    (is_port && !address.is_empty()).then_some((name, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What pflogsumm printed for these clients.
    #[test]
    fn folds_clients_as_pflogsumm_does() {
        for (client, expected) in [
            ("mail.example.com[192.0.2.1]", "example.com"),
            ("example.com[192.0.2.1]", "example.com"),
            ("EXAMPLE.COM[192.0.2.1]", "EXAMPLE.COM"),
            ("MX.Mail.Example.Co.UK[192.0.2.1]", "example.co.uk"),
            ("example.co.uk[192.0.2.1]", "example.co.uk"),
            ("mail.example.de[192.0.2.1]", "mail.example.de"),
            ("a.b.web.de[192.0.2.1]", "b.web.de"),
            ("a.b.c.d.a.cd[192.0.2.1]", "a.b.c.d.a.cd"),
            ("a.b.c-d.co[192.0.2.1]", "b.c-d.co"),
            (".b.com[192.0.2.1]", "b.com"),
            ("a.b..com[192.0.2.1]", "a.b..com"),
            (".b.co.uk[192.0.2.1]", "b.co.uk"),
            ("a..co.uk[192.0.2.1]", "a..co.uk"),
            ("unknown[192.0.2.1]", "192.0.2.1"),
            ("[192.0.2.1]", "192.0.2.1"),
            ("UNKNOWN[192.0.2.1]", "UNKNOWN"),
            ("unknown[2001:db8::1]", "2001:db8::1"),
            ("unknown[2001:db8::1]:25", "2001:db8::1"),
            ("unknown[2001:db8::1]:25 x", ""),
            (
                "unknown[2001:db8::1] commands=2/3",
                "unknown[2001:db8::1] commands=2",
            ),
            ("mail.example.com[192.0.2.1] commands=2/3", "example.com"),
            ("mail.example.com/192.0.2.1", "example.com"),
            ("unknown/192.0.2.1 x", "192.0.2.1"),
            ("unknown/z[dead]", "z[dead"),
            ("foo(bar)", "foo"),
            ("x[y].i.j.org[192.0.2.1]", ""),
            ("h.i.org[a]b]", ""),
            ("unknown[1234.1.1.1]", "1234.1.1.1"),
            ("unknown[1234.1.1.1]x", ""),
            ("unknown[]", ""),
            ("mail.example.com", ""),
            ("", ""),
        ] {
            let found = domain(client.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), expected, "{client}");
        }
    }
}
