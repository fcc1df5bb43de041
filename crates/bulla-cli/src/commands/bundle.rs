//! `bulla bundle`: a space, or what follows a cursor, as one file.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use bulla::SpaceId;
use bulla_core::cbor::{Decode as _, Encode as _};
use bulla_core::limits::{MAX_ENTRIES_PER_PUT, MAX_PUT_BYTES};
use bulla_core::values::{Cursor, PutOutcome, ScanRequest};
use bulla_core::{RawEntry, SetDigest, Verifier};
use bulla_identity::{OsRandomness, Randomness as _};
use bulla_store::{ContentAddressedStore, Context};
use bulla_wire::bundle::{BundleItem, BundleReader, BundleStart, BundleWriter};
use bulla_wire::{Form, StreamError};
use data_encoding::HEXLOWER;
use serde_json::json;

use crate::app::App;
use crate::args::{BundleCommand, SpaceArg};
use crate::commands::space::Belonging;
use crate::commands::space::members::REVOKED;
use crate::durable;
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::io;
use crate::output::count;

/// Bytes read from a file at a time.
const READ_BYTES: usize = 256 * 1024;

pub(crate) async fn run(app: &App, command: BundleCommand) -> Result<()> {
    match command {
        BundleCommand::Export { file, space, after } => {
            export(app, &file, &space, after.as_deref()).await
        }
        BundleCommand::Import { file, space } => import(app, &file, space).await,
    }
}

async fn export(app: &App, file: &Path, space: &SpaceArg, after: Option<&str>) -> Result<()> {
    let from = after.map(parse_cursor).transpose()?;
    let spaces = app.spaces()?;
    // A bundle leaves the device: what this device has signed must be covered by its mark first.
    let outgoing = app.space(&spaces, space).await?.outgoing();
    let head = outgoing.head(&Context::new()).await?;
    let start = BundleStart { space: outgoing.space(), from, to: head };
    let mut target = Target::create(file)?;
    let mut writer = BundleWriter::new(&start, Form::Compact);
    let mut count: u64 = 0;
    let mut request =
        ScanRequest { after: from, until: Some(head.last_receipt), ..ScanRequest::everything() };
    loop {
        let page = outgoing.scan(&Context::new(), request.clone()).await?;
        for item in &page.items {
            count += u64::from(writer.push(item));
        }
        target.write(&writer.take())?;
        if page.end {
            break;
        }
        request.after = Some(page.cursor);
    }
    target.write(&writer.finish())?;
    target.finish()?;
    let cursor = HEXLOWER.encode(&head.cursor().to_cbor());
    app.output.note(format!("{} of space {}", entries(count), start.space));
    app.output.note(format!("for what follows, later: bulla bundle export FILE --after {cursor}"));
    if file != Path::new("-") {
        app.output
            .json(&json!({ "space": start.space.to_string(), "entries": count, "cursor": cursor }));
    }
    Ok(())
}

fn parse_cursor(text: &str) -> Result<Cursor> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| Cursor::from_cbor(&bytes).ok()).ok_or_else(|| {
        Failure::usage("not a cursor").help("give the one that `bulla bundle export` printed")
    })
}

/// Where a bundle goes: standard output, or a file that appears whole or not at all.
enum Target<'a> {
    Output,
    File(tempfile::NamedTempFile, &'a Path),
}

impl<'a> Target<'a> {
    fn create(path: &'a Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Output);
        }
        let folder = durable::folder_of(path);
        let file = tempfile::NamedTempFile::new_in(folder)
            .map_err(|error| io("write into", folder, &error))?;
        Ok(Self::File(file, path))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match self {
            Self::Output => std::io::stdout().write_all(bytes),
            Self::File(file, _) => file.write_all(bytes),
        };
        written.map_err(|error| {
            Failure::new(Exit::Failure, format!("could not write the bundle: {error}"))
        })
    }

    fn finish(self) -> Result<()> {
        let Self::File(file, path) = self else { return Ok(()) };
        durable::keep(file, path).map_err(|error| io("write", path, &error))
    }
}

async fn import(app: &App, file: &Path, expected: Option<SpaceId>) -> Result<()> {
    let mut source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(|error| io("read", file, &error))?)
    };
    let mut import = Import::new(app, expected)?;
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = source.read(&mut buffer).map_err(|error| io("read", file, &error))?;
        import.reader.push(buffer.get(..count).unwrap_or_default());
        loop {
            match import.reader.next_item() {
                Ok(Some(item)) => import.take(item).await?,
                Ok(None) if count == 0 => return import.finish(None).await,
                Ok(None) => break,
                Err(fault) => return import.finish(Some(fault)).await,
            }
        }
    }
}

/// An import under way. Entries are verified and stored as they come: a file that is cut short leaves what was whole.
struct Import<'a> {
    app: &'a App,
    reader: BundleReader,
    verifier: Verifier,
    spaces: bulla_store_rocksdb::DiskSpaces,
    expected: Option<SpaceId>,
    store: Option<Arc<dyn ContentAddressedStore>>,
    batch: Vec<RawEntry>,
    batch_bytes: usize,
    digest: Option<SetDigest>,
    stored: u64,
    held: u64,
    /// What is not genuine.
    refused: Refusals,
    /// What is genuine and does not count in the space as it is known here.
    unadmitted: Refusals,
}

impl<'a> Import<'a> {
    fn new(app: &'a App, expected: Option<SpaceId>) -> Result<Self> {
        let mut seed = [0; 32];
        OsRandomness.fill(&mut seed).map_err(|error| Failure::new(Exit::Failure, error))?;
        Ok(Self {
            app,
            reader: BundleReader::new(),
            verifier: Verifier::new(seed),
            spaces: app.spaces()?,
            expected,
            store: None,
            batch: Vec::new(),
            batch_bytes: 0,
            digest: None,
            stored: 0,
            held: 0,
            refused: Refusals::default(),
            unadmitted: Refusals::default(),
        })
    }

    async fn take(&mut self, item: BundleItem) -> Result<()> {
        match item {
            BundleItem::Start(start) => {
                if self.expected.is_some_and(|expected| expected != start.space) {
                    return Err(Failure::usage(format!(
                        "this is a bundle of space {}",
                        start.space
                    ))
                    .help("leave --space out to take it in"));
                }
                // Judged like what a sync brings, and without a key.
                let space = self.app.look(&self.spaces, start.space).await?;
                self.store = Some(Arc::clone(space.store()));
                let mut local = self.app.home.local()?;
                local.entry(start.space);
                self.app.home.save_local(&local)
            }
            BundleItem::Entry(entry) => {
                self.batch_bytes += entry.raw.header.len()
                    + entry.raw.payload.as_ref().map_or(0, bytes::Bytes::len)
                    + 64;
                self.batch.push(entry.raw);
                // A header and its payload are at most a little over 1 MiB, so the batch stays within its bound.
                if self.batch.len() >= MAX_ENTRIES_PER_PUT / 4
                    || self.batch_bytes >= MAX_PUT_BYTES / 4
                {
                    self.store_batch().await?;
                }
                Ok(())
            }
            BundleItem::End { digest, .. } => {
                self.digest = Some(digest);
                Ok(())
            }
        }
    }

    async fn store_batch(&mut self) -> Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        self.batch_bytes = 0;
        let verdicts = self.verifier.verify_batch(&store.space(), std::mem::take(&mut self.batch));
        let mut genuine = Vec::with_capacity(verdicts.len());
        for verdict in verdicts {
            match verdict {
                Ok(entry) => {
                    self.reader.received(&entry.id());
                    genuine.push(entry);
                }
                Err(error) => {
                    self.refused.add(format!("{} ({})", with_causes(&error), error.code()));
                }
            }
        }
        if genuine.is_empty() {
            return Ok(());
        }
        for outcome in store.put(&Context::new(), genuine).await?.outcomes {
            match outcome {
                PutOutcome::Stored(_) | PutOutcome::PayloadAdded(_) => self.stored += 1,
                PutOutcome::Duplicate(_) => self.held += 1,
                PutOutcome::Refused(refusal) => self.unadmitted.add(refusal.code.to_string()),
                PutOutcome::Pending => self.refused.add("pending".to_owned()),
            }
        }
        Ok(())
    }

    /// Stores what is left and judges the file as a whole, in the order of BUN-7; `fault` is what kept it from being read
    /// to its end.
    async fn finish(mut self, fault: Option<StreamError>) -> Result<()> {
        self.store_batch().await?;
        if let Some(store) = &self.store {
            let output = &self.app.output;
            output.line(format!("{} stored, {} held before", entries(self.stored), self.held));
            output.json(&json!({
                "space": store.space().to_string(), "stored": self.stored, "held_before": self.held,
                "refused": self.refused.listed, "refused_count": self.refused.count,
                "not_counting": self.unadmitted.listed, "not_counting_count": self.unadmitted.count,
            }));
            let space = self.app.look(&self.spaces, store.space()).await?;
            if Belonging::of(self.app, &space).is_revoked {
                output.note(REVOKED);
            }
            if let Some(first) = self.unadmitted.listed.first() {
                output.note(format!(
                    "{} did not count here: {first}; see `bulla quarantine list`",
                    entries(self.unadmitted.count)
                ));
            }
        }
        fault.map_or_else(|| self.reader.ended(), Err).map_err(|error| bad(&error))?;
        if let Some(first) = self.refused.listed.first() {
            let count = self.refused.count;
            return Err(Failure::new(
                Exit::Integrity,
                format!("{count} entries of the file are not genuine: {first}"),
            )
            .help("the others are stored; get the file again from its maker"));
        }
        // All verified, so the digest tells whether they are those that the maker counted.
        self.reader.finish(&self.digest.unwrap_or(SetDigest::ZERO)).map_err(|error| bad(&error))
    }
}

/// Refusals kept to be shown; whoever made the file decides how many there are.
const MAX_LISTED: usize = 1_000;

/// What was refused: all counted, the first of them told.
#[derive(Debug, Default)]
struct Refusals {
    listed: Vec<String>,
    count: u64,
}

impl Refusals {
    fn add(&mut self, why: String) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(why);
        }
    }
}

fn entries(number: u64) -> String {
    count(number, "entry", "entries")
}

fn bad(error: &StreamError) -> Failure {
    Failure::new(Exit::Integrity, format!("bundle: {}", with_causes(error)))
        .help("what came before the fault is stored; get the file again from its maker")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_all_counted_and_not_all_kept() {
        let mut refusals = Refusals::default();
        for number in 0..2_500 {
            refusals.add(format!("entry {number}"));
        }
        assert_eq!((refusals.count, refusals.listed.len()), (2_500, MAX_LISTED));
        assert_eq!(refusals.listed[0], "entry 0");
    }
}
