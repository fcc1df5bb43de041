//! Does an implementation keep the promises?
