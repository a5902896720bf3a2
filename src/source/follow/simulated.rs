//! A file system in memory, with the few things that happen to logs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::files::{Files, LogFile};
use crate::source::open::Identity;
use crate::source::rotated;

#[derive(Default)]
struct Disk {
    names: BTreeMap<PathBuf, usize>,
    files: Vec<Vec<u8>>,
}

/// A handle of the file system; all handles are of the same one.
#[derive(Clone, Default)]
pub(super) struct SimulatedFiles(Rc<RefCell<Disk>>);

/// An open file.
pub(super) struct SimulatedFile {
    disk: Rc<RefCell<Disk>>,
    number: usize,
}

impl SimulatedFiles {
    /// Opens a file for writing, and makes it if need be.
    pub(super) fn create(&self, path: &Path) -> SimulatedFile {
        let mut disk = self.0.borrow_mut();
        let number = match disk.names.get(path) {
            Some(number) => *number,
            None => {
                disk.files.push(Vec::new());
                let number = disk.files.len() - 1;
                disk.names.insert(path.to_owned(), number);
                number
            }
        };
        SimulatedFile {
            disk: Rc::clone(&self.0),
            number,
        }
    }

    pub(super) fn has(&self, path: &Path) -> bool {
        self.0.borrow().names.contains_key(path)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) {
        let mut disk = self.0.borrow_mut();
        if let Some(number) = disk.names.remove(from) {
            disk.names.insert(to.to_owned(), number);
        }
    }

    pub(super) fn remove(&self, path: &Path) {
        self.0.borrow_mut().names.remove(path);
    }

    /// Copies a file: the same content in another file.
    pub(super) fn copy(&self, from: &Path, to: &Path) {
        let mut disk = self.0.borrow_mut();
        if let Some(number) = disk.names.get(from).copied() {
            let content = disk.files[number].clone();
            disk.files.push(content);
            let copy = disk.files.len() - 1;
            disk.names.insert(to.to_owned(), copy);
        }
    }
}

impl SimulatedFile {
    pub(super) fn append(&self, text: &[u8]) {
        self.disk.borrow_mut().files[self.number].extend_from_slice(text);
    }

    pub(super) fn has_line(&self) -> bool {
        self.disk.borrow().files[self.number].contains(&b'\n')
    }

    pub(super) fn empty(&self) {
        self.disk.borrow_mut().files[self.number].clear();
    }
}

impl Files for SimulatedFiles {
    type File = SimulatedFile;

    fn open(&self, path: &Path) -> io::Result<Option<SimulatedFile>> {
        let number = self.0.borrow().names.get(path).copied();
        Ok(number.map(|number| SimulatedFile {
            disk: Rc::clone(&self.0),
            number,
        }))
    }

    fn siblings(&self, path: &Path) -> Vec<PathBuf> {
        let disk = self.0.borrow();
        let names = disk.names.keys().filter_map(|name| name.file_name());
        rotated::siblings_among(path, names.map(ToOwned::to_owned))
    }
}

impl LogFile for SimulatedFile {
    fn identity(&self) -> Identity {
        Identity::simulated(self.number as u64)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.borrow().files[self.number].len() as u64)
    }

    fn read_at(&mut self, offset: u64, limit: usize, into: &mut Vec<u8>) -> io::Result<usize> {
        let disk = self.disk.borrow();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = disk.files[self.number].get(offset..).unwrap_or_default();
        let got = rest.len().min(limit);
        into.extend_from_slice(&rest[..got]);
        Ok(got)
    }
}
