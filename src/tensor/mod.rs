//! Decompositions of tensors, and the products they are made of.

pub mod chunks;
pub mod cp;
pub mod dense;
mod extrapolation;
pub mod mttkrp;
mod narrow;
pub mod products;
pub mod slicetca;
mod systems;
