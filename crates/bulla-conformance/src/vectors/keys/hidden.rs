//! The code points that no label has, as the table of CARD-6 lists them.

/// First and last of each range, ascending.
const RANGES: [(u32, u32); 21] = [
    (0x0, 0x1f),
    (0x7f, 0x9f),
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x1_3430, 0x1_343f),
    (0x1_bca0, 0x1_bca3),
    (0x1_d173, 0x1_d17a),
    (0xe_0000, 0xe_0fff),
];

/// Some of them, for formats that refer to the table.
pub(in super::super) const SOME_HIDDEN: [(&str, &str); 6] = [
    ("a mark that turns the direction", "gpj.\u{202e}evil"),
    ("a space of no width", "lap\u{200b}top"),
    ("a soft hyphen", "lap\u{ad}top"),
    ("an isolate of direction", "\u{2067}laptop"),
    ("a tag", "laptop\u{e0041}"),
    ("a selector of variants", "laptop\u{fe0f}"),
];

/// For the first and the last of each range a comment and a label that has it.
pub(super) fn with_hidden() -> Vec<(String, String)> {
    let ends = RANGES.iter().flat_map(|(first, last)| {
        let last = Some(*last).filter(|last| last != first);
        std::iter::once(*first).chain(last)
    });
    ends.map(|point| (format!("label with U+{point:04X}"), format!("a{}b", shown(point)))).collect()
}

/// Labels of the code points that lie beside the ranges, which are no bad ones.
pub(super) fn beside_hidden() -> Vec<(String, String)> {
    let is_hidden =
        |point: u32| RANGES.iter().any(|(first, last)| (*first..=*last).contains(&point));
    let beside = RANGES.iter().flat_map(|(first, last)| [first.checked_sub(1), Some(last + 1)]);
    let beside: Vec<u32> = beside.flatten().filter(|point| !is_hidden(*point)).collect();
    let label = |points: &[u32]| {
        let from = points.first().copied().unwrap_or_default();
        let label: String = points.iter().map(|point| shown(*point)).collect();
        (format!("a label of code points beside hidden ones, from U+{from:04X}"), label)
    };
    beside.chunks(16).map(label).collect()
}

fn shown(point: u32) -> char {
    char::from_u32(point).expect("no surrogate")
}
