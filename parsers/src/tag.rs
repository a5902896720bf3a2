//! The syslog tag: which instance, service and program wrote the line.

use crate::scan::{find_near, rfind_near};

/// A syslog tag, taken apart.
///
/// `postfix/submission/smtpd` is an smtpd of instance `postfix` and service `submission`;
/// `postfix-out/relay/smtp` an smtp of instance `postfix-out`. Dispatch is on the last path
/// element; whether the first one really names an instance is known only when a whole log was read
/// (an instance is a prefix under which a qmgr or a master logs too).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tag<'a> {
    /// The whole tag, without `[pid]` and colon.
    pub text: &'a [u8],
    /// Where the first and the last slash stand; beyond the text where there is none. A tag is copied
    /// for each line: two places are half as long as the texts between them.
    first_slash: u32,
    last_slash: u32,
    /// The program told from the last path element.
    pub program: Program,
}

/// A place that is beyond any text.
const BEYOND: u32 = u32::MAX;

impl<'a> Tag<'a> {
    /// The tag of a line that has none.
    pub(crate) const EMPTY: Self = Tag {
        text: b"",
        first_slash: BEYOND,
        last_slash: BEYOND,
        program: Program::Foreign,
    };

    /// Takes a tag apart.
    pub fn parse(text: &'a [u8]) -> Self {
        let place = |slash: Option<usize>| {
            let place = slash.and_then(|slash| u32::try_from(slash).ok());
            place.unwrap_or(BEYOND)
        };
        let mut tag = Tag {
            text,
            first_slash: place(find_near(text, b'/')),
            last_slash: place(rfind_near(text, b'/')),
            program: Program::Foreign,
        };
        tag.program = Program::of(text, tag.name());
        tag
    }

    /// Returns the first path element.
    pub fn instance(&self) -> &'a [u8] {
        self.text.get(..at(self.first_slash)).unwrap_or(self.text)
    }

    /// Returns what stands between the first and the last path element.
    pub fn service(&self) -> Option<&'a [u8]> {
        let begin = at(self.first_slash).checked_add(1)?;
        let service = self.text.get(begin..at(self.last_slash));
        service.filter(|service| !service.is_empty())
    }

    /// Returns the last path element: the program's name as logged.
    pub fn name(&self) -> &'a [u8] {
        let begin = at(self.last_slash).checked_add(1);
        let name = begin.and_then(|begin| self.text.get(begin..));
        name.unwrap_or(self.text)
    }
}

/// A place in a text.
fn at(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// Which family of programs a line belongs to.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Program {
    /// A Postfix daemon or command.
    Postfix(Daemon),
    /// A tag cut to `postfix` (a stock rsyslog writing RFC 5424): the text tells the daemon.
    PostfixCut,
    /// A tag below `postfix` whose last element is no program that we know.
    PostfixUnknown,
    /// Dovecot, whatever the process.
    Dovecot,
    /// A milter, policy service or content filter beside them.
    Companion(Companion),
    /// A logger that can tell that it lost lines (rsyslogd, journald).
    Logger,
    /// Any other program.
    Foreign,
}

/// Declares an enum of programs with the names that they log under; the first name is its own.
macro_rules! names {
    ($(#[$meta:meta])* pub enum $enum:ident { $($variant:ident = $name:literal $(| $alias:literal)*,)* }) => {
        $(#[$meta])*
        #[non_exhaustive]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $enum {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl $enum {
            /// All of them.
            pub const ALL: &[Self] = &[$($enum::$variant,)*];

            /// Finds the program that logs under this name.
            pub fn from_name(name: &[u8]) -> Option<Self> {
                $(if name == $name.as_bytes() $(|| name == $alias.as_bytes())* {
                    return Some($enum::$variant);
                })*
                None
            }

            /// Returns the program's name.
            pub fn name(self) -> &'static str {
                match self {
                    $($enum::$variant => $name,)*
                }
            }
        }
    };
}

names! {
    /// The programs of Postfix.
    pub enum Daemon {
        Smtpd = "smtpd",
        Qmgr = "qmgr" | "oqmgr" | "nqmgr",
        Cleanup = "cleanup",
        Smtp = "smtp",
        Lmtp = "lmtp",
        Local = "local",
        Virtual = "virtual",
        Pipe = "pipe",
        Error = "error",
        Discard = "discard",
        Bounce = "bounce",
        Pickup = "pickup",
        Postscreen = "postscreen",
        Dnsblog = "dnsblog",
        Tlsproxy = "tlsproxy",
        Tlsmgr = "tlsmgr",
        Anvil = "anvil",
        Verify = "verify",
        Scache = "scache",
        Flush = "flush",
        TrivialRewrite = "trivial-rewrite",
        Proxymap = "proxymap",
        Proxywrite = "proxywrite",
        Showq = "showq",
        Spawn = "spawn",
        Qmqpd = "qmqpd",
        Master = "master",
        Postlogd = "postlogd",
        NbdbReindexd = "nbdb_reindexd",
        PostfixScript = "postfix-script",
        PostmultiScript = "postmulti-script",
        PostfixTlsScript = "postfix-tls-script",
        PostfixCommand = "postfix",
        Postsuper = "postsuper",
        Postqueue = "postqueue",
        Postdrop = "postdrop",
        Postmap = "postmap",
        Postalias = "postalias",
        Postconf = "postconf",
        Postmulti = "postmulti",
        Postlog = "postlog",
        Postkick = "postkick",
        Postlock = "postlock",
        Postcat = "postcat",
        Sendmail = "sendmail",
        Newaliases = "newaliases",
        Mailq = "mailq",
        Unknown = "unknown",
    }
}

names! {
    /// The milters, policy services and filters that log beside Postfix and Dovecot.
    pub enum Companion {
        Opendkim = "opendkim",
        Opendmarc = "opendmarc",
        PolicydSpf = "policyd-spf",
        PolicySpf = "policy-spf",
        PolicydWeight = "policyd-weight",
        Postgrey = "postgrey",
        Amavis = "amavis" | "amavisd",
        Rspamd = "rspamd",
        Spamd = "spamd",
        ClamavMilter = "clamav-milter",
        Clamd = "clamd",
        Saslauthd = "saslauthd",
        Postsrsd = "postsrsd",
        MtaSts = "mta-sts-daemon",
        Tlspol = "postfix-tlspol",
    }
}

impl Program {
    /// Tells the program from a whole tag and its last path element.
    fn of(tag: &[u8], name: &[u8]) -> Self {
        let has_path = tag.len() != name.len();
        if has_path {
            if let Some(daemon) = Daemon::from_name(name) {
                return Program::Postfix(daemon);
            }
            if let Some(companion) = Companion::from_name(name) {
                return Program::Companion(companion);
            }
            return if tag.starts_with(b"postfix") {
                Program::PostfixUnknown
            } else {
                Program::Foreign
            };
        }
        // PAM modules log under the name of the process that called them: Dovecot's `auth`.
        if name.starts_with(b"dovecot") || name == b"auth" {
            return Program::Dovecot;
        }
        if let Some(companion) = Companion::from_name(name) {
            return Program::Companion(companion);
        }
        match name {
            b"rsyslogd" | b"systemd-journald" | b"systemd-journal" | b"syslogd" | b"journalctl" => {
                Program::Logger
            }
            b"postfix-script" => Program::Postfix(Daemon::PostfixScript),
            _ if name.starts_with(b"postfix") => Program::PostfixCut,
            _ => Program::Foreign,
        }
    }

    /// How many programs have a number.
    pub const NUMBERED: usize = 2 + Daemon::ALL.len() + Companion::ALL.len();

    /// Returns the program's number, below [`Program::NUMBERED`], if it is known by a name of its
    /// own; the others are known by their tags alone. Numbers are not stable between versions.
    pub fn number(self) -> Option<usize> {
        match self {
            Program::PostfixCut => Some(0),
            Program::Dovecot => Some(1),
            Program::Postfix(daemon) => Some(2 + daemon as usize),
            Program::Companion(companion) => Some(2 + Daemon::ALL.len() + companion as usize),
            Program::PostfixUnknown | Program::Logger | Program::Foreign => None,
        }
    }

    /// Returns the name of the program with this number; empty if there is none.
    pub fn name_of(number: usize) -> &'static str {
        match number {
            0 => "postfix",
            1 => "dovecot",
            _ => {
                let number = number - 2;
                let companion = || Companion::ALL.get(number.checked_sub(Daemon::ALL.len())?);
                match Daemon::ALL.get(number) {
                    Some(daemon) => daemon.name(),
                    None => companion().map_or("", |companion| companion.name()),
                }
            }
        }
    }

    /// Tells whether a line of this program is ours: parsed, generic or unparsed, never foreign.
    pub fn is_ours(self) -> bool {
        !matches!(self, Program::Foreign | Program::Logger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_have_numbers_and_names_of_their_own() {
        let daemons = Daemon::ALL
            .iter()
            .map(|daemon| (Program::Postfix(*daemon), daemon.name()));
        let companions = Companion::ALL
            .iter()
            .map(|companion| (Program::Companion(*companion), companion.name()));
        let cut = [
            (Program::PostfixCut, "postfix"),
            (Program::Dovecot, "dovecot"),
        ];
        let all: Vec<_> = cut.into_iter().chain(daemons).chain(companions).collect();
        assert_eq!(all.len(), Program::NUMBERED);
        for (at, (program, name)) in all.into_iter().enumerate() {
            assert_eq!(program.number(), Some(at));
            assert_eq!(Program::name_of(at), name);
        }
        assert_eq!(Program::name_of(Program::NUMBERED), "");
    }

    #[test]
    fn splits_instance_service_and_daemon() {
        for (text, instance, service, program) in [
            (
                "postfix/smtpd",
                "postfix",
                None,
                Program::Postfix(Daemon::Smtpd),
            ),
            (
                "postfix/submissions/smtpd",
                "postfix",
                Some("submissions"),
                Program::Postfix(Daemon::Smtpd),
            ),
            (
                "postfix-out/relay/smtp",
                "postfix-out",
                Some("relay"),
                Program::Postfix(Daemon::Smtp),
            ),
            (
                "postfix/127.0.0.1:10025/smtpd",
                "postfix",
                Some("127.0.0.1:10025"),
                Program::Postfix(Daemon::Smtpd),
            ),
            ("mx1/smtpd", "mx1", None, Program::Postfix(Daemon::Smtpd)),
            (
                "postfix/postfix-script",
                "postfix",
                None,
                Program::Postfix(Daemon::PostfixScript),
            ),
            ("postfix", "postfix", None, Program::PostfixCut),
            ("postfix-out", "postfix-out", None, Program::PostfixCut),
            (
                "postfix/policy-spf",
                "postfix",
                None,
                Program::Companion(Companion::PolicySpf),
            ),
            (
                "postfix/spamassassin",
                "postfix",
                None,
                Program::PostfixUnknown,
            ),
            ("dovecot", "dovecot", None, Program::Dovecot),
            ("auth", "auth", None, Program::Dovecot),
            ("dovecot-backend", "dovecot-backend", None, Program::Dovecot),
            (
                "postgrey",
                "postgrey",
                None,
                Program::Companion(Companion::Postgrey),
            ),
            (
                "postfix-tlspol",
                "postfix-tlspol",
                None,
                Program::Companion(Companion::Tlspol),
            ),
            ("cron", "cron", None, Program::Foreign),
            ("rsyslogd", "rsyslogd", None, Program::Logger),
        ] {
            let tag = Tag::parse(text.as_bytes());
            assert_eq!(tag.instance(), instance.as_bytes(), "{text}");
            assert_eq!(tag.service(), service.map(str::as_bytes), "{text}");
            assert_eq!(tag.program, program, "{text}");
        }
    }
}
