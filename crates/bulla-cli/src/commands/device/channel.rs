//! Lines that two devices exchange: pasted at a terminal, piped, or appended to a file each.

use std::io::{BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_pairing::{Message, PairingError};
use bulla_store::{Clock as _, SystemClock};
use serde_json::json;

use crate::exit::{Exit, Failure, Result};
use crate::home::io;
use crate::output::Output;

/// How often a file is looked at for the next line.
const LOOK: Duration = Duration::from_millis(200);
/// Longest line, and all that is read of a file: six messages and what was in it before.
const MAX_LINE_BYTES: u64 = 16 * 1024;
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Where messages come from and go to.
#[derive(Debug)]
pub(super) struct Channel {
    output: Output,
    /// A file that the other side appends to, and how many of its lines were read; else standard input.
    from: Option<(PathBuf, usize)>,
    /// A file to append to; else standard output.
    to: Option<PathBuf>,
    /// When to give up, in milliseconds since 1970.
    until_ms: u64,
}

impl Channel {
    pub(super) fn new(
        output: Output,
        from: Option<&Path>,
        to: Option<&Path>,
        until_ms: u64,
    ) -> Self {
        let from = from.map(|path| (path.to_owned(), 0));
        Self { output, from, to: to.map(Path::to_owned), until_ms }
    }

    /// Sends a message as one line.
    pub(super) fn send(&self, message: &Message) -> Result<()> {
        let Some(path) = &self.to else {
            self.output.note("Give the other device this line:");
            self.output.line(message.to_string());
            self.output.json(&json!({ "message": message.to_string() }));
            return Ok(());
        };
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        let written = file.and_then(|mut file| file.write_all(format!("{message}\n").as_bytes()));
        written.map_err(|error| io("write", path, &error))
    }

    /// The bytes of the next line that is a message at all; what is not is passed over.
    pub(super) async fn receive(&mut self) -> Result<Vec<u8>> {
        if self.from.is_none() {
            self.output.note("Paste the line of the other device:");
        }
        loop {
            let line = match &mut self.from {
                None => read_line()?,
                Some((path, count)) => next_line(path, count, self.until_ms).await?,
            };
            match Message::bytes_of_text(line.trim()) {
                Ok(bytes) => return Ok(bytes),
                Err(_) if line.trim().is_empty() => {}
                Err(error) => self.output.note(format!("not a message: {error}")),
            }
        }
    }

    /// Whether a person at this device typed the code that the other device shows.
    pub(super) fn confirm(&self, code: bulla_pairing::ShortCode, other: &str) -> Result<bool> {
        self.output.json(&json!({ "code": code.to_string(), "other": other }));
        self.output.note(format!("The other device calls itself '{}'.", other.escape_debug()));
        Ok(self.ask(code)?.is_some())
    }

    /// What a person at this device typed, if it is the code that the other device shows. What that device calls itself is
    /// not shown beside it (PAIR-28).
    pub(super) fn typed(&self, code: bulla_pairing::ShortCode) -> Result<Option<String>> {
        self.output.json(&json!({ "code": code.to_string() }));
        self.ask(code)
    }

    fn ask(&self, code: bulla_pairing::ShortCode) -> Result<Option<String>> {
        self.output.note(format!("This device shows: {code}"));
        self.output.note("Type the code that the other device shows, or nothing to refuse:");
        let typed = read_line()?.trim().to_owned();
        Ok(code.is_typed(&typed).then_some(typed))
    }
}

/// A line from standard input.
fn read_line() -> Result<String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().take(MAX_LINE_BYTES).read_line(&mut line);
    match read {
        Ok(0) => Err(Failure::new(Exit::Unavailable, "standard input ended")
            .help("the invitation is spent: make a new one with `bulla invite`")),
        Ok(_) => Ok(line),
        Err(error) => Err(Failure::usage(format!("standard input: {error}"))),
    }
}

/// The next whole line of a file that grows.
async fn next_line(path: &Path, count: &mut usize, until_ms: u64) -> Result<String> {
    let clock = SystemClock::new();
    loop {
        let mut text = String::new();
        match std::fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text))
        {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io("read", path, &error)),
        }
        // The last piece is no line before its line feed has come.
        let line = text.split_inclusive('\n').nth(*count).filter(|line| line.ends_with('\n'));
        if let Some(line) = line {
            *count += 1;
            return Ok(line.to_owned());
        }
        if clock.unix_ms() >= until_ms {
            return Err(Failure::new(Exit::Unavailable, "the invitation expired meanwhile")
                .help("make a new one with `bulla invite`"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// An exchange that ended.
pub(super) fn ended(error: PairingError) -> Failure {
    let exit = match error {
        PairingError::Label => Exit::Usage,
        PairingError::Randomness(_) => Exit::Failure,
        _ => Exit::Denied,
    };
    Failure::new(exit, error)
        .code(&error.code())
        .help("nobody was let in; make a new invitation with `bulla invite`")
}
