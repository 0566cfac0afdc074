//! TCA: the CP decomposition of a recording (Hitchcock 1927; for neural data Williams et al. 2018).
//!
//! ```text
//! minimise  Σ_observed (x − x̂)²,   x̂[i_0, i_1, …] = Σ_r w_r Π_m A_m[i_m, r]
//! ```
//!
//! The work is shared between starts: one core (`start`), on which every start descends (`descent`, `sweep`); the best
//! end is expanded and descends on the whole tensor. With missing entries or non-negative modes, where no exact core
//! exists, starts descend on the tensor itself.

mod chunked;
mod descent;
mod kruskal;
mod search;
mod start;
mod sweep;
mod transform;

use ndarray::{Array2, ArrayViewD};

pub use self::chunked::{chunk, fit_chunks};
pub use self::kruskal::Kruskal;
pub use self::start::Core;
pub use self::transform::transform;

use self::search::search;
use super::dense::{Prepared, SMALL};
use super::extrapolation;
use super::mttkrp::Halves;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Outcome};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// No tensor needs more components than its entries divided by its longest axis; small ones may have this many.
const MOST_COMPONENTS: usize = 1000;

/// Factors, and how a descent came to them.
type Descent = extrapolation::Descent<Vec<Array2<f64>>>;

/// Where a fit starts.
#[derive(Debug, Clone)]
pub enum Start {
    /// The leading directions of each mode; restarts are random.
    Svd,
    /// Random factors.
    Random,
    /// These factors, for example of a fitted model; no restarts. There may be fewer than asked for: the others are random.
    Given(Vec<Array2<f64>>),
}

/// How to fit.
#[derive(Debug, Clone)]
pub struct Options {
    /// R.
    pub n_components: usize,
    /// Which modes must not be negative.
    pub nonnegative: Vec<bool>,
    /// Where to start.
    pub start: Start,
    /// Starts, of which the best is kept.
    pub n_init: usize,
    /// Sweeps at the most, for each start and on the whole tensor.
    pub max_iter: usize,
    /// Gain of a sweep, as a share of the loss, that counts as none.
    pub tol: f64,
    /// Seed of the random starts.
    pub seed: u64,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The model.
    pub model: Kruskal,
    /// Mean squared error per observed entry, from the residual itself.
    pub loss: f64,
    /// 1 − Σ (x − x̂)² / Σ x² over the observed entries.
    pub score: f64,
    /// The loss after each sweep of the start that won.
    pub loss_history: Vec<f64>,
    /// The end of every start before the last descent on the whole tensor.
    pub start_losses: Vec<f64>,
    /// Why the fit ended.
    pub outcome: Outcome,
}

impl Fit {
    /// Nothing but zeros is explained by nothing.
    fn of_silence(shape: &[usize], rank: usize) -> Self {
        let factors = shape.iter().map(|&length| Array2::zeros((length, rank))).collect();
        Self {
            model: Kruskal::normalized(factors),
            loss: 0.0,
            score: 1.0,
            loss_history: vec![0.0],
            start_losses: vec![0.0],
            outcome: Outcome::Converged,
        }
    }
}

/// The core on which fits of up to `rank` components start, for a recording that is fitted many times; none where that
/// saves nothing.
pub fn compress<T: Real>(
    x: ArrayViewD<'_, T>,
    mask: Option<ArrayViewD<'_, bool>>,
    rank: usize,
    threads: &Threads,
) -> Result<Option<Core>> {
    if T::IS_SINGLE && x.len() <= SMALL {
        return compress(x.mapv(T::to_f64).view(), mask, rank, threads);
    }
    let data = Prepared::new(x, mask, threads)?;
    if data.is_incomplete() || data.survey.largest == 0.0 {
        return Ok(None);
    }
    let core = Core::of(data.dense(), rank, threads)?;
    Ok(core.tensor.is_some().then_some(core))
}

/// Fits a model. NaN, and entries where `mask` is false, are not observed. `core` is the recording's own (`compress`).
pub fn fit<T: Real>(
    x: ArrayViewD<'_, T>,
    mask: Option<ArrayViewD<'_, bool>>,
    options: &Options,
    core: Option<&Core>,
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<Fit> {
    if T::IS_SINGLE && x.len() <= SMALL {
        let wide = x.mapv(T::to_f64);
        return fit(wide.view(), mask, options, core, threads, monitor);
    }
    options.check(x.shape())?;
    let data = Prepared::new(x, mask, threads)?;
    if data.survey.largest == 0.0 {
        return Ok(Fit::of_silence(data.dense().shape, options.n_components));
    }
    let (found, start_losses) = search(&data, options, core, threads, monitor)?;
    let halves = Halves::new(data.dense());
    let mut model = Kruskal::normalized(found.state);
    model.weights /= unit_of(&data);
    let mut factors = model.factors.clone();
    factors[0] *= &model.weights;
    let residual = halves.residual(&factors, threads);
    model.weights *= data.scale;
    let unit = data.scale * data.scale / data.survey.n_observed as f64;
    // Losses of sweeps are those of the data times a unit.
    let sweep_unit = unit / unit_of(&data).powi(2);
    Ok(Fit {
        model,
        loss: residual * unit,
        score: if data.survey.sum_of_squares > 0.0 {
            1.0 - residual / data.survey.sum_of_squares
        } else {
            1.0
        },
        loss_history: found.history.iter().map(|loss| loss * sweep_unit).collect(),
        start_losses: start_losses.iter().map(|loss| loss * sweep_unit).collect(),
        outcome: found.outcome,
    })
}

/// The power of two that brings the largest entry to between one and two.
fn unit_of<T: Real>(data: &Prepared<'_, T>) -> f64 {
    if data.survey.largest > 0.0 { (-data.survey.largest.log2().floor()).exp2() } else { 1.0 }
}

impl Options {
    fn check(&self, shape: &[usize]) -> Result<()> {
        if self.n_components == 0 {
            return Err(Error::value("n_components", 0, "at least 1"));
        }
        let longest = shape.iter().copied().max().unwrap_or(1).max(1);
        let most = (shape.iter().product::<usize>() / longest).max(MOST_COMPONENTS);
        if self.n_components > most {
            return Err(Error::value(
                "n_components",
                self.n_components,
                format!("at most {most} for {shape:?}"),
            ));
        }
        if self.nonnegative.len() != shape.len() {
            return Err(Error::shape(
                "nonnegative",
                &[self.nonnegative.len()],
                format!("one value, or one per mode of X ({})", shape.len()),
            ));
        }
        if self.n_init == 0 || self.max_iter == 0 {
            let (name, got) = if self.n_init == 0 { ("n_init", 0) } else { ("max_iter", 0) };
            return Err(Error::value(name, got, "at least 1"));
        }
        if !(self.tol >= 0.0 && self.tol.is_finite()) {
            return Err(Error::value("tol", self.tol, "a finite number that is not negative"));
        }
        if let Start::Given(factors) = &self.start {
            for (factor, &length) in factors.iter().zip(shape) {
                if factor.nrows() != length || factor.ncols() > self.n_components {
                    return Err(Error::shape(
                        "init",
                        factor.shape(),
                        format!(
                            "factors of X and at most n_components, here ({length}, {})",
                            self.n_components
                        ),
                    ));
                }
            }
            if factors.len() != shape.len() {
                return Err(Error::shape("init", &[factors.len()], format!("{} factors", shape.len())));
            }
        }
        Ok(())
    }
}
