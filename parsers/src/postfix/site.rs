//! What a site says about its own texts: names for reasons, and how its rule ids look.
//!
//! A mail server's owner knows wordings that no table has: the replies of partners, the ids in his
//! own access maps. A program that reads his configuration hands the answers in here, once and
//! before the first line is parsed, as a program sets up its logger; all that parses lines then
//! agrees. Without it the tables of [`reason`](super::reason) and [`rule`](super::rule) decide.

use std::sync::OnceLock;

/// A site's own answers, asked before the built-in tables.
pub trait Site: Send + Sync {
    /// Names the reason of a delivery that failed, by the whole text in the parentheses.
    fn reason(&self, text: &[u8]) -> Option<&'static str>;

    /// Finds the id of the site's own rule in the words of a refusal or of a content rule.
    fn rule_id<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]>;
}

static SITE: OnceLock<Box<dyn Site>> = OnceLock::new();

/// Sets the site's answers for this process; returns whether they are the first.
///
/// Later calls change nothing: lines parsed before and after would not agree.
pub fn set(site: Box<dyn Site>) -> bool {
    SITE.set(site).is_ok()
}

pub(super) fn reason(text: &[u8]) -> Option<&'static str> {
    SITE.get()?.reason(text)
}

pub(super) fn rule_id(text: &[u8]) -> Option<&[u8]> {
    SITE.get()?.rule_id(text)
}
