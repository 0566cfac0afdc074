//! Real-time recurrent learning (Williams & Zipser 1989, Neural Comput 1:270–280): the exact gradient, carried forwards.
//!
//! ```text
//! P_t[s] = Σ_{s'} D[s, s'] P_{t−1}[s'] + Σ_k M[s, k] (W_k P_{t−1}[r] + u_k) + A[s] ⊗ 1_α        s_t = state(P_t)
//! dL/dθ  = Σ_t (W_outᵀ ∂L/∂y_t)ᵀ P_t[q] + (∂A/∂r_t)ᵀ P_t[r]
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | P | [`Influence`] | influence of every parameter on every state s (activity r, memories): states × units × parameters |
//! | D, M, A | [`Local`](super::parts::local::Local) | one step of every unit by itself |
//! | W_k P | | what reaches slot k of the drive through the recurrent weights |
//! | u | | presynaptic activity: r_{t−1}, x_t, 1, where the parameter is a weight of that unit |
//! | q | | what the readout sees |
//! | ∂A/∂r | | costs of activity |
//!
//! P starts from the initial states, whose own influence on themselves is one. The readout's gradient needs no influence
//! and is the exact one of back-propagation. Time grows with units⁴, memory with units³: for small networks, and as a
//! second route to the gradient. Surrogate derivatives of spikes are taken for derivatives, as in back-propagation.

use super::bptt::finish;
use super::parts::influence::Influence;
use super::parts::readout::add_readout;
use super::{Learned, Lesson, Rule};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::wiring::Wiring;

/// The rule.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rtrl;

impl Rtrl {
    /// The rule; there is nothing to choose.
    pub fn new() -> Self {
        Self
    }
}

impl<R: Real> Rule<R> for Rtrl {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        let structure = network.structure();
        let refuse = |got: &str, expected: &str| Err(Error::value("rule", got, expected));
        if structure.has_delays() {
            return refuse(
                "RTRL with conduction delays",
                "a network whose step depends on the one before alone",
            );
        }
        if structure.feedback {
            return refuse("RTRL with output feedback", "a network whose outputs are not fed back");
        }
        if network.rank().is_some() {
            return refuse("RTRL with low-rank weights", "full recurrent weights");
        }
        Ok(())
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        let wiring = Wiring::new(lesson.network);
        let loss = lesson.simulate_with_errors(&wiring)?;
        let (activity_loss, cost) = lesson.regularization.activity(&wiring, lesson.workspace);
        let (perturbation, given) = (lesson.batch.perturbation, lesson.batch.initial);
        let gradient = lesson.workspace.gradient(&wiring, lesson.threads, |block| {
            add_readout(&wiring, block);
            let mut influence = Influence::new(&wiring, perturbation);
            for sample in 0..block.n_samples {
                influence.start(&block.tape, sample, given);
                for step in 0..block.tape.n_steps {
                    if block.tape.stop.is_asked() {
                        return;
                    }
                    influence.step(&block.tape, sample, step);
                    influence.add_errors(block, &cost, sample, step);
                }
            }
            influence.hand_over(block);
        });
        Ok(finish(lesson, loss + activity_loss, gradient))
    }
}
