//! What waits for the writer: one line per space, served in turn.

mod jobs;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulla_core::values::{PutOutcome, PutReport};
use bulla_core::{Code, Lineage, Verified};
use bulla_store::{Mark, Result, StoreError};

use crate::space::Space;

pub(crate) use jobs::{Admin, Alone, Bookmark, Keep, Put, Reply};

/// Most bytes of entries in one commit.
pub(crate) const COMMIT_BYTES: usize = 4 * 1024 * 1024;
/// A commit of more bytes than this is worth its sync: nobody else is waited for.
const LARGE_COMMIT_BYTES: usize = 256 * 1024;
/// A shorter wait than this costs more than it brings.
const SHORTEST_WAIT: Duration = Duration::from_micros(20);
/// Bytes a space may add in its turn while others wait.
const TURN_BYTES: usize = 256 * 1024;

#[derive(Debug)]
struct Job {
    /// Rises along a line, so that a job is found again whatever was removed before it.
    ticket: u64,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Put(Put),
    Alone(Alone),
}

#[derive(Debug)]
struct Line {
    space: Arc<Space>,
    jobs: VecDeque<Job>,
    /// Whether the line is in the ring; it is exactly while something of it was not taken.
    is_waiting: bool,
}

/// Part of a put that goes into one commit.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) space: Arc<Space>,
    /// Which job of the space's line it belongs to.
    ticket: u64,
    pub(crate) entries: Vec<Verified>,
    pub(crate) marks: Option<Vec<Mark>>,
}

/// What goes into one commit.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) slices: Vec<Slice>,
    /// Commits of their own that follow.
    pub(crate) alone: Vec<(Arc<Space>, Alone)>,
    pub(crate) bookmarks: Vec<Bookmark>,
    /// Bytes of the entries in the slices.
    bytes: usize,
}

impl Taken {
    /// Fails what is not part of a put.
    pub(crate) fn fail_rest(self, error: &StoreError) {
        for (_, alone) in self.alone {
            alone.fail(error);
        }
        for bookmark in self.bookmarks {
            let _ = bookmark.reply.send(Err(error.clone()));
        }
    }
}

/// What the writer does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Something between commits.
    Admin(Admin),
    /// A commit.
    Commit(Taken),
    /// Nothing came in the time given.
    Idle,
    /// The store is being closed and nothing waits any more.
    Closed,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Spaces with work, in the order of their turns.
    ring: VecDeque<u32>,
    lines: HashMap<u32, Line>,
    bookmarks: Vec<Bookmark>,
    admin: VecDeque<Admin>,
    next_ticket: u64,
    /// Puts that came since the last commit was taken, and their bytes.
    new_puts: usize,
    new_bytes: usize,
    /// Puts that are likely to be there soon: those there already, and one more from each who was just answered.
    expected_puts: usize,
    is_closing: bool,
    is_poked: bool,
}

/// The queue between callers and the writer.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl Queue {
    /// Adds a put.
    pub(crate) fn put(&self, space: Arc<Space>, put: Put) -> Result<()> {
        self.push_job(space, Work::Put(put))
    }

    /// Adds what is a commit of its own.
    pub(crate) fn alone(&self, space: Arc<Space>, alone: Alone) -> Result<()> {
        self.push_job(space, Work::Alone(alone))
    }

    /// Adds a bookmark.
    pub(crate) fn bookmark(&self, bookmark: Bookmark) -> Result<()> {
        self.push(|waiting| waiting.bookmarks.push(bookmark))
    }

    /// Adds something to do between commits.
    pub(crate) fn admin(&self, admin: Admin) -> Result<()> {
        self.push(|waiting| waiting.admin.push_back(admin))
    }

    /// Wakes the writer although nothing waits.
    pub(crate) fn poke(&self) {
        self.lock().is_poked = true;
        self.arrived.notify_one();
    }

    /// Lets nothing in any more; the writer ends when nothing waits.
    pub(crate) fn close(&self) {
        self.lock().is_closing = true;
        self.arrived.notify_one();
    }

    /// Waits for work, at most as long as given. With `hold`, commits are put off until so many bytes wait.
    ///
    /// `commit_time` is what the last commit took. While puts come so quickly after one another that another one in this
    /// commit saves more than the wait for it costs, they are waited for; a writer who is alone never waits.
    pub(crate) fn next(
        &self,
        timeout: Option<Duration>,
        hold: bool,
        commit_time: Duration,
    ) -> Next {
        let mut waiting = self.lock();
        let mut has_waited = false;
        loop {
            if let Some(admin) = waiting.admin.pop_front() {
                return Next::Admin(admin);
            }
            let has_commit = !waiting.ring.is_empty() || !waiting.bookmarks.is_empty();
            let is_due = !hold || waiting.is_closing || waiting.queued_bytes() >= COMMIT_BYTES;
            if has_commit && is_due {
                let wait = waiting.worthwhile_wait(commit_time).filter(|_| !has_waited);
                let Some(wait) = wait else { return Next::Commit(waiting.take()) };
                let (guard, outcome) = self
                    .arrived
                    .wait_timeout(waiting, wait)
                    .unwrap_or_else(PoisonError::into_inner);
                waiting = guard;
                has_waited = outcome.timed_out();
                continue;
            }
            if waiting.is_closing {
                return Next::Closed;
            }
            if std::mem::take(&mut waiting.is_poked) {
                return Next::Idle;
            }
            match timeout {
                None => {
                    waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
                Some(timeout) => {
                    let (guard, outcome) = self
                        .arrived
                        .wait_timeout(waiting, timeout)
                        .unwrap_or_else(PoisonError::into_inner);
                    waiting = guard;
                    if outcome.timed_out() {
                        return Next::Idle;
                    }
                }
            }
        }
    }

    /// Drops everything that waits and lets nothing in any more.
    pub(crate) fn abandon(&self) {
        *self.lock() = Waiting { is_closing: true, ..Waiting::default() };
    }

    /// Records what became of slices taken, in the order taken, and answers the puts that are done.
    pub(crate) fn settle(&self, slices: Vec<(Slice, Lineage, Vec<PutOutcome>)>) {
        let mut done = Vec::new();
        let mut waiting = self.lock();
        let mut lineages = Vec::with_capacity(slices.len());
        for (slice, lineage, outcomes) in slices {
            let number = slice.space.number;
            if let Some(put) =
                waiting.lines.get_mut(&number).and_then(|line| line.put_of(slice.ticket))
            {
                put.outcomes.extend(outcomes);
            }
            lineages.push((number, lineage));
        }
        for (number, lineage) in lineages {
            let Some(line) = waiting.lines.get_mut(&number) else { continue };
            while let Some(Job { work: Work::Put(put), .. }) = line.jobs.front()
                && put.entries.is_empty()
            {
                if let Some(Job { work: Work::Put(put), .. }) = line.jobs.pop_front() {
                    done.push((put, lineage));
                }
            }
            waiting.drop_empty_line(number);
        }
        waiting.expected_puts = waiting.new_puts.saturating_add(done.len());
        drop(waiting);
        for (put, lineage) in done {
            let Put { outcomes, reply, room, .. } = put;
            drop(room);
            // An asker who has gone will find duplicates when it asks again.
            let _ = reply.send(Ok(PutReport { lineage, outcomes }));
        }
    }

    /// Fails the puts that these slices belong to, with whatever of them was not taken yet.
    pub(crate) fn fail(&self, slices: &[Slice], error: &StoreError) {
        let mut failed = Vec::new();
        let mut waiting = self.lock();
        for slice in slices {
            let number = slice.space.number;
            let Some(line) = waiting.lines.get_mut(&number) else { continue };
            // Another slice of the same put may have failed it already.
            if let Ok(position) = line.position_of(slice.ticket)
                && let Some(Job { work: Work::Put(put), .. }) = line.jobs.remove(position)
            {
                failed.push(put);
            }
            waiting.drop_empty_line(number);
        }
        drop(waiting);
        for put in failed {
            let _ = put.reply.send(Err(error.clone()));
        }
    }

    fn push_job(&self, space: Arc<Space>, work: Work) -> Result<()> {
        self.push(|waiting| {
            if let Work::Put(put) = &work {
                waiting.new_puts = waiting.new_puts.saturating_add(1);
                let sizes = put.entries.iter().map(Verified::size_bytes);
                waiting.new_bytes = sizes.fold(waiting.new_bytes, usize::saturating_add);
            }
            let ticket = waiting.next_ticket;
            waiting.next_ticket = ticket.wrapping_add(1);
            let number = space.number;
            let line = waiting.lines.entry(number).or_insert_with(|| Line {
                space,
                jobs: VecDeque::new(),
                is_waiting: false,
            });
            line.jobs.push_back(Job { ticket, work });
            if !std::mem::replace(&mut line.is_waiting, true) {
                waiting.ring.push_back(number);
            }
        })
    }

    fn push(&self, add: impl FnOnce(&mut Waiting)) -> Result<()> {
        let mut waiting = self.lock();
        if waiting.is_closing {
            return Err(closed());
        }
        add(&mut waiting);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes what goes into the next commit: a turn for each space in the ring, round and round, until the commit is
    /// full or nothing is left.
    fn take(&mut self) -> Taken {
        let mut taken =
            Taken { bookmarks: std::mem::take(&mut self.bookmarks), ..Taken::default() };
        let mut positions: HashMap<u32, usize> = HashMap::new();
        let mut blocked = Vec::new();
        while let Some(number) = self.ring.pop_front() {
            let Some(line) = self.lines.get_mut(&number) else { continue };
            match line.take_turn(positions.entry(number).or_default(), &mut taken) {
                Turn::More => self.ring.push_back(number),
                Turn::Blocked => blocked.push(number),
                Turn::Exhausted => {
                    line.is_waiting = false;
                    self.drop_empty_line(number);
                }
                Turn::Full => {
                    self.ring.push_front(number);
                    break;
                }
            }
        }
        self.ring.extend(blocked);
        self.new_puts = 0;
        self.new_bytes = 0;
        taken
    }

    /// How long the next put is worth waiting for; `None` when what is there should be committed now.
    fn worthwhile_wait(&self, commit_time: Duration) -> Option<Duration> {
        let is_worth_it = (1..self.expected_puts).contains(&self.new_puts)
            && self.new_bytes < LARGE_COMMIT_BYTES
            && self.bookmarks.is_empty()
            && !self.is_closing;
        let share = commit_time / u32::try_from(self.new_puts.max(1)).unwrap_or(u32::MAX);
        (is_worth_it && share >= SHORTEST_WAIT).then_some(share)
    }

    /// Forgets a line without jobs. It is not in the ring, for there is nothing of it to take.
    fn drop_empty_line(&mut self, number: u32) {
        if let Some(line) = self.lines.get(&number)
            && line.jobs.is_empty()
        {
            if line.is_waiting {
                self.ring.retain(|other| *other != number);
            }
            self.lines.remove(&number);
        }
    }

    /// Bytes of the puts that wait; counted only where commits are put off.
    fn queued_bytes(&self) -> usize {
        let jobs = self.lines.values().flat_map(|line| &line.jobs);
        let entries = jobs.filter_map(|job| match &job.work {
            Work::Put(put) => Some(&put.entries),
            Work::Alone(_) => None,
        });
        entries.flatten().map(Verified::size_bytes).fold(0, usize::saturating_add)
    }
}

/// How a space's turn ended.
enum Turn {
    /// There is more to take.
    More,
    /// There is more, but not for this commit.
    Blocked,
    /// All of it was taken.
    Exhausted,
    /// There is more, but the commit is full.
    Full,
}

impl Line {
    /// Where a job is now; an error when it is gone.
    fn position_of(&self, ticket: u64) -> std::result::Result<usize, usize> {
        self.jobs.binary_search_by_key(&ticket, |job| job.ticket)
    }

    fn put_of(&mut self, ticket: u64) -> Option<&mut Put> {
        let position = self.position_of(ticket).ok()?;
        match &mut self.jobs.get_mut(position)?.work {
            Work::Put(put) => Some(put),
            Work::Alone(_) => None,
        }
    }

    /// Takes a turn's worth of what waits from the job at `position` on.
    fn take_turn(&mut self, position: &mut usize, taken: &mut Taken) -> Turn {
        let mut used = 0;
        while used < TURN_BYTES {
            match self.jobs.get_mut(*position) {
                None => return Turn::Exhausted,
                // An erasure, or a mark, and puts of one space would have to know of each other inside a batch: it waits
                // until the puts before it are committed, and the puts after it wait for it.
                Some(Job { work: Work::Alone(_), .. }) => {
                    if *position > 0 {
                        return Turn::Blocked;
                    }
                    if let Some(Job { work: Work::Alone(alone), .. }) = self.jobs.pop_front() {
                        taken.alone.push((Arc::clone(&self.space), alone));
                    }
                    return if self.jobs.is_empty() { Turn::Exhausted } else { Turn::Blocked };
                }
                Some(Job { work: Work::Put(put), ticket }) => {
                    if put.reply.is_closed() {
                        // Nobody waits for the answer: what is not committed yet is not stored at all (STO-7).
                        put.entries.clear();
                    }
                    let (entries, is_full) = put.take_entries(&mut used, &mut taken.bytes);
                    let marks = put
                        .marks
                        .as_mut()
                        .map(|marks| marks.drain(..entries.len().min(marks.len())).collect());
                    let is_done = put.entries.is_empty();
                    let (space, ticket) = (Arc::clone(&self.space), *ticket);
                    taken.slices.push(Slice { space, ticket, entries, marks });
                    if is_full {
                        return Turn::Full;
                    }
                    *position += usize::from(is_done);
                }
            }
        }
        if self.jobs.len() > *position { Turn::More } else { Turn::Exhausted }
    }
}

impl Put {
    /// Takes entries until the turn or the commit is full; `true` when it was the commit.
    fn take_entries(&mut self, turn: &mut usize, commit: &mut usize) -> (Vec<Verified>, bool) {
        let mut entries = Vec::new();
        while *turn < TURN_BYTES
            && let Some(entry) = self.entries.front()
        {
            let size = entry.size_bytes();
            // An entry larger than a commit has one for itself.
            if *commit > 0 && commit.saturating_add(size) > COMMIT_BYTES {
                return (entries, true);
            }
            *commit = commit.saturating_add(size);
            *turn = turn.saturating_add(size);
            entries.extend(self.entries.pop_front());
        }
        (entries, false)
    }
}

/// What is said to those who come too late.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable {
        code: Code::new("store.closed"),
        reason: "the store was closed".to_owned(),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests;
