use super::super::alert::Change;
use super::super::rule::builtin;
use super::super::testing::{World, connect, failed, time};
use super::*;

#[test]
fn an_alert_is_raised_once_updated_and_resolved() {
    let mut world = World::new();
    for second in 0..5 {
        world.line(second, &failed("203.0.113.9", "bob"));
    }
    assert_eq!(world.said("login-brute-force"), []);
    for second in 5..12 {
        world.line(second, &failed("203.0.113.9", "bob"));
    }
    let said = [(Change::Raised, 6), (Change::Updated, 12)];
    assert_eq!(world.said("login-brute-force"), said);
    let at = |second| us(time(second));
    world.engine.advance(at(60), &mut world.alerts);
    assert_eq!(world.said("login-brute-force"), []);
    world.engine.advance(at(80), &mut world.alerts);
    let resolved = world.said("login-brute-force");
    assert!(
        matches!(resolved[..], [(Change::Resolved, 0..3)]),
        "{resolved:?}"
    );
    // It cools down for an hour.
    (100..110).for_each(|second| world.line(second, &failed("203.0.113.9", "bob")));
    assert_eq!(world.said("login-brute-force"), []);
    (4000..4010).for_each(|second| world.line(second, &failed("203.0.113.9", "bob")));
    assert_eq!(world.said("login-brute-force"), [(Change::Raised, 6)]);
}

#[test]
fn slow_or_spread_failures_are_no_fast_brute_force() {
    let mut world = World::new();
    for turn in 0..50 {
        world.line(turn * 15, &failed("203.0.113.9", "bob"));
    }
    assert_eq!(world.said("login-brute-force"), []);
    for host in 0..9 {
        world.line(1000, &failed(&format!("203.0.113.{host}"), "eve"));
    }
    assert_eq!(world.said("login-brute-force"), []);
}

#[test]
fn users_tried_over_hours_are_no_spray() {
    let mut world = World::new();
    for turn in 0..8 {
        world.line(turn * 300, &failed("203.0.113.9", &format!("user{turn}")));
    }
    assert_eq!(world.said("password-spray"), []);
}

#[test]
fn a_spray_and_an_attack_on_one_user_are_told_apart() {
    let mut world = World::new();
    for turn in 0..5 {
        world.line(turn, &failed("203.0.113.9", &format!("user{turn}")));
    }
    let is_said = |world: &World, rule: &str| world.alerts.iter().any(|alert| alert.rule == rule);
    assert!(!is_said(&world, "distributed-attack-on-user"));
    assert_eq!(world.said("password-spray"), [(Change::Raised, 5)]);
    for turn in 0..5 {
        world.line(10 + turn, &failed(&format!("198.51.{turn}.1"), "bob"));
    }
    assert!(!is_said(&world, "password-spray"));
    assert_eq!(world.alerts[0].key, [("user".to_owned(), "bob".to_owned())]);
    assert_eq!(
        world.said("distributed-attack-on-user"),
        [(Change::Raised, 5)]
    );
}

#[test]
fn a_success_counts_only_after_failures_of_that_user_from_that_address() {
    let login = |user: &str| {
        format!(
            "dovecot: imap-login: Login: user=<{user}>, method=PLAIN, rip=203.0.113.9, \
             lip=198.51.100.1, mpid=4711, TLS, session=<QCK1i+ZSI8TAAAIK>"
        )
    };
    let mut world = World::new();
    (0..5).for_each(|second| world.line(second, &failed("203.0.113.9", "bob")));
    world.line(6, &login("eve"));
    assert_eq!(world.said("success-after-failures"), []);
    world.line(7, &login("bob"));
    assert_eq!(world.said("success-after-failures"), [(Change::Raised, 5)]);
    let mut world = World::new();
    (0..4).for_each(|second| world.line(second, &failed("203.0.113.9", "bob")));
    world.line(7, &login("bob"));
    assert_eq!(world.said("success-after-failures"), []);
}

#[test]
fn this_machine_is_no_attacker() {
    let mut world = World::new();
    for second in 0..20 {
        world.line(second, &failed("127.0.0.1", &format!("user{second}")));
    }
    assert_eq!(world.alerts, []);
}

#[test]
fn fatal_errors_and_lost_lines_are_said_at_once() {
    let mut world = World::new();
    world.line(
        1,
        "postfix/smtpd[7]: fatal: open database /etc/aliases.db: No such file",
    );
    assert_eq!(world.said("fatal-error"), [(Change::Raised, 1)]);
    world.line(
        2,
        "rsyslogd: imuxsock lost 42 messages from pid 4711 due to rate-limiting",
    );
    assert_eq!(world.said("lost-lines"), [(Change::Raised, 42)]);
}

const OWN: &str = "[[rule]]\nname = 'own'\nabout = 'a'\nnext = 'b'\nclass = 'page'\n\
    severity = 'info'\nkey = ['address']\nwithin = '60s'\ncount = 2\nhold = '30s'\n\
    on = [{ kinds = ['smtpd_connect'] }]\n";

#[test]
fn a_condition_has_to_hold_for_so_long_and_is_due_without_a_further_line() {
    let mut world = World::with(OWN);
    world.line(0, &connect("203.0.113.9"));
    world.line(10, &connect("203.0.113.9"));
    world.engine.advance(us(time(39)), &mut world.alerts);
    assert_eq!(world.alerts, []);
    world.engine.advance(us(time(45)), &mut world.alerts);
    assert_eq!(world.alerts[0].time, time(40).to_rfc3339());
    assert_eq!(world.said("own"), [(Change::Raised, 2)]);
}

#[test]
fn keys_are_bounded_and_those_with_an_alert_stay() {
    let mut world = World::with(&OWN.replace("hold = '30s'", "most-keys = 50"));
    world.line(0, &connect("203.0.113.9"));
    world.line(0, &connect("203.0.113.9"));
    for host in 0..200 {
        world.line(1, &connect(&format!("198.51.100.{host}")));
    }
    assert_eq!(world.said("own"), [(Change::Raised, 2)]);
    let keys = world.engine.keys.last().unwrap();
    assert!(keys.len() <= 50 && keys.contains_key("203.0.113.9"));
    assert_eq!(world.engine.evicted(), 201 - keys.len() as u64);
}

/// Whoever goes on from a snapshot says what it would have said.
#[test]
fn goes_on_where_it_was() {
    let run = |cut: i64| {
        let mut world = World::new();
        for second in 0..200 {
            if second == cut {
                let text = serde_json::to_string(&world.engine.snapshot()).unwrap();
                let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
                world.engine = Engine::new(builtin().unwrap()).restore(snapshot);
            }
            let user = format!("user{}", second % 7);
            if second < 90 {
                world.line(second, &failed("203.0.113.9", &user));
            } else {
                world.line(second, &connect("203.0.113.9"));
            }
        }
        (world.alerts, world.engine.snapshot())
    };
    let whole = run(-1);
    assert!(whole.0.len() >= 4, "{:?}", whole.0);
    for cut in [0, 3, 6, 50, 120, 199] {
        assert_eq!(run(cut), whole, "{cut}");
    }
}

/// Nineteen days of a small site, with what is usual and what is not: whoever is stopped and started in
/// the midst of it says the same, and knows the same at the end.
#[test]
fn goes_on_in_the_midst_of_a_month() {
    let options = loggen::MonthOptions {
        days: 19,
        lines_a_day: 200,
        ..loggen::MonthOptions::default()
    };
    let mut log = Vec::new();
    loggen::month(&options).0.write_to(&mut log).unwrap();
    // Of each three lines one is enough for that.
    let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').step_by(3).collect();
    let run = |cuts: &[usize]| {
        let mut world = World::new();
        for (at, raw) in lines.iter().enumerate().filter(|(_, raw)| !raw.is_empty()) {
            if cuts.contains(&at) {
                let text = serde_json::to_string(&world.engine.snapshot()).unwrap();
                let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
                world.engine = Engine::new(builtin().unwrap()).restore(snapshot);
            }
            world.stamped(raw);
        }
        (world.alerts, world.engine.snapshot())
    };
    let whole = run(&[]);
    let compares = |rule: &str| whole.0.iter().any(|alert| alert.rule == rule);
    assert!(
        compares("no-mail-received") || compares("reject-spike") || compares("volume-spike"),
        "nothing was compared with what is usual"
    );
    let cuts: Vec<usize> = (1..6).map(|part| lines.len() * part / 6).collect();
    assert!(run(&cuts) == whole);
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_the_rules() {
    let mut world = World::new();
    world.line(90_000, &connect("203.0.113.9"));
    (0..6).for_each(|second| world.line(second, &failed("203.0.113.9", "bob")));
    assert_eq!(world.said("login-brute-force"), [(Change::Raised, 6)]);
}

#[test]
fn text_of_the_log_is_made_harmless_and_json_is_one_line() {
    let mut world = World::new();
    for second in 0..6 {
        world.line(second, &failed("203.0.113.9", "b\u{1b}[2Job\u{202e}"));
    }
    let alert = &world.alerts[0];
    assert!(
        !alert.text().contains(['\u{1b}', '\u{202e}']),
        "{}",
        alert.text()
    );
    assert_eq!(alert.json().unwrap().lines().count(), 1);
}

/// Addresses beyond number are no room for what is known of others, and cost a line little.
#[test]
fn keys_of_all_rules_are_bounded_and_the_most_common_ones_go_first() {
    let mut world = World::new();
    world.engine.most_keys = 500;
    world.engine.sweep_all_at = 500;
    let keys = |world: &World| -> usize { world.engine.keys.iter().map(HashMap::len).sum() };
    for second in 0..5 {
        world.line(second, &failed("203.0.113.9", "bob"));
    }
    for stranger in 0..2_000 {
        let address = format!("198.18.{}.{}", stranger / 250, stranger % 250);
        let refused = format!(
            "postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[{address}]: 550 5.1.1 \
             <x{stranger}@example.org>: Recipient address rejected: User unknown in local recipient \
             table; from=<a@example.net> to=<x{stranger}@example.org> proto=ESMTP helo=<h>"
        );
        world.line(10, &refused);
        assert!(keys(&world) <= 500, "{}", keys(&world));
    }
    assert!(world.engine.evicted() > 1_000);
    // The failures before are known yet.
    world.line(11, &failed("203.0.113.9", "bob"));
    assert_eq!(world.said("login-brute-force"), [(Change::Raised, 6)]);
}

#[test]
fn keys_that_cannot_go_are_not_looked_through_at_each_line() {
    assert_eq!(next_sweep(FEW_KEYS, 9, 10), 10);
    assert_eq!(next_sweep(FEW_KEYS, 10, 10), 11);
    assert_eq!(next_sweep(200_000, 100_000, 100_000), 110_000);
    assert_eq!(next_sweep(FEW_KEYS, 300, 100_000), FEW_KEYS);
}

#[test]
fn the_first_line_is_of_the_window_where_something_goes_on_all_the_time() {
    let mut world = World::new();
    let try_as = |n: i64| failed("203.0.113.9", &format!("user{n}"));
    for n in 0..20 {
        world.line(n * 30, &try_as(n));
    }
    for n in 20..40 {
        world.line(600 + n, &try_as(n));
    }
    let raised = world.alerts.iter();
    let raised: Vec<_> = raised
        .filter(|one| one.rule == "login-brute-force")
        .collect();
    assert_eq!(raised.len(), 2, "raised and updated");
    for alert in raised {
        // The one before is half a minute old, and the very first ten minutes.
        assert!(
            alert.first_line.ends_with("=user20"),
            "{}",
            alert.first_line
        );
    }
}

/// An attack that goes on near the threshold is one attack.
#[test]
fn what_falls_a_little_below_its_threshold_is_not_over() {
    let own = OWN.replace("count = 2\nhold = '30s'", "count = 10");
    let mut world = World::with(&own);
    (0..10).for_each(|second| world.line(second, &connect("203.0.113.9")));
    assert_eq!(world.said("own"), [(Change::Raised, 10)]);
    // Five are left, and then none.
    world.line(65, "");
    assert_eq!(world.said("own"), []);
    world.line(75, "");
    assert_eq!(world.said("own"), [(Change::Resolved, 0)]);
}

/// A user who mistypes a new password at home logs in there all the time.
#[test]
fn a_success_after_failures_is_usual_where_the_user_logged_in_before() {
    let login = "dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=203.0.113.9, \
                 lip=198.51.100.1, mpid=4711, TLS, session=<QCK1i+ZSI8TAAAIK>";
    let mut world = World::new();
    world.line(0, login);
    (10_000..10_005).for_each(|second| world.line(second, &failed("203.0.113.9", "bob")));
    world.line(10_006, login);
    assert_eq!(world.said("success-after-failures"), []);
}

/// Nobody connects any more; that is no alert before something else goes on.
#[test]
fn a_silence_is_one_only_if_enough_goes_on_meanwhile() {
    let mut world = World::with(
        "[[rule]]\nname = 'own'\nabout = 'a'\nnext = 'b'\nclass = 'page'\nseverity = 'info'\n\
         key = ['host']\nwithin = '60s'\non = [{ kinds = ['smtpd_connect'] }]\n\
         [rule.silence]\ntimes = 1\nat-least = '10m'\nat-most = '10m'\nmeanwhile-count = 3\n\
         meanwhile = [{ kinds = ['qmgr_removed'] }]\n",
    );
    let at = |day: i64, minute: i64| (day * 1_440 + minute) * 60;
    // The last day is a Friday.
    for day in -16..=-1 {
        let end = if day == -1 { 640 } else { 720 };
        for minute in (600..=end).step_by(5) {
            world.line(at(day, minute), &connect("203.0.113.9"));
        }
    }
    world.alerts.clear();
    for minute in [641, 642] {
        world.line(at(-1, minute), "postfix/qmgr[8]: 4A1B2C3D4E: removed");
    }
    world.line(at(-1, 655), "");
    assert_eq!(world.said("own"), []);
    world.line(at(-1, 656), "postfix/qmgr[8]: 4A1B2C3D4F: removed");
    assert_eq!(world.said("own"), [(Change::Raised, 3)]);
}

#[test]
fn a_line_that_several_selectors_ask_for_counts_once() {
    let own = OWN.replace("hold = '30s'\n", "");
    let own = own.replace(
        "['smtpd_connect'] }",
        "['smtpd_connect'] }, { kinds = ['*'] }",
    );
    let mut world = World::with(&own);
    world.line(0, &connect("203.0.113.9"));
    assert_eq!(world.said("own"), []);
    world.line(1, &connect("203.0.113.9"));
    assert_eq!(world.said("own"), [(Change::Raised, 2)]);
}

/// Keys of several values are one text: a value with what stands between them is no value.
#[test]
fn no_value_of_a_key_reaches_over_into_the_next() {
    let own = OWN.replace("count = 2\nhold = '30s'\n", "");
    let own = own.replace("['address']", "['address', 'sasl_username']");
    let mut world = World::with(&own.replace("smtpd_connect", "sasl_auth_failed"));
    world.line(0, &failed("203.0.113.9", "a\u{1f}b"));
    assert_eq!(world.said("own"), []);
    world.line(1, &failed("203.0.113.9", "ab"));
    assert_eq!(world.said("own"), [(Change::Raised, 1)]);
}

#[test]
fn the_domain_of_a_recipient_stands_behind_the_last_at_sign() {
    let own = OWN.replace("count = 2\nhold = '30s'\n", "");
    let own = own.replace("['address']", "['recipient_domain']");
    let mut world = World::with(&own.replace("smtpd_connect", "delivery"));
    world.line(
        0,
        "postfix/smtp[9]: 4A1B2C3D4E: to=<\"a@evil.example\"@example.com>, relay=none, delay=1, \
         delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to x: Connection timed out)",
    );
    world.alerts.retain(|alert| alert.rule == "own");
    assert_eq!(world.alerts.len(), 1);
    assert_eq!(world.alerts[0].key[0].1, "example.com");
}
