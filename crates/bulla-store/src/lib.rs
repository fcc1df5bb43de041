//! What does a store promise?
