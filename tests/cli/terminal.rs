//! Nothing that stands in a log, or in a name, steers the terminal that shows it.

use std::fs;
use std::path::Path;

use crate::skipped::skip;
use crate::support::{fixture, mailtally, mailtally_reading};

/// Characters that steer a terminal or hide: written down here apart from the code under test.
fn steers_a_terminal(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x09'
            | '\x0b'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}

#[test]
fn nothing_from_a_log_steers_the_terminal() {
    let log = fixture("malformed/terminal.log");
    let raw = fs::read(&log).unwrap();
    let hostile = String::from_utf8_lossy(&raw)
        .chars()
        .filter(|c| steers_a_terminal(*c))
        .count();
    assert!(hostile > 50);
    for arguments in [
        "report",
        "report --format json",
        "report --format markdown",
        "report --format html",
        "report --format csv --sections logins",
        "coverage",
        "coverage --format json",
        "events",
    ] {
        let run = mailtally(arguments, &[&log]);
        assert!(run.stdout.len() > 200, "{run}");
        for text in [&run.stdout, &run.stderr] {
            // CSV ends its rows so.
            let text = text.replace("\r\n", "\n");
            let found = text.chars().find(|c| steers_a_terminal(*c));
            assert_eq!(found, None, "{arguments}");
        }
    }
}

#[test]
fn events_keep_what_they_escape() {
    let events = mailtally("events", &[&fixture("malformed/terminal.log")]).json_lines();
    let failed = events
        .iter()
        .find(|event| event["kind"] == "sasl_auth_failed")
        .unwrap();
    assert_eq!(
        failed["sasl_username"],
        "\x1b[2J\x1b]0;owned\x07a\u{200b}b\u{feff}"
    );
}

/// Events and reports escape by rules of their own, for neither room may use the other.
#[test]
fn events_hide_whatever_reports_hide() {
    let hidden = |c: &char| mailtally::render::is_hidden(*c) && !matches!(c, '\n' | '\r' | '\0');
    let mut line = String::from("Nov 21 10:00:00 mx1 postfix/smtpd[101]: no such shape ");
    line.extend(('\0'..='\u{10ffff}').filter(hidden));
    let run = mailtally_reading("events --year 2026 -", line.as_bytes());
    let written: Vec<char> = run.stdout.chars().filter(hidden).collect();
    assert_eq!(written, []);
    let text = run.json()["text"].as_str().unwrap().to_owned();
    assert!(text.chars().filter(hidden).count() > 500, "{}", text.len());
}

#[test]
fn a_file_name_cannot_steer_the_terminal_either() {
    for subcommand in ["report", "events", "coverage"] {
        let run = mailtally(subcommand, &[Path::new("\x1b[2Jno\u{202e}such.log")]).expect_status(2);
        let found = run.stderr.chars().find(|c| steers_a_terminal(*c));
        assert_eq!(found, None, "{:?}", run.stderr);
        assert!(run.stderr.contains("such.log"), "{run}");
    }
}

/// What a command writes to a terminal of 100 columns; `None` without `script` of util-linux.
fn on_terminal(arguments: &str, environment: &[(&str, &str)]) -> Option<String> {
    let binary = crate::support::binary();
    let log = fixture("logs/lab-small/mail.log");
    let line = format!(
        "stty rows 40 cols 100; {} {arguments} {}",
        binary.display(),
        log.display()
    );
    let mut script = std::process::Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm");
    script.env_remove("NO_COLOR");
    script.envs(environment.iter().copied());
    let Ok(output) = script.stdin(std::process::Stdio::null()).output() else {
        skip("no `script` (apt-get install bsdutils)");
        return None;
    };
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_terminal_has_its_width_and_colours_unless_told_otherwise() {
    let Some(text) = on_terminal("report", &[]) else {
        return;
    };
    assert!(text.contains("\x1b[1mGrand totals\x1b[0m"), "{text}");
    // In 80 columns the host is cut.
    assert!(text.contains("  mail.example.org\r\n"), "{text}");
    for (arguments, environment) in [
        ("report", vec![("NO_COLOR", "1")]),
        ("report", vec![("TERM", "dumb")]),
        ("report --color never", vec![]),
        ("report --format markdown", vec![]),
        ("report --format json", vec![]),
    ] {
        let text = on_terminal(arguments, &environment).unwrap();
        assert!(!text.contains("\x1b[1m"), "{arguments} {environment:?}");
    }
    // As no-color.org has it.
    let text = on_terminal("report", &[("NO_COLOR", "")]).unwrap();
    assert!(text.contains("\x1b[1m"), "{text}");
}

#[test]
fn what_is_no_terminal_has_colours_only_on_demand() {
    let log = fixture("logs/lab-small/mail.log");
    let plain = mailtally("report", &[&log]).stdout;
    assert!(!plain.contains('\x1b'));
    let coloured = mailtally("report --color always", &[&log]).stdout;
    assert!(
        coloured.contains("\x1b[1mGrand totals\x1b[0m\n"),
        "{coloured}"
    );
    let mut bare = coloured;
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[34m"] {
        bare = bare.replace(code, "");
    }
    assert_eq!(bare, plain);
}
