//! Stores served over HTTP.
