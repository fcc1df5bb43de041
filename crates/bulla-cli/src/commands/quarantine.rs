//! `bulla quarantine`: what was refused and is kept, because it may count once more is known.

use std::pin::pin;

use bulla_store::{KeptTotals, kept_pages};
use futures_util::TryStreamExt as _;
use serde_json::json;

use crate::app::App;
use crate::args::{QuarantineCommand, SpaceArg};
use crate::exit::Result;
use crate::output::{count, size};

pub(crate) async fn run(app: &App, command: QuarantineCommand) -> Result<()> {
    match command {
        QuarantineCommand::List { space } => list(app, &space).await,
        QuarantineCommand::Retry { space } => retry(app, &space).await,
    }
}

async fn list(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.home.resolve(argument, &app.held(&spaces).await?)?;
    let mut rows = Vec::new();
    let space = app.look(&spaces, space).await?;
    // A space without members refuses nothing.
    if space.has_members() {
        let mut kept = pin!(kept_pages(|after, limit| space.quarantined(after, limit)));
        while let Some(page) = kept.try_next().await? {
            rows.extend(page.into_iter().map(|facts| {
                let (author, bytes) = if app.output.is_json {
                    (facts.author.to_string(), json!(facts.size_bytes))
                } else {
                    (facts.author.short(), json!(size(facts.size_bytes)))
                };
                vec![
                    json!(facts.id.to_string()),
                    json!(author),
                    json!(facts.sequence),
                    bytes,
                    json!(facts.code.as_str()),
                ]
            }));
        }
    }
    app.output.rows(&["entry", "author", "sequence", "bytes", "why"], &rows);
    Ok(())
}

async fn retry(app: &App, argument: &SpaceArg) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.home.resolve(argument, &app.held(&spaces).await?)?;
    let opened = app.look(&spaces, space).await?;
    let (stored, kept) = if opened.has_members() {
        let retried = opened.retry_quarantined().await?;
        (retried.stored, retried.kept)
    } else {
        (0, KeptTotals::default())
    };
    app.output.line(format!(
        "{} stored, {} still refused",
        count(stored, "entry", "entries"),
        kept.entries,
    ));
    app.output.json(&json!({
        "space": space.to_string(), "stored": stored, "kept": kept.entries, "kept_bytes": kept.bytes,
    }));
    Ok(())
}
