//! What rules are made of, where several share it.
//!
//! | file | what | of |
//! | --- | --- | --- |
//! | [`local`] | Jacobians of a unit by itself | online rules |
//! | [`influence`] | of parameters on states, step by step | RTRL |
//! | [`eligibility`], [`feedback`] | sums of synaptic traces; feedback weights B | e-prop, RFLO, feedback alignment |
//! | [`readout`] | the readout's own, exact gradient | all that leave it out |
//! | [`exploration`], [`baseline`] | kicks, and what their losses are compared with | perturbation rules |
//! | [`least_squares`] | recursive least squares | FORCE, full-FORCE |
//! | [`whole_state`], [`transition`] | the state as one vector, and its Jacobian from step to step | synthetic gradients, BP(λ) |
//! | [`synthesizer`], [`prediction_trace`] | predictions of gradients, and their traces | the same |
//! | [`rows`] | a perceptron on the states of all trials and steps | synthetic gradients |

pub mod baseline;
pub mod eligibility;
pub mod exploration;
pub mod feedback;
pub mod influence;
pub mod least_squares;
pub mod local;
pub mod prediction_trace;
pub mod readout;
pub mod rows;
pub mod synthesizer;
pub mod transition;
pub mod whole_state;
