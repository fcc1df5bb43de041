//! What follows from control entries, and from headers that were waited for: everything that is held and concerned is judged
//! again (ADM-9 to ADM-11).

use std::collections::HashSet;
use std::ops::RangeInclusive;

use bulla_core::limits::{MAX_ENTRIES_PER_PUT, MAX_PAGE_BYTES};
use bulla_core::values::{PageLimit, ScanRequest, Want};
use bulla_core::{AuthorKey, EntryId, KeyId, Kind, SetDigest};
use bulla_store::{Context, Facts, Judgement, Mark, Place, Result};

use crate::admission::{DirectoryAdmission, Engine};
use crate::chains::{ALL, Chains};
use crate::flights::Arrival;
use crate::quota::Totals;
use crate::state::{Pending, Subject, Word};

/// New marks on their way into the engine, at most 4,096 at a time (MARK-5).
pub(crate) struct Marks<'a> {
    engine: &'a dyn Engine,
    marks: Vec<(EntryId, Mark)>,
}

impl<'a> Marks<'a> {
    pub(crate) const fn new(engine: &'a dyn Engine) -> Self {
        Self { engine, marks: Vec::new() }
    }

    pub(crate) async fn push(&mut self, cx: &Context, id: EntryId, mark: Mark) -> Result<()> {
        self.marks.push((id, mark));
        if self.marks.len() >= MAX_ENTRIES_PER_PUT {
            self.flush(cx, None).await?;
        }
        Ok(())
    }

    /// Writes what is left; with the last part of a judgement, what it was made from.
    pub(crate) async fn flush(&mut self, cx: &Context, by: Option<SetDigest>) -> Result<()> {
        if self.marks.is_empty() && by.is_none() {
            return Ok(());
        }
        let marks = std::mem::take(&mut self.marks);
        // What is not held yet is judged when it has arrived.
        self.engine.mark(cx, Judgement { marks, by }).await.map(drop)
    }
}

impl DirectoryAdmission {
    /// Does what follows from a change: marks, erasures, what is in quarantine; and last of all says by which control
    /// entries that was. It may stop anywhere and be done again. The gate is held.
    pub(crate) async fn carry_out(&self, cx: &Context, pending: &Pending) -> Result<()> {
        let change = &pending.change;
        let everything = pending.everything || change.policy;
        let mut marks = Marks::new(&*self.engine);
        let mut authors: HashSet<AuthorKey> = change.standings.iter().copied().collect();
        if everything {
            self.judge_everything(cx, &mut marks).await?;
        } else {
            for id in &change.verdicts {
                let mark = self.state().control_mark(id);
                marks.push(cx, *id, mark).await?;
            }
            let concerned: Vec<KeyId> = {
                let mut state = self.state_mut();
                let ids = change.key_ids.iter();
                ids.filter(|id| state.touches_groups(&[**id])).copied().collect()
            };
            authors.extend(self.users_of(cx, &concerned).await?);
            for author in &authors {
                self.judge_author(cx, author, &mut marks).await?;
            }
        }
        if everything {
            self.owe_nothing(cx).await?;
        } else if change.erasures {
            self.owe_erasures(cx).await?;
        }
        if everything || !authors.is_empty() {
            self.judge_kept(cx, (!everything).then_some(&authors), &mut marks).await?;
        }
        if everything {
            self.count_usage(cx).await?;
        } else {
            self.begin_erasing(cx).await?;
        }
        self.flush_last(cx, &mut marks).await?;
        if !change.members.is_empty() {
            let members = change.members.iter().map(AuthorKey::short).collect::<Vec<_>>();
            tracing::info!(space = %self.space().short(), ?members, "members of the space changed");
        }
        Ok(())
    }

    /// Writes the last part of a judgement; and, unless erasures are to be carried out still, that all of it was made from
    /// the control entries that are held. The gate is held.
    pub(crate) async fn flush_last(&self, cx: &Context, marks: &mut Marks<'_>) -> Result<()> {
        if !self.is_carried_out() {
            return marks.flush(cx, None).await;
        }
        let by = self.engine.head(cx).await?.control.digest;
        marks.flush(cx, Some(by)).await?;
        self.note_said();
        Ok(())
    }

    /// Goes through everything that is held, once for marks, erasures and the keys in use.
    async fn judge_everything(&self, cx: &Context, marks: &mut Marks<'_>) -> Result<()> {
        self.chains().await.clear();
        self.forget_keys();
        let mut after = None;
        loop {
            let limit = PageLimit { max_bytes: MAX_PAGE_BYTES, max_items: 4_096 };
            let request =
                ScanRequest { after, want: Want::Ids, limit, ..ScanRequest::everything() };
            let page = self.engine.scan(cx, request).await?;
            let ids: Vec<EntryId> = page.items.iter().map(|item| item.id).collect();
            let facts = self.engine.facts(cx, &ids).await?.into_iter().flatten();
            let facts: Vec<Facts> = facts.collect();
            for facts in &facts {
                self.note_key(&subject(facts));
                self.judge_held(cx, facts, marks).await?;
            }
            let mut rest = facts.as_slice();
            while !rest.is_empty() {
                let done = self.bring_in_step(cx, rest).await?;
                rest = rest.get(done.max(1)..).unwrap_or_default();
            }
            after = Some(page.cursor);
            if page.end {
                return Ok(());
            }
        }
    }

    /// Judges what is held of an author again, control entries left out.
    async fn judge_author(
        &self,
        cx: &Context,
        author: &AuthorKey,
        marks: &mut Marks<'_>,
    ) -> Result<()> {
        self.chains().await.forget(author);
        let mut after = Place::default();
        loop {
            let page = self.engine.authored(cx, *author, after, MAX_ENTRIES_PER_PUT).await?;
            for facts in page.facts.iter().filter(|facts| !is_graph(facts.kind)) {
                self.judge_held(cx, facts, marks).await?;
            }
            match page.facts.last() {
                Some(last) if !page.end => after = last.place(),
                _ => return Ok(()),
            }
        }
    }

    async fn judge_held(&self, cx: &Context, facts: &Facts, marks: &mut Marks<'_>) -> Result<()> {
        let mark = if is_graph(facts.kind) {
            self.state().control_mark(&facts.id)
        } else {
            let subject = subject(facts);
            let mut chains = self.chains().await;
            let word = self.word(cx, &mut chains, &subject).await?;
            if word == Word::Open {
                chains.note(&subject);
            }
            self.note_word(&subject, &word);
            word.mark()
        };
        if mark != facts.mark {
            marks.push(cx, facts.id, mark).await?;
        }
        Ok(())
    }

    /// Judges again what waited for entries that have been stored. With `again` that was perhaps begun before and not
    /// brought to its end.
    pub(crate) async fn landed(
        &self,
        cx: &Context,
        arrivals: &[Arrival],
        again: bool,
    ) -> Result<()> {
        if arrivals.is_empty() {
            return Ok(());
        }
        for arrival in arrivals {
            self.note_key(&arrival.subject);
        }
        let mut chains = self.chains().await;
        let mut waited = Vec::new();
        let mut whole = HashSet::new();
        for arrival in arrivals {
            let author = arrival.author();
            if again && !chains.is_unknown(&author) {
                whole.insert(author);
            }
            if arrival.is_kept {
                self.note_kept(&arrival.subject.id);
            } else {
                self.left_quarantine(&arrival.subject.id);
            }
            waited.extend(chains.tell(&arrival.subject.id, arrival.link(), arrival.is_kept));
        }
        let mut marks = Marks::new(&*self.engine);
        let mut decided = Vec::new();
        for waited in waited.iter().filter(|waited| !whole.contains(&waited.author)) {
            let range = chains.follow(cx, &*self.engine, waited).await?;
            self.resolve(cx, &mut chains, (&waited.author, range), &mut marks, &mut decided)
                .await?;
        }
        for author in &whole {
            self.resolve(cx, &mut chains, (author, ALL), &mut marks, &mut decided).await?;
        }
        self.bring_out(cx, &mut chains).await?;
        self.bring_named(cx, &mut chains, Totals::default()).await?;
        for arrival in arrivals.iter().filter(|arrival| arrival.is_open) {
            // Somebody else's arrival decided it before it was stored.
            if !chains.is_open(&arrival.subject) {
                let word = self.word(cx, &mut chains, &arrival.subject).await?;
                if word == Word::Open {
                    chains.note(&arrival.subject);
                }
                self.note_word(&arrival.subject, &word);
                marks.push(cx, arrival.subject.id, word.mark()).await?;
            }
        }
        marks.flush(cx, None).await?;
        // Only now: what failed before is decided again.
        for subject in &decided {
            chains.close(subject);
        }
        for arrival in arrivals {
            chains.heard(&arrival.subject.id);
        }
        Ok(())
    }

    /// Decides what is open of an author in a part of the chain and can be decided by now, from its end back.
    async fn resolve(
        &self,
        cx: &Context,
        chains: &mut Chains,
        (author, range): (&AuthorKey, RangeInclusive<u64>),
        marks: &mut Marks<'_>,
        decided: &mut Vec<Subject>,
    ) -> Result<()> {
        let mut last = None;
        loop {
            let part = chains.open(author, &range, last.as_ref());
            if part.is_empty() {
                return Ok(());
            }
            for subject in part {
                let word = self.word(cx, chains, &subject).await?;
                if word != Word::Open {
                    self.note_word(&subject, &word);
                    marks.push(cx, subject.id, word.mark()).await?;
                    decided.push(subject);
                }
                last = Some(subject);
            }
        }
    }
}

/// Whether the directory is computed from entries of this kind.
pub(crate) fn is_graph(kind: Kind) -> bool {
    kind.is_control() && kind != Kind::FRONTIER
}

pub(crate) fn subject(facts: &Facts) -> Subject {
    Subject {
        id: facts.id,
        author: facts.author,
        sequence: facts.sequence,
        kind: facts.kind,
        key_id: facts.key_id,
    }
}
