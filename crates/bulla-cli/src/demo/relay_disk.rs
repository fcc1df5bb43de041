//! Everything that the relay has on disk, as somebody has it who gets at the disk.

use std::path::Path;
use std::sync::Arc;

use bulla::disk::DiskSpaces;
use bulla::space::MemoryMarks;
use bulla::{Device, Keyring, LocalSpaces as _, Space, SpaceId};

use super::folders;
use crate::app::open_spaces;
use crate::exit::Result;

/// A copy of the relay's database.
pub(crate) struct RelayDisk {
    spaces: DiskSpaces,
    space: SpaceId,
}

impl RelayDisk {
    /// Copies the database of a relay that has stopped.
    pub(crate) fn copy(store: &Path, work: &Path, space: SpaceId) -> Result<Self> {
        let copy = work.join("copy-of-the-relay");
        folders::copy(store, &copy)?;
        Ok(Self { spaces: open_spaces(&copy)?, space })
    }

    /// The space in it, opened with a device's keys.
    pub(crate) async fn open(&self, device: &Device) -> Result<Space> {
        let local = self.spaces.open_local(self.space).await?;
        Ok(Space::open(device, Keyring::new(), local, Arc::new(MemoryMarks::default())).await?)
    }
}
