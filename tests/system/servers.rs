//! A Postfix and a Dovecot of their own, on addresses that nobody else can reach.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::neighbours::{BLOCKLIST, MILTER, name_server, signer, system_logger};

/// Where the servers are reached from outside, and strangers come from.
pub(crate) const SERVER: &str = "192.0.2.1";
pub(crate) const STRANGER: &str = "203.0.113.9";
pub(crate) const CUSTOMER: &str = "198.51.100.7";
/// The server's port that postscreen guards.
pub(crate) const GUARDED: u16 = 2528;

/// The servers, with all their files below one folder; they end with the process that started them,
/// for that is the first one of its process namespace.
pub(crate) struct Servers {
    pub(crate) folder: PathBuf,
    pub(crate) mail_log: PathBuf,
    pub(crate) dovecot_log: PathBuf,
    pub(crate) companion_log: PathBuf,
    _sink: Child,
    _dovecot: Child,
    _signer: Child,
}

pub(crate) fn run(command: &str, arguments: &[&str]) -> Output {
    let output = Command::new(command).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{command}: {error}"))
}

pub(crate) fn must(command: &str, arguments: &[&str]) {
    let output = run(command, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    let also = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{command} {arguments:?}: {said}{also}"
    );
}

impl Servers {
    /// Starts them; there is no network yet but a loopback that is down.
    pub(crate) fn start(folder: &Path) -> Servers {
        must("ip", &["link", "set", "lo", "up"]);
        for address in [SERVER, STRANGER, CUSTOMER] {
            must(
                "ip",
                &["addr", "add", &format!("{address}/32"), "dev", "lo"],
            );
        }
        must(
            "ip",
            &["addr", "add", "2001:db8::7/128", "dev", "lo", "nodad"],
        );
        for name in ["log", "mail", "mail/away", "sieve"] {
            let made = folder.join(name);
            fs::create_dir(&made).unwrap();
            fs::set_permissions(made, fs::Permissions::from_mode(0o777)).unwrap();
        }
        name_server(folder);
        let servers = Servers {
            folder: folder.to_owned(),
            mail_log: folder.join("log/mail.log"),
            dovecot_log: folder.join("log/dovecot.log"),
            companion_log: system_logger(folder),
            _sink: Command::new("/usr/sbin/smtp-sink")
                .args(["-u", "nobody", "-c", "127.0.0.1:2526", "10"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
            _dovecot: dovecot(folder),
            _signer: signer(folder),
        };
        postfix(folder);
        wait("the servers", || {
            [(SERVER, 25), (SERVER, GUARDED), (SERVER, 1143)]
                .iter()
                .all(|place| std::net::TcpStream::connect(*place).is_ok())
        });
        servers
    }

    /// Sends a mail, or tries; arguments are swaks' own.
    pub(crate) fn swaks(&self, arguments: &str) -> bool {
        let output = Command::new("swaks")
            .args(["--server", SERVER, "--timeout", "5"])
            .args(arguments.split(' '))
            .current_dir(&self.folder)
            .output()
            .unwrap();
        output.status.success()
    }
}

/// Waits until something holds.
pub(crate) fn wait(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{what}: not in 30 seconds"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn postfix(folder: &Path) {
    let at = folder.display();
    let [etc, spool, data] = ["etc", "spool", "data"].map(|name| folder.join(name));
    for made in [&spool, &data] {
        fs::create_dir_all(made).unwrap();
    }
    must("chown", &["postfix", &data.display().to_string()]);
    let [key, certificate] = ["key.pem", "cert.pem"].map(|name| format!("{at}/{name}"));
    must(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=mail.example.org",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ],
    );
    let main = format!(
        "compatibility_level = 3.6\n\
         queue_directory = {at}/spool\ndata_directory = {at}/data\n\
         command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n\
         maillog_file = {at}/log/mail.log\nmaillog_file_prefixes = {at}\n\
         myhostname = mail.example.org\nmydestination =\nmynetworks = 127.0.0.0/8\n\
         inet_interfaces = all\ninet_protocols = all\nsmtp_host_lookup = native\nsmtp_dns_support_level = disabled\n\
         virtual_mailbox_domains = example.org\nvirtual_mailbox_base = {at}/mail\n\
         virtual_mailbox_maps = inline:{{bob@example.org=bob/, ann@example.org=ann/}}\n\
         virtual_uid_maps = static:5000\nvirtual_gid_maps = static:5000\n\
         transport_maps = inline:{{remote.example=smtp:[127.0.0.1]:2526, tls.example=smtp:[127.0.0.1]:2527, \
         dead.example=smtp:[127.0.0.1]:9, sieve.example=lmtp:unix:{at}/run/postfix-lmtp}}\n\
         relay_domains = sieve.example\nsmtpd_milters = inet:{MILTER}\n\
         smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = {at}/run/postfix-auth\n\
         smtpd_tls_security_level = may\nsmtpd_tls_protocols = >=TLSv1.2\nsmtpd_tls_loglevel = 1\nsmtpd_tls_cert_file = {certificate}\n\
         smtpd_tls_key_file = {key}\nsmtp_tls_security_level = may\nsmtp_tls_loglevel = 1\n\
         smtpd_recipient_restrictions = permit_sasl_authenticated, reject_unauth_destination\n\
         smtpd_relay_restrictions =\nsmtpd_error_sleep_time = 0\nsmtpd_client_connection_rate_limit = 0\n\
         postscreen_greet_wait = 1s\npostscreen_greet_action = enforce\n\
         postscreen_dnsbl_sites = {BLOCKLIST}\npostscreen_dnsbl_action = enforce\n"
    );
    write(etc.join("main.cf"), &main);
    // A server that takes all and keeps nothing, for TLS on the way out.
    let taker = "127.0.0.1:2527 inet n - n - - smtpd\n  -o smtpd_recipient_restrictions=permit_mynetworks,reject\n  \
                 -o smtpd_client_restrictions=static:DISCARD\n  -o smtpd_sasl_auth_enable=no\n  \
                 -o smtpd_milters=\n";
    let guard = format!(
        "{SERVER}:{GUARDED} inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n\
         dnsblog unix - - n - 0 dnsblog\ntlsproxy unix - - n - 0 tlsproxy\n"
    );
    let master = format!(
        "smtp inet n - n - - smtpd\n{taker}{guard}postlog unix-dgram n - n - 1 postlogd\n\
         pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nverify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\nproxymap unix - - n - - proxymap\nsmtp unix - - n - - smtp\nlmtp unix - - n - - lmtp\n\
         showq unix n - n - - showq\nerror unix - - n - - error\nretry unix - - n - - error\n\
         discard unix - - n - - discard\nvirtual unix - n n - - virtual\nanvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n"
    );
    write(etc.join("master.cf"), &master);
    must("postfix", &["-c", &etc.display().to_string(), "start"]);
}

/// What becomes of mail goes by whom it is for.
const SIEVE: &str = r#"require ["fileinto", "mailbox"];
if address "to" "list@sieve.example" { fileinto :create "Lists"; }
elsif address "to" "away@sieve.example" { redirect "bob@example.org"; }
elsif address "to" "junk@sieve.example" { discard; }
"#;

fn dovecot(folder: &Path) -> Child {
    let at = folder.display();
    let text = format!(
        "base_dir = {at}/run\nstate_dir = {at}/run\nlog_path = {at}/log/dovecot.log\nprotocols = imap lmtp\n\
         listen = *, ::\nssl = no\ndisable_plaintext_auth = no\nmail_location = maildir:{at}/mail/%n\n\
         first_valid_uid = 100\nauth_failure_delay = 0\nauth_mechanisms = plain login\nlogin_trusted_networks =\n\
         passdb {{\n driver = static\n args = password=secret\n}}\n\
         userdb {{\n driver = static\n args = uid=5000 gid=5000 home={at}/mail/%n\n}}\n\
         service imap-login {{\n inet_listener imap {{\n port = 1143\n }}\n inet_listener imaps {{\n port = 0\n }}\n}}\n\
         service auth {{\n unix_listener postfix-auth {{\n mode = 0666\n }}\n}}\n\
         service anvil {{\n unix_listener anvil-auth-penalty {{\n mode = 0\n }}\n}}\n\
         service lmtp {{\n unix_listener postfix-lmtp {{\n mode = 0666\n }}\n}}\n\
         protocol lmtp {{\n mail_plugins = sieve\n postmaster_address = postmaster@example.org\n}}\n\
         submission_host = {SERVER}:25\nplugin {{\n sieve_before = {at}/sieve/every.sieve\n}}\n"
    );
    write(folder.join("dovecot.conf"), &text);
    write(folder.join("sieve/every.sieve"), SIEVE);
    let config = folder.join("dovecot.conf").display().to_string();
    Command::new("dovecot")
        .args(["-F", "-c", &config])
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}
