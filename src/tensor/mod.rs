//! Decompositions of tensors, and the products they are made of.

pub mod cp;
pub mod dense;
pub mod mttkrp;
pub mod products;
pub mod slicetca;
