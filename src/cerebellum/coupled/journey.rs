//! A block of trials on its way through the loop, step by step.

use super::{Aim, Coupling, Loop, Records, Trials};
use crate::cerebellum::delay_line::DelayLine;
use crate::cerebellum::learning::Squared;
use crate::cerebellum::module::{Module, Moment};
use crate::error::{Error, Result};
use crate::numerics::parallel::Threads;
use crate::real::Real;
use crate::rnn::forward::{Inputs, forward};
use crate::rnn::perturbation::Perturbation;
use crate::rnn::state::{Place, State};
use crate::rnn::tape::Tape;

/// Trials that run side by side.
pub struct Journey<R> {
    block: usize,
    first: usize,
    state: State<R>,
    tape: Tape<R>,
    /// The module's part.
    pub moment: Moment<R>,
    activity: DelayLine<R>,
    outputs: DelayLine<R>,
    nuclei: DelayLine<R>,
    predictions: DelayLine<R>,
    mossy: Vec<R>,
    inputs: Vec<R>,
    errors: Vec<R>,
    squared: Squared,
}

impl<R: Real> Journey<R> {
    /// The start of `n_samples` trials from `first` on, which are block `block` of the results.
    pub fn start(
        run: &Loop<'_, '_, R>,
        module: &Module<R>,
        block: usize,
        first: usize,
        n_samples: usize,
    ) -> Result<Self> {
        let structure = run.wiring.network.structure();
        let noisy = structure.noise > 0.0 || structure.input_noise > 0.0;
        let Trials { n_trials, n_steps, initial, seed, .. } = *run.trials;
        let state = State::initial(run.wiring, first, n_samples, n_trials, initial, seed.filter(|_| noisy))?;
        let n_nuclei = module.circuit().n_nuclei();
        let Coupling { delay_to, delay_back, aim, .. } = *run.coupling;
        let horizon = if let Aim::Prediction(horizon) = aim { horizon } else { 0 };
        let eligibility = module.eligibility.later(horizon);
        let delay_to = delay_to.min(n_steps);
        let zeros = |width: usize| vec![R::ZERO; n_samples * width];
        let mut journey = Self {
            block,
            first,
            moment: module.start_with(n_samples, &eligibility.within(n_steps), module.delay.min(n_steps))?,
            activity: DelayLine::new(n_samples * structure.n_units, delay_to, R::ZERO)?,
            outputs: DelayLine::new(n_samples * structure.n_outputs, delay_to, R::ZERO)?,
            nuclei: DelayLine::new(n_samples * n_nuclei, delay_back.min(n_steps), R::ZERO)?,
            predictions: DelayLine::new(n_samples * n_nuclei, horizon.min(n_steps), R::NAN)?,
            mossy: zeros(module.n_mossy()),
            inputs: zeros(structure.n_inputs),
            errors: zeros(n_nuclei),
            squared: Squared::default(),
            state,
            tape: Tape::default(),
        };
        // The network has been in its initial state for as long as signals need to arrive.
        for _ in 0..delay_to {
            journey.send_activity(run);
        }
        Ok(journey)
    }

    /// Of the errors at the nuclei; NaN if none was observed.
    pub fn mean_squared_error(&self) -> f64 {
        self.squared.mean()
    }

    /// One step of module and network, and the error of it.
    pub fn step(
        &mut self,
        run: &Loop<'_, '_, R>,
        module: &Module<R>,
        step: usize,
        records: &Records<'_, R>,
    ) -> Result<()> {
        let structure = run.wiring.network.structure();
        let n_nuclei = module.circuit().n_nuclei();
        self.send_activity(run);
        self.send_outputs(run, step);
        self.fill_mossy(run, step);
        module.advance(&mut self.moment, &self.mossy, &Threads::one())?;
        if run.is_off(step) {
            self.moment.nuclei.fill(R::ZERO);
        }
        if let Some(place) = self.moment.nuclei.iter().position(|c| !c.to_f64().is_finite()) {
            let place = format!(" at step {step} of trial {}", self.first + place / n_nuclei);
            return Err(Error::Diverged { what: "a nucleus in the loop", place });
        }
        self.nuclei.send(&self.moment.nuclei);
        self.fill_inputs(run, step);
        // The kernel reads inputs at the state's own time; here there is one step of them.
        self.state.step = 0;
        let rows = Inputs { values: &self.inputs, n_steps: 1, n_inputs: structure.n_inputs };
        forward(run.wiring, rows, 1, &Perturbation::default(), None, &mut self.state, &mut self.tape);
        let (width, output_width) = (run.wiring.width, run.wiring.output_width);
        records.states.write(self.block, step, self.tape.activity_at(0, width), width);
        records.outputs.write(self.block, step, self.tape.output_at(0, output_width), output_width);
        records.inputs.write(self.block, step, &self.inputs, structure.n_inputs);
        records.mossy.write(self.block, step, &self.mossy, module.n_mossy());
        records.nuclei.write(self.block, step, &self.moment.nuclei, n_nuclei);
        records.purkinje.write(self.block, step, &self.moment.purkinje, module.circuit().n_purkinje());
        if !run.trials.targets.is_empty() {
            self.find_errors(run, step);
            self.squared.add(&self.errors);
            records.errors.write(self.block, step, &self.errors, n_nuclei);
            if run.is_off(step) {
                // They are nobody's fault.
                self.errors.fill(R::NAN);
            }
            module.receive(&mut self.moment, &self.errors);
        }
        Ok(())
    }

    /// r_{t−1} leaves the network.
    fn send_activity(&mut self, run: &Loop<'_, '_, R>) {
        let n_units = run.wiring.network.structure().n_units;
        let rows = self.state.variable(Place::Activity).chunks_exact(run.wiring.width);
        for (row, into) in rows.zip(self.activity.departing().chunks_exact_mut(n_units)) {
            into.copy_from_slice(&row[..n_units]);
        }
    }

    /// y_{t−1} leaves the network.
    fn send_outputs(&mut self, run: &Loop<'_, '_, R>, step: usize) {
        let n_outputs = run.wiring.network.structure().n_outputs;
        let width = run.wiring.output_width;
        let into = self.outputs.departing();
        if step == 0 {
            into.fill(R::ZERO);
            return;
        }
        for (row, into) in
            self.tape.output_at(0, width).chunks_exact(width).zip(into.chunks_exact_mut(n_outputs))
        {
            into.copy_from_slice(&row[..n_outputs]);
        }
    }

    fn fill_mossy(&mut self, run: &Loop<'_, '_, R>, step: usize) {
        let structure = run.wiring.network.structure();
        let n_mossy = self.mossy.len() / self.state.n_samples;
        let mossy = run.coupling.mossy;
        for (sample, row) in self.mossy.chunks_exact_mut(n_mossy).enumerate() {
            let parts = [
                (
                    mossy.activity,
                    &self.activity.arriving()[sample * structure.n_units..][..structure.n_units],
                ),
                (mossy.inputs, run.external(self.first + sample, step)),
                (
                    mossy.outputs,
                    &self.outputs.arriving()[sample * structure.n_outputs..][..structure.n_outputs],
                ),
            ];
            let mut start = 0;
            for (_, part) in parts.into_iter().filter(|(is_sent, _)| *is_sent) {
                row[start..start + part.len()].copy_from_slice(part);
                start += part.len();
            }
        }
    }

    fn fill_inputs(&mut self, run: &Loop<'_, '_, R>, step: usize) {
        let n_inputs = run.wiring.network.structure().n_inputs;
        let n_nuclei = n_inputs - run.n_external;
        let arriving = self.nuclei.arriving().chunks_exact(n_nuclei);
        for ((sample, row), nuclei) in self.inputs.chunks_exact_mut(n_inputs).enumerate().zip(arriving) {
            let (external, from_nuclei) = row.split_at_mut(run.n_external);
            external.copy_from_slice(run.external(self.first + sample, step));
            for (into, &nucleus) in from_nuclei.iter_mut().zip(nuclei) {
                *into = run.coupling.gain * nucleus;
            }
        }
    }

    /// What is missing, at the nuclei.
    fn find_errors(&mut self, run: &Loop<'_, '_, R>, step: usize) {
        let n_outputs = run.wiring.network.structure().n_outputs;
        let n_nuclei = self.errors.len() / self.state.n_samples;
        let predicts = matches!(run.coupling.aim, Aim::Prediction(_));
        // No prediction is made while the module is off.
        if run.is_off(step) {
            self.predictions.departing().fill(R::NAN);
        } else {
            self.predictions.send(&self.moment.nuclei);
        }
        let width = run.wiring.output_width;
        let outputs = self.tape.output_at(0, width);
        let predictions = self.predictions.arriving();
        for (sample, row) in self.errors.chunks_exact_mut(n_nuclei).enumerate() {
            let place = ((self.first + sample) * run.trials.n_steps + step) * n_outputs;
            let targets = &run.trials.targets[place..place + n_outputs];
            let outputs = &outputs[sample * width..][..n_outputs];
            for (nucleus, error) in row.iter_mut().enumerate() {
                let weights = &run.coupling.mapping[nucleus * n_outputs..][..n_outputs];
                let mut sum = None;
                for ((&weight, &target), &output) in weights.iter().zip(targets).zip(outputs) {
                    if weight != R::ZERO && !target.is_nan() {
                        let missing = if predicts { target } else { target - output };
                        sum = Some(sum.unwrap_or(R::ZERO) + weight * missing);
                    }
                }
                let made = if predicts { predictions[sample * n_nuclei + nucleus] } else { R::ZERO };
                *error = sum.map_or(R::NAN, |sum| sum - made);
            }
        }
    }
}
