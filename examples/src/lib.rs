//! Small complete programs; see the folder's `examples`.
