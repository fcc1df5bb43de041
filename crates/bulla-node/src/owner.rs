//! Tests: a device that founded a space, and writes in it.

use std::sync::Arc;

use bulla_core::control::Control;
use bulla_core::genesis::Policy;
use bulla_core::{Kind, SpaceId, Verified, VerifiedEntry, Verifier};
use bulla_crypto::{ChainEnd, ControlDraft, Draft, EntryWriter, EpochKey, Sealed, found_space};
use bulla_identity::{DeviceKeys, OsRandomness};

pub(crate) struct Owner {
    pub(crate) keys: Arc<DeviceKeys>,
    pub(crate) writer: EntryWriter,
    pub(crate) chain: ChainEnd,
    pub(crate) genesis: VerifiedEntry,
}

fn verified(space: SpaceId, sealed: Sealed) -> VerifiedEntry {
    let mut verdicts = Verifier::new([1; 32]).verify_batch(&space, vec![sealed.raw]);
    match verdicts.pop() {
        Some(Ok(Verified::Entry(entry))) => entry,
        other => panic!("{other:?}"),
    }
}

impl Owner {
    pub(crate) fn new() -> Self {
        let keys = Arc::new(DeviceKeys::generate(&OsRandomness).unwrap());
        let sealed = found_space(&keys, &[], None, Policy::default(), 0, &OsRandomness).unwrap();
        let (space, chain) = (SpaceId(sealed.id.0), sealed.chain);
        let writer = EntryWriter::new(Arc::clone(&keys), space, Arc::new(OsRandomness));
        Self { keys, writer, chain, genesis: verified(space, sealed) }
    }

    pub(crate) fn space(&self) -> SpaceId {
        self.writer.space()
    }

    pub(crate) fn control(&mut self, control: impl Into<Control>) -> VerifiedEntry {
        let draft = ControlDraft::new(control).with_dependencies(vec![self.genesis.id()]);
        let sealed = self.writer.control(&self.chain, &draft).unwrap();
        self.chain = sealed.chain;
        verified(self.space(), sealed)
    }

    pub(crate) fn write(&mut self) -> VerifiedEntry {
        let key = EpochKey::generate(&OsRandomness).unwrap();
        let draft = Draft::new(Kind::OPERATION, b"secret");
        let sealed = self.writer.seal(&self.chain, &draft, &key).unwrap();
        self.chain = sealed.chain;
        verified(self.space(), sealed)
    }
}
