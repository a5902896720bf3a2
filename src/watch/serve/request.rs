//! The head of a request, and what it is answered with.

use crate::render::Exposition;

/// The longest head of a request.
pub(super) const HEAD_BYTES: usize = 8 * 1024;

/// The longest request line.
const LINE_BYTES: usize = 2 * 1024;

/// The longest body: none is looked at, and none is waited for.
const BODY_BYTES: u64 = 64 * 1024;

/// What a request is answered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// The metrics.
    Metrics {
        exposition: Exposition,
        is_head: bool,
    },
    /// A page that says where the metrics are.
    Start { is_head: bool },
    /// A status that is no success.
    Refusal(&'static str),
}

pub(super) const BAD_REQUEST: Answer = Answer::Refusal("400 Bad Request");
pub(super) const NOT_FOUND: Answer = Answer::Refusal("404 Not Found");
pub(super) const NOT_ALLOWED: Answer = Answer::Refusal("405 Method Not Allowed");
pub(super) const TIMEOUT: Answer = Answer::Refusal("408 Request Timeout");
pub(super) const BODY_TOO_LARGE: Answer = Answer::Refusal("413 Content Too Large");
pub(super) const LINE_TOO_LONG: Answer = Answer::Refusal("414 URI Too Long");
pub(super) const HEAD_TOO_LARGE: Answer = Answer::Refusal("431 Request Header Fields Too Large");
pub(super) const UNAVAILABLE: Answer = Answer::Refusal("503 Service Unavailable");

/// Tells what a request is answered with, as soon as that is known from what came of it.
pub(super) fn answer(received: &[u8]) -> Option<Answer> {
    let line_end = received.iter().position(|byte| *byte == b'\n');
    if line_end.unwrap_or(received.len()) > LINE_BYTES {
        return Some(LINE_TOO_LONG);
    }
    let Some(end) = head_end(received) else {
        return (received.len() >= HEAD_BYTES).then_some(HEAD_TOO_LARGE);
    };
    let head = received
        .get(..end)
        .and_then(|head| std::str::from_utf8(head).ok());
    Some(head.map_or(BAD_REQUEST, of_head))
}

/// Where the empty line is that ends a head.
fn head_end(received: &[u8]) -> Option<usize> {
    let crlf = received.windows(4).position(|four| four == b"\r\n\r\n");
    let lf = received.windows(2).position(|two| two == b"\n\n");
    [crlf, lf].into_iter().flatten().min()
}

fn of_head(head: &str) -> Answer {
    let mut lines = head.lines();
    let words: Vec<&str> = lines.next().unwrap_or("").split(' ').collect();
    let &[method, target, version] = words.as_slice() else {
        return BAD_REQUEST;
    };
    if !version.starts_with("HTTP/1.") {
        return BAD_REQUEST;
    }
    let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let is_head = method == "HEAD";
    if !is_head && method != "GET" {
        return NOT_ALLOWED;
    }
    if body_bytes(&fields) > BODY_BYTES {
        return BODY_TOO_LARGE;
    }
    match target.split('?').next().unwrap_or("") {
        "/metrics" => Answer::Metrics {
            exposition: exposition(&fields),
            is_head,
        },
        "/" => Answer::Start { is_head },
        _ => NOT_FOUND,
    }
}

fn values<'a>(fields: &'a [(&str, &'a str)], name: &str) -> impl Iterator<Item = &'a str> {
    let is_named = move |field: &&(&str, &str)| field.0.trim().eq_ignore_ascii_case(name);
    let named: Vec<&str> = fields
        .iter()
        .filter(is_named)
        .map(|field| field.1.trim())
        .collect();
    named.into_iter()
}

/// How long a body would be; one of unknown length is as long as can be.
fn body_bytes(fields: &[(&str, &str)]) -> u64 {
    if values(fields, "transfer-encoding").next().is_some() {
        return u64::MAX;
    }
    let lengths = values(fields, "content-length");
    lengths
        .map(|length| length.parse().unwrap_or(u64::MAX))
        .max()
        .unwrap_or(0)
}

/// The format that is liked best; the plain one, if both are liked alike or nothing is said.
fn exposition(fields: &[(&str, &str)]) -> Exposition {
    let (mut plain, mut open_metrics) = (None, None);
    for range in values(fields, "accept").flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or("");
        let parameters: Vec<&str> = parts.collect();
        let quality = parameters
            .iter()
            .find_map(|parameter| parameter.strip_prefix("q="));
        let quality = quality.map_or(Some(1.0), |quality| quality.parse::<f32>().ok());
        let quality = quality.unwrap_or(0.0);
        let best = match kind.to_ascii_lowercase().as_str() {
            "application/openmetrics-text" if is_first_version(&parameters) => &mut open_metrics,
            "text/plain" => &mut plain,
            _ => continue,
        };
        *best = Some(best.unwrap_or(0.0_f32).max(quality));
    }
    match open_metrics {
        Some(open_metrics) if open_metrics > plain.unwrap_or(0.0) => Exposition::OpenMetrics,
        _ => Exposition::Text,
    }
}

/// Whether it is OpenMetrics 1.0 that is asked for, or any.
fn is_first_version(parameters: &[&str]) -> bool {
    let version = parameters
        .iter()
        .find_map(|parameter| parameter.strip_prefix("version="));
    version.is_none_or(|version| version.trim_matches('"') == "1.0.0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(accept: &str) -> Exposition {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\naCCept: {accept}\r\n\r\n");
        match answer(request.as_bytes()) {
            Some(Answer::Metrics { exposition, .. }) => exposition,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn openmetrics_is_for_who_likes_it_better() {
        let of_prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,\
             text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, expected) in [
            (of_prometheus, Exposition::OpenMetrics),
            ("application/openmetrics-text", Exposition::OpenMetrics),
            (
                "application/openmetrics-text; version=0.0.1",
                Exposition::Text,
            ),
            (
                "application/openmetrics-text;q=0.1,text/plain;q=0.9",
                Exposition::Text,
            ),
            ("application/openmetrics-text;q=0", Exposition::Text),
            ("application/openmetrics-text;q=high", Exposition::Text),
            ("text/plain", Exposition::Text),
            ("*/*", Exposition::Text),
            ("text/html,application/xhtml+xml", Exposition::Text),
            (",;,;q=,=", Exposition::Text),
        ] {
            assert_eq!(get(accept), expected, "{accept}");
        }
    }

    #[test]
    fn only_two_pages_and_two_methods() {
        let head = |line: &str| answer(format!("{line}\r\n\r\n").as_bytes());
        let metrics = |is_head| {
            let exposition = Exposition::Text;
            Some(Answer::Metrics {
                exposition,
                is_head,
            })
        };
        assert_eq!(head("GET /metrics HTTP/1.1"), metrics(false));
        assert_eq!(head("HEAD /metrics?all HTTP/1.0"), metrics(true));
        assert_eq!(
            head("GET / HTTP/1.1"),
            Some(Answer::Start { is_head: false })
        );
        assert_eq!(head("GET /metrics/ HTTP/1.1"), Some(NOT_FOUND));
        assert_eq!(head("GET /../etc/passwd HTTP/1.1"), Some(NOT_FOUND));
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"] {
            assert_eq!(
                head(&format!("{method} /metrics HTTP/1.1")),
                Some(NOT_ALLOWED)
            );
        }
        for line in [
            "",
            "GET",
            "GET /metrics",
            "GET  /metrics HTTP/1.1",
            "GET / HTTP/2.0",
            "\u{1}",
        ] {
            assert_eq!(head(line), Some(BAD_REQUEST), "{line:?}");
        }
        assert_eq!(answer(b"GET / \xff HTTP/1.1\r\n\r\n"), Some(BAD_REQUEST));
    }

    #[test]
    fn what_is_too_long_is_refused_as_soon_as_that_is_known() {
        assert_eq!(answer(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"), None);
        assert_eq!(answer(&[b'a'; LINE_BYTES + 1]), Some(LINE_TOO_LONG));
        let mut head = b"GET /metrics HTTP/1.1\r\n".to_vec();
        while head.len() < HEAD_BYTES {
            assert_eq!(answer(&head), None);
            head.extend_from_slice(b"X: y\r\n");
        }
        assert_eq!(answer(&head), Some(HEAD_TOO_LARGE));
        for field in [
            "Content-Length: 99999999",
            "Content-Length: many",
            "Transfer-Encoding: chunked",
        ] {
            let request = format!("GET /metrics HTTP/1.1\r\n{field}\r\n\r\n");
            assert_eq!(answer(request.as_bytes()), Some(BODY_TOO_LARGE), "{field}");
        }
    }

    #[test]
    fn plain_newlines_end_a_head_too() {
        assert_eq!(
            answer(b"GET / HTTP/1.0\n\n"),
            Some(Answer::Start { is_head: false })
        );
    }
}
