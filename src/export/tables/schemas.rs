//! Which tables there are, and the columns of each: the one place from which documentation, file
//! headers and writers take them.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::event_columns;

/// What a column's values are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ColumnKind {
    /// An instant: microseconds since 1970-01-01T00:00:00 UTC.
    Time,
    /// A whole number, 64 bits with sign.
    Int,
    /// A number with a fraction, such as a spam score.
    Real,
    /// Text in UTF-8.
    Text,
    /// Yes or no.
    Bool,
}

impl ColumnKind {
    /// Returns the name in the documentation: `time`, `int`, `real`, `text`, `bool`.
    pub fn name(self) -> &'static str {
        match self {
            ColumnKind::Time => "time",
            ColumnKind::Int => "int",
            ColumnKind::Real => "real",
            ColumnKind::Text => "text",
            ColumnKind::Bool => "bool",
        }
    }
}

/// A table, by what it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum TableId {
    /// `events`.
    Events,
    /// `messages`.
    Messages,
    /// `deliveries`.
    Deliveries,
    /// `rejects`.
    Rejects,
    /// `logins`.
    Logins,
    /// `tls_sessions`.
    TlsSessions,
}

impl TableId {
    /// How many tables there are.
    pub(super) const COUNT: usize = 6;

    pub(super) const ALL: [TableId; TableId::COUNT] = [
        TableId::Events,
        TableId::Messages,
        TableId::Deliveries,
        TableId::Rejects,
        TableId::Logins,
        TableId::TlsSessions,
    ];

    /// Returns its place among all tables.
    pub(super) fn place(self) -> usize {
        self as usize
    }

    /// Returns the table.
    pub fn table(self) -> &'static Table {
        let [events, messages, deliveries, rejects, logins, tls_sessions] = &*TABLES;
        match self {
            TableId::Events => events,
            TableId::Messages => messages,
            TableId::Deliveries => deliveries,
            TableId::Rejects => rejects,
            TableId::Logins => logins,
            TableId::TlsSessions => tls_sessions,
        }
    }

    /// Finds a table by its name.
    pub fn named(name: &str) -> Option<TableId> {
        let mut all = TableId::ALL.into_iter();
        all.find(|id| id.table().name == name)
    }
}

/// Some of the tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableSet([bool; TableId::COUNT]);

impl TableSet {
    /// All tables.
    pub const ALL: TableSet = TableSet([true; TableId::COUNT]);

    /// Makes a set of these; of all where none is named.
    pub fn of(tables: &[TableId]) -> TableSet {
        if tables.is_empty() {
            return TableSet::ALL;
        }
        TableSet(TableId::ALL.map(|id| tables.contains(&id)))
    }

    /// Tells whether a table is one of them.
    pub fn has(self, table: TableId) -> bool {
        self.0.get(table.place()).copied().unwrap_or(false)
    }

    /// Returns the tables that are in it.
    pub fn tables(self) -> impl Iterator<Item = &'static Table> {
        let all = TableId::ALL.into_iter();
        all.filter(move |id| self.has(*id)).map(TableId::table)
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The name, in `snake_case`, with the unit at its end where it has one.
    pub name: Cow<'static, str>,
    /// What its values are.
    pub kind: ColumnKind,
    /// Whether a row may have none.
    pub is_nullable: bool,
    /// What it means.
    pub doc: Cow<'static, str>,
}

/// A table: its name, what one row is, and its columns.
#[derive(Clone, Debug)]
pub struct Table {
    /// The name, which is also that of its folder.
    pub name: &'static str,
    /// The version of its layout.
    pub version: u32,
    /// What one row is.
    pub doc: &'static str,
    /// The columns; the first is `time`.
    pub columns: Vec<Column>,
}

impl Table {
    /// Returns all tables, `events` first.
    pub fn all() -> &'static [Table] {
        &*TABLES
    }

    /// Finds a table by its name.
    pub fn named(name: &str) -> Option<&'static Table> {
        Table::all().iter().find(|table| table.name == name)
    }

    /// Finds a column's place by its name.
    pub fn place_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }
}

static TABLES: LazyLock<[Table; 6]> = LazyLock::new(|| {
    [
        event_columns::table(),
        messages::table(),
        deliveries::table(),
        rejects::table(),
        logins::table(),
        tls_sessions::table(),
    ]
});

pub(super) fn column(
    name: impl Into<Cow<'static, str>>,
    kind: ColumnKind,
    is_nullable: bool,
    doc: impl Into<Cow<'static, str>>,
) -> Column {
    Column {
        name: name.into(),
        kind,
        is_nullable,
        doc: doc.into(),
    }
}

/// Declares a table, and the place of each of its columns for who fills it.
macro_rules! table {
    (
        $(#[doc = $about:literal])*
        $name:ident { $($column:ident: $kind:ident $presence:ident $doc:literal,)* }
    ) => {
        $(#[doc = $about])*
        pub(super) mod $name {
            /// The places of the columns.
            #[allow(dead_code, reason = "columns that several tables begin with are filled by one name")]
            pub(in super::super) struct Places { $(pub(in super::super) $column: usize,)* }

            /// The place of each column.
            pub(in super::super) const AT: Places = {
                let mut next = 0;
                let places = Places { $($column: { let place = next; next += 1; place },)* };
                assert!(next > 0, "a table has columns");
                places
            };

            pub(super) fn table() -> $crate::export::tables::Table {
                $crate::export::tables::Table {
                    name: stringify!($name),
                    version: $crate::export::tables::TABLES_VERSION,
                    doc: concat!($($about),*).trim_ascii(),
                    columns: vec![$($crate::export::tables::schemas::column(
                        stringify!($column),
                        $crate::export::tables::ColumnKind::$kind,
                        stringify!($presence) == "maybe",
                        $doc,
                    ),)*],
                }
            }
        }
    };
}
pub(super) use table;

table! {
    /// One row a mail, from its first line to its last: one life of a queue id on a host. A mail that a content filter handed back is a row of its own, with `is_reinjected`.
    messages {
        time: Time always "The stamp of the first line.",
        offset_s: Int maybe "The logged offset from UTC in seconds; without one `time` is the wall clock as if it were UTC.",
        ended: Time always "The stamp of the last line.",
        host: Text always "The host that logged; empty where lines state none.",
        instance: Text maybe "The first element of the tag of the mail's lines.",
        queue_id: Text always "The queue id, which may come again.",
        origin: Text always "How it came in: `smtp` (a `client=` line), `local` (pickup), `internal` (only a message-id: a bounce, a forward), `unknown` (before the log begins).",
        is_begun: Bool always "Whether the log shows how the mail came in.",
        is_ended: Bool always "Whether the log shows its end.",
        end: Text always "How it stands: `removed`, `open` (still under way), `lost` (silent for 8 days), `superseded` (its queue id was born again).",
        is_accepted: Bool always "Whether it is one of the report's accepted mails: taken over, each mail counted once.",
        is_reinjected: Bool always "Whether it came back from a content filter, or from another queue of this host.",
        is_in_queue: Bool always "Whether it was in a queue when its last line was logged.",
        client_name: Text maybe "The client's verified name, or `unknown`.",
        client_address: Text maybe "The client's address; the first client's where a proxy stands before the queue.",
        family: Text always "The family of the client's address: `ipv4`, `ipv6`, `local`, `unknown`.",
        tls_trust: Text maybe "How far the client's certificate was verified, if its session has a TLS line: `anonymous`, `untrusted`, `trusted`, `verified`, `unstated`.",
        tls_protocol: Text maybe "The TLS protocol of the session.",
        tls_cipher: Text maybe "The cipher of the session.",
        sasl_method: Text maybe "The SASL method of the login.",
        sasl_user: Text maybe "The SASL user.",
        uid: Int maybe "The user id of who handed a local mail in.",
        sender: Text maybe "The envelope sender as the queue manager logs it; empty for bounces.",
        sender_domain: Text maybe "What follows the last `@` of the sender, in lower case.",
        size_bytes: Int maybe "The size of the mail.",
        nrcpt: Int maybe "How many recipients the queue manager had last.",
        message_id: Text maybe "The `Message-ID:`, as logged.",
        attempts: Int always "How many delivery lines it has.",
        delivered: Int always "Recipients with `status=sent`, forwards left out.",
        forwarded: Int always "Recipients with `status=sent (forwarded as …)`.",
        deferrals: Int always "Attempts with `status=deferred`.",
        bounced: Int always "Recipients with `status=bounced`.",
        expired: Int always "Recipients given up because the mail had waited too long.",
        handed_over: Int always "How many deliveries of other mails only handed a recipient over to this one.",
        is_held: Bool always "Whether it was put on hold.",
        is_discarded: Bool always "Whether a rule took and threw it away.",
        is_rejected: Bool always "Whether a milter refused the whole mail.",
        outcome: Text always "What became of it, in one word, the first that holds: `expired`, `rejected`, `discarded`, `bounced` (one recipient at least); while it is not removed `held`, `deferred`, `unfinished`; then `delivered` (one recipient at least), `forwarded`, `removed` (nothing of these).",
        queue_us: Int always "Microseconds from the first line to the last.",
        sending_domain: Text maybe "The domain that a received mail is filed under: the sender's; without one that of its client's name, else the client's address.",
        peer_address: Text maybe "The address that connected, where it is not the first client's: a proxy stands before the queue.",
        is_later_hop: Bool always "Whether another queue of this host, or a content filter, handed it over; `is_reinjected` says so of mails whose beginning the log shows.",
    }
}

table! {
    /// One row a delivery attempt for one recipient.
    deliveries {
        time: Time always "When it was logged.",
        offset_s: Int maybe "The logged offset from UTC in seconds; without one `time` is the wall clock as if it were UTC.",
        host: Text always "The host that logged.",
        instance: Text maybe "The first element of the tag.",
        daemon: Text maybe "The delivery agent: `smtp`, `lmtp`, `local`, `virtual`, `pipe`, …",
        queue_id: Text always "The queue id of the mail.",
        recipient: Text always "The recipient.",
        recipient_domain: Text always "What follows the last `@` of the recipient, in lower case.",
        orig_to: Text maybe "The recipient before aliases and rewriting.",
        relay: Text maybe "The server or transport, as logged.",
        relay_name: Text maybe "The server's name.",
        relay_address: Text maybe "The server's address.",
        relay_port: Text maybe "The server's port.",
        family: Text always "The family of the server's address: `ipv4`, `ipv6`, `local`, `unknown`.",
        delay_us: Int maybe "Microseconds from the mail's arrival to this line.",
        before_qmgr_us: Int maybe "The part of it before the queue manager.",
        in_qmgr_us: Int maybe "The part in the queue manager.",
        connect_us: Int maybe "The part that setting up the connection took.",
        transmit_us: Int maybe "The part that transmission took.",
        dsn: Text maybe "The enhanced status code.",
        status: Text always "`sent`, `deferred`, `bounced`, …",
        is_forwarded: Bool always "Whether the recipient was forwarded: sent, but not delivered.",
        reason_class: Text maybe "The class of the reason, where it was not sent.",
        reason_detail: Text maybe "The list, for class `dnsbl`.",
        reply: Text maybe "The reply or reason, as logged, where it was not sent; what servers said to mails they took is the `reason` in `events`.",
        queued_as: Text maybe "The queue id at the next hop.",
        tls: Text maybe "The TLS level that the delivery states (since Postfix 3.11).",
    }
}

table! {
    /// One row each time a rule, a check or a milter refuses a mail or does something else with it.
    rejects {
        time: Time always "When it was logged.",
        offset_s: Int maybe "The logged offset from UTC in seconds; without one `time` is the wall clock as if it were UTC.",
        host: Text always "The host that logged.",
        instance: Text maybe "The first element of the tag.",
        daemon: Text maybe "The daemon that logged: `smtpd`, `cleanup`, `postscreen`, …",
        queue_id: Text maybe "The queue id, if the mail had one.",
        action: Text always "`reject`, `reject_warning`, `hold`, `discard`, `filter`, `redirect`, …",
        verdict: Text maybe "Which of pflogsumm's totals it counts in: `rejected`, `reject_warnings`, `held`, `discarded`.",
        stage: Text always "`connect`, `helo`, `mail`, `rcpt`, `data`, `end_of_message`, …",
        client_name: Text maybe "The client's verified name, or `unknown`.",
        client_address: Text maybe "The client's address.",
        family: Text always "The family of the client's address: `ipv4`, `ipv6`, `local`, `unknown`.",
        helo: Text maybe "What the client said in HELO.",
        protocol: Text maybe "`SMTP` or `ESMTP`.",
        sasl_user: Text maybe "The SASL user.",
        sender: Text maybe "The envelope sender.",
        recipient: Text maybe "The recipient.",
        recipient_domain: Text maybe "What follows the last `@` of the recipient, in lower case.",
        reply_class: Int maybe "The first digit of the reply: 4 for now, 5 for good.",
        code: Text maybe "The reply code.",
        dsn: Text maybe "The enhanced status code.",
        rule: Text always "The site's own rule id; without one the class with its detail.",
        rule_id: Text maybe "The site's own rule id.",
        class: Text always "The canonical class, such as `relay-denied` or `dnsbl`.",
        class_detail: Text maybe "The list, for class `dnsbl`.",
        text: Text maybe "The words of the reply or of the rule.",
    }
}

table! {
    /// One row a login, or several failed ones that one line counts; Postfix's SASL and Dovecot's.
    logins {
        time: Time always "When the line was logged that decided it.",
        offset_s: Int maybe "The logged offset from UTC in seconds; without one `time` is the wall clock as if it were UTC.",
        host: Text always "The host that logged.",
        program: Text always "The syslog tag as logged.",
        service: Text always "`smtp`, `imap`, `pop3`, `sieve`, `submission`, a name of the site's own, or `unknown`.",
        user: Text maybe "The user.",
        method: Text maybe "The SASL method.",
        result: Text always "`success` or `failure`, as the report counts them, or `none`: a connection without an attempt.",
        attempts: Int always "How many attempts the row stands for; their sum is the report's number.",
        reason: Text maybe "Why a session ended before a login.",
        client_address: Text maybe "The client's address.",
        family: Text always "The family of the client's address: `ipv4`, `ipv6`, `local`, `unknown`.",
        is_tls: Bool maybe "Whether the session was encrypted; Postfix does not say.",
        session: Text maybe "Dovecot's session id.",
    }
}

table! {
    /// One row a TLS handshake of Postfix.
    tls_sessions {
        time: Time always "When it was logged.",
        offset_s: Int maybe "The logged offset from UTC in seconds; without one `time` is the wall clock as if it were UTC.",
        host: Text always "The host that logged.",
        instance: Text maybe "The first element of the tag.",
        daemon: Text maybe "The daemon that logged.",
        pid: Int maybe "The process id.",
        direction: Text always "`inbound` or `outbound`.",
        is_reused: Bool always "Whether a connection was used again that had its handshake before.",
        peer_name: Text maybe "The other end's name.",
        peer_address: Text maybe "The other end's address.",
        family: Text always "The family of the other end's address: `ipv4`, `ipv6`, `local`, `unknown`.",
        trust: Text always "How far the peer was verified: `anonymous`, `untrusted`, `trusted`, `verified`, `unstated`.",
        protocol: Text always "The protocol, such as `TLSv1.3`.",
        cipher: Text always "The cipher.",
        bits: Int maybe "The effective length of the key.",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_words_and_come_once() {
        for table in Table::all() {
            let mut names = BTreeSet::new();
            for column in &table.columns {
                let name = &column.name;
                let is_word =
                    |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
                assert!(name.bytes().all(is_word), "{}.{name}", table.name);
                assert!(names.insert(name.clone()), "{}.{name} twice", table.name);
                assert!(!column.doc.is_empty(), "{}.{name}", table.name);
            }
            assert_eq!(table.place_of("time"), Some(0), "{}", table.name);
            assert!(table.doc.ends_with('.'), "{}", table.doc);
        }
    }

    #[test]
    fn tables_are_known_by_their_ids() {
        for (id, table) in TableId::ALL.into_iter().zip(Table::all()) {
            assert_eq!(id.table().name, table.name);
            assert_eq!(TableId::named(table.name), Some(id));
            assert!(TableSet::of(&[id]).has(id) && TableSet::of(&[]).has(id));
        }
        assert!(!TableSet::of(&[TableId::Logins]).has(TableId::Events));
    }

    #[test]
    fn places_are_those_of_the_columns() {
        let place = |table: &str, column: &str| Table::named(table)?.place_of(column);
        assert_eq!(place("messages", "queue_us"), Some(messages::AT.queue_us));
        assert_eq!(place("deliveries", "tls"), Some(deliveries::AT.tls));
        assert_eq!(place("rejects", "text"), Some(rejects::AT.text));
        assert_eq!(place("logins", "session"), Some(logins::AT.session));
        assert_eq!(place("tls_sessions", "bits"), Some(tls_sessions::AT.bits));
        assert_eq!(place("no_table", "bits"), None);
    }
}
