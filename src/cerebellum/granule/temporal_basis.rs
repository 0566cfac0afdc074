//! Filters in time: the activity of each cell through B functions, by a recursion over steps.
//!
//! ```text
//! exponential:  z_t = a z_{t−1} + (1 − a) g_t                                          kernel (1 − a) aⁿ
//! alpha:        z_t = a z_{t−1} + (1 − a) y_{t−1},   y_t = a y_{t−1} + (1 − a) g_t     kernel (1 − a)² n aⁿ⁻¹
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | g | `granule` | (n_granule) |
//! | z | `features`, and first in `state` | (B, n_granule) |
//! | y | last in `state`, for alpha functions | (B, n_granule) |
//! | a = exp(−dt/τ), 1 − a | `decays` | (B) |
//!
//! The kernels are e^{−t/τ} and t e^{−t/τ} at the times of the steps, scaled to a sum of one: activity that stays comes through as it
//! is. An alpha function peaks τ after its cause.

use crate::error::{Error, Result};
use crate::real::Real;

/// The shape of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// e^{−t/τ}.
    Exponential,
    /// t e^{−t/τ}.
    Alpha,
}

/// Kernels of one shape with time constants of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct TemporalBasis {
    shape: Shape,
    /// a and 1 − a of each function.
    decays: Vec<(f64, f64)>,
}

impl TemporalBasis {
    /// Time constants in steps.
    pub fn new(shape: Shape, taus: &[f64]) -> Result<Self> {
        if taus.is_empty() {
            return Err(Error::shape("taus", &[0], "at least one time constant"));
        }
        if let Some(odd) = taus.iter().find(|tau| !(tau.is_finite() && **tau > 0.0)) {
            return Err(Error::value("taus", odd, "finite numbers of steps above 0"));
        }
        let decays = taus.iter().map(|tau| ((-1.0 / tau).exp(), -(-1.0 / tau).exp_m1())).collect();
        Ok(Self { shape, decays })
    }

    /// Number of kernels, B.
    pub fn n_functions(&self) -> usize {
        self.decays.len()
    }

    /// Numbers of state for each cell.
    pub fn n_states(&self) -> usize {
        self.n_functions() * if self.shape == Shape::Alpha { 2 } else { 1 }
    }

    /// The state before the first step.
    pub fn rest<R: Real>(&self, n_granule: usize) -> Vec<R> {
        vec![R::ZERO; self.n_states() * n_granule]
    }

    /// One step: activity (n_granule) goes in, features (B, n_granule) come out.
    pub fn advance<R: Real>(&self, state: &mut [R], granule: &[R], features: &mut [R]) {
        let n = granule.len();
        let (slow, fast) = state.split_at_mut(self.n_functions() * n);
        let mut fast = fast.chunks_exact_mut(n);
        for (&(keep, take), slow) in self.decays.iter().zip(slow.chunks_exact_mut(n)) {
            let (keep, take) = (R::from_f64(keep), R::from_f64(take));
            match fast.next() {
                None => {
                    for (z, &g) in slow.iter_mut().zip(granule) {
                        *z = settled(keep * *z + take * g);
                    }
                }
                Some(fast) => {
                    for ((z, y), &g) in slow.iter_mut().zip(fast).zip(granule) {
                        *z = settled(keep * *z + take * *y);
                        *y = settled(keep * *y + take * g);
                    }
                }
            }
        }
        features.copy_from_slice(slow);
    }
}

/// What is left of activity long ago is zero in the end: processors are slow with numbers that are too small for their exponents.
#[inline(always)]
fn settled<R: Real>(value: R) -> R {
    let least = R::from_f64(R::SAFE_RANGE.start * R::SAFE_RANGE.start);
    if value.abs() < least { R::ZERO } else { value }
}
