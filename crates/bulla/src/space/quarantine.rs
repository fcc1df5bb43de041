//! What was refused here and is kept, to be judged again (QUAR, ADM-16).

use bulla_admission::Retried;
use bulla_core::EntryId;
use bulla_store::{Context, KeptPage};

use super::{Space, SpaceError};

impl Space {
    /// Entries of members that were refused here and are kept, by id, from after an id on; at most 4,096. They are judged
    /// again whenever the directory changes.
    ///
    /// # Errors
    ///
    /// [`SpaceError::NoDirectory`] in a space without members, [`SpaceError::Store`].
    pub async fn quarantined(
        &self,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<KeptPage, SpaceError> {
        let guard = self.inner.gate.guard().ok_or_else(|| SpaceError::NoDirectory(self.id()))?;
        Ok(guard.admission.quarantined(&Context::new(), after, limit).await?)
    }

    /// Judges everything in quarantine again now, and stores what counts.
    ///
    /// # Errors
    ///
    /// As [`quarantined`](Self::quarantined).
    pub async fn retry_quarantined(&self) -> Result<Retried, SpaceError> {
        let guard = self.inner.gate.guard().ok_or_else(|| SpaceError::NoDirectory(self.id()))?;
        Ok(guard.admission.retry(&Context::new()).await?)
    }
}
