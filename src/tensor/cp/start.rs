//! Where descents start: leading subspaces of the modes, or random factors; and the small core they run on.
//!
//! Let V_n hold the leading directions of mode n (eigenvectors of its Gram matrix). The best model within those
//! subspaces is found on the core C = X ×_0 V_0ᵀ ×_1 V_1ᵀ …, a few thousand numbers, because
//! ‖X − ⟦V A⟧‖² = ‖C − ⟦A⟧‖² + ‖X‖² − ‖C‖² (CANDELINC: Carroll, Pruzansky & Kruskal 1980). Restarts run there.

use ndarray::{Array2, ArrayD, s};

use super::super::dense::Dense;
use super::super::products::{mode_gram, mode_product};
use crate::error::Result;
use crate::linalg::{cast, dominant_subspace, product};
use crate::numerics::parallel::Threads;
use crate::numerics::rng::{self, Stream};
use crate::real::Real;

/// Directions kept beyond the number of components.
const SPARE_DIRECTIONS: usize = 4;
/// A core larger than this share of the tensor saves too little.
const WORTHWHILE_SHARE: f64 = 0.25;

/// A tensor in the coordinates of its modes' leading directions.
pub struct Core {
    /// V_n, orthonormal columns, strongest first.
    pub bases: Vec<Array2<f64>>,
    /// The coordinates, unless the core would be hardly smaller than the tensor.
    pub tensor: Option<ArrayD<f64>>,
}

impl Core {
    /// Finds the leading directions of every mode, enough for `rank` components.
    pub fn of<T: Real>(x: Dense<'_, T>, rank: usize, threads: &Threads) -> Result<Self> {
        let mut bases = Vec::new();
        for (mode, &length) in x.shape.iter().enumerate() {
            let width = (rank + SPARE_DIRECTIONS).min(length);
            bases.push(dominant_subspace(mode_gram(x, mode, threads).view(), width)?.vectors);
        }
        let size: usize = bases.iter().map(Array2::ncols).product();
        let worthwhile = (size as f64) < WORTHWHILE_SHARE * x.len() as f64;
        let tensor = worthwhile.then(|| {
            let last = x.shape.len() - 1;
            let mut core = mode_product(x, last, cast(bases[last].view()).view(), threads);
            for mode in (0..last).rev() {
                core = mode_product(Dense::of(&core), mode, cast(bases[mode].view()).view(), threads);
            }
            core.mapv(T::to_f64)
        });
        Ok(Self { bases, tensor })
    }

    /// Factors of the core as factors of the tensor.
    pub fn expand(&self, factors: &[Array2<f64>]) -> Vec<Array2<f64>> {
        self.bases.iter().zip(factors).map(|(basis, factor)| product(basis.view(), factor.view())).collect()
    }

    /// The start "svd" in the tensor's coordinates: the leading directions themselves; where a mode has fewer than
    /// `rank` of them, random columns follow. Non-negative modes take the stronger side of each direction.
    pub fn leading_factors(&self, rank: usize, nonnegative: &[bool], rng: &mut Stream) -> Vec<Array2<f64>> {
        let from_basis = |(basis, &nonnegative): (&Array2<f64>, &bool)| {
            let (length, held) = (basis.nrows(), basis.ncols().min(rank));
            let mut factor = random_factor(length, rank, nonnegative, rng) / (length as f64).sqrt();
            factor.slice_mut(s![.., ..held]).assign(&basis.slice(s![.., ..held]));
            if nonnegative {
                factor.columns_mut().into_iter().for_each(|column| keep_stronger_side(column));
            }
            factor
        };
        self.bases.iter().zip(nonnegative).map(from_basis).collect()
    }

    /// A start in the core's own coordinates: the first is the leading directions, the others are random.
    pub fn core_start(&self, rank: usize, leading: bool, rng: &mut Stream) -> Vec<Array2<f64>> {
        let start = |basis: &Array2<f64>| {
            let width = basis.ncols();
            let mut factor = random_factor(width, rank, false, rng) / (width as f64).sqrt();
            if leading {
                factor.slice_mut(s![.., ..width.min(rank)]).assign(&Array2::eye(width).slice(s![.., ..width.min(rank)]));
            }
            factor
        };
        self.bases.iter().map(start).collect()
    }
}

/// Random factors for a tensor of this shape: normal, or uniform on [0, 1) where they must not be negative.
pub fn random_factors(shape: &[usize], rank: usize, nonnegative: &[bool], rng: &mut Stream) -> Vec<Array2<f64>> {
    shape.iter().zip(nonnegative).map(|(&length, &nonnegative)| random_factor(length, rank, nonnegative, rng)).collect()
}

fn random_factor(length: usize, rank: usize, nonnegative: bool, rng: &mut Stream) -> Array2<f64> {
    Array2::from_shape_simple_fn((length, rank), || if nonnegative { rng::uniform(rng) } else { rng::normal(rng) })
}

/// Turns a direction so that its positive part is the stronger one and cuts the rest to a small positive value, from
/// which a non-negative descent can lift it again.
fn keep_stronger_side(mut column: ndarray::ArrayViewMut1<'_, f64>) {
    let power: f64 = column.iter().map(|a| a * a.abs()).sum();
    let floor = 1e-3 * (column.dot(&column) / column.len() as f64).sqrt();
    column.mapv_inplace(|a| (a * power.signum()).max(floor));
}
