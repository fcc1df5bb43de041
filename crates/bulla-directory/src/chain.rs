//! Which entries of a device lie within cuts: its hash chain is walked back from each cut (DIR-5).

use std::collections::{HashMap, HashSet};

use bulla_core::control::Cut;
use bulla_core::{AuthorKey, EntryId};

use crate::standing::Limits;
use crate::verdict::{Refusal, Verdict};

/// What a walk needs to know of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its author.
    pub author: AuthorKey,
    /// Its sequence.
    pub sequence: u64,
    /// The entry before it; zero with sequence 1.
    pub previous: EntryId,
}

/// What a walk says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It counts, or it does not.
    Decided(Verdict),
    /// Headers that would decide it are not held (DIR-5, DIR-16).
    Open,
    /// Look this header up, [`tell`](CutWalk::tell) it, and ask again.
    Needs(EntryId),
}

/// Judges the entries of one device by its [`Limits`], doing no I/O.
///
/// It asks for headers one by one, from the cuts back, none of them twice, and only as far back as the entries asked about:
/// judging all entries of a device takes as many look-ups as there are headers on the branches that were cut, and
/// keeps some 200 bytes for each. Whoever looks up decides how many to do at a time.
#[derive(Debug, Clone)]
pub struct CutWalk {
    author: AuthorKey,
    limits: Limits,
    /// By the id of the cut where they begin.
    branches: HashMap<EntryId, Branch>,
    told: HashMap<EntryId, Link>,
    absent: HashSet<EntryId>,
}

/// The chain behind one cut.
#[derive(Debug, Clone)]
struct Branch {
    /// The sequence of the first, once its header is known.
    sequence: Option<u64>,
    /// The ids from the cut back; those but the last were looked up, and the last too once `is_whole`.
    ids: Vec<EntryId>,
    is_whole: bool,
}

/// How far the branch behind a cut is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Look this header up, [`tell`](CutWalk::tell) it, and ask again.
    Needs(EntryId),
    /// The branch decides entries of this sequence and above. Zero: all; `u64::MAX`: none, since not even the header of the
    /// cut is held.
    Down(u64),
}

enum Place {
    Within,
    Outside,
    Open,
    Needs(EntryId),
}

impl CutWalk {
    /// A walk through the chain of `author`, whose standing these limits are.
    #[must_use]
    pub fn new(author: AuthorKey, limits: Limits) -> Self {
        let cuts = limits.losses().iter().flat_map(|loss| &loss.cuts().0);
        let branches = cuts
            .map(|cut| {
                let ids = vec![cut.id];
                (cut.id, Branch { sequence: None, ids, is_whole: false })
            })
            .collect();
        Self { author, limits, branches, told: HashMap::new(), absent: HashSet::new() }
    }

    /// Whether the author's entry with this sequence and id counts.
    ///
    /// Nothing is looked up that cannot change the answer: an entry that all branches end before is decided at once.
    #[must_use]
    pub fn judge(&mut self, sequence: u64, id: &EntryId) -> Outcome {
        let losses = self.limits.losses().to_vec();
        let may_lie_within = |loss: usize| {
            let mut cuts = losses.get(loss).into_iter().flat_map(|loss| &loss.cuts().0);
            cuts.any(|cut| sequence < cut.sequence || *id == cut.id)
        };
        if !self.limits.holds(may_lie_within) {
            return Outcome::Decided(Verdict::Refused(Refusal::Cut));
        }
        let mut within = Vec::new();
        let mut open = Vec::new();
        for loss in &losses {
            let mut is_open = false;
            let mut is_within = false;
            for cut in &loss.cuts().0 {
                match self.place(cut, sequence, id) {
                    Place::Within => is_within = true,
                    Place::Outside => {}
                    Place::Open => is_open = true,
                    Place::Needs(header) => return Outcome::Needs(header),
                }
                if is_within {
                    break;
                }
            }
            within.push(is_within);
            open.push(is_within || is_open);
        }
        let holds = |list: &[bool]| self.limits.holds(|loss| list.get(loss) == Some(&true));
        if holds(&within) {
            Outcome::Decided(Verdict::Counts)
        } else if holds(&open) {
            Outcome::Open
        } else {
            Outcome::Decided(Verdict::Refused(Refusal::Cut))
        }
    }

    /// Answers what [`Outcome::Needs`] asked; `None` if the header is not held. Headers may be told without being asked
    /// for, and one that was not held may be told when it comes.
    pub fn tell(&mut self, id: EntryId, link: Option<Link>) {
        match link {
            Some(link) => {
                self.absent.remove(&id);
                self.told.insert(id, link);
            }
            None => {
                self.absent.insert(id);
            }
        }
    }

    /// The cuts whose branches end, so far, at this header, which was asked for and was not held; each with the sequence from
    /// which on it decides (as in [`Reach::Down`]).
    pub fn waiting_for<'a>(
        &'a self,
        header: &'a EntryId,
    ) -> impl Iterator<Item = (EntryId, u64)> + 'a {
        let is_absent = self.absent.contains(header);
        let branches = self.branches.iter().filter(move |_| is_absent);
        branches
            .filter(move |(_, branch)| !branch.is_whole && branch.ids.last() == Some(header))
            .map(|(cut, branch)| (*cut, branch.lowest()))
    }

    /// Follows the branch behind a cut down to a sequence, as far as headers are known.
    pub fn follow(&mut self, cut: &EntryId, floor: u64) -> Reach {
        let Some(branch) = self.branches.get_mut(cut) else { return Reach::Down(0) };
        loop {
            let Some(last) = branch.ids.last().filter(|_| !branch.is_whole) else {
                return Reach::Down(0);
            };
            let lowest = branch.lowest();
            if lowest <= floor || self.absent.contains(last) {
                return Reach::Down(lowest);
            }
            let Some(link) = self.told.get(last) else { return Reach::Needs(*last) };
            branch.step(&self.author, link);
        }
    }

    /// How many headers it was told of: what the walk takes of memory.
    #[must_use]
    pub fn told(&self) -> usize {
        self.told.len()
    }

    /// As [`judge`](Self::judge), looking up as many headers as it takes, but `most`; then it is [`Outcome::Needs`], and
    /// the next call goes on from there.
    pub fn judge_with(
        &mut self,
        sequence: u64,
        id: &EntryId,
        most: usize,
        mut look_up: impl FnMut(&EntryId) -> Option<Link>,
    ) -> Outcome {
        for _ in 0..most {
            match self.judge(sequence, id) {
                Outcome::Needs(header) => {
                    let link = look_up(&header);
                    self.tell(header, link);
                }
                outcome => return outcome,
            }
        }
        self.judge(sequence, id)
    }

    fn place(&mut self, cut: &Cut, sequence: u64, id: &EntryId) -> Place {
        if *id == cut.id {
            return Place::Within;
        }
        let Some(branch) = self.branches.get_mut(&cut.id) else {
            return Place::Outside;
        };
        if sequence >= cut.sequence {
            return Place::Outside;
        }
        loop {
            if let Some(first) = branch.sequence {
                let back = first.checked_sub(sequence).and_then(|n| usize::try_from(n).ok());
                let Some(back) = back else { return Place::Outside };
                if let Some(reached) = branch.ids.get(back) {
                    return if reached == id { Place::Within } else { Place::Outside };
                }
            }
            let Some(last) = branch.ids.last().filter(|_| !branch.is_whole) else {
                return Place::Outside;
            };
            if self.absent.contains(last) {
                return Place::Open;
            }
            let Some(link) = self.told.get(last) else {
                return Place::Needs(*last);
            };
            branch.step(&self.author, link);
        }
    }
}

impl Branch {
    /// The sequence of the last id; `u64::MAX` while that of the first is not known.
    fn lowest(&self) -> u64 {
        let back = u64::try_from(self.ids.len().saturating_sub(1)).unwrap_or(u64::MAX);
        self.sequence.map_or(u64::MAX, |first| first.saturating_sub(back))
    }

    /// Takes the header of the last id. Only an entry of the same author with the sequence before is reached by previous
    /// (ENT-5); what comes first is the cut itself, whatever it says.
    fn step(&mut self, author: &AuthorKey, link: &Link) {
        let back = u64::try_from(self.ids.len().saturating_sub(1)).unwrap_or(u64::MAX);
        let first = *self.sequence.get_or_insert(link.sequence);
        let is_on_chain = link.author == *author && first.checked_sub(back) == Some(link.sequence);
        if !is_on_chain {
            self.ids.pop();
        }
        if is_on_chain && link.sequence > 1 {
            self.ids.push(link.previous);
        } else {
            self.is_whole = true;
        }
    }
}
