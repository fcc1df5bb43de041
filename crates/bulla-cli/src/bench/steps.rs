//! What each step of a pull costs alone, on one core: the same entries, one step after the other.

use bulla_core::Verifier;
use bulla_core::limits::MAX_PAGE_BYTES;
use bulla_core::values::{PageLimit, ScanRequest};
use bulla_store::{Context, Spaces as _};
use bulla_wire::stream::BodyItem;
use bulla_wire::{BodyDecoder, BodyEncoder, Form};
use serde_json::{Value, json};

use super::machine::own_cpu_us;
use super::roles::Task;
use crate::app::open_spaces;
use crate::exit::{Exit, Failure, Result};

/// Reads the store of a node, encodes, decodes and verifies its pages, and stores them again; processor time in
/// microseconds for each entry.
pub(super) async fn run(task: &Task) -> Result<Value> {
    let cx = Context::new();
    let from = open_spaces(&task.folder.join("from"))?;
    let source = from.open(&cx, task.space()?).await?;
    let to = open_spaces(&task.folder.join("to"))?;
    let target = to.create(&cx, task.space()?).await?;
    let limit = PageLimit { max_bytes: MAX_PAGE_BYTES.min(4 << 20), max_items: 4_096 };
    let mut request = ScanRequest { limit, ..ScanRequest::everything() };
    let verifier = Verifier::new([0x34; 32]);
    let (mut read, mut encode, mut decode, mut verify, mut store) = (0, 0, 0, 0, 0);
    let mut entries = 0_u64;
    let mut payload_bytes = 0_u64;
    let mut wire_bytes = 0_u64;
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::Failure, error);
    loop {
        let mut cpu = own_cpu_us();
        let mut lap = |sum: &mut u64| {
            let now = own_cpu_us();
            *sum += now - cpu;
            cpu = now;
        };
        let page = source.scan(&cx, request.clone()).await?;
        lap(&mut read);
        let after = request.after;
        let mut body = BodyEncoder::scan(task.space()?, Form::Compact, after.as_ref());
        body.page(&page, false);
        let bytes = body.take(0);
        wire_bytes += bytes.len() as u64;
        lap(&mut encode);
        let mut decoder = BodyDecoder::scan(task.space()?, after.as_ref(), limit);
        decoder.push(&bytes);
        let mut raw = Vec::new();
        while let Some(item) = decoder.next_item().map_err(|error| failed(&error))? {
            if let BodyItem::Entry(entry) = item {
                raw.push(entry.raw);
            }
        }
        lap(&mut decode);
        entries += raw.len() as u64;
        let verdicts = verifier.verify_batch(&task.space()?, raw);
        let batch = verdicts.into_iter().collect::<std::result::Result<Vec<_>, _>>();
        let batch = batch.map_err(|error| failed(&error))?;
        lap(&mut verify);
        payload_bytes +=
            batch.iter().filter_map(|entry| Some(entry.payload()?.len() as u64)).sum::<u64>();
        target.put(&cx, batch).await?;
        lap(&mut store);
        if page.end {
            break;
        }
        request.after = Some(page.cursor);
    }
    #[expect(clippy::cast_precision_loss, reason = "figures of a measurement")]
    let each = |us: u64| us as f64 / entries as f64;
    #[expect(clippy::cast_precision_loss, reason = "figures of a measurement")]
    let ratio = wire_bytes as f64 / payload_bytes as f64;
    from.close().await;
    to.close().await;
    Ok(json!({
        "entries": entries,
        "read_us": each(read), "encode_us": each(encode), "decode_us": each(decode), "verify_us": each(verify),
        "store_us": each(store), "wire_bytes_per_payload_byte": ratio,
    }))
}
