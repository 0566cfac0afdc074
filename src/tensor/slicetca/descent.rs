//! Block descent on the small terrain, with extrapolation where it zigzags.
//!
//! A sweep that moved span Q' to Q suggests the next: the span of Q + β (1 − P') Q, the part of Q outside the old span
//! being the step. If the sweep from there ends above the last loss it is thrown away, repeated without extrapolation
//! (block descent never rises), and β falls; else β grows.

use ndarray::Array2;

use super::terrain::{Bases, Small};
use crate::error::Result;
use crate::linalg::{complete, orthonormal_basis};

/// β of the first extrapolation, its growth and its fall, and where it ends.
const FIRST: f64 = 1.0;
const GROWTH: f64 = 1.5;
const FALL: f64 = 0.3;
const LARGEST: f64 = 60.0;
/// Sweeps in a row that gain nothing before a descent has ended.
const PATIENCE: usize = 2;

/// Where a descent on the small terrain ended.
#[derive(Debug, Clone)]
pub struct End {
    /// q_i: m_i × R_i.
    pub bases: Bases,
    /// Σ residual² after each sweep that counted.
    pub history: Vec<f64>,
}

impl End {
    /// Σ residual² at the end.
    pub fn loss(&self) -> f64 {
        self.history.last().copied().unwrap_or(f64::INFINITY)
    }
}

/// Descends from `bases` until a sweep gains less than `tol` of the loss; `stop` is asked after each sweep.
pub fn descend(
    terrain: &Small,
    mut bases: Bases,
    ranks: [usize; 3],
    tol: f64,
    max_iter: usize,
    stop: &dyn Fn() -> bool,
) -> Result<End> {
    let mut history: Vec<f64> = Vec::new();
    let mut before: Option<Bases> = None;
    let (mut beta, mut still) = (FIRST, 0);
    for _ in 0..max_iter {
        let last = history.last().copied().unwrap_or(f64::INFINITY);
        let mut next = match &before {
            Some(before) => extrapolated(&bases, before, beta),
            None => bases.clone(),
        };
        let mut loss = sweep(terrain, &mut next, ranks)?;
        if before.is_some() {
            if loss <= last {
                beta = (beta * GROWTH).min(LARGEST);
            } else {
                beta *= FALL;
                next.clone_from(&bases);
                loss = sweep(terrain, &mut next, ranks)?;
            }
        }
        before = Some(std::mem::replace(&mut bases, next));
        // A plain sweep rises by no more than rounding.
        let loss = loss.min(last);
        history.push(loss);
        still = if last - loss <= tol * loss.abs() { still + 1 } else { 0 };
        if still >= PATIENCE || stop() {
            break;
        }
    }
    Ok(End { bases, history })
}

/// Sets every active block to its minimum in turn; Σ residual² afterwards.
fn sweep(terrain: &Small, bases: &mut Bases, ranks: [usize; 3]) -> Result<f64> {
    let mut loss = f64::INFINITY;
    for axis in (0..3).filter(|&axis| ranks[axis] > 0) {
        let (best, there) = terrain.best(bases, axis, ranks[axis])?;
        bases[axis] = best.vectors;
        loss = there;
    }
    Ok(loss)
}

fn extrapolated(now: &Bases, before: &Bases, beta: f64) -> Bases {
    std::array::from_fn(|i| {
        let (q, old) = (&now[i], &before[i]);
        if q.ncols() == 0 {
            return Array2::zeros(q.dim());
        }
        let step = q - &old.dot(&old.t().dot(q));
        complete(orthonormal_basis((q + &(step * beta)).view()), q.ncols())
    })
}
