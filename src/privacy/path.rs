//! Paths of files: users and domains have folders in them.

use super::scan::Scanner;

/// Folders below which those of users and domains are.
const HOMES: &[&str] = &[
    "domains",
    "home",
    "mail",
    "mailboxes",
    "maildirs",
    "sieve",
    "users",
    "vhosts",
    "virtual",
    "vmail",
];

/// Names of files and folders of mail programs below those of a user.
const MAIL_FILES: &[&str] = &[
    "cur",
    "dbox",
    "mail",
    "maildir",
    "mailboxes",
    "mdbox",
    "mbox",
    "new",
    "sdbox",
    "sieve",
    "storage",
    "tmp",
];

/// Writes a path; below a folder in which homes are, the next two are a domain's and a user's, up to
/// what is no name of one.
pub(super) fn path(scanner: &Scanner<'_>, out: &mut Vec<u8>, text: &[u8]) {
    let is_one_of = |words: &[&str], part: &[u8]| {
        let mut words = words.iter();
        words.any(|word| word.as_bytes().eq_ignore_ascii_case(part))
    };
    let mut is_home = false;
    let parts = text.split(|byte| *byte == b'/');
    let count = parts.clone().count();
    for (at, part) in parts.enumerate() {
        if at > 0 {
            out.push(b'/');
        }
        let is_of_program = is_one_of(MAIL_FILES, part)
            || is_one_of(HOMES, part)
            || part.starts_with(b".")
            || part.starts_with(b"dovecot");
        // A file right below is a table of an administrator, such as `/etc/postfix/virtual/users`.
        if is_home && !is_of_program && !part.is_empty() {
            match memchr::memchr(b'@', part) {
                None if memchr::memchr(b'.', part).is_some() => scanner.part(out, part),
                _ => scanner.names.mailbox(out, part),
            }
        } else {
            scanner.part(out, part);
        }
        is_home = at + 1 < count && (is_one_of(HOMES, part) || (is_home && !is_of_program));
    }
}
