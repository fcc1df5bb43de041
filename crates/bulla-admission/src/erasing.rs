//! Carrying erasures out, and taking them back (ADM-13 to ADM-15).
//!
//! An erasure that counts now and did not, or the other way round, is owed: the entries it lists, one pass through the chain
//! of each author it names, whatever the number of ranges, and one through the quarantine. That is done in parts, and between
//! two of them other entries come in. Each part looks at what became of payloads and changes only what is not as the
//! directory has it; so what was done is seen in the store, and nothing is done twice, after a restart neither.

use std::collections::{BTreeMap, HashMap};

use bulla_core::control::{Control, Erase};
use bulla_core::values::{GetItem, PayloadState};
use bulla_core::{AuthorKey, EntryId};
use bulla_directory::Erasable;
use bulla_store::{Context, Erasure, Facts, Judgement, KeptFacts, Place, Result, StoreExt as _};

use crate::admission::DirectoryAdmission;
use crate::quota::Totals;
use crate::state::State;

/// Entries that one part looks at.
const PART: usize = 1_024;
/// Erasures that one part gives to the engine, a commit each.
const PART_COMMITS: usize = 64;
/// Parts that are done at once with the control entries that they follow from: for most erasures all of them.
const PARTS_AT_ONCE: usize = 4;

/// What erasures leave to be done.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// Erasures whose lists of ids are not done.
    lists: BTreeMap<EntryId, List>,
    /// Chains that erasures name.
    chains: BTreeMap<AuthorKey, Chain>,
    /// The quarantine, and after which id.
    kept: Option<Option<EntryId>>,
    /// The store was not told yet that its marks and erasures are those of its control entries (MARK-6).
    is_unsaid: bool,
    /// Payloads were dropped, perhaps, whose bytes are counted still.
    is_miscounted: bool,
}

#[derive(Debug, Clone, Copy)]
struct List {
    /// How many of its ids are done.
    done: usize,
    reach: Reach,
}

#[derive(Debug, Clone, Copy, Default)]
struct Chain {
    /// How far it is done.
    after: Place,
    /// The last sequence that an erasure names.
    upto: u64,
}

/// Whose entries an erasure may concern.
#[derive(Debug, Clone, Copy)]
enum Reach {
    Everybody,
    Own(AuthorKey),
}

impl Reach {
    fn reaches(self, author: &AuthorKey) -> bool {
        match self {
            Self::Everybody => true,
            Self::Own(own) => own == *author,
        }
    }
}

/// A part of what is owed.
enum Part {
    List(EntryId, List),
    Chain(AuthorKey, Chain),
    Kept(Option<EntryId>),
    Say,
}

impl Owed {
    /// Whether anything is left to do.
    pub(crate) fn is_any(&self) -> bool {
        self.is_unsaid || !self.is_carried_out()
    }

    /// Whether all payloads are as they should be.
    fn is_carried_out(&self) -> bool {
        self.lists.is_empty() && self.chains.is_empty() && self.kept.is_none()
    }

    fn owe(&mut self, id: EntryId, erase: &Erase, reach: Reach) {
        if !erase.ids.is_empty() {
            self.lists.insert(id, List { done: 0, reach });
        }
        for range in erase.ranges.iter().filter(|range| reach.reaches(&range.author)) {
            let chain = self.chains.entry(range.author).or_default();
            *chain = Chain { after: Place::default(), upto: chain.upto.max(range.sequence) };
        }
        // What is in quarantine is gone through once more, whatever was done of it.
        (self.kept, self.is_unsaid) = (Some(None), true);
    }

    fn next(&self) -> Option<Part> {
        if let Some((id, list)) = self.lists.first_key_value() {
            Some(Part::List(*id, *list))
        } else if let Some((author, chain)) = self.chains.first_key_value() {
            Some(Part::Chain(*author, *chain))
        } else if let Some(after) = self.kept {
            Some(Part::Kept(after))
        } else {
            self.is_unsaid.then_some(Part::Say)
        }
    }
}

impl DirectoryAdmission {
    /// Finds what is owed since the directory changed. The gate is held.
    pub(crate) async fn owe_erasures(&self, cx: &Context) -> Result<()> {
        let changed: Vec<(EntryId, Option<bool>, Option<bool>)> = {
            let state = self.state();
            let standing = |id: &EntryId| {
                let was = state.carried_out.get(id).copied().flatten();
                (*id, was, state.directory.erasure_is_by_admin(id))
            };
            let erasures = state.controls.erasures().iter().map(standing);
            erasures.filter(|(_, was, now)| was != now).collect()
        };
        for (id, was, now) in changed {
            if let GetItem::Entry(entry) = self.engine.get_one(cx, id).await?
                && let Some(Control::Erase(erase)) = entry.control()
            {
                let reach = match [was, now].contains(&Some(true)) {
                    true => Reach::Everybody,
                    false => Reach::Own(entry.header().author),
                };
                self.owed().owe(id, &erase, reach);
            }
            // From here on it is owed.
            self.state_mut().carried_out.insert(id, now);
        }
        Ok(())
    }

    /// Everything that is held was gone through, and all erasures carried out. The gate is held.
    pub(crate) async fn owe_nothing(&self, cx: &Context) -> Result<()> {
        let mut after = None;
        while let Some(last) = self.erase_kept(cx, after).await? {
            after = Some(last);
        }
        let mut state = self.state_mut();
        let State { directory, controls, carried_out, .. } = &mut *state;
        let now = |id: &EntryId| (*id, directory.erasure_is_by_admin(id));
        *carried_out = controls.erasures().iter().map(now).collect();
        *self.owed() = Owed { is_unsaid: true, ..Owed::default() };
        Ok(())
    }

    /// Does the first parts of what is owed. The gate is held.
    pub(crate) async fn begin_erasing(&self, cx: &Context) -> Result<()> {
        for _ in 0..PARTS_AT_ONCE {
            if self.owed().is_carried_out() {
                return Ok(());
            }
            self.do_part(cx).await?;
        }
        Ok(())
    }

    /// Whether the store may be told that everything follows from its control entries.
    pub(crate) fn is_carried_out(&self) -> bool {
        self.owed().is_carried_out()
    }

    /// The store was told so.
    pub(crate) fn note_said(&self) {
        self.owed().is_unsaid = false;
    }

    /// Does all that is owed, a part at a time. The gate is free in between.
    pub(crate) async fn finish_erasing(&self, cx: &Context) -> Result<()> {
        if !self.owed().is_any() {
            return Ok(());
        }
        let _turn = self.erasing.lock().await;
        while self.owed().is_any() {
            let _guard = self.exclusive(cx).await?;
            self.do_part(cx).await?;
        }
        Ok(())
    }

    /// Does a part of what is owed, unless somebody is at it: the call that it followed from may have been dropped.
    pub(crate) async fn go_on_erasing(&self, cx: &Context) -> Result<()> {
        if self.owed().is_any()
            && let Ok(_turn) = self.erasing.try_lock()
        {
            let _guard = self.exclusive(cx).await?;
            self.do_part(cx).await?;
        }
        Ok(())
    }

    /// Does one part. What is dropped or fails here is done again. The gate is held.
    async fn do_part(&self, cx: &Context) -> Result<()> {
        if self.owed().is_miscounted {
            self.count_usage(cx).await?;
            self.owed().is_miscounted = false;
        }
        let part = self.owed().next();
        match part {
            None => {}
            Some(Part::List(id, list)) => {
                let list = self.erase_listed(cx, id, list).await?;
                let mut owed = self.owed();
                match list {
                    Some(list) => _ = owed.lists.insert(id, list),
                    None => _ = owed.lists.remove(&id),
                }
            }
            Some(Part::Chain(author, chain)) => {
                let chain = self.erase_chain(cx, author, chain).await?;
                let mut owed = self.owed();
                match chain {
                    Some(chain) => _ = owed.chains.insert(author, chain),
                    None => _ = owed.chains.remove(&author),
                }
            }
            Some(Part::Kept(after)) => {
                let after = self.erase_kept(cx, after).await?;
                self.owed().kept = after.map(Some);
            }
            Some(Part::Say) => {
                let by = Some(self.engine.head(cx).await?.control.digest);
                self.engine.mark(cx, Judgement { marks: Vec::new(), by }).await?;
                self.note_said();
            }
        }
        Ok(())
    }

    /// A part of an erasure's list; what is left of it.
    async fn erase_listed(&self, cx: &Context, id: EntryId, list: List) -> Result<Option<List>> {
        let GetItem::Entry(entry) = self.engine.get_one(cx, id).await? else { return Ok(None) };
        let Some(Control::Erase(erase)) = entry.control() else { return Ok(None) };
        let rest = erase.ids.get(list.done..).unwrap_or_default();
        let ids = rest.get(..PART).unwrap_or(rest);
        let facts = self.engine.facts(cx, ids).await?;
        let (places, named): (Vec<usize>, Vec<Facts>) = facts
            .into_iter()
            .enumerate()
            .filter_map(|(at, facts)| Some((at, facts?)))
            .filter(|(_, facts)| list.reach.reaches(&facts.author))
            .unzip();
        let done = self.bring_in_step(cx, &named).await?;
        let done = list.done.saturating_add(places.get(done).copied().unwrap_or(ids.len()));
        Ok((done < erase.ids.len()).then_some(List { done, ..list }))
    }

    /// A part of a chain; what is left of it.
    async fn erase_chain(
        &self,
        cx: &Context,
        author: AuthorKey,
        chain: Chain,
    ) -> Result<Option<Chain>> {
        let page = self.engine.authored(cx, author, chain.after, PART).await?;
        let named = page.facts.partition_point(|facts| facts.sequence <= chain.upto);
        let named = page.facts.get(..named).unwrap_or_default();
        let done = self.bring_in_step(cx, named).await?;
        let is_end = done == page.facts.len() && page.end
            || done == named.len() && named.len() < page.facts.len();
        let last = done.checked_sub(1).and_then(|last| named.get(last));
        Ok(last.filter(|_| !is_end).map(|last| Chain { after: last.place(), ..chain }))
    }

    /// Drops the payloads of a page of what is in quarantine and erased; the last id, unless it was the last page.
    async fn erase_kept(&self, cx: &Context, after: Option<EntryId>) -> Result<Option<EntryId>> {
        let page = self.engine.kept(cx, after, PART).await?;
        let ids: Vec<EntryId> = {
            let state = self.state();
            let is_erased = |facts: &&KeptFacts| {
                let KeptFacts { id, author, sequence, kind, topic, .. } = **facts;
                let entry = Erasable { id, author, sequence, kind, topic };
                facts.has_payload && state.directory.erased(&entry).is_some()
            };
            page.facts.iter().filter(is_erased).map(|facts| facts.id).collect()
        };
        if !ids.is_empty() {
            self.engine.drop_payloads(cx, &ids).await?;
        }
        Ok(page.facts.last().filter(|_| !page.end).map(|facts| facts.id))
    }

    /// Brings the payloads of these in step with the erasures that count; of how many, from the first on. The gate is held.
    pub(crate) async fn bring_in_step(&self, cx: &Context, facts: &[Facts]) -> Result<usize> {
        let mut step = Step::default();
        let count = {
            let state = self.state();
            facts.iter().take_while(|facts| step.add(&state, facts)).count()
        };
        if !step.restored.is_empty() {
            self.engine.restore(cx, &step.restored).await?;
        }
        if !step.erased.is_empty() {
            // If this is dropped or fails, nobody knows what went.
            self.owed().is_miscounted = true;
            for (by, ids) in step.erased {
                self.engine.erase(cx, Erasure { by, is_prune: false, ids }).await?;
            }
            let mut usage = self.usage_now();
            for (author, bytes) in step.freed {
                usage.remove(&author, Totals { entries: 0, bytes });
            }
            drop(usage);
            self.owed().is_miscounted = false;
        }
        Ok(count)
    }
}

/// What is to be changed of some entries.
#[derive(Default)]
struct Step {
    restored: Vec<EntryId>,
    erased: BTreeMap<EntryId, Vec<EntryId>>,
    /// Bytes of payloads that go, by author.
    freed: HashMap<AuthorKey, u64>,
}

impl Step {
    /// Adds an entry, unless that would take too many commits.
    fn add(&mut self, state: &State, facts: &Facts) -> bool {
        let Facts { id, author, sequence, kind, topic, .. } = *facts;
        if kind.is_control() {
            return true;
        }
        let by = state.directory.erased(&Erasable { id, author, sequence, kind, topic });
        let is_restored = match (facts.payload, by) {
            // The first that counts stands (ERA-4).
            (PayloadState::Erased(of), Some(_)) => !still_covers(state, &of, &author),
            (PayloadState::Erased(_), None) => true,
            // What was pruned was so for another reason; it is not in the way of an erasure.
            (PayloadState::Present | PayloadState::Missing | PayloadState::Pruned(_), _) => false,
        };
        let is_erased = is_restored || !matches!(facts.payload, PayloadState::Erased(_));
        if let Some(by) = by.filter(|_| is_erased) {
            if self.erased.len() >= PART_COMMITS && !self.erased.contains_key(&by) {
                return false;
            }
            self.erased.entry(by).or_default().push(id);
            if facts.payload == PayloadState::Present {
                *self.freed.entry(author).or_default() += u64::from(facts.payload_length);
            }
        }
        if is_restored {
            self.restored.push(id);
        }
        true
    }
}

/// Whether an erasure that covered an entry of this author does so still.
fn still_covers(state: &State, erasure: &EntryId, author: &AuthorKey) -> bool {
    match state.directory.erasure_is_by_admin(erasure) {
        Some(true) => true,
        Some(false) => state.controls.author_of(erasure) == Some(*author),
        None => false,
    }
}
