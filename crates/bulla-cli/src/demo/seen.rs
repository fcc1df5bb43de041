//! What a relay can see: read from its disk by a device that has no key of the space.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use bulla::{Kind, Role, Space};
use bulla_core::values::{ScanBody, ScanRequest, Want};
use bulla_store::{Context, StoreExt as _};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use super::claims::{Act, Claims};
use super::relay_disk::RelayDisk;
use crate::exit::Result;
use crate::output::{count, size};

/// What the headers and the control entries of a space tell.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    space: String,
    authors: BTreeSet<String>,
    /// By role, the keys that have it now.
    roles: BTreeMap<Role, Vec<String>>,
    control: BTreeMap<String, u64>,
    kinds: BTreeMap<String, u64>,
    topics: BTreeSet<String>,
    keys: BTreeSet<String>,
    epochs: usize,
    dependencies: usize,
    lengths: BTreeSet<u32>,
    bytes: u64,
    times: Option<(u64, u64)>,
}

/// Reads everything from the relay's disk, as whoever runs it can.
pub(crate) async fn by_relay(disk: &RelayDisk, named: usize, claims: &mut Claims) -> Result<Seen> {
    let space = disk.open(&super::new_device()?).await?;
    let mut seen = Seen { space: space.id().short(), ..Seen::default() };
    seen.read_members(&space, named, claims).await?;
    let cx = Context::new();
    let request = ScanRequest { want: Want::Headers, ..ScanRequest::everything() };
    let mut held = pin!(space.store().scan_all(&cx, request));
    while let Some(item) = held.try_next().await? {
        let ScanBody::Header(header, _) = item.body else { continue };
        let header = header.header();
        seen.authors.insert(header.author.short());
        let is_control = header.kind.is_control();
        let kinds = if is_control { &mut seen.control } else { &mut seen.kinds };
        *kinds.entry(name(header.kind)).or_default() += 1;
        seen.topics.insert(header.topic.short());
        seen.keys.insert(header.key_id.short());
        seen.dependencies += header.dependencies.len();
        seen.lengths.insert(header.payload_length);
        seen.bytes += u64::from(header.payload_length);
        let time = header.timestamp >> 16;
        let (first, last) = seen.times.unwrap_or((time, time));
        seen.times = Some((first.min(time), last.max(time)));
    }
    Ok(seen)
}

impl Seen {
    /// Who has which role, which is plain; and what they are called, which must not be. `named` of them have a label.
    async fn read_members(
        &mut self,
        space: &Space,
        named: usize,
        claims: &mut Claims,
    ) -> Result<()> {
        let members = space.members().await?;
        for member in &members {
            self.roles.entry(member.role).or_default().push(member.device.short());
        }
        let group = bulla::EntryId::ZERO;
        let epochs = space.with_directory(|directory| directory.epochs(&group).len());
        self.epochs = epochs.unwrap_or(0);
        let opened = members.iter().filter(|member| member.label.is_some()).count();
        claims.note(
            Act::Seen,
            "labels",
            "The relay knows who has which role, and not what members call each other",
            opened == 0 && named > 0 && members.len() > named,
            format!(
                "its disk tells the roles of {}; of {named} labels it opens {opened}",
                count(members.len() as u64, "key", "keys")
            ),
        );
        Ok(())
    }

    /// Rows for a table: what, how much, what it tells.
    pub(crate) fn rows(&self) -> Vec<Vec<Value>> {
        let kinds = |counts: &BTreeMap<String, u64>| {
            let kinds = counts.iter().map(|(kind, count)| format!("{count} x {kind}"));
            kinds.collect::<Vec<_>>().join(", ")
        };
        let span = self.times.map_or(0, |(first, last)| last - first);
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        let row =
            |what: &str, value: String, tells: &str| vec![json!(what), json!(value), json!(tells)];
        let mut rows = vec![
            row("space", self.space.clone(), "the hash of its first entry"),
            row("author keys", list(&self.authors), "which devices write, or wrote"),
        ];
        for (role, keys) in self.roles.iter().rev() {
            rows.push(row(&format!("role {role}"), keys.join(" "), "who may do what; no names"));
        }
        rows.extend([
            row("key epochs", self.epochs.to_string(), "when keys change, for which devices"),
            row("control entries", kinds(&self.control), "who changed what of the above, and when"),
            row("other entries", kinds(&self.kinds), "what they are for, not what is in them"),
            row("topics", list(&self.topics), "keyed hashes; zeros for none"),
            row(
                "key ids",
                list(&self.keys),
                "hashes of keys that it does not have; zeros for none",
            ),
            row("dependencies", self.dependencies.to_string(), "which entries build on which"),
            row("padded lengths", self.lengths.len().to_string(), "different ones, up to padding"),
            row("payload bytes", size(self.bytes), "sealed"),
            row("timestamps", format!("over {span} ms"), "when devices say they wrote"),
        ]);
        rows
    }
}

/// The name of a kind, without its number.
fn name(kind: Kind) -> String {
    let text = kind.to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}
