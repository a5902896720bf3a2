//! The guide's commands, on a log that is there.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::support::LAB;

#[test]
fn the_guides_commands_run() {
    let folder = TempDir::new().unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let binary = assert_cmd::cargo::cargo_bin!("mailtally");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = vec![binary.parent().unwrap().to_owned()];
    places.extend(std::env::split_paths(&path));
    let guide = fs::read_to_string("dashboards/sql/README.md").unwrap();
    let mut is_shell = false;
    let mut run = 0;
    for line in guide.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        } else if is_shell && line.starts_with("mailtally ") {
            let line = line.replace("/var/log/mail.log", &format!("{root}/{LAB}"));
            let mut shell = Command::new("sh");
            shell.arg("-euc").arg(&line).current_dir(folder.path());
            shell.env("PATH", std::env::join_paths(&places).unwrap());
            let output = shell.output().unwrap();
            assert!(output.status.success(), "`{line}`: {output:?}");
            run += 1;
        }
    }
    assert!(run >= 6, "{run} commands");
}
