//! Refusals at the SMTP stages: where, for which reason, and who.

use super::Options;
use super::client;
use super::find::{after_code, one_of, split, split_last, until};
use super::stamp::is_space;
use super::verp;

/// A refusal as the detail reports list it; all empty where the line has another shape.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Refusal {
    pub(super) stage: Vec<u8>,
    pub(super) reason: Vec<u8>,
    /// The sender, the recipient, or the client, whichever the reason is about.
    pub(super) who: Vec<u8>,
    /// Whether pflogsumm takes something else for the reason.
    pub(super) is_misread: bool,
}

/// The words that say what became of a mail.
pub(super) const VERBS: &[&[u8]] = &[b"reject: ", b"reject_warning: ", b"hold: ", b"discard: "];

/// Reads what a line says about a refusal.
pub(super) fn refusal(text: &[u8], options: &Options) -> Refusal {
    let found = Shape::find(text);
    let is_found = found.is_some();
    let shape = found.unwrap_or_default();
    let reason = if options.verbose_msg_detail || !is_found {
        shape.rest.to_vec()
    } else {
        reason(shape.stage, shape.rest, options)
    };
    let is_misread = !options.verbose_msg_detail
        && is_found
        && (!STAGES.contains(&shape.stage) || reason == shape.rest)
        && mended_reason(shape.rest) != reason;
    let (reason, who) = who(reason, &shape, options);
    Refusal {
        stage: shape.stage.to_vec(),
        reason,
        who,
        is_misread,
    }
}

/// The stages whose replies pflogsumm reads.
const STAGES: [&[u8]; 4] = [b"MAIL", b"RCPT", b"DATA", b"CONNECT"];

/// `STAGE from CLIENT: REST`
#[derive(Clone, Copy, Default, Debug)]
struct Shape<'a> {
    stage: &'a [u8],
    client: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Shape<'a> {
    /// Finds the last such text behind a blank and one of the verbs.
    fn find(text: &'a [u8]) -> Option<Self> {
        let mut before = text;
        loop {
            let (head, _) = split_last(before, b": ")?;
            let behind = text.get(head.len() + 2..)?;
            before = head;
            let is_verb = VERBS.iter().any(|verb| {
                let verb = verb.strip_suffix(b": ").unwrap_or(verb);
                head.strip_suffix(verb)
                    .is_some_and(|head| head.ends_with(b" "))
            });
            if is_verb && let Some(shape) = Self::read(behind) {
                return Some(shape);
            }
        }
    }

    fn read(text: &'a [u8]) -> Option<Self> {
        let (stage, rest) = until(text, is_space);
        let (client, rest) = until(rest.strip_prefix(b" from ")?, is_space);
        let client = client.strip_suffix(b":")?;
        let rest = rest.strip_prefix(b" ")?;
        (!stage.is_empty() && !client.is_empty()).then_some(Shape {
            stage,
            client,
            rest,
        })
    }
}

/// Cuts the reason out of a reply.
fn reason(stage: &[u8], rest: &[u8], options: &Options) -> Vec<u8> {
    match stage {
        b"MAIL" => reason_of_mail(rest).unwrap_or(rest).to_vec(),
        _ if options.mend => mended_reason(rest),
        b"RCPT" | b"DATA" | b"CONNECT" => reason_of_access(rest),
        _ => last_part(rest).to_vec(),
    }
}

/// The reason of any stage. Where the reply has nothing before its end that pflogsumm cuts at, it
/// takes the whole line, and no two are alike: then it is what stands behind the codes.
fn mended_reason(rest: &[u8]) -> Vec<u8> {
    let reason = reason_of_access(rest);
    let text = after_code(rest).map(after_dsn);
    match text.and_then(up_to_colon) {
        Some(text) if reason == rest && rest.len() > text.len() => before_reply(text),
        _ => reason,
    }
}

/// Server errors of our own are told apart from those of clients.
fn before_reply(text: &[u8]) -> Vec<u8> {
    if text.starts_with(b"Server configuration ") {
        return [b"(Local) ", text].concat();
    }
    text.to_vec()
}

/// Takes an enhanced status code off.
fn after_dsn(text: &[u8]) -> &[u8] {
    let (code, rest) = until(text, is_space);
    let is_dsn = code.len() > 4
        && code
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    match rest.strip_prefix(b" ") {
        Some(rest) if is_dsn => rest,
        _ => text,
    }
}

fn reason_of_access(rest: &[u8]) -> Vec<u8> {
    let blanked = without_address(rest);
    let rest = blanked.as_deref().unwrap_or(rest);
    let part = if is_protocol_error(rest) {
        b"Protocol error"
    } else {
        first_part(rest).unwrap_or(rest)
    };
    let part = before_second_colon(part).unwrap_or(part);
    before_blocked(part).unwrap_or_else(|| part.to_vec())
}

/// `554 <address>: …` becomes `554 <>: …`.
fn without_address(rest: &[u8]) -> Option<Vec<u8>> {
    let text = after_code(rest)?.strip_prefix(b"<")?;
    let (_, behind) = split(text, b">:")?;
    let code = rest.get(..5)?;
    Some([code, b">:", behind].concat())
}

/// `503 5.5.0 Protocol error;`
fn is_protocol_error(rest: &[u8]) -> bool {
    let Some([a, b'.', b, b'.', c, b' ', text @ ..]) = after_code(rest) else {
        return false;
    };
    let are_digits = [a, b, c].into_iter().all(u8::is_ascii_digit);
    are_digits && text.starts_with(b"Protocol error;")
}

/// What stands between the first `: ` or `; ` and the next `;` or `,`, without `[…] ` before it.
fn first_part(rest: &[u8]) -> Option<&[u8]> {
    let marks = memchr::memchr2_iter(b':', b';', rest);
    let mut texts = marks.filter_map(|at| rest.get(at + 1..)?.strip_prefix(b" "));
    texts.find_map(|text| {
        after_bracket(text)
            .and_then(up_to_mark)
            .or_else(|| up_to_mark(text))
    })
}

fn after_bracket(text: &[u8]) -> Option<&[u8]> {
    let (inside, rest) = until(text.strip_prefix(b"[")?, |byte| byte == b']');
    rest.strip_prefix(b"] ").filter(|_| !inside.is_empty())
}

fn up_to_mark(text: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr2(b';', b',', text).filter(|end| *end > 0)?;
    text.get(..end)
}

/// `Sender address rejected: Domain not found: …` ends before the second colon.
fn before_second_colon(part: &[u8]) -> Option<&[u8]> {
    let words: &[&[u8]] = &[
        b"Sender address rejected: ",
        b"Recipient address rejected: ",
    ];
    let (words, text) = one_of(part, words)?;
    let end = memchr::memchr(b':', text).filter(|end| *end > 0)?;
    part.get(..words.len() + end)
}

/// `Client host [192.0.2.1] blocked using …` becomes `blocked using …`.
fn before_blocked(part: &[u8]) -> Option<Vec<u8>> {
    let words: &[&[u8]] = &[b"client ", b"Client host ", b"Sender address "];
    (0..part.len()).find_map(|start| {
        let (before, rest) = part.split_at_checked(start)?;
        let (_, text) = one_of(rest, words)?;
        let (_, behind) = split(text.get(1..)?, b" blocked")?;
        Some([before, b"blocked", behind].concat())
    })
}

/// What follows the code, and an address if there is one, up to `;` or `:`.
fn reason_of_mail(rest: &[u8]) -> Option<&[u8]> {
    let text = after_code(rest)?;
    let mut head = text;
    while text.starts_with(b"<")
        && let Some((before, _)) = split_last(head, b">: ")
    {
        head = before;
        let behind = text.get(before.len() + 3..)?;
        if before.len() > 1
            && let Some(reason) = up_to_colon(behind)
        {
            return Some(reason);
        }
    }
    up_to_colon(text)
}

fn up_to_colon(text: &[u8]) -> Option<&[u8]> {
    let (part, _) = until(text, |byte| matches!(byte, b':' | b';'));
    (!part.is_empty()).then_some(part)
}

/// What follows the last `: ` or `; `, up to a comma: `proto=SMTP helo=<…>` as a rule.
fn last_part(rest: &[u8]) -> &[u8] {
    let marks = memchr::memrchr2_iter(b':', b';', rest);
    let mut texts = marks.filter_map(|at| rest.get(at + 1..)?.strip_prefix(b" "));
    let up_to_comma =
        |text| Some(until(text, |byte| byte == b',').0).filter(|part| !part.is_empty());
    texts
        .find_map(up_to_comma)
        .or_else(|| up_to_comma(rest))
        .unwrap_or(rest)
}

/// Finds whom the reason is about; the reason itself may lose its code.
fn who(reason: Vec<u8>, shape: &Shape<'_>, options: &Options) -> (Vec<u8>, Vec<u8>) {
    let sender = || sender(shape.rest, options);
    if reason.starts_with(b"Sender address rejected:") {
        return (reason, sender());
    }
    if is_about_recipient(&reason) {
        let recipient = address(recipient(shape.rest), options);
        return (reason, with_sender(recipient, &sender, options));
    }
    let coded = |words| behind_code(&reason, words).map(<[u8]>::to_vec);
    if let Some(words) = coded(&[b"Improper use of SMTP command pipelining"]) {
        return (words, before_port(shape.client).to_vec());
    }
    let client = with_sender(client::domain(shape.client), &sender, options);
    if let Some(words) = coded(&[b"Message size exceeds fixed limit"]) {
        return (words, client);
    }
    let ours: &[&[u8]] = &[
        b"Server configuration error",
        b"Server configuration problem",
    ];
    if let Some(words) = coded(ours) {
        return ([b"(Local) ", &words[..]].concat(), client);
    }
    (reason, client)
}

/// Cuts a client at its first colon: that of a port, or one of an IPv6 address.
fn before_port(client: &[u8]) -> &[u8] {
    let colon = client.get(1..).and_then(|rest| memchr::memchr(b':', rest));
    let end = colon.map_or(client.len(), |colon| colon + 1);
    client.get(..end).unwrap_or(client)
}

fn is_about_recipient(reason: &[u8]) -> bool {
    let unknown = reason.strip_prefix(b"User unknown");
    reason.starts_with(b"Recipient address rejected:")
        || unknown.is_some_and(|rest| rest.is_empty() || rest.starts_with(b" "))
}

/// Finds one of the words behind three digits and a blank, and before a semicolon.
fn behind_code<'w>(reason: &[u8], words: &[&'w [u8]]) -> Option<&'w [u8]> {
    (0..reason.len()).find_map(|start| {
        let (words, rest) = one_of(after_code(reason.get(start..)?)?, words)?;
        rest.starts_with(b";").then_some(words)
    })
}

fn with_sender(who: Vec<u8>, sender: &dyn Fn() -> Vec<u8>, options: &Options) -> Vec<u8> {
    if !options.rej_add_from {
        return who;
    }
    [&who, &b"  ("[..], &sender(), b")"].concat()
}

fn address(address: &[u8], options: &Options) -> Vec<u8> {
    if options.ignore_case {
        address.to_ascii_lowercase()
    } else {
        address.to_vec()
    }
}

fn sender(rest: &[u8], options: &Options) -> Vec<u8> {
    let sender = bracketed(rest, b"from=<").unwrap_or(b"<>");
    let munged = options
        .verp_mung
        .map(|level| verp::mung(sender.to_vec(), level));
    address(munged.as_deref().unwrap_or(sender), options)
}

/// Finds the recipient, in Postfix's present words and in its earlier ones.
fn recipient(rest: &[u8]) -> &[u8] {
    bracketed(rest, b"to=<")
        .or_else(|| unknown_user(rest))
        .or_else(|| Some(until(split(rest, b"to=<")?.1, |byte| b", ".contains(&byte)).0))
        .unwrap_or(b"<>")
}

/// Finds the first address that is not empty between a mark and `>`.
fn bracketed<'a>(text: &'a [u8], mark: &'a [u8]) -> Option<&'a [u8]> {
    let mut texts = super::find::splits(text, mark);
    texts.find_map(|(_, text)| {
        let (address, rest) = until(text, |byte| byte == b'>');
        (!address.is_empty() && !rest.is_empty()).then_some(address)
    })
}

/// `550 <address>: User unknown `
fn unknown_user(rest: &[u8]) -> Option<&[u8]> {
    (0..rest.len()).find_map(|start| {
        let text = after_code(rest.get(start..)?)?.strip_prefix(b"<")?;
        let (address, behind) = until(text, |byte| byte == b'>');
        let is_unknown = behind.starts_with(b">: User unknown ") && !address.is_empty();
        is_unknown.then_some(address)
    })
}
