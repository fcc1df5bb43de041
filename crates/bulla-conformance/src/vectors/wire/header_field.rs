//! `header-field.json`: the HTTP headers of requests (chapter `wire.md`, WIRE-3 to WIRE-9, HOP-1 to HOP-4).

use bulla_core::{Code, NodeId};
use bulla_store::HopPath;
use bulla_wire::{VersionRange, headers};

use super::hex;
use crate::vectors::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// Values of headers.
pub(in crate::vectors) struct HeaderFields;

const NAMES: &[&str] =
    &["authorization", "bulla-hops", "bulla-deadline-ms", "bulla-request-id", "bulla-versions"];

impl Format for HeaderFields {
    fn name(&self) -> &'static str {
        "header-field"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required("header", Shape::OneOf(NAMES), "the header")]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("value", Shape::Text, "its value"),
            Field::optional("token", Shape::HexOf(32), "the token"),
            Field::optional(
                "nodes",
                Shape::list(Shape::HexOf(32)),
                "the nodes passed, first to last",
            ),
            Field::optional("node", Shape::HexOf(32), "the node that gets the request"),
            Field::optional("goesOn", Shape::Text, "the value with which that node asks another"),
            Field::optional("milliseconds", Shape::Uint64, "how long the client waits"),
            Field::optional("isKept", Shape::Bool, "whether the node keeps this id (WIRE-8)"),
            Field::optional("min", Shape::Uint64, "the lowest version the client speaks"),
            Field::optional("max", Shape::Uint64, "the highest version the client speaks"),
            Field::optional("nodeVersions", Shape::Text, "the versions the node speaks"),
            Field::optional("spoken", Shape::Uint64, "the version both speak (WIRE-4)"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Values of the HTTP headers of requests (WIRE-3 to WIRE-9, HOP-1 to HOP-4).")
            .note("With `node`, the node that gets the request judges it by HOP-3.")
            .flag("Boundary", "a value at the edge of what is allowed")
            .group(Group::new().value("header", "authorization").cases(tokens()))
            .group(Group::new().value("header", "bulla-hops").cases(hops()))
            .group(Group::new().value("header", "bulla-deadline-ms").cases(deadlines()))
            .group(Group::new().value("header", "bulla-request-id").cases(request_ids()))
            .group(Group::new().value("header", "bulla-versions").cases(versions()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let value = inputs.text("value")?;
        match inputs.text("header")? {
            "authorization" => run_token(inputs, value),
            "bulla-hops" => run_hops(inputs, value),
            "bulla-deadline-ms" => match headers::parse_deadline(value) {
                Some(milliseconds) => {
                    let given = inputs.uint64("milliseconds")?;
                    Mismatch::unless_equal("milliseconds", &given, &milliseconds)?;
                    Ok(Verdict::Valid)
                }
                None => Ok(refused("request.header", "WIRE-9")),
            },
            "bulla-request-id" => {
                let is_kept = headers::is_request_id(value);
                Mismatch::unless_equal("kept", &inputs.bool("isKept")?, &is_kept)?;
                Ok(Verdict::Valid)
            }
            _ => run_versions(inputs, value),
        }
    }
}

fn refused(code: &'static str, clause: &str) -> Verdict {
    Verdict::refused(&Code::new(code), clause)
}

fn run_token(inputs: &Inputs<'_>, value: &str) -> Outcome {
    let Some(token) = headers::parse_token(value) else {
        return Ok(refused("login.token", "WIRE-6"));
    };
    Mismatch::unless_equal("token", &inputs.array("token")?, &token)?;
    Mismatch::unless_equal("written again", &value.to_owned(), &headers::format_token(&token))?;
    Ok(Verdict::Valid)
}

fn run_hops(inputs: &Inputs<'_>, value: &str) -> Outcome {
    let Some(nodes) = headers::parse_hops(value) else {
        return Ok(refused("hop.path", "HOP-2"));
    };
    if let Some(node) = inputs.find_hex("node")? {
        let node = node.try_into().map_err(|_| Mismatch("node is not 32 bytes".to_owned()))?;
        let path = HopPath::new(nodes.clone());
        let path = path.ok_or_else(|| Mismatch("a path of two minds".to_owned()))?;
        match path.through(NodeId(node)) {
            Ok(path) => {
                let goes_on = headers::format_hops(path.nodes());
                Mismatch::unless_equal("goes on", &inputs.text("goesOn")?, &goes_on.as_str())?;
            }
            Err(error) => return Ok(Verdict::refused(&error.code(), "HOP-3")),
        }
    }
    let given: Vec<[u8; 32]> = inputs.arrays("nodes")?;
    let computed: Vec<[u8; 32]> = nodes.iter().map(|node| node.0).collect();
    Mismatch::unless_equal("nodes", &given, &computed)?;
    Mismatch::unless_equal("written again", &value.to_owned(), &headers::format_hops(&nodes))?;
    Ok(Verdict::Valid)
}

fn run_versions(inputs: &Inputs<'_>, value: &str) -> Outcome {
    let Some(client) = VersionRange::parse(value) else {
        return Ok(refused("request.header", "WIRE-9"));
    };
    let node = VersionRange::parse(inputs.text("nodeVersions")?);
    let node = node.ok_or_else(|| Mismatch("nodeVersions is no range".to_owned()))?;
    let Some(spoken) = node.shared_with(client) else {
        return Ok(refused("wire.version", "WIRE-5"));
    };
    Mismatch::unless_equal("min", &inputs.uint64("min")?, &client.min())?;
    Mismatch::unless_equal("max", &inputs.uint64("max")?, &client.max())?;
    Mismatch::unless_equal("spoken", &inputs.uint64("spoken")?, &spoken)?;
    Mismatch::unless_equal("written again", &value.to_owned(), &client.to_string())?;
    Ok(Verdict::Valid)
}

fn tokens() -> Vec<Case> {
    let token: [u8; 32] = Random::new("token").array();
    let text = data_encoding::BASE64URL_NOPAD.encode(&token);
    let bad = |comment, value: String| {
        Case::invalid(comment, "login.token", "WIRE-6").value("value", value)
    };
    let mut good = vec![
        Case::valid("a token").value("value", format!("Bearer {text}")).hex("token", token),
        Case::valid("all bits set")
            .value("value", format!("Bearer {}8", "_".repeat(42)))
            .hex("token", [0xff; 32]),
        Case::valid("no bits set")
            .value("value", format!("Bearer {}", "A".repeat(43)))
            .hex("token", [0; 32]),
    ];
    good.extend([
        bad("nothing", String::new()),
        bad("no scheme", text.clone()),
        bad("another scheme", format!("Basic {text}")),
        bad("the scheme in lower case", format!("bearer {text}")),
        bad("two spaces", format!("Bearer  {text}")),
        bad("a space behind", format!("Bearer {text} ")),
        bad("padding", format!("Bearer {text}=")),
        bad("31 bytes", format!("Bearer {}", &text[..42])),
        bad("33 bytes", format!("Bearer {text}A")),
        bad("unused bits that are set", format!("Bearer {}9", "_".repeat(42))),
        bad("the alphabet of base64", format!("Bearer {}/8", "+".repeat(41))),
        bad("two tokens", format!("Bearer {text}, Bearer {text}")),
        bad("hexadecimal digits", format!("Bearer {}", hex(token))),
    ]);
    good
}

fn node(number: u8) -> [u8; 32] {
    Random::new(&format!("node {number}")).array()
}

fn path(numbers: impl IntoIterator<Item = u8>) -> (String, Vec<String>) {
    let nodes: Vec<String> = numbers.into_iter().map(|number| hex(node(number))).collect();
    (nodes.join(","), nodes)
}

fn hops() -> Vec<Case> {
    let good = |comment: &str, numbers: Vec<u8>| {
        let (value, nodes) = path(numbers);
        Case::valid(comment).value("value", value).value("nodes", nodes)
    };
    let onward = |comment: &str, numbers: Vec<u8>, through: u8| {
        let (value, nodes) = path(numbers.clone());
        let (goes_on, _) = path([numbers, vec![through]].concat());
        Case::valid(comment)
            .value("value", value)
            .value("nodes", nodes)
            .hex("node", node(through))
            .value("goesOn", goes_on)
    };
    let looped = |comment: &str, numbers: Vec<u8>, through: u8| {
        Case::invalid(comment, "hop.loop", "HOP-3")
            .value("value", path(numbers).0)
            .hex("node", node(through))
    };
    let bad =
        |comment, value: String| Case::invalid(comment, "hop.path", "HOP-2").value("value", value);
    let one = hex(node(1));
    vec![
        good("one node", vec![1]),
        good("three nodes, in the order of the way", vec![3, 1, 2]),
        good("16 nodes", (1..=16).collect()).flag("Boundary"),
        onward("a node further", vec![3, 1], 2),
        onward("the sixteenth node", (1..=15).collect(), 16).flag("Boundary"),
        looped("the node that sent it", vec![1], 1),
        looped("the first node again", vec![1, 2, 3], 1),
        looped("a node in the middle again", vec![1, 2, 3], 2),
        looped("a full path", (1..=16).collect(), 17).flag("Boundary"),
        bad("17 nodes", path(1..=17).0).flag("Boundary"),
        bad("a node twice", path([1, 2, 1]).0),
        bad("nothing", String::new()),
        bad("a comma behind", format!("{one},")),
        bad("a comma before", format!(",{one}")),
        bad("two commas", format!("{one},,{}", hex(node(2)))),
        bad("a space after the comma", format!("{one}, {}", hex(node(2)))),
        bad("a semicolon", format!("{one};{}", hex(node(2)))),
        bad("31 bytes", one[..62].to_owned()),
        bad("33 bytes", format!("{one}00")),
        bad("63 digits", one[..63].to_owned()),
        bad("upper case", one.to_uppercase()),
        bad("no digits", "x".repeat(64)),
    ]
}

fn deadlines() -> Vec<Case> {
    let good = |comment: &str, value: &str, milliseconds| {
        Case::valid(comment).value("value", value).uint64("milliseconds", milliseconds)
    };
    let bad = |comment: &str, value: &str| {
        Case::invalid(comment, "request.header", "WIRE-9").value("value", value)
    };
    vec![
        good("30 seconds", "30000", 30_000),
        good("none at all", "0", 0).flag("Boundary"),
        good("a day", "86400000", 86_400_000).flag("Boundary"),
        bad("a day and a millisecond", "86400001").flag("Boundary"),
        bad("nothing", ""),
        bad("a leading zero", "01"),
        bad("two zeros", "00"),
        bad("a sign", "+1"),
        bad("negative", "-1"),
        bad("a fraction", "1.5"),
        bad("a unit", "30s"),
        bad("a space behind", "30000 "),
        bad("hexadecimal", "0x10"),
        bad("2^64", "18446744073709551616"),
        bad("a number of 21 digits", "100000000000000000000"),
        bad("digits beyond ASCII", "３０"),
    ]
}

fn request_ids() -> Vec<Case> {
    let case = |comment: &str, value: &str, is_kept: bool| {
        Case::valid(comment).value("value", value).value("isKept", is_kept)
    };
    vec![
        case("letters, digits, a hyphen and an underscore", "aZ09-_", true),
        case("one character", "x", true).flag("Boundary"),
        case("64 characters", &"x".repeat(64), true).flag("Boundary"),
        case("65 characters", &"x".repeat(65), false).flag("Boundary"),
        case("nothing", "", false),
        case("a space", "a b", false),
        case("a line feed", "a\nb", false),
        case("a full stop", "a.b", false),
        case("an equals sign", "a=b", false),
        case("a quotation mark", "a\"b", false),
        case("beyond ASCII", "é", false),
    ]
}

fn versions() -> Vec<Case> {
    let good = |comment: &str, value: &str, range: (u64, u64), node: &str, spoken| {
        Case::valid(comment)
            .value("value", value)
            .uint64("min", range.0)
            .uint64("max", range.1)
            .value("nodeVersions", node)
            .uint64("spoken", spoken)
    };
    let none = |comment: &str, value: &str, node: &str| {
        Case::invalid(comment, "wire.version", "WIRE-5")
            .value("value", value)
            .value("nodeVersions", node)
    };
    let bad = |comment: &str, value: &str| {
        Case::invalid(comment, "request.header", "WIRE-9")
            .value("value", value)
            .value("nodeVersions", "1-1")
    };
    vec![
        good("both speak this version", "1-1", (1, 1), "1-1", 1),
        good("the highest of both", "1-5", (1, 5), "2-3", 3),
        good("the highest of both, the other way", "2-3", (2, 3), "1-5", 3),
        good("ranges that touch", "1-4", (1, 4), "4-9", 4).flag("Boundary"),
        good("all versions", "0-65535", (0, 65_535), "1-1", 1).flag("Boundary"),
        good("the highest version", "65535-65535", (65_535, 65_535), "0-65535", 65_535)
            .flag("Boundary"),
        none("the client is ahead", "2-3", "1-1"),
        none("the client is behind", "0-0", "1-1"),
        none("ranges that do not quite touch", "1-3", "4-9").flag("Boundary"),
        bad("version 65,536", "1-65536").flag("Boundary"),
        bad("from 2 to 1", "2-1"),
        bad("one number", "1"),
        bad("nothing", ""),
        bad("no lowest", "-1"),
        bad("no highest", "1-"),
        bad("three numbers", "1-2-3"),
        bad("a leading zero", "01-1"),
        bad("a space", "1 - 1"),
        bad("a dash that is no hyphen", "1–1"),
        bad("a comma", "1,1"),
        bad("a letter", "v1-v1"),
    ]
}
