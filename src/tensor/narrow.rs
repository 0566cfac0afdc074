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
/// Columns of x whose results stay in the first-level cache; no power of two, lest rows of results share its sets.
pub const STRIP: usize = 496;

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

/// Rows whose sums over lanes wait in memory before they are added up, which lets both steps run a lane a register.
const ROWS: usize = 8;
/// Columns that share each load of x; more would spill the sums.
const COLUMNS: usize = 4;

vectorised! {
    fn row_products<T: Real>(x: &[T], length: usize, groups: &[[T; LANES]], out: &mut [T], rank: usize) {
        let n_groups = length.div_ceil(LANES);
        let mut sums = [[T::ZERO; LANES]; ROWS * COLUMNS];
        for (rows, out) in x.chunks(ROWS * length).zip(out.chunks_mut(ROWS * rank)) {
            for (first, groups) in groups.chunks(COLUMNS * n_groups).enumerate() {
                let n_columns = groups.len() / n_groups;
                for (row, sums) in rows.chunks_exact(length).zip(sums.chunks_exact_mut(COLUMNS)) {
                    match n_columns {
                        4 => one_row::<T, 4, FUSED>(row, groups, n_groups, sums),
                        3 => one_row::<T, 3, FUSED>(row, groups, n_groups, sums),
                        2 => one_row::<T, 2, FUSED>(row, groups, n_groups, sums),
                        _ => one_row::<T, 1, FUSED>(row, groups, n_groups, sums),
                    }
                }
                for (out, sums) in out.chunks_exact_mut(rank).zip(sums.chunks_exact(COLUMNS)) {
                    for (out, sum) in out[first * COLUMNS..][..n_columns].iter_mut().zip(sums) {
                        *out = total(sum);
                    }
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
    out: &mut [[T; LANES]],
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
        *out = *sum;
    }
}

/// The sum over lanes, by halves.
#[inline(always)]
fn total<T: Real>(lanes: &[T; LANES]) -> T {
    let mut halves: [T; LANES / 2] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + LANES / 2]);
    let mut width = LANES / 4;
    while width > 0 {
        for lane in 0..width {
            halves[lane] += halves[lane + width];
        }
        width /= 2;
    }
    halves[0]
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
            let row = |i: usize| &x[i * stride + first..][..strip];
            let whole = n_rows - n_rows % 4;
            for i in (0..whole).step_by(4) {
                // Four rows of x for each load and store of the results, and two columns of q for each load of x.
                let rows = [row(i), row(i + 1), row(i + 2), row(i + 3)];
                let weights = |r: usize| std::array::from_fn::<_, 4, _>(|a| q[(i + a) * rank + r]);
                for r in (0..rank - rank % 2).step_by(2) {
                    let (near, far) = out[r * out_stride + first..].split_at_mut(out_stride);
                    two_strips::<T, FUSED>(&rows, weights(r), weights(r + 1), &mut near[..strip], &mut far[..strip]);
                }
                if rank % 2 == 1 {
                    let out = &mut out[(rank - 1) * out_stride + first..][..strip];
                    let a = weights(rank - 1);
                    for (k, out) in out.iter_mut().enumerate() {
                        *out = four::<T, FUSED>(&rows, a, k, *out);
                    }
                }
            }
            for i in whole..n_rows {
                for r in 0..rank {
                    let weight = q[i * rank + r];
                    let out = &mut out[r * out_stride + first..][..strip];
                    for (out, &x) in out.iter_mut().zip(row(i)) {
                        *out = multiply_add::<T, FUSED>(weight, x, *out);
                    }
                }
            }
        }
    }
}

/// `sum + Σ_a weights[a] rows[a][k]`, in two chains.
#[inline(always)]
fn four<T: Real, const FUSED: bool>(rows: &[&[T]; 4], weights: [T; 4], k: usize, sum: T) -> T {
    let near = multiply_add::<T, FUSED>(weights[0], rows[0][k], sum);
    let far = weights[2] * rows[2][k];
    let near = multiply_add::<T, FUSED>(weights[1], rows[1][k], near);
    near + multiply_add::<T, FUSED>(weights[3], rows[3][k], far)
}

/// Two strips of results at once. Both are loaded before either is stored, so that no check whether they overlap can
/// keep the vector instructions away.
#[inline(always)]
fn two_strips<T: Real, const FUSED: bool>(
    rows: &[&[T]; 4],
    a: [T; 4],
    b: [T; 4],
    near: &mut [T],
    far: &mut [T],
) {
    let whole = near.len() - near.len() % LANES;
    for start in (0..whole).step_by(LANES) {
        let place = start..start + LANES;
        let x: [&[T; LANES]; 4] = rows.map(|row| row[place.clone()].try_into().expect("whole lanes"));
        let near: &mut [T; LANES] = (&mut near[place.clone()]).try_into().expect("whole lanes");
        let far: &mut [T; LANES] = (&mut far[place]).try_into().expect("whole lanes");
        let (mut n, mut f) = (*near, *far);
        for row in 0..4 {
            for lane in 0..LANES {
                n[lane] = multiply_add::<T, FUSED>(a[row], x[row][lane], n[lane]);
            }
            for lane in 0..LANES {
                f[lane] = multiply_add::<T, FUSED>(b[row], x[row][lane], f[lane]);
            }
        }
        *near = n;
        *far = f;
    }
    for k in whole..near.len() {
        near[k] = four::<T, FUSED>(rows, a, k, near[k]);
        far[k] = four::<T, FUSED>(rows, b, k, far[k]);
    }
}
