//! The few fields of a line that say whose it is, by their names in any kind.

use mailtally_parsers::{Event, Record, Seconds, Visitor};

use super::key::{self, By};
use super::{Key, visit};

/// Fields of one line, copied into buffers that are used again.
#[derive(Clone, Default, Debug)]
pub(super) struct Facts {
    address: Vec<u8>,
    /// The client in front of the one that handed the mail in again.
    orig_address: Vec<u8>,
    name: Vec<u8>,
    helo: Vec<u8>,
    sender: Option<Vec<u8>>,
    recipient: Vec<u8>,
    orig_to: Vec<u8>,
    recipients: Vec<u8>,
    user: Vec<u8>,
    queue_id: Vec<u8>,
}

impl Visitor for Facts {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        let field = match name {
            "client_address" | "rip" | "ip" => &mut self.address,
            "orig_client_address" => &mut self.orig_address,
            "client_name" => &mut self.name,
            "helo" => &mut self.helo,
            "sender" => self.sender.get_or_insert_with(Vec::new),
            "recipient" => &mut self.recipient,
            "recipients" => &mut self.recipients,
            "orig_to" => &mut self.orig_to,
            "sasl_username" | "user" => &mut self.user,
            "queue_id" => &mut self.queue_id,
            _ => return,
        };
        // Of two fields of one meaning the first stands: the line's own client.
        if field.is_empty() {
            field.extend_from_slice(value);
        }
    }

    fn number(&mut self, _: &'static str, _: u64) {}
    fn decimal(&mut self, _: &'static str, _: &[u8]) {}
    fn seconds(&mut self, _: &'static str, _: Seconds) {}
    fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}
    fn flag(&mut self, _: &'static str, _: bool) {}
}

impl Facts {
    /// Takes the fields of a line; those of the line before are gone.
    pub(super) fn read(&mut self, event: &Event<'_>) {
        self.address.clear();
        self.orig_address.clear();
        self.name.clear();
        self.helo.clear();
        self.sender = None;
        self.recipient.clear();
        self.recipients.clear();
        self.orig_to.clear();
        self.user.clear();
        self.queue_id.clear();
        visit(event, self);
    }

    /// Names the life of the line's queue id on this host.
    pub(super) fn life(&self, record: &Record<'_>) -> Option<Key> {
        if self.queue_id.is_empty() || self.queue_id == b"NOQUEUE" {
            return None;
        }
        let mut life = Vec::with_capacity(record.host.len() + 1 + self.queue_id.len());
        life.extend_from_slice(record.host);
        life.push(0);
        life.extend_from_slice(&self.queue_id);
        Some(life.into_boxed_slice())
    }

    /// The client that the mail came from first.
    fn client(&self) -> &[u8] {
        if self.orig_address.is_empty() {
            &self.address
        } else {
            &self.orig_address
        }
    }

    /// Returns the address and the verified name of the client, where the line has both.
    pub(super) fn named(&self) -> Option<(Key, Key)> {
        let is_known = !self.name.is_empty() && self.name != b"unknown";
        let address = key::address(&self.address).filter(|_| is_known)?;
        Some((address, lower(&self.name)?))
    }

    /// Returns the sender as the line has it, for people.
    pub(super) fn sender_text(&self) -> Option<Box<str>> {
        let sender = self.sender.as_ref()?;
        let sender = key::sender(sender);
        Some(String::from_utf8_lossy(&sender).into())
    }

    /// Returns what the line counts for.
    pub(super) fn keys(&self, by: By) -> Vec<Key> {
        if matches!(by, By::Recipient | By::Alias) {
            return self.recipient_keys();
        }
        let key = match by {
            by if by.is_of_address() => key::address(self.client()),
            By::Helo => lower(&self.helo),
            By::Sender => self.sender.as_deref().map(key::sender),
            By::SenderDomain => self.sender.as_deref().map(key::sender_domain),
            By::User => (!self.user.is_empty()).then(|| self.user.clone().into_boxed_slice()),
            _ => None,
        };
        key.into_iter().collect()
    }

    fn recipient_keys(&self) -> Vec<Key> {
        let one = if self.orig_to.is_empty() {
            &self.recipient
        } else {
            &self.orig_to
        };
        if !one.is_empty() {
            return key::mailbox(one).into_iter().collect();
        }
        self.recipients
            .split(|&byte| byte == b',')
            .filter_map(key::mailbox)
            .collect()
    }
}

fn lower(text: &[u8]) -> Option<Key> {
    (!text.is_empty()).then(|| text.to_ascii_lowercase().into_boxed_slice())
}
