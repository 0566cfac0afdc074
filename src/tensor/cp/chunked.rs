//! TCA of a recording in chunks of trials: the sweeps of `sweep`, pass by pass.
//!
//! | step | in a chunk | after the pass |
//! | --- | --- | --- |
//! | 1 | its rows of A_0 (exact, as they depend on nothing else), then its part of the equations of A_1 | A_1 |
//! | m > 1 | its part of the equations of A_m | A_m |
//! | 0 | its part of Σ (x − x̂)² | |
//!
//! So three modes take two passes a sweep, and end where sweeps in memory end.

use ndarray::{Array2, ArrayD, ArrayViewD, Ix2};

use super::super::chunks::{Chunk, Chunks, Part, Pass, Whole, closing_residual};
use super::super::extrapolation::{Blocks, Limits, Schedule, descend};
use super::super::mttkrp::Halves;
use super::descent::{SCHEDULE, balance, extrapolated};
use super::kruskal::Kruskal;
use super::search::NOISE;
use super::sweep::{Equations, Problem};
use super::{Fit, Options, Start};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// What a chunk answers to a pass; whether entries of the whole recording are missing, and its scale, come with it.
pub fn chunk<T: Real>(
    x: ArrayViewD<'_, T>,
    mask: Option<ArrayViewD<'_, bool>>,
    (incomplete, scale): (bool, f64),
    nonnegative: &[bool],
    pass: Pass<'_>,
    threads: &Threads,
) -> Result<Part> {
    let chunk = Chunk::new(x, mask, scale)?;
    let mut factors = vec![pass.rows];
    factors.extend(pass.shared.iter().map(matrix).collect::<Result<Vec<_>>>()?);
    let shape = chunk.dense().shape;
    let fits = factors.len() == shape.len() && factors.iter().zip(shape).all(|(a, &d)| a.nrows() == d);
    if !fits || pass.step >= shape.len() || nonnegative.len() != shape.len() {
        return Err(Error::shape("X", shape, "a chunk of the recording that is fitted"));
    }
    let halves = Halves::new(chunk.dense());
    if pass.step == 0 {
        let loss = halves.residual(&factors, threads);
        return Ok(Part { rows: factors.swap_remove(0), sums: Vec::new(), loss });
    }
    let problem = Problem { halves, incomplete, unit: 1.0, sum_of_squares: 0.0, nonnegative, threads };
    let equations = match pass.step {
        1 => problem.first_two(&mut factors)?,
        mode => problem.of_mode(&factors, mode),
    };
    Ok(Part { rows: factors.swap_remove(0), sums: equations.into_sums(), loss: 0.0 })
}

fn matrix(array: &ArrayD<f64>) -> Result<Array2<f64>> {
    let matrix = array.clone().into_dimensionality::<Ix2>();
    matrix.map_err(|_| Error::shape("shared", array.shape(), "a matrix"))
}

/// Fits a recording in chunks from given factors.
pub fn fit_chunks(
    chunks: &dyn Chunks,
    whole: Whole<'_>,
    n_observed: usize,
    options: Options,
    monitor: &mut dyn Monitor,
) -> Result<Fit> {
    options.check(whole.shape)?;
    let Start::Given(mut start) = options.start else {
        return Err(Error::value("init", "no factors", "factors to start from"));
    };
    if start.iter().any(|factor| factor.ncols() != options.n_components) {
        return Err(Error::value("init", "a model with fewer components", "one with all of them"));
    }
    start[0] /= whole.scale;
    let problem = Chunked { chunks, whole, nonnegative: &options.nonnegative };
    let unit = whole.scale * whole.scale / n_observed as f64;
    let noise = NOISE * whole.epsilon * whole.sum_of_squares;
    let limits = Limits { noise, ..Limits::new(options.max_iter, options.tol) };
    let total = options.max_iter;
    let mut found = descend(&problem, start, limits, &mut |done, loss| {
        monitor.report(Progress { done, total, loss: loss * unit }) == Flow::Continue
    })?;
    let residual = closing_residual(&mut found, |state| Ok(problem.pass(&mut state.clone(), 0)?.loss))?;
    let mut model = Kruskal::normalized(found.state);
    model.weights *= whole.scale;
    Ok(Fit {
        model,
        loss: residual * unit,
        score: if whole.sum_of_squares > 0.0 { 1.0 - residual / whole.sum_of_squares } else { 1.0 },
        loss_history: found.history.iter().map(|loss| loss * unit).collect(),
        start_losses: Vec::new(),
        outcome: found.outcome,
    })
}

struct Chunked<'a> {
    chunks: &'a dyn Chunks,
    whole: Whole<'a>,
    nonnegative: &'a [bool],
}

impl Chunked<'_> {
    fn pass(&self, factors: &mut [Array2<f64>], step: usize) -> Result<Part> {
        let shared: Vec<ArrayD<f64>> = factors[1..].iter().map(|factor| factor.clone().into_dyn()).collect();
        let rows = std::mem::take(&mut factors[0]);
        let mut part = self.chunks.pass(Pass { step, shared: &shared, rows })?;
        std::mem::swap(&mut factors[0], &mut part.rows);
        Ok(part)
    }
}

impl Blocks for Chunked<'_> {
    type State = Vec<Array2<f64>>;
    const SCHEDULE: Schedule = SCHEDULE;

    fn sweep(&self, factors: &mut Self::State) -> Result<f64> {
        let mut loss = f64::INFINITY;
        for mode in 1..factors.len() {
            let sums = self.pass(factors, mode)?.sums;
            let equations = Equations::from_sums(sums, factors, mode)?;
            factors[mode] = equations.improve(&factors[mode], self.nonnegative[mode])?;
            loss = (self.whole.sum_of_squares + equations.change(&factors[mode])).max(0.0);
        }
        balance(factors);
        Ok(loss)
    }

    fn extrapolated(&self, now: &Self::State, before: &Self::State, beta: f64) -> Self::State {
        extrapolated(now, before, self.nonnegative, beta)
    }
}
