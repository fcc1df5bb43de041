//! Stands on a wire: passes bytes on, counts them and writes them down.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// One wire between a client and a node.
#[derive(Debug)]
pub(crate) struct Forwarder {
    address: SocketAddr,
    wire: Arc<Wire>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Wire {
    to: OnceLock<SocketAddr>,
    asked: Direction,
    answered: Direction,
}

#[derive(Debug)]
struct Direction {
    bytes: AtomicU64,
    record: Mutex<std::fs::File>,
}

impl Forwarder {
    /// Listens on loopback and writes what passes to two files in `folder`. Where to is said later, by
    /// [`lead_to`](Self::lead_to).
    pub(crate) async fn listen(folder: &Path, name: &str) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let direction = |what: &str| -> std::io::Result<Direction> {
            let path: PathBuf = folder.join(format!("{name}.{what}"));
            Ok(Direction {
                bytes: AtomicU64::new(0),
                record: Mutex::new(std::fs::File::create(path)?),
            })
        };
        let wire = Arc::new(Wire {
            to: OnceLock::new(),
            asked: direction("asked")?,
            answered: direction("answered")?,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, Arc::clone(&wire))).abort_handle();
        Ok(Self { address, wire, task })
    }

    /// Names the node at the other end. Before that, connections are closed.
    pub(crate) fn lead_to(&self, node: SocketAddr) {
        let _ = self.wire.to.set(node);
    }

    /// The address clients use.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bytes towards the node, and back.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (
            self.wire.asked.bytes.load(Ordering::Relaxed),
            self.wire.answered.bytes.load(Ordering::Relaxed),
        )
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, wire: Arc<Wire>) {
    while let Ok((client, _)) = listener.accept().await {
        let wire = Arc::clone(&wire);
        tokio::spawn(async move {
            let Some(to) = wire.to.get() else { return };
            let Ok(node) = TcpStream::connect(to).await else { return };
            // Small requests must not wait for company on their way.
            if client.set_nodelay(true).is_err() || node.set_nodelay(true).is_err() {
                return;
            }
            let (client_read, client_write) = client.into_split();
            let (node_read, node_write) = node.into_split();
            tokio::join!(
                pass(client_read, node_write, &wire.asked),
                pass(node_read, client_write, &wire.answered)
            );
        });
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, direction: &Direction) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        direction.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let recorded =
            direction.record.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes);
        // What cannot be written down must not pass: the search afterwards would miss it.
        if recorded.is_err() || to.write_all(bytes).await.is_err() {
            break;
        }
    }
    drop(to.shutdown().await);
}
