//! The lists of `mailtally top --export`, given to the programs that they are for.
//!
//! Each test runs where its program is there; with MAILTALLY_REQUIRE=1 a missing one is a failure.
#![cfg(test)]

mod skipped;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use skipped::skip;
use tempfile::TempDir;

const LOG: &str = "fixtures/logs/lab-a/mail.log.gz";
/// An attacker of that log.
const ATTACKER: &str = "198.51.100.59";

/// Lines whose texts try to break out of every list.
fn hostile() -> String {
    let mut log = String::new();
    for helo in [
        "x\\n0.0.0.0/0 REJECT",
        "\"; drop table inet filter; \"",
        "0.0.0.0/0",
        "} add rule $(reboot)",
        "a,b\",ban,\"0.0.0.0/0",
    ] {
        for _ in 0..6 {
            log += &format!(
                "Nov 21 10:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.99]: 554 \
                 5.7.1 <x@example.org>: Relay access denied; from=<{helo}@e.example> to=<x@example.org> \
                 proto=ESMTP helo=<{helo}>\n"
            );
        }
    }
    log
}

/// Writes the list of a log and its hostile companion to a file.
fn export(folder: &TempDir, form: &str, more: &[&str]) -> String {
    let extra = folder.path().join("hostile.log");
    fs::write(&extra, hostile()).unwrap();
    let path = folder.path().join(form);
    let run = Command::new(assert_cmd::cargo::cargo_bin!("mailtally"))
        .args(["top", "--no-progress", "--export", form, LOG, "--main-cf"])
        .arg(folder.path().join("main.cf"))
        .arg(&extra)
        .args(more)
        .arg("--out")
        .arg(&path)
        .output();
    let run = run.unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    fs::read_to_string(path).unwrap()
}

/// A folder with a main.cf.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("main.cf"),
        "mynetworks = 127.0.0.0/8 [::1]/128\n",
    )
    .unwrap();
    folder
}

/// Tells whether a program is there; says so if the test is left out.
fn has(program: &str) -> bool {
    let is_there = Command::new("sh")
        .args(["-c", &format!("command -v {program} > /dev/null")])
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        skip(format!("{program} is not installed"));
    }
    is_there
}

/// Runs a program in a network of its own, with a file as its input.
fn in_own_network(arguments: &[&str], input: &Path) -> Output {
    let input = fs::File::open(input).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net"]).args(arguments);
    command.stdin(Stdio::from(input)).output().unwrap()
}

/// Tells whether the kernel lets a program set up a network of its own.
fn kernel_allows(arguments: &[&str]) -> bool {
    let output = in_own_network(arguments, Path::new("/dev/null"));
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        println!("left out: the kernel does not let us: {why}");
    }
    output.status.success()
}

fn lines_of(text: &str) -> Vec<&str> {
    let is_entry = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(is_entry).collect()
}

#[test]
fn postfix_refuses_who_is_listed_and_nobody_else() {
    let folder = folder();
    for (form, word) in [("postfix-cidr", "REJECT"), ("postscreen-cidr", "reject")] {
        let text = export(&folder, form, &[]);
        for line in lines_of(&text) {
            let (address, action) = line.split_once(' ').unwrap();
            assert_eq!(action, word);
            assert!(address.parse::<std::net::IpAddr>().is_ok(), "{line}");
        }
        if !has("postmap") {
            continue;
        }
        let table = format!("cidr:{}", folder.path().join(form).display());
        let ask = |address: &str| {
            let mut command = Command::new("postmap");
            let command = command
                .arg("-c")
                .arg(folder.path())
                .args(["-q", address, &table]);
            let output = command.output().unwrap();
            assert!(
                output.stderr.is_empty(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            String::from_utf8(output.stdout)
                .unwrap()
                .trim_end()
                .to_owned()
        };
        assert_eq!(ask(ATTACKER), word);
        assert_eq!(ask("203.0.113.99"), word);
        assert_eq!(ask("192.0.2.1"), "");
        assert_eq!(ask("203.0.113.240"), "");
    }
}

#[test]
fn nft_takes_the_list() {
    let folder = folder();
    let text = export(&folder, "nftables", &["--expires", "7d"]);
    assert!(text.contains(&format!("{{ {ATTACKER} timeout 604800s }}")));
    if !has("nft") || !kernel_allows(&["nft", "list", "ruleset"]) {
        return;
    }
    let path = folder.path().join("nftables");
    let output = in_own_network(&["nft", "-c", "-f", "-"], &path);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn ipset_takes_the_list() {
    let folder = folder();
    let text = export(&folder, "ipset", &["--expires", "7d", "--by", "network"]);
    assert!(text.contains("timeout 604800 -exist"));
    if !has("ipset") || !kernel_allows(&["ipset", "list"]) {
        return;
    }
    let path = folder.path().join("ipset");
    let output = in_own_network(&["ipset", "restore"], &path);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A server of fail2ban of our own, ended when the test is.
struct Server {
    child: std::process::Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn fail2ban_bans_who_is_listed() {
    let folder = folder();
    let text = export(&folder, "fail2ban", &[]);
    assert!(
        text.lines()
            .all(|line| line.starts_with("set postfix banip "))
    );
    if !has("fail2ban-server") {
        return;
    }
    let at = |name: &str| folder.path().join(name).display().to_string();
    let own = format!(
        "[Definition]\nloglevel = INFO\nlogtarget = {}\nsyslogsocket = auto\nsocket = {}\npidfile = {}\n\
         dbfile = None\ndbpurgeage = 1d\n",
        at("log"),
        at("socket"),
        at("pid")
    );
    fs::write(at("fail2ban.conf"), own).unwrap();
    let jail = format!(
        "[postfix]\nenabled = true\nfilter =\nlogpath = {}\nbackend = polling\nbantime = 600\naction =\n",
        at("empty")
    );
    fs::write(at("jail.conf"), jail).unwrap();
    fs::write(at("empty"), "").unwrap();
    for name in ["filter.d", "action.d", "jail.d"] {
        fs::create_dir(at(name)).unwrap();
    }
    let (socket, pid) = (at("socket"), at("pid"));
    let ours = [
        "-c",
        folder.path().to_str().unwrap(),
        "-s",
        &socket,
        "-p",
        &pid,
    ];
    let mut server = Command::new("fail2ban-server");
    server.arg("-f").args(ours).arg("start");
    server.stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Server {
        child: server.spawn().unwrap(),
    };
    let client = |more: &[&str], input: Stdio| {
        let mut client = Command::new("fail2ban-client");
        client.args(ours).args(more).stdin(input).output().unwrap()
    };
    let is_up = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(200));
        client(&["status", "postfix"], Stdio::null())
            .status
            .success()
    });
    assert!(is_up, "fail2ban does not start");
    let list = fs::File::open(folder.path().join("fail2ban")).unwrap();
    client(&["-i"], Stdio::from(list));
    let status = client(&["get", "postfix", "banip"], Stdio::null());
    let banned = String::from_utf8(status.stdout).unwrap();
    for line in text.lines() {
        let address = line.rsplit(' ').next().unwrap();
        assert!(banned.contains(address), "{address}: {banned}");
    }
    client(&["stop"], Stdio::null());
}

#[test]
fn crowdsecs_rows_have_the_columns_of_its_head() {
    let folder = folder();
    let text = export(&folder, "crowdsec-csv", &["--expires", "2d"]);
    let mut rows = text.lines();
    assert_eq!(rows.next(), Some("duration,scope,value,type,reason"));
    for row in rows {
        let (fields, reason) = row.split_once(",\"").unwrap();
        let fields: Vec<&str> = fields.split(',').collect();
        let [duration, scope, value, ban] = fields[..] else {
            panic!("{row}");
        };
        assert_eq!((duration, scope, ban), ("172800s", "ip", "ban"));
        assert!(value.parse::<std::net::IpAddr>().is_ok(), "{row}");
        assert!(
            reason.ends_with('"') && reason.matches('"').count() == 1,
            "{row}"
        );
    }
}

/// Who sent a mail that was accepted, or logged in, as the clients of the laboratory saw it.
#[test]
fn nobody_good_is_in_any_list() {
    let path = Path::new("../shared/corpus/lab-a/sessions.jsonl");
    let Ok(sessions) = fs::read_to_string(path) else {
        return skip(format!("there is no {}", path.display()));
    };
    let mut good = std::collections::BTreeSet::new();
    for line in sessions.lines() {
        let session: serde_json::Value = serde_json::from_str(line).unwrap();
        let mails = session["mails"].as_array().cloned().unwrap_or_default();
        let logins = session["logins"].as_array().cloned().unwrap_or_default();
        let is_accepted = mails.iter().any(|mail| mail["data"][0] == 250);
        let is_in = logins.iter().any(|login| login[1] == "OK");
        if is_accepted || is_in {
            good.insert(session["src"].as_str().unwrap().to_owned());
        }
    }
    assert!(good.len() > 50, "{}", good.len());
    let folder = folder();
    let log = "../shared/corpus/lab-a/traditional.log";
    for form in ["plain", "fail2ban", "postfix-cidr"] {
        let text = export(&folder, form, &[log, "--min-score", "1"]);
        assert!(text.contains(ATTACKER));
        for line in lines_of(&text) {
            for word in line.split(' ') {
                assert!(!good.contains(word), "{form} lists {word}");
            }
        }
    }
}
