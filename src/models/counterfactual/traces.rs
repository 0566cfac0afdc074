//! Eligibility traces from a forward model of the closed loop.
//!
//! ```text
//! z_j ← Ã z_j + B̃ x_j,   h_j = C̃ z_j + D̃ x_j
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | x | `features` | (features) |
//! | h | `traces` | (features) |
//! | z | states of `model` | (states of plant, controller and delay line, features) |
//!
//! (Ã, B̃, C̃, D̃) is the closed loop from an injected error to the output; in continuous time, for a static gain K and no
//! delay, ż = (A − BKC) z + BK x. No matrix Ã is formed: each synapse holds a copy of the loop, whose states are
//! those of plant and controller and the contents of the delay line.

use super::closed_loop::{ClosedLoop, Feedback};
use crate::cerebellum::adaptive_filter::Traces;
use crate::error::{Error, Result};
use crate::plant::linear::{Linear, StateSpace};

/// One copy of the loop for each synapse.
#[derive(Debug, Clone)]
pub struct ForwardModel {
    model: ClosedLoop<Linear>,
    nothing: Vec<f64>,
}

impl ForwardModel {
    /// Copies at rest.
    pub fn new(plant: &StateSpace, feedback: &Feedback, n_features: usize) -> Result<Self> {
        let model = ClosedLoop::new(Linear::new(plant.clone(), n_features), feedback)?;
        Ok(Self { model, nothing: vec![0.0; n_features] })
    }
}

impl Traces<f64> for ForwardModel {
    fn rest(&mut self) {
        self.model.rest();
    }

    fn step(&mut self, features: &[f64], traces: &mut [f64]) {
        self.model.step(features, &self.nothing, &self.nothing);
        traces.copy_from_slice(self.model.outputs());
    }
}

/// Traces of a whole trial, steps × features.
pub fn all_traces(source: &mut dyn Traces<f64>, features: &[f64], n_features: usize) -> Result<Vec<f64>> {
    if n_features == 0 || !features.len().is_multiple_of(n_features) {
        let expected = format!("(n_steps, n_features) with n_features = {n_features}");
        return Err(Error::shape("features", &[features.len()], expected));
    }
    let mut traces = vec![0.0; features.len()];
    source.rest();
    for (features, traces) in features.chunks_exact(n_features).zip(traces.chunks_exact_mut(n_features)) {
        source.step(features, traces);
    }
    Ok(traces)
}
