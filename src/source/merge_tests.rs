use std::collections::HashMap;

use proptest::prelude::*;

use crate::source::{Input, Options, read_all};

/// The lines of a mail's life, as `daemon[pid]: message`, in their order.
fn life(id: usize) -> [String; 5] {
    let id = format!("4F1A22{id:05X}");
    [
        format!("postfix/smtpd[1]: {id}: client=a.example[192.0.2.1]"),
        format!("postfix/cleanup[2]: {id}: message-id=<{id}@example.com>"),
        format!("postfix/qmgr[3]: {id}: from=<a@example.com>, size=518, nrcpt=1 (queue active)"),
        format!("postfix/smtp[4]: {id}: to=<b@example.net>, relay=none, status=sent (250 ok)"),
        format!("postfix/qmgr[3]: {id}: removed"),
    ]
}

/// A log of interleaved lives; `choices` say which life goes on, `ticks` when the clock does.
fn log(mails: usize, choices: &[usize], ticks: &[bool]) -> Vec<String> {
    let mut waiting: Vec<(usize, usize)> = (0..mails).map(|mail| (mail, 0)).collect();
    let mut lines = Vec::new();
    let mut second = 0;
    for (choice, tick) in choices.iter().zip(ticks) {
        if waiting.is_empty() {
            break;
        }
        second += usize::from(*tick);
        let at = choice % waiting.len();
        let (mail, stage) = waiting[at];
        lines.push(format!(
            "Nov 21 00:{:02}:{:02} mx1 {}",
            second / 60,
            second % 60,
            life(mail)[stage]
        ));
        waiting[at].1 += 1;
        if stage == 4 {
            waiting.remove(at);
        }
    }
    lines
}

fn daemon(line: &str) -> &str {
    line.split_ascii_whitespace().nth(4).unwrap_or("")
}

/// Writes each daemon's lines into a file of its own, reads the files, and returns the lines.
fn split_and_merge(lines: &[String], chunk_bytes: usize) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut files: HashMap<&str, String> = HashMap::new();
    for line in lines {
        files
            .entry(daemon(line))
            .or_default()
            .push_str(&format!("{line}\n"));
    }
    let inputs = files.iter().enumerate().map(|(number, (_, text))| {
        let path = folder.path().join(number.to_string());
        std::fs::write(&path, text).unwrap();
        Input::File(path)
    });
    let options = Options {
        chunk_bytes,
        ..Options::default()
    };
    let mut chunks = read_all(inputs.collect(), &options);
    let merged: Vec<u8> = chunks
        .by_ref()
        .flat_map(|chunk| chunk.bytes().to_vec())
        .collect();
    assert!(chunks.problems().is_empty() && chunks.notices().is_empty());
    String::from_utf8(merged)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The lines of each daemon, and of each mail.
fn strands(lines: &[String]) -> (HashMap<String, Vec<String>>, HashMap<String, Vec<String>>) {
    let mut by_daemon: HashMap<String, Vec<String>> = HashMap::new();
    let mut by_mail: HashMap<String, Vec<String>> = HashMap::new();
    for line in lines {
        by_daemon
            .entry(daemon(line).to_owned())
            .or_default()
            .push(line.clone());
        let id = line.split_ascii_whitespace().nth(5).unwrap_or("");
        by_mail.entry(id.to_owned()).or_default().push(line.clone());
    }
    (by_daemon, by_mail)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_log_that_was_split_by_daemon_comes_out_with_every_life_in_order(
        mails in 1usize..12,
        choices in prop::collection::vec(0usize..1000, 60),
        ticks in prop::collection::vec(prop::bool::weighted(0.3), 60),
        chunk_bytes in 1usize..400,
    ) {
        let lines = log(mails, &choices, &ticks);
        let merged = split_and_merge(&lines, chunk_bytes);
        prop_assert_eq!(strands(&merged), strands(&lines));
        let stamp = |line: &String| line.get(..15).map(str::to_owned);
        prop_assert!(merged.iter().map(stamp).is_sorted());
        prop_assert_eq!(merged, split_and_merge(&lines, 1 << 20));
    }
}
