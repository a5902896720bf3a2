//! Waiting until something may have changed: a file in a folder, or a stream that has lines.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use notify::event::EventKind;
use notify::{RecursiveMode, Watcher};

/// How long it takes at most to see a change that no notification came for.
pub(super) const POLL: Duration = Duration::from_millis(250);

/// Hears of changes in folders.
pub(super) struct Changes {
    /// None where the system tells nothing: then the looks in between have to do.
    watcher: Option<notify::RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    bell: Bell,
    rung: Receiver<()>,
}

/// Wakes whoever waits.
#[derive(Clone)]
pub(super) struct Bell(SyncSender<()>);

impl Bell {
    pub(super) fn ring(&self) {
        // One ring is enough for all changes so far, and maybe nobody listens any more.
        let _ = self.0.try_send(());
    }
}

impl Changes {
    pub(super) fn new() -> Self {
        let (sender, rung) = mpsc::sync_channel(1);
        let bell = Bell(sender);
        let of_watcher = bell.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own look at a file opens it: that is no change, or one look would cause the next.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                of_watcher.ring();
            }
        });
        Changes {
            watcher: watcher.ok(),
            folders: BTreeSet::new(),
            bell,
            rung,
        }
    }

    /// Returns what wakes the one who waits here.
    pub(super) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Watches the folder of a file: the file itself is another one after each rotation. Where the
    /// path is a link, the file changes in another folder.
    pub(super) fn watch_around(&mut self, path: &Path) {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        self.watch(folder.unwrap_or(Path::new(".")));
        let real = fs::canonicalize(path).ok();
        if let Some(folder) = real.as_deref().and_then(Path::parent) {
            self.watch(folder);
        }
    }

    /// Watches a folder; one that is not there yet is looked at by the clock.
    pub(super) fn watch(&mut self, folder: &Path) {
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if self.folders.contains(&folder) {
            return;
        }
        let watched = self
            .watcher
            .as_mut()
            .map(|watcher| watcher.watch(&folder, RecursiveMode::NonRecursive));
        if watched.is_some_and(|watched| watched.is_ok()) {
            self.folders.insert(folder);
        }
    }

    /// Waits for a change, at most so long.
    pub(super) fn wait(&self, timeout: Duration) {
        match self.rung.recv_timeout(timeout.min(POLL)) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(timeout.min(POLL)),
        }
    }
}
