//! What each space on disk holds, a page at a time (NODE-64).

use bulla_core::SpaceId;
use bulla_store::{ContentAddressedStore as _, Context, Result, Spaces as _, StoreError};
use bulla_store_rocksdb::DiskSpaces;
use http::StatusCode;
use serde_json::{Value, json};

use crate::stacks::Stacks;

/// Spaces on one page.
const PAGE: usize = 100;

/// Answers `/spaces` and `/spaces?after={space}`.
pub(super) async fn answer(
    disk: Option<&DiskSpaces>,
    stacks: &Stacks,
    query: Option<&str>,
) -> (StatusCode, String) {
    let after = match query.map(|query| query.strip_prefix("after=").map(str::parse::<SpaceId>)) {
        None => None,
        Some(Some(Ok(after))) => Some(after),
        Some(_) => {
            let text = "the query is after=SPACE, 64 hexadecimal digits\n";
            return (StatusCode::BAD_REQUEST, text.to_owned());
        }
    };
    match page(disk, stacks, after).await {
        Ok(page) => (StatusCode::OK, format!("{page}\n")),
        Err(error) => {
            tracing::error!(code = %error.code(), "cannot say what the spaces hold");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", error.code()))
        }
    }
}

async fn page(disk: Option<&DiskSpaces>, stacks: &Stacks, after: Option<SpaceId>) -> Result<Value> {
    let Some(disk) = disk else { return Ok(json!({ "spaces": [], "end": true })) };
    let cx = Context::new();
    let page = disk.list(&cx, after, PAGE).await?;
    let mut rows = Vec::with_capacity(page.spaces.len());
    for space in page.spaces {
        // One that is removed meanwhile is simply not there.
        let store = match disk.disk_store(space).await {
            Err(StoreError::NotServed(_)) => continue,
            store => store?,
        };
        let (head, status) = (store.head(&cx).await?, store.status(&cx).await?);
        let facts = [
            ("space", json!(space.to_string())),
            ("entries", json!(head.held.count)),
            ("counting", json!(head.counting_set().count)),
            ("payloads", json!(head.present.count)),
            ("payload_bytes", json!(status.payload_bytes)),
            ("last_receipt", json!(head.last_receipt)),
            ("lineage", json!(head.lineage.to_string())),
        ];
        let membership = stacks.membership(&cx, &store).await?;
        let facts = facts.into_iter().chain(membership.rows());
        let row = facts.map(|(name, value)| (name.to_owned(), value));
        rows.push(Value::Object(row.collect()));
    }
    Ok(json!({ "spaces": rows, "end": page.end }))
}
