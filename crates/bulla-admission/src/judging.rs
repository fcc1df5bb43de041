//! What is said of entries that arrive (ADM-6 to ADM-9, ADM-12, ADM-14).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bulla_core::values::{Has, PayloadState, Refusal};
use bulla_core::{AuthorKey, Code, EntryId, KeyId, Kind, Verified};
use bulla_directory::Standing;
use bulla_store::{Context, Erasure, Facts, Mark, Result, Ruling, Verdict};

use crate::admission::DirectoryAdmission;
use crate::chains::Chains;
use crate::codes;
use crate::flights::Arrival;
use crate::links;
use crate::quota::{self, Totals};
use crate::state::{State, Subject, Word};
use crate::taking::Frontiers;

/// By what entries of one author with the same terms are judged.
type Terms = (AuthorKey, bool, KeyId);

impl DirectoryAdmission {
    /// Application entries.
    pub(crate) async fn judge_others(&self, cx: &Context, entries: &[Verified]) -> Result<Ruling> {
        let guard = self.shared(cx).await?;
        let entries: Vec<&Verified> = entries.iter().collect();
        let (verdicts, arrivals) = self.rule(cx, &entries, &HashSet::new()).await?;
        Ok(Ruling { verdicts, permit: Some(Box::new(self.start(arrivals, guard))) })
    }

    /// Says what becomes of application entries and frontiers, and sets their quotas aside. The gate is held.
    pub(crate) async fn rule(
        &self,
        cx: &Context,
        entries: &[&Verified],
        asked_for: &HashSet<EntryId>,
    ) -> Result<(Vec<Verdict>, Vec<Arrival>)> {
        if entries.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let ids: Vec<EntryId> = entries.iter().map(|entry| entry.id()).collect();
        let held = self.engine.facts(cx, &ids).await?;
        let is_limited = quota::limits_anything(&self.state().directory.policy());
        let wanting = match is_limited {
            true => self.wanting(cx, entries, &held).await?,
            false => HashSet::new(),
        };
        let standings = self.standings(entries, &held);
        let mut verdicts = Vec::with_capacity(entries.len());
        let mut frontiers = Frontiers::new(asked_for);
        let mut chains = None;
        for ((entry, held), standing) in entries.iter().zip(&held).zip(&standings) {
            let verdict = match (held, standing) {
                (Some(facts), _) => said(facts.mark.clone()),
                (None, None) => Verdict::Pending,
                (None, Some(standing)) => {
                    let subject = subject_of(entry);
                    let word = match &**standing {
                        Standing::Limited(limits) => {
                            let chains = match &mut chains {
                                Some(chains) => chains,
                                none => none.insert(self.chains().await),
                            };
                            let word = chains.judge(cx, &*self.engine, limits, &subject).await?;
                            self.bring_out(cx, chains).await?;
                            self.bounded(chains, &subject, word)
                        }
                        standing => Ok(plain(standing)),
                    };
                    match word {
                        Err(code) => refuse(code),
                        Ok(word) if subject.kind == Kind::FRONTIER => {
                            self.frontier_verdict(entry, &word, &mut frontiers)
                        }
                        Ok(word) => verdict_of(&word),
                    }
                }
            };
            verdicts.push(verdict);
        }
        // What was noted as open is nobody else's to decide before it is known whether it will be stored.
        let is_stored = |verdict: &Verdict| matches!(verdict, Verdict::Admit | Verdict::Mark(_));
        if chains.is_none() && (is_limited || !verdicts.iter().all(is_stored)) {
            chains = Some(self.chains().await);
        }
        let needed = match &mut chains {
            Some(chains) => links::on_chains(chains, is_limited, entries, &held, &mut verdicts),
            None => HashSet::new(),
        };
        self.note_names(cx, entries, &held, &mut verdicts, &mut chains).await?;
        let erased = self.erase_ahead(cx, entries, &held, &mut verdicts).await?;
        // From here on nothing waits, so that what is set aside is never forgotten.
        let arrivals = self.reserve(entries, &held, &wanting, &erased, &needed, &mut verdicts);
        if let Some(chains) = &mut chains {
            chains.confirm(&arrivals);
        }
        Ok((verdicts, arrivals))
    }

    /// Keeps in mind whether a frontier counts.
    pub(crate) fn note_word(&self, subject: &Subject, word: &Word) {
        if subject.kind == Kind::FRONTIER {
            let counts = *word == Word::Counts;
            self.state_mut().controls.note_frontier(&subject.id, &subject.author, counts);
        }
    }

    /// How far the entries count that are not held.
    fn standings(
        &self,
        entries: &[&Verified],
        held: &[Option<Facts>],
    ) -> Vec<Option<Arc<Standing>>> {
        let state = self.state();
        let mut known: HashMap<Terms, Arc<Standing>> = HashMap::new();
        let standing = |(entry, held): (&&Verified, &Option<Facts>)| {
            if held.is_some() {
                return None;
            }
            let header = entry.header();
            let terms = (header.author, header.kind == Kind::FRONTIER, header.key_id);
            let standing = known.entry(terms).or_insert_with(|| {
                Arc::new(state.standing(&header.author, header.kind, &header.key_id))
            });
            Some(Arc::clone(standing))
        };
        entries.iter().zip(held).map(standing).collect()
    }

    /// Notes an entry whose place is open, if there is room for one more branch.
    fn bounded(
        &self,
        chains: &mut Chains,
        subject: &Subject,
        word: Word,
    ) -> std::result::Result<Word, &'static str> {
        if word == Word::Open {
            if chains.branches(subject) >= self.settings.open_branches {
                return Err(codes::BRANCHES);
            }
            chains.note_for_now(subject);
        }
        Ok(word)
    }

    /// Those of the entries that are held without the payload they bring.
    async fn wanting(
        &self,
        cx: &Context,
        entries: &[&Verified],
        held: &[Option<Facts>],
    ) -> Result<HashSet<EntryId>> {
        let brings = |(entry, held): &(&&Verified, &Option<Facts>)| {
            held.is_some() && entry.payload().is_some()
        };
        let ids: Vec<EntryId> =
            entries.iter().zip(held).filter(brings).map(|(entry, _)| entry.id()).collect();
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let has = self.engine.has(cx, &ids).await?;
        let missing = ids.into_iter().zip(has).filter(|(_, has)| *has == Has::PayloadMissing);
        Ok(missing.map(|(id, _)| id).collect())
    }

    /// Tells the engine which of the entries are erased before they are stored, so that their payloads never are; gives
    /// their ids (ADM-14).
    async fn erase_ahead(
        &self,
        cx: &Context,
        entries: &[&Verified],
        held: &[Option<Facts>],
        verdicts: &mut [Verdict],
    ) -> Result<HashSet<EntryId>> {
        let mut erased: BTreeMap<EntryId, Vec<EntryId>> = BTreeMap::new();
        let mut others = Vec::new();
        {
            let state = self.state();
            for ((entry, held), verdict) in entries.iter().zip(held).zip(verdicts.iter_mut()) {
                if let Some(held) = held {
                    // It is held without the payload that it brings, and its erasure is not carried out yet.
                    if held.payload == PayloadState::Missing
                        && entry.payload().is_some()
                        && let Some(by) = state.directory.erased_by(entry.verified_header())
                    {
                        erased.entry(by).or_default().push(entry.id());
                    }
                    continue;
                }
                match (state.directory.erased_by(entry.verified_header()), &verdict) {
                    (Some(by), Verdict::Admit | Verdict::Mark(_)) => {
                        erased.entry(by).or_default().push(entry.id());
                    }
                    (Some(_), Verdict::Quarantine(code)) => {
                        *verdict = Verdict::QuarantineHeader(code.clone());
                    }
                    (None, Verdict::Admit | Verdict::Mark(_)) => others.push(entry.id()),
                    _ => {}
                }
            }
        }
        self.forget_erased(cx, &others).await?;
        let mut all = HashSet::new();
        for (by, ids) in erased {
            all.extend(ids.iter().copied());
            self.engine.erase(cx, Erasure { by, is_prune: false, ids }).await?;
        }
        Ok(all)
    }

    /// Has the engine forget what it may remember of these, which are to be stored and are not erased: an erasure that
    /// counted once, while they were on their way (ERA-8).
    pub(crate) async fn forget_erased(&self, cx: &Context, ids: &[EntryId]) -> Result<()> {
        if ids.is_empty() || !self.state().controls.has_refused_erasures() {
            return Ok(());
        }
        self.engine.restore(cx, ids).await.map(drop)
    }

    /// Sets quotas aside for what is to be stored, and refuses what exceeds them.
    fn reserve(
        &self,
        entries: &[&Verified],
        held: &[Option<Facts>],
        wanting: &HashSet<EntryId>,
        erased: &HashSet<EntryId>,
        needed: &HashSet<EntryId>,
        verdicts: &mut [Verdict],
    ) -> Vec<Arrival> {
        let mut state = self.state_mut();
        let State { directory, controls, .. } = &mut *state;
        let policy = directory.policy();
        let is_limited = quota::limits_anything(&policy);
        let mut usage = self.usage_now();
        let mut arrivals = Vec::new();
        let mut seen = HashSet::new();
        for ((entry, held), verdict) in entries.iter().zip(held).zip(verdicts) {
            let id = entry.id();
            let is_stored = matches!(verdict, Verdict::Admit | Verdict::Mark(_));
            let is_kept = matches!(verdict, Verdict::Quarantine(_) | Verdict::QuarantineHeader(_));
            if !(is_stored || is_kept) || !seen.insert(id) {
                continue;
            }
            let mut reserved = Totals::default();
            if is_stored && is_limited && !self.flights.is_under_way(&id) {
                let has_payload = entry.payload().is_some() && !erased.contains(&id);
                let is_wanted = held.is_none() || wanting.contains(&id);
                let bytes = match has_payload && is_wanted {
                    true => u64::from(entry.header().payload_length),
                    false => 0,
                };
                reserved = Totals { entries: u64::from(held.is_none()), bytes };
                let author = &entry.header().author;
                let of_author = usage.of(author).plus(controls.charged_of(author));
                let all = usage.all().plus(controls.charged());
                if let Some(code) = quota::exceeded(&policy, of_author, all, reserved)
                    && !needed.contains(&id)
                {
                    *verdict = refuse(code);
                    continue;
                }
                usage.add(author, reserved);
            }
            if held.is_none() || reserved != Totals::default() {
                let is_open =
                    matches!(verdict, Verdict::Mark(code) if code.as_str() == codes::OPEN);
                let previous = entry.header().previous;
                let subject = subject_of(entry);
                if subject.kind == Kind::FRONTIER && held.is_none() {
                    // Should it not be stored after all, it is given back as what was set aside of quotas is.
                    let counts = matches!(verdict, Verdict::Admit);
                    controls.note_frontier(&subject.id, &subject.author, counts);
                }
                arrivals.push(Arrival { subject, previous, reserved, is_open, is_kept });
            }
        }
        arrivals
    }

    /// What is said of an entry now. What its chain leads over is stored before it is said.
    pub(crate) async fn word(
        &self,
        cx: &Context,
        chains: &mut Chains,
        subject: &Subject,
    ) -> Result<Word> {
        let word = self.word_by_itself(cx, chains, subject).await?;
        self.bring_out(cx, chains).await?;
        Ok(word)
    }

    /// The same without storing anything.
    pub(crate) async fn word_by_itself(
        &self,
        cx: &Context,
        chains: &mut Chains,
        subject: &Subject,
    ) -> Result<Word> {
        let standing = self.state().standing(&subject.author, subject.kind, &subject.key_id);
        match standing {
            Standing::Limited(limits) => chains.judge(cx, &*self.engine, &limits, subject).await,
            standing => Ok(plain(&standing)),
        }
    }
}

/// What a standing says that asks for no chain.
fn plain(standing: &Standing) -> Word {
    match standing {
        Standing::Counts => Word::Counts,
        Standing::Refused(refusal) => Word::Refused(refusal.code()),
        Standing::Stranger => Word::Stranger,
        Standing::Limited(_) => Word::Open,
    }
}

fn verdict_of(word: &Word) -> Verdict {
    match word {
        Word::Counts => Verdict::Admit,
        Word::Open => Verdict::Mark(Code::new(codes::OPEN)),
        Word::Refused(code) => Verdict::Quarantine(code.clone()),
        Word::Stranger => refuse(codes::STRANGER),
    }
}

/// The verdict by which an entry is stored with this mark.
pub(crate) fn said(mark: Mark) -> Verdict {
    match mark {
        Mark::Counts => Verdict::Admit,
        Mark::Not(code) => Verdict::Mark(code),
    }
}

/// Refused, without anything being kept, and worth another try.
pub(crate) fn refuse(code: &'static str) -> Verdict {
    Verdict::Refuse(Refusal { code: Code::new(code), is_retryable: true })
}

pub(crate) fn subject_of(entry: &Verified) -> Subject {
    let header = entry.header();
    Subject {
        id: entry.id(),
        author: header.author,
        sequence: header.sequence,
        kind: header.kind,
        key_id: header.key_id,
    }
}
