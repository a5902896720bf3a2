//! Lines of qmqpd(8), the server for QMQP.

use super::{Client, Event, Parsed, smtpd};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{client, queue_id_or_none, split_once};

event_struct! {
    /// A client connected.
    ///
    /// Shape: `connect from {client}`. Source: Postfix `src/qmqpd/qmqpd.c`; since 2.3.
    pub struct Connect<'a> {
        /// Who connected.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A mail begins.
    ///
    /// Shape: `{queue_id}: client={client}`. Source: Postfix `src/qmqpd/qmqpd.c`; since 2.3.
    pub struct ClientLine<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// Who sent it.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A client disconnected.
    ///
    /// Shape: `disconnect from {client}`. Source: Postfix `src/qmqpd/qmqpd.c`; since 2.3.
    pub struct Disconnect<'a> {
        /// Who disconnected.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A session ended badly.
    ///
    /// Shape: `{queue_id|NOQUEUE}: {client}: {reason} while {stage}`. Some releases before 3.12 have
    /// reason and stage the other way round. Source: Postfix `src/qmqpd/qmqpd.c`; since 2.3.
    pub struct SessionError<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The client.
        pub client: Client<'a>,
        /// What happened, e.g. `lost connection`.
        pub reason: &'a [u8],
        /// What was going on, e.g. `receiving QMQP packet header`.
        pub stage: &'a [u8],
    }
}

/// Parses a message of qmqpd.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let whole = |rest| client(rest).ok().map(|(_, client)| client);
    let found = if let Some(rest) = message.strip_prefix(b"connect from ") {
        whole(rest).map(|client| Event::QmqpdConnect(Connect { client }))
    } else if let Some(rest) = message.strip_prefix(b"disconnect from ") {
        whole(rest).map(|client| Event::QmqpdDisconnect(Disconnect { client }))
    } else if message.starts_with(b"warning: ") {
        smtpd::parse(message)
            .ok()
            .filter(|event| matches!(event, Event::RdnsMismatch(_)))
    } else {
        with_queue_id(message)
    };
    found.ok_or(Reason("qmqpd"))
}

fn with_queue_id(message: &[u8]) -> Option<Event<'_>> {
    let (rest, queue_id) = queue_id_or_none(message).ok()?;
    if let Some(rest) = rest.strip_prefix(b"client=") {
        let (_, client) = client(rest).ok()?;
        return Some(Event::QmqpdClient(ClientLine { queue_id, client }));
    }
    let (rest, client) = client(rest).ok()?;
    let (reason, stage) = split_once(rest.strip_prefix(b": ")?, b" while ")?;
    Some(Event::QmqpdError(SessionError {
        queue_id,
        client,
        reason,
        stage,
    }))
}
