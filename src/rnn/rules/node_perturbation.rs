//! Node perturbation (Fiete & Seung 2006, Phys Rev Lett 97:048104; Werfel, Xie & Seung 2005, Neural Comput 17:2699): units try
//! out small changes of their drive, and the change of the loss tells how they went.
//!
//! ```text
//! z̃_t = z_t + ξ_t,  ξ ~ N(0, σ²),        ∂L/∂W ≈ (1/B) Σ_b (L̃_b − L̄_b)/σ² Σ_t ξ_{bt} p_{bt}ᵀ
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | ξ | kicks | of standard deviation σ (with kicks of variance one the factor would be 1/σ) |
//! | L̃_b | | loss of trial b with kicks; the batch's loss is the mean over its B trials |
//! | L̄_b | [`Against`] | loss of the same trial without kicks, same noise; or a running mean |
//! | p | | presynaptic activity of the run that was kicked |
//!
//! As σ → 0 its mean over kicks is the gradient of recurrent, input, feedback weights and biases; its variance grows with the
//! number of units and steps. σ must not be so small that the difference of losses drowns in rounding: 1e-3 or more in single
//! precision. The readout is not explored: its gradient is the exact one of the loss without kicks or, with a running
//! mean, of the one run that there is (but for what outputs do to later ones where they are fed back); the loss that is
//! reported is of the same run.

use super::bptt::finish;
use super::parts::baseline::Baseline;
use super::parts::exploration::{self, Presynaptic, add_products, run, weigh};
use super::parts::readout::add_readout;
use super::{Learned, Lesson, Rule};
use crate::error::Result;
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::wiring::Wiring;

/// What a loss with kicks is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Against {
    /// The same trial without kicks: one more simulation, far less variance.
    Unperturbed,
    /// A running mean of losses, of which each lesson leaves this part.
    Running(f64),
}

/// The rule.
#[derive(Debug, Clone)]
pub struct NodePerturbation<R> {
    sigma: f64,
    baseline: Option<Baseline<R>>,
}

impl<R: Real> NodePerturbation<R> {
    /// With kicks of standard deviation `sigma`.
    pub fn new(sigma: f64, against: Against) -> Result<Self> {
        let baseline = match against {
            Against::Unperturbed => None,
            Against::Running(decay) => Some(Baseline::new(decay)?),
        };
        Ok(Self { sigma: exploration::deviation(sigma)?, baseline })
    }
}

impl<R: Real> Rule<R> for NodePerturbation<R> {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        exploration::admits(network)
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        exploration::admits(lesson.network)?;
        let wiring = Wiring::new(lesson.network);
        let kicks = Some((self.sigma, 1.0));
        let Some(baseline) = &mut self.baseline else {
            let without = run(lesson, &wiring, None)?;
            let readout =
                lesson.workspace.gradient(&wiring, lesson.threads, |block| add_readout(&wiring, block));
            let with = run(lesson, &wiring, kicks)?;
            let changes: Vec<f64> =
                with.of_trials.iter().zip(&without.of_trials).map(|(with, without)| with - without).collect();
            let mut gradient = explored(lesson, &wiring, self.sigma, &changes, false);
            gradient.add(&readout)?;
            return Ok(finish(lesson, without.loss, gradient));
        };
        let with = run(lesson, &wiring, kicks)?;
        let changes = baseline.advantages(&with.of_trials, None)?;
        let gradient = explored(lesson, &wiring, self.sigma, &changes, true);
        Ok(finish(lesson, with.loss, gradient))
    }

    fn state(&self) -> Parameters<R> {
        self.baseline.as_ref().map_or_else(Parameters::new, Baseline::state)
    }

    fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        match &mut self.baseline {
            Some(baseline) => baseline.set_state(state),
            None => Parameters::new().check_layout("state", state),
        }
    }
}

/// (1/B) Σ_b change_b/σ² Σ_t ξ_{bt} p_{bt}ᵀ from kicks on the tape, with the readout's gradient if wanted.
pub(super) fn explored<R: Real>(
    lesson: &mut Lesson<'_, R>,
    wiring: &Wiring<'_, R>,
    sigma: f64,
    changes: &[f64],
    readout: bool,
) -> Parameters<R> {
    let scale = 1.0 / (sigma * sigma * changes.len() as f64);
    let factors: Vec<f64> = changes.iter().map(|change| change * scale).collect();
    let perturbation = lesson.batch.perturbation;
    lesson.workspace.gradient(wiring, lesson.threads, |block| {
        if readout {
            add_readout(wiring, block);
        }
        let mut scores = std::mem::take(&mut block.tape.exploration);
        weigh(&mut scores, wiring.width, &factors[block.first..block.first + block.n_samples]);
        let presynaptic = Presynaptic::of(&block.tape);
        add_products(wiring, &block.tape, perturbation, &scores, presynaptic, &mut block.sums);
        block.tape.exploration = scores;
    })
}
