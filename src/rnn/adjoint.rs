//! Back-propagation through time: the exact adjoint of the simulation.
//!
//! ```text
//! e_t = ∂L/∂y_t + Σ W_fbᵀ δ_{t+1+f}                       errors of outputs, those fed back included
//! λ_t = Σ_d W_dᵀ δ_{t+1+d} + W_outᵀ e_t + ∂A/∂r_t + (what the cell passes on)
//! (δ_t, λ_{t−1}, μ_{t−1}) = cell.pull_back(λ_t, μ_t)
//! ∂L/∂W_d = Σ_t δ_t r_{t−1−d}ᵀ,   ∂L/∂W_in = Σ_t δ_t x_{t−e}ᵀ,   ∂L/∂W_fb = Σ_t δ_t y_{t−1−f}ᵀ,   ∂L/∂W_out = Σ_t e_t q_tᵀ
//! ```
//!
//! | symbol | name | |
//! | --- | --- | --- |
//! | δ | `delta` | gradient of the drive |
//! | λ, μ | [`Carry`] | gradients of activity and memories |
//! | A | [`ActivityCost`] | regularisers of activity |
//!
//! δ is kept for a chunk of steps only; then the chunk's outer products are added to the sums, some hundred rows at a
//! time, while they are in the cache. With low-rank weights W r = U Vᵀ r the same goes through Uᵀδ.

use std::ops::Range;

use super::cells::{PullBack, Readout};
use super::perturbation::{Pathway, Perturbation};
use super::sums::Sums;
use super::tape::Tape;
use super::wiring::Wiring;
use crate::linalg::{Begin, Source, combine};
use crate::real::Real;

/// Rows of samples and steps whose outer products are summed at once.
const CHUNK_ROWS: usize = 256;

/// What is passed from a step to the one before it.
#[derive(Debug, Clone, Default)]
pub struct Carry<R> {
    /// Gradient of the activity: samples × width.
    pub activity: Vec<R>,
    /// Gradient of the memories: memories × samples × width.
    pub memory: Vec<R>,
}

impl<R: Real> Carry<R> {
    /// No gradient from later steps.
    pub fn clear(&mut self, wiring: &Wiring<'_, R>, n_samples: usize) {
        self.activity.clear();
        self.activity.resize(n_samples * wiring.width, R::ZERO);
        self.memory.clear();
        self.memory.resize(wiring.n_memories() * n_samples * wiring.width, R::ZERO);
    }
}

/// Costs of activity, already divided by what they are means over.
#[derive(Debug, Clone, Default)]
pub struct ActivityCost<R> {
    /// c in c Σ r².
    pub squared: f64,
    /// c in c Σ |r|.
    pub absolute: f64,
    /// A gradient that every step adds to each unit (of costs of mean rates); may be empty.
    pub per_unit: Vec<R>,
}

impl<R: Real> ActivityCost<R> {
    fn is_free(&self) -> bool {
        self.squared == 0.0 && self.absolute == 0.0 && self.per_unit.is_empty()
    }
}

/// What the way back is told, apart from weights and tape.
pub struct Errors<'a, R> {
    /// ∂L/∂y: steps × samples × padded outputs, from the tape's first step on.
    pub output: &'a [R],
    /// Regularisers of activity.
    pub activity: &'a ActivityCost<R>,
    /// What was done to the network.
    pub perturbation: &'a Perturbation<R>,
}

/// Buffers of the way back, to be used again.
#[derive(Debug, Clone, Default)]
pub struct Adjoint<R> {
    pub(super) delta: Vec<R>,
    pub(super) projected: Vec<R>,
    pub(super) error: Vec<R>,
}

/// Goes back through `steps` of a tape. `carry` is the gradient of the state after the last of them, and becomes that of
/// the state before the first; errors of drives after `steps` do not reach into them.
pub fn adjoint<R: Real>(
    wiring: &Wiring<'_, R>,
    tape: &Tape<R>,
    errors: &Errors<'_, R>,
    steps: Range<usize>,
    buffers: &mut Adjoint<R>,
    carry: &mut Carry<R>,
    sums: &mut Sums<R>,
) {
    let n = tape.n_samples;
    let history = wiring.network.structure().n_lags().max(tape.output_lag);
    let chunk = (CHUNK_ROWS / n.max(1)).max(history).max(4);
    let (rows, projected_rows) = (n * wiring.drive_width(), n * wiring.rank_width);
    buffers.delta.resize((chunk + history) * rows, R::ZERO);
    buffers.projected.resize((chunk + history) * projected_rows, R::ZERO);
    buffers.error.resize(chunk * n * wiring.output_width, R::ZERO);
    let mut end = steps.end;
    while end > steps.start && !tape.stop.is_asked() {
        let start = steps.start.max(end.saturating_sub(chunk));
        if end < steps.end {
            // Errors of the first steps of the chunk before are the later steps of this one.
            buffers.delta.copy_within(0..history * rows, (end - start) * rows);
            buffers.projected.copy_within(0..history * projected_rows, (end - start) * projected_rows);
        }
        let mut back = Back { wiring, tape, errors, start, last: steps.end, buffers: &mut *buffers };
        for step in (start..end).rev() {
            back.step(step, carry, &mut sums.leak);
        }
        back.add_products(end, sums);
        if start == steps.start {
            back.reach_state(carry);
        }
        end = start;
    }
}

/// One chunk of the way back; step t stands at t − start in the buffers.
pub(super) struct Back<'a, R: Real> {
    pub wiring: &'a Wiring<'a, R>,
    pub tape: &'a Tape<R>,
    pub errors: &'a Errors<'a, R>,
    pub start: usize,
    pub last: usize,
    pub buffers: &'a mut Adjoint<R>,
}

impl<R: Real> Back<'_, R> {
    fn step(&mut self, step: usize, carry: &mut Carry<R>, leak: &mut [R]) {
        let (wiring, tape, n) = (self.wiring, self.tape, self.tape.n_samples);
        let (width, n_memories, rows) =
            (wiring.width, wiring.n_memories(), self.tape.n_samples * wiring.width);
        self.output_error(step);
        self.add_recurrent(step + 1, 0, &mut carry.activity);
        let into = match wiring.dynamics.readout() {
            Readout::Activity => &mut carry.activity[..],
            Readout::Memory(index) => &mut carry.memory[index * rows..(index + 1) * rows],
        };
        let stride = wiring.output_width;
        let error = &self.buffers.error[(step - self.start) * n * stride..][..n * stride];
        let source = Source { rows: error, stride, matrix: &wiring.output_backward };
        combine(into, width, n, width, Begin::Out, &[source]);
        let activity = tape.activity_at(step, width);
        self.regularise(activity, &mut carry.activity);
        self.silence(step, &mut carry.activity);
        let stride = wiring.drive_width();
        let delta = &mut self.buffers.delta[(step - self.start) * n * stride..][..n * stride];
        wiring.dynamics.pull_back(PullBack {
            width,
            drive: tape.drive_at(step, stride),
            activity_before: tape.activity_before(step, width),
            memory_before: tape.memory_before(step, width, n_memories),
            activity,
            memory: tape.memory_at(step, width, n_memories),
            lambda: &mut carry.activity,
            lambda_memory: &mut carry.memory,
            delta,
            leak,
            silent: self.errors.perturbation.silent_at(tape.first + step, wiring.network.structure().n_units),
        });
        self.project(step);
    }

    /// e_t: the loss's own, and through outputs that are fed back.
    fn output_error(&mut self, step: usize) {
        let (wiring, n) = (self.wiring, self.tape.n_samples);
        let (stride, width) = (wiring.drive_width(), wiring.output_width);
        let place = (step - self.start) * n * width;
        let error = &mut self.buffers.error[place..][..n * width];
        error.copy_from_slice(&self.errors.output[step * n * width..][..n * width]);
        let later = step + self.tape.output_lag;
        if self.tape.output_lag == 0
            || later >= self.last
            || self.errors.perturbation.cuts(Pathway::Feedback, self.tape.first + later)
        {
            return;
        }
        for weights in &wiring.segments {
            if let Some(matrix) = &weights.feedback_backward {
                let from = (later - self.start) * n * stride + weights.segment.slot * wiring.width;
                let source = Source { rows: &self.buffers.delta[from..], stride, matrix };
                combine(error, width, n, width, Begin::Out, &[source]);
            }
        }
    }

    /// Adds Σ_d W_dᵀ δ of step `next + d − lag`, over the delays of at least `lag`: what activity sends on that is `lag` steps
    /// older than the one before step `next`.
    fn add_recurrent(&self, next: usize, lag: usize, lambda: &mut [R]) {
        let (wiring, n, width) = (self.wiring, self.tape.n_samples, self.wiring.width);
        for weights in &wiring.segments {
            for recurrent in weights.recurrent.iter().filter(|r| r.delay >= lag) {
                let later = next + recurrent.delay - lag;
                if later >= self.last
                    || self.errors.perturbation.cuts(Pathway::Recurrent, self.tape.first + later)
                {
                    continue;
                }
                let (values, stride, offset, matrix) = if let Some(factor) = &wiring.factor {
                    (&self.buffers.projected, wiring.rank_width, 0, &factor.backward)
                } else {
                    let offset = weights.segment.slot * width;
                    (&self.buffers.delta, wiring.drive_width(), offset, &recurrent.backward)
                };
                let from = (later - self.start) * n * stride + offset;
                let source = Source { rows: &values[from..], stride, matrix };
                combine(lambda, width, n, width, Begin::Out, &[source]);
                if wiring.factor.is_some() {
                    // One product holds what all segments send back.
                    return;
                }
            }
        }
    }

    /// Uᵀ δ of low-rank weights.
    fn project(&mut self, step: usize) {
        let (wiring, n) = (self.wiring, self.tape.n_samples);
        if wiring.factor.is_none() {
            return;
        }
        let (stride, rank_width) = (wiring.drive_width(), wiring.rank_width);
        let place = (step - self.start) * n;
        let out = &mut self.buffers.projected[place * rank_width..][..n * rank_width];
        let mut begin = Begin::Zero;
        for weights in &wiring.segments {
            for recurrent in &weights.recurrent {
                let from = place * stride + weights.segment.slot * wiring.width;
                let source =
                    Source { rows: &self.buffers.delta[from..], stride, matrix: &recurrent.backward };
                combine(out, rank_width, n, rank_width, begin, &[source]);
                begin = Begin::Out;
            }
        }
    }

    fn regularise(&self, activity: &[R], lambda: &mut [R]) {
        let cost = self.errors.activity;
        if cost.is_free() {
            return;
        }
        let width = self.wiring.width;
        let (squared, absolute) = (R::from_f64(2.0 * cost.squared), R::from_f64(cost.absolute));
        for (lambda, activity) in lambda.chunks_exact_mut(width).zip(activity.chunks_exact(width)) {
            for (lambda, &r) in lambda.iter_mut().zip(activity) {
                let sign = if r > R::ZERO {
                    absolute
                } else if r < R::ZERO {
                    -absolute
                } else {
                    R::ZERO
                };
                *lambda += squared * r + sign;
            }
            for (lambda, &more) in lambda.iter_mut().zip(&cost.per_unit) {
                *lambda += more;
            }
        }
    }

    fn silence(&self, step: usize, lambda: &mut [R]) {
        let n_units = self.wiring.network.structure().n_units;
        let silent = self.errors.perturbation.silent_at(self.tape.first + step, n_units);
        for row in lambda.chunks_exact_mut(self.wiring.width) {
            for (value, &silent) in row.iter_mut().zip(silent) {
                if silent {
                    *value = R::ZERO;
                }
            }
        }
    }

    /// The gradient of the state before the first step; of a run's start, with all that looks further back.
    fn reach_state(&self, carry: &mut Carry<R>) {
        let lags = if self.tape.first + self.start == 0 { self.tape.n_lags } else { 1 };
        for lag in 0..lags {
            self.add_recurrent(self.start, lag, &mut carry.activity);
        }
    }
}
