//! A store behind the admission, and all that can be said of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_admission::{AdmissionSettings, DirectoryAdmission};
use bulla_core::control::Control;
use bulla_core::values::{GetItem, Head, PayloadState, PutOutcome, ScanBody, ScanRequest};
use bulla_core::{EntryId, SpaceId, Verified, VerifiedEntry, VerifiedHeader};
use bulla_store::MemoryBookmarks;
use bulla_store::{
    ContentAddressedStore, Context, GuardedStore, Judged, KeptFacts, Quarantine, Result,
    StoreExt as _,
};
use bulla_sync::{Options, Report, replicate};

use crate::engine::Engine;

pub(crate) type Guarded = GuardedStore<Engine, DirectoryAdmission>;

#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) engine: Arc<Engine>,
    pub(crate) admission: Arc<DirectoryAdmission>,
    pub(crate) store: Arc<Guarded>,
    pub(crate) settings: AdmissionSettings,
    pub(crate) cx: Context,
}

/// What a replica says, without anything that depends on the order in which entries came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Of each entry that is held: its code if it does not count, and its payload.
    pub(crate) held: BTreeMap<EntryId, (Option<String>, PayloadState)>,
    /// Of each entry in quarantine: its code.
    pub(crate) kept: BTreeMap<EntryId, String>,
}

impl Seen {
    pub(crate) fn counting(&self) -> Vec<EntryId> {
        let counting = self.held.iter().filter(|(_, (code, _))| code.is_none());
        counting.map(|(id, _)| *id).collect()
    }

    /// What an entry is said to be: `counts`, its code, or nothing if it is not here.
    pub(crate) fn word(&self, id: &EntryId) -> Option<String> {
        match self.held.get(id) {
            Some((code, _)) => Some(code.clone().unwrap_or_else(|| "counts".to_owned())),
            None => self.kept.get(id).cloned(),
        }
    }
}

impl Replica {
    pub(crate) async fn open(space: SpaceId, number: u8) -> Self {
        Self::over(Engine::new(space, number), AdmissionSettings::default()).await.unwrap()
    }

    pub(crate) async fn over(engine: Arc<Engine>, settings: AdmissionSettings) -> Result<Self> {
        let cx = Context::new();
        let admission = DirectoryAdmission::open(&cx, Arc::clone(&engine), settings).await?;
        let admission = Arc::new(admission);
        let store = GuardedStore::judging(Arc::clone(&engine), Arc::clone(&admission));
        Ok(Self { engine, admission, store: Arc::new(store), settings, cx })
    }

    /// The same engine under a new admission, as after a crash.
    pub(crate) async fn reopen(&self) -> Self {
        Self::over(Arc::clone(&self.engine), self.settings).await.unwrap()
    }

    pub(crate) async fn put(&self, entries: &[Verified]) -> Vec<PutOutcome> {
        self.store.put(&self.cx, entries.to_vec()).await.unwrap().outcomes
    }

    /// `None` if it hung, and was dropped.
    pub(crate) async fn try_put(&self, entries: &[Verified]) -> Option<Result<Vec<PutOutcome>>> {
        let put = self.store.put(&self.cx, entries.to_vec());
        let put = self.engine.unless_hung(put).await?;
        Some(put.map(|report| report.outcomes))
    }

    pub(crate) async fn head(&self) -> Head {
        self.engine.inner.head(&self.cx).await.unwrap()
    }

    pub(crate) async fn state_of(&self, id: EntryId) -> GetItem {
        self.engine.inner.get_one(&self.cx, id).await.unwrap()
    }

    pub(crate) async fn headers(&self) -> Vec<(VerifiedHeader, PayloadState)> {
        let mut headers = Vec::new();
        let mut after = None;
        loop {
            let request = ScanRequest { after, ..ScanRequest::everything() };
            let page = self.engine.inner.scan(&self.cx, request).await.unwrap();
            headers.extend(page.items.into_iter().map(|item| match item.body {
                ScanBody::Entry(entry) => (entry.verified_header().clone(), PayloadState::Present),
                ScanBody::Header(header, state) => (header, state),
                body => panic!("{body:?}"),
            }));
            after = Some(page.cursor);
            if page.end {
                return headers;
            }
        }
    }

    pub(crate) async fn controls(&self) -> Vec<VerifiedEntry> {
        let mut controls = Vec::new();
        for (header, _) in self.headers().await {
            if header.header().kind.is_control()
                && let GetItem::Entry(entry) = self.state_of(header.id()).await
                && !matches!(entry.control(), Some(Control::Frontier(_)))
            {
                controls.push(entry);
            }
        }
        controls
    }

    pub(crate) async fn kept(&self) -> Vec<KeptFacts> {
        self.engine.inner.kept(&self.cx, None, 4_096).await.unwrap().facts
    }

    pub(crate) async fn kept_headers(&self) -> Vec<VerifiedHeader> {
        let page = self.engine.inner.kept(&self.cx, None, 4_096).await.unwrap();
        let ids: Vec<EntryId> = page.facts.iter().map(|facts| facts.id).collect();
        let found = self.engine.inner.kept_entries(&self.cx, &ids, u32::MAX).await.unwrap();
        found.into_iter().flatten().map(|kept| kept.entry.verified_header().clone()).collect()
    }

    pub(crate) async fn seen(&self) -> Seen {
        let store = &self.engine.inner;
        let mut held = BTreeMap::new();
        for (header, state) in self.headers().await {
            let facts = store.facts(&self.cx, &[header.id()]).await.unwrap();
            let code = facts[0].as_ref().unwrap().mark.code().map(ToString::to_string);
            held.insert(header.id(), (code, state));
        }
        let page = store.kept(&self.cx, None, 4_096).await.unwrap();
        assert!(page.end, "tests are smaller than a page");
        let kept = page.facts.into_iter().map(|facts| (facts.id, facts.code.to_string())).collect();
        Seen { held, kept }
    }

    /// The marks are made from the control entries that are held.
    pub(crate) async fn assert_settled(&self) {
        let by = self.engine.inner.judged_by(&self.cx).await.unwrap();
        assert_eq!(by, Some(self.head().await.control.digest));
    }
}

/// Pulls everything from one store into another.
pub(crate) async fn pull(
    source: &Arc<Guarded>,
    target: &Arc<Guarded>,
    bookmarks: &Arc<MemoryBookmarks>,
) -> Report {
    let source = Arc::clone(source) as Arc<dyn ContentAddressedStore>;
    let target = Arc::clone(target) as Arc<dyn ContentAddressedStore>;
    replicate(source, target, Arc::clone(bookmarks) as _, Options::pull()).await
}
