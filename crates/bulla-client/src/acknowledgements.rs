//! What nodes have signed for, kept until somebody audits it (chapter `wire.md`, ACK-5).

use std::fmt::Debug;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bulla_core::EntryId;
use bulla_core::cbor::{CborError, Decode, Encode, Reader, Writer};
use bulla_core::limits::{MAX_COUNTER, MAX_ENTRIES_PER_PUT};
use bulla_core::values::Acknowledgement;
use bulla_wire::stream::ItemReader;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A node's signed word, and the entries it covers.
///
/// Encoded as `[acknowledgement, [[receipt, id]…]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgedBatch {
    /// What the node signed. Its signature and digest were checked.
    pub acknowledgement: Acknowledgement,
    /// Receipt and id of each entry covered, in the order of the batch.
    pub entries: Vec<(u64, EntryId)>,
}

/// Keeps acknowledgements. Called after each `put`, before it returns.
#[async_trait]
pub trait AcknowledgementSink: Debug + Send + Sync + 'static {
    /// Keeps one.
    ///
    /// # Errors
    ///
    /// The cause; the `put` fails with it, and may be repeated.
    async fn keep(&self, batch: AcknowledgedBatch) -> std::io::Result<()>;
}

/// Keeps nothing. A node that drops what it acknowledged is then noticed, but cannot be proved to have lied.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAcknowledgements;

#[async_trait]
impl AcknowledgementSink for NoAcknowledgements {
    async fn keep(&self, _: AcknowledgedBatch) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps them in memory, for tests and short runs.
#[derive(Debug, Default)]
pub struct MemoryAcknowledgements {
    batches: Mutex<Vec<AcknowledgedBatch>>,
}

impl MemoryAcknowledgements {
    /// What was kept so far.
    #[must_use]
    pub fn batches(&self) -> Vec<AcknowledgedBatch> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl AcknowledgementSink for MemoryAcknowledgements {
    async fn keep(&self, batch: AcknowledgedBatch) -> std::io::Result<()> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
        Ok(())
    }
}

/// Appends them to a file: a CBOR sequence, one item a batch. Handed to the operating system before `put` returns, not
/// synced: losing the newest ones in a power cut loses evidence and no data.
#[derive(Debug)]
pub struct AcknowledgementFile {
    path: PathBuf,
    file: tokio::sync::Mutex<Appending>,
}

#[derive(Debug)]
struct Appending {
    file: File,
    /// Where the whole items end, after a write that failed in the middle of one.
    cut_to: Option<u64>,
}

impl AcknowledgementFile {
    /// Opens or creates the file. An item that a crash cut short at the end is cut off.
    ///
    /// # Errors
    ///
    /// That of the operating system; `InvalidData` when the file is damaged before its end.
    pub async fn open(path: impl AsRef<Path>) -> std::io::Result<Self> {
        let path = path.as_ref().to_owned();
        let file = OpenOptions::new().create(true).append(true).read(true).open(&path).await?;
        let mut whole = 0;
        each_item(&path, |item| {
            whole += item.len() as u64;
            Ok(())
        })
        .await?;
        file.set_len(whole).await?;
        Ok(Self { path, file: tokio::sync::Mutex::new(Appending { file, cut_to: None }) })
    }

    /// Reads what was kept, oldest first.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn read(&self) -> std::io::Result<Vec<AcknowledgedBatch>> {
        let _no_writes = self.file.lock().await;
        let mut batches = Vec::new();
        each_item(&self.path, |item| {
            let batch = AcknowledgedBatch::from_cbor(item);
            batches
                .push(batch.map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))?);
            Ok(())
        })
        .await?;
        Ok(batches)
    }
}

/// Calls `take` with each whole item of the file.
async fn each_item(
    path: &Path,
    mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut file = File::open(path).await?;
    let mut items = ItemReader::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        items.push(buffer.get(..count).unwrap_or_default());
        let invalid = |error| std::io::Error::new(ErrorKind::InvalidData, error);
        while let Some(item) = items.next_item().map_err(invalid)? {
            take(&item)?;
        }
    }
}

#[async_trait]
impl AcknowledgementSink for AcknowledgementFile {
    async fn keep(&self, batch: AcknowledgedBatch) -> std::io::Result<()> {
        let bytes = batch.to_cbor();
        let mut appending = self.file.lock().await;
        let Appending { file, cut_to } = &mut *appending;
        // What a full disk cut short would make everything behind it unreadable.
        if let Some(whole) = *cut_to {
            file.set_len(whole).await?;
        }
        *cut_to = Some(file.metadata().await?.len());
        file.write_all(&bytes).await?;
        file.flush().await?;
        *cut_to = None;
        Ok(())
    }
}

impl Encode for AcknowledgedBatch {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2);
        self.acknowledgement.encode(writer);
        writer.array(self.entries.len());
        for (receipt, id) in &self.entries {
            writer.array(2).uint(*receipt).bytes(id);
        }
    }
}

impl Decode for AcknowledgedBatch {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(2)?;
        let acknowledgement = Acknowledgement::decode(reader)?;
        let count = reader.array(MAX_ENTRIES_PER_PUT)?;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            reader.array_exact(2)?;
            entries.push((reader.uint(MAX_COUNTER)?, EntryId(reader.array_of()?)));
        }
        Ok(Self { acknowledgement, entries })
    }
}

#[cfg(test)]
mod tests {
    use bulla_core::{Lineage, NodeId, Signature, SpaceId};

    use super::*;

    fn batch(receipt: u64) -> AcknowledgedBatch {
        let entries = vec![(receipt, EntryId([7; 32]))];
        let (count, digest) = Acknowledgement::digest_of(entries.iter().copied());
        let acknowledgement = Acknowledgement {
            node: NodeId([1; 32]),
            space: SpaceId([2; 32]),
            lineage: Lineage([3; 16]),
            count,
            digest,
            signature: Signature([4; 64]),
        };
        AcknowledgedBatch { acknowledgement, entries }
    }

    /// A write that a full disk cut short must not spoil what is written once there is room.
    #[tokio::test]
    async fn a60_an_item_that_was_cut_short_is_cut_off_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acknowledgements");
        let kept = AcknowledgementFile::open(&path).await.unwrap();
        kept.keep(batch(1)).await.unwrap();
        let whole = std::fs::metadata(&path).unwrap().len();
        {
            // What a failed write leaves behind: a part of an item, and its place noted.
            let mut appending = kept.file.lock().await;
            appending.file.write_all(&batch(2).to_cbor()[..40]).await.unwrap();
            appending.file.flush().await.unwrap();
            appending.cut_to = Some(whole);
        }
        kept.keep(batch(3)).await.unwrap();
        let again = AcknowledgementFile::open(&path).await.unwrap().read().await.unwrap();
        assert_eq!(again, [batch(1), batch(3)]);
    }
}
