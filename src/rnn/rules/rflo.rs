//! Random feedback local online learning (Murray 2019, eLife 8:e43299).
//!
//! ```text
//! p_t = (1 − α) p_{t−1} + α φ'(z_t) r_{t−1}ᵀ,   ∂L/∂W ≈ Σ_t (B ∂L/∂y_t) 1ᵀ ⊙ p_t,   ∂L/∂W_out = Σ_t ∂L/∂y_t r_tᵀ
//! ```
//!
//! | symbol | what |
//! | --- | --- |
//! | p | trace of a weight: units × units |
//! | α, φ' | leak and slope of the unit |
//! | B | random feedback, units × outputs |
//!
//! For leaky rate units that is e-prop with random feedback, and is computed as such ([`eligibility`]). Input weights and
//! biases learn by the same traces. Departures: units that leak on the current have the trace of the current, times
//! φ'(v_t) when it is used; the gradient is summed over a batch instead of taken after every trial or step.

use super::parts::eligibility;
use super::parts::feedback::{Feedback, FeedbackWeights};
use super::{Learned, Lesson, Rule};
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::structure::Cell;

/// The rule.
#[derive(Debug, Clone)]
pub struct Rflo<R> {
    feedback: FeedbackWeights<R>,
}

impl<R: Real> Rflo<R> {
    /// With learning signals through these feedback weights (the paper's are random); `seed` is that of random ones.
    pub fn new(feedback: Feedback<R>, seed: u64) -> Result<Self> {
        Ok(Self { feedback: FeedbackWeights::new(feedback, seed)? })
    }
}

impl<R: Real> Rule<R> for Rflo<R> {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        if !matches!(network.structure().cell, Cell::Rate { .. }) {
            let expected = "rate units; e-prop has traces for all kinds of units";
            return Err(Error::value("rule", "RFLO, for units that are not rate units", expected));
        }
        eligibility::admits(network)?;
        self.feedback.admits(network)
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        eligibility::learn(lesson, &mut self.feedback)
    }

    fn state(&self) -> Parameters<R> {
        self.feedback.state()
    }

    fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        self.feedback.set_state(state)
    }
}
