//! Control entries: plaintext, signed, in the space's own log (chapter `control.md`).

use bulla_core::cbor::Encode;
use bulla_core::control::{Context, Control, SealedLabel};
use bulla_core::{ContentHash, EntryId, Header, KeyId, Kind, Salt, Topic};

use super::{ChainEnd, EntryWriter, Sealed, WriteError, finish, fresh_salt, in_order};
use crate::EpochKey;
use crate::label::{LabelError, LabelSubject, seal_label};

/// A control entry to be signed.
#[derive(Debug, Clone)]
pub struct ControlDraft {
    /// What it says; any kind but a genesis ([`found_space`](crate::found_space)).
    pub control: Control,
    /// The control heads that the author knows, and its own last control entry if that is none of them, in any order
    /// (CTL-7). Doubles and the author's previous entry are left out by the writer.
    pub dependencies: Vec<EntryId>,
    /// From a hybrid logical clock ([`Hlc`](crate::Hlc)).
    pub timestamp: u64,
}

impl ControlDraft {
    /// A draft without dependencies, at time 0.
    #[must_use]
    pub fn new(control: impl Into<Control>) -> Self {
        Self { control: control.into(), dependencies: Vec::new(), timestamp: 0 }
    }

    /// With these dependencies.
    #[must_use]
    pub fn with_dependencies(mut self, dependencies: Vec<EntryId>) -> Self {
        self.dependencies = dependencies;
        self
    }

    /// With this timestamp.
    #[must_use]
    pub const fn with_timestamp(mut self, timestamp: u64) -> Self {
        self.timestamp = timestamp;
        self
    }
}

impl EntryWriter {
    /// Makes the control entry that follows `chain`. Whether it will count, the directory says.
    ///
    /// # Errors
    ///
    /// [`WriteError::Kind`] for a genesis; [`WriteError::Control`] for a payload that no reader would take;
    /// [`WriteError::Dependencies`], [`WriteError::Header`], [`WriteError::Randomness`].
    pub fn control(&self, chain: &ChainEnd, draft: &ControlDraft) -> Result<Sealed, WriteError> {
        let kind = draft.control.kind();
        if kind == Kind::GENESIS {
            return Err(WriteError::Kind(kind));
        }
        draft.control.validate(&self.context())?;
        let payload = draft.control.to_cbor();
        let mut header = Header {
            space: self.space,
            author: self.keys.author(),
            sequence: chain.sequence.saturating_add(1),
            previous: chain.id,
            timestamp: draft.timestamp,
            kind,
            topic: Topic::ZERO,
            dependencies: in_order(&draft.dependencies, chain)?,
            key_id: KeyId::ZERO,
            salt: Salt::ZERO,
            payload_length: 0,
            content_hash: ContentHash::ZERO,
        };
        header.salt = fresh_salt(&self.keys, &header, &payload, self.randomness.as_ref())?;
        finish(&self.keys, header, payload.into())
    }

    /// Seals what members call a device or a group, for a control entry by this device (CTL-12). `key` is that of the
    /// space's writing epoch.
    ///
    /// # Errors
    ///
    /// [`LabelError::Text`], [`LabelError::Randomness`].
    pub fn seal_label(
        &self,
        subject: LabelSubject,
        label: &str,
        key: &EpochKey,
    ) -> Result<SealedLabel, LabelError> {
        let context = self.context();
        seal_label(&self.keys, &context, subject, label, key, self.randomness.as_ref())
    }

    /// What payloads of this device's entries in this space are bound to.
    fn context(&self) -> Context {
        Context { space: self.space, author: self.keys.author() }
    }
}
