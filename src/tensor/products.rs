//! Mode products and mode Gram matrices, without ever unfolding a tensor.
//!
//! A tensor in C order, seen from mode `n`, is L blocks of d rows of K entries (L, K: products of the axes before and
//! after). Each block is a matrix in place, so
//!
//! ```text
//! mode product   Y[l] = Qᵀ X[l]           Q (d × r)      r × K for each of the L blocks; for K = 1: rows of X times Q
//! mode Gram      G = Σ_l X[l] X[l]ᵀ                      d × d
//! ```
//!
//! Pieces of fixed size are summed in the recording's precision within and in double precision between them.

use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewMut2, ShapeBuilder};

use super::dense::{Dense, tensor};
use super::narrow::{self, NARROW, RowWeights, STRIP};
use crate::linalg::{add_gram, add_product};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Columns of a block that are worked on together.
const COLUMNS: usize = 2048;
/// Multiply-adds that make a piece of work worth handing to another thread.
const WORTH_SHARING: usize = 1 << 17;
/// Partial Gram matrices that are summed at the end, each by one thread.
const PARTIAL_SUMS: usize = 8;

/// Threads, or none where the work is too small to share.
fn worthwhile(threads: &Threads, multiply_adds: usize) -> Threads {
    if multiply_adds < 2 * WORTH_SHARING { Threads::one() } else { threads.clone() }
}

/// `x ×_mode qᵀ`: the axis of length d becomes one of length r.
pub fn mode_product<T: Real>(
    x: Dense<'_, T>,
    mode: usize,
    q: ArrayView2<'_, T>,
    threads: &Threads,
) -> ArrayD<T> {
    let (left, length, right) = x.split(mode);
    let rank = q.ncols();
    assert_eq!(q.nrows(), length, "mode product along an axis of length {length}");
    let mut shape = x.shape.to_vec();
    shape[mode] = rank;
    let mut out = vec![T::ZERO; left * rank * right];
    if out.is_empty() {
        return tensor(&shape, out);
    }
    let threads = worthwhile(threads, x.len() * rank);
    let narrow = rank <= NARROW;
    if right == 1 {
        let rows = (WORTH_SHARING / (length * rank)).clamp(64, 4096);
        let weights = narrow.then(|| RowWeights::new(q));
        threads.for_chunks(&mut out, rows * rank, |piece, out| {
            let n_rows = out.len() / rank;
            let x = x.block(piece * rows * length, n_rows, length, length);
            if let Some(weights) = &weights {
                weights.products(x.to_slice().expect("whole rows"), out);
            } else {
                add_product(ArrayViewMut2::from_shape((n_rows, rank), out).expect("whole rows"), true, x, q);
            }
        });
        return tensor(&shape, out);
    }
    let weights: Vec<T> = q.iter().copied().collect();
    // `out += qᵀ x` for a block of `n_columns`, rows of x `right` apart and rows of out `out_stride`.
    let add_block = |offset: usize, n_columns: usize, out: &mut [T], out_stride: usize| {
        if narrow {
            narrow::columns(&x.data[offset..], right, n_columns, &weights, rank, out, out_stride);
        } else {
            let out =
                ArrayViewMut2::from_shape((rank, n_columns).strides((out_stride, 1)), out).expect("a block");
            add_product(out, true, q.t(), x.block(offset, length, n_columns, right));
        }
    };
    if left == 1 {
        // One wide block: pieces are ranges of its columns, put side by side afterwards (a small share of x).
        let width = if narrow { STRIP } else { COLUMNS };
        let pieces = threads.map(right.div_ceil(width), |piece| {
            let n_columns = width.min(right - piece * width);
            let mut part = vec![T::ZERO; rank * n_columns];
            add_block(piece * width, n_columns, &mut part, n_columns);
            part
        });
        for (piece, part) in pieces.iter().enumerate() {
            for (r, row) in part.chunks(part.len() / rank).enumerate() {
                out[r * right + piece * width..][..row.len()].copy_from_slice(row);
            }
        }
    } else {
        let blocks = (WORTH_SHARING / (length * rank * right)).max(1);
        threads.for_chunks(&mut out, blocks * rank * right, |piece, out| {
            for (i, out) in out.chunks_mut(rank * right).enumerate() {
                add_block((piece * blocks + i) * length * right, right, out, right);
            }
        });
    }
    tensor(&shape, out)
}

/// The Gram matrix of mode `mode`, both triangles filled.
pub fn mode_gram<T: Real>(x: Dense<'_, T>, mode: usize, threads: &Threads) -> Array2<f64> {
    let (left, length, right) = x.split(mode);
    // Pieces: (block, first column, columns); where K = 1, rows of the tensor are columns of one wide block.
    let (n_blocks, width) = if right == 1 { (1, left) } else { (left, right) };
    let columns = COLUMNS.min(width.max(1));
    let per_block = width.div_ceil(columns);
    // Narrow blocks are gathered until a sum in the recording's precision is as long as a wide piece.
    let together = (COLUMNS / columns).max(1);
    let n_pieces = n_blocks * per_block;
    let share = n_pieces.div_ceil(PARTIAL_SUMS).max(together);
    let threads = worthwhile(threads, x.len() * length / 2);
    let sums = threads.map(n_pieces.div_ceil(share.max(1)), |part| {
        let mut sum = Array2::<f64>::zeros((length, length));
        let mut partial = Array2::from_elem((length, length), T::ZERO);
        let pieces = part * share..((part + 1) * share).min(n_pieces);
        for (count, piece) in pieces.clone().enumerate() {
            let (block, first) = (piece / per_block, piece % per_block * columns);
            let n_columns = columns.min(width - first);
            if right == 1 {
                let rows = x.block(first * length, n_columns, length, length);
                add_gram(partial.view_mut(), rows.t());
            } else {
                add_gram(
                    partial.view_mut(),
                    x.block(block * length * right + first, length, n_columns, right),
                );
            }
            if (count + 1) % together == 0 || piece + 1 == pieces.end {
                sum.zip_mut_with(&partial, |s, p| *s += p.to_f64());
                partial.fill(T::ZERO);
            }
        }
        sum
    });
    let mut gram = Array2::zeros((length, length));
    for sum in &sums {
        gram += sum;
    }
    for i in 0..length {
        for j in 0..i {
            gram[[j, i]] = gram[[i, j]];
        }
    }
    gram
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::numerics::rng;

    pub fn random_tensor<T: Real>(shape: &[usize], seed: u64) -> ArrayD<T> {
        let mut stream = rng::stream(seed, 0);
        let n = shape.iter().product();
        tensor(shape, (0..n).map(|_| T::from_f64(rng::normal(&mut stream))).collect())
    }

    /// The definition, entry by entry, in double precision.
    fn slow_mode_product<T: Real>(x: Dense<'_, T>, mode: usize, q: &Array2<T>) -> Vec<f64> {
        let (left, length, right) = x.split(mode);
        let mut out = Vec::new();
        for l in 0..left {
            for r in 0..q.ncols() {
                for k in 0..right {
                    let terms = (0..length)
                        .map(|i| x.data[(l * length + i) * right + k].to_f64() * q[[i, r]].to_f64());
                    out.push(terms.sum());
                }
            }
        }
        out
    }

    const SHAPES: [&[usize]; 8] = [
        &[1, 1],
        &[3, 2],
        &[5, 1, 7],
        &[4, 6, 3],
        &[2, 3, 4, 5],
        &[70, 33, 65],
        &[3, 5000, 2],
        &[2, 3, 4099],
    ];

    fn products_and_grams<T: Real>() {
        for shape in SHAPES {
            let array = random_tensor::<T>(shape, 5);
            let x = Dense::of(&array);
            for mode in 0..shape.len() {
                for rank in [1, 2, 3, 20] {
                    let wide = random_tensor::<T>(&[shape[mode], rank], 6);
                    let q = wide.into_dimensionality::<ndarray::Ix2>().unwrap();
                    let slow = slow_mode_product(x, mode, &q);
                    for n_threads in [1, 2, 5] {
                        let threads = Threads::new(Some(n_threads)).unwrap();
                        let fast = mode_product(x, mode, q.view(), &threads);
                        let tolerance = 20.0 * T::EPSILON * shape[mode] as f64;
                        assert!(fast.iter().zip(&slow).all(|(f, s)| (f.to_f64() - s).abs() <= tolerance));
                    }
                }
                let gram = mode_gram(x, mode, &Threads::one());
                let (left, length, right) = x.split(mode);
                for n_threads in [1, 2, 5] {
                    let threads = Threads::new(Some(n_threads)).unwrap();
                    assert_eq!(
                        mode_gram(x, mode, &threads),
                        gram,
                        "{shape:?} mode {mode} on {n_threads} threads"
                    );
                }
                for i in 0..length.min(9) {
                    for j in 0..length.min(9) {
                        let at = |i: usize, l: usize, k: usize| x.data[(l * length + i) * right + k].to_f64();
                        let entries = (0..left).flat_map(|l| (0..right).map(move |k| (l, k)));
                        let terms = entries.map(|(l, k)| at(i, l, k) * at(j, l, k));
                        let (exact, size) = terms.fold((0.0, 1.0), |(s, z), t| (s + t, z + t.abs()));
                        assert!(
                            (gram[[i, j]] - exact).abs() <= 32.0 * T::EPSILON * size,
                            "{shape:?} mode {mode}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn single() {
        products_and_grams::<f32>();
    }

    #[test]
    fn double() {
        products_and_grams::<f64>();
    }
}
