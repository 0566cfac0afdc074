//! Counterfactual predictive control: a cerebellum that learns what a reactive loop should have seen.
//!
//! ```text
//! closed loop   y = 𝒯 (r + o) + load,   o = X w
//! trace         h_j = 𝒯̂ x_j                        a basis signal led through a model of the closed loop
//! learning      w ← w + η Σ_n h[n] e[n],  e = r − y   after each trial, or η h[n] e[n] after each step
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | r | `reference` | (steps) |
//! | y | `outputs` | (steps) |
//! | x | `features` | (steps, features) |
//! | w | `weights` | (features) |
//! | o | `feedforward` | (steps) |
//! | h | `traces` | (features) |
//! | u | `commands` | (steps) |
//! | 𝒯, 𝒯̂ | [`ClosedLoop`], of the plant and of a model of it | |
//!
//! The output o is added to the error that the feedback controller works on, before its delay: a *counterfactual* error,
//! one that was not there but would have called for the right command in time. The gradient of ½ |e|² then leads back
//! through the whole closed loop, and a synapse computes it forwards, by a trace.
//!
//! Herreros, Arsiwalla & Verschure (2016) NIPS, "A forward model at Purkinje cell synapses facilitates cerebellar
//! anticipatory control". Beside it the rules it is compared with: Widrow–Hoff with h = x or a delayed x, and feedback
//! error learning (Kawato & Gomi 1992), which adds o to the motor command and is taught by the feedback command.
//! Here the trace is led through controller and delay line as well; the paper writes it for a static gain, without delay.

mod closed_loop;
mod traces;
mod trials;

pub use closed_loop::{ClosedLoop, Entry, Feedback, responses};
pub use traces::{ForwardModel, all_traces};
pub use trials::{Course, Setting, Teacher, learn};
