//! `bulla device list`: the devices of people in the spaces that are here.

use bulla::Role;
use bulla_pairing::InvitationState;
use serde_json::{Value, json};

use crate::app::App;
use crate::args::SpaceArg;
use crate::commands::register;
use crate::commands::space::members::labelled;
use crate::exit::Result;

/// Every device that reads in a space, or more, with the invitation of this device by which it came in. Relays are nobody's
/// devices: `bulla space members` has them.
pub(super) async fn run(app: &App) -> Result<()> {
    let (spaces, local, register) = (app.spaces()?, app.home.local()?, register::read(app)?);
    let mut rows = Vec::new();
    for id in app.held(&spaces).await? {
        let space = app.space(&spaces, &SpaceArg { space: Some(id.to_string()) }).await?;
        for member in labelled(app, &space).await? {
            if member.role == Role::Relay {
                continue;
            }
            let invitation = register.iter().find(|info| {
                info.space == id
                    && matches!(info.state, InvitationState::Used(device) if device == member.device)
            });
            let invitation = invitation.map(|info| info.id.to_string());
            let here = if app.output.is_json {
                json!(member.is_me)
            } else {
                json!(if member.is_me { "this device" } else { "" })
            };
            rows.push(vec![
                json!(member.label),
                json!(member.device.to_string()),
                json!(local.name(id)),
                json!(id.to_string()),
                json!(member.role.name()),
                json!(invitation),
                here,
            ]);
        }
    }
    // One device after the other, this one first, each with all its spaces.
    let place = |row: &[Value]| {
        let text = |at: usize| row.get(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        (app.me().is_none_or(|me| text(1) != me.to_string()), text(1), text(2), text(3))
    };
    rows.sort_by_cached_key(|row| place(row));
    let last = if app.output.is_json { "here" } else { "is" };
    app.output.rows(&["label", "device", "name", "space", "role", "invitation", last], &rows);
    if rows.is_empty() {
        app.output.note("No device in any space here yet: `bulla space create` founds one, `bulla device join` comes into one.");
    }
    Ok(())
}
