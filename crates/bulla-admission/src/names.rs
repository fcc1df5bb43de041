//! What counts is whole for whoever gets it: a refused entry that one names which counts is stored too, with its code as its
//! mark (ADM-8). In quarantine it would go with no run, and the reference would be open at every other replica for ever.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{MutexGuard, PoisonError};

use bulla_core::{EntryId, Header, Verified};
use bulla_store::{Context, Facts, Result, Verdict, kept_pages};
use futures_util::TryStreamExt as _;
use tokio::sync::MutexGuard as AsyncGuard;

use crate::admission::DirectoryAdmission;
use crate::chains::Chains;
use crate::quota::{self, Totals};

/// Ids that are kept in memory besides twice what was in quarantine when that was looked up.
const MOST: usize = 65_536;

/// Which refused entries others name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// What is in quarantine, and more: what left it, and what may still come there. `None` where nobody looked.
    kept: Option<HashSet<EntryId>>,
    /// How many were in quarantine when that was looked up.
    found: usize,
    /// Those of these that entries name which count, and that are to be stored.
    named: HashSet<EntryId>,
    /// Those that are named and on their way into the quarantine, as it seems.
    awaited: HashSet<EntryId>,
}

impl Names {
    fn keep(&mut self, ids: impl IntoIterator<Item = EntryId>) {
        let Some(kept) = &mut self.kept else { return };
        kept.extend(ids);
    }

    fn name(&mut self, header: &Header, but: impl Fn(&EntryId) -> bool) {
        let Some(kept) = self.kept.as_ref().filter(|kept| !kept.is_empty()) else { return };
        let Self { named, awaited, .. } = self;
        // What is awaited is stored when it comes, and looked up no sooner.
        let is_kept = |id: &&EntryId| kept.contains(*id) && !awaited.contains(*id) && !but(id);
        named.extend(names(header).filter(is_kept));
    }

    /// Whether memory is full of what left the quarantine, or never came there.
    fn is_full(&self) -> bool {
        let most = self.found.saturating_mul(2).saturating_add(MOST);
        self.awaited.len() > MOST || self.kept.as_ref().is_some_and(|kept| kept.len() > most)
    }

    /// Nothing is on its way: what is awaited still does not come. It is looked up again what is in quarantine, if memory is
    /// full of what is not. What is named stays.
    fn tidy(&mut self) {
        if self.is_full() {
            self.kept = None;
        }
        for id in std::mem::take(&mut self.awaited) {
            self.kept.as_mut().map(|kept| kept.remove(&id));
        }
    }
}

impl DirectoryAdmission {
    /// Takes note of what is refused in a batch and of what the others name, and has stored what of the one is the other, be it
    /// of the batch or in quarantine.
    pub(crate) async fn note_names<'a>(
        &'a self,
        cx: &Context,
        entries: &[&Verified],
        held: &[Option<Facts>],
        verdicts: &mut [Verdict],
        chains: &mut Option<AsyncGuard<'a, Chains>>,
    ) -> Result<()> {
        self.look_up_kept(cx).await?;
        if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Quarantine(_))) {
            // What is refused takes no room from what counts.
            let batch = self.size_of_new(entries, held);
            if entries.iter().all(|entry| self.has_room(&entry.header().author, batch)) {
                store_named(entries, held, verdicts);
            }
        }
        let verdicts = &*verdicts;
        let new = || entries.iter().zip(held).zip(verdicts).filter(|((_, held), _)| held.is_none());
        {
            let mut names = self.names_now();
            let is_kept = |verdict: &Verdict| {
                matches!(verdict, Verdict::Quarantine(_) | Verdict::QuarantineHeader(_))
            };
            names.keep(new().filter(|(_, v)| is_kept(v)).map(|((entry, _), _)| entry.id()));
            for ((entry, _), _) in new().filter(|(_, verdict)| **verdict == Verdict::Admit) {
                names.name(entry.header(), |_| false);
            }
            if names.named.is_empty() {
                return Ok(());
            }
        }
        let chains = match chains {
            Some(chains) => chains,
            none => none.insert(self.chains().await),
        };
        self.bring_named(cx, chains, self.size_of_new(entries, held)).await.map(drop)
    }

    /// Takes note of what an entry names that leaves the quarantine and counts, but for what does so itself.
    pub(crate) async fn note_named(
        &self,
        cx: &Context,
        entry: &Verified,
        but: impl Fn(&EntryId) -> bool,
    ) -> Result<()> {
        self.look_up_kept(cx).await?;
        self.names_now().name(entry.header(), but);
        Ok(())
    }

    /// Whether what is known of the quarantine is to be [tidied](Self::tidy_names).
    pub(crate) fn has_full_names(&self) -> bool {
        self.names_now().is_full()
    }

    /// Forgets what is of no use. The gate is held, and nothing is on its way.
    pub(crate) fn tidy_names(&self) {
        self.names_now().tidy();
    }

    /// Takes note of an entry that has come into the quarantine.
    pub(crate) fn note_kept(&self, id: &EntryId) {
        let mut names = self.names_now();
        if names.awaited.remove(id) {
            names.named.insert(*id);
        }
    }

    /// This entry is in quarantine no more.
    pub(crate) fn left_quarantine(&self, id: &EntryId) {
        let mut names = self.names_now();
        names.awaited.remove(id);
        if let Some(kept) = &mut names.kept {
            kept.remove(id);
        }
    }

    /// Stores what is in quarantine and named, as far as quotas have room for it and for what else is `wanted`; whether there
    /// was any.
    pub(crate) async fn bring_named(
        &self,
        cx: &Context,
        chains: &mut Chains,
        wanted: Totals,
    ) -> Result<bool> {
        let mut ids: Vec<EntryId> = self.names_now().named.iter().copied().collect();
        if ids.is_empty() {
            return Ok(false);
        }
        let reserve =
            |_: &mut Chains, entry: &Verified, is_erased| self.room_for(entry, is_erased, wanted);
        let found: HashSet<EntryId> =
            self.bring(cx, chains, &ids, reserve).await?.into_iter().collect();
        self.bring_out(cx, chains).await?;
        let mut names = self.names_now();
        for id in &ids {
            names.named.remove(id);
        }
        ids.retain(|id| !found.contains(id));
        names.awaited.extend(ids);
        Ok(true)
    }

    /// What the entries of a batch may take of quotas that are not held.
    fn size_of_new(&self, entries: &[&Verified], held: &[Option<Facts>]) -> Totals {
        if !quota::limits_anything(&self.state().directory.policy()) {
            return Totals::default();
        }
        let new = entries.iter().zip(held).filter(|(_, held)| held.is_none());
        new.fold(Totals::default(), |sum, (entry, _)| sum.plus(self.size_in_quotas(entry, false)))
    }

    /// Looks up what is in quarantine, where nobody did.
    async fn look_up_kept(&self, cx: &Context) -> Result<()> {
        if self.names_now().kept.is_some() {
            return Ok(());
        }
        let mut all = HashSet::new();
        let mut pages = pin!(kept_pages(|after, limit| self.engine.kept(cx, after, limit)));
        while let Some(page) = pages.try_next().await? {
            all.extend(page.iter().map(|facts| facts.id));
        }
        let mut names = self.names_now();
        names.found = all.len();
        names.kept.get_or_insert_default().extend(all);
        drop(names);
        Ok(())
    }

    fn names_now(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has those refused entries of a batch stored that others of it name which count.
fn store_named(entries: &[&Verified], held: &[Option<Facts>], verdicts: &mut [Verdict]) {
    let counting = entries.iter().zip(held).zip(&*verdicts);
    let counting = counting.filter(|((_, held), v)| held.is_none() && **v == Verdict::Admit);
    let named: HashSet<EntryId> =
        counting.flat_map(|((entry, _), _)| names(entry.header())).copied().collect();
    for ((entry, held), verdict) in entries.iter().zip(held).zip(verdicts) {
        if held.is_none()
            && named.contains(&entry.id())
            && let Verdict::Quarantine(code) = verdict
        {
            *verdict = Verdict::Mark(code.clone());
        }
    }
}

/// What an entry names as previous and as dependencies.
fn names(header: &Header) -> impl Iterator<Item = &EntryId> {
    let previous = (header.sequence > 1).then_some(&header.previous);
    header.dependencies.iter().chain(previous)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(first: u32, count: usize) -> impl Iterator<Item = EntryId> {
        let id = |number: u32| {
            let mut id = [0; 32];
            id.iter_mut().zip(number.to_be_bytes()).for_each(|(place, byte)| *place = byte);
            EntryId(id)
        };
        (first..).take(count).map(id)
    }

    #[test]
    fn what_does_not_come_is_forgotten_and_what_is_named_is_not() {
        let mut names = Names { kept: Some(ids(0, 3).collect()), found: 3, ..Names::default() };
        names.named.extend(ids(0, 1));
        names.awaited.extend(ids(1, 1));
        assert!(!names.is_full());
        names.tidy();
        assert!(names.awaited.is_empty());
        assert_eq!(names.kept.as_ref().map(HashSet::len), Some(2));
        names.keep(ids(3, MOST + 7));
        assert!(names.is_full());
        names.tidy();
        assert!(names.kept.is_none() && !names.is_full());
        assert_eq!(names.named, ids(0, 1).collect());
    }

    #[test]
    fn a_quarantine_of_any_length_is_looked_up_once() {
        let found = MOST * 2;
        let kept = Some(ids(0, found).collect());
        let mut names = Names { kept, found, ..Names::default() };
        names.keep(ids(0, found + 9));
        assert!(!names.is_full());
    }
}
