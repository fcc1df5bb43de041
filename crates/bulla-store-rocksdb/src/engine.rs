//! An open database and its writer: opening, closing.

mod open;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bulla_store::Clock;

use crate::DiskOptions;
use crate::error::OpenError;
use crate::shared::Shared;
use crate::writer::Writer;

/// An open database and its writer. The last one to drop it closes the store.
#[derive(Debug)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Opens a store and starts its writer.
    pub(crate) fn open(
        folder: &Path,
        options: DiskOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let (shared, commit) = open::open(folder, options, clock)?;
        let shared = Arc::new(shared);
        let writer = Writer::start(Arc::clone(&shared), commit)
            .map_err(OpenError::io("cannot start the writer"))?;
        Ok(Self { shared, writer: Mutex::new(Some(writer)) })
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Lets the writer finish what waits and write everything down, and ends all watchers. Later calls do nothing.
    pub(crate) fn close(&self) {
        self.shared.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the writer ended in a panic");
        }
        for space in self.shared.active().spaces() {
            space.end();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}
