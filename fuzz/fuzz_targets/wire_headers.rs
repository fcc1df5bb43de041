//! HTTP headers and paths: what is accepted has one form.
#![no_main]

use bulla_wire::route::Method;
use bulla_wire::{Route, VersionRange, headers};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(nodes) = headers::parse_hops(text) {
        assert!(!nodes.is_empty() && nodes.len() <= 16);
        assert_eq!(headers::format_hops(&nodes), text);
    }
    if let Some(token) = headers::parse_token(text) {
        assert_eq!(headers::format_token(&token), text);
    }
    if let Some(milliseconds) = headers::parse_deadline(text) {
        assert_eq!(milliseconds.to_string(), text);
    }
    if let Some(range) = VersionRange::parse(text) {
        assert_eq!(range.to_string(), text);
    }
    if headers::is_request_id(text) {
        assert!(text.len() <= 64 && text.is_ascii());
    }
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    for method in [Method::Get, Method::Post] {
        if let Ok(route) = Route::parse(method, path, query) {
            assert_eq!((route.path().as_str(), route.method()), (text, method));
        }
    }
});
