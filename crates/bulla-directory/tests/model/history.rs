//! Random histories: a few devices, each with its own knowledge, mostly but not always honest.

use std::collections::{BTreeMap, BTreeSet};

use bulla_core::control::{
    Claimed, Control, Cuts, Epoch, Erase, ErasedRange, Frontier, Grant, GrantedDevice, Group,
    Recipient, Recovery, RemovedDevice, Revoke, Role, RoleChange, SEALED_KEY_BYTES,
};
use bulla_core::genesis::Policy;
use bulla_core::{
    AuthorKey, EntryId, InvitationId, JoiningCard, KeyId, Kind, SpaceId, VerifiedEntry,
    VerifiedHeader,
};
use bulla_directory::Directory;

use crate::answers::Answers;
use crate::entries::{Device, Spot, cut, genesis};
use crate::random::Random;

/// What is asked about.
pub(crate) struct History {
    pub(crate) space: SpaceId,
    /// Control entries, in the order of writing.
    pub(crate) entries: Vec<VerifiedEntry>,
    /// Headers of application entries and frontiers.
    pub(crate) others: Vec<VerifiedHeader>,
    /// Zero, and every id that may be a group.
    pub(crate) groups: Vec<EntryId>,
}

/// Spaces and cards, made once: signing them takes longer than all else.
pub(crate) struct Worlds {
    devices: Vec<Device>,
    worlds: Vec<World>,
    /// There are more writers, and they start more epochs.
    is_keen: bool,
}

struct World {
    genesis: VerifiedEntry,
    space: SpaceId,
    founders: usize,
    /// By device and invitation.
    cards: Vec<Vec<JoiningCard>>,
}

/// Devices; the first three may be founders, the last two are recovery keys, but nothing keeps them from more.
const DEVICES: usize = 8;
const INVITATIONS: u8 = 3;

impl Worlds {
    pub(crate) fn new() -> Self {
        let devices: Vec<Device> = (0..DEVICES as u64).map(Device::new).collect();
        let mut worlds = Vec::new();
        for founders in 1..=3 {
            for recovery in [None, Some(&devices[DEVICES - 1])] {
                for minimum_format in [None, Some(2)] {
                    if minimum_format.is_some() && founders > 1 {
                        continue;
                    }
                    let named: Vec<&Device> = devices[..founders].iter().collect();
                    let policy = Policy { minimum_format, ..Policy::default() };
                    let genesis = genesis(&named, recovery, policy);
                    let space = genesis.verified_header().space();
                    let cards = devices.iter().map(|device| {
                        let invitations = (0..INVITATIONS).map(|number| InvitationId([number; 32]));
                        invitations.map(|invitation| device.card(space, invitation)).collect()
                    });
                    let cards = cards.collect();
                    worlds.push(World { genesis, space, founders, cards });
                }
            }
        }
        Self { devices, worlds, is_keen: false }
    }

    pub(crate) fn keen() -> Self {
        Self { is_keen: true, ..Self::new() }
    }

    /// A history of about this many entries.
    pub(crate) fn history(&self, seed: u64, steps: usize) -> History {
        let mut random = Random::new(seed);
        let mut world = random.below(self.worlds.len());
        if self.worlds[world].genesis.control().is_some_and(|control| {
            matches!(control, Control::Genesis(genesis) if genesis.policy.minimum_format.is_some())
        }) && !random.one_in(4)
        {
            world = 0;
        }
        let world = &self.worlds[world];
        let mut writing = Writing::new(self, world, random, seed.is_multiple_of(3));
        for _ in 0..steps {
            writing.step();
        }
        writing.finish()
    }
}

/// An entry as the generator keeps it.
#[derive(Clone)]
struct Known {
    id: EntryId,
    author: usize,
    sequence: u64,
    previous: EntryId,
    /// Among control entries that are no frontiers.
    past: BTreeSet<usize>,
    control: Option<Control>,
    is_frontier: bool,
}

struct Writing<'a> {
    worlds: &'a Worlds,
    world: &'a World,
    devices: &'a [Device],
    random: Random,
    known: Vec<Known>,
    entries: BTreeMap<usize, VerifiedEntry>,
    others: Vec<VerifiedHeader>,
    /// What each device knows, by index.
    views: Vec<BTreeSet<usize>>,
    /// Devices that seem to have a role, so that most of what is written makes sense.
    hopeful: BTreeSet<usize>,
    /// Everybody knows everything, and most of it is about members that stay.
    is_calm: bool,
}

impl<'a> Writing<'a> {
    fn new(worlds: &'a Worlds, world: &'a World, random: Random, is_calm: bool) -> Self {
        let genesis = Known {
            id: world.genesis.id(),
            author: 0,
            sequence: 1,
            previous: EntryId::ZERO,
            past: BTreeSet::new(),
            control: world.genesis.control(),
            is_frontier: false,
        };
        Self {
            worlds,
            world,
            devices: &worlds.devices,
            random,
            known: vec![genesis],
            entries: BTreeMap::from([(0, world.genesis.clone())]),
            others: Vec::new(),
            views: vec![BTreeSet::from([0]); DEVICES],
            hopeful: (0..world.founders).collect(),
            is_calm,
        }
    }

    fn step(&mut self) {
        let hopeful: Vec<usize> = self.hopeful.iter().copied().collect();
        let author = match self.random.below(12) {
            0 => self.random.below(DEVICES),
            1 => DEVICES - 1 - self.random.below(2),
            _ => self.random.pick(&hopeful).unwrap(),
        };
        let control = if self.is_calm { self.calm_control(author) } else { self.control(author) };
        self.write(author, control);
        if self.is_calm {
            let all = self.all();
            self.views.fill(all);
        }
        for _ in 0..3 {
            let (from, to) = (self.random.below(DEVICES), self.random.below(DEVICES));
            if !self.random.one_in(3) {
                let learnt = self.views[from].clone();
                self.views[to].extend(learnt);
            }
        }
    }

    /// What a device writes next; `None` is an application entry.
    fn control(&mut self, author: usize) -> Option<Control> {
        let device = self.target();
        let key = self.devices[device].key;
        let is_recovery_key = author >= DEVICES - 2 && !self.random.one_in(4);
        Some(match self.random.below(if is_recovery_key { 1 } else { 24 }) {
            0 => {
                let has_card = is_recovery_key && !self.random.one_in(3);
                let card = has_card.then(|| self.world.cards[device][0]);
                let revoked = if has_card { self.removed(author) } else { vec![] };
                let next = [DEVICES - 2, DEVICES - 1, self.random.below(DEVICES)];
                let next = self
                    .random
                    .pick(&next)
                    .filter(|next| *next != author && !(has_card && *next == device));
                let next = next.map(|next| self.devices[next].recovery_key());
                if card.is_none() && next.is_none() {
                    return None;
                }
                Recovery { device: card, revoked, next }.into()
            }
            1..=5 => {
                self.hopeful.insert(device);
                let invitation = self.random.below(usize::from(INVITATIONS) + 1);
                let card = self.world.cards[device].get(invitation).copied();
                let role = self.role();
                let device = match card {
                    None if role == Role::Relay => GrantedDevice::Node(key),
                    card => GrantedDevice::Card(card.unwrap_or(self.world.cards[device][0])),
                };
                Grant { device, role, label: None }.into()
            }
            6 | 7 => RoleChange { device: key, role: self.role(), cuts: None }.into(),
            8 | 9 => {
                let cuts = Some(self.cuts(author, device));
                RoleChange { device: key, role: self.role(), cuts }.into()
            }
            10 | 11 => {
                let device = if self.random.one_in(12) { author } else { device };
                let cuts = self.cuts(author, device);
                Revoke { device: self.devices[device].key, cuts }.into()
            }
            12..=15 => self.epoch(author),
            16..=18 => self.group(author),
            19 => self.erase(author),
            20 => {
                let claimed = Claimed { author: key, sequence: 1, id: EntryId([1; 32]) };
                Frontier { proven: vec![], claimed: vec![claimed] }.into()
            }
            _ => return None,
        })
    }

    /// Growth, mostly.
    fn calm_control(&mut self, author: usize) -> Option<Control> {
        let device = self.target();
        let key = self.devices[device].key;
        Some(match self.random.below(20) {
            0..=6 => {
                self.hopeful.insert(device);
                let card = self.world.cards[device][0];
                let device = match self.random.below(5) {
                    0 => GrantedDevice::Node(key),
                    _ => GrantedDevice::Card(card),
                };
                let is_node = matches!(device, GrantedDevice::Node(_));
                let role = if is_node { Role::Relay } else { self.role() };
                Grant { device, role, label: None }.into()
            }
            7 | 8 => RoleChange { device: key, role: self.role(), cuts: None }.into(),
            9 if device >= self.world.founders => {
                let cuts = Some(self.cuts(author, device));
                RoleChange { device: key, role: self.role(), cuts }.into()
            }
            10 if device >= self.world.founders => {
                let cuts = self.cuts(author, device);
                Revoke { device: key, cuts }.into()
            }
            11..=14 => self.epoch(author),
            15..=17 => self.group(author),
            18 => self.erase(author),
            _ => return None,
        })
    }

    fn target(&mut self) -> usize {
        let hopeful: Vec<usize> = self.hopeful.iter().copied().collect();
        if self.random.one_in(3) {
            self.random.below(DEVICES)
        } else {
            self.random.pick(&hopeful).unwrap()
        }
    }

    fn role(&mut self) -> Role {
        let (writer, admin) = (Role::Writer, Role::Admin);
        let roles = [writer, Role::Relay, Role::Reader, writer, admin, admin, admin];
        let first = usize::from(!self.worlds.is_keen);
        self.random.pick(&roles[first..]).unwrap()
    }

    /// The newest entries of a device that another knows, or some that are not.
    fn cuts(&mut self, author: usize, device: usize) -> Cuts {
        let seen = if self.random.one_in(5) { self.all() } else { self.views[author].clone() };
        let own: Vec<usize> =
            seen.into_iter().filter(|index| self.known[*index].author == device).collect();
        let previous: BTreeSet<EntryId> =
            own.iter().map(|index| self.known[*index].previous).collect();
        let mut chosen: Vec<usize> = match self.random.below(4) {
            0 if self.random.one_in(2) => vec![],
            0 | 1 => self.random.some(&own, 2),
            _ => {
                let is_last = |index: &usize| !previous.contains(&self.known[*index].id);
                own.iter().copied().filter(is_last).collect()
            }
        };
        chosen.truncate(16);
        let cuts = chosen.into_iter().map(|index| {
            let known = &self.known[index];
            let mut sequence = known.sequence;
            if self.random.one_in(12) {
                sequence += 1;
            }
            let control = self.last_control(index).filter(|_| !self.random.one_in(12));
            cut(sequence, known.id, control)
        });
        let cuts = cuts.collect();
        crate::entries::cuts(cuts)
    }

    /// The last control entry on the branch of an entry.
    fn last_control(&self, index: usize) -> Option<EntryId> {
        let mut at = Some(index);
        while let Some(index) = at {
            let known = &self.known[index];
            if known.control.is_some() && !known.is_frontier {
                return Some(known.id);
            }
            at = self.known.iter().position(|other| other.id == known.previous);
        }
        None
    }

    fn removed(&mut self, author: usize) -> Vec<RemovedDevice> {
        let devices: Vec<usize> = (0..DEVICES).collect();
        let devices = self.random.some(&devices, 4);
        let mut removed: Vec<RemovedDevice> = devices
            .into_iter()
            .map(|device| {
                let cuts = self.cuts(author, device);
                RemovedDevice { device: self.devices[device].key, cuts }
            })
            .collect();
        removed.sort_by_key(|removed| removed.device);
        removed
    }

    fn epoch(&mut self, author: usize) -> Control {
        let group = self.some_group(author, 3);
        let seen = self.views[author].iter().map(|index| &self.known[*index]);
        let epochs = seen.filter_map(|known| match &known.control {
            Some(Control::Epoch(epoch)) if epoch.group == group => Some((known, epoch)),
            _ => None,
        });
        let epochs: Vec<_> = epochs.collect();
        let parents: BTreeSet<EntryId> =
            epochs.iter().flat_map(|(_, epoch)| epoch.parents.clone()).collect();
        let heads = epochs.iter().map(|(known, _)| known.id);
        let mut heads: Vec<EntryId> = heads.filter(|id| !parents.contains(id)).collect();
        if self.random.one_in(10) {
            let all: Vec<EntryId> = self.known.iter().map(|known| known.id).collect();
            heads = self.random.some(&all, 6);
        }
        heads.sort_unstable();
        let everybody: Vec<usize> = self.hopeful.iter().copied().collect();
        let mut recipients = self.random.some(&everybody, 2);
        if self.random.one_in(2) {
            recipients.push(DEVICES - 1);
        }
        if recipients.is_empty() || self.worlds.is_keen && self.random.one_in(3) {
            recipients = vec![author];
        }
        let recipients: BTreeSet<AuthorKey> =
            recipients.into_iter().map(|device| self.devices[device].key).collect();
        let sealed = |device| Recipient { device, sealed: [3; SEALED_KEY_BYTES] };
        Epoch {
            group,
            parents: heads,
            key_id: self.key_id(),
            recipients: recipients.into_iter().map(sealed).collect(),
            inherited: vec![0; 16],
        }
        .into()
    }

    fn key_id(&mut self) -> KeyId {
        KeyId([1 + u8::try_from(self.random.below(4)).unwrap(); 32])
    }

    /// Zero, or a group entry that a device knows.
    fn some_group(&mut self, author: usize, zero: usize) -> EntryId {
        let seen = self.views[author].iter().map(|index| &self.known[*index]);
        let groups = seen.filter(|known| matches!(known.control, Some(Control::Group(_))));
        let groups: Vec<EntryId> = groups.map(|known| known.id).collect();
        let is_zero = self.random.below(4) < zero;
        self.random.pick(&groups).filter(|_| !is_zero).unwrap_or(EntryId::ZERO)
    }

    fn group(&mut self, author: usize) -> Control {
        let group = self.some_group(author, 1);
        let everybody: Vec<usize> = self.hopeful.iter().copied().collect();
        let added = self.random.some(&everybody, 2);
        let mut added: Vec<AuthorKey> =
            added.into_iter().map(|device| self.devices[device].key).collect();
        added.sort_unstable();
        let mut removed = if group.is_zero() { vec![] } else { self.removed(author) };
        removed.retain(|removed| !added.contains(&removed.device));
        Group { group, label: None, added, removed }.into()
    }

    fn erase(&mut self, author: usize) -> Control {
        let ids: Vec<EntryId> = self.others.iter().map(VerifiedHeader::id).collect();
        let mut ids = self.random.some(&ids, 4);
        ids.sort_unstable();
        let device = if self.random.one_in(2) { author } else { self.random.below(DEVICES) };
        let sequence = 1 + self.random.below(4) as u64;
        let range = ErasedRange { author: self.devices[device].key, sequence, topic: None };
        Erase { ids, ranges: vec![range] }.into()
    }

    fn all(&self) -> BTreeSet<usize> {
        (0..self.known.len()).collect()
    }

    fn write(&mut self, author: usize, control: Option<Control>) {
        let view = self.views[author].clone();
        let own: Vec<usize> =
            view.iter().copied().filter(|index| self.known[*index].author == author).collect();
        // A fork goes on from an entry before the last, or from the beginning.
        let previous = if self.random.one_in(8) {
            self.random.pick(&own).filter(|_| !self.random.one_in(4))
        } else {
            own.iter().copied().max_by_key(|index| (self.known[*index].sequence, *index))
        };
        let is_graph =
            |index: &usize| self.known[*index].control.is_some() && !self.known[*index].is_frontier;
        let controls: BTreeSet<usize> = view.iter().copied().filter(|i| is_graph(i)).collect();
        let covered: BTreeSet<usize> =
            controls.iter().flat_map(|index| self.known[*index].past.clone()).collect();
        let mut dependencies: BTreeSet<usize> = controls.difference(&covered).copied().collect();
        dependencies.extend(own.iter().copied().rfind(|index| is_graph(index)));
        if self.random.one_in(6) {
            let list: Vec<usize> = dependencies.iter().copied().collect();
            dependencies = self.random.some(&list, 2).into_iter().collect();
        }
        if self.random.one_in(15) {
            let list: Vec<usize> = controls.iter().copied().collect();
            dependencies.extend(self.random.pick(&list));
        }
        let mut past = dependencies.clone();
        past.extend(previous.filter(|index| is_graph(index)));
        for index in past.clone() {
            past.extend(&self.known[index].past);
        }
        let mut spot = Spot {
            space: self.world.space,
            author: self.devices[author].key,
            sequence: previous.map_or(1, |index| self.known[index].sequence + 1),
            previous: previous.map_or(EntryId::ZERO, |index| self.known[index].id),
            dependencies: dependencies.iter().map(|index| self.known[*index].id).collect(),
        };
        if self.random.one_in(40) && spot.sequence > 1 {
            spot.sequence += 1;
        }
        let index = self.known.len();
        let is_frontier = matches!(control, Some(Control::Frontier(_)));
        let id = match &control {
            Some(control) => {
                let entry = spot.unsigned(control);
                if is_frontier {
                    self.others.push(entry.verified_header().clone());
                }
                let id = entry.id();
                self.entries.insert(index, entry);
                id
            }
            None => {
                let header = spot.unsigned_operation(self.key_id());
                self.others.push(header.clone());
                header.id()
            }
        };
        if self.known.iter().any(|known| known.id == id) {
            return;
        }
        let (sequence, previous) = (spot.sequence, spot.previous);
        self.known.push(Known { id, author, sequence, previous, past, control, is_frontier });
        self.views[author].insert(index);
    }

    /// What is asked about: everything, or, at times, not quite everything.
    fn finish(mut self) -> History {
        let groups = self.known.iter();
        let groups = groups.filter(|known| matches!(known.control, Some(Control::Group(_))));
        let groups = [EntryId::ZERO].into_iter().chain(groups.map(|known| known.id)).collect();
        let mut entries: Vec<VerifiedEntry> = self.entries.into_values().collect();
        entries.retain(|entry| entry.header().kind != Kind::FRONTIER);
        if self.random.one_in(4) {
            let lost = self.random.below(entries.len());
            entries.remove(lost);
        }
        if self.random.one_in(4) && !self.others.is_empty() {
            let lost = self.random.below(self.others.len());
            self.others.remove(lost);
        }
        History { space: self.world.space, entries, others: self.others, groups }
    }
}

/// How often each answer came.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    verdicts: BTreeMap<String, usize>,
    others: BTreeMap<String, usize>,
    writing: usize,
    erased: usize,
    /// Counting epochs by who is no admin.
    needed: usize,
}

impl Tally {
    pub(crate) fn add_needed(&mut self, directory: &Directory, history: &History) {
        let explained = history.entries.iter().filter_map(|entry| directory.explain(&entry.id()));
        let needed = explained.filter(|explained| {
            explained.kind == Kind::EPOCH
                && explained.verdict.counts()
                && explained.role < Some(Role::Admin)
        });
        self.needed += needed.count();
    }

    pub(crate) fn add(&mut self, answers: &Answers) {
        for verdict in answers.verdicts.values() {
            *self.verdicts.entry(verdict.clone()).or_default() += 1;
        }
        for verdict in answers.others.values() {
            *self.others.entry(verdict.clone()).or_default() += 1;
        }
        self.writing += answers.writing.len();
        self.erased += answers.erased.len();
    }

    pub(crate) fn assert_full(&self) {
        if std::env::var("BULLA_DIRECTORY_SEED").is_ok() {
            return;
        }
        let verdicts = [
            "counts",
            "directory.stranger",
            "directory.recovery",
            "directory.cut",
            "directory.no_right",
            "directory.seniority",
            "directory.revoked",
            "directory.group",
            "directory.parents",
            "directory.invitation",
        ];
        for code in verdicts {
            assert!(self.verdicts.get(code) > Some(&20), "{code} came too rarely: {self:?}");
        }
        let others = [
            "counts",
            "open",
            "directory.stranger",
            "directory.recovery",
            "directory.format",
            "directory.cut",
            "directory.no_right",
        ];
        for code in others {
            assert!(self.others.get(code) > Some(&20), "{code} came too rarely: {self:?}");
        }
        assert!(self.writing > 2_000 && self.erased > 300 && self.needed > 200, "{self:?}");
    }
}
