//! Where entries of devices that lost rights lie in their chains (ADM-9).
//!
//! A chain is walked back from each cut once, and remembered as far as it was walked: a page of headers at a time where it is
//! long. What cannot be decided waits for one header per branch, and is judged again when that comes.

use std::collections::{BTreeMap, HashMap, HashSet};

use bulla_core::{AuthorKey, EntryId, Header, KeyId, Kind};
use bulla_directory::{CutWalk, Limits, Link, Outcome, Verdict};
use bulla_store::{Context, Facts, Place, Result};

use crate::admission::Engine;
use crate::state::{Subject, Word};

/// Headers read at once when a chain is walked back.
const PAGE: usize = 1_024;

/// The chains of devices of which something was cut.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    authors: HashMap<AuthorKey, Chain>,
    /// Headers that all walks were told of.
    told: usize,
    most: usize,
}

#[derive(Debug, Default)]
struct Chain {
    walks: Vec<(Limits, CutWalk)>,
    /// Headers that walks asked for and that were not held.
    waiting: HashSet<EntryId>,
    /// Entries whose place is open, and by which terms they are judged.
    open: BTreeMap<(u64, EntryId), (KeyId, Kind)>,
    /// The pages of this author hold more branches than help: headers are looked up one by one.
    is_forked: bool,
}

impl Chains {
    pub(crate) fn new(most: usize) -> Self {
        Self { authors: HashMap::new(), told: 0, most }
    }

    /// Whether an entry of the author counts by these limits.
    pub(crate) async fn judge(
        &mut self,
        cx: &Context,
        engine: &dyn Engine,
        limits: &Limits,
        subject: &Subject,
    ) -> Result<Word> {
        let chain = self.authors.entry(subject.author).or_default();
        let before = chain.told();
        let outcome = chain.judge(cx, engine, limits, subject).await;
        self.told = self.told.saturating_sub(before).saturating_add(chain.told());
        if self.told > self.most {
            self.shrink(&subject.author);
        }
        outcome
    }

    /// Forgets what other chains were told, so that memory is bounded by the longest.
    fn shrink(&mut self, but: &AuthorKey) {
        for (author, chain) in &mut self.authors {
            if author != but {
                chain.walks.clear();
            }
        }
        self.told = self.authors.values().map(Chain::told).sum();
    }

    /// Tells of a header that is held now; whether something waited for it.
    pub(crate) fn tell(&mut self, id: &EntryId, link: Link) -> bool {
        let Some(chain) = self.authors.get_mut(&link.author) else { return false };
        let before = chain.told();
        for (_, walk) in &mut chain.walks {
            walk.tell(*id, Some(link));
        }
        self.told = self.told.saturating_sub(before).saturating_add(chain.told());
        chain.waiting.remove(id)
    }

    /// Notes an entry whose place is open.
    pub(crate) fn note(&mut self, subject: &Subject) {
        let chain = self.authors.entry(subject.author).or_default();
        chain.open.insert((subject.sequence, subject.id), (subject.key_id, subject.kind));
    }

    /// How many entries of an author with this sequence are open, this one left out.
    pub(crate) fn branches(&self, subject: &Subject) -> usize {
        let Some(chain) = self.authors.get(&subject.author) else { return 0 };
        let all = (subject.sequence, EntryId([0; 32]))..=(subject.sequence, EntryId([0xff; 32]));
        chain.open.range(all).filter(|((_, id), _)| *id != subject.id).count()
    }

    /// The author's open entry that comes last before a place in the chain, or last of all.
    pub(crate) fn open_before(
        &self,
        author: &AuthorKey,
        before: Option<(u64, EntryId)>,
    ) -> Option<Subject> {
        let chain = self.authors.get(author)?;
        let found = match before {
            Some(before) => chain.open.range(..before).next_back(),
            None => chain.open.last_key_value(),
        };
        let ((sequence, id), (key_id, kind)) = found?;
        Some(Subject {
            id: *id,
            author: *author,
            sequence: *sequence,
            kind: *kind,
            key_id: *key_id,
        })
    }

    /// On how many headers the author's open entries wait.
    pub(crate) fn waits(&self, author: &AuthorKey) -> usize {
        self.authors.get(author).map_or(0, |chain| chain.waiting.len())
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
        if let Some(chain) = self.authors.remove(author) {
            self.told = self.told.saturating_sub(chain.told());
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        (self.authors, self.told) = (HashMap::new(), 0);
    }
}

impl Chain {
    fn told(&self) -> usize {
        self.walks.iter().map(|(_, walk)| walk.told()).sum()
    }

    async fn judge(
        &mut self,
        cx: &Context,
        engine: &dyn Engine,
        limits: &Limits,
        subject: &Subject,
    ) -> Result<Word> {
        let Self { walks, waiting, is_forked, .. } = self;
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
            let Some(facts) = engine.facts(cx, &[header]).await?.into_iter().next().flatten()
            else {
                // What is refused is not held, and its header says all the same what comes before it (ADM-9).
                let kept =
                    engine.kept_entries(cx, &[header], 0).await?.into_iter().next().flatten();
                let link = kept.map(|kept| {
                    let Header { author, sequence, previous, .. } = *kept.entry.header();
                    Link { author, sequence, previous }
                });
                if link.is_none() {
                    waiting.insert(header);
                }
                walk.tell(header, link);
                continue;
            };
            walk.tell(header, Some(link(&facts)));
            if facts.author == subject.author && facts.sequence > subject.sequence && !*is_forked {
                *is_forked = !read_back(cx, engine, walk, &facts).await?;
            }
        }
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
