//! A report in each of its formats, on standard output and in files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Folder, fixture, lab_log, mailtally};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

#[test]
fn csv_is_a_private_file_for_each_section() {
    let folder = Folder::new();
    let out = folder.path().join("new/csv");
    let arguments = format!("report --format csv --out {}", out.display());
    for _ in 0..2 {
        let run = mailtally(&arguments, &[&lab_log()]).expect_status(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    }
    assert_eq!(mode(&out), 0o700);
    let names = names(&out);
    for section in ["totals", "per_hour", "tls", "logins", "rejects", "families"] {
        assert!(names.contains(&format!("{section}.csv")), "{names:?}");
    }
    for name in names {
        let file = out.join(&name);
        assert_eq!(mode(&file), 0o600, "{name}");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("table,"), "{name}: {text}");
        assert!(text.lines().count() > 1 && text.ends_with("\r\n"), "{name}");
    }
    // By grep: 55 refusals and warnings; no list is cut.
    let rejects = fs::read_to_string(out.join("rejects.csv")).unwrap();
    let place = rejects
        .lines()
        .next()
        .unwrap()
        .split(',')
        .position(|title| title == "count");
    let counts = rejects.lines().skip(1);
    let counts = counts.map(|row| row.split(',').nth(place.unwrap()).unwrap());
    let sum: u64 = counts.map(|count| count.parse::<u64>().unwrap()).sum();
    assert_eq!(sum, 55);
}

#[test]
fn one_section_goes_to_standard_output_and_more_need_a_folder() {
    let run = mailtally("report --format csv --sections families", &[&lab_log()]).expect_status(0);
    assert!(
        run.stdout.starts_with("table,direction,traffic,IPv4,IPv6,"),
        "{run}"
    );
    assert!(
        run.stdout.contains("inbound,accepted mail,102,32,"),
        "{run}"
    );
    let run = mailtally("report --format csv", &[&lab_log()]).expect_status(2);
    assert_eq!(run.stdout, "");
    assert!(
        run.stderr.contains("--out DIR") && run.stderr.contains("per_hour"),
        "{run}"
    );
}

#[test]
fn a_file_is_replaced_and_private() {
    let folder = Folder::new();
    let file = folder.file("report.md", "old");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let arguments = format!("report --format markdown --out {}", file.display());
    mailtally(&arguments, &[&lab_log()]).expect_status(0);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# Mail log report\n"), "{text}");
    assert!(text.contains("| accepted mail | 102 | 32 |"), "{text}");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(names(folder.path()), ["report.md"]);
}

#[test]
fn what_cannot_be_written_is_said() {
    let folder = Folder::new();
    let arguments = format!("report --out {}/no/such/file", folder.path().display());
    let run = mailtally(&arguments, &[&lab_log()]).expect_status(2);
    assert!(
        run.stderr.contains("cannot write") && run.stderr.contains("no/such/file"),
        "{run}"
    );
    let arguments = format!("report --out {}", folder.path().display());
    let run = mailtally(&arguments, &[&lab_log()]).expect_status(2);
    assert!(run.stderr.contains("it is a folder"), "{run}");
}

#[test]
fn hostile_text_is_inert_in_markdown() {
    let log = fixture("malformed/terminal.log");
    let text = mailtally("report --format markdown", &[&log]).stdout;
    assert!(
        !text.contains('\x1b') && !text.contains('\u{202e}'),
        "{text}"
    );
    let text = text.replace("\\<", "");
    assert!(!text.contains('<'), "{text}");
}

#[test]
fn formulas_are_inert_in_csv() {
    let folder = Folder::new();
    let arguments = format!("report --format csv --out {}", folder.path().display());
    mailtally(&arguments, &[&fixture("malformed/markup.log")]);
    let logins = fs::read_to_string(folder.path().join("logins.csv")).unwrap();
    assert!(logins.contains(",'=cmd|' /C calc'!A0"), "{logins}");
    for name in names(folder.path()) {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(!text.contains(",=") && !text.contains("\n="), "{text}");
    }
}
