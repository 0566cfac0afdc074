//! Published systems composed from the other rooms, where a loop must be fast.

pub mod counterfactual;
pub mod forward_interface;
pub mod low_dimensional_feedback;
