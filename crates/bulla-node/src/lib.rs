//! How is a node configured, watched and run?
