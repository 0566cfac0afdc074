//! The model of SliceTCA.
//!
//! ```text
//! x̂ = T_0 + T_1 + T_2,    T_i = Σ_r u_ir ⊗ A_ir      u_ir: loadings along axis i, A_ir: slices over the other two
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | U_i | `loadings[i]` | R_i × d_i |
//! | A_i | `slices[i]` | R_i × d_j × d_k, j < k |

use ndarray::{Array2, Array3, ArrayD, ArrayView1, Axis, s};

use super::super::dense::{Dense, tensor, zeros};
use super::super::mttkrp::squared_distance;
use crate::error::{Error, Result};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// A sliceTCA model.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceModel<T> {
    /// U_i, R_i × d_i.
    pub loadings: [Array2<T>; 3],
    /// A_i, R_i × d_j × d_k.
    pub slices: [Array3<T>; 3],
}

impl<T: Real> SliceModel<T> {
    /// A model from arrays of matching shapes.
    pub fn new(loadings: [Array2<T>; 3], slices: [Array3<T>; 3]) -> Result<Self> {
        let model = Self { loadings, slices };
        let shape = model.shape();
        for (i, slices) in model.slices.iter().enumerate() {
            let others: Vec<usize> = (0..3).filter(|&j| j != i).map(|j| shape[j]).collect();
            let rank = model.loadings[i].nrows();
            if slices.dim() != (rank, others[0], others[1]) {
                let expected = format!("({rank}, {}, {}), as the loadings say", others[0], others[1]);
                return Err(Error::shape("slices", slices.shape(), expected));
            }
        }
        Ok(model)
    }

    /// The sum of the selected components.
    pub fn reconstruct(&self, selection: &Selection, threads: &Threads) -> Result<ArrayD<T>> {
        let [n_trials, n_neurons, n_time] = self.shape();
        let mut data = zeros(&self.shape())?;
        threads.for_chunks(&mut data, (n_neurons * n_time).max(1), |k, plane| {
            for (n, row) in plane.chunks_mut(n_time).enumerate() {
                self.add_row(selection, k, n, row);
            }
        });
        Ok(tensor(&[n_trials, n_neurons, n_time], data))
    }

    /// Σ (x − x̂)² over the observed entries.
    pub fn residual(&self, x: Dense<'_, T>, threads: &Threads) -> f64 {
        let [n_trials, n_neurons, n_time] = self.shape();
        let all = Selection::all(self);
        let sums = threads.map(n_trials, |k| {
            let mut row = vec![T::ZERO; n_time];
            let mut sum = 0.0;
            for n in 0..n_neurons {
                row.fill(T::ZERO);
                self.add_row(&all, k, n, &mut row);
                sum += squared_distance(&x.data[(k * n_neurons + n) * n_time..][..n_time], &row);
            }
            sum
        });
        sums.into_iter().sum()
    }

    fn shape(&self) -> [usize; 3] {
        std::array::from_fn(|i| self.loadings[i].ncols())
    }

    /// Adds the time course of neuron `n` on trial `k`.
    pub fn add_row(&self, selection: &Selection, k: usize, n: usize, row: &mut [T]) {
        let mut add = |weight: T, course: ArrayView1<'_, T>| {
            let course = course.to_slice().expect("models are kept in C order");
            row.iter_mut().zip(course).for_each(|(value, &c)| *value += weight * c);
        };
        for &r in &selection.0[0] {
            add(self.loadings[0][[r, k]], self.slices[0].slice(s![r, n, ..]));
        }
        for &r in &selection.0[1] {
            add(self.loadings[1][[r, n]], self.slices[1].slice(s![r, k, ..]));
        }
        for &r in &selection.0[2] {
            add(self.slices[2][[r, k, n]], self.loadings[2].row(r));
        }
    }

    /// Loadings of length one, their lengths in the slices; within each type the largest slice first. Components that
    /// vanished keep zeros.
    #[must_use]
    pub fn standardized(&self) -> Self {
        let mut model = self.clone();
        for (loadings, slices) in model.loadings.iter_mut().zip(&mut model.slices) {
            let mut sizes = Vec::new();
            for (mut u, mut a) in loadings.outer_iter_mut().zip(slices.outer_iter_mut()) {
                let norm = u.iter().map(|v| v.to_f64() * v.to_f64()).sum::<f64>().sqrt();
                if norm > 0.0 {
                    u.mapv_inplace(|v| T::from_f64(v.to_f64() / norm));
                    a.mapv_inplace(|v| T::from_f64(v.to_f64() * norm));
                }
                sizes.push(a.iter().map(|v| v.to_f64() * v.to_f64()).sum::<f64>());
            }
            let mut order: Vec<usize> = (0..sizes.len()).collect();
            order.sort_by(|&r, &s| sizes[s].total_cmp(&sizes[r]));
            *loadings = loadings.select(Axis(0), &order);
            *slices = slices.select(Axis(0), &order);
        }
        model
    }

    /// Multiplies the modelled data by a factor.
    pub fn scale(&mut self, factor: f64) {
        self.slices.iter_mut().for_each(|a| a.mapv_inplace(|v| T::from_f64(v.to_f64() * factor)));
    }
}

/// Component numbers of each type.
pub struct Selection(
    /// One list per type.
    pub [Vec<usize>; 3],
);

impl Selection {
    /// These components, if the model has them.
    pub fn of<T: Real>(model: &SliceModel<T>, components: [Vec<usize>; 3]) -> Result<Self> {
        for (chosen, loadings) in components.iter().zip(&model.loadings) {
            if let Some(beyond) = chosen.iter().find(|&&r| r >= loadings.nrows()) {
                return Err(Error::value("component", beyond, format!("less than {}", loadings.nrows())));
            }
        }
        Ok(Self(components))
    }

    /// Every component.
    pub fn all<T>(model: &SliceModel<T>) -> Self {
        Self(std::array::from_fn(|i| (0..model.loadings[i].nrows()).collect()))
    }
}
