//! e-prop (Bellec et al. 2020, Nat Commun 11:3625): eligibility traces of each unit's own dynamics, times a learning signal.
//!
//! ```text
//! LIF     ε_v ← β_m ε_v + s⁻,   e = ψ ε_v
//! ALIF    e = ψ (ε_v − β ε_a),   ε_a ← ρ ε_a + e⁻
//! both    ē ← κ ē + (1 − κ) e,   ∂L/∂W_ij ≈ Σ_t L_i ē_ij,   L = B ∂L/∂y
//! ```
//!
//! | symbol | what |
//! | --- | --- |
//! | ε, e, ē | traces of a weight: of the voltage, of the adaptation, of the spike, and filtered as the readout filters |
//! | ψ | surrogate derivative of the spike |
//! | s⁻ | presynaptic spikes of the step before (or as they arrive, with delays) |
//! | B | symmetric: W_outᵀ; random; or given |
//!
//! The same definition, traces of a cell's own Jacobian, serves rate units, GRU and LSTM (see [`eligibility`]). Departures: no
//! refractory period; the trace sums are taken in another order; the gradient of the loss is handed to the optimiser at
//! the end of a batch.

use super::parts::eligibility;
use super::parts::feedback::{Feedback, FeedbackWeights};
use super::{Learned, Lesson, Rule};
use crate::error::Result;
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::network::Network;

/// The rule.
#[derive(Debug, Clone)]
pub struct EProp<R> {
    feedback: FeedbackWeights<R>,
}

impl<R: Real> EProp<R> {
    /// With learning signals through these feedback weights; `seed` is that of random ones.
    pub fn new(feedback: Feedback<R>, seed: u64) -> Result<Self> {
        Ok(Self { feedback: FeedbackWeights::new(feedback, seed)? })
    }
}

impl<R: Real> Rule<R> for EProp<R> {
    fn admits(&self, network: &Network<R>) -> Result<()> {
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
