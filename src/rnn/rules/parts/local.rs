//! How one step of every unit by itself depends on what it begins with: the local Jacobians of online learning rules.
//!
//! ```text
//! D[s, s'] = ∂ s_t / ∂ s'_{t−1}     states of one unit: its activity r, then its memories m; no weights
//! M[s, k]  = ∂ s_t / ∂ z_k          k: slots of the unit's drive
//! A[s]     = ∂ s_t / ∂ α            where the leak is a parameter
//! ```
//! Units do not mix in a cell, so one way back through it with λ = 1 for one state of all units gives one row of D, M and
//! A for each of them. A silent unit's r depends on nothing.

use crate::real::Real;
use crate::rnn::cells::PullBack;
use crate::rnn::perturbation::Perturbation;
use crate::rnn::tape::Tape;
use crate::rnn::wiring::Wiring;

/// D, M and A of one sample at one step.
#[derive(Debug)]
pub struct Local<R> {
    width: usize,
    n_states: usize,
    n_slots: usize,
    between: Vec<R>,
    drive: Vec<R>,
    leak: Vec<R>,
    memory_before: Vec<R>,
    memory: Vec<R>,
}

impl<R: Real> Local<R> {
    /// Room for the cell of a network.
    pub fn new(wiring: &Wiring<'_, R>) -> Self {
        let (width, n_memories, n_slots) = (wiring.width, wiring.n_memories(), wiring.dynamics.n_slots());
        let n_states = 1 + n_memories;
        let zeros = |length: usize| vec![R::ZERO; length];
        Self {
            width,
            n_states,
            n_slots,
            between: zeros(n_states * n_states * width),
            drive: zeros(n_states * n_slots * width),
            leak: zeros(if wiring.network.learns_leak() { n_states * width } else { 0 }),
            memory_before: zeros(n_memories * width),
            memory: zeros(n_memories * width),
        }
    }

    /// States per unit.
    pub fn n_states(&self) -> usize {
        self.n_states
    }

    /// Entry (`to`, `from`) of D, of all units.
    pub fn between(&self, to: usize, from: usize) -> &[R] {
        &self.between[(to * self.n_states + from) * self.width..][..self.width]
    }

    /// Entry (`to`, `slot`) of M, of all units.
    pub fn from_drive(&self, to: usize, slot: usize) -> &[R] {
        &self.drive[(to * self.n_slots + slot) * self.width..][..self.width]
    }

    /// Row `to` of A, of all units; empty where the leak is no parameter.
    pub fn from_leak(&self, to: usize) -> &[R] {
        if self.leak.is_empty() { &[] } else { &self.leak[to * self.width..][..self.width] }
    }

    /// Linearises the step of one sample.
    pub fn linearise(
        &mut self,
        wiring: &Wiring<'_, R>,
        tape: &Tape<R>,
        perturbation: &Perturbation<R>,
        sample: usize,
        step: usize,
    ) {
        let (width, n) = (self.width, tape.n_samples);
        let row = |rows: &'_ [R], stride: usize| sample * stride..(sample * stride + stride).min(rows.len());
        let n_memories = self.n_states - 1;
        let (before, after) =
            (tape.memory_before(step, width, n_memories), tape.memory_at(step, width, n_memories));
        for (rows, all) in [(&mut self.memory_before, before), (&mut self.memory, after)] {
            for (row, of_memory) in rows.chunks_exact_mut(width).zip(all.chunks_exact(n * width)) {
                row.copy_from_slice(&of_memory[sample * width..][..width]);
            }
        }
        let stride = self.n_slots * width;
        let drive = tape.drive_at(step, stride);
        let drive = if drive.is_empty() { drive } else { &drive[row(drive, stride)] };
        let activity_before = tape.activity_before(step, width);
        let activity = tape.activity_at(step, width);
        let silent = perturbation.silent_at(tape.first + step, wiring.network.structure().n_units);
        self.leak.fill(R::ZERO);
        for to in 0..self.n_states {
            let gradients = &mut self.between[to * self.n_states * width..][..self.n_states * width];
            gradients.fill(R::ZERO);
            let unit_vector = &mut gradients[to * width..][..width];
            unit_vector.fill(R::ONE);
            if to == 0 {
                for (value, _) in unit_vector.iter_mut().zip(silent).filter(|(_, silent)| **silent) {
                    *value = R::ZERO;
                }
            }
            let (lambda, lambda_memory) = gradients.split_at_mut(width);
            let leak = if self.leak.is_empty() { &mut [][..] } else { &mut self.leak[to * width..][..width] };
            wiring.dynamics.pull_back(PullBack {
                width,
                drive,
                activity_before: &activity_before[row(activity_before, width)],
                memory_before: &self.memory_before,
                activity: &activity[row(activity, width)],
                memory: &self.memory,
                lambda,
                lambda_memory,
                delta: &mut self.drive[to * stride..][..stride],
                leak,
                silent,
            });
        }
    }
}
