//! How does a person use it?
