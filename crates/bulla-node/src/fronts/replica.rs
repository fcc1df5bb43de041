//! The directory of a space at an upstream, as far as the upstream showed it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bulla_core::values::Cursor;
use bulla_core::{AuthorKey, EntryId, NodeId, SetDigest, SpaceId, VerifiedEntry, VerifiedHeader};
use bulla_directory::{Directory, Standing};
use bulla_server::Rights;
use bulla_store::cached::CachedPart;
use bulla_store::{CacheStorage, ContentAddressedStore, Context, Result, StoreError};
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use crate::config::FollowConfig;
use crate::control;
use crate::judged::{Judge, Judged, rights_of};

/// The control entries of a space that lies at an upstream. Each was verified by the client that fetched it, and what
/// follows from them is computed here: the upstream can hold back, and cannot say who may do what.
#[derive(Debug)]
pub(crate) struct ControlReplica {
    space: SpaceId,
    judged: Arc<Judged>,
    directory: RwLock<Directory>,
    /// Where a cache in front of the upstream holds entries.
    storage: Option<Arc<dyn CacheStorage>>,
    /// Most control entries that are believed.
    most: usize,
}

impl ControlReplica {
    pub(crate) fn new(
        space: SpaceId,
        judged: Arc<Judged>,
        storage: Option<Arc<dyn CacheStorage>>,
        most: usize,
    ) -> Self {
        Self { space, judged, directory: RwLock::new(Directory::new(space)), storage, most }
    }

    /// What a device may do now.
    pub(crate) fn rights(&self, device: &AuthorKey) -> Rights {
        self.with(|directory| {
            let role = directory.role(device);
            let is_recovery = directory.recovery_key().is_some_and(|key| key.author == *device);
            rights_of(role.is_some() || is_recovery, role)
        })
    }

    /// The control entry by which the payload of an entry is erased, if there is one.
    pub(crate) fn erased_by(&self, header: &VerifiedHeader) -> Option<EntryId> {
        self.with(|directory| directory.erased_by(header))
    }

    /// Whether nothing that counts ever gave this author a role.
    pub(crate) fn is_stranger(&self, author: &AuthorKey) -> bool {
        self.with(|directory| directory.frontier_standing(author) == Standing::Stranger)
    }

    /// Takes control entries in, in any order, again or for the first time. Whether they are not too many: if they are, nobody
    /// is served any more, and no further ones are taken in.
    pub(crate) async fn learn(&self, entries: &[VerifiedEntry]) -> bool {
        let (change, is_within) = {
            let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
            if directory.len() > self.most {
                return false;
            }
            let change = directory.extend(entries);
            (change, directory.len() <= self.most)
        };
        if !is_within {
            error!(space = %self.space.short(), most = self.most, "too many control entries");
            self.judged.leave(&self.space);
        } else if !change.is_empty() {
            self.judged.tell();
        }
        if change.erasures
            && let Err(error) = self.drop_erased().await
        {
            warn!(space = %self.space.short(), code = %error.code(), "erased payloads are still held");
        }
        is_within
    }

    /// Drops every entry that a cache holds and whose payload is erased.
    async fn drop_erased(&self) -> Result<()> {
        let Some(storage) = &self.storage else { return Ok(()) };
        let mut after = None;
        loop {
            let ids = storage.ids(&self.space, after, SWEPT_AT_ONCE).await?;
            let Some(last) = ids.last().copied() else { return Ok(()) };
            let mut erased = Vec::new();
            let mut rest = ids.as_slice();
            while !rest.is_empty() {
                let kept = storage.get(&self.space, rest, CachedPart::Header, u32::MAX).await?;
                let (seen, left) = rest.split_at(kept.len().clamp(1, rest.len()));
                for (id, kept) in seen.iter().zip(kept) {
                    let header = kept.as_ref().map(|kept| kept.entry.verified_header());
                    if header.is_some_and(|header| self.erased_by(header).is_some()) {
                        erased.push(*id);
                    }
                }
                rest = left;
            }
            self.evict(&erased).await?;
            after = Some(last);
        }
    }

    /// Forgets entries that a cache holds.
    pub(crate) async fn evict(&self, ids: &[EntryId]) -> Result<()> {
        match self.storage.as_ref().filter(|_| !ids.is_empty()) {
            Some(storage) => storage.evict(&self.space, ids).await,
            None => Ok(()),
        }
    }

    fn with<T>(&self, ask: impl FnOnce(&Directory) -> T) -> T {
        ask(&self.directory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Follows the upstream for as long as the space is bound to it. Says once that it was asked, whatever it answered.
    pub(crate) async fn run(
        self: Arc<Self>,
        upstream: Arc<dyn ContentAddressedStore>,
        node: NodeId,
        follow: FollowConfig,
        tried: watch::Sender<bool>,
    ) {
        let first = Duration::from_millis(follow.first_retry_ms);
        let longest = Duration::from_millis(follow.longest_retry_ms);
        let mut reading = Reading { replica: self, upstream, after: None, first, pause: first };
        loop {
            let Err(error) = reading.follow(&tried).await;
            let space = reading.replica.space;
            if is_refusal(&error) {
                // It will not tell us who belongs there any more, so nobody is served by what it told before.
                reading.replica.judged.leave(&space);
                warn!(
                    space = %space.short(), %node, code = %error.code(),
                    "the upstream does not serve the space to this node: it needs the role relay there"
                );
            } else {
                debug!(
                    space = %space.short(), code = %error.code(),
                    "control entries are not followed just now; what is known of them stays"
                );
            }
            if matches!(error, StoreError::Cursor(_)) {
                // Another history, or one that was rolled back: all of it is read again.
                reading.after = None;
            }
            tried.send_replace(true);
            tokio::time::sleep(reading.pause).await;
            reading.pause = (reading.pause * 2).min(longest);
        }
    }
}

/// How far an upstream was read.
struct Reading {
    replica: Arc<ControlReplica>,
    upstream: Arc<dyn ContentAddressedStore>,
    after: Option<Cursor>,
    first: Duration,
    /// Until it is asked again, if it fails now.
    pause: Duration,
}

impl Reading {
    /// Reads what there is, and then whatever comes, until something fails.
    async fn follow(&mut self, tried: &watch::Sender<bool>) -> Result<std::convert::Infallible> {
        let cx = Context::new();
        // Watched before it is read, so that nothing falls in between.
        let mut heads = self.upstream.watch(&cx).await?;
        let mut read: Option<SetDigest> = None;
        loop {
            let head = heads.next().await;
            let head = head.ok_or_else(|| closed("the feed of the upstream ended"))??;
            if read == Some(head.control.digest) {
                continue;
            }
            self.read(&cx).await?;
            read = Some(head.control.digest);
            self.pause = self.first;
            let space = self.replica.space;
            self.replica.judged.enter(space, Judge::Front(Arc::clone(&self.replica)));
            if !tried.send_replace(true) {
                info!(space = %space.short(), "the members of the space are known");
            }
        }
    }

    async fn read(&mut self, cx: &Context) -> Result<()> {
        loop {
            let page = control::page(cx, &*self.upstream, self.after).await?;
            if !self.replica.learn(&page.entries).await {
                return Err(StoreError::NotServed(self.replica.space));
            }
            self.after = Some(page.cursor);
            if page.end {
                return Ok(());
            }
        }
    }
}

/// Whether the upstream says that this node has no business there, rather than being away.
fn is_refusal(error: &StoreError) -> bool {
    matches!(error, StoreError::NotServed(_) | StoreError::Forbidden { .. })
        || error.code().as_str() == "login.refused"
}

fn closed(reason: &str) -> StoreError {
    let code = bulla_core::Code::new("upstream.unavailable");
    StoreError::Unavailable { code, reason: reason.to_owned(), retry_after: None }
}

/// Entries of a cache looked at in one step.
const SWEPT_AT_ONCE: usize = 1_024;
