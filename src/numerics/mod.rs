//! Random streams, threads, vector instructions.

pub mod parallel;
pub mod rng;
pub(crate) mod simd;
