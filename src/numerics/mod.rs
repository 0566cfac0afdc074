//! Random streams, threads, vector instructions and the elementwise functions made of them.

pub mod activation;
pub mod parallel;
mod polynomials;
pub mod rng;
pub(crate) mod simd;
