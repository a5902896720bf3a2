//! Where `mailtally watch` sends its alerts: mail, programs, and the jail log.
//!
//! Skips what needs fail2ban where there is none; `MAILTALLY_REQUIRE=1` makes that a failure.
#![cfg(test)]

mod skipped;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use skipped::skip;

/// Failed logins, one a second: `tries` of an address, as a user.
fn failures(address: &str, user: &str, tries: u32) -> String {
    let line = |second| {
        format!(
            "2026-11-21T10:00:{second:02}+01:00 mx1 postfix/smtpd[7]: warning: unknown[{address}]: \
             SASL LOGIN authentication failed: authentication failure, sasl_username={user}\n"
        )
    };
    (0..tries).map(line).collect()
}

/// Mail that a human must see.
const FATAL: &str =
    "2026-11-21T10:00:40+01:00 mx1 postfix/smtpd[9]: fatal: no SASL authentication mechanisms\n";

/// A folder with a log, and places for what sinks write.
struct Place(tempfile::TempDir);

impl Place {
    fn new(log: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mail.log"), log).unwrap();
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_default()
    }

    /// A program of the site's own.
    fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.at(name);
        // Under another name first: a file that is being written cannot be run.
        let mut file = fs::File::create(self.at("new")).unwrap();
        write!(
            file,
            "#!/bin/sh\ncd '{}'\n{script}\n",
            self.0.path().display()
        )
        .unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o755))
            .unwrap();
        drop(file);
        fs::rename(self.at("new"), &path).unwrap();
        path
    }

    /// Replays the log; returns what it says on standard output and on standard error.
    fn replay(&self, arguments: &[&str]) -> (String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_mailtally"))
            .args(["watch", "--replay", "--format", "jsonl"])
            .args(arguments)
            .arg(self.at("mail.log"))
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said = text(output.stderr);
        let lines = said.split_inclusive('\n');
        let said = lines.filter(|line| !line.starts_with("mailtally: warming up: "));
        (text(output.stdout), said.collect())
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_program_gets_the_alert_and_no_shell_sees_it() {
    // A user's name as an attacker may choose it.
    let user = r"$(touch owned);`touch owned`\n|touch owned";
    let place = Place::new(&failures("203.0.113.9", user, 6));
    let program = place.program(
        "notify",
        "cat > json; printf '%s\\n' \"$#\" \"$1\" \"$MAILTALLY_RULE\" \"$MAILTALLY_KEY_ADDRESS\" \
         \"$MAILTALLY_COUNT\" \"$MAILTALLY_LAST_LINE\" > seen",
    );
    let exec = format!("{} --now=$(touch$IFS''owned)", program.display());
    let rules = place.at("rules");
    fs::write(&rules, only("login-brute-force")).unwrap();
    let (out, said) = place.replay(&["--exec", &exec, "--rules", shown(&rules)]);
    assert_eq!(said, "");
    let first = out.lines().next().unwrap();
    assert_eq!(place.text("json").trim_end(), first);
    let seen = place.text("seen");
    let seen: Vec<&str> = seen.lines().collect();
    let words = [
        "1",
        "--now=$(touch$IFS''owned)",
        "login-brute-force",
        "203.0.113.9",
        "6",
    ];
    assert_eq!(seen[..5], words);
    assert!(seen[5].contains("$(touch owned)"), "{seen:?}");
    assert_eq!(seen.len(), 6);
    assert!(!place.at("owned").exists());
}

/// Switches off the other rules that failed logins set off.
fn only(kept: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mailtally"))
        .args(["watch", "--check-rules"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let others = names.filter(|name| *name != kept && name.contains('-'));
    others
        .map(|name| format!("[[rule]]\nname = \"{name}\"\nenabled = false\n"))
        .collect()
}

#[test]
fn nul_and_newlines_of_a_log_reach_no_program() {
    let user = "bob\u{0}x\u{1b}[2J";
    let place = Place::new(&failures("203.0.113.9", user, 6));
    let program = place.program(
        "notify",
        "cat >> json; printf '%s\\n' \"$MAILTALLY_LAST_LINE\" >> seen",
    );
    let (_, said) = place.replay(&["--exec", shown(&program)]);
    assert_eq!(said, "");
    assert!(
        place.text("seen").contains("bob\\x00x\\x1b[2J"),
        "{:?}",
        place.text("seen")
    );
    for line in place.text("json").lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

/// Reads until a file has a text, for half a minute at most.
fn wait_for(path: &Path, text: &str) -> Duration {
    let begin = Instant::now();
    while !fs::read_to_string(path).unwrap_or_default().contains(text) {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "{} has no {text}",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    begin.elapsed()
}

/// A follower of a log, ended with the test.
struct Following(Child);

impl Following {
    fn begin(place: &Place, arguments: &[&str]) -> Self {
        let out = fs::File::create(place.at("out")).unwrap();
        let said = fs::File::create(place.at("said")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mailtally"))
            .args(["watch", "--from-start", "--format", "jsonl"])
            .args(arguments)
            .arg(place.at("mail.log"))
            .stdout(Stdio::from(out))
            .stderr(Stdio::from(said))
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ten thousand alerts and a program that sleeps: all of them come out at once, and what the program
/// misses is counted.
#[test]
fn a_slow_program_delays_nothing() {
    let attack = |n: u32| failures(&format!("10.9.{}.{}", n / 250, n % 250 + 1), "bob", 6);
    let log: String = (0..1_500).map(attack).collect();
    let end = failures("203.0.113.77", "bob", 6);
    let place = Place::new(&format!("{log}{end}"));
    let program = place.program("notify", "sleep 5");
    let _following = Following::begin(&place, &["--exec", shown(&program)]);
    wait_for(&place.at("out"), "203.0.113.77");
    wait_for(
        &place.at("said"),
        "--exec is too slow: 1 alerts were dropped so far",
    );
}

#[test]
fn a_storm_is_one_mail_and_its_text_is_harmless() {
    let user = "x\u{7}\r.\u{0}Bcc: evil@example.net";
    let place = Place::new(&format!("{}{FATAL}", failures("203.0.113.9", user, 50)));
    let sendmail = place.program("sendmail", "echo \"$@\" >> arguments; cat >> mail");
    let to = [
        "--mail-to",
        "postmaster@example.org",
        "--sendmail",
        shown(&sendmail),
    ];
    let (out, said) = place.replay(&[&to[..], &["--mail-class", "all"]].concat());
    assert_eq!(said, "");
    assert_eq!(place.text("arguments"), "-t -i\n");
    let mail = place.text("mail");
    assert!(mail.is_ascii());
    let (header, body) = mail.split_once("\n\n").unwrap();
    assert!(
        header.starts_with("To: postmaster@example.org\nSubject: mailtally: "),
        "{header}"
    );
    assert!(!mail.contains("\nBcc"));
    let alerts = out.lines().count();
    assert_eq!(body.matches("\n  id     ").count(), alerts, "{body}");
}

#[test]
fn mail_gets_what_a_human_must_see() {
    let place = Place::new(&format!("{}{FATAL}", failures("203.0.113.9", "bob", 12)));
    let sendmail = place.program("sendmail", "cat >> mail");
    let to = [
        "--mail-to",
        "postmaster@example.org",
        "--sendmail",
        shown(&sendmail),
    ];
    place.replay(&to);
    let mail = place.text("mail");
    assert!(
        mail.contains("Subject: mailtally: 1 to act on: fatal-error\n"),
        "{mail}"
    );
    assert!(!mail.contains("login-brute-force"), "{mail}");
}

/// Each place has its own class and severity; those of standard output are no matter of the others.
#[test]
fn each_place_shows_what_it_was_asked_for() {
    let place = Place::new(&format!("{}{FATAL}", failures("203.0.113.9", "bob", 12)));
    let program = place.program("notify", "cat >> told");
    let exec = shown(&program).to_owned();
    let rules = |text: &str| -> Vec<String> {
        let alerts = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let rule = |alert: Value| {
            let word = |name: &str| alert[name].as_str().unwrap().to_owned();
            format!("{} {} {}", word("class"), word("severity"), word("rule"))
        };
        alerts.map(rule).collect()
    };
    let all = rules(&place.replay(&[]).0);
    let starting = |words: &str| -> Vec<String> {
        let mut some = all.clone();
        some.retain(|alert| alert.starts_with(words));
        assert!(!some.is_empty() && some.len() < all.len(), "{words}");
        some
    };
    let (out, _) = place.replay(&["--stdout-class", "page", "--exec", &exec]);
    assert_eq!(rules(&out), starting("page"));
    assert_eq!(rules(&place.text("told")).len(), all.len());
    let (out, _) = place.replay(&["--stdout-class", "background"]);
    assert_eq!(rules(&out), starting("background"));
    fs::remove_file(place.at("told")).unwrap();
    let (out, _) = place.replay(&[
        "--stdout-severity",
        "critical",
        "--exec",
        &exec,
        "--exec-severity",
        "critical",
    ]);
    assert_eq!(rules(&out), starting("page critical"));
    assert_eq!(rules(&place.text("told")), rules(&out));
    let (out, _) = place.replay(&["--stdout-severity", "warning"]);
    let mut not_info = all.clone();
    not_info.retain(|alert| !alert.contains(" info "));
    assert!(not_info.len() < all.len());
    assert_eq!(rules(&out), not_info);
    let (_, said) = place.replay(&["--stdout-severity", "severe"]);
    assert!(
        said.contains("[possible values: info, warning, critical]"),
        "{said}"
    );
}

#[test]
fn a_dead_sendmail_is_said_and_the_rest_goes_on() {
    let place = Place::new(FATAL);
    let sendmail = place.program("sendmail", "exit 75");
    let to = ["--mail-to", "postmaster", "--sendmail", shown(&sendmail)];
    let (out, said) = place.replay(&to);
    assert!(out.contains("fatal-error"));
    assert!(said.contains("it ended with exit status: 75"), "{said}");
    assert!(said.contains("alerts could not be sent"), "{said}");
    let (out, said) = place.replay(&["--mail-to", "postmaster", "--sendmail", "/no/such/sendmail"]);
    assert!(out.contains("fatal-error"));
    assert!(
        said.contains("/no/such/sendmail: cannot start it: No such file"),
        "{said}"
    );
}

#[test]
fn offences_have_one_shape_and_no_text_of_the_log() {
    let hostile = "x address=192.0.2.1\\n2026-11-21T10:00:00+0000 mailtally: offence";
    let (v4, v6) = ("203.0.113.9", "2001:db8::9");
    let later = "2026-11-22T12:00:00+01:00 mx1 postfix/qmgr[8]: 4A1B2C3D4E: removed\n";
    let place = Place::new(&format!(
        "{}{}{later}",
        failures(v4, hostile, 6),
        failures(v6, "b", 6)
    ));
    let jail = place.at("jail.log");
    let (out, said) = place.replay(&["--jail-log", shown(&jail)]);
    assert_eq!(said, "");
    let text = place.text("jail.log");
    // Nobody offends by being over.
    let of_sources = out
        .lines()
        .filter(|alert| alert.contains("[[\"address\"") || alert.contains("[[\"network\""));
    let (over, offences): (Vec<&str>, Vec<&str>) =
        of_sources.partition(|alert| alert.contains("\"resolved\""));
    assert!(!over.is_empty(), "{out}");
    assert_eq!(text.lines().count(), offences.len(), "{text}{out}");
    let shape = regex::Regex::new(
        "^2026-11-21T10:00:\\d\\d\\+0100 mailtally: offence rule=[a-z-]+ severity=[a-z]+ count=\\d+ \
         (address=(203\\.0\\.113\\.9|2001:db8::9)|network=[0-9a-f.:]+/\\d+)$",
    )
    .unwrap();
    for line in text.lines() {
        assert!(shape.is_match(line), "{line}");
    }
    for address in [v4, v6] {
        assert!(text.contains(&format!(
            "rule=login-brute-force severity=warning count=6 address={address}\n"
        )));
    }
    let mode = fs::metadata(&jail).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
    // A second run goes on in the file.
    place.replay(&["--jail-log", shown(&jail)]);
    assert_eq!(place.text("jail.log"), text.repeat(2));
}

#[test]
fn fail2ban_acts_on_the_jail_log() {
    let found = Command::new("fail2ban-regex").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        return skip("fail2ban-regex is not installed");
    }
    let place = Place::new(&format!(
        "{}{}",
        failures("203.0.113.9", "bob", 6),
        failures("2001:db8::9", "bob", 6)
    ));
    let jail = place.at("jail.log");
    place.replay(&["--jail-log", shown(&jail)]);
    // What others write looks otherwise.
    let mut file = fs::OpenOptions::new().append(true).open(&jail).unwrap();
    writeln!(file, "2026-11-21T10:00:05+0100 mailtally: offence rule=x y severity=warning count=6 address=192.0.2.1").unwrap();
    writeln!(file, "2026-11-21T10:00:05+0100 mailtally: offence rule=x severity=warning count=6 address=192.0.2.1 z").unwrap();
    let offences = place
        .text("jail.log")
        .matches("severity=warning count=6 address=2")
        .count();
    assert_eq!(offences, 2, "{}", place.text("jail.log"));
    let output = Command::new("fail2ban-regex")
        .args(["--print-all-matched", "-o", "row"])
        .arg(&jail)
        .arg("packaging/fail2ban/filter.d/mailtally.conf")
        .output()
        .unwrap();
    let rows = String::from_utf8_lossy(&output.stdout).into_owned();
    for address in ["203.0.113.9", "2001:db8::9"] {
        assert!(
            rows.contains(address),
            "{rows}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert!(!rows.contains("192.0.2.1"), "{rows}");
    // 10:00:05 in a zone one hour ahead.
    assert!(rows.contains("1795251605"), "{rows}");
}

#[test]
fn wrong_values_get_one_line() {
    let place = Place::new("");
    for (arguments, words) in [
        (["--mail-to", "a b"], "write one address"),
        (["--exec", " "], "write a program"),
        (
            ["--jail-log", "/no/such/folder/jail.log"],
            "--jail-log: cannot write /no/such/folder/jail.log",
        ),
    ] {
        let (_, said) = place.replay(&arguments);
        assert!(said.contains(words), "{said}");
    }
}
