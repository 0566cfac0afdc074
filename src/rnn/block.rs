//! A block of trials that go through the steps together, and everything it computes in.

use std::ops::Range;

use super::adjoint::{ActivityCost, Adjoint, Carry, Errors, adjoint};
use super::batch::Batch;
use super::cells::Readout;
use super::forward::Inputs;
use super::state::{Initial, State, replaced};
use super::sums::Sums;
use super::tape::Tape;
use super::wiring::Wiring;
use crate::error::Result;
use crate::numerics::rng::{Stream, stream};
use crate::real::Real;

/// One block's arrays, used again from call to call.
#[derive(Debug, Default)]
pub struct Block<R> {
    /// First trial.
    pub first: usize,
    /// Trials.
    pub n_samples: usize,
    /// The simulation.
    pub tape: Tape<R>,
    /// State at the end of it.
    pub state: Option<State<R>>,
    /// ∂L/∂y by steps: steps × samples × padded outputs.
    pub errors: Vec<R>,
    /// Buffers of the way back.
    pub adjoint: Adjoint<R>,
    /// Gradient of the state.
    pub carry: Carry<R>,
    /// Gradients of the weights.
    pub sums: Sums<R>,
}

impl<R: Real> Block<R> {
    /// The state that its trials start from.
    pub fn start(&self, wiring: &Wiring<'_, R>, batch: &Batch<'_, R>) -> Result<State<R>> {
        let structure = wiring.network.structure();
        let noisy = structure.noise > 0.0 || structure.input_noise > 0.0;
        let seed = batch.seed.filter(|_| noisy);
        State::initial(wiring, self.first, self.n_samples, batch.n_trials, batch.initial, seed)
    }

    /// Its trials' inputs.
    pub fn inputs<'a>(&self, wiring: &Wiring<'_, R>, batch: &Batch<'a, R>) -> Inputs<'a, R> {
        let n_inputs = wiring.network.structure().n_inputs;
        let per_trial = batch.n_steps * n_inputs;
        let values = &batch.inputs[self.first * per_trial..][..self.n_samples * per_trial];
        Inputs { values, n_steps: batch.n_steps, n_inputs }
    }

    /// Takes its share of errors of outputs, trials × `n_steps` × outputs, of some steps.
    pub fn take_errors(&mut self, wiring: &Wiring<'_, R>, errors: &[R], n_steps: usize, steps: Range<usize>) {
        let (n_outputs, width) = (wiring.network.structure().n_outputs, wiring.output_width);
        self.errors.clear();
        self.errors.resize(steps.len() * self.n_samples * width, R::ZERO);
        for sample in 0..self.n_samples {
            for (index, step) in steps.clone().enumerate() {
                let from = ((self.first + sample) * n_steps + step) * n_outputs;
                self.errors[(index * self.n_samples + sample) * width..][..n_outputs]
                    .copy_from_slice(&errors[from..from + n_outputs]);
            }
        }
    }

    /// One stream of exploration per trial, apart from those of the noise.
    pub fn streams(&self, seed: u64) -> Vec<Stream> {
        const APART: u64 = 1 << 40;
        (self.first..self.first + self.n_samples).map(|trial| stream(seed, APART + trial as u64)).collect()
    }

    /// Adds the gradient of the network's initial state, once the way back has reached the start. Variables that are given
    /// replace the network's, which then has no part in the run.
    pub fn add_initial_state(&mut self, wiring: &Wiring<'_, R>, given: &Initial<'_, R>) {
        let (width, rows) = (wiring.width, self.n_samples * wiring.width);
        let start = self.tape.activity_before(0, width);
        let carry = &mut self.carry;
        wiring.dynamics.pull_back_initial(start, &mut carry.activity, &mut carry.memory);
        let memories = wiring.dynamics.memories();
        let (state, cell) = match memories.first() {
            Some(&"cell") => (&carry.activity[..], &carry.memory[..rows]),
            Some(_) => (&carry.memory[..rows], &[][..]),
            None => (&carry.activity[..], &[][..]),
        };
        let (no_state, no_cell) = replaced(wiring, given);
        for (sum, rows, skipped) in
            [(&mut self.sums.state, state, no_state), (&mut self.sums.cell, cell, no_cell)]
        {
            if skipped {
                continue;
            }
            for row in rows.chunks_exact(width) {
                for (sum, &value) in sum.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        }
    }

    /// What outputs read at a step: samples × width.
    pub fn read_at<'a>(&'a self, wiring: &Wiring<'_, R>, step: usize) -> &'a [R] {
        let width = wiring.width;
        match wiring.dynamics.readout() {
            Readout::Activity => self.tape.activity_at(step, width),
            Readout::Memory(index) => {
                let rows = self.n_samples * width;
                let all = self.tape.memory_at(step, width, wiring.n_memories());
                &all[index * rows..(index + 1) * rows]
            }
        }
    }

    /// The adjoint of some steps of its tape, from and to its carry.
    pub fn go_back(
        &mut self,
        wiring: &Wiring<'_, R>,
        batch: &Batch<'_, R>,
        cost: &ActivityCost<R>,
        steps: Range<usize>,
    ) {
        let Self { tape, errors, adjoint: buffers, carry, sums, .. } = self;
        let told = Errors { output: errors, activity: cost, perturbation: batch.perturbation };
        adjoint(wiring, tape, &told, steps, buffers, carry, sums);
    }
}
