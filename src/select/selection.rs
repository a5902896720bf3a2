//! The conditions of a report, told apart by what they decide.

use mailtally_parsers::{Event, Reason, Record};

use super::fields::{MAIL_FIELDS, ReportLine};
use crate::export::Line;
use crate::filter::{Condition, Filter, FilterError, Verdict};

/// Conditions that must all hold, on lines and on mails.
///
/// Which fields there are is **not** checked here: [`names`](super::names) has them.
#[derive(Clone, Default, Debug)]
pub struct Selection {
    filter: Filter,
    /// The conditions on senders, as bits of a [`Verdict`].
    sender: u64,
    /// Those on recipients and what became of them.
    recipient: u64,
    needs_network: bool,
}

impl Selection {
    /// Combines conditions.
    ///
    /// # Errors
    /// There are too many.
    pub fn new(conditions: Vec<Condition>) -> Result<Self, FilterError> {
        let lower = |condition: Condition| match condition.field() {
            "sender_domain" | "recipient_domain" => condition.in_lower_case(),
            _ => condition,
        };
        let filter = Filter::new(conditions.into_iter().map(lower).collect())?;
        let on = |is_asked_for: &dyn Fn(&str) -> bool| {
            let conditions = filter.conditions().iter().enumerate();
            conditions
                .filter(|(_, condition)| is_asked_for(condition.field()))
                .fold(0, |bits, (at, _)| bits | 1u64 << at)
        };
        let sender = on(&|field| field.starts_with("sender") && MAIL_FIELDS.contains(&field));
        let mail = on(&|field| MAIL_FIELDS.contains(&field));
        Ok(Selection {
            sender,
            recipient: mail & !sender,
            needs_network: on(&|field| field == "network") != 0,
            filter,
        })
    }

    /// Tells whether every line counts, because there is no condition.
    pub fn is_empty(&self) -> bool {
        self.filter.is_empty()
    }

    /// Tells whether there are conditions that decide whole mails.
    pub fn has_mail_conditions(&self) -> bool {
        self.sender | self.recipient != 0
    }

    /// Lists the conditions.
    pub fn conditions(&self) -> &[Condition] {
        self.filter.conditions()
    }

    /// Tells whether the conditions on lines hold, all of them if none is on mails.
    pub fn passes(&self, record: &Record<'_>, event: &Result<Event<'_>, Reason>) -> bool {
        self.ask(record, event).lets_line_through
    }

    /// Tells whether they hold for a line without an envelope: it has no field.
    pub fn passes_without_envelope(&self) -> bool {
        self.answer(self.filter.decide(&Nothing)).lets_line_through
    }

    /// Asks all conditions on one line.
    pub(super) fn ask(&self, record: &Record<'_>, event: &Result<Event<'_>, Reason>) -> Answer {
        let line = &Line {
            time: None,
            record,
            event: *event,
        };
        self.answer(self.filter.decide(&ReportLine {
            line,
            needs_network: self.needs_network,
        }))
    }

    fn answer(&self, verdict: Verdict) -> Answer {
        let all = self.bits();
        let of_lines = all & !(self.sender | self.recipient);
        let of = |asked: u64| Stated {
            is_stated: verdict.fields_seen & asked != 0,
            is_met: verdict.fields_seen & verdict.held & asked == asked,
        };
        Answer {
            lets_line_through: verdict.held & of_lines == of_lines,
            sender: of(self.sender),
            recipient: of(self.recipient),
        }
    }

    fn bits(&self) -> u64 {
        let conditions = self.filter.conditions().len();
        (0..conditions).fold(0, |bits, at| bits | 1u64 << at)
    }

    pub(super) fn has_sender_conditions(&self) -> bool {
        self.sender != 0
    }

    pub(super) fn has_recipient_conditions(&self) -> bool {
        self.recipient != 0
    }
}

/// What one line says to all conditions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    /// Whether the conditions on lines hold.
    pub(super) lets_line_through: bool,
    pub(super) sender: Stated,
    pub(super) recipient: Stated,
}

/// What one line says of a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stated {
    /// Whether the line has one of the fields that are asked for.
    pub(super) is_stated: bool,
    /// Whether it has all of them, and they meet the conditions; true where there is none.
    pub(super) is_met: bool,
}

/// A line without any field.
struct Nothing;

impl mailtally_parsers::Fields for Nothing {
    fn visit(&self, _: &mut dyn mailtally_parsers::Visitor) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(conditions: &[&str], text: &str) -> Answer {
        let conditions = conditions.iter().map(|text| text.parse().unwrap());
        let selection = Selection::new(conditions.collect()).unwrap();
        let text = format!("Nov 21 10:00:00 mx1 {text}");
        let record = Record::parse(text.as_bytes()).unwrap();
        selection.ask(&record, &Event::parse(&record.tag, record.message))
    }

    const DELIVERY: &str = "postfix/smtp[1]: 4F1A22C0D9E: to=<b@Example.com>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (x)";

    #[test]
    fn line_and_mail_conditions_are_told_apart() {
        let answer = ask(
            &["host=mx1", "sender=x", "recipient_domain=EXAMPLE.COM"],
            DELIVERY,
        );
        assert!(answer.lets_line_through);
        assert_eq!(
            (answer.sender.is_stated, answer.sender.is_met),
            (false, false)
        );
        let recipient = answer.recipient;
        assert_eq!((recipient.is_stated, recipient.is_met), (true, true));
        assert!(!ask(&["host=mx2", "sender=x"], DELIVERY).lets_line_through);
    }

    #[test]
    fn all_conditions_on_recipients_must_hold_on_one_line() {
        let met = |conditions: &[&str]| ask(conditions, DELIVERY).recipient.is_met;
        assert!(met(&["recipient~^b@", "status=deferred"]));
        assert!(!met(&["recipient~^b@", "status=sent"]));
        assert!(met(&["recipient!=c@example.com"]));
        // A removal names no recipient: that is no other one.
        let removed = ask(
            &["recipient!=c@example.com"],
            "postfix/qmgr[1]: 4F1A22C0D9E: removed",
        );
        assert!(!removed.recipient.is_stated && !removed.recipient.is_met);
    }

    #[test]
    fn a_line_without_envelope_meets_negations_only() {
        let passes = |condition: &str| {
            let conditions = vec![condition.parse().unwrap()];
            Selection::new(conditions)
                .unwrap()
                .passes_without_envelope()
        };
        assert!(!passes("host=mx1"));
        assert!(passes("host!=mx1"));
    }
}
