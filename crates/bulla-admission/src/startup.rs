//! Opening: the directory and all that goes with it, from what the engine holds (ADM-5).

use std::pin::pin;
use std::sync::Arc;

use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::values::{
    Counting, Filter, KindRange, PageLimit, PayloadState, Rule, ScanBody, ScanRequest, Want,
};
use bulla_core::{AuthorKey, EntryId, Kind, VerifiedEntry};
use bulla_store::{Context, Mark, Place, Result, StoreExt as _};
use futures_util::TryStreamExt as _;

use crate::admission::{DirectoryAdmission, Engine};
use crate::codes;
use crate::quota::{self, Totals};
use crate::rejudging::{Marks, is_graph, subject};
use crate::settings::AdmissionSettings;
use crate::state::{Pending, State, Word};

impl DirectoryAdmission {
    /// Opens the admission of an engine's space: brings it under the rule *directory*, computes the directory from the control
    /// entries that it holds, and judges everything again if its marks were made from others, or by nobody (MARK-6).
    ///
    /// Takes one pass over the headers held; two more if the marks are to be made anew, one if the policy limits anything.
    ///
    /// # Errors
    ///
    /// Those of the engine. It can be opened again, and what was done stays.
    pub async fn open<E: Engine>(
        cx: &Context,
        engine: Arc<E>,
        settings: AdmissionSettings,
    ) -> Result<Self> {
        let admission = Self::new(engine, settings);
        admission.load(cx).await?;
        admission.settle(cx).await?;
        Ok(admission)
    }

    async fn load(&self, cx: &Context) -> Result<()> {
        self.engine.set_rule(cx, Rule::Directory).await?;
        let mut state = self.read_control_entries(cx).await?;
        let head = self.engine.head(cx).await?;
        let is_current = self.engine.judged_by(cx).await? == Some(head.control.digest)
            && matches!(head.counting, Counting::Directory(_));
        state.collect_group_keys();
        let control = state.directory.len();
        if is_current {
            let erasures: Vec<EntryId> = state.controls.erasures().to_vec();
            for id in erasures {
                let by_admin = state.directory.erasure_is_by_admin(&id);
                state.carried_out.insert(id, by_admin);
            }
        } else {
            state.pending = Some(Pending { everything: true, ..Pending::default() });
        }
        self.access.enter(&state.directory, None);
        *self.state_mut() = state;
        if is_current {
            self.find_open(cx).await?;
        } else {
            tracing::info!(
                space = %self.space().short(),
                control,
                "the marks of the store are made anew"
            );
        }
        self.count_usage(cx).await
    }

    /// Computes the directory from every control entry held. Of their payloads a page is in memory at a time: the keys that
    /// epochs seal are most of them, and the directory keeps none.
    async fn read_control_entries(&self, cx: &Context) -> Result<State> {
        let mut state = State::new(self.space());
        let mut after = None;
        loop {
            // Control entries match every filter (FLT-1), and nothing else matches this one.
            let range =
                KindRange { first: Kind::GENESIS, last: Kind(Kind::FIRST_APPLICATION.0 - 1) };
            let filter = Filter { kinds: vec![range], ..Filter::all() };
            let page = self
                .engine
                .scan(cx, ScanRequest { after, filter, ..ScanRequest::everything() })
                .await?;
            let entries = page.items.into_iter().filter_map(|item| match item.body {
                ScanBody::Entry(entry) if is_graph(entry.header().kind) => Some(entry),
                _ => None,
            });
            state.load(&entries.collect::<Vec<VerifiedEntry>>());
            after = Some(page.cursor);
            if page.end {
                // Nothing was judged until here.
                state.take_in(&[]);
                return Ok(state);
            }
        }
    }

    /// Finds the entries that are marked as open, so that headers to come decide them.
    async fn find_open(&self, cx: &Context) -> Result<()> {
        let mut chains = self.chains().await;
        let mut marks = Marks::new(&*self.engine);
        let mut after = 0;
        loop {
            let page = self.engine.marked(cx, after, 4_096).await?;
            for facts in &page.facts {
                let is_open =
                    matches!(&facts.mark, Mark::Not(code) if code.as_str() == codes::OPEN);
                if is_open && !is_graph(facts.kind) {
                    let subject = subject(facts);
                    // What it waits for is found by asking; it may have come just before the store was closed.
                    let word = self.word(cx, &mut chains, &subject).await?;
                    if word == Word::Open {
                        chains.note(&subject);
                    } else {
                        marks.push(cx, subject.id, word.mark()).await?;
                    }
                    self.note_word(&subject, &word);
                } else if facts.kind == Kind::FRONTIER {
                    self.note_word(&subject(facts), &Word::Stranger);
                }
            }
            match page.facts.last() {
                Some(last) if !page.end => after = last.receipt,
                _ => return marks.flush(cx, None).await,
            }
        }
    }

    /// Counts what every author has, if the policy limits anything.
    pub(crate) async fn count_usage(&self, cx: &Context) -> Result<()> {
        if !quota::limits_anything(&self.state().directory.policy()) {
            return Ok(());
        }
        let mut counted = quota::Usage::default();
        let limit = PageLimit { max_items: 16_384, ..PageLimit::MAX };
        let request = ScanRequest { want: Want::Headers, limit, ..ScanRequest::everything() };
        let mut held = pin!(self.engine.scan_all(cx, request));
        while let Some(item) = held.try_next().await? {
            let ScanBody::Header(header, payload) = item.body else { continue };
            let header = header.header();
            if !is_graph(header.kind) {
                let is_present = payload == PayloadState::Present;
                let bytes = if is_present { u64::from(header.payload_length) } else { 0 };
                counted.add(&header.author, Totals { entries: 1, bytes });
            }
        }
        // What is on its way was set aside before, and is not held.
        *self.usage_now() = counted;
        Ok(())
    }

    /// Counts what one author has. The gate is held.
    pub(crate) async fn count_usage_of(&self, cx: &Context, author: AuthorKey) -> Result<()> {
        let mut counted = Totals::default();
        let mut after = Place::default();
        loop {
            let page = self.engine.authored(cx, author, after, MAX_ENTRIES_PER_PUT).await?;
            for facts in page.facts.iter().filter(|facts| !is_graph(facts.kind)) {
                let is_present = facts.payload == PayloadState::Present;
                let bytes = if is_present { u64::from(facts.payload_length) } else { 0 };
                counted = counted.with(1, bytes);
            }
            match page.facts.last() {
                Some(last) if !page.end => after = last.place(),
                _ => break,
            }
        }
        self.usage_now().replace(&author, counted);
        Ok(())
    }
}
