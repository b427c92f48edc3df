//! Flags: what the trail shows that somebody should look at, explained.

pub mod rules;
