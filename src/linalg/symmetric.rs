//! Eigenvectors of symmetric matrices: all of them, or the leading few from a good guess.

use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};

use super::orthonormal::{complete, orthonormal_basis};
use super::products::{as_faer, product};
use crate::error::{Error, Result};

/// Up to this size a full decomposition costs less than a few rounds of subspace iteration.
const SMALL: usize = 40;
/// Residuals below this share of the largest eigenvalue leave the eigenvalues exact to rounding (their error is of
/// second order).
const RESIDUAL: f64 = 1e-9;
/// Growth of the sum of the leading eigenvalues, as a share of the largest, that is rounding.
const GROWTH: f64 = 1e-13;
/// Rounds in which a leading vector that the guess lacks can show itself.
const FEWEST_ROUNDS: usize = 2;
/// Rounds that make a dominant subspace.
const DOMINANT_ROUNDS: usize = 3;
/// Columns carried beyond those wanted, which settle the last of them sooner.
const SPARE: usize = 4;
/// Rounds after which subspace iteration has no advantage left.
const MAX_ROUNDS: usize = 12;

/// Eigenvalues in descending order, and their eigenvectors as columns.
#[derive(Debug, Clone)]
pub struct Spectrum {
    /// Eigenvalues, largest first.
    pub values: Array1<f64>,
    /// One orthonormal column per eigenvalue.
    pub vectors: Array2<f64>,
}

impl Spectrum {
    /// The first `rank` eigenvalues and eigenvectors.
    #[must_use]
    pub fn leading(&self, rank: usize) -> Self {
        Self {
            values: self.values.slice(s![..rank]).to_owned(),
            vectors: self.vectors.slice(s![.., ..rank]).to_owned(),
        }
    }
}

/// The full eigendecomposition; only the lower triangle of `a` is read.
pub fn symmetric_eigen(a: ArrayView2<'_, f64>) -> Result<Spectrum> {
    let n = a.nrows();
    let eigen = as_faer(a).self_adjoint_eigen(faer::Side::Lower).map_err(|error| Error::Factorization {
        factorization: "symmetric eigendecomposition",
        detail: format!("a {n} × {n} matrix: {error:?}"),
    })?;
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    Ok(Spectrum {
        values: Array1::from_shape_fn(n, |i| values[n - 1 - i]),
        vectors: Array2::from_shape_fn((n, n), |(i, j)| vectors[(i, n - 1 - j)]),
    })
}

/// The `rank` leading eigenvectors of a positive semidefinite `a` (both triangles filled), followed by good guesses at
/// the next ones, `width` columns in all.
///
/// Small matrices are decomposed outright. Larger ones: rounds of Rayleigh–Ritz (see `round`) from the columns of
/// `guess` (there may be none) and the heaviest columns of `a`, lest the guess be orthogonal to a leading vector; until
/// the residuals of the first `rank` vectors, or the growth of their eigenvalues' sum, are negligible. If they are not
/// after a few rounds, the full decomposition decides.
pub fn leading_eigenvectors(
    a: ArrayView2<'_, f64>,
    guess: ArrayView2<'_, f64>,
    rank: usize,
    width: usize,
) -> Result<Spectrum> {
    let n = a.nrows();
    let block = width.max(rank + SPARE).max(guess.ncols() + SPARE);
    if n > SMALL && 3 * block < n {
        let mut ritz = round(a, started(a, guess, block).view())?;
        for done in 1..MAX_ROUNDS {
            let leading = ritz.leading(rank);
            let residual = product(a, leading.vectors.view()) - &leading.vectors * &leading.values;
            let scale = ritz.values[0].abs().max(f64::MIN_POSITIVE);
            if done >= FEWEST_ROUNDS && residual.iter().all(|r| r.abs() <= RESIDUAL * scale) {
                return Ok(ritz.leading(width));
            }
            let next = round(a, ritz.vectors.view())?;
            let growth = next.leading(rank).values.sum() - leading.values.sum();
            ritz = next;
            if done >= FEWEST_ROUNDS && growth <= GROWTH * scale {
                return Ok(ritz.leading(width));
            }
        }
    }
    Ok(symmetric_eigen(a)?.leading(width))
}

/// About the `width` leading eigenvectors of a positive semidefinite `a`: a subspace that holds nearly all that the
/// leading ones hold, at the cost of a few products.
pub fn dominant_subspace(a: ArrayView2<'_, f64>, width: usize) -> Result<Spectrum> {
    let n = a.nrows();
    if n <= SMALL || 3 * width >= n {
        return Ok(symmetric_eigen(a)?.leading(width));
    }
    let mut spectrum = round(a, started(a, Array2::zeros((n, 0)).view(), width).view())?;
    for _ in 1..DOMINANT_ROUNDS {
        spectrum = round(a, spectrum.vectors.view())?;
    }
    Ok(spectrum)
}

/// An orthonormal block: the guess, then the heaviest columns of `a`.
fn started(a: ArrayView2<'_, f64>, guess: ArrayView2<'_, f64>, width: usize) -> Array2<f64> {
    let mut heaviest: Vec<usize> = (0..a.nrows()).collect();
    heaviest.sort_by(|&i, &j| a[[j, j]].total_cmp(&a[[i, i]]));
    let columns = a.select(Axis(1), &heaviest[..width - guess.ncols()]);
    complete(orthonormal_basis(concatenate![Axis(1), guess, columns].view()), width)
}

/// One round of Rayleigh–Ritz: the best block of the same width in the span of [S, A S]. The sum of the leading Ritz
/// values never falls from round to round.
fn round(a: ArrayView2<'_, f64>, block: ArrayView2<'_, f64>) -> Result<Spectrum> {
    let width = block.ncols();
    let image = product(a, block);
    let basis = orthonormal_basis(concatenate![Axis(1), block, image].view());
    let ritz = symmetric_eigen(product(basis.t(), product(a, basis.view()).view()).view())?;
    let ritz = ritz.leading(width.min(basis.ncols()));
    let vectors = complete(product(basis.view(), ritz.vectors.view()), width);
    // A matrix of low rank fills no more: the columns that complete the block belong to eigenvalue zero.
    let values = Array1::from_shape_fn(width, |i| ritz.values.get(i).copied().unwrap_or(0.0));
    Ok(Spectrum { values, vectors })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::rng;

    fn gram(n: usize, decay: f64) -> Array2<f64> {
        let mut stream = rng::stream(3, n as u64);
        let mixing = Array2::from_shape_fn((n, n), |_| rng::normal(&mut stream));
        let scaled = &mixing * &Array1::from_shape_fn(n, |j| decay.powf(j as f64));
        scaled.dot(&scaled.t())
    }

    #[test]
    fn a_spectrum_rebuilds_its_matrix() {
        for n in [1, 2, 9, 50] {
            let a = gram(n, 0.9);
            let Spectrum { values, vectors } = symmetric_eigen(a.view()).unwrap();
            assert!(values.windows(2).into_iter().all(|w| w[0] >= w[1]));
            let rebuilt = (&vectors * &values).dot(&vectors.t());
            assert!((rebuilt - &a).iter().all(|v| v.abs() < 1e-12 * values[0] * n as f64));
        }
    }

    #[test]
    fn leading_vectors_agree_with_the_full_decomposition() {
        for (n, decay) in [(10, 0.8), (120, 0.8), (120, 0.95)] {
            let a = gram(n, decay);
            let full = symmetric_eigen(a.view()).unwrap();
            // A guess that misses the first eigenvector altogether.
            let guess = full.vectors.slice(s![.., 1..4]);
            let few = leading_eigenvectors(a.view(), guess, 3, 5).unwrap();
            assert_eq!(few.vectors.dim(), (n, 5));
            for r in 0..3 {
                let (got, expected) = (few.values[r], full.values[r]);
                assert!(
                    (got - expected).abs() < 1e-12 * full.values[0],
                    "n {n} decay {decay} {r}: {got} {expected}"
                );
            }
            let inner = few.leading(3).vectors.t().dot(&full.vectors.slice(s![.., ..3]));
            assert!(inner.iter().map(|v| v * v).sum::<f64>() > 3.0 - 1e-8, "n {n} decay {decay}");
        }
    }

    #[test]
    fn a_flat_spectrum_is_never_left_below_the_guess() {
        let a = gram(120, 0.999);
        let full = symmetric_eigen(a.view()).unwrap();
        for first in [0, 1, 10] {
            let guess = full.vectors.slice(s![.., first..first + 3]);
            let held: f64 = full.values.slice(s![first..first + 3]).sum();
            let few = leading_eigenvectors(a.view(), guess, 3, 3).unwrap();
            assert!(few.values.sum() >= held * (1.0 - 1e-12));
            assert!(few.values.sum() >= 0.95 * full.values.slice(s![..3]).sum());
        }
    }

    #[test]
    fn a_dominant_subspace_holds_nearly_what_the_leading_vectors_hold() {
        for (n, decay) in [(30, 0.9), (150, 0.8), (150, 0.99)] {
            let a = gram(n, decay);
            let best: f64 = symmetric_eigen(a.view()).unwrap().values.slice(s![..8]).sum();
            let held = dominant_subspace(a.view(), 8).unwrap();
            assert!(held.values.sum() > 0.97 * best && held.values.sum() <= best * (1.0 + 1e-12));
            let gram = held.vectors.t().dot(&held.vectors);
            assert!((gram - Array2::<f64>::eye(8)).iter().all(|v| v.abs() < 1e-12));
        }
    }

    #[test]
    fn matrices_of_low_rank_are_completed() {
        let mut a = Array2::zeros((100, 100));
        a[[3, 3]] = 2.0;
        for spectrum in [
            dominant_subspace(a.view(), 6).unwrap(),
            leading_eigenvectors(a.view(), a.slice(s![.., ..0]), 3, 6).unwrap(),
        ] {
            assert!((spectrum.values[0] - 2.0).abs() < 1e-14 && spectrum.values[1].abs() < 1e-14);
            let gram = spectrum.vectors.t().dot(&spectrum.vectors);
            assert!((gram - Array2::<f64>::eye(6)).iter().all(|v| v.abs() < 1e-12));
        }
    }
}
