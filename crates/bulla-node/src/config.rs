//! The configuration of a node: one TOML file, flags and environment on top (NODE-1 to NODE-9).

mod cache;
mod listen;
mod network;
mod overrides;
mod space;
mod text;

use std::ops::Range;
use std::path::{Path, PathBuf};

use bulla_server::{HttpSettings, MailboxSettings, ServiceSettings, SettingError};
use serde::Deserialize;
use toml::Spanned;

pub use cache::{CacheConfig, CacheStorageKind};
pub use listen::{
    AdminConfig, DiskConfig, DurabilityConfig, ListenConfig, LogConfig, LogFormat, LogLevel,
};
pub use network::{FollowConfig, Network, UpstreamConfig};
pub use overrides::Overrides;
pub use space::{
    AcceptConfig, AcceptFrom, AccessKind, Allow, FreshnessConfig, Mode, Right, SpaceConfig,
    SpacePattern,
};
pub use text::{NodeText, PeerText};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node's key, made by `bulla-node key create`.
    pub key_file: PathBuf,
    /// Where the passphrase of the key file is: a file of one line, or `/dev/fd/3` and the like.
    pub passphrase_file: PathBuf,
    /// Where relays (in `store`) and caches (in `cache`) keep what they hold.
    #[serde(default)]
    pub data_dir: Option<PathBuf>,
    /// Where clients come.
    pub listen: ListenConfig,
    /// Where the operator comes; nowhere unless it is set.
    #[serde(default)]
    pub admin: Option<AdminConfig>,
    /// What is logged.
    #[serde(default)]
    pub log: LogConfig,
    /// Limits of connections and transfers.
    #[serde(default = "spanned_default")]
    pub http: Spanned<HttpSettings>,
    /// Limits of what is done for peers.
    #[serde(default = "spanned_default")]
    pub service: Spanned<ServiceSettings>,
    /// Mailboxes for devices that pair; off unless the operator says otherwise.
    #[serde(default = "spanned_default")]
    pub mailbox: Spanned<MailboxSettings>,
    /// How the database is kept.
    #[serde(default)]
    pub disk: DiskConfig,
    /// Where the caches keep what they hold, all of them together.
    #[serde(default = "spanned_default")]
    pub cache: Spanned<CacheConfig>,
    /// The nodes that passthroughs and caches stand in front of.
    #[serde(default, rename = "upstream")]
    pub upstreams: Vec<UpstreamConfig>,
    /// The spaces served.
    #[serde(default, rename = "space")]
    pub spaces: Vec<SpaceConfig>,
}

fn spanned_default<T: Default>() -> Spanned<T> {
    Spanned::new(0..0, T::default())
}

/// A configuration that cannot be used. *Fix the file.*
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML, or has something that is not known or not of the right kind.
    #[error("{path}, line {line}: {message}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

impl Config {
    /// Reads a file, puts the overrides on top and checks the outcome. Paths in the file are relative to the folder it
    /// lies in, those of overrides to the current one.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], with the line.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path, overrides)
    }

    /// As [`load`](Self::load), with the text of the file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Line`].
    pub fn parse(text: &str, path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let error = |span: Option<Range<usize>>, message: String| ConfigError::Line {
            path: path.to_owned(),
            line: span.map_or(1, |span| line_of(text, span.start)),
            message,
        };
        let mut config: Self = toml::from_str(text)
            .map_err(|fault| error(fault.span(), fault.message().to_owned()))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        config.resolve(folder.unwrap_or(Path::new(".")));
        overrides.apply(&mut config);
        config.check().map_err(|Fault { span, message }| error(Some(span), message))?;
        Ok(config)
    }

    /// The upstream of this name.
    #[must_use]
    pub fn upstream(&self, name: &str) -> Option<&UpstreamConfig> {
        self.upstreams.iter().find(|upstream| upstream.name.get_ref() == name)
    }

    /// Whether a space is served in this mode.
    #[must_use]
    pub fn has(&self, mode: Mode) -> bool {
        self.spaces.iter().any(|space| space.is(mode))
    }

    /// The folder of the database that relays keep their spaces in.
    #[must_use]
    pub fn store_folder(&self) -> Option<PathBuf> {
        Some(self.data_dir.as_ref()?.join("store"))
    }

    /// The folder of what caches hold; `None` if they hold it in memory.
    #[must_use]
    pub fn cache_folder(&self) -> Option<PathBuf> {
        let kept = self.data_dir.as_ref()?.join("cache");
        (self.cache.get_ref().storage != Some(CacheStorageKind::Memory)).then_some(kept)
    }

    /// What the service is told: its own section and that of the mailboxes.
    #[must_use]
    pub fn service_settings(&self) -> ServiceSettings {
        ServiceSettings { mailbox: *self.mailbox.get_ref(), ..self.service.get_ref().clone() }
    }

    fn check(&self) -> Result<(), Fault> {
        for (settings, span) in [
            (self.http.get_ref().check(), self.http.span()),
            (self.service.get_ref().check(), self.service.span()),
            (self.mailbox.get_ref().check(), self.mailbox.span()),
        ] {
            settings.map_err(|error: SettingError| Fault::new(span, error.to_string()))?;
        }
        self.listen.check()?;
        self.cache.get_ref().check(self.cache.span(), self.data_dir.is_some())?;
        for (number, upstream) in self.upstreams.iter().enumerate() {
            upstream.check()?;
            let is_same =
                |earlier: &UpstreamConfig| earlier.name.get_ref() == upstream.name.get_ref();
            if self.upstreams.iter().take(number).any(is_same) {
                let message = format!("there is an upstream {} already", upstream.name.get_ref());
                return Err(Fault::new(upstream.name.span(), message));
            }
        }
        for (number, space) in self.spaces.iter().enumerate() {
            space.check()?;
            let is_same = |earlier: &SpaceConfig| earlier.id.get_ref() == space.id.get_ref();
            if self.spaces.iter().take(number).any(is_same) {
                return Err(Fault::new(space.id.span(), "this space is configured already"));
            }
            if let Some(name) = &space.upstream
                && self.upstream(name.get_ref()).is_none()
            {
                let message = format!("there is no upstream {}", name.get_ref());
                return Err(Fault::new(name.span(), message));
            }
            if space.is(Mode::Relay) && self.data_dir.is_none() {
                return Err(Fault::new(space.mode.span(), "a relay needs data_dir"));
            }
        }
        Ok(())
    }

    fn resolve(&mut self, folder: &Path) {
        let upstreams = self.upstreams.iter_mut().filter_map(|upstream| upstream.ca_file.as_mut());
        let paths = [&mut self.key_file, &mut self.passphrase_file].into_iter();
        let paths = paths.chain(&mut self.data_dir).chain(&mut self.listen.certificate);
        for path in paths.chain(&mut self.listen.private_key).chain(upstreams) {
            // An absolute path replaces the folder.
            *path = folder.join(&*path);
        }
    }
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Fault {
    span: Range<usize>,
    message: String,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
