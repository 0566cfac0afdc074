//! Recordings of which not everything was observed: where they start, and the descent over what was (`gaps`).
//!
//! Starts are found on recordings whose gaps were filled with something plain: a start, not an answer. From there on only
//! observed entries count. There must be several: on a recording with many gaps a loading that shrinks to a single trial
//! (neuron, time) fits what was observed of it too well and is stuck there.

use super::super::dense::{Dense, Prepared};
use super::super::extrapolation::{Limits, descend};
use super::alternating::Alternating;
use super::constrained::{finish_best, n_starts, random_start};
use super::gaps::Gaps;
use super::given::{admissible, grown};
use super::invariance::Invariance;
use super::model::{Selection, SliceModel};
use super::spans::{self, NOISE};
use super::terrain::Recording;
use super::{Options, Path, Start};
use crate::error::Result;
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// The start found on the filled recording need not be exact.
const START_TOLERANCE: f64 = 1e-4;
const START_SWEEPS: usize = 50;
/// Sweeps of a random start over the filled recording: enough to give its slices a shape.
const SHAPING_SWEEPS: usize = 4;

/// How often the model that grows is put into the gaps.
const FILLINGS: usize = 4;

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
    let noise = NOISE * T::EPSILON * data.survey.sum_of_squares;
    let limits = Limits { noise, ..Limits::new(options.max_iter, options.tol) };
    let layout = gaps(&one).layout();
    let arrange = |model: &SliceModel<T>| {
        let mut factors = layout.factors(model);
        layout.clear_unobserved(x, &mut factors);
        factors
    };
    let (end, start_losses) = if let Start::Given(model) = &options.start {
        let begun = arrange(&given(model, data, options, threads, go_on)?);
        let start = |_: usize| Ok(begun.clone());
        finish_best(&gaps(&one), &gaps(threads), (1, &start), limits, threads, go_on)?
    } else {
        let starts = FilledStarts::new(x, options, threads, go_on)?;
        let start = |item: usize| starts.start(item).map(|model| arrange(&model));
        finish_best(&gaps(&one), &gaps(threads), (n_starts(options), &start), limits, threads, go_on)?
    };
    let path = Path { history: end.history, start_losses, outcome: end.outcome };
    Ok((layout.model(&end.state), path))
}

/// A given model; if it lacks components, those are shaped on the recording with the model in its gaps, again and again:
/// such a sweep costs a fraction of one over what was observed alone.
fn given<T: Real>(
    model: &SliceModel<f64>,
    data: &Prepared<'_, T>,
    options: &Options,
    threads: &Threads,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<SliceModel<T>> {
    let x = data.dense();
    let mut grown = admissible(&grown(model, x, options), options.nonnegative);
    if (0..3).all(|kind| model.loadings[kind].nrows() == options.ranks[kind]) {
        return Ok(grown);
    }
    let (mut filled, nonnegative) = (x.data.to_vec(), options.nonnegative);
    let mut going = true;
    for _ in 0..FILLINGS {
        fill_with_model(x, &grown, &mut filled, threads);
        let sum_of_squares = filled.iter().map(|v| v.to_f64() * v.to_f64()).sum();
        let whole = Dense { data: &filled, shape: x.shape };
        let problem = Alternating { x: whole, sum_of_squares, nonnegative, threads };
        let mut ask = |_: usize, loss: f64| {
            going = going && go_on(loss);
            going
        };
        grown = descend(&problem, grown, Limits::new(SHAPING_SWEEPS, 0.0), &mut ask)?.state;
        if !going {
            // A wish to stop is for the descent to grant: it keeps what there is.
            break;
        }
    }
    Ok(grown)
}

/// Starts from the recording with its gaps filled: for a signed model what `spans` finds there, first with zeros in the
/// gaps and then with means, then random ones that a few sweeps have given a shape.
struct FilledStarts<'a, T> {
    filled: Vec<T>,
    shape: &'a [usize],
    sum_of_squares: f64,
    found: Vec<SliceModel<T>>,
    options: &'a Options,
}

impl<'a, T: Real> FilledStarts<'a, T> {
    fn new(
        x: Dense<'a, T>,
        options: &'a Options,
        threads: &Threads,
        go_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Self> {
        let signed = !options.nonnegative.contains(&true) && matches!(options.start, Start::Svd);
        let (mut filled, mut found, mut sum_of_squares) = (Vec::new(), Vec::new(), 0.0);
        let mut going = true;
        for means in [vec![T::ZERO; x.shape[1]], neuron_means(x)] {
            fill(x, &means, &mut filled, threads);
            sum_of_squares = filled.iter().map(|v| v.to_f64() * v.to_f64()).sum();
            if signed && going && found.len() < n_starts(options) {
                let rough = Options {
                    tol: options.tol.max(START_TOLERANCE),
                    max_iter: options.max_iter.min(START_SWEEPS),
                    ..options.clone()
                };
                let whole = Dense { data: &filled, shape: x.shape };
                // Once there is a start, a wish to stop is for the descent to grant: it keeps what was found.
                let some = !found.is_empty();
                let mut ask = |loss: f64| {
                    going = going && go_on(loss);
                    going
                };
                let mut first = |loss: f64| ask(loss) || some;
                let recording = Recording::new(whole, sum_of_squares, options.ranks, threads, &mut first)?;
                let position = spans::find(&recording, &rough, &mut ask)?.position;
                found.push(recording.model(position, Invariance::Within)?);
            }
        }
        Ok(Self { filled, shape: x.shape, sum_of_squares, found, options })
    }

    fn start(&self, item: usize) -> Result<SliceModel<T>> {
        if let Some(found) = self.found.get(item) {
            return Ok(found.clone());
        }
        let x = Dense { data: &self.filled, shape: self.shape };
        let (sum_of_squares, nonnegative) = (self.sum_of_squares, self.options.nonnegative);
        let problem = Alternating { x, sum_of_squares, nonnegative, threads: &Threads::one() };
        let limits = Limits::new(SHAPING_SWEEPS, 0.0);
        Ok(descend(&problem, random_start(x, self.options, item), limits, &mut |_, _| true)?.state)
    }
}

/// The mean of what was observed of each neuron; zero for one that never was.
fn neuron_means<T: Real>(x: Dense<'_, T>) -> Vec<T> {
    let (n_neurons, n_steps) = (x.shape[1], x.shape[2]);
    let mut sums = vec![(0.0_f64, 0.0_f64); n_neurons];
    for (row, course) in x.data.chunks_exact(n_steps).enumerate() {
        let (sum, count) = &mut sums[row % n_neurons];
        for v in course.iter().filter(|v| !v.is_nan()) {
            *sum += v.to_f64();
            *count += 1.0;
        }
    }
    sums.into_iter().map(|(sum, count)| T::from_f64(if count > 0.0 { sum / count } else { 0.0 })).collect()
}

/// The recording with a neuron's number in each of its gaps.
fn fill<T: Real>(x: Dense<'_, T>, means: &[T], out: &mut Vec<T>, threads: &Threads) {
    let n_steps = x.shape[2];
    out.clear();
    out.extend_from_slice(x.data);
    threads.for_chunks(out, n_steps * means.len(), |_, trial| {
        for (course, &mean) in trial.chunks_exact_mut(n_steps).zip(means) {
            course.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = mean);
        }
    });
}

/// The recording with what a model says in its gaps.
fn fill_with_model<T: Real>(x: Dense<'_, T>, model: &SliceModel<T>, out: &mut [T], threads: &Threads) {
    let (n_neurons, n_steps) = (x.shape[1], x.shape[2]);
    let all = Selection::all(model);
    threads.for_chunks(out, n_neurons * n_steps, |k, trial| {
        let mut modelled = vec![T::ZERO; n_steps];
        for (n, course) in trial.chunks_exact_mut(n_steps).enumerate() {
            let entries = &x.data[(k * n_neurons + n) * n_steps..][..n_steps];
            if entries.iter().any(|v| v.is_nan()) {
                modelled.fill(T::ZERO);
                model.add_row(&all, k, n, &mut modelled);
                for ((value, entry), &modelled) in course.iter_mut().zip(entries).zip(&modelled) {
                    if entry.is_nan() {
                        *value = modelled;
                    }
                }
            }
        }
    });
}
