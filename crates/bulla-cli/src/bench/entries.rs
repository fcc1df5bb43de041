//! Entries to measure with: random payloads, by any number of authors, signed beforehand.

use std::sync::Arc;

use bulla::{EpochKey, Kind};
use bulla_core::genesis::Policy;
use bulla_core::{EntryId, RawEntry, SpaceId, Verified, Verifier};
use bulla_crypto::{ChainEnd, Draft, EntryWriter, FRAME_BYTES, Padding, TAG_BYTES, found_space};
use bulla_identity::{DeviceKeys, OsRandomness, Randomness as _};
use bulla_store::{ContentAddressedStore, Context};

use crate::exit::{Exit, Failure, Result};

/// Entries given to a store at once.
const BATCH: usize = 2_048;

/// Who writes, and where each chain ends.
pub(super) struct Authors {
    pub(super) space: SpaceId,
    writers: Vec<(EntryWriter, ChainEnd)>,
    key: EpochKey,
    payload: usize,
    random: blake3::OutputReader,
    last: Option<EntryId>,
    next: usize,
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failure, error)
}

/// The device that all measurements read with; nothing but a measurement may trust it.
pub(super) fn reader() -> DeviceKeys {
    DeviceKeys::dangerous_from_secrets(&[0x31; 32], &[0x32; 32])
}

fn random() -> Result<blake3::OutputReader> {
    let mut seed = [0; 32];
    OsRandomness.fill(&mut seed).map_err(failed)?;
    Ok(blake3::Hasher::new_keyed(&seed).finalize_xof())
}

impl Authors {
    /// A new space of so many authors, and its genesis. Sealed payloads have `payload` bytes.
    pub(super) fn found(count: u64, payload: usize) -> Result<(Self, RawEntry)> {
        let first = Arc::new(DeviceKeys::generate(&OsRandomness).map_err(failed)?);
        let genesis = found_space(&first, &[], None, Policy::default(), 1, &OsRandomness);
        let genesis = genesis.map_err(failed)?;
        let mut authors = Self::join(genesis.id.into(), count.max(1) - 1, payload)?;
        authors.writers.insert(0, (authors.writer(first), genesis.chain));
        Ok((authors, genesis.raw))
    }

    /// So many new authors in a space that is there already.
    pub(super) fn join(space: SpaceId, count: u64, payload: usize) -> Result<Self> {
        let payload = payload.checked_sub(FRAME_BYTES + TAG_BYTES);
        let payload =
            payload.ok_or_else(|| Failure::usage("a sealed payload has 22 bytes and more"))?;
        let key = EpochKey::generate(&OsRandomness).map_err(failed)?;
        let mut authors = Self {
            space,
            writers: Vec::new(),
            key,
            payload,
            random: random()?,
            last: None,
            next: 0,
        };
        for _ in 0..count {
            let keys = Arc::new(DeviceKeys::generate(&OsRandomness).map_err(failed)?);
            authors.writers.push((authors.writer(keys), ChainEnd::EMPTY));
        }
        Ok(authors)
    }

    fn writer(&self, keys: Arc<DeviceKeys>) -> EntryWriter {
        EntryWriter::new(keys, self.space, Arc::new(OsRandomness))
    }

    /// The next entry: authors take turns, and each entry depends on the one before it.
    pub(super) fn write(&mut self) -> Result<RawEntry> {
        let mut plaintext = vec![0; self.payload];
        self.random.fill(&mut plaintext);
        let index = self.next % self.writers.len().max(1);
        self.next += 1;
        let (writer, chain) = self.writers.get_mut(index).ok_or_else(|| failed("no author"))?;
        let draft = Draft::new(Kind::FIRST_APPLICATION, &plaintext)
            .with_padding(Padding::None)
            .with_timestamp(u64::try_from(self.next).unwrap_or(u64::MAX) << 16)
            .with_dependencies(self.last.into_iter().collect());
        let sealed = writer.seal(chain, &draft, &self.key).map_err(failed)?;
        *chain = sealed.chain;
        self.last = Some(sealed.id);
        Ok(sealed.raw)
    }

    /// As many entries, verified, ready for a store.
    pub(super) fn write_many(&mut self, count: usize) -> Result<Vec<Verified>> {
        let raw = (0..count).map(|_| self.write()).collect::<Result<Vec<_>>>()?;
        let verdicts = Verifier::new([0x33; 32]).verify_batch(&self.space, raw);
        verdicts.into_iter().map(|verdict| verdict.map_err(failed)).collect()
    }
}

/// Fills a store with a genesis and `count` entries.
pub(super) async fn fill(
    store: &dyn ContentAddressedStore,
    genesis: RawEntry,
    authors: &mut Authors,
    count: u64,
) -> Result<()> {
    let cx = Context::new();
    let genesis = Verifier::new([0x33; 32]).verify_genesis(genesis).map_err(failed)?;
    store.put(&cx, vec![genesis]).await?;
    let mut left = usize::try_from(count).map_err(failed)?;
    while left > 0 {
        let batch = authors.write_many(left.min(BATCH))?;
        left -= batch.len();
        store.put(&cx, batch).await?;
    }
    Ok(())
}
