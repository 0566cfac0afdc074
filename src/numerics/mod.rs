//! Random streams, threads, vector instructions and the elementwise functions made of them.

pub mod activation;
pub mod parallel;
pub mod rng;
pub(crate) mod simd;
