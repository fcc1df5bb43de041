//! Bringing a grant to the node of an invitation, so that the new device can log in there.

use std::sync::Arc;

use bulla::sync::{Options, Report, Verdict, push_with};
use bulla::{Device, Space};
use bulla_core::Kind;
use bulla_core::values::{Filter, KindRange};
use bulla_store::Bookmarks;
use bulla_store_rocksdb::DiskSpaces;
use bulla_sync::Scope;

use crate::app::App;
use crate::args::LinkArgs;
use crate::commands::sync;
use crate::exit::{Result, with_causes};
use crate::home::Remote;

/// What goes to which node.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    app: &'a App,
    spaces: &'a DiskSpaces,
    space: &'a Space,
    device: &'a Device,
    node: Remote,
}

impl<'a> Delivery<'a> {
    pub(super) const fn new(
        app: &'a App,
        spaces: &'a DiskSpaces,
        space: &'a Space,
        device: &'a Device,
        node: Remote,
    ) -> Self {
        Self { app, spaces, space, device, node }
    }

    /// Brings control entries, which match every filter (FLT-1), and no others: little enough for somebody who waits.
    pub(super) async fn control(&self, link: &LinkArgs) {
        let last = KindRange { first: Kind(u16::MAX), last: Kind(u16::MAX) };
        let filter = Filter { kinds: vec![last], ..Filter::all() };
        // What fails here is tried again, and told, with the rest.
        drop(self.push(link, Options::push().with_scope(Scope::Filtered(filter))).await);
    }

    /// Brings everything. That it cannot be brought undoes nothing.
    pub(super) async fn rest(&self, link: &LinkArgs) {
        let url = &self.node.url;
        let why = match self.push(link, Options::push()).await {
            Ok(report) => match &report.verdict {
                Verdict::Incomplete(incomplete) => with_causes(&incomplete.reason),
                _ => {
                    self.remember();
                    self.app.output.note(format!("{url} has it: `bulla sync` works there now."));
                    return;
                }
            },
            Err(failure) => failure.message,
        };
        self.app.output.note(format!("Not brought to {url} yet: {why}."));
        self.app.output.note("It takes effect elsewhere with the next `bulla sync`.");
    }

    async fn push(&self, link: &LinkArgs, options: Options) -> Result<Report> {
        let plain = link.dangerous_plain_http;
        let client = sync::client(self.app, self.device, &self.node, plain).await?;
        let node = client.store(self.space.id());
        let bookmarks: Arc<dyn Bookmarks> = Arc::new(self.spaces.bookmarks());
        let again = options.clone();
        let pushed =
            push_with(self.space, Arc::clone(&node) as _, Arc::clone(&bookmarks), options).await;
        let is_brought = sync::is_not_served(&pushed)
            && sync::bring(self.space, &*node, self.device.author()).await?;
        if !is_brought {
            return Ok(pushed);
        }
        Ok(push_with(self.space, node, bookmarks, again).await)
    }

    /// A space that had no node to sync with has one now.
    fn remember(&self) {
        let Ok(mut local) = self.app.home.local() else { return };
        let entry = local.entry(self.space.id());
        if entry.remote.is_none() {
            entry.remote = Some(self.node.clone());
            drop(self.app.home.save_local(&local));
        }
    }
}
