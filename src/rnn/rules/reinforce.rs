//! REINFORCE (Williams 1992, Mach Learn 8:229–256) for units whose drive is a Gaussian policy.
//!
//! ```text
//! z̃_t ~ N(z_t, σ²),   ∇_W log π = Σ_t (z̃_t − z_t)/σ² p_tᵀ,   R_b = −L_b
//! ∂L/∂W ≈ −(1/B) Σ_b (R_b − R̄_c) ∇_W log π_b
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | R_b, L_b | | reward and loss of trial b; the batch's loss is the mean of L_b over its B trials |
//! | R̄_c | "baseline" | running mean of rewards of the trial's context c (see [`baseline`](super::parts::baseline)) |
//! | σ | `sigma` | standard deviation of the policy |
//! | p | | presynaptic activity |
//!
//! Its mean is the gradient of the mean loss under the policy, for any σ; as σ → 0 that of the loss. Reward comes at the end
//! of the trial: all steps share it. Departure: outputs are no part of the policy, so the readout does not learn from
//! reward; its gradient is the exact one of the run's loss (keep it fixed for reward alone).

use super::bptt::finish;
use super::node_perturbation::explored;
use super::parts::baseline::Baseline;
use super::parts::exploration::{self, run};
use super::{Learned, Lesson, Rule};
use crate::error::Result;
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::wiring::Wiring;

/// The rule.
#[derive(Debug, Clone)]
pub struct Reinforce<R> {
    sigma: f64,
    baseline: Baseline<R>,
    /// Which context each trial of the next lesson belongs to, counted from 0; None: all to one.
    pub contexts: Option<Vec<usize>>,
}

impl<R: Real> Reinforce<R> {
    /// A policy of standard deviation `sigma`; `baseline_decay` is how much of a running mean a lesson leaves.
    pub fn new(sigma: f64, baseline_decay: f64) -> Result<Self> {
        let baseline = Baseline::new(baseline_decay)?;
        Ok(Self { sigma: exploration::deviation(sigma)?, baseline, contexts: None })
    }
}

impl<R: Real> Rule<R> for Reinforce<R> {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        exploration::admits(network)
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        exploration::admits(lesson.network)?;
        let contexts = self.contexts.as_deref();
        Baseline::<R>::check(contexts, lesson.batch.n_trials)?;
        let wiring = Wiring::new(lesson.network);
        let outcome = run(lesson, &wiring, Some((self.sigma, 1.0)))?;
        let rewards: Vec<f64> = outcome.of_trials.iter().map(|loss| -loss).collect();
        let advantages = self.baseline.advantages(&rewards, contexts)?;
        let changes: Vec<f64> = advantages.iter().map(|advantage| -advantage).collect();
        let gradient = explored(lesson, &wiring, self.sigma, &changes, true);
        Ok(finish(lesson, outcome.loss, gradient))
    }

    fn state(&self) -> Parameters<R> {
        self.baseline.state()
    }

    fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        self.baseline.set_state(state)
    }
}
