//! What a request head must be like. Everything here is decided before the body is looked at.

use bulla_wire::headers::{self, CONTENT_CBOR, CONTENT_CBOR_SEQUENCE};
use bulla_wire::route::{Method, RouteError, SpaceRoute};
use bulla_wire::{Route, VersionRange, WireError, codes};
use http::request::Parts;
use http::{HeaderMap, Version, header};

use crate::errors;
use crate::listen::Peer;
use crate::service::Call;

/// A request, as far as its head tells.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) route: Route,
    pub(super) call: Call,
}

/// No request that two readers of one connection could cut differently.
pub(super) fn framing(head: &Parts, peer: &Peer) -> Result<(), WireError> {
    let refuse = |reason: &str| Err(errors::of_request(codes::HEADER, reason));
    if let Err(fault) = peer.verdict {
        return refuse(&fault.to_string());
    }
    let fields = &head.headers;
    match head.version {
        Version::HTTP_2 => {}
        Version::HTTP_11 => {
            if fields.get_all(header::HOST).iter().count() != 1 {
                return refuse("exactly one host header is needed");
            }
            if head.uri.scheme().is_some() || head.uri.authority().is_some() {
                return refuse("the request target must be a path");
            }
        }
        _ => return refuse("HTTP/1.1 is needed"),
    }
    let mut codings = fields.get_all(header::TRANSFER_ENCODING).iter();
    if codings.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return refuse("the only transfer encoding is chunked");
    }
    if fields.contains_key(header::CONTENT_ENCODING) {
        // Nothing is ever decompressed here, so nothing can be a bomb (A57).
        return Err(errors::of_request(codes::CONTENT_TYPE, "bodies are not compressed"));
    }
    if fields.contains_key(header::UPGRADE) {
        return refuse("there is nothing to upgrade to");
    }
    Ok(())
}

/// Reads a head whose framing holds.
///
/// What is not `offered` is refused like a path that there is not, by whatever method: not even the answer to another fault
/// of the request is another one.
pub(super) fn asked(
    head: &Parts,
    request_id: &str,
    peer: &Peer,
    offered: impl Fn(&Route) -> bool,
) -> Result<Asked, WireError> {
    let fields = &head.headers;
    versions(fields)?;
    let route = route(head, offered)?;
    content_type(fields, &route)?;
    let hops = match single(fields, headers::HOPS)? {
        Some(value) => {
            headers::parse_hops(value).ok_or_else(|| errors::of_code(codes::HOP_PATH))?
        }
        None => Vec::new(),
    };
    let deadline_ms = match single(fields, headers::DEADLINE)? {
        Some(value) => Some(headers::parse_deadline(value).ok_or_else(|| bad(headers::DEADLINE))?),
        None => None,
    };
    // Whatever else stands there is no token of ours, and the answer is the same as to none.
    let token = single(fields, headers::AUTHORIZATION).ok().flatten();
    let token = token.and_then(headers::parse_token);
    let call = Call {
        token,
        hops,
        deadline_ms,
        request_id: request_id.to_owned(),
        stopping: peer.stopping.clone(),
    };
    Ok(Asked { route, call })
}

/// The id the client gave the request, or a new one.
pub(super) fn request_id(fields: &HeaderMap) -> String {
    let given = fields.get(headers::REQUEST_ID).and_then(|value| value.to_str().ok());
    match given.filter(|id| headers::is_request_id(id)) {
        Some(id) => id.to_owned(),
        None => {
            let mut bytes = [0; 8];
            // Only a name for the log: without randomness it is all zero, and nothing depends on it.
            let _ = getrandom::fill(&mut bytes);
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        }
    }
}

fn versions(fields: &HeaderMap) -> Result<(), WireError> {
    let Some(value) = single(fields, headers::VERSIONS)? else { return Ok(()) };
    let client = VersionRange::parse(value).ok_or_else(|| bad(headers::VERSIONS))?;
    match VersionRange::OURS.shared_with(client) {
        Some(_) => Ok(()),
        None => Err(WireError::no_shared_version(VersionRange::OURS, client)),
    }
}

fn route(head: &Parts, offered: impl Fn(&Route) -> bool) -> Result<Route, WireError> {
    let method = match head.method {
        http::Method::GET => Method::Get,
        http::Method::POST => Method::Post,
        _ => return Err(errors::of_code(codes::METHOD)),
    };
    let (path, query) = (head.uri.path(), head.uri.query());
    for by in [Method::Get, Method::Post] {
        if Route::parse(by, path, query).is_ok_and(|route| !offered(&route)) {
            return Err(errors::of_code(codes::ROUTE));
        }
    }
    Route::parse(method, path, query).map_err(|error| match error {
        RouteError::Version(version) => match VersionRange::new(version, version) {
            Some(client) => WireError::no_shared_version(VersionRange::OURS, client),
            None => errors::of_code(codes::ROUTE),
        },
        RouteError::Unknown => errors::of_code(codes::ROUTE),
        RouteError::Method => errors::of_code(codes::METHOD),
    })
}

fn content_type(fields: &HeaderMap, route: &Route) -> Result<(), WireError> {
    if route.method() == Method::Get {
        return Ok(());
    }
    let expected = match route {
        Route::Space(_, SpaceRoute::Put) => CONTENT_CBOR_SEQUENCE,
        _ => CONTENT_CBOR,
    };
    let actual = single(fields, header::CONTENT_TYPE.as_str())?;
    if actual.is_some_and(|actual| actual.eq_ignore_ascii_case(expected)) {
        return Ok(());
    }
    Err(errors::of_request(codes::CONTENT_TYPE, format!("the body of this request is {expected}")))
}

/// A header that may be there once, as text.
fn single<'a>(fields: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, WireError> {
    let mut values = fields.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(bad(name));
    }
    first.map(|value| value.to_str().map_err(|_| bad(name))).transpose()
}

fn bad(name: &str) -> WireError {
    errors::of_request(codes::HEADER, format!("cannot read the header {name}"))
}
