//! What each kind of event can say: the names, types and meanings of its fields.
//!
//! A schema, the columns of a table and the check of a field's name in a condition need the fields
//! without a line. They are described from the same declarations from which they are visited:
//! [`event_struct!`](crate::fields::event_struct) takes names, types and doc comments. Groups of
//! fields, which visit names of their own, describe themselves here.

use crate::companion::Decimal;
use crate::companion::amavis::{ClientText, FactsText, ScoresText};
use crate::companion::policyd_spf::Answer;
use crate::dovecot::MailProcess;
use crate::dovecot::delivery::{Formatted, FormattedId, LmtpEnd};
use crate::dovecot::login::AbortReason;
use crate::dovecot::mail_log::MessageText;
use crate::dovecot::session::SessionCounters;
use crate::dovecot::sieve::{ActionHead, ScriptText};
use crate::fields::Seconds;
use crate::postfix::delivery::{Delivery, Relay};
use crate::postfix::mention::Text;
use crate::postfix::smtp::{ConnectFailed, HostSkip};
use crate::postfix::smtpd::{Commands, Counters, OrigClient};
use crate::postfix::tls::{Action, Code, Details, Direction, Trust};
use crate::postfix::{Client, Peer};
use crate::{Family, Field};

/// What a field's value is.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FieldType {
    /// Text as logged.
    Text,
    /// A whole number that is not negative.
    Number,
    /// A signed decimal.
    Decimal,
    /// A duration in seconds.
    Seconds,
    /// Several durations in seconds.
    SecondsList,
    /// Yes or no.
    Flag,
}

/// A field that events of a kind have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldInfo {
    /// The name under which the field is visited.
    pub name: &'static str,
    /// What its value is.
    pub field_type: FieldType,
    /// Whether each event of the kind has it.
    pub is_always_there: bool,
    /// What it means, in the words of the declaration's doc comment; lines as in the source.
    pub about: &'static str,
}

/// Receives the fields of a kind.
pub(crate) type Receiver<'r> = &'r mut dyn FnMut(FieldInfo);

/// A type that can stand in an event's field list, described.
pub(crate) trait Described: Field {
    /// Describes the field of this type that is declared so; a group describes its own fields.
    fn describe(declared: Declared, to: Receiver<'_>);
}

/// A field as an event's struct declares it.
#[derive(Clone, Copy)]
pub(crate) struct Declared {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) is_optional: bool,
}

impl Declared {
    fn of_type(self, field_type: FieldType) -> FieldInfo {
        FieldInfo {
            name: self.name,
            field_type,
            is_always_there: !self.is_optional,
            about: self.about,
        }
    }
}

/// An event's struct, described.
pub(crate) trait DescribedFields {
    /// The doc comment of the struct.
    const ABOUT: &'static str;

    /// Describes all fields in the order in which they are visited.
    fn describe_fields(to: Receiver<'_>);
}

/// What is known of a kind without a line.
#[derive(Clone, Copy)]
pub(crate) struct Description {
    pub(crate) about: &'static str,
    pub(crate) fields: fn(Receiver<'_>),
}

impl Description {
    pub(crate) const fn of<T: DescribedFields>() -> Self {
        Description {
            about: T::ABOUT,
            fields: T::describe_fields,
        }
    }
}

/// Types that are one field of one type.
macro_rules! single {
    ($($type:ty => $field_type:ident),* $(,)?) => {
        $(impl Described for $type {
            fn describe(declared: Declared, to: Receiver<'_>) {
                to(declared.of_type(FieldType::$field_type));
            }
        })*
    };
}

single! {
    &[u8] => Text,
    &'static str => Text,
    u64 => Number,
    u32 => Number,
    bool => Flag,
    Seconds => Seconds,
    [Seconds; 4] => SecondsList,
    Decimal<'_> => Decimal,
    Code<'_> => Decimal,
    Family => Text,
    Trust => Text,
    Direction => Text,
    Action => Text,
    AbortReason => Text,
}

/// A field of a group: its name, its type, whether it is there as long as the group is, and what
/// it means.
type GroupField = (&'static str, FieldType, bool, &'static str);

/// Describes a group: its fields are there only where the group itself is.
fn describe_group(is_optional: bool, fields: &[GroupField], to: Receiver<'_>) {
    for &(name, field_type, is_always, about) in fields {
        to(FieldInfo {
            name,
            field_type,
            is_always_there: is_always && !is_optional,
            about,
        });
    }
}

/// Types that are a group of fields with names of their own.
macro_rules! groups {
    ($($type:ty { $($name:literal: $field_type:ident $presence:ident $about:literal,)* })*) => {
        $(impl Described for $type {
            fn describe(declared: Declared, to: Receiver<'_>) {
                let fields = [
                    $(($name, FieldType::$field_type, groups!(@ $presence), $about),)*
                ];
                describe_group(declared.is_optional, &fields, to);
            }
        })*
    };
    (@ always) => { true };
    (@ maybe) => { false };
}

groups! {
    Client<'_> {
        "client_name": Text maybe "The client's verified name, or `unknown`.",
        "client_address": Text always "The client's address, without brackets.",
        "client_port": Text maybe "The client's port, as logged.",
    }
    Peer<'_> {
        "host": Text maybe "The other end's name.",
        "address": Text maybe "The other end's address, without brackets; a path for unix sockets.",
        "port": Text maybe "The other end's port, as logged.",
    }
    Counters<'_> {
        "commands": Text maybe "How often each command was accepted, and was given in all.",
        "commands_ok": Number maybe "How many commands were accepted.",
        "commands_total": Number maybe "How many commands there were.",
        "notes": Text maybe "What Postfix noted of the session, such as `bare_lf`.",
    }
    Details<'_> {
        "used_bits": Number maybe "The effective length of the key.",
        "algorithm_bits": Number maybe "The length of the algorithm's key.",
        "key_exchange": Text maybe "How keys were exchanged (TLS 1.3).",
        "server_signature": Text maybe "The server's signature algorithm (TLS 1.3).",
        "server_digest": Text maybe "The digest of the server's signature (TLS 1.3).",
        "client_signature": Text maybe "The client's signature algorithm (TLS 1.3).",
        "client_digest": Text maybe "The digest of the client's signature (TLS 1.3).",
    }
    Answer<'_> {
        "result": Text maybe "The SPF result, as logged.",
        "identity": Text maybe "What was checked: `mailfrom`, `helo`, or `mfrom`, `helo` in a refusal.",
        "client_address": Text maybe "The client's address.",
        "helo": Text maybe "The HELO name.",
        "sender": Text maybe "The envelope sender; empty for bounces.",
        "recipient": Text maybe "The recipient, or the receiving host.",
        "text": Text always "The text behind the action.",
    }
    ClientText<'_> {
        "policy_bank": Text maybe "The policy banks in force.",
        "local": Flag always "Whether the client is in `@mynetworks`.",
        "client_address": Text maybe "The client's address.",
        "client_port": Number maybe "The client's port.",
        "trace_address": Text maybe "The first public address of the `Received:` headers.",
    }
    FactsText<'_> {
        "quarantine": Text maybe "Where the mail is kept.",
        "queue_id": Text maybe "The queue id before the filter.",
        "message_id": Text maybe "The message id, with its angle brackets.",
        "resent_message_id": Text maybe "The `Resent-Message-ID:` header, with its angle brackets.",
        "mail_id": Text maybe "Amavis's own id of the mail.",
        "hits": Decimal maybe "The spam score; absent where the mail was not scanned.",
        "size_bytes": Number maybe "The size.",
        "pt": Number maybe "The preferred transport.",
        "queued_as": Text maybe "The queue ids after the filter, as logged: `A` or `A/B`.",
        "dkim_sd": Text maybe "Valid signatures: `{selector}:{domain}`, joined by commas.",
        "dkim_new": Text maybe "New signatures.",
        "duration_ms": Number maybe "How long it took, in milliseconds.",
    }
    ScoresText<'_> {
        "hits": Decimal maybe "The spam score.",
        "tag": Decimal maybe "The score from which headers are added.",
        "tag2": Decimal maybe "The score from which the mail is marked as spam.",
        "kill": Decimal maybe "The score from which the mail is blocked.",
        "queued_as": Text maybe "The queue id after the filter.",
        "flags": Text maybe "The flags, as logged: `L/0/0/0`.",
    }
    MailProcess<'_> {
        "process": Text always "The process that spoke, such as `imap` or `lmtp`.",
        "user": Text maybe "The user, as logged.",
        "pid": Number maybe "The process id of the mail process.",
        "session": Text maybe "The session id, with its suffixes.",
    }
    LmtpEnd<'_> {
        "peer": Text always "The client: `local` for a unix socket, else its address.",
        "reason": Text always "Why.",
        "state": Text maybe "The state of the session, as logged.",
    }
    SessionCounters<'_> {
        "in_bytes": Number maybe "Bytes from the client.",
        "out_bytes": Number maybe "Bytes to the client.",
        "deleted": Number maybe "Messages marked as deleted.",
        "expunged": Number maybe "Messages expunged.",
        "trashed": Number maybe "Messages copied to the trash.",
        "hdr_count": Number maybe "Messages whose headers were read.",
        "hdr_bytes": Number maybe "Bytes of headers read.",
        "body_count": Number maybe "Messages whose bodies were read.",
        "body_bytes": Number maybe "Bytes of bodies read.",
        "autoexpunged": Number maybe "Messages expunged by age.",
        "appended": Number maybe "Messages appended.",
        "top": Text maybe "POP3 TOP: commands and bytes, as logged.",
        "retr": Text maybe "POP3 RETR: commands and bytes, as logged.",
        "del": Text maybe "POP3 DELE, as logged.",
        "size_bytes": Number maybe "The size of the POP3 mailbox.",
    }
    Formatted<'_> {
        "sender": Text maybe "The sender, where the site's format has it.",
        "size_bytes": Number maybe "The size, where the site's format has it.",
        "subject": Text maybe "The subject, where the site's format has it.",
    }
    ScriptText<'_> {
        "script": Text maybe "The script.",
        "path": Text maybe "The log file that says more.",
        "reason": Text always "What happened: `compile`, `open`, or the text behind the script.",
    }
    ActionHead<'_> {
        "message_id": Text maybe "The message id, as logged.",
        "uid": Number maybe "The uid of the message, where IMAP ran the script.",
        "action": Text maybe "The action, as logged; none for keep.",
    }
    MessageText<'_> {
        "mailbox": Text maybe "The mailbox.",
        "uid": Number maybe "The uid of the message.",
        "uids": Text maybe "The uids of several messages, as logged (1.x).",
        "message_id": Text maybe "The message id, as logged; empty where the message has none.",
        "size_bytes": Number maybe "The physical size.",
        "vsize_bytes": Number maybe "The size with CR LF line ends.",
        "sender": Text maybe "The `From:` header.",
        "subject": Text maybe "The `Subject:` header.",
        "flags": Text maybe "The new flags.",
    }
}

impl<F: Described> Described for Option<F> {
    fn describe(declared: Declared, to: Receiver<'_>) {
        F::describe(
            Declared {
                is_optional: true,
                ..declared
            },
            to,
        );
    }
}

impl Described for FormattedId<'_> {
    fn describe(declared: Declared, to: Receiver<'_>) {
        Option::<&[u8]>::describe(declared, to);
    }
}

impl Described for Commands<'_> {
    fn describe(declared: Declared, to: Receiver<'_>) {
        Option::<&[u8]>::describe(declared, to);
    }
}

impl Described for Text<'_> {
    fn describe(declared: Declared, to: Receiver<'_>) {
        to(declared.of_type(FieldType::Text));
        let about = "A value that stands in the text: an address, a queue id, a number, a path.";
        let values = Text::VALUES.map(|name| (name, FieldType::Text, false, about));
        describe_group(declared.is_optional, &values, to);
    }
}

impl Described for Relay<'_> {
    fn describe(declared: Declared, to: Receiver<'_>) {
        to(declared.of_type(FieldType::Text));
        let fields = [
            ("relay_host", FieldType::Text, false, "The relay's name."),
            (
                "relay_address",
                FieldType::Text,
                false,
                "The relay's address, or the path of its socket.",
            ),
            ("relay_port", FieldType::Text, false, "The relay's port."),
        ];
        describe_group(declared.is_optional, &fields, to);
    }
}

impl Described for OrigClient<'_> {
    fn describe(declared: Declared, to: Receiver<'_>) {
        to(declared.of_type(FieldType::Text));
        let about = "The address of the client before the content filter or proxy.";
        let fields = [("orig_client_address", FieldType::Text, false, about)];
        describe_group(declared.is_optional, &fields, to);
    }
}

/// Describes what the rule behind a line says; see [`Rule`](crate::postfix::rule::Rule).
pub(crate) fn rule(to: Receiver<'_>) {
    let fields = [
        (
            "rule_id",
            FieldType::Text,
            false,
            "The id of the site's own rule, where its text has one.",
        ),
        (
            "reason_class",
            FieldType::Text,
            false,
            "Why, in one word, such as `unknown-recipient` or `header-check`.",
        ),
        (
            "reason_detail",
            FieldType::Text,
            false,
            "The blocklist, where the class is `dnsbl`.",
        ),
    ];
    describe_group(false, &fields, to);
}

/// What a reason text says; see [`Reply`](crate::postfix::reply::Reply).
const REPLY: [GroupField; 12] = [
    (
        "reason_kind",
        FieldType::Text,
        true,
        "What kind of reason it is, such as `remote_reply` or `connect_failed`.",
    ),
    (
        "remote_host",
        FieldType::Text,
        false,
        "The host that the reason names.",
    ),
    (
        "remote_address",
        FieldType::Text,
        false,
        "The address of that host, or the path of its socket.",
    ),
    (
        "remote_port",
        FieldType::Text,
        false,
        "The port to which no connection could be made.",
    ),
    (
        "reply_code",
        FieldType::Number,
        false,
        "The three-digit code of the remote reply.",
    ),
    (
        "reply_dsn",
        FieldType::Text,
        false,
        "The enhanced status code of the remote reply.",
    ),
    (
        "reply_text",
        FieldType::Text,
        false,
        "The words of the remote reply without its codes, its lines joined by blanks.",
    ),
    (
        "stage",
        FieldType::Text,
        false,
        "How far the conversation had come.",
    ),
    (
        "queued_as",
        FieldType::Text,
        false,
        "The queue id at the next hop, where its reply tells it.",
    ),
    (
        "forwarded_as",
        FieldType::Text,
        false,
        "The queue id under which local(8) forwarded the mail.",
    ),
    (
        "reason_class",
        FieldType::Text,
        false,
        "Why it failed, in one word, such as `unknown-recipient` or `greylist`.",
    ),
    (
        "reason_detail",
        FieldType::Text,
        false,
        "The blocklist, where the class is `dnsbl`.",
    ),
];

/// The fields of [`Delivery`] itself, in the order of its visit.
const DELIVERY: [Declared; 11] = [
    required("queue_id", "The queue id."),
    required("recipient", "The recipient."),
    optional("orig_to", "The recipient before aliases and rewriting."),
    required("relay", "The server or service that the mail was to go to."),
    optional(
        "conn_use",
        "Which delivery this is on its connection, from the second one on.",
    ),
    required("delay", "From arrival to this line."),
    optional(
        "delays",
        "The parts of the delay: before the queue manager, in it, connecting, transmission.",
    ),
    optional("tls", "The TLS feature, such as `may` or `dane:encrypt`."),
    optional("dsn", "The enhanced status code."),
    required("status", "What became of the recipient, such as `sent`."),
    required(
        "reason",
        "The text in the parentheses, in a stranger's words.",
    ),
];

const fn required(name: &'static str, about: &'static str) -> Declared {
    Declared {
        name,
        about,
        is_optional: false,
    }
}

const fn optional(name: &'static str, about: &'static str) -> Declared {
    Declared {
        name,
        about,
        is_optional: true,
    }
}

impl DescribedFields for Delivery<'_> {
    const ABOUT: &'static str =
        " What became of one recipient of a mail: a `status=` line of a delivery agent.";

    fn describe_fields(to: Receiver<'_>) {
        for declared in DELIVERY {
            match declared.name {
                "relay" => Relay::describe(declared, to),
                "conn_use" => u32::describe(declared, to),
                "delay" => Seconds::describe(declared, to),
                "delays" => <[Seconds; 4]>::describe(declared, to),
                _ => <&[u8]>::describe(declared, to),
            }
        }
        bool::describe(optional("truncated", "`true` where the line was cut."), to);
        describe_group(false, &REPLY, to);
    }
}

impl DescribedFields for ConnectFailed<'_> {
    const ABOUT: &'static str = " A server could not be reached; others may be tried.";

    fn describe_fields(to: Receiver<'_>) {
        Peer::describe(required("peer", "The server."), to);
        <&[u8]>::describe(required("reason", "The system's error text."), to);
        let about = "Why there was no connection, in one word, such as `connection-refused`.";
        describe_group(false, &[("reason_class", FieldType::Text, true, about)], to);
    }
}

impl DescribedFields for HostSkip<'_> {
    const ABOUT: &'static str =
        " A server did not take the mail for now, and the next one is tried.";

    fn describe_fields(to: Receiver<'_>) {
        <&[u8]>::describe(required("queue_id", "The queue id."), to);
        <&[u8]>::describe(required("reason", "The text, in a stranger's words."), to);
        describe_group(false, &REPLY, to);
    }
}
