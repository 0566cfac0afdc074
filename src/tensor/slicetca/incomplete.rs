//! Recordings of which not everything was observed: fill, sweep, and fill again (see the room's page).

use super::model::{Invariance, Selection, SliceModel};
use super::spans::{NOISE, find};
use super::terrain::{Position, Recording};
use super::{Options, Path, Start};
use crate::error::Result;
use crate::monitor::Outcome;
use crate::numerics::parallel::Threads;
use crate::real::Real;
use crate::tensor::dense::{Dense, Prepared};
use crate::tensor::mttkrp::squared_distance;

/// Fits a model to the observed entries.
pub fn fit<T: Real>(
    data: &Prepared<'_, T>,
    options: &Options,
    threads: &Threads,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<(SliceModel<T>, Path)> {
    let x = data.dense();
    let ranks = options.ranks;
    let noise = NOISE * T::EPSILON * data.survey.sum_of_squares;
    let guess = match &options.start {
        Start::Given(model) => Some(model.reconstruct(&Selection::all(model), threads) / data.scale),
        _ => None,
    };
    let guess = guess.as_ref().map(|guess| guess.as_slice().expect("C order"));
    let fill =
        |(i, v): (usize, &T)| if v.is_nan() { guess.map_or(T::ZERO, |g| T::from_f64(g[i])) } else { *v };
    let mut filled: Vec<T> = x.data.iter().enumerate().map(fill).collect();
    let squares = filled.iter().map(|v| v.to_f64() * v.to_f64()).sum();
    let first = Recording::new(Dense { data: &filled, shape: x.shape }, squares, ranks, threads, go_on)?;
    let found = find(&first, options, go_on)?;
    let mut bases = found.position.bases.clone();
    let mut model = first.model(found.position, Invariance::None)?;
    let mut history: Vec<f64> = Vec::new();
    let mut outcome = Outcome::IterationsExhausted;
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
        let recording = Recording::new(whole, sum_of_squares, ranks, threads, &mut |_| true)?;
        let mut position = Position::new(bases.clone());
        for axis in (0..3).filter(|&axis| ranks[axis] > 0) {
            recording.block(&mut position, axis, ranks[axis], ranks[axis])?;
        }
        bases.clone_from(&position.bases);
        model = recording.model(position, Invariance::None)?;
    }
    // The invariances rearrange the model, not the data: they are taken from the model's own tensor.
    if options.invariance != Invariance::None {
        let whole = model.reconstruct(&Selection::all(&model), threads);
        model = SliceModel::from_bases(Dense::of(&whole), &bases, options.invariance, threads)?;
    }
    Ok((model, Path { history, start_losses: found.path.start_losses, outcome }))
}
