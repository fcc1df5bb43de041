//! What is said of control entries that arrive, and which find no room (ADM-6, ADM-7).

use std::collections::{HashMap, HashSet};

use bulla_core::limits::{MAX_IDS_PER_REQUEST, MAX_PAGE_BYTES};
use bulla_core::values::{GetItem, GetRequest};
use bulla_core::{AuthorKey, EntryId, Kind, Verified, VerifiedEntry};
use bulla_store::{Context, Facts, Result, Ruling, Verdict};

use crate::admission::DirectoryAdmission;
use crate::codes;
use crate::controls::{Expected, Take, size_of};
use crate::flights::Arrival;
use crate::judging::{refuse, said, subject_of};
use crate::quota::Totals;
use crate::settings::AdmissionSettings;
use crate::state::{State, Word};

/// Headers that are looked up for one batch and author, one by one, on the way from what a chain waits for.
const MOST_LOOKED_UP: usize = 1_024;

/// The frontiers of a batch.
#[derive(Debug)]
pub(crate) struct Frontiers<'a> {
    asked_for: &'a HashSet<EntryId>,
    /// Those that do not count.
    expected: Expected,
}

impl<'a> Frontiers<'a> {
    /// None of them is judged yet; those that are `asked_for` are taken whatever the bound.
    pub(crate) fn new(asked_for: &'a HashSet<EntryId>) -> Self {
        Self { asked_for, expected: Expected::default() }
    }
}

impl DirectoryAdmission {
    /// Control entries, frontiers among them. Those that are taken in are part of the directory from now on.
    pub(crate) async fn judge_control(&self, cx: &Context, entries: &[Verified]) -> Result<Ruling> {
        let guard = self.exclusive(cx).await?;
        self.measure_frontiers(cx).await?;
        let mut verdicts = vec![Verdict::Pending; entries.len()];
        let is_frontier = |entry: &Verified| entry.header().kind == Kind::FRONTIER;
        let ids: Vec<EntryId> = entries.iter().map(Verified::id).collect();
        let held = self.engine.facts(cx, &ids).await?;
        let asked_for = self.asked_for_by_chains(cx, entries).await?;
        self.take_in(entries, &held, &asked_for, &mut verdicts);
        let (places, frontiers): (Vec<usize>, Vec<&Verified>) =
            entries.iter().enumerate().filter(|(_, entry)| is_frontier(entry)).unzip();
        let (said, mut arrivals) = self.rule(cx, &frontiers, &asked_for).await?;
        for (place, verdict) in places.into_iter().zip(said) {
            if let Some(slot) = verdicts.get_mut(place) {
                *slot = verdict;
            }
        }
        let is_stored = |verdict: &Verdict| matches!(verdict, Verdict::Admit | Verdict::Mark(_));
        let is_new =
            |(verdict, held): (&Verdict, &Option<Facts>)| is_stored(verdict) && held.is_none();
        // Chains lead through control entries too.
        for ((entry, verdict), held) in entries.iter().zip(&verdicts).zip(&held) {
            if is_new((verdict, held)) && !is_frontier(entry) {
                let (subject, previous) = (subject_of(entry), entry.header().previous);
                let reserved = Totals::default();
                let arrival =
                    Arrival { subject, previous, reserved, is_open: false, is_kept: false };
                arrivals.push(arrival);
            }
        }
        if verdicts.iter().zip(&held).any(is_new) {
            // The store has to be told by which control entries its marks are made, whatever changed.
            self.state_mut().pending.get_or_insert_default();
        }
        Ok(Ruling { verdicts, permit: Some(Box::new(self.start(arrivals, guard))) })
    }

    /// Takes the control entries of a batch in as far as their authors are known, and says what becomes of each.
    fn take_in(
        &self,
        entries: &[Verified],
        held: &[Option<Facts>],
        asked_for: &HashSet<EntryId>,
        verdicts: &mut [Verdict],
    ) {
        let mut state = self.state_mut();
        let mut seen = HashSet::new();
        let mut fresh: Vec<VerifiedEntry> = Vec::new();
        for entry in entries {
            if let Verified::Entry(entry) = entry
                && entry.header().kind != Kind::FRONTIER
                && state.directory.verdict(&entry.id()).is_none()
                && seen.insert(entry.id())
            {
                fresh.push(entry.clone());
            }
        }
        let refused = take_all(&mut state, &self.settings, fresh, asked_for);
        for ((entry, held), verdict) in entries.iter().zip(held).zip(verdicts) {
            let id = entry.id();
            if entry.header().kind == Kind::FRONTIER {
                continue;
            }
            *verdict = match (state.directory.verdict(&id), refused.get(&id)) {
                (Some(_), _) => said(state.control_mark(&id)),
                (None, Some(code)) => refuse(code),
                // A header alone says nothing of what it does; a store that has it already keeps it.
                (None, None) if held.is_some() => said(state.control_mark(&id)),
                (None, None) => Verdict::Pending,
            };
        }
    }

    /// A frontier is a control entry: what is known of its author is held everywhere, counting or not (ADM-6), as far as
    /// there is room.
    pub(crate) fn frontier_verdict(
        &self,
        entry: &Verified,
        word: &Word,
        batch: &mut Frontiers<'_>,
    ) -> Verdict {
        let author = &entry.header().author;
        let state = self.state();
        let State { directory, controls, .. } = &*state;
        if *word == Word::Stranger && !controls.knows(author) {
            return refuse(codes::STRANGER);
        }
        if *word != Word::Counts && !batch.asked_for.contains(&entry.id()) {
            let wanted = Totals { entries: 1, bytes: size_of(entry.verified_header()) };
            let expected = &batch.expected;
            if !controls.has_room(directory, &self.settings, expected, author, wanted) {
                return refuse(codes::CONTROL);
            }
            batch.expected.add(author, wanted.bytes);
        }
        said(word.mark())
    }

    /// Those control entries of a batch that lie in a chain for which a walk waits, of authors for whose entries there may be
    /// no room: without them what comes before in the chain would be open for ever (ADM-9).
    async fn asked_for_by_chains(
        &self,
        cx: &Context,
        entries: &[Verified],
    ) -> Result<HashSet<EntryId>> {
        let mut given: HashMap<AuthorKey, Vec<&Verified>> = HashMap::new();
        for entry in entries {
            given.entry(entry.header().author).or_default().push(entry);
        }
        {
            let state = self.state();
            let expected = Expected::default();
            given.retain(|author, entries| {
                let sizes = entries.iter().map(|entry| size_of(entry.verified_header()));
                let wanted = sizes.fold(Totals::default(), |sum, size| sum.with(1, size));
                let State { directory, controls, .. } = &*state;
                !controls.has_room(directory, &self.settings, &expected, author, wanted)
            });
        }
        let mut asked_for = HashSet::new();
        let mut chains = self.chains().await;
        for (author, entries) in given {
            for frontier in entries.iter().filter(|e| e.header().kind == Kind::FRONTIER) {
                // Its own place may be open, for a header that nothing else waits for, or for its own.
                self.word(cx, &mut chains, &subject_of(frontier)).await?;
            }
            let by_id: HashMap<EntryId, &Verified> =
                entries.iter().map(|entry| (entry.id(), *entry)).collect();
            let waited = by_id.keys().copied().filter(|id| chains.is_waited_for(id));
            let (mut open, ends): (Vec<EntryId>, Vec<EntryId>) =
                waited.partition(|id| chains.waits_for(&author, id));
            // Somebody else's chain ends there.
            asked_for.extend(ends);
            let least = entries.iter().map(|entry| entry.header().sequence).min().unwrap_or(0);
            let mut looked_up = 0;
            while let Some(id) = open.pop() {
                if let Some(entry) = by_id.get(&id) {
                    let size = size_of(entry.verified_header());
                    if !asked_for.contains(&id) && chains.take_asked_for(&author, size) {
                        asked_for.insert(id);
                        open.push(entry.header().previous);
                    }
                    continue;
                }
                // What lies further back is asked for once the walk has come there.
                if looked_up < MOST_LOOKED_UP {
                    looked_up += 1;
                    open.extend(self.before(cx, &author, &id, least).await?);
                }
            }
        }
        Ok(asked_for)
    }

    /// What an author's entry names as previous, if it is held or kept and comes after the least sequence.
    async fn before(
        &self,
        cx: &Context,
        author: &AuthorKey,
        id: &EntryId,
        least: u64,
    ) -> Result<Option<EntryId>> {
        let found = match self.engine.facts(cx, &[*id]).await?.into_iter().next().flatten() {
            Some(facts) => Some((facts.author, facts.sequence, facts.previous)),
            None => self.kept_entries(cx, &[*id]).await?.first().map(|kept| {
                let header = kept.entry.header();
                (header.author, header.sequence, header.previous)
            }),
        };
        let found = found.filter(|(by, sequence, _)| by == author && *sequence > least);
        Ok(found.map(|(_, _, previous)| previous))
    }

    /// Looks up how long the frontiers are that do not count, where that is not known.
    async fn measure_frontiers(&self, cx: &Context) -> Result<()> {
        let ids = self.state().controls.unmeasured();
        let mut ids = ids.as_slice();
        while !ids.is_empty() {
            let part = ids.get(..MAX_IDS_PER_REQUEST).unwrap_or(ids);
            let request = GetRequest { ids: part.to_vec(), max_bytes: MAX_PAGE_BYTES };
            let items = self.engine.get(cx, request).await?;
            let (now, later) = ids.split_at(items.len().clamp(1, ids.len()));
            let mut state = self.state_mut();
            for (id, item) in now.iter().zip(&items) {
                let size = match item {
                    GetItem::Entry(entry) => size_of(entry.verified_header()),
                    GetItem::Header(header, _) => size_of(header),
                    GetItem::Absent | GetItem::Corrupt | GetItem::Unavailable => 0,
                };
                state.controls.measured(id, size);
            }
            ids = later;
        }
        Ok(())
    }
}

/// Takes control entries into the directory, round after round: what one says may be why another is taken. Gives the codes
/// of those that are not.
fn take_all(
    state: &mut State,
    settings: &AdmissionSettings,
    mut left: Vec<VerifiedEntry>,
    asked_for: &HashSet<EntryId>,
) -> HashMap<EntryId, &'static str> {
    loop {
        let takes = state.controls.takes(&state.directory, settings, &left, asked_for);
        if !takes.contains(&Take::In) {
            let code = |take| match take {
                Take::In | Take::Full => codes::CONTROL,
                Take::Stranger => codes::STRANGER,
            };
            return left.iter().map(VerifiedEntry::id).zip(takes.into_iter().map(code)).collect();
        }
        let (taken, others): (Vec<_>, Vec<_>) =
            left.into_iter().zip(takes).partition(|(_, take)| *take == Take::In);
        let taken: Vec<VerifiedEntry> = taken.into_iter().map(|(entry, _)| entry).collect();
        left = others.into_iter().map(|(entry, _)| entry).collect();
        let change = state.take_in(&taken);
        state.pending.get_or_insert_default().merge(taken, change);
    }
}
