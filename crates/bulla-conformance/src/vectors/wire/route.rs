//! `route.json`: which request a method and a path name (chapter `wire.md`, WIRE-1, WIRE-5).

use bulla_core::{Code, SpaceId};
use bulla_wire::route::{Method, RouteError, SpaceRoute};
use bulla_wire::{Route, VersionRange};

use super::hex;
use crate::vectors::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Methods and paths.
pub(in crate::vectors) struct Routes;

const NAMES: &[&str] = &[
    "capabilities",
    "challenge",
    "login",
    "spaces",
    "head",
    "status",
    "put",
    "get",
    "has",
    "scan",
    "summary",
    "feed",
    "mailbox open",
    "mailbox",
];

impl Format for Routes {
    fn name(&self) -> &'static str {
        "route"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("method", Shape::OneOf(&["GET", "POST"]), "the method"),
            Field::required("target", Shape::Text, "path and query, without a node's own prefix"),
            Field::optional("request", Shape::OneOf(NAMES), "the request (WIRE-1)"),
            Field::optional("space", Shape::HexOf(32), "the space it is about, or asked after"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Which request a method and a path name (WIRE-1, WIRE-5).")
            .note("The node offers mailboxes; at one that does not, the paths of mailboxes are refused with request.route (WIRE-42).")
            .note("Other methods than GET and POST are refused with request.method whatever the path.")
            .group(Group::new().cases(good()))
            .group(Group::new().cases(refused()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let method = match inputs.text("method")? {
            "GET" => Method::Get,
            _ => Method::Post,
        };
        let target = inputs.text("target")?;
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let refused = |code, clause| Ok(Verdict::refused(&Code::new(code), clause));
        let route = match Route::parse(method, path, query) {
            Ok(route) => route,
            Err(RouteError::Version(version)) if VersionRange::new(version, version).is_some() => {
                return refused("wire.version", "WIRE-5");
            }
            Err(RouteError::Method) => return refused("request.method", "WIRE-1"),
            Err(RouteError::Unknown | RouteError::Version(_)) => {
                return refused("request.route", "WIRE-1");
            }
        };
        let (name, space) = name_of(&route);
        Mismatch::unless_equal("request", &inputs.text("request")?, &name)?;
        let given = inputs.find_hex("space")?;
        Mismatch::unless_equal("space", &given, &space.map(|space| space.0.to_vec()))?;
        Mismatch::unless_equal("path written again", &target.to_owned(), &route.path())?;
        Ok(Verdict::Valid)
    }
}

fn name_of(route: &Route) -> (&'static str, Option<SpaceId>) {
    match *route {
        Route::Capabilities => ("capabilities", None),
        Route::LoginChallenge => ("challenge", None),
        Route::Login => ("login", None),
        Route::Spaces { after } => ("spaces", after),
        Route::Feed => ("feed", None),
        Route::MailboxOpen => ("mailbox open", None),
        Route::Mailbox => ("mailbox", None),
        Route::Space(space, SpaceRoute::Head) => ("head", Some(space)),
        Route::Space(space, SpaceRoute::Status) => ("status", Some(space)),
        Route::Space(space, SpaceRoute::Put) => ("put", Some(space)),
        Route::Space(space, SpaceRoute::Get) => ("get", Some(space)),
        Route::Space(space, SpaceRoute::Has) => ("has", Some(space)),
        Route::Space(space, SpaceRoute::Scan) => ("scan", Some(space)),
        Route::Space(space, SpaceRoute::Summary) => ("summary", Some(space)),
    }
}

const SPACE: [u8; 32] = [0xab; 32];

/// Every request: name, method, path with `{space}`.
const REQUESTS: [(&str, &str, &str); 15] = [
    ("capabilities", "GET", "/v1/capabilities"),
    ("challenge", "POST", "/v1/login/challenge"),
    ("login", "POST", "/v1/login"),
    ("spaces", "GET", "/v1/spaces"),
    ("spaces", "GET", "/v1/spaces?after={space}"),
    ("head", "GET", "/v1/spaces/{space}/head"),
    ("status", "GET", "/v1/spaces/{space}/status"),
    ("put", "POST", "/v1/spaces/{space}/put"),
    ("get", "POST", "/v1/spaces/{space}/get"),
    ("has", "POST", "/v1/spaces/{space}/has"),
    ("scan", "POST", "/v1/spaces/{space}/scan"),
    ("summary", "POST", "/v1/spaces/{space}/summary"),
    ("feed", "POST", "/v1/feed"),
    ("mailbox open", "POST", "/v1/mailbox/open"),
    ("mailbox", "POST", "/v1/mailbox"),
];

fn good() -> Vec<Case> {
    let case = |(name, method, path): (&'static str, &'static str, &'static str)| {
        let case = Case::valid(name)
            .value("method", method)
            .value("target", path.replace("{space}", &hex(SPACE)))
            .value("request", name);
        if path.contains("{space}") { case.hex("space", SPACE) } else { case }
    };
    REQUESTS.into_iter().map(case).collect()
}

fn refused() -> Vec<Case> {
    let case = |comment: &str, code: &str, clause: &str, method: &str, target: String| {
        Case::invalid(comment, code, clause).value("method", method).value("target", target)
    };
    let space = hex(SPACE);
    let mut cases: Vec<Case> = REQUESTS
        .into_iter()
        .map(|(name, method, path)| {
            let other = if method == "GET" { "POST" } else { "GET" };
            let target = path.replace("{space}", &space);
            case(&format!("{name} by {other}"), "request.method", "WIRE-1", other, target)
        })
        .collect();
    let unknown =
        |comment: &str, target: String| case(comment, "request.route", "WIRE-1", "GET", target);
    let version = |comment: &str, target: &str| {
        case(comment, "wire.version", "WIRE-5", "GET", target.to_owned())
    };
    cases.extend([
        unknown("nothing", String::new()),
        unknown("the root", "/".to_owned()),
        unknown("a version alone", "/v1".to_owned()),
        unknown("a version and nothing", "/v1/".to_owned()),
        unknown("no version", "/capabilities".to_owned()),
        unknown("no slash before it", "v1/capabilities".to_owned()),
        unknown("two slashes", "//v1/capabilities".to_owned()),
        unknown("a slash behind", "/v1/capabilities/".to_owned()),
        unknown("upper case", "/v1/Capabilities".to_owned()),
        unknown("an unknown request", "/v1/zeta".to_owned()),
        unknown("an unknown request about a space", format!("/v1/spaces/{space}/zeta")),
        unknown("a space and no request", format!("/v1/spaces/{space}")),
        unknown("a space and a slash", format!("/v1/spaces/{space}/")),
        unknown("a request below a request", format!("/v1/spaces/{space}/head/head")),
        unknown("a space of 31 bytes", format!("/v1/spaces/{}/head", &space[2..])),
        unknown("a space of 33 bytes", format!("/v1/spaces/{space}ab/head")),
        unknown("a space in upper case", format!("/v1/spaces/{}/head", space.to_uppercase())),
        unknown("a space that is no hexadecimal", format!("/v1/spaces/{}/head", "x".repeat(64))),
        unknown("a digit as an escape", format!("/v1/spaces/%61{}/head", &space[1..])),
        unknown("a query where none belongs", "/v1/capabilities?x=1".to_owned()),
        unknown("an empty query", "/v1/capabilities?".to_owned()),
        unknown("a query about a space", format!("/v1/spaces/{space}/head?after={space}")),
        unknown("below mailbox open", "/v1/mailbox/open/".to_owned()),
        unknown("a mailbox by its address", format!("/v1/mailbox/{space}")),
        unknown("a mailbox with a query", "/v1/mailbox?slot=1".to_owned()),
        unknown("spaces after nothing", "/v1/spaces?after=".to_owned()),
        unknown("spaces after upper case", format!("/v1/spaces?after={}", space.to_uppercase())),
        unknown("spaces after two", format!("/v1/spaces?after={space}&after={space}")),
        unknown("spaces by another query", format!("/v1/spaces?before={space}")),
        unknown("a version with a leading zero", "/v01/capabilities".to_owned()),
        unknown("a version with a sign", "/v+1/capabilities".to_owned()),
        unknown("version 65,536", "/v65536/capabilities".to_owned()),
        unknown("version 2^64", "/v18446744073709551616/capabilities".to_owned()),
        unknown("a version that is no number", "/vx/capabilities".to_owned()),
        version("version 2", "/v2/capabilities"),
        version("version 0", "/v0/capabilities"),
        version("version 65,535", "/v65535/capabilities"),
        version("version 2 of an unknown request", "/v2/zeta?x"),
    ]);
    cases
}
