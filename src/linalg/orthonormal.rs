//! Orthonormal bases of the columns of small matrices.

use ndarray::{Array2, ArrayView2, s};

use super::products::product;
use super::symmetric::{Spectrum, symmetric_eigen};
use crate::error::Result;

/// Columns whose part outside the span of those before is smaller than this, relative to the column, add nothing.
const RANK_TOLERANCE: f64 = 1e-10;
/// Directions whose squared share is smaller than this are lost in the rounding of Gram matrices.
const SPAN_TOLERANCE: f64 = 1e-12;

/// An orthonormal basis of the span of `a`'s columns, in their order; as many columns as `a` has rank.
///
/// Gram–Schmidt, each column twice ("twice is enough", Giraud et al. 2005), which keeps the order and drops dependent
/// columns where a QR decomposition would invent directions.
pub fn orthonormal_basis(a: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut basis = Array2::zeros((a.nrows(), a.ncols().min(a.nrows())));
    let mut rank = 0;
    for column in a.columns() {
        if rank == basis.ncols() {
            break;
        }
        let before = column.dot(&column).sqrt();
        let mut rest = column.to_owned();
        for _ in 0..2 {
            let known = basis.slice(s![.., ..rank]);
            rest -= &known.dot(&known.t().dot(&rest));
        }
        let norm = rest.dot(&rest).sqrt();
        if norm > RANK_TOLERANCE * before && norm.is_finite() && norm > 0.0 {
            basis.column_mut(rank).assign(&(rest / norm));
            rank += 1;
        }
    }
    basis.slice_move(s![.., ..rank])
}

/// An orthonormal basis of the span of `a`'s columns, in no particular order: for long columns, where only products of
/// matrices are fast. Twice Q = A V Λ^(−1/2) with Aᵀ A = V Λ Vᵀ, columns scaled to length one before. Directions that
/// are represented less than `SPAN_TOLERANCE` are left out.
pub fn orthonormal_span(a: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let mut q = a.to_owned();
    for mut column in q.columns_mut() {
        let norm = column.dot(&column).sqrt();
        if norm > 0.0 {
            column /= norm;
        }
    }
    for _ in 0..2 {
        let Spectrum { values, vectors } = symmetric_eigen(product(q.t(), q.view()).view())?;
        let largest = values.first().copied().unwrap_or(0.0);
        let kept = values.iter().take(q.nrows()).take_while(|&&v| v > SPAN_TOLERANCE * largest).count();
        let turn = &vectors.slice(s![.., ..kept]) / &values.slice(s![..kept]).mapv(f64::sqrt);
        q = product(q.view(), turn.view());
    }
    Ok(q)
}

/// `basis` with directions of its orthogonal complement appended until it has `n_columns`: unit vectors, the ones
/// least represented first.
pub fn complete(basis: Array2<f64>, n_columns: usize) -> Array2<f64> {
    let n_rows = basis.nrows();
    assert!(n_columns <= n_rows, "{n_columns} orthonormal columns of length {n_rows}");
    if basis.ncols() >= n_columns {
        return basis;
    }
    let mut order: Vec<usize> = (0..n_rows).collect();
    let held: Vec<f64> = basis.rows().into_iter().map(|row| row.dot(&row)).collect();
    order.sort_by(|&i, &j| held[i].total_cmp(&held[j]));
    let mut all = Array2::zeros((n_rows, basis.ncols() + n_rows));
    all.slice_mut(s![.., ..basis.ncols()]).assign(&basis);
    for (column, &i) in order.iter().enumerate() {
        all[[i, basis.ncols() + column]] = 1.0;
    }
    orthonormal_basis(all.view()).slice_move(s![.., ..n_columns])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_that_of_the_columns_and_orthonormal() {
        let mut stream = crate::numerics::rng::stream(3, 0);
        let mut a = Array2::from_shape_simple_fn((50, 8), || crate::numerics::rng::normal(&mut stream));
        // A column close to another, one that is their combination, and one of nothing.
        let near = &a.column(0) * 3.0 + &a.column(2) * 1e-4;
        a.column_mut(2).assign(&near);
        let combined = &a.column(3) - &a.column(4);
        a.column_mut(5).assign(&combined);
        a.column_mut(6).fill(0.0);
        let q = orthonormal_span(a.view()).unwrap();
        assert_eq!(q.dim(), (50, 6));
        assert!((q.t().dot(&q) - Array2::<f64>::eye(6)).iter().all(|v| v.abs() < 1e-13));
        let rest = &a - &q.dot(&q.t().dot(&a));
        assert!(rest.iter().all(|v| v.abs() < 1e-9), "{rest}");
        let wide = a.slice(s![..3, ..]);
        assert_eq!(orthonormal_span(wide).unwrap().dim(), (3, 3));
    }

    #[test]
    fn dependent_columns_are_dropped_and_the_rest_is_orthonormal() {
        let a = ndarray::array![
            [1.0, 2.0, 0.0, 1.0],
            [1.0, 2.0, 1.0, 0.0],
            [1.0, 2.0, 0.0, 3.0],
            [0.0, 0.0, 1e-3, 0.0]
        ];
        let q = orthonormal_basis(a.view());
        assert_eq!(q.ncols(), 3);
        let gram = q.t().dot(&q);
        assert!((gram - Array2::<f64>::eye(3)).iter().all(|v| v.abs() < 1e-14));
        let outside = &a - &q.dot(&q.t().dot(&a));
        assert!(outside.iter().all(|v| v.abs() < 1e-14));
    }

    #[test]
    fn completion_keeps_what_was_there() {
        let q = orthonormal_basis(ndarray::array![[3.0], [4.0], [0.0]].view());
        let all = complete(q.clone(), 3);
        assert_eq!(all.column(0), q.column(0));
        assert!((all.t().dot(&all) - Array2::<f64>::eye(3)).iter().all(|v| v.abs() < 1e-14));
        assert_eq!(complete(Array2::zeros((4, 0)), 2).dim(), (4, 2));
    }
}
