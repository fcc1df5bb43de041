//! How the program ends: one number per way, stable across versions.

use std::fmt;
use std::process::ExitCode;

/// Why a command ended. The numbers are listed in `bulla --help` and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something failed that no other number names.
    Failure = 1,
    /// The command line, a file given or the configuration is wrong.
    Usage = 2,
    /// What was asked for does not exist here.
    NotFound = 3,
    /// Data is damaged or not genuine: a signature, hash or tag does not hold.
    Integrity = 4,
    /// A node or a file cannot be reached now; the same command may work later.
    Unavailable = 5,
    /// A sync ended, and is not proven complete.
    Incomplete = 6,
    /// A wrong passphrase, a wrong key, or no right to do that.
    Denied = 7,
    /// A sync is complete, and found out something that somebody should look at: a fork that was not known, or a node that
    /// went back.
    Found = 8,
    /// Ended by SIGINT, as shells count that.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

/// An error with the number the program ends with, what to do next, and a stable code where there is one.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, code: None, message: message.to_string(), help: None }
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Whether the program was asked to end.
    pub(crate) const fn is_interrupted(&self) -> bool {
        matches!(self.exit, Exit::Interrupted | Exit::Terminated)
    }

    /// Adds what to do next.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn code(mut self, code: &bulla_core::Code) -> Self {
        self.code = Some(code.as_str().to_owned());
        self
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A message with its causes, joined by colons.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // An error that passes on the text of its cause must not say it twice.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
