//! Recordings of which not everything was observed: where they start, and the descent over what was (`gaps`).
//!
//! The start is that of a complete recording, found where each missing entry holds what its neuron did at that time in
//! other trials: a start, not an answer. From there on only observed entries count.

use super::super::dense::{Dense, Prepared};
use super::super::extrapolation::{Limits, descend};
use super::alternating::Alternating;
use super::constrained::{admissible, finish_best, n_starts, random_start};
use super::gaps::Gaps;
use super::invariance::Invariance;
use super::model::SliceModel;
use super::spans::{self, NOISE};
use super::terrain::Recording;
use super::{Options, Path, Start};
use crate::error::Result;
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// The start of a signed model need not be exact.
const START_TOLERANCE: f64 = 1e-4;
const START_SWEEPS: usize = 50;
/// Sweeps of a non-negative start over the filled recording: enough to give its slices a shape.
const SHAPING_SWEEPS: usize = 4;

/// Fits a model to the observed entries.
pub fn fit<T: Real>(
    data: &Prepared<'_, T>,
    options: &Options,
    threads: &Threads,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<(SliceModel<T>, Path)> {
    let x = data.dense();
    let one = Threads::one();
    let gaps = |threads| Gaps { x, ranks: options.ranks, nonnegative: options.nonnegative, threads };
    let (starts, mut losses) = match &options.start {
        Start::Given(model) => (vec![admissible(model, options.nonnegative)], Vec::new()),
        _ if options.nonnegative.contains(&true) => (nonnegative_starts(x, options, threads)?, Vec::new()),
        _ => signed_start(x, options, threads, go_on).map(|(start, losses)| (vec![start], losses))?,
    };
    let noise = NOISE * T::EPSILON * data.survey.sum_of_squares;
    let limits = Limits { noise, ..Limits::new(options.max_iter, options.tol) };
    let starts = starts.iter().map(|start| gaps(&one).factors(start)).collect();
    let (end, halved) = finish_best(&gaps(&one), &gaps(threads), starts, limits, threads, go_on)?;
    losses.extend(halved);
    let path = Path { history: end.history, start_losses: losses, outcome: end.outcome };
    Ok((gaps(&one).model(&end.state), path))
}

/// The model of the recording with its gaps filled.
fn signed_start<T: Real>(
    x: Dense<'_, T>,
    options: &Options,
    threads: &Threads,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<(SliceModel<T>, Vec<f64>)> {
    let filled = filled(x, threads);
    let squares = filled.iter().map(|v| v.to_f64() * v.to_f64()).sum();
    let rough = Options {
        tol: options.tol.max(START_TOLERANCE),
        max_iter: options.max_iter.min(START_SWEEPS),
        ..options.clone()
    };
    let whole = Dense { data: &filled, shape: x.shape };
    let recording = Recording::new(whole, squares, options.ranks, threads, go_on)?;
    let found = spans::find(&recording, &rough, go_on)?;
    Ok((recording.model(found.position, Invariance::Within)?, found.path.start_losses))
}

/// Random starts, shaped a little by the recording with its gaps filled.
fn nonnegative_starts<T: Real>(
    x: Dense<'_, T>,
    options: &Options,
    threads: &Threads,
) -> Result<Vec<SliceModel<T>>> {
    let filled = filled(x, threads);
    let whole = Dense { data: &filled, shape: x.shape };
    let sum_of_squares = filled.iter().map(|v| v.to_f64() * v.to_f64()).sum();
    let one = Threads::one();
    let problem = Alternating { x: whole, sum_of_squares, nonnegative: options.nonnegative, threads: &one };
    let starts = threads.map(n_starts(options), |item| {
        let start = random_start(whole, options, item);
        descend(&problem, start, Limits::new(SHAPING_SWEEPS, 0.0), &mut |_, _| true).map(|end| end.state)
    });
    starts.into_iter().collect()
}

/// The recording, each gap filled with the mean over the trials in which that neuron was observed at that time; if there
/// is none, with the neuron's mean, or zero.
fn filled<T: Real>(x: Dense<'_, T>, threads: &Threads) -> Vec<T> {
    let (n_neurons, n_steps) = (x.shape[1], x.shape[2]);
    let size = n_neurons * n_steps;
    let mut sums = vec![(0.0_f64, 0_u32); size];
    for trial in x.data.chunks_exact(size) {
        for ((sum, count), v) in sums.iter_mut().zip(trial) {
            if !v.is_nan() {
                *sum += v.to_f64();
                *count += 1;
            }
        }
    }
    let means: Vec<T> = sums
        .chunks_exact(n_steps)
        .flat_map(|row| {
            let (sum, count) = row.iter().fold((0.0, 0), |(s, n), (sum, count)| (s + sum, n + count));
            let neuron = if count > 0 { sum / f64::from(count) } else { 0.0 };
            row.iter().map(move |&(sum, count)| {
                T::from_f64(if count > 0 { sum / f64::from(count) } else { neuron })
            })
        })
        .collect();
    let mut out = x.data.to_vec();
    threads.for_chunks(&mut out, size, |_, trial| {
        for (v, &mean) in trial.iter_mut().zip(&means) {
            if v.is_nan() {
                *v = mean;
            }
        }
    });
    out
}
