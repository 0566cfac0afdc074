//! The loop, backwards.
//!
//! ```text
//! λ_{t+1} = dL/ds_{t+1}, complete once all later steps have been gone through
//! (dL/ds_t, dL/du_t) += (∂f/∂(s_t, u_t))ᵀ λ_{t+1},   e_t = dL/dy_t = (∂u/∂y)ᵀ dL/du_t + effort
//! dL/dh_t += W_outᵀ e_t + activity;   (δ_t, dL/dh_{t−1}) = cell.pull_back;   dL/dh_{t−1} += Wᵀ δ_t
//! dL/do_t = W_inᵀ δ_t;   dL/dhand_{t−e}, dL/dlimbs_{t−f} += their shares
//! ```
//!
//! Sums of outer products are added to a few steps at a time, while the rows are in the cache.

use super::block::Block;
use super::forward::four;
use super::{Drive, Trials, World};
use crate::error::{Error, Result};
use crate::linalg::{Begin, Packed, Rows, Source, add_outer, combine};
use crate::monitor::Stop;
use crate::plant::body::MAX_CONTROLS;
use crate::plant::senses::Senses;
use crate::plant::trajectory::pull_step_back;
use crate::real::Real;
use crate::rnn::cells::{PullBack, Readout};
use crate::rnn::network::Network;
use crate::rnn::wiring::Wiring;

/// Steps whose outer products are summed at once.
const CHUNK: usize = 16;

/// `W_in` of each segment of the drive, as gradients go back through it: slots × inputs.
pub struct SenseWeights<R>(Vec<Option<Packed<R>>>);

impl<R: Real> SenseWeights<R> {
    /// Packs a network's.
    pub fn new(network: &Network<R>, wiring: &Wiring<'_, R>) -> Self {
        let structure = network.structure();
        let (n, n_inputs) = (structure.n_units, structure.n_inputs);
        let values = network.parameters().values("W_in").unwrap_or(&[]);
        let pack = |weights: &crate::rnn::wiring::SegmentWeights<R>| {
            let segment = weights.segment;
            let first = segment.input.filter(|_| n_inputs > 0)?;
            let mut packed = Packed::zeros(segment.n_slots * wiring.width, n_inputs);
            for slot in 0..segment.n_slots {
                let rows = &values[(first + slot) * n * n_inputs..][..n * n_inputs];
                packed.set_block(slot * wiring.width, 0, n_inputs, rows);
            }
            Some(packed)
        };
        Self(wiring.segments.iter().map(pack).collect())
    }
}

impl<R: Real> Block<R> {
    /// Sums up the gradient of this block's share of the loss.
    pub(super) fn go_back<B: Senses>(
        &mut self,
        world: &World<B>,
        wiring: &Wiring<'_, R>,
        senses: &SenseWeights<R>,
        trials: &Trials<'_, R>,
        stop: &Stop,
    ) -> Result<()> {
        self.prepare_back(world, wiring, CHUNK);
        let mut end = trials.n_steps;
        while end > 0 {
            let start = (end - 1) / CHUNK * CHUNK;
            for step in (start..end).rev() {
                if stop.is_asked() {
                    return Err(Error::Interrupted);
                }
                self.leave_body(world, wiring, trials, step);
                self.leave_network(world, wiring, trials, step, step - start);
                self.leave_senses(world, wiring, senses, trials, step, step - start);
            }
            self.add_products(wiring, start, end);
            end = start;
        }
        self.add_start(wiring);
        Ok(())
    }

    /// From the state after a step to the state before it and the outputs.
    fn leave_body<B: Senses>(
        &mut self,
        world: &World<B>,
        wiring: &Wiring<'_, R>,
        trials: &Trials<'_, R>,
        step: usize,
    ) {
        let (n, c, w) = (B::N_STATES, B::N_CONTROLS, wiring.output_width);
        let effort = world.effort(trials);
        for trial in 0..self.n {
            let (row, whole) = (step * self.n + trial, self.first + trial);
            let after = row + self.n;
            let hand = four(&self.hands[4 * after..]);
            let (_, slopes) = world.costs.of_hand(trials, whole, step, hand, trials.cursor(whole));
            for (gradient, slope) in self.back.hands[4 * after..].iter_mut().zip(slopes) {
                *gradient += slope;
            }
            let told = world.body.pull_senses_back(
                &self.states[after * n..][..n],
                &self.back.hands[4 * after..][..4],
                &self.back.limbs[after * B::N_LIMBS..][..B::N_LIMBS],
            );
            for (gradient, slope) in self.back.states[after * n..].iter_mut().zip(told) {
                *gradient += slope;
            }
            let control = &self.controls[row * c..][..c];
            let slopes = pull_step_back(
                &world.body,
                &world.stepping,
                &self.states[row * n..][..n],
                control,
                trials.load(whole, step),
                trials.field(whole),
                &self.back.states[after * n..][..n],
            );
            for (gradient, slope) in self.back.states[row * n..][..n].iter_mut().zip(slopes) {
                *gradient += slope;
            }
            let slot = (step % CHUNK) * self.n + trial;
            let mut by_effort = [0.0; MAX_CONTROLS];
            if !effort.is_free() {
                let rows = self.n * c;
                let of = |from: usize| self.efforts.get(from..from + c).unwrap_or(&[]);
                let before = if step == 0 { &[][..] } else { of(row * c - rows) };
                effort.add_slopes(before, of(row * c), of(row * c + rows), &mut by_effort[..c]);
            }
            for k in 0..c {
                let at = row * c + k;
                let (by_control, by_effort) = (slopes[n + k], by_effort[k]);
                let error = match world.drive {
                    Drive::Linear(unit) => unit * by_control + by_effort,
                    Drive::Sigmoid => {
                        let u = self.controls[at];
                        (by_control + by_effort) * u * (1.0 - u)
                    }
                };
                self.back.outputs[slot * w + k] = R::from_f64(error);
            }
        }
    }

    /// From the outputs of a step to its drive and the activity before it.
    fn leave_network<B: Senses>(
        &mut self,
        world: &World<B>,
        wiring: &Wiring<'_, R>,
        trials: &Trials<'_, R>,
        step: usize,
        slot: usize,
    ) {
        let (n, width, w, stride) = (self.n, wiring.width, wiring.output_width, wiring.drive_width());
        let (rows, back) = (n * width, &mut self.back);
        let n_memories = wiring.n_memories() * rows;
        let into = match wiring.dynamics.readout() {
            Readout::Activity => &mut back.activity[..],
            Readout::Memory(index) => &mut back.memory[index * rows..][..rows],
        };
        let source = Source {
            rows: &back.outputs[slot * n * w..][..n * w],
            stride: w,
            matrix: &wiring.output_backward,
        };
        combine(into, width, n, width, Begin::Out, &[source]);
        let cost = world.activity(wiring, trials);
        if !cost.is_free() {
            let of = |step: usize| self.activity.get((1 + step) * rows..(2 + step) * rows).unwrap_or(&[]);
            let before = if step == 0 { &[][..] } else { of(step - 1) };
            cost.add_slopes(before, of(step), of(step + 1), &mut back.activity);
        }
        let delta = &mut back.drive[slot * n * stride..][..n * stride];
        let kept =
            if self.drive.is_empty() { &[][..] } else { &self.drive[step * n * stride..][..n * stride] };
        wiring.dynamics.pull_back(PullBack {
            width,
            drive: kept,
            activity_before: &self.activity[step * rows..][..rows],
            memory_before: &self.memory[step * n_memories..][..n_memories],
            activity: &self.activity[(1 + step) * rows..][..rows],
            memory: &self.memory[(1 + step) * n_memories..][..n_memories],
            lambda: &mut back.activity,
            lambda_memory: &mut back.memory,
            delta,
            leak: &mut [],
            silent: &[],
        });
        for weights in &wiring.segments {
            if let Some(recurrent) = weights.recurrent.first() {
                let rows = &delta[weights.segment.slot * width..];
                let source = Source { rows, stride, matrix: &recurrent.backward };
                combine(&mut back.activity, width, n, width, Begin::Out, &[source]);
            }
        }
    }

    /// From the drive of a step to what was sensed.
    fn leave_senses<B: Senses>(
        &mut self,
        world: &World<B>,
        wiring: &Wiring<'_, R>,
        senses: &SenseWeights<R>,
        trials: &Trials<'_, R>,
        step: usize,
        slot: usize,
    ) {
        let [n_vision, n_limbs] = world.widths();
        if n_vision + n_limbs == 0 {
            return;
        }
        let (n, width, stride) = (self.n, wiring.input_width, wiring.drive_width());
        let mut begin = Begin::Zero;
        for (weights, packed) in wiring.segments.iter().zip(&senses.0) {
            let Some(matrix) = packed else { continue };
            let rows = &self.back.drive[slot * n * stride + weights.segment.slot * wiring.width..];
            combine(&mut self.back.inputs, width, n, width, begin, &[Source { rows, stride, matrix }]);
            begin = Begin::Out;
        }
        let first = wiring.network.structure().n_inputs - n_vision - n_limbs;
        for trial in 0..n {
            let row = &self.back.inputs[trial * width + first..];
            if let Some(channel) = &world.vision {
                let mut d = [0.0; 4];
                for ((d, gain), value) in d.iter_mut().zip(&channel.gain).zip(row) {
                    *d = gain * value.to_f64();
                }
                let at = step.saturating_sub(channel.delay) * n + trial;
                let d_hand = trials.cursor(self.first + trial).pull_back(d);
                for (gradient, slope) in self.back.hands[4 * at..].iter_mut().zip(d_hand) {
                    *gradient += slope;
                }
            }
            if let Some(channel) = &world.proprioception {
                let at = step.saturating_sub(channel.delay) * n + trial;
                let gradients = &mut self.back.limbs[at * B::N_LIMBS..][..B::N_LIMBS];
                for ((gradient, gain), value) in gradients.iter_mut().zip(&channel.gain).zip(&row[n_vision..])
                {
                    *gradient += gain * value.to_f64();
                }
            }
        }
    }

    /// The outer products of steps `start .. end`.
    fn add_products(&mut self, wiring: &Wiring<'_, R>, start: usize, end: usize) {
        let (n, width, stride) = (self.n, wiring.width, wiring.drive_width());
        let structure = wiring.network.structure();
        let (n_units, rows) = (structure.n_units, (end - start) * n);
        let (back, sums) = (&self.back, &mut self.sums);
        for weights in &wiring.segments {
            let segment = weights.segment;
            for k in 0..segment.n_slots {
                let values = &back.drive[(segment.slot + k) * width..];
                let delta = Rows { values, stride, width: n_units };
                if let (Some(first), Some(sum)) = (segment.recurrent, sums.recurrent.first_mut()) {
                    let right = Rows { values: &self.activity[start * n * width..], stride: width, width };
                    add_outer(&mut sum[(first + k) * n_units * width..], rows, delta, right);
                }
                if let Some(first) = segment.input {
                    let w = wiring.input_width;
                    let right = Rows { values: &self.inputs[start * n * w..], stride: w, width: w };
                    add_outer(&mut sums.input[(first + k) * n_units * w..], rows, delta, right);
                }
            }
        }
        add_rows(&mut sums.bias, &back.drive[..rows * stride]);
        let w = wiring.output_width;
        add_rows(&mut sums.output_bias, &back.outputs[..rows * w]);
        let left =
            |from: usize| Rows { values: &back.outputs[from * w..], stride: w, width: structure.n_outputs };
        match wiring.dynamics.readout() {
            Readout::Activity => {
                let right = Rows { values: &self.activity[(1 + start) * n * width..], stride: width, width };
                add_outer(&mut sums.output, rows, left(0), right);
            }
            Readout::Memory(index) => {
                for step in start..end {
                    let at = ((1 + step) * wiring.n_memories() + index) * n * width;
                    let right = Rows { values: &self.memory[at..], stride: width, width };
                    add_outer(&mut sums.output, n, left((step - start) * n), right);
                }
            }
        }
    }

    /// The gradient of the initial state.
    fn add_start(&mut self, wiring: &Wiring<'_, R>) {
        let (rows, back, sums) = (self.n * wiring.width, &mut self.back, &mut self.sums);
        wiring.dynamics.pull_back_initial(&self.activity[..rows], &mut back.activity, &mut back.memory);
        match wiring.dynamics.memories().first() {
            Some(&"cell") => {
                add_rows(&mut sums.state, &back.activity);
                add_rows(&mut sums.cell, &back.memory);
            }
            Some(_) => add_rows(&mut sums.state, &back.memory[..rows]),
            None => add_rows(&mut sums.state, &back.activity),
        }
    }
}

fn add_rows<R: Real>(sum: &mut [R], rows: &[R]) {
    for row in rows.chunks_exact(sum.len().max(1)) {
        for (sum, &value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
}
