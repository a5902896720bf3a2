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
    /// Servers that could not be used.
    pub servers: bool,
    /// Of those only the ones that could not be reached by IPv6.
    pub unreached_alone: bool,
    /// Mails and bytes by address and domain; needs `mail`.
    pub volume: bool,
    /// Single mails; needs `mail`.
    pub mails: bool,
    /// Delays, stage by stage.
    pub delays: bool,
    /// Refusals by rule and stage, hour by hour; needs `rejects`.
    pub refused: bool,
    /// Refusals by client, sender, recipient and HELO name; needs `rejects`.
    pub behind: bool,
    /// Warnings, errors and what master says.
    pub warnings: bool,
    /// How long clients stay with smtpd.
    pub stays: bool,
    /// What postscreen does, and blocklists say; needs `mail`.
    pub screening: bool,
    /// Greylisting; needs `mail` and `rejects`.
    pub greylist: bool,
    /// What Dovecot's mail processes do.
    pub mailboxes: bool,
    /// What milters, policy services and filters decide.
    pub verdicts: bool,
    /// Lists that no section shows row by row, only programs read them: deliveries by recipient,
    /// connections by address, and the clients of accepted mail, refusals and TLS sessions, which
    /// sections only add up. They are counted in any case; making rows of them is what costs.
    pub lists: bool,
    /// Delivery attempts by relay, all of them; else of those domains alone that have a server
    /// which could not be reached by IPv6.
    pub relays: bool,
    /// Which senders had mail delivered; needs `mail`.
    pub delivered_senders: bool,
    /// What postfix_exporter counts, for metrics of its names.
    pub exporter: bool,
}

impl Wanted {
    /// All of it, for reports.
    pub const ALL: Wanted = Wanted {
        mail: true,
        tls: true,
        logins: true,
        rejects: true,
        clients: true,
        deliveries: true,
        failures: true,
        servers: true,
        unreached_alone: false,
        volume: true,
        mails: true,
        delays: true,
        refused: true,
        behind: true,
        warnings: true,
        stays: true,
        screening: true,
        greylist: true,
        mailboxes: true,
        verdicts: true,
        lists: true,
        relays: true,
        delivered_senders: true,
        // It counts over again what others count, and is asked for by name.
        exporter: false,
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
        servers: false,
        unreached_alone: false,
        volume: false,
        mails: false,
        delays: false,
        refused: false,
        behind: false,
        warnings: false,
        stays: false,
        screening: false,
        greylist: false,
        mailboxes: false,
        verdicts: false,
        lists: false,
        relays: false,
        delivered_senders: false,
        exporter: false,
    };

    /// Whether delivery lines are looked at more closely than the totals need.
    pub(crate) fn delivery_details(self) -> bool {
        self.failures || self.volume || self.mails || self.delays || self.greylist
    }

    /// Whether their delays are read.
    pub(crate) fn delivery_times(self) -> bool {
        self.delays || self.volume || self.mails
    }

    /// Whether settled mails are.
    pub(crate) fn mail_details(self) -> bool {
        self.failures || self.volume || self.mails || self.greylist || self.delivered_senders
    }

    /// Whether refusals are.
    pub(crate) fn refusal_details(self) -> bool {
        self.refused || self.behind || self.greylist || self.screening
    }

    /// Whether both ends of a refused transaction are.
    pub(crate) fn parties(self) -> bool {
        self.behind || self.greylist
    }

    /// Whether other lines of Postfix are; those about servers are few, and asked for by kind.
    pub(crate) fn details(self) -> bool {
        self.warnings || self.stays || self.screening || self.refusal_details() || self.exporter
    }

    /// Whether lines of Dovecot are, beside logins.
    pub(crate) fn dovecot_details(self) -> bool {
        self.warnings || self.mailboxes
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
