//! Recordings that lie in chunks of trials somewhere else: on disk, or on other machines.
//!
//! A fit sees such a recording only through passes. In a pass every chunk updates what belongs to its own trials and
//! returns that, with sums over its trials for what all trials share; the sums are added in the order of the chunks, so
//! the result does not depend on where they were computed. Nothing else of a chunk is kept: a pass needs one chunk in
//! memory at a time, for each worker.

use std::borrow::Cow;

use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD};

use super::dense::{Dense, Survey, in_order, scale_of};
use super::extrapolation::Descent;
use crate::error::{Error, Result};
use crate::monitor::Outcome;
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// What a pass needs.
#[derive(Debug, Clone)]
pub struct Pass<'a> {
    /// Which pass of a sweep this is; 0: only the residual.
    pub step: usize,
    /// What all trials share.
    pub shared: &'a [ArrayD<f64>],
    /// What belongs to the trials, one row each. It is handed on, not copied: of a long recording it is large.
    pub rows: Array2<f64>,
}

/// What a chunk answers.
#[derive(Debug, Clone)]
pub struct Part {
    /// What belongs to its trials, updated.
    pub rows: Array2<f64>,
    /// Sums over its trials.
    pub sums: Vec<Array2<f64>>,
    /// Its part of Σ (x − x̂)², where the pass knows it.
    pub loss: f64,
}

/// A recording in chunks.
pub trait Chunks {
    /// The answers of all chunks together ([`Joined`]). [`Error::Interrupted`] if the caller wants to stop.
    fn pass(&self, pass: Pass<'_>) -> Result<Part>;
}

/// What is known of a recording in chunks before a fit.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// Its shape.
    pub shape: &'a [usize],
    /// Whether entries are missing.
    pub incomplete: bool,
    /// Σ x² over the observed entries, divided by `scale` squared.
    pub sum_of_squares: f64,
    /// The kernels see `x / scale`.
    pub scale: f64,
    /// Relative rounding of its entries.
    pub epsilon: f64,
}

/// Σ (x − x̂)² at the end of a descent, by a pass of its own; after an interruption, also during this one, that of the
/// last sweep.
pub fn closing_residual<S>(found: &mut Descent<S>, pass: impl FnOnce(&S) -> Result<f64>) -> Result<f64> {
    if found.outcome == Outcome::Interrupted {
        return Ok(found.loss());
    }
    match pass(&found.state) {
        Ok(loss) => Ok(loss),
        Err(Error::Interrupted) => {
            found.outcome = Outcome::Interrupted;
            Ok(found.loss())
        }
        Err(error) => Err(error),
    }
}

/// The answers of all chunks put together, one by one in their order: rows one after the other, sums and losses added.
pub struct Joined {
    rows: Vec<f64>,
    width: usize,
    n_trials: usize,
    sums: Vec<Array2<f64>>,
    loss: f64,
}

impl Joined {
    /// Nothing yet, of a pass over so many trials with so many numbers each.
    pub fn new(n_trials: usize, width: usize) -> Self {
        Self { rows: Vec::with_capacity(n_trials * width), width, n_trials, sums: Vec::new(), loss: 0.0 }
    }

    /// Adds the next chunk's answer.
    pub fn add(&mut self, rows: ArrayView2<'_, f64>, sums: &[ArrayView2<'_, f64>], loss: f64) -> Result<()> {
        if rows.ncols() != self.width {
            return Err(Error::shape("chunks", rows.shape(), format!("rows of {} numbers", self.width)));
        }
        self.rows.extend(rows.iter());
        self.loss += loss;
        if self.sums.is_empty() {
            self.sums = sums.iter().map(|sum| sum.as_standard_layout().into_owned()).collect();
        } else {
            self.sums.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
        }
        Ok(())
    }

    /// The whole answer.
    pub fn finish(self) -> Result<Part> {
        let Self { rows, width, n_trials, sums, loss } = self;
        let found = rows.len() / width.max(1);
        let misfit = |_| Error::shape("chunks", &[found, width], format!("rows for all {n_trials} trials"));
        Ok(Part { rows: Array2::from_shape_vec((n_trials, width), rows).map_err(misfit)?, sums, loss })
    }
}

/// A chunk ready for the kernels: C order, NaN where not observed, divided by the recording's scale.
pub struct Chunk<'a, T: Real> {
    data: Cow<'a, [T]>,
    shape: Vec<usize>,
}

impl<'a, T: Real> Chunk<'a, T> {
    /// Copies only where strides, a mask or the scale force it.
    pub fn new(x: ArrayViewD<'a, T>, mask: Option<ArrayViewD<'_, bool>>, scale: f64) -> Result<Self> {
        let shape = x.shape().to_vec();
        let mut data = in_order(x, mask)?;
        if scale != 1.0 {
            data.to_mut().iter_mut().for_each(|v| *v = T::from_f64(v.to_f64() / scale));
        }
        Ok(Self { data, shape })
    }

    /// The entries and their shape.
    pub fn dense(&self) -> Dense<'_, T> {
        Dense { data: &self.data, shape: &self.shape }
    }
}

/// What one look through a chunk tells, and the scale of its sum of squares: that of x / scale.
pub fn survey<T: Real>(
    x: ArrayViewD<'_, T>,
    mask: Option<ArrayViewD<'_, bool>>,
    threads: &Threads,
) -> Result<(Survey, f64)> {
    let plain = Chunk::new(x.view(), mask.clone(), 1.0)?;
    let mut survey = Survey::of_part(plain.dense(), threads)?;
    let largest = survey.largest;
    if largest == 0.0 || T::SAFE_RANGE.contains(&largest) {
        return Ok((survey, 1.0));
    }
    let scale = scale_of(largest);
    survey.sum_of_squares = Survey::of_part(Chunk::new(x, mask, scale)?.dense(), threads)?.sum_of_squares;
    Ok((survey, scale))
}
