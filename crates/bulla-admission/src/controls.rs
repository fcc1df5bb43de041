//! Which control entries are taken in, and how many of them there are (ADM-6, ADM-7).

use std::collections::{HashMap, HashSet};

use bulla_core::control::{Control, Role};
use bulla_core::{AuthorKey, EntryId, Kind, VerifiedEntry};
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
    frontiers: HashMap<EntryId, AuthorKey>,
    /// How many do not count, frontiers included.
    refused: u64,
    refused_erasures: u64,
    /// What is not free of quota.
    charged: Totals,
    erasures: Vec<EntryId>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    author: AuthorKey,
    kind: Kind,
    bytes: u64,
    /// It takes something from its own author.
    is_own_loss: bool,
    counts: bool,
    is_charged: bool,
}

#[derive(Debug, Default)]
struct OfAuthor {
    own: Vec<EntryId>,
    refused: u64,
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

impl Controls {
    /// Which of these are taken in, whatever their order: a grant makes its device known, whose entries are then taken in
    /// too. Takes time in the number of entries.
    pub(crate) fn takes(
        &self,
        directory: &Directory,
        settings: &AdmissionSettings,
        batch: &[VerifiedEntry],
    ) -> Vec<Take> {
        let mut takes = vec![Take::Stranger; batch.len()];
        let mut waiting: HashMap<AuthorKey, Vec<usize>> = HashMap::new();
        let mut ready: Vec<usize> = Vec::new();
        for (at, entry) in batch.iter().enumerate() {
            let author = entry.header().author;
            if entry.header().kind == Kind::GENESIS || self.known.contains(&author) {
                ready.push(at);
            } else {
                waiting.entry(author).or_default().push(at);
            }
        }
        while let Some(at) = ready.pop() {
            let (Some(entry), Some(take)) = (batch.get(at), takes.get_mut(at)) else { continue };
            if self.is_full_for(directory, settings, &entry.header().author) {
                *take = Take::Full;
                continue;
            }
            *take = Take::In;
            for device in given(entry) {
                ready.extend(waiting.remove(&device).unwrap_or_default());
            }
        }
        takes
    }

    /// Whether an author's next control entry finds no room: too many of the author's own do not count, or too many of all
    /// and the author does not belong to the space. Admins and the recovery key are always heard, since what they sign
    /// mostly counts and may be a removal.
    pub(crate) fn is_full_for(
        &self,
        directory: &Directory,
        settings: &AdmissionSettings,
        author: &AuthorKey,
    ) -> bool {
        let role = directory.role(author);
        let is_recovery_key = || directory.recovery_key().is_some_and(|key| key.author == *author);
        if role == Some(Role::Admin) || is_recovery_key() {
            return false;
        }
        let of_author = self.authors.get(author).map_or(0, |of_author| of_author.refused);
        of_author >= settings.author_refused
            || (self.refused >= settings.space_refused && role.is_none())
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
        let bytes = u64::from(header.payload_length);
        let item = Item { author, kind, bytes, is_own_loss, counts: false, is_charged: true };
        self.items.insert(entry.id(), item);
        if kind == Kind::ERASE {
            self.erasures.push(entry.id());
            self.refused_erasures += 1;
        }
        self.refused += 1;
        let of_author = self.authors.entry(author).or_default();
        of_author.own.push(entry.id());
        of_author.refused += 1;
        of_author.charged = of_author.charged.with(1, bytes);
        self.charged = self.charged.with(1, bytes);
    }

    /// Enters what the directory says of entries now.
    pub(crate) fn update(&mut self, directory: &Directory, change: &Change) {
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

    /// Enters whether a frontier counts.
    pub(crate) fn note_frontier(&mut self, id: &EntryId, author: &AuthorKey, counts: bool) {
        let was_refused = match counts {
            true => self.frontiers.remove(id).is_some(),
            false => self.frontiers.insert(*id, *author).is_some(),
        };
        if was_refused == counts {
            let step = |number: u64| if counts { number.saturating_sub(1) } else { number + 1 };
            let of_author = self.authors.entry(*author).or_default();
            of_author.refused = step(of_author.refused);
            self.refused = step(self.refused);
        }
    }

    fn set(&mut self, directory: &Directory, id: &EntryId, counts: bool) {
        let Some(item) = self.items.get_mut(id) else { return };
        let of_author = self.authors.entry(item.author).or_default();
        if item.counts != counts {
            item.counts = counts;
            let step = |number: u64| if counts { number.saturating_sub(1) } else { number + 1 };
            self.refused = step(self.refused);
            of_author.refused = step(of_author.refused);
            if item.kind == Kind::ERASE {
                self.refused_erasures = step(self.refused_erasures);
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

    /// Whether an entry that was not taken in yet would take of quotas: what only admins can say in a way that counts, and
    /// the first word of a device against itself, are not asked for.
    pub(crate) fn would_be_charged(&self, directory: &Directory, entry: &VerifiedEntry) -> bool {
        let author = &entry.header().author;
        match entry.header().kind {
            Kind::ERASE | Kind::EPOCH => directory.role(author) != Some(Role::Admin),
            Kind::REVOKE | Kind::ROLE => is_own_loss(entry) && directory.role(author).is_none(),
            _ => false,
        }
    }

    pub(crate) fn erasures(&self) -> &[EntryId] {
        &self.erasures
    }

    /// Whether there are erasures that do not count; they may have counted once.
    pub(crate) const fn has_refused_erasures(&self) -> bool {
        self.refused_erasures > 0
    }
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
