//! Rules in words: what they take, and what was found.

use super::{Rule, Sign, Test};
use crate::watch::sign::Finding;

impl Rule {
    /// Says what it takes: `6 events within 1 min, by address`.
    pub fn summary(&self) -> String {
        let key: Vec<&str> = self.key.iter().map(|(name, _)| name.as_str()).collect();
        let signs: Vec<String> = self.signs.iter().map(Sign::asks).collect();
        let signs = match signs.len() {
            1 => signs.concat(),
            _ if self.need == self.groups() => signs.join(", and "),
            _ => format!("{} of: {}", self.need, self.choices()),
        };
        let within = span(self.within_us / 1_000_000);
        let mut words = format!("{signs} within {within}, by {}", key.join(" and "));
        if !self.trigger.is_empty() {
            words.push_str("; then another event");
        }
        if !self.usual.is_empty() {
            words.push_str("; not where that was usual before");
        }
        if self.hold_us > 0 {
            let hold = span(self.hold_us / 1_000_000);
            words.push_str(&format!("; for {hold}"));
        }
        words
    }

    /// Returns what the rule finds, in words.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Returns what to do about it, in words; commands stand in backticks.
    pub fn next_step(&self) -> &str {
        &self.next
    }

    /// Returns after how long it may be raised anew, in words.
    pub fn cool_down(&self) -> String {
        span(self.cool_down_us / 1_000_000)
    }

    fn groups(&self) -> usize {
        self.group_names().len()
    }

    fn group_names(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = self.signs.iter().map(|sign| sign.group.as_str()).collect();
        groups.dedup();
        groups
    }

    /// Signs of one group are one choice.
    fn choices(&self) -> String {
        let of = |group: &&str| {
            let signs = self.signs.iter().filter(|sign| sign.group == **group);
            signs.map(Sign::asks).collect::<Vec<_>>().join(" or ")
        };
        self.group_names()
            .iter()
            .map(of)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Sign {
    /// Says what it takes.
    fn asks(&self) -> String {
        let count = self.count;
        let at_least = match count {
            1 => String::new(),
            _ => format!(" in at least {}", events(count)),
        };
        let asks = match &self.test {
            Test::Count => events(count),
            Test::Distinct { field, count, .. } => {
                format!("{count} different {}{at_least}", values_of(field, *count))
            }
            Test::Novel {
                field,
                count,
                memory_us,
                ..
            } => {
                let memory = span(memory_us / 1_000_000);
                let values = values_of(field, *count);
                format!("{count} {values} not seen in {memory} before{at_least}")
            }
            Test::Pauses { at_least_us } => {
                let pause = span(at_least_us / 1_000_000);
                format!("{}, their median pause {pause} or more", events(count))
            }
            Test::Share {
                percent, of_count, ..
            } => {
                format!("{percent} % of {}{at_least}", at_least_events(*of_count))
            }
            Test::Spike { times, spreads } => format!(
                "{} or more, {times} times what is usual at that hour and {spreads} spreads above it",
                events(count)
            ),
            Test::Habit {
                times, percentile, ..
            } => format!(
                "{} or more, {times} times the {percentile}th percentile of its own hours",
                events(count)
            ),
            Test::Silence {
                times,
                at_least_us,
                at_most_us,
                meanwhile,
                meanwhile_count,
            } => {
                let (least, most) = (span(at_least_us / 1_000_000), span(at_most_us / 1_000_000));
                let while_others = match meanwhile.is_empty() {
                    true => String::new(),
                    false => format!(" while {meanwhile_count} others come"),
                };
                format!(
                    "no event for {times} times the longest pause that is usual at that hour, at \
                     least {least}, at most {most}{while_others}"
                )
            }
        };
        match self.name.is_empty() {
            true => asks,
            false => format!("{}: {asks}", self.name),
        }
    }

    /// Says what was found against what it takes.
    pub(in crate::watch) fn says(&self, found: &Finding, within_us: i64) -> String {
        let within = span(within_us / 1_000_000);
        let Finding {
            count,
            number,
            threshold,
            beside,
            ..
        } = *found;
        let seconds = |number: u64| span(i64::try_from(number).unwrap_or(i64::MAX));
        match &self.test {
            Test::Count => format!("{count} (threshold {threshold}) within {within}"),
            Test::Distinct { field, .. } => {
                let about = if found.is_exact { "" } else { "about " };
                format!(
                    "{about}{number} different {} (threshold {threshold}) in {} within {within}",
                    values_of(field, number),
                    events(count)
                )
            }
            Test::Novel { field, .. } => format!(
                "{number} {} not seen before (threshold {threshold}) in {} within {within}",
                values_of(field, number),
                events(count)
            ),
            Test::Pauses { at_least_us } => format!(
                "{count} (threshold {threshold}) within {within}, {} apart (threshold {})",
                seconds(beside),
                span(at_least_us / 1_000_000)
            ),
            Test::Share {
                percent, of_count, ..
            } => format!(
                "{count} of {beside}, {} % (threshold {percent} % of {}) within {within}",
                per_cent(count, beside),
                at_least_events(*of_count)
            ),
            Test::Spike { .. } => format!(
                "{count} (threshold {threshold}; usual at this hour {beside}) within {within}"
            ),
            Test::Habit { percentile, .. } => format!(
                "{count} (threshold {threshold}; {percentile} % of its own hours have {beside} or fewer) \
                 within {within}"
            ),
            Test::Silence { .. } => format!(
                "none for {} (threshold {}; longest usual pause {})",
                seconds(number),
                seconds(threshold),
                seconds(beside)
            ),
        }
    }
}

fn events(count: u64) -> String {
    match count {
        1 => "1 event".to_owned(),
        _ => format!("{count} events"),
    }
}

/// Of how many events a share is: of any number of them, unless it takes some.
fn at_least_events(count: u64) -> String {
    match count {
        0 | 1 => "all events".to_owned(),
        _ => format!("at least {count} events"),
    }
}

/// What so many values of a field are called.
fn values_of(field: &str, count: u64) -> String {
    let (one, more) = match field {
        "address" => ("address", "addresses"),
        "network" => ("network", "networks"),
        "wide_network" => ("/16 network", "/16 networks"),
        "user" => ("user", "users"),
        "recipient" => ("recipient", "recipients"),
        _ => return format!("{} of {field}", if count == 1 { "value" } else { "values" }),
    };
    if count == 1 { one } else { more }.to_owned()
}

fn per_cent(count: u64, of: u64) -> u64 {
    count.saturating_mul(100).checked_div(of).unwrap_or(0)
}

/// Writes a time span in its largest unit, and the rest in the next one.
pub(in crate::watch) fn span(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut parts = Vec::new();
    let mut rest = seconds;
    for (unit, name) in units {
        if rest >= unit && parts.len() < 2 {
            parts.push(format!("{} {name}", rest / unit));
        } else if !parts.is_empty() {
            break;
        }
        rest %= unit;
    }
    match parts.is_empty() {
        true => "0 s".to_owned(),
        false => parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_called_what_they_are() {
        for (field, count, words) in [
            ("address", 1, "address"),
            ("address", 0, "addresses"),
            ("wide_network", 5, "/16 networks"),
            ("helo", 1, "value of helo"),
            ("helo", 2, "values of helo"),
        ] {
            assert_eq!(values_of(field, count), words);
        }
        assert_eq!(
            (events(1), events(2)),
            ("1 event".into(), "2 events".into())
        );
        assert_eq!(at_least_events(1), "all events");
    }

    #[test]
    fn spans_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (60, "1 min"),
            (90, "1 min 30 s"),
            (3_600, "1 h"),
            (3_601, "1 h"),
            (86_400 + 7_260, "1 d 2 h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
