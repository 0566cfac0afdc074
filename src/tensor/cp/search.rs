//! Starts, and the way from the best of them to the end.
//!
//! A complete tensor without constraints is descended on small cores of it (`start`), the first within its leading
//! directions. A sweep on the whole tensor corrects where that led, and points to other directions: those of the factors
//! before and after it, and of the round before (three terms, as in the conjugate gradients of LOBPCG, Knyazev 2001). The
//! core within these is descended in its turn, and so on, until a sweep on the whole tensor gains nothing. Every step
//! starts where the one before ended, so the loss never rises, and the end is a stationary point of the whole problem,
//! not of a compressed one.

use std::collections::VecDeque;
use std::iter;

use ndarray::Array2;

use super::super::dense::{Dense, Prepared};
use super::super::extrapolation::{Limits, descend};
use super::super::mttkrp::Halves;
use super::start::{Core, grown, random_factors};
use super::sweep::Problem;
use super::{Descent, Options, Start, unit_of};
use crate::error::Result;
use crate::monitor::{Flow, Monitor, Outcome, Progress};
use crate::numerics::parallel::Threads;
use crate::numerics::rng;
use crate::real::Real;

/// A later core is descended until a sweep gains less than this share of what the sweep on the whole tensor gained.
const INNER_SHARE: f64 = 0.03;
/// Factors of earlier rounds whose directions a core holds.
const REMEMBERED: usize = 2;
/// Losses are differences of sums of squares; smaller gains, as a share of them, are rounding.
pub const NOISE: f64 = 0.002;

/// Runs all starts and descends from the best on the whole tensor; the losses of all starts beside it.
pub fn search<T: Real>(
    data: &Prepared<'_, T>,
    options: &Options,
    core: Option<&Core>,
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<(Descent, Vec<f64>)> {
    let x = data.dense();
    let incomplete = data.is_incomplete();
    let unit = unit_of(data);
    let sum_of_squares = data.survey.sum_of_squares * unit * unit;
    let problem = Problem {
        halves: Halves::new(x),
        incomplete,
        unit,
        sum_of_squares,
        nonnegative: &options.nonnegative,
        threads,
    };
    let noise = NOISE * T::EPSILON * sum_of_squares;
    let limits = Limits { noise, ..Limits::new(options.max_iter, options.tol) };
    let told = data.scale * data.scale / (data.survey.n_observed as f64 * unit * unit);
    let total = options.max_iter * (options.n_init + 1);
    let mut steps = 0;
    let mut report = |loss: f64| {
        steps += 1;
        monitor.report(Progress { done: steps, total, loss: loss * told }) == Flow::Continue
    };
    let constrained = options.nonnegative.contains(&true);
    let rank = options.n_components;

    if let Start::Given(factors) = &options.start {
        let mut rng = rng::stream(options.seed, 0);
        let mut factors = grown(factors, rank, &options.nonnegative, &mut rng);
        factors[0] *= unit / data.scale;
        let whole = Whole { x, problem: &problem, limits };
        let start = Descent { state: factors, history: Vec::new(), outcome: Outcome::IterationsExhausted };
        return Ok((whole.finish(start, &mut report)?, Vec::new()));
    }

    // Directions come from the tensor with zeros where nothing was observed: a start, not an answer.
    let filled = incomplete.then(|| {
        let zero = |v: &T| if v.is_nan() { T::ZERO } else { *v };
        x.data.iter().map(zero).collect::<Vec<T>>()
    });
    let complete = filled.as_ref().map_or(x, |filled| Dense { data: filled, shape: x.shape });
    let mut core = match core {
        Some(core) if !incomplete && !constrained => core.leading(x.shape, rank)?,
        _ => Core::of(complete, rank, threads)?,
    };
    core.scale(unit);
    drop(filled);
    let on_core = core.tensor.is_some() && !constrained;

    let mut ends: Vec<Descent> = Vec::new();
    for item in 0..options.n_init {
        let mut rng = rng::stream(options.seed, item as u64);
        let leading = item == 0 && matches!(options.start, Start::Svd);
        let end = if on_core {
            let start = core.core_start(rank, leading, &mut rng);
            descend_on_core(&core, start, sum_of_squares, limits, &mut report)?
        } else {
            let start = if leading {
                core.leading_factors(rank, &options.nonnegative, &mut rng)
            } else {
                random_factors(x.shape, rank, &options.nonnegative, &mut rng)
            };
            descend(&problem, start, limits, &mut |_, loss| report(loss))?
        };
        let interrupted = end.outcome == Outcome::Interrupted;
        ends.push(end);
        if interrupted {
            break;
        }
    }
    let start_losses = ends.iter().map(Descent::loss).collect();
    let interrupted = ends.iter().any(|end| end.outcome == Outcome::Interrupted);
    let best = ends.into_iter().min_by(|a, b| a.loss().total_cmp(&b.loss()));
    let mut best = best.expect("n_init is at least one");
    if interrupted {
        best.outcome = Outcome::Interrupted;
    }
    if !on_core || best.outcome == Outcome::Interrupted {
        return Ok((best, start_losses));
    }
    if incomplete {
        // The filled tensor's losses say nothing of what was observed.
        let end = descend(&problem, best.state, limits, &mut |_, loss| report(loss))?;
        return Ok((end, start_losses));
    }
    let whole = Whole { x, problem: &problem, limits };
    Ok((whole.finish(best, &mut report)?, start_losses))
}

/// A descent on a core, its end in the tensor's coordinates and its losses those of the whole tensor.
fn descend_on_core(
    core: &Core,
    start: Vec<Array2<f64>>,
    sum_of_squares: f64,
    limits: Limits,
    report: &mut dyn FnMut(f64) -> bool,
) -> Result<Descent> {
    let tensor = core.tensor.as_ref().expect("a core that is worthwhile");
    let norm: f64 = tensor.iter().map(|v| v * v).sum();
    let beyond = (sum_of_squares - norm).max(0.0);
    let free = vec![false; tensor.ndim()];
    let small = Problem {
        halves: Halves::new(Dense::of(tensor)),
        incomplete: false,
        unit: 1.0,
        sum_of_squares: norm,
        nonnegative: &free,
        threads: &Threads::one(),
    };
    let noise = NOISE * f64::EPSILON * norm;
    let limits = Limits { beyond, noise, reached: limits.reached - beyond, ..limits };
    let mut end = descend(&small, start, limits, &mut |_, loss| report(loss + beyond))?;
    end.history.iter_mut().for_each(|loss| *loss += beyond);
    end.state = core.expand(&end.state);
    Ok(end)
}

/// The whole tensor, to be descended to the end.
struct Whole<'a, T> {
    x: Dense<'a, T>,
    problem: &'a Problem<'a, T>,
    limits: Limits,
}

impl<T: Real> Whole<'_, T> {
    /// A sweep on the tensor and a descent on the core that it points to, in turn.
    fn finish(&self, start: Descent, report: &mut dyn FnMut(f64) -> bool) -> Result<Descent> {
        let mut now = start;
        let mut left = self.limits.max_iter;
        let mut past: VecDeque<Vec<Array2<f64>>> = VecDeque::new();
        let rank = now.state[0].ncols();
        let exact = !self.problem.constrained() && !self.problem.incomplete;
        let compressible = exact && Core::worthwhile(self.x, (1 + REMEMBERED) * rank);
        loop {
            past.push_front(now.state.clone());
            past.truncate(REMEMBERED);
            let reached = now.loss();
            let max_iter = if compressible { 1 } else { left };
            let limits = Limits { max_iter, reached, ..self.limits };
            now.append(descend(self.problem, now.state.clone(), limits, &mut |_, loss| report(loss))?);
            left -= max_iter;
            if now.outcome != Outcome::IterationsExhausted || left == 0 {
                return Ok(now);
            }
            let spans: Vec<&[Array2<f64>]> = iter::once(&now.state).chain(&past).map(Vec::as_slice).collect();
            let core = Core::around(self.x, &spans, self.problem.unit, self.problem.threads)?;
            let gained = if reached.is_finite() { 1.0 - now.loss() / reached } else { 0.0 };
            let tol = self.limits.tol.max(INNER_SHARE * gained);
            let limits = Limits { tol, reached: now.loss(), ..self.limits };
            let start = core.coordinates(&now.state);
            now.append(descend_on_core(&core, start, self.problem.sum_of_squares, limits, report)?);
            if now.outcome == Outcome::Interrupted {
                return Ok(now);
            }
        }
    }
}
