//! What one slice type looks like from the loadings or slices of another, without ever forming its tensor.
//!
//! With T_j = Σ_s u_js ⊗ A_js and three distinct axes i, j, k:
//!
//! ```text
//! F[r, s, k]  = Σ_i q_r[i] A_js[i, k]                    slices along an axis of theirs       (`along`)
//! (q_r T_j)   = Σ_s u_js[j] F[r, s, k]                   T_j along axis i: a slice of type i   (`add_seen`)
//! ⟨T_j, A_ir⟩ = Σ_s Σ_k F'[s, r, k] A_js[i, k]           F' of A_i along axis j with u_j       (`met`)
//! ```

use ndarray::{Array2, Array3, ArrayView2, Axis, s};

use crate::linalg::add_product;
use crate::real::Real;

/// The two axes of a type's slices, in order.
pub fn slice_axes(kind: usize) -> [usize; 2] {
    [[1, 2], [0, 2], [0, 1]][kind]
}

/// A slice of type `kind` as a matrix with `axis` along its rows.
fn with_rows<T>(slice: ArrayView2<'_, T>, kind: usize, axis: usize) -> ArrayView2<'_, T> {
    if slice_axes(kind)[0] == axis { slice } else { slice.reversed_axes() }
}

/// A tensor whose axis `kind` counts components, as slices.
pub fn as_slices<T: Real>(y: Array3<T>, kind: usize) -> Array3<T> {
    match kind {
        0 => y,
        1 => y.permuted_axes([1, 0, 2]).as_standard_layout().into_owned(),
        _ => y.permuted_axes([2, 0, 1]).as_standard_layout().into_owned(),
    }
}

/// The other way round.
pub fn as_tensor<T: Real>(slices: Array3<T>, kind: usize) -> Array3<T> {
    match kind {
        0 => slices,
        1 => slices.permuted_axes([1, 0, 2]).as_standard_layout().into_owned(),
        _ => slices.permuted_axes([1, 2, 0]).as_standard_layout().into_owned(),
    }
}

/// F[r, s, ·] = q_r A_s: slices of type `kind` along `axis`; `q` is R × length of the axis.
pub fn along<T: Real>(slices: &Array3<T>, kind: usize, axis: usize, q: ArrayView2<'_, T>) -> Array3<T> {
    let rest = slices.len_of(if slice_axes(kind)[0] == axis { Axis(2) } else { Axis(1) });
    let mut out = Array3::from_elem((q.nrows(), slices.dim().0, rest), T::ZERO);
    if out.is_empty() || q.is_empty() {
        return out;
    }
    for (component, slice) in slices.outer_iter().enumerate() {
        add_product(out.slice_mut(s![.., component, ..]), true, q, with_rows(slice, kind, axis));
    }
    out
}

/// out_r ± Σ_s u_s[j] F[r, s, k]: `out` holds slices of type `to`, F and u belong to type `from`.
pub fn add_seen<T: Real>(
    out: &mut Array3<T>,
    to: usize,
    from: usize,
    minus: bool,
    loadings: ArrayView2<'_, T>,
    f: &Array3<T>,
) {
    if loadings.is_empty() || out.is_empty() {
        return;
    }
    let signed = if minus { loadings.mapv(|u| T::ZERO - u) } else { loadings.to_owned() };
    for (mut slice, f) in out.outer_iter_mut().zip(f.outer_iter()) {
        if slice_axes(to)[0] == from {
            add_product(slice.view_mut(), false, signed.t(), f);
        } else {
            add_product(slice.view_mut(), false, f.t(), signed.view());
        }
    }
}

/// ⟨T_j, A_ir⟩ for every r and place on axis i, R_i × d_i: `slices` are those of type j = `from`, `f` = `along` of type
/// i's slices on axis j with u_j, (R_j, R_i, d_k).
pub fn met<T: Real>(slices: &Array3<T>, from: usize, to: usize, f: &Array3<T>) -> Array2<T> {
    let length = if slice_axes(from)[0] == to { slices.dim().1 } else { slices.dim().2 };
    let mut out = Array2::from_elem((f.dim().1, length), T::ZERO);
    if out.is_empty() || f.is_empty() {
        return out;
    }
    for (slice, f) in slices.outer_iter().zip(f.outer_iter()) {
        add_product(out.view_mut(), false, f, with_rows(slice, from, to).reversed_axes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::rng;

    #[test]
    fn contractions_are_those_of_the_tensors() {
        let shape = [4, 3, 5];
        let ranks = [2, 3, 1];
        let mut stream = rng::stream(9, 0);
        let mut random = |a: usize, b: usize, c: usize| {
            Array3::from_shape_simple_fn((a, b, c), || rng::normal(&mut stream))
        };
        let u: Vec<Array2<f64>> =
            (0..3).map(|i| random(1, ranks[i], shape[i]).index_axis_move(Axis(0), 0)).collect();
        let a: Vec<Array3<f64>> =
            (0..3).map(|i| random(ranks[i], shape[slice_axes(i)[0]], shape[slice_axes(i)[1]])).collect();
        for j in 0..3 {
            for i in (0..3).filter(|&i| i != j) {
                // T_j, one entry at a time.
                let value = |at: [usize; 3]| -> f64 {
                    let [p, q] = slice_axes(j);
                    (0..ranks[j]).map(|s| u[j][[s, at[j]]] * a[j][[s, at[p], at[q]]]).sum()
                };
                let mut seen = Array3::zeros(a[i].dim());
                add_seen(&mut seen, i, j, true, u[j].view(), &along(&a[j], j, i, u[i].view()));
                let inner = met(&a[j], j, i, &along(&a[i], i, j, u[j].view()));
                let [p, q] = slice_axes(i);
                for r in 0..ranks[i] {
                    for (x, y) in (0..shape[p]).flat_map(|x| (0..shape[q]).map(move |y| (x, y))) {
                        let mut at = [0; 3];
                        (at[p], at[q]) = (x, y);
                        let mut exact = 0.0;
                        for z in 0..shape[i] {
                            at[i] = z;
                            exact += u[i][[r, z]] * value(at);
                        }
                        assert!((seen[[r, x, y]] + exact).abs() < 1e-12);
                    }
                    for z in 0..shape[i] {
                        let mut exact = 0.0;
                        for (x, y) in (0..shape[p]).flat_map(|x| (0..shape[q]).map(move |y| (x, y))) {
                            let mut at = [z; 3];
                            (at[p], at[q]) = (x, y);
                            exact += a[i][[r, x, y]] * value(at);
                        }
                        assert!((inner[[r, z]] - exact).abs() < 1e-12);
                    }
                }
            }
        }
    }
}
