//! A file system in memory, with the few things that happen to logs.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::files::{Files, LogFile};
use crate::source::open::Identity;
use crate::source::rotated;

/// How much is copied at once.
const BLOCK_BYTES: usize = 64;

#[derive(Clone, Default)]
struct Disk {
    names: BTreeMap<PathBuf, usize>,
    files: BTreeMap<usize, Vec<u8>>,
}

/// One thing that happens to the file system, whole or not at all.
#[derive(Clone)]
enum Change {
    Create(PathBuf, usize, Vec<u8>),
    Append(usize, Vec<u8>),
    Empty(usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Disk {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Create(path, number, text) => {
                self.names.insert(path, number);
                self.files.insert(number, text);
            }
            Change::Append(number, text) => self.files.entry(number).or_default().extend(text),
            Change::Empty(number) => self.files.entry(number).or_default().clear(),
            Change::Rename(from, to) => {
                if let Some(number) = self.names.remove(&from) {
                    self.names.insert(to, number);
                }
            }
            Change::Remove(path) => drop(self.names.remove(&path)),
        }
    }

    fn text(&self, number: usize) -> &[u8] {
        self.files.get(&number).map_or(b"", Vec::as_slice)
    }
}

/// The disk as daemons and logrotate have left it, and as whoever follows a log sees it.
#[derive(Default)]
struct Disks {
    written: Disk,
    seen: Disk,
    /// What is not seen yet, the earliest first.
    unseen: VecDeque<Change>,
    /// After so many looks at the file system the next change is seen; each change has its own.
    /// `None`: all is seen at once.
    delays: Option<VecDeque<u8>>,
}

impl Disks {
    fn change(&mut self, change: Change) {
        self.written.apply(change.clone());
        match self.delays {
            Some(_) => self.unseen.push_back(change),
            None => self.seen.apply(change),
        }
    }

    /// Somebody looks: what has happened until now is seen.
    fn look(&mut self) -> &Disk {
        while let Some(change) = self.unseen.pop_front() {
            let delay = self.delays.as_mut().and_then(VecDeque::front_mut);
            match delay {
                Some(delay) if *delay > 0 => {
                    *delay -= 1;
                    self.unseen.push_front(change);
                    break;
                }
                _ => {}
            }
            self.delays.as_mut().and_then(VecDeque::pop_front);
            self.seen.apply(change);
        }
        &self.seen
    }
}

/// A handle of the file system; all handles are of the same one.
#[derive(Clone, Default)]
pub(super) struct SimulatedFiles(Rc<RefCell<Disks>>);

/// An open file.
pub(super) struct SimulatedFile {
    disks: Rc<RefCell<Disks>>,
    number: usize,
}

impl SimulatedFiles {
    /// From now on changes are seen one after the other, each after so many looks.
    pub(super) fn delay(&self, delays: &[u8]) {
        self.0.borrow_mut().delays = Some(delays.iter().copied().collect());
    }

    /// All that happened is seen, and so is at once what happens from now on.
    pub(super) fn catch_up(&self) {
        let mut disks = self.0.borrow_mut();
        disks.delays = None;
        disks.look();
    }

    /// Opens a file for writing, and makes it if need be.
    pub(super) fn create(&self, path: &Path) -> SimulatedFile {
        let number = self.0.borrow().written.names.get(path).copied();
        match number {
            Some(number) => self.handle(number),
            None => self.create_with(path, b""),
        }
    }

    fn create_with(&self, path: &Path, text: &[u8]) -> SimulatedFile {
        let number = self.0.borrow().written.files.len();
        let change = Change::Create(path.to_owned(), number, text.to_vec());
        self.0.borrow_mut().change(change);
        self.handle(number)
    }

    fn handle(&self, number: usize) -> SimulatedFile {
        SimulatedFile {
            disks: Rc::clone(&self.0),
            number,
        }
    }

    fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let disks = self.0.borrow();
        let number = disks.written.names.get(path).copied();
        number.map(|number| disks.written.text(number).to_vec())
    }

    pub(super) fn has(&self, path: &Path) -> bool {
        self.0.borrow().written.names.contains_key(path)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) {
        if self.has(from) {
            let change = Change::Rename(from.to_owned(), to.to_owned());
            self.0.borrow_mut().change(change);
        }
    }

    pub(super) fn remove(&self, path: &Path) {
        let change = Change::Remove(path.to_owned());
        self.0.borrow_mut().change(change);
    }

    /// Copies a file: the same content in another file, which is there before it is whole.
    pub(super) fn copy(&self, from: &Path, to: &Path) {
        if let Some(content) = self.content(from) {
            let copy = self.create_with(to, b"");
            // No program copies less at once.
            content
                .chunks(BLOCK_BYTES)
                .for_each(|block| copy.append(block));
        }
    }

    /// Packs a file: the same content in another file, which nobody can read before it is whole.
    pub(super) fn pack(&self, from: &Path, to: &Path) {
        if let Some(content) = self.content(from) {
            self.create_with(to, &content);
            self.remove(from);
        }
    }
}

impl SimulatedFile {
    pub(super) fn append(&self, text: &[u8]) {
        let change = Change::Append(self.number, text.to_vec());
        self.disks.borrow_mut().change(change);
    }

    pub(super) fn has_line(&self) -> bool {
        let disks = self.disks.borrow();
        disks.written.text(self.number).contains(&b'\n')
    }

    pub(super) fn empty(&self) {
        self.disks.borrow_mut().change(Change::Empty(self.number));
    }
}

impl Files for SimulatedFiles {
    type File = SimulatedFile;

    fn open(&self, path: &Path) -> io::Result<Option<SimulatedFile>> {
        let number = self.0.borrow_mut().look().names.get(path).copied();
        Ok(number.map(|number| self.handle(number)))
    }

    fn siblings(&self, path: &Path) -> Vec<PathBuf> {
        let mut disks = self.0.borrow_mut();
        let names = disks.look().names.keys();
        let names = names.filter_map(|name| name.file_name());
        rotated::siblings_among(path, names.map(ToOwned::to_owned))
    }
}

impl LogFile for SimulatedFile {
    fn identity(&self) -> Identity {
        Identity::simulated(self.number as u64)
    }

    fn length(&self) -> io::Result<u64> {
        let mut disks = self.disks.borrow_mut();
        Ok(disks.look().text(self.number).len() as u64)
    }

    fn read_at(&mut self, offset: u64, limit: usize, into: &mut Vec<u8>) -> io::Result<usize> {
        let mut disks = self.disks.borrow_mut();
        let text = disks.look().text(self.number);
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = text.get(offset..).unwrap_or_default();
        let got = rest.len().min(limit);
        into.extend_from_slice(&rest[..got]);
        Ok(got)
    }
}
