//! A node from its start to its end (NODE-50 to NODE-56).

mod reload;
mod signals;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_identity::{NodeKeys, OsRandomness};
use bulla_server::{
    Components, Drained, Figures, HttpApi, HttpSettings, Listener, Service, Tls, TlsFiles,
};
use bulla_store::{CacheStorage, Clock, MemoryCacheStorage, Spaces, SystemClock};
use bulla_store_rocksdb::{DiskCacheOptions, DiskCacheStorage, DiskSpaces, OpenError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access::NodeAccess;
use crate::admin::{Admin, Readiness};
use crate::config::{CacheStorageKind, Config, ListenConfig, Mode, Overrides};
use crate::error::NodeError;
use crate::keys;
use crate::log::LogHandle;
use crate::ready::Ready;
use crate::stacks::Stacks;
use crate::systemd;
use signals::{Signal, Signals};

/// Where a configuration comes from, so that it can be read again.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    /// The file.
    pub path: PathBuf,
    /// What counts more than the file.
    pub overrides: Overrides,
}

impl ConfigSource {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`](crate::config::ConfigError).
    pub fn load(&self) -> Result<Config, crate::config::ConfigError> {
        Config::load(&self.path, &self.overrides)
    }
}

/// A node that serves, in this process.
///
/// The program runs one until a signal comes ([`run`]); a test or another program may hold several.
#[derive(Debug)]
pub struct Node {
    source: ConfigSource,
    config: Config,
    log: Option<LogHandle>,
    keys: Arc<NodeKeys>,
    disk: Option<DiskSpaces>,
    stacks: Arc<Stacks>,
    access: Arc<NodeAccess>,
    service: Arc<Service>,
    tls: Option<Arc<Tls>>,
    readiness: Arc<Readiness>,
    listen: SocketAddr,
    admin: Option<SocketAddr>,
    /// Ends the service first, the operator's pages last.
    stop: CancellationToken,
    stop_admin: CancellationToken,
    serving: JoinHandle<Drained>,
    serving_admin: Option<JoinHandle<Drained>>,
}

/// Runs a node until it is told to stop by SIGTERM or SIGINT.
///
/// # Errors
///
/// [`NodeError`] when it cannot start or its database cannot be closed.
pub async fn run(
    source: ConfigSource,
    log: Option<LogHandle>,
    ready_file: Option<&Path>,
) -> Result<(), NodeError> {
    let mut signals = Signals::new().map_err(NodeError::io("cannot listen for signals"))?;
    let mut node = Node::start(source, log).await?;
    tell(&node.ready(), ready_file)?;
    while let Signal::Reload = signals.next().await {
        systemd::notify_reloading();
        node.reload().await;
        systemd::notify("READY=1");
    }
    tokio::select! {
        ended = node.end() => ended,
        // Asked twice, it does not wait for anybody. What was acknowledged is durable all the same.
        () = signals.stop_again() => {
            warn!("asked twice to stop: requests under way are cut");
            Ok(())
        }
    }
}

impl Node {
    /// Starts a node: it serves when this returns.
    ///
    /// # Errors
    ///
    /// [`NodeError`] of whatever keeps it from starting; nothing is left behind then but folders.
    pub async fn start(source: ConfigSource, log: Option<LogHandle>) -> Result<Self, NodeError> {
        let config = source.load()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let keys =
            Arc::new(keys::read(config.key_file.clone(), config.passphrase_file.clone()).await?);
        let tls = open_tls(&config.listen, config.http.get_ref())?;
        // Addresses first: a node that cannot have its own must not touch the database of the one that has it.
        let tcp = bind(*config.listen.address.get_ref()).await?;
        let listen = tcp.local_addr().map_err(NodeError::io("cannot tell the address bound"))?;
        let admin_tcp = match &config.admin {
            Some(admin) => Some(bind(admin.address).await?),
            None => None,
        };
        let admin = admin_tcp.as_ref().map(TcpListener::local_addr).transpose();
        let admin = admin.map_err(NodeError::io("cannot tell the address bound"))?;

        let disk = open_disk(&config, &clock).await?;
        let cache = open_cache(&config).await?;
        let stacks = Stacks::new(&config, Arc::clone(&keys), Arc::clone(&clock), disk.clone())?;
        let stacks = Arc::new(stacks.with_cache(cache));
        stacks.begin().await?;
        // Who comes first shall not be sent away because an upstream was not asked yet.
        stacks.fronts_tried().await;
        let access = NodeAccess::new(&config, Arc::clone(&stacks));
        let components = Components {
            keys: Arc::clone(&keys),
            spaces: Arc::clone(&stacks) as _,
            access: Arc::clone(&access) as _,
            clock,
            randomness: Arc::new(OsRandomness),
        };
        let service = Service::new(components, config.service_settings())?;
        service.set_origins(origins(&config.listen, listen));

        let (readiness, figures) = (Arc::new(Readiness::default()), Figures::new());
        let (stop, stop_admin) = (CancellationToken::new(), CancellationToken::new());
        let http = config.http.get_ref();
        let api = Arc::new(HttpApi::new(Arc::clone(&service), Arc::clone(&figures)));
        let listener = Listener::new(tcp, tls.clone(), http.clone(), api);
        let listener = listener.with_figures(Arc::clone(&figures));
        let serving = tokio::spawn(listener.serve(stop.clone()));
        let serving_admin = admin_tcp.map(|tcp| {
            let pages =
                Admin::new(Arc::clone(&readiness), figures, disk.clone(), Arc::clone(&stacks));
            let http = HttpSettings { drain_timeout_ms: 1_000, ..HttpSettings::default() };
            let listener = Listener::new(tcp, None, http, Arc::new(pages));
            tokio::spawn(listener.serve(stop_admin.clone()))
        });
        readiness.set(true);
        let node = Self {
            source,
            config,
            log,
            keys,
            disk,
            stacks,
            access,
            service,
            tls,
            readiness,
            listen,
            admin,
            stop,
            stop_admin,
            serving,
            serving_admin,
        };
        info!(
            node = %node.keys.node_id(),
            listen = %node.listen,
            admin = node.admin.map(tracing::field::display),
            tls = node.tls.is_some(),
            "ready"
        );
        if node.tls.is_none() && !node.listen.ip().is_loopback() {
            warn!(
                "plain HTTP on an address that others can reach: tokens and entries can be read on the way"
            );
        }
        Ok(node)
    }

    /// Where it is to be found.
    #[must_use]
    pub fn ready(&self) -> Ready {
        Ready {
            node: self.keys.node_id().to_string(),
            listen: self.listen,
            origins: origins(&self.config.listen, self.listen),
            admin: self.admin,
            pid: std::process::id(),
        }
    }

    /// The spaces it serves, as its service sees them.
    #[must_use]
    pub fn spaces(&self) -> Arc<dyn Spaces> {
        Arc::clone(&self.stacks) as _
    }

    /// Its database, if it has one.
    #[must_use]
    pub const fn disk(&self) -> Option<&DiskSpaces> {
        self.disk.as_ref()
    }

    /// Lets requests under way end, then closes everything.
    ///
    /// # Errors
    ///
    /// [`NodeError::Store`] when the database cannot write down what it computed; what was acknowledged is durable all
    /// the same.
    pub async fn end(self) -> Result<(), NodeError> {
        systemd::notify("STOPPING=1");
        info!("stopping: no new requests");
        self.readiness.set(false);
        self.stop.cancel();
        match self.serving.await {
            Ok(Drained::Clean) => info!("every request was answered"),
            Ok(Drained::Cut(connections)) => warn!(connections, "connections were cut"),
            Err(error) => warn!(%error, "the listener failed"),
        }
        if let Some(disk) = &self.disk {
            disk.settle().await?;
            disk.close().await;
        }
        self.stop_admin.cancel();
        if let Some(serving) = self.serving_admin {
            // Whatever it is, there is nobody left to tell.
            let _ = serving.await;
        }
        info!("stopped");
        Ok(())
    }
}

/// Tells whoever started the program.
fn tell(ready: &Ready, ready_file: Option<&Path>) -> Result<(), NodeError> {
    ready.tell(ready_file).map_err(NodeError::io("cannot say that the node is ready"))?;
    systemd::notify("READY=1");
    Ok(())
}

/// Reads everything a configuration names, opens the key and gives its public half; changes nothing.
///
/// # Errors
///
/// [`NodeError`] of whatever would keep the node from starting, as far as it can be seen without listening, opening the
/// database or asking an upstream.
pub async fn check(config: &Config) -> Result<bulla_core::NodeId, NodeError> {
    let keys = Arc::new(keys::read(config.key_file.clone(), config.passphrase_file.clone()).await?);
    open_tls(&config.listen, config.http.get_ref())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    Stacks::new(config, Arc::clone(&keys), clock, None)?;
    Ok(keys.node_id())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, NodeError> {
    TcpListener::bind(address).await.map_err(|source| NodeError::Listen { address, source })
}

fn open_tls(listen: &ListenConfig, http: &HttpSettings) -> Result<Option<Arc<Tls>>, NodeError> {
    let (Some(certificate), Some(key)) = (&listen.certificate, &listen.private_key) else {
        return Ok(None);
    };
    let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
    Ok(Some(Tls::open(files, http.http2)?))
}

/// Opens the database, if anything is to be kept in one.
async fn open_disk(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<Option<DiskSpaces>, NodeError> {
    let Some(folder) = config.store_folder().filter(|_| config.has(Mode::Relay)) else {
        return Ok(None);
    };
    let (options, clock) = (config.disk.options(), Arc::clone(clock));
    on_thread(move || DiskSpaces::open(folder, options, clock)).await.map(Some)
}

/// Opens what the caches keep what they hold in, if there are any.
async fn open_cache(config: &Config) -> Result<Option<Arc<dyn CacheStorage>>, NodeError> {
    if !config.has(Mode::Cache) {
        return Ok(None);
    }
    let bytes = |kind| config.cache.get_ref().max_bytes(kind);
    let Some(folder) = config.cache_folder() else {
        let bytes = usize::try_from(bytes(CacheStorageKind::Memory)).unwrap_or(usize::MAX);
        return Ok(Some(Arc::new(MemoryCacheStorage::new(bytes))));
    };
    let mut options = DiskCacheOptions::new(bytes(CacheStorageKind::Disk));
    if let Some(bytes) = config.disk.low_water_bytes {
        options.low_water_bytes = bytes;
    }
    let storage = on_thread(move || DiskCacheStorage::open(folder, options)).await?;
    Ok(Some(Arc::new(storage)))
}

async fn on_thread<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, NodeError> {
    let opened = tokio::task::spawn_blocking(open).await;
    let opened = opened.map_err(|error| NodeError::Io {
        context: "cannot open what lies on disk".to_owned(),
        source: std::io::Error::other(error),
    })?;
    Ok(opened?)
}

/// The addresses that logins may name: those configured, or the one bound.
fn origins(listen: &ListenConfig, bound: SocketAddr) -> Vec<String> {
    if !listen.origins.is_empty() {
        return listen.origins.iter().map(|origin| origin.get_ref().clone()).collect();
    }
    let scheme = if listen.is_tls() { "https" } else { "http" };
    let mut origins = vec![format!("{scheme}://{bound}")];
    if bound.ip().is_loopback() {
        origins.push(format!("{scheme}://localhost:{}", bound.port()));
    }
    origins
}
