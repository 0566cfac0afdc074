//! One step at a time, for loops that the caller closes.

use super::forward::{Inputs, forward};
use super::network::Network;
use super::perturbation::Perturbation;
use super::run::unpadded;
use super::state::{Initial, State, variables};
use super::tape::Tape;
use super::wiring::Wiring;
use crate::error::{Error, Result};
use crate::real::Real;

/// A running network: its weights as they were when it was made, and where it stands.
pub struct Stepper<R: Real> {
    wiring: Wiring<'static, R>,
    state: State<R>,
    tape: Tape<R>,
    seed: Option<u64>,
}

impl<R: Real> Stepper<R> {
    /// At the start of `n_trials` trials. The noise is that of the trials of a run with this seed.
    pub fn new(network: Network<R>, n_trials: usize, seed: Option<u64>) -> Result<Self> {
        if n_trials == 0 {
            return Err(Error::value("n_trials", 0, "at least 1"));
        }
        let structure = network.structure();
        let seed = seed.filter(|_| structure.noise > 0.0 || structure.input_noise > 0.0);
        let wiring = Wiring::owning(network);
        let state = State::initial(&wiring, 0, n_trials, n_trials, &[], seed)?;
        Ok(Self { wiring, state, tape: Tape::default(), seed })
    }

    /// Trials that run side by side.
    pub fn n_trials(&self) -> usize {
        self.state.n_samples
    }

    /// Its network.
    pub fn network(&self) -> &Network<R> {
        &self.wiring.network
    }

    /// One step: outputs (trials × outputs) and what units sent on (trials × units).
    pub fn step(&mut self, inputs: &[R]) -> Result<(Vec<R>, Vec<R>)> {
        let structure = self.wiring.network.structure();
        let (n_inputs, n_outputs, n_units) = (structure.n_inputs, structure.n_outputs, structure.n_units);
        if inputs.len() != self.state.n_samples * n_inputs {
            let expected = format!("({}, {n_inputs}): one row per trial", self.state.n_samples);
            return Err(Error::shape("inputs", &[inputs.len()], expected));
        }
        if inputs.iter().any(|x| !x.to_f64().is_finite()) {
            return Err(Error::value("inputs", "not finite", "finite numbers"));
        }
        let since = self.state.step;
        // The kernel reads inputs at the state's own time; here there is one step of them.
        self.state.step = 0;
        let rows = Inputs { values: inputs, n_steps: 1, n_inputs };
        forward(&self.wiring, rows, 1, &Perturbation::default(), None, &mut self.state, &mut self.tape);
        self.state.step = since + 1;
        let cut = |rows: &[R], width: usize, n: usize| {
            rows.chunks_exact(width).flat_map(|row| &row[..n]).copied().collect::<Vec<R>>()
        };
        let outputs =
            cut(self.tape.output_at(0, self.wiring.output_width), self.wiring.output_width, n_outputs);
        Ok((outputs, cut(self.tape.activity_at(0, self.wiring.width), self.wiring.width, n_units)))
    }

    /// The variables of the state, trials × units each.
    pub fn variables(&self) -> Vec<(&'static str, Vec<R>)> {
        let n = self.wiring.network.structure().n_units;
        variables(&self.wiring)
            .into_iter()
            .map(|(name, place)| (name, unpadded(&self.state, place, self.wiring.width, n)))
            .collect()
    }

    /// Goes on from these variables, as from the start of a trial: nothing else is on its way. The noise goes on.
    pub fn set_variables(&mut self, given: &Initial<'_, R>) -> Result<()> {
        let n = self.state.n_samples;
        let mut fresh = State::initial(&self.wiring, 0, n, n, given, self.seed)?;
        fresh.noise = std::mem::take(&mut self.state.noise);
        fresh.step = self.state.step;
        self.state = fresh;
        Ok(())
    }

    /// All else that the next step depends on: activity, inputs and outputs that are on their way, padded as kept.
    pub fn underway(&self) -> [(&'static str, &[R]); 3] {
        [
            ("activity_underway", &self.state.activity),
            ("inputs_underway", &self.state.input),
            ("outputs_underway", &self.state.output),
        ]
    }

    /// Takes back what [`Stepper::underway`] gave.
    pub fn set_underway(&mut self, name: &str, values: &[R]) -> Result<()> {
        let into = match name {
            "activity_underway" => &mut self.state.activity,
            "inputs_underway" => &mut self.state.input,
            "outputs_underway" => &mut self.state.output,
            _ => return Err(Error::value("state", name, "names that the stepper's state has")),
        };
        if into.len() != values.len() {
            return Err(Error::shape(
                "state",
                &[values.len()],
                format!("{name} with {} numbers", into.len()),
            ));
        }
        into.copy_from_slice(values);
        Ok(())
    }
}
