//! What milters, policy services and content filters decided.

use mailtally_parsers::companion::Event as Companion;
use mailtally_parsers::{Program, Record};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::counts::Counts;
use super::super::finish;
use super::super::symbols::{Renumbering, Symbol, Symbols, key};

key! {
    struct Verdict { program: &'static str, verdict: Symbol, detail: Option<Symbol> }
}

/// Counts verdicts.
#[derive(Clone, Default)]
pub(crate) struct Verdicts(Counts<Verdict>);

impl Verdicts {
    pub(crate) fn line(
        &mut self,
        record: &Record<'_>,
        event: &Companion<'_>,
        symbols: &mut Symbols,
    ) {
        let Some((verdict, detail)) = verdict(event) else {
            return;
        };
        let program = record
            .tag
            .program
            .number()
            .map_or("other", Program::name_of);
        let key = Verdict {
            program,
            verdict: symbols.intern(verdict),
            detail: detail.map(|detail| symbols.intern(detail)),
        };
        self.0.add(key, 1);
    }

    pub(crate) fn merge(&mut self, later: Verdicts, numbers: &Renumbering) {
        self.0.merge(later.0, numbers);
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> Vec<VerdictRow> {
        let row = |(key, count): (&Verdict, u64)| VerdictRow {
            program: key.program,
            verdict: symbols.text(key.verdict),
            detail: key.detail.map(|detail| symbols.text(detail)),
            count,
        };
        finish::sorted(self.0.iter().map(row), |row| row.count)
    }
}

/// The verdict of a line, and what it was about; `None` for lines that decide nothing.
fn verdict<'a>(event: &Companion<'a>) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    Some(match event {
        Companion::AmavisResult(event) => (event.result, Some(event.category)),
        Companion::RspamdResult(event) => (event.action?, None),
        // The line before it (`clean message`) says the same once more.
        Companion::SpamdResult(event) => match event.verdict {
            b"Y" => (&b"spam"[..], None),
            _ => (&b"clean"[..], None),
        },
        Companion::OpendkimSigned(_) => (b"signed", None),
        Companion::OpendkimVerified(_) => (b"verified", None),
        Companion::OpendkimBad(event) => (event.what, None),
        Companion::OpendkimSsl(_) => (b"bad signature", Some(b"SSL error")),
        Companion::OpendkimNoSign(event) => (b"not signed", Some(event.reason.as_bytes())),
        Companion::OpendmarcResult(event) => (event.result, None),
        Companion::PolicydSpfResult(event) => {
            (event.answer.facts().result.unwrap_or(event.action), None)
        }
        Companion::PolicySpfAction(event) => (event.result.unwrap_or(event.action), None),
        Companion::PolicydWeightAction(event) => (event.action, None),
        Companion::PostgreyAction(event) => (event.action, Some(event.reason)),
        Companion::ClamavMilterResult(event) => match event.virus {
            Some(virus) => (&b"infected"[..], Some(virus)),
            None => (&b"clean"[..], None),
        },
        Companion::ClamdFound(event) => (b"infected", Some(event.virus)),
        Companion::SaslauthdFailure(_) => (b"login failed", None),
        Companion::SaslauthdSuccess(_) => (b"logged in", None),
        _ => return None,
    })
}

/// Verdicts of one program that agree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct VerdictRow {
    /// The milter, policy service or filter.
    pub program: &'static str,
    /// What it decided, in its words: `reject`, `Passed`, `pass`, `greylist`, …
    pub verdict: String,
    /// What about, in its words: amavis' category, postgrey's reason, the virus.
    pub detail: Option<String>,
    /// How many.
    pub count: u64,
}
