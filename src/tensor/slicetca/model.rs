//! The model of SliceTCA, and the two invariances that make it unique.
//!
//! ```text
//! x̂ = T_0 + T_1 + T_2,    T_i = Σ_r u_ir ⊗ A_ir      u_ir: loadings along axis i, A_ir: slices over the other two
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | U_i | `loadings[i]` | R_i × d_i |
//! | A_i | `slices[i]` | R_i × d_j × d_k, j < k |
//! | Q_i, P_i = Q_i Q_iᵀ | `bases[i]`, projector on the span of the loadings, acting on axis i | d_i × R_i |
//!
//! *Between* types, whatever lies in several spans at once can be held by either type. The operators
//! Π_S = Π_{j∈S} P_j Π_{j∉S} (1 − P_j), S not empty, are orthogonal projectors that resolve x̂, and the part Π_S x̂ may
//! be shared at will among the types in S. Minimising Σ_i ‖T_i‖² shares it equally (L2 of Pellegrino, Stein &
//! Cayco-Gajic 2024, there by gradient descent; in closed form here), so with Y_i = P_i x̂
//!
//! ```text
//! T_i = Y_i − ½ P_j Y_i − ½ P_k Y_i + ⅓ P_j P_k Y_i          T_i = Y_i − ½ P_j Y_i for two types
//! ```
//!
//! *Within* a type, loadings may be mixed by any invertible matrix. The singular value decomposition of T_i fixes
//! them (L3): orthonormal loadings, orthogonal slices, strongest first; and Σ u|u| ≥ 0 fixes the sign.

use ndarray::{Array2, Array3, ArrayD, ArrayView1, Axis, Ix3, s};

use super::super::dense::{Dense, tensor};
use super::super::mttkrp::squared_distance;
use super::super::products::mode_product;
use crate::error::{Error, Result};
use crate::linalg::{cast, orthonormal_basis, product, symmetric_eigen};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Which invariances a model is brought into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariance {
    /// Between and within types: unique.
    Full,
    /// Within types only: shared parts stay with the first type that holds them.
    Within,
    /// Neither.
    None,
}

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

    /// The model whose residual is Π_i (1 − P_i) x: the best for the given spans.
    pub fn from_bases(
        x: Dense<'_, T>,
        bases: &[Array2<f64>; 3],
        invariance: Invariance,
        threads: &Threads,
    ) -> Result<Self> {
        let project = |axis: usize| mode_product(x, axis, cast(bases[axis].view()).view(), threads);
        let projections = std::array::from_fn(|axis| (bases[axis].ncols() > 0).then(|| project(axis)));
        let shape = std::array::from_fn(|axis| x.shape[axis]);
        Self::from_projections(projections, shape, bases, invariance, threads)
    }

    /// The same from Y_i = Q_iᵀ x, none for a type of rank zero.
    pub fn from_projections(
        projections: [Option<ArrayD<T>>; 3],
        shape: [usize; 3],
        bases: &[Array2<f64>; 3],
        invariance: Invariance,
        threads: &Threads,
    ) -> Result<Self> {
        let mut loadings = Vec::new();
        let mut slices = Vec::new();
        for (axis, projected) in projections.into_iter().enumerate() {
            let Some(projected) = projected else {
                let [j, k]: [usize; 2] = std::array::from_fn(|i| if i < axis { i } else { i + 1 });
                loadings.push(Array2::from_elem((0, shape[axis]), T::ZERO));
                slices.push(Array3::from_elem((0, shape[j], shape[k]), T::ZERO));
                continue;
            };
            let part = match invariance {
                Invariance::Full => shared_equally(projected, axis, bases, threads),
                // What the types before hold already is theirs.
                Invariance::Within | Invariance::None => {
                    (0..axis).fold(projected, |part, other| without(part, other, &bases[other], 1.0, threads))
                }
            };
            let (u, a) = rotated(part, axis, &bases[axis], invariance != Invariance::None)?;
            loadings.push(u);
            slices.push(a);
        }
        Ok(Self {
            loadings: loadings.try_into().expect("three types"),
            slices: slices.try_into().expect("three types"),
        })
    }

    /// The same model in its canonical form. Fewer independent loadings than components leave zero components.
    pub fn canonical(&self, threads: &Threads) -> Result<Self> {
        let whole = self.reconstruct(&Selection::all(self), threads);
        let bases = self.bases();
        let mut model = Self::from_bases(Dense::of(&whole), &bases, Invariance::Full, threads)?;
        for axis in 0..3 {
            model.loadings[axis] = padded(&model.loadings[axis], self.loadings[axis].nrows());
            model.slices[axis] = padded3(&model.slices[axis], self.slices[axis].dim().0);
        }
        Ok(model)
    }

    /// Q_i of every type.
    pub fn bases(&self) -> [Array2<f64>; 3] {
        std::array::from_fn(|i| orthonormal_basis(self.loadings[i].mapv(T::to_f64).t()))
    }

    /// The sum of the selected components.
    pub fn reconstruct(&self, selection: &Selection, threads: &Threads) -> ArrayD<T> {
        let [n_trials, n_neurons, n_time] = self.shape();
        let mut data = vec![T::ZERO; n_trials * n_neurons * n_time];
        threads.for_chunks(&mut data, (n_neurons * n_time).max(1), |k, plane| {
            for (n, row) in plane.chunks_mut(n_time).enumerate() {
                self.add_row(selection, k, n, row);
            }
        });
        tensor(&[n_trials, n_neurons, n_time], data)
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
    fn add_row(&self, selection: &Selection, k: usize, n: usize, row: &mut [T]) {
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

/// `part − share · P part` along an axis.
fn without<T: Real>(
    mut part: ArrayD<T>,
    axis: usize,
    basis: &Array2<f64>,
    share: f64,
    threads: &Threads,
) -> ArrayD<T> {
    if basis.ncols() > 0 && !part.is_empty() {
        part.scaled_add_real(-share, &project(&part, axis, basis, threads));
    }
    part
}

/// P part.
fn project<T: Real>(part: &ArrayD<T>, axis: usize, basis: &Array2<f64>, threads: &Threads) -> ArrayD<T> {
    let q = cast::<T>(basis.view());
    let coordinates = mode_product(Dense::of(part), axis, q.view(), threads);
    mode_product(Dense::of(&coordinates), axis, q.t(), threads)
}

trait ScaledAddReal<T> {
    fn scaled_add_real(&mut self, factor: f64, other: &ArrayD<T>);
}

impl<T: Real> ScaledAddReal<T> for ArrayD<T> {
    fn scaled_add_real(&mut self, factor: f64, other: &ArrayD<T>) {
        let factor = T::from_f64(factor);
        self.zip_mut_with(other, |a, &b| *a += factor * b);
    }
}

/// T_i in the coordinates of Q_i, from Y_i in those coordinates.
fn shared_equally<T: Real>(
    y: ArrayD<T>,
    axis: usize,
    bases: &[Array2<f64>; 3],
    threads: &Threads,
) -> ArrayD<T> {
    let others: Vec<usize> = (0..3).filter(|&o| o != axis && bases[o].ncols() > 0).collect();
    if y.is_empty() {
        return y;
    }
    let mut out = y.clone();
    for &other in &others {
        out.scaled_add_real(-0.5, &project(&y, other, &bases[other], threads));
    }
    if let [j, k] = others[..] {
        let both = project(&project(&y, j, &bases[j], threads), k, &bases[k], threads);
        out.scaled_add_real(1.0 / 3.0, &both);
    }
    out
}

/// Loadings and slices from a type's tensor in the coordinates of Q_i (R_i long on `axis`), turned to the singular
/// vectors on request.
fn rotated<T: Real>(
    part: ArrayD<T>,
    axis: usize,
    basis: &Array2<f64>,
    singular: bool,
) -> Result<(Array2<T>, Array3<T>)> {
    let mut part = part.into_dimensionality::<Ix3>().expect("three axes");
    part.swap_axes(0, axis);
    if axis == 2 {
        // (k, n, t) → (t, n, k) → slices run over (k, n).
        part.swap_axes(1, 2);
    }
    let rank = basis.ncols();
    let slices: Array3<f64> = part.mapv(T::to_f64);
    let dim = slices.dim();
    let flat = slices.to_shape((rank, dim.1 * dim.2)).expect("contiguous").to_owned();
    let (mut u, a) = if singular && rank > 0 {
        let rotation = symmetric_eigen(product(flat.view(), flat.t()).view())?.vectors;
        (product(basis.view(), rotation.view()), product(rotation.t(), flat.view()))
    } else {
        (basis.clone(), flat)
    };
    let mut a = a.to_shape(dim).expect("the same size").to_owned();
    for r in 0..rank {
        if u.column(r).iter().map(|v| v * v.abs()).sum::<f64>() < 0.0 {
            u.column_mut(r).mapv_inplace(|v| -v);
            a.index_axis_mut(Axis(0), r).mapv_inplace(|v| -v);
        }
    }
    Ok((cast(u.t()).as_standard_layout().to_owned(), a.mapv(T::from_f64)))
}

fn padded<T: Real>(a: &Array2<T>, rows: usize) -> Array2<T> {
    Array2::from_shape_fn((rows, a.ncols()), |(r, i)| if r < a.nrows() { a[[r, i]] } else { T::ZERO })
}

fn padded3<T: Real>(a: &Array3<T>, rows: usize) -> Array3<T> {
    let (held, d, e) = a.dim();
    Array3::from_shape_fn((rows, d, e), |(r, i, j)| if r < held { a[[r, i, j]] } else { T::ZERO })
}
