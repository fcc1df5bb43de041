//! Which control entries are taken in, and how many of them there are (ADM-6, ADM-7).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::OnceLock;

use bulla_core::control::{Control, Role};
use bulla_core::{AuthorKey, EntryId, Header, Kind, Signature, VerifiedEntry, VerifiedHeader};
use bulla_directory::{Change, Directory};

use crate::quota::Totals;
use crate::settings::AdmissionSettings;

/// The control entries that the directory was computed from, frontiers left out.
#[derive(Debug, Default)]
pub(crate) struct Controls {
    /// Every device that any of them gives a role to, counting or not.
    known: HashSet<AuthorKey>,
    items: HashMap<EntryId, Item>,
    authors: HashMap<AuthorKey, OfAuthor>,
    /// Frontiers that do not count. Of the others nothing is kept here.
    frontiers: HashMap<EntryId, Frontier>,
    /// Those of them whose size is not known yet.
    unmeasured: HashSet<EntryId>,
    /// Those that do not count, frontiers included: headers, signatures and payloads.
    refused: Totals,
    refused_erasures: u64,
    /// What is not free of quota.
    charged: Totals,
    erasures: Vec<EntryId>,
    /// What entries name and is taken in whatever it is; looked up when it is asked for, until more entries come.
    missed: OnceLock<HashSet<EntryId>>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    author: AuthorKey,
    kind: Kind,
    /// Of the payload.
    bytes: u64,
    /// Of all of it.
    size: u64,
    /// It takes something from its own author.
    is_own_loss: bool,
    counts: bool,
    is_charged: bool,
}

#[derive(Debug, Clone, Copy)]
struct Frontier {
    author: AuthorKey,
    size: Option<u64>,
}

#[derive(Debug, Default)]
struct OfAuthor {
    own: Vec<EntryId>,
    refused: Totals,
    charged: Totals,
}

/// Whether a control entry is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    In,
    /// Nobody known ever gave its author anything.
    Stranger,
    /// There are too many that do not count.
    Full,
}

/// What is to be held beside what is, and may not count.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    authors: HashMap<AuthorKey, Totals>,
    all: Totals,
}

impl Controls {
    /// Which of these are taken in now, whatever their order: a grant makes its device known, whose entries are then taken
    /// in too. Others may be by what these say, once the directory has them: it is to be asked again until nothing is.
    ///
    /// Nothing is refused for a bound that may count, nor what is named by entries that do or may (ADM-7): replicas that
    /// hold other refused entries would never agree again on what counts. Nor is what is `asked_for`.
    pub(crate) fn takes(
        &self,
        directory: &Directory,
        settings: &AdmissionSettings,
        batch: &[VerifiedEntry],
        asked_for: &HashSet<EntryId>,
    ) -> Vec<Take> {
        let mut takes = vec![Take::Stranger; batch.len()];
        let mut expected = Expected::default();
        let mut strangers = Strangers::default();
        let mut ready: VecDeque<usize> = VecDeque::new();
        for (at, entry) in batch.iter().enumerate() {
            let Header { author, kind, .. } = entry.header();
            if *kind == Kind::GENESIS
                || self.known.contains(author)
                || directory.is_asked_for(entry)
            {
                ready.push_back(at);
            } else {
                strangers.add(entry, at);
            }
        }
        while let Some(at) = ready.pop_front() {
            let (Some(entry), Some(take)) = (batch.get(at), takes.get_mut(at)) else { continue };
            if *take != Take::Stranger {
                continue;
            }
            let (author, size) = (entry.header().author, size_of(entry.verified_header()));
            let wanted = Totals { entries: 1, bytes: size };
            let is_asked_for = || asked_for.contains(&entry.id()) || directory.may_matter(entry);
            if !self.has_room(directory, settings, &expected, &author, wanted) && !is_asked_for() {
                *take = Take::Full;
                continue;
            }
            expected.add(&author, size);
            *take = Take::In;
            ready.extend(strangers.asked_for(entry));
        }
        self.take_named(directory, batch, &mut takes);
        takes
    }

    /// Takes in what is named by what may decide something, and what that names in turn.
    fn take_named(&self, directory: &Directory, batch: &[VerifiedEntry], takes: &mut [Take]) {
        if !takes.contains(&Take::Full) {
            return;
        }
        let left = batch.iter().enumerate().zip(&*takes).filter(|(_, take)| **take != Take::In);
        let mut left: HashMap<EntryId, usize> =
            left.map(|((at, entry), _)| (entry.id(), at)).collect();
        let missed = self
            .missed
            .get_or_init(|| directory.missing_references(|author| directory.is_heard(author)));
        let mut open: Vec<usize> =
            left.iter().filter(|(id, _)| missed.contains(id)).map(|(_, at)| *at).collect();
        while let Some(at) = open.pop() {
            let (Some(entry), Some(take)) = (batch.get(at), takes.get_mut(at)) else { continue };
            *take = Take::In;
            open.extend(references(entry).filter_map(|id| left.remove(id)));
        }
    }

    /// Whether more entries of an author find room, should they not count: not too many of the author's own do not count,
    /// nor too many of all where the author does not belong to the space.
    pub(crate) fn has_room(
        &self,
        directory: &Directory,
        settings: &AdmissionSettings,
        expected: &Expected,
        author: &AuthorKey,
        wanted: Totals,
    ) -> bool {
        let held = self.authors.get(author).map_or_else(Totals::default, |own| own.refused);
        let own = held.plus(expected.of(author)).plus(wanted);
        let all = self.refused.plus(expected.all).plus(wanted);
        let is_within =
            |has: Totals, entries: u64, bytes: u64| has.entries <= entries && has.bytes <= bytes;
        is_within(own, settings.author_refused, settings.author_refused_bytes)
            && (is_within(all, settings.space_refused, settings.space_refused_bytes)
                || directory.role(author).is_some())
    }

    /// Enters an entry that the directory takes in; it does not count until [`update`](Self::update) says so.
    pub(crate) fn add(&mut self, entry: &VerifiedEntry) {
        let header = entry.header();
        let (author, kind) = (header.author, header.kind);
        if !kind.is_control() || kind == Kind::FRONTIER || self.items.contains_key(&entry.id()) {
            return;
        }
        self.known.extend(given(entry));
        let is_own_loss = is_own_loss(entry);
        let (bytes, size) = (u64::from(header.payload_length), size_of(entry.verified_header()));
        let (counts, is_charged) = (false, true);
        let item = Item { author, kind, bytes, size, is_own_loss, counts, is_charged };
        self.items.insert(entry.id(), item);
        if kind == Kind::ERASE {
            self.erasures.push(entry.id());
            self.refused_erasures += 1;
        }
        self.refused = self.refused.with(1, size);
        let of_author = self.authors.entry(author).or_default();
        of_author.own.push(entry.id());
        of_author.refused = of_author.refused.with(1, size);
        of_author.charged = of_author.charged.with(1, bytes);
        self.charged = self.charged.with(1, bytes);
    }

    /// Enters what the directory says of entries now.
    pub(crate) fn update(&mut self, directory: &Directory, change: &Change) {
        self.missed = OnceLock::new();
        for id in &change.verdicts {
            let counts = directory.verdict(id).is_some_and(bulla_directory::Verdict::counts);
            self.set(directory, id, counts);
        }
        // What is free of quota depends on the author's role.
        for device in &change.members {
            let own = self.authors.get(device).map(|of_author| of_author.own.clone());
            for id in own.unwrap_or_default() {
                if let Some(counts) = self.items.get(&id).map(|item| item.counts) {
                    self.set(directory, &id, counts);
                }
            }
        }
    }

    /// Whether any control entry gives this device a role, counting or not.
    pub(crate) fn knows(&self, device: &AuthorKey) -> bool {
        self.known.contains(device)
    }

    /// Enters whether a frontier counts that is held or on its way. How long it is, is asked for when it matters.
    pub(crate) fn note_frontier(&mut self, id: &EntryId, author: &AuthorKey, counts: bool) {
        let was = self.frontiers.get(id).copied();
        let size = was.map_or(0, |frontier| frontier.size.unwrap_or(0));
        match counts {
            true => _ = self.frontiers.remove(id),
            false if was.is_none() => {
                self.frontiers.insert(*id, Frontier { author: *author, size: None });
                self.unmeasured.insert(*id);
            }
            false => {}
        }
        if was.is_some() == counts {
            let of_author = self.authors.entry(*author).or_default();
            of_author.refused = step(of_author.refused, counts, size);
            self.refused = step(self.refused, counts, size);
        }
    }

    /// The frontiers that do not count and whose size is not known yet.
    pub(crate) fn unmeasured(&self) -> Vec<EntryId> {
        self.unmeasured.iter().copied().collect()
    }

    /// Enters the size of a frontier.
    pub(crate) fn measured(&mut self, id: &EntryId, size: u64) {
        self.unmeasured.remove(id);
        let Some(frontier) = self.frontiers.get_mut(id) else { return };
        if frontier.size.replace(size).is_none() {
            let of_author = self.authors.entry(frontier.author).or_default();
            of_author.refused = of_author.refused.with(0, size);
            self.refused = self.refused.with(0, size);
        }
    }

    fn set(&mut self, directory: &Directory, id: &EntryId, counts: bool) {
        let Some(item) = self.items.get_mut(id) else { return };
        let of_author = self.authors.entry(item.author).or_default();
        if item.counts != counts {
            item.counts = counts;
            self.refused = step(self.refused, counts, item.size);
            of_author.refused = step(of_author.refused, counts, item.size);
            if item.kind == Kind::ERASE {
                let number = self.refused_erasures;
                self.refused_erasures =
                    if counts { number.saturating_sub(1) } else { number.saturating_add(1) };
            }
        }
        let is_charged = !(counts && is_free(item, directory));
        if item.is_charged != is_charged {
            item.is_charged = is_charged;
            let change = |totals: Totals| match is_charged {
                true => totals.with(1, item.bytes),
                false => totals.without(1, item.bytes),
            };
            self.charged = change(self.charged);
            of_author.charged = change(of_author.charged);
        }
    }

    /// What an author's control entries take of quotas.
    pub(crate) fn charged_of(&self, author: &AuthorKey) -> Totals {
        self.authors.get(author).map_or_else(Totals::default, |of_author| of_author.charged)
    }

    /// What all of them take together.
    pub(crate) const fn charged(&self) -> Totals {
        self.charged
    }

    /// Who wrote a control entry.
    pub(crate) fn author_of(&self, id: &EntryId) -> Option<AuthorKey> {
        self.items.get(id).map(|item| item.author)
    }

    pub(crate) fn erasures(&self) -> &[EntryId] {
        &self.erasures
    }

    /// Whether there are erasures that do not count; they may have counted once.
    pub(crate) const fn has_refused_erasures(&self) -> bool {
        self.refused_erasures > 0
    }
}

/// Those of a batch whose author is not known, and that nothing asks for.
#[derive(Debug, Default)]
struct Strangers {
    by_author: HashMap<AuthorKey, Vec<usize>>,
    by_id: HashMap<EntryId, usize>,
}

impl Strangers {
    fn add(&mut self, entry: &VerifiedEntry, at: usize) {
        self.by_author.entry(entry.header().author).or_default().push(at);
        self.by_id.insert(entry.id(), at);
    }

    /// Those that are none any more once an entry is held; they may be given more than once.
    fn asked_for(&mut self, entry: &VerifiedEntry) -> Vec<usize> {
        if self.by_id.is_empty() {
            return Vec::new();
        }
        let given = given(entry);
        let mut asked_for: Vec<usize> =
            given.iter().flat_map(|device| self.by_author.remove(device)).flatten().collect();
        asked_for.extend(references(entry).filter_map(|id| self.by_id.remove(id)));
        asked_for
    }
}

/// The ids that the header of an entry names.
fn references(entry: &VerifiedEntry) -> impl Iterator<Item = &EntryId> {
    let Header { previous, dependencies, .. } = entry.header();
    std::iter::once(previous).chain(dependencies)
}

impl Expected {
    pub(crate) fn add(&mut self, author: &AuthorKey, size: u64) {
        let of_author = self.authors.entry(*author).or_default();
        *of_author = of_author.with(1, size);
        self.all = self.all.with(1, size);
    }

    fn of(&self, author: &AuthorKey) -> Totals {
        self.authors.get(author).copied().unwrap_or_default()
    }
}

/// What is refused when one more entry counts, or one less.
const fn step(refused: Totals, counts: bool, size: u64) -> Totals {
    if counts { refused.without(1, size) } else { refused.with(1, size) }
}

/// What an entry takes on a disk: header, signature and payload.
pub(crate) fn size_of(header: &VerifiedHeader) -> u64 {
    let framing = header.bytes().len().saturating_add(Signature::LEN);
    let framing = u64::try_from(framing).unwrap_or(u64::MAX);
    framing.saturating_add(u64::from(header.header().payload_length))
}

/// Counting control entries by admins are free of quota (ADM-12).
fn is_free(item: &Item, directory: &Directory) -> bool {
    let only_admins = matches!(
        item.kind,
        Kind::GENESIS | Kind::GRANT | Kind::GROUP | Kind::RECOVERY | Kind::REVOKE | Kind::ROLE
    );
    (only_admins && !item.is_own_loss) || directory.role(&item.author) == Some(Role::Admin)
}

/// Whether an entry takes something from its own author.
fn is_own_loss(entry: &VerifiedEntry) -> bool {
    let author = entry.header().author;
    match entry.control() {
        Some(Control::Revoke(revoke)) => revoke.device == author,
        Some(Control::Role(change)) => change.device == author,
        _ => false,
    }
}

/// The devices to which an entry gives something, counting or not.
fn given(entry: &VerifiedEntry) -> Vec<AuthorKey> {
    match entry.control() {
        Some(Control::Genesis(genesis)) => {
            let founders = genesis.founders.iter().map(|founder| founder.author);
            founders.chain(genesis.recovery.map(|key| key.author)).collect()
        }
        Some(Control::Grant(grant)) => vec![grant.device.author()],
        Some(Control::Role(change)) if change.cuts.is_none() => vec![change.device],
        Some(Control::Recovery(recovery)) => {
            let card = recovery.device.map(|card| card.author());
            card.into_iter().chain(recovery.next.map(|key| key.author)).collect()
        }
        _ => Vec::new(),
    }
}
