//! Sweeps of SliceTCA over a recording with gaps: every block from the normal equations of the entries that were
//! observed, with or without non-negativity.
//!
//! Given everything else, the rest of a trial k (its loadings u_k and its rows B_k, C_k of the neuron and time slices)
//! depends on that trial alone, so a pass over the trials updates it while the trial is in the cache (`plane`), one
//! block after the other. What all trials share (A, v, w) follows from sums over the trials, one type a pass:
//!
//! ```text
//! e = m ∘ (x − x̂)
//! trial   u_k: g = ⟨e, A_r⟩   H = ⟨m, A_r A_s⟩      B_k[t]: Σ_n e v_r, Σ_n m v_r v_s     C_k[n]: Σ_t e w_r, Σ_t m w_r w_s
//! shared  A[n, t]: Σ_k e u_r, Σ_k m u_r u_s          v[n]: Σ_kt e B_r, Σ_kt m B_r B_s     w[t]: Σ_kn e C_r, Σ_kn m C_r C_s
//! ```
//!
//! and each block takes the step that its g and H ask for (`systems`). Every block is exact or at least descends, and
//! the loss after a block is known from e, g and H: the recording is read once for each slice type and sweep, nothing of
//! its size is stored, and no missing entry is ever imputed. Trials that run in parallel share nothing but sums, which
//! are added in a fixed order.

use std::cell::RefCell;

use super::super::dense::Dense;
use super::super::extrapolation::{Blocks, Limits, Schedule, descend};
use super::super::narrow::RowWeights;
use super::super::systems::{Matrix, Workspace, draw_to_zero, improve, mean_diagonal, n_pairs, pairs, place};
use super::by_trial::{Factors, Layout, beyond};
use super::plane::{Courses, Grid, add_outer, along_neurons, along_time, inner, split, subtract};
use crate::error::Result;
use crate::numerics::parallel::Threads;
use crate::real::Real;
use ndarray::ArrayView2;

/// Sums over trials that run in parallel; fewer where their memory would count beside the recording's.
const PARTIAL_SUMS: usize = 8;
/// The most that all of them together may take, as a share of the recording.
const SHARE_OF_MEMORY: f64 = 0.1;
/// Passes over the unknowns of a non-negative system.
const PASSES: usize = 2;
/// How boldly to extrapolate.
pub const SCHEDULE: Schedule = Schedule { first: 0.5, growth: 1.2, fall: 0.4, largest: 12.0 };

/// A recording with gaps, and the model that is asked for.
pub struct Gaps<'a, T> {
    /// The recording; NaN where it was not observed.
    pub x: Dense<'a, T>,
    /// R_i.
    pub ranks: [usize; 3],
    /// Which types must not be negative.
    pub nonnegative: [bool; 3],
    /// Threads to run on.
    pub threads: &'a Threads,
}

/// Passes over the unknowns of a type's systems; none where they are simply solved.
pub fn rule(nonnegative: [bool; 3], kind: usize) -> Option<usize> {
    nonnegative[kind].then_some(PASSES)
}

/// Gradient and matrices of a shared block, summed over trials, and the loss.
pub struct Sums<T> {
    /// Σ e z, R numbers for each place of the block.
    pub gradient: Vec<T>,
    /// Σ m z zᵀ, the upper triangle.
    pub matrices: Vec<T>,
    /// Σ e².
    pub loss: f64,
}

impl<T: Real> Sums<T> {
    /// Nothing yet, for `rank` components over `width` places.
    pub fn zeros(rank: usize, width: usize) -> Self {
        let zeros = |n: usize| vec![T::ZERO; n];
        Self { gradient: zeros(rank * width), matrices: zeros(n_pairs(rank) * width), loss: 0.0 }
    }

    /// Adds the sums over other trials.
    pub fn add(&mut self, other: &Self) {
        self.gradient.iter_mut().zip(&other.gradient).for_each(|(a, &b)| *a += b);
        self.matrices.iter_mut().zip(&other.matrices).for_each(|(a, &b)| *a += b);
        self.loss += other.loss;
    }

    /// Improves the block that these sums are of; the loss afterwards.
    pub fn improve(mut self, unknowns: &mut [T], rank: usize, rule: Option<usize>) -> f64 {
        let Self { gradient, matrices, loss } = &mut self;
        let typical = mean_diagonal(matrices, rank);
        let pull = draw_to_zero(matrices, gradient, unknowns, rank, typical);
        let drawn = pull * inner(unknowns, unknowns);
        let fallen =
            improve(Matrix::Each(matrices), gradient, unknowns, rank, rule, &mut Workspace::default());
        // What fell is the loss and the pull together.
        (*loss - fallen + drawn - pull * inner(unknowns, unknowns)).max(0.0)
    }
}

/// Shared blocks in the forms that trials need.
struct Held<'a, T> {
    slices: &'a [T],
    neurons: &'a [T],
    time: &'a [T],
    neuron_columns: Vec<T>,
    neuron_pairs: Vec<T>,
    time_weights: Option<RowWeights<T>>,
    time_pairs: Option<RowWeights<T>>,
    /// What the diagonals of a trial's systems would be if all of it were observed.
    typical: [f64; 3],
}

/// Memory of one worker.
struct Scratch<T> {
    residual: Vec<T>,
    observed: Vec<T>,
    seen: Vec<T>,
    gradient: Vec<T>,
    matrices: Vec<T>,
    buffer: Vec<T>,
    workspace: Workspace,
}

impl<T: Real> Gaps<'_, T> {
    /// How the model is arranged.
    pub fn layout(&self) -> Layout {
        let lengths = (self.x.shape[0], self.x.shape[1], self.x.shape[2]);
        Layout { lengths, ranks: self.ranks, nonnegative: self.nonnegative }
    }

    fn rule(&self, kind: usize) -> Option<usize> {
        rule(self.nonnegative, kind)
    }

    /// One pass over the trials: the rest of each trial, then what type `kind` shares. Returns the loss.
    fn pass(&self, factors: &mut Factors<T>, kind: usize) -> f64 {
        let sums = self.sums(factors, kind);
        sums.improve(&mut factors.shared[kind], self.ranks[kind], self.rule(kind))
    }

    /// Updates the rest of each trial, and sums up what type `kind` shares.
    pub fn sums(&self, factors: &mut Factors<T>, kind: usize) -> Sums<T> {
        let layout = self.layout();
        let (n_trials, n_neurons, n_steps) = layout.lengths;
        let rank = self.ranks[kind];
        let width = layout.width(kind);
        let numbers = (rank + n_pairs(rank)) * width;
        let allowed = (SHARE_OF_MEMORY * self.x.len() as f64 / numbers as f64) as usize;
        let share = n_trials.div_ceil(allowed.clamp(1, PARTIAL_SUMS));
        let held = self.held(&factors.shared);
        let per_trial = layout.per_trial();
        let parts = self.threads.map_chunks(&mut factors.trials, share * per_trial, |part, trials| {
            let mut sums = Sums::zeros(rank, width);
            let mut scratch = Scratch::new(n_neurons, n_steps, self.ranks);
            for (i, trial) in trials.chunks_exact_mut(per_trial).enumerate() {
                self.update_trial(part * share + i, trial, &held, &mut scratch);
                sums.loss += inner(&scratch.residual, &scratch.residual);
                self.add_to_sums(trial, kind, &mut scratch, &mut sums);
            }
            sums
        });
        let mut parts = parts.into_iter();
        let mut sums = parts.next().expect("a recording has trials");
        parts.for_each(|part| sums.add(&part));
        sums
    }

    /// What belongs to trial `k`, from zero, all else held: its blocks take turns until one gains less than `settled`
    /// of the trial's sum of squares.
    pub fn settled_trial(
        &self,
        k: usize,
        shared: &[Vec<T>; 3],
        turns: usize,
        settled: f64,
    ) -> Result<Vec<T>> {
        let (_, n_neurons, n_steps) = self.layout().lengths;
        let size = n_neurons * n_steps;
        let observed = self.x.data[k * size..][..size].iter().filter(|v| !v.is_nan());
        let sum_of_squares: f64 = observed.map(|v| v.to_f64() * v.to_f64()).sum();
        let scratch = RefCell::new(Scratch::new(n_neurons, n_steps, self.ranks));
        let trial = OneTrial { gaps: self, k, held: self.held(shared), scratch };
        let limits = Limits { noise: settled * sum_of_squares, ..Limits::new(turns, 0.0) };
        Ok(descend(&trial, vec![T::ZERO; self.layout().per_trial()], limits, &mut |_, _| true)?.state)
    }

    fn held<'a>(&self, shared: &'a [Vec<T>; 3]) -> Held<'a, T> {
        let (_, n_neurons, n_steps) = self.layout().lengths;
        let [slices, neurons, time] = shared;
        let weights = |rows: &[T]| (!rows.is_empty()).then(|| weights(rows, n_steps));
        Held {
            slices,
            neurons,
            time,
            neuron_columns: transposed(neurons, n_neurons),
            neuron_pairs: transposed(&products(neurons, self.ranks[1]), n_neurons),
            time_weights: weights(time),
            time_pairs: weights(&products(time, self.ranks[2])),
            typical: std::array::from_fn(|kind| {
                inner(&shared[kind], &shared[kind]) / self.ranks[kind].max(1) as f64
            }),
        }
    }

    /// Updates what belongs to a trial; leaves its residual in `scratch`.
    fn update_trial(&self, k: usize, trial: &mut [T], held: &Held<'_, T>, scratch: &mut Scratch<T>) {
        let (_, n_neurons, n_steps) = self.layout().lengths;
        let [r0, r1, r2] = self.ranks;
        let size = n_neurons * n_steps;
        let Scratch { residual: e, observed: m, seen, gradient, matrices, buffer, workspace } = scratch;
        let (u, rest) = trial.split_at_mut(r0);
        let (b, c) = rest.split_at_mut(r1 * n_steps);
        let slices = Courses { data: held.slices, component: size, neuron: n_steps };

        split(&self.x.data[k * size..][..size], e, m);
        subtract(e, Some(m), n_steps, r0, Grid::of_trial(u), slices);
        subtract(
            e,
            Some(m),
            n_steps,
            r1,
            Grid::of_neurons(held.neurons, n_neurons),
            Courses::common(b, n_steps),
        );
        subtract(
            e,
            Some(m),
            n_steps,
            r2,
            Grid::of_neurons(c, n_neurons),
            Courses::common(held.time, n_steps),
        );
        if r0 > 0 {
            let (g, h) = cleared(gradient, matrices, r0, 1);
            let slice = |r: usize| &held.slices[r * size..][..size];
            for (r, g) in g.iter_mut().enumerate() {
                *g = T::from_f64(inner(e, slice(r)));
            }
            for r in 0..r0 {
                seen.iter_mut().zip(slice(r)).zip(m.iter()).for_each(|((s, &a), &m)| *s = a * m);
                for s in r..r0 {
                    h[place(r0, r, s)] = T::from_f64(inner(seen, slice(s)));
                }
            }
            draw_to_zero(h, g, u, r0, held.typical[0]);
            improve(Matrix::Each(h), g, u, r0, self.rule(0), workspace);
            subtract(e, Some(m), n_steps, r0, Grid::of_trial(g), slices);
        }
        if r1 > 0 {
            let (g, h) = cleared(gradient, matrices, r1, n_steps);
            along_neurons(e, n_steps, &held.neuron_columns, r1, g);
            along_neurons(m, n_steps, &held.neuron_pairs, n_pairs(r1), h);
            draw_to_zero(h, g, b, r1, held.typical[1]);
            improve(Matrix::Each(h), g, b, r1, self.rule(1), workspace);
            subtract(
                e,
                Some(m),
                n_steps,
                r1,
                Grid::of_neurons(held.neurons, n_neurons),
                Courses::common(g, n_steps),
            );
        }
        if let (Some(weights), Some(pairs)) = (&held.time_weights, &held.time_pairs) {
            let (g, h) = cleared(gradient, matrices, r2, n_neurons);
            along_time(e, weights, r2, &mut buffer[..r2 * n_neurons], g);
            along_time(m, pairs, n_pairs(r2), &mut buffer[..n_pairs(r2) * n_neurons], h);
            draw_to_zero(h, g, c, r2, held.typical[2]);
            improve(Matrix::Each(h), g, c, r2, self.rule(2), workspace);
            subtract(
                e,
                Some(m),
                n_steps,
                r2,
                Grid::of_neurons(g, n_neurons),
                Courses::common(held.time, n_steps),
            );
        }
    }

    /// Adds a trial to the sums of a shared block.
    fn add_to_sums(&self, trial: &[T], kind: usize, scratch: &mut Scratch<T>, sums: &mut Sums<T>) {
        let (_, n_neurons, n_steps) = self.layout().lengths;
        let [r0, r1, r2] = self.ranks;
        let (e, m, buffer) = (&scratch.residual, &scratch.observed, &mut scratch.buffer);
        let (u, rest) = trial.split_at(r0);
        let (b, c) = rest.split_at(r1 * n_steps);
        match kind {
            0 => {
                add_outer(u, e, &mut sums.gradient);
                add_outer(&products(u, r0), m, &mut sums.matrices);
            }
            1 => {
                let n = n_pairs(r1);
                along_time(e, &weights(b, n_steps), r1, &mut buffer[..r1 * n_neurons], &mut sums.gradient);
                let b = weights(&products(b, r1), n_steps);
                along_time(m, &b, n, &mut buffer[..n * n_neurons], &mut sums.matrices);
            }
            _ => {
                along_neurons(e, n_steps, &transposed(c, n_neurons), r2, &mut sums.gradient);
                let c = transposed(&products(c, r2), n_neurons);
                along_neurons(m, n_steps, &c, n_pairs(r2), &mut sums.matrices);
            }
        }
    }
}

/// What belongs to one trial, as a problem of its own.
struct OneTrial<'a, T> {
    gaps: &'a Gaps<'a, T>,
    k: usize,
    held: Held<'a, T>,
    scratch: RefCell<Scratch<T>>,
}

impl<T: Real> Blocks for OneTrial<'_, T> {
    type State = Vec<T>;
    const SCHEDULE: Schedule = SCHEDULE;

    fn sweep(&self, trial: &mut Vec<T>) -> Result<f64> {
        let scratch = &mut self.scratch.borrow_mut();
        self.gaps.update_trial(self.k, trial, &self.held, scratch);
        Ok(inner(&scratch.residual, &scratch.residual))
    }

    fn extrapolated(&self, now: &Vec<T>, before: &Vec<T>, beta: f64) -> Vec<T> {
        let mut next = beyond(now, before, T::from_f64(beta));
        self.gaps.layout().clip_trial(&mut next);
        next
    }
}

impl<T: Real> Blocks for Gaps<'_, T> {
    type State = Factors<T>;
    const SCHEDULE: Schedule = SCHEDULE;

    fn sweep(&self, factors: &mut Factors<T>) -> Result<f64> {
        let active = (0..3).filter(|&kind| self.ranks[kind] > 0);
        Ok(active.map(|kind| self.pass(factors, kind)).last().expect("a model has components"))
    }

    fn extrapolated(&self, now: &Factors<T>, before: &Factors<T>, beta: f64) -> Factors<T> {
        self.layout().extrapolated(now, before, beta)
    }
}

impl<T: Real> Scratch<T> {
    fn new(n_neurons: usize, n_steps: usize, ranks: [usize; 3]) -> Self {
        let widest = ranks[1].max(1) * n_steps.max(1) + ranks[2] * n_neurons + ranks[0];
        let most_pairs = n_pairs(ranks[1]) * n_steps + n_pairs(ranks[2]) * n_neurons + n_pairs(ranks[0]);
        let buffer = n_pairs(ranks[1].max(ranks[2]).max(1)) * n_neurons;
        Self {
            residual: vec![T::ZERO; n_neurons * n_steps],
            observed: vec![T::ZERO; n_neurons * n_steps],
            seen: vec![T::ZERO; if ranks[0] > 0 { n_neurons * n_steps } else { 0 }],
            gradient: vec![T::ZERO; widest],
            matrices: vec![T::ZERO; most_pairs],
            buffer: vec![T::ZERO; buffer],
            workspace: Workspace::default(),
        }
    }
}

/// Room for `rank` gradients and their matrices, all zero.
fn cleared<'a, T: Real>(
    gradient: &'a mut [T],
    matrices: &'a mut [T],
    rank: usize,
    width: usize,
) -> (&'a mut [T], &'a mut [T]) {
    let (g, h) = (&mut gradient[..rank * width], &mut matrices[..n_pairs(rank) * width]);
    g.fill(T::ZERO);
    h.fill(T::ZERO);
    (g, h)
}

/// The products of rows r ≤ s.
fn products<T: Real>(rows: &[T], rank: usize) -> Vec<T> {
    let width = rows.len() / rank.max(1);
    let row = |r: usize| &rows[r * width..][..width];
    pairs(rank).flat_map(|(r, s)| row(r).iter().zip(row(s)).map(|(&a, &b)| a * b)).collect()
}

/// Rows of `width` as columns.
fn transposed<T: Real>(rows: &[T], width: usize) -> Vec<T> {
    let rank = rows.len() / width;
    let mut out = vec![T::ZERO; rows.len()];
    for (r, row) in rows.chunks_exact(width).enumerate() {
        row.iter().enumerate().for_each(|(n, &value)| out[n * rank + r] = value);
    }
    out
}

fn weights<T: Real>(rows: &[T], width: usize) -> RowWeights<T> {
    let rows = ArrayView2::from_shape((rows.len() / width, width), rows).expect("whole rows");
    RowWeights::new(rows.reversed_axes())
}
