//! What e-prop and RFLO share: eligibility traces that know nothing but the unit's own dynamics.
//!
//! ```text
//! ε_t = D_t ε_{t−1} + M_t ⊗ p_t          trace of a weight: a number per state of its unit;  p: presynaptic activity
//! ∂L/∂W ≈ Σ_t L_t ε_t[q]                 L_t = B ∂L/∂y_t: learning signal of the unit, on the state q that is read out
//!
//! ℓ_t = L_t 1_q + D_{t+1}ᵀ ℓ_{t+1},   Σ_t L_t ε_t[q] = Σ_t (M_tᵀ ℓ_t) p_tᵀ
//! ```
//!
//! | symbol | what |
//! | --- | --- |
//! | D, M | one step of the unit by itself: states by states, states by slots of its drive (no weights) |
//! | p | activity as it arrives (delays included), inputs, outputs that are fed back, or 1 for a bias |
//! | B | units × outputs: [`FeedbackWeights`] |
//!
//! A brain has to run the traces forwards. The sum over pairs of steps that they stand for is finite, so it can be taken in
//! the other order, and is here: ℓ costs a few numbers per unit, and each weight one multiply-add per sample and step, in
//! the outer products of back-propagation, where traces would cost one more per state and a pass over memory. That is the
//! adjoint with the recurrent weights and the output feedback taken out of the way back (W_fb learns as if outputs were
//! inputs). The numbers are those of the traces up to rounding.
//!
//! Initial states and leaks learn by the same traces; the readout's gradient is exact. Costs of activity act as learning
//! signals of each unit, as the rate regularisation of Bellec et al. 2020 does.

use super::super::{Learned, Lesson, bptt};
use super::feedback::FeedbackWeights;
use crate::error::{Error, Result};
use crate::linalg::Packed;
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::wiring::Wiring;

/// Whether the weights of a network can have traces of their own.
pub fn admits<R: Real>(network: &Network<R>) -> Result<()> {
    if network.rank().is_some() {
        let expected =
            "full recurrent weights: factors of low rank are shared by units and have no traces of their own";
        return Err(Error::value("rule", "one of eligibility traces, for low-rank weights", expected));
    }
    Ok(())
}

/// Learning signals through B, credit through the units' own dynamics.
pub fn learn<R: Real>(lesson: &mut Lesson<'_, R>, feedback: &mut FeedbackWeights<R>) -> Result<Learned<R>> {
    admits(lesson.network)?;
    feedback.prepare(lesson.network)?;
    let mut wiring = Wiring::new(lesson.network);
    feedback.apply(&mut wiring);
    keep_credit_local(&mut wiring);
    let loss = lesson.simulate_with_errors(&wiring)?;
    bptt::back(lesson, &wiring, loss, None)
}

/// Takes everything that mixes units out of the way back; the simulation stays as it is.
fn keep_credit_local<R: Real>(wiring: &mut Wiring<'_, R>) {
    let n_units = wiring.network.structure().n_units;
    for weights in &mut wiring.segments {
        weights.feedback_backward = None;
        for recurrent in &mut weights.recurrent {
            // One row of zeros: as good as the whole matrix of them, and next to free.
            recurrent.backward = Packed::zeros(1, n_units);
        }
    }
}
