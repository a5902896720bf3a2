use std::io::{Read, Write};

use super::*;
use crate::report::metric_series as series;

/// A server whose numbers are made as soon as they are asked for, and count how often.
fn server() -> SocketAddr {
    let desk = Desk::default();
    let bound = serve(&["127.0.0.1:0".parse().unwrap()], desk.clone()).unwrap();
    thread::spawn(move || {
        let mut made = 0;
        loop {
            desk.hand_over(|| {
                made += 1;
                numbers(made)
            });
            thread::sleep(Duration::from_millis(10));
        }
    });
    bound
}

fn numbers(made: u64) -> Vec<Metric> {
    vec![Metric::counter(
        "made_total",
        "How often",
        [series(&[], made)],
    )]
}

fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const SCRAPE: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn serves_numbers_in_both_formats() {
    let address = server();
    let text = ask(address, SCRAPE);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    assert!(
        head.contains(&format!("Content-Length: {}\r\n", body.len())),
        "{head}"
    );
    assert_eq!(
        body,
        "# HELP made_total How often\n# TYPE made_total counter\nmade_total 1\n"
    );
    let open = ask(
        address,
        b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n",
    );
    assert!(
        open.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{open}"
    );
    assert!(
        open.ends_with("# TYPE made counter\nmade_total 2\n# EOF\n"),
        "{open}"
    );
    let head = ask(address, b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(
        head.contains("200 OK") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[test]
fn refuses_what_is_not_asked_for_in_earnest() {
    let address = server();
    let status = |request: &[u8]| ask(address, request)[9..12].to_owned();
    assert_eq!(status(b"GET / HTTP/1.1\r\n\r\n"), "200");
    assert_eq!(status(b"GET /etc/passwd HTTP/1.1\r\n\r\n"), "404");
    assert_eq!(
        status(b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
        "405"
    );
    assert!(ask(address, b"PUT / HTTP/1.1\r\n\r\n").contains("Allow: GET, HEAD\r\n"));
    assert_eq!(status(b"\x16\x03\x01\x02\x00\x01\n\n"), "400");
    assert_eq!(status(&[b'A'; 100_000]), "414");
    let head = [b"GET / HTTP/1.1\r\n".to_vec(), b"X: y\r\n".repeat(20_000)].concat();
    assert_eq!(status(&head), "431");
    let body = b"GET /metrics HTTP/1.1\r\nContent-Length: 100000\r\n\r\n";
    assert_eq!(status(&[&body[..], &[0; 100_000]].concat()), "413");
}

#[test]
fn a_thousand_connections_that_say_nothing_keep_nobody_out() {
    let address = server();
    let mut open = Vec::new();
    for _ in 0..1000 {
        let Ok(mut stream) = TcpStream::connect(address) else {
            break;
        };
        let _ = stream.write_all(b"GET /metrics HT");
        open.push(stream);
    }
    assert!(open.len() >= 500, "{}", open.len());
    let started = Instant::now();
    assert!(ask(address, SCRAPE).contains("made_total"));
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    // All but the last few were closed.
    let is_open = |stream: &mut TcpStream| {
        let _ = stream.set_nonblocking(true);
        let error = stream.read(&mut [0; 1]).err();
        error.is_some_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    };
    let left = open
        .iter_mut()
        .filter_map(|stream| is_open(stream).then_some(()))
        .count();
    assert!(left <= MOST_CONNECTIONS, "{left}");
}

#[test]
fn a_request_that_never_ends_is_ended() {
    let address = server();
    let mut slow = TcpStream::connect(address).unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    let started = Instant::now();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let spent = started.elapsed();
    assert!(
        (connection::READ_TIME..2 * connection::READ_TIME).contains(&spent),
        "{spent:?}"
    );
}

#[test]
fn who_does_not_read_the_answer_holds_up_nobody() {
    let desk = Desk::default();
    let address = serve(&["127.0.0.1:0".parse().unwrap()], desk.clone()).unwrap();
    thread::spawn(move || {
        loop {
            desk.hand_over(|| {
                let many = (0..200_000).map(|at| series(&[("at", &at.to_string())], 1));
                vec![Metric::counter("made_total", "How often", many)]
            });
            thread::sleep(Duration::from_millis(10));
        }
    });
    let mut deaf = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(SCRAPE).unwrap();
        deaf.push(stream);
    }
    let answer = ask(address, SCRAPE);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("at=\"199999\"} 1\n"));
}

#[test]
fn numbers_are_made_only_for_who_asks_and_not_too_often() {
    let desk = Desk::default();
    desk.hand_over(|| panic!("nobody asked"));
    let before = desk.ask();
    assert!(desk.numbers(before, false).is_none());
    assert!(
        desk.numbers(before, true).is_none(),
        "there are none at all"
    );
    desk.hand_over(|| numbers(1));
    assert_eq!(desk.numbers(before, false).as_deref(), Some(&numbers(1)));
    let after = desk.ask();
    desk.hand_over(|| panic!("it is too early"));
    assert!(desk.numbers(after, false).is_none());
    assert_eq!(
        desk.numbers(after, true).as_deref(),
        Some(&numbers(1)),
        "better than none"
    );
}

#[test]
fn a_log_reader_that_is_busy_leaves_the_last_numbers() {
    let desk = Desk::default();
    let address = serve(&["127.0.0.1:0".parse().unwrap()], desk.clone()).unwrap();
    let nobody = ask(address, SCRAPE);
    assert!(nobody.starts_with("HTTP/1.1 503"), "{nobody}");
    desk.hand_over(|| numbers(7));
    assert!(ask(address, SCRAPE).ends_with("made_total 7\n"));
}
