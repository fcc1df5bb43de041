//! Every store and combinator of this crate keeps every promise of the contract: the suite as named tests.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_conformance::suite::{Harness, HarnessError, Kept, Options, Subject, trials};
use bulla_core::SpaceId;
use bulla_store::{Bookmarks, MemoryBookmarks, MemorySpaces, MemoryStore, Spaces};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let options = Options::default();
    let harnesses: [(&str, Arc<dyn Harness>); 1] = [("memory", Arc::new(Memory))];
    let tests: Vec<Trial> =
        harnesses.iter().flat_map(|(name, harness)| trials(name, harness, &options)).collect();
    libtest_mimic::run(&arguments, tests).exit();
}

#[derive(Debug)]
struct Memory;

#[async_trait]
impl Harness for Memory {
    async fn fresh(&self, space: SpaceId) -> Result<Subject, HarnessError> {
        Ok(Subject::erasable(Arc::new(MemoryStore::new(space)?)))
    }

    async fn spaces(&self) -> Result<Option<Kept<dyn Spaces>>, HarnessError> {
        Ok(Some(Kept { subject: Arc::new(MemorySpaces::new()), guard: None }))
    }

    async fn bookmarks(&self) -> Result<Option<Kept<dyn Bookmarks>>, HarnessError> {
        Ok(Some(Kept { subject: Arc::new(MemoryBookmarks::new()), guard: None }))
    }
}
