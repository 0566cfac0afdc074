//! Where descents start: leading subspaces of the modes, or random factors; and the small core they run on.
//!
//! Let V_n hold the leading directions of mode n (leading singular vectors of its unfolding, from a random sketch and
//! one round of improvement, a few looks at the tensor in all). The best model within those
//! subspaces is found on the core C = X ×_0 V_0ᵀ ×_1 V_1ᵀ …, a few thousand numbers, because
//! ‖X − ⟦V A⟧‖² = ‖C − ⟦A⟧‖² + ‖X‖² − ‖C‖² (CANDELINC: Carroll, Pruzansky & Kruskal 1980). Restarts run there.

use ndarray::{Array2, ArrayD, Axis, concatenate, s};

use super::super::dense::Dense;
use super::super::mttkrp::{Halves, Reading, contract_group};
use super::super::products::{mode_gram, mode_product};
use crate::error::{Error, Result};
use crate::linalg::{cast, complete, dominant_subspace, orthonormal_basis, orthonormal_span, product};
use crate::numerics::parallel::Threads;
use crate::numerics::rng::{self, Stream};
use crate::real::Real;

/// Directions kept beyond the number of components.
const SPARE_DIRECTIONS: usize = 4;
/// Seed of the sketch.
const SKETCH_SEED: u64 = 0x5eed;
/// A core larger than this share of the tensor saves too little.
const WORTHWHILE_SHARE: f64 = 0.25;

/// A tensor in the coordinates of its modes' leading directions.
#[derive(Debug, Clone)]
pub struct Core {
    /// V_n, orthonormal columns, strongest first.
    pub bases: Vec<Array2<f64>>,
    /// The coordinates, unless the core would be hardly smaller than the tensor.
    pub tensor: Option<ArrayD<f64>>,
}

impl Core {
    /// Finds the leading directions of every mode, enough for `rank` components.
    pub fn of<T: Real>(x: Dense<'_, T>, rank: usize, threads: &Threads) -> Result<Self> {
        let widths: Vec<usize> =
            x.shape.iter().map(|&length| (rank + SPARE_DIRECTIONS).min(length)).collect();
        let mut bases = sketch(x, &widths, threads);
        let last = x.shape.len() - 1;
        let turn = |x: Dense<'_, T>, mode: usize, basis: &Array2<f64>| {
            mode_product(x, mode, cast(basis.view()).view(), threads)
        };
        // One round of improvement: each mode's directions from the tensor in the coordinates of the others.
        let from_last = turn(x, last, &bases[last]);
        for mode in 0..last {
            let small = (0..last)
                .filter(|&m| m != mode)
                .fold(from_last.clone(), |y, m| turn(Dense::of(&y), m, &bases[m]));
            let gram = mode_gram(Dense::of(&small), mode, threads);
            bases[mode] = dominant_subspace(gram.view(), widths[mode])?.vectors;
        }
        let mut rest = turn(x, 0, &bases[0]);
        for (mode, basis) in bases.iter().enumerate().take(last).skip(1) {
            rest = turn(Dense::of(&rest), mode, basis);
        }
        let gram = mode_gram(Dense::of(&rest), last, threads);
        bases[last] = dominant_subspace(gram.view(), widths[last])?.vectors;
        let worthwhile = Self::worthwhile(x, rank + SPARE_DIRECTIONS);
        let tensor = worthwhile.then(|| turn(Dense::of(&rest), last, &bases[last]).mapv(T::to_f64));
        Ok(Self { bases, tensor })
    }

    /// The part of a core for more components that is enough for `rank`.
    pub fn leading(&self, shape: &[usize], rank: usize) -> Result<Self> {
        let enough = |length: usize| (rank + SPARE_DIRECTIONS).min(length);
        let fits = self.bases.len() == shape.len()
            && self.bases.iter().zip(shape).all(|(b, &d)| b.nrows() == d && b.ncols() >= enough(d));
        let (Some(tensor), true) = (&self.tensor, fits) else {
            let got: Vec<usize> = self.bases.iter().map(Array2::ncols).collect();
            return Err(Error::shape("core", &got, format!("{rank} directions and some spare of {shape:?}")));
        };
        let mut part = tensor.view();
        for (axis, &length) in shape.iter().enumerate() {
            part.slice_axis_inplace(Axis(axis), (..enough(length)).into());
        }
        let bases = self.bases.iter().zip(shape);
        Ok(Self {
            bases: bases.map(|(basis, &length)| basis.slice(s![.., ..enough(length)]).to_owned()).collect(),
            tensor: Some(part.as_standard_layout().into_owned()),
        })
    }

    /// The core within the span of given factors, mode by mode.
    pub fn around<T: Real>(
        x: Dense<'_, T>,
        factors: &[&[Array2<f64>]],
        unit: f64,
        threads: &Threads,
    ) -> Result<Self> {
        let mut bases = Vec::new();
        for mode in 0..x.shape.len() {
            // Differences from one to the next: small ones would drown beside the factors themselves.
            let mut all = vec![factors[0][mode].clone()];
            all.extend(factors.windows(2).map(|pair| &pair[0][mode] - &pair[1][mode]));
            let views: Vec<_> = all.iter().map(|part| part.view()).collect();
            bases.push(orthonormal_span(concatenate(Axis(1), &views).expect("as many rows").view())?);
        }
        // The last mode first: it makes the first product the narrowest that runs along whole rows.
        let mut tensor: Option<ArrayD<T>> = None;
        for (mode, basis) in bases.iter().enumerate().rev() {
            let x = tensor.as_ref().map_or(x, Dense::of);
            tensor = Some(mode_product(x, mode, cast(basis.view()).view(), threads));
        }
        let mut core = Self { bases, tensor: tensor.map(|tensor| tensor.mapv(T::to_f64)) };
        core.scale(unit);
        Ok(core)
    }

    /// Whether a core of so many directions a mode is much smaller than the tensor.
    pub fn worthwhile<T: Real>(x: Dense<'_, T>, width: usize) -> bool {
        let size: f64 = x.shape.iter().map(|&length| width.min(length) as f64).product();
        size < WORTHWHILE_SHARE * x.len() as f64
    }

    /// Multiplies the core by a unit.
    pub fn scale(&mut self, unit: f64) {
        self.tensor.iter_mut().for_each(|tensor| *tensor *= unit);
    }

    /// Factors of the tensor as factors of the core; what lies outside its directions is lost.
    pub fn coordinates(&self, factors: &[Array2<f64>]) -> Vec<Array2<f64>> {
        self.bases.iter().zip(factors).map(|(basis, factor)| product(basis.t(), factor.view())).collect()
    }

    /// Factors of the core as factors of the tensor.
    pub fn expand(&self, factors: &[Array2<f64>]) -> Vec<Array2<f64>> {
        self.bases.iter().zip(factors).map(|(basis, factor)| product(basis.view(), factor.view())).collect()
    }

    /// The start "svd" in the tensor's coordinates: the leading directions themselves; where a mode has fewer than
    /// `rank` of them, random columns follow. Non-negative modes take the size of each direction's entries.
    pub fn leading_factors(&self, rank: usize, nonnegative: &[bool], rng: &mut Stream) -> Vec<Array2<f64>> {
        let from_basis = |(basis, &nonnegative): (&Array2<f64>, &bool)| {
            let (length, held) = (basis.nrows(), basis.ncols().min(rank));
            let mut factor = random_factor(length, rank, nonnegative, rng) / (length as f64).sqrt();
            factor.slice_mut(s![.., ..held]).assign(&basis.slice(s![.., ..held]));
            if nonnegative {
                // Cutting the negative side off instead can leave a component with nothing to grow from.
                factor.mapv_inplace(f64::abs);
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
                factor
                    .slice_mut(s![.., ..width.min(rank)])
                    .assign(&Array2::eye(width).slice(s![.., ..width.min(rank)]));
            }
            factor
        };
        self.bases.iter().map(start).collect()
    }
}

/// A first idea of every mode's leading directions: the MTTKRPs with random factors, which take two looks at the
/// tensor for all modes together (a randomised range finder: Halko, Martinsson & Tropp 2011, here with test vectors
/// that are Khatri–Rao products). Always the same random numbers: where a fit starts does not hang on its seed.
fn sketch<T: Real>(x: Dense<'_, T>, widths: &[usize], threads: &Threads) -> Vec<Array2<f64>> {
    let most = widths.iter().copied().max().unwrap_or(0);
    let mut rng = rng::stream(SKETCH_SEED, 0);
    let random: Vec<Array2<f64>> =
        x.shape.iter().map(|&length| random_factor(length, most, false, &mut rng)).collect();
    let halves = Halves::new(x);
    let (first, second) = random.split_at(halves.split);
    let leading = halves.leading(&random, Reading::Value, threads);
    let trailing = halves.trailing(&random, Reading::Value, threads);
    let leading = (0..first.len()).map(|mode| contract_group(leading.view(), first, mode, threads));
    let trailing = (0..second.len()).map(|mode| contract_group(trailing.view(), second, mode, threads));
    let sketches = leading.chain(trailing);
    sketches
        .zip(widths)
        .map(|(found, &width)| first_columns(orthonormal_basis(found.view()), width))
        .collect()
}

fn first_columns(basis: Array2<f64>, width: usize) -> Array2<f64> {
    complete(basis, width).slice_move(s![.., ..width])
}

/// Random factors for a tensor of this shape: normal, or uniform on [0, 1) where they must not be negative.
pub fn random_factors(
    shape: &[usize],
    rank: usize,
    nonnegative: &[bool],
    rng: &mut Stream,
) -> Vec<Array2<f64>> {
    shape
        .iter()
        .zip(nonnegative)
        .map(|(&length, &nonnegative)| random_factor(length, rank, nonnegative, rng))
        .collect()
}

/// Given factors with as many random columns as they lack; none of the new components has any weight yet, the first mode
/// decides on that.
pub fn grown(
    factors: &[Array2<f64>],
    rank: usize,
    nonnegative: &[bool],
    rng: &mut Stream,
) -> Vec<Array2<f64>> {
    let modes = factors.iter().zip(nonnegative).enumerate();
    modes
        .map(|(mode, (factor, &nonnegative))| {
            let (length, missing) = (factor.nrows(), rank - factor.ncols());
            let more = match mode {
                0 => Array2::zeros((length, missing)),
                _ => random_factor(length, missing, nonnegative, rng),
            };
            let joined = concatenate(Axis(1), &[factor.view(), more.view()]).expect("as many rows");
            joined.as_standard_layout().into_owned()
        })
        .collect()
}

fn random_factor(length: usize, rank: usize, nonnegative: bool, rng: &mut Stream) -> Array2<f64> {
    Array2::from_shape_simple_fn((length, rank), || {
        if nonnegative { rng::uniform(rng) } else { rng::normal(rng) }
    })
}
