//! Reading what is kept of authors, when an entry of theirs comes (chapter `sync.md`, SYN-50, SYN-55).

use bulla_core::AuthorKey;

use crate::side::Halt;
use crate::work::Work;

impl Work {
    /// Reads the highest sequences of these authors, unless they were read in this run.
    pub(crate) async fn read_tips_of(&mut self, authors: Vec<AuthorKey>) -> Result<(), Halt> {
        if !self.reads_frontiers() {
            return Ok(());
        }
        let read = self.forks.tips.read_of(&*self.bookmarks, &self.keys, authors).await;
        self.only_if(read.map_err(Halt::Stop)?)
    }

    /// Reads what these authors' frontiers proved and the target holds, of each the highest.
    pub(crate) async fn read_reached_of(&mut self, authors: Vec<AuthorKey>) -> Result<(), Halt> {
        let read = self.frontiers.reached.read_of(&*self.bookmarks, &self.keys, authors).await;
        self.only_if(read.map_err(Halt::Stop)?)
    }

    /// The same of all authors.
    pub(crate) async fn read_all_reached(&mut self) -> Result<(), Halt> {
        let read = self.frontiers.reached.read_all(&*self.bookmarks, &self.keys).await;
        self.only_if(read.map_err(Halt::Stop)?)
    }

    /// What cannot be read counts as absent: everything is examined again, by this run begun anew (SYN-21).
    fn only_if(&mut self, is_readable: bool) -> Result<(), Halt> {
        if is_readable {
            return Ok(());
        }
        tracing::warn!("what was kept of some authors cannot be read; examining everything again");
        self.is_lost = true;
        Err(Halt::KeptLost)
    }
}
