//! Complete recordings where some slice types must not be negative: many starts, of which one is finished.
//!
//! Starts follow the data, as in `search`: loadings are fibres of the recording picked at random (for a non-negative
//! type without their negative part), slices start from nothing. All of them descend a little, the better half twice as
//! far again, and so on (successive halving: Jamieson & Talwalkar 2016) until one is left, which descends to the end.

use ndarray::{Array2, Array3, ArrayViewMut1};

use super::super::dense::Dense;
use super::super::extrapolation::{Blocks, Descent, Limits, descend};
use super::alternating::Alternating;
use super::contractions::slice_axes;
use super::given::{admissible, grown};
use super::model::SliceModel;
use super::search::fibre;
use super::spans::NOISE;
use super::{Options, Path, Start, Starts};
use crate::error::Result;
use crate::monitor::Outcome;
use crate::numerics::parallel::Threads;
use crate::numerics::rng::{self, Stream};
use crate::real::Real;

/// Starts that run against each other; as many when their number is left to us.
const STARTS: usize = 8;
/// Sweeps before the first half is given up.
const FIRST_SWEEPS: usize = 6;

/// Fits a model to a complete recording.
pub fn fit<T: Real>(
    x: Dense<'_, T>,
    sum_of_squares: f64,
    options: &Options,
    threads: &Threads,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<(SliceModel<T>, Path)> {
    let one = Threads::one();
    let problem = |threads| Alternating { x, sum_of_squares, nonnegative: options.nonnegative, threads };
    let noise = NOISE * T::EPSILON * sum_of_squares;
    let limits = Limits { noise, ..Limits::new(options.max_iter, options.tol) };
    let start = |item: usize| {
        Ok(match &options.start {
            Start::Given(model) => admissible(&grown(model, x, options), options.nonnegative),
            _ => random_start(x, options, item),
        })
    };
    let starts = (n_starts(options), &start as &StartOf<'_, _>);
    let (end, start_losses) = finish_best(&problem(&one), &problem(threads), starts, limits, threads, go_on)?;
    Ok((end.state, Path { history: end.history, start_losses, outcome: end.outcome }))
}

/// Makes the start of a number.
pub type StartOf<'a, S> = dyn Fn(usize) -> Result<S> + Sync + 'a;

/// How many starts were asked for.
pub fn n_starts(options: &Options) -> usize {
    match (&options.start, options.starts) {
        (Start::Given(_), _) => 1,
        (_, Starts::Auto) => STARTS,
        (_, Starts::Fixed(n)) => n,
    }
}

/// Descends from the start that is worth it, to the end; and where each start stood when it was given up. `alone` and
/// `together` are the same problem, on one thread (starts run side by side) and on all.
pub fn finish_best<B: Blocks + Sync>(
    alone: &B,
    together: &B,
    (n_starts, start): (usize, &StartOf<'_, B::State>),
    limits: Limits,
    threads: &Threads,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<(Descent<B::State>, Vec<f64>)>
where
    B::State: Send + Sync,
{
    // A field at a time, so that any number of starts takes the memory of one field.
    let (mut winner, mut losses) = (None::<Descent<B::State>>, Vec::new());
    for first in (0..n_starts).step_by(STARTS) {
        let items = STARTS.min(n_starts - first);
        let field = threads.map(items, |item| start(first + item));
        let field = field.into_iter().collect::<Result<Vec<_>>>()?;
        let (best, found) = halve(alone, field, limits, threads, go_on)?;
        losses.extend(found);
        let interrupted = best.outcome == Outcome::Interrupted;
        winner = Some(match winner {
            Some(before) if before.loss() <= best.loss() => Descent { outcome: best.outcome, ..before },
            _ => best,
        });
        if interrupted {
            break;
        }
    }
    let mut best = winner.expect("at least one start");
    if best.outcome == Outcome::Interrupted {
        return Ok((best, losses));
    }
    let reached = best.history.last().copied().unwrap_or(f64::INFINITY);
    let left = Limits { max_iter: limits.max_iter - best.history.len(), reached, ..limits };
    let mut end = descend(together, best.state, left, &mut |_, loss| go_on(loss))?;
    best.history.append(&mut end.history);
    Ok((Descent { state: end.state, history: best.history, outcome: end.outcome }, losses))
}

/// Successive halving, until one start is left.
fn halve<B: Blocks + Sync>(
    problem: &B,
    starts: Vec<B::State>,
    limits: Limits,
    threads: &Threads,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<(Descent<B::State>, Vec<f64>)>
where
    B::State: Send + Sync,
{
    let mut losses = vec![f64::NAN; starts.len()];
    let outcome = Outcome::IterationsExhausted;
    let mut field: Vec<(usize, Descent<B::State>)> =
        starts.into_iter().map(|state| Descent { state, history: Vec::new(), outcome }).enumerate().collect();
    let (mut sweeps, mut going) = (FIRST_SWEEPS, true);
    while field.len() > 1 && going {
        let best = field[0].1.history.last().copied().unwrap_or(f64::NAN);
        let reached = threads.map_polled(
            field.len(),
            |place, stop| {
                let descent = &field[place].1;
                let max_iter = sweeps.min(limits.max_iter - descent.history.len());
                let round = Limits { max_iter, reached: descent.loss(), ..limits };
                descend(problem, descent.state.clone(), round, &mut |_, _| !stop())
            },
            &mut |_| {
                going = going && go_on(best);
                going
            },
        );
        for ((item, descent), next) in field.iter_mut().zip(reached) {
            let mut next = next?;
            descent.history.append(&mut next.history);
            descent.state = next.state;
            losses[*item] = descent.loss();
        }
        field.sort_by(|(_, a), (_, b)| a.loss().total_cmp(&b.loss()));
        field.truncate(field.len().div_ceil(2));
        sweeps *= 2;
    }
    let (_, mut best) = field.swap_remove(0);
    if !going {
        best.outcome = Outcome::Interrupted;
    }
    Ok((best, losses.into_iter().filter(|loss| !loss.is_nan()).collect()))
}

/// Random fibres as loadings, empty slices.
pub fn random_start<T: Real>(x: Dense<'_, T>, options: &Options, item: usize) -> SliceModel<T> {
    let mut rng = rng::stream(options.seed, item as u64);
    let loadings = std::array::from_fn(|kind| {
        let mut loadings = Array2::zeros((options.ranks[kind], x.shape[kind]));
        for row in loadings.rows_mut() {
            random_loading(x, kind, options.nonnegative[kind], &mut rng, row);
        }
        if item == 0 && options.ranks[kind] == x.shape[kind] {
            // A component for each place explains all that can be; random ones need not find that.
            loadings = Array2::eye(x.shape[kind]);
        }
        loadings.mapv(T::from_f64)
    });
    let slices = std::array::from_fn(|kind| {
        let [a, b] = slice_axes(kind).map(|axis| x.shape[axis]);
        Array3::from_elem((options.ranks[kind], a, b), T::ZERO)
    });
    SliceModel { loadings, slices }
}

/// A random fibre of length one, without its negative part where that is not admissible.
pub fn random_loading<T: Real>(
    x: Dense<'_, T>,
    kind: usize,
    nonnegative: bool,
    rng: &mut Stream,
    mut row: ArrayViewMut1<'_, f64>,
) {
    fibre(x, kind, rng, &mut row);
    if nonnegative {
        row.mapv_inplace(|v| v.max(0.0));
    }
    if row.iter().all(|&v| v == 0.0) {
        row.iter_mut().for_each(|v| *v = rng::uniform(rng));
    }
    let norm = row.dot(&row).sqrt();
    row /= norm;
}
