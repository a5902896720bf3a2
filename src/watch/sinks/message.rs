//! A small writer of mails: a header and a text of any bytes, in seven bits.
//!
//! It writes what sendmail takes: lines end in LF, and what a local mail has anyway (From, Date,
//! Message-ID) is left to the mail server.

use std::fmt::Write as _;

/// The longest line of a body (RFC 2045).
const LINE: usize = 76;
/// The longest encoded word (RFC 2047), less what stands around its text.
const WORD: usize = 75 - "=?UTF-8?Q?".len() - "?=".len();
/// What stands before the first encoded word of the subject.
const NAME: usize = "Subject: ".len();
const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Writes a mail.
pub(super) fn write(to: &[String], subject: &str, body: &str) -> Vec<u8> {
    let mut mail = String::new();
    // Writing into a string does not fail.
    let _ = writeln!(mail, "To: {}", to.join(",\n "));
    let _ = writeln!(mail, "Subject: {}", encoded(subject));
    mail.push_str(
        "Auto-Submitted: auto-generated\n\
         MIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: quoted-printable\n\n",
    );
    for line in body.lines() {
        quote(line, &mut mail);
        mail.push('\n');
    }
    mail.into_bytes()
}

/// A header's text: as it is, or in encoded words if it has more than ASCII.
fn encoded(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for character in text.chars() {
        let mut piece = String::new();
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => piece.push(char::from(byte)),
                b' ' => piece.push('_'),
                _ => push_hex(byte, &mut piece),
            }
        }
        // The first stands behind the header's name.
        let room = match words.len() {
            1 => WORD - NAME,
            _ => WORD,
        };
        match words.last_mut() {
            Some(word) if word.len() + piece.len() <= room => word.push_str(&piece),
            _ => words.push(piece),
        }
    }
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("=?UTF-8?Q?{word}?="))
        .collect();
    words.join("\n ")
}

/// A line of the body as quoted-printable.
fn quote(line: &str, out: &mut String) {
    let mut length = 0;
    let last = line.len().saturating_sub(1);
    for (nth, byte) in line.bytes().enumerate() {
        let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (byte == b' ' && nth != last);
        let width = if plain { 1 } else { 3 };
        // Room for the `=` of a soft break.
        if length + width >= LINE {
            out.push_str("=\n");
            length = 0;
        }
        match plain {
            true => out.push(char::from(byte)),
            false => push_hex(byte, out),
        }
        length += width;
    }
}

fn push_hex(byte: u8, out: &mut String) {
    out.push('=');
    for half in [byte >> 4, byte & 15] {
        let digit = DIGITS.get(usize::from(half)).copied().unwrap_or(b'0');
        out.push(char::from(digit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(to: &[&str], subject: &str, body: &str) -> String {
        let to: Vec<String> = to.iter().map(|to| (*to).to_owned()).collect();
        String::from_utf8(write(&to, subject, body)).unwrap()
    }

    /// Read by eye against RFC 2045 and RFC 2047.
    #[test]
    fn a_mail_is_seven_bits_and_short_lines() {
        let mail = text(
            &["a@example.org", "b@example.org"],
            "Zu spät",
            "a=b\nKöln \n.\n",
        );
        assert_eq!(
            mail,
            "To: a@example.org,\n b@example.org\n\
             Subject: =?UTF-8?Q?Zu_sp=C3=A4t?=\n\
             Auto-Submitted: auto-generated\n\
             MIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\n\
             Content-Transfer-Encoding: quoted-printable\n\n\
             a=3Db\nK=C3=B6ln=20\n.\n"
        );
        let long = text(&["a@example.org"], &"ä".repeat(80), &"ß= ".repeat(500));
        assert!(long.is_ascii());
        let longest = long.lines().map(str::len).max();
        assert!(longest <= Some(76), "{longest:?}");
    }

    /// A header ends where it should: what stands in a subject cannot begin another.
    #[test]
    fn no_text_begins_a_header() {
        let mail = text(
            &["a@example.org"],
            "x\nBcc: evil@example.net\r\n\r\nhello",
            "b",
        );
        assert!(!mail.contains("\nBcc"), "{mail}");
        let (header, body) = mail.split_once("\n\n").unwrap();
        assert_eq!(body, "b\n");
        assert!(header.contains("x=0ABcc=3A"), "{header}");
    }
}
