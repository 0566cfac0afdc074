//! Products with few columns, at the speed of memory.
//!
//! With R columns an entry of the tensor is used R times, so for small R what counts is that it is read once, in
//! order, and that the few results stay in registers or the first-level cache. General products, made for square
//! matrices, pack their operands first and lose half the time on that.
//!
//! ```text
//! rows      out[l, r] = Σ_k x[l, k] q[k, r]        along the contiguous axis
//! columns   out[r, k] += Σ_i q[i, r] x[i, k]       across it
//! ```

use ndarray::ArrayView2;

use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;

/// At most this many columns are narrow.
pub const NARROW: usize = 16;

/// Entries that are worked on at once: several vector registers wide.
const LANES: usize = 16;
/// Columns of x whose results stay in the first-level cache.
const STRIP: usize = 512;

/// q for products along rows: transposed, each column cut into whole groups of lanes; the last group reaches back into
/// the one before it, with zeros where they overlap, so that no entry is left for a slow end.
pub struct RowWeights<T> {
    groups: Vec<[T; LANES]>,
    rank: usize,
    length: usize,
}

impl<T: Real> RowWeights<T> {
    /// From q, `length × rank`.
    pub fn new(q: ArrayView2<'_, T>) -> Self {
        let (length, rank) = q.dim();
        let n_groups = length.div_ceil(LANES);
        let mut groups = vec![[T::ZERO; LANES]; rank * n_groups];
        for ((k, r), &weight) in q.indexed_iter() {
            let group = k / LANES;
            groups[r * n_groups + group][k - Self::start(group, length)] = weight;
        }
        Self { groups, rank, length }
    }

    /// First entry that a group covers; rows shorter than a group are copied into one.
    #[inline(always)]
    fn start(group: usize, length: usize) -> usize {
        (group * LANES).min(length.saturating_sub(LANES))
    }

    /// `out[l, r] = Σ_k x[l, k] q[k, r]` for whole rows of x.
    pub fn products(&self, x: &[T], out: &mut [T]) {
        if self.length >= LANES {
            row_products(x, self.length, &self.groups, out, self.rank);
            return;
        }
        let mut padded = [T::ZERO; LANES];
        for (row, out) in x.chunks_exact(self.length).zip(out.chunks_exact_mut(self.rank)) {
            padded[..self.length].copy_from_slice(row);
            row_products(&padded, LANES, &self.groups, out, self.rank);
        }
    }
}

vectorised! {
    fn row_products<T: Real>(x: &[T], length: usize, groups: &[[T; LANES]], out: &mut [T], rank: usize) {
        let n_groups = length.div_ceil(LANES);
        for (row, out) in x.chunks_exact(length).zip(out.chunks_exact_mut(rank)) {
            // Up to four columns share each load of x; more would spill the sums.
            for (out, groups) in out.chunks_mut(4).zip(groups.chunks(4 * n_groups)) {
                match out {
                    [_, _, _, _] => one_row::<T, 4, FUSED>(row, groups, n_groups, out),
                    [_, _, _] => one_row::<T, 3, FUSED>(row, groups, n_groups, out),
                    [_, _] => one_row::<T, 2, FUSED>(row, groups, n_groups, out),
                    _ => one_row::<T, 1, FUSED>(row, groups, n_groups, out),
                }
            }
        }
    }
}

#[inline(always)]
fn one_row<T: Real, const R: usize, const FUSED: bool>(
    row: &[T],
    groups: &[[T; LANES]],
    n_groups: usize,
    out: &mut [T],
) {
    let columns: [&[[T; LANES]]; R] = std::array::from_fn(|r| &groups[r * n_groups..(r + 1) * n_groups]);
    let mut sums = [[T::ZERO; LANES]; R];
    for group in 0..n_groups {
        let start = RowWeights::<T>::start(group, row.len());
        let x: &[T; LANES] = row[start..start + LANES].try_into().expect("a whole group");
        for (r, column) in columns.iter().enumerate() {
            let q = &column[group];
            for lane in 0..LANES {
                sums[r][lane] = multiply_add::<T, FUSED>(x[lane], q[lane], sums[r][lane]);
            }
        }
    }
    for (out, sum) in out.iter_mut().zip(&sums) {
        let mut halves: [T; LANES / 2] = std::array::from_fn(|lane| sum[lane] + sum[lane + LANES / 2]);
        let mut width = LANES / 4;
        while width > 0 {
            for lane in 0..width {
                halves[lane] += halves[lane + width];
            }
            width /= 2;
        }
        *out = halves[0];
    }
}

vectorised! {
    /// `out[r, k] += Σ_i q[i, r] x[i, k]`: x has `q.len() / rank` rows `stride` apart, of `width` columns; row r of out
    /// starts at `r · out_stride`.
    pub fn columns<T: Real>(
        x: &[T], stride: usize, width: usize, q: &[T], rank: usize, out: &mut [T], out_stride: usize,
    ) {
        let n_rows = q.len() / rank;
        for first in (0..width).step_by(STRIP) {
            let strip = STRIP.min(width - first);
            let mut i = 0;
            while i < n_rows {
                // Four rows of x for each load and store of the results.
                if n_rows - i >= 4 {
                    let rows = std::array::from_fn::<_, 4, _>(|a| &x[(i + a) * stride + first..][..strip]);
                    for r in 0..rank {
                        let weights = std::array::from_fn::<_, 4, _>(|a| q[(i + a) * rank + r]);
                        let out = &mut out[r * out_stride + first..][..strip];
                        let [x0, x1, x2, x3] = rows;
                        for k in 0..strip {
                            let near = multiply_add::<T, FUSED>(weights[0], x0[k], out[k]);
                            let far = weights[2] * x2[k];
                            let near = multiply_add::<T, FUSED>(weights[1], x1[k], near);
                            out[k] = near + multiply_add::<T, FUSED>(weights[3], x3[k], far);
                        }
                    }
                    i += 4;
                } else {
                    let row = &x[i * stride + first..][..strip];
                    for r in 0..rank {
                        let weight = q[i * rank + r];
                        let out = &mut out[r * out_stride + first..][..strip];
                        for k in 0..strip {
                            out[k] = multiply_add::<T, FUSED>(weight, row[k], out[k]);
                        }
                    }
                    i += 1;
                }
            }
        }
    }
}
