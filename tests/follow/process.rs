//! The program while it follows: started, killed, started again, and all that it wrote.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than any machine takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The user `nobody` and its group.
const NOBODY: u32 = 65_534;

pub(crate) struct Process {
    program: PathBuf,
    arguments: Vec<String>,
    /// Whoever runs the tests may read everything: it runs as somebody else.
    is_nobody: bool,
    /// A folder whose programs come before the machine's.
    programs: Option<PathBuf>,
    out: String,
    /// Where what it says on standard error goes.
    said: Option<String>,
    /// How often it was started: each time it writes to another file.
    turns: u32,
    child: Option<Child>,
}

pub(crate) fn sleep(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

impl Process {
    pub(crate) fn start(arguments: &[&str], out: &str) -> Self {
        Self::start_by(arguments, out, None)
    }

    /// Starts it with other programs in a folder.
    pub(crate) fn start_with_path(arguments: &[&str], out: &str, folder: &Path) -> Self {
        Self::start_by(arguments, out, Some(folder.to_owned()))
    }

    /// Starts it, and keeps what it says on standard error.
    pub(crate) fn start_saying(arguments: &[&str], out: &str, said: &str) -> Self {
        let mut process = Self::new(arguments, out, None);
        process.said = Some(said.to_owned());
        process.start_again();
        process
    }

    /// Starts it as a user who may not read everything.
    pub(crate) fn start_unprivileged(arguments: &[&str], folder: &Path) -> Self {
        let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let mut process = Self::new(arguments, &at("out"), None);
        process.said = Some(at("said"));
        let probe = at("probe");
        fs::write(&probe, b"").unwrap();
        fs::set_permissions(&probe, fs::Permissions::from_mode(0o000)).unwrap();
        process.is_nobody = File::open(probe).is_ok();
        // Nobody must reach the binary, which may stand in a private folder.
        process.program = folder.join("mailtally");
        fs::copy(env!("CARGO_BIN_EXE_mailtally"), &process.program).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        process.start_again();
        process
    }

    fn start_by(arguments: &[&str], out: &str, programs: Option<PathBuf>) -> Self {
        let mut process = Self::new(arguments, out, programs);
        process.start_again();
        process
    }

    fn new(arguments: &[&str], out: &str, programs: Option<PathBuf>) -> Self {
        Process {
            program: PathBuf::from(env!("CARGO_BIN_EXE_mailtally")),
            is_nobody: false,
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            programs,
            said: None,
            out: out.to_owned(),
            turns: 0,
            child: None,
        }
    }

    pub(crate) fn start_again(&mut self) {
        let out = File::create(format!("{}.{}", self.out, self.turns)).unwrap();
        self.turns += 1;
        let mut command = Command::new(&self.program);
        if self.is_nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        let said = self.said.as_ref().map_or(Stdio::null(), |path| {
            let mut options = OpenOptions::new();
            options.append(true).create(true).open(path).unwrap().into()
        });
        command.args(&self.arguments).stdout(out).stderr(said);
        if let Some(programs) = &self.programs {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", programs.display()));
        }
        self.child = Some(command.spawn().unwrap());
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// As a crash does: nothing can be written any more.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// As systemd does.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let kill = Command::new("kill").arg(child.id().to_string()).status();
        assert!(kill.unwrap().success());
        assert!(child.wait().unwrap().success());
    }

    /// Returns all objects that were written whole, by all turns.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        for turn in 0..self.turns {
            let text = fs::read(format!("{}.{turn}", self.out)).unwrap();
            let whole = text.split_inclusive(|byte| *byte == b'\n');
            let whole = whole.filter(|line| line.ends_with(b"\n"));
            lines.extend(whole.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
        }
        lines
    }

    /// Waits until an object names the process id, as its own or as the key of an alert.
    pub(crate) fn wait_for(&mut self, pid: &str) {
        let (own, key) = (format!("\"pid\":{pid},"), format!("[\"pid\",\"{pid}\"]"));
        self.wait(pid, |text| text.contains(&own) || text.contains(&key));
    }

    /// Waits until something that it does shows elsewhere.
    pub(crate) fn wait_until(&mut self, what: &str, is_so: impl Fn() -> bool) {
        self.wait(what, |_| is_so());
    }

    /// Waits until a text is written.
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait(text, |written| written.contains(text));
    }

    fn wait(&mut self, pid: &str, is_there: impl Fn(&str) -> bool) {
        let started = Instant::now();
        loop {
            for turn in 0..self.turns {
                let text = fs::read_to_string(format!("{}.{turn}", self.out)).unwrap();
                if is_there(&text) {
                    return;
                }
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{pid} does not come: {:?}",
                self.arguments
            );
            if let Some(child) = &mut self.child {
                assert!(
                    child.try_wait().unwrap().is_none(),
                    "{:?} ended",
                    self.arguments
                );
            }
            sleep(5);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The arguments of a watch that begins with the first line, by rules of a test's own.
pub(crate) fn watch<'a>(rules: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let own = [
        "watch",
        "--from-start",
        "--format",
        "jsonl",
        "--rules",
        rules,
    ];
    [&own, more].concat()
}

/// Returns what is raised where logs are read to their ends.
pub(crate) fn replayed(rules: &str, logs: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_mailtally"))
        .args(["watch", "--replay", "--format", "jsonl", "--rules", rules])
        .args(logs)
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Alerts, each change once and without the place of its line; those of markers are left out.
pub(crate) fn dedup_alerts(alerts: &[Value]) -> Vec<Value> {
    let mut seen = Vec::new();
    for alert in alerts {
        let mut alert = alert.clone();
        alert["source"].take();
        if alert["rule"] != "marker" && !seen.contains(&alert) {
            seen.push(alert);
        }
    }
    seen
}
