//! A relay, and a passthrough and a cache in front of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::entries::reader;
use super::machine::{Used, used};
use crate::exit::{Exit, Failure, Result};
use crate::local_node::{CONFIG_START, LocalNode, NodeFolder};

/// A node that is measured.
pub(super) struct Node(LocalNode);

/// The nodes, when they run.
pub(super) struct Nodes {
    pub(super) relay: Node,
    pub(super) passthrough: Node,
    pub(super) cache: Node,
}

/// The nodes, before the relay's store is filled.
pub(super) struct Prepared {
    relay: NodeFolder,
    passthrough: NodeFolder,
    cache: NodeFolder,
    relay_data: PathBuf,
}

impl Nodes {
    pub(super) async fn prepare(work: &Path) -> Result<Prepared> {
        Ok(Prepared {
            relay: NodeFolder::new(work, "relay").await?,
            passthrough: NodeFolder::new(work, "passthrough").await?,
            cache: NodeFolder::new(work, "cache").await?,
            relay_data: work.join("relay/data/store"),
        })
    }

    pub(super) async fn stop(self) -> Result<()> {
        for node in [self.passthrough, self.cache, self.relay] {
            node.0.stop().await?;
        }
        Ok(())
    }
}

impl Prepared {
    pub(super) fn relay_data(&self) -> PathBuf {
        self.relay_data.clone()
    }

    pub(super) async fn start(self, space: &str) -> Result<Nodes> {
        let downstream = [self.passthrough.id.to_string(), self.cache.id.to_string()];
        let relay = self.relay.start(&configuration(space, "relay", None, &downstream)).await?;
        let upstream = Some((relay.listen, relay.id.to_string()));
        let text = configuration(space, "passthrough", upstream.as_ref(), &[]);
        let passthrough = self.passthrough.start(&text).await?;
        let cache =
            self.cache.start(&configuration(space, "cache", upstream.as_ref(), &[])).await?;
        Ok(Nodes { relay: Node(relay), passthrough: Node(passthrough), cache: Node(cache) })
    }
}

/// What the cache may hold: all of the entries measured.
const CACHE_BYTES: u64 = 1 << 30;

fn configuration(
    space: &str,
    mode: &str,
    upstream: Option<&(SocketAddr, String)>,
    downstream: &[String],
) -> String {
    let mut text = format!(
        "{CONFIG_START}[admin]\naddress = \"127.0.0.1:0\"\n[log]\nlevel = \"warn\"\n\
         [cache]\nmax_bytes = {CACHE_BYTES}\n"
    );
    if let Some((address, id)) = upstream {
        text += &format!(
            "[[upstream]]\nname = \"origin\"\nurl = \"http://{address}\"\nnode = \"{id}\"\n\
             networks = [\"127.0.0.0/8\"]\n"
        );
    }
    text += &format!("[[space]]\nid = \"{space}\"\nmode = \"{mode}\"\n");
    if upstream.is_some() {
        text += "upstream = \"origin\"\n";
    }
    let reader = reader().author();
    text += &format!("[[space.allow]]\npeer = \"{reader}\"\nrights = [\"read\", \"write\"]\n");
    for node in downstream {
        text += &format!(
            "[[space.allow]]\npeer = \"{node}\"\nrights = [\"read\", \"write\", \"carry\"]\n"
        );
    }
    text
}

impl Node {
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.0.listen)
    }

    pub(super) fn id(&self) -> String {
        self.0.id.to_string()
    }

    pub(super) fn used(&self) -> Used {
        self.0.process().map_or_else(Used::default, |process| used(Some(process)))
    }

    /// Bytes of answer bodies since it started, as its operator reads them.
    pub(super) async fn sent_bytes(&self) -> Result<u64> {
        let failed = || Failure::new(Exit::Unavailable, "a node does not show its figures");
        let mut page = String::new();
        let asked = async {
            let mut stream = TcpStream::connect(self.0.admin?).await.ok()?;
            stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.ok()?;
            stream.read_to_string(&mut page).await.ok()
        };
        asked.await.ok_or_else(failed)?;
        let line = page.lines().find_map(|line| line.strip_prefix("bulla_sent_bytes_total "));
        line.and_then(|value| value.trim().parse().ok()).ok_or_else(failed)
    }
}
