//! Random streams and threads.

pub mod parallel;
pub mod rng;
