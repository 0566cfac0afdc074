//! Feedback alignment (Lillicrap et al. 2016, Nat Commun 7:13276), in time: back-propagation whose errors of outputs reach
//! the units through fixed weights B in the place of the readout's transpose.
//!
//! ```text
//! λ_t = B ∂L/∂y_t + Wᵀ δ_{t+1} + …        in the place of W_outᵀ ∂L/∂y_t
//! ```
//! Only that one transport of weights goes; credit still passes through the transposed recurrent weights from step to step
//! (RFLO and e-prop do without these too). The readout's own gradient is exact unless outputs are fed back: then errors
//! come back by W_fb from units that got theirs through B.

use super::parts::feedback::{Feedback, FeedbackWeights};
use super::{Learned, Lesson, Rule, bptt};
use crate::error::Result;
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::wiring::Wiring;

/// The rule.
#[derive(Debug, Clone)]
pub struct FeedbackAlignment<R> {
    feedback: FeedbackWeights<R>,
}

impl<R: Real> FeedbackAlignment<R> {
    /// With these feedback weights (the paper's are random); `seed` is that of random ones.
    pub fn new(feedback: Feedback<R>, seed: u64) -> Result<Self> {
        Ok(Self { feedback: FeedbackWeights::new(feedback, seed)? })
    }
}

impl<R: Real> Rule<R> for FeedbackAlignment<R> {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        self.feedback.admits(network)
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        self.feedback.prepare(lesson.network)?;
        let mut wiring = Wiring::new(lesson.network);
        self.feedback.apply(&mut wiring);
        let loss = lesson.simulate_with_errors(&wiring)?;
        bptt::back(lesson, &wiring, loss, None)
    }

    fn state(&self) -> Parameters<R> {
        self.feedback.state()
    }

    fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        self.feedback.set_state(state)
    }
}
