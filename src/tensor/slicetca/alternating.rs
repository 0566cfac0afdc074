//! Sweeps of SliceTCA over a complete recording where some slice types must not be negative.
//!
//! For given loadings the slices of all types are one convex problem, for given slices the loadings are another. The
//! recording enters the first only through Y_i = U_i X and the second only through Z_i = ⟨X, A_i⟩; everything else is
//! what the types look like to one another (`contractions`), which costs no more than the slices are large:
//!
//! ```text
//! A_i:  g = Y_i − U_i U_iᵀ A_i − Σ_{j≠i} U_i T_j          H = U_i U_iᵀ
//! U_i:  g = Z_i − ⟨A_i, A_i⟩ U_i − Σ_{j≠i} ⟨T_j, A_i⟩     H = ⟨A_i, A_i⟩
//! loss  ‖X‖² − 2 Σ_i ⟨U_i, Z_i⟩ + Σ_ij ⟨T_i, T_j⟩
//! ```
//!
//! So a sweep looks at the recording twice.

use ndarray::{Array2, Array3, Axis, s};

use super::super::dense::Dense;
use super::super::extrapolation::{Blocks, Schedule};
use super::super::narrow::RowWeights;
use super::super::products::mode_product;
use super::super::systems::{Matrix, Workspace, improve, pairs};
use super::contractions::{add_seen, along, as_slices, met};
use super::model::SliceModel;
use super::plane::{along_neurons, along_time, inner};
use crate::error::Result;
use crate::linalg::add_product;
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Passes over the unknowns of a non-negative system in a sweep: more of them save few sweeps.
const PASSES: usize = 1;
/// Sums over trials that run in parallel.
const PARTIAL_SUMS: usize = 8;

/// A complete recording, and the model that is asked for.
pub struct Alternating<'a, T> {
    /// The recording.
    pub x: Dense<'a, T>,
    /// ‖X‖².
    pub sum_of_squares: f64,
    /// Which types must not be negative.
    pub nonnegative: [bool; 3],
    /// Threads to run on.
    pub threads: &'a Threads,
}

impl<T: Real> Blocks for Alternating<'_, T> {
    type State = SliceModel<T>;
    const SCHEDULE: Schedule = Schedule { first: 0.5, growth: 1.2, fall: 0.4, largest: 12.0 };

    fn sweep(&self, model: &mut SliceModel<T>) -> Result<f64> {
        let active: Vec<usize> = (0..3).filter(|&kind| model.loadings[kind].nrows() > 0).collect();
        let mut workspace = Workspace::default();
        let looks: [Array3<T>; 3] = std::array::from_fn(|kind| self.seen_by_loadings(model, kind));
        for &kind in &active {
            self.improve_slices(model, &looks[kind], kind, &active, &mut workspace);
        }
        let looks = self.seen_by_slices(model);
        for &kind in &active {
            self.improve_loadings(model, &looks[kind], kind, &active, &mut workspace);
        }
        Ok(self.loss(model, &looks, &active))
    }

    fn extrapolated(&self, now: &SliceModel<T>, before: &SliceModel<T>, beta: f64) -> SliceModel<T> {
        let beta = T::from_f64(beta);
        let mut next = now.clone();
        for kind in 0..3 {
            let clip = self.nonnegative[kind];
            let beyond = |a: &mut T, old: T| {
                let value = *a + beta * (*a - old);
                *a = if clip && value < T::ZERO { T::ZERO } else { value };
            };
            next.loadings[kind].zip_mut_with(&before.loadings[kind], |a, &old| beyond(a, old));
            next.slices[kind].zip_mut_with(&before.slices[kind], |a, &old| beyond(a, old));
        }
        next
    }
}

impl<T: Real> Alternating<'_, T> {
    fn rule(&self, kind: usize) -> Option<usize> {
        self.nonnegative[kind].then_some(PASSES)
    }

    /// Y_i = U_i X as slices.
    fn seen_by_loadings(&self, model: &SliceModel<T>, kind: usize) -> Array3<T> {
        let loadings = &model.loadings[kind];
        if loadings.nrows() == 0 {
            return Array3::from_elem(model.slices[kind].dim(), T::ZERO);
        }
        let y = mode_product(self.x, kind, loadings.t(), self.threads);
        as_slices(y.into_dimensionality().expect("three axes"), kind)
    }

    fn improve_slices(
        &self,
        model: &mut SliceModel<T>,
        look: &Array3<T>,
        kind: usize,
        active: &[usize],
        workspace: &mut Workspace,
    ) {
        let mut gradient = look.clone();
        for &other in active.iter().filter(|&&other| other != kind) {
            let f = along(&model.slices[other], other, kind, model.loadings[kind].view());
            add_seen(&mut gradient, kind, other, true, model.loadings[other].view(), &f);
        }
        let (rank, d, e) = gradient.dim();
        let gram = row_products(model.loadings[kind].as_slice().expect("C order"), rank);
        let mut gradient = gradient.into_shape_with_order((rank, d * e)).expect("C order");
        let slices = model.slices[kind].view_mut().into_shape_with_order((rank, d * e)).expect("C order");
        add_product(gradient.view_mut(), false, minus(&gram, rank).view(), slices.view());
        let gradient = gradient.as_slice_mut().expect("C order");
        let slices = slices.into_slice().expect("C order");
        improve(Matrix::Shared(&gram), gradient, slices, rank, self.rule(kind), workspace);
    }

    fn improve_loadings(
        &self,
        model: &mut SliceModel<T>,
        look: &Array2<f64>,
        kind: usize,
        active: &[usize],
        workspace: &mut Workspace,
    ) {
        let mut gradient = look.mapv(T::from_f64);
        for &other in active.iter().filter(|&&other| other != kind) {
            gradient -= &Self::overlap(model, kind, other);
        }
        let rank = gradient.nrows();
        let gram = row_products(model.slices[kind].as_slice().expect("C order"), rank);
        let loadings = &mut model.loadings[kind];
        add_product(gradient.view_mut(), false, minus(&gram, rank).view(), loadings.view());
        let gradient = gradient.as_slice_mut().expect("C order");
        let loadings = loadings.as_slice_mut().expect("C order");
        improve(Matrix::Shared(&gram), gradient, loadings, rank, self.rule(kind), workspace);
    }

    /// ⟨T_other, A_kind⟩.
    fn overlap(model: &SliceModel<T>, kind: usize, other: usize) -> Array2<T> {
        let f = along(&model.slices[kind], kind, other, model.loadings[other].view());
        met(&model.slices[other], other, kind, &f)
    }

    /// Z_i = ⟨X, A_i⟩ for all types, R_i × d_i, in one look.
    pub fn seen_by_slices(&self, model: &SliceModel<T>) -> [Array2<f64>; 3] {
        let (n_trials, n_neurons, n_steps) = (self.x.shape[0], self.x.shape[1], self.x.shape[2]);
        let ranks: [usize; 3] = std::array::from_fn(|kind| model.loadings[kind].nrows());
        let size = n_neurons * n_steps;
        let share = n_trials.div_ceil(PARTIAL_SUMS);
        let parts = self.threads.map(n_trials.div_ceil(share), |part| {
            let trials = part * share..((part + 1) * share).min(n_trials);
            let mut sums: [Array2<f64>; 3] = [
                Array2::zeros((ranks[0], trials.len())),
                Array2::zeros((ranks[1], n_neurons)),
                Array2::zeros((ranks[2], n_steps)),
            ];
            let mut neurons = vec![T::ZERO; ranks[1] * n_neurons];
            let mut buffer = neurons.clone();
            let mut steps = vec![T::ZERO; ranks[2] * n_steps];
            for (i, k) in trials.enumerate() {
                let x = &self.x.data[k * size..][..size];
                for (r, slice) in model.slices[0].outer_iter().enumerate() {
                    sums[0][[r, i]] = inner(x, slice.as_slice().expect("C order"));
                }
                if ranks[1] > 0 {
                    neurons.fill(T::ZERO);
                    let courses = RowWeights::new(model.slices[1].slice(s![.., k, ..]).t());
                    along_time(x, &courses, ranks[1], &mut buffer, &mut neurons);
                    sums[1].iter_mut().zip(&neurons).for_each(|(sum, &v)| *sum += v.to_f64());
                }
                if ranks[2] > 0 {
                    steps.fill(T::ZERO);
                    let columns: Vec<T> = model.slices[2].slice(s![.., k, ..]).t().iter().copied().collect();
                    along_neurons(x, n_steps, &columns, ranks[2], &mut steps);
                    sums[2].iter_mut().zip(&steps).for_each(|(sum, &v)| *sum += v.to_f64());
                }
            }
            sums
        });
        let mut all = [
            Array2::zeros((ranks[0], n_trials)),
            Array2::zeros((ranks[1], n_neurons)),
            Array2::zeros((ranks[2], n_steps)),
        ];
        for (part, sums) in parts.iter().enumerate() {
            all[0].slice_mut(s![.., part * share..part * share + sums[0].ncols()]).assign(&sums[0]);
            all[1] += &sums[1];
            all[2] += &sums[2];
        }
        all
    }

    fn loss(&self, model: &SliceModel<T>, looks: &[Array2<f64>; 3], active: &[usize]) -> f64 {
        let mut loss = self.sum_of_squares;
        for &kind in active {
            let (loadings, slices) = (&model.loadings[kind], &model.slices[kind]);
            loss -= 2.0 * loadings.iter().zip(&looks[kind]).map(|(u, z)| u.to_f64() * z).sum::<f64>();
            let rank = loadings.nrows();
            let row = |r: usize| loadings.row(r).to_slice().expect("C order");
            let slice = |r: usize| slices.index_axis(Axis(0), r).to_slice().expect("C order");
            for (r, s) in pairs(rank) {
                let twice = if r == s { 1.0 } else { 2.0 };
                loss += twice * inner(row(r), row(s)) * inner(slice(r), slice(s));
            }
            for &other in active.iter().filter(|&&other| other > kind) {
                let overlap = Self::overlap(model, kind, other);
                loss +=
                    2.0 * loadings.iter().zip(&overlap).map(|(u, v)| u.to_f64() * v.to_f64()).sum::<f64>();
            }
        }
        loss.max(0.0)
    }
}

/// ⟨row_r, row_s⟩, the upper triangle.
fn row_products<T: Real>(rows: &[T], rank: usize) -> Vec<T> {
    let width = rows.len() / rank;
    let row = |r: usize| &rows[r * width..][..width];
    pairs(rank).map(|(r, s)| T::from_f64(inner(row(r), row(s)))).collect()
}

/// −H from its upper triangle.
fn minus<T: Real>(upper: &[T], rank: usize) -> Array2<T> {
    let mut full = Array2::from_elem((rank, rank), T::ZERO);
    for ((r, s), &value) in pairs(rank).zip(upper) {
        full[[r, s]] = T::ZERO - value;
        full[[s, r]] = T::ZERO - value;
    }
    full
}
