//! What is missing, and how does it get there?
