//! Least squares from sums over the steps of a run, which are not kept.
//!
//! ```text
//! G = Σ r rᵀ,   B = Σ t_k rᵀ,   Wᵀ = B G⁻¹
//! ```
//! Products of one target's steps are taken in the precision of the run, their sums over targets in double precision.

use ndarray::{Array2, ArrayView2, s};

use super::network::direction;
use super::{N_FEEDBACK, Setting};
use crate::error::Result;
use crate::linalg::{Ridge, add_gram, solve_spd_rows};
use crate::numerics::room::room;
use crate::real::Real;

/// The sums of one ratio.
pub struct Sums<T> {
    /// (kept steps, units): the steps of the target that is being shown.
    held: Array2<T>,
    n_held: usize,
    /// Lower triangle of G.
    gram: Array2<f64>,
    cross: Array2<f64>,
    n_seen: usize,
}

impl<T: Real> Sums<T> {
    /// Nothing yet.
    pub fn new(setting: &Setting) -> Result<Self> {
        let n = setting.n_units;
        let kept = setting.n_steps - setting.n_discarded;
        let square = room(&[n, n], 0.0)?;
        let held = room(&[kept, n], T::ZERO)?;
        Ok(Self {
            held: shaped(kept, n, held),
            n_held: 0,
            gram: shaped(n, n, square),
            cross: Array2::zeros((N_FEEDBACK, n)),
            n_seen: 0,
        })
    }

    /// Keeps a step of the target that is shown.
    pub fn hold(&mut self, rates: &[T]) {
        let n = self.held.ncols();
        for (to, &rate) in self.held.row_mut(self.n_held).iter_mut().zip(&rates[..n]) {
            *to = rate;
        }
        self.n_held += 1;
    }

    /// Adds what was held while this target was shown. `square` is any matrix of units by units.
    pub fn add(&mut self, target: usize, square: &mut Array2<T>) {
        let held = self.held.slice(s![..self.n_held, ..]);
        square.fill(T::ZERO);
        add_gram(square.view_mut(), held.t());
        for (i, (mut to, from)) in self.gram.rows_mut().into_iter().zip(square.rows()).enumerate() {
            for (to, &from) in to.iter_mut().zip(from).take(i + 1) {
                *to += from.to_f64();
            }
        }
        let direction = direction(target);
        for row in held.rows() {
            for (mut to, at) in self.cross.rows_mut().into_iter().zip(direction) {
                for (to, &rate) in to.iter_mut().zip(row) {
                    *to += at * rate.to_f64();
                }
            }
        }
        self.n_seen += self.n_held;
        self.n_held = 0;
    }

    /// Wᵀ, (2, units), and the share of Σ‖t‖² that it leaves unexplained.
    pub fn solve(&self) -> Result<(Array2<f64>, f64)> {
        let none = Array2::zeros(self.cross.dim());
        let found = solve_spd_rows(self.gram.view(), self.cross.view(), none.view(), Ridge(0.0))?;
        // Σ ‖t − Wᵀ r‖² = n − 2 W·B + W·G W, with ‖t‖ = 1.
        let n = self.n_seen as f64;
        let mixed = (&found * &self.cross).sum();
        let own: f64 = found.rows().into_iter().map(|w| symmetric_form(self.gram.view(), &w.to_vec())).sum();
        Ok((found, (n - 2.0 * mixed + own) / n))
    }
}

/// A matrix of values that have its size.
fn shaped<V: Clone + Default>(n_rows: usize, n_columns: usize, values: Vec<V>) -> Array2<V> {
    let mut values = values.into_iter();
    Array2::from_shape_simple_fn((n_rows, n_columns), || values.next().unwrap_or_default())
}

/// wᵀ G w from the lower triangle.
fn symmetric_form(lower: ArrayView2<'_, f64>, w: &[f64]) -> f64 {
    let row = |i: usize| -> f64 { lower.row(i).iter().zip(w).take(i).map(|(g, w)| g * w).sum() };
    (0..w.len()).map(|i| w[i] * (2.0 * row(i) + lower[[i, i]] * w[i])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::low_dimensional_feedback::N_TARGETS;
    use crate::numerics::rng::{normal, stream};

    #[test]
    fn sums_give_the_least_squares_of_all_steps() {
        let (n, kept) = (5, 9);
        let setting = Setting {
            n_units: n,
            gain: 1.0,
            target_gain: 1.0,
            feedback_sd: 1.0,
            rate: 0.1,
            n_steps: kept,
            n_discarded: 0,
            n_repeats: 1,
        };
        let mut rng = stream(1, 0);
        let mut sums = Sums::<f64>::new(&setting).unwrap();
        let mut square = Array2::zeros((n, n));
        let mut all = Vec::new();
        for target in 0..N_TARGETS {
            for _ in 0..kept {
                let row: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
                sums.hold(&row);
                all.push((row, direction(target)));
            }
            sums.add(target, &mut square);
        }
        let (found, unexplained) = sums.solve().unwrap();
        // What is left over is orthogonal to every unit, and as large as is said.
        let mut left = 0.0;
        for j in 0..N_FEEDBACK {
            let error = |(row, at): &(Vec<f64>, [f64; 2])| {
                at[j] - row.iter().zip(found.row(j)).map(|(r, w)| r * w).sum::<f64>()
            };
            for i in 0..n {
                let product: f64 = all.iter().map(|step| step.0[i] * error(step)).sum();
                assert!(product.abs() < 1e-11, "{product}");
            }
            left += all.iter().map(|step| error(step).powi(2)).sum::<f64>();
        }
        assert!((left / all.len() as f64 - unexplained).abs() < 1e-12);
        assert!(unexplained > 0.1 && unexplained < 1.0);
    }
}
