//! Random streams, threads, vector instructions, activation functions.

pub mod activation;
pub(crate) mod lanes;
pub mod parallel;
mod polynomials;
pub mod rng;
pub(crate) mod simd;
