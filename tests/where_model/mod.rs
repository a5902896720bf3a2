//! Which lines of a log a condition on mails lets through, read off the text of the whole log: what
//! the sorter must agree with, which sees one line at a time.

use crate::lives_model::lives;

/// Conditions on mails; a value that begins with `!` is one that is not to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) sender: Option<&'static str>,
    pub(crate) recipient: Option<&'static str>,
    pub(crate) status: Option<&'static str>,
}

impl Asked {
    /// The same in the words of the command line.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let fields = [
            ("sender", self.sender),
            ("recipient", self.recipient),
            ("status", self.status),
        ];
        let word = |(field, value): (&str, Option<&str>)| {
            value.map(|value| match value.strip_prefix('!') {
                Some(other) => format!("{field}!={other}"),
                None => format!("{field}={value}"),
            })
        };
        fields.into_iter().filter_map(word).collect()
    }

    fn asks_recipient(&self) -> bool {
        self.recipient.is_some() || self.status.is_some()
    }

    /// Tells of one line whether it names a recipient, and one that was asked for.
    fn recipient(&self, line: &str) -> Option<bool> {
        let is_expiry = line.contains("status=expired");
        let recipient = between(line, "to=<", ">");
        let status = between(line, "status=", " ").map(|status| status.trim_end_matches(','));
        let stated = (self.recipient.is_some() && recipient.is_some())
            || (self.status.is_some() && status.is_some());
        let met = meets(self.recipient, recipient) && meets(self.status, status);
        (stated && (met || !is_expiry)).then_some(met)
    }

    /// Tells for each line whether it counts.
    pub(crate) fn counts(&self, log: &[String], late: u64) -> Vec<bool> {
        let lives = lives(log, late);
        let decide = |(at, line): (usize, &String)| {
            let own = self.recipient(line);
            if line.contains("NOQUEUE") {
                let sender = meets(self.sender, between(line, "from=<", ">"));
                return sender && (!self.asks_recipient() || own == Some(true));
            }
            let Some(life) = lives[at] else { return false };
            let lines = || {
                let of_life = lives
                    .iter()
                    .zip(log)
                    .filter(move |(of, _)| **of == Some(life));
                of_life.map(|(_, line)| line.as_str())
            };
            let queued =
                lines().find(|line| line.contains("postfix/qmgr") && line.contains("from=<"));
            let stating = queued.or_else(|| lines().find(|line| line.contains(" from=<")));
            let sender = meets(
                self.sender,
                stating.and_then(|line| between(line, "from=<", ">")),
            );
            let recipient = match own {
                Some(own) => own,
                None => lines().any(|line| self.recipient(line) == Some(true)),
            };
            sender && (!self.asks_recipient() || recipient)
        };
        log.iter().enumerate().map(decide).collect()
    }
}

fn meets(asked: Option<&str>, found: Option<&str>) -> bool {
    match (asked, found) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(asked), Some(found)) => match asked.strip_prefix('!') {
            Some(other) => other != found,
            None => asked == found,
        },
    }
}

fn between<'t>(text: &'t str, before: &str, behind: &str) -> Option<&'t str> {
    Some(text.split_once(before)?.1.split_once(behind)?.0)
}
