//! The whole story on one machine: two devices, three nodes, one folder (see [`run`]).

mod forwarder;
mod leak;
mod nodes;
mod seen;
mod steps;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla::files::{self, Existing, Tree};
use bulla::space::{FileMarks, new_genesis};
use bulla::sync::{Options, Report, pull_with, push_with};
use bulla::{Device, EpochKey, Keyring, Space};
use bulla_client::{Client, Upstream};
use bulla_core::values::Head;
use bulla_identity::OsRandomness;
use bulla_store::{ContentAddressedStore as _, Context, MemoryBookmarks};
use serde_json::json;

use crate::app::open_spaces;
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::io;
use crate::output::{Output, count, size};

use forwarder::Forwarder;
use leak::{Finding, Scanner, Secret};
use nodes::{Chain, Peer};
use steps::Steps;

/// Runs the story and prints what happened.
///
/// A relay on disk, a cache in front of it and a passthrough in front of that run as processes of their own on loopback.
/// The first device stores the folder and pushes it to the relay; the second pulls it from the far end of the chain and
/// restores it. Then everything that the nodes wrote, logged and said is searched for anything of the folder.
pub(crate) async fn run(output: Output, folder: &Path, keep: Option<&Path>) -> Result<()> {
    let temporary = tempfile::tempdir().map_err(|error| Failure::new(Exit::Failure, error))?;
    let work = keep.unwrap_or_else(|| temporary.path()).to_owned();
    std::fs::create_dir_all(&work).map_err(|error| io("make", &work, &error))?;
    if std::fs::read_dir(&work).map_err(|error| io("read", &work, &error))?.next().is_some() {
        return Err(Failure::usage(format!("{} is not empty", work.display()))
            .help("name a new folder with --keep"));
    }
    let mut steps = Steps::new(output);

    steps.start("prepare two devices and a space");
    let (laptop, phone) = (device()?, device()?);
    let from = prepare(folder, &work)?;
    let genesis = new_genesis(&laptop)?;
    let mut keyring = Keyring::new();
    let key =
        EpochKey::generate(&OsRandomness).map_err(|error| Failure::new(Exit::Failure, error))?;
    keyring.insert(genesis.verified_header().space(), key);
    let here = open_spaces(&work.join("laptop"))?;
    let marks = Arc::new(FileMarks::new(work.join("laptop-marks")));
    let mine = Space::found_with(&laptop, keyring, &here, &genesis, marks).await?;
    let card = phone.card("phone").map_err(|error| Failure::new(Exit::Failure, error))?;
    let transfer = mine.export_key(&card)?;
    let there = open_spaces(&work.join("phone"))?;
    let copy = Space::join_with_key(&phone, &there, &transfer, &laptop.author()).await?;

    steps.start("start relay, cache and passthrough");
    let peers = [Peer::device("laptop", &laptop), Peer::device("phone", &phone)];
    let chain = Chain::start(&work, mine.id(), &peers).await?;

    steps.start("prepare the search for leaks");
    let mut scanner = scanner(&from)?;
    let common = scanner.learn_common(&everything(&chain.folders())?);

    steps.start("store the folder on the laptop");
    let added =
        files::add(&mine, &from, &|progress| steps.progress(progress.bytes, progress.total_bytes))
            .await?;
    steps.start("push it to the relay");
    let relay = client(&laptop, &chain.relay.forwarder, chain.relay.id)?;
    let push =
        push_with(&mine, relay.store(mine.id()), Arc::new(MemoryBookmarks::new()), Options::push())
            .await;
    complete("push", &push)?;
    steps.start("pull it through the chain to the phone");
    let far_end = client(&phone, &chain.passthrough.forwarder, chain.passthrough.id)?;
    let pull = pull_with(
        &copy,
        far_end.store(mine.id()),
        Arc::new(MemoryBookmarks::new()),
        Options::pull(),
    )
    .await;
    complete("pull", &pull)?;
    steps.start("restore it and compare");
    let restored = work.join("restored");
    let tree = Tree::read(&copy).await?;
    let bar = |progress: files::FileProgress| steps.progress(progress.bytes, progress.total_bytes);
    files::restore(&copy, &tree, &restored, &[], Existing::Keep, &bar).await?;
    compare(&from, &restored)?;

    steps.start("read every head");
    let cache = client(&laptop, &chain.cache.forwarder, chain.cache.id)?;
    let cx = Context::new();
    let heads = [
        ("laptop", mine.store().head(&cx).await?),
        ("phone", copy.store().head(&cx).await?),
        ("relay", relay.store(mine.id()).head(&cx).await?),
        ("relay, through the cache", cache.store(mine.id()).head(&cx).await?),
        ("relay, through the chain", far_end.store(mine.id()).head(&cx).await?),
    ];
    one_digest(&heads)?;
    let seen = seen::by_relay(&*relay.store(mine.id())).await?;

    steps.start("stop the nodes");
    drop((relay, cache, far_end));
    let wires = chain.wires();
    let folders = chain.folders();
    chain.stop().await?;
    steps.start("search what they wrote, logged and said");
    let (findings, searched) = search(&scanner, &folders, &steps)?;
    let times = steps.finish();

    let facts =
        Facts { added, wires, times, heads, searched, needles: scanner.needles(), common, seen };
    facts.print(output);
    if let Some(first) = findings.first() {
        let mut failure = Failure::new(
            Exit::Integrity,
            format!("{}, such as {}", count(findings.len() as u64, "leak", "leaks"), tell(first)),
        );
        failure.code = Some("demo.leak".to_owned());
        return Err(failure.help("this must not happen: please report it"));
    }
    facts.good_bye(output, keep);
    Ok(())
}

fn device() -> Result<Device> {
    Device::generate().map_err(|error| Failure::new(Exit::Failure, error))
}

/// The folder to send. The sample gets an empty directory, which version control does not keep.
fn prepare(folder: &Path, work: &Path) -> Result<PathBuf> {
    let is_sample =
        folder.join("READ ME FIRST.txt").exists() && folder.join("count-tokens.sh").exists();
    if !is_sample {
        return Ok(folder.to_owned());
    }
    let copy = work.join("sample");
    copy_folder(folder, &copy).map_err(|error| io("copy", folder, &error))?;
    std::fs::create_dir_all(copy.join("an empty directory"))
        .map_err(|error| io("make", &copy, &error))?;
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        std::fs::create_dir_all(&to)?;
        for entry in std::fs::read_dir(&from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), target));
            } else {
                std::fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}

fn client(device: &Device, forwarder: &Forwarder, node: bulla::NodeId) -> Result<Client> {
    let upstream = Upstream::new(&forwarder.origin(), node).map_err(Failure::usage)?;
    let builder = Client::builder(upstream, Arc::clone(device) as _);
    builder.build().map_err(|error| Failure::new(Exit::Failure, with_causes(&error)))
}

fn complete(what: &str, report: &Report) -> Result<()> {
    if report.is_clean() {
        return Ok(());
    }
    Err(Failure::new(Exit::Incomplete, format!("{what}: {report}")))
}

fn one_digest(heads: &[(&'static str, Head); 5]) -> Result<()> {
    let Some((_, first)) = heads.first() else { return Ok(()) };
    match heads.iter().find(|(_, head)| !head.same_entries(first)) {
        None => Ok(()),
        Some((name, _)) => Err(Failure::new(
            Exit::Incomplete,
            format!("{name} holds other entries than the laptop"),
        )),
    }
}

/// Every file and directory below both, byte for byte.
fn compare(from: &Path, to: &Path) -> Result<()> {
    let (mut left, mut right) = (listing(from)?, listing(to)?);
    left.sort();
    right.sort();
    if left != right {
        return Err(Failure::new(
            Exit::Integrity,
            "the restored folder has other files than the one sent",
        ));
    }
    for (name, is_folder) in left {
        if is_folder {
            continue;
        }
        let read = |base: &Path| {
            std::fs::read(base.join(&name)).map_err(|error| io("read", &base.join(&name), &error))
        };
        if read(from)? != read(to)? {
            return Err(Failure::new(
                Exit::Integrity,
                format!("{} came out changed", name.display()),
            ));
        }
    }
    Ok(())
}

/// Relative paths below a folder, and whether each is a folder itself. Links are not followed.
fn listing(base: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let mut found = Vec::new();
    let mut folders = vec![base.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| io("read", &folder, &error))? {
            let entry = entry.map_err(|error| io("read", &folder, &error))?;
            let kind = entry.file_type().map_err(|error| io("read", &entry.path(), &error))?;
            let name = entry.path().strip_prefix(base).map(Path::to_owned).unwrap_or_default();
            if kind.is_dir() {
                folders.push(entry.path());
                found.push((name, true));
            } else if kind.is_file() {
                found.push((name, false));
            }
        }
    }
    Ok(found)
}

/// What must not be found: every content, every name, every path.
fn scanner(from: &Path) -> Result<Scanner> {
    let mut secrets = Vec::new();
    for (path, is_folder) in listing(from)? {
        let label = path.display().to_string();
        for name in path.iter().filter_map(|name| name.to_str()) {
            secrets.push(Secret {
                label: format!("the name {name}"),
                bytes: name.as_bytes().to_vec(),
            });
        }
        if let Some(text) = path.to_str().filter(|text| text.contains('/')) {
            secrets.push(Secret {
                label: format!("the path {label}"),
                bytes: text.as_bytes().to_vec(),
            });
        }
        if !is_folder {
            let at = from.join(&path);
            let bytes = std::fs::read(&at).map_err(|error| io("read", &at, &error))?;
            secrets.push(Secret { label: format!("the content of {label}"), bytes });
        }
    }
    Scanner::new(&secrets).map_err(|error| Failure::new(Exit::Failure, error))
}

fn everything(folders: &[PathBuf]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for folder in folders {
        for (path, is_folder) in listing(folder)? {
            if !is_folder {
                // A database drops files of its own while it runs.
                bytes.extend(std::fs::read(folder.join(path)).unwrap_or_default());
                bytes.push(0);
            }
        }
    }
    Ok(bytes)
}

/// Looks through every file below the folders; also says how many bytes that were.
fn search(scanner: &Scanner, folders: &[PathBuf], steps: &Steps) -> Result<(Vec<Finding>, u64)> {
    let mut files = Vec::new();
    for folder in folders {
        for (path, is_folder) in listing(folder)? {
            if !is_folder {
                files.push(folder.join(path));
            }
        }
    }
    let mut findings = Vec::new();
    let mut searched = 0;
    for (index, file) in files.iter().enumerate() {
        let bytes = std::fs::read(file).map_err(|error| io("read", file, &error))?;
        findings.extend(scanner.scan(&file.display().to_string(), &bytes));
        searched += bytes.len() as u64;
        steps.progress(index as u64 + 1, files.len() as u64);
    }
    Ok((findings, searched))
}

fn tell(finding: &Finding) -> String {
    format!("{} in {} ({})", finding.what, finding.place, finding.form)
}

/// What happened.
struct Facts {
    added: files::AddReport,
    wires: Vec<(&'static str, u64, u64)>,
    times: Vec<(&'static str, u128)>,
    heads: [(&'static str, Head); 5],
    searched: u64,
    needles: usize,
    common: Vec<String>,
    seen: seen::Seen,
}

impl Facts {
    fn print(&self, output: Output) {
        if output.is_json {
            output.json(&self.to_json());
            return;
        }
        let entries = self.heads.first().map_or(0, |(_, head)| head.held.count);
        output.line("\nWhat was sent");
        output.rows(
            &["files", "directories", "bytes", "entries"],
            &[vec![
                json!(self.added.files),
                json!(self.added.directories),
                json!(size(self.added.bytes)),
                json!(entries),
            ]],
        );
        output.line("\nBytes on each wire, as they are inside TLS");
        let wires: Vec<_> = self
            .wires
            .iter()
            .map(|(name, out, back)| vec![json!(name), json!(size(*out)), json!(size(*back))])
            .collect();
        output.rows(&["wire", "asked", "answered"], &wires);
        output.line("\nTime for each step");
        let times: Vec<_> = self
            .times
            .iter()
            .map(|(name, ms)| vec![json!(name), json!(format!("{ms} ms"))])
            .collect();
        output.rows(&["step", "time"], &times);
        output.line("\nHeads: one digest everywhere means the same entries everywhere");
        let heads: Vec<_> = self
            .heads
            .iter()
            .map(|(name, head)| {
                vec![json!(name), json!(head.held.count), json!(head.held.digest.to_string())]
            })
            .collect();
        output.rows(&["read at", "entries", "digest"], &heads);
        output.line("\nWhat the relay could see");
        output.rows(&["what", "value", "what it tells"], &self.seen.rows());
        output.line(format!(
            "\nSearched {} of files, logs and traffic of the three nodes for {} pieces of names and contents, raw, in \
             hexadecimal, base64 and UTF-16, and for their hashes.",
            size(self.searched),
            self.needles,
        ));
        if !self.common.is_empty() {
            output.line(format!(
                "Not searched for, because nodes without any data show these words too: {}",
                self.common.join(", ")
            ));
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let wires: Vec<_> = self
            .wires
            .iter()
            .map(|(name, out, back)| json!({ "wire": name, "asked_bytes": out, "answered_bytes": back }))
            .collect();
        let times: Vec<_> =
            self.times.iter().map(|(name, ms)| json!({ "step": name, "ms": ms })).collect();
        let heads: Vec<_> = self
            .heads
            .iter()
            .map(|(name, head)| {
                let set = head.held;
                json!({ "read_at": name, "entries": set.count, "digest": set.digest.to_string() })
            })
            .collect();
        json!({
            "files": self.added.files, "directories": self.added.directories, "bytes": self.added.bytes,
            "wires": wires, "steps": times, "heads": heads,
            "searched_bytes": self.searched, "needles": self.needles, "not_searched_for": self.common,
        })
    }

    fn good_bye(&self, output: Output, keep: Option<&Path>) {
        output
            .line("Found: nothing. The folder came out of the chain byte for byte as it went in.");
        if let Some(keep) = keep {
            output.line(format!(
                "What the nodes wrote, their logs and the traffic are in {}.",
                keep.display()
            ));
        }
        output.line(
            "\nNext, for yourself:\n  \
             bulla identity create --label laptop\n  \
             bulla space create --name notes\n  \
             bulla file add FOLDER\n  \
             bulla-node --help                     to run a node\n  \
             bulla sync URL --node KEY             to use one\n  \
             bulla --help                          for everything else",
        );
    }
}
