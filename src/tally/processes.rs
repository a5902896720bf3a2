//! What is known of each process of the hosts that log.
//!
//! A process logs many lines: the author that the cursor tells finds it again without a hash. When a
//! process is forgotten is **not** known here.

use hashbrown::HashMap;
use mailtally_parsers::syslog::Author;
use rustc_hash::FxBuildHasher;

use super::by_author::ByAuthor;
use super::symbols::{Symbol, key};

key! {
    /// A process of a host.
    pub(crate) struct ProcessKey found_by(host, pid) { host: Symbol, tag: Symbol, pid: u32 }
}

/// The process that logged a line, and the line's author where he is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pub(crate) key: ProcessKey,
    pub(crate) author: Option<Author>,
}

impl From<ProcessKey> for Process {
    fn from(key: ProcessKey) -> Self {
        Process { key, author: None }
    }
}

/// Values by process.
#[derive(Clone)]
pub(crate) struct Processes<T> {
    /// In the order in which they were first asked for.
    all: Vec<(ProcessKey, T)>,
    places: HashMap<ProcessKey, usize, FxBuildHasher>,
    /// The places of their processes.
    authors: ByAuthor<usize>,
    /// Stands for a value that is not there: there is none such.
    spare: T,
}

impl<T: Default> Default for Processes<T> {
    fn default() -> Self {
        Processes {
            all: Vec::new(),
            places: HashMap::default(),
            authors: ByAuthor::default(),
            spare: T::default(),
        }
    }
}

impl<T: Default> Processes<T> {
    /// Returns the value of a process; it begins with the default.
    #[inline]
    pub(crate) fn of(&mut self, process: Process) -> &mut T {
        let place = match self.place_of(process) {
            Some(place) => place,
            None => self.begin(process),
        };
        match self.all.get_mut(place) {
            Some((_, value)) => value,
            None => &mut self.spare,
        }
    }

    /// Returns the value of a process that has one.
    #[inline]
    pub(crate) fn known(&mut self, process: Process) -> Option<&mut T> {
        let place = self.place_of(process)?;
        self.all.get_mut(place).map(|(_, value)| value)
    }

    #[inline]
    fn place_of(&mut self, process: Process) -> Option<usize> {
        let known = process.author.and_then(|author| self.authors.get(author));
        match known {
            Some(place) => Some(place),
            None => self.look_up(process),
        }
    }

    /// Finds a process by its key, and remembers its author.
    #[inline(never)]
    fn look_up(&mut self, process: Process) -> Option<usize> {
        let place = *self.places.get(&process.key)?;
        self.remember(process, place);
        Some(place)
    }

    #[cold]
    fn begin(&mut self, process: Process) -> usize {
        let place = self.all.len();
        self.all.push((process.key, T::default()));
        self.places.insert(process.key, place);
        self.remember(process, place);
        place
    }

    fn remember(&mut self, process: Process, place: usize) {
        if let Some(author) = process.author {
            self.authors.keep(author, place);
        }
    }

    /// Forgets the processes whose value is not to be kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let all = std::mem::take(&mut self.all);
        self.places.clear();
        self.authors.clear();
        let kept = all.into_iter().filter_map(|(key, mut value)| {
            let is_kept = keep(&mut value);
            is_kept.then_some((key, value))
        });
        self.extend(kept);
    }

    fn extend(&mut self, more: impl Iterator<Item = (ProcessKey, T)>) {
        for (key, value) in more {
            self.places.insert(key, self.all.len());
            self.all.push((key, value));
        }
    }

    /// Takes the processes and their values.
    pub(crate) fn into_all(self) -> impl Iterator<Item = (ProcessKey, T)> {
        self.all.into_iter()
    }
}

impl<T: Default> FromIterator<(ProcessKey, T)> for Processes<T> {
    fn from_iter<I: IntoIterator<Item = (ProcessKey, T)>>(all: I) -> Self {
        let mut processes = Processes::default();
        processes.extend(all.into_iter());
        processes
    }
}

#[cfg(test)]
mod tests {
    use mailtally_parsers::syslog::Envelopes;

    use super::super::symbols::Symbols;
    use super::*;

    /// The processes of lines of so many process ids, with and without their authors.
    fn processes(symbols: &mut Symbols, pids: &[u32]) -> Vec<Process> {
        let (host, tag) = (symbols.intern(b"mx1"), symbols.intern(b"postfix/smtpd"));
        let mut envelopes = Envelopes::default();
        let lines: Vec<String> = pids
            .iter()
            .map(|pid| format!("Nov 21 00:44:25 mx1 postfix/smtpd[{pid}]: connect from x"))
            .collect();
        let text = Box::leak(lines.join("\n").into_boxed_str());
        let read = text.lines().zip(pids).enumerate();
        read.map(|(at, (line, &pid))| {
            envelopes.parse(line.as_bytes());
            Process {
                key: ProcessKey { host, tag, pid },
                author: envelopes.author().filter(|_| at % 5 != 0),
            }
        })
        .collect()
    }

    #[test]
    fn each_process_has_a_value_of_its_own_by_whichever_way_it_is_found() {
        let pids: Vec<u32> = (0..3_000).map(|at| at * 11 % 700).collect();
        let mut symbols = Symbols::default();
        let mut values: Processes<Vec<u32>> = Processes::default();
        for (at, process) in processes(&mut symbols, &pids).into_iter().enumerate() {
            assert_eq!(
                values.known(process).is_some(),
                at >= 700 || pids[..at].contains(&process.key.pid)
            );
            values.of(process).push(process.key.pid);
        }
        let all: Vec<_> = values.into_all().collect();
        assert_eq!(all.len(), 700);
        for (key, seen) in all {
            let expected = pids.iter().filter(|pid| **pid == key.pid).count();
            assert_eq!(
                (seen.len(), seen.iter().all(|pid| *pid == key.pid)),
                (expected, true)
            );
        }
    }

    #[test]
    fn a_process_that_was_forgotten_begins_anew() {
        let mut symbols = Symbols::default();
        let [first, second, third] = processes(&mut symbols, &[9, 10, 11])[..] else {
            panic!("three lines");
        };
        let mut values: Processes<u32> = Processes::default();
        for (process, value) in [(first, 1), (second, 2), (third, 3)] {
            *values.of(process) = value;
        }
        values.retain(|value| *value != 2);
        assert_eq!(values.known(second), None);
        assert_eq!(values.known(third), Some(&mut 3));
        *values.of(second) += 4;
        let all: Vec<u32> = values.into_all().map(|(_, value)| value).collect();
        assert_eq!(all, [1, 3, 4]);
    }
}
