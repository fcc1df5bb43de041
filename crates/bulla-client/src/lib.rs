//! A store over the network.
