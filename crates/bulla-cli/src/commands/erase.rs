//! `bulla erase`: drop payloads everywhere, for good.

use bulla::{Erasing, files};
use serde_json::json;

use super::space::members::named;
use crate::app::App;
use crate::args::EraseArgs;
use crate::exit::{Exit, Failure, Result};
use crate::output::count;

pub(crate) async fn run(app: &App, arguments: EraseArgs) -> Result<()> {
    let spaces = app.spaces()?;
    let space = app.space(&spaces, &arguments.space).await?;
    let what = match (&arguments.topic, &arguments.author, &arguments.file) {
        (Some(name), _, _) => Erasing::Topic(space.topic(name)?),
        (None, Some(device), _) => Erasing::Author(named(app, &space, device).await?),
        (None, None, Some(path)) => match files::entries_of(&space, path).await? {
            none if none.is_empty() => {
                return Err(Failure::new(Exit::NotFound, "no file of the space has such a path")
                    .help("see `bulla file list`"));
            }
            ids => Erasing::Ids(ids),
        },
        (None, None, None) => Erasing::Ids(arguments.entries),
    };
    let dropped = match &what {
        Erasing::Ids(ids) => count(ids.len() as u64, "payload", "payloads"),
        _ => "payloads".to_owned(),
    };
    if !arguments.yes {
        return Err(Failure::usage(format!(
            "this would drop {dropped} from every store of the space"
        ))
        .help("add --yes to do it; there is no way back"));
    }
    let erasures = space.erase(what).await?;
    let erasures: Vec<String> = erasures.iter().map(ToString::to_string).collect();
    let by = count(erasures.len() as u64, "entry", "entries");
    app.output.line(format!("{dropped} erased, by {by}"));
    app.output.note("It takes effect elsewhere with the next `bulla sync`.");
    app.output.json(&json!({ "space": space.id().to_string(), "erasures": erasures }));
    Ok(())
}
