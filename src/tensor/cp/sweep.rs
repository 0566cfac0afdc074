//! One sweep of alternating least squares: each mode's factor is set to the minimum given the others.
//!
//! ```text
//! complete    A_n ← argmin ‖X − ⟦A⟧‖²:  A_n G = M_n,   G = ∘_{m≠n} A_mᵀ A_m,  M_n the MTTKRP
//! incomplete  row i on its own:  a_i H_i = b_i,  H_i = Σ_observed z zᵀ,  b_i = Σ_observed x z,  z = ∘_{m≠n} a_m
//! ```
//!
//! H_i for all rows at once is an MTTKRP too: of the 0/1 tensor "observed" with the pairwise products of columns,
//! (A_m[:, r] A_m[:, s])_{r ≤ s}. Under non-negativity the systems are not solved but descended column by column
//! (`systems`).
//!
//! Every update lowers the loss or leaves it; the loss at the end of a sweep comes with the last mode's equations,
//! ‖x‖² − 2 ⟨A_n, M_n⟩ + Σ_i a_i H_i a_iᵀ, without another look at the tensor.

use std::ops::Range;

use ndarray::{Array2, s};

use super::super::mttkrp::{Halves, Reading, contract_group};
use super::super::systems::{Matrix, Workspace, draw_to_zero, improve, mean_diagonal, pairs};
use crate::error::{Error, Result};
use crate::linalg::{Ridge, solve_spd_rows};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// The proximal share of G's diagonal: far above rounding, far below what slows a sweep down.
const RIDGE: Ridge = Ridge(1e-10);
/// Passes over the columns of a non-negative factor per sweep: they cost R² a row, the equations the whole tensor.
const COLUMN_PASSES: usize = 5;

/// P of the pairs may take one part in so many of what the tensor takes.
const LARGEST_SHARE: usize = 4;

/// A tensor to be fitted, and how.
pub struct Problem<'a, T> {
    /// The tensor.
    pub halves: Halves<'a, T>,
    /// Whether entries are missing.
    pub incomplete: bool,
    /// The equations are those of x · `unit`, a power of two: then the numbers, to the last digit, do not depend on the
    /// scale of the data.
    pub unit: f64,
    /// Σ (x · unit)² over the observed entries.
    pub sum_of_squares: f64,
    /// Which modes are non-negative.
    pub nonnegative: &'a [bool],
    /// Threads to run on.
    pub threads: &'a Threads,
}

/// P or Q: what one group of modes needs to know of the tensor.
enum Half<T> {
    Leading(Array2<T>),
    Trailing(Array2<f64>),
}

impl<T: Real> Half<T> {
    fn contracted(&self, group: &[Array2<f64>], mode: usize, threads: &Threads) -> Array2<f64> {
        match self {
            Self::Leading(half) => contract_group(half.view(), group, mode, threads),
            Self::Trailing(half) => contract_group(half.view(), group, mode, threads),
        }
    }
}

/// The normal equations of one mode.
pub enum Equations {
    /// The same G for every row.
    Shared { gram: Array2<f64>, rhs: Array2<f64> },
    /// H_i for each row, as its upper triangle.
    PerRow { pairs: Array2<f64>, rhs: Array2<f64> },
}

impl<T: Real> Problem<'_, T> {
    /// Updates all factors once, in the order of the modes, and returns Σ (x − x̂)².
    pub fn update_all(&self, factors: &mut [Array2<f64>]) -> Result<f64> {
        let split = self.halves.split;
        let mut loss = self.sum_of_squares;
        let mut pairs = self.pairs(factors);
        for modes in [0..split, split..factors.len()] {
            let (values, observed) = self.half(factors, &pairs, modes.start == 0);
            for mode in modes.clone() {
                let equations =
                    self.equations(factors, &pairs, modes.clone(), mode, &values, observed.as_ref());
                factors[mode] = equations.improve(&factors[mode], self.nonnegative[mode])?;
                loss = self.sum_of_squares + equations.change(&factors[mode]);
                if self.incomplete {
                    pairs[mode] = column_pairs(&factors[mode]);
                }
            }
        }
        Ok(loss.max(0.0))
    }

    /// Whether a mode must not be negative.
    pub fn constrained(&self) -> bool {
        self.nonnegative.contains(&true)
    }

    /// The first mode's factor given the others; under non-negativity after so many rounds of column passes.
    pub fn first_mode(&self, factors: &[Array2<f64>], rounds: usize) -> Result<Array2<f64>> {
        let pairs = self.pairs(factors);
        let (values, observed) = self.half(factors, &pairs, true);
        let equations = self.equations(factors, &pairs, 0..self.halves.split, 0, &values, observed.as_ref());
        let mut factor = factors[0].clone();
        for _ in 0..rounds {
            factor = equations.improve(&factor, self.nonnegative[0])?;
        }
        Ok(factor)
    }

    /// The first mode's factor given the others, then the equations of the second given that; where one half of the
    /// tensor serves both, it is read once.
    pub fn first_two(&self, factors: &mut [Array2<f64>]) -> Result<Equations> {
        let mut pairs = self.pairs(factors);
        let split = self.halves.split;
        let (values, observed) = self.half(factors, &pairs, true);
        let first = self.equations(factors, &pairs, 0..split, 0, &values, observed.as_ref());
        factors[0] = first.improve(&factors[0], self.nonnegative[0])?;
        if self.incomplete {
            pairs[0] = column_pairs(&factors[0]);
        }
        if split == 1 {
            return Ok(self.of_mode(factors, 1));
        }
        Ok(self.equations(factors, &pairs, 0..split, 1, &values, observed.as_ref()))
    }

    /// The equations of any mode.
    pub fn of_mode(&self, factors: &[Array2<f64>], mode: usize) -> Equations {
        let split = self.halves.split;
        let modes = if mode < split { 0..split } else { split..factors.len() };
        let pairs = self.pairs(factors);
        let (values, observed) = self.half(factors, &pairs, mode < split);
        self.equations(factors, &pairs, modes, mode, &values, observed.as_ref())
    }

    /// Products of columns, where the equations of incomplete data need them.
    fn pairs(&self, factors: &[Array2<f64>]) -> Vec<Array2<f64>> {
        if self.incomplete { factors.iter().map(column_pairs).collect() } else { Vec::new() }
    }

    /// P or Q of the values, and of the pattern of observed entries where some are missing.
    fn half(
        &self,
        factors: &[Array2<f64>],
        pairs: &[Array2<f64>],
        leading: bool,
    ) -> (Half<T>, Option<Half<T>>) {
        let read = |factors: &[Array2<f64>], reading| {
            if leading {
                Half::Leading(self.halves.leading(factors, reading, self.threads))
            } else {
                Half::Trailing(self.halves.trailing(factors, reading, self.threads))
            }
        };
        if self.incomplete {
            // P of many pairs can be larger than the tensor itself: then it is made again for each mode, in parts.
            let fits =
                !leading || self.halves.n_rows() * pairs[0].ncols() <= self.halves.len() / LARGEST_SHARE;
            (read(factors, Reading::Filled), fits.then(|| read(pairs, Reading::Observed)))
        } else {
            (read(factors, Reading::Value), None)
        }
    }

    /// The equations of a mode of the group `modes`, from its half.
    fn equations(
        &self,
        factors: &[Array2<f64>],
        pairs: &[Array2<f64>],
        modes: Range<usize>,
        mode: usize,
        values: &Half<T>,
        observed: Option<&Half<T>>,
    ) -> Equations {
        let within = mode - modes.start;
        let rhs = values.contracted(&factors[modes.clone()], within, self.threads) * self.unit;
        if !self.incomplete {
            return Equations::Shared { gram: gram_of_others(factors, mode), rhs };
        }
        let pairs = match observed {
            Some(observed) => observed.contracted(&pairs[modes], within, self.threads),
            None => self.observed_in_parts(pairs, modes, within),
        };
        Equations::PerRow { pairs, rhs }
    }

    /// H_i of a leading mode, a few pairs of columns at a time.
    fn observed_in_parts(&self, pairs: &[Array2<f64>], modes: Range<usize>, within: usize) -> Array2<f64> {
        let n_pairs = pairs[0].ncols();
        let together = (self.halves.len() / LARGEST_SHARE / self.halves.n_rows()).max(1);
        let mut all = Array2::zeros((pairs[modes.start + within].nrows(), n_pairs));
        for first in (0..n_pairs).step_by(together) {
            let columns = s![.., first..(first + together).min(n_pairs)];
            let part: Vec<Array2<f64>> = pairs.iter().map(|pairs| pairs.slice(columns).to_owned()).collect();
            let half = self.halves.leading(&part, Reading::Observed, self.threads);
            let found = contract_group(half.view(), &part[modes.clone()], within, self.threads);
            all.slice_mut(columns).assign(&found);
        }
        all
    }
}

impl Equations {
    /// The right-hand sides, and each row's matrix where rows have one of their own: sums over the entries, so those of
    /// the parts of a tensor add up.
    pub fn into_sums(self) -> Vec<Array2<f64>> {
        match self {
            Self::Shared { rhs, .. } => vec![rhs],
            Self::PerRow { pairs, rhs } => vec![rhs, pairs],
        }
    }

    /// The equations of a mode from such sums.
    pub fn from_sums(sums: Vec<Array2<f64>>, factors: &[Array2<f64>], mode: usize) -> Result<Self> {
        let got: Vec<usize> = sums.iter().map(Array2::ncols).collect();
        let mut sums = sums.into_iter();
        match (sums.next(), sums.next()) {
            (Some(rhs), Some(pairs)) => Ok(Self::PerRow { pairs, rhs }),
            (Some(rhs), None) => Ok(Self::Shared { gram: gram_of_others(factors, mode), rhs }),
            _ => Err(Error::shape("chunks", &got, "sums for every mode")),
        }
    }

    /// The factor that solves the equations, or under non-negativity one that comes closer to it.
    pub fn improve(&self, previous: &Array2<f64>, nonnegative: bool) -> Result<Array2<f64>> {
        let rank = previous.ncols();
        match self {
            Self::Shared { gram, rhs } if !nonnegative => {
                solve_spd_rows(gram.view(), rhs.view(), previous.view(), RIDGE)
            }
            Self::Shared { gram, rhs } => {
                let gradient = rhs - &previous.dot(gram);
                let upper: Vec<f64> = pairs(rank).map(|(r, s)| gram[[r, s]]).collect();
                let (gradient, unknowns) = (columns(&gradient), columns(previous));
                Ok(improved(Matrix::Shared(&upper), gradient, unknowns, rank, nonnegative))
            }
            Self::PerRow { pairs: upper, rhs } => {
                let mut gradient = rhs.clone();
                for ((mut g, a), h) in gradient.rows_mut().into_iter().zip(previous.rows()).zip(upper.rows())
                {
                    for ((r, s), &h) in pairs(rank).zip(h) {
                        g[r] -= h * a[s];
                        if r != s {
                            g[s] -= h * a[r];
                        }
                    }
                }
                let mut upper = columns(upper);
                let (mut gradient, mut unknowns) = (columns(&gradient), columns(previous));
                let typical = mean_diagonal(&upper, rank);
                draw_to_zero(&mut upper, &mut gradient, &mut unknowns, rank, typical);
                Ok(improved(Matrix::Each(&upper), gradient, unknowns, rank, nonnegative))
            }
        }
    }

    /// −2 ⟨A, B⟩ + Σ_i a_i H_i a_iᵀ.
    pub fn change(&self, factor: &Array2<f64>) -> f64 {
        match self {
            Self::Shared { gram, rhs } => {
                let inner: f64 = (factor * rhs).sum();
                (factor.t().dot(factor) * gram).sum() - 2.0 * inner
            }
            Self::PerRow { pairs: upper, rhs } => {
                let inner: f64 = (factor * rhs).sum();
                let mut quadratic = 0.0;
                for (a, h) in factor.rows().into_iter().zip(upper.rows()) {
                    for ((r, s), &h) in pairs(a.len()).zip(h) {
                        quadratic += if r == s { h * a[r] * a[r] } else { 2.0 * h * a[r] * a[s] };
                    }
                }
                quadratic - 2.0 * inner
            }
        }
    }
}

/// The rows of a factor, each moved by its own system; numbers come column after column.
fn improved(
    matrix: Matrix<'_, f64>,
    mut gradient: Vec<f64>,
    mut unknowns: Vec<f64>,
    rank: usize,
    nonnegative: bool,
) -> Array2<f64> {
    let passes = nonnegative.then_some(COLUMN_PASSES);
    improve(matrix, &mut gradient, &mut unknowns, rank, passes, &mut Workspace::default());
    let moved =
        Array2::from_shape_vec((rank, unknowns.len() / rank), unknowns).expect("one row per component");
    moved.reversed_axes().as_standard_layout().into_owned()
}

/// A matrix, column after column.
fn columns(matrix: &Array2<f64>) -> Vec<f64> {
    matrix.t().iter().copied().collect()
}

/// ∘_{m ≠ mode} A_mᵀ A_m.
fn gram_of_others(factors: &[Array2<f64>], mode: usize) -> Array2<f64> {
    let rank = factors[0].ncols();
    let mut gram = Array2::from_elem((rank, rank), 1.0);
    for (m, factor) in factors.iter().enumerate() {
        if m != mode {
            gram *= &factor.t().dot(factor);
        }
    }
    gram
}

/// The products of columns r ≤ s, in the order of `pairs`.
fn column_pairs(factor: &Array2<f64>) -> Array2<f64> {
    let chosen: Vec<(usize, usize)> = pairs(factor.ncols()).collect();
    Array2::from_shape_fn((factor.nrows(), chosen.len()), |(i, c)| {
        factor[[i, chosen[c].0]] * factor[[i, chosen[c].1]]
    })
}
