//! What each piece of evidence counts for.

use std::collections::BTreeMap;

use crate::tally::evidence::{ACCEPTED_WEIGHT, Evidence};

/// The name of what is taken off for accepted mail.
pub(super) const ACCEPTED: &str = "accepted";

/// Points by evidence, and by class of refusal where a class counts for more or less than others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Weights {
    points: [u64; Evidence::ALL.len()],
    accepted: u64,
    classes: BTreeMap<&'static str, u64>,
}

impl Default for Weights {
    fn default() -> Self {
        Weights {
            points: Evidence::ALL.map(Evidence::weight),
            accepted: ACCEPTED_WEIGHT,
            classes: BTreeMap::new(),
        }
    }
}

impl Weights {
    /// Sets a weight by the name of evidence, `accepted`, or a class of refusals.
    ///
    /// # Errors
    /// Returns the names there are if it is none of them.
    pub fn set(&mut self, name: &str, points: u64) -> Result<(), Vec<&'static str>> {
        if name == ACCEPTED {
            self.accepted = points;
            return Ok(());
        }
        let evidence = Evidence::ALL.into_iter().find(|one| one.name() == name);
        if let Some(place) = evidence.and_then(|one| self.points.get_mut(one.index())) {
            *place = points;
            return Ok(());
        }
        let mut classes = mailtally_parsers::postfix::reason::CLASSES.iter();
        let Some((class, _)) = classes.find(|(class, _)| *class == name) else {
            return Err(Weights::names());
        };
        self.classes.insert(class, points);
        Ok(())
    }

    /// Returns the names that can be set.
    pub fn names() -> Vec<&'static str> {
        let own = Evidence::ALL.iter().map(|one| one.name());
        let mut names: Vec<&str> = own.chain([ACCEPTED]).collect();
        // Some classes are evidence by the same name; that is what is set then.
        for (class, _) in mailtally_parsers::postfix::reason::CLASSES {
            if !names.contains(class) {
                names.push(class);
            }
        }
        names
    }

    /// Lists all weights by name; of classes those that were set.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let own = Evidence::ALL
            .into_iter()
            .map(|one| (one.name(), self.of(one)));
        let classes = self.classes.iter().map(|(&class, &points)| (class, points));
        own.chain([(ACCEPTED, self.accepted)]).chain(classes)
    }

    /// Returns the points of one piece.
    pub fn of(&self, evidence: Evidence) -> u64 {
        self.points.get(evidence.index()).copied().unwrap_or(0)
    }

    /// Returns the points of a refusal of a class that has points of its own.
    pub fn of_class(&self, class: &str) -> Option<u64> {
        self.classes.get(class).copied()
    }

    /// Returns what is taken off for each accepted mail.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }
}
