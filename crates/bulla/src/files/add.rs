//! Storing a folder.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bulla_core::{EntryId, Kind, Topic};
use bulla_crypto::manifest::{
    ChunkHash, ChunkHashKey, ContentWriter, FileRecord, FileType, Manifest, PathError,
    check_component,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::walk::{Found, What, modified_ms, walk};
use super::{FileError, FileProgress, TOPIC, Tree, io};
use crate::space::Write;
use crate::{Space, SpaceError};

/// Files read and sealed at once: their entries share commits.
const AT_ONCE: usize = 8;
/// Bytes read from a file at a time.
const READ_BYTES: usize = 256 * 1024;

/// What became of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddReport {
    /// Files found.
    pub files: u64,
    /// Directories found.
    pub directories: u64,
    /// Bytes of content found.
    pub bytes: u64,
    /// Names that were in the space already, with the same content.
    pub unchanged: u64,
    /// Entries written.
    pub entries: u64,
    /// Chunks that were in the space already and stand for new ones.
    pub reused_chunks: u64,
    /// What cannot be stored: links, devices, names that are not Unicode or too long.
    pub skipped: Vec<PathBuf>,
}

/// Stores a folder's content, or one file, in the space, for all who read it. What is there already and unchanged is not
/// stored again.
///
/// # Errors
///
/// As [`add_to`].
pub async fn add(
    space: &Space,
    from: &Path,
    progress: &(dyn Fn(FileProgress) + Send + Sync),
) -> Result<AddReport, FileError> {
    add_to(space, EntryId::ZERO, from, progress).await
}

/// As [`add`], for the members of a key group alone. A name that is there for everybody and is not the same is replaced for
/// the members of the group; the others go on seeing what they saw.
///
/// # Errors
///
/// [`FileError::Io`], [`FileError::Changed`] when a file changed under the reader, [`FileError::Space`]. What was stored
/// before stays; doing it again goes on from there.
pub async fn add_to(
    space: &Space,
    group: EntryId,
    from: &Path,
    progress: &(dyn Fn(FileProgress) + Send + Sync),
) -> Result<AddReport, FileError> {
    let (found, mut skipped) = walk(from)?;
    let (found, unnameable): (Vec<Found>, Vec<Found>) = found
        .into_iter()
        .partition(|one| one.path.iter().all(|name| check_component(name).is_ok()));
    skipped.extend(unnameable.into_iter().map(|one| one.at));
    // Everything below is sealed by one key; a new one is started now if it has to be.
    space.prepare_writing(group).await?;
    let tree = Tree::read(space).await?;
    let topic = space.topic_in(group, TOPIC)?;
    let to = To { space, group, topic };
    let known = Known::read(&to, &tree).await?;
    let size = |one: &Found| match one.what {
        What::File { size, .. } => size,
        What::Directory => 0,
    };
    let start = FileProgress {
        done: 0,
        total: found.len() as u64,
        bytes: 0,
        total_bytes: found.iter().map(size).sum(),
    };
    let state = Mutex::new((AddReport { skipped, ..AddReport::default() }, start));
    let tree = &tree;
    let known = &known;
    let (to, state_ref) = (&to, &state);
    stream::iter(found)
        .map(|one| async move {
            let done = add_one(to, tree, known, &one).await?;
            let mut state = state_ref.lock().await;
            let (report, so_far) = &mut *state;
            report.count(&done);
            so_far.done += 1;
            so_far.bytes += size(&one);
            progress(so_far.clone());
            Ok::<_, FileError>(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(state.into_inner().0)
}

impl AddReport {
    fn count(&mut self, done: &Done) {
        match done.bytes {
            Some(bytes) => {
                self.files += 1;
                self.bytes += bytes;
            }
            None => self.directories += 1,
        }
        self.unchanged += u64::from(done.entries == 0);
        self.entries += done.entries;
        self.reused_chunks += done.reused_chunks;
    }
}

/// Where the entries go.
struct To<'a> {
    space: &'a Space,
    group: EntryId,
    topic: Topic,
}

/// What was done for one name.
#[derive(Debug, Default)]
struct Done {
    bytes: Option<u64>,
    entries: u64,
    reused_chunks: u64,
}

async fn add_one(to: &To<'_>, tree: &Tree, known: &Known, one: &Found) -> Result<Done, FileError> {
    let mut done = Done::default();
    let file_type = match one.what {
        What::Directory => FileType::Directory,
        What::File { size, is_executable } => {
            let manifest = store_content(to, known, one, size, &mut done).await?;
            done.bytes = Some(size);
            FileType::File { manifest, size, is_executable }
        }
    };
    // The times of directories change with every restore; they are not kept.
    let modified_ms = if file_type == FileType::Directory { None } else { one.modified_ms };
    let record = FileRecord::new(one.path.clone(), file_type, modified_ms);
    let record =
        record.map_err(|source: PathError| FileError::Path { path: one.at.clone(), source })?;
    let existing = tree.nodes.get(&one.path);
    if existing.is_some_and(|node| node.record == record && node.group == to.group) {
        return Ok(done);
    }
    let mut dependencies: Vec<EntryId> = existing.map(|node| node.id).into_iter().collect();
    let path = one.path.join("/");
    // Writing a name anew settles its conflicts: the new record has seen all of them.
    let losers = tree
        .conflicts
        .iter()
        .filter(|conflict| conflict.path == path)
        .flat_map(|conflict| &conflict.losers);
    dependencies.extend(losers.map(|node| node.id).take(32));
    if let FileType::File { manifest, .. } = file_type {
        dependencies.push(manifest);
    }
    let write = Write::new(Kind::FILE, record.encode())
        .with_topic(to.topic)
        .with_dependencies(dependencies)
        .with_group(to.group);
    to.space.write(write).await?;
    done.entries += 1;
    Ok(done)
}

/// Stores one file's content and returns its root manifest.
async fn store_content(
    to: &To<'_>,
    known: &Known,
    one: &Found,
    size: u64,
    done: &mut Done,
) -> Result<EntryId, FileError> {
    let key = to.space.current_key(to.group)?;
    let mut writer = ContentWriter::new(&key);
    let mut file = std::fs::File::open(&one.at).map_err(io("read", &one.at))?;
    let mut buffer = Zeroizing::new(vec![0; READ_BYTES]);
    loop {
        let count = file.read(&mut buffer).map_err(io("read", &one.at))?;
        match buffer.get(..count) {
            Some(bytes) if !bytes.is_empty() => writer.write(bytes),
            _ => writer.finish(),
        }
        while let Some(part) = writer.next_part() {
            if let Some(id) = known.find(to.space, &part.hash, part.kind, &part.plaintext).await? {
                done.reused_chunks += u64::from(part.kind == Kind::CHUNK);
                writer.sealed(id);
                continue;
            }
            // The hashes in a manifest are made with the key that seals it, which another device may change meanwhile.
            let mut write = Write::new(part.kind, Vec::new())
                .with_topic(to.topic)
                .with_padding(part.padding)
                .with_group(to.group)
                .with_key(key.id());
            write.plaintext = part.plaintext;
            writer.sealed(to.space.write(write).await?);
            done.entries += 1;
        }
        if let Some(root) = writer.root() {
            let metadata = file.metadata().map_err(io("read", &one.at))?;
            // What was read must be one state of the file, not parts of two.
            if writer.length() != size || modified_ms(&metadata) != one.modified_ms {
                return Err(FileError::Changed(one.at.clone()));
            }
            return Ok(root);
        }
    }
}

/// Chunks and manifests that are in the space already, by the keyed hash of their plaintext.
#[derive(Debug, Default)]
struct Known {
    entries: HashMap<ChunkHash, EntryId>,
}

impl Known {
    /// Reads the manifests of all files.
    async fn read(to: &To<'_>, tree: &Tree) -> Result<Self, FileError> {
        let (space, key) = (to.space, to.space.current_key(to.group)?);
        let hashes = ChunkHashKey::derive(&key);
        let mut known = Self::default();
        let mut manifests: Vec<EntryId> = Vec::new();
        for node in tree.nodes.values() {
            if let FileType::File { manifest, .. } = node.record.file_type() {
                manifests.push(manifest);
            }
        }
        while let Some(id) = manifests.pop() {
            // A manifest that is missing or damaged is none to reuse; the content is stored anew.
            let Ok(entry) = space.entry(id).await else { continue };
            if entry.header().kind != Kind::MANIFEST || entry.header().key_id != key.id() {
                continue;
            }
            let Ok(plaintext) = space.open_entry(&entry) else { continue };
            let Ok(manifest) = Manifest::decode(&plaintext) else { continue };
            if known.entries.insert(hashes.hash(&plaintext), id).is_some() {
                continue;
            }
            for child in manifest.children() {
                if manifest.level() > 0 {
                    manifests.push(child.id);
                } else {
                    known.entries.insert(child.hash, child.id);
                }
            }
        }
        Ok(known)
    }

    /// An entry of this kind whose opened plaintext is the same to the byte. The hash alone is another member's word.
    async fn find(
        &self,
        space: &Space,
        hash: &ChunkHash,
        kind: Kind,
        plaintext: &[u8],
    ) -> Result<Option<EntryId>, FileError> {
        let Some(id) = self.entries.get(hash) else { return Ok(None) };
        let entry = match space.entry(*id).await {
            Ok(entry) => entry,
            Err(
                SpaceError::NotHeld(_)
                | SpaceError::PayloadMissing(_)
                | SpaceError::Erased { .. }
                | SpaceError::Damaged(_),
            ) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let opened = space.open_entry(&entry);
        let is_same = entry.header().kind == kind
            && opened.is_ok_and(|opened| opened.as_slice() == plaintext);
        Ok(is_same.then_some(*id))
    }
}
