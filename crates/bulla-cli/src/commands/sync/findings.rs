//! What a sync found out about others: what is withheld, rolled back or forked, with signed words that anybody can check.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bulla::Space;
use bulla::sync::{Attested, Evidence, Fork, Misbehaviour, Report};
use bulla_core::RawEntry;
use bulla_core::cbor::Writer;
use bulla_store::Context;
use serde_json::{Value, json};

use crate::app::App;
use crate::durable;
use crate::exit::{Result, with_causes};
use crate::home::io;
use crate::output::count;

/// Lines for people about one kind of finding; programs get all there are.
const MOST_LINES: usize = 8;
/// Forks whose entries become files in one sync; each takes two. The rest is kept by the next.
const MOST_FORKS: usize = 64;

/// What one direction of a sync found out.
#[derive(Debug, Default)]
pub(super) struct Findings {
    misbehaviour: Vec<(&'static str, String, Vec<Named>)>,
    unreached: Vec<Named>,
    unreached_count: u64,
    forks: Vec<FoundFork>,
}

/// A fork, and the files that prove it.
#[derive(Debug)]
struct FoundFork {
    fork: Fork,
    files: Vec<PathBuf>,
    /// Its proof was not in the folder before.
    is_new: bool,
}

/// An entry that is proven to exist, and the file that proves it.
#[derive(Debug)]
struct Named {
    attested: Attested,
    evidence: Option<PathBuf>,
}

impl Findings {
    /// Reads a report, and keeps the evidence in the home folder. Of one entry there is one file, whoever finds it how often.
    pub(super) async fn of(app: &App, space: &Space, report: &Report) -> Result<Self> {
        let mut findings = Self { unreached_count: report.unreached_count, ..Self::default() };
        for fault in &report.misbehaviour {
            let (word, attested) = match fault {
                Misbehaviour::Withheld { attested, .. } => ("withheld", attested.as_slice()),
                Misbehaviour::Rollback { .. } => ("rollback", &[][..]),
                Misbehaviour::Scan(_) => ("scan", &[][..]),
                _ => ("other", &[][..]),
            };
            let named = keep_all(app, attested)?;
            findings.misbehaviour.push((word, with_causes(fault), named));
        }
        findings.unreached = keep_all(app, &report.unreached)?;
        let mut kept = 0;
        for fork in &report.forks {
            let mut files = fork.ids.map(|id| path_of(app, &id.to_string())).to_vec();
            let is_known = files.iter().all(|file| file.exists());
            let mut is_new = false;
            if !is_known {
                files.clear();
                if kept < MOST_FORKS
                    && let Some(Evidence::Fork { first, second }) =
                        Evidence::of_fork(&Context::new(), &**space.store(), fork).await?
                {
                    let [a, b] = fork.ids;
                    files.push(keep(app, &a.to_string(), &first)?);
                    files.push(keep(app, &b.to_string(), &second)?);
                    is_new = true;
                    kept += 1;
                }
            }
            findings.forks.push(FoundFork { fork: *fork, files, is_new });
        }
        Ok(findings)
    }

    /// What was not known before: forks whose proof is new here, and what the other side did. That a node went back is known
    /// from then on too, since its state now is what the next sync compares with.
    pub(super) fn news(&self) -> Vec<String> {
        let forks = self.forks.iter().filter(|found| found.is_new).count() as u64;
        let faults = self.misbehaviour.iter().map(|(_, message, _)| message.clone());
        let forks = (forks > 0).then(|| count(forks, "new fork", "new forks"));
        faults.chain(forks).collect()
    }

    /// Lines for people: what was found, and which file shows it to others.
    pub(super) fn tell(&self, app: &App) {
        for (_, message, _) in &self.misbehaviour {
            app.output.line(format!("the other side misbehaved: {message}"));
        }
        let withheld = self.misbehaviour.iter().flat_map(|(_, _, named)| named);
        let mut told = BTreeSet::new();
        for named in self.unreached.iter().chain(withheld) {
            if told.len() >= MOST_LINES || !told.insert(named.attested.id) {
                continue;
            }
            let shown = named
                .evidence
                .as_ref()
                .map_or_else(String::new, |file| format!("; shown by {}", file.display()));
            app.output.line(format!("proven and not given: {}{shown}", named.attested));
        }
        for FoundFork { fork, files, .. } in self.forks.iter().take(MOST_LINES) {
            let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            let shown = match files.is_empty() {
                true => String::new(),
                false => format!("; shown by {}", files.join(" ")),
            };
            app.output.line(format!("fork: {fork}{shown}"));
        }
        if self.forks.len() > MOST_LINES {
            app.output.line(format!("{} forks in all: see --json", self.forks.len()));
        }
        if !self.forks.is_empty() {
            app.output.note(
                "A fork is a device that was copied or set back, or a key that somebody else has: \
                 an admin should `bulla space revoke` it, and its owner take a new identity.",
            );
        }
        if !told.is_empty() || !self.forks.is_empty() {
            app.output.note("`bulla entry inspect FILE…` shows to anybody what such files prove.");
        }
    }

    /// The same for programs, as three values: `misbehaviour`, `unreached`, `forks`.
    pub(super) fn json(&self) -> [Value; 3] {
        let misbehaviour: Vec<Value> = self
            .misbehaviour
            .iter()
            .map(|(word, message, named)| {
                let entries: Vec<Value> = named.iter().map(Named::json).collect();
                json!({ "what": word, "message": message, "entries": entries })
            })
            .collect();
        let unreached: Vec<Value> = self.unreached.iter().map(Named::json).collect();
        let forks: Vec<Value> = self
            .forks
            .iter()
            .map(|FoundFork { fork, files, is_new }| {
                json!({
                    "author": fork.author.to_string(), "sequence": fork.sequence,
                    "entries": fork.ids.map(|id| id.to_string()), "evidence": files, "new": is_new,
                })
            })
            .collect();
        [
            json!(misbehaviour),
            json!({ "count": self.unreached_count, "entries": unreached }),
            json!(forks),
        ]
    }
}

impl Named {
    fn json(&self) -> Value {
        let of = &self.attested;
        json!({
            "entry": of.id.to_string(), "author": of.author.to_string(), "sequence": of.sequence,
            "frontier": of.by.to_string(), "witness": of.witness.to_string(), "evidence": self.evidence,
        })
    }
}

fn keep_all(app: &App, attested: &[Attested]) -> Result<Vec<Named>> {
    let named = attested.iter().map(|one| {
        let evidence = match &one.evidence {
            Some(Evidence::Frontier { frontier, .. }) => {
                Some(keep(app, &one.by.to_string(), frontier)?)
            }
            _ => None,
        };
        // The evidence lies in the file now.
        Ok(Named { attested: Attested { evidence: None, ..one.clone() }, evidence })
    });
    named.collect()
}

/// Where the proof lies that an entry exists.
fn path_of(app: &App, id: &str) -> PathBuf {
    app.home.evidence_path().join(format!("{id}.entry"))
}

/// Writes an entry in plain form (WIRE-14) into a file of its id, if there is none yet.
fn keep(app: &App, id: &str, entry: &RawEntry) -> Result<PathBuf> {
    let folder = app.home.evidence_path();
    std::fs::create_dir_all(&folder).map_err(|error| io("make", &folder, &error))?;
    let path = path_of(app, id);
    if !path.exists() {
        let mut writer = Writer::new();
        writer.array(3).bytes(&entry.header).bytes(entry.signature.0);
        match &entry.payload {
            Some(payload) => writer.bytes(payload),
            None => writer.null(),
        };
        durable::replace(&path, writer.as_bytes()).map_err(|error| io("write", &path, &error))?;
    }
    Ok(path)
}
