//! `bulla verify`: check every byte of the store.

use bulla_store_rocksdb::VerifyOptions;
use serde_json::json;

use crate::app::App;
use crate::exit::{Exit, Failure, Result};
use crate::output::{count, size};

pub(crate) async fn run(app: &App, repair: bool) -> Result<()> {
    let spaces = app.spaces()?;
    let report = spaces.verify(&VerifyOptions { space: None, quarantine: repair }).await?;
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    app.output.line(format!(
        "{}, {}, {} ({}): {}",
        count(report.spaces, "space", "spaces"),
        count(report.entries, "entry", "entries"),
        count(report.payloads, "payload", "payloads"),
        size(report.payload_bytes),
        count(report.problem_count, "problem", "problems"),
    ));
    for problem in &problems {
        app.output.line(format!("  {problem}"));
    }
    app.output.json(&json!({
        "spaces": report.spaces, "entries": report.entries, "payloads": report.payloads,
        "payload_bytes": report.payload_bytes, "problem_count": report.problem_count, "problems": problems,
        "made_missing": report.quarantined,
    }));
    if report.is_clean() {
        return Ok(());
    }
    let help = if repair {
        "damaged payloads are marked missing: `bulla sync` fetches them again"
    } else {
        "run `bulla verify --repair`, then `bulla sync`"
    };
    Err(Failure::new(
        Exit::Integrity,
        format!("{} found", count(report.problem_count, "problem", "problems")),
    )
    .help(help))
}
