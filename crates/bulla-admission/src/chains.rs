//! Where entries of devices that lost rights lie in their chains (ADM-9).
//!
//! A chain is walked back from each cut once, and remembered as far as it was walked: a page of headers at a time where it is
//! long. What cannot be decided waits for one header per branch. When that comes the branch is followed as far as it goes
//! then, and those entries are judged again that lie on the part that is new; so each is judged once for each branch, however
//! many headers come one by one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::{Bound, RangeInclusive};

use bulla_core::{AuthorKey, EntryId, Header, KeyId, Kind};
use bulla_directory::{CutWalk, Limits, Link, Outcome, Reach, Verdict};
use bulla_store::{Context, Facts, Place, Result};

use crate::admission::Engine;
use crate::flights::Arrival;
use crate::quota::Totals;
use crate::settings::AdmissionSettings;
use crate::state::{Subject, Word};

/// Headers read at once when a chain is walked back, and open entries judged at once.
const PAGE: usize = 1_024;

/// The chains of devices of which something was cut.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    authors: HashMap<AuthorKey, Chain>,
    /// Headers that were asked for and not held, and whose chains lead there: not always those of their authors.
    waiting: HashMap<EntryId, BTreeSet<AuthorKey>>,
    /// Entries in quarantine that chains lead over, to be stored.
    kept: BTreeSet<EntryId>,
    /// Whose chain is walked just now. What its walks learnt is noted when they end, or later if they are dropped.
    walking: Option<AuthorKey>,
    /// Open entries that were noted and may yet be refused.
    tentative: Vec<Subject>,
    /// Headers that all walks were told of.
    told: usize,
    /// What was stored of each author only because a chain asked for it.
    asked_for: HashMap<AuthorKey, Totals>,
    settings: AdmissionSettings,
    /// How often an entry was judged by its place.
    judged: u64,
}

#[derive(Debug, Default)]
struct Chain {
    walks: Vec<(Limits, CutWalk)>,
    look_up: LookUp,
    /// Headers that its walks were told of, as far as they are part of the sum.
    counted: usize,
    /// Headers that were asked for and not held.
    waiting: HashSet<EntryId>,
    /// Entries whose place is open, and by which terms they are judged.
    open: BTreeMap<(u64, EntryId), (KeyId, Kind)>,
}

/// How walks of an author get the headers that they ask for.
#[derive(Debug, Default)]
struct LookUp {
    /// The pages of this author hold more branches than help: headers are looked up one by one.
    is_forked: bool,
    /// No more may be stored because a chain asks for it: what is in quarantine leads nowhere, as at other replicas.
    is_full: bool,
    found: Found,
}

/// What look-ups found besides what is held.
#[derive(Debug, Default)]
struct Found {
    /// Not here at all.
    absent: Vec<EntryId>,
    /// In quarantine.
    kept: Vec<EntryId>,
}

/// What waited for a header of an author that has come.
#[derive(Debug)]
pub(crate) struct Waited {
    pub(crate) author: AuthorKey,
    /// By limits and cut, the branches that ended at it, and from which sequence on they decided.
    branches: Vec<(Limits, EntryId, u64)>,
}

/// Every sequence.
pub(crate) const ALL: RangeInclusive<u64> = 0..=u64::MAX;

impl Chains {
    pub(crate) fn new(settings: AdmissionSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Whether an entry of the author counts by these limits.
    pub(crate) async fn judge(
        &mut self,
        cx: &Context,
        engine: &dyn Engine,
        limits: &Limits,
        subject: &Subject,
    ) -> Result<Word> {
        self.judged = self.judged.saturating_add(1);
        self.walking = Some(subject.author);
        let chain = self.authors.entry(subject.author).or_default();
        let outcome = chain.judge(cx, engine, limits, subject).await;
        self.take_note();
        outcome
    }

    /// Brings to its end what whoever had this before left when it was dropped.
    pub(crate) fn settle(&mut self) {
        self.take_note();
        for subject in std::mem::take(&mut self.tentative) {
            self.close(&subject);
        }
    }

    /// Takes note of what the walks learnt that went on last.
    fn take_note(&mut self) {
        let Some(author) = self.walking.take() else { return };
        let Some(chain) = self.authors.get_mut(&author) else { return };
        let Found { absent, kept } = std::mem::take(&mut chain.look_up.found);
        for id in absent {
            chain.waiting.insert(id);
            self.waiting.entry(id).or_default().insert(author);
        }
        self.kept.extend(kept);
        self.told = chain.count_again(self.told);
        if self.told > self.settings.links {
            self.shrink(&author);
        }
    }

    /// Forgets what other chains were told, so that memory is bounded by the longest.
    fn shrink(&mut self, but: &AuthorKey) {
        for (author, chain) in &mut self.authors {
            if author != but {
                chain.walks.clear();
                self.told = chain.count_again(self.told);
            }
        }
    }

    /// Tells of a header that is held now, or in quarantine; what waits for it, until that is [`heard`](Self::heard).
    pub(crate) fn tell(&mut self, id: &EntryId, link: Link, is_kept: bool) -> Vec<Waited> {
        let waiting = self.waiting.get(id).cloned().unwrap_or_default();
        if is_kept {
            if waiting.is_empty() {
                // Walks that come to it look it up: it is to be stored then.
                return Vec::new();
            }
            self.kept.insert(*id);
        }
        // Nobody else's walk comes to it but by asking.
        let own = (!waiting.contains(&link.author)).then_some(link.author);
        let mut waited = Vec::new();
        for author in waiting.into_iter().chain(own) {
            let Some(chain) = self.authors.get_mut(&author) else { continue };
            let mut branches = Vec::new();
            for (limits, walk) in &mut chain.walks {
                branches
                    .extend(walk.waiting_for(id).map(|(cut, from)| (limits.clone(), cut, from)));
                walk.tell(*id, Some(link));
            }
            self.told = chain.count_again(self.told);
            if chain.waiting.contains(id) {
                waited.push(Waited { author, branches });
            }
        }
        waited
    }

    /// All that waited for this header was decided, as far as it can be.
    pub(crate) fn heard(&mut self, id: &EntryId) {
        for author in self.waiting.remove(id).unwrap_or_default() {
            if let Some(chain) = self.authors.get_mut(&author) {
                chain.waiting.remove(id);
            }
        }
    }

    /// Follows the branches that waited for a header; gives the sequences that may be decided by now and were not before.
    pub(crate) async fn follow(
        &mut self,
        cx: &Context,
        engine: &dyn Engine,
        waited: &Waited,
    ) -> Result<RangeInclusive<u64>> {
        self.walking = Some(waited.author);
        let Some(chain) = self.authors.get_mut(&waited.author) else { return Ok(ALL) };
        let range = chain.follow(cx, engine, waited).await;
        self.take_note();
        range
    }

    /// Entries in quarantine that chains lead over and that are not stored yet.
    pub(crate) fn kept_on_chains(&self) -> Vec<EntryId> {
        self.kept.iter().copied().collect()
    }

    /// These are in quarantine no more.
    pub(crate) fn brought_out(&mut self, ids: &[EntryId]) {
        for id in ids {
            self.kept.remove(id);
        }
    }

    /// How often an entry was judged by its place in a chain since the admission was opened.
    pub(crate) const fn judged(&self) -> u64 {
        self.judged
    }

    /// Whether the author's open entries wait for this header.
    pub(crate) fn waits_for(&self, author: &AuthorKey, id: &EntryId) -> bool {
        self.authors.get(author).is_some_and(|chain| chain.waiting.contains(id))
    }

    /// Whether anybody's open entries wait for this header.
    pub(crate) fn is_waited_for(&self, id: &EntryId) -> bool {
        self.waiting.contains_key(id)
    }

    /// Whether one more entry of an author may be stored only because a chain asks for it: who may sign a chain of any length
    /// fills no store with it (ADM-9).
    pub(crate) fn take_asked_for(&mut self, author: &AuthorKey, bytes: u64) -> bool {
        let taken = self.asked_for.entry(*author).or_default();
        let with = taken.with(1, bytes);
        let AdmissionSettings { author_asked_for, author_asked_for_bytes, .. } = self.settings;
        let has_room = with.entries <= author_asked_for && with.bytes <= author_asked_for_bytes;
        if has_room {
            *taken = with;
        } else if let Some(chain) = self.authors.get_mut(author) {
            chain.look_up.is_full = true;
        }
        has_room
    }

    /// The lowest sequence of the author's open entries; `None` if nothing is open.
    pub(crate) fn lowest_open(&self, author: &AuthorKey) -> Option<u64> {
        let open = &self.authors.get(author)?.open;
        open.first_key_value().map(|((sequence, _), _)| *sequence)
    }

    /// Notes an entry whose place is open; whether it was not noted before.
    pub(crate) fn note(&mut self, subject: &Subject) -> bool {
        let chain = self.authors.entry(subject.author).or_default();
        let terms = (subject.key_id, subject.kind);
        chain.open.insert((subject.sequence, subject.id), terms).is_none()
    }

    /// Notes one that may yet be refused; it is closed if nothing comes of it, until [`confirm`](Self::confirm).
    pub(crate) fn note_for_now(&mut self, subject: &Subject) {
        if self.note(subject) {
            self.tentative.push(*subject);
        }
    }

    /// Of what was noted for now, these are on their way into the store; all others are not.
    pub(crate) fn confirm(&mut self, arrivals: &[Arrival]) {
        let on_their_way: HashSet<EntryId> =
            arrivals.iter().filter(|arrival| arrival.is_open).map(|a| a.subject.id).collect();
        self.tentative.retain(|subject| !on_their_way.contains(&subject.id));
        self.settle();
    }

    /// How many entries of an author with this sequence are open, this one left out.
    pub(crate) fn branches(&self, subject: &Subject) -> usize {
        let Some(chain) = self.authors.get(&subject.author) else { return 0 };
        let all = (subject.sequence, EntryId([0; 32]))..=(subject.sequence, EntryId([0xff; 32]));
        chain.open.range(all).filter(|((_, id), _)| *id != subject.id).count()
    }

    /// The author's open entries with these sequences, from the end of the chain back, and before `last` if one is given; a
    /// part of them, or none if there are no more.
    pub(crate) fn open(
        &self,
        author: &AuthorKey,
        range: &RangeInclusive<u64>,
        last: Option<&Subject>,
    ) -> Vec<Subject> {
        let Some(chain) = self.authors.get(author) else { return Vec::new() };
        let first = (*range.start(), EntryId([0; 32]));
        let end = match last {
            Some(last) => Bound::Excluded((last.sequence, last.id)),
            None => Bound::Included((*range.end(), EntryId([0xff; 32]))),
        };
        // Bounds that cross would be a panic.
        if matches!(end, Bound::Included(end) | Bound::Excluded(end) if end <= first) {
            return Vec::new();
        }
        let all = (Bound::Included(first), end);
        let subject = |(&(sequence, id), &(key_id, kind)): (&(u64, EntryId), &(KeyId, Kind))| {
            Subject { id, author: *author, sequence, kind, key_id }
        };
        chain.open.range(all).rev().take(PAGE).map(subject).collect()
    }

    /// Whether nothing of an author is open or known of its chain.
    pub(crate) fn is_unknown(&self, author: &AuthorKey) -> bool {
        !self.authors.contains_key(author)
    }

    /// Whether the entry is still open.
    pub(crate) fn is_open(&self, subject: &Subject) -> bool {
        let chain = self.authors.get(&subject.author);
        chain.is_some_and(|chain| chain.open.contains_key(&(subject.sequence, subject.id)))
    }

    /// The place of an entry is open no more.
    pub(crate) fn close(&mut self, subject: &Subject) {
        if let Some(chain) = self.authors.get_mut(&subject.author) {
            chain.open.remove(&(subject.sequence, subject.id));
        }
    }

    /// Forgets an author: the rights of its entries are other ones now.
    pub(crate) fn forget(&mut self, author: &AuthorKey) {
        let Some(chain) = self.authors.remove(author) else { return };
        self.told = self.told.saturating_sub(chain.counted);
        for id in &chain.waiting {
            if let Some(authors) = self.waiting.get_mut(id) {
                authors.remove(author);
                if authors.is_empty() {
                    self.waiting.remove(id);
                }
            }
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            asked_for: std::mem::take(&mut self.asked_for),
            settings: self.settings,
            judged: self.judged,
            ..Self::default()
        };
    }
}

impl Chain {
    /// Brings a sum of all chains up to date with what the walks of this one were told.
    fn count_again(&mut self, sum: usize) -> usize {
        let told = self.walks.iter().map(|(_, walk)| walk.told()).sum();
        let before = std::mem::replace(&mut self.counted, told);
        sum.saturating_sub(before).saturating_add(told)
    }

    async fn judge(
        &mut self,
        cx: &Context,
        engine: &dyn Engine,
        limits: &Limits,
        subject: &Subject,
    ) -> Result<Word> {
        let Self { walks, look_up, .. } = self;
        let at = match walks.iter().position(|(known, _)| known == limits) {
            Some(at) => at,
            None => {
                walks.push((limits.clone(), CutWalk::new(subject.author, limits.clone())));
                walks.len().saturating_sub(1)
            }
        };
        let Some((_, walk)) = walks.get_mut(at) else { return Ok(Word::Open) };
        loop {
            let header = match walk.judge(subject.sequence, &subject.id) {
                Outcome::Decided(Verdict::Counts) => return Ok(Word::Counts),
                Outcome::Decided(Verdict::Refused(refusal)) => {
                    return Ok(Word::Refused(refusal.code()));
                }
                Outcome::Open => return Ok(Word::Open),
                Outcome::Needs(header) => header,
            };
            look_up.tell(cx, engine, walk, (&subject.author, subject.sequence), header).await?;
        }
    }

    /// Follows branches down to the first entry that is open; which sequences they decide now and did not before.
    async fn follow(
        &mut self,
        cx: &Context,
        engine: &dyn Engine,
        waited: &Waited,
    ) -> Result<RangeInclusive<u64>> {
        let Self { walks, look_up, open, .. } = self;
        let floor = open.first_key_value().map_or(u64::MAX, |((sequence, _), _)| *sequence);
        let (mut first, mut last) = (u64::MAX, 0);
        for (limits, cut, from) in &waited.branches {
            let walk = walks.iter_mut().find(|(known, _)| known == limits);
            // It was forgotten, for room, and begins anew.
            let Some((_, walk)) = walk else { return Ok(ALL) };
            let reached = loop {
                match walk.follow(cut, floor) {
                    Reach::Down(reached) => break reached,
                    Reach::Needs(header) => {
                        look_up.tell(cx, engine, walk, (&waited.author, floor), header).await?;
                    }
                }
            };
            (first, last) = (first.min(reached), last.max(*from));
        }
        // None is known that waited: it was forgotten too.
        Ok(if waited.branches.is_empty() { ALL } else { first..=last })
    }
}

impl LookUp {
    /// Looks a header up that a walk asks for on its way back to `sequence`, and tells it what was found.
    async fn tell(
        &mut self,
        cx: &Context,
        engine: &dyn Engine,
        walk: &mut CutWalk,
        (author, sequence): (&AuthorKey, u64),
        header: EntryId,
    ) -> Result<()> {
        let Some(facts) = engine.facts(cx, &[header]).await?.into_iter().next().flatten() else {
            // What is refused is not held, and its header says all the same what comes before it (ADM-9).
            let kept = engine.kept_entries(cx, &[header], 0).await?.into_iter().next().flatten();
            let link = kept.filter(|_| !self.is_full).map(|kept| {
                let Header { author, sequence, previous, .. } = *kept.entry.header();
                Link { author, sequence, previous }
            });
            match link {
                Some(_) => self.found.kept.push(header),
                None => self.found.absent.push(header),
            }
            walk.tell(header, link);
            return Ok(());
        };
        walk.tell(header, Some(link(&facts)));
        if facts.author == *author && facts.sequence > sequence && !self.is_forked {
            self.is_forked = !read_back(cx, engine, walk, &facts).await?;
        }
        Ok(())
    }
}

/// Tells a walk of a page of headers before this one; whether that helped.
async fn read_back(
    cx: &Context,
    engine: &dyn Engine,
    walk: &mut CutWalk,
    from: &Facts,
) -> Result<bool> {
    let pages = u64::try_from(PAGE).unwrap_or(u64::MAX);
    let start = Place::before(from.sequence.saturating_sub(pages));
    let page = engine.authored(cx, from.author, start, PAGE).await?;
    let is_there = page.facts.iter().any(|facts| facts.id == from.previous);
    let is_reached = page.end || page.facts.last().is_some_and(|f| f.sequence >= from.sequence);
    for facts in &page.facts {
        walk.tell(facts.id, Some(link(facts)));
    }
    Ok(is_there || is_reached)
}

fn link(facts: &Facts) -> Link {
    Link { author: facts.author, sequence: facts.sequence, previous: facts.previous }
}
