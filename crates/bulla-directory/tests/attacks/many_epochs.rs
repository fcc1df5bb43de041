//! Writers that start epochs by the thousand: judging them costs in proportion to what they wrote, however it is shaped.

use bulla_core::control::{
    Control, Epoch, Grant, Recipient, Revoke, Role, RoleChange, SEALED_KEY_BYTES,
};
use bulla_core::genesis::Policy;
use bulla_core::{EntryId, KeyId, SpaceId, VerifiedEntry};
use bulla_directory::Directory;

use crate::entries::{Device, Spot, cut, cuts, genesis};

/// Members that were revoked one after the other before the flood, each followed by an epoch.
const GONE: usize = 40;
/// Hostile writers, after the founder; the first of them are granted before all else.
const HOSTILE: usize = 20;
const FLOOD: usize = 10_000;

/// How the flood is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Every epoch is the writer's first.
    Forks,
    /// One after the other, sealed to a stranger.
    Unclean,
    /// One after the other, sealed to its author alone.
    Alone,
    /// Two writers, each excluding the other.
    PingPong,
    /// Many writers, each in a chain of its own, each stepping from one revocation to the next.
    Chains,
    /// Forks at first, then all of them in the past of further forks.
    Merged,
}

struct Flood {
    space: SpaceId,
    devices: Vec<Device>,
    ends: Vec<Option<(u64, EntryId)>>,
    entries: Vec<VerifiedEntry>,
    /// What writers know that hide all epochs, and the revocations after.
    hidden: EntryId,
    revocations: Vec<EntryId>,
}

impl Flood {
    fn new() -> Self {
        let devices: Vec<Device> = (0..(1 + HOSTILE + GONE + 1) as u64).map(Device::new).collect();
        let genesis = genesis(&[&devices[0]], None, Policy::default());
        let id = genesis.id();
        let mut flood = Self {
            space: genesis.verified_header().space(),
            ends: vec![None; devices.len()],
            devices,
            entries: vec![genesis],
            hidden: id,
            revocations: vec![],
        };
        flood.ends[0] = Some((1, id));
        let members = 1..=HOSTILE + GONE;
        for device in members.clone() {
            let card = flood.devices[device].granted(flood.space);
            let grant = Grant { device: card, role: Role::Writer, label: None };
            flood.hidden = flood.write(0, &[], grant);
        }
        for gone in HOSTILE + 1..=HOSTILE + GONE {
            let readers: Vec<usize> =
                members.clone().filter(|d| *d <= HOSTILE || *d >= gone).collect();
            flood.epoch(0, &[], &readers);
            let cut = flood.ends[gone].map(|(sequence, id)| cut(sequence, id, Some(id)));
            let cuts = cuts(cut.into_iter().collect());
            let revoke = Revoke { device: flood.devices[gone].key, cuts };
            let id = flood.write(0, &[], revoke);
            flood.revocations.push(id);
        }
        flood
    }

    fn write(&mut self, author: usize, known: &[EntryId], control: impl Into<Control>) -> EntryId {
        let spot = Spot {
            space: self.space,
            author: self.devices[author].key,
            sequence: self.ends[author].map_or(1, |(sequence, _)| sequence + 1),
            previous: self.ends[author].map_or(EntryId::ZERO, |(_, id)| id),
            dependencies: known.to_vec(),
        };
        let entry = spot.unsigned(&control.into());
        let id = entry.id();
        self.ends[author] = Some((spot.sequence, id));
        self.entries.push(entry);
        id
    }

    fn epoch(&mut self, author: usize, known: &[EntryId], to: &[usize]) -> EntryId {
        let mut key_id = [7; 32];
        key_id[..8].copy_from_slice(&(self.entries.len() as u64).to_be_bytes());
        let recipients = to.iter().map(|device| Recipient {
            device: self.devices[*device].key,
            sealed: [3; SEALED_KEY_BYTES],
        });
        let mut recipients: Vec<Recipient> = recipients.collect();
        recipients.sort_unstable_by_key(|recipient| recipient.device);
        recipients.dedup_by_key(|recipient| recipient.device);
        let inherited = vec![0; 16];
        let (group, key_id) = (EntryId::ZERO, KeyId(key_id));
        self.write(author, known, Epoch { group, parents: vec![], key_id, recipients, inherited })
    }

    fn pour(&mut self, shape: Shape, count: usize) {
        let hidden = self.hidden;
        let gone = *self.revocations.last().unwrap();
        match shape {
            Shape::Forks => self.forks(1, &[hidden], count),
            Shape::Unclean => {
                let stranger = HOSTILE + GONE + 1;
                for _ in 0..count {
                    self.epoch(1, &[gone], &[1, stranger]);
                }
            }
            Shape::Alone => {
                for _ in 0..count {
                    self.epoch(1, &[hidden], &[1]);
                }
            }
            Shape::PingPong => {
                let mut last = gone;
                for number in 0..count {
                    let author = 1 + number % 2;
                    last = self.epoch(author, &[last], &[author]);
                }
            }
            Shape::Chains => {
                for number in 0..count {
                    let (author, step) = (1 + number % HOSTILE, number / HOSTILE);
                    let known = self.revocations[step.min(GONE - 1)];
                    let seen = if step < GONE { HOSTILE + step + 2 } else { 1 };
                    let seen = if seen > HOSTILE + GONE { 1 } else { seen };
                    self.epoch(author, &[known], &[author, seen]);
                }
            }
            Shape::Merged => {
                self.forks(1, &[hidden], count / 2);
                let mut merged = gone;
                let forks: Vec<EntryId> = self.entries.iter().map(VerifiedEntry::id).collect();
                let device = self.devices[2].key;
                for forks in forks[forks.len() - count / 2..].chunks(32) {
                    let known = [forks, &[merged]].concat();
                    let lowering =
                        RoleChange { device, role: Role::Writer, cuts: Some(cuts(vec![])) };
                    merged = self.write(2, &known, lowering);
                }
                self.forks(2, &[merged], count / 2);
            }
        }
    }

    fn forks(&mut self, author: usize, known: &[EntryId], count: usize) {
        let end = self.ends[author];
        for _ in 0..count {
            self.ends[author] = end;
            self.epoch(author, known, &[author]);
        }
    }

    /// What it took to judge all at once, and what for the flood alone, entry by entry.
    fn steps(&self, before: usize) -> (u64, u64) {
        let mut directory = Directory::new(self.space);
        directory.extend(&self.entries);
        let at_once = directory.epoch_steps();
        let mut directory = Directory::new(self.space);
        directory.extend(&self.entries[..before]);
        let begin = directory.epoch_steps();
        for entry in &self.entries[before..] {
            directory.insert(entry);
        }
        (at_once, directory.epoch_steps() - begin)
    }
}

/// Twice the flood is at most little more than twice the work, and no epoch of it takes more than some hundred questions.
///
/// Clauses: DIR-25, DIR-26.
#[test]
fn judging_a_flood_of_epochs_costs_in_proportion() {
    use Shape::{Alone, Chains, Forks, Merged, PingPong, Unclean};

    for shape in [Forks, Unclean, Alone, PingPong, Chains, Merged] {
        // Pasts of thousands of branches are dear by themselves.
        let most = if shape == Merged { FLOOD / 5 } else { FLOOD };
        let costs = [0, most / 2, most].map(|count| {
            let mut flood = Flood::new();
            let before = flood.entries.len();
            flood.pour(shape, count);
            flood.steps(before)
        });
        let flood = most as u64;
        let all_at_once = (costs[1].0 - costs[0].0, costs[2].0 - costs[0].0);
        for (half, whole) in [all_at_once, (costs[1].1, costs[2].1)] {
            assert!(half > 0 && whole < half * 5 / 2, "{shape:?}: {half}, then {whole} questions");
            assert!(whole < 200 * flood, "{shape:?}: {} for each", whole / flood);
        }
    }
}

/// A device that forks starts no epochs any more, unless it is an admin; what it had started before the fork stays.
///
/// Clauses: DIR-25.
#[test]
fn of_epochs_on_forks_none_but_the_first_counts() {
    let mut flood = Flood::new();
    let hidden = flood.hidden;
    // Its other reader goes, so that there is a reason to start another one later.
    let gone = HOSTILE + GONE;
    let first = flood.epoch(1, &[hidden], &[1, gone]);
    flood.ends[1] = None;
    let other = flood.epoch(1, &[hidden], &[1, 2, gone]);
    let mut expected = [first, other];
    expected.sort_unstable();
    flood.ends[1] = Some((2, other));
    let revoked = *flood.revocations.last().unwrap();
    let later = flood.epoch(1, &[first, revoked], &[1]);
    let place = flood.entries.len() - 3;
    for order in 0..3 {
        let mut entries = flood.entries.clone();
        match order {
            0 => {}
            1 => entries.swap(place, place + 1),
            _ => entries.reverse(),
        }
        let mut directory = Directory::new(flood.space);
        for entry in &entries {
            directory.insert(entry);
        }
        let counts = |id| directory.verdict(&id).unwrap().counts();
        assert_eq!(expected.map(counts), [true, false]);
        assert!(!counts(later));
    }
}
