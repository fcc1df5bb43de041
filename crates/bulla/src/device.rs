//! This device.

use std::ops::Deref;
use std::sync::Arc;

use bulla_core::joining_card::JoiningCard;
use bulla_core::{InvitationId, SpaceId};
use bulla_identity::{DeviceKeys, OsRandomness, RandomnessError};

/// This device's keys, shared by everything that signs with them. Cheap to clone; never printed.
#[derive(Debug, Clone)]
pub struct Device(Arc<DeviceKeys>);

impl Device {
    /// A new device with fresh keys. They are gone with the process unless they are written to a key file.
    ///
    /// # Errors
    ///
    /// [`RandomnessError`] when the operating system gives no random bytes.
    pub fn generate() -> Result<Self, RandomnessError> {
        Ok(DeviceKeys::generate(&OsRandomness)?.into())
    }

    /// What this device signs to come into a space: an admin [grants](crate::Space::grant) it a role by this card.
    /// `invitation` is the id of the one it answers, if it does.
    #[must_use]
    pub fn joining_card(&self, space: SpaceId, invitation: Option<InvitationId>) -> JoiningCard {
        self.0.joining_card(space, invitation.unwrap_or(InvitationId::ZERO))
    }
}

impl From<DeviceKeys> for Device {
    fn from(keys: DeviceKeys) -> Self {
        Self(Arc::new(keys))
    }
}

impl Deref for Device {
    type Target = Arc<DeviceKeys>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
