use std::sync::mpsc::{self, Receiver};

use super::*;
use crate::source::block::Passage;
use crate::source::{Dating, SourceId};

/// Makes so many chunks, and perhaps panics then.
struct Counter {
    left: usize,
    /// What it waits for before it makes anything.
    go: Option<Receiver<()>>,
    panics: bool,
}

impl Maker for Counter {
    fn make(&mut self) -> Option<Chunk> {
        if let Some(go) = self.go.take() {
            go.recv().unwrap();
        }
        assert!(self.left > 0 || !self.panics, "a bug");
        self.left = self.left.checked_sub(1)?;
        let line = format!("{}\n", self.left).into_bytes();
        Some(Chunk::new(line, Dating::from_year(2026, None), SourceId(0)))
    }

    fn into_ended(self: Box<Self>) -> Vec<Ended> {
        vec![Ended {
            name: "counter".into(),
            packer: None,
            guess_held: true,
            passage: Ok(Passage {
                read_bytes: 7,
                cut: Default::default(),
                line_bytes: 1,
                error: None,
            }),
        }]
    }
}

fn counter(left: usize) -> Box<Counter> {
    Box::new(Counter {
        left,
        go: None,
        panics: false,
    })
}

fn text(given: &Given) -> Option<String> {
    match given {
        Given::Chunk(chunk) => Some(String::from_utf8(chunk.bytes().to_vec()).unwrap()),
        Given::End(_) => None,
    }
}

#[test]
fn gives_the_chunks_of_each_group_in_order() {
    let mut ahead = Ahead::default();
    for group in 0..3 {
        ahead.begin(group, counter(4)).unwrap();
    }
    // The last group first: the others wait for it, and hold no more than one chunk each.
    for group in [2, 0, 1] {
        let mut found = Vec::new();
        while let Some(text) = text(&ahead.take(group)) {
            found.push(text);
        }
        assert_eq!(found, ["3\n", "2\n", "1\n", "0\n"]);
    }
    assert_eq!(ahead.len(), 0);
}

#[test]
fn gives_what_is_ready_first() {
    let mut ahead = Ahead::default();
    let (sender, go) = mpsc::channel();
    let slow = Counter {
        left: 1,
        go: Some(go),
        panics: false,
    };
    ahead.begin(0, Box::new(slow)).unwrap();
    ahead.begin(1, counter(3)).unwrap();
    for _ in 0..4 {
        assert_eq!(ahead.take_any().0, 1);
    }
    assert!(ahead.try_take_any().is_none());
    sender.send(()).unwrap();
    assert_eq!((ahead.take_any().0, ahead.take_any().0), (0, 0));
    assert_eq!(ahead.len(), 0);
    assert!(ahead.try_take_any().is_none());
}

#[test]
fn threads_end_when_nobody_wants_more() {
    let mut ahead = Ahead::default();
    ahead.begin(0, counter(usize::MAX)).unwrap();
    assert!(text(&ahead.take(0)).is_some());
    let threads = std::mem::take(&mut ahead.threads);
    drop(ahead);
    for thread in threads.into_values() {
        thread.join().unwrap();
    }
}

#[test]
#[should_panic(expected = "a bug")]
fn a_panic_is_not_waited_for() {
    let mut ahead = Ahead::default();
    let broken = Counter {
        left: 2,
        go: None,
        panics: true,
    };
    ahead.begin(0, Box::new(broken)).unwrap();
    while text(&ahead.take(0)).is_some() {}
}
