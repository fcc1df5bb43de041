//! What a relay can see: read back from it, header by header.

use std::collections::{BTreeMap, BTreeSet};

use bulla_core::values::{ScanBody, ScanRequest, Want};
use bulla_store::{ContentAddressedStore, Context};
use serde_json::{Value, json};

use crate::exit::Result;
use crate::output::size;

/// What the headers of a space tell.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    space: String,
    authors: BTreeSet<String>,
    kinds: BTreeMap<String, u64>,
    topics: BTreeSet<String>,
    keys: BTreeSet<String>,
    dependencies: usize,
    lengths: BTreeSet<u32>,
    bytes: u64,
    times: Option<(u64, u64)>,
}

/// Reads every header from the relay.
pub(crate) async fn by_relay(relay: &dyn ContentAddressedStore) -> Result<Seen> {
    let mut seen = Seen { space: relay.space().to_string(), ..Seen::default() };
    let mut request = ScanRequest { want: Want::Headers, ..ScanRequest::everything() };
    loop {
        let page = relay.scan(&Context::new(), request.clone()).await?;
        for item in page.items {
            let ScanBody::Header(header, _) = item.body else { continue };
            let header = header.header();
            seen.authors.insert(header.author.short());
            *seen.kinds.entry(header.kind.to_string()).or_default() += 1;
            seen.topics.insert(header.topic.short());
            seen.keys.insert(header.key_id.short());
            seen.dependencies += header.dependencies.len();
            seen.lengths.insert(header.payload_length);
            seen.bytes += u64::from(header.payload_length);
            let time = header.timestamp >> 16;
            let (first, last) = seen.times.unwrap_or((time, time));
            seen.times = Some((first.min(time), last.max(time)));
        }
        if page.end {
            return Ok(seen);
        }
        request.after = Some(page.cursor);
    }
}

impl Seen {
    /// Rows for a table: what, how much, what it tells.
    pub(crate) fn rows(&self) -> Vec<Vec<Value>> {
        let kinds: Vec<String> =
            self.kinds.iter().map(|(kind, count)| format!("{count} x {kind}")).collect();
        let span = self.times.map_or(0, |(first, last)| last - first);
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        let row =
            |what: &str, value: String, tells: &str| vec![json!(what), json!(value), json!(tells)];
        vec![
            row("space", self.space.clone(), "a hash"),
            row("author keys", list(&self.authors), "which devices write"),
            row("kinds", kinds.join(", "), "what entries are for, not what is in them"),
            row("topics", list(&self.topics), "keyed hashes; zeros for none"),
            row(
                "key ids",
                list(&self.keys),
                "hashes of keys it does not have; zeros for control entries",
            ),
            row("dependencies", self.dependencies.to_string(), "which entries build on which"),
            row("padded lengths", self.lengths.len().to_string(), "different ones, up to padding"),
            row("payload bytes", size(self.bytes), "sealed"),
            row("timestamps", format!("over {span} ms"), "when devices say they wrote"),
        ]
    }
}
