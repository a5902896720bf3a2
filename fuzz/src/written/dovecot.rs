//! Dovecot's lines.

use libfuzzer_sys::arbitrary::{Result, Unstructured};

use super::{Writer, Written};
use crate::grammar::{self, letters, maybe, one_of};

/// `imap-login: Login: user=<…>, method=…, rip=…, lip=…[, mpid=…][, TLS][, session=<…>]`
pub(super) fn login(u: &mut Unstructured<'_>) -> Result<Written> {
    let protocol = one_of(u, &["imap", "pop3", "managesieve", "submission"])?;
    let mut line = Writer::default();
    line.field("protocol", &protocol)
        .put("-login: Login: user=<");
    line.field("user", &user(u)?).put(">, method=");
    line.field(
        "method",
        &one_of(u, &["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"])?,
    );
    line.put(", rip=").field("rip", &grammar::ip(u)?);
    line.put(", lip=").field("lip", &grammar::ip(u)?);
    let mpid = maybe(u, |u| Ok(u.arbitrary::<u32>()?.to_string()))?;
    line.optional(", mpid=", "mpid", mpid.as_ref().map(String::as_bytes), "");
    let secured = maybe(u, |u| one_of(u, &["TLS", "secured"]))?;
    line.optional(", ", "secured", secured.as_deref(), "");
    let session = maybe(u, |u| letters(u, b"abcXYZ0189+/", 1, 24))?;
    line.optional(", session=<", "session", session.as_deref(), ">");
    Ok(line.into_line("dovecot", "dovecot_login_success"))
}

/// `imap(user)<pid><session>: Disconnected: Logged out in=… out=…`
pub(super) fn session_end(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    line.put("imap(").field("user", &user(u)?).put(")<");
    line.put(&u.arbitrary::<u32>()?.to_string()).put("><");
    line.field("session", &letters(u, b"abcXYZ0189+/", 1, 24)?);
    line.put(">: Disconnected: ")
        .field("reason", &one_of(u, &["Logged out", "Connection closed"])?);
    let (bytes_in, bytes_out) = (u.arbitrary::<u32>()?, u.arbitrary::<u32>()?);
    line.put(" in=")
        .field("in_bytes", bytes_in.to_string().as_bytes());
    line.put(" out=")
        .field("out_bytes", bytes_out.to_string().as_bytes());
    Ok(line.into_line("dovecot", "dovecot_session_end"))
}

fn user(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut user = letters(u, grammar::WORD, 1, 16)?;
    if u.arbitrary()? {
        user.push(b'@');
        user.extend(grammar::host(u)?);
    }
    Ok(user)
}
