//! Manual pages and completions have all flags, and work.

use std::fs;
use std::process::Command;

use crate::support::{Folder, mailtally};

const SUBCOMMANDS: [&str; 4] = ["report", "events", "coverage", "anonymize"];

/// The long flags that `--help` shows.
fn flags(subcommand: &str) -> Vec<String> {
    let help = mailtally(&format!("{subcommand} --help"), &[])
        .expect_status(0)
        .stdout;
    let words = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'));
    let flags: Vec<String> = words
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
        .map(|word| word.split(['=', '[']).next().unwrap().to_owned())
        .collect();
    assert!(flags.len() > 3, "{flags:?}");
    flags
}

#[test]
fn a_manual_page_has_all_flags() {
    let main = mailtally("man", &[]).expect_status(0).stdout;
    assert!(main.contains(".TH mailtally 1"), "{main}");
    let folder = Folder::new();
    let man1 = folder.path().join("man/man1");
    mailtally(&format!("man --out {}", man1.display()), &[]).expect_status(0);
    for subcommand in SUBCOMMANDS {
        let page = fs::read_to_string(man1.join(format!("mailtally-{subcommand}.1"))).unwrap();
        let page = page.replace("\\-", "-");
        for flag in flags(subcommand) {
            assert!(page.contains(&flag), "{subcommand}: no {flag}");
        }
    }
    // `mailtally FILES` is `mailtally report FILES`.
    let main = main.replace("\\-", "-");
    for flag in flags("report") {
        assert!(main.contains(&flag), "no {flag}");
    }
}

#[test]
fn each_shell_has_its_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = mailtally(&format!("completions {shell}"), &[])
            .expect_status(0)
            .stdout;
        for subcommand in SUBCOMMANDS {
            for flag in flags(subcommand) {
                // fish has them without dashes: `-l top`.
                let name = flag.trim_start_matches('-');
                assert!(script.contains(name), "{shell}: no {flag}");
            }
        }
    }
    let run = mailtally("completions bsh", &[]).expect_status(2);
    assert!(run.stderr.contains("'bash'"), "{run}");
}

#[test]
fn bash_completes_a_flag_and_its_values() {
    let folder = Folder::new();
    let script = mailtally("completions bash", &[]).stdout;
    let script = folder.file("mailtally.bash", script);
    let complete = |words: &str, last: &str| {
        let count = words.split(' ').count();
        let before = words.rsplit(' ').nth(1).unwrap_or_default();
        let code = format!(
            ". {}; COMP_WORDS=({words}); COMP_CWORD={}; _mailtally mailtally '{last}' '{before}'; \
             echo ${{COMPREPLY[@]}}",
            script.display(),
            count - 1
        );
        let output = Command::new("bash").args(["-c", &code]).output();
        let output = output.unwrap_or_else(|error| panic!("no bash: {error}"));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete("mailtally report --fail", "--fail"), "--fail-on");
    assert_eq!(complete("mailtally report --format h", "h"), "html");
}

/// The format that has options of its own stands among the others, and nowhere but in a report.
#[test]
fn pflogsumm_is_a_format_of_reports() {
    let stdout = |arguments: &str| mailtally(arguments, &[]).expect_status(0).stdout;
    for arguments in ["--help", "report --help", "man", "completions zsh"] {
        let text = stdout(arguments);
        let shown = text.contains("pflogsumm:")
            || text.contains("\nIpflogsumm\n")
            || text.contains("pflogsumm\\:");
        assert!(shown, "{arguments}: {text}");
    }
    let help = stdout("report --format pflogsumm --help");
    assert!(
        help.contains("--mend") && help.contains("--zero-fill"),
        "{help}"
    );
    for subcommand in ["events", "coverage"] {
        let run = mailtally(&format!("{subcommand} --format pflogsumm"), &[]).expect_status(2);
        assert!(run.stderr.contains("'pflogsumm'"), "{run}");
        assert!(!stdout(&format!("{subcommand} --help")).contains("pflogsumm"));
    }
}
