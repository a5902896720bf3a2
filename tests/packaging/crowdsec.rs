//! CrowdSec reads the jail log by the files of packaging/: a real one, unpacked or installed, in a
//! network namespace of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::skip;

/// What `watch --jail-log` writes, and what others might. Of these two are to be acted on.
const JAIL_LOG: &str = "\
2026-11-21T10:00:25+0100 mailtally: offence rule=login-brute-force severity=warning count=6 address=203.0.113.9
2026-11-21T10:00:26+0100 mailtally: offence rule=account-takeover severity=critical count=91 address=2001:db8::9
2026-11-21T10:00:27+0100 mailtally: offence rule=pregreet severity=info count=1 address=192.0.2.1
2026-11-21T10:00:28+0100 mailtally: offence rule=password-spray severity=warning count=6 network=192.0.2.0/24
2026-11-21T10:00:29+0100 mailtally: offence rule=x y severity=warning count=6 address=192.0.2.2
2026-11-21T10:00:30+0100 mailtally: offence rule=x severity=warning count=6 address=192.0.2.3 z
";

/// Where CrowdSec was unpacked (`dpkg -x`), or nothing before `/usr` where it is installed.
fn root() -> PathBuf {
    std::env::var_os("MAILTALLY_CROWDSEC").map_or_else(|| PathBuf::from("/"), PathBuf::from)
}

fn cannot(root: &Path) -> Option<&'static str> {
    if !root.join("usr/bin/crowdsec").exists() {
        return Some(
            "no crowdsec (apt-get install crowdsec, or MAILTALLY_CROWDSEC says where it was unpacked)",
        );
    }
    let unshare = Command::new("unshare").args(["--net", "true"]).status();
    (!unshare.is_ok_and(|status| status.success())).then_some("namespaces need root")
}

fn copy(from: impl AsRef<Path>, to: &Path) {
    let from = from.as_ref();
    fs::create_dir_all(to).unwrap();
    fs::copy(from, to.join(from.file_name().unwrap()))
        .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

/// CrowdSec's own files that a stock installation has, and ours where packaging/README.md puts them.
fn install(root: &Path, here: &Path) -> PathBuf {
    let (conf, hub) = (here.join("conf"), root.join("usr/share/crowdsec/hub"));
    for entry in fs::read_dir(root.join("etc/crowdsec/patterns")).unwrap() {
        copy(entry.unwrap().path(), &conf.join("patterns"));
    }
    copy(root.join("etc/crowdsec/simulation.yaml"), &conf);
    let raw = hub.join("parsers/s00-raw/crowdsecurity/syslog-logs.yaml");
    copy(raw, &conf.join("parsers/s00-raw"));
    let dates = hub.join("parsers/s02-enrich/crowdsecurity/dateparse-enrich.yaml");
    copy(dates, &conf.join("parsers/s02-enrich"));
    let ours = Path::new("packaging/crowdsec");
    copy(
        ours.join("parsers/mailtally-logs.yaml"),
        &conf.join("parsers/s01-parse"),
    );
    copy(
        ours.join("scenarios/mailtally-offence.yaml"),
        &conf.join("scenarios"),
    );
    fs::create_dir(here.join("state")).unwrap();
    let (at, hub) = (here.display(), hub.display());
    let config = format!(
        "common: {{ daemonize: false, log_media: stdout, log_level: info, working_dir: {at} }}\n\
         config_paths: {{ config_dir: {at}/conf, data_dir: {at}/state, \
         simulation_path: {at}/conf/simulation.yaml, hub_dir: {hub}, index_path: {hub}/.index.json }}\n\
         crowdsec_service: {{ parser_routines: 1 }}\n\
         db_config: {{ type: sqlite, db_path: {at}/state/crowdsec.db }}\n\
         api:\n  client: {{ credentials_path: {at}/credentials.yaml }}\n  \
         server: {{ listen_uri: '127.0.0.1:8080', profiles_path: {at}/profiles.yaml }}\n\
         prometheus: {{ enabled: false }}\n"
    );
    let profiles = "name: all\nfilters: [ 'Alert.Remediation == true' ]\n\
                    decisions: [ { type: ban, duration: 4h } ]\non_success: break\n";
    fs::write(here.join("profiles.yaml"), profiles).unwrap();
    fs::write(here.join("config.yaml"), config).unwrap();
    here.join("config.yaml")
}

#[test]
fn crowdsec_acts_on_the_jail_log() {
    let root = root();
    if let Some(why) = cannot(&root) {
        return skip(why);
    }
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = install(&root, here);
    fs::write(here.join("jail.log"), JAIL_LOG).unwrap();
    let (bin, config, at) = (root.join("usr/bin"), config.display(), here.display());
    let bin = bin.display();
    let script = format!(
        "ip link set lo up && \
         {bin}/cscli -c {config} machines add test --password secret -f {at}/credentials.yaml && \
         {bin}/crowdsec -c {config} -type mailtally -dsn file://{at}/jail.log"
    );
    let output = Command::new("timeout")
        .args([
            "60",
            "unshare",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            &script,
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let mut acted: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("performed 'mailtally/offence'"))
        .filter_map(|line| line.split("Ip ").nth(1)?.split(' ').next())
        .collect();
    acted.sort_unstable();
    acted.dedup();
    assert_eq!(acted, ["2001:db8::9", "203.0.113.9"], "{said}");
}

/// The log that CrowdSec is told to follow is the one that its parser looks for.
#[test]
fn the_log_has_the_label_that_the_parser_asks_for() {
    let read = |path: &str| fs::read_to_string(format!("packaging/crowdsec/{path}")).unwrap();
    let label = read("acquis.d/mailtally.yaml");
    let label = label
        .lines()
        .find_map(|line| line.trim().strip_prefix("type: "));
    let filter = format!("evt.Line.Labels.type == '{}'", label.unwrap());
    assert!(read("parsers/mailtally-logs.yaml").contains(&filter));
}
