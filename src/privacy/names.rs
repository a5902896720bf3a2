//! Names in place of names: hosts label by label, addresses part by part.
//!
//! A token is a keyed one of the name in small letters, so that spellings that are one name to a
//! report stay one; which letters are capitals is a function of the spelling, so that two spellings
//! stay two. At least 57 bits of it: that two among a million names have one token has a chance of
//! one in three hundred thousand.
//!
//! What stays: the last label where it is a domain of the world (`com`, `de`), for it names nobody,
//! and a report by top-level domain keeps its sense; `.invalid` and `localhost`, which nobody has;
//! public blocklists, whose names say why a mail was refused; and mailboxes that every host has
//! (`postmaster`, `root`). The list of public suffixes (`co.uk`) is not asked: it is larger than the
//! rest of the program, and what it would keep is a label that names nobody either way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mailtally_parsers::postfix::reason::public_blocklist;

use super::ip::Permutation;
use super::prf::{Key, Prf};

/// Tokens in place of what names somebody.
#[derive(Clone, Debug)]
pub struct Pseudonyms {
    prf: Prf,
    permutation: Permutation,
}

/// Mailboxes and users that hosts have by themselves, and words that stand where a user would.
const ROLES: &[&str] = &[
    "(unavailable)",
    "abuse",
    "amavis",
    "anonymous",
    "clamav",
    "daemon",
    "debian-spamd",
    "double-bounce",
    "dovecot",
    "dovenull",
    "hostmaster",
    "mail",
    "mailer-daemon",
    "mailnull",
    "nobody",
    "none",
    "opendkim",
    "opendmarc",
    "postfix",
    "postmaster",
    "root",
    "rspamd",
    "unavailable",
    "unknown",
    "vmail",
    "webmaster",
    "www-data",
];

/// Words that stand where the name of a host would, and names that are no host's own.
const NO_HOSTS: &[&str] = &[
    "",
    "-",
    "?",
    "dovecot",
    "ip6-localhost",
    "ip6-loopback",
    "local",
    "localdomain",
    "localhost",
    "none",
    "unknown",
];

/// Domains of the world of more than two letters, and those that hosts have within a house.
const DOMAINS: &[&str] = &[
    "academy",
    "aero",
    "agency",
    "app",
    "arpa",
    "asia",
    "berlin",
    "bike",
    "biz",
    "blog",
    "care",
    "cat",
    "center",
    "church",
    "city",
    "click",
    "cloud",
    "club",
    "coach",
    "com",
    "company",
    "coop",
    "corp",
    "design",
    "dev",
    "digital",
    "edu",
    "education",
    "email",
    "energy",
    "engineering",
    "example",
    "expert",
    "family",
    "finance",
    "fit",
    "fun",
    "global",
    "gmbh",
    "gov",
    "group",
    "hamburg",
    "health",
    "help",
    "home",
    "host",
    "house",
    "icu",
    "info",
    "ink",
    "int",
    "internal",
    "international",
    "intern",
    "intra",
    "intranet",
    "invalid",
    "jobs",
    "koeln",
    "lan",
    "land",
    "law",
    "life",
    "link",
    "live",
    "local",
    "localdomain",
    "localhost",
    "london",
    "ltd",
    "mail",
    "management",
    "market",
    "marketing",
    "media",
    "mil",
    "mobi",
    "monster",
    "museum",
    "name",
    "net",
    "network",
    "news",
    "nrw",
    "nyc",
    "one",
    "online",
    "onion",
    "org",
    "paris",
    "photo",
    "photos",
    "post",
    "press",
    "pro",
    "ruhr",
    "saarland",
    "sale",
    "school",
    "sbs",
    "science",
    "services",
    "shop",
    "site",
    "social",
    "software",
    "solutions",
    "space",
    "store",
    "studio",
    "support",
    "swiss",
    "systems",
    "team",
    "tech",
    "technology",
    "tel",
    "test",
    "tirol",
    "today",
    "tokyo",
    "top",
    "tours",
    "trade",
    "travel",
    "university",
    "vip",
    "website",
    "wien",
    "win",
    "work",
    "works",
    "world",
    "xxx",
    "xyz",
    "zone",
];

/// Where the programs themselves send their reader.
const MANUALS: &[&str] = &[
    "dovecot.org",
    "openspf.net",
    "openspf.org",
    "postfix.org",
    "rsyslog.com",
];

fn is_one_of(words: &[&str], word: &[u8]) -> bool {
    words
        .iter()
        .any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}

/// Tells whether the last label of a name is a domain of the world.
pub(super) fn is_world_domain(label: &[u8]) -> bool {
    let is_country = label.len() == 2 && label.iter().all(u8::is_ascii_alphabetic);
    let is_international = label.len() > 4
        && label
            .first_chunk::<4>()
            .is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"));
    is_country || is_international || is_one_of(DOMAINS, label)
}

/// Tells whether a user or mailbox is one that names nobody.
pub(super) fn is_role(name: &[u8]) -> bool {
    name.iter().all(|byte| !byte.is_ascii_alphanumeric()) || is_one_of(ROLES, name)
}

impl Pseudonyms {
    /// Makes the tokens of a key.
    pub fn new(key: &Key) -> Self {
        let prf = Prf::new(key);
        Pseudonyms {
            permutation: Permutation::new(&prf),
            prf,
        }
    }

    pub(super) fn ip(&self, ip: IpAddr) -> IpAddr {
        self.permutation.ip(ip)
    }

    /// Appends a mailbox's address, a user or a message-id: `local@domain`, `DOMAIN\user` or a word.
    pub(super) fn mailbox(&self, out: &mut Vec<u8>, name: &[u8]) {
        if let Some(at) = memchr::memrchr(b'@', name) {
            let (local, domain) = name.split_at(at);
            self.local(out, local);
            out.push(b'@');
            self.domain(out, domain.strip_prefix(b"@").unwrap_or(domain));
        } else if let Some(at) = memchr::memchr(b'\\', name) {
            let (domain, user) = name.split_at(at);
            self.host(out, domain);
            out.push(b'\\');
            self.local(out, user.strip_prefix(b"\\").unwrap_or(user));
        } else {
            self.local(out, name);
        }
    }

    /// Appends a mailbox's address or a user, unless it is a word that stands for a host (`local`).
    pub(super) fn mailbox_or_host(&self, out: &mut Vec<u8>, name: &[u8]) {
        if is_one_of(NO_HOSTS, name) {
            out.extend_from_slice(name);
        } else {
            self.mailbox(out, name);
        }
    }

    /// Appends the local part of an address, or a user without a domain.
    pub(super) fn local(&self, out: &mut Vec<u8>, name: &[u8]) {
        // The same mailbox, with the quotes that a protocol wants or without.
        let unquoted = name
            .strip_prefix(b"\"")
            .and_then(|name| name.strip_suffix(b"\""));
        if let Some(unquoted) = unquoted.filter(|name| !name.is_empty()) {
            out.push(b'"');
            self.local(out, unquoted);
            out.push(b'"');
        } else if is_role(name) {
            out.extend_from_slice(name);
        } else {
            self.token(out, "local", b"", name);
        }
    }

    /// Appends the name of a host, or of a public blocklist.
    pub(super) fn host(&self, out: &mut Vec<u8>, name: &[u8]) {
        match public_blocklist(name) {
            Some(list) => self.below(out, name, list.len()),
            None => self.domain(out, name),
        }
    }

    /// Appends the domain of a mailbox; where somebody has one, it is no blocklist.
    pub(super) fn domain(&self, out: &mut Vec<u8>, name: &[u8]) {
        let whole = name.strip_suffix(b".").unwrap_or(name);
        self.below(out, name, kept_of(whole));
    }

    /// Appends a name of which so many bytes at the end stay, but for a full stop behind them.
    fn below(&self, out: &mut Vec<u8>, name: &[u8], kept: usize) {
        if is_one_of(NO_HOSTS, name) || name.iter().all(|byte| !byte.is_ascii_alphanumeric()) {
            out.extend_from_slice(name);
            return;
        }
        let whole = name.strip_suffix(b".").unwrap_or(name);
        let (rest, kept) = whole.split_at(whole.len().saturating_sub(kept));
        let rest = match self.spelled_ip(out, rest, kept) {
            Some(rest) => rest,
            None => rest,
        };
        self.labels(out, rest, kept);
        out.extend_from_slice(kept);
        out.extend_from_slice(name.get(whole.len()..).unwrap_or_default());
    }

    /// Appends labels, each of which has a token of its own below those behind it.
    fn labels(&self, out: &mut Vec<u8>, labels: &[u8], kept: &[u8]) {
        let whole = [labels, kept].concat().to_ascii_lowercase();
        let mut at = 0;
        for label in labels.split(|byte| *byte == b'.') {
            let end = at + label.len();
            let below = whole.get(end..).unwrap_or_default();
            // `_25._tcp` is no name, and `*` none either.
            if label.starts_with(b"_") || !label.iter().any(|byte| is_of_name(*byte)) {
                out.extend_from_slice(label);
            } else {
                self.token(out, "label", below, label);
            }
            if labels.get(end) == Some(&b'.') {
                out.push(b'.');
            }
            at = end + 1;
        }
    }

    /// Appends the address with which a name begins as the numbers of a query do: four numbers, or
    /// 32 digits of IPv6; returns what is behind it.
    fn spelled_ip<'n>(&self, out: &mut Vec<u8>, rest: &'n [u8], kept: &[u8]) -> Option<&'n [u8]> {
        let labels: Vec<&[u8]> = rest.splitn(33, |byte| *byte == b'.').collect();
        let is_v6 = kept.eq_ignore_ascii_case(b"ip6.arpa") || labels.len() > 32;
        let is_digit = |label: &&[u8]| matches!(label, [digit] if digit.is_ascii_hexdigit());
        if is_v6
            && labels
                .iter()
                .take(32)
                .filter(|label| is_digit(label))
                .count()
                == 32
        {
            let digits = labels.iter().take(32).rev();
            let bits = digits.fold(0u128, |bits, label| {
                let digit = label.first().map_or(0, |digit| value_of(*digit));
                bits << 4 | u128::from(digit)
            });
            let token = self.permutation.v6(Ipv6Addr::from_bits(bits)).to_bits();
            for shift in 0..32 {
                out.extend_from_slice(format!("{:x}.", token >> (4 * shift) & 15).as_bytes());
            }
            return rest.get(64..);
        }
        let [d, c, b, a, ..] = labels.as_slice() else {
            return None;
        };
        let number = |label: &[u8]| -> Option<u8> {
            let is_number = label.iter().all(u8::is_ascii_digit);
            let text = std::str::from_utf8(label).ok().filter(|_| is_number)?;
            text.parse().ok()
        };
        let ip = Ipv4Addr::new(number(a)?, number(b)?, number(c)?, number(d)?);
        let [a2, b2, c2, d2] = self.permutation.v4(ip).octets();
        out.extend_from_slice(format!("{d2}.{c2}.{b2}.{a2}").as_bytes());
        let length = a.len() + b.len() + c.len() + d.len() + 3;
        if rest.len() > length {
            out.push(b'.');
        }
        rest.get(length + 1..).or(Some(b""))
    }

    /// Appends a text in which every letter and digit has another of its sort in its place, as in a
    /// fingerprint or a session's id.
    pub(super) fn opaque(&self, out: &mut Vec<u8>, text: &[u8]) {
        let is_hex = text
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || !byte.is_ascii_alphanumeric());
        let letters: u8 = if is_hex { 6 } else { 26 };
        let mut random = Vec::new();
        for (at, byte) in text.iter().enumerate() {
            if at % 32 == 0 {
                let block = u64::try_from(at).unwrap_or(0).to_le_bytes();
                random = self.prf.of("opaque", &[&block, text]).to_vec();
            }
            let word = random.get(at % 32).copied().unwrap_or(0);
            out.push(match byte {
                b'0'..=b'9' => b'0' + word % 10,
                b'a'..=b'z' => b'a' + word % letters,
                b'A'..=b'Z' => b'A' + word % letters,
                // What is not ASCII may be a half of a letter: it goes.
                0x80.. => b'a' + word % 26,
                _ => *byte,
            });
        }
    }

    /// Appends a token in place of a text of any form, such as a subject.
    pub(super) fn text(&self, out: &mut Vec<u8>, text: &[u8]) {
        if text.iter().any(|byte| is_of_name(*byte)) {
            self.token(out, "text", b"", text);
        } else {
            out.extend_from_slice(text);
        }
    }

    /// Appends thirteen letters in place of a name; up to three of them are digits, as many as the
    /// name has, so that what is taken for a number, an id or a value stays it, and nothing else is.
    /// The second letter is an `i`, `o` or `u`, which no queue id has.
    fn token(&self, out: &mut Vec<u8>, usage: &str, below: &[u8], name: &[u8]) {
        let small = name.to_ascii_lowercase();
        let random = self.prf.of(usage, &[below, &small]);
        let spelling = (small != name).then(|| self.prf.of("spelling", &[name]));
        let digits = name.iter().filter(|byte| byte.is_ascii_digit()).count();
        let letters = TOKEN_LENGTH - digits.min(3);
        for (at, word) in random.iter().take(TOKEN_LENGTH).enumerate() {
            let is_capital = spelling
                .is_some_and(|random| at == 0 || random.get(at).is_some_and(|word| word & 1 == 1));
            let letter = match at {
                1 => VOWELS.get(usize::from(word % 3)).copied().unwrap_or(b'i'),
                _ => b'a' + word % 26,
            };
            out.push(match (at < letters, is_capital) {
                (false, _) => b'0' + word % 10,
                (true, false) => letter,
                (true, true) => letter.to_ascii_uppercase(),
            });
        }
    }
}

/// Signs of a token.
const TOKEN_LENGTH: usize = 13;
/// Letters that neither a short queue id (hexadecimal) nor a long one (no vowels) has.
const VOWELS: [u8; 3] = *b"iou";

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn value_of(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit.to_ascii_lowercase().saturating_sub(b'a')).saturating_add(10),
    }
}

/// Returns how many bytes at the end of a name stay as they are.
fn kept_of(name: &[u8]) -> usize {
    let Some(dot) = memchr::memrchr(b'.', name) else {
        return 0;
    };
    let last = name.get(dot + 1..).unwrap_or_default();
    if last.eq_ignore_ascii_case(b"invalid") || last.eq_ignore_ascii_case(b"localhost") {
        return name.len();
    }
    if MANUALS.iter().any(|manual| ends_with_domain(name, manual)) {
        return name.len();
    }
    for both in ["localhost.localdomain", "in-addr.arpa", "ip6.arpa"] {
        if ends_with_domain(name, both) {
            return both.len();
        }
    }
    if is_world_domain(last) { last.len() } else { 0 }
}

fn ends_with_domain(name: &[u8], domain: &str) -> bool {
    let Some(start) = name.len().checked_sub(domain.len()) else {
        return false;
    };
    let (before, end) = name.split_at(start);
    end.eq_ignore_ascii_case(domain.as_bytes()) && (before.is_empty() || before.ends_with(b"."))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new(&Key::known([7; 32]))
    }

    fn made(make: impl Fn(&Pseudonyms, &mut Vec<u8>, &[u8]), name: &str) -> String {
        let mut out = Vec::new();
        make(&pseudonyms(), &mut out, name.as_bytes());
        String::from_utf8(out).unwrap()
    }

    fn host(name: &str) -> String {
        made(Pseudonyms::host, name)
    }

    fn mailbox(name: &str) -> String {
        made(Pseudonyms::mailbox, name)
    }

    fn behind_dot(name: &str) -> &str {
        name.split_once('.').unwrap().1
    }

    #[test]
    fn hosts_of_a_domain_share_its_token() {
        let (mail, www) = (host("mail.shop.example"), host("www.shop.example"));
        assert_eq!(behind_dot(&mail), behind_dot(&www));
        assert_eq!(behind_dot(&mail), host("shop.example"));
        assert_ne!(mail, www);
        assert!(mail.ends_with(".example"));
        assert_eq!(mail.split('.').count(), 3);
        // The same label says nothing below another domain.
        let other = host("mail.bank.example");
        assert_ne!(
            mail.split_once('.').unwrap().0,
            other.split_once('.').unwrap().0
        );
        assert_eq!(host("shop.example."), format!("{}.", host("shop.example")));
    }

    #[test]
    fn local_part_and_domain_have_tokens_of_their_own() {
        let (at, domain) = (mailbox("anna@shop.example"), host("shop.example"));
        assert_eq!(at, format!("{}@{domain}", mailbox("anna")));
        assert_eq!(
            mailbox("\"anna\"@shop.example"),
            format!("\"{}\"@{domain}", mailbox("anna"))
        );
        assert_eq!(
            mailbox("postmaster@shop.example"),
            format!("postmaster@{domain}")
        );
        assert_eq!(mailbox("@shop.example"), format!("@{domain}"));
        assert_eq!(
            mailbox("anna@x.invalid"),
            format!("{}@x.invalid", mailbox("anna"))
        );
        assert!(mailbox("SHOP\\anna").ends_with(&format!("\\{}", mailbox("anna"))));
    }

    #[test]
    fn what_names_nobody_stays() {
        for name in [
            "localhost",
            "unknown",
            "",
            "a.b.invalid",
            "LOCALHOST",
            "localhost.localdomain",
            "zen.localhost",
            "spamhaus.org",
            "*",
            "ip6.arpa",
        ] {
            assert_eq!(host(name), name);
        }
        for name in ["", "root", "MAILER-DAEMON", "unknown", "double-bounce", "-"] {
            assert_eq!(mailbox(name), name);
        }
    }

    #[test]
    fn a_label_of_a_public_blocklist_is_none_of_its_own() {
        assert!(host("secretkey.zen.dq.spamhaus.net").ends_with(".spamhaus.net"));
        assert!(!host("secretkey.zen.dq.spamhaus.net").contains("secretkey"));
        assert!(!host("spamhaus.org.shop.example").contains("spamhaus"));
    }

    #[test]
    fn spellings_stay_as_many_and_stay_one_name() {
        let spellings =
            ["shop", "Shop", "SHOP", "sHop"].map(|name| host(&format!("{name}.example")));
        let distinct: HashSet<&String> = spellings.iter().collect();
        assert_eq!(distinct.len(), 4, "{spellings:?}");
        let small: HashSet<String> = spellings.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(small.len(), 1);
    }

    #[test]
    fn numbers_of_a_query_stay_numbers() {
        let name = host("17.100.51.198.zen.example");
        let numbers: Vec<&str> = name.split('.').take(4).collect();
        let ip = pseudonyms()
            .ip("198.51.100.17".parse().unwrap())
            .to_string();
        let mut reversed: Vec<&str> = ip.split('.').collect();
        reversed.reverse();
        assert_eq!(numbers, reversed);
        assert_eq!(
            host("17.100.51.198.in-addr.arpa"),
            format!("{}.in-addr.arpa", reversed.join("."))
        );
        let digits = "7.".repeat(32);
        let name = host(&format!("{digits}ip6.arpa"));
        assert_eq!(name.len(), 64 + 8, "{name}");
        assert!(!name.starts_with("7.7.7.7.7.7.7.7."));
    }

    #[test]
    fn opaque_text_keeps_its_shape() {
        let fingerprint = made(Pseudonyms::opaque, "AA:0B:C1");
        assert_eq!(fingerprint.len(), 8);
        assert_ne!(fingerprint, "AA:0B:C1");
        assert!(
            fingerprint
                .split(':')
                .all(|byte| u8::from_str_radix(byte, 16).is_ok())
        );
    }

    #[test]
    fn a_hundred_thousand_names_have_as_many_tokens() {
        let pseudonyms = pseudonyms();
        let mut seen = HashSet::new();
        for number in 0..100_000 {
            let mut out = Vec::new();
            pseudonyms.local(&mut out, format!("user{number}").as_bytes());
            assert_eq!(out.len(), TOKEN_LENGTH);
            assert!(out[0].is_ascii_lowercase());
            assert!(b"iou".contains(&out[1]), "one may look like a queue id");
            assert!(seen.insert(out));
        }
    }
}
