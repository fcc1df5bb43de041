//! Many writes at once become one batch: whoever gets the chain first writes for all that wait.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_core::EntryId;
use bulla_core::control::Role;
use bulla_core::limits::{MAX_ENTRIES_PER_PUT, MAX_PUT_BYTES};
use bulla_crypto::{ChainEnd, Draft, EpochKey};
use tokio::sync::oneshot;

use super::chain::Chain;
use super::pen::{Pen, put_own};
use super::{Inner, SpaceError, Write, verify_own};

type Answer = Result<Vec<EntryId>, SpaceError>;
/// What seals, by group.
type Keys = BTreeMap<EntryId, Arc<EpochKey>>;

/// Writes that wait for the chain.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    writes: Vec<Write>,
    answer: oneshot::Sender<Answer>,
}

impl Queue {
    /// Queues the writes and waits until they are stored.
    ///
    /// The batch runs in a task of its own: a caller that stops waiting takes nothing from the others.
    pub(super) async fn run(&self, inner: &Arc<Inner>, writes: Vec<Write>) -> Answer {
        let (answer, result) = oneshot::channel();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Waiting { writes, answer });
        let inner = Arc::clone(inner);
        tokio::spawn(async move {
            let mut chain = inner.chain.lock().await;
            // Another task may have written this one's batch while it waited for the chain.
            let waiting = std::mem::take(
                &mut *inner.queue.waiting.lock().unwrap_or_else(PoisonError::into_inner),
            );
            if !waiting.is_empty() {
                write_waiting(&inner, &mut chain, waiting).await;
            }
        });
        result.await.unwrap_or(Err(SpaceError::Interrupted))
    }
}

/// Seals what waits, in groups that fit a batch of the store, and answers everyone.
async fn write_waiting(inner: &Inner, chain: &mut Chain, waiting: Vec<Waiting>) {
    let is_ready = match chain.refresh(inner).await {
        Ok(()) => chain.check(),
        error => error,
    };
    if let Err(error) = is_ready {
        return answer_all(waiting.into_iter().map(|one| one.answer), &error);
    }
    let mut group = Vec::new();
    let (mut entries, mut bytes) = (0, 0);
    for one in waiting {
        let size: usize = one.writes.iter().map(|write| write.plaintext.len() + 1024).sum();
        if !group.is_empty()
            && (entries + one.writes.len() > MAX_ENTRIES_PER_PUT || bytes + size > MAX_PUT_BYTES)
        {
            write_group(inner, chain, std::mem::take(&mut group)).await;
            (entries, bytes) = (0, 0);
        }
        entries += one.writes.len();
        bytes += size;
        group.push(one);
    }
    write_group(inner, chain, group).await;
}

/// Seals, verifies and stores one batch. A caller whose draft is at fault is answered and left out.
async fn write_group(inner: &Inner, chain: &mut Chain, group: Vec<Waiting>) {
    let mut raw = Vec::new();
    let mut answers = Vec::new();
    // First the keys: where a new epoch has to be started, its entry comes before all of these.
    let mut ready = Vec::new();
    for one in group {
        match keys_for(inner, chain, &one.writes).await {
            Ok(keys) => ready.push((one, keys)),
            Err(error) => drop(one.answer.send(Err(error))),
        }
    }
    let mut end = chain.end;
    for (one, keys) in ready {
        match seal_all(inner, chain, end, &one.writes, &keys) {
            Ok(sealed) => {
                end = sealed.last().map_or(end, |last| last.chain);
                answers.push((one.answer, sealed.iter().map(|one| one.id).collect::<Vec<_>>()));
                raw.extend(sealed.into_iter().map(|one| one.raw));
            }
            Err(error) => drop(one.answer.send(Err(error))),
        }
    }
    if answers.is_empty() {
        return;
    }
    match store_all(inner, raw).await {
        Ok(()) => {
            chain.end = end;
            for (answer, ids) in answers {
                drop(answer.send(Ok(ids)));
            }
        }
        Err(error) => {
            // Whether anything was stored is not known: read the chain again before the next write signs after it.
            chain.read_again(inner).await;
            answer_all(answers.into_iter().map(|(answer, _)| answer), &error);
        }
    }
}

/// The keys that seal these drafts, by group, if this device may write at all.
async fn keys_for(inner: &Inner, chain: &mut Chain, writes: &[Write]) -> Result<Keys, SpaceError> {
    let mut keys = Keys::new();
    let Some(guard) = inner.gate.guard() else {
        keys.insert(EntryId::ZERO, inner.current_key(EntryId::ZERO)?);
        return Ok(keys);
    };
    let mut pen = Pen { inner, guard, chain };
    pen.need(Role::Writer)?;
    for write in writes {
        if let Entry::Vacant(place) = keys.entry(write.group) {
            place.insert(pen.writing_key(write.group).await?);
        }
    }
    Ok(keys)
}

fn seal_all(
    inner: &Inner,
    chain: &mut Chain,
    mut end: ChainEnd,
    writes: &[Write],
    keys: &Keys,
) -> Result<Vec<bulla_crypto::Sealed>, SpaceError> {
    let mut sealed = Vec::with_capacity(writes.len());
    for write in writes {
        let draft = Draft::new(write.kind, &write.plaintext)
            .with_topic(write.topic)
            .with_dependencies(write.dependencies.clone())
            .with_timestamp(chain.clock.next(inner.clock.unix_ms()))
            .with_padding(write.padding);
        let key = keys.get(&write.group).ok_or(SpaceError::NotInGroup(write.group))?;
        if write.key.is_some_and(|only| only != key.id()) {
            return Err(SpaceError::KeyChanged);
        }
        let one = inner.writer.seal(&end, &draft, key)?;
        end = one.chain;
        sealed.push(one);
    }
    Ok(sealed)
}

async fn store_all(inner: &Inner, raw: Vec<bulla_core::RawEntry>) -> Result<(), SpaceError> {
    let mut entries = verify_own(&inner.verifier, inner.gate_space(), raw)?;
    while !entries.is_empty() {
        let mut bytes = 0;
        let fitting = entries.iter().take(MAX_ENTRIES_PER_PUT).take_while(|entry| {
            bytes += entry.size_bytes();
            bytes <= MAX_PUT_BYTES
        });
        let count = fitting.count().max(1);
        let rest = entries.split_off(count);
        put_own(inner, std::mem::replace(&mut entries, rest)).await?;
    }
    Ok(())
}

fn answer_all(answers: impl Iterator<Item = oneshot::Sender<Answer>>, error: &SpaceError) {
    for answer in answers {
        drop(answer.send(Err(error.clone())));
    }
}
