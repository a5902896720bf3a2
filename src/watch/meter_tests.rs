use super::*;
use crate::report::{Distribution, metric_series as series};
use crate::source::{Chunk, Dating, SourceId};

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
    let durations = |at_most: [u64; 2], count, sum| Metric {
        kind: MetricKind::Histogram,
        ..Metric::counter(
            "delay_seconds",
            "Delays",
            [Series {
                labels: Vec::new(),
                value: Value::Durations(Distribution {
                    at_most: vec![(1_000, at_most[0]), (10_000, at_most[1])],
                    sum,
                    count,
                }),
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

/// Mails, refusals and logins of so many strangers; most have their end many lines later.
fn strangers(from: u32, to: u32) -> String {
    let one = |at: u32| {
        let [a, b, c] = [at >> 16 & 255, at >> 8 & 255, at & 255];
        let (address, id) = (format!("10.{a}.{b}.{c}"), 0x4000_0000 + at);
        let ended = id - at.min(50);
        let stamp = format!(
            "2026-11-21T{:02}:{:02}:{:02}Z mx1",
            at / 3_600 % 24,
            at / 60 % 60,
            at % 60
        );
        format!(
            "{stamp} postfix/smtpd[7]: connect from x{at}.example[{address}]\n\
             {stamp} postfix/smtpd[7]: {id:X}: client=x{at}.example[{address}]\n\
             {stamp} postfix/qmgr[8]: {id:X}: from=<u{at}@x{at}.example>, size=10, nrcpt=1 (queue active)\n\
             {stamp} postfix/smtpd[7]: NOQUEUE: reject: RCPT from x{at}.example[{address}]: 554 5.7.1 <a@b.example>: \
             Relay access denied; from=<u{at}@x{at}.example> to=<a@b.example> proto=ESMTP helo=<x>\n\
             {stamp} postfix/smtpd[7]: disconnect from x{at}.example[{address}] ehlo=1 mail=1 rcpt=0/1 commands=2/3\n\
             {stamp} postfix/smtp[9]: {ended:X}: to=<u{at}@y{at}.example>, relay=y{at}.example[{address}]:25, delay=1, \
             delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n\
             {stamp} postfix/qmgr[8]: {ended:X}: removed\n"
        )
    };
    (from..to).map(one).collect()
}

fn chunk(text: &str) -> Chunk {
    let dating = Dating::from_year(2026, None);
    Chunk::new(text.into(), dating, SourceId(0))
}

fn take(meter: &mut Meter, chunk: &Chunk) {
    let mut lines = chunk.records();
    while let Some(line) = &lines.next() {
        let event = line.record();
        let event = event.map(|record| Event::parse(&record.tag, record.message));
        meter.count_line(line, event.as_ref());
    }
    meter.keep_small();
}

fn sums(metrics: &[Metric]) -> BTreeMap<String, u64> {
    let counters = metrics
        .iter()
        .filter(|metric| metric.kind != MetricKind::Gauge);
    let sum = |metric: &Metric| metric.series.iter().map(|row| row.value.count()).sum();
    counters
        .map(|metric| (metric.name.to_string(), sum(metric)))
        .collect()
}

/// A meter for few lines: what reaches over thousands of them reaches over dozens.
fn small_meter(names: usize) -> Meter {
    let windows = Windows {
        late: 10,
        hop: 100,
        max_open: 1_000,
    };
    Meter::with(Options::default(), windows, names)
}

#[test]
fn a_meter_that_sheds_counts_what_one_that_does_not_does() {
    let mut small = small_meter(usize::MAX);
    let mut large = small_meter(usize::MAX);
    for step in 0..6 {
        let chunk = chunk(&strangers(step * 100, step * 100 + 100));
        take(&mut small, &chunk);
        take(&mut large, &chunk);
        small.shed();
        assert_eq!(
            sums(&small.metrics()),
            sums(&large.metrics()),
            "step {step}"
        );
    }
    let [few, many] = [&small, &large].map(|meter| meter.tally.names());
    assert!(few * 3 < many, "{few} of {many}");
    assert_eq!(sums(&small.metrics())["mailtally_received_total"], 600);
}

#[test]
fn names_are_bounded_whoever_comes() {
    let mut meter = small_meter(2_000);
    let mut most = 0;
    for step in 0..60 {
        take(&mut meter, &chunk(&strangers(step * 50, step * 50 + 50)));
        most = most.max(meter.tally.names());
    }
    // 3,000 strangers have five names each.
    assert!(most < 2_500, "{most}");
    let metrics = meter.metrics();
    assert_eq!(sums(&metrics)["mailtally_received_total"], 3_000);
    assert!(metrics.iter().all(|metric| metric.series.len() <= 240));
}
