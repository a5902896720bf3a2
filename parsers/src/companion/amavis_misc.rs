//! What amavisd says about itself: its start, its decoders, a peer's refusal.

use crate::fields::event_struct;
use crate::scan::{before_last, split_number, split_once};

event_struct! {
    /// A notice of amavisd; most are logged when it starts, at log level 1.
    ///
    /// Shape: many; `what` tells which, e.g. `Module {name} {version}`, `No decoder for {name}`,
    /// `Found primary av scanner {name} at {path}`, `Negative SMTP resp. to {name}: {reply}`.
    pub struct Misc<'a> {
        /// The id of the task.
        pub am_id: Option<&'a [u8]>,
        /// Which notice it is.
        pub what: &'static str,
        /// The module, decoder, scanner or host that it is about.
        pub name: Option<&'a [u8]>,
        /// A version.
        pub version: Option<&'a [u8]>,
        /// A program or file.
        pub path: Option<&'a [u8]>,
        /// An address that is listened on.
        pub address: Option<&'a [u8]>,
        /// A port.
        pub port: Option<u64>,
        /// A process id.
        pub pid: Option<u64>,
        /// User and group ids, as logged.
        pub ids: Option<&'a [u8]>,
        /// When the server started, as logged.
        pub time: Option<&'a [u8]>,
        /// The reply code of a refusal.
        pub code: Option<u64>,
        /// The reply of a refusal, or the rest of the notice.
        pub reply: Option<&'a [u8]>,
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a notice; `None` when it is none that is known.
pub(super) fn parse<'a>(am_id: Option<&'a [u8]>, text: &'a [u8]) -> Option<Misc<'a>> {
    let mut misc = Misc {
        am_id,
        what: "",
        name: None,
        version: None,
        path: None,
        address: None,
        port: None,
        pid: None,
        ids: None,
        time: None,
        code: None,
        reply: None,
        text,
    };
    let is_known =
        misc.server(text) || misc.start(text) || misc.component(text) || misc.refusal(text);
    is_known.then_some(misc)
}

impl<'a> Misc<'a> {
    /// Reads the lines of Net::Server.
    fn server(&mut self, text: &'a [u8]) -> bool {
        let Some(rest) = text.strip_prefix(b"Net::Server: ") else {
            return false;
        };
        self.what = "server";
        if let Some((_, rest)) = split_once(rest, b"port ")
            && let Some((port, rest)) = split_number(rest)
        {
            self.port = Some(port);
            self.address = split_once(rest, b" on host ")
                .map(|(_, host)| split_once(host, b" ").map_or(host, |(host, _)| host));
        } else if let Some((time, rest)) = split_once(rest, b" Amavis (type ") {
            self.time = Some(time);
            self.pid = split_once(rest, b"pid(")
                .and_then(|(_, pid)| split_number(pid))
                .map(|(pid, _)| pid);
        } else if let Some((_, ids)) = split_once(rest, b" '") {
            self.ids = ids.strip_suffix(b"'");
        } else {
            self.reply = Some(rest);
        }
        true
    }

    /// Reads what is said at the start.
    fn start(&mut self, text: &'a [u8]) -> bool {
        if let Some(rest) = text.strip_prefix(b"starting. ") {
            self.what = "starting";
            let (path, rest) = split_once(rest, b" at ").unwrap_or((rest, b""));
            let (host, rest) = split_once(rest, b" ").unwrap_or((rest, b""));
            let (version, rest) = split_once(rest, b", ").unwrap_or((rest, b""));
            self.path = Some(path);
            self.name = Some(host);
            self.version = Some(version);
            self.reply = Some(rest);
        } else if let Some(rest) = text.strip_prefix(b"perl=") {
            self.what = "perl";
            let (version, rest) = split_once(rest, b", ").unwrap_or((rest, b""));
            self.version = Some(version);
            self.ids = Some(rest);
        } else if let Some(rest) = text.strip_prefix(b"logging initialized, ") {
            self.what = "logging";
            self.reply = Some(rest);
        } else if let Some(rest) = text.strip_prefix(b"extra modules loaded: ") {
            self.what = "extra modules";
            self.name = Some(rest);
        } else {
            return false;
        }
        true
    }

    /// Reads the lists of modules, decoders and scanners.
    fn component(&mut self, text: &'a [u8]) -> bool {
        if let Some(version) = text.strip_prefix(b"Perl version ") {
            self.what = "perl";
            self.version = Some(version.trim_ascii());
            return true;
        }
        let starts: [(&[u8], &'static str); 9] = [
            (b"Module ", "module"),
            (b"No ext program for ", "no program"),
            (b"No decoder for ", "no decoder"),
            (b"Internal decoder for ", "internal decoder"),
            (b"Found decoder for ", "decoder"),
            (b"Found primary av scanner ", "scanner"),
            (b"Found secondary av scanner ", "scanner"),
            (b"Using primary internal av scanner code for ", "scanner"),
            (b"No $", "not used"),
        ];
        for (start, what) in starts {
            if let Some(rest) = text.strip_prefix(start) {
                self.what = what;
                let rest = rest.trim_ascii();
                let (name, rest) = split_once(rest, b" ").unwrap_or((rest, b""));
                self.name = Some(name.strip_suffix(b",").unwrap_or(name));
                self.detail(rest.trim_ascii());
                return true;
            }
        }
        if let Some((name, _)) = before_last(text, b"NOT loaded") {
            self.what = "not loaded";
            self.name = Some(name.trim_ascii());
            return true;
        }
        if let Some((name, b"")) = before_last(text, b" loaded") {
            self.what = "loaded";
            self.name = Some(name.trim_ascii());
            return true;
        }
        false
    }

    /// Reads what stands behind a component's name: `at {path}`, a version, what was tried.
    fn detail(&mut self, rest: &'a [u8]) {
        if let Some(path) = rest.strip_prefix(b"at ") {
            self.path = Some(path.trim_ascii());
        } else if self.what == "module" {
            self.version = Some(rest);
        } else if !rest.is_empty() {
            self.reply = Some(rest);
        }
    }

    /// Reads `Negative SMTP resp. to {command}: {code} {text}`.
    fn refusal(&mut self, text: &'a [u8]) -> bool {
        let Some((command, reply)) = text
            .strip_prefix(b"Negative SMTP resp. to ")
            .and_then(|rest| split_once(rest, b": "))
        else {
            return false;
        };
        self.what = "negative reply";
        self.name = Some(command);
        self.code = split_number(reply).map(|(code, _)| code);
        self.reply = Some(reply);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_a_notice_is_about() {
        let found = parse(None, b"Module Compress::Raw::Zlib 2.105").unwrap();
        assert_eq!(
            (found.name, found.version),
            (Some(&b"Compress::Raw::Zlib"[..]), Some(&b"2.105"[..]))
        );
        let found = parse(
            None,
            b"Net::Server: Binding to TCP port 10034 on host 127.0.0.1 with IPv4",
        )
        .unwrap();
        assert_eq!(
            (found.port, found.address),
            (Some(10034), Some(&b"127.0.0.1"[..]))
        );
        let found = parse(
            None,
            b"Found primary av scanner LabScan     at /opt/avscan.sh",
        )
        .unwrap();
        assert_eq!(
            (found.name, found.path),
            (Some(&b"LabScan"[..]), Some(&b"/opt/avscan.sh"[..]))
        );
        assert!(parse(None, b"something new").is_none());
    }
}
