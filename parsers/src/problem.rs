//! Which lines say that something went wrong, and how bad it is.
//!
//! This is what `egrep 'reject|warning|error|fatal|panic'` looks for, told by the grammar: a
//! severity word counts only where its program writes it, never inside an address, a subject or a
//! stranger's reply; and what failed without any such word (a deferred mail, a refused login)
//! counts too. What this does **not** say is whose fault it is: a stranger's mistake is a problem
//! of kind `reject`, `warning` or `failure` as well.

use crate::dovecot::auth;
use crate::dovecot::login::AbortReason;
use crate::scan::{find, is_queue_id, split_once};
use crate::{Event, Reason, companion, dovecot, logger, postfix};

/// What went wrong, as far as one line tells; the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Problem {
    /// A program found a bug in itself and gave up.
    Panic,
    /// A program gave up.
    Fatal,
    /// A program could not do something.
    Error,
    /// A program complains, or says what it would have refused.
    Warning,
    /// A program refused a client, a command or a mail.
    Reject,
    /// Something was tried and did not succeed: a delivery, a connection, a login.
    Failure,
    /// A line of unknown shape that has one of the words.
    Unclassified,
}

impl Problem {
    /// Returns the name: `panic`, `fatal`, `error`, `warning`, `reject`, `failure`, `unclassified`.
    pub fn name(self) -> &'static str {
        match self {
            Problem::Panic => "panic",
            Problem::Fatal => "fatal",
            Problem::Error => "error",
            Problem::Warning => "warning",
            Problem::Reject => "reject",
            Problem::Failure => "failure",
            Problem::Unclassified => "unclassified",
        }
    }

    /// Tells what a line of ours says went wrong; `None` when nothing did.
    pub fn of(event: &Result<Event<'_>, Reason>, message: &[u8]) -> Option<Self> {
        match event {
            Ok(Event::Postfix(event)) => of_postfix(event, message),
            Ok(Event::Dovecot(event)) => of_dovecot(event, message),
            Ok(Event::Companion(event)) => of_companion(event, message),
            // Lines were lost.
            Ok(Event::Logger(logger::Event::RateLimit(_))) => Some(Problem::Warning),
            Ok(Event::Logger(_)) => None,
            Err(_) => {
                let words: [&[u8]; 5] = [b"reject", b"warning", b"error", b"fatal", b"panic"];
                let has = |word: &&[u8]| find(message, word).is_some();
                words.iter().any(has).then_some(Problem::Unclassified)
            }
        }
    }
}

fn of_postfix(event: &postfix::Event<'_>, message: &[u8]) -> Option<Problem> {
    use postfix::Event as E;
    let failed = match event {
        // What a client said may begin with any word.
        E::Debug(_) => return None,
        E::Delivery(delivery) => {
            matches!(
                delivery.status,
                b"deferred"
                    | b"bounced"
                    | b"SOFTBOUNCE"
                    | b"undeliverable"
                    | b"undeliverable-but-not-cached"
            )
        }
        E::SmtpdHangup(_) | E::SmtpdTlsRequiredAbort(_) => return Some(Problem::Reject),
        // Also without the word: `cannot load …: disabling TLS support`.
        E::CleanupMapProblem(_) | E::TlsConfigWarning(_) => return Some(Problem::Warning),
        E::Tlsrpt(report) => report.status != b"success",
        E::BounceServiceFailed(_)
        | E::QmgrExpired(_)
        | E::QmqpdError(_)
        | E::SmtpConnectFailed(_)
        | E::SmtpHostSkip(_)
        | E::SmtpdTooManyErrors(_)
        | E::TlsCertVerifyFailed(_)
        | E::TlsHandshakeError(_)
        | E::TlsproxyHandshakeFailed(_) => true,
        _ => false,
    };
    if failed {
        Some(Problem::Failure)
    } else {
        leading_word(message)
    }
}

/// Reads the word that Postfix begins a message with, or writes behind the queue id.
fn leading_word(message: &[u8]) -> Option<Problem> {
    let (word, rest) = split_once(message, b": ")?;
    by_word(word).or_else(|| {
        let is_id = word == b"NOQUEUE" || is_queue_id(word);
        let (word, _) = split_once(rest, b": ").filter(|_| is_id)?;
        by_word(word)
    })
}

fn by_word(word: &[u8]) -> Option<Problem> {
    Some(match word {
        b"panic" => Problem::Panic,
        b"fatal" => Problem::Fatal,
        b"error" => Problem::Error,
        b"warning" | b"reject_warning" | b"milter-header-warning" => Problem::Warning,
        b"reject" | b"milter-reject" | b"milter-header-reject" | b"proxy-reject" => Problem::Reject,
        _ => return None,
    })
}

fn of_dovecot(event: &dovecot::Event<'_>, message: &[u8]) -> Option<Problem> {
    use dovecot::Event as E;
    let failed = match event {
        // They may hold any word.
        E::Debug(_) | E::Continued(_) => return None,
        E::Panic(_) => return Some(Problem::Panic),
        E::SieveRejected(_) => return Some(Problem::Reject),
        E::AuthError(error) => return by_severity(error.severity),
        E::LoginError(error) => return by_severity(error.severity),
        E::GenericError(error) => return by_severity(error.severity),
        E::LoginAborted(aborted) => is_failed(aborted.reason) || aborted_in_tls(aborted.secured),
        E::AuthPolicy(auth::Policy { action, .. }) => *action == Some(b"refused"),
        E::SubmissionRelay(relay) => relay.result == "failed",
        E::LmtpProxied(proxied) => proxied.result != "sent",
        E::AuthFailure(_)
        | E::AuthTimeout(_)
        | E::DeliveryFailed(_)
        | E::LoginConnLimit(_)
        | E::LoginInternalFailure(_)
        | E::LoginPolicyRefused(_)
        | E::PamFailure(_)
        | E::ProxyFailed(_)
        | E::SieveRedirectFailed(_)
        | E::SieveScriptError(_)
        | E::SieveStoreFailed(_) => true,
        _ => false,
    };
    dovecot::complaint(message)
        .and_then(by_severity)
        .or(failed.then_some(Problem::Failure))
}

/// Tells whether a login did not come about although the client, or we, tried.
///
/// A client that asked for nothing, gave up or was refused the way it wanted to log in is common
/// on any server that faces the Internet; only refused credentials and troubles of our own count.
fn is_failed(reason: AbortReason) -> bool {
    use AbortReason as R;
    reason.is_failed_login()
        || matches!(
            reason,
            R::AuthProcessCommFail
                | R::TempFail
                | R::AuthProcessNotReady
                | R::ProxyDestConnectFailed
                | R::ProxyDestInternalFailure
                | R::ProxyDestRemoteFailure
                | R::ProxyDestProtocolFailure
                | R::ProxyDestAuthTempFailed
                | R::ProxyDestConnectionLimit
                | R::ConnectionLimit
                | R::InternalFailure
                | R::ProcessFull
        )
}

/// `TLS handshaking: SSL_accept() failed: error:…`
fn aborted_in_tls(secured: Option<&[u8]>) -> bool {
    let failed = |secured| find(secured, b"failed: ").is_some();
    secured.is_some_and(failed)
}

fn by_severity(severity: &'static str) -> Option<Problem> {
    by_word(severity.as_bytes())
}

fn of_companion(event: &companion::Event<'_>, message: &[u8]) -> Option<Problem> {
    use companion::Event as E;
    match event {
        E::AmavisWarning(_) => Some(Problem::Warning),
        E::AmavisForwarded(forwarded) => forwarded.level.map(|_| Problem::Failure),
        E::OpendkimSsl(_) | E::SaslauthdFailure(_) => Some(Problem::Failure),
        E::PolicydSpfResult(result) => (result.action == b"reject").then_some(Problem::Reject),
        E::RspamdResult(verdict) => {
            let is_reject = |action: &[u8]| action == b"reject" || action == b"soft reject";
            verdict
                .action
                .is_some_and(is_reject)
                .then_some(Problem::Reject)
        }
        E::MtaStsPolicy(policy) => by_level(policy.level),
        E::PostsrsdNotRewritten(line) => line.severity.and_then(|word| by_level(word.as_bytes())),
        E::PostgreyMisc(_) => split_once(message, b": ").and_then(|(word, _)| by_level(word)),
        _ => None,
    }
}

/// Levels of programs that write them in their own way.
fn by_level(level: &[u8]) -> Option<Problem> {
    Some(match level {
        b"FATAL" | b"CRITICAL" => Problem::Fatal,
        b"ERROR" | b"error" => Problem::Error,
        b"WARNING" | b"warn" => Problem::Warning,
        _ => return None,
    })
}
