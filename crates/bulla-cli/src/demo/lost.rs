//! A tablet that may write comes in, works, and is revoked; then it tries what it can.

mod tries;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bulla::files;
use bulla::{Device, EntryId, Role, Space};
use bulla_store::ContentAddressedStore;

use super::claims::{Act, Claims};
use super::folder::Phone;
use super::replica::{Replica, sealed_entries, until_served};
use super::steps::Steps;
use super::{Road, new_device};
use crate::exit::Result;
use crate::home::io;
use crate::output::count;

pub(crate) use tries::{Attempt, Door, Way};

/// What the members call the tablet.
pub(crate) const TABLET_LABEL: &str = "tablet of Ninsun";

/// A note that is written during this act. No node may see its name or its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// By the tablet, while it may write.
pub(crate) const BEFORE: Note = Note {
    name: "counted by the tablet.txt",
    text: "Nine jars of barley came to the north gate.\n",
};
/// By the laptop, after it has revoked the tablet.
pub(crate) const AFTER: Note = Note {
    name: "where the jar is now.txt",
    text: "The jar was moved to the house of the weaver.\n",
};
/// By the tablet, which does not know yet that it was revoked.
pub(crate) const LATE: Note =
    Note { name: "let me in again.txt", text: "It is only me, the tablet, with more to say.\n" };

/// The device that is lost, with everything it has.
pub(crate) struct Tablet {
    pub(crate) device: Device,
    replica: Replica,
    /// What it wrote when it was revoked already.
    late: HashSet<EntryId>,
    /// The sealed entries from before its revocation, and those from after it.
    before: HashSet<EntryId>,
    after: HashSet<EntryId>,
}

/// The tablet comes in by a card, reads and writes. Then it is revoked, and the others go on. The doors at which it is
/// logged in still.
pub(crate) async fn play(
    road: &Road<'_>,
    phone: &Phone,
    steps: &mut Steps,
    claims: &mut Claims,
) -> Result<(Tablet, Vec<Door>)> {
    let Road { work, laptop, chain } = *road;
    let id = laptop.replica.space.id();
    steps.start("let a tablet in, which reads and writes");
    let device = new_device()?;
    let card = device.joining_card(id, None);
    laptop.replica.space.grant(card, Role::Writer, TABLET_LABEL).await?;
    laptop.replica.push(&laptop.relay).await?;
    let relay: Arc<dyn ContentAddressedStore> = chain.relay.client("tablet", &device)?.store(id);
    let far_end: Arc<dyn ContentAddressedStore> =
        chain.passthrough.client("tablet", &device)?.store(id);
    until_served(&*far_end).await;
    let replica = Replica::join(work, "tablet", &device, id).await?;
    replica.pull(&relay).await?;
    let read = replica.paths().await?;
    write(work, &replica.space, BEFORE).await?;
    replica.push(&relay).await?;
    laptop.replica.pull(&laptop.relay).await?;
    let is_same = read == phone.replica.paths().await?;
    let arrived = laptop.replica.paths().await?.contains(BEFORE.name);
    claims.note(
        Act::Revoked,
        "writer",
        "As long as it may, the tablet reads and writes",
        is_same && arrived,
        format!(
            "it reads the names that the phone reads, {}; the laptop has its note '{}'",
            count(read.len() as u64, "path", "paths"),
            if arrived { BEFORE.name } else { "none" },
        ),
    );

    steps.start("revoke it, and go on without it");
    let before = sealed_entries(&**laptop.replica.space.store()).await?;
    laptop.replica.space.revoke(device.author()).await?;
    write(work, &laptop.replica.space, AFTER).await?;
    laptop.replica.push(&laptop.relay).await?;
    phone.replica.pull(&phone.far_end).await?;
    let after = &sealed_entries(&**laptop.replica.space.store()).await? - &before;
    let known = sealed_entries(&**replica.space.store()).await?;
    write(work, &replica.space, LATE).await?;
    let late = &sealed_entries(&**replica.space.store()).await? - &known;
    let door = |tries, by, way, store: &Arc<dyn ContentAddressedStore>| Door {
        tries,
        by,
        way,
        store: Arc::clone(store),
    };
    let doors = vec![
        door("push a note, still logged in", "relay", Way::Push, &relay),
        door("fetch what is new, still logged in", "relay", Way::Pull, &relay),
        door("fetch what is new, still logged in", "passthrough", Way::Pull, &far_end),
    ];
    Ok((Tablet { device, replica, late, before, after }, doors))
}

async fn write(work: &Path, space: &Space, note: Note) -> Result<()> {
    let folder = work.join("notes").join(note.name);
    std::fs::create_dir_all(&folder).map_err(|error| io("make", &folder, &error))?;
    let path = folder.join(note.name);
    std::fs::write(&path, note.text).map_err(|error| io("write", &path, &error))?;
    files::add(space, &folder, &|_| {}).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
