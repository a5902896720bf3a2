//! Refusals and other signs against a client: what their lines move.

use mailtally_parsers::postfix::ruling::Ruling;
use mailtally_parsers::postfix::{Client, Event as Postfix, milter, smtpd};

use super::absorb::Context;
use super::details;
use super::evidence::Evidence;
use super::lives::Line;
use super::logins::LoginKey;
use super::mail::Access;
use super::rejects::Refusal;
use super::{Tally, Wanted};

/// What a rule did with a mail, in the words of the report.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Reject,
    /// `reject_warning` of smtpd, `warning` of a header or body check.
    Warning(&'static str),
    Hold,
    Discard,
    Other(&'static str),
}

impl Action {
    /// Reads the action word of a line; milters' and header checks' words mean the same.
    pub(crate) fn from_word(word: &[u8]) -> Action {
        let plain = word
            .strip_prefix(b"milter-header-")
            .or_else(|| word.strip_prefix(b"milter-"))
            .unwrap_or(word);
        match plain {
            b"reject" => Action::Reject,
            b"reject_warning" => Action::Warning("reject_warning"),
            b"warning" => Action::Warning("warning"),
            b"hold" => Action::Hold,
            b"discard" => Action::Discard,
            b"filter" => Action::Other("filter"),
            b"redirect" => Action::Other("redirect"),
            b"prepend" => Action::Other("prepend"),
            b"replace" => Action::Other("replace"),
            b"strip" => Action::Other("strip"),
            b"bcc" => Action::Other("bcc"),
            b"info" => Action::Other("info"),
            b"pass" => Action::Other("pass"),
            b"warn" => Action::Other("warn"),
            b"delay" => Action::Other("delay"),
            b"hangup" => Action::Other("hangup"),
            _ => Action::Other("other"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Action::Reject => "reject",

            Action::Hold => "hold",
            Action::Discard => "discard",
            Action::Warning(name) | Action::Other(name) => name,
        }
    }
}

/// In which of pflogsumm's totals a line counts that refuses, holds or discards a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Reject,
    RejectWarning,
    Hold,
    Discard,
}

impl Verdict {
    /// Tells whether an event counts in one of these totals. pflogsumm's columns know header and body
    /// checks, not message_reject_characters.
    pub(crate) fn of(event: &Postfix<'_>) -> Option<Verdict> {
        match event {
            Postfix::CleanupCheck(check) if check.part == b"content" => None,
            _ => Verdict::said_by(event),
        }
    }

    /// Tells what an event does with a mail, whether it counts or not.
    pub(super) fn said_by(event: &Postfix<'_>) -> Option<Verdict> {
        let word = match event {
            Postfix::SmtpdReject(_)
            | Postfix::SmtpdLocalDataError(_)
            | Postfix::PscRejectRcpt(_)
            | Postfix::PscRejectConnect(_)
            | Postfix::PscScreeningBusy(_) => &b"reject"[..],
            Postfix::SmtpdRejectWarning(_) => b"reject_warning",
            Postfix::SmtpdHold(_) => b"hold",
            Postfix::SmtpdDiscard(_) => b"discard",
            Postfix::MilterAction(event) => event.action,
            Postfix::MilterHeaderCheck(event) => event.action,
            Postfix::CleanupCheck(event) => event.action,
            _ => return None,
        };
        match Action::from_word(word) {
            Action::Reject => Some(Verdict::Reject),
            Action::Warning(_) => Some(Verdict::RejectWarning),
            Action::Hold => Some(Verdict::Hold),
            Action::Discard => Some(Verdict::Discard),
            Action::Other(_) => None,
        }
    }
}

impl Tally {
    /// Counts the kinds that say something against a client, or about a rule.
    pub(super) fn refusals(&mut self, context: &Context<'_>, event: &Postfix<'_>) {
        let Wanted {
            mail,
            rejects,
            clients,
            logins,
            ..
        } = self.wanted;
        if logins {
            match event {
                Postfix::SaslAuthFailed(event) => {
                    self.sasl_failure(event.client, event.sasl_method, event.sasl_username);
                }
                Postfix::SaslAuthAborted(event) => {
                    self.sasl_failure(event.client, event.sasl_method, None);
                }
                _ => {}
            }
        }
        if !(mail || rejects || clients) {
            return;
        }
        if let Some(verdict) = Verdict::of(event) {
            self.verdict(context, verdict);
        }
        if let Some(ruling) = Ruling::of(event) {
            self.read_parties(event);
            return self.ruled(context, event, &ruling);
        }
        match event {
            Postfix::PscConnect(event) => self.connect(context, "postscreen", event.client.address),
            Postfix::PscPassNew(event) => self.passed(event.client),
            Postfix::PscPassOld(event) => self.passed(event.client),
            Postfix::PscAllowlisted(event) => self.passed(event.client),
            _ => self.signs(event),
        }
    }

    fn passed(&mut self, client: Client<'_>) {
        if self.wanted.clients {
            let address = self.symbols.intern(client.address);
            self.clients.passed(address);
        }
    }

    fn signs(&mut self, event: &Postfix<'_>) {
        match event {
            Postfix::PscDnsblRank(line) => self.sign_of(event, line.client),
            Postfix::PscPregreet(line) => self.sign_of(event, line.client),
            Postfix::PscPipelining(line) => self.sign_of(event, line.client),
            Postfix::PscNonSmtp(line) => self.sign_of(event, line.client),
            Postfix::PscBareNewline(line) => self.sign_of(event, line.client),
            Postfix::SmtpdPipelining(line) => self.sign_of(event, line.client),
            Postfix::SmtpdTooManyErrors(line) => self.sign_of(event, line.client),
            Postfix::NonSmtpCommand(line) => self.sign_of(event, line.client),
            _ => {}
        }
    }

    fn sign_of(&mut self, event: &Postfix<'_>, client: Client<'_>) {
        if let Some(sign) = Evidence::of_sign(event) {
            self.sign(client, sign);
        }
    }

    fn sign(&mut self, client: Client<'_>, sign: Evidence) {
        if self.wanted.clients {
            let address = self.symbols.intern(client.address);
            self.clients.sign(address, sign);
        }
    }
}

/// Refusals, and what else a rule does with a mail.
impl Tally {
    /// Adds a verdict to pflogsumm's columns: one per line.
    fn verdict(&mut self, context: &Context<'_>, verdict: Verdict) {
        let totals = self.mail.instance(context.instance);
        match verdict {
            Verdict::Reject => totals.rejected += 1,
            Verdict::RejectWarning => totals.reject_warnings += 1,
            Verdict::Hold => totals.held += 1,
            Verdict::Discard => totals.discarded += 1,
        }
        self.mail.traffic(context.at.us).rejected += 1;
    }

    /// Counts a refusal by rule and client, and holds it against the client.
    fn refuse(&mut self, action: Action, ruling: &Ruling<'_>) {
        let Ruling { rule, client, .. } = *ruling;
        let refusal = Refusal {
            address: client.map(|client| client.address),
            stage: ruling.stage,
            code_class: ruling.reply_class,
            action: action.name(),
            rule: rule.id,
            class: (rule.class.name, rule.class.detail),
        };
        let (rule_symbol, class) = self.rejects.count(&refusal, &mut self.symbols);
        if self.wanted.refusal_details() {
            let detail = details::refused::Refusal {
                rule: rule_symbol,
                class,
                action: action.name(),
                stage: ruling.stage,
                code_class: ruling.reply_class,
            };
            self.refusal_details(detail, client, rule.class);
        }
        if let (Action::Reject, Some(client)) = (action, client) {
            self.hold_against(client, rule.class.name);
        }
    }

    fn hold_against(&mut self, client: Client<'_>, class: &str) {
        let (refusal, more) = Evidence::of_refusal(class);
        self.sign(client, refusal);
        if let Some(more) = more {
            self.sign(client, more);
        }
        if !client.name.is_empty() && client.name != b"unknown" {
            let (address, name) = (
                self.symbols.intern(client.address),
                self.symbols.intern(client.name),
            );
            self.clients.name(address, name, &self.symbols);
        }
    }

    /// Counts a line that some rule of the site, a milter or a proxy stands behind, or a want of room.
    fn ruled(&mut self, context: &Context<'_>, event: &Postfix<'_>, ruling: &Ruling<'_>) {
        let action = Action::from_word(ruling.rule.action);
        match event {
            Postfix::SmtpdHold(event)
            | Postfix::SmtpdDiscard(event)
            | Postfix::SmtpdFilter(event)
            | Postfix::SmtpdRedirect(event)
            | Postfix::SmtpdBcc(event)
            | Postfix::SmtpdDelay(event) => self.note_access(context, event.queue_id, action),
            Postfix::MilterHeaderCheck(event) => self.note_access(context, event.queue_id, action),
            Postfix::CleanupCheck(event) => self.note_access(context, event.queue_id, action),
            Postfix::MilterAction(event) => self.milter(context, event, action),
            _ => {}
        }
        self.refuse(action, ruling);
    }

    /// Notes a hold or discard. Before the first recipient was accepted there is no queue id yet:
    /// the verdict belongs to the mail whose `client=` line follows in this session.
    fn note_access(&mut self, context: &Context<'_>, queue_id: Option<&[u8]>, action: Action) {
        let access = match action {
            Action::Hold => Access::Hold,
            Action::Discard => Access::Discard,
            _ => return,
        };
        match queue_id {
            Some(id) => self
                .life(context, id, Line::Verdict)
                .facts
                .note_access(access),
            None => {
                let process = context.process();
                self.servers
                    .access(process, access, context.at.line, context.at.us);
            }
        }
    }

    fn milter(&mut self, context: &Context<'_>, event: &milter::Action<'_>, action: Action) {
        self.note_access(context, event.queue_id, action);
        if let (Action::Reject, Some(id), b"END-OF-MESSAGE") =
            (action, event.queue_id, event.r#where)
        {
            // After a refusal of the whole message nothing more of it is logged.
            self.life(context, id, Line::End);
        }
    }
}

/// Logins over SMTP.
impl Tally {
    /// Postfix logs a successful login only with a mail.
    pub(super) fn smtp_login(&mut self, event: &smtpd::ClientLine<'_>) {
        if event.sasl_username.is_some() {
            self.count_smtp_login(true, event.client, event.sasl_method, event.sasl_username);
        }
    }

    fn sasl_failure(&mut self, client: Client<'_>, method: &[u8], user: Option<&[u8]>) {
        self.count_smtp_login(false, client, Some(method), user);
    }

    fn count_smtp_login(
        &mut self,
        success: bool,
        client: Client<'_>,
        method: Option<&[u8]>,
        user: Option<&[u8]>,
    ) {
        let key = LoginKey {
            service: "smtp",
            custom_service: None,
            success,
            user: self.present(user),
            method: self.present(method),
            address: self.present(Some(client.address)),
            tls: None,
        };
        self.logins.count(key, 1);
    }
}
