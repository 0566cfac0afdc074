//! Random streams, threads, vector instructions, activation functions, room for arrays.

pub mod activation;
pub(crate) mod lanes;
pub mod parallel;
mod polynomials;
pub mod rng;
pub(crate) mod room;
pub(crate) mod simd;
