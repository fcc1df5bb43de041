//! What is an entry, and is this one genuine?
