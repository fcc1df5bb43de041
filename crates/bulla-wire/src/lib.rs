//! What do nodes say to each other?
