//! Content-addressed, encrypted replication for applications.
