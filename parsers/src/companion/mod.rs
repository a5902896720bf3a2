//! The lines of milters, policy services and content filters: one file each.
//!
//! Milters log Postfix's queue id; policy services run before there is one. A text that is none of
//! the known ones is an error, not a catch-all event, so that coverage stays honest.

pub mod amavis;
pub mod amavis_misc;
pub mod amavis_task;
pub mod clamav;
pub mod mta_sts;
pub mod opendkim;
pub mod opendmarc;
pub mod policy_spf;
pub mod policyd_spf;
pub mod policyd_weight;
pub mod postgrey;
pub mod postsrsd;
pub mod rspamd;
pub mod saslauthd;
pub mod spamd;
pub mod tlspol;

use crate::fields::{Field, Visitor, events};
use crate::scan::{is_queue_id, queue_id, split_once, trailing_group};
use crate::{Companion, Reason};

events! {
    /// An event logged by a companion.
    pub enum Event<'a> {
        OpendkimSigned(opendkim::Signed<'a>) = "opendkim_signed",
        OpendkimVerified(opendkim::Verified<'a>) = "opendkim_verified",
        OpendkimSigResult(opendkim::SigResult<'a>) = "opendkim_sig_result",
        OpendkimSsl(opendkim::Ssl<'a>) = "opendkim_ssl",
        OpendkimBad(opendkim::Bad<'a>) = "opendkim_bad",
        OpendkimNoSign(opendkim::NoSign<'a>) = "opendkim_no_sign",
        OpendkimMisc(opendkim::Misc<'a>) = "opendkim_misc",
        OpendmarcResult(opendmarc::DmarcResult<'a>) = "opendmarc_result",
        OpendmarcSpf(opendmarc::Spf<'a>) = "opendmarc_spf",
        OpendmarcIgnored(opendmarc::Ignored<'a>) = "opendmarc_ignored",
        OpendmarcMisc(opendmarc::Misc<'a>) = "opendmarc_misc",
        PolicydSpfResult(policyd_spf::SpfResult<'a>) = "policyd_spf_result",
        PolicydSpfDebug(policyd_spf::SpfDebug<'a>) = "policyd_spf_debug",
        PolicySpfAction(policy_spf::SpfAction<'a>) = "policy_spf_action",
        PolicySpfDebug(policy_spf::SpfDebug<'a>) = "policy_spf_debug",
        PolicydWeightCheck(policyd_weight::Check<'a>) = "policyd_weight_check",
        PolicydWeightAction(policyd_weight::Action<'a>) = "policyd_weight_action",
        PostgreyAction(postgrey::Action<'a>) = "postgrey_action",
        PostgreyMisc(postgrey::Misc<'a>) = "postgrey_misc",
        AmavisResult(amavis::Verdict<'a>) = "amavis_result",
        AmavisRecipient(amavis::RecipientVerdict<'a>) = "amavis_recipient",
        AmavisContinued(amavis::Continued<'a>) = "amavis_continued",
        AmavisWarning(amavis::Warning<'a>) = "amavis_warning",
        AmavisReceived(amavis_task::Received<'a>) = "amavis_received",
        AmavisChecking(amavis_task::Checking<'a>) = "amavis_checking",
        AmavisForwarded(amavis_task::Forwarded<'a>) = "amavis_forwarded",
        AmavisQuarantined(amavis_task::Quarantined<'a>) = "amavis_quarantined",
        AmavisBanned(amavis_task::Banned<'a>) = "amavis_banned",
        AmavisMisc(amavis_misc::Misc<'a>) = "amavis_misc",
        RspamdResult(rspamd::Verdict<'a>) = "rspamd_result",
        RspamdMilterConn(rspamd::MilterConn<'a>) = "rspamd_milter_conn",
        RspamdMsgLoaded(rspamd::MessageLoaded<'a>) = "rspamd_msg_loaded",
        SpamdVerdict(spamd::Verdict<'a>) = "spamd_verdict",
        SpamdResult(spamd::SpamdResult<'a>) = "spamd_result",
        SpamdMisc(spamd::Misc<'a>) = "spamd_misc",
        ClamavMilterResult(clamav::MilterResult<'a>) = "clamav_milter_result",
        ClamavMilterSkip(clamav::MilterSkip<'a>) = "clamav_milter_skip",
        ClamdFound(clamav::Found<'a>) = "clamd_found",
        SaslauthdFailure(saslauthd::Failure<'a>) = "saslauthd_failure",
        SaslauthdSuccess(saslauthd::Success<'a>) = "saslauthd_success",
        SaslauthdDebug(saslauthd::Debug<'a>) = "saslauthd_debug",
        PostsrsdRewritten(postsrsd::Rewritten<'a>) = "postsrsd_rewritten",
        PostsrsdNotRewritten(postsrsd::NotRewritten<'a>) = "postsrsd_not_rewritten",
        MtaStsPolicy(mta_sts::Policy<'a>) = "mta_sts_policy",
        TlspolPolicy(tlspol::Policy<'a>) = "tlspol_policy",
    }
}

/// What a companion's parser returns.
pub(crate) type Parsed<'a> = Result<Event<'a>, Reason>;

/// Parses a message of a companion.
pub(crate) fn parse(companion: Companion, message: &[u8]) -> Parsed<'_> {
    match companion {
        Companion::Opendkim => opendkim::parse(message),
        Companion::Opendmarc => opendmarc::parse(message),
        Companion::PolicydSpf => policyd_spf::parse(message),
        Companion::PolicySpf => policy_spf::parse(message),
        Companion::PolicydWeight => policyd_weight::parse(message),
        Companion::Postgrey => postgrey::parse(message),
        Companion::Amavis => amavis::parse(message),
        Companion::Rspamd => rspamd::parse(message),
        Companion::Spamd => spamd::parse(message),
        Companion::ClamavMilter => clamav::milter(message),
        Companion::Clamd => clamav::daemon(message),
        Companion::Saslauthd => saslauthd::parse(message),
        Companion::Postsrsd => postsrsd::parse(message),
        Companion::MtaSts => mta_sts::parse(message),
        Companion::Tlspol => tlspol::parse(message),
    }
}

/// A signed decimal as logged: a score or a duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decimal<'a> {
    /// The digits, with sign and point: `-1.9`.
    pub text: &'a [u8],
}

impl<'a> Decimal<'a> {
    /// Reads a decimal; `None` for anything that is no plain number (`-`, `nan`).
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let unsigned = text.strip_prefix(b"-").unwrap_or(text);
        let (whole, fraction) = split_once(unsigned, b".").unwrap_or((unsigned, b"0"));
        let is_number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let has_leading_zero = whole.len() > 1 && whole.starts_with(b"0");
        let is_whole = is_number(whole) && is_number(fraction) && !has_leading_zero;
        is_whole.then_some(Decimal { text })
    }
}

impl Field for Decimal<'_> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.decimal(name, self.text);
    }
}

/// Reads a milter's job id and the `: ` after it: Postfix's queue id, or one of Sendmail's form.
fn job_id(message: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Ok((rest, id)) = queue_id(message) {
        return Some((id, rest));
    }
    let (id, rest) = split_once(message, b": ")?;
    let has_digit = id.iter().any(u8::is_ascii_digit);
    let is_sendmail = id.len() >= 14 && has_digit && id.iter().all(u8::is_ascii_alphanumeric);
    is_sendmail.then_some((id, rest))
}

/// Reads `{version} starting (args: {args})`, as the Trusted Domain Project's milters say.
fn started(rest: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let (version, rest) = split_once(rest, b" ").unwrap_or((rest, b""));
    let args = trailing_group(rest).map(|(_, args)| args.strip_prefix(b"args: ").unwrap_or(args));
    let detail = args.or_else(|| rest.strip_prefix(b"terminating "));
    (Some(version), detail)
}

/// Reads the queue id of `... queued as 4F1A22C0D9E`.
fn queued_as(reply: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split_once(reply, b"queued as ")?;
    let is_id = |byte: &&u8| byte.is_ascii_alphanumeric();
    let length = rest.iter().take_while(is_id).count();
    rest.get(..length).filter(|id| is_queue_id(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_plain_numbers_only() {
        for text in ["-1.9", "15", "0.00", "-0.60"] {
            assert!(Decimal::parse(text.as_bytes()).is_some(), "{text}");
        }
        for text in ["-", "nan", "", "1.", ".5", "1e5", "007", "+1"] {
            assert!(Decimal::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn job_ids_of_postfix_and_sendmail_are_known() {
        for (line, id) in [
            ("4F1A22C0D9E: x", Some("4F1A22C0D9E")),
            ("4ZxYw12345z1: x", Some("4ZxYw12345z1")),
            ("0A1MuEN3012345: x", Some("0A1MuEN3012345")),
            ("own: x", None),
            ("warning: x", None),
        ] {
            let found = job_id(line.as_bytes()).map(|(id, _)| id);
            assert_eq!(found, id.map(str::as_bytes), "{line}");
        }
    }
}
