//! Measures a directory of 10,000 members and 100,000 control entries: building it, taking in one entry at the tail, a
//! senior's revocation that arrives late, and its memory; and what 10,000 epochs by hostile writers add to it.
//!
//! `cargo run --release -p bulla-directory --example figures`, on a machine that does nothing else. Eight devices write at the
//! same time throughout, each depending on what the others wrote in the round before: four admins, who grant, change roles,
//! revoke and start epochs sealed to 100 members, and four members, who erase. The directory takes verified entries: what
//! verifying costs is not in it. Times of a tail are those of a clock, all others processor time of the one thread, which
//! Linux counts in steps of 4 ms. Ends with an error when a figure is beyond its target.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "an example may panic")]
#![expect(dead_code, reason = "helpers that several test programs share")]

use std::time::Duration;

use bulla_core::cbor::Encode as _;
use bulla_core::control::{
    Control, Epoch, Erase, ErasedRange, Grant, GrantedDevice, Recipient, Revoke, Role, RoleChange,
    SEALED_KEY_BYTES,
};
use bulla_core::genesis::Policy;
use bulla_core::{AuthorKey, EntryId, KeyId, SpaceId, VerifiedEntry};
use bulla_directory::{Change, Directory};

use entries::{Device, Spot, cut, cuts, genesis};

#[path = "../tests/common/entries.rs"]
mod entries;

const MEMBERS: usize = 10_000;
const ENTRIES: usize = 100_000;
const ADMINS: usize = 4;
const WRITERS: usize = 4;
/// Of an admin's entries, one in so many starts an epoch for so many members.
const EPOCHS_ONE_IN: usize = 100;
const RECIPIENTS: usize = 100;
/// Entries of each kind at the tail.
const TIMES: usize = 200;
/// Epochs by writers that want to make everybody work.
const HOSTILE: usize = 10_000;
const FORKS: &str = "one writer's forks";
const CHAIN: &str = "one writer's chain";
const LEFT_OUT: &str = "of two writers without each other";
const BUILD_TARGET: Duration = Duration::from_secs(2);
const TAIL_TARGET: Duration = Duration::from_millis(1);
const LATE_TARGET: Duration = Duration::from_millis(200);
const MEMORY_TARGET: usize = 100 << 20;

fn main() {
    let devices: Vec<Device> = (0..MEMBERS as u64).map(Device::new).collect();
    let history = History::write(&devices);
    println!("{} control entries, {} bytes", history.entries.len(), history.bytes());

    let mut passed = true;
    let mut check = |what: &str, took: Duration, target: Duration| {
        let verdict = if took <= target { "" } else { "  BEYOND ITS TARGET" };
        println!("{what:<52} {:>10.3} ms{verdict}", took.as_secs_f64() * 1_000.0);
        passed &= took <= target;
    };
    // The memory of the first two is what the allocator had left over from writing the history.
    let mut built: Vec<Directory> = Vec::new();
    let (mut resident, mut used) = (resident_bytes(), 0);
    for _ in 0..4 {
        let (took, directory) = timed(|| {
            let mut directory = Directory::new(history.space);
            directory.extend(&history.entries);
            directory
        });
        check("built", took, BUILD_TARGET);
        built.push(directory);
        used = resident_bytes().saturating_sub(resident);
        resident += used;
    }
    println!("{:<52} {:>10.1} MiB", "memory of one", used as f64 / f64::from(1 << 20));
    let mut directory = built.pop().unwrap();
    drop(built);
    println!(
        "{} members, {} cells in the index",
        directory.members().len(),
        directory.index_cells()
    );

    let mut tail = Tail { history: &history, devices: &devices, number: 0 };
    for kind in
        ["grant", "raise", "lowering", "revocation", "erasure", "epoch of 100", "epoch of 8,192"]
    {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let entry = tail.next(&directory, kind);
            let start = now();
            let change = directory.insert(&entry);
            times.push(start.elapsed());
            assert!(directory.verdict(&entry.id()).unwrap().counts(), "{kind}: {change:?}");
        }
        times.sort_unstable();
        // A payload of a mebibyte takes its time to read.
        let target = if kind == "epoch of 8,192" { 10 * TAIL_TARGET } else { TAIL_TARGET };
        check(&format!("{kind} at the tail, median of {TIMES}"), times[TIMES / 2], target);
        check(&format!("{kind} at the tail, worst"), times[TIMES - 1], Duration::MAX);
    }

    // The first founder takes the right from the second, from the middle of the history on, and has seen no more of it.
    let late = history.late_revocation(&devices);
    let before = directory.members().len();
    let (took, change): (_, Change) = timed(|| directory.insert(&late));
    check("a founder revokes the second from the middle on", took, LATE_TARGET);
    let after = directory.members().len();
    println!(
        "  {} verdicts changed, {before} members before, {after} after",
        change.verdicts.len()
    );
    assert!(change.verdicts.len() > ENTRIES / 20, "the revocation changed nothing");

    // What was withheld from the middle of the history comes at the end.
    let (withheld, rest) = history.withhold(ENTRIES / 2);
    let mut directory = Directory::new(history.space);
    directory.extend(&rest);
    let (took, change) = timed(|| directory.insert(&withheld));
    check("an entry of the middle comes last", took, LATE_TARGET);
    println!("  {} verdicts changed", change.verdicts.len());

    for shape in [FORKS, CHAIN, LEFT_OUT] {
        let hostile = history.hostile(&devices, shape);
        let (took, mut directory) = timed(|| {
            let mut directory = Directory::new(history.space);
            directory.extend(history.entries.iter().chain(&hostile));
            directory
        });
        check(&format!("built with {HOSTILE} epochs, {shape}"), took, BUILD_TARGET);
        let mut anew = Directory::new(history.space);
        anew.extend(&history.entries);
        let (took, ()) = timed(|| hostile.iter().for_each(|entry| _ = anew.insert(entry)));
        check("  each of them at the tail", took.div_f64(HOSTILE as f64), TAIL_TARGET);
        let counting =
            hostile.iter().filter(|e| directory.verdict(&e.id()).unwrap().counts()).count();
        println!("  {counting} count, {} questions", directory.epoch_steps());
        let (took, change) = timed(|| directory.insert(&late));
        check("  and then the late revocation", took, LATE_TARGET);
        assert!(change.verdicts.len() > ENTRIES / 20, "the revocation changed nothing");
    }

    passed &= used <= MEMORY_TARGET;
    println!("{}", if passed { "all within their targets" } else { "BEYOND A TARGET" });
    std::process::exit(i32::from(!passed));
}

/// A space's control entries, in the order of writing.
struct History {
    space: SpaceId,
    entries: Vec<VerifiedEntry>,
    /// Who wrote which entry.
    authors: Vec<usize>,
    /// What the last round left.
    heads: Vec<EntryId>,
    last: Vec<Option<(u64, EntryId)>>,
}

impl History {
    fn write(devices: &[Device]) -> Self {
        let founders: Vec<&Device> = devices[..2].iter().collect();
        let genesis = genesis(&founders, None, Policy::default());
        let space = genesis.verified_header().space();
        let mut history = Self {
            space,
            heads: vec![genesis.id()],
            last: vec![None; devices.len()],
            authors: vec![0],
            entries: vec![genesis],
        };
        history.last[0] = Some((1, history.heads[0]));
        for admin in 2..ADMINS {
            let control = grant(space, &devices[admin], Role::Admin);
            let id = history.append(devices, 0, &control);
            history.heads = vec![id];
        }
        let mut joined = ADMINS;
        let mut round = 0;
        while history.entries.len() < ENTRIES {
            let mut heads = Vec::new();
            for admin in 0..ADMINS {
                let number = round * ADMINS + admin;
                let control = if joined < MEMBERS && number.is_multiple_of(3) {
                    joined += 1;
                    grant(space, &devices[joined - 1], Role::Writer)
                } else if number.is_multiple_of(EPOCHS_ONE_IN) {
                    epoch(devices, number, RECIPIENTS.min(joined))
                } else {
                    let device = devices[ADMINS + number % (joined - ADMINS).max(1)].key;
                    let role = if number.is_multiple_of(2) { Role::Writer } else { Role::Reader };
                    RoleChange { device, role, cuts: None }.into()
                };
                heads.push(history.append(devices, admin, &control));
            }
            for writer in 0..WRITERS.min(joined.saturating_sub(ADMINS)) {
                let writer = ADMINS + (round * WRITERS + writer) % (joined - ADMINS);
                let control = erasure(devices[writer].key, 1 + round as u64);
                heads.push(history.append(devices, writer, &control));
            }
            history.heads = heads;
            round += 1;
        }
        history
    }

    fn append(&mut self, devices: &[Device], author: usize, control: &Control) -> EntryId {
        let (sequence, previous) = self.last[author].unwrap_or((0, EntryId::ZERO));
        let spot = Spot {
            space: self.space,
            author: devices[author].key,
            sequence: sequence + 1,
            previous,
            dependencies: self.heads.clone(),
        };
        let entry = spot.unsigned(control);
        let id = entry.id();
        self.last[author] = Some((sequence + 1, id));
        self.entries.push(entry);
        self.authors.push(author);
        id
    }

    fn bytes(&self) -> usize {
        let size = |entry: &VerifiedEntry| entry.header().to_cbor().len() + entry.payload().len();
        self.entries.iter().map(size).sum()
    }

    fn late_revocation(&self, devices: &[Device]) -> VerifiedEntry {
        let middle = ENTRIES / 2;
        let last = |author: usize| {
            let own = (0..middle).rev().find(|index| self.authors[*index] == author).unwrap();
            &self.entries[own]
        };
        let (founder, second) = (last(0), last(1));
        let cut = cut(second.header().sequence, second.id(), Some(second.id()));
        let spot = Spot {
            space: self.space,
            author: devices[0].key,
            sequence: founder.header().sequence + 1,
            previous: founder.id(),
            dependencies: vec![second.id()],
        };
        spot.unsigned(&Revoke { device: devices[1].key, cuts: cuts(vec![cut]) }.into())
    }

    /// Epochs by the first writers, who hide all epochs of others.
    fn hostile(&self, devices: &[Device], shape: &str) -> Vec<VerifiedEntry> {
        let writers = [ADMINS, ADMINS + 1];
        let grants = writers.map(|writer| {
            let key = devices[writer].key;
            let is_grant = |entry: &&VerifiedEntry| {
                matches!(entry.control(), Some(Control::Grant(grant)) if grant.device.author() == key)
            };
            self.entries.iter().find(is_grant).unwrap().id()
        });
        let mut entries: Vec<VerifiedEntry> = Vec::new();
        // Before all that they wrote besides.
        let mut last = [(0, EntryId::ZERO); 2];
        for number in 0..HOSTILE {
            let writer = if shape == LEFT_OUT { number % 2 } else { 0 };
            let is_fork = shape == FORKS;
            let (sequence, previous) = if is_fork { (0, EntryId::ZERO) } else { last[writer] };
            let before = entries.last().filter(|_| !is_fork).map(VerifiedEntry::id);
            let dependencies: Vec<EntryId> = grants.into_iter().chain(before).collect();
            let device = &devices[writers[writer]];
            let mut key_id = [9; 32];
            key_id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            let recipients = vec![Recipient { device: device.key, sealed: [3; SEALED_KEY_BYTES] }];
            let inherited = vec![0; 16];
            let (group, key_id) = (EntryId::ZERO, KeyId(key_id));
            let control = Epoch { group, parents: vec![], key_id, recipients, inherited };
            let spot = Spot {
                space: self.space,
                author: device.key,
                sequence: sequence + 1,
                previous,
                dependencies,
            };
            let entry = spot.unsigned(&control.into());
            last[writer] = (sequence + 1, entry.id());
            entries.push(entry);
        }
        entries
    }

    fn withhold(&self, index: usize) -> (VerifiedEntry, Vec<VerifiedEntry>) {
        let mut rest = self.entries.clone();
        let withheld = rest.remove(index);
        (withheld, rest)
    }
}

/// Entries that come one by one after the history, each knowing all before.
struct Tail<'a> {
    history: &'a History,
    devices: &'a [Device],
    number: usize,
}

impl Tail<'_> {
    fn next(&mut self, directory: &Directory, kind: &str) -> VerifiedEntry {
        self.number += 1;
        let author = if kind == "erasure" { ADMINS + self.number } else { 0 };
        let member = self.devices[MEMBERS - self.number].key;
        let control = match kind {
            "grant" => {
                let device = Device::new((MEMBERS + self.number) as u64);
                grant(self.history.space, &device, Role::Writer)
            }
            "raise" => RoleChange { device: member, role: Role::Writer, cuts: None }.into(),
            "lowering" => {
                let cuts = Some(cuts(vec![]));
                RoleChange { device: member, role: Role::Reader, cuts }.into()
            }
            "revocation" => Revoke { device: member, cuts: cuts(vec![]) }.into(),
            "erasure" => erasure(self.devices[author].key, 1 << 40),
            "epoch of 100" => epoch(self.devices, self.number, 100),
            _ => epoch(self.devices, self.number, 8_192),
        };
        let (sequence, previous) = self.history.last[author].unwrap();
        let spot = Spot {
            space: self.history.space,
            author: self.devices[author].key,
            sequence: sequence + 1,
            previous,
            dependencies: directory.dependencies(&self.devices[author].key),
        };
        spot.unsigned(&control)
    }
}

fn grant(space: SpaceId, device: &Device, role: Role) -> Control {
    let card = device.granted(space);
    assert!(matches!(card, GrantedDevice::Card(_)));
    Grant { device: card, role, label: None }.into()
}

fn erasure(author: AuthorKey, sequence: u64) -> Control {
    Erase { ids: vec![], ranges: vec![ErasedRange { author, sequence, topic: None }] }.into()
}

fn epoch(devices: &[Device], number: usize, recipients: usize) -> Control {
    let recipients = (0..recipients).map(|index| devices[(number + index) % MEMBERS].key);
    let mut recipients: Vec<AuthorKey> = recipients.collect();
    recipients.sort_unstable();
    let mut key_id = [1; 32];
    key_id[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let sealed = |device| Recipient { device, sealed: [3; SEALED_KEY_BYTES] };
    Epoch {
        group: EntryId::ZERO,
        parents: vec![],
        key_id: KeyId(key_id),
        recipients: recipients.into_iter().map(sealed).collect(),
        inherited: vec![0; 16],
    }
    .into()
}

/// What some work took of the processor; the machine may be busy with something else.
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = processor_time();
    let value = work();
    (processor_time().saturating_sub(start), value)
}

#[expect(clippy::disallowed_methods, reason = "a figure of the machine it runs on")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Processor time of this thread, as Linux counts it in nanoseconds.
fn processor_time() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(counted.split_whitespace().next().unwrap().parse().unwrap())
}

/// Memory of this process, as Linux counts it.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    let kib: usize = line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
    kib << 10
}
