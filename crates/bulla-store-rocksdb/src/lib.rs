//! How is it kept on disk?
