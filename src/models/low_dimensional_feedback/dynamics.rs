//! One step of a batch of states that share J.
//!
//! ```text
//! x ← x + (dt/τ) (b + β Σ_j d_j U_j + J r − x),   r ← tanh x
//! ```
//! with b = α V e_k, and β U t_k added to it in the first run, where it stays as it is while a target is held.

use super::network::{Parts, direction};
use super::{N_FEEDBACK, N_TARGETS, Setting};
use crate::error::Result;
use crate::linalg::{Begin, Packed, Source, combine};
use crate::numerics::activation::tanh;
use crate::numerics::lanes::padded;
use crate::numerics::room::room;
use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;

/// Partial sums of a dot product, whatever the registers.
const LANES: usize = 16;

/// The weights in the precision and the order of the steps.
pub struct Weights<T> {
    recurrent: Packed<T>,
    targets_in: Vec<T>,
    feedback_in: Vec<T>,
    rate: T,
    /// N, padded to whole registers; there is nothing but zeros in the padding, at all times.
    pub width: usize,
}

impl<T: Real> Weights<T> {
    /// Rounds what was drawn; α goes into V.
    pub fn new(setting: &Setting, parts: &Parts) -> Self {
        let n = setting.n_units;
        let width = padded::<T>(n);
        let mut recurrent = Packed::zeros(n, n);
        let single: Vec<T> = parts.recurrent.iter().map(|&w| T::from_f64(w)).collect();
        recurrent.set_transposed(0, 0, n, &single);
        Self {
            recurrent,
            targets_in: rows(&parts.targets_in, n, width, setting.target_gain),
            feedback_in: rows(&parts.feedback_in, n, width, 1.0),
            rate: T::from_f64(setting.rate),
            width,
        }
    }
}

/// Rows of N numbers, scaled, in rows of `width`.
pub fn rows<T: Real>(values: &[f64], n: usize, width: usize, scale: f64) -> Vec<T> {
    let mut out = vec![T::ZERO; values.len() / n * width];
    for (to, from) in out.chunks_exact_mut(width).zip(values.chunks_exact(n)) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = T::from_f64(scale * from);
        }
    }
    out
}

/// States of all ratios of a batch.
pub struct States<T> {
    potential: Vec<T>,
    /// r, (ratios, width).
    pub rates: Vec<T>,
    drive: Vec<T>,
    constant: Vec<T>,
    betas: Vec<T>,
}

impl<T: Real> States<T> {
    /// All ratios begin with the same state.
    pub fn new(weights: &Weights<T>, initial: &[f64], betas: &[f64]) -> Result<Self> {
        let one: Vec<T> = rows(initial, initial.len(), weights.width, 1.0);
        let potential = one.repeat(betas.len());
        let mut rates = potential.clone();
        tanh(&mut rates);
        let shape = [betas.len(), weights.width];
        Ok(Self {
            drive: room(&shape, T::ZERO)?,
            constant: room(&shape, T::ZERO)?,
            betas: betas.iter().map(|&beta| T::from_f64(beta)).collect(),
            potential,
            rates,
        })
    }

    /// A target appears; the teacher shows where it is, or nobody does.
    pub fn show(&mut self, weights: &Weights<T>, target: usize, taught: bool) {
        debug_assert!(target < N_TARGETS);
        let width = weights.width;
        let direction = direction(target).map(T::from_f64);
        for (row, &beta) in self.constant.chunks_exact_mut(width).zip(&self.betas) {
            row.copy_from_slice(&weights.targets_in[target * width..][..width]);
            if taught {
                feed_back(row, &weights.feedback_in, direction.map(|d| beta * d));
            }
        }
    }

    /// One step, with the numbers fed back beside what is shown: two for each ratio, or none.
    pub fn step(&mut self, weights: &Weights<T>, fed_back: &[[T; N_FEEDBACK]]) {
        let width = weights.width;
        self.drive.copy_from_slice(&self.constant);
        for ((row, &beta), back) in self.drive.chunks_exact_mut(width).zip(&self.betas).zip(fed_back) {
            feed_back(row, &weights.feedback_in, back.map(|d| beta * d));
        }
        let source = Source { rows: &self.rates, stride: width, matrix: &weights.recurrent };
        combine(&mut self.drive, width, self.betas.len(), width, Begin::Out, &[source]);
        approach(&mut self.potential, &self.drive, weights.rate);
        self.rates.copy_from_slice(&self.potential);
        tanh(&mut self.rates);
    }

    /// z = Wᵀ r of each ratio; `readouts` are (ratios, 2, width).
    pub fn read(&self, readouts: &[T], outputs: &mut [[T; N_FEEDBACK]]) {
        let width = readouts.len() / (outputs.len() * N_FEEDBACK);
        let each = self.rates.chunks_exact(width).zip(readouts.chunks_exact(N_FEEDBACK * width));
        for ((rates, readout), output) in each.zip(outputs) {
            dots(rates, readout, output);
        }
    }
}

vectorised! {
    /// row += Σ_j factors_j U_j.
    fn feed_back<T: Real>(row: &mut [T], feedback_in: &[T], factors: [T; N_FEEDBACK]) {
        for (weights, factor) in feedback_in.chunks_exact(row.len()).zip(factors) {
            for (value, &weight) in row.iter_mut().zip(weights) {
                *value = multiply_add::<T, FUSED>(weight, factor, *value);
            }
        }
    }
}

vectorised! {
    /// x += rate (drive − x).
    fn approach<T: Real>(potential: &mut [T], drive: &[T], rate: T) {
        for (x, &drive) in potential.iter_mut().zip(drive) {
            *x = multiply_add::<T, FUSED>(rate, drive - *x, *x);
        }
    }
}

vectorised! {
    /// The products of a row with each row of `readout`; rows are whole lanes long.
    fn dots<T: Real>(rates: &[T], readout: &[T], output: &mut [T; N_FEEDBACK]) {
        for (weights, output) in readout.chunks_exact(rates.len()).zip(output) {
            let mut sums = [T::ZERO; LANES];
            let (rates, rest) = rates.as_chunks::<LANES>();
            let (weights, last) = weights.as_chunks::<LANES>();
            for (r, w) in rates.iter().zip(weights) {
                for lane in 0..LANES {
                    sums[lane] = multiply_add::<T, FUSED>(r[lane], w[lane], sums[lane]);
                }
            }
            let tail: T = rest.iter().zip(last).map(|(&r, &w)| r * w).sum();
            *output = sums.into_iter().sum::<T>() + tail;
        }
    }
}
