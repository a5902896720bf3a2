//! Which rules ask for lines of a kind, so that no line is held against all of them.

use rustc_hash::FxHashMap;

use super::rule::{Rule, Selector};

/// What a selector's events are for a rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Part {
    /// They are counted for a sign.
    Sign(usize),
    /// What is counted for a sign is compared with them.
    Others(usize),
    /// They make the key a usual one.
    Usual,
    /// They raise the alert.
    Trigger,
}

impl Part {
    /// Tells whether an alert shows such lines.
    pub(super) fn is_shown(self) -> bool {
        matches!(self, Part::Sign(_) | Part::Trigger)
    }
}

/// A selector of a rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Use {
    pub(super) rule: usize,
    pub(super) part: Part,
    selector: usize,
}

impl Use {
    /// Returns the selector.
    pub(super) fn selector(self, rule: &Rule) -> Option<&Selector> {
        selectors(rule, self.part).get(self.selector)
    }
}

fn selectors(rule: &Rule, part: Part) -> &[Selector] {
    match part {
        Part::Sign(at) => rule.signs.get(at).map_or(&[], |sign| &sign.on),
        Part::Others(at) => rule.signs.get(at).map_or(&[], |sign| sign.test.others()),
        Part::Usual => &rule.usual,
        Part::Trigger => &rule.trigger,
    }
}

/// Selectors by kind and by problem.
#[derive(Default)]
pub(super) struct Index {
    any: Vec<Use>,
    kinds: FxHashMap<String, Vec<Use>>,
    problems: FxHashMap<String, Vec<Use>>,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Index::default();
        for (at, rule) in rules.iter().enumerate() {
            let signs = 0..rule.signs.len();
            let parts = signs.flat_map(|sign| [Part::Sign(sign), Part::Others(sign)]);
            for part in parts.chain([Part::Usual, Part::Trigger]) {
                for (selector, asked) in selectors(rule, part).iter().enumerate() {
                    let rule = at;
                    index.add(
                        Use {
                            rule,
                            part,
                            selector,
                        },
                        asked,
                    );
                }
            }
        }
        index
    }

    fn add(&mut self, of: Use, selector: &Selector) {
        for kind in &selector.kinds {
            match kind.as_str() {
                "*" => self.any.push(of),
                kind => self.kinds.entry(kind.to_owned()).or_default().push(of),
            }
        }
        for problem in &selector.problems {
            self.problems.entry(problem.clone()).or_default().push(of);
        }
    }

    /// Tells whether a rule asks for problems.
    pub(super) fn asks_for_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Lists the selectors that ask for a line, in the order of the rules.
    pub(super) fn uses(&self, kind: &str, problem: Option<&str>, uses: &mut Vec<Use>) {
        uses.clear();
        let of_problem = problem.and_then(|problem| self.problems.get(problem));
        for found in [Some(&self.any), self.kinds.get(kind), of_problem] {
            uses.extend(found.into_iter().flatten());
        }
        uses.sort_unstable();
        uses.dedup();
    }
}
