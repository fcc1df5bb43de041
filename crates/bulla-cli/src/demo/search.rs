//! The search through everything that the nodes wrote, logged and said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulla::{EpochKey, Space};
use zeroize::Zeroizing;

use super::claims::{Act, Claims};
use super::folders::{files, listing};
use super::founding::NODE_LABELS;
use super::leak::{Finding, Scanner, Secret};
use super::lost::{AFTER, BEFORE, LATE, Note, TABLET_LABEL};
use super::pairing::{LAPTOP_LABEL, PHONE_LABEL};
use super::steps::Steps;
use crate::exit::{Exit, Failure, Result};
use crate::home::io;
use crate::output::{count, size};

/// What was searched, and for what.
pub(crate) struct Searched {
    pub(crate) bytes: u64,
    pub(crate) needles: usize,
    /// Names of files that say nothing, because nodes without any data show these words too.
    pub(crate) common: Vec<String>,
}

/// What no node may know: the folder that was sent, and what people and devices said to each other in the story.
pub(crate) fn secrets(
    from: &Path,
    invitation: &Zeroizing<String>,
    space: &Space,
) -> Result<Vec<Secret>> {
    let mut secrets = of_folder(from)?;
    secrets.extend(of_story(invitation, space));
    Ok(secrets)
}

/// What belongs to the nodes.
pub(crate) struct Haystack {
    /// What they showed before they had anything to carry.
    pub(crate) idle: Vec<u8>,
    /// Where everything lies that they wrote, logged and said.
    pub(crate) folders: Vec<PathBuf>,
    /// What lies there too and was written by nobody of them; left out if it is unchanged.
    pub(crate) configurations: BTreeMap<PathBuf, String>,
}

/// Searches the folders of the nodes.
pub(crate) fn play(
    secrets: &[Secret],
    haystack: &Haystack,
    steps: &mut Steps,
    claims: &mut Claims,
) -> Result<Searched> {
    steps.start("prepare the search for leaks");
    let mut scanner = Scanner::new(secrets).map_err(|error| Failure::new(Exit::Failure, error))?;
    let common = scanner.learn_common(&haystack.idle);
    steps.start("search what they wrote, logged and said");
    let (findings, bytes) = search(&scanner, haystack, steps)?;
    let needles = scanner.needles();
    let evidence = match findings.first() {
        None => format!(
            "nothing found: {} of their files, logs and traffic searched for {needles} pieces",
            size(bytes)
        ),
        Some(first) => {
            let leaks = count(findings.len() as u64, "leak", "leaks");
            format!("{leaks}, such as {} in {} ({})", first.what, first.place, first.form)
        }
    };
    let text = "The nodes saw no content, no name, no label, no key and no invitation";
    claims.note(Act::Seen, "leak", text, findings.is_empty(), evidence);
    Ok(Searched { bytes, needles, common })
}

/// Everything that the nodes show now.
pub(crate) fn everything(folders: &[PathBuf]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for folder in folders {
        for file in files(folder)? {
            // A database drops files of its own while it runs.
            bytes.extend(std::fs::read(file).unwrap_or_default());
            bytes.push(0);
        }
    }
    Ok(bytes)
}

/// Every content, every name and every path of the folder sent.
fn of_folder(from: &Path) -> Result<Vec<Secret>> {
    let mut secrets = Vec::new();
    for (path, is_folder) in listing(from)? {
        let label = path.display().to_string();
        for name in path.iter().filter_map(|name| name.to_str()) {
            secrets.push(Secret::word(format!("the name {name}"), name));
        }
        if let Some(text) = path.to_str().filter(|text| text.contains('/')) {
            secrets.push(Secret::word(format!("the path {label}"), text));
        }
        if !is_folder {
            let at = from.join(&path);
            let bytes = std::fs::read(&at).map_err(|error| io("read", &at, &error))?;
            secrets.push(Secret::bytes(format!("the content of {label}"), bytes));
        }
    }
    Ok(secrets)
}

/// The invitation, labels and notes of the story, and every key of the space.
fn of_story(invitation: &Zeroizing<String>, space: &Space) -> Vec<Secret> {
    let bytes = |label: &str, text: &str| Secret::bytes(label.to_owned(), text.as_bytes().to_vec());
    let mut secrets = vec![bytes("the invitation", invitation.as_str())];
    for label in NODE_LABELS.iter().chain(&[LAPTOP_LABEL, PHONE_LABEL, TABLET_LABEL]) {
        secrets.push(bytes(&format!("the label '{label}'"), label));
    }
    for Note { name, text } in [BEFORE, AFTER, LATE] {
        secrets.push(bytes(&format!("the name {name}"), name));
        secrets.push(bytes(&format!("the content of {name}"), text));
    }
    let key = |key: &EpochKey| {
        Secret::bytes(format!("the key {}", key.id().short()), key.expose_secret().to_vec())
    };
    space.with_keyring(|keyring| {
        secrets.extend(keyring.keys(&space.id()).iter().map(|one| key(one)));
    });
    secrets
}

/// Looks through every file below the folders; also says how many bytes that were.
fn search(scanner: &Scanner, haystack: &Haystack, steps: &Steps) -> Result<(Vec<Finding>, u64)> {
    let mut all = Vec::new();
    for folder in &haystack.folders {
        all.extend(files(folder)?);
    }
    let mut findings = Vec::new();
    let mut searched = 0;
    for (index, file) in all.iter().enumerate() {
        let bytes = std::fs::read(file).map_err(|error| io("read", file, &error))?;
        let written = haystack.configurations.get(file);
        if written.is_none_or(|text| text.as_bytes() != bytes) {
            findings.extend(scanner.scan(&file.display().to_string(), &bytes));
            searched += bytes.len() as u64;
        }
        steps.progress(index as u64 + 1, all.len() as u64);
    }
    Ok((findings, searched))
}
