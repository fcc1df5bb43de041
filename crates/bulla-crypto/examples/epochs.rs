//! Measures what a key epoch costs: a rotation for 100 members, opening it, and finding a key among those of 1,000 epochs.
//!
//! `cargo run --release -p bulla-crypto --example epochs`. A rotation is measured as a whole: key, wraps, the entry and its
//! signature. Ends with an error when a figure is beyond its target.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bulla_core::control::Context;
use bulla_core::{EntryId, KeyId, SpaceId};
use bulla_crypto::{
    ChainEnd, ControlDraft, EntryWriter, EpochDraft, EpochKey, EpochParent, Inheritance, Keyring,
    OpenedEpoch, TopicSecret,
};
use bulla_identity::{DeviceKeys, OsRandomness};

const MEMBERS: usize = 100;
const EPOCHS: usize = 1_000;
const ROTATIONS: usize = 50;
const LOOKUPS: usize = 1_000_000;
const ROTATION_TARGET: Duration = Duration::from_millis(50);
const SIZE_TARGET: usize = 16 * 1024;
const LOOKUP_TARGET_NS: f64 = 1_000.0;

fn main() -> Result<(), Box<dyn Error>> {
    let author = Arc::new(DeviceKeys::generate(&OsRandomness)?);
    let space = SpaceId([7; 32]);
    let writer = EntryWriter::new(Arc::clone(&author), space, Arc::new(OsRandomness));
    let members =
        (0..MEMBERS).map(|_| DeviceKeys::generate(&OsRandomness)).collect::<Result<Vec<_>, _>>()?;
    let mut keyring = Keyring::new();
    let (id, key) = (EntryId([1; 32]), EpochKey::generate(&OsRandomness)?);
    let key_id = key.id();
    let topics = TopicSecret::generate(&OsRandomness)?;
    let inheritance = Inheritance { topics, parents: Vec::new(), older: Vec::new() };
    keyring.learn(space, id, OpenedEpoch { group: EntryId::ZERO, key, inheritance });
    let key = keyring.key_of_epoch(&space, &EntryId::ZERO, &id);
    let parent = EpochParent { id, key_id, key };
    let draft = EpochDraft {
        space,
        group: EntryId::ZERO,
        parents: vec![parent.clone()],
        recipients: members.iter().map(|one| (one.author(), one.sealing_key())).collect(),
        topics: Some(Arc::new(TopicSecret::generate(&OsRandomness)?)),
        older: Vec::new(),
    };

    let mut rotations = Vec::new();
    let mut last = None;
    for _ in 0..ROTATIONS {
        let (took, made) = timed(|| -> Result<_, Box<dyn Error>> {
            let (payload, _) = draft.clone().create(&author, &OsRandomness)?.split();
            let entry = writer.control(&ChainEnd::EMPTY, &ControlDraft::new(payload.clone()))?;
            Ok((payload, entry))
        });
        rotations.push(took);
        last = Some(made?);
    }
    let (payload, entry) = last.ok_or("no rotation was made")?;
    let raw = &entry.raw;
    let bytes =
        raw.header.len() + raw.signature.0.len() + raw.payload.as_ref().map_or(0, |p| p.len());
    let context = Context { space, author: author.author() };
    let mut openings = Vec::new();
    for member in &members {
        let (took, opened) =
            timed(|| OpenedEpoch::open(&context, &payload, &[parent.key_id], member));
        opened?;
        openings.push(took);
    }
    let rotation = median(&mut rotations);
    println!("rotation for {MEMBERS} members   {:8.2} ms, {bytes} bytes", ms(rotation));
    println!("opening it               {:8.3} ms a member", ms(median(&mut openings)));

    let lookup_ns = lookup(space)?;
    println!("key among {EPOCHS} epochs   {lookup_ns:8.1} ns");
    let reached =
        rotation < ROTATION_TARGET && bytes <= SIZE_TARGET && lookup_ns < LOOKUP_TARGET_NS;
    if reached { Ok(()) } else { Err("beyond a target".into()) }
}

/// Nanoseconds to find one key by its id.
fn lookup(space: SpaceId) -> Result<f64, Box<dyn Error>> {
    let mut keyring = Keyring::new();
    let mut ids: Vec<KeyId> = Vec::new();
    for number in 0..EPOCHS {
        let key = EpochKey::generate(&OsRandomness)?;
        ids.push(key.id());
        let mut epoch = EntryId([0; 32]);
        epoch.0[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
        let topics = TopicSecret::dangerous_from_bytes(&[3; 32]);
        let inheritance = Inheritance { topics, parents: Vec::new(), older: Vec::new() };
        keyring.learn(space, epoch, OpenedEpoch { group: EntryId::ZERO, key, inheritance });
    }
    let (took, found) = timed(|| {
        let asked = ids.iter().cycle().step_by(7).take(LOOKUPS);
        asked.filter(|id| black_box(keyring.get(&space, id)).is_some()).count()
    });
    if found != LOOKUPS {
        return Err("a key was not found".into());
    }
    #[expect(clippy::cast_precision_loss, reason = "a million is far below 2^52")]
    Ok(took.as_secs_f64() * 1e9 / LOOKUPS as f64)
}

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = std::time::Instant::now();
    let result = work();
    (start.elapsed(), result)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
