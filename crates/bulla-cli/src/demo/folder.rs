//! A folder goes from the laptop to the phone by way of three nodes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla::Device;
use bulla::files::{self, AddReport, Existing, FileProgress, Tree};
use bulla_core::values::Head;
use bulla_store::{ContentAddressedStore, Context};

use super::Road;
use super::claims::{Act, Claims};
use super::folders;
use super::pairing::Paired;
use super::replica::{Replica, complete, until_served};
use super::steps::Steps;
use crate::exit::Result;
use crate::home::io;
use crate::output::{count, size};

/// The device that reads.
pub(crate) struct Phone {
    pub(crate) replica: Replica,
    /// The space at the far end of the chain, as this device uses it.
    pub(crate) far_end: Arc<dyn ContentAddressedStore>,
}

/// What was sent, and the state of the space wherever it was read afterwards.
pub(crate) struct Sent {
    pub(crate) added: AddReport,
    pub(crate) heads: [(&'static str, Head); 5],
}

/// Stores the folder on the laptop, pushes it to the relay, pulls it from the far end of the chain to the phone, and
/// restores it there.
pub(crate) async fn play(
    road: &Road<'_>,
    from: &Path,
    device: &Device,
    paired: &Paired,
    steps: &mut Steps,
    claims: &mut Claims,
) -> Result<(Phone, Sent)> {
    let Road { work, laptop, chain } = *road;
    let id = laptop.replica.space.id();
    steps.start("store the folder on the laptop");
    let bar = |progress: FileProgress| steps.progress(progress.bytes, progress.total_bytes);
    let added = files::add(&laptop.replica.space, from, &bar).await?;
    steps.start("push it to the relay");
    laptop.replica.push(&laptop.relay).await?;

    steps.start("pull it through the chain to the phone");
    let replica = Replica::join(work, "phone", device, id).await?;
    let far_end: Arc<dyn ContentAddressedStore> =
        chain.passthrough.client("phone", device)?.store(id);
    until_served(&*far_end).await;
    complete("pull", &replica.try_pull(&far_end, &paired.told).await)?;

    steps.start("restore it and compare");
    let restored = work.join("restored");
    let tree = Tree::read(&replica.space).await?;
    let bar = |progress: FileProgress| steps.progress(progress.bytes, progress.total_bytes);
    let report =
        files::restore(&replica.space, &tree, &restored, &[], Existing::Keep, &bar).await?;
    let difference = folders::difference(from, &restored)?;
    let compared = format!(
        "{} and {}, {}, compared byte for byte",
        count(report.files, "file", "files"),
        count(report.directories, "directory", "directories"),
        size(report.bytes),
    );
    claims.note(
        Act::Folder,
        "folder",
        "What the phone restores is what the laptop stored",
        difference.is_none(),
        difference.unwrap_or(compared),
    );

    steps.start("read every head");
    let cache = chain.cache.client("laptop", &laptop.device)?.store(id);
    let cx = Context::new();
    let heads = [
        ("laptop", laptop.replica.space.store().head(&cx).await?),
        ("phone", replica.space.store().head(&cx).await?),
        ("relay", laptop.relay.head(&cx).await?),
        ("relay, through the cache", cache.head(&cx).await?),
        ("relay, through the chain", far_end.head(&cx).await?),
    ];
    let (is_one, evidence) = one_digest(&heads);
    claims.note(Act::Folder, "heads", "Nothing was held back on the way", is_one, evidence);
    Ok((Phone { replica, far_end }, Sent { added, heads }))
}

/// Whether all of them hold the same entries.
fn one_digest(heads: &[(&'static str, Head); 5]) -> (bool, String) {
    let [(_, first), ..] = heads;
    match heads.iter().find(|(_, head)| !head.same_entries(first)) {
        None => (
            true,
            format!(
                "one digest of all {} entries everywhere; the phone also has what the laptop named when it let it in",
                first.held.count
            ),
        ),
        Some((name, _)) => (false, format!("{name}: other entries than the laptop's")),
    }
}

/// The folder to send. The sample gets an empty directory, which version control does not keep.
pub(crate) fn prepare(folder: &Path, work: &Path) -> Result<PathBuf> {
    let is_sample =
        folder.join("READ ME FIRST.txt").exists() && folder.join("count-tokens.sh").exists();
    if !is_sample {
        return Ok(folder.to_owned());
    }
    let copy = work.join("sample");
    folders::copy(folder, &copy)?;
    let empty = copy.join("an empty directory");
    std::fs::create_dir_all(&empty).map_err(|error| io("make", &empty, &error))?;
    Ok(copy)
}
