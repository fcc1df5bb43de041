//! Who may open it? Epoch keys, seal and open.
