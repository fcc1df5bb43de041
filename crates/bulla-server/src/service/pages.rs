//! Giving entries out: pages are fetched one ahead and written as the peer takes them.

use std::collections::VecDeque;
use std::sync::Arc;

use bulla_core::SpaceId;
use bulla_core::cbor::Encode;
use bulla_core::values::{GetItem, Page, ScanItem, ScanRequest};
use bulla_store::{ContentAddressedStore, Context};
use bulla_wire::get::GetMessage;
use bulla_wire::scan::ScanMessage;
use bulla_wire::{BodyEncoder, WireError};
use bytes::Bytes;
use futures_util::stream;
use tokio_util::task::AbortOnDropHandle;

use super::gate::Pass;
use super::rights::{Recheck, Right};
use super::{Answer, Asker, Service};
use crate::body::CutShort;
use crate::errors;

type Fetch = AbortOnDropHandle<Result<Page, bulla_store::StoreError>>;

impl Service {
    pub(super) async fn get(
        &self,
        asker: &Asker,
        space: SpaceId,
        store: Arc<dyn ContentAddressedStore>,
        message: GetMessage,
        pass: Pass,
    ) -> Result<Answer, WireError> {
        let GetMessage { mut request, form } = message;
        self.check_ids(request.ids.len())?;
        request.max_bytes = request.max_bytes.min(self.settings.max_page_bytes);
        let items = store.get(&asker.cx, request).await;
        let check = self.recheck(asker, space, Right::Read);
        check()?;
        let items = items.map_err(|error| errors::of_store(&error))?;
        let writing = Writing { encoder: BodyEncoder::get(space, form), _pass: pass, check };
        let state = (writing, items.into_iter(), false);
        let pieces = stream::unfold(state, |(mut writing, mut items, is_over)| async move {
            if is_over {
                return None;
            }
            if writing.is_forbidden() {
                return Some((Ok::<_, CutShort>(writing.take()), (writing, items, true)));
            }
            let is_over =
                !writing.fill(&mut items, |encoder, item: GetItem| encoder.get_item(&item));
            if is_over {
                writing.encoder.end();
            }
            Some((Ok(writing.take()), (writing, items, is_over)))
        });
        Ok(Answer::Sequence(Box::pin(pieces)))
    }

    pub(super) async fn scan(
        &self,
        asker: &Asker,
        space: SpaceId,
        store: Arc<dyn ContentAddressedStore>,
        message: ScanMessage,
        pass: Pass,
    ) -> Result<Answer, WireError> {
        let ScanMessage { mut request, form, pages } = message;
        request.limit = request.limit.clamped();
        request.limit.max_bytes = request.limit.max_bytes.min(self.settings.max_page_bytes);
        // The first page is fetched before anything is answered, so that a refusal is an answer of its own.
        let first = store.scan(&asker.cx, request.clone()).await;
        let check = self.recheck(asker, space, Right::Read);
        check()?;
        let first = first.map_err(|error| errors::of_store(&error))?;
        let encoder = BodyEncoder::scan(space, form, request.after.as_ref());
        let mut scan = Scan {
            writing: Writing { encoder, _pass: pass, check },
            store,
            cx: asker.cx.clone(),
            request,
            pages_left: pages,
            items: VecDeque::new(),
            page: None,
            next: None,
            is_over: false,
        };
        scan.begin(first);
        let pieces = stream::unfold(scan, |mut scan| async move {
            let piece = scan.piece().await?;
            Some((Ok::<_, CutShort>(piece), scan))
        });
        Ok(Answer::Sequence(Box::pin(pieces)))
    }
}

/// One item in pieces; it keeps its place until the peer has taken the last.
pub(super) fn large(value: &impl Encode, pass: Pass, check: Recheck) -> Answer {
    let state = (Bytes::from(value.to_cbor()), pass, check);
    let pieces = stream::unfold(state, |(mut bytes, pass, check)| async move {
        let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
        if piece.is_empty() {
            return None;
        }
        // One item has no room for an error in its middle.
        let piece = check().map(|()| piece).map_err(|_| CutShort);
        if piece.is_err() {
            bytes.clear();
        }
        Some((piece, (bytes, pass, check)))
    });
    Answer::Large(Box::pin(pieces))
}

/// An answer being written. It keeps its place among the heavy requests until the peer has taken all of it.
struct Writing {
    encoder: BodyEncoder,
    _pass: Pass,
    /// Whether the asker may still read: asked before each piece that leaves.
    check: Recheck,
}

impl Writing {
    /// Whether the right is gone; then nothing comes but the error that says so.
    fn is_forbidden(&mut self) -> bool {
        let refused = (self.check)().err();
        refused.iter().for_each(|error| self.encoder.error(error));
        refused.is_some()
    }

    /// Writes items until a piece is full; `false` when there are no more.
    fn fill<T>(
        &mut self,
        items: &mut impl Iterator<Item = T>,
        mut write: impl FnMut(&mut BodyEncoder, T),
    ) -> bool {
        while self.encoder.size_bytes() < PIECE_BYTES {
            match items.next() {
                Some(item) => write(&mut self.encoder, item),
                None => return false,
            }
        }
        true
    }

    fn take(&mut self) -> Bytes {
        self.encoder.take(PIECE_BYTES + PIECE_BYTES / 4)
    }
}

struct Scan {
    writing: Writing,
    store: Arc<dyn ContentAddressedStore>,
    cx: Context,
    request: ScanRequest,
    pages_left: u32,
    items: VecDeque<ScanItem>,
    /// The page being written, without its items.
    page: Option<Page>,
    /// The page after it, on its way.
    next: Option<Fetch>,
    is_over: bool,
}

impl Scan {
    /// Takes up a page, and sends for the one after it.
    fn begin(&mut self, mut page: Page) {
        self.items = std::mem::take(&mut page.items).into();
        self.pages_left = self.pages_left.saturating_sub(1);
        if self.pages_left > 0 && !page.end {
            self.request.after = Some(page.cursor);
            let (store, cx, request) =
                (Arc::clone(&self.store), self.cx.clone(), self.request.clone());
            let fetch = tokio::spawn(async move { store.scan(&cx, request).await });
            self.next = Some(AbortOnDropHandle::new(fetch));
        }
        self.page = Some(page);
    }

    async fn piece(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        if self.writing.is_forbidden() {
            self.is_over = true;
            return Some(self.writing.take());
        }
        loop {
            let items = &mut self.items;
            let mut items = std::iter::from_fn(|| items.pop_front());
            if self.writing.fill(&mut items, |encoder, item| encoder.scan_item(&item)) {
                return Some(self.writing.take());
            }
            if let Some(page) = self.page.take() {
                self.writing.encoder.page_end(&page.cursor, page.end, self.next.is_some());
            }
            let Some(next) = self.next.take() else {
                self.is_over = true;
                return Some(self.writing.take());
            };
            match self.fetched(next).await {
                Ok(page) => self.begin(page),
                Err(error) => {
                    self.writing.encoder.error(&error);
                    self.is_over = true;
                    return Some(self.writing.take());
                }
            }
        }
    }

    async fn fetched(&self, next: Fetch) -> Result<Page, WireError> {
        let page = next.await.map_err(|error| {
            errors::of_store(&bulla_store::StoreError::internal("cannot read a page", error))
        })?;
        (self.writing.check)()?;
        page.map_err(|error| errors::of_store(&error))
    }
}

/// About as much as one write carries best.
const PIECE_BYTES: usize = 64 * 1024;
