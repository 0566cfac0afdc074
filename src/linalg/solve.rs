//! Systems of a few unknowns: A G = B for a symmetric positive semidefinite G, row by row of B.

use faer::linalg::solvers::Solve;
use ndarray::{Array2, ArrayView2};

use super::products::as_faer;
use crate::error::{Error, Result};

/// How much of the identity stands beside G.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ridge(
    /// As a share of the mean of G's diagonal.
    pub f64,
);

/// Minimises, for each row, ½ a G aᵀ − b aᵀ + ½ μ ‖a − a₀‖² with μ = ridge × mean diagonal of G:
/// A = (B + μ A₀)(G + μ I)⁻¹.
///
/// The proximal term makes singular systems solvable (equal columns, a rank above a dimension) and moves no
/// stationary point: where A = A₀ it vanishes.
pub fn solve_spd_rows(
    gram: ArrayView2<'_, f64>,
    rhs: ArrayView2<'_, f64>,
    previous: ArrayView2<'_, f64>,
    ridge: Ridge,
) -> Result<Array2<f64>> {
    let n = gram.nrows();
    let scale = gram.diag().sum() / n as f64;
    if scale == 0.0 {
        return Ok(previous.to_owned());
    }
    let mut share = ridge.0.max(f64::EPSILON);
    loop {
        let mu = share * scale;
        let shifted = &gram + &(Array2::<f64>::eye(n) * mu);
        if let Ok(factor) = as_faer(shifted.view()).llt(faer::Side::Lower) {
            let rows = &rhs + &(&previous * mu);
            let solved = factor.solve(as_faer(rows.t()));
            return Ok(Array2::from_shape_fn(rhs.dim(), |(i, r)| solved[(r, i)]));
        }
        share *= 100.0;
        if !share.is_finite() || share > 1.0 {
            return Err(Error::Factorization {
                factorization: "Cholesky decomposition",
                detail: format!(
                    "a {n} × {n} Gram matrix with mean diagonal {scale:e} is not positive semidefinite"
                ),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_solve_their_normal_equations() {
        let gram = array![[4.0, 1.0], [1.0, 3.0]];
        let truth = array![[1.0, -2.0], [0.5, 0.25], [3.0, 0.0]];
        let solved = solve_spd_rows(gram.view(), truth.dot(&gram).view(), truth.view(), Ridge(0.0)).unwrap();
        assert!((solved - truth).iter().all(|v: &f64| v.abs() < 1e-14));
    }

    #[test]
    fn a_singular_system_keeps_to_the_previous_rows() {
        let gram = array![[1.0, 1.0], [1.0, 1.0]];
        let (rhs, previous) = (array![[2.0, 2.0]], array![[5.0, -3.0]]);
        let solved = solve_spd_rows(gram.view(), rhs.view(), previous.view(), Ridge(1e-10)).unwrap();
        assert!((&solved - &previous).iter().all(|v| v.abs() < 1e-5), "{solved}");
        let empty = Array2::zeros((2, 2));
        assert_eq!(solve_spd_rows(empty.view(), rhs.view(), previous.view(), Ridge(0.0)).unwrap(), previous);
    }
}
