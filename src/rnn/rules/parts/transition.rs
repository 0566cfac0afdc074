//! The exact Jacobian of one step, sample by sample, from the cell's own way back.
//!
//! ```text
//! J = ∂s_t/∂s_{t−1}:   J[(k, i), (k', j)] = D_{kk'}[i] [i = j] + Σ_g δ_{kg}[i] W_g[i, j] [k' is where activity is kept]
//! ```
//! D, δ: what `pull_back` passes to the state before and to the drive's gates g, given a unit gradient of slot k; it never mixes
//! units, so one call with that gradient in all units of all samples serves them all. Where units leak on the current the
//! activity r = φ(v) is no state of its own, and columns take φ'(v_{t−1}) along.

use super::whole_state::{Slot, WholeState, silence};
use crate::real::Real;
use crate::rnn::block::Block;
use crate::rnn::cells::PullBack;
use crate::rnn::network::Network;
use crate::rnn::perturbation::{Pathway, Perturbation};
use crate::rnn::wiring::Wiring;

/// What all steps share.
pub struct Transition<'a, R: Real> {
    wiring: &'a Wiring<'a, R>,
    layout: &'a WholeState,
    perturbation: &'a Perturbation<R>,
    /// gates × units × units.
    weights: Vec<R>,
}

impl<'a, R: Real> Transition<'a, R> {
    /// Of a network without delays and feedback.
    pub fn new(wiring: &'a Wiring<'a, R>, layout: &'a WholeState, perturbation: &'a Perturbation<R>) -> Self {
        Self { wiring, layout, perturbation, weights: dense(&wiring.network) }
    }

    /// `factor` × J of step `step` of a block's tape, for all samples: samples × state × state.
    pub fn jacobians(&self, block: &Block<R>, step: usize, factor: R, all: &mut Vec<R>) {
        let (wiring, n) = (self.wiring, block.n_samples);
        let (width, n_memories, stride) = (wiring.width, wiring.n_memories(), wiring.drive_width());
        let (size, rows) = (self.layout.size(), n * wiring.width);
        all.clear();
        all.resize(n * size * size, R::ZERO);
        let slopes = self.slopes(block, step);
        let mut delta = vec![R::ZERO; n * stride];
        for (index, slot) in self.layout.slots.iter().enumerate() {
            let (mut activity, mut memory) = (vec![R::ZERO; rows], vec![R::ZERO; n_memories * rows]);
            match slot {
                Slot::Activity => activity.fill(factor),
                Slot::Memory(which) => memory[which * rows..][..rows].fill(factor),
            }
            let n_units = wiring.network.structure().n_units;
            let silent = self.perturbation.silent_at(block.tape.first + step, n_units);
            silence(silent, width, &mut activity);
            wiring.dynamics.pull_back(PullBack {
                width,
                drive: block.tape.drive_at(step, stride),
                activity_before: block.tape.activity_before(step, width),
                memory_before: block.tape.memory_before(step, width, n_memories),
                activity: block.tape.activity_at(step, width),
                memory: block.tape.memory_at(step, width, n_memories),
                lambda: &mut activity,
                lambda_memory: &mut memory,
                delta: &mut delta,
                leak: &mut [],
                silent,
            });
            for (sample, jacobian) in all.chunks_exact_mut(size * size).enumerate() {
                let slope = &slopes[sample * width..][..n_units];
                let strip = &mut jacobian[index * n_units * size..][..n_units * size];
                self.add_own(sample, n, &activity, &memory, slope, strip);
                if !self.perturbation.cuts(Pathway::Recurrent, block.tape.first + step) {
                    self.add_recurrent(&delta[sample * stride..][..stride], slope, strip);
                }
            }
        }
    }

    /// ∂r/∂(the slot that activity is kept in), before the step: samples × width.
    fn slopes(&self, block: &Block<R>, step: usize) -> Vec<R> {
        let (width, rows) = (self.wiring.width, block.n_samples * self.wiring.width);
        let mut slopes = vec![R::ONE; rows];
        if self.layout.slots[0] == Slot::Activity {
            return slopes;
        }
        if step > 0 {
            let n_units = self.wiring.network.structure().n_units;
            silence(self.perturbation.silent_at(block.tape.first + step - 1, n_units), width, &mut slopes);
        }
        let mut memory = vec![R::ZERO; self.wiring.n_memories() * rows];
        let rates = block.tape.activity_before(step, width);
        self.wiring.dynamics.pull_back_initial(rates, &mut slopes, &mut memory);
        memory.truncate(rows);
        memory
    }

    /// The diagonal of each block of slots.
    fn add_own(&self, sample: usize, n: usize, activity: &[R], memory: &[R], slope: &[R], strip: &mut [R]) {
        let (width, size, n_units) = (self.wiring.width, self.layout.size(), slope.len());
        let activity = &activity[sample * width..];
        for unit in 0..n_units {
            // Activity is kept in the first slot, be it itself or what it is a function of.
            strip[unit * size + unit] += slope[unit] * activity[unit];
            for (to, slot) in self.layout.slots.iter().enumerate() {
                if let Slot::Memory(which) = slot {
                    strip[unit * size + to * n_units + unit] += memory[(which * n + sample) * width + unit];
                }
            }
        }
    }

    fn add_recurrent(&self, delta: &[R], slope: &[R], strip: &mut [R]) {
        let (width, size, n_units) = (self.wiring.width, self.layout.size(), slope.len());
        for segment in self.wiring.dynamics.segments() {
            let Some(first) = segment.recurrent else { continue };
            for k in 0..segment.n_slots {
                let weights = &self.weights[(first + k) * n_units * n_units..];
                let delta = &delta[(segment.slot + k) * width..][..n_units];
                for (unit, &delta) in delta.iter().enumerate() {
                    let row = &weights[unit * n_units..][..n_units];
                    for ((to, &w), &slope) in strip[unit * size..].iter_mut().zip(row).zip(slope) {
                        *to += delta * w * slope;
                    }
                }
            }
        }
    }
}

/// Recurrent weights, gates × units × units, also if they are kept as U Vᵀ.
fn dense<R: Real>(network: &Network<R>) -> Vec<R> {
    let parameters = network.parameters();
    let n = network.structure().n_units;
    match (parameters.values("U"), parameters.values("V"), network.rank()) {
        (Some(u), Some(v), Some(rank)) => u
            .chunks_exact(rank)
            .flat_map(|u| v.chunks_exact(rank).map(|v| u.iter().zip(v).map(|(&u, &v)| u * v).sum()))
            .collect(),
        _ => parameters.values("W").map_or_else(|| vec![R::ZERO; n * n], <[R]>::to_vec),
    }
}
