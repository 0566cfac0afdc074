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
//! Where a slice type must not be negative (`alternating`, `constrained`), or entries were not observed (`gaps`,
//! `incomplete`), no span has a closed form: loadings and slices take turns, each block by its own normal equations.

mod alternating;
mod by_trial;
mod chunked;
mod constrained;
mod contractions;
mod descent;
mod gaps;
mod given;
mod incomplete;
mod invariance;
mod model;
mod plane;
mod search;
mod spans;
mod terrain;
mod transform;

use ndarray::{Array2, Array3, ArrayViewD};

pub use self::chunked::{chunk, fit_chunks};
pub use self::invariance::Invariance;
pub use self::model::{Selection, SliceModel};
pub use self::search::Starts;
pub use self::transform::{NewTrials, transform};

use self::contractions::slice_axes;
use self::terrain::Recording;
use super::dense::{Prepared, SMALL};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Outcome, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Where a fit starts.
#[derive(Debug, Clone)]
pub enum Start {
    /// The leading directions of each mode; restarts from random fibres.
    Svd,
    /// Random fibres only.
    Random,
    /// The spans of a model's loadings; where data are missing, its values. No restarts. It may have fewer components.
    Given(Box<SliceModel<f64>>),
}

/// How to fit.
#[derive(Debug, Clone)]
pub struct Options {
    /// R_i.
    pub ranks: [usize; 3],
    /// Which types must not be negative.
    pub nonnegative: [bool; 3],
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

impl<T: Real> Fit<T> {
    /// Nothing but zeros is explained by nothing.
    fn of_silence(shape: &[usize], ranks: [usize; 3]) -> Self {
        let zeros = |kind: usize| {
            let [a, b] = slice_axes(kind).map(|axis| shape[axis]);
            Array3::from_elem((ranks[kind], a, b), T::ZERO)
        };
        let loadings = std::array::from_fn(|kind| Array2::from_elem((ranks[kind], shape[kind]), T::ZERO));
        Self {
            model: SliceModel { loadings, slices: std::array::from_fn(zeros) },
            loss: 0.0,
            score: 1.0,
            loss_history: vec![0.0],
            start_losses: vec![0.0],
            outcome: Outcome::Converged,
        }
    }

    /// The same in another precision.
    fn rounded<U: Real>(self) -> Fit<U> {
        let Self { model, loss, score, loss_history, start_losses, outcome } = self;
        let model = SliceModel {
            loadings: model.loadings.map(|a| a.mapv(|v| U::from_f64(v.to_f64()))),
            slices: model.slices.map(|a| a.mapv(|v| U::from_f64(v.to_f64()))),
        };
        Fit { model, loss, score, loss_history, start_losses, outcome }
    }
}

/// How a fit went; losses are Σ residual².
struct Path {
    history: Vec<f64>,
    start_losses: Vec<f64>,
    outcome: Outcome,
}

impl Path {
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
    if T::IS_SINGLE && x.len() <= SMALL {
        let wide = x.mapv(T::to_f64);
        return Ok(fit(wide.view(), mask, options, threads, monitor)?.rounded());
    }
    options.check(x.shape())?;
    let data = Prepared::new(x, mask, threads)?;
    let unit = data.scale * data.scale / data.survey.n_observed as f64;
    let mut done = 0;
    let mut go_on = |loss: f64| {
        done += 1;
        monitor.report(Progress { done, total: options.max_iter.max(done), loss: loss * unit })
            == Flow::Continue
    };
    let (x, squares) = (data.dense(), data.survey.sum_of_squares);
    if data.survey.largest == 0.0 {
        return Ok(Fit::of_silence(x.shape, options.ranks));
    }
    let constrained = options.nonnegative.contains(&true);
    let (mut model, path) = if data.is_incomplete() {
        incomplete::fit(&data, options, threads, &mut go_on)?
    } else if constrained {
        constrained::fit(x, squares, options, threads, &mut go_on)?
    } else {
        let recording = Recording::new(x, squares, options.ranks, threads, &mut go_on)?;
        let found = spans::find(&recording, options, &mut go_on)?;
        (recording.model(found.position, options.invariance)?, found.path)
    };
    if constrained {
        model = model.standardized();
    } else if data.is_incomplete() {
        model = model.canonical(options.invariance, threads)?;
    }
    let residual = model.residual(data.dense(), threads);
    model.scale(data.scale);
    Ok(Fit {
        model,
        loss: residual * unit,
        score: if data.survey.sum_of_squares > 0.0 {
            1.0 - residual / data.survey.sum_of_squares
        } else {
            1.0
        },
        loss_history: path.history.iter().map(|loss| loss * unit).collect(),
        start_losses: path.start_losses.iter().map(|loss| loss * unit).collect(),
        outcome: path.outcome,
    })
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
        if let Start::Given(model) = &self.start {
            given::check(model, self.ranks, shape)?;
        }
        Ok(())
    }
}
