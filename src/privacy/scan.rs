//! Text that no parser took apart: what looks like an address, an IP or a host is found by its looks.
//!
//! What has no such looks is found only where the caller knows it: the names that other fields of the
//! same line have. The name of a user in a sentence stays otherwise, unless `user=` or, in text of
//! unknown shape, the word `user` stands before it.

use std::cell::Cell;

use super::names::{Pseudonyms, is_role, is_world_domain};
use super::path::path;
use super::shorten::{Quad, find_ipv6, is_of_word};

/// A name that a field of the line has, and that may stand in its other text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<'a> {
    /// The local part of an address, or a user.
    Local(&'a [u8]),
    /// A host.
    Host(&'a [u8]),
}

/// Finds names in text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'s> {
    pub(super) names: &'s Pseudonyms,
    pub(super) known: &'s [Known<'s>],
    /// Whether the text is of unknown shape: then any word behind `user` is one.
    pub(super) is_unknown: bool,
    /// Told when a word of a sentence was taken for the name of a mailbox.
    pub(super) guessed: &'s Cell<bool>,
}

/// Words before `=` behind which a user stands.
const USER_KEYS: &[&str] = &[
    "account",
    "auid",
    "login",
    "logname",
    "ruser",
    "sasl_username",
    "uname",
    "user",
    "username",
];

/// Words before `=` behind which an address stands; else the sign may be of the address itself, as in
/// `bounce-7-anna=shop.example@list.example`.
const ADDRESS_KEYS: &[&str] = &[
    "addr",
    "address",
    "envelope-from",
    "envid",
    "envfrom",
    "from",
    "identity",
    "mailfrom",
    "msgid",
    "orig_to",
    "receiver",
    "rcpt",
    "recipient",
    "sasl_sender",
    "sender",
    "smtp.mailfrom",
    "to",
];

/// Two words of Postfix's and Dovecot's own sentences before a user or mailbox.
const SENTENCES: &[(&str, &str)] = &[
    ("aliased", "to"),
    ("by", "user"),
    ("in", "as"),
    ("loop", "for"),
    ("result", "for"),
];

/// Words that stand behind `user` in sentences.
const NO_USERS: &[&str] = &[
    "account", "and", "by", "cr", "does", "doesn't", "for", "from", "has", "id", "in", "is", "lf",
    "lookup", "name", "not", "nul", "or", "over", "unknown", "user", "was", "with",
];

/// Ends of names of files that are also domains of countries, or have two dots before them.
const FILES: &[&str] = &[
    "bin", "c", "cache", "cdb", "cf", "conf", "cpp", "crt", "dat", "db", "err", "gz", "h", "idx",
    "index", "info", "journal", "key", "list", "lmdb", "lock", "log", "map", "pem", "pid", "pl",
    "pm", "py", "service", "sh", "sieve", "slice", "so", "sock", "socket", "svbin", "target",
    "timer", "tmp", "txt", "warn",
];

fn is_one_of(words: &[&str], word: &[u8]) -> bool {
    words
        .iter()
        .any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}

/// Tells whether a byte may stand in the name of a host.
fn is_of_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') || !byte.is_ascii()
}

/// Tells whether a byte parts what belongs together in logs: an address has none of these in it.
fn is_between(byte: &u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b'<' | b'>' | b'(' | b')' | b'[' | b']' | b'"' | b',' | b';' | b'`' | 0
        )
}

/// Splits off the first bytes of which all are such.
fn split_run(text: &[u8], is_of_run: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is_of_run(byte));
    text.split_at(end.unwrap_or(text.len()))
}

impl Scanner<'_> {
    /// Copies a text with tokens in place of names.
    pub(super) fn text(&self, out: &mut Vec<u8>, text: &[u8]) {
        let mut rest = text;
        let (mut awaits_user, mut before) = (false, &b""[..]);
        while !rest.is_empty() {
            let (between, behind) = split_run(rest, is_between);
            out.extend_from_slice(between);
            if let Some(behind) = self.quoted_local(out, between, behind) {
                rest = behind;
                continue;
            }
            let (run, behind) = split_run(behind, |byte| !is_between(byte));
            rest = behind;
            let is_bracketed = between.last() == Some(&b'<') && rest.first() == Some(&b'>');
            let is_word = run.iter().any(u8::is_ascii_alphabetic);
            if (awaits_user || (is_bracketed && is_word)) && self.user(out, run) {
                awaits_user = false;
                continue;
            }
            awaits_user = self.announces_user(before, run);
            before = run;
            self.run(out, run, rest.first().copied());
        }
    }

    /// Writes the local part of `"anna b"@shop.example`, whose quotes parted it from its domain.
    fn quoted_local<'t>(
        &self,
        out: &mut Vec<u8>,
        between: &[u8],
        behind: &'t [u8],
    ) -> Option<&'t [u8]> {
        if between.last() != Some(&b'"') {
            return None;
        }
        let end = memchr::memchr(b'"', behind.get(..130).unwrap_or(behind))?;
        let (local, rest) = behind.split_at_checked(end)?;
        if !rest.starts_with(b"\"@") || local.is_empty() {
            return None;
        }
        self.names.local(out, local);
        Some(rest)
    }

    /// Tells whether a user or a mailbox follows, though it may not look like one.
    fn announces_user(&self, before: &[u8], run: &[u8]) -> bool {
        let of_key = run
            .strip_suffix(b"=")
            .is_some_and(|key| is_one_of(USER_KEYS, key) || is_one_of(ADDRESS_KEYS, key));
        let is_label = is_one_of(&["address:", "extension:", "for:", "key:", "user:"], run);
        let is_sentence = SENTENCES
            .iter()
            .any(|(first, second)| before == first.as_bytes() && run == second.as_bytes());
        let is_word = self.is_unknown && run.eq_ignore_ascii_case(b"user");
        of_key || is_label || is_sentence || is_word
    }

    /// Writes a user; `false` if the word is none.
    fn user(&self, out: &mut Vec<u8>, run: &[u8]) -> bool {
        let (word, end) = match run.split_last() {
            Some((b'.' | b':' | b'\'', word)) => run.split_at(word.len()),
            _ => (run, &b""[..]),
        };
        let is_other = |byte: &u8| matches!(byte, b'=' | b'/' | b':' | b'@' | b'{' | b'$' | b'%');
        let is_number = !word
            .iter()
            .any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
        if is_number || is_one_of(NO_USERS, word) || word.iter().any(is_other) {
            return false;
        }
        if whole_quad(word).is_some() || is_host(word, None, None, word) {
            return false;
        }
        let quote = usize::from(word.starts_with(b"'"));
        let (quote, name) = word.split_at(quote);
        out.extend_from_slice(quote);
        self.names.mailbox(out, name);
        out.extend_from_slice(end);
        true
    }

    /// Copies what stands between two blanks or brackets.
    fn run(&self, out: &mut Vec<u8>, run: &[u8], next: Option<u8>) {
        if run.is_empty() {
            return;
        }
        if self.known_name(out, run) {
            return;
        }
        if let Some(at) = memchr::memchr(b'@', run) {
            return self.address(out, run, at, next);
        }
        if let Some(at) = memchr::memchr(b'=', run) {
            let (key, value) = run.split_at(at + 1);
            if self.is_user_key(key) && self.user_value(out, key, value) {
                return;
            }
        }
        self.words(out, run, next);
    }

    /// Tells whether what stands behind a key is a user.
    fn is_user_key(&self, key: &[u8]) -> bool {
        let key = key.strip_suffix(b"=").unwrap_or(key);
        is_one_of(USER_KEYS, key) || (self.is_unknown && is_one_of(ADDRESS_KEYS, key))
    }

    fn user_value(&self, out: &mut Vec<u8>, key: &[u8], value: &[u8]) -> bool {
        let start = out.len();
        out.extend_from_slice(key);
        let is_user = self.user(out, value);
        if !is_user {
            out.truncate(start);
        }
        is_user
    }

    /// Writes a name that another field of the line has, in quotes of the text or without.
    fn known_name(&self, out: &mut Vec<u8>, word: &[u8]) -> bool {
        let trimmed = word.strip_suffix(b".").unwrap_or(word);
        let trimmed = trimmed.strip_suffix(b":").unwrap_or(trimmed);
        let bare = trimmed.strip_prefix(b"'").unwrap_or(trimmed);
        let before = trimmed.len() - bare.len();
        let name = bare.strip_suffix(b"'").unwrap_or(bare);
        let known = self.known.iter().find(|known| match known {
            Known::Local(known) | Known::Host(known) => known.eq_ignore_ascii_case(name),
        });
        let Some(known) = known else { return false };
        out.extend_from_slice(word.get(..before).unwrap_or_default());
        match known {
            Known::Local(_) => {
                self.guessed.set(true);
                self.names.local(out, name);
            }
            Known::Host(_) => self.names.host(out, name),
        }
        out.extend_from_slice(word.get(before + name.len()..).unwrap_or_default());
        true
    }

    /// Copies a run with an `@` in it.
    fn address(&self, out: &mut Vec<u8>, run: &[u8], at: usize, next: Option<u8>) {
        let (left, right) = run.split_at(at);
        let right = right.strip_prefix(b"@").unwrap_or(right);
        let start = local_start(left);
        let (before, local) = left.split_at(start);
        self.words(out, before, None);
        self.names.local(out, local);
        out.push(b'@');
        let (domain, behind) = split_run(right, is_of_name);
        let (domain, _) = trim_end(domain);
        let behind = right.get(domain.len()..).unwrap_or(behind);
        match Quad::parse(domain).filter(|quad| quad.sign == b'.' && quad.behind.is_empty()) {
            Some(quad) => self.quad(out, &quad),
            // `no @domain in address` is a sentence.
            None if local.is_empty() && !domain.contains(&b'.') => out.extend_from_slice(domain),
            None => self.names.domain(out, domain),
        }
        self.run(out, behind, next);
    }

    /// Copies a run without an `@`.
    fn words(&self, out: &mut Vec<u8>, run: &[u8], next: Option<u8>) {
        if run.starts_with(b"/") {
            return path(self, out, run);
        }
        let colons = memchr::memchr_iter(b':', run).count();
        if colons >= 2 && self.ipv6(out, run, next) {
            return;
        }
        let mut rest = run;
        let mut before = None;
        while !rest.is_empty() {
            let (name, behind) = split_run(rest, is_of_name);
            if !name.is_empty() {
                let behind = behind.first().copied().or(next);
                self.name(out, name, before, behind, run);
            }
            let (other, behind) = split_run(behind, |byte| !is_of_name(byte));
            out.extend_from_slice(other);
            before = other.last().copied().or(before);
            rest = behind;
        }
    }

    /// Copies a part of a path.
    pub(super) fn part(&self, out: &mut Vec<u8>, part: &[u8]) {
        if !part.starts_with(b"/") {
            self.text(out, part);
        }
    }

    /// Copies a run in which an IPv6 address is; `false` if there is none.
    fn ipv6(&self, out: &mut Vec<u8>, run: &[u8], next: Option<u8>) -> bool {
        let mut at = 0;
        while let Some(rest) = run.get(at..).filter(|rest| !rest.is_empty()) {
            let (word, behind) = split_run(rest, is_of_word);
            if let Some((before, ip, tail)) = find_ipv6(word) {
                self.words(out, run.get(..at + before.len()).unwrap_or_default(), None);
                let token = self.names.ip(ip.into());
                out.extend_from_slice(token.to_string().as_bytes());
                let tail = run.get(run.len() - behind.len() - tail.len()..);
                self.words(out, tail.unwrap_or_default(), next);
                return true;
            }
            at += word.len() + 1;
        }
        false
    }

    /// Copies a word of letters, digits, dots and hyphens.
    fn name(
        &self,
        out: &mut Vec<u8>,
        name: &[u8],
        before: Option<u8>,
        behind: Option<u8>,
        run: &[u8],
    ) {
        let (bare, end) = trim_end(name);
        if self.known_name(out, bare) {
        } else if let Some(quad) = whole_quad(bare) {
            self.quad(out, &quad);
        } else if is_host(bare, before, behind, run) {
            self.names.host(out, bare);
        } else {
            self.quads_within(out, bare);
        }
        out.extend_from_slice(end);
    }

    fn quad(&self, out: &mut Vec<u8>, quad: &Quad<'_>) {
        let Some(ip) = quad.ip() else { return };
        let token = self.names.ip(ip.into()).to_string();
        let sign = char::from(quad.sign).to_string();
        out.extend_from_slice(token.replace('.', &sign).as_bytes());
    }

    /// Copies a word that is no host's name, with the four numbers of addresses in it masked.
    fn quads_within(&self, out: &mut Vec<u8>, word: &[u8]) {
        let mut rest = word;
        let mut before = b' ';
        while let Some((&first, behind)) = rest.split_first() {
            let begins = first.is_ascii_digit() && !before.is_ascii_digit();
            match Quad::parse(rest).filter(|_| begins) {
                Some(quad) => {
                    self.quad(out, &quad);
                    before = b'0';
                    rest = quad.behind;
                }
                None => {
                    out.push(first);
                    before = first;
                    rest = behind;
                }
            }
        }
    }
}

/// Returns where the local part of an address begins in what stands before its `@`.
fn local_start(left: &[u8]) -> usize {
    let behind = |at: Option<usize>| at.map_or(0, |at| at + 1);
    let key = memchr::memchr(b'=', left).filter(|at| {
        let key = left.get(..*at).unwrap_or_default();
        key.len() <= 2 || is_one_of(ADDRESS_KEYS, key) || is_one_of(USER_KEYS, key)
    });
    let sign = left
        .iter()
        .rposition(|byte| matches!(byte, b':' | b'/' | b'\'' | b'{' | b'|' | b'\\'));
    behind(key).max(behind(sign))
}

/// Splits the full stops and hyphens off the end of a word.
fn trim_end(word: &[u8]) -> (&[u8], &[u8]) {
    let last = word.iter().rposition(|byte| !matches!(byte, b'.' | b'-'));
    word.split_at(last.map_or(0, |last| last + 1))
}

fn whole_quad(word: &[u8]) -> Option<Quad<'_>> {
    Quad::parse(word).filter(|quad| quad.behind.is_empty() && quad.sign == b'.')
}

/// Tells whether a word is the name of a host: the last of its labels is a domain, or there are
/// three, or an address in brackets follows.
fn is_host(word: &[u8], before: Option<u8>, behind: Option<u8>, run: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', word) else {
        return false;
    };
    let (stem, last) = word.split_at(dot);
    let last = last.strip_prefix(b".").unwrap_or(last);
    let is_label = last.len() >= 2
        && last
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || *byte == b'-' || !byte.is_ascii());
    let is_label = is_label || last.starts_with(b"xn--");
    if stem.is_empty() || !is_label {
        return false;
    }
    let is_url = run.windows(3).any(|sign| sign == b"://");
    if is_one_of(FILES, last) && !is_url && (before == Some(b'/') || !is_domain_and_file(last)) {
        return false;
    }
    behind == Some(b'[') || is_world_domain(last) || memchr::memchr(b'.', stem).is_some()
}

/// Ends of names of files with which many hosts end too: `.pl` and `.info` are not only programs.
fn is_domain_and_file(last: &[u8]) -> bool {
    is_one_of(&["info", "pl", "py", "sh", "so"], last)
}

/// Returns the local part of an address, or a user without a domain, if it may be looked for in
/// other text of its line.
pub(super) fn local_of(name: &[u8]) -> Option<&[u8]> {
    let local = match memchr::memrchr(b'@', name) {
        Some(at) => name.get(..at)?,
        None => name,
    };
    let is_word = local.len() >= 2 && !is_role(local) && !is_one_of(COMMON, local);
    is_word.then_some(local)
}

/// Words of log lines: a mailbox of such a name is not looked for in sentences.
const COMMON: &[&str] = &[
    "access",
    "account",
    "address",
    "admin",
    "all",
    "and",
    "as",
    "at",
    "auth",
    "blocked",
    "box",
    "by",
    "client",
    "closed",
    "command",
    "connect",
    "connection",
    "data",
    "delivered",
    "delivery",
    "disabled",
    "dns",
    "domain",
    "error",
    "failed",
    "file",
    "for",
    "forwarded",
    "found",
    "from",
    "full",
    "greylisted",
    "group",
    "helo",
    "host",
    "id",
    "imap",
    "in",
    "inbox",
    "info",
    "is",
    "lmtp",
    "local",
    "login",
    "lookup",
    "lost",
    "mailbox",
    "maildir",
    "message",
    "message-id",
    "method",
    "name",
    "no",
    "not",
    "of",
    "ok",
    "on",
    "out",
    "over",
    "password",
    "pid",
    "policy",
    "pop3",
    "queue",
    "quota",
    "recipient",
    "refused",
    "reject",
    "rejected",
    "relay",
    "removed",
    "reply",
    "sasl",
    "saved",
    "sender",
    "sent",
    "server",
    "service",
    "session",
    "sieve",
    "size",
    "smtp",
    "smtpd",
    "spam",
    "status",
    "support",
    "system",
    "table",
    "temporary",
    "test",
    "the",
    "time",
    "timeout",
    "tls",
    "to",
    "trash",
    "user",
    "users",
    "virtual",
    "warning",
    "with",
];

#[cfg(test)]
mod tests {
    use super::super::prf::Key;
    use super::*;

    fn scanned(text: &str, is_unknown: bool) -> String {
        let names = Pseudonyms::new(&Key::known([3; 32]));
        let scanner = Scanner {
            names: &names,
            known: &[Known::Local(b"anna")],
            is_unknown,
            guessed: &Cell::new(false),
        };
        let mut out = Vec::new();
        scanner.text(&mut out, text.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_found_by_their_looks() {
        for (text, secret) in [
            ("550 <bert@shop.example>: User unknown", "bert"),
            ("550 <bert@shop.example>: User unknown", "shop"),
            ("see https://www.shop.example/x", "shop"),
            ("lost connection with mx.bert[198.51.100.7]:25", "bert"),
            ("198.51.100.7,2001:db8::7", "198.51"),
            ("198.51.100.7,2001:db8::7", "db8::7"),
            ("client-ip=2001:db8::7;r=bert@shop.example", "bert"),
            ("\"bert b\"@shop.example", "bert"),
            ("bounce-7-bert=shop.example@list.example", "bert"),
            ("mailto:bert@shop.example.", "bert"),
            ("unknown user: \"anna\"", "anna"),
            ("sasl_username=bert", "bert"),
            ("file /var/vmail/shop.example/bert/Maildir/new", "bert"),
            ("198-51-100-7.dsl.example", "198-51"),
            ("ip_198_51_100_7", "198_51"),
            ("fe80::1:2%eth0", "1:2"),
        ] {
            let masked = scanned(text, false);
            assert!(!masked.contains(secret), "{masked}");
        }
        // The key is none of the mailbox, which has one token everywhere.
        let mailbox = scanned("bert@shop.example", false);
        for key in ["r=", "envelope-from=", "mailto:"] {
            let masked = scanned(&format!("{key}bert@shop.example"), false);
            assert_eq!(masked, format!("{key}{mailbox}"));
        }
        assert!(!scanned("Failed password for invalid user bert from", true).contains("bert"));
    }

    #[test]
    fn other_text_stays() {
        for text in [
            "",
            "delays=0.1/0.02/3/0.44, dsn=4.4.1, mail=1 rcpt=2",
            "2026-11-21T09:30:05.123456+01:00",
            "warning: /etc/postfix/main.cf, line 7: unused parameter",
            "TLS library problem: error:0A000126:SSL routines::unexpected eof:rec_layer_s3.c:303:",
            "daemon started -- version 3.7.11, configuration /etc/postfix",
            "connect from localhost[127.0.0.1]",
            "no @domain in address",
            "Matched DANE raw public key: 3 1 1 AABBCC",
            "disconnect from unknown user=7",
            "User unknown in virtual mailbox table; user is over quota",
        ] {
            assert_eq!(scanned(text, false), text);
        }
    }
}
