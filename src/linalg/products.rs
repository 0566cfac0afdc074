//! C += A B and C += A Aᵀ for strided matrices of either precision.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::matmul::{self};
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::real::Real;

/// `out += a · b`; with `replace`, what `out` held before does not matter.
pub fn add_product<T: Real>(
    mut out: ArrayViewMut2<'_, T>,
    replace: bool,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
) {
    assert!(
        a.ncols() == b.nrows() && out.dim() == (a.nrows(), b.ncols()),
        "product of {:?} and {:?} into {:?}",
        a.dim(),
        b.dim(),
        out.dim()
    );
    let accumulate = if replace { Accum::Replace } else { Accum::Add };
    if T::IS_SINGLE {
        let (out, a, b) = (faer_mut::<T, f32>(&mut out), faer_ref::<T, f32>(&a), faer_ref::<T, f32>(&b));
        matmul::matmul(out, accumulate, a, b, 1.0, Par::Seq);
    } else {
        let (out, a, b) = (faer_mut::<T, f64>(&mut out), faer_ref::<T, f64>(&a), faer_ref::<T, f64>(&b));
        matmul::matmul(out, accumulate, a, b, 1.0, Par::Seq);
    }
}

/// The lower triangle of `out += a · aᵀ`; what stands above the diagonal is left alone.
pub fn add_gram<T: Real>(mut out: ArrayViewMut2<'_, T>, a: ArrayView2<'_, T>) {
    assert!(out.dim() == (a.nrows(), a.nrows()), "Gram matrix of {:?} into {:?}", a.dim(), out.dim());
    if T::IS_SINGLE {
        gram(faer_mut::<T, f32>(&mut out), faer_ref::<T, f32>(&a), 1.0);
    } else {
        gram(faer_mut::<T, f64>(&mut out), faer_ref::<T, f64>(&a), 1.0);
    }
}

fn gram<F: faer::traits::RealField>(out: MatMut<'_, F>, a: MatRef<'_, F>, one: F) {
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular::matmul(out, lower, Accum::Add, a, full, a.transpose(), full, one, Par::Seq);
}

/// The product of two small matrices.
pub fn product(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((a.nrows(), b.ncols()));
    add_product(out.view_mut(), true, a, b);
    out
}

/// Rounds a double-precision matrix to the recording's precision.
pub fn cast<T: Real>(a: ArrayView2<'_, f64>) -> Array2<T> {
    a.mapv(T::from_f64)
}

/// An ndarray view as faer sees it. `Real` is sealed, so `F` is `T` under its concrete name.
fn faer_ref<'a, T: Real, F>(a: &'a ArrayView2<'_, T>) -> MatRef<'a, F> {
    debug_assert_eq!(size_of::<T>(), size_of::<F>());
    // SAFETY: pointer, shape and strides (in elements) are those of a live view; T and F are the same type.
    unsafe { MatRef::from_raw_parts(a.as_ptr().cast(), a.nrows(), a.ncols(), a.strides()[0], a.strides()[1]) }
}

fn faer_mut<'a, T: Real, F>(a: &'a mut ArrayViewMut2<'_, T>) -> MatMut<'a, F> {
    debug_assert_eq!(size_of::<T>(), size_of::<F>());
    let (rows, cols, row_stride, col_stride) = (a.nrows(), a.ncols(), a.strides()[0], a.strides()[1]);
    // SAFETY: as above, and the view is borrowed mutably for as long as the result lives.
    unsafe { MatMut::from_raw_parts_mut(a.as_mut_ptr().cast(), rows, cols, row_stride, col_stride) }
}

/// A small double-precision matrix as faer sees it.
pub(super) fn as_faer(a: ArrayView2<'_, f64>) -> MatRef<'_, f64> {
    // SAFETY: pointer, shape and strides are those of the view, whose lifetime the result carries.
    unsafe { MatRef::from_raw_parts(a.as_ptr(), a.nrows(), a.ncols(), a.strides()[0], a.strides()[1]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::rng;

    fn random<T: Real>(rows: usize, cols: usize, item: u64) -> Array2<T> {
        let mut stream = rng::stream(7, item);
        Array2::from_shape_fn((rows, cols), |_| T::from_f64(rng::normal(&mut stream)))
    }

    fn agree_with_the_definition<T: Real>() {
        for (m, k, n) in
            [(1, 1, 1), (3, 7, 2), (8, 0, 5), (17, 31, 9), (40, 130, 24), (70, 97, 1), (150, 300, 9)]
        {
            let (a, b) = (random::<T>(k, m, 1).reversed_axes(), random::<T>(k, n, 2));
            let mut out = random::<T>(m, n, 3);
            let mut gram = Array2::from_elem((m, m), T::ZERO);
            let before = out.clone();
            add_product(out.view_mut(), false, a.view(), b.view());
            add_gram(gram.view_mut(), a.view());
            let close = |got: T, terms: &mut dyn Iterator<Item = f64>| {
                let (sum, size) = terms.fold((0.0, 1.0), |(s, z), t| (s + t, z + t.abs()));
                (got.to_f64() - sum).abs() <= 4.0 * T::EPSILON * size * (k as f64 + 1.0).sqrt()
            };
            for i in 0..m {
                for j in 0..n {
                    let mut terms = (0..k).map(|l| a[[i, l]].to_f64() * b[[l, j]].to_f64());
                    let mut all = std::iter::once(before[[i, j]].to_f64()).chain(&mut terms);
                    assert!(close(out[[i, j]], &mut all), "product {m} {k} {n} at {i} {j}");
                }
                for j in 0..=i {
                    let mut terms = (0..k).map(|l| a[[i, l]].to_f64() * a[[j, l]].to_f64());
                    assert!(close(gram[[i, j]], &mut terms), "Gram matrix {m} {k} at {i} {j}");
                }
                assert!((i + 1..m).all(|j| gram[[i, j]] == T::ZERO));
            }
        }
    }

    #[test]
    fn products_single() {
        agree_with_the_definition::<f32>();
    }

    #[test]
    fn products_double() {
        agree_with_the_definition::<f64>();
    }
}
