//! What enhanced status codes mean, in a few words.
//!
//! Source: RFC 3463 and IANA's registry of SMTP Enhanced Status Codes. Servers use them as they like:
//! the text beside a code says more, and the class of a reason goes by that.

/// The codes without their first figure, which is 2 for success, 4 for now and 5 for good.
const CODES: &[(&str, &str)] = &[
    ("1.0", "other address status"),
    ("1.1", "no such mailbox"),
    ("1.2", "no such host or domain"),
    ("1.3", "bad address syntax"),
    ("1.4", "the address is ambiguous"),
    ("1.5", "the address is valid"),
    ("1.6", "the mailbox has moved"),
    ("1.7", "bad syntax of the sender's address"),
    ("1.8", "bad domain of the sender's address"),
    ("1.9", "delivered to a system that reports nothing"),
    ("1.10", "the domain takes no mail (null MX)"),
    ("2.0", "other mailbox status"),
    ("2.1", "the mailbox is disabled"),
    ("2.2", "the mailbox is full"),
    ("2.3", "the message is longer than the mailbox takes"),
    ("2.4", "the mailing list cannot be expanded"),
    ("3.0", "other status of the mail system"),
    ("3.1", "the mail system is full"),
    ("3.2", "the mail system takes no mail now"),
    ("3.3", "the mail system lacks a feature"),
    ("3.4", "the message is too big for the system"),
    ("3.5", "the system is configured wrong"),
    ("3.6", "the priority was changed"),
    ("4.0", "other network or routing status"),
    ("4.1", "no answer from the host"),
    ("4.2", "bad connection"),
    ("4.3", "the directory server failed"),
    ("4.4", "no route"),
    ("4.5", "the mail system is congested"),
    ("4.6", "a routing loop"),
    ("4.7", "the message expired"),
    ("5.0", "other protocol status"),
    ("5.1", "invalid command"),
    ("5.2", "syntax error"),
    ("5.3", "too many recipients"),
    ("5.4", "invalid command arguments"),
    ("5.5", "wrong protocol version"),
    ("5.6", "the authentication exchange line is too long"),
    ("6.0", "other content status"),
    ("6.1", "the medium is not supported"),
    ("6.2", "conversion is required and not allowed"),
    ("6.3", "conversion is required and not supported"),
    ("6.4", "converted, with losses"),
    ("6.5", "conversion failed"),
    ("6.6", "the message content is not available"),
    ("6.7", "the address needs SMTPUTF8"),
    ("6.8", "the reply needs SMTPUTF8"),
    ("6.9", "a header needs SMTPUTF8"),
    ("7.0", "other security or policy status"),
    ("7.1", "delivery is not authorised: refused"),
    ("7.2", "expanding the mailing list is not allowed"),
    ("7.3", "security conversion is required and not possible"),
    ("7.4", "a security feature is not supported"),
    ("7.5", "a cryptographic failure"),
    ("7.6", "the cryptographic algorithm is not supported"),
    ("7.7", "the message's integrity failed"),
    ("7.8", "wrong authentication credentials"),
    ("7.9", "the authentication mechanism is too weak"),
    ("7.10", "encryption is needed"),
    ("7.11", "encryption is required for the mechanism"),
    ("7.12", "a change of password is needed"),
    ("7.13", "the account is disabled"),
    ("7.14", "a trust relationship is required"),
    ("7.15", "the priority is too low"),
    ("7.16", "the message is too big for its priority"),
    ("7.17", "the mailbox's owner has changed"),
    ("7.18", "the domain's owner has changed"),
    ("7.19", "the test of RRVS cannot be done"),
    ("7.20", "no valid DKIM signature"),
    ("7.21", "no acceptable DKIM signature"),
    ("7.22", "no valid DKIM signature of the author"),
    ("7.23", "SPF says fail"),
    ("7.24", "SPF cannot be evaluated"),
    ("7.25", "the address has no reverse name that fits"),
    ("7.26", "several authentication checks failed"),
    ("7.27", "the sender's domain takes no mail (null MX)"),
    ("7.28", "too much mail at once"),
    ("7.29", "ARC says fail"),
    ("7.30", "REQUIRETLS is required"),
];

/// Says what an enhanced status code means: `5.1.1` is `no such mailbox`.
pub fn status_meaning(code: &str) -> Option<&'static str> {
    let (class, rest) = code.split_once('.')?;
    if !matches!(class, "2" | "4" | "5") {
        return None;
    }
    let known = CODES.iter().find(|(code, _)| *code == rest)?;
    Some(known.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_looked_up_whole() {
        assert_eq!(status_meaning("5.1.1"), Some("no such mailbox"));
        assert_eq!(status_meaning("4.4.1"), Some("no answer from the host"));
        assert_eq!(
            status_meaning("5.1.10"),
            Some("the domain takes no mail (null MX)")
        );
        for unknown in [
            "", "5", "5.1", "5.1.", "3.1.1", "5.1.11", "5.1.1.1", "x.1.1",
        ] {
            assert_eq!(status_meaning(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn each_code_is_there_once() {
        let mut codes: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
    }
}
