//! The invariances that make a SliceTCA model unique.
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

use ndarray::{Array2, Array3, ArrayD, Axis, Ix3};

use super::super::dense::Dense;
use super::super::products::mode_product;
use super::contractions::{add_seen, along, as_slices, as_tensor};
use super::model::SliceModel;
use crate::error::Result;
use crate::linalg::{add_product, cast, orthonormal_basis, product, symmetric_eigen};
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

impl<T: Real> SliceModel<T> {
    /// The model whose residual is Π_i (1 − P_i) x, the best for the given spans, from Y_i = Q_iᵀ x; none for a type of
    /// rank zero.
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

    /// The same model, its invariances resolved. Fewer independent loadings than components leave zero components.
    pub fn canonical(&self, invariance: Invariance, threads: &Threads) -> Result<Self> {
        if invariance == Invariance::None {
            return Ok(self.clone());
        }
        // A power of two that makes the slices' squares safe, and changes no digit.
        let largest = self.slices.iter().flatten().fold(0.0_f64, |most, a| most.max(a.to_f64().abs()));
        let unit = if largest > 0.0 && largest.is_finite() { largest.log2().floor().exp2() } else { 1.0 };
        if !T::SAFE_RANGE.contains(&unit) && unit != 1.0 {
            let mut safe = self.clone();
            safe.scale(1.0 / unit);
            let mut model = safe.canonical(invariance, threads)?;
            model.scale(unit);
            return Ok(model);
        }
        let bases: [Array2<f64>; 3] =
            std::array::from_fn(|i| orthonormal_basis(self.loadings[i].mapv(T::to_f64).t()));
        let projections = std::array::from_fn(|i| self.projection(i, &bases[i]));
        let shape = std::array::from_fn(|i| self.loadings[i].ncols());
        let mut model = Self::from_projections(projections, shape, &bases, invariance, threads)?;
        for axis in 0..3 {
            model.loadings[axis] = padded(&model.loadings[axis], self.loadings[axis].nrows());
            model.slices[axis] = padded3(&model.slices[axis], self.slices[axis].dim().0);
        }
        Ok(model)
    }

    /// Q_iᵀ x̂ without forming x̂; none for a type of rank zero.
    fn projection(&self, axis: usize, basis: &Array2<f64>) -> Option<ArrayD<T>> {
        if basis.ncols() == 0 {
            return None;
        }
        let q: Array2<T> = cast(basis.t());
        let (_, d, e) = self.slices[axis].dim();
        let own = self.slices[axis]
            .view()
            .into_shape_with_order((self.slices[axis].dim().0, d * e))
            .expect("C order");
        let mut seen = Array2::from_elem((q.nrows(), d * e), T::ZERO);
        add_product(
            seen.view_mut(),
            true,
            cast::<T>(product(basis.t(), self.loadings[axis].mapv(T::to_f64).t()).view()).view(),
            own,
        );
        let mut seen = seen.into_shape_with_order((q.nrows(), d, e)).expect("C order");
        for other in (0..3).filter(|&other| other != axis && self.loadings[other].nrows() > 0) {
            let f = along(&self.slices[other], other, axis, q.view());
            add_seen(&mut seen, axis, other, false, self.loadings[other].view(), &f);
        }
        Some(as_tensor(seen, axis).into_dyn())
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
    let part = as_slices(part.into_dimensionality::<Ix3>().expect("three axes"), axis);
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
