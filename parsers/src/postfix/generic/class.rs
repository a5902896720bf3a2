//! Classes of warnings: what a warning without a kind of its own is about, told by its words.
//!
//! Postfix has some 1,600 places that warn. These are the word patterns of the catalogue; they are
//! tried in its order, and the text stays as it is.

use crate::scan::{contains, is_queue_id, peer, split_once};

/// What a text must have to be of a class.
enum Words {
    /// It begins with these words.
    Begin(&'static [u8]),
    /// These words stand in it.
    Hold(&'static [u8]),
    /// A queue id begins it, and then these words.
    Mail(&'static [u8]),
}

use Words::{Begin, Hold, Mail};

/// Tells the class of a warning by the text after its severity word.
pub(super) fn of(text: &[u8]) -> Option<&'static str> {
    let mail = split_once(text, b": ")
        .filter(|(id, _)| is_queue_id(id))
        .map(|(_, rest)| rest);
    for (class, words) in CLASSES {
        for words in *words {
            let fits = match words {
                Begin(words) => text.starts_with(words),
                Hold(words) => contains(text, words),
                Mail(words) => mail.is_some_and(|rest| rest.starts_with(words)),
            };
            if fits {
                return Some(class);
            }
        }
    }
    by_shape(text)
}

/// The classes that single words do not tell.
fn by_shape(text: &[u8]) -> Option<&'static str> {
    if let Ok((rest, _)) = peer(text)
        && rest.starts_with(b": ignoring too long SNI hostname")
    {
        return Some("tls_peer");
    }
    let (lead, rest) = split_once(text, b": ")?;
    if is_function(lead) && rest.starts_with(b"receive ") {
        return Some("internal_protocol");
    }
    is_file_io(lead, rest).then_some("file_io")
}

/// `{function}: {seek|read|write|rename …} {path}…: {error}` and `{stat|open|…} {path}: {error}`
fn is_file_io(lead: &[u8], rest: &[u8]) -> bool {
    const CALLS: &[&[u8]] = &[
        b"seek file ",
        b"read file ",
        b"write file ",
        b"vstream_ftell file ",
        b"rename ",
        b"remove ",
        b"close ",
        b"open ",
        b"stat ",
        b"fchmod ",
        b"fstat ",
        b"lseek ",
        b"fsync ",
        b"truncate ",
    ];
    let is_call = |text: &[u8]| CALLS.iter().any(|call| text.starts_with(call));
    let has_path = |text: &[u8]| memchr::memchr2(b'/', b' ', text).is_some();
    (is_function(lead) && is_call(rest)) || (is_call(lead) && has_path(lead))
}

fn is_function(name: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    !name.is_empty() && name.iter().all(is_name)
}

const CLASSES: &[(&str, &[Words])] = &[
    ("queue_file_corruption", QUEUE_FILE_CORRUPTION),
    ("milter_edit", MILTER_EDIT),
    ("internal_protocol", INTERNAL_PROTOCOL),
    ("bounce_template", BOUNCE_TEMPLATE),
    ("tls_config", TLS_CONFIG),
    ("tls_peer", TLS_PEER),
    ("tls_policy", TLS_POLICY),
    ("sasl_config", SASL_CONFIG),
    ("sql_ldap", SQL_LDAP),
    ("map_config", MAP_CONFIG),
    ("resolver", RESOLVER),
    ("cli", CLI),
];

const QUEUE_FILE_CORRUPTION: &[Words] = &[
    Mail(b"message rejected: "),
    Mail(b"ignoring out-of-order "),
    Mail(b"ignoring malformed DSN "),
    Mail(b"ignoring multiple "),
    Mail(b"invalid size record"),
    Mail(b"rcpt count mismatch"),
    Mail(b"bad attribute record"),
    Mail(b"spurious null attribute value"),
    Mail(b"record type "),
    Mail(b"removed spurious "),
    Begin(b"bad record type: "),
    Begin(b"Unexpected record type '"),
];

const MILTER_EDIT: &[Words] = &[
    Mail(b"Milter request to "),
    Mail(b"Bad NOTIFY parameter from Milter"),
    Mail(b"Bad ORCPT parameter from Milter"),
    Mail(b"ignoring attempt from Milter to "),
    Mail(b"milter configuration error: "),
    Begin(b"Ignoring bad ESMTP parameter "),
    Begin(b"Milter service needs transport:endpoint "),
    Begin(b"milter "),
];

const INTERNAL_PROTOCOL: &[Words] = &[
    Begin(b"malformed request"),
    Begin(b"malformed queue id"),
    Begin(b"malformed queue name"),
    Begin(b"unrecognized request: "),
    Begin(b"unknown command: "),
    Begin(b"bad command "),
    Hold(b": bad or missing request parameter"),
    Hold(b": unable to receive file descriptor"),
    Hold(b": cannot send file descriptor"),
    Begin(b"timeout while waiting for data from "),
    Begin(b"end-of-input while reading request from "),
    Begin(b"cannot examine read buffer of "),
    Begin(b"bogus cache type "),
    Begin(b"error sending request to "),
    Begin(b"error receiving "),
    Hold(b" attributes, got "),
];

const BOUNCE_TEMPLATE: &[Words] = &[
    Begin(b"-- ignoring this template"),
    Begin(b"for instructions see the bounce(5) manual"),
    Begin(b"please increase time unit "),
    Begin(b"please reduce time unit "),
    Hold(b": unknown template name: "),
    Hold(b" in failure template"),
    Hold(b" in delay template"),
    Hold(b" in success template"),
    Hold(b" in verify template"),
];

const TLS_CONFIG: &[Words] = &[
    Begin(b"error loading certificate"),
    Begin(b"error loading private key"),
    Begin(b"error loading chain"),
    Begin(b"No certs for key at index "),
    Begin(b"No private key found in "),
    Hold(b" does not match public key in "),
    Begin(b"cannot allocate client SSL_CTX"),
    Begin(b"cannot allocate server SSL_CTX"),
    Begin(b"error setting cipher grade"),
    Begin(b"invalid cipher grade"),
    Hold(b"key exchange groups"),
    Hold(b"DH parameters"),
    Hold(b"session tickets disabled"),
    Hold(b"OpenSSL configuration file, disabling TLS support"),
    Hold(b"malformed fingerprint value"),
    Hold(b"matching type"),
    Hold(b"trust anchor"),
];

const TLS_PEER: &[Words] = &[
    Hold(b": peer certificate has no "),
    Hold(b": NULL character in peer "),
    Hold(b": non-printable content in peer "),
    Hold(b": error decoding peer "),
];

const TLS_POLICY: &[Words] = &[
    Hold(b": attribute \""),
    Hold(b"invalid attribute name"),
    Hold(b"unknown TLS policy '"),
    Begin(b"opportunistic TLS encryption is not appropriate for unix-domain destinations"),
    Hold(b": ignoring attribute \""),
    Begin(b"Cannot enable TLSRPT: "),
    Begin(b"Could not report TLS handshake result to tlsrpt library"),
];

const SASL_CONFIG: &[Words] = &[
    Begin(b"SASL library initialization error"),
    Begin(b"per-session SASL client initialization"),
    Begin(b"bad per-session SASL security properties"),
    Begin(b"incorrect SASL library version"),
    Begin(b"unsupported SASL client implementation"),
    Begin(b"unsupported SASL server implementation"),
    Begin(b"no applicable SASL mechanisms"),
    Begin(b"SASL: Protocol version mismatch"),
    Begin(b"SASL: Connected to wrong auth socket"),
    Begin(b"missing Dovecot server "),
];

const SQL_LDAP: &[Words] = &[
    Begin(b"dict_mysql: "),
    Begin(b"dict pgsql: "),
    Begin(b"pgsql query failed: "),
    Hold(b": Unable to "),
    Hold(b": Search error "),
    Hold(b": Expansion limit exceeded for key: "),
    Hold(b": Query size limit ("),
    Begin(b"database memcache:"),
    Begin(b"SQL step failed"),
    Hold(b" without the recommended '' quotes"),
];

const MAP_CONFIG: &[Words] = &[
    Begin(b"restriction "),
    Begin(b"access table "),
    Begin(b"parameter "),
    Begin(b"bad BCC address"),
    Begin(b"bad PREPEND header text"),
    Begin(b"bad REPLACE header text"),
    Begin(b"REPLACE action without text"),
    Begin(b"table \""),
    Begin(b"multi-valued "),
    Begin(b"bad syntax in "),
    Begin(b"cidr map "),
    Begin(b"pcre map "),
    Begin(b"regexp map "),
    Begin(b"texthash"),
    Begin(b"inline"),
    Begin(b"map "),
];

const RESOLVER: &[Words] = &[
    Begin(b"res_nsearch("),
    Begin(b"reply length "),
    Begin(b"extract_answer: "),
    Begin(b"dns_get_fixed: bad class"),
    Begin(b"valid_"),
];

const CLI: &[Words] = &[
    Begin(b"bad -N option "),
    Begin(b"bad -O option "),
    Begin(b"bad -R option "),
    Begin(b"ignoring -q option in daemon mode"),
    Begin(b"option -V is deprecated"),
    Begin(b"the Postfix sendmail command has set-uid root file permissions"),
];
