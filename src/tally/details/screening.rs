//! What postscreen did with clients, and what DNS blocklists said of them.

use std::collections::{BTreeMap, BTreeSet};

use mailtally_parsers::postfix::{Client, Event as Postfix};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::by_symbol::SymbolCounts;
use super::super::counts::Counts;
use super::super::finish;
use super::super::symbols::{Renumbering, Symbol, Symbols, key};

key! {
    struct Action { action: &'static str, address: Symbol }
}

key! {
    struct Listed { list: Symbol, address: Symbol }
}

/// How many pairs of lists are shown, at most: with `n` lists there are `n²` of them.
const LISTS: usize = 50;

/// Counts actions and hits.
#[derive(Clone, Default)]
pub(crate) struct Screening {
    actions: Counts<Action>,
    ranks: Counts<u32>,
    hits: Counts<Listed>,
    /// Clients that smtpd refused, by the list that it named.
    named: Counts<Listed>,
    /// Clients that postscreen refused for being on lists.
    blocked: Counts<Symbol>,
}

impl Screening {
    /// Counts a line of postscreen or dnsblog.
    pub(crate) fn line(&mut self, event: &Postfix<'_>, symbols: &mut Symbols) {
        if let Postfix::DnsblogListed(event) = event {
            let key = Listed {
                list: symbols.intern(event.domain),
                address: symbols.intern(event.address),
            };
            self.hits.add(key, 1);
            return;
        }
        let Some(client) = client(event) else { return };
        if let Postfix::PscDnsblRank(event) = event {
            self.ranks.add(event.rank, 1);
        }
        let key = Action {
            action: event.kind().name(),
            address: symbols.intern(client.address),
        };
        self.actions.add(key, 1);
    }

    /// Counts a refusal for being on a blocklist.
    ///
    /// postscreen, which looks up no names, adds up several lists and may name none of them
    /// (`postscreen_dnsbl_reply_map`): which those are, dnsblog says.
    pub(crate) fn blocked(
        &mut self,
        client: Client<'_>,
        list: Option<&[u8]>,
        symbols: &mut Symbols,
    ) {
        let address = symbols.intern(client.address);
        match list {
            Some(list) if !client.name.is_empty() => {
                let list = symbols.intern(list);
                self.named.add(Listed { list, address }, 1);
            }
            _ => self.blocked.add(address, 1),
        }
    }

    pub(crate) fn merge(&mut self, later: Screening, numbers: &Renumbering) {
        self.actions.merge(later.actions, numbers);
        self.ranks.merge(later.ranks, numbers);
        self.hits.merge(later.hits, numbers);
        self.named.merge(later.named, numbers);
        self.blocked.merge(later.blocked, numbers);
    }

    /// Puts rows together; `accepted` tells from how many clients' mail was accepted.
    pub(crate) fn finish(&self, symbols: &Symbols, accepted: &SymbolCounts) -> ScreeningTotals {
        let mut actions: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
        for (key, count) in self.actions.iter() {
            let (lines, clients) = actions.entry(key.action).or_default();
            *lines += count;
            *clients += 1;
        }
        let action = |(action, (count, clients))| ScreeningRow {
            action,
            count,
            clients,
        };
        let mut ranks: Vec<RankRow> = self
            .ranks
            .iter()
            .map(|(&rank, count)| RankRow { rank, count })
            .collect();
        ranks.sort();
        ScreeningTotals {
            actions: finish::sorted(actions.into_iter().map(action), |row| row.count),
            ranks,
            lists: self.list_rows(symbols, accepted),
            overlaps: self.overlap_rows(symbols),
        }
    }

    /// The lists that each address is on.
    fn lists_by_address(&self) -> BTreeMap<Symbol, BTreeSet<Symbol>> {
        let mut lists: BTreeMap<Symbol, BTreeSet<Symbol>> = BTreeMap::new();
        for (key, _) in self.hits.iter().chain(self.named.iter()) {
            lists.entry(key.address).or_default().insert(key.list);
        }
        lists
    }

    fn list_rows(&self, symbols: &Symbols, accepted: &SymbolCounts) -> Vec<DnsblRow> {
        let mut rows: BTreeMap<Symbol, DnsblRow> = BTreeMap::new();
        for (key, hits, refusals) in self.hits_and_refusals() {
            let row = rows.entry(key.list).or_insert_with(|| DnsblRow {
                list: symbols.text(key.list),
                hits: 0,
                clients: 0,
                only_here: 0,
                refusals: 0,
                refused: 0,
                refused_only_here: 0,
                accepted: 0,
            });
            row.hits += hits;
            row.refusals += refusals;
        }
        for (address, lists) in self.lists_by_address() {
            let was = |action| self.actions.get(&Action { action, address }) > 0;
            let is_named = |list| self.named.get(&Listed { list, address }) > 0;
            let blocked = self.blocked.get(&address) > 0;
            let refused = was("psc_reject_rcpt") || was("psc_reject_connect") || blocked;
            for list in &lists {
                if let Some(row) = rows.get_mut(list) {
                    row.clients += 1;
                    let is_only_here = lists.len() == 1;
                    let is_named = is_named(*list);
                    row.only_here += u64::from(is_only_here);
                    row.refused += u64::from(refused || is_named);
                    row.refused_only_here += u64::from(is_only_here && (blocked || is_named));
                    row.accepted += u64::from(accepted.get(address) > 0);
                }
            }
        }
        finish::sorted(rows.into_values(), |row| row.hits.max(row.refusals))
    }

    /// For each client on a list: lines of dnsblog, and refusals of smtpd.
    fn hits_and_refusals(&self) -> impl Iterator<Item = (&Listed, u64, u64)> {
        let hits = self.hits.iter().map(|(key, count)| (key, count, 0));
        hits.chain(self.named.iter().map(|(key, count)| (key, 0, count)))
    }

    fn overlap_rows(&self, symbols: &Symbols) -> Vec<OverlapRow> {
        let mut pairs: BTreeMap<(String, String), u64> = BTreeMap::new();
        for lists in self.lists_by_address().into_values() {
            let mut names: Vec<String> = lists.into_iter().map(|list| symbols.text(list)).collect();
            names.sort();
            names.truncate(LISTS);
            for (at, list) in names.iter().enumerate() {
                for other in names.iter().skip(at + 1) {
                    *pairs.entry((list.clone(), other.clone())).or_insert(0) += 1;
                }
            }
        }
        let row = |((list, other), clients)| OverlapRow {
            list,
            other,
            clients,
        };
        finish::sorted(pairs.into_iter().map(row), |row| row.clients)
    }
}

/// The client of a line of postscreen.
fn client<'a>(event: &Postfix<'a>) -> Option<Client<'a>> {
    Some(match event {
        Postfix::PscConnect(event) => event.client,
        Postfix::PscPassNew(event) => event.client,
        Postfix::PscPassOld(event) => event.client,
        Postfix::PscAllowlisted(event) => event.client,
        Postfix::PscDenylisted(event) => event.client,
        Postfix::PscAllowlistVeto(event) => event.client,
        Postfix::PscDnsblRank(event) => event.client,
        Postfix::PscPregreet(event) => event.client,
        Postfix::PscHangup(event) => event.client,
        Postfix::PscBareNewline(event) => event.client,
        Postfix::PscPipelining(event) => event.client,
        Postfix::PscNonSmtp(event) => event.client,
        Postfix::PscCmdTimeLimit(event)
        | Postfix::PscCmdCountLimit(event)
        | Postfix::PscCmdLengthLimit(event) => event.client,
        Postfix::PscDataWithoutRcpt(event) => event.client,
        Postfix::PscRejectRcpt(event) => event.client,
        Postfix::PscRejectConnect(event) => event.client,
        Postfix::PscScreeningBusy(event) => event.client,
        Postfix::PscDisconnect(event) => event.client,
        _ => return None,
    })
}

/// What postscreen did, and what blocklists said.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct ScreeningTotals {
    /// Lines of postscreen by what they say of a client.
    pub actions: Vec<ScreeningRow>,
    /// Clients above the DNSBL threshold by rank, in order of rank.
    pub ranks: Vec<RankRow>,
    /// Blocklists.
    pub lists: Vec<DnsblRow>,
    /// Clients that two blocklists have in common.
    pub overlaps: Vec<OverlapRow>,
}

/// Lines of postscreen that say the same of a client.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct ScreeningRow {
    /// The kind of the line: `psc_connect`, `psc_pass_new`, `psc_dnsbl_rank`, …
    pub action: &'static str,
    /// How many lines.
    pub count: u64,
    /// How many clients.
    pub clients: u64,
}

/// Clients of one DNSBL rank.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct RankRow {
    /// The weighted sum of the lists that a client is on.
    pub rank: u32,
    /// How often.
    pub count: u64,
}

/// One blocklist.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct DnsblRow {
    /// The list's domain.
    pub list: String,
    /// Lines of dnsblog.
    pub hits: u64,
    /// Clients on it, as dnsblog or a refusal of smtpd says.
    pub clients: u64,
    /// Clients on no other list.
    pub only_here: u64,
    /// Refusals of smtpd that name it.
    pub refusals: u64,
    /// Clients on it that postscreen refused, or smtpd with its name.
    pub refused: u64,
    /// Clients that were refused for being on it and are on no other: without it they had been let
    /// in.
    pub refused_only_here: u64,
    /// Clients on it from which mail was accepted.
    pub accepted: u64,
}

/// Clients on two blocklists at once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct OverlapRow {
    /// A list's domain.
    pub list: String,
    /// Another list's domain.
    pub other: String,
    /// How many clients.
    pub clients: u64,
}
