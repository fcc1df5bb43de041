//! Medians and spreads, as a table.

use serde_json::{Value, json};

use crate::output::{Output, size};

/// A number at a path such as `traffic.sent_bytes`; not a number where there is none.
pub(super) fn number(figures: &Value, path: &str) -> f64 {
    let found = path.split('.').try_fold(figures, |value, name| value.get(name));
    found.and_then(Value::as_f64).unwrap_or(f64::NAN)
}

/// Median, least and greatest.
pub(super) fn median(runs: &Value, path: &str) -> (f64, f64, f64) {
    let one = std::slice::from_ref(runs);
    let runs = runs.as_array().map_or(one, Vec::as_slice);
    let mut values: Vec<f64> = runs.iter().map(|run| number(run, path)).collect();
    values.sort_unstable_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    (at(values.len() / 2), at(0), at(values.len().saturating_sub(1)))
}

fn row(
    what: impl Into<String>,
    runs: &Value,
    path: &str,
    show: impl Fn(f64) -> String,
) -> Vec<Value> {
    let (median, least, greatest) = median(runs, path);
    vec![
        json!(what.into()),
        json!(show(median)),
        json!(format!("{} to {}", show(least), show(greatest))),
    ]
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes of memory")]
fn bytes(value: f64) -> String {
    size(value as u64)
}

pub(super) fn print(output: Output, figures: &Value) {
    if output.is_json {
        return;
    }
    let null = Value::Null;
    let get = |value: &Value, name: &str| value.get(name).cloned().unwrap_or(Value::Null);
    let machine = get(figures, "machine");
    output.line(format!(
        "{} cores of {}, one fdatasync {} us, load before {}, curve flag {}",
        get(&machine, "cores"),
        get(&machine, "processor").as_str().unwrap_or("?"),
        get(&machine, "fdatasync_us"),
        get(&machine, "load_before").as_str().unwrap_or("?"),
        if get(&machine, "curve_flag") == json!(true) { "on" } else { "off" },
    ));
    output.line(format!(
        "payloads of {} bytes, random; durable at every commit; signatures and hashes verified on arrival; a fresh process \
         each time\n",
        get(figures, "payload")
    ));
    let mut rows = Vec::new();
    for series in figures.get("series").and_then(Value::as_array).into_iter().flatten() {
        let by = format!("{} authors", get(series, "authors"));
        let (direct, follow) = (get(series, "direct"), get(series, "follow"));
        let (through, cached) = (get(series, "passthrough"), get(series, "warm_cache"));
        let per_second = |value: f64| format!("{value:.0}/s");
        let ms = |value: f64| format!("{value:.1} ms");
        rows.extend([
            row(format!("{by}: first pull"), &direct, "per_second", per_second),
            row(
                format!("{by}: received per payload byte"),
                &direct,
                "wire_bytes_per_payload_byte",
                |value| format!("{value:.3}"),
            ),
            row(format!("{by}: processor time, client"), &direct, "cpu_ms", |value| {
                format!("{value:.0} ms")
            }),
            row(format!("{by}: processor time, node"), &direct, "node_cpu_ms", |value| {
                format!("{value:.0} ms")
            }),
            row(format!("{by}: syncs to disk"), &direct, "fsyncs", whole),
            row(format!("{by}: peak memory, client"), &direct, "peak_bytes", bytes),
            row(format!("{by}: peak memory, relay"), series, "relay_peak_bytes", bytes),
            row(format!("{by}: nothing new"), &follow, "nothing_new.ms", ms),
            row(
                format!("{by}: nothing new, requests"),
                &follow,
                "nothing_new.traffic.requests",
                whole,
            ),
            row(
                format!("{by}: nothing new, sent"),
                &follow,
                "nothing_new.traffic.sent_bytes",
                bytes,
            ),
            row(
                format!("{by}: nothing new, received"),
                &follow,
                "nothing_new.traffic.received_bytes",
                bytes,
            ),
            row(format!("{by}: 100 new"), &follow, "new.ms", ms),
            row(format!("{by}: through a passthrough"), &through, "per_second", per_second),
            row(format!("{by}: from a warm cache"), &cached, "per_second", per_second),
            row(
                format!("{by}: warm cache, sent by the origin"),
                &cached,
                "origin_sent_bytes",
                bytes,
            ),
        ]);
        let steps = get(series, "steps");
        for step in ["read_us", "encode_us", "decode_us", "verify_us", "store_us"] {
            let name = step.trim_end_matches("_us");
            rows.push(row(format!("{by}: {name}, an entry"), &steps, step, |value| {
                format!("{value:.2} us")
            }));
        }
    }
    let appends = figures.get("append").unwrap_or(&null);
    rows.extend([
        row("64 writers, signed before", appends, "signed_before.per_second", |value| {
            format!("{value:.0}/s")
        }),
        row("64 writers, signed before: syncs", appends, "signed_before.fsyncs", whole),
        row("64 writers that sign and verify", appends, "signing_included.per_second", |value| {
            format!("{value:.0}/s")
        }),
        row("one writer", appends, "one_writer_per_second", |value| format!("{value:.0}/s")),
        row("one writer, times plain appends", appends, "one_writer_times_plain", |value| {
            format!("{value:.2}")
        }),
        row("one fdatasync", appends, "fdatasync_us", |value| format!("{value:.0} us")),
    ]);
    if let Some(large) = figures.get("large").filter(|large| !large.is_null()) {
        let entries = get(large, "entries");
        let (direct, open) = (get(large, "direct"), get(large, "open"));
        rows.extend([
            row(format!("{entries}: first pull"), &direct, "per_second", |value| {
                format!("{value:.0}/s")
            }),
            row(format!("{entries}: peak memory, client"), &direct, "peak_bytes", bytes),
            row(format!("{entries}: peak memory, relay"), large, "relay_peak_bytes", bytes),
            row(
                format!("{entries}: nothing new"),
                &get(large, "follow"),
                "nothing_new.ms",
                |value| format!("{value:.1} ms"),
            ),
            row(format!("{entries}: opened in"), &open, "seconds", |value| format!("{value:.3} s")),
        ]);
    }
    output.rows(&["what", "median", "spread"], &rows);
}
