//! The three nodes, each a process of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bulla::{AuthorKey, Device, NodeId, SpaceId};
use serde::Deserialize;
use tokio::process::{Child, Command};

use super::forwarder::Forwarder;
use crate::commands::node::program;
use crate::exit::{Exit, Failure, Result};
use crate::home::io;

/// How long a node may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often its ready file is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A device that may use the nodes.
pub(crate) struct Peer {
    name: &'static str,
    key: AuthorKey,
}

impl Peer {
    pub(crate) fn device(name: &'static str, device: &Device) -> Self {
        Self { name, key: device.author() }
    }
}

/// A running node and the wire to it.
pub(crate) struct Running {
    pub(crate) id: NodeId,
    pub(crate) forwarder: Forwarder,
    name: &'static str,
    folder: PathBuf,
    child: Child,
}

/// Relay, cache in front of it, passthrough in front of that.
pub(crate) struct Chain {
    pub(crate) relay: Running,
    pub(crate) cache: Running,
    pub(crate) passthrough: Running,
    /// The wires between the nodes.
    inner: [(&'static str, Forwarder); 2],
    traffic: PathBuf,
}

/// A node that has its key and not yet its configuration.
struct Prepared {
    name: &'static str,
    folder: PathBuf,
    id: NodeId,
}

/// The node behind another, as its configuration names it.
struct Upstream<'a> {
    origin: &'a str,
    id: NodeId,
}

impl Chain {
    /// Makes keys and configurations, starts all three and waits until they take requests.
    pub(crate) async fn start(work: &Path, space: SpaceId, peers: &[Peer]) -> Result<Self> {
        let traffic = work.join("traffic");
        let listen = async |name: &str| {
            Forwarder::listen(&traffic, name)
                .await
                .map_err(|error| io("record in", &traffic, &error))
        };
        let relay = Prepared::new(work, "relay").await?;
        let cache = Prepared::new(work, "cache").await?;
        let passthrough = Prepared::new(work, "passthrough").await?;
        let to_relay = listen("laptop-relay").await?;
        let cache_to_relay = listen("cache-relay").await?;
        let to_cache = listen("laptop-cache").await?;
        let passthrough_to_cache = listen("passthrough-cache").await?;
        let to_passthrough = listen("phone-passthrough").await?;

        let origins = [to_relay.origin(), cache_to_relay.origin()];
        let text = relay.configuration(space, "relay", &origins, None, peers, Some(cache.id));
        let (relay, at) = relay.start(&text, to_relay).await?;
        relay.forwarder.lead_to(at);
        cache_to_relay.lead_to(at);

        let (origin, origins) =
            (cache_to_relay.origin(), [to_cache.origin(), passthrough_to_cache.origin()]);
        let upstream = Upstream { origin: &origin, id: relay.id };
        let text = cache.configuration(
            space,
            "cache",
            &origins,
            Some(&upstream),
            peers,
            Some(passthrough.id),
        );
        let (cache, at) = cache.start(&text, to_cache).await?;
        cache.forwarder.lead_to(at);
        passthrough_to_cache.lead_to(at);

        let (origin, origins) = (passthrough_to_cache.origin(), [to_passthrough.origin()]);
        let upstream = Upstream { origin: &origin, id: cache.id };
        let text =
            passthrough.configuration(space, "passthrough", &origins, Some(&upstream), peers, None);
        let (passthrough, at) = passthrough.start(&text, to_passthrough).await?;
        passthrough.forwarder.lead_to(at);

        let inner =
            [("cache - relay", cache_to_relay), ("passthrough - cache", passthrough_to_cache)];
        Ok(Self { relay, cache, passthrough, inner, traffic })
    }

    /// Bytes asked and answered on each wire.
    pub(crate) fn wires(&self) -> Vec<(&'static str, u64, u64)> {
        let row = |name, forwarder: &Forwarder| {
            let (asked, answered) = forwarder.bytes();
            (name, asked, answered)
        };
        let [cache_relay, passthrough_cache] = &self.inner;
        vec![
            row("laptop - relay", &self.relay.forwarder),
            row(cache_relay.0, &cache_relay.1),
            row(passthrough_cache.0, &passthrough_cache.1),
            row("phone - passthrough", &self.passthrough.forwarder),
        ]
    }

    /// Where everything lies that a node wrote, logged or said.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let nodes = [&self.relay, &self.cache, &self.passthrough];
        nodes.iter().map(|node| node.folder.clone()).chain([self.traffic.clone()]).collect()
    }

    /// Asks all to stop, the outermost first, and waits until they have.
    pub(crate) async fn stop(self) -> Result<()> {
        for node in [self.passthrough, self.cache, self.relay] {
            node.stop().await?;
        }
        Ok(())
    }
}

impl Prepared {
    async fn new(work: &Path, name: &'static str) -> Result<Self> {
        let folder = work.join(name);
        std::fs::create_dir_all(&folder).map_err(|error| io("make", &folder, &error))?;
        write(&folder.join("passphrase"), "a passphrase of the demonstration\n", 0o600)?;
        let prepared = Self { name, folder, id: NodeId::ZERO };
        write(&prepared.config(), &prepared.head(&[]), 0o644)?;
        let made = prepared.command().args(["key", "create"]).output().await;
        let made = made.map_err(|error| not_started(&error))?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr);
            return Err(Failure::new(Exit::Failure, format!("{name}: no key: {}", said.trim())));
        }
        // The key is the last word of what the program says.
        let said = String::from_utf8_lossy(&made.stdout);
        let id = said.split_whitespace().last().and_then(|word| word.parse().ok());
        let id = id.ok_or_else(|| {
            Failure::new(Exit::Failure, format!("{name}: no key in '{}'", said.trim()))
        })?;
        Ok(Self { id, ..prepared })
    }

    fn config(&self) -> PathBuf {
        self.folder.join("node.toml")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.env("BULLA_NODE_CONFIG", self.config()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    fn head(&self, origins: &[String]) -> String {
        format!(
            "key_file = \"node.age\"\npassphrase_file = \"passphrase\"\ndata_dir = \"data\"\n\n\
             [listen]\naddress = \"127.0.0.1:0\"\norigins = {origins:?}\n\n\
             [log]\nlevel = \"trace\"\n"
        )
    }

    fn configuration(
        &self,
        space: SpaceId,
        mode: &str,
        origins: &[String],
        upstream: Option<&Upstream<'_>>,
        peers: &[Peer],
        downstream: Option<NodeId>,
    ) -> String {
        let mut text = self.head(origins);
        if let Some(Upstream { origin, id }) = upstream {
            let _ = write!(
                text,
                "\n[[upstream]]\nname = \"origin\"\nurl = \"{origin}\"\nnode = \"{id}\"\nnetworks = [\"127.0.0.0/8\"]\n"
            );
        }
        let _ = write!(text, "\n[[space]]\nid = \"{space}\"\nmode = \"{mode}\"\n");
        if upstream.is_some() {
            text.push_str("upstream = \"origin\"\n");
        }
        for peer in peers {
            let _ = write!(
                text,
                "\n[[space.allow]]\npeer = \"{}\"\nlabel = \"{}\"\nrights = [\"read\", \"write\"]\n",
                peer.key, peer.name
            );
        }
        if let Some(node) = downstream {
            let _ = write!(
                text,
                "\n[[space.allow]]\npeer = \"{node}\"\nrights = [\"read\", \"write\", \"carry\"]\n"
            );
        }
        text
    }

    async fn start(
        self,
        configuration: &str,
        forwarder: Forwarder,
    ) -> Result<(Running, SocketAddr)> {
        write(&self.config(), configuration, 0o644)?;
        let (log, ready) = (self.folder.join("log"), self.folder.join("ready.json"));
        let log_file = std::fs::File::create(&log).map_err(|error| io("write", &log, &error))?;
        let also = log_file.try_clone().map_err(|error| io("write", &log, &error))?;
        let mut command = self.command();
        command.arg("run").arg("--ready-file").arg(&ready).stdout(also).stderr(log_file);
        let mut child = command.spawn().map_err(|error| not_started(&error))?;
        let at = tokio::time::timeout(PATIENCE, wait_ready(&ready, &mut child)).await;
        let at = at.ok().flatten().ok_or_else(|| {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(3).collect();
            Failure::new(
                Exit::Failure,
                format!("{} did not start: {}", self.name, last.join(" / ")),
            )
        })?;
        Ok((Running { id: self.id, forwarder, name: self.name, folder: self.folder, child }, at))
    }
}

#[derive(Deserialize)]
struct Ready {
    listen: SocketAddr,
}

/// The address a node is bound to, once it says so; `None` when it ended instead.
async fn wait_ready(file: &Path, child: &mut Child) -> Option<SocketAddr> {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let said = std::fs::read(file).ok();
        if let Some(ready) = said.and_then(|text| serde_json::from_slice::<Ready>(&text).ok()) {
            return Some(ready.listen);
        }
        if child.try_wait().ok().flatten().is_some() {
            return None;
        }
    }
}

impl Running {
    async fn stop(mut self) -> Result<()> {
        let name = self.name;
        let failed = |what: &str| Failure::new(Exit::Failure, format!("{name} {what}"));
        let process = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
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

fn not_started(error: &std::io::Error) -> Failure {
    Failure::new(Exit::NotFound, format!("could not start {}: {error}", program().display()))
        .help("build or install bulla-node beside bulla")
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let written = std::fs::write(path, text).and_then(|()| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(path, permissions)
    });
    written.map_err(|error| io("write", path, &error))
}
