//! FORCE: recursive least squares on the readout while the network runs (Sussillo & Abbott 2009, Neuron 63:544).
//!
//! ```text
//! at every m-th of the steps from t_0 on that are observed, trials one after another, with W_out as it stands:
//! e⁻ = W_out q_t + b_out − y*_t
//! P ← P − P q qᵀ P / (1 + qᵀ P q),   W_out ← W_out − e⁻ (P q)ᵀ           P = I/α at first
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | q | | what outputs are read from; b_out stays |
//! | P | "P" in the state | inverse correlation of q, kept from lesson to lesson |
//! | α | `alpha` | strength of the pull to where the readout began |
//! | m | `every` | steps from one update to the next |
//! | t_0 | `learn_start` | the first step of a trial that may change anything |
//!
//! With output feedback the network feels every update from the next step on, which is FORCE; without it, this is least squares
//! by rows, and the readout is the ridge regression of all that was seen. The output of the step that is learned from is the
//! one from before the update, and that is what is fed back.
//!
//! Outputs share P: one that is not observed at a step where others are is not changed, though P has taken the step in. Of
//! masked, fixed or signed readouts the change is computed as if all were free, then constrained. The lesson's objective is
//! not asked, only its targets; the loss is the mean squared error of outputs as run, before each update.

use super::parts::least_squares::{LeastSquares, check_settings, descend, loss_of_weights, targets};
use super::{Learned, Lesson, Rule};
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::cells::Readout;
use crate::rnn::forward::{Inputs, forward};
use crate::rnn::network::Network;
use crate::rnn::state::State;
use crate::rnn::tape::Tape;
use crate::rnn::wiring::Wiring;

/// Numbers that shape the rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// α.
    pub alpha: f64,
    /// m.
    pub every: usize,
    /// t_0.
    pub learn_start: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { alpha: 1.0, every: 2, learn_start: 0 }
    }
}

/// The rule.
#[derive(Debug, Clone, Default)]
pub struct Force {
    /// May be changed between lessons.
    pub settings: Settings,
    inverse: Option<LeastSquares>,
}

impl Force {
    /// A rule that has seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, inverse: None }
    }

    /// P, row by row; None before the first lesson.
    pub fn inverse(&self) -> Option<&[f64]> {
        self.inverse.as_ref().map(LeastSquares::inverse)
    }
}

/// Squared errors of outputs as they were.
#[derive(Debug, Default)]
pub struct Score {
    sum: f64,
    n: usize,
}

impl Score {
    /// Errors of a step's outputs where there are targets.
    pub fn errors<R: Real>(&mut self, outputs: &[R], targets: &[R]) -> Vec<Option<f64>> {
        let error = |(y, target): (&R, &R)| (!target.is_nan()).then(|| y.to_f64() - target.to_f64());
        let errors: Vec<Option<f64>> = outputs.iter().zip(targets).map(error).collect();
        for error in errors.iter().flatten() {
            self.sum += error * error;
            self.n += 1;
        }
        errors
    }

    /// Their mean.
    pub fn mean(&self) -> f64 {
        self.sum / self.n as f64
    }
}

/// Runs the step that a state stands before, and checks its outputs; `trial` alone.
pub fn one_step<'t, R: Real>(
    wiring: &Wiring<'_, R>,
    lesson: &Lesson<'_, R>,
    trial: usize,
    state: &mut State<R>,
    tape: &'t mut Tape<R>,
) -> Result<&'t [R]> {
    let structure = wiring.network.structure();
    let (n_steps, n_inputs) = (lesson.batch.n_steps, structure.n_inputs);
    let values = &lesson.batch.inputs[trial * n_steps * n_inputs..][..n_steps * n_inputs];
    let step = state.step;
    lesson.workspace.check_stop()?;
    let inputs = Inputs { values, n_steps, n_inputs };
    forward(wiring, inputs, 1, lesson.batch.perturbation, None, state, tape);
    let outputs = &tape.output_at(0, wiring.output_width)[..structure.n_outputs];
    if outputs.iter().any(|y| !y.to_f64().is_finite()) {
        let place = format!(" at step {step} of trial {trial}");
        return Err(Error::Diverged { what: "the network's output", place });
    }
    Ok(outputs)
}

impl<R: Real> Rule<R> for Force {
    fn admits(&self, _network: &Network<R>) -> Result<()> {
        check_settings(self.settings.alpha, self.settings.every)
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        let targets = targets(lesson)?;
        let [n_trials, n_steps, n_outputs] = lesson.output_shape();
        let mut learner = lesson.network.clone();
        let mut wiring = Wiring::new(lesson.network);
        let n = lesson.network.structure().n_units;
        let mut least = LeastSquares::resume(self.inverse.as_ref(), n, self.settings.alpha)?;
        let (mut score, mut tape, mut regressors) = (Score::default(), Tape::default(), Vec::new());
        for trial in 0..n_trials {
            let batch = &lesson.batch;
            let mut state = State::initial(&wiring, trial, 1, n_trials, batch.initial, batch.seed)?;
            let mut n_observed = 0;
            for step in 0..n_steps {
                let outputs = one_step(&wiring, lesson, trial, &mut state, &mut tape)?;
                let wanted = &targets[(trial * n_steps + step) * n_outputs..][..n_outputs];
                let errors = score.errors(outputs, wanted);
                if step < self.settings.learn_start || errors.iter().all(Option::is_none) {
                    continue;
                }
                n_observed += 1;
                if n_observed % self.settings.every != 0 {
                    continue;
                }
                regressors.clear();
                regressors.extend(read(&wiring, &tape)[..n].iter().map(|q| q.to_f64()));
                let gain = least.take(&regressors);
                if let Some(parameter) = learner.parameters_mut().get_mut("W_out") {
                    descend(&mut parameter.values, n, &errors, gain);
                }
                learner.constrain();
                let value = |name| learner.parameters().values(name).unwrap_or(&[]);
                wiring.set_readout(value("W_out"), value("b_out"));
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

/// What the outputs of a tape of one step and sample were read from.
fn read<'t, R: Real>(wiring: &Wiring<'_, R>, tape: &'t Tape<R>) -> &'t [R] {
    match wiring.dynamics.readout() {
        Readout::Activity => tape.activity_at(0, wiring.width),
        Readout::Memory(index) => {
            &tape.memory_at(0, wiring.width, wiring.n_memories())[index * wiring.width..]
        }
    }
}
