//! Values as the grammar of log lines allows them, made of the fuzzer's bytes.
//!
//! Each function takes bytes from the input and returns a value and nothing of a line around it.

use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// Letters and digits of names, tags and words.
pub const WORD: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
/// Lower-case letters and digits of host names.
const HOST: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-";
/// Digits of short queue ids.
const HEX: &[u8] = b"0123456789ABCDEF";
/// Digits of long queue ids: no vowels.
const BASE52: &[u8] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
/// What `atext` of an unquoted local part may be.
const ATEXT: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~.";

/// Letters of one alphabet.
pub fn letters(
    u: &mut Unstructured<'_>,
    alphabet: &[u8],
    least: usize,
    most: usize,
) -> Result<Vec<u8>> {
    let length = u.int_in_range(least..=most)?;
    (0..length)
        .map(|_| Ok(alphabet[usize::from(u.arbitrary::<u8>()?) % alphabet.len()]))
        .collect()
}

/// One of several values.
pub fn one_of(u: &mut Unstructured<'_>, values: &[&str]) -> Result<Vec<u8>> {
    Ok(u.choose(values)?.as_bytes().to_vec())
}

/// A stranger's text as Postfix prints it: any bytes, control characters made `?`.
pub fn text(u: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let length = u.int_in_range(0..=most)?.min(u.len());
    let bytes = u.bytes(length)?;
    Ok(bytes
        .iter()
        .map(|byte| if byte.is_ascii_control() { b'?' } else { *byte })
        .collect())
}

/// A queue id, short or long.
pub fn queue_id(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    if u.arbitrary()? {
        return letters(u, HEX, 6, 14);
    }
    // Six digits for the seconds, four for the microseconds, then `z` and the inode, which has none.
    let mut id = letters(u, BASE52, 10, 10)?;
    id.push(b'z');
    id.extend(letters(u, &BASE52[..BASE52.len() - 1], 1, 6)?);
    Ok(id)
}

/// A host name with dots.
pub fn host(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let labels = u.int_in_range(1..=4)?;
    let labels: Result<Vec<Vec<u8>>> = (0..labels).map(|_| label(u)).collect();
    Ok(labels?.join(&b'.'))
}

fn label(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut label = letters(u, HOST, 1, 12)?;
    // No label begins with a hyphen; a host that is one means that there is none.
    if label.first() == Some(&b'-') {
        label[0] = b'x';
    }
    Ok(label)
}

/// An IPv4 or IPv6 address.
pub fn ip(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let text = if u.arbitrary()? {
        std::net::Ipv4Addr::from(u.arbitrary::<u32>()?).to_string()
    } else {
        std::net::Ipv6Addr::from(u.arbitrary::<u128>()?).to_string()
    };
    Ok(text.into_bytes())
}

/// An envelope address in its external form (Postfix 3.5 and later): `<` and `>` only inside quotes.
pub fn address(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut address = if u.ratio(3, 4)? {
        letters(u, ATEXT, 1, 20)?
    } else {
        quoted(u)?
    };
    if u.ratio(9, 10)? {
        address.push(b'@');
        address.extend(host(u)?);
    }
    Ok(address)
}

fn quoted(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut quoted = vec![b'"'];
    for byte in text(u, 20)? {
        if byte == b'"' || byte == b'\\' {
            quoted.push(b'\\');
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    Ok(quoted)
}

/// A sender: an address, or nothing for bounces.
pub fn sender(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    if u.ratio(1, 8)? {
        Ok(Vec::new())
    } else {
        address(u)
    }
}

/// An enhanced status code of a reply that begins with this digit.
pub fn dsn(u: &mut Unstructured<'_>, class: u8) -> Result<Vec<u8>> {
    let (subject, detail) = (u.int_in_range(0..=7)?, u.int_in_range(0..=999)?);
    Ok(format!("{class}.{subject}.{detail}").into_bytes())
}

/// A duration in seconds: its text as Postfix writes it, without needless zeros.
pub fn seconds(u: &mut Unstructured<'_>) -> Result<String> {
    let whole = u.int_in_range(0..=9_999_999u32)?;
    let digits = u.int_in_range(0..=6usize)?;
    let fraction: String = (0..digits)
        .map(|_| Ok(char::from(b'0' + u.int_in_range(0..=9)?)))
        .collect::<Result<_>>()?;
    let fraction = fraction.trim_end_matches('0');
    Ok(if fraction.is_empty() {
        whole.to_string()
    } else {
        format!("{whole}.{fraction}")
    })
}

/// A value, or none.
pub fn maybe<T>(
    u: &mut Unstructured<'_>,
    make: impl FnOnce(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Option<T>> {
    if u.arbitrary()? {
        make(u).map(Some)
    } else {
        Ok(None)
    }
}
