use super::*;

/// Loads lines, and shows what comes out: time, host, tag, process id and message.
fn shown(lines: &[&str]) -> Vec<String> {
    let mut unwrapped = Unwrapped::default();
    let mut out = Vec::new();
    for line in lines {
        match unwrapped.load(line.as_bytes()) {
            Some(Loaded::Line(stamp)) => {
                let record = unwrapped.record().unwrap();
                assert_eq!(record.timestamp, stamp);
                out.push(show(&record));
            }
            Some(Loaded::Part(_)) => out.push("part".to_owned()),
            None => out.push("no container".to_owned()),
        }
    }
    out
}

fn show(record: &Record<'_>) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let Timestamp {
        year,
        month,
        day,
        second,
        micros,
        zone,
        ..
    } = record.timestamp;
    format!(
        "{year:?}-{month}-{day} {second}.{micros} {zone:?} | {} | {} | {:?} | {}",
        text(record.host),
        text(record.tag.text),
        record.pid,
        text(record.message)
    )
}

#[test]
fn text_with_an_envelope_keeps_its_own_time_and_gets_a_year() {
    for line in [
        r#"{"log":"Nov 21 00:44:25 mx1 postfix/qmgr[7]: a \"b\" \u003cc\u003e\n","stream":"stdout","time":"2026-11-21T01:44:26.123456789Z"}"#,
        r#"{"log":"Nov 21 00:44:25 mx1 postfix/qmgr[7]: a \"b\" <c>\r\n","stream":"stderr","attrs":{"tag":"x"},"time":"2026-11-21T01:44:26Z"}"#,
        r#"2026-11-21T00:44:26.123456789Z stdout F Nov 21 00:44:25 mx1 postfix/qmgr[7]: a "b" <c>"#,
        r#"2026-11-21T00:44:26+01:00 stderr F:x=1 Nov 21 00:44:25 mx1 postfix/qmgr[7]: a "b" <c>"#,
    ] {
        assert_eq!(
            shown(&[line]),
            [r#"Some(2026)-11-21 25.0 Unstated | mx1 | postfix/qmgr | Some(7) | a "b" <c>"#],
            "{line}"
        );
    }
}

#[test]
fn text_without_an_envelope_has_the_containers_time() {
    for (text, expected) in [
        (
            "imap-login: Info: Login: user=<a>",
            " | dovecot | None | imap-login: Info: Login: user=<a>",
        ),
        (
            "postfix/smtpd[7]: connect from x[192.0.2.1]",
            " | postfix/smtpd | Some(7) | connect from x[192.0.2.1]",
        ),
        (
            "mx1 postfix/smtpd[7]: connect from x[192.0.2.1]",
            "mx1 | postfix/smtpd | Some(7) | connect from x[192.0.2.1]",
        ),
        (
            "INFO    postfix/smtpd[7]: x",
            " | postfix/smtpd | Some(7) | x",
        ),
        (
            "Starting the mail server",
            " |  | None | Starting the mail server",
        ),
        ("", " |  | None | "),
    ] {
        let docker = format!(
            "{{\"log\":\"{text}\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T00:44:25.123456789Z\"}}"
        );
        let cri = format!("2026-11-21T00:44:25.123456789+00:00 stdout F {text}");
        for line in [&docker, &cri] {
            let expected = format!("Some(2026)-11-21 25.123456 Utc | {expected}");
            assert_eq!(shown(&[line]), [expected], "{line}");
        }
    }
}

#[test]
fn parts_are_put_together_by_stream() {
    let stamp = "2026-11-21T00:44:25Z";
    let cri = [
        format!("{stamp} stdout P Nov 21 00:44:25 mx1 post"),
        format!("{stamp} stderr F Nov 21 00:44:25 mx1 dovecot: x"),
        format!("{stamp} stdout P fix/qmgr[7]: a"),
        format!("{stamp} stdout F  b"),
        format!("{stamp} stdout F Nov 21 00:44:25 mx1 dovecot: y"),
    ];
    let docker = [
        ("stdout", "Nov 21 00:44:25 mx1 post"),
        ("stderr", "Nov 21 00:44:25 mx1 dovecot: x\\n"),
        ("stdout", "fix/qmgr[7]: a"),
        ("stdout", " b\\n"),
        ("stdout", "Nov 21 00:44:25 mx1 dovecot: y\\n"),
    ]
    .map(|(stream, text)| {
        format!("{{\"log\":\"{text}\",\"stream\":\"{stream}\",\"time\":\"{stamp}\"}}")
    });
    for lines in [cri, docker] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let at = "Some(2026)-11-21 25.0 Unstated | mx1";
        assert_eq!(
            shown(&lines),
            [
                "part".to_owned(),
                format!("{at} | dovecot | None | x"),
                "part".to_owned(),
                format!("{at} | postfix/qmgr | Some(7) | a b"),
                format!("{at} | dovecot | None | y"),
            ]
        );
        assert!(is_unfinished(lines[0].as_bytes()) && !is_unfinished(lines[1].as_bytes()));
    }
}

#[test]
fn a_line_whose_end_does_not_come_is_one_all_the_same() {
    let mut unwrapped = Unwrapped::default();
    assert_eq!(unwrapped.take_unfinished(), None);
    let part = b"2026-11-21T00:44:25Z stdout P Nov 21 00:44:25 mx1 dovecot: x";
    assert!(matches!(unwrapped.load(part), Some(Loaded::Part(_))));
    assert!(unwrapped.take_unfinished().is_some());
    assert_eq!(unwrapped.record().unwrap().message, b"x");
    assert_eq!(unwrapped.take_unfinished(), None);
}

#[test]
fn the_year_is_the_last_that_fits() {
    for (stamp, written, year) in [
        ("Nov 21", "2026-11-21", 2026),
        ("Nov 22", "2026-11-21", 2026),
        ("Nov 23", "2026-11-21", 2025),
        ("Dec 31", "2027-01-01", 2026),
        ("Jan  1", "2026-12-31", 2027),
        ("Feb 29", "2027-01-01", 2024),
    ] {
        let line = format!("{written}T00:00:00Z stdout F {stamp} 00:44:25 mx1 dovecot: x");
        let found = Unwrapped::default().load_alone(line.as_bytes()).unwrap();
        assert_eq!(found.year, Some(year), "{line}");
    }
}

#[test]
fn other_lines_are_in_no_container() {
    for line in [
        "Nov 21 00:44:25 mx1 dovecot: x",
        "2026-11-21T00:44:25Z mx1 dovecot: x",
        "2026-11-21T00:44:25Z stdout dovecot: x",
        "2026-11-21T00:44:25Z stdout X dovecot: x",
        "2026-11-21T00:44:25Z stdout Full dovecot: x",
        "2026-11-21T00:44:25Z stdin F dovecot: x",
        r#"{"log":"x\n"}"#,
        r#"{"log":"x\n","time":"yesterday"}"#,
        r#"{"stream":"stdout","time":"2026-11-21T00:44:25Z"}"#,
        "{",
        "",
    ] {
        assert_eq!(shown(&[line]), ["no container"], "{line}");
        assert!(!is_unfinished(line.as_bytes()));
    }
}
