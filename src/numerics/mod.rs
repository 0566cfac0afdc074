//! Random streams, threads, vector instructions.

pub(crate) mod lanes;
pub mod parallel;
pub mod rng;
pub(crate) mod simd;
