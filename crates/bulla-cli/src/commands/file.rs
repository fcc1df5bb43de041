//! `bulla file`: files and folders as sealed chunks.

use std::collections::BTreeMap;
use std::path::Path;

use bulla::EntryId;
use bulla::files::{self, Existing, FileProgress, Node, Tree};
use bulla_crypto::manifest::FileType;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::app::App;
use crate::args::{FileCommand, SpaceArg};
use crate::commands::space::groups;
use crate::exit::{Exit, Failure, Result};
use crate::output::{count, size};

pub(crate) async fn run(app: &App, command: FileCommand) -> Result<()> {
    match command {
        FileCommand::Add { path, group, space } => add(app, &path, group.as_deref(), &space).await,
        FileCommand::Restore { into, paths, space, overwrite } => {
            let existing = if overwrite { Existing::Replace } else { Existing::Keep };
            restore(app, &into, &paths, &space, existing).await
        }
        FileCommand::List { space } => list(app, &space).await,
    }
}

async fn add(app: &App, path: &Path, group: Option<&str>, space: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, space).await?;
    let group = match group {
        Some(text) => groups::named(&space, text).await?,
        None => EntryId::ZERO,
    };
    let bar = bar(app);
    let report = files::add_to(&space, group, path, &|progress| show(&bar, &progress)).await?;
    bar.finish_and_clear();
    app.output.line(format!(
        "{}, {}: {} written, {} unchanged",
        counted(report.files, report.directories),
        size(report.bytes),
        count(report.entries, "entry", "entries"),
        report.unchanged,
    ));
    for skipped in &report.skipped {
        app.output.note(format!(
            "skipped {}: only files and directories with Unicode names are stored, and links are not followed",
            skipped.display()
        ));
    }
    app.output.json(&json!({
        "files": report.files, "directories": report.directories, "bytes": report.bytes, "entries": report.entries,
        "unchanged": report.unchanged, "reused_chunks": report.reused_chunks, "skipped": report.skipped,
        "group": (!group.is_zero()).then(|| group.to_string()),
    }));
    Ok(())
}

async fn restore(
    app: &App,
    into: &Path,
    paths: &[String],
    space: &SpaceArg,
    existing: Existing,
) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, space).await?;
    let tree = Tree::read(&space).await?;
    let bar = bar(app);
    let report =
        files::restore(&space, &tree, into, paths, existing, &|progress| show(&bar, &progress))
            .await?;
    bar.finish_and_clear();
    if !paths.is_empty()
        && report.files + report.directories + report.unchanged == 0
        && report.erased.is_empty()
    {
        return Err(Failure::new(Exit::NotFound, "no file of the space has such a path")
            .help("see `bulla file list`"));
    }
    app.output.line(format!(
        "{}, {} restored; {} there already",
        counted(report.files, report.directories),
        size(report.bytes),
        report.unchanged,
    ));
    warn(app, &tree);
    for path in &report.erased {
        app.output.note(format!("{path} was erased"));
    }
    app.output.json(&json!({
        "files": report.files, "directories": report.directories, "bytes": report.bytes, "unchanged": report.unchanged,
        "conflicts": tree.conflicts.len(), "unreadable": tree.unreadable.len(), "erased": report.erased,
        "of_other_groups": tree.of_others.len(),
        "erased_records": tree.erased.len(),
    }));
    Ok(())
}

async fn list(app: &App, space: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, space).await?;
    let tree = Tree::read(&space).await?;
    let labels: BTreeMap<EntryId, Option<String>> = match space.has_members() {
        true => space.groups().await?.into_iter().map(|group| (group.id, group.label)).collect(),
        false => BTreeMap::new(),
    };
    let group = |node: &Node| {
        let label = labels.get(&node.group).cloned().flatten();
        (!node.group.is_zero()).then(|| label.unwrap_or_else(|| node.group.short()))
    };
    let files = tree.nodes.values().map(|node| {
        let (path, kind) = (node.record.path().join("/"), node.record.file_type());
        (node, path, kind)
    });
    if app.output.is_json {
        let files = files.map(|(node, path, kind)| {
            let (kind, bytes, manifest) = match kind {
                FileType::File { manifest, size, .. } => {
                    ("file", Some(size), Some(manifest.to_string()))
                }
                FileType::Directory => ("directory", None, None),
            };
            json!({
                "path": path, "type": kind, "bytes": bytes, "author": node.author.to_string(),
                "record": node.id.to_string(), "manifest": manifest, "group": group(node),
                "group_id": (!node.group.is_zero()).then(|| node.group.to_string()),
            })
        });
        app.output.json(&files.collect());
    } else {
        let rows = files.map(|(node, path, kind)| {
            let bytes = match kind {
                FileType::File { size, .. } => json!(size),
                FileType::Directory => json!("directory"),
            };
            let group = group(node).unwrap_or_else(|| "everybody".to_owned());
            vec![json!(path), bytes, json!(node.author.short()), json!(group)]
        });
        app.output.rows(&["path", "bytes", "author", "for"], &rows.collect::<Vec<_>>());
    }
    if tree.nodes.is_empty() {
        app.output.note("No files here: `bulla file add PATH` stores some, `bulla sync` fetches those of others.");
    }
    warn(app, &tree);
    Ok(())
}

fn counted(files: u64, directories: u64) -> String {
    let files = count(files, "file", "files");
    format!("{files}, {}", count(directories, "directory", "directories"))
}

/// Names what a list of files cannot show.
fn warn(app: &App, tree: &Tree) {
    for conflict in &tree.conflicts {
        app.output.note(format!(
            "conflict: {} was written by {} devices at once; the others' versions are entries {}",
            conflict.path,
            conflict.losers.len() + 1,
            conflict.losers.iter().map(|node| node.id.short()).collect::<Vec<_>>().join(", "),
        ));
    }
    if !tree.unreadable.is_empty() {
        let records = count(tree.unreadable.len() as u64, "file record", "file records");
        app.output.note(format!(
            "{records} cannot be read: key or payload missing; `bulla sync` fetches both"
        ));
    }
    if !tree.of_others.is_empty() {
        let records = count(tree.of_others.len() as u64, "file record is", "file records are");
        app.output.note(format!("{records} for key groups that this device is not in"));
    }
    if !tree.erased.is_empty() {
        let records = count(tree.erased.len() as u64, "file record was", "file records were");
        app.output.note(format!("{records} erased"));
    }
}

fn bar(app: &App) -> ProgressBar {
    if !app.output.shows_progress() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: &FileProgress) {
    bar.set_length(progress.total_bytes);
    bar.set_position(progress.bytes);
    bar.set_message(format!("{}/{} files", progress.done, progress.total));
}
