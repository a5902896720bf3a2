use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_while_m_n};
use nom::combinator::{opt, verify};
use nom::sequence::{preceded, terminated};
use proptest::prelude::*;

use crate::scan::{Scan, micros, to_number};
use crate::{Daemon, Program, Record, Timestamp, Zone};

fn read(line: &[u8]) -> Record<'_> {
    Record::parse(line).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(line)))
}

/// The fields of a record as text: stamp, host, tag, pid, message.
fn shown(line: &str) -> String {
    let record = read(line.as_bytes());
    assert_eq!(Timestamp::of_line(line.as_bytes()), Some(record.timestamp));
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let pid = record
        .pid
        .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let stamp = stamp_shown(&record.timestamp);
    let (host, tag) = (text(record.host), text(record.tag.text));
    format!(
        "{stamp} | {host} | {tag} | {pid} | {}",
        text(record.message)
    )
}

fn stamp_shown(stamp: &Timestamp) -> String {
    let Timestamp {
        month,
        day,
        hour,
        minute,
        second,
        micros,
        ..
    } = stamp;
    let year = stamp
        .year
        .map_or_else(|| "????".to_owned(), |year| year.to_string());
    let zone = match stamp.zone {
        Zone::Unstated => String::new(),
        Zone::Offset(seconds) => format!("{seconds:+}"),
        Zone::Utc => "Z".to_owned(),
    };
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}{zone}")
}

#[test]
fn reads_traditional_lines() {
    let expected =
        "????-05-01 12:34:56.000000 | mx1 | postfix/smtpd | 1234 | connect from a[192.0.2.1]";
    for line in [
        "May  1 12:34:56 mx1 postfix/smtpd[1234]: connect from a[192.0.2.1]",
        "May 01 12:34:56 mx1 postfix/smtpd[1234]: connect from a[192.0.2.1]",
        "May 1 12:34:56 mx1 postfix/smtpd[1234]: connect from a[192.0.2.1]",
        "<22>May  1 12:34:56 mx1 postfix/smtpd[1234]: connect from a[192.0.2.1]",
        "May  1 12:34:56 <mail.info> mx1 postfix/smtpd[1234]: connect from a[192.0.2.1]",
        "May  1 12:34:56 <2.6> mx1 postfix/smtpd[1234]: connect from a[192.0.2.1]",
        "May  1 12:34:56 mx1 mail.info postfix/smtpd[1234]: connect from a[192.0.2.1]",
        "May  1 12:34:56 mx1 postfix/smtpd[1234]: [ID 197553 mail.info] connect from a[192.0.2.1]",
        "May  1 12:34:56 mx1 postfix/smtpd[1234]: connect from a[192.0.2.1]\r",
        "\0\0\0May  1 12:34:56 mx1 postfix/smtpd[1234]: connect from a[192.0.2.1]",
    ] {
        assert_eq!(shown(line), expected, "{line:?}");
    }
    assert_eq!(
        shown("Dec 31 23:59:60.123456 - postfix/qmgr[7]: A1B2C3D4E5: removed"),
        "????-12-31 23:59:60.123456 | - | postfix/qmgr | 7 | A1B2C3D4E5: removed"
    );
}

#[test]
fn reads_tags_of_every_form() {
    for (text, tag, pid, message) in [
        (
            "dovecot: imap-login: Login: user=<a>",
            "dovecot",
            "-",
            "imap-login: Login: user=<a>",
        ),
        ("dovecot[241]: auth: x", "dovecot", "241", "auth: x"),
        (
            "postfix/127.0.0.1:10025/smtpd[9]: x",
            "postfix/127.0.0.1:10025/smtpd",
            "9",
            "x",
        ),
        ("postfix/smtpd[-]: x", "postfix/smtpd", "-", "x"),
        ("postfix/smtpd[99999999999]: x", "postfix/smtpd", "-", "x"),
        ("postfix/smtpd[12]: ", "postfix/smtpd", "12", ""),
        ("postfix/smtpd[12]:", "postfix/smtpd", "12", ""),
        (
            "postfix/smtpd[12]:  two blanks",
            "postfix/smtpd",
            "12",
            " two blanks",
        ),
        (
            "rsyslogd: [origin software=\"rsyslogd\"] start",
            "rsyslogd",
            "-",
            "[origin software=\"rsyslogd\"] start",
        ),
        (
            "last message repeated 2 times",
            "syslogd",
            "-",
            "last message repeated 2 times",
        ),
        (
            "--- last message repeated 3 times ---",
            "syslogd",
            "-",
            "--- last message repeated 3 times ---",
        ),
        ("no tag at all", "", "-", "no tag at all"),
        ("postfix/smtpd[12", "", "-", "postfix/smtpd[12"),
    ] {
        let line = format!("May  1 12:34:56 mx1 {text}");
        let expected = format!("????-05-01 12:34:56.000000 | mx1 | {tag} | {pid} | {message}");
        assert_eq!(shown(&line), expected);
    }
}

#[test]
fn reads_the_relatives_of_rfc3339() {
    let rest = " | mx1 | postfix/smtpd | 1234 | x";
    for (stamp, expected) in [
        (
            "2024-05-01T12:34:56.789012+02:00",
            "2024-05-01 12:34:56.789012+7200",
        ),
        (
            "2024-05-01T12:34:56.789012345-05:30",
            "2024-05-01 12:34:56.789012-19800",
        ),
        (
            "2024-05-01T12:34:56,789+0200",
            "2024-05-01 12:34:56.789000+7200",
        ),
        ("2024-05-01T12:34:56+02", "2024-05-01 12:34:56.000000+7200"),
        ("2024-05-01T12:34:56+00:00", "2024-05-01 12:34:56.000000+0"),
        ("2024-05-01T12:34:56Z", "2024-05-01 12:34:56.000000Z"),
        ("2024-05-01T12:34:56", "2024-05-01 12:34:56.000000"),
        ("2024-05-01 12:34:56", "2024-05-01 12:34:56.000000"),
        ("Wed 2024-05-01 12:34:56 CEST", "2024-05-01 12:34:56.000000"),
        ("Wed 2024-05-01 12:34:56 UTC", "2024-05-01 12:34:56.000000Z"),
        ("<22>2024-05-01T12:34:56Z", "2024-05-01 12:34:56.000000Z"),
        ("1714566896.789012", "2024-05-01 12:34:56.789012Z"),
    ] {
        assert_eq!(
            shown(&format!("{stamp} mx1 postfix/smtpd[1234]: x")),
            format!("{expected}{rest}")
        );
    }
}

#[test]
fn reads_rfc5424_with_and_without_priority_and_values() {
    let stamp = "2024-05-01 12:34:56.000000Z";
    for (line, expected) in [
        (
            "<22>1 S mx1 postfix/smtpd 1234 - - connect",
            "mx1 | postfix/smtpd | 1234 | connect",
        ),
        (
            "1 S mx1 postfix/smtpd 1234 - - connect",
            "mx1 | postfix/smtpd | 1234 | connect",
        ),
        (
            "<22>1 S mx1 postfix 1234 - -  connect",
            "mx1 | postfix | 1234 | connect",
        ),
        (
            "<22>1 S - dovecot - - - imap-login: x",
            " | dovecot | - | imap-login: x",
        ),
        (
            "<46>1 S mx1 rsyslogd - - -  [origin x=\"1\"] start",
            "mx1 | rsyslogd | - | [origin x=\"1\"] start",
        ),
        (
            "1 S mx1 postfix/qmgr 7 ID47 [a@1 b=\"]\\\"]\"][c] \u{FEFF}x",
            "mx1 | postfix/qmgr | 7 | x",
        ),
        (
            "1 S mx1 postfix/qmgr 7 - [open b=\"x",
            "mx1 | postfix/qmgr | 7 | [open b=\"x",
        ),
        ("1 S mx1 postfix/qmgr 7 - -", "mx1 | postfix/qmgr | 7 | "),
    ] {
        let line = line.replacen('S', "2024-05-01T12:34:56Z", 1);
        assert_eq!(shown(&line), format!("{stamp} | {expected}"));
    }
    assert!(Record::parse(b"<22>1 - mx1 postfix/smtpd 1234 - - connect").is_none());
}

#[test]
fn reads_dovecots_own_log_file() {
    for message in [
        "imap-login: Info: Login: user=<a>, method=PLAIN",
        "master: Info: Dovecot v2.3.19.1 (9b53102964) starting up for imap",
        "lmtp(17317): Info: Connect from local",
        "lmtp(a@example.org)<17317><DuevF4vrAGulQwAAwX/9vA>: Info: Mailbox created: INBOX",
        "imap(two words)<1><AbCd>: Error: x",
        "auth-worker(a,192.0.2.1)<17><AbCd>: request [12]: Info: sql: x",
    ] {
        let line = format!("Jan 29 09:33:58 {message}");
        assert_eq!(
            shown(&line),
            format!("????-01-29 09:33:58.000000 |  | dovecot | - | {message}")
        );
        let record = read(line.as_bytes());
        assert_eq!(record.tag.program, Program::Dovecot);
    }
    let iso = "2026-01-29 09:33:58 imap-login: Info: x";
    assert_eq!(
        shown(iso),
        "2026-01-29 09:33:58.000000 |  | dovecot | - | imap-login: Info: x"
    );
}

#[test]
fn takes_a_tag_without_host_for_what_it_is() {
    let line = b"May  1 12:34:56 postfix/smtpd[12]: 4F1A22C0D9E: client=a: Info: b";
    let record = read(line);
    assert_eq!((record.host, record.pid), (&b""[..], Some(12)));
    assert_eq!(record.tag.program, Program::Postfix(Daemon::Smtpd));
    let hybrid = read(b"May  1 12:34:56 dovecot: imap-login: Info: Login: x");
    assert_eq!(hybrid.message, b"imap-login: Info: Login: x");
}

#[test]
fn refuses_stamps_out_of_range_and_lines_without_one() {
    for line in [
        "",
        "May",
        "May  0 12:34:56 mx1 a: x",
        "May 32 12:34:56 mx1 a: x",
        "May  1 24:34:56 mx1 a: x",
        "May  1 12:60:56 mx1 a: x",
        "May  1 12:34:61 mx1 a: x",
        "Mai  1 12:34:56 mx1 a: x",
        "may  1 12:34:56 mx1 a: x",
        "2024-13-01T12:34:56Z mx1 a: x",
        "2024-00-01T12:34:56Z mx1 a: x",
        "2024-05-01T12:34:56+24:00 mx1 a: x",
        "2024-05-01T12:34:56+02:60 mx1 a: x",
        "2024-05-01T12:34:56Zmx1 a: x",
        "1714 mx1 a: x",
        "1714566896 mx1 a: x",
        "99999999999999999999 mx1 a: x",
        "9999999999999.0 mx1 a: x",
        "<>May  1 12:34:56 mx1 a: x",
        "<12345>May  1 12:34:56 mx1 a: x",
        "{\"MESSAGE\":\"x\"}",
        "-- Boot 0123 --",
        "\0\0\0",
        "\tcontinued",
    ] {
        assert!(Record::parse(line.as_bytes()).is_none(), "{line:?}");
    }
}

#[test]
fn turns_epochs_into_dates() {
    for (seconds, expected) in [
        (0, "1970-01-01 00:00:00.000000Z"),
        (951_782_399, "2000-02-28 23:59:59.000000Z"),
        (951_782_400, "2000-02-29 00:00:00.000000Z"),
        (1_709_251_199, "2024-02-29 23:59:59.000000Z"),
        (4_107_542_400, "2100-03-01 00:00:00.000000Z"),
        (253_402_300_799, "9999-12-31 23:59:59.000000Z"),
    ] {
        let stamp = Timestamp::from_epoch_micros(seconds * 1_000_000).unwrap();
        assert_eq!(stamp_shown(&stamp), expected);
    }
    assert!(Timestamp::from_epoch_micros(253_402_300_800_000_000).is_none());
    assert!(Timestamp::from_epoch_micros(u64::MAX).is_none());
}

/// The plain twin of the hand-read stamps.
fn twin(line: &[u8]) -> Option<Timestamp> {
    alt((twin_rfc3164, twin_rfc3339))
        .parse(line)
        .ok()
        .map(|(_, stamp)| stamp)
}

fn digits(width: usize, low: u64, high: u64) -> impl FnMut(&[u8]) -> Scan<'_, u8> {
    move |input| {
        let number = take_while_m_n(width, width, |byte: u8| byte.is_ascii_digit());
        let (rest, text) = verify(number, |text: &[u8]| {
            to_number(text).is_some_and(|value| (low..=high).contains(&value))
        })
        .parse(input)?;
        Ok((
            rest,
            to_number(text)
                .and_then(|value| u8::try_from(value).ok())
                .unwrap_or(0),
        ))
    }
}

fn twin_time(input: &[u8]) -> Scan<'_, (u8, u8, u8)> {
    let minute = preceded(tag(":"), digits(2, 0, 59));
    let second = preceded(tag(":"), digits(2, 0, 60));
    (digits(2, 0, 23), minute, second).parse(input)
}

fn twin_fraction(input: &[u8]) -> Scan<'_, u32> {
    let some_digits = take_while_m_n(1, 64, |byte: u8| byte.is_ascii_digit());
    let (rest, found) = opt(preceded(alt((tag("."), tag(","))), some_digits)).parse(input)?;
    Ok((rest, found.map_or(0, micros)))
}

fn twin_rfc3164(input: &[u8]) -> Scan<'_, Timestamp> {
    let names = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let is_month = |name: &[u8]| names.iter().any(|month| month.as_bytes() == name);
    let (rest, name) = terminated(verify(take(3usize), is_month), tag(" ")).parse(input)?;
    let month = names
        .iter()
        .position(|month| month.as_bytes() == name)
        .unwrap_or(0)
        + 1;
    let (rest, day) = alt((
        preceded(tag(" "), digits(1, 1, 9)),
        digits(2, 1, 31),
        digits(1, 1, 9),
    ))
    .parse(rest)?;
    let (rest, (hour, minute, second)) = preceded(tag(" "), twin_time).parse(rest)?;
    let (rest, micros) = terminated(twin_fraction, tag(" ")).parse(rest)?;
    let (year, zone) = (None, Zone::Unstated);
    let month = u8::try_from(month).unwrap_or(0);
    Ok((
        rest,
        Timestamp {
            year,
            month,
            day,
            hour,
            minute,
            second,
            micros,
            zone,
        },
    ))
}

fn twin_rfc3339(input: &[u8]) -> Scan<'_, Timestamp> {
    let (rest, (century, year)) = (digits(2, 0, 99), digits(2, 0, 99)).parse(input)?;
    let (rest, month) = preceded(tag("-"), digits(2, 1, 12)).parse(rest)?;
    let (rest, day) = preceded(tag("-"), digits(2, 1, 31)).parse(rest)?;
    let between = alt((tag("T"), tag("t"), tag(" ")));
    let (rest, (hour, minute, second)) = preceded(between, twin_time).parse(rest)?;
    let (rest, micros) = twin_fraction(rest)?;
    let (rest, zone) = terminated(twin_zone, tag(" ")).parse(rest)?;
    let year = Some(u16::from(century) * 100 + u16::from(year));
    Ok((
        rest,
        Timestamp {
            year,
            month,
            day,
            hour,
            minute,
            second,
            micros,
            zone,
        },
    ))
}

fn twin_zone(input: &[u8]) -> Scan<'_, Zone> {
    let utc = alt((tag("Z"), tag("z"))).map(|_| Zone::Utc);
    let minutes = opt(preceded(opt(tag(":")), digits(2, 0, 59)));
    let offset = (alt((tag("+"), tag("-"))), digits(2, 0, 23), minutes);
    let offset = offset.map(|(sign, hours, minutes): (&[u8], u8, Option<u8>)| {
        let seconds = i32::from(hours) * 3600 + i32::from(minutes.unwrap_or(0)) * 60;
        Zone::Offset(if sign == b"-" { -seconds } else { seconds })
    });
    let (rest, zone) = opt(alt((utc, offset))).parse(input)?;
    Ok((rest, zone.unwrap_or(Zone::Unstated)))
}

/// Lines that are nearly right, so that each check of the parser is met.
fn nearly_a_line() -> impl Strategy<Value = String> {
    let traditional =
        r"(May|Dec|Feb|Mai) ( |0|1|3|)[0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9](|\.[0-9]{0,7}|,5)";
    let iso = r"[12][0-9]{3}-[01][0-9]-[0-3][0-9][T t][0-2][0-9]:[0-6][0-9]:[0-6][0-9](|[.,][0-9]{0,7})(Z|z|[+-][0-2][0-9](|:?[0-6][0-9]?)|)";
    let rest = r"( |)mx1 (postfix/smtpd\[[0-9]{1,3}\]?:?|dovecot:|a) ?.{0,9}";
    (prop_oneof![traditional, iso], rest).prop_map(|(stamp, rest)| stamp + &rest)
}

fn is_inside(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.start >= whole.start && part.end <= whole.end
}

proptest! {
    #[test]
    fn never_panics_and_borrows_from_the_line(line in prop::collection::vec(any::<u8>(), 0..80)) {
        let stamp = Timestamp::of_line(&line);
        if let Some(record) = Record::parse(&line) {
            prop_assert_eq!(Some(record.timestamp), stamp);
            prop_assert!(is_inside(record.message, &line));
        }
    }

    #[test]
    fn agrees_with_the_plain_twin(line in nearly_a_line()) {
        let line = line.as_bytes();
        let record = Record::parse(line);
        prop_assert_eq!(record.map(|record| record.timestamp), twin(line));
        prop_assert_eq!(record.map(|record| record.timestamp), Timestamp::of_line(line));
        if let Some(record) = record {
            prop_assert!(is_inside(record.message, line));
            let in_line = is_inside(record.host, line) || record.host.is_empty();
            prop_assert!(in_line, "{:?}", record);
        }
    }
}
