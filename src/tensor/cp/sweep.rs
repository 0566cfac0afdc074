//! One sweep of alternating least squares: each mode's factor is set to the minimum given the others.
//!
//! ```text
//! complete    A_n ← argmin ‖X − ⟦A⟧‖²:  A_n G = M_n,   G = ∘_{m≠n} A_mᵀ A_m,  M_n the MTTKRP
//! incomplete  row i on its own:  a_i H_i = b_i,  H_i = Σ_observed z zᵀ,  b_i = Σ_observed x z,  z = ∘_{m≠n} a_m
//! ```
//!
//! H_i for all rows at once is an MTTKRP too: of the 0/1 tensor "observed" with the pairwise products of columns,
//! (A_m[:, r] A_m[:, s])_{r ≤ s}. Under non-negativity the systems are not solved but descended column by column
//! (hierarchical ALS: Cichocki & Phan 2009): a_r ← max(0, a_r + (b_r − Σ_s a_s H_sr) / H_rr).
//!
//! Every update lowers the loss or leaves it; the loss at the end of a sweep comes with the last mode's equations,
//! ‖x‖² − 2 ⟨A_n, M_n⟩ + Σ_i a_i H_i a_iᵀ, without another look at the tensor.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::super::mttkrp::{Halves, Reading, contract_group};
use crate::error::Result;
use crate::linalg::{Ridge, solve_spd_rows};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// The proximal share of G's diagonal: far above rounding, far below what slows a sweep down.
const RIDGE: Ridge = Ridge(1e-10);
/// Passes over the columns of a non-negative factor per sweep: they cost R² a row, the equations the whole tensor.
const COLUMN_PASSES: usize = 5;

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

/// The normal equations of one mode.
enum Equations {
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
        let mut pairs: Vec<Array2<f64>> =
            if self.incomplete { factors.iter().map(column_pairs).collect() } else { Vec::new() };
        for (modes, is_leading) in [(0..split, true), (split..factors.len(), false)] {
            let (values, observed) = self.half(factors, &pairs, is_leading);
            for mode in modes.clone() {
                let equations =
                    Equations::of(factors, &pairs, modes.clone(), mode, &values, observed.as_ref());
                factors[mode] = equations.improve(&factors[mode], self.nonnegative[mode])?;
                loss = self.sum_of_squares + equations.change(&factors[mode]);
                if self.incomplete {
                    pairs[mode] = column_pairs(&factors[mode]);
                }
            }
        }
        Ok(loss.max(0.0))
    }

    /// The first mode's factor given the others; under non-negativity after so many rounds of column passes.
    pub fn first_mode(&self, factors: &[Array2<f64>], rounds: usize) -> Result<Array2<f64>> {
        let pairs: Vec<Array2<f64>> =
            if self.incomplete { factors.iter().map(column_pairs).collect() } else { Vec::new() };
        let (values, observed) = self.half(factors, &pairs, true);
        let equations = Equations::of(factors, &pairs, 0..self.halves.split, 0, &values, observed.as_ref());
        let mut factor = factors[0].clone();
        for _ in 0..rounds {
            factor = equations.improve(&factor, self.nonnegative[0])?;
        }
        Ok(factor)
    }

    /// P or Q of the values, and of the pattern of observed entries where some are missing.
    fn half(
        &self,
        factors: &[Array2<f64>],
        pairs: &[Array2<f64>],
        leading: bool,
    ) -> (Array2<f64>, Option<Array2<f64>>) {
        let read = |factors: &[Array2<f64>], reading| {
            if leading {
                self.halves.leading(factors, reading, self.threads).mapv(T::to_f64)
            } else {
                self.halves.trailing(factors, reading, self.threads)
            }
        };
        if self.incomplete {
            (read(factors, Reading::Filled) * self.unit, Some(read(pairs, Reading::Observed)))
        } else {
            (read(factors, Reading::Value) * self.unit, None)
        }
    }
}

impl Equations {
    /// The equations of a mode of the group `modes`, from its half.
    fn of(
        factors: &[Array2<f64>],
        pairs: &[Array2<f64>],
        modes: Range<usize>,
        mode: usize,
        values: &Array2<f64>,
        observed: Option<&Array2<f64>>,
    ) -> Self {
        let within = mode - modes.start;
        let rhs = contract_group(values.view(), &factors[modes.clone()], within);
        match observed {
            None => Self::Shared { gram: gram_of_others(factors, mode), rhs },
            Some(observed) => {
                Self::PerRow { pairs: contract_group(observed.view(), &pairs[modes], within), rhs }
            }
        }
    }

    /// The factor that solves the equations, or under non-negativity one that comes closer to it.
    fn improve(&self, previous: &Array2<f64>, nonnegative: bool) -> Result<Array2<f64>> {
        if nonnegative {
            let mut factor = previous.clone();
            match self {
                Self::Shared { gram, rhs } => {
                    for (a, b) in factor.rows_mut().into_iter().zip(rhs.rows()) {
                        descend_columns(a, b, gram.view());
                    }
                }
                Self::PerRow { pairs, rhs } => {
                    for ((a, b), h) in factor.rows_mut().into_iter().zip(rhs.rows()).zip(pairs.rows()) {
                        descend_columns(a, b, unpack(h, b.len()).view());
                    }
                }
            }
            return Ok(factor);
        }
        match self {
            Self::Shared { gram, rhs } => solve_spd_rows(gram.view(), rhs.view(), previous.view(), RIDGE),
            Self::PerRow { pairs, rhs } => {
                let mut factor = previous.clone();
                for (i, h) in pairs.rows().into_iter().enumerate() {
                    let row = |a: &Array2<f64>| a.row(i).insert_axis(ndarray::Axis(0)).to_owned();
                    let (rhs, before) = (row(rhs), row(previous));
                    let h = unpack(h, rhs.ncols());
                    factor
                        .row_mut(i)
                        .assign(&solve_spd_rows(h.view(), rhs.view(), before.view(), RIDGE)?.row(0));
                }
                Ok(factor)
            }
        }
    }

    /// −2 ⟨A, B⟩ + Σ_i a_i H_i a_iᵀ.
    fn change(&self, factor: &Array2<f64>) -> f64 {
        match self {
            Self::Shared { gram, rhs } => {
                let inner: f64 = (factor * rhs).sum();
                (factor.t().dot(factor) * gram).sum() - 2.0 * inner
            }
            Self::PerRow { pairs, rhs } => {
                let inner: f64 = (factor * rhs).sum();
                let mut quadratic = 0.0;
                for (a, h) in factor.rows().into_iter().zip(pairs.rows()) {
                    let mut at = 0;
                    for r in 0..a.len() {
                        quadratic += h[at] * a[r] * a[r];
                        for s in r + 1..a.len() {
                            quadratic += 2.0 * h[at + s - r] * a[r] * a[s];
                        }
                        at += a.len() - r;
                    }
                }
                quadratic - 2.0 * inner
            }
        }
    }
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

/// The products of columns r ≤ s, in the order (0, 0), (0, 1), …, (1, 1), ….
fn column_pairs(factor: &Array2<f64>) -> Array2<f64> {
    let rank = factor.ncols();
    let columns: Vec<(usize, usize)> = (0..rank).flat_map(|r| (r..rank).map(move |s| (r, s))).collect();
    Array2::from_shape_fn((factor.nrows(), columns.len()), |(i, c)| {
        factor[[i, columns[c].0]] * factor[[i, columns[c].1]]
    })
}

fn unpack(upper: ArrayView1<'_, f64>, rank: usize) -> Array2<f64> {
    let start = |r: usize| r * rank - r * r.saturating_sub(1) / 2;
    Array2::from_shape_fn((rank, rank), |(r, s)| {
        let (low, high) = (r.min(s), r.max(s));
        upper[start(low) + high - low]
    })
}

fn descend_columns(
    mut a: ndarray::ArrayViewMut1<'_, f64>,
    b: ArrayView1<'_, f64>,
    gram: ArrayView2<'_, f64>,
) {
    let mut gradient: Array1<f64> = gram.dot(&a) - b;
    for _ in 0..COLUMN_PASSES {
        for r in 0..a.len() {
            if gram[[r, r]] > 0.0 {
                let updated = (a[r] - gradient[r] / gram[[r, r]]).max(0.0);
                let step = updated - a[r];
                if step != 0.0 {
                    gradient.scaled_add(step, &gram.column(r));
                    a[r] = updated;
                }
            }
        }
    }
}
