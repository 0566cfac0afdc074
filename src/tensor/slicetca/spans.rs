//! Spans for a complete recording: restarts in the small, exact sweeps in the large (the steps 2 to 4 of the room's
//! page).

use ndarray::{Array2, s};

use super::super::extrapolation::{Limits, descend};
use super::descent::Spans;
use super::given::grown;
use super::search::{End, SAME_END, Search, random_spans};
use super::terrain::{Bases, Position, Recording};
use super::{Options, Path, Start, Starts};
use crate::error::Result;
use crate::linalg::{complete, orthonormal_basis, product};
use crate::monitor::Outcome;
use crate::real::Real;

/// Directions kept beyond the rank of a type, at least.
const SPARE_DIRECTIONS: usize = 6;
/// At the most; and the largest m_i m_j of a small terrain (a pair of types then takes 50 MB).
const MOST_SPARE: usize = 12;
const LARGEST_PAIR: usize = 2500;
/// Descents on the small terrain go this much further than the tolerance asks.
const SMALL_TOLERANCE: f64 = 0.1;
/// Ends this close to the best of the small terrain, as a share of the loss, may still win on the recording.
const CONTENDER: f64 = 0.01;
/// Contenders at the most.
const CONTENDERS: usize = 4;
/// Starts on the recording itself, beside the search on the small terrain (only one where that search saw a single
/// end and the first of these nears it too); their sweeps at the most, the gain that no
/// longer counts, and how near the best spans (Σ sin² of the angles) they may come before they are given up.
const FREE_STARTS: usize = 2;
const FREE_SWEEPS: usize = 100;
const FREE_TOLERANCE: f64 = 1e-6;
const SAME_BASIN: f64 = 0.02;
/// Gains below this many units in the last place of ‖X‖² are rounding.
pub const NOISE: f64 = 0.25;
/// Sweeps on the small terrain between two sweeps on the recording, once a few of the latter have not been enough.
const SMALL_SWEEPS: usize = 500;
const FEW_SWEEPS: usize = 2;

/// Spans found, and how.
pub struct Found<T> {
    /// Where.
    pub position: Position<T>,
    /// How.
    pub path: Path,
}

/// Finds the spans of a complete recording.
pub fn find<T: Real>(
    recording: &Recording<'_, T>,
    options: &Options,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<Found<T>> {
    let (shape, ranks) = (recording.x.shape, options.ranks);
    let widths: [usize; 3] = std::array::from_fn(|i| width(ranks[i], shape[i]));
    if let Start::Given(model) = &options.start {
        let model = grown(model, recording.x, options);
        let bases = std::array::from_fn(|i| complete(orthonormal_basis(model.loadings[i].t()), ranks[i]));
        return polish(recording, bases, Vec::new(), widths, options, go_on);
    }
    let directions = recording.directions(widths)?;
    if !compressible(widths) {
        let start = std::array::from_fn(|i| directions[i].slice(s![.., ..ranks[i]]).to_owned());
        return polish(recording, start, Vec::new(), widths, options, go_on);
    }
    let small = recording.within(&directions);
    let search = Search {
        x: recording.x,
        directions: &directions,
        ranks,
        starts: options.starts,
        leading_first: matches!(options.start, Start::Svd),
        tol: SMALL_TOLERANCE * options.tol,
        seed: options.seed,
    };
    let (ends, mut start_losses) = search.run(&small, recording.threads, &mut |_, loss| go_on(loss))?;
    let limit = ends[0].loss() * (1.0 + CONTENDER);
    let mut contenders = ends.iter().filter(|end| end.loss() <= limit).take(CONTENDERS);
    let first = contenders.next().expect("every search has an end");
    let descend_from = |end: &End, go_on: &mut dyn FnMut(f64) -> bool| {
        polish(recording, expanded(end, &directions), end.history.clone(), widths, options, go_on)
    };
    let mut best = descend_from(first, go_on)?;
    for end in contenders {
        best = better(best, descend_from(end, go_on)?);
    }
    // A single start was asked for, or one type has a closed form: nothing to look for elsewhere.
    let single = options.starts == Starts::Fixed(1) || ranks.iter().filter(|&&rank| rank > 0).count() == 1;
    let mut agreed = ends.len() == 1;
    for item in 0..if single { 0 } else { FREE_STARTS } {
        if best.path.outcome == Outcome::Interrupted || (agreed && item > 0) {
            break;
        }
        let start = if item == 0 && matches!(options.start, Start::Svd) {
            std::array::from_fn(|i| directions[i].slice(s![.., ..ranks[i]]).to_owned())
        } else {
            random_spans(shape, ranks, options.seed, item)
        };
        if let Some((bases, history)) = free_descent(recording, start, &best, ranks, go_on)? {
            let loss = history.last().copied().unwrap_or(f64::INFINITY);
            start_losses.push(loss);
            agreed = false;
            if loss < best.path.loss() * (1.0 - SAME_END) {
                best = better(best, polish(recording, bases, history, widths, options, go_on)?);
            }
        }
    }
    best.path.start_losses = start_losses;
    Ok(best)
}

fn better<T>(a: Found<T>, b: Found<T>) -> Found<T> {
    if a.path.loss() <= b.path.loss() { a } else { b }
}

/// Plain sweeps on the recording until they gain no more; none if it is clear that they end where `best` ended.
fn free_descent<T: Real>(
    recording: &Recording<'_, T>,
    start: Bases,
    best: &Found<T>,
    ranks: [usize; 3],
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<Option<(Bases, Vec<f64>)>> {
    let mut position = Position::new(start);
    let mut history = Vec::new();
    for _ in 0..FREE_SWEEPS {
        let mut loss = f64::INFINITY;
        for axis in (0..3).filter(|&axis| ranks[axis] > 0) {
            loss = recording.block(&mut position, axis, ranks[axis], ranks[axis])?.1;
        }
        let shared =
            |i: usize| best.position.bases[i].t().dot(&position.bases[i]).iter().map(|v| v * v).sum::<f64>();
        let apart: f64 = (0..3).filter(|&i| ranks[i] > 0).map(|i| ranks[i] as f64 - shared(i)).sum();
        if !go_on(loss) || apart < SAME_BASIN {
            return Ok(None);
        }
        let last = history.last().copied().unwrap_or(f64::INFINITY);
        history.push(loss.min(last));
        if last - loss <= FREE_TOLERANCE * loss {
            break;
        }
    }
    Ok(Some((position.bases, history)))
}

/// Exact sweeps on the recording, all but the first followed by a descent on the terrain within the directions found.
/// `history` is that of the descent that led to `start`.
fn polish<T: Real>(
    recording: &Recording<'_, T>,
    start: Bases,
    mut history: Vec<f64>,
    widths: [usize; 3],
    options: &Options,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<Found<T>> {
    let ranks = options.ranks;
    let noise = NOISE * T::EPSILON * recording.sum_of_squares;
    let n_types = ranks.iter().filter(|&&rank| rank > 0).count();
    let mut position = Position::new(start);
    let mut outcome = Outcome::IterationsExhausted;
    for done in 0..options.max_iter {
        let mut directions = Bases::default();
        let mut loss = f64::INFINITY;
        for axis in (0..3).filter(|&axis| ranks[axis] > 0) {
            (directions[axis], loss) = recording.block(&mut position, axis, ranks[axis], widths[axis])?;
        }
        let last = history.last().copied().unwrap_or(f64::INFINITY);
        history.push(loss.max(0.0).min(last));
        if !go_on(loss) {
            outcome = Outcome::Interrupted;
            break;
        }
        if n_types == 1 || done > 0 && last - loss <= (options.tol * loss).max(noise) {
            outcome = Outcome::Converged;
            break;
        }
        if done + 1 < FEW_SWEEPS || !compressible(widths) {
            continue;
        }
        let small = recording.within(&directions);
        let inside =
            std::array::from_fn(|i| Array2::eye(directions[i].ncols()).slice(s![.., ..ranks[i]]).to_owned());
        let spans = Spans { terrain: &small, ranks };
        let tol = SMALL_TOLERANCE * options.tol;
        let limits = Limits::new(SMALL_SWEEPS, tol);
        let end = descend(&spans, inside, limits, &mut |_, _| go_on(loss))?;
        position = Position::new(expanded(&end, &directions));
    }
    Ok(Found { position, path: Path { history, start_losses: Vec::new(), outcome } })
}

/// Directions for a type of this rank along an axis of this length.
fn width(rank: usize, length: usize) -> usize {
    if rank == 0 { 0 } else { (rank + rank.clamp(SPARE_DIRECTIONS, MOST_SPARE)).min(length) }
}

/// Whether the small terrain within so many directions is small: its arrays have m_i² m_j² entries.
fn compressible(widths: [usize; 3]) -> bool {
    [(0, 1), (0, 2), (1, 2)].iter().all(|&(i, j)| widths[i] * widths[j] <= LARGEST_PAIR)
}

fn expanded(end: &End, directions: &Bases) -> Bases {
    std::array::from_fn(|i| product(directions[i].view(), end.state[i].view()))
}
