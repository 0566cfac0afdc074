//! Trials shared between threads: parts of a fixed size, and sums over parts in their order.

use super::passage::{Passage, Wires};
use super::{CerebellarBias, GROUPS};
use crate::error::{Error, Result};
use crate::network::objective::Objective;
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;
use crate::numerics::room::room;
use crate::real::Real;

/// Trials that one thread takes at once.
const ROWS: usize = 32;

/// Inputs of a batch, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Trials<'a, R> {
    /// (trials, steps, inputs).
    pub inputs: &'a [R],
    /// Trials and steps.
    pub shape: [usize; 2],
    /// A flag for each step at which the cerebellum is silent, or empty.
    pub lesion: &'a [bool],
}

impl<R: Real> Trials<'_, R> {
    /// Whether they can be run.
    pub fn check(&self, network: &CerebellarBias<R>) -> Result<()> {
        let [n_trials, n_steps] = self.shape;
        let n = n_trials.checked_mul(n_steps).and_then(|n| n.checked_mul(network.sizes.inputs));
        if n_trials == 0 || n_steps == 0 || n != Some(self.inputs.len()) {
            let expected =
                format!("(trials, steps, {}), at least one trial and one step", network.sizes.inputs);
            return Err(Error::shape("inputs", &[n_trials, n_steps, self.inputs.len()], expected));
        }
        if self.inputs.iter().any(|value| !value.to_f64().is_finite()) {
            return Err(Error::value("inputs", "not finite somewhere", "finite numbers"));
        }
        if !self.lesion.is_empty() && self.lesion.len() != n_steps {
            let expected = format!("({n_steps},), a flag for each step");
            return Err(Error::shape("lesion", &[self.lesion.len()], expected));
        }
        Ok(())
    }
}

/// What a network did, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Run<R> {
    /// h_1 … h_T, (trials, steps, units).
    pub states: Vec<R>,
    /// β, likewise.
    pub bias: Vec<R>,
    /// y, (trials, steps, outputs).
    pub outputs: Vec<R>,
}

/// Runs trials from rest.
pub fn run<R: Real>(network: &CerebellarBias<R>, trials: Trials<'_, R>, threads: &Threads) -> Result<Run<R>> {
    trials.check(network)?;
    let [n_trials, n_steps] = trials.shape;
    let (units, outputs) = (network.sizes.units, network.sizes.outputs);
    let wires = Wires::new(network);
    let mut found = Run {
        states: room(&[n_trials, n_steps, units], R::ZERO)?,
        bias: room(&[n_trials, n_steps, units], R::ZERO)?,
        outputs: room(&[n_trials, n_steps, outputs], R::ZERO)?,
    };
    let states = found.states.chunks_mut(ROWS * n_steps * units);
    let bias = found.bias.chunks_mut(ROWS * n_steps * units);
    let answers = found.outputs.chunks_mut(ROWS * n_steps * outputs);
    let inputs = trials.inputs.chunks(ROWS * n_steps * network.sizes.inputs);
    let mut blocks: Vec<_> = states.zip(bias).zip(answers).zip(inputs).collect();
    threads.for_chunks(&mut blocks, 1, |_, block| {
        for (((states, bias), answers), inputs) in block {
            let mut passage = Passage::default();
            passage.load(network, inputs, n_steps);
            passage.forward(network, &wires, trials.lesion);
            let widths = passage.widths;
            passage.give(states, units, &passage.mossy[passage.n_rows * widths.mossy..], widths.mossy);
            passage.give(bias, units, &passage.bias, widths.units);
            passage.give(answers, outputs, &passage.outputs, widths.outputs);
        }
    });
    Ok(found)
}

impl<R: Real> Passage<R> {
    /// Copies (steps, rows, stride) to (rows, steps, width).
    fn give(&self, to: &mut [R], width: usize, from: &[R], stride: usize) {
        for (place, to) in to.chunks_exact_mut(width).enumerate() {
            let (row, step) = (place / self.n_steps, place % self.n_steps);
            let start = (step * self.n_rows + row) * stride;
            to.copy_from_slice(&from[start..start + width]);
        }
    }

    /// The other way round.
    fn take(&mut self, from: &[R], width: usize) {
        let stride = self.widths.outputs;
        for (place, from) in from.chunks_exact(width).enumerate() {
            let (row, step) = (place / self.n_steps, place % self.n_steps);
            let start = (step * self.n_rows + row) * stride;
            self.outputs[start..start + width].copy_from_slice(from);
        }
    }
}

/// A part of a batch, and its share of the gradient.
struct Part<R> {
    passage: Passage<R>,
    gradient: [Parameters<R>; 3],
}

/// Buffers for batches, kept from one to the next.
pub struct Batch<R> {
    parts: Vec<Part<R>>,
    outputs: Vec<R>,
    slopes: Vec<R>,
    /// Of the last batch, one set of arrays per group.
    pub gradient: [Parameters<R>; 3],
}

impl<R: Real> Batch<R> {
    /// Room for so many trials.
    pub fn new(network: &CerebellarBias<R>, n_trials: usize) -> Self {
        let blank = || GROUPS.map(|group| network.part(group).zeros_like());
        let part = |_| Part { passage: Passage::default(), gradient: blank() };
        let parts = (0..n_trials.div_ceil(ROWS)).map(part).collect();
        Self { parts, outputs: Vec::new(), slopes: Vec::new(), gradient: blank() }
    }

    /// The loss of these trials; the gradient stays here.
    pub fn teach(
        &mut self,
        network: &CerebellarBias<R>,
        trials: Trials<'_, R>,
        objective: &mut dyn Objective<R>,
        threads: &Threads,
    ) -> Result<f64> {
        let [n_trials, n_steps] = trials.shape;
        let (n_inputs, n_outputs) = (network.sizes.inputs, network.sizes.outputs);
        let wires = Wires::new(network);
        let parts = &mut self.parts[..n_trials.div_ceil(ROWS)];
        for buffer in [&mut self.outputs, &mut self.slopes] {
            buffer.clear();
            buffer.resize(n_trials * n_steps * n_outputs, R::ZERO);
        }
        let share = ROWS * n_steps;
        threads.for_chunks(parts, 1, |number, parts| {
            let inputs = trials.inputs.chunks(share * n_inputs).nth(number).unwrap_or_default();
            for part in parts {
                part.passage.load(network, inputs, n_steps);
                part.passage.forward(network, &wires, trials.lesion);
            }
        });
        for (part, outputs) in parts.iter().zip(self.outputs.chunks_mut(share * n_outputs)) {
            let passage = &part.passage;
            passage.give(outputs, n_outputs, &passage.outputs, passage.widths.outputs);
        }
        let shape = [n_trials, n_steps, n_outputs];
        let loss = objective.evaluate(shape, &self.outputs, Some(&mut self.slopes), None)?;
        if !loss.is_finite() {
            return Err(Error::Diverged { what: "the loss", place: String::new() });
        }
        let slopes = &self.slopes;
        threads.for_chunks(parts, 1, |number, parts| {
            let slopes = slopes.chunks(share * n_outputs).nth(number).unwrap_or_default();
            for part in parts {
                part.passage.take(slopes, n_outputs);
                part.passage.backward(network, &wires, trials.lesion, &mut part.gradient);
            }
        });
        for (number, sum) in self.gradient.iter_mut().enumerate() {
            sum.fill_zero();
            for part in parts.iter() {
                sum.add(&part.gradient[number])?;
            }
        }
        Ok(loss)
    }
}
