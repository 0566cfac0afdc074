//! Block descent on the small terrain, with extrapolation where it zigzags.
//!
//! A sweep that moved span Q' to Q suggests the next: the span of Q + β (1 − P') Q, the part of Q outside the old span
//! being the step.

use ndarray::Array2;

use super::super::extrapolation::{Blocks, Schedule};
use super::terrain::{Bases, Small};
use crate::error::Result;
use crate::linalg::{complete, orthonormal_basis};

/// Spans of given ranks on a small terrain.
pub struct Spans<'a> {
    /// The terrain.
    pub terrain: &'a Small,
    /// R_i.
    pub ranks: [usize; 3],
}

impl Blocks for Spans<'_> {
    type State = Bases;
    const SCHEDULE: Schedule = Schedule { first: 1.0, growth: 1.5, fall: 0.3, largest: 60.0 };

    /// Sets every active block to its minimum in turn; Σ residual² afterwards.
    fn sweep(&self, bases: &mut Bases) -> Result<f64> {
        let mut loss = f64::INFINITY;
        for axis in (0..3).filter(|&axis| self.ranks[axis] > 0) {
            let (best, there) = self.terrain.best(bases, axis, self.ranks[axis])?;
            bases[axis] = best.vectors;
            loss = there;
        }
        Ok(loss)
    }

    fn extrapolated(&self, now: &Bases, before: &Bases, beta: f64) -> Bases {
        std::array::from_fn(|i| {
            let (q, old) = (&now[i], &before[i]);
            if q.ncols() == 0 {
                return Array2::zeros(q.dim());
            }
            let step = q - &old.dot(&old.t().dot(q));
            complete(orthonormal_basis((q + &(step * beta)).view()), q.ncols())
        })
    }
}
