//! Restarts: where they start, and when there have been enough.
//!
//! SliceTCA has local minima, on some recordings many, and neither the leading directions (HOSVD) nor any single random
//! start is sure to find the best. Starts that follow the data do better than uniformly random spans: R_i fibres of the
//! recording itself, picked at random (x[:, n, t], x[k, :, t], x[k, n, :]).
//!
//! How many are enough is judged from what they found (Boender & Rinnooy Kan 1987). With N descents that ended in W
//! different places, the expected number of ends, seen and unseen, is W (N − 1) / (N − W − 2); the search stops when
//! that exceeds W by less than one half and the best end has been found more than once. One valley: 8 starts. Three: 30.

use ndarray::{Array2, ArrayViewMut1, s};

use super::super::dense::Dense;
use super::super::extrapolation::{Descent, Limits, descend};
use super::descent::Spans;
use super::terrain::{Bases, Small};
use crate::error::Result;
use crate::linalg::{complete, orthonormal_basis};
use crate::numerics::parallel::Threads;
use crate::numerics::rng::{self, Stream};
use crate::real::Real;

/// Starts between two looks at what was found (no fewer than one valley needs).
const BATCH: usize = 8;
/// Starts at the most, when their number is left to the rule.
const MOST: usize = 200;
/// Random streams of starts on the recording itself come after those of the small terrain.
const FREE_STREAMS: usize = 1 << 32;
/// Ends whose losses differ by less than this share are one place.
pub const SAME_END: f64 = 1e-5;
/// Sweeps of a start at the most.
const MAX_SWEEPS: usize = 2000;

/// Where a descent on the small terrain ended, in the coordinates of its directions (m_i × R_i).
pub type End = Descent<Bases>;

/// How often to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starts {
    /// Until the rule is satisfied.
    Auto,
    /// This often.
    Fixed(usize),
}

/// What a search looks for, and how.
pub struct Search<'a, T> {
    /// The recording, for its fibres.
    pub x: Dense<'a, T>,
    /// V_i.
    pub directions: &'a Bases,
    /// R_i.
    pub ranks: [usize; 3],
    /// How often to start.
    pub starts: Starts,
    /// Whether the first start is the leading directions.
    pub leading_first: bool,
    /// Gain of a sweep, as a share of the loss, that counts as none.
    pub tol: f64,
    /// Seed of the starts.
    pub seed: u64,
}

impl<T: Real> Search<'_, T> {
    /// All ends found, best first, each place once; and the losses of all starts in their order.
    pub fn run(
        &self,
        terrain: &Small,
        threads: &Threads,
        go_on: &mut dyn FnMut(usize, f64) -> bool,
    ) -> Result<(Vec<End>, Vec<f64>)> {
        let mut ends: Vec<End> = Vec::new();
        let mut losses = Vec::new();
        loop {
            let batch = match self.starts {
                Starts::Auto if losses.len() >= MOST || enough(&losses) => break,
                Starts::Auto => BATCH,
                Starts::Fixed(n) if losses.len() >= n => break,
                Starts::Fixed(n) => BATCH.min(n - losses.len()),
            };
            let (done, best) = (losses.len(), ends.first().map_or(f64::NAN, End::loss));
            let mut going = true;
            let found = threads.map_polled(
                batch,
                |item, stop| {
                    let spans = Spans { terrain, ranks: self.ranks };
                    let limits = Limits::new(MAX_SWEEPS, self.tol);
                    descend(&spans, self.start(done + item), limits, &mut |_, _| !stop())
                },
                &mut |more| {
                    going = go_on(done + more, best);
                    going
                },
            );
            for end in found {
                let end = end?;
                losses.push(end.loss());
                ends.push(end);
            }
            ends.sort_by(|a, b| a.loss().total_cmp(&b.loss()));
            ends.dedup_by(|b, a| same(a.loss(), b.loss()));
            if !going {
                break;
            }
        }
        Ok((ends, losses))
    }

    fn start(&self, item: usize) -> Bases {
        let mut rng = rng::stream(self.seed, item as u64);
        std::array::from_fn(|axis| {
            let (rank, v) = (self.ranks[axis], &self.directions[axis]);
            if rank == 0 {
                return Array2::zeros((0, 0));
            }
            if item == 0 && self.leading_first {
                return Array2::eye(v.ncols()).slice(s![.., ..rank]).to_owned();
            }
            let mut fibres = Array2::zeros((v.nrows(), rank));
            for mut column in fibres.columns_mut() {
                fibre(self.x, axis, &mut rng, &mut column);
            }
            complete(orthonormal_basis(v.t().dot(&fibres).view()), rank)
        })
    }
}

/// A random fibre of the recording along `axis`; zero where it was not observed.
pub fn fibre<T: Real>(x: Dense<'_, T>, axis: usize, rng: &mut Stream, out: &mut ArrayViewMut1<'_, f64>) {
    let (left, length, right) = x.split(axis);
    let pick = |n: usize, rng: &mut Stream| ((rng::uniform(rng) * n as f64) as usize).min(n - 1);
    let (l, k) = (pick(left, rng), pick(right, rng));
    for (i, value) in out.iter_mut().enumerate() {
        let entry = x.data[(l * length + i) * right + k];
        *value = if entry.is_nan() { 0.0 } else { entry.to_f64() };
    }
}

/// Uniformly random spans for a descent on the recording itself.
pub fn random_spans(shape: &[usize], ranks: [usize; 3], seed: u64, item: usize) -> Bases {
    let mut rng = rng::stream(seed, (FREE_STREAMS + item) as u64);
    std::array::from_fn(|i| {
        let normal = Array2::from_shape_simple_fn((shape[i], ranks[i]), || rng::normal(&mut rng));
        complete(orthonormal_basis(normal.view()), ranks[i])
    })
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME_END * a.abs().max(b.abs())
}

/// Whether the ends found so far leave less than half an unseen one to be expected, and the best is no lone find.
fn enough(losses: &[f64]) -> bool {
    let mut sorted = losses.to_vec();
    sorted.sort_by(f64::total_cmp);
    let places = 1 + sorted.windows(2).filter(|pair| !same(pair[0], pair[1])).count();
    let (n, w) = (losses.len() as f64, places as f64);
    n > w + 2.0 && w * (n - 1.0) / (n - w - 2.0) < w + 0.5 && same(sorted[0], sorted[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_the_published_one() {
        assert!(!enough(&[1.0; 7]) && enough(&[1.0; 8]));
        let three = |n: usize| (0..n).map(|i| (1 + i % 3) as f64).collect::<Vec<_>>();
        assert!(!enough(&three(29)) && enough(&three(30)));
        let mut lone = vec![2.0; 50];
        lone.push(1.0);
        assert!(!enough(&lone));
        lone.push(1.0);
        assert!(enough(&lone));
    }
}
