//! `mailtally events --format csv`: the rows hold what the objects hold.

use serde_json::Value;

use crate::support::{lab_log, mailtally, mailtally_reading};

/// Reads RFC 4180: rows ended by CR LF, cells in quotes where they need to be.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' if !is_quoted => is_quoted = true,
            '"' if rest.peek() == Some(&'"') => cell.extend(rest.next()),
            '"' => is_quoted = false,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted => {
                assert_eq!(rest.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(character),
        }
    }
    assert!(
        row.is_empty() && cell.is_empty() && !is_quoted,
        "a row is left open"
    );
    rows
}

/// What a cell must hold for the value of an object; `None` where that takes escapes.
fn cell_of(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => String::new(),
        Value::Array(parts) => {
            let parts: Vec<String> = parts.iter().map(Value::to_string).collect();
            parts.join("/")
        }
        Value::String(text) if text.chars().any(|c| c.is_control() || !c.is_ascii()) => {
            return None;
        }
        Value::String(text) if text.starts_with(['=', '+', '-', '@']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

#[test]
fn rows_hold_what_objects_hold() {
    let csv = mailtally("events --year 2026 --format csv", &[&lab_log()]).expect_status(0);
    let rows = rows(&csv.stdout);
    let objects = mailtally("events --year 2026", &[&lab_log()]).json_lines();
    let (header, rows) = rows.split_first().unwrap();
    assert_eq!(rows.len(), objects.len());
    assert_eq!(
        csv.stdout.lines().count(),
        rows.len() + 1,
        "a row is one line"
    );
    let mut compared = 0;
    for (row, object) in rows.iter().zip(&objects) {
        assert_eq!(row.len(), header.len());
        for (name, cell) in header.iter().zip(row) {
            if let Some(expected) = cell_of(&object[name]) {
                assert_eq!(cell, &expected, "{name} of {object}");
                compared += usize::from(!cell.is_empty());
            }
        }
    }
    assert!(compared > 25_000, "{compared}");
}

/// A table by which people know what they get: it changes only in a release that says so.
#[test]
fn the_columns_are_these() {
    let header = |arguments: &str| {
        let run = mailtally_reading(&format!("events --format csv {arguments} -"), b"");
        run.stdout.lines().next().unwrap_or_default().to_owned()
    };
    let envelope = "time,host,program,instance,service,daemon,pid,kind";
    assert_eq!(
        header(""),
        format!(
            "{envelope},queue_id,message_id,client_name,client_address,helo,sasl_username,user,rip,\
             session,sender,recipient,orig_to,size_bytes,nrcpt,relay,delay,delays,dsn,status,code,\
             action,reason,text"
        )
    );
    assert_eq!(
        header("--kind qmgr_active,unclassified"),
        format!("{envelope},queue_id,sender,size_bytes,nrcpt,queue_name,reason,text")
    );
    assert_eq!(
        header("--columns time,recipient,status"),
        "time,recipient,status"
    );
}

#[test]
fn formulas_of_strangers_are_inert() {
    let log = "Nov 21 10:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.66]: \
        554 5.7.1 <b@example.com>: Relay access denied; from=<=cmd|' /C calc'!A0@example.net> \
        to=<@SUM(A1),\"x\"@example.com> proto=ESMTP helo=<-2+3>\n";
    let run = mailtally_reading(
        "events --year 2026 --format csv --columns sender,recipient,helo -",
        log.as_bytes(),
    );
    let expected = "sender,recipient,helo\r\n'=cmd|' /C calc'!A0@example.net,\
        \"'@SUM(A1),\"\"x\"\"@example.com\",'-2+3\r\n";
    assert_eq!(run.expect_status(0).stdout, expected);
}

#[test]
fn mistakes_are_refused() {
    for (arguments, part) in [
        ("--format csv --columns recipent", "close ones: recipient"),
        ("--columns recipient", "--columns is for --format csv"),
        ("--format cvs", "possible values: jsonl, csv"),
    ] {
        let run = mailtally(&format!("events {arguments}"), &[&lab_log()]).expect_status(2);
        assert!(run.stderr.contains(part), "{run}");
    }
}
