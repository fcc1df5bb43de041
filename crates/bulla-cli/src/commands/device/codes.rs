//! What two people compare: each types the code that the other device shows.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_pairing::ShortCode;
use bulla_store::{Clock as _, SystemClock};

use super::lines::read_line;
use crate::exit::{Exit, Failure, Result};
use crate::home::io;
use crate::output::Output;

/// How often a person may mistype: no try tells anything to whoever stands between.
const TRIES: u32 = 3;
/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(200);
const MAX_FILE_BYTES: u64 = 1_024;

/// Where typed codes come from.
#[derive(Debug)]
pub(super) struct Codes {
    pub(super) output: Output,
    /// A file that has the code as its first line, sooner or later; else standard input.
    pub(super) file: Option<PathBuf>,
    /// When to give up waiting for the file, in milliseconds since 1970.
    pub(super) until_ms: u64,
}

impl Codes {
    /// What a person typed, if it is the code that the other device shows; `None` if it is not, or they refused.
    pub(super) async fn typed(&self, code: ShortCode) -> Result<Option<String>> {
        self.output.note(format!("This device shows: {code}"));
        if let Some(file) = &self.file {
            let typed = self.in_file(file).await?;
            return Ok(code.is_typed(&typed).then_some(typed));
        }
        for left in (0..TRIES).rev() {
            self.output.note("Type the code that the other device shows, or nothing to refuse:");
            let typed = read_line().await?.trim().to_owned();
            if typed.is_empty() {
                return Ok(None);
            }
            if code.is_typed(&typed) {
                return Ok(Some(typed));
            }
            if left > 0 {
                self.output
                    .note("That is another code. Look again: does the other device show it?");
            }
        }
        Ok(None)
    }

    async fn in_file(&self, path: &Path) -> Result<String> {
        loop {
            let mut text = String::new();
            let read = std::fs::File::open(path)
                .and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text));
            match read {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(io("read", path, &error)),
            }
            // The line is whole when its end is there, or when nothing else could be meant.
            let line = text.lines().next().unwrap_or_default().trim();
            let digits = line.chars().filter(char::is_ascii_digit).count();
            if !line.is_empty() && (text.contains('\n') || digits >= 10) {
                return Ok(line.to_owned());
            }
            if SystemClock::new().unix_ms() >= self.until_ms {
                return Err(Failure::new(Exit::Unavailable, "no code came in time")
                    .help("the invitation is spent: make a new one with `bulla invite`"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
