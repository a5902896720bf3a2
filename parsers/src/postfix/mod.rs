//! The lines of Postfix: one file per daemon, dispatch on the daemon's name.

pub mod access;
pub mod anvil;
pub mod bounce;
pub mod cleanup;
pub mod delivery;
pub mod dnsblog;
pub mod families;
mod generic;
pub mod local;
pub mod master;
pub mod mention;
pub mod milter;
pub mod notices;
pub mod pickup;
pub mod postscreen;
pub mod qmgr;
pub mod qmqpd;
mod queue_tools;
pub mod reason;
pub mod reply;
pub mod rule;
pub mod ruling;
pub mod scache;
pub mod script;
pub mod services;
mod shape;
pub mod site;
pub mod smtp;
pub mod smtpd;
pub mod tls;
pub mod tlsproxy;

use crate::fields::events;
use crate::{Class, Daemon, Reason};

pub use crate::scan::{Client, Peer};
pub use generic::{Debug, GenericError, GenericFatal, GenericPanic, GenericWarning};
pub use queue_tools::{Postmap, Postqueue, Postsuper};

events! {
    /// An event logged by Postfix.
    pub enum Event<'a> {
        // smtpd
        SmtpdConnect(smtpd::Connect<'a>) = "smtpd_connect",
        SmtpdDisconnect(smtpd::Disconnect<'a>) = "smtpd_disconnect",
        SmtpdLostConnection(smtpd::SessionError<'a>) = "smtpd_lost_connection",
        SmtpdTimeout(smtpd::SessionError<'a>) = "smtpd_timeout",
        SmtpdTooManyErrors(smtpd::SessionError<'a>) = "smtpd_too_many_errors",
        SmtpdClient(smtpd::ClientLine<'a>) = "smtpd_client",
        SmtpdTlsRequiredAbort(smtpd::TlsRequiredAbort<'a>) = "smtpd_tls_required_abort",
        SmtpdPipelining(smtpd::Pipelining<'a>) = "smtpd_pipelining",
        SmtpdBareLf(smtpd::BareLf<'a>) = "smtpd_bare_lf",
        SmtpdEhloDiscard(smtpd::EhloDiscard<'a>) = "smtpd_ehlo_discard",
        SmtpdCommandFilter(smtpd::CommandFilter<'a>) = "smtpd_command_filter",
        SmtpdReplyFilter(smtpd::ReplyFilter<'a>) = "smtpd_reply_filter",
        SmtpdTableChanged(smtpd::TableChanged<'a>) = "smtpd_table_changed",
        SmtpdAddressFamilySkipped(smtpd::AddressFamilySkipped<'a>) = "smtpd_af_skip",
        SmtpdDsnMap(smtpd::DsnMap<'a>) = "smtpd_dsn_map",
        SmtpdProxyResult(smtpd::ProxyResult<'a>) = "smtpd_proxy_result",
        SaslAuthFailed(smtpd::SaslFailed<'a>) = "sasl_auth_failed",
        SaslAuthAborted(smtpd::SaslAborted<'a>) = "sasl_auth_aborted",
        RateConnCount(smtpd::RateLimit<'a>) = "rate_conn_count",
        RateConnRate(smtpd::RateLimit<'a>) = "rate_conn_rate",
        RateMail(smtpd::RateLimit<'a>) = "rate_mail",
        RateRcpt(smtpd::RateLimit<'a>) = "rate_rcpt",
        RateAuth(smtpd::RateLimit<'a>) = "rate_auth",
        RateNewTls(smtpd::RateLimit<'a>) = "rate_newtls",
        WrapperDropped(smtpd::WrapperDropped<'a>) = "wrapper_dropped",
        RdnsMismatch(smtpd::RdnsMismatch<'a>) = "rdns_mismatch",
        IllegalAddress(smtpd::IllegalAddress<'a>) = "illegal_address",
        NonSmtpCommand(smtpd::NonSmtpCommand<'a>) = "non_smtp_command",
        LongRequest(smtpd::LongRequest<'a>) = "long_request",
        BdatError(smtpd::BdatError<'a>) = "bdat_error",
        QueueFileSize(smtpd::QueueFileSize<'a>) = "queue_file_size",
        NoSpace(smtpd::NoSpace<'a>) = "no_space",
        Etrn(smtpd::Etrn<'a>) = "etrn",
        ProxyFilter(smtpd::ProxyFilter<'a>) = "proxy_filter",
        DnsLookup(smtpd::DnsLookup<'a>) = "dns_lookup",
        AccessConfig(smtpd::AccessConfig<'a>) = "access_config",
        EhloLookup(smtpd::EhloLookup<'a>) = "ehlo_lookup",
        VerifyService(smtpd::VerifyService<'a>) = "verify_service",
        Haproxy(smtpd::Haproxy<'a>) = "haproxy",
        PolicyConn(smtpd::PolicyConn<'a>) = "policy_conn",
        TlsPolicy(smtpd::TlsPolicy<'a>) = "tls_policy",
        PostmasterNotify(smtpd::PostmasterNotify<'a>) = "postmaster_notify",
        SmtpdMisc(smtpd::Misc<'a>) = "smtpd_misc",
        // access policy
        SmtpdReject(access::Reject<'a>) = "smtpd_reject",
        SmtpdRejectWarning(access::Reject<'a>) = "smtpd_reject_warning",
        SmtpdLocalDataError(access::LocalDataError<'a>) = "smtpd_local_data_error",
        SmtpdPermit(access::Permit<'a>) = "smtpd_permit",
        SmtpdHold(access::Trigger<'a>) = "smtpd_hold",
        SmtpdDiscard(access::Trigger<'a>) = "smtpd_discard",
        SmtpdFilter(access::Trigger<'a>) = "smtpd_filter",
        SmtpdRedirect(access::Trigger<'a>) = "smtpd_redirect",
        SmtpdBcc(access::Trigger<'a>) = "smtpd_bcc",
        SmtpdDelay(access::Trigger<'a>) = "smtpd_delay",
        SmtpdWarn(access::Note<'a>) = "smtpd_warn",
        SmtpdInfo(access::Note<'a>) = "smtpd_info",
        SmtpdHangup(access::Note<'a>) = "smtpd_hangup",
        // milters, as smtpd and cleanup log them
        MilterAction(milter::Action<'a>) = "milter_action",
        MilterHeaderCheck(milter::HeaderCheck<'a>) = "milter_header_check",
        MilterWarning(milter::Warning<'a>) = "milter_warning",
        // cleanup
        CleanupMessageId(cleanup::MessageId<'a>) = "cleanup_message_id",
        CleanupResentMessageId(cleanup::MessageId<'a>) = "cleanup_resent_message_id",
        CleanupCheck(cleanup::Check<'a>) = "cleanup_check",
        CleanupMimeError(cleanup::MimeError<'a>) = "cleanup_mime_error",
        CleanupRemoved(cleanup::Removed<'a>) = "cleanup_removed",
        CleanupMapProblem(cleanup::MapProblem<'a>) = "cleanup_map_problem",
        CleanupTooManyHops(cleanup::TooManyHops<'a>) = "cleanup_too_many_hops",
        CleanupMisc(cleanup::Misc<'a>) = "cleanup_misc",
        ClockSkew(cleanup::ClockSkew<'a>) = "clock_skew",
        // qmgr
        QmgrActive(qmgr::Active<'a>) = "qmgr_active",
        QmgrRemoved(qmgr::Removed<'a>) = "qmgr_removed",
        QmgrExpired(qmgr::Expired<'a>) = "qmgr_expired",
        QmgrSkipped(qmgr::Skipped<'a>) = "qmgr_skipped",
        QmgrVerp(qmgr::Verp<'a>) = "qmgr_verp",
        QmgrFeedback(qmgr::Feedback<'a>) = "qmgr_feedback",
        QmgrClogWarning(qmgr::ClogWarning<'a>) = "qmgr_clog_warning",
        QmgrTransportProblem(qmgr::TransportProblem<'a>) = "qmgr_transport_problem",
        QmgrCorrupt(qmgr::Corrupt<'a>) = "qmgr_corrupt",
        QmgrParam(qmgr::Param<'a>) = "qmgr_param",
        // pickup, sendmail, postdrop
        Pickup(pickup::Pickup<'a>) = "pickup",
        PickupWarning(pickup::Warning<'a>) = "pickup_warning",
        Sendmail(pickup::Sendmail<'a>) = "sendmail",
        Postdrop(pickup::Postdrop<'a>) = "postdrop",
        // bounce
        BounceSenderNdn(bounce::Notification<'a>) = "bounce_sender_ndn",
        BouncePostmasterNdn(bounce::Notification<'a>) = "bounce_postmaster_ndn",
        BounceSenderDelay(bounce::Notification<'a>) = "bounce_sender_delay",
        BouncePostmasterDelay(bounce::Notification<'a>) = "bounce_postmaster_delay",
        BounceSenderDsn(bounce::Notification<'a>) = "bounce_sender_dsn",
        BounceTraceSkipped(bounce::TraceSkipped<'a>) = "bounce_trace_skipped",
        BounceWarning(bounce::Warning<'a>) = "bounce_warning",
        // delivery agents
        Delivery(delivery::Delivery<'a>) = "delivery",
        DeliveryPassed(delivery::Passed<'a>) = "delivery_passed",
        BounceServiceFailed(delivery::BounceServiceFailed<'a>) = "bounce_service_failed",
        DeliveryServiceWarning(delivery::ServiceWarning<'a>) = "delivery_service_warning",
        // smtp and lmtp
        SmtpConnectFailed(smtp::ConnectFailed<'a>) = "smtp_connect_failed",
        SmtpHostSkip(smtp::HostSkip<'a>) = "smtp_host_skip",
        SmtpPix(smtp::Pix<'a>) = "smtp_pix",
        SmtpHeaderCheck(smtp::HeaderCheck<'a>) = "smtp_header_check",
        SmtpReplyFilter(smtp::ReplyFilter<'a>) = "smtp_reply_filter",
        SmtpNo8bitmime(smtp::No8bitmime<'a>) = "smtp_no_8bitmime",
        SmtpLineBreak(smtp::LineBreak<'a>) = "smtp_line_break",
        SmtpRequiretlsInfo(smtp::RequiretlsInfo<'a>) = "smtp_requiretls_info",
        SmtpStarttlsOffered(smtp::StarttlsOffered<'a>) = "smtp_starttls_offered",
        SmtpSrvSkip(smtp::SrvSkip<'a>) = "smtp_srv_skip",
        SmtpWrapperHint(smtp::WrapperHint<'a>) = "smtp_wrapper_hint",
        SmtpDefaultLevel(smtp::DefaultLevel<'a>) = "smtp_default_level",
        SmtpAddrList(smtp::AddrList<'a>) = "smtp_addr_list",
        SmtpWarning(smtp::Warning<'a>) = "smtp_warning",
        Tlsrpt(smtp::Tlsrpt<'a>) = "tlsrpt",
        // local, virtual, pipe
        LocalWarning(local::LocalWarning<'a>) = "local_warning",
        VirtualWarning(local::VirtualWarning<'a>) = "virtual_warning",
        PipeWarning(local::PipeWarning<'a>) = "pipe_warning",
        // TLS, as smtpd, smtp, lmtp and tlsproxy log it
        TlsConnection(tls::Connection<'a>) = "tls_connection",
        TlsHandshakeError(tls::HandshakeError<'a>) = "tls_handshake_error",
        TlsLibraryProblem(tls::LibraryProblem<'a>) = "tls_library_problem",
        TlsCertVerifyFailed(tls::CertVerifyFailed<'a>) = "tls_cert_verify_failed",
        TlsPeerCert(tls::PeerCert<'a>) = "tls_peer_cert",
        TlsSessionUntrusted(tls::SessionUntrusted<'a>) = "tls_session_untrusted",
        TlsSetup(tls::Setup<'a>) = "tls_setup",
        TlsSessionReuse(tls::SessionReuse<'a>) = "tls_session_reuse",
        TlsSniUnmatched(tls::SniUnmatched<'a>) = "tls_sni_unmatched",
        DaneProblem(tls::DaneProblem<'a>) = "dane_problem",
        DaneMatch(tls::DaneMatch<'a>) = "dane_match",
        DnssecProbe(tls::DnssecProbe<'a>) = "dnssec_probe",
        TlsConfigWarning(tls::ConfigWarning<'a>) = "tls_config_warning",
        TlsTrace(tls::Trace<'a>) = "tls_trace",
        TlsDebug(tls::DebugLine<'a>) = "tls_debug",
        // tlsproxy, tlsmgr
        TlsproxyConnect(tlsproxy::Connect<'a>) = "tlsproxy_connect",
        TlsproxyDisconnect(tlsproxy::Disconnect<'a>) = "tlsproxy_disconnect",
        TlsproxyHandshakeFailed(tlsproxy::HandshakeFailed<'a>) = "tlsproxy_handshake_failed",
        TlsproxyWarning(tlsproxy::Warning<'a>) = "tlsproxy_warning",
        Tlsmgr(tlsproxy::Tlsmgr<'a>) = "tlsmgr",
        // postscreen, dnsblog
        PscConnect(postscreen::Connect<'a>) = "psc_connect",
        PscPassNew(postscreen::PassNew<'a>) = "psc_pass_new",
        PscPassOld(postscreen::PassOld<'a>) = "psc_pass_old",
        PscAllowlisted(postscreen::Allowlisted<'a>) = "psc_allowlisted",
        PscDenylisted(postscreen::Denylisted<'a>) = "psc_denylisted",
        PscAllowlistVeto(postscreen::AllowlistVeto<'a>) = "psc_allowlist_veto",
        PscDnsblRank(postscreen::DnsblRank<'a>) = "psc_dnsbl_rank",
        PscPregreet(postscreen::Pregreet<'a>) = "psc_pregreet",
        PscHangup(postscreen::Hangup<'a>) = "psc_hangup",
        PscBareNewline(postscreen::BareNewline<'a>) = "psc_bare_newline",
        PscPipelining(postscreen::Pipelining<'a>) = "psc_pipelining",
        PscNonSmtp(postscreen::NonSmtp<'a>) = "psc_non_smtp",
        PscCmdTimeLimit(postscreen::CommandLimit<'a>) = "psc_cmd_time_limit",
        PscCmdCountLimit(postscreen::CommandLimit<'a>) = "psc_cmd_count_limit",
        PscCmdLengthLimit(postscreen::CommandLimit<'a>) = "psc_cmd_length_limit",
        PscDataWithoutRcpt(postscreen::DataWithoutRcpt<'a>) = "psc_data_without_rcpt",
        PscRejectRcpt(postscreen::RejectRcpt<'a>) = "psc_reject_rcpt",
        PscRejectConnect(postscreen::RejectConnect<'a>) = "psc_reject_connect",
        PscScreeningBusy(postscreen::ScreeningBusy<'a>) = "psc_screening_busy",
        PscDisconnect(postscreen::Disconnect<'a>) = "psc_disconnect",
        PscStress(postscreen::Stress<'a>) = "psc_stress",
        PscEhloDiscard(postscreen::EhloDiscard<'a>) = "psc_ehlo_discard",
        PscCommandFilter(postscreen::CommandFilter<'a>) = "psc_command_filter",
        PscPenalty(postscreen::Penalty<'a>) = "psc_penalty",
        PscCompat(postscreen::Compat<'a>) = "psc_compat",
        PscWarning(postscreen::Warning<'a>) = "psc_warning",
        CacheCleanup(scache::CacheCleanup<'a>) = "cache_cleanup",
        DnsblogListed(dnsblog::Listed<'a>) = "dnsblog_listed",
        DnsblogWarning(dnsblog::Warning<'a>) = "dnsblog_warning",
        // anvil, scache, verify
        AnvilRate(anvil::Rate<'a>) = "anvil_rate",
        AnvilCount(anvil::Count<'a>) = "anvil_count",
        AnvilCache(anvil::Cache<'a>) = "anvil_cache",
        ScacheStats(scache::Stats<'a>) = "scache_stats",
        Verify(scache::Verify<'a>) = "verify",
        // qmqpd
        QmqpdConnect(qmqpd::Connect<'a>) = "qmqpd_connect",
        QmqpdClient(qmqpd::ClientLine<'a>) = "qmqpd_client",
        QmqpdDisconnect(qmqpd::Disconnect<'a>) = "qmqpd_disconnect",
        QmqpdError(qmqpd::SessionError<'a>) = "qmqpd_error",
        // smaller services
        Flush(services::Flush<'a>) = "flush",
        Proxymap(services::Proxymap<'a>) = "proxymap",
        TrivialRewrite(services::TrivialRewrite<'a>) = "trivial_rewrite",
        Showq(services::Showq<'a>) = "showq",
        Spawn(services::Spawn<'a>) = "spawn",
        Postlogd(services::Postlogd<'a>) = "postlogd",
        NbdbReindexd(services::NbdbReindexd<'a>) = "nbdb_reindexd",
        // master, postfix-script, commands
        MasterStart(master::Start<'a>) = "master_start",
        MasterReload(master::Reload<'a>) = "master_reload",
        MasterExit(master::Exit<'a>) = "master_exit",
        ProcessExit(master::ProcessExit<'a>) = "process_exit",
        ProcessKilled(master::ProcessKilled<'a>) = "process_killed",
        ProcessThrottled(master::ProcessThrottled<'a>) = "process_throttled",
        ProcessLimit(master::ProcessLimit<'a>) = "process_limit",
        MasterConfig(master::Config<'a>) = "master_config",
        MasterMisc(master::Misc<'a>) = "master_misc",
        PostfixScript(script::Script<'a>) = "postfix_script",
        PostfixCompat(script::Compat<'a>) = "postfix_compat",
        Postsuper(Postsuper<'a>) = "postsuper",
        Postqueue(Postqueue<'a>) = "postqueue",
        Postmap(Postmap<'a>) = "postmap",
        // any daemon
        CompatUse(notices::CompatUse<'a>) = "compat_use",
        AcceptError(notices::AcceptError<'a>) = "accept_error",
        Watchdog(notices::Watchdog) = "watchdog",
        ErrorLimit(notices::ErrorLimit) = "error_limit",
        LmdbResize(notices::LmdbResize<'a>) = "lmdb_resize",
        DnsFilter(notices::DnsFilter<'a>) = "dns_filter",
        Bdb(notices::Bdb<'a>) = "bdb",
        Nfs(notices::Nfs<'a>) = "nfs",
        Egd(notices::Egd<'a>) = "egd",
        Notls(notices::Notls) = "notls",
        TlsPaths(notices::TlsPaths) = "tls_paths",
        DebugCmd(notices::DebugCmd<'a>) = "debug_cmd",
        Ldap(notices::Ldap<'a>) = "ldap",
        Vmap(notices::Vmap<'a>) = "vmap",
        NbdbRedirect(notices::NbdbRedirect<'a>) = "nbdb_redirect",
        ServiceConnect(families::ServiceConnect<'a>) = "service_connect",
        AttrProtocol(families::AttrProtocol<'a>) = "attr_protocol",
        TableStale(families::TableStale<'a>) = "table_stale",
        TableOpen(families::TableOpen<'a>) = "table_open",
        TableLookup(families::TableLookup<'a>) = "table_lookup",
        TableEntry(families::TableEntry<'a>) = "table_entry",
        Config(families::Config<'a>) = "config",
        Resources(families::Resources<'a>) = "resources",
        DnsData(families::DnsData<'a>) = "dns_data",
        SaslLib(families::SaslLib<'a>) = "sasl_lib",
        GenericWarning(GenericWarning<'a>) = "generic_warning",
        GenericError(GenericError<'a>) = "generic_error",
        GenericFatal(GenericFatal<'a>) = "generic_fatal",
        GenericPanic(GenericPanic<'a>) = "generic_panic",
        Debug(Debug<'a>) = "debug",
    }
}

impl Event<'_> {
    /// Tells how far the line was understood.
    pub fn class(&self) -> Class {
        match self {
            Event::GenericWarning(GenericWarning { class: None, .. })
            | Event::GenericError(_)
            | Event::GenericFatal(_)
            | Event::GenericPanic(_)
            | Event::Debug(_) => Class::Generic,
            _ => Class::Parsed,
        }
    }
}

/// What a daemon's parser returns.
pub(crate) type Parsed<'a> = Result<Event<'a>, Reason>;

/// Parses a message by the grammar of the daemon that logged it.
///
/// A text that the daemon's own grammar does not know, but that starts with a severity word, is a
/// generic event: known daemon and severity, unknown text.
#[inline(always)]
pub(crate) fn parse(daemon: Daemon, message: &[u8]) -> Parsed<'_> {
    // Events are large: one that is there is left in its place.
    let mut parsed = match daemon {
        Daemon::Smtpd => smtpd::parse(message),
        Daemon::Qmgr => qmgr::parse(message),
        Daemon::Cleanup => cleanup::parse(message),
        Daemon::Smtp | Daemon::Lmtp => smtp::parse(message),
        _ => of_rarer_daemon(daemon, message),
    };
    if parsed.is_err()
        && let Some(event) = shared(message)
    {
        parsed = Ok(event);
    }
    parsed
}

/// Parses a message by the own grammar of a daemon that logs less than others.
#[inline(never)]
fn of_rarer_daemon(daemon: Daemon, message: &[u8]) -> Parsed<'_> {
    if let Some(connection) = tls::established(message) {
        return Ok(Event::TlsConnection(connection));
    }
    match daemon {
        Daemon::Pickup => pickup::parse(message),
        Daemon::Bounce => bounce::parse(message),
        Daemon::Sendmail => {
            pickup::parse_sendmail(message).or_else(|_| queue_tools::parse_postqueue(message))
        }
        Daemon::Postdrop => pickup::parse_postdrop(message),
        Daemon::Local => local::parse(message),
        Daemon::Virtual => local::parse_virtual(message),
        Daemon::Pipe => local::parse_pipe(message),
        Daemon::Error | Daemon::Discard => local::parse_error(message),
        Daemon::Postscreen => postscreen::parse(message),
        Daemon::Dnsblog => dnsblog::parse(message),
        Daemon::Tlsproxy => tlsproxy::parse(message),
        Daemon::Tlsmgr => tlsproxy::parse_tlsmgr(message),
        Daemon::Anvil => anvil::parse(message),
        Daemon::Verify => scache::parse_verify(message),
        Daemon::Scache => scache::parse(message),
        Daemon::Flush => services::parse_flush(message),
        Daemon::TrivialRewrite => services::parse_trivial_rewrite(message),
        Daemon::Proxymap | Daemon::Proxywrite => services::parse_proxymap(message),
        Daemon::Showq => services::parse_showq(message),
        Daemon::Spawn => services::parse_spawn(message),
        Daemon::Qmqpd => qmqpd::parse(message),
        Daemon::Master => master::parse(message),
        Daemon::Postlogd => services::parse_postlogd(message),
        Daemon::NbdbReindexd => services::parse_nbdb_reindexd(message),
        Daemon::PostfixScript | Daemon::PostfixCommand => script::parse(message),
        Daemon::Postsuper => queue_tools::parse_postsuper(message),
        Daemon::Postqueue => queue_tools::parse_postqueue(message),
        Daemon::Postmap | Daemon::Postalias => queue_tools::parse_postmap(message),
        _ => Err(Reason("postfix daemon")),
    }
}

/// Parses a line that more than one daemon can log.
#[cold]
fn shared(message: &[u8]) -> Option<Event<'_>> {
    tls::connection(message)
        .map(Event::TlsConnection)
        .or_else(|| delivery::parse_other(message))
        .or_else(|| smtpd::parse_shared(message))
        .or_else(|| generic::parse(message))
}

/// Parses a message whose tag was cut to `postfix`: the text's shape tells the kind.
pub(crate) fn parse_any(message: &[u8]) -> Parsed<'_> {
    shape::parse(message)
}
