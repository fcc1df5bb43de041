//! What chapter `control.md` seals: key epochs and labels (CTL-12, CTL-31 to CTL-34).

mod epoch;
mod label;

pub(super) use epoch::Epochs;
pub(super) use label::Labels;
