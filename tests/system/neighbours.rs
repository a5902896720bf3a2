//! What stands beside a mail server: a name server, a system logger, and a milter that signs.

use std::fs::{self, File};
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::servers::{STRANGER, must, wait};

/// A blocklist that has the stranger, and nobody else.
pub(crate) const BLOCKLIST: &str = "blocklist.example";

/// Where the milter waits for mail servers.
pub(crate) const MILTER: &str = "127.0.0.1:8891";

/// Answers all questions about names from now on: yes for the stranger's entry in the blocklist, no
/// for all others.
pub(crate) fn name_server(folder: &Path) {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let config = folder.join("resolv.conf");
    fs::write(&config, "nameserver 127.0.0.1\n").unwrap();
    let config = config.display().to_string();
    must("mount", &["--bind", &config, "/etc/resolv.conf"]);
    let mut octets: Vec<&str> = STRANGER.split('.').collect();
    octets.reverse();
    let listed = format!("{}.{BLOCKLIST}", octets.join("."));
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut question) {
            let answer = answer(&question[..length], &listed);
            let _ = socket.send_to(&answer, client);
        }
    });
}

/// Answers a question of DNS (RFC 1035, section 4): 127.0.0.2 if it is for the address of `listed`.
fn answer(question: &[u8], listed: &str) -> Vec<u8> {
    let mut at = 12;
    let mut labels = Vec::new();
    while question[at] != 0 {
        let length = usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    let is_listed = labels.join(".") == listed;
    let wants_address = question[at + 1..at + 5] == [0, 1, 0, 1];
    let answers = u8::from(is_listed && wants_address);
    let status = if is_listed { 0 } else { 3 };
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80 | status, 0, 1, 0, answers, 0, 0, 0, 0]);
    answer.extend(&question[12..at + 5]);
    if answers == 1 {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 2]);
    }
    answer
}

/// Writes what programs say to `/dev/log` from now on into a file, as `mail.*` of a syslogd would.
///
/// The machine's own `/dev` is left alone: this process and its children get another one.
pub(crate) fn system_logger(folder: &Path) -> std::path::PathBuf {
    let devices = folder.join("dev");
    fs::create_dir(&devices).unwrap();
    let at = devices.display();
    let script = format!(
        "mount -t tmpfs -o mode=755 tmpfs {at} && cd {at} && mkdir -m 1777 shm && ln -s /proc/self/fd fd && \
         for device in null zero full random urandom; do \
         touch $device && mount --bind /dev/$device $device || exit 1; done && cd / && mount --move {at} /dev"
    );
    must("sh", &["-c", &script]);
    let socket = UnixDatagram::bind("/dev/log").unwrap();
    must("chmod", &["666", "/dev/log"]);
    let path = folder.join("log/companions.log");
    let mut log = File::create(&path).unwrap();
    thread::spawn(move || {
        let mut said = [0; 8_192];
        while let Ok(length) = socket.recv(&mut said) {
            let said = String::from_utf8_lossy(&said[..length]);
            if let Some(line) = line(&said) {
                log.write_all(line.as_bytes()).unwrap();
            }
        }
    });
    path
}

/// A message to `/dev/log` as a line with this host's name, if it is of the facility `mail`.
fn line(said: &str) -> Option<String> {
    const STAMP: usize = "Nov 21 00:00:00".len();
    let (priority, rest) = said.strip_prefix('<')?.split_once('>')?;
    let facility = priority.parse::<u8>().ok()? >> 3;
    let (stamp, message) = rest.split_at_checked(STAMP)?;
    (facility == 2).then(|| format!("{stamp} mail{}\n", message.trim_end()))
}

/// Starts an OpenDKIM that signs the mail of example.org.
pub(crate) fn signer(folder: &Path) -> Child {
    let [key, config] = ["dkim.pem", "opendkim.conf"].map(|name| folder.join(name));
    must(
        "openssl",
        &["genrsa", "-out", &key.display().to_string(), "2048"],
    );
    let (host, port) = MILTER.split_once(':').unwrap();
    let text = format!(
        "Mode sv\nSocket inet:{port}@{host}\nDomain example.org\nSelector s1\nKeyFile {}\n\
         RequireSafeKeys no\nSyslog yes\nSyslogSuccess yes\nLogWhy yes\n",
        key.display()
    );
    fs::write(&config, text).unwrap();
    let signer = Command::new("opendkim")
        .args(["-f", "-x", &config.display().to_string()])
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    wait("the milter", || TcpStream::connect(MILTER).is_ok());
    signer
}
