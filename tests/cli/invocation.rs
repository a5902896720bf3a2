//! Arguments, standard input, pipes, exit status.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{GOOD, command, lab_log, mailtally, mailtally_reading};

#[test]
fn nothing_readable_is_an_error_without_a_report() {
    let run = mailtally("", &[Path::new("/nonexistent/mail.log")]).expect_status(2);
    assert!(run.stderr.contains("/nonexistent/mail.log"), "{run}");
}

#[test]
fn files_without_a_subcommand_make_a_report() {
    let short = mailtally("--year 2026", &[&lab_log()]).expect_status(0);
    let long = mailtally("report --year 2026", &[&lab_log()]).expect_status(0);
    assert_eq!(short.stdout, long.stdout);
    assert_eq!(short.stderr, "");
    assert!(
        short.stdout.contains("175"),
        "as many mails were received\n{short}"
    );
}

#[test]
fn wrong_arguments_are_status_2() {
    for arguments in [
        "report --format xml x",
        "--no-such-flag",
        "report --tz Mars/Olympus x",
        "report --year twenty x",
        "report --threads 0 x",
        "events --where sender x",
    ] {
        let run = mailtally(arguments, &[]).expect_status(2);
        assert_eq!(run.stdout, "", "{arguments}");
        assert!(!run.stderr.is_empty(), "{arguments}");
    }
    let run = mailtally("events --kind smtpd_conect x", &[]).expect_status(2);
    assert!(run.stderr.contains("smtpd_connect"), "{run}");
}

#[test]
fn help_goes_to_standard_output() {
    for arguments in [
        "--help",
        "report --help",
        "events --help",
        "coverage --help",
        "--version",
    ] {
        let run = mailtally(arguments, &[]).expect_status(0);
        assert!(run.stdout.contains("mailtally"), "{run}");
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    for subcommand in ["report", "coverage", "events"] {
        let mut command = command();
        command
            .arg(subcommand)
            .arg(lab_log())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{subcommand}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{subcommand}");
    }
}

#[test]
fn standard_input_is_a_dash_or_no_file_and_may_be_packed() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(GOOD.as_bytes()).unwrap();
    for input in [GOOD.as_bytes(), &packed.finish().unwrap()] {
        for arguments in ["--format json --year 2026", "--format json --year 2026 -"] {
            let run = mailtally_reading(arguments, input).expect_status(0);
            assert_eq!(run.json()["totals"]["received"], 1);
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    for arguments in ["report", "report --format json", "coverage", "events"] {
        let run = |threads: u8| {
            let arguments = format!("{arguments} --year 2026 --threads {threads}");
            mailtally(&arguments, &[&lab_log()]).expect_status(0).stdout
        };
        assert!(
            run(1) == run(8),
            "`{arguments}` differs between one thread and eight"
        );
    }
}

#[test]
fn a_figure_beyond_its_limit_sets_the_status() {
    // By grep: 45 refusals.
    for (condition, status) in [
        ("rejected>44", 1),
        ("rejected>45", 0),
        ("rejected>=45", 1),
        ("unparsed>0", 0),
        ("received<1", 0),
        ("failed_logins>5", 1),
    ] {
        for sections in ["coverage", "totals,tls"] {
            let arguments = format!("report --sections {sections} --fail-on {condition}");
            let run = mailtally(&arguments, &[&lab_log()]).expect_status(status);
            assert_eq!(run.stderr.contains(condition), status == 1, "{run}");
            assert!(run.stdout.contains("Mail log report"), "{run}");
        }
    }
    let run = mailtally(
        "report --fail-on rejected>1 --fail-on received<1",
        &[&lab_log()],
    );
    assert!(run.expect_status(1).stderr.contains("rejected is 45"));
    // What could not be read says more than any figure.
    let missing = Path::new("no-such.log");
    let run = mailtally("report --fail-on rejected>1", &[&lab_log(), missing]);
    run.expect_status(2);
}

#[test]
fn mistakes_are_one_line_with_the_nearest_spelling() {
    for (arguments, expected) in [
        (
            "report --fail-on rejectd>1",
            "no figure is called `rejectd`; close ones: rejected",
        ),
        ("report --fail-on rejected>x", "`x` is no whole number"),
        (
            "report --limit rejcts=3",
            "no section is called `rejcts`; close ones: rejects",
        ),
        (
            "report --limit rejects=many",
            "`rejects` needs a number of rows: rejects=50",
        ),
        (
            "report --limit rejects",
            "write a section and a number of rows",
        ),
        ("report --format htm", "'html'"),
        ("report --color nevr", "'never'"),
    ] {
        let run = mailtally(arguments, &[&lab_log()]).expect_status(2);
        let lines = run.stderr.lines().filter(|line| line.contains(expected));
        assert_eq!(lines.count(), 1, "{run}");
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn a_limit_is_for_one_section() {
    let rows = |arguments: &str| {
        let arguments = format!("report --format json {arguments}");
        let report = mailtally(&arguments, &[&lab_log()]).expect_status(0).json();
        let length = |list: &serde_json::Value| list.as_array().unwrap().len();
        (
            length(&report["rejects"]["by_rule"]),
            length(&report["logins"]),
        )
    };
    let (rules, logins) = rows("");
    assert!(rules > 5 && logins > 5);
    assert_eq!(rows("--limit rejects=3"), (3, logins));
    assert_eq!(rows("--top 2 --limit rejects=3"), (3, 2));
    assert_eq!(rows("--limit rejects=3,logins=4"), (3, 4));
    let text = mailtally("report --sections rejects --limit rejects=1", &[&lab_log()]).stdout;
    assert!(text.contains("\n  … 22 more (48 in sum)\n"), "{text}");
}
