//! Sums over the few inputs of each cell: vector instructions run over samples.
//!
//! ```text
//! u[s, i] = Σ_k w[i, k] ξ[s, source[i, k]]
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | ξ | `columns`, of one block | (n_mossy, LANES): samples side by side |
//! | u | `tile`, of a few cells | (TILE, LANES), then turned into `out` (samples, n_granule) |
//!
//! A source is then one line of memory whose numbers are all used, and no instruction gathers. A few samples alone (one step of an
//! online simulation) do not fill a block and go cell by cell. Both ways add the K products in the same order, so that a sample does
//! not know which way it went.

use std::sync::{Mutex, PoisonError};

use super::Activation;
use super::golgi::{Brake, Golgi, Pathway, mean};
use crate::numerics::parallel::Threads;
use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;

/// Samples of a block: two registers of AVX2 in single precision, four in double.
pub const LANES: usize = 16;
/// Cells that wait to be turned into rows.
const TILE: usize = 64;
/// So many samples or fewer go one by one.
const FEW: usize = 3;
/// Cells of one piece of work where samples go one by one.
const PIECE: usize = 1 << 15;

/// Sparse weights.
#[derive(Debug, Clone, Copy)]
pub struct Wires<'a, R> {
    pub sources: &'a [u32],
    pub weights: &'a [R],
    pub n_inputs: usize,
    pub n_mossy: usize,
}

/// What becomes of the sums.
#[derive(Debug, Clone, Copy)]
pub enum Drive<'a, R> {
    /// They stay as they are.
    Alone,
    /// They become activity, with inhibition that does not depend on it.
    Activity { thresholds: &'a [R], golgi: Option<Golgi>, activation: Activation },
}

/// Columns of blocks that were computed earlier, one for each thread that was busy at once: the next block takes one of them instead of
/// new memory.
#[derive(Debug, Default)]
pub struct Buffers<R>(Mutex<Vec<Columns<R>>>);

type Columns<R> = Vec<[R; LANES]>;

impl<R: Real> Buffers<R> {
    fn lend<O>(&self, n_mossy: usize, work: impl FnOnce(&mut Columns<R>) -> O) -> O {
        let idle = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut columns = idle().pop().unwrap_or_default();
        columns.resize(n_mossy, [R::ZERO; LANES]);
        let found = work(&mut columns);
        idle().push(columns);
        found
    }
}

impl<R> Clone for Buffers<R> {
    /// What is in them is nobody's state.
    fn clone(&self) -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

/// Sums, or activity, of all samples: `out` is (samples, n_granule).
pub fn drive<R: Real>(
    wires: Wires<'_, R>,
    mossy: &[R],
    then: Drive<'_, R>,
    out: &mut [R],
    buffers: &Buffers<R>,
    threads: &Threads,
) {
    let n_mossy = wires.n_mossy;
    let n_granule = wires.sources.len() / wires.n_inputs;
    let n_samples = mossy.len() / n_mossy;
    if n_samples <= FEW {
        threads.for_chunks(out, PIECE, |piece, mut part| {
            let mut start = piece * PIECE;
            while !part.is_empty() {
                let (sample, cell) = (start / n_granule, start % n_granule);
                let n = part.len().min(n_granule - cell);
                let (here, rest) = part.split_at_mut(n);
                row(wires, &mossy[sample * n_mossy..][..n_mossy], cell, then, here);
                start += n;
                part = rest;
            }
        });
        return;
    }
    threads.for_chunks(out, LANES * n_granule, |number, rows| {
        let n_rows = rows.len() / n_granule;
        let mossy = &mossy[number * LANES * n_mossy..][..n_rows * n_mossy];
        let mut brakes = [Brake::none(); LANES];
        for (brake, sample) in brakes.iter_mut().zip(mossy.chunks_exact(n_mossy)) {
            *brake = before(then, sample);
        }
        buffers.lend(n_mossy, |columns| {
            // Lanes beyond the last sample hold what was there: they are computed, and go nowhere.
            for (lane, sample) in mossy.chunks_exact(n_mossy).enumerate() {
                for (column, &value) in columns.iter_mut().zip(sample) {
                    column[lane] = value;
                }
            }
            block(wires, columns, &brakes, then, rows);
        });
    });
}

/// Inhibition that is known before any cell is.
fn before<R: Real>(then: Drive<'_, R>, sample: &[R]) -> Brake<R> {
    match then {
        Drive::Activity { golgi: Some(golgi), .. } if golgi.pathway == Pathway::FeedForward => {
            golgi.brake(mean(sample))
        }
        _ => Brake::none(),
    }
}

vectorised! {
    fn block<R: Real>(wires: Wires<'_, R>, columns: &[[R; LANES]], brakes: &[Brake<R>; LANES], then: Drive<'_, R>, rows: &mut [R]) {
        let n_granule = wires.sources.len() / wires.n_inputs;
        let mut tile = [[R::ZERO; LANES]; TILE];
        let scale: [R; LANES] = std::array::from_fn(|lane| brakes[lane].scale);
        let shift: [R; LANES] = std::array::from_fn(|lane| brakes[lane].shift);
        let sets = wires.sources.chunks_exact(wires.n_inputs).zip(wires.weights.chunks_exact(wires.n_inputs));
        let mut sets = sets;
        let mut first = 0;
        while first < n_granule {
            let n_cells = TILE.min(n_granule - first);
            for (cell, (sums, (sources, weights))) in tile[..n_cells].iter_mut().zip(&mut sets).enumerate() {
                let mut total = [R::ZERO; LANES];
                for (&source, &weight) in sources.iter().zip(weights) {
                    let column = &columns[source as usize];
                    for lane in 0..LANES {
                        total[lane] = multiply_add::<R, FUSED>(weight, column[lane], total[lane]);
                    }
                }
                if let Drive::Activity { thresholds, activation, .. } = then {
                    let threshold = thresholds[first + cell];
                    for lane in 0..LANES {
                        let above = multiply_add::<R, FUSED>(total[lane], scale[lane], -(threshold + shift[lane]));
                        total[lane] = answer(above, activation);
                    }
                }
                *sums = total;
            }
            for (lane, row) in rows.chunks_exact_mut(n_granule).enumerate() {
                for (value, sums) in row[first..first + n_cells].iter_mut().zip(&tile) {
                    *value = sums[lane];
                }
            }
            first += n_cells;
        }
    }
}

/// Cells of one sample, from number `first` on.
fn row<R: Real>(wires: Wires<'_, R>, sample: &[R], first: usize, then: Drive<'_, R>, out: &mut [R]) {
    let brake = before(then, sample);
    let range = first * wires.n_inputs..(first + out.len()) * wires.n_inputs;
    sums(&wires.sources[range.clone()], &wires.weights[range], wires.n_inputs, sample, out);
    if let Drive::Activity { thresholds, activation, .. } = then {
        activate(out, &thresholds[first..first + out.len()], brake, activation);
    }
}

vectorised! {
    fn sums<R: Real>(sources: &[u32], weights: &[R], n_inputs: usize, sample: &[R], out: &mut [R]) {
        let sets = sources.chunks_exact(n_inputs).zip(weights.chunks_exact(n_inputs));
        for (value, (sources, weights)) in out.iter_mut().zip(sets) {
            let mut total = R::ZERO;
            for (&source, &weight) in sources.iter().zip(weights) {
                total = multiply_add::<R, FUSED>(weight, sample[source as usize], total);
            }
            *value = total;
        }
    }
}

vectorised! {
    /// Sums of one sample become activity, in place.
    pub fn activate<R: Real>(row: &mut [R], thresholds: &[R], brake: Brake<R>, activation: Activation) {
        for (value, &threshold) in row.iter_mut().zip(thresholds) {
            let above = multiply_add::<R, FUSED>(*value, brake.scale, -(threshold + brake.shift));
            *value = answer(above, activation);
        }
    }
}

#[inline(always)]
fn answer<R: Real>(above: R, activation: Activation) -> R {
    match activation {
        // NaN passes through, so that whoever looks sees it.
        Activation::Relu => {
            if above < R::ZERO {
                R::ZERO
            } else {
                above
            }
        }
        Activation::Binary => {
            if above > R::ZERO {
                R::ONE
            } else {
                R::ZERO
            }
        }
    }
}
