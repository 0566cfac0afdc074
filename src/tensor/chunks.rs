//! Recordings that lie in chunks of trials somewhere else: on disk, or on other machines.
//!
//! A fit sees such a recording only through passes. In a pass every chunk updates what belongs to its own trials and
//! returns that, with sums over its trials for what all trials share; the sums are added in the order of the chunks, so
//! the result does not depend on where they were computed. Nothing else of a chunk is kept: a pass needs one chunk in
//! memory at a time, for each worker.

use std::borrow::Cow;

use ndarray::{Array2, ArrayD, ArrayViewD};

use super::dense::{Dense, Survey, in_order, scale_of};
use crate::error::{Error, Result};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// What a pass needs.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Which pass of a sweep this is; 0: only the residual.
    pub step: usize,
    /// What all trials share.
    pub shared: &'a [ArrayD<f64>],
    /// What belongs to the trials, one row each.
    pub rows: &'a Array2<f64>,
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
    /// The answers of all chunks, in their order. [`Error::Interrupted`] if the caller wants to stop.
    fn pass(&self, pass: Pass<'_>) -> Result<Vec<Part>>;
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

/// Rows of all chunks one after the other, their sums and losses added up.
pub fn joined(parts: Vec<Part>, n_trials: usize) -> Result<Part> {
    let found: usize = parts.iter().map(|part| part.rows.nrows()).sum();
    let width = parts.first().map_or(0, |part| part.rows.ncols());
    if found != n_trials || parts.iter().any(|part| part.rows.ncols() != width) {
        let expected = format!("rows for all {n_trials} trials");
        return Err(Error::shape("chunks", &[found, width], expected));
    }
    let mut rows = Vec::with_capacity(found * width);
    let mut sums: Vec<Array2<f64>> = Vec::new();
    let mut loss = 0.0;
    for part in parts {
        rows.extend(part.rows.iter());
        loss += part.loss;
        if sums.is_empty() {
            sums = part.sums;
        } else {
            sums.iter_mut().zip(&part.sums).for_each(|(sum, part)| *sum += part);
        }
    }
    let rows = Array2::from_shape_vec((found, width), rows).expect("whole rows");
    Ok(Part { rows, sums, loss })
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
