//! Lines that two devices exchange: pasted at a terminal, piped, or appended to a file each.

use std::io::{BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_pairing::Message;
use bulla_store::{Clock as _, SystemClock};
use serde_json::json;
use tokio::sync::oneshot;

use super::late;
use crate::exit::{Exit, Failure, Result};
use crate::home::io;
use crate::output::Output;

/// How often a file is looked at for the next line.
const LOOK: Duration = Duration::from_millis(200);
/// Longest line, and all that is read of a file: six messages and what was in it before.
const MAX_LINE_BYTES: u64 = 16 * 1024;
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Where lines come from and go to.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) output: Output,
    /// A file that the other side appends to, and how many of its lines were read; else standard input.
    pub(super) from: Option<(PathBuf, usize)>,
    /// A file to append to; else standard output.
    pub(super) to: Option<PathBuf>,
    /// How long to wait for a line in a file, in milliseconds; as long as the invitation serves if `None`.
    pub(super) wait_ms: Option<u64>,
    /// When the invitation expires, in milliseconds since 1970.
    pub(super) expires_ms: u64,
}

impl Lines {
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
        let now = SystemClock::new().unix_ms();
        let until_ms = self.wait_ms.map_or(self.expires_ms, |wait| now.saturating_add(wait));
        loop {
            let line = match &mut self.from {
                None => read_line().await?,
                Some((path, count)) => {
                    let line = next_line(path, count, until_ms).await?;
                    line.ok_or_else(|| late(self.wait_ms.is_some()))?
                }
            };
            match Message::bytes_of_text(line.trim()) {
                Ok(bytes) => return Ok(bytes),
                Err(_) if line.trim().is_empty() => {}
                Err(error) => self.output.note(format!("not a message: {error}")),
            }
        }
    }
}

/// A line from standard input.
pub(super) async fn read_line() -> Result<String> {
    let (sender, receiver) = oneshot::channel();
    // Nothing ends such a read. A thread that nobody waits for lets the program be asked to end meanwhile, and end.
    std::thread::spawn(move || drop(sender.send(read_line_here())));
    receiver.await.map_err(|_| Failure::new(Exit::Failure, "standard input was not read"))?
}

fn read_line_here() -> Result<String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().take(MAX_LINE_BYTES).read_line(&mut line);
    match read {
        Ok(0) => Err(Failure::new(Exit::Unavailable, "standard input ended").help(
            "the invitation is spent: make a new one with `bulla invite`; without a terminal use --code-file",
        )),
        Ok(_) => Ok(line),
        Err(error) => Err(Failure::usage(format!("standard input: {error}"))),
    }
}

/// The next whole line of a file that grows; `None` when it came too late.
async fn next_line(path: &Path, count: &mut usize, until_ms: u64) -> Result<Option<String>> {
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
            return Ok(Some(line.to_owned()));
        }
        if clock.unix_ms() >= until_ms {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    }
}
