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

use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;

/// At most this many columns are narrow.
pub const NARROW: usize = 16;

/// Entries that are worked on at once: several vector registers wide.
const LANES: usize = 16;
/// Columns of x whose results stay in the first-level cache.
const STRIP: usize = 512;

vectorised! {
    /// `out[l, r] = Σ_k x[l, k] q[r, k]` for rows of x of length `length`; q is given transposed (R × length).
    pub fn rows<T: Real>(x: &[T], length: usize, q: &[T], out: &mut [T]) {
        let rank = q.len() / length;
        let mut start = 0;
        while start < rank {
            // Two columns share each load of x; more would spill the sums.
            if rank - start >= 2 {
                row_products::<T, 2, FUSED>(x, length, &q[start * length..], out, rank, start);
                start += 2;
            } else {
                row_products::<T, 1, FUSED>(x, length, &q[start * length..], out, rank, start);
                start += 1;
            }
        }
    }
}

#[inline(always)]
fn row_products<T: Real, const R: usize, const FUSED: bool>(
    x: &[T],
    length: usize,
    q: &[T],
    out: &mut [T],
    rank: usize,
    start: usize,
) {
    let whole = length - length % LANES;
    for (row, out) in x.chunks_exact(length).zip(out.chunks_exact_mut(rank)) {
        let mut sums = [[T::ZERO; LANES]; R];
        for at in (0..whole).step_by(LANES) {
            let x: &[T; LANES] = row[at..at + LANES].try_into().expect("LANES entries");
            for (r, sum) in sums.iter_mut().enumerate() {
                let q: &[T; LANES] = q[r * length + at..r * length + at + LANES].try_into().expect("LANES entries");
                for lane in 0..LANES {
                    sum[lane] = multiply_add::<T, FUSED>(x[lane], q[lane], sum[lane]);
                }
            }
        }
        for (r, sum) in sums.iter().enumerate() {
            let mut total = sum.iter().copied().sum();
            for k in whole..length {
                total = multiply_add::<T, FUSED>(row[k], q[r * length + k], total);
            }
            out[start + r] = total;
        }
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
