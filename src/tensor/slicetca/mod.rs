//! SliceTCA (Pellegrino, Stein & Cayco-Gajic, Nature Neuroscience 2024), fitted by exact blocks instead of gradients.
//!
//! ```text
//! minimise  Σ_observed (x − x̂)²,   x̂ = Σ_i Σ_r u_ir ⊗ A_ir   (`model`)
//! ```
//!
//! 1. Gram matrices of the modes, once; their leading directions V_i make a small terrain (`terrain`).
//! 2. Restarts on the small terrain, until another would find nothing new (`search`, `descent`).
//! 3. From the best ends, one exact sweep on the recording itself. It also yields better directions: those of the
//!    residual's Gram matrices. The terrain within them is descended to its end, and so on, until a sweep on the
//!    recording gains nothing. Each such sweep is a block descent of the full problem, so the loss never rises and
//!    the end is a stationary point of the full problem, not of a compressed one.
//! 4. Few descents on the recording itself, which no choice of directions has shaped: on some recordings every start on
//!    the small terrain ends in the same second-best place. One is given up as soon as it nears the best spans so far.
//!
//! Entries that were not observed are filled with the model's own values between sweeps. Σ over all entries of
//! (filled − x̂)² lies above the loss over the observed ones and touches it at the current model (Kiers 1997), so every
//! step lowers the true loss, and the fixed points are its stationary points.

mod descent;
mod model;
mod search;
mod terrain;
mod transform;

use ndarray::{Array2, ArrayD, ArrayViewD, s};

pub use self::model::{Invariance, Selection, SliceModel};
pub use self::search::Starts;
pub use self::transform::{NewTrials, transform};

use self::descent::{End, descend};
use self::search::{SAME_END, Search};
use self::terrain::{Bases, Recording};
use super::dense::{Dense, Prepared};
use super::mttkrp::squared_distance;
use crate::error::{Error, Result};
use crate::linalg::{orthonormal_basis, product};
use crate::monitor::{Flow, Monitor, Outcome, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Directions kept beyond the rank of a type, at least.
const SPARE_DIRECTIONS: usize = 6;
/// Descents on the small terrain go this much further than the tolerance asks.
const SMALL_TOLERANCE: f64 = 0.1;
/// Ends this close to the best of the small terrain, as a share of the loss, may still win on the recording.
const CONTENDER: f64 = 0.01;
/// Contenders at the most.
const CONTENDERS: usize = 4;
/// Starts on the recording itself, beside the search on the small terrain; their sweeps at the most, the gain that no
/// longer counts, and how near the best spans (Σ sin² of the angles) they may come before they are given up.
const FREE_STARTS: usize = 2;
const FREE_SWEEPS: usize = 100;
const FREE_TOLERANCE: f64 = 1e-6;
const SAME_BASIN: f64 = 0.02;
/// Sweeps on the small terrain between two sweeps on the recording.
const SMALL_SWEEPS: usize = 500;

/// Where a fit starts.
#[derive(Debug, Clone)]
pub enum Start {
    /// The leading directions of each mode; restarts from random fibres.
    Svd,
    /// Random fibres only.
    Random,
    /// The spans of these loadings (R_i × d_i), for example of a fitted model; no restarts.
    Given([Array2<f64>; 3]),
}

/// How to fit.
#[derive(Debug, Clone)]
pub struct Options {
    /// R_i.
    pub ranks: [usize; 3],
    /// Where to start.
    pub start: Start,
    /// How often.
    pub starts: Starts,
    /// Which invariances to apply at the end.
    pub invariance: Invariance,
    /// Sweeps on the recording at the most.
    pub max_iter: usize,
    /// Gain of a sweep, as a share of the loss, that counts as none.
    pub tol: f64,
    /// Seed of the restarts.
    pub seed: u64,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Fit<T> {
    /// The model.
    pub model: SliceModel<T>,
    /// Mean squared error per observed entry, from the residual itself.
    pub loss: f64,
    /// 1 − Σ (x − x̂)² / Σ x² over the observed entries.
    pub score: f64,
    /// The loss after each sweep on the recording.
    pub loss_history: Vec<f64>,
    /// The end of every start, on the small terrain.
    pub start_losses: Vec<f64>,
    /// Why the fit ended.
    pub outcome: Outcome,
}

/// Spans found, and how.
struct Found {
    bases: Bases,
    history: Vec<f64>,
    start_losses: Vec<f64>,
    outcome: Outcome,
}

impl Found {
    fn loss(&self) -> f64 {
        self.history.last().copied().unwrap_or(f64::INFINITY)
    }
}

/// Fits a model. NaN, and entries where `mask` is false, are not observed.
pub fn fit<T: Real>(
    x: ArrayViewD<'_, T>,
    mask: Option<ArrayViewD<'_, bool>>,
    options: &Options,
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<Fit<T>> {
    options.check(x.shape())?;
    let data = Prepared::new(x, mask, threads)?;
    let unit = data.scale * data.scale / data.survey.n_observed as f64;
    let mut done = 0;
    let mut go_on = |loss: f64| {
        done += 1;
        monitor.report(Progress { done, total: options.max_iter.max(done), loss: loss * unit }) == Flow::Continue
    };
    let (mut model, found) = if data.is_incomplete() {
        fit_incomplete(&data, options, threads, &mut go_on)?
    } else {
        let found = search(data.dense(), data.survey.sum_of_squares, options, threads, &mut go_on)?;
        (SliceModel::from_bases(data.dense(), &found.bases, options.invariance, threads)?, found)
    };
    let residual = residual(&model, data.dense(), threads);
    model.scale(data.scale);
    Ok(Fit {
        model,
        loss: residual * unit,
        score: if data.survey.sum_of_squares > 0.0 { 1.0 - residual / data.survey.sum_of_squares } else { 1.0 },
        loss_history: found.history.iter().map(|loss| loss * unit).collect(),
        start_losses: found.start_losses.iter().map(|loss| loss * unit).collect(),
        outcome: found.outcome,
    })
}

/// Finds spans for a complete recording.
fn search<T: Real>(
    x: Dense<'_, T>,
    sum_of_squares: f64,
    options: &Options,
    threads: &Threads,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<Found> {
    let ranks = options.ranks;
    let recording = Recording::new(x, sum_of_squares, ranks, threads);
    let widths: [usize; 3] = std::array::from_fn(|i| width(ranks[i], x.shape[i]));
    if let Start::Given(loadings) = &options.start {
        let bases = std::array::from_fn(|i| span(&loadings[i], ranks[i], x.shape[i]));
        return polish(&recording, bases, widths, options, go_on);
    }
    let directions = recording.directions(widths)?;
    let small = recording.within(&directions);
    let search = Search {
        x,
        directions: &directions,
        ranks,
        starts: options.starts,
        leading_first: matches!(options.start, Start::Svd),
        tol: SMALL_TOLERANCE * options.tol,
        seed: options.seed,
    };
    let (ends, mut start_losses) = search.run(&small, threads, &mut |_, loss| go_on(loss))?;
    let limit = ends[0].loss() * (1.0 + CONTENDER);
    let mut best: Option<Found> = None;
    for end in ends.iter().filter(|end| end.loss() <= limit).take(CONTENDERS) {
        best = Some(better(best, polish(&recording, expanded(end, &directions), widths, options, go_on)?));
    }
    let mut best = best.expect("every search has an end");
    // A single start was asked for, or one type has a closed form: nothing to look for elsewhere.
    let single = options.starts == Starts::Fixed(1) || ranks.iter().filter(|&&rank| rank > 0).count() == 1;
    for item in 0..if single { 0 } else { FREE_STARTS } {
        if best.outcome == Outcome::Interrupted {
            break;
        }
        let start = if item == 0 && matches!(options.start, Start::Svd) {
            std::array::from_fn(|i| directions[i].slice(s![.., ..ranks[i]]).to_owned())
        } else {
            search::random_spans(x.shape, ranks, options.seed, item)
        };
        if let Some((bases, loss)) = free_descent(&recording, start, &best, ranks, go_on)? {
            start_losses.push(loss);
            if loss < best.loss() * (1.0 - SAME_END) {
                best = better(Some(best), polish(&recording, bases, widths, options, go_on)?);
            }
        }
    }
    best.start_losses = start_losses;
    Ok(best)
}

fn better(best: Option<Found>, other: Found) -> Found {
    match best {
        Some(best) if best.loss() <= other.loss() => best,
        _ => other,
    }
}

/// Plain sweeps on the recording until they gain no more, or until it is clear that they end where `best` ended.
fn free_descent<T: Real>(
    recording: &Recording<'_, T>,
    mut bases: Bases,
    best: &Found,
    ranks: [usize; 3],
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<Option<(Bases, f64)>> {
    let mut last = f64::INFINITY;
    for _ in 0..FREE_SWEEPS {
        let mut loss = f64::INFINITY;
        for axis in (0..3).filter(|&axis| ranks[axis] > 0) {
            let (block, there) = recording.block(&bases, axis, ranks[axis], ranks[axis])?;
            bases[axis] = block.vectors;
            loss = there;
        }
        let apart: f64 = (0..3).map(|i| ranks[i] as f64 - squares(&best.bases[i].t().dot(&bases[i]))).sum();
        if !go_on(loss) || apart < SAME_BASIN {
            return Ok(None);
        }
        if last - loss <= FREE_TOLERANCE * loss {
            break;
        }
        last = loss;
    }
    Ok(Some((bases, last)))
}

fn squares(a: &Array2<f64>) -> f64 {
    a.iter().map(|v| v * v).sum()
}

/// Exact sweeps on the recording, each followed by a descent on the terrain within the directions it found.
fn polish<T: Real>(
    recording: &Recording<'_, T>,
    mut bases: Bases,
    widths: [usize; 3],
    options: &Options,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<Found> {
    let noise = 0.25 * T::EPSILON * recording.sum_of_squares;
    let mut history: Vec<f64> = Vec::new();
    let mut outcome = Outcome::IterationsExhausted;
    let n_types = options.ranks.iter().filter(|&&rank| rank > 0).count();
    for _ in 0..options.max_iter {
        let mut directions = Bases::default();
        let mut loss = f64::INFINITY;
        for axis in (0..3).filter(|&axis| options.ranks[axis] > 0) {
            let rank = options.ranks[axis];
            let (block, there) = recording.block(&bases, axis, rank, widths[axis])?;
            bases[axis] = block.vectors.slice(s![.., ..rank]).to_owned();
            directions[axis] = block.vectors;
            loss = there;
        }
        let last = history.last().copied().unwrap_or(f64::INFINITY);
        history.push(loss.max(0.0).min(last));
        if !go_on(loss) {
            outcome = Outcome::Interrupted;
            break;
        }
        if n_types == 1 || last - loss <= (options.tol * loss).max(noise) {
            outcome = Outcome::Converged;
            break;
        }
        let small = recording.within(&directions);
        let inside = std::array::from_fn(|i| Array2::eye(directions[i].ncols()).slice(s![.., ..options.ranks[i]]).to_owned());
        let end = descend(&small, inside, options.ranks, SMALL_TOLERANCE * options.tol, SMALL_SWEEPS, &|| false)?;
        bases = expanded(&end, &directions);
    }
    Ok(Found { bases, history, start_losses: Vec::new(), outcome })
}

/// Fills, sweeps, and fills again.
fn fit_incomplete<T: Real>(
    data: &Prepared<'_, T>,
    options: &Options,
    threads: &Threads,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<(SliceModel<T>, Found)> {
    let x = data.dense();
    let noise = 0.25 * T::EPSILON * data.survey.sum_of_squares;
    let mut filled: Vec<T> = x.data.iter().map(|v| if v.is_nan() { T::ZERO } else { *v }).collect();
    let first = Dense { data: &filled, shape: x.shape };
    let mut found = search(first, data.survey.sum_of_squares, options, threads, go_on)?;
    let start_losses = std::mem::take(&mut found.start_losses);
    let mut history: Vec<f64> = Vec::new();
    let mut outcome = Outcome::IterationsExhausted;
    let mut model = SliceModel::from_bases(first, &found.bases, Invariance::None, threads)?;
    let mut bases = found.bases;
    for _ in 0..options.max_iter {
        let estimate = model.reconstruct(&Selection::all(&model), threads);
        let estimate = estimate.as_slice().expect("C order");
        let loss = squared_distance(x.data, estimate);
        let last = history.last().copied().unwrap_or(f64::INFINITY);
        history.push(loss);
        if !go_on(loss) {
            outcome = Outcome::Interrupted;
            break;
        }
        if last - loss <= (options.tol * loss).max(noise) {
            outcome = Outcome::Converged;
            break;
        }
        let mut sum_of_squares = 0.0;
        for ((f, &x), &e) in filled.iter_mut().zip(x.data).zip(estimate) {
            *f = if x.is_nan() { e } else { x };
            sum_of_squares += f.to_f64() * f.to_f64();
        }
        let whole = Dense { data: &filled, shape: x.shape };
        let recording = Recording::new(whole, sum_of_squares, options.ranks, threads);
        for axis in (0..3).filter(|&axis| options.ranks[axis] > 0) {
            let rank = options.ranks[axis];
            bases[axis] = recording.block(&bases, axis, rank, rank)?.0.vectors;
        }
        model = SliceModel::from_bases(whole, &bases, Invariance::None, threads)?;
    }
    // The invariances rearrange the model, not the data: they are taken from the model's own tensor.
    if options.invariance != Invariance::None {
        let whole = model.reconstruct(&Selection::all(&model), threads);
        model = SliceModel::from_bases(Dense::of(&whole), &bases, options.invariance, threads)?;
    }
    Ok((model, Found { bases, history, start_losses, outcome }))
}

/// Σ (x − x̂)² over the observed entries.
fn residual<T: Real>(model: &SliceModel<T>, x: Dense<'_, T>, threads: &Threads) -> f64 {
    let estimate: ArrayD<T> = model.reconstruct(&Selection::all(model), threads);
    let estimate = estimate.as_slice().expect("C order");
    let size = x.shape[1] * x.shape[2];
    let sums = threads.map(x.shape[0], |k| {
        let plane = k * size..(k + 1) * size;
        squared_distance(&x.data[plane.clone()], &estimate[plane])
    });
    sums.into_iter().sum()
}

/// Directions for a type of this rank along an axis of this length.
fn width(rank: usize, length: usize) -> usize {
    if rank == 0 { 0 } else { (rank + rank.max(SPARE_DIRECTIONS)).min(length) }
}

fn expanded(end: &End, directions: &Bases) -> Bases {
    std::array::from_fn(|i| product(directions[i].view(), end.bases[i].view()))
}

fn span(loadings: &Array2<f64>, rank: usize, length: usize) -> Array2<f64> {
    if rank == 0 {
        return Array2::zeros((length, 0));
    }
    crate::linalg::complete(orthonormal_basis(loadings.t()), rank)
}

impl Options {
    fn check(&self, shape: &[usize]) -> Result<()> {
        if shape.len() != 3 {
            return Err(Error::shape("X", shape, "three axes (trials, neurons, time)"));
        }
        if self.ranks == [0, 0, 0] {
            return Err(Error::value("n_components", "(0, 0, 0)", "at least one component"));
        }
        for (axis, (&rank, &length)) in self.ranks.iter().zip(shape).enumerate() {
            if rank > length {
                let expected = format!("no more components along axis {axis} than its length, {length}");
                return Err(Error::value("n_components", format!("{:?}", self.ranks), expected));
            }
        }
        if self.starts == Starts::Fixed(0) || self.max_iter == 0 {
            let name = if self.max_iter == 0 { "max_iter" } else { "n_init" };
            return Err(Error::value(name, 0, "at least 1"));
        }
        if !(self.tol >= 0.0 && self.tol.is_finite()) {
            return Err(Error::value("tol", self.tol, "a finite number that is not negative"));
        }
        if let Start::Given(loadings) = &self.start {
            for ((loading, &rank), &length) in loadings.iter().zip(&self.ranks).zip(shape) {
                if loading.dim() != (rank, length) {
                    let expected = format!("loadings of X and n_components, here ({rank}, {length})");
                    return Err(Error::shape("init", loading.shape(), expected));
                }
            }
        }
        Ok(())
    }
}
