//! Durable appends: one writer, and 64 at a time.

use std::io::Write as _;
use std::sync::Arc;

use bulla_core::Verified;
use bulla_store::{Clock as _, ContentAddressedStore, Context, Spaces as _, SystemClock};
use bulla_store_rocksdb::DiskSpaces;
use serde_json::{Value, json};

use super::entries::{Authors, fill};
use super::roles::{Task, seconds};
use crate::app::open_spaces;
use crate::exit::{Exit, Failure, Result};

const WRITERS: usize = 64;
/// Appends of one writer come in blocks, by turns with plain appends of the same bytes, so that both see the same disk.
const BLOCK: usize = 50;
/// Blocks of one writer.
const BLOCKS: usize = 20;

pub(super) async fn run(task: &Task) -> Result<Value> {
    let clock = SystemClock::new();
    let (mut founder, genesis) = Authors::found(1, task.payload)?;
    let spaces = open_spaces(&task.folder.join("store"))?;
    let store = spaces.create(&Context::new(), founder.space).await?;
    fill(&*store, genesis, &mut founder, 0).await?;

    let mut plain_file = tempfile::tempfile_in(&task.folder).map_err(failed)?;
    let (mut ours, mut plain) = (0.0, 0.0);
    for _ in 0..BLOCKS {
        let entries = founder.write_many(BLOCK)?;
        let start = clock.monotonic();
        for entry in &entries {
            plain_file.write_all(&bytes(entry)).map_err(failed)?;
            plain_file.sync_data().map_err(failed)?;
        }
        plain += seconds(clock.monotonic().saturating_sub(start));
        let start = clock.monotonic();
        for entry in entries {
            store.put(&Context::new(), vec![entry]).await?;
        }
        ours += seconds(clock.monotonic().saturating_sub(start));
    }
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let appends = (BLOCK * BLOCKS) as f64;

    let entries = usize::try_from(task.entries).map_err(failed)?;
    let signed = many_writers(&spaces, &store, task.payload, entries, Signed::Before).await?;
    let signing = many_writers(&spaces, &store, task.payload, entries, Signed::Meanwhile).await?;
    spaces.close().await;
    Ok(json!({
        "one_writer_per_second": appends / ours,
        "plain_appends_per_second": appends / plain,
        "one_writer_times_plain": ours / plain,
        "writers": WRITERS,
        "signed_before": signed,
        "signing_included": signing,
    }))
}

/// When the entries are sealed, signed and verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signed {
    /// All before the clock starts.
    Before,
    /// By each writer, entry by entry, as an application does.
    Meanwhile,
}

async fn many_writers(
    spaces: &DiskSpaces,
    store: &Arc<dyn ContentAddressedStore>,
    payload: usize,
    entries: usize,
    signed: Signed,
) -> Result<Value> {
    let clock = SystemClock::new();
    let each = entries / WRITERS;
    let mut prepared = Vec::new();
    for _ in 0..WRITERS {
        let mut author = Authors::join(store.space(), 1, payload)?;
        let ready = if signed == Signed::Before { author.write_many(each)? } else { Vec::new() };
        prepared.push((author, ready));
    }
    let (before, start) = (spaces.status(), clock.monotonic());
    let mut writers = tokio::task::JoinSet::new();
    for (mut author, ready) in prepared {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let mut ready = ready.into_iter();
            for _ in 0..each {
                let batch = match ready.next() {
                    Some(entry) => vec![entry],
                    None => author.write_many(1)?,
                };
                store.put(&Context::new(), batch).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.map_err(failed)??;
    }
    let took = seconds(clock.monotonic().saturating_sub(start));
    let after = spaces.status();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let per_second = (each * WRITERS) as f64 / took;
    Ok(json!({
        "entries": each * WRITERS,
        "per_second": per_second,
        "commits": after.commits - before.commits,
        "fsyncs": after.fsyncs - before.fsyncs,
    }))
}

fn bytes(entry: &Verified) -> Vec<u8> {
    let header = entry.verified_header();
    let mut bytes = header.bytes().to_vec();
    bytes.extend_from_slice(header.signature().as_bytes());
    bytes.extend_from_slice(entry.payload().map_or(&[], |payload| payload));
    bytes
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failure, error)
}
