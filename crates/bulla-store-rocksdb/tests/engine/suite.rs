//! The conformance suite over disk stores.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bulla_conformance::suite::{
    Harness, HarnessError, Kept, Options, Reopen, Subject, trials as suite_trials,
};
use bulla_core::SpaceId;
use bulla_store::{Bookmarks, Spaces, SystemClock};
use bulla_store_rocksdb::{DiskOptions, DiskSpaces};
use libtest_mimic::Trial;
use tempfile::TempDir;

pub(crate) fn trials() -> Vec<Trial> {
    let harness: Arc<dyn Harness> = Arc::new(Disk);
    suite_trials("suite", &harness, &Options::default())
}

#[derive(Debug)]
struct Disk;

fn open(folder: PathBuf) -> Result<DiskSpaces, HarnessError> {
    Ok(DiskSpaces::open(folder, DiskOptions::default(), Arc::new(SystemClock::new()))?)
}

async fn subject(folder: TempDir, space: SpaceId) -> Result<Subject, HarnessError> {
    let spaces = open(folder.path().to_owned())?;
    let store = spaces.create_disk_store(space).await?;
    Ok(Subject::erasable(Arc::new(store)).with_reopen(Closed { folder, space }))
}

#[async_trait]
impl Harness for Disk {
    async fn fresh(&self, space: SpaceId) -> Result<Subject, HarnessError> {
        subject(tempfile::tempdir()?, space).await
    }

    async fn spaces(&self) -> Result<Option<Kept<dyn Spaces>>, HarnessError> {
        let folder = tempfile::tempdir()?;
        let subject = Arc::new(open(folder.path().to_owned())?);
        Ok(Some(Kept { subject, guard: Some(Box::new(folder)) }))
    }

    async fn bookmarks(&self) -> Result<Option<Kept<dyn Bookmarks>>, HarnessError> {
        let folder = tempfile::tempdir()?;
        let subject = Arc::new(open(folder.path().to_owned())?.bookmarks());
        Ok(Some(Kept { subject, guard: Some(Box::new(folder)) }))
    }
}

struct Closed {
    folder: TempDir,
    space: SpaceId,
}

#[async_trait]
impl Reopen for Closed {
    async fn reopen(self: Box<Self>) -> Result<Subject, HarnessError> {
        subject(self.folder, self.space).await
    }
}
