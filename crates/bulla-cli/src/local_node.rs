//! A node on this machine, as a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bulla::NodeId;
use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::commands::node::program;
use crate::exit::{Exit, Failure, Result};
use crate::home::io;

/// How long a node may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often its ready file is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A node that has its key and not yet its configuration.
#[derive(Debug)]
pub(crate) struct NodeFolder {
    /// Its key.
    pub(crate) id: NodeId,
    name: &'static str,
    folder: PathBuf,
}

/// A node that takes requests.
#[derive(Debug)]
pub(crate) struct LocalNode {
    /// Its key.
    pub(crate) id: NodeId,
    /// Where it listens for clients.
    pub(crate) listen: SocketAddr,
    /// Where it listens for the operator, if it was told to.
    pub(crate) admin: Option<SocketAddr>,
    /// Everything it writes.
    pub(crate) folder: PathBuf,
    name: &'static str,
    child: Child,
}

/// What a configuration begins with: key and data beside it, any free port of loopback. The `[listen]` table is open.
pub(crate) const CONFIG_START: &str = "key_file = \"node.age\"\npassphrase_file = \"passphrase\"\n\
     data_dir = \"data\"\n\n[listen]\naddress = \"127.0.0.1:0\"\n";

impl NodeFolder {
    /// Makes the folder, a passphrase and a key.
    pub(crate) async fn new(work: &Path, name: &'static str) -> Result<Self> {
        let folder = work.join(name);
        std::fs::create_dir_all(&folder).map_err(|error| io("make", &folder, &error))?;
        write(&folder.join("passphrase"), "a passphrase for one run\n", 0o600)?;
        let made = Self { id: NodeId::ZERO, name, folder };
        write(&made.config(), CONFIG_START, 0o644)?;
        let mut command = made.command();
        // The key lives as long as the run, and its passphrase lies beside it: there is nothing to guess.
        command.env("BULLA_DANGEROUS_WORK_FACTOR", "2").args(["key", "create"]);
        let output = command.output().await;
        let output = output.map_err(|error| not_started(&error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(Exit::Failure, format!("{name}: no key: {}", said.trim())));
        }
        // The key is the last word of what the program says.
        let said = String::from_utf8_lossy(&output.stdout);
        let id = said.split_whitespace().last().and_then(|word| word.parse().ok());
        let id = id.ok_or_else(|| {
            Failure::new(Exit::Failure, format!("{name}: no key in '{}'", said.trim()))
        })?;
        Ok(Self { id, ..made })
    }

    fn config(&self) -> PathBuf {
        self.folder.join("node.toml")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.env("BULLA_NODE_CONFIG", self.config()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Starts the node and waits until it takes requests. Its log goes to the file `log` in its folder.
    pub(crate) async fn start(self, configuration: &str) -> Result<LocalNode> {
        write(&self.config(), configuration, 0o644)?;
        let (log, ready) = (self.folder.join("log"), self.folder.join("ready.json"));
        if ready.exists() {
            std::fs::remove_file(&ready).map_err(|error| io("remove", &ready, &error))?;
        }
        let log_file = std::fs::File::create(&log).map_err(|error| io("write", &log, &error))?;
        let also = log_file.try_clone().map_err(|error| io("write", &log, &error))?;
        let mut command = self.command();
        command.arg("run").arg("--ready-file").arg(&ready).stdout(also).stderr(log_file);
        let mut child = command.spawn().map_err(|error| not_started(&error))?;
        let told = tokio::time::timeout(PATIENCE, wait_ready(&ready, &mut child)).await;
        let Some(Ready { listen, admin }) = told.ok().flatten() else {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(3).collect();
            let message = format!("{} did not start: {}", self.name, last.join(" / "));
            return Err(Failure::new(Exit::Failure, message));
        };
        let Self { id, name, folder } = self;
        Ok(LocalNode { id, listen, admin, folder, name, child })
    }
}

impl LocalNode {
    /// Its process.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let name = self.name;
        let failed = |what: &str| Failure::new(Exit::Failure, format!("{name} {what}"));
        let process = self.process().and_then(|id| i32::try_from(id).ok());
        let process = process.and_then(rustix::process::Pid::from_raw);
        let process = process.ok_or_else(|| failed("ended by itself"))?;
        rustix::process::kill_process(process, rustix::process::Signal::TERM)
            .map_err(|_| failed("ended by itself"))?;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = status
            .map_err(|_| failed("did not end"))?
            .map_err(|_| failed("cannot be waited for"))?;
        if status.success() { Ok(()) } else { Err(failed(&format!("ended with {status}"))) }
    }
}

#[derive(Deserialize)]
struct Ready {
    listen: SocketAddr,
    admin: Option<SocketAddr>,
}

/// What a node says once it takes requests; `None` when it ended instead.
async fn wait_ready(file: &Path, child: &mut Child) -> Option<Ready> {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let said = std::fs::read(file).ok();
        if let Some(ready) = said.and_then(|text| serde_json::from_slice(&text).ok()) {
            return Some(ready);
        }
        if child.try_wait().ok().flatten().is_some() {
            return None;
        }
    }
}

fn not_started(error: &std::io::Error) -> Failure {
    Failure::new(Exit::NotFound, format!("could not start {}: {error}", program().display()))
        .help("build or install bulla-node beside bulla")
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text)
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)))
        .map_err(|error| io("write", path, &error))
}
