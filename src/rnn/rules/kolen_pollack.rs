//! Kolen–Pollack learning (Kolen & Pollack 1994, IEEE ICNN 3:1375–1380; Akrout et al. 2019, NeurIPS): feedback weights that
//! learn to be the readout's transpose without ever seeing it.
//!
//! ```text
//! λ_t = B ∂L/∂y_t + Wᵀ δ_{t+1} + …                   as in feedback alignment
//! G = ∂L/∂W_out,   g_W = G + κ W_out,   g_B = Gᵀ + κ B      so that   W_outᵀ − B  shrinks by 1 − η κ in each step
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | B | "feedback" | units × outputs, the rule's own parameter |
//! | κ | `decay` | weight decay of both |
//! | η | | learning rate: the same for both; the shrinking is exact for plain gradient descent |
//!
//! G includes the costs of weights and the masks of the network. Entries of W_out that are absent or fixed do not change, nor
//! do their partners in B, which are zero if those are. The loss that is reported does not include the decay.

use super::parts::feedback::{Feedback, FeedbackWeights, transposed};
use super::{Learned, Lesson, Rule, bptt};
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::wiring::Wiring;

/// The rule.
#[derive(Debug, Clone)]
pub struct KolenPollack<R> {
    feedback: FeedbackWeights<R>,
    decay: f64,
}

impl<R: Real> KolenPollack<R> {
    /// From random weights of a seed; `decay` is κ.
    pub fn new(decay: f64, seed: u64) -> Result<Self> {
        if !(decay.is_finite() && decay >= 0.0) {
            return Err(Error::value("decay", decay, "a finite number that is not negative"));
        }
        Ok(Self { feedback: FeedbackWeights::new(Feedback::Random, seed)?, decay })
    }

    /// Draws B and takes out what has no partner.
    fn prepare(&mut self, network: &Network<R>) -> Result<()> {
        if !self.feedback.prepare(network)? {
            return Ok(());
        }
        let n_units = network.structure().n_units;
        let readout = network.values("W_out");
        let changes = constrained(network, vec![R::ONE; readout.len()])?;
        let gone: Vec<bool> =
            readout.iter().zip(&changes).map(|(&w, &changes)| w == R::ZERO && changes == R::ZERO).collect();
        for array in self.feedback.weights_mut() {
            let n_outputs = array.shape[1];
            for (place, value) in array.values.iter_mut().enumerate() {
                if gone[place % n_outputs * n_units + place / n_outputs] {
                    *value = R::ZERO;
                }
            }
        }
        Ok(())
    }
}

impl<R: Real> Rule<R> for KolenPollack<R> {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        self.feedback.admits(network)
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        self.prepare(lesson.network)?;
        let mut wiring = Wiring::new(lesson.network);
        self.feedback.apply(&mut wiring);
        let loss = lesson.simulate_with_errors(&wiring)?;
        let mut learned = bptt::back(lesson, &wiring, loss, None)?;
        let network = lesson.network;
        let (n_units, n_outputs) = (network.structure().n_units, network.structure().n_outputs);
        let decay = R::from_f64(self.decay);
        let Some(readout) = learned.gradient.get_mut("W_out") else { return Ok(learned) };
        let mut own = self.feedback.state();
        for array in &mut own {
            let partners = transposed(&array.values, n_outputs);
            let decayed = readout.values.iter().zip(&partners).map(|(&g, &b)| g + decay * b).collect();
            array.values = transposed(&constrained(network, decayed)?, n_units);
        }
        let decayed =
            readout.values.iter().zip(network.values("W_out")).map(|(&g, &w)| g + decay * w).collect();
        readout.values = constrained(network, decayed)?;
        learned.own = own;
        Ok(learned)
    }

    fn state(&self) -> Parameters<R> {
        self.feedback.state()
    }

    fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        self.feedback.set_state(state)
    }

    fn own(&mut self) -> Option<&mut Parameters<R>> {
        let weights = self.feedback.weights_mut();
        (!weights.is_empty()).then_some(weights)
    }
}

/// Values laid out as W_out, zero where it does not change.
fn constrained<R: Real>(network: &Network<R>, values: Vec<R>) -> Result<Vec<R>> {
    let mut probe = Parameters::new();
    probe.push("W_out", &[values.len()], values)?;
    network.constrain_gradient(&mut probe);
    Ok(probe.values("W_out").unwrap_or(&[]).to_vec())
}
