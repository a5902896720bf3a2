//! Refusals: by rule and by client.

use hashbrown::HashMap;
use mailtally_parsers::Family;
use rustc_hash::FxBuildHasher;

use super::counts::Counts;
use super::finish::{self, Scopes};
use super::symbols::{Renumbering, Symbol, Symbols, Word, key};
use super::totals::{RejectClientRow, RejectTotals, RuleRow};

key! {
    struct RuleKey found_by(rule) { rule: Symbol, class: Symbol, action: Word }
}

key! {
    struct ClientKey found_by(address, stage) { address: Option<Symbol>, stage: Word, code_class: Option<u8>, action: Word }
}

/// One refusal, as its line states it.
pub(crate) struct Refusal<'a> {
    /// The client's address, where the line has one.
    pub(crate) address: Option<&'a [u8]>,
    /// `connect`, `helo`, `mail`, `rcpt`, `data`, `end_of_message`, …
    pub(crate) stage: &'static str,
    /// 4 or 5.
    pub(crate) code_class: Option<u8>,
    /// `reject`, `reject_warning`, `hold`, `discard`, …
    pub(crate) action: &'static str,
    /// The site's own rule id.
    pub(crate) rule: Option<&'a [u8]>,
    /// The canonical class, with its detail (`dnsbl:zen.example`).
    pub(crate) class: (&'static str, Option<&'a [u8]>),
}

/// Counts refusals.
#[derive(Clone, Default)]
pub(crate) struct Rejects {
    rules: Counts<RuleKey>,
    clients: Counts<ClientKey>,
    scratch: Vec<u8>,
}

impl Rejects {
    /// Counts a refusal; returns the symbols of its rule and class.
    pub(crate) fn count(
        &mut self,
        refusal: &Refusal<'_>,
        symbols: &mut Symbols,
    ) -> (Symbol, Symbol) {
        self.scratch.clear();
        self.scratch.extend_from_slice(refusal.class.0.as_bytes());
        if let Some(detail) = refusal.class.1 {
            self.scratch.push(b':');
            self.scratch.extend_from_slice(detail);
        }
        let class = symbols.intern(&self.scratch);
        let rule = refusal.rule.map_or(class, |id| symbols.intern(id));
        let address = refusal.address.map(|address| symbols.intern(address));
        self.rules.add(
            RuleKey {
                rule,
                class,
                action: Word(refusal.action),
            },
            1,
        );
        let Refusal {
            stage,
            code_class,
            action,
            ..
        } = *refusal;
        self.clients.add(
            ClientKey {
                address,
                stage: Word(stage),
                code_class,
                action: Word(action),
            },
            1,
        );
        (rule, class)
    }

    pub(crate) fn merge(&mut self, later: Rejects, numbers: &Renumbering) {
        self.rules.merge(later.rules, numbers);
        self.clients.merge(later.clients, numbers);
    }

    /// Sums refusals with action `reject` by a property of their key.
    fn rejected(&self, is_counted: impl Fn(&ClientKey) -> bool) -> u64 {
        let is_reject = |key: &ClientKey| key.action.0 == "reject" && is_counted(key);
        self.clients
            .iter()
            .filter(|(key, _)| is_reject(key))
            .map(|(_, count)| count)
            .sum()
    }

    /// Refusals at RCPT: recipients refused.
    pub(crate) fn at_rcpt(&self) -> u64 {
        self.rejected(|key| key.stage.0 == "rcpt")
    }

    /// Refusals with a reply of this class (4 or 5).
    pub(crate) fn with_code_class(&self, class: u8) -> u64 {
        self.rejected(|key| key.code_class == Some(class))
    }

    /// Makes rows; without `lists` one row stands for all clients that a row has no other column
    /// for.
    pub(crate) fn finish(
        &self,
        symbols: &Symbols,
        scopes: &Scopes<'_>,
        lists: bool,
    ) -> RejectTotals {
        let rule = |(key, count): (&RuleKey, u64)| RuleRow {
            rule: symbols.text(key.rule),
            class: symbols.text(key.class),
            action: key.action.0.to_owned(),
            count,
        };
        let mut clients: HashMap<_, u64, FxBuildHasher> = HashMap::default();
        for (key, count) in self.clients.iter() {
            let nobody = (Family::Unknown, "outside");
            let (family, scope) = key.address.map_or(nobody, |address| scopes.of(address));
            let address = key.address.filter(|_| lists);
            let key = ClientKey { address, ..*key };
            *clients.entry((key, family, Word(scope))).or_insert(0) += count;
        }
        let client = |((key, family, client_scope), count): ((ClientKey, Family, Word), u64)| {
            RejectClientRow {
                address: key.address.map(|address| symbols.text(address)),
                family: family.name(),
                client_scope: client_scope.0,
                stage: key.stage.0,
                code_class: key.code_class,
                action: key.action.0,
                count,
            }
        };
        RejectTotals {
            by_rule: finish::sorted(self.rules.iter().map(rule), |row| row.count),
            by_client: finish::sorted(clients.into_iter().map(client), |row| row.count),
        }
    }
}
