//! Published systems composed from the other rooms, where a loop must be fast.

pub mod cerebellar_bias;
pub mod cerebello_cortical;
pub mod control_loop;
pub mod counterfactual;
pub mod forward_interface;
pub mod learning_states;
pub mod low_dimensional_feedback;
