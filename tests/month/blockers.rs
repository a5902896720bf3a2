//! When fail2ban and crowdsec would have acted: their documented thresholds on the truth's events.

use std::collections::BTreeMap;

use loggen::month_truth::{Event, Incident};

const SECOND: u64 = 1_000_000;

/// fail2ban's defaults: five within ten minutes.
const MAX_RETRY: usize = 5;
const FIND_TIME: u64 = 600 * SECOND;

/// A leaky bucket of crowdsec: it overflows on the event after `capacity`, one of which leaks away
/// each `leak`.
struct Bucket {
    of: &'static [&'static str],
    capacity: f64,
    leak: u64,
}

const SPAM: &[&str] = &[
    "login_failed",
    "relay_denied",
    "helo_rejected",
    "unknown_recipient",
];

/// The scenarios of its own collections for Postfix and Dovecot.
const BUCKETS: &[Bucket] = &[
    Bucket {
        of: SPAM,
        capacity: 5.0,
        leak: 10 * SECOND,
    },
    Bucket {
        of: &["relay_denied"],
        capacity: 1.0,
        leak: 600 * SECOND,
    },
    Bucket {
        of: &["helo_rejected"],
        capacity: 1.0,
        leak: 600 * SECOND,
    },
    Bucket {
        of: &["login_failed"],
        capacity: 3.0,
        leak: 360 * SECOND,
    },
];

/// The events by address, in order; only those that both programs look at.
fn by_address(incident: &Incident) -> Vec<Vec<&Event>> {
    let mut found: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in incident
        .events
        .iter()
        .filter(|event| SPAM.contains(&event.what))
    {
        found.entry(&event.address).or_default().push(event);
    }
    found.into_values().collect()
}

/// When fail2ban bans the first address, if it does.
pub(crate) fn fail2ban(incident: &Incident) -> Option<u64> {
    let banned = |events: Vec<&Event>| {
        let mut windows = events.windows(MAX_RETRY);
        let full =
            windows.find(|window| window[MAX_RETRY - 1].at_us - window[0].at_us <= FIND_TIME);
        full.map(|window| window[MAX_RETRY - 1].at_us)
    };
    by_address(incident).into_iter().filter_map(banned).min()
}

/// When one of crowdsec's buckets first overflows, if one does.
pub(crate) fn crowdsec(incident: &Incident) -> Option<u64> {
    let addresses = by_address(incident);
    let all = addresses
        .iter()
        .flat_map(|events| BUCKETS.iter().map(move |one| (events, one)));
    all.filter_map(|(events, bucket)| bucket.overflows(events))
        .min()
}

impl Bucket {
    fn overflows(&self, events: &[&Event]) -> Option<u64> {
        let (mut level, mut last) = (0.0, 0);
        for event in events.iter().filter(|event| self.of.contains(&event.what)) {
            let leaked = (event.at_us - last) as f64 / self.leak as f64;
            level = f64::max(0.0, level - leaked) + 1.0;
            last = event.at_us;
            if level > self.capacity {
                return Some(event.at_us);
            }
        }
        None
    }
}

#[test]
fn the_thresholds_are_the_documented_ones() {
    let event = |second: u64, what| Event {
        at_us: (1_000_000 + second) * SECOND,
        what,
        address: "203.0.113.9".to_owned(),
        user: None,
    };
    let of = |what: &'static str, seconds: &[u64]| {
        let events = seconds.iter().map(|second| event(*second, what)).collect();
        let (_, truth) = loggen::month(&loggen::MonthOptions {
            days: 15,
            lines_a_day: 200,
            ..loggen::MonthOptions::default()
        });
        Incident {
            events,
            ..truth.incidents[0].clone()
        }
    };
    let at = |second: u64| Some((1_000_000 + second) * SECOND);
    let five = of("login_failed", &[0, 150, 300, 450, 600]);
    assert_eq!((fail2ban(&five), crowdsec(&five)), (at(600), at(600)));
    assert_eq!(
        fail2ban(&of("login_failed", &[0, 150, 300, 450, 601])),
        None
    );
    assert_eq!(crowdsec(&of("relay_denied", &[0, 599])), at(599));
    assert_eq!(crowdsec(&of("relay_denied", &[0, 601])), None);
    assert_eq!(
        crowdsec(&of("unknown_recipient", &[0, 1, 2, 3, 4, 5])),
        at(5)
    );
}
