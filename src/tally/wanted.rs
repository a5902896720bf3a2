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
    /// Failed deliveries by reason and destination; needs `mail`.
    pub failures: bool,
    /// Mails and bytes by address and domain; needs `mail`.
    pub volume: bool,
    /// Delays, stage by stage.
    pub delays: bool,
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
        failures: true,
        volume: true,
        delays: true,
    };

    /// Lines alone.
    pub const LINES: Wanted = Wanted {
        mail: false,
        tls: false,
        logins: false,
        rejects: false,
        clients: false,
        deliveries: false,
        failures: false,
        volume: false,
        delays: false,
    };

    /// Whether delivery lines are looked at more closely than the totals need.
    pub(crate) fn delivery_details(self) -> bool {
        self.failures || self.volume || self.delays
    }

    /// Whether other lines are.
    pub(crate) fn details(self) -> bool {
        self.failures
    }

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
