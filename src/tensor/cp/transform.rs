//! New trials in the coordinates of a fitted model.
//!
//! With all modes but the first held, every row of the first is a small least-squares problem of its own:
//! a_i H_i = b_i as in `sweep`, with the weights absorbed into the held factors.

use ndarray::{Array2, ArrayViewD};

use super::super::dense::Prepared;
use super::super::mttkrp::Halves;
use super::kruskal::Kruskal;
use super::sweep::Problem;
use crate::error::{Error, Result};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Passes of the column descent that a non-negative row may take (each is exact in one coordinate).
const NONNEGATIVE_PASSES: usize = 200;

/// Rows of the first mode for `x`, in the units of the model's first factor: (n_new, R). A trial of which nothing was
/// observed gets zeros.
pub fn transform<T: Real>(
    x: ArrayViewD<'_, T>,
    mask: Option<ArrayViewD<'_, bool>>,
    model: &Kruskal,
    nonnegative: bool,
    threads: &Threads,
) -> Result<Array2<f64>> {
    let held: Vec<usize> = model.factors[1..].iter().map(Array2::nrows).collect();
    if x.ndim() != held.len() + 1 || x.shape()[1..] != held {
        return Err(Error::shape("X", x.shape(), format!("(any number of trials) × {held:?}, as fitted")));
    }
    let data = Prepared::new(x, mask, threads)?;
    let mut factors = model.factors.clone();
    factors[0] = Array2::zeros((data.dense().shape[0], model.weights.len()));
    // A power of two that makes the weights' squares safe.
    let largest = model.weights.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
    let scale = if largest > 0.0 { (-largest.log2().floor()).exp2() } else { 1.0 };
    factors[1] *= &(&model.weights * scale);
    let flags = vec![nonnegative; factors.len()];
    let problem = Problem {
        halves: Halves::new(data.dense()),
        incomplete: data.is_incomplete(),
        unit: 1.0,
        sum_of_squares: data.survey.sum_of_squares,
        nonnegative: &flags,
        threads,
    };
    let passes = if nonnegative { NONNEGATIVE_PASSES } else { 1 };
    Ok(problem.first_mode(&factors, passes)? * (data.scale * scale))
}
