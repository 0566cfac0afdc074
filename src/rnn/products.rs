//! Gradients of weights: the outer products of one chunk of the way back.
//!
//! ```text
//! ∂L/∂W_d += Σ_t δ_t r_{t−1−d}ᵀ   ∂L/∂W_in += Σ_t δ_t x_{t−e}ᵀ   ∂L/∂W_fb += Σ_t δ_t y_{t−1−f}ᵀ   ∂L/∂W_out += Σ_t e_t q_tᵀ
//! low rank:  ∂L/∂U += Σ_t δ_t (Vᵀ r_{t−1−d})ᵀ,   ∂L/∂V += Σ_t r_{t−1−d} (Uᵀ δ_t)ᵀ
//! ```
//! Rows of many steps and samples lie one after another, so each is one long product; a step at which a pathway is cut adds
//! nothing to its weights. Symbols as in `adjoint`.

use std::ops::Range;

use super::adjoint::Back;
use super::cells::Readout;
use super::perturbation::Pathway;
use super::sums::Sums;
use super::wiring::SegmentWeights;
use crate::linalg::{Rows, add_outer};
use crate::real::Real;

impl<R: Real> Back<'_, R> {
    /// The chunk's outer products.
    pub fn add_products(&self, end: usize, sums: &mut Sums<R>) {
        let (wiring, tape, n) = (self.wiring, self.tape, self.tape.n_samples);
        let n_units = wiring.network.structure().n_units;
        let (stride, width) = (wiring.drive_width(), wiring.width);
        let delta = |step: usize, slot: usize| Rows {
            values: &self.buffers.delta[(step - self.start) * n * stride + slot * width..],
            stride,
            width: n_units,
        };
        for weights in &wiring.segments {
            let segment = weights.segment;
            for k in 0..segment.n_slots {
                let slot = segment.slot + k;
                if let Some(first) = segment.recurrent {
                    self.open(Pathway::Recurrent, end, |steps| {
                        self.recurrent_products(weights, first + k, delta(steps.start, slot), steps, sums);
                    });
                }
                let Some(first) = segment.input else { continue };
                let gate = (first + k) * n_units;
                self.open(Pathway::Input, end, |steps| {
                    let w = wiring.input_width;
                    let right = Rows { values: &tape.input[steps.start * n * w..], stride: w, width: w };
                    add_outer(&mut sums.input[gate * w..], steps.len() * n, delta(steps.start, slot), right);
                });
                if !sums.feedback.is_empty() {
                    self.open(Pathway::Feedback, end, |steps| {
                        let w = wiring.output_width;
                        let right = Rows { values: &tape.output[steps.start * n * w..], stride: w, width: w };
                        let rows = steps.len() * n;
                        add_outer(&mut sums.feedback[gate * w..], rows, delta(steps.start, slot), right);
                    });
                }
            }
        }
        let rows = (end - self.start) * n;
        add_rows_of(&mut sums.bias, &self.buffers.delta[..rows * stride]);
        let w = wiring.output_width;
        add_rows_of(&mut sums.output_bias, &self.buffers.error[..rows * w]);
        self.output_products(rows, end, sums);
    }

    fn output_products(&self, rows: usize, end: usize, sums: &mut Sums<R>) {
        let (wiring, tape, n) = (self.wiring, self.tape, self.tape.n_samples);
        let (width, stride) = (wiring.width, wiring.output_width);
        let n_outputs = wiring.network.structure().n_outputs;
        let left = |step: usize| Rows {
            values: &self.buffers.error[(step - self.start) * n * stride..],
            stride,
            width: n_outputs,
        };
        match wiring.dynamics.readout() {
            Readout::Activity => {
                let values = &tape.activity[(tape.n_lags + self.start) * n * width..];
                add_outer(&mut sums.output, rows, left(self.start), Rows { values, stride: width, width });
            }
            Readout::Memory(index) => {
                for step in self.start..end {
                    let memory = tape.memory_at(step, width, wiring.n_memories());
                    let values = &memory[index * n * width..];
                    add_outer(&mut sums.output, n, left(step), Rows { values, stride: width, width });
                }
            }
        }
    }

    fn recurrent_products(
        &self,
        weights: &SegmentWeights<R>,
        gate: usize,
        delta: Rows<'_, R>,
        steps: Range<usize>,
        sums: &mut Sums<R>,
    ) {
        let (wiring, tape, n) = (self.wiring, self.tape, self.tape.n_samples);
        let n_units = wiring.network.structure().n_units;
        let (width, rows) = (wiring.width, steps.len() * n);
        for (index, recurrent) in weights.recurrent.iter().enumerate() {
            let past = (tape.n_lags + steps.start - 1 - recurrent.delay) * n * width;
            let activity = Rows { values: &tape.activity[past..], stride: width, width };
            if wiring.factor.is_none() {
                add_outer(&mut sums.recurrent[index][gate * n_units * width..], rows, delta, activity);
                continue;
            }
            let w = wiring.rank_width;
            let projected = Rows { values: &tape.projected[steps.start * n * w..], stride: w, width: w };
            add_outer(&mut sums.left[gate * n_units * w..], rows, delta, projected);
            if gate == 0 {
                let place = (steps.start - self.start) * n * w;
                let errors = Rows { values: &self.buffers.projected[place..], stride: w, width: w };
                add_outer(&mut sums.right, rows, Rows { width: n_units, ..activity }, errors);
            }
        }
    }

    /// Stretches of the chunk in which a pathway is not cut.
    fn open(&self, pathway: Pathway, end: usize, mut each: impl FnMut(Range<usize>)) {
        let cut = |step: usize| self.errors.perturbation.cuts(pathway, self.tape.first + step);
        if self.errors.perturbation.lesions.is_empty() {
            each(self.start..end);
            return;
        }
        let mut step = self.start;
        while step < end {
            let next = (step..end).find(|s| cut(*s) != cut(step)).unwrap_or(end);
            if !cut(step) {
                each(step..next);
            }
            step = next;
        }
    }
}

/// Adds all rows to one.
fn add_rows_of<R: Real>(sum: &mut [R], rows: &[R]) {
    for row in rows.chunks_exact(sum.len().max(1)) {
        for (sum, &value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
}
