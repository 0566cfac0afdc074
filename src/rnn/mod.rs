//! Recurrent networks: simulation, its exact adjoint, and learning rules.
//!
//! | file | what |
//! | --- | --- |
//! | [`structure`], [`network`] | what a network is made of; its weights and what holds of them |
//! | [`cells`] | one step of each unit by itself, and the way back through it |
//! | [`wiring`] | weights packed for the time loops |
//! | [`state`], [`perturbation`] | what the next step depends on; what is done to a running network |
//! | [`forward`], [`tape`] | simulation, and what it leaves behind |
//! | [`adjoint`], `products`, [`sums`] | the way back, the outer products it leaves, gradients while they are summed up |
//! | [`block`], [`batch`] | trials that go through the steps together; many of them, in blocks side by side |
//! | [`run`], [`stepper`] | results without a way back: whole runs, single steps |
//! | [`jacobian`] | the step as a map of states |
//! | [`regularization`] | costs besides the loss |
//! | [`rules`] | learning rules, one file each; what several share in `rules/parts` |

pub mod adjoint;
pub mod batch;
pub mod block;
pub mod cells;
pub mod forward;
pub mod jacobian;
pub mod network;
pub mod perturbation;
mod products;
pub mod regularization;
pub mod rules;
pub mod run;
pub mod state;
pub mod stepper;
pub mod structure;
pub mod sums;
pub mod tape;
pub mod wiring;
