//! What is to be counted: what nobody asks for costs nothing.

/// What is counted beside lines; each is one or two sections of a report.
///
/// The same choice has to be made for all parts of a log. What was not counted is empty in the
/// totals, and says nothing about the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Mails: pflogsumm's totals, messages, traffic.
    pub mail: bool,
    /// TLS sessions.
    pub tls: bool,
    /// Logins.
    pub logins: bool,
    /// Refusals by rule and client.
    pub rejects: bool,
    /// Connections of clients, and what they did.
    pub clients: bool,
    /// Delivery attempts by relay.
    pub deliveries: bool,
}

impl Wanted {
    /// All of it.
    pub const ALL: Wanted = Wanted {
        mail: true,
        tls: true,
        logins: true,
        rejects: true,
        clients: true,
        deliveries: true,
    };

    /// Lines alone.
    pub const LINES: Wanted = Wanted {
        mail: false,
        tls: false,
        logins: false,
        rejects: false,
        clients: false,
        deliveries: false,
    };

    /// Whether rows are told apart by who is one of our own.
    pub(crate) fn scopes(self) -> bool {
        self.tls || self.logins || self.rejects || self.clients
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Wanted::ALL
    }
}
