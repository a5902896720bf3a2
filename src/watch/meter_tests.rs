use super::*;
use crate::report::metric_series as series;

fn rows(counts: &[(&'static str, u64)]) -> Metric {
    let series = counts
        .iter()
        .map(|(rule, count)| series(&[("rule", *rule)], *count));
    let logged = &["rule"];
    Metric {
        bound: Some(Bound { logged, own: 2 }),
        ..Metric::counter("hits_total", "Hits", series)
    }
}

fn published(meter: &Meter) -> Vec<(String, u64)> {
    let family = &meter.families["hits_total"];
    let row = |(labels, value): (&Vec<Label>, &Value)| (labels[0].1.clone(), value.count());
    family.series.iter().map(row).collect()
}

fn after(steps: &[&[(&'static str, u64)]]) -> Vec<Vec<(String, u64)>> {
    let mut meter = Meter::new(Options::default());
    let step = |counts: &&[(&'static str, u64)]| {
        meter.add(rows(counts));
        published(&meter)
    };
    steps.iter().map(step).collect()
}

fn named(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter()
        .map(|(rule, count)| ((*rule).to_owned(), *count))
        .collect()
}

#[test]
fn rows_beyond_the_bound_share_a_series() {
    let seen = after(&[
        &[("a", 5), ("b", 3), ("c", 2), ("d", 1)],
        &[("a", 5), ("b", 3), ("c", 4), ("d", 1)],
    ]);
    assert_eq!(seen[0], named(&[("a", 5), ("b", 3), ("other", 3)]));
    assert_eq!(seen[1], named(&[("a", 5), ("b", 3), ("other", 5)]));
}

#[test]
fn a_row_that_grows_large_takes_the_place_of_the_smallest_and_nothing_is_lost() {
    let seen = after(&[
        &[("a", 50), ("b", 3), ("c", 2)],
        &[("a", 50), ("b", 3), ("c", 7)],
        &[("a", 50), ("b", 4), ("c", 9)],
    ]);
    // What c counted before it had a series stays in `other`, with what b counted.
    assert_eq!(seen[1], named(&[("a", 50), ("c", 5), ("other", 5)]));
    assert_eq!(seen[2], named(&[("a", 50), ("c", 7), ("other", 6)]));
}

#[test]
fn counters_never_go_down() {
    let seen = after(&[&[("a", 5)], &[("a", 3)], &[("a", 6)]]);
    for (step, expected) in seen.iter().zip([5, 5, 6]) {
        assert_eq!(*step, named(&[("a", expected)]));
    }
}

#[test]
fn goes_on_behind_a_snapshot() {
    let mut meter = Meter::new(Options::default());
    meter.add(rows(&[("a", 5), ("b", 3), ("c", 2)]));
    let kept = serde_json::to_string(&meter.snapshot()).unwrap();
    let mut meter = Meter::new(Options::default()).restore(serde_json::from_str(&kept).unwrap());
    assert_eq!(
        published(&meter),
        named(&[("a", 5), ("b", 3), ("other", 2)])
    );
    // A tally begins anew behind it.
    meter.add(rows(&[("a", 1), ("c", 4)]));
    assert_eq!(
        published(&meter),
        named(&[("a", 6), ("b", 3), ("other", 6)])
    );
}

#[test]
fn histograms_add_up_limit_by_limit() {
    let durations = |at_most: [u64; 2], count, sum_us| Metric {
        kind: MetricKind::Histogram,
        ..Metric::counter(
            "delay_seconds",
            "Delays",
            [Series {
                labels: Vec::new(),
                value: Value::Durations {
                    at_most: vec![(1_000, at_most[0]), (10_000, at_most[1])],
                    sum_us,
                    count,
                },
            }],
        )
    };
    let mut meter = Meter::new(Options::default());
    meter.add(durations([1, 2], 3, 50_000));
    meter.seen.clear();
    meter.add(durations([0, 4], 4, 20_000));
    let expected = durations([1, 6], 7, 70_000);
    assert_eq!(
        meter.families["delay_seconds"].series[&Vec::new()],
        expected.series[0].value
    );
}
