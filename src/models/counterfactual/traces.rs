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
use crate::monitor::{Flow, Monitor, Progress};
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

/// Traces of a whole trial, steps × features. An error if the monitor stops it.
pub fn all_traces(
    source: &mut dyn Traces<f64>,
    features: &[f64],
    n_features: usize,
    monitor: &mut dyn Monitor,
) -> Result<Vec<f64>> {
    if n_features == 0 || !features.len().is_multiple_of(n_features) {
        let expected = format!("(n_steps, n_features) with n_features = {n_features}");
        return Err(Error::shape("features", &[features.len()], expected));
    }
    let mut traces = vec![0.0; features.len()];
    source.rest();
    let total = features.len() / n_features;
    let rows = features.chunks_exact(n_features).zip(traces.chunks_exact_mut(n_features));
    for (done, (features, traces)) in rows.enumerate() {
        if monitor.report(Progress { done, total, loss: f64::NAN }) == Flow::Stop {
            return Err(Error::Interrupted);
        }
        source.step(features, traces);
    }
    Ok(traces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::counterfactual::{Entry, responses};
    use crate::monitor::Silent;

    #[test]
    fn synapses_compute_the_convolution_with_the_impulse_response() {
        let plant =
            StateSpace::new("plant", vec![0.9, 0.1, 0.0, 0.7], vec![0.1, 0.3], vec![1.0, 0.0], 0.0).unwrap();
        let controller = StateSpace::new("controller", vec![1.0], vec![0.02], vec![1.0], 0.4).unwrap();
        for delay in [0, 1, 4] {
            let feedback = Feedback { controller: controller.clone(), delay };
            let (n_steps, n_features) = (60, 3);
            let mut pulse = vec![0.0; n_steps];
            pulse[0] = 1.0;
            let (response, _) = responses(&plant, &feedback, &pulse, 1, Entry::Error, &mut Silent).unwrap();
            let features: Vec<f64> =
                (0..n_steps * n_features).map(|i| (0.3 * (i * i) as f64).sin()).collect();
            let mut source = ForwardModel::new(&plant, &feedback, n_features).unwrap();
            for _ in 0..2 {
                let traces = all_traces(&mut source, &features, n_features, &mut Silent).unwrap();
                for (at, trace) in traces.iter().enumerate() {
                    let (step, j) = (at / n_features, at % n_features);
                    let expected: f64 =
                        (0..=step).map(|m| response[m] * features[(step - m) * n_features + j]).sum();
                    assert!(
                        (trace - expected).abs() < 1e-13,
                        "delay {delay} step {step}: {trace} {expected}"
                    );
                }
            }
        }
    }
}
