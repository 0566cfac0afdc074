//! Reward-modulated Hebbian learning from occasional kicks (Miconi 2017, eLife 6:e20899).
//!
//! ```text
//! e_ij = Σ_t S(r_j,t−1 (x_i,t − x̄_i,t−1)),   S(u) = u³,   x̄_t = d x̄_{t−1} + (1 − d) x_t
//! ∂L/∂W_ij ≈ −(1/B) Σ_b (R_b − R̄_c) e_ij,b,   R_b = −L_b
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | x, x̄ | | a unit's excitation and its running mean, which begins at the initial state |
//! | d | `mean_decay` | what a step leaves of x̄ (0.05 in the author's code) |
//! | e | | eligibility of a connection: a synapse sees x and r_j, never the kick |
//! | R̄_c | "baseline" | running mean of rewards of the trial's context (decay 0.75 in the author's code) |
//! | | `sigma`, `probability` | kicks of the drive: standard deviation, chance per unit and step (0.003 in the code) |
//!
//! Not an estimate of the gradient: S lets the large, sudden changes that kicks cause outweigh the many small ones of the
//! ongoing dynamics, and its scale is that of S. S of a product is the product of S's, so e is a sum of outer products of
//! cubes. Departures: kicks are normal, not uniform; rewards are minus the loss at hand, and the change of weights is neither
//! multiplied by the mean error nor clipped (optimisers scale and clip); x is the current of units that leak on the current,
//! as in the paper, and the rate of those that leak on the rate; input and feedback weights and biases learn by the same
//! rule (the paper keeps them fixed), with S(1 · δx) for biases; the readout, which the paper does not have, gets its exact
//! gradient (keep it fixed for reward alone).

use super::bptt::finish;
use super::parts::baseline::Baseline;
use super::parts::exploration::{self, Presynaptic, add_products, run, weigh};
use super::parts::readout::add_readout;
use super::{Learned, Lesson, Rule};
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::structure::Cell;
use crate::rnn::tape::Tape;
use crate::rnn::wiring::Wiring;

/// The rule.
#[derive(Debug, Clone)]
pub struct Miconi<R> {
    sigma: f64,
    probability: f64,
    mean_decay: f64,
    baseline: Baseline<R>,
    /// Which context (trial type) each trial of the next lesson belongs to, counted from 0; None: all to one.
    pub contexts: Option<Vec<usize>>,
}

impl<R: Real> Miconi<R> {
    /// With kicks of standard deviation `sigma` that hit a unit at a step with this probability.
    pub fn new(sigma: f64, probability: f64, mean_decay: f64, baseline_decay: f64) -> Result<Self> {
        if !(probability > 0.0 && probability <= 1.0) {
            return Err(Error::value("probability", probability, "above 0 and at most 1"));
        }
        if !(0.0..1.0).contains(&mean_decay) {
            return Err(Error::value("mean_decay", mean_decay, "at least 0 and below 1"));
        }
        let baseline = Baseline::new(baseline_decay)?;
        Ok(Self { sigma: exploration::deviation(sigma)?, probability, mean_decay, baseline, contexts: None })
    }
}

impl<R: Real> Rule<R> for Miconi<R> {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        if !matches!(network.structure().cell, Cell::Rate { .. }) {
            let expected = "rate units, whose excitation does not jump by itself";
            return Err(Error::value("rule", "Miconi's, for units that are not rate units", expected));
        }
        exploration::admits(network)
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        self.admits(lesson.network)?;
        let contexts = self.contexts.as_deref();
        Baseline::<R>::check(contexts, lesson.batch.n_trials)?;
        let wiring = Wiring::new(lesson.network);
        let outcome = run(lesson, &wiring, Some((self.sigma, self.probability)))?;
        let rewards: Vec<f64> = outcome.of_trials.iter().map(|loss| -loss).collect();
        let advantages = self.baseline.advantages(&rewards, contexts)?;
        let scale = -1.0 / advantages.len() as f64;
        let factors: Vec<f64> = advantages.iter().map(|advantage| advantage * scale).collect();
        let (perturbation, mean_decay) = (lesson.batch.perturbation, self.mean_decay);
        let gradient = lesson.workspace.gradient(&wiring, lesson.threads, |block| {
            add_readout(&wiring, block);
            let mut scores = cubed_fluctuations(&wiring, &block.tape, mean_decay);
            weigh(&mut scores, wiring.width, &factors[block.first..block.first + block.n_samples]);
            let tape = &block.tape;
            let [activity, input, output] =
                [&tape.activity, &tape.input, &tape.output].map(|values| cubed(values));
            let presynaptic = Presynaptic { activity: &activity, input: &input, output: &output };
            add_products(&wiring, tape, perturbation, &scores, presynaptic, &mut block.sums);
        });
        Ok(finish(lesson, outcome.loss, gradient))
    }

    fn state(&self) -> Parameters<R> {
        self.baseline.state()
    }

    fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        self.baseline.set_state(state)
    }
}

fn cube<R: Real>(x: R) -> R {
    x * x * x
}

fn cubed<R: Real>(values: &[R]) -> Vec<R> {
    values.iter().map(|&x| cube(x)).collect()
}

/// (x_t − x̄_{t−1})³ of all units: steps × samples × width.
fn cubed_fluctuations<R: Real>(wiring: &Wiring<'_, R>, tape: &Tape<R>, mean_decay: f64) -> Vec<R> {
    let (width, n_memories) = (wiring.width, wiring.n_memories());
    let rows = tape.n_samples * width;
    // Before a step; after the last one as well.
    let excitation = |step: usize| match n_memories {
        0 => tape.activity_before(step, width),
        _ => &tape.memory_before(step, width, n_memories)[..rows],
    };
    let (keep, take) = (R::from_f64(mean_decay), R::from_f64(1.0 - mean_decay));
    let mut mean = excitation(0).to_vec();
    let mut scores = vec![R::ZERO; tape.n_steps * rows];
    for (step, scores) in scores.chunks_exact_mut(rows).enumerate() {
        for ((score, mean), &x) in scores.iter_mut().zip(&mut mean).zip(excitation(step + 1)) {
            *score = cube(x - *mean);
            *mean = keep * *mean + take * x;
        }
    }
    scores
}
