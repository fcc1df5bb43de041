//! `spec/directory.md` as it is written: sets, recursion, and no thought of time. It shares no code with the crate.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bulla_core::control::{Control, Cut, Cuts, GrantedDevice, Role};
use bulla_core::genesis::Genesis;
use bulla_core::{AuthorKey, EntryId, InvitationId, KeyId, Kind, VerifiedEntry, VerifiedHeader};

/// A verdict by its code; "counts" or "open" otherwise.
pub(crate) type Word = &'static str;

struct Entry {
    author: AuthorKey,
    sequence: u64,
    references: Vec<EntryId>,
    control: Control,
}

/// A place in the order of DIR-10: class, rank in it, chain of grants.
type Place = (u8, usize, Vec<(u64, EntryId)>);

#[derive(Clone)]
struct Give {
    by: Option<EntryId>,
    role: Role,
}

#[derive(Clone)]
struct Loss {
    by: EntryId,
    role: Option<Role>,
    cuts: Cuts,
}

#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Yes,
    No,
    Open,
}

pub(crate) struct Model {
    entries: BTreeMap<EntryId, Entry>,
    /// Application entries and frontiers: author, sequence, previous, kind and key.
    others: BTreeMap<EntryId, VerifiedHeader>,
    pasts: RefCell<BTreeMap<EntryId, BTreeSet<EntryId>>>,
    places: BTreeMap<AuthorKey, Place>,
    verdicts: BTreeMap<EntryId, Word>,
    /// Recovery key, what named it, what it signed.
    recovery: Vec<(AuthorKey, Option<EntryId>, Option<EntryId>)>,
    epochs: BTreeMap<EntryId, u64>,
}

impl Model {
    pub(crate) fn new(entries: &[VerifiedEntry], others: &[VerifiedHeader]) -> Self {
        let mut held = BTreeMap::new();
        for entry in entries {
            let header = entry.header();
            let mut references = header.dependencies.clone();
            references.push(header.previous);
            let control = entry.control().unwrap();
            let (author, sequence) = (header.author, header.sequence);
            held.insert(entry.id(), Entry { author, sequence, references, control });
        }
        let mut model = Self {
            entries: held,
            others: others.iter().map(|header| (header.id(), header.clone())).collect(),
            pasts: RefCell::default(),
            places: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            recovery: Vec::new(),
            epochs: BTreeMap::new(),
        };
        model.decide_recovery();
        model.decide_devices();
        model.decide_groups();
        model.decide_epochs();
        model
    }

    pub(crate) fn verdict(&self, id: &EntryId) -> Word {
        self.verdicts[id]
    }

    pub(crate) fn members(&self) -> Vec<(AuthorKey, Role)> {
        let devices = self.places.keys();
        devices.filter_map(|device| Some((*device, self.present(device)?))).collect()
    }

    pub(crate) fn seniority(&self) -> Vec<AuthorKey> {
        let mut order: Vec<_> =
            self.places.iter().map(|(device, place)| (place, *device)).collect();
        order.sort();
        order.into_iter().map(|(_, device)| device).collect()
    }

    fn genesis(&self) -> Option<&Genesis> {
        self.entries.values().find_map(|entry| match &entry.control {
            Control::Genesis(genesis) => Some(genesis),
            _ => None,
        })
    }

    /// DIR-2.
    fn past(&self, id: &EntryId) -> BTreeSet<EntryId> {
        if let Some(past) = self.pasts.borrow().get(id) {
            return past.clone();
        }
        let mut past = BTreeSet::new();
        for reference in &self.entries[id].references {
            if self.entries.contains_key(reference) {
                past.insert(*reference);
                past.extend(self.past(reference));
            }
        }
        self.pasts.borrow_mut().insert(*id, past.clone());
        past
    }

    fn before(&self, earlier: &EntryId, later: &EntryId) -> bool {
        self.past(later).contains(earlier)
    }

    /// DIR-5, for control entries.
    fn within(&self, id: &EntryId, cuts: &Cuts) -> bool {
        cuts.0.iter().filter_map(|cut| cut.control).any(|control| {
            control == *id || self.entries.contains_key(&control) && self.before(id, &control)
        })
    }

    /// DIR-5, for all others.
    fn chain_within(&self, entry: &VerifiedHeader, cuts: &Cuts) -> Answer {
        let answers: Vec<Answer> =
            cuts.0.iter().map(|cut| self.chain_within_cut(entry, cut)).collect();
        if answers.contains(&Answer::Yes) {
            Answer::Yes
        } else if answers.contains(&Answer::Open) {
            Answer::Open
        } else {
            Answer::No
        }
    }

    fn chain_within_cut(&self, entry: &VerifiedHeader, cut: &Cut) -> Answer {
        let header = entry.header();
        if entry.id() == cut.id {
            return Answer::Yes;
        }
        if header.sequence >= cut.sequence {
            return Answer::No;
        }
        let mut at = cut.id;
        let mut expected: Option<u64> = None;
        loop {
            if at == entry.id() {
                let is_next = expected == Some(header.sequence);
                return if is_next { Answer::Yes } else { Answer::No };
            }
            if expected.is_some_and(|expected| expected <= header.sequence) {
                // Another entry lies there: no header between the cut and this one is missing.
                return Answer::No;
            }
            let Some((author, sequence, previous)) = self.link(&at) else { return Answer::Open };
            if author != header.author || expected.is_some_and(|expected| expected != sequence) {
                return Answer::No;
            }
            if sequence <= header.sequence {
                return Answer::No;
            }
            (at, expected) = (previous, Some(sequence - 1));
        }
    }

    pub(crate) fn link(&self, id: &EntryId) -> Option<(AuthorKey, u64, EntryId)> {
        if let Some(entry) = self.entries.get(id) {
            return Some((entry.author, entry.sequence, *entry.references.last().unwrap()));
        }
        let header = self.others.get(id)?.header();
        Some((header.author, header.sequence, header.previous))
    }

    fn recoveries_of(&self, device: &AuthorKey) -> Vec<EntryId> {
        let own = self.entries.iter().filter(|(_, entry)| entry.author == *device);
        let own = own.filter(|(_, entry)| matches!(entry.control, Control::Recovery(_)));
        let mut own: Vec<_> = own.map(|(id, entry)| (entry.sequence, *id)).collect();
        own.sort();
        own.into_iter().map(|(_, id)| id).collect()
    }

    /// DIR-20.
    fn decide_recovery(&mut self) {
        let Some(genesis) = self.genesis().cloned() else { return };
        let is_founder = |key: &AuthorKey| genesis.founders.iter().any(|f| f.author == *key);
        let mut next = genesis.recovery.map(|key| (key.author, None));
        if next.is_none() {
            for id in self.recoveries_of(&genesis.founders[0].author) {
                let Control::Recovery(recovery) = &self.entries[&id].control else { continue };
                let Some(key) = recovery.next.map(|next| next.author) else { continue };
                if recovery.device.is_none() && recovery.revoked.is_empty() && !is_founder(&key) {
                    next = Some((key, Some(id)));
                    break;
                }
            }
        }
        while let Some((key, named_by)) = next {
            let signed = self.recoveries_of(&key).first().copied();
            self.recovery.push((key, named_by, signed));
            next = signed.and_then(|id| match &self.entries[&id].control {
                Control::Recovery(recovery) => Some((recovery.next?.author, Some(id))),
                _ => None,
            });
            next = next.filter(|(key, _)| {
                !is_founder(key) && self.recovery.iter().all(|(earlier, _, _)| earlier != key)
            });
        }
        for (rank, (key, _, _)) in self.recovery.iter().enumerate() {
            self.places.insert(*key, (1, rank, vec![]));
        }
        for (id, entry) in &self.entries {
            let counts = self
                .recovery
                .iter()
                .any(|(_, named, signed)| [named, signed].contains(&&Some(*id)));
            if counts {
                self.verdicts.insert(*id, "counts");
            } else if self.is_recovery_key(&entry.author) {
                self.verdicts.insert(*id, "directory.recovery");
            }
        }
    }

    fn is_recovery_key(&self, device: &AuthorKey) -> bool {
        self.recovery.iter().any(|(key, _, _)| key == device)
    }

    /// DIR-10 to DIR-12: decides the undecided device with the most senior place until there is none.
    fn decide_devices(&mut self) {
        let mut decided: BTreeSet<AuthorKey> =
            self.recovery.iter().map(|(key, _, _)| *key).collect();
        while let Some((place, device)) =
            self.candidates().into_iter().filter(|(_, device)| !decided.contains(device)).min()
        {
            self.places.insert(device, place);
            decided.insert(device);
            let own = self.entries.iter().filter(|(_, entry)| entry.author == device);
            let mut own: Vec<_> = own.map(|(id, entry)| (entry.sequence, *id)).collect();
            own.sort();
            let is_own_loss = |id: &EntryId| {
                !matches!(self.entries[id].control, Control::Recovery(_))
                    && self.loss_of(id, &device).is_some()
            };
            let (losses, rest): (Vec<_>, Vec<_>) =
                own.into_iter().map(|(_, id)| id).partition(|id| is_own_loss(id));
            // A loss whose author is D is judged by the losses by seniors alone.
            let judged: Vec<_> =
                losses.iter().map(|id| (*id, self.by_role(id, Role::Relay))).collect();
            for (id, word) in judged {
                self.verdicts.entry(id).or_insert(word);
            }
            for id in rest {
                if let Some(word) = self.judge(&id, &decided) {
                    self.verdicts.entry(id).or_insert(word);
                }
            }
        }
        let strangers: Vec<EntryId> = self
            .entries
            .iter()
            .filter(|(_, entry)| !self.places.contains_key(&entry.author))
            .map(|(id, _)| *id)
            .collect();
        for id in strangers {
            self.verdicts.insert(id, "directory.stranger");
        }
    }

    /// Every place that is known by now.
    fn candidates(&self) -> Vec<(Place, AuthorKey)> {
        let mut places = Vec::new();
        let Some(genesis) = self.genesis() else { return places };
        for (rank, (_, _, signed)) in self.recovery.iter().enumerate() {
            let Some(Control::Recovery(recovery)) =
                signed.map(|id| self.entries[&id].control.clone())
            else {
                continue;
            };
            places.extend(recovery.device.map(|card| ((2, rank, vec![]), card.author())));
        }
        for (rank, founder) in genesis.founders.iter().enumerate() {
            places.push(((3, rank, vec![]), founder.author));
        }
        for (id, entry) in &self.entries {
            if let Control::Grant(grant) = &entry.control
                && self.counts(id)
            {
                // All others come after the founders, by the root of the chain and the grants on the way.
                let (class, rank, chain) = self.places[&entry.author].clone();
                let root = if class == 4 { rank } else { usize::from(class) * 1_000 + rank };
                let mut chain = chain;
                chain.push((entry.sequence, *id));
                places.push(((4, root, chain), grant.device.author()));
            }
        }
        places
    }

    fn counts(&self, id: &EntryId) -> bool {
        self.verdicts.get(id) == Some(&"counts")
    }

    fn loss_of(&self, id: &EntryId, device: &AuthorKey) -> Option<Loss> {
        let (role, cuts) = match &self.entries[id].control {
            Control::Role(change) if change.device == *device => {
                (Some(change.role), change.cuts.clone()?)
            }
            Control::Revoke(revoke) if revoke.device == *device => (None, revoke.cuts.clone()),
            Control::Recovery(recovery) => {
                let revoked = recovery.revoked.iter().find(|revoked| revoked.device == *device)?;
                (None, revoked.cuts.clone())
            }
            _ => return None,
        };
        Some(Loss { by: *id, role, cuts })
    }

    /// DIR-4, DIR-13.
    fn losses(&self, device: &AuthorKey) -> Vec<Loss> {
        if self.is_recovery_key(device) {
            return vec![];
        }
        let counting = self.entries.keys().filter(|id| self.counts(id));
        counting.filter_map(|id| self.loss_of(id, device)).collect()
    }

    /// DIR-4.
    fn gives(&self, device: &AuthorKey) -> Vec<Give> {
        let mut gives = Vec::new();
        let mut has_card = false;
        if self.is_recovery_key(device) || !self.places.contains_key(device) {
            return gives;
        }
        if self.genesis().is_some_and(|g| g.founders.iter().any(|f| f.author == *device)) {
            gives.push(Give { by: None, role: Role::Admin });
            has_card = true;
        }
        for (id, entry) in self.entries.iter().filter(|(id, _)| self.counts(id)) {
            let by = Some(*id);
            match &entry.control {
                Control::Grant(grant) if grant.device.author() == *device => {
                    has_card |= matches!(grant.device, GrantedDevice::Card(_));
                    gives.push(Give { by, role: grant.role });
                }
                Control::Role(change) if change.device == *device && change.cuts.is_none() => {
                    gives.push(Give { by, role: change.role });
                }
                Control::Recovery(recovery)
                    if recovery.device.is_some_and(|card| card.author() == *device) =>
                {
                    has_card = true;
                    gives.push(Give { by, role: Role::Admin });
                }
                _ => {}
            }
        }
        if !has_card {
            gives.iter_mut().for_each(|give| give.role = Role::Relay);
        }
        gives
    }

    /// DIR-15: the greatest of what the gives give, with those losses that stand.
    fn greatest(&self, gives: &[Give], losses: &[Loss]) -> Option<Role> {
        let role = |give: &Give| {
            let against = losses.iter().filter(|loss| {
                loss.role.is_none() || !give.by.is_some_and(|give| self.before(&loss.by, &give))
            });
            against.map(|loss| loss.role).fold(Some(give.role), Option::min)
        };
        gives.iter().map(role).max().flatten()
    }

    fn gives_before(&self, device: &AuthorKey, id: &EntryId) -> Vec<Give> {
        let mut gives = self.gives(device);
        gives.retain(|give| give.by.is_none_or(|by| self.before(&by, id)));
        gives
    }

    fn role_at(&self, id: &EntryId) -> Option<Role> {
        let author = self.entries[id].author;
        let mut losses = self.losses(&author);
        let only_takes = match &self.entries[id].control {
            Control::Role(change) => change.device != author && change.cuts.is_some(),
            Control::Revoke(revoke) => revoke.device != author,
            Control::Group(group) => group.added.is_empty() && !group.removed.is_empty(),
            _ => false,
        };
        losses.retain(|loss| {
            let is_own = self.entries[&loss.by].author == author;
            !(self.within(id, &loss.cuts) || is_own && only_takes && !self.before(&loss.by, id))
        });
        self.greatest(&self.gives_before(&author, id), &losses)
    }

    fn role_without_losses(&self, id: &EntryId) -> Option<Role> {
        self.greatest(&self.gives_before(&self.entries[id].author, id), &[])
    }

    /// DIR-17.
    pub(crate) fn present(&self, device: &AuthorKey) -> Option<Role> {
        self.greatest(&self.gives(device), &self.losses(device))
    }

    fn by_role(&self, id: &EntryId, needed: Role) -> Word {
        if self.role_at(id) >= Some(needed) {
            "counts"
        } else if self.role_without_losses(id) >= Some(needed) {
            "directory.cut"
        } else {
            "directory.no_right"
        }
    }

    /// DIR-21 to DIR-24, for the entry of a device that is being decided.
    fn judge(&self, id: &EntryId, decided: &BTreeSet<AuthorKey>) -> Option<Word> {
        let entry = &self.entries[id];
        let (needed, device) = match &entry.control {
            Control::Genesis(_) => return Some("counts"),
            Control::Recovery(_) => return Some("directory.recovery"),
            Control::Grant(grant) => (Role::Admin, Some(grant.device.author())),
            Control::Role(change) => (Role::Admin, Some(change.device)),
            Control::Revoke(revoke) => (Role::Admin, Some(revoke.device)),
            Control::Erase(_) => (Role::Writer, None),
            _ => return None,
        };
        let word = self.by_role(id, needed);
        if word != "counts" {
            return Some(word);
        }
        if device.is_some_and(|device| decided.contains(&device)) {
            return Some("directory.seniority");
        }
        if matches!(entry.control, Control::Grant(_)) && self.knows_revoked(id, &device?) {
            return Some("directory.revoked");
        }
        let other = |invitation: InvitationId| {
            self.entries.iter().any(|(other, earlier)| match &earlier.control {
                Control::Grant(grant) => match grant.device {
                    // What counts by now is by a more senior device, or by the same and earlier.
                    GrantedDevice::Card(card) => {
                        card.invitation() == invitation
                            && Some(card.author()) != device
                            && self.counts(other)
                    }
                    GrantedDevice::Node(_) => false,
                },
                _ => false,
            })
        };
        if let Control::Grant(grant) = &entry.control
            && let GrantedDevice::Card(card) = grant.device
            && !card.invitation().is_zero()
            && other(card.invitation())
        {
            return Some("directory.invitation");
        }
        Some("counts")
    }

    /// DIR-14.
    fn is_named_admin(&self, id: &EntryId) -> bool {
        let author = self.entries[id].author;
        if matches!(self.entries[id].control, Control::Recovery(_)) {
            return self.counts(id);
        }
        let founders = self.genesis().map(|genesis| genesis.founders.clone()).unwrap_or_default();
        founders.iter().any(|founder| founder.author == author)
            || self.past(id).iter().any(|give| {
                let names = match &self.entries[give].control {
                    Control::Grant(grant) => {
                        grant.device.author() == author && grant.role == Role::Admin
                    }
                    Control::Role(change) => {
                        change.device == author
                            && change.role == Role::Admin
                            && change.cuts.is_none()
                    }
                    Control::Recovery(recovery) => {
                        recovery.device.is_some_and(|card| card.author() == author)
                    }
                    _ => false,
                };
                names && self.is_named_admin(give)
            })
    }

    /// DIR-21.
    fn knows_revoked(&self, id: &EntryId, device: &AuthorKey) -> bool {
        let past = self.past(id);
        past.iter().any(|revocation| {
            let Entry { author, control, .. } = &self.entries[revocation];
            let is_undone = || {
                past.iter().any(|loss| {
                    self.entries[loss].author != *author
                        && self.is_named_admin(loss)
                        && self.loss_of(loss, author).is_some_and(|loss| {
                            loss.role != Some(Role::Admin) && !self.within(revocation, &loss.cuts)
                        })
                })
            };
            matches!(control, Control::Revoke(revoke) if revoke.device == *device)
                && author != device
                && self.is_named_admin(revocation)
                && !is_undone()
        })
    }

    fn founds(&self, group: &EntryId) -> bool {
        let Some(entry) = self.entries.get(group) else { return false };
        matches!(&entry.control, Control::Group(founding) if founding.group.is_zero())
            && self.counts(group)
    }

    /// DIR-23; what founds a group is judged before what changes it.
    fn decide_groups(&mut self) {
        for founding in [true, false] {
            let ids: Vec<EntryId> = self.entries.keys().copied().collect();
            for id in ids {
                let Control::Group(group) = &self.entries[&id].control else { continue };
                if group.group.is_zero() != founding || self.verdicts.contains_key(&id) {
                    continue;
                }
                let mut word = self.by_role(&id, Role::Admin);
                let is_founded = self.founds(&group.group) && self.before(&group.group, &id);
                if word == "counts" && !founding && !is_founded {
                    word = "directory.group";
                }
                self.verdicts.insert(id, word);
            }
        }
    }

    /// Counting entries of a group, the founding one among them.
    fn group_entries(&self, of: &EntryId) -> Vec<(EntryId, &bulla_core::control::Group)> {
        let counting = self.entries.iter().filter(|(id, _)| self.counts(id));
        counting
            .filter_map(|(id, entry)| match &entry.control {
                Control::Group(group) if group.group == *of || id == of => Some((*id, group)),
                _ => None,
            })
            .collect()
    }

    /// DIR-23: whether an addition that `adds` accepts holds against all removals that `stands` does.
    fn belongs(
        &self,
        device: &AuthorKey,
        group: &EntryId,
        adds: &dyn Fn(&EntryId) -> bool,
        stands: &dyn Fn(&EntryId, &Cuts) -> bool,
    ) -> bool {
        if group.is_zero() {
            return true;
        }
        if !self.founds(group) {
            return false;
        }
        let entries = self.group_entries(group);
        entries.iter().any(|(addition, says)| {
            says.added.contains(device)
                && adds(addition)
                && !entries.iter().any(|(removal, says)| {
                    says.removed.iter().any(|removed| {
                        removed.device == *device
                            && stands(removal, &removed.cuts)
                            && !self.before(removal, addition)
                    })
                })
        })
    }

    /// DIR-25, each after those in its past.
    fn decide_epochs(&mut self) {
        let epochs = self.entries.iter().filter(|(_, e)| matches!(e.control, Control::Epoch(_)));
        let mut epochs: Vec<EntryId> = epochs.map(|(id, _)| *id).collect();
        epochs.sort_by_key(|id| self.past(id).len());
        for id in epochs {
            let Control::Epoch(epoch) = &self.entries[&id].control else { continue };
            let author = self.entries[&id].author;
            let is_parent = |parent: &&EntryId| {
                self.before(parent, &id)
                    && matches!(&self.entries[parent].control, Control::Epoch(p) if p.group == epoch.group)
            };
            let parents: Vec<&EntryId> = epoch.parents.iter().filter(is_parent).collect();
            let depth = parents.iter().map(|parent| self.epochs[*parent] + 1).max().unwrap_or(0);
            let is_needed = self.is_needed(&id);
            let before = |by: &EntryId| self.before(by, &id);
            let outside = |_: &EntryId, cuts: &Cuts| !self.within(&id, cuts);
            let belongs = self.belongs(&author, &epoch.group, &before, &outside);
            let belonged = self.belongs(&author, &epoch.group, &before, &|_, _| false);
            let may = |role: Option<Role>, belongs: bool| {
                role == Some(Role::Admin) || role == Some(Role::Writer) && belongs && is_needed
            };
            let word = if !may(self.role_at(&id), belongs) {
                if may(self.role_without_losses(&id), belonged) {
                    "directory.cut"
                } else {
                    "directory.no_right"
                }
            } else if !(epoch.group.is_zero()
                || self.founds(&epoch.group) && self.before(&epoch.group, &id))
            {
                "directory.group"
            } else if parents.len() < epoch.parents.len() {
                "directory.parents"
            } else {
                "counts"
            };
            self.verdicts.entry(id).or_insert(word);
            self.epochs.insert(id, depth);
        }
    }

    /// Whom DIR-26 asks about: the author and the recipients.
    fn holders(&self, id: &EntryId) -> (EntryId, Vec<AuthorKey>) {
        let Control::Epoch(epoch) = &self.entries[id].control else { panic!("an epoch") };
        let recipients = epoch.recipients.iter().map(|recipient| recipient.device);
        (epoch.group, recipients.chain([self.entries[id].author]).collect())
    }

    /// DIR-25, for an author that is no admin.
    fn is_needed(&self, id: &EntryId) -> bool {
        let (group, holders) = self.holders(id);
        let Entry { author, sequence, .. } = &self.entries[id];
        let mut own: Vec<(u64, EntryId)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.author == *author)
            .filter(|(_, entry)| matches!(&entry.control, Control::Epoch(e) if e.group == group))
            .map(|(id, entry)| (entry.sequence, *id))
            .filter(|order| *order <= (*sequence, *id))
            .collect();
        own.sort();
        let is_chain = own.windows(2).all(|pair| self.before(&pair[0].1, &pair[1].1));
        let others = holders.iter().filter(|device| *device != author);
        let mut readers = others.map(|device| self.reads_at(device, &group, id));
        let past = self.past(id);
        let epochs = past.iter().filter(|earlier| self.epochs.contains_key(*earlier));
        let clean = epochs
            .filter(|earlier| self.holders(earlier).0 == group && self.clean_in(earlier, &past));
        let clean: Vec<&EntryId> = clean.collect();
        let by_admin = |id: &EntryId| self.role_at(id) == Some(Role::Admin);
        let newest = clean.iter().max_by_key(|id| (self.epochs[**id], **id));
        is_chain
            && readers.all(|reads| reads)
            && !clean.iter().any(|id| by_admin(id))
            && newest.is_none_or(|id| !self.holders(id).1.contains(author))
    }

    /// By the past of an entry.
    fn reads_at(&self, device: &AuthorKey, group: &EntryId, at: &EntryId) -> bool {
        let before = |by: &EntryId| self.before(by, at);
        if let Some((_, named, signed)) = self.recovery.iter().find(|(key, _, _)| key == device) {
            return named.is_none_or(|by| before(&by)) && !signed.is_some_and(|by| before(&by));
        }
        let mut losses = self.losses(device);
        losses.retain(|loss| before(&loss.by));
        self.greatest(&self.gives_before(device, at), &losses) >= Some(Role::Reader)
            && self.belongs(device, group, &before, &|by, _| before(by))
    }

    /// DIR-26, with these entries for all there is.
    fn clean_in(&self, id: &EntryId, all: &BTreeSet<EntryId>) -> bool {
        let (group, holders) = self.holders(id);
        let is_new = |by: &EntryId| all.contains(by) && !self.before(by, id);
        let keeps = |device: &AuthorKey| {
            if let Some((_, _, signed)) = self.recovery.iter().find(|(key, _, _)| key == device) {
                return !signed.is_some_and(|by| is_new(&by));
            }
            let losses = self.losses(device);
            let of_reading = losses.iter().filter(|loss| loss.role < Some(Role::Reader));
            let removes = |says: &bulla_core::control::Group| {
                says.removed.iter().any(|removed| removed.device == *device)
            };
            let groups = if group.is_zero() { vec![] } else { self.group_entries(&group) };
            !of_reading.map(|loss| &loss.by).any(is_new)
                && !groups.iter().any(|(by, says)| removes(says) && is_new(by))
        };
        let is_superseded = || {
            self.epochs
                .keys()
                .filter(|later| all.contains(*later) && self.counts(later))
                .any(|later| self.holders(later).0 == group && self.before(id, later))
        };
        self.counts(id)
            && holders.iter().all(|device| self.reads_at(device, &group, id) && keeps(device))
            && !is_superseded()
    }

    /// DIR-27.
    pub(crate) fn writing_epoch(&self, group: &EntryId) -> Option<EntryId> {
        let all: BTreeSet<EntryId> = self.entries.keys().copied().collect();
        let usable = self
            .epochs
            .iter()
            .filter(|(id, _)| self.holders(id).0 == *group && self.clean_in(id, &all));
        usable
            .map(|(id, depth)| ((self.role_at(id) == Some(Role::Admin), *depth, *id), *id))
            .max()
            .map(|(_, id)| id)
    }

    /// CTL-35.
    pub(crate) fn topic_order(&self, group: &EntryId) -> Vec<EntryId> {
        let counting = self.epochs.iter().filter(|(id, _)| self.counts(id));
        let of_group = counting.filter(|(id, _)| self.holders(id).0 == *group);
        let mut order: Vec<_> = of_group
            .map(|(id, depth)| {
                let place = &self.places[&self.entries[id].author];
                (self.role_at(id) != Some(Role::Admin), place, *depth, *id)
            })
            .collect();
        order.sort();
        order.into_iter().map(|(.., id)| id).collect()
    }

    /// DIR-16, DIR-24, DIR-30.
    pub(crate) fn other(&self, entry: &VerifiedHeader) -> Word {
        let header = entry.header();
        let author = header.author;
        if self.is_recovery_key(&author) {
            return "directory.recovery";
        }
        if !self.places.contains_key(&author) {
            return "directory.stranger";
        }
        let is_frontier = header.kind == Kind::FRONTIER;
        let needed = if is_frontier { Role::Reader } else { Role::Writer };
        let least = self.genesis().and_then(|genesis| genesis.policy.minimum_format);
        if !is_frontier && least.is_some_and(|least| least > 1) {
            return "directory.format";
        }
        let groups = if is_frontier { vec![] } else { self.groups_of(&header.key_id) };
        let mut cuts: Vec<Cuts> = self.losses(&author).into_iter().map(|loss| loss.cuts).collect();
        for (_, says) in groups.iter().flat_map(|group| self.group_entries(group)) {
            cuts.extend(says.removed.iter().filter(|r| r.device == author).map(|r| r.cuts.clone()));
        }
        let answers: Vec<Answer> = cuts.iter().map(|cuts| self.chain_within(entry, cuts)).collect();
        let open: Vec<usize> =
            (0..cuts.len()).filter(|index| answers[*index] == Answer::Open).collect();
        let mut words = BTreeSet::new();
        for guess in 0..1_u32 << open.len() {
            let stands = |cuts_of: &Cuts| {
                let index = cuts.iter().position(|cuts| cuts == cuts_of).unwrap();
                match open.iter().position(|open| *open == index) {
                    Some(bit) => guess >> bit & 1 == 0,
                    None => answers[index] == Answer::No,
                }
            };
            words.insert(self.other_with(&author, needed, &groups, &stands));
        }
        if words.len() == 1 { words.into_iter().next().unwrap() } else { "open" }
    }

    fn other_with(
        &self,
        author: &AuthorKey,
        needed: Role,
        groups: &[EntryId],
        stands: &dyn Fn(&Cuts) -> bool,
    ) -> Word {
        let may = |stands: &dyn Fn(&Cuts) -> bool| {
            let mut losses = self.losses(author);
            losses.retain(|loss| stands(&loss.cuts));
            self.greatest(&self.gives(author), &losses) >= Some(needed)
                && (groups.is_empty()
                    || groups.iter().any(|group| {
                        self.belongs(author, group, &|_| true, &|_, cuts| stands(cuts))
                    }))
        };
        if may(stands) {
            "counts"
        } else if may(&|_| false) {
            "directory.cut"
        } else {
            "directory.no_right"
        }
    }

    /// The groups whose members alone may write with a key; none if all may.
    fn groups_of(&self, key_id: &KeyId) -> Vec<EntryId> {
        let named = self.entries.iter().filter_map(|(id, entry)| match &entry.control {
            Control::Epoch(epoch) if epoch.key_id == *key_id => Some((id, epoch.group)),
            _ => None,
        });
        let (own, groups): (Vec<_>, Vec<_>) = named.partition(|(_, group)| group.is_zero());
        let counting = groups.into_iter().filter(|(id, _)| self.counts(id));
        if own.is_empty() { counting.map(|(_, group)| group).collect() } else { vec![] }
    }

    /// DIR-24, CTL-61.
    pub(crate) fn is_erased(&self, entry: &VerifiedHeader) -> bool {
        self.entries.iter().any(|(id, erasure)| match &erasure.control {
            Control::Erase(erase) => {
                self.counts(id)
                    && erase.names(&entry.id(), entry.header())
                    && (erasure.author == entry.header().author
                        || self.role_at(id) == Some(Role::Admin))
            }
            _ => false,
        })
    }
}
