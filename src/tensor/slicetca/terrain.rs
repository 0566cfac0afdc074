//! The landscape of sliceTCA, in the large and in the small.
//!
//! For given spans the best residual is Π_i (1 − P_i) x, so only the projectors P_i are unknown, and block i of the
//! descent is exact: Q_i ← the R_i leading eigenvectors of the mode-i Gram matrix of Π_{j≠i} (1 − P_j) x. Projectors
//! on different axes commute, so by Pythagoras that Gram matrix needs no residual:
//!
//! ```text
//! G_i = G_i(X) − G_i(Y_j) − G_i(Y_k) + G_i(Y_jk)          Y_j = Q_jᵀ X,  Y_jk = Q_kᵀ Y_j
//! loss = ‖X‖² − ‖Y_j‖² − ‖Y_k‖² + ‖Y_jk‖² − Σ (R_i leading eigenvalues of G_i)
//! ```
//!
//! *In the small.* Let V_i hold m_i directions of mode i. For spans within them everything follows from small arrays,
//! computed once (Q_i = V_i q_i below, so P_j is m_j × m_j):
//!
//! | symbol | name | shape | |
//! | --- | --- | --- | --- |
//! | V_iᵀ G_i(X) V_i | `grams[i]` | m_i × m_i | |
//! | M_ij | `pairs` | m_i² × m_j² | Σ_c E[a, b, c] E[a', b', c], E = X ×_i V_iᵀ ×_j V_jᵀ, c along the third axis |
//! | C | `core` | m_0 × m_1 × m_2 | X ×_0 V_0ᵀ ×_1 V_1ᵀ ×_2 V_2ᵀ |
//!
//! so that V_iᵀ G_i(Y_j) V_i = M_ij vec(P_j), exactly: a sweep costs some Σ m_i² m_j² multiply-adds, whatever the size
//! of the recording. That is what makes hundreds of restarts cheap.

use ndarray::{Array1, Array2, ArrayD, s};

use super::super::dense::Dense;
use super::super::products::{mode_gram, mode_product};
use super::invariance::Invariance;
use super::model::SliceModel;
use crate::error::{Error, Result};
use crate::linalg::{Spectrum, cast, dominant_subspace, leading_eigenvectors, product, symmetric_eigen};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// One span per type, as orthonormal columns; none for a type of rank zero.
pub type Bases = [Array2<f64>; 3];

/// The active types other than `axis`.
fn others(bases: &Bases, axis: usize) -> Vec<usize> {
    (0..3).filter(|&other| other != axis && bases[other].ncols() > 0).collect()
}

/// Spans, and what the recording looks like in their coordinates as far as that is known.
pub struct Position<T> {
    /// Q_i.
    pub bases: Bases,
    /// Y_i.
    projections: [Option<ArrayD<T>>; 3],
}

impl<T> Position<T> {
    /// A place of which nothing is known yet.
    pub fn new(bases: Bases) -> Self {
        Self { bases, projections: [None, None, None] }
    }
}

/// The recording itself.
pub struct Recording<'a, T> {
    /// X, complete.
    pub x: Dense<'a, T>,
    /// ‖X‖².
    pub sum_of_squares: f64,
    /// G_i(X) of the active modes.
    grams: [Array2<f64>; 3],
    /// Threads to run on.
    pub threads: &'a Threads,
}

impl<'a, T: Real> Recording<'a, T> {
    /// Computes the Gram matrices of the modes of non-zero rank.
    /// `go_on` is asked after each of them.
    pub fn new(
        x: Dense<'a, T>,
        sum_of_squares: f64,
        ranks: [usize; 3],
        threads: &'a Threads,
        go_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Self> {
        let mut grams: [Array2<f64>; 3] = Default::default();
        for axis in (0..3).filter(|&axis| ranks[axis] > 0) {
            grams[axis] = mode_gram(x, axis, threads);
            if !go_on(f64::NAN) {
                return Err(Error::Interrupted);
            }
        }
        Ok(Self { x, sum_of_squares, grams, threads })
    }

    /// The leading directions of every active mode.
    pub fn directions(&self, widths: [usize; 3]) -> Result<Bases> {
        let mut bases = Bases::default();
        for axis in (0..3).filter(|&axis| widths[axis] > 0) {
            bases[axis] = dominant_subspace(self.grams[axis].view(), widths[axis])?.vectors;
        }
        Ok(bases)
    }

    /// Y_`axis`, computed when first asked for.
    fn projection<'p>(&self, position: &'p mut Position<T>, axis: usize) -> &'p ArrayD<T> {
        let Position { bases, projections } = position;
        projections[axis]
            .get_or_insert_with(|| mode_product(self.x, axis, cast(bases[axis].view()).view(), self.threads))
    }

    /// The model with these spans.
    pub fn model(&self, mut position: Position<T>, invariance: Invariance) -> Result<SliceModel<T>> {
        for axis in (0..3).filter(|&axis| self.grams[axis].nrows() > 0) {
            self.projection(&mut position, axis);
        }
        let shape = std::array::from_fn(|i| self.x.shape[i]);
        let Position { bases, projections } = position;
        SliceModel::from_projections(projections, shape, &bases, invariance, self.threads)
    }

    /// Moves Q_`axis` to its exact minimum given the other spans. Returns more directions (`width` in all, the first
    /// those of the minimum), and Σ residual².
    pub fn block(
        &self,
        position: &mut Position<T>,
        axis: usize,
        rank: usize,
        width: usize,
    ) -> Result<(Array2<f64>, f64)> {
        let (gram, known) = self.block_gram(position, axis);
        let best = leading_eigenvectors(gram.view(), position.bases[axis].view(), rank, width)?;
        let loss = (self.sum_of_squares - known - best.values.slice(s![..rank]).sum()).max(0.0);
        position.bases[axis] = best.vectors.slice(s![.., ..rank]).to_owned();
        position.projections[axis] = None;
        Ok((best.vectors, loss))
    }

    /// G_i of the projected residual, and what the other types explain.
    fn block_gram(&self, position: &mut Position<T>, axis: usize) -> (Array2<f64>, f64) {
        let others = others(&position.bases, axis);
        let mut gram = self.grams[axis].clone();
        let mut known = 0.0;
        let mut add = |y: &ArrayD<T>, sign: f64| {
            let part = mode_gram(Dense::of(y), axis, self.threads);
            known -= sign * part.diag().sum();
            gram.scaled_add(sign, &part);
        };
        for &other in &others {
            add(self.projection(position, other), -1.0);
        }
        if let [j, k] = others[..] {
            let q = cast(position.bases[k].view());
            let y = self.projection(position, j);
            add(&mode_product(Dense::of(y), k, q.view(), self.threads), 1.0);
        }
        (gram, known)
    }

    /// The small terrain within the given directions.
    pub fn within(&self, directions: &Bases) -> Small {
        let active: Vec<usize> = (0..3).filter(|&axis| directions[axis].ncols() > 0).collect();
        let v: Vec<Array2<T>> = directions.iter().map(|d| cast(d.view())).collect();
        let turn = |x: Dense<'_, T>, axis: usize| mode_product(x, axis, v[axis].view(), self.threads);
        let mut pairs = Vec::new();
        let mut core = None;
        // Every pair holds the first or the last active axis: two passes over the recording serve all.
        let (first, last) = (active[0], active[active.len() - 1]);
        let turned = [turn(self.x, first), turn(self.x, last)];
        for (at, &i) in active.iter().enumerate() {
            for &j in &active[at + 1..] {
                let reduced =
                    if i == first { turn(Dense::of(&turned[0]), j) } else { turn(Dense::of(&turned[1]), i) };
                pairs.push(((i, j), pair_gram(&reduced, i, j)));
                if active.len() == 3 && (i, j) == (0, 1) {
                    core = Some(turn(Dense::of(&reduced), 2).mapv(T::to_f64));
                }
            }
        }
        let grams = std::array::from_fn(|i| {
            product(product(directions[i].t(), self.grams[i].view()).view(), directions[i].view())
        });
        Small { sum_of_squares: self.sum_of_squares, grams, pairs, core }
    }
}

/// M_ij with rows (a, a') and columns (b, b').
fn pair_gram<T: Real>(reduced: &ArrayD<T>, i: usize, j: usize) -> Array2<f64> {
    // To (a, b, c): the third axis last.
    let third = 3 - i - j;
    let e = reduced.view().permuted_axes(ndarray::IxDyn(&[i, j, third])).mapv(T::to_f64);
    let (a, b, c) = (e.shape()[0], e.shape()[1], e.shape()[2]);
    let flat = e.as_standard_layout().to_shape((a * b, c)).expect("C order").to_owned();
    let gram = product(flat.view(), flat.t());
    Array2::from_shape_fn((a * a, b * b), |(row, column)| {
        gram[[row / a * b + column / b, row % a * b + column % b]]
    })
}

/// Everything that spans within given directions depend on.
pub struct Small {
    sum_of_squares: f64,
    grams: [Array2<f64>; 3],
    pairs: Vec<((usize, usize), Array2<f64>)>,
    core: Option<ArrayD<f64>>,
}

impl Small {
    /// V_iᵀ G_i(Y_j) V_i from P_j = vec(q_j q_jᵀ).
    fn projected_gram(&self, axis: usize, other: usize, projector: &Array1<f64>) -> Array2<f64> {
        let m = self.grams[axis].nrows();
        let key = (axis.min(other), axis.max(other));
        let (_, pair) = self.pairs.iter().find(|(pair, _)| *pair == key).expect("every active pair is there");
        let flat = if axis < other { pair.dot(projector) } else { pair.t().dot(projector) };
        flat.into_shape_with_order((m, m)).expect("m² entries")
    }

    /// The exact minimum over q_`axis` given the other two, and Σ residual² there.
    pub fn best(&self, bases: &Bases, axis: usize, rank: usize) -> Result<(Spectrum, f64)> {
        let others = others(bases, axis);
        let mut gram = self.grams[axis].clone();
        let mut known = 0.0;
        for &other in &others {
            gram -= &self.projected_gram(axis, other, &projector(&bases[other]));
            let q = &bases[other];
            known += (&self.grams[other].dot(q) * q).sum();
        }
        if let ([j, k], Some(core)) = (&others[..], &self.core) {
            let y = mode_product(Dense::of(core), *j, bases[*j].view(), &Threads::one());
            let y = mode_product(Dense::of(&y), *k, bases[*k].view(), &Threads::one());
            gram += &mode_gram(Dense::of(&y), axis, &Threads::one());
            let shared = self.projected_gram(*j, *k, &projector(&bases[*k]));
            known -= (&shared.dot(&bases[*j]) * &bases[*j]).sum();
        }
        let best = symmetric_eigen(gram.view())?.leading(rank);
        // Differences of large sums: a perfect model's residual may round to less than nothing.
        let loss = (self.sum_of_squares - known - best.values.sum()).max(0.0);
        Ok((best, loss))
    }
}

/// vec(q qᵀ).
fn projector(q: &Array2<f64>) -> Array1<f64> {
    Array1::from_iter(q.dot(&q.t()))
}
