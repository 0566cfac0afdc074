//! full-FORCE: all recurrent weights learn to do by themselves what a random network does that is shown the wanted output
//! (DePasquale, Cueva, Rajan, Escola & Abbott 2018, PLoS ONE 13:e0191527).
//!
//! ```text
//! target-generating network   drive z^D_t = J^D r^D_{t−1} + u_f f_{t−1} + W_in x_t + b       same cell, same initial state
//! learning network            drive z_t   = W r_{t−1} + W_in x_t + b,   y_t = W_out r_t + b_out
//! at every m-th step, both as they stand after step t:
//! e = W r_t − (J^D r^D_t + u_f f_t),   e_out = y_t − f_t
//! P ← P − P r rᵀ P / (1 + rᵀ P r),   W ← W − e (P r)ᵀ,   W_out ← W_out − e_out (P r)ᵀ         P = I/α at first
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | J^D | | random, normal with standard deviation g/√N; g: `gain` |
//! | u_f | | random, uniform in [−1, 1] |
//! | f | | wanted outputs; where they are not known, the target network gets no hint and the readout does not learn |
//! | P | "P" in the state | inverse correlation of r, shared by all rows, kept from lesson to lesson |
//! | α, m | `alpha`, `every` | pull to where the weights began; steps between updates |
//!
//! J^D and u_f follow from the seed and stay the same from lesson to lesson, so they are no part of the state.
//!
//! Departures: time is discrete, and f reaches the target network one step late, as an output that is fed back would, so that
//! one P serves recurrent weights and readout. There are no further hints besides f. Biases b and b_out (which the published
//! network does not have) stay as they are. J^D is as dense as it can be whatever mask W has; of masked, fixed or signed
//! weights the change is computed as if all were free, then constrained. Private noise enters the learning network alone,
//! perturbations both. The loss is the mean squared error of outputs as run, before each update.

use super::force::{Score, one_step};
use super::parts::least_squares::{LeastSquares, check_settings, descend, loss_of_weights, targets};
use super::{Learned, Lesson, Rule};
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::numerics::rng::{normal, stream, uniform};
use crate::real::Real;
use crate::rnn::network::{Constraints, Network};
use crate::rnn::state::State;
use crate::rnn::structure::{Cell, Structure};
use crate::rnn::tape::Tape;
use crate::rnn::wiring::Wiring;

/// Numbers that shape the rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// α.
    pub alpha: f64,
    /// m.
    pub every: usize,
    /// g.
    pub gain: f64,
    /// Of J^D and u_f.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { alpha: 1.0, every: 2, gain: 1.5, seed: 0 }
    }
}

/// The rule.
#[derive(Debug, Clone, Default)]
pub struct FullForce {
    /// May be changed between lessons.
    pub settings: Settings,
    inverse: Option<LeastSquares>,
}

impl FullForce {
    /// A rule that has seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, inverse: None }
    }

    /// P, row by row; None before the first lesson.
    pub fn inverse(&self) -> Option<&[f64]> {
        self.inverse.as_ref().map(LeastSquares::inverse)
    }

    /// The target-generating network: its "W" is J^D, its "W_fb" u_f, and what it hears as its output is f.
    pub fn target_network<R: Real>(&self, network: &Network<R>) -> Result<Network<R>> {
        let structure =
            Structure { feedback: true, noise: 0.0, input_noise: 0.0, ..network.structure().clone() };
        let (n, n_outputs) = (structure.n_units, structure.n_outputs);
        let mut draws = stream(self.settings.seed, 0);
        let deviation = self.settings.gain / (n as f64).sqrt();
        let weights = (0..n * n).map(|_| R::from_f64(deviation * normal(&mut draws))).collect();
        let hints = (0..n * n_outputs).map(|_| R::from_f64(2.0 * uniform(&mut draws) - 1.0)).collect();
        let mut parameters = Parameters::new();
        parameters.push("W", &[n, n], weights)?;
        parameters.push("W_fb", &[n, n_outputs], hints)?;
        for parameter in network.parameters().iter().filter(|p| p.name != "W") {
            parameters.push(parameter.name.clone(), &parameter.shape, parameter.values.clone())?;
        }
        Network::new(structure, Constraints::default(), parameters)
    }
}

impl<R: Real> Rule<R> for FullForce {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        check_settings(self.settings.alpha, self.settings.every)?;
        if !(self.settings.gain.is_finite() && self.settings.gain >= 0.0) {
            return Err(Error::value("gain", self.settings.gain, "a finite number, not negative"));
        }
        let structure = network.structure();
        let refused = if !matches!(structure.cell, Cell::Rate { .. }) {
            "gated or spiking units"
        } else if structure.has_delays() {
            "delays"
        } else if structure.feedback {
            "output feedback"
        } else if network.rank().is_some() {
            "low-rank recurrent weights"
        } else {
            return Ok(());
        };
        Err(Error::value(
            "rule",
            format!("full_force for a network with {refused}"),
            "a network of rate units with full recurrent weights, without delays and output feedback",
        ))
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        let targets = targets(lesson)?;
        let [n_trials, n_steps, n_outputs] = lesson.output_shape();
        let n = lesson.network.structure().n_units;
        let generator = self.target_network(lesson.network)?;
        let shown = Wiring::new(&generator);
        let value = |name| generator.parameters().values(name).unwrap_or(&[]);
        let (j, hints) = (value("W"), value("W_fb"));
        let mut learner = lesson.network.clone();
        let mut wiring = Wiring::new(lesson.network);
        let mut least = LeastSquares::resume(self.inverse.as_ref(), n, self.settings.alpha)?;
        let (mut score, mut tape, mut shown_tape) = (Score::default(), Tape::default(), Tape::default());
        for trial in 0..n_trials {
            let batch = &lesson.batch;
            let mut state = State::initial(&wiring, trial, 1, n_trials, batch.initial, batch.seed)?;
            let mut shown_state = State::initial(&shown, trial, 1, n_trials, batch.initial, None)?;
            for step in 0..n_steps {
                let wanted = &targets[(trial * n_steps + step) * n_outputs..][..n_outputs];
                one_step(&shown, lesson, trial, &mut shown_state, &mut shown_tape)?;
                let hint = wanted.iter().map(|&f| if f.is_nan() { R::ZERO } else { f });
                shown_state.output.iter_mut().zip(hint).for_each(|(y, f)| *y = f);
                let outputs = one_step(&wiring, lesson, trial, &mut state, &mut tape)?;
                let errors = score.errors(outputs, wanted);
                if step % self.settings.every != 0 {
                    continue;
                }
                let r: Vec<f64> = tape.activity_at(0, wiring.width)[..n].iter().map(|r| r.to_f64()).collect();
                let shown_r = &shown_tape.activity_at(0, wiring.width)[..n];
                let w = learner.parameters().values("W").unwrap_or(&[]);
                let sum = |row: &[R], values: &[R]| {
                    row.iter().zip(values).map(|(w, r)| w.to_f64() * r.to_f64()).sum::<f64>()
                };
                let drive_errors: Vec<Option<f64>> = (0..n)
                    .map(|unit| {
                        let own: f64 = w[unit * n..][..n].iter().zip(&r).map(|(w, r)| w.to_f64() * r).sum();
                        let hint = sum(&hints[unit * n_outputs..][..n_outputs], &shown_state.output);
                        Some(own - sum(&j[unit * n..][..n], shown_r) - hint)
                    })
                    .collect();
                let gain = least.take(&r);
                for (name, errors) in [("W", &drive_errors), ("W_out", &errors)] {
                    if let Some(parameter) = learner.parameters_mut().get_mut(name) {
                        descend(&mut parameter.values, n, errors, gain);
                    }
                }
                learner.constrain();
                let value = |name| learner.parameters().values(name).unwrap_or(&[]);
                wiring.set_readout(value("W_out"), value("b_out"));
                wiring.set_recurrent(value("W"));
            }
        }
        least.settle::<R>();
        self.inverse = Some(least);
        let mut gradient = loss_of_weights(lesson.network, &learner);
        lesson.network.constrain_gradient(&mut gradient);
        Ok(Learned { loss: score.mean(), gradient, own: Parameters::new() })
    }

    fn state(&self) -> Parameters<R> {
        self.inverse.clone().map_or_else(Parameters::new, |mut inverse| inverse.settle())
    }

    fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        self.inverse = LeastSquares::from_state(state)?;
        Ok(())
    }

    fn changes_weights_itself(&self) -> bool {
        true
    }
}
