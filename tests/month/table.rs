//! The measured months as a table for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use loggen::MonthTruth;
use loggen::month_truth::{Incident, Label};

use super::blockers::{crowdsec, fail2ban};
use super::matching::{OfRule, Verdict};

/// Writes all tables.
pub(crate) fn write(measured: &[(MonthTruth, Verdict)], lines_a_day: u64) -> String {
    let mut text = String::from("# Alerts against labelled months\n\n");
    let _ = writeln!(
        text,
        "Rules were tuned by looking at the seeds 1 to 6; of others, their authors saw this table only.\n\n\
         `loggen month --lines-a-day {lines_a_day}`, seeds {}, replayed by `mailtally watch --replay --format jsonl`. \
         The labels are those of fixtures/loggen: *must* is at least twice a documented threshold, *must not* below \
         half of all.\n",
        seeds(measured)
    );
    summary(measured, &mut text);
    kinds(measured, &mut text);
    rules(measured, &mut text);
    lists(measured, &mut text);
    text
}

fn seeds(measured: &[(MonthTruth, Verdict)]) -> String {
    let seeds: Vec<String> = measured
        .iter()
        .map(|(truth, _)| truth.seed.to_string())
        .collect();
    seeds.join(", ")
}

fn summary(measured: &[(MonthTruth, Verdict)], text: &mut String) {
    text.push_str("| seed | must | reported | may | reported | must not | reported | pages in quiet weeks | stray pages |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|\n");
    for (truth, verdict) in measured {
        let _ = write!(text, "| {} |", truth.seed);
        for label in [Label::Must, Label::May, Label::MustNot] {
            let all = truth
                .incidents
                .iter()
                .filter(|one| one.label == label)
                .count();
            let _ = write!(text, " {all} | {} |", verdict.hits_of(truth, label).len());
        }
        let (pages, weeks) = (verdict.quiet_pages.len(), truth.quiet_weeks.len());
        let _ = writeln!(
            text,
            " {pages} in {weeks} | {} |",
            verdict.stray_pages.len()
        );
    }
}

/// What became of the incidents of a kind.
#[derive(Default)]
struct OfKind {
    all: [usize; 3],
    hit: [usize; 3],
    /// Seconds from begin to alert: ours, fail2ban's and crowdsec's.
    waits: [Vec<u64>; 3],
    /// Of the incidents that must be reported and have events by address.
    compared: usize,
}

fn kinds(measured: &[(MonthTruth, Verdict)], text: &mut String) {
    let mut by_kind: BTreeMap<&str, OfKind> = BTreeMap::new();
    for (truth, verdict) in measured {
        for one in &truth.incidents {
            by_kind.entry(one.kind).or_default().add(one, verdict);
        }
    }
    text.push_str(
        "\nReported of all, by kind of incident; and for those that must be, the median time from the first attempt to \
         the alert beside that to a ban by fail2ban (5 in 10 min) and by crowdsec (its own collections), and of how many.\n\n",
    );
    text.push_str("| kind | must | may | must not | mailtally | fail2ban | crowdsec |\n|---|---|---|---|---|---|---|\n");
    for (kind, of) in &mut by_kind {
        let _ = write!(text, "| {kind} |");
        for (hit, all) in of.hit.iter().zip(of.all) {
            let _ = write!(text, " {hit}/{all} |");
        }
        let compared = of.compared;
        for (nth, waits) in of.waits.iter_mut().enumerate() {
            waits.sort_unstable();
            let median = waits
                .get(waits.len() / 2)
                .map_or("-".to_owned(), |secs| span(*secs));
            match (nth, compared) {
                (0, _) => write!(text, " {median} |"),
                (_, 0) => write!(text, " |"),
                _ => write!(text, " {median} ({}/{compared}) |", waits.len()),
            }
            .unwrap();
        }
        text.push('\n');
    }
}

impl OfKind {
    fn add(&mut self, one: &Incident, verdict: &Verdict) {
        let label = match one.label {
            Label::Must => 0,
            Label::May => 1,
            Label::MustNot => 2,
        };
        let first = verdict.first.get(&one.id).copied();
        self.all[label] += 1;
        self.hit[label] += usize::from(first.is_some());
        if one.label != Label::Must {
            return;
        }
        let since = |at: u64| at.saturating_sub(one.span.begin_us) / 1_000_000;
        let is_compared = one.events.iter().any(|event| event.what != "mail");
        self.compared += usize::from(is_compared);
        let others = if is_compared {
            [fail2ban(one), crowdsec(one)]
        } else {
            [None; 2]
        };
        for (waits, at) in self.waits.iter_mut().zip([first, others[0], others[1]]) {
            waits.extend(at.map(since));
        }
    }
}

fn span(secs: u64) -> String {
    match secs {
        0..120 => format!("{secs} s"),
        120..7_200 => format!("{} min", secs / 60),
        _ => format!("{} h", secs / 3_600),
    }
}

fn rules(measured: &[(MonthTruth, Verdict)], text: &mut String) {
    let mut by_rule: BTreeMap<&str, OfRule> = BTreeMap::new();
    for (_, verdict) in measured {
        for (rule, of) in &verdict.by_rule {
            let sum = by_rule.entry(rule).or_default();
            sum.is_page = of.is_page;
            sum.raised += of.raised;
            sum.must += of.must;
            sum.may += of.may;
            sum.must_not += of.must_not;
            sum.happening += of.happening;
            sum.beside += of.beside;
            sum.nothing += of.nothing;
        }
    }
    text.push_str(
        "\nAlerts raised, by rule: on what must, may and must not be reported by it; *beside* is about an incident of \
         another kind, *happening* about a phone with an old password, a traveller, a newsletter and the like, *other* about \
         the rest of the traffic.\n\n",
    );
    text.push_str("| rule | class | raised | must | may | must not | beside | happening | other |\n|---|---|---|---|---|---|---|---|---|\n");
    for (rule, of) in by_rule {
        let class = if of.is_page { "page" } else { "background" };
        let _ = writeln!(
            text,
            "| {rule} | {class} | {} | {} | {} | {} | {} | {} | {} |",
            of.raised, of.must, of.may, of.must_not, of.beside, of.happening, of.nothing
        );
    }
}

fn lists(measured: &[(MonthTruth, Verdict)], text: &mut String) {
    text.push_str("\nMissed, what it comes to in percent of the documented thresholds:\n\n");
    for (truth, verdict) in measured {
        let missed = truth
            .incidents
            .iter()
            .filter(|one| one.label == Label::Must);
        for one in missed.filter(|one| !verdict.first.contains_key(&one.id)) {
            let _ = writeln!(text, "- {} {:?}", one.id, one.percent);
        }
    }
    text.push_str("\nReported, and must not be; pages in quiet weeks; pages about nothing:\n\n");
    for (truth, verdict) in measured {
        let wrong: BTreeSet<String> = verdict.hits_of(truth, Label::MustNot).into_iter().collect();
        for id in wrong {
            let _ = writeln!(text, "- {id}");
        }
        for said in verdict.quiet_pages.iter().chain(&verdict.stray_pages) {
            let _ = writeln!(text, "- seed {}: {said}", truth.seed);
        }
    }
}
