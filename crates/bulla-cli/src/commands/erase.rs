//! `bulla erase`: drop payloads everywhere, for good.

use bulla::Erasing;
use serde_json::json;

use super::space::members::named;
use crate::app::App;
use crate::args::EraseArgs;
use crate::exit::{Failure, Result};
use crate::output::count;

pub(crate) async fn run(app: &App, arguments: EraseArgs) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, &arguments.space).await?;
    let what = match (&arguments.topic, &arguments.author) {
        (Some(name), _) => Erasing::Topic(space.topic(name)?),
        (None, Some(device)) => Erasing::Author(named(app, &space, device).await?),
        (None, None) => Erasing::Ids(arguments.entries),
    };
    if !arguments.yes {
        return Err(Failure::usage("this would drop payloads from every store of the space")
            .help("add --yes to do it; there is no way back"));
    }
    let erasures = space.erase(what).await?;
    let erasures: Vec<String> = erasures.iter().map(ToString::to_string).collect();
    app.output.line(format!("erased, by {}", count(erasures.len() as u64, "entry", "entries")));
    app.output.note("It takes effect elsewhere with the next `bulla sync`.");
    app.output.json(&json!({ "space": space.id().to_string(), "erasures": erasures }));
    Ok(())
}
