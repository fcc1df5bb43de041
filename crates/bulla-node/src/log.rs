//! Logs: text or JSON to standard error, the level replaceable while the node runs.

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{LogConfig, LogFormat, LogLevel};

/// Changes the level.
#[derive(Debug, Clone)]
pub struct LogHandle(reload::Handle<Targets, Registry>);

impl LogHandle {
    /// From now on this level.
    pub fn set_level(&self, level: LogLevel) {
        // It fails only when the subscriber is gone, and then nothing is logged any more.
        let _ = self.0.reload(filter(level));
    }
}

/// Begins to log.
///
/// # Errors
///
/// [`TryInitError`] when something else in this process logs already.
pub fn start(config: LogConfig) -> Result<LogHandle, TryInitError> {
    let (filter, handle) = reload::Layer::new(filter(config.level));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match config.format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    Ok(LogHandle(handle))
}

/// Libraries may write what passes through them into their traces, tokens among it; so of theirs only warnings are kept,
/// at any level (A62).
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let libraries = LevelFilter::WARN.min(LevelFilter::from_level(level));
    Targets::new().with_default(libraries).with_target("bulla", level)
}
