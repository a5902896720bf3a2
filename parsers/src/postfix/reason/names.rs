//! The vocabulary: every canonical class of a reason or refusal, with what it means.

/// The canonical classes, sorted: name and meaning.
///
/// Deliveries that failed ([`super::classify`]) and refusals of our own servers
/// ([`rule::class`](crate::postfix::rule::class)) share these names: one thing has one name,
/// whichever side of the conversation logged it. Classes of content rules and milters, which only
/// our own side has, stand here too.
pub const CLASSES: &[(&str, &str)] = &[
    ("access-denied", "denied without a further reason"),
    (
        "access-rule",
        "an access table's hold, discard, redirect, …",
    ),
    ("auth-failed", "a login was refused"),
    ("auth-required", "mail is taken from logged-in clients only"),
    ("bad-address", "an address that cannot be one"),
    ("bare-lf", "lines that end without a carriage return"),
    (
        "blocked-by-provider",
        "the receiving provider blocks our address or domain, mostly for its reputation",
    ),
    ("body-check", "a body check"),
    (
        "client-rejected",
        "the client's name or address was refused",
    ),
    (
        "command-failed",
        "a delivery command failed, died or took too long",
    ),
    ("command-rejected", "an SMTP command was refused"),
    ("connection-failed", "no connection, for another reason"),
    ("connection-lost", "the server hung up"),
    ("connection-refused", "nothing listens at the server's port"),
    ("connection-timeout", "the server did not answer in time"),
    ("content-check", "a content check"),
    (
        "content-rejected",
        "the content or an attachment was refused",
    ),
    (
        "deferred-transport",
        "the operator holds this transport's mail back",
    ),
    ("dkim", "the DKIM signature is missing or wrong"),
    ("dmarc", "the DMARC policy of the sender's domain"),
    ("dns-failure", "the name service failed"),
    (
        "dns-not-found",
        "the name service has no such domain or host",
    ),
    (
        "dnsbl",
        "the client's address is on a blocklist; the detail names it",
    ),
    ("expired", "the mail had waited too long"),
    (
        "filter-unavailable",
        "a content filter, scanner or milter failed",
    ),
    ("greylist", "come again later: greylisting"),
    ("header-check", "a header check"),
    ("helo-invalid", "the HELO name cannot be one"),
    ("helo-not-found", "the HELO name is not in the DNS"),
    ("helo-not-fqdn", "the HELO name is not complete"),
    ("helo-rejected", "the HELO name was refused"),
    (
        "local-delivery",
        "the mailbox, its folder or its owner's files are not fit for delivery",
    ),
    (
        "local-error",
        "our own mail system failed or is misconfigured",
    ),
    (
        "local-service-down",
        "a service on this machine or socket could not be reached",
    ),
    ("login-rejected", "the login name was refused"),
    ("loop", "the mail goes in circles"),
    (
        "mailbox-unavailable",
        "the mailbox is busy or locked, for now",
    ),
    ("milter-discard", "a milter threw the mail away"),
    (
        "milter-header-check",
        "a check of headers that a milter added",
    ),
    ("milter-hold", "a milter put the mail on hold"),
    ("milter-reject", "a milter refused the mail"),
    ("mime-error", "the MIME structure is broken"),
    ("mime-header-check", "a check of a MIME header"),
    ("multi-recipient-bounce", "a bounce with several recipients"),
    (
        "no-reverse-dns",
        "the client's address has no name in the DNS",
    ),
    (
        "not-owned",
        "the sender address does not belong to the login",
    ),
    ("null-mx", "the domain says that it takes no mail"),
    ("other", "none of the others"),
    ("over-quota", "the mailbox is full"),
    (
        "pipelining",
        "commands were sent before they were asked for",
    ),
    ("policy", "the receiver's policy, without a further reason"),
    ("protocol-error", "one side broke the protocol"),
    ("proxy-reject", "a filter before the queue refused the mail"),
    (
        "rate-limited",
        "too many mails, connections or recipients in a time",
    ),
    (
        "recipient-disabled",
        "the mailbox exists but is disabled, suspended or inactive",
    ),
    (
        "recipient-domain-not-found",
        "the recipient's domain is not in the DNS",
    ),
    ("recipient-moved", "the recipient has another address now"),
    (
        "recipient-not-fqdn",
        "the recipient address is not complete",
    ),
    (
        "recipient-rejected",
        "the recipient was refused without a further reason",
    ),
    (
        "relay-denied",
        "the server does not take mail for this domain from us",
    ),
    (
        "sender-domain-not-found",
        "the sender's domain is not in the DNS",
    ),
    ("sender-not-fqdn", "the sender address is not complete"),
    ("sender-rejected", "the sender was refused"),
    ("server-error", "the server failed or is misconfigured"),
    (
        "service-unavailable",
        "the server is busy, closing or not in service",
    ),
    ("size", "the mail is too large"),
    ("smtputf8", "the address or header needs SMTPUTF8"),
    ("spam", "the content was taken for spam"),
    ("spf", "the SPF record of the sender's domain"),
    (
        "suspended",
        "not tried: earlier attempts to the same place failed",
    ),
    ("system-full", "the server has no room or memory left"),
    (
        "tls-failure",
        "TLS failed, or the server's certificate did not verify",
    ),
    ("tls-required", "TLS was demanded and not to be had"),
    ("too-many-recipients", "too many recipients in one mail"),
    (
        "transport-unavailable",
        "a delivery agent of ours could not be started",
    ),
    (
        "unauthenticated",
        "the sender's domain vouches for the mail by neither SPF nor DKIM",
    ),
    ("unknown-recipient", "there is no such mailbox"),
    ("unknown-sender", "the sender address does not exist"),
    ("unreachable", "no way to the server's network"),
    ("unverified", "an address could not be verified"),
    ("virus", "malware was found"),
];

/// Tells what a class means; `None` for names that a site made.
pub fn meaning(class: &str) -> Option<&'static str> {
    CLASSES
        .binary_search_by(|(name, _)| (*name).cmp(class))
        .ok()
        .and_then(|at| CLASSES.get(at))
        .map(|(_, meaning)| *meaning)
}
