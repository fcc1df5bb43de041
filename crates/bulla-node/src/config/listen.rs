//! Where a node listens, what it logs, how it keeps its database.

use std::net::SocketAddr;
use std::path::PathBuf;

use bulla_core::values::Durability;
use bulla_store_rocksdb::DiskOptions;
use serde::Deserialize;
use toml::Spanned;

use super::Fault;

/// Where clients come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// Address and port; port 0 lets the system choose one.
    pub address: Spanned<SocketAddr>,
    /// The addresses by which clients reach the node, such as `https://relay.example:7440`. Logins that name another are
    /// refused. Default: the address bound.
    #[serde(default)]
    pub origins: Vec<Spanned<String>>,
    /// The certificate and those that lead from it to a trusted one, PEM. With it the node speaks TLS 1.3 only.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    #[serde(default)]
    pub private_key: Option<PathBuf>,
    /// Allows plain HTTP on an address that others can reach: whoever is on the way reads tokens and entries, and may
    /// act with them.
    #[serde(default)]
    pub dangerous_plain_http: bool,
}

impl ListenConfig {
    /// Whether it speaks TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.certificate.is_some()
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        let span = self.address.span();
        if self.certificate.is_some() != self.private_key.is_some() {
            return Err(Fault::new(span, "certificate and private_key belong together"));
        }
        if !self.is_tls()
            && !self.address.get_ref().ip().is_loopback()
            && !self.dangerous_plain_http
        {
            let message = "plain HTTP is for loopback addresses: give a certificate and private_key, \
                           or set dangerous_plain_http";
            return Err(Fault::new(span, message));
        }
        let scheme = if self.is_tls() { "https://" } else { "http://" };
        for origin in &self.origins {
            let host = origin.get_ref().strip_prefix(scheme);
            // A proxy that ends TLS in front of a node on loopback is reached as https.
            let host = host.or_else(|| origin.get_ref().strip_prefix("https://"));
            let is_good = host.is_some_and(|host| {
                !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
            });
            if !is_good {
                let message =
                    format!("an origin is {scheme}host or {scheme}host:port, without a path");
                return Err(Fault::new(origin.span(), message));
            }
        }
        if self.is_tls() && self.origins.is_empty() {
            return Err(Fault::new(
                span,
                "with a certificate, origins are needed: the names clients use",
            ));
        }
        Ok(())
    }
}

/// Where the operator comes: liveness, readiness and figures, over plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// Address and port. Anybody who reaches it can read figures, so it is for loopback or a network of the operator's.
    pub address: SocketAddr,
}

/// What is logged, to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// How much of this program; of libraries only warnings are logged. Default `info`.
    pub level: LogLevel,
    /// How. Default `text`.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what an operator must act on.
    Error,
    /// And what is strange.
    Warn,
    /// And what the node does.
    #[default]
    Info,
    /// And every request.
    Debug,
    /// And every step.
    Trace,
}

/// How it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How the database is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskConfig {
    /// When writes survive a crash. Default `every_commit`.
    pub durability: DurabilityConfig,
    /// Writes are refused while fewer bytes than this are free. Default: that of the engine, 128 MiB.
    pub low_water_bytes: Option<u64>,
    /// Memory for blocks read from disk, in bytes. Default: that of the engine, 32 MiB.
    pub cache_bytes: Option<usize>,
}

/// When writes survive a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DurabilityConfig {
    /// Every commit is synced before it is acknowledged.
    #[default]
    EveryCommit,
    /// Synced at this interval in milliseconds, and acknowledged only then.
    IntervalMs(u64),
    /// Never synced: what was acknowledged may be lost.
    DangerousNone,
}

impl DiskConfig {
    /// The options of the engine.
    #[must_use]
    pub fn options(&self) -> DiskOptions {
        let durability = match self.durability {
            DurabilityConfig::EveryCommit => Durability::EveryCommit,
            DurabilityConfig::IntervalMs(milliseconds) => Durability::Interval(milliseconds),
            DurabilityConfig::DangerousNone => Durability::None,
        };
        let mut options = DiskOptions::default().with_durability(durability);
        if let Some(bytes) = self.low_water_bytes {
            options.low_water_bytes = bytes;
        }
        if let Some(bytes) = self.cache_bytes {
            options.cache_bytes = bytes;
        }
        options
    }
}
