//! Nodes as processes, their configurations, and devices that talk to them.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bulla_client::{Client, ClientSettings, Upstream};
use bulla_conformance::suite::author::{World, whole};
use bulla_core::values::{PutOutcome, ScanBody, ScanRequest};
use bulla_core::{EntryId, NodeId, PeerKey, SpaceId, VerifiedEntry};
use bulla_identity::{DeviceKeys, Initiator as _, OsRandomness};
use bulla_node::ready::Ready;
use bulla_store::{ContentAddressedStore, Context, HeadStream};
use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::raw;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// Between two looks at something that another process does.
pub(crate) const LOOK: Duration = Duration::from_millis(10);
/// Looks before it has failed: five minutes, for the slowest machine.
pub(crate) const LOOKS: u32 = 30_000;

/// A quiet node says nothing for 15 seconds, so what comes sooner comes of itself. Not the second that NODE-22 allows: a busy
/// machine may take that long for anything.
pub(crate) const BEFORE_THE_HEARTBEAT: Duration = Duration::from_secs(10);

/// Looks until `found` finds something.
pub(crate) async fn eventually<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = found().await {
            return found;
        }
        tokio::time::sleep(LOOK).await;
    }
    panic!("in vain: {what}");
}

pub(crate) fn cx() -> Context {
    Context::new()
}

pub(crate) fn device() -> Arc<DeviceKeys> {
    Arc::new(DeviceKeys::generate(&OsRandomness).unwrap())
}

pub(crate) fn world(seed: u8) -> World {
    World::new([seed; 32]).unwrap()
}

/// A folder that nodes have their folders in.
pub(crate) struct Bench(TempDir);

/// A node that has its key, and its configuration once that was written.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    pub(crate) id: NodeId,
}

/// A node that runs. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) ready: Ready,
    pub(crate) id: NodeId,
    log: PathBuf,
    child: Child,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes a folder with a key and its passphrase.
    pub(crate) fn site(&self, name: &str) -> Site {
        let folder = self.0.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        secret_file(&folder.join("passphrase"), PASSPHRASE);
        let mut site = Site { folder, id: NodeId([0; 32]) };
        let mut create = site.program();
        create.args(["key", "create"]).env("BULLA_DANGEROUS_WORK_FACTOR", "2");
        create.arg("--key-file").arg(site.path("node.key"));
        create.arg("--passphrase-file").arg(site.path("passphrase"));
        let output = create.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        site.id = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        site
    }

    /// A relay of one space for some peers, running.
    pub(crate) async fn relay(&self, name: &str, space: SpaceId, peers: &[PeerKey]) -> Running {
        let site = self.site(name);
        site.configure(&relay(space, peers));
        site.start().await
    }
}

impl Site {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes the configuration: what every test has, and these sections.
    pub(crate) fn configure(&self, sections: &str) {
        self.configure_listen("address = '127.0.0.1:0'", sections);
    }

    /// The same with other lines about where to listen.
    pub(crate) fn configure_listen(&self, listen: &str, sections: &str) {
        let text = format!(
            "key_file = 'node.key'\npassphrase_file = 'passphrase'\ndata_dir = 'data'\n\
             [listen]\n{listen}\n[admin]\naddress = '127.0.0.1:0'\n\
             [log]\nlevel = 'debug'\nformat = 'json'\n{sections}"
        );
        std::fs::write(self.path("node.toml"), text).unwrap();
    }

    /// The program, without arguments.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla-node"));
        command.stdin(Stdio::null()).current_dir(&self.folder);
        command
    }

    /// Runs a command of the program about this configuration to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.program();
        command.args(arguments).arg("--config").arg(self.path("node.toml"));
        command.output().unwrap()
    }

    /// Runs a command that must succeed; what it says.
    pub(crate) fn say(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail; its exit code and what it says.
    pub(crate) fn fail(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", stderr(&output));
        (output.status.code().unwrap(), stderr(&output))
    }

    /// `bulla-node run`, not started yet.
    pub(crate) fn run_command(&self) -> Command {
        let mut command = self.program();
        command.args(["run", "--config"]).arg(self.path("node.toml"));
        command.arg("--ready-file").arg(self.path("ready"));
        command
    }

    /// Starts the node and waits until it serves.
    pub(crate) async fn start(&self) -> Running {
        self.start_by(self.run_command()).await
    }

    pub(crate) async fn start_by(&self, mut command: Command) -> Running {
        let (ready, log) = (self.path("ready"), self.path("log"));
        let _ = std::fs::remove_file(&ready);
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        let ready = eventually("the node is ready", async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("ended with {status}: {}", std::fs::read_to_string(&log).unwrap());
            }
            let line = std::fs::read_to_string(&ready).ok()?;
            Some(serde_json::from_str::<Ready>(&line).unwrap())
        })
        .await;
        assert_eq!(ready.pid, child.id());
        Running { ready, id: self.id, log, child }
    }
}

impl Running {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the node ends", async || child.try_wait().unwrap()).await
    }

    /// SIGTERM, and the end in good order.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        assert!(self.ended().await.success(), "{}", self.log());
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// SIGHUP, and waits until the node says what came of it.
    pub(crate) async fn reload(&self) {
        let told = |log: &str| log.matches("configuration reloaded").count();
        let before = told(&self.log());
        self.signal(Signal::HUP);
        eventually("it reloads", async || (told(&self.log()) > before).then_some(())).await;
    }

    /// Everything logged so far, also by earlier processes of this site.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// A page for the operator: status and text.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        let reply = raw::get(self.ready.admin.unwrap(), path, &[]).await;
        (reply.status, String::from_utf8(reply.body).unwrap())
    }

    /// The value of a figure; 0 if it does not stand there.
    pub(crate) async fn figure(&self, name: &str) -> u64 {
        let (status, text) = self.page("/metrics").await;
        assert_eq!(status, 200);
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.ready.listen)
    }

    pub(crate) fn upstream(&self) -> Upstream {
        Upstream::new(&self.url(), self.id).unwrap()
    }

    /// A client that does not wait long.
    pub(crate) fn client(&self, device: &Arc<DeviceKeys>) -> Client {
        client(self.upstream(), device)
    }

    pub(crate) fn store(
        &self,
        device: &Arc<DeviceKeys>,
        space: SpaceId,
    ) -> Arc<dyn ContentAddressedStore> {
        self.client(device).store(space)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn client(upstream: Upstream, device: &Arc<DeviceKeys>) -> Client {
    let settings = ClientSettings { connect_ms: 20_000, ..ClientSettings::default() };
    let device = Arc::clone(device);
    Client::builder(upstream, device).with_settings(settings).build().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file that only its owner may read.
pub(crate) fn secret_file(path: &Path, text: &str) {
    let mut options = File::options();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).unwrap();
    writeln!(file, "{text}").unwrap();
}

/// The section of a relayed space.
pub(crate) fn relay(space: SpaceId, peers: &[PeerKey]) -> String {
    section(&space.to_string(), "'relay'", peers)
}

/// The section of a space passed on.
pub(crate) fn passthrough(space: SpaceId, upstream: &str, peers: &[PeerKey]) -> String {
    section(&space.to_string(), &format!("'passthrough'\nupstream = '{upstream}'"), peers)
}

/// The section of a cached space, with its settings.
pub(crate) fn cache(space: SpaceId, upstream: &str, settings: &str, peers: &[PeerKey]) -> String {
    let mode = format!("'cache'\nupstream = '{upstream}'\ncache = {{ {settings} }}");
    section(&space.to_string(), &mode, peers)
}

pub(crate) fn section(id: &str, mode: &str, peers: &[PeerKey]) -> String {
    let allow = |peer| format!("{{ peer = '{peer}', rights = ['read', 'write', 'carry'] }}");
    let allow: Vec<String> = peers.iter().map(allow).collect();
    format!("[[space]]\nid = '{id}'\nmode = {mode}\nallow = [{}]\n", allow.join(", "))
}

/// The section of an upstream on this machine.
pub(crate) fn upstream(name: &str, url: &str, node: NodeId, more: &str) -> String {
    format!(
        "[[upstream]]\nname = '{name}'\nurl = '{url}'\nnode = '{node}'\n\
         networks = ['127.0.0.0/8']\n{more}\n"
    )
}

pub(crate) fn peer(device: &DeviceKeys) -> PeerKey {
    device.peer_key()
}

/// Puts entries, all of which must be new.
pub(crate) async fn put(store: &dyn ContentAddressedStore, entries: &[VerifiedEntry]) {
    let report = store.put(&cx(), whole(entries)).await.unwrap();
    let is_stored = |outcome: &PutOutcome| matches!(outcome, PutOutcome::Stored(_));
    assert!(report.outcomes.iter().all(is_stored), "{:?}", report.outcomes);
}

/// Every whole entry of a store, in order.
pub(crate) async fn pull(store: &dyn ContentAddressedStore) -> Vec<EntryId> {
    let mut request = ScanRequest::everything();
    let mut found = Vec::new();
    loop {
        let page = store.scan(&cx(), request.clone()).await.unwrap();
        for item in &page.items {
            assert!(matches!(item.body, ScanBody::Entry(_)), "{item:?}");
            found.push(item.id);
        }
        if page.end {
            return found;
        }
        request.after = Some(page.cursor);
    }
}

/// The receipts of the heads that still come, and the code that ends the feed; nothing comes after it.
pub(crate) async fn rest(mut heads: HeadStream) -> (Vec<u64>, String) {
    let mut receipts = Vec::new();
    loop {
        let next = tokio::time::timeout(BEFORE_THE_HEARTBEAT, heads.next()).await;
        match next.expect("a feed that goes on").unwrap() {
            Ok(head) => receipts.push(head.last_receipt),
            Err(error) => {
                assert!(heads.next().await.is_none(), "no event after");
                return (receipts, error.code().to_string());
            }
        }
    }
}

/// The code of an error that must be.
pub(crate) fn code<T: std::fmt::Debug>(answer: bulla_store::Result<T>) -> String {
    answer.unwrap_err().code().to_string()
}
