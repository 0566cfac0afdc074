//! Matricised tensor times Khatri–Rao product, without the matrix and without the product.
//!
//! ```text
//! M_n[i, r] = Σ over all entries with index i in mode n   x[i_0, …, i_D] · Π_{m ≠ n} A_m[i_m, r]
//! ```
//!
//! In C order the tensor *is* a matrix X of L rows (the leading modes) and K columns (the trailing modes). Two
//! products with X serve all modes of a sweep (a dimension tree of two branches, Phan, Tichavský & Cichocki 2013):
//!
//! | symbol | name | shape | |
//! | --- | --- | --- | --- |
//! | P = X W | `leading` | L × R | W: products of the trailing factors' rows; all leading modes are sums over P |
//! | Q = Xᵀ Z | `trailing` | K × R | Z: products of the leading factors' rows, made a panel at a time |
//!
//! Entries that were not observed (NaN) enter through two readings of X: with zeros in their place, or as 1 where
//! observed and 0 elsewhere. The second, multiplied with the pairwise products A_m[:, r] A_m[:, s], gives the normal
//! equations of every row exactly.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, concatenate, s};

use super::dense::Dense;
use super::narrow::{NARROW, RowWeights, columns};
use crate::linalg::{add_product, cast};
use crate::numerics::parallel::Threads;
use crate::numerics::simd::vectorised;
use crate::real::Real;

/// Rows of X that are worked on together: a panel and its factor rows stay in the second-level cache.
const PANEL: usize = 256;
/// Panels whose sum is formed in the recording's precision before it is added up in double precision.
const PANELS_TOGETHER: usize = 4;
/// Partial sums of Q that run in parallel.
const PARTIAL_SUMS: usize = 8;
/// Numbers in a half that make its contraction worth sharing.
const WORTH_SHARING: usize = 1 << 16;
/// Trailing modes are joined until a row of X is at least this long.
const SHORTEST_ROW: usize = 32;

/// What stands for an entry of the tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The entry; the tensor must be complete.
    Value,
    /// The entry, or 0 where it was not observed.
    Filled,
    /// 1 where the entry was observed, else 0.
    Observed,
}

/// A tensor seen as a matrix of `n_rows` × `n_columns`, its first `split` modes along the rows.
#[derive(Clone, Copy)]
pub struct Halves<'a, T> {
    x: Dense<'a, T>,
    /// Modes before this one run along the rows, the others along the columns.
    pub split: usize,
    n_rows: usize,
    n_columns: usize,
}

impl<'a, T: Real> Halves<'a, T> {
    /// Splits a tensor of at least two modes.
    pub fn new(x: Dense<'a, T>) -> Self {
        let mut split = x.shape.len() - 1;
        while split > 1 && x.shape[split..].iter().product::<usize>() < SHORTEST_ROW {
            split -= 1;
        }
        let n_columns = x.shape[split..].iter().product();
        Self { x, split, n_rows: x.len() / n_columns, n_columns }
    }

    /// Rows of X.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Entries of X.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// P = X W for the trailing factors; `factors` holds one matrix of R columns per mode.
    pub fn leading(&self, factors: &[Array2<f64>], reading: Reading, threads: &Threads) -> Array2<T> {
        let rank = factors[0].ncols();
        let mut weights = Array2::from_elem((self.n_columns, rank), T::ZERO);
        khatri_rao_rows(&cast_all(&factors[self.split..]), 0, &mut weights.view_mut());
        let narrow = (rank <= NARROW).then(|| RowWeights::new(weights.view()));
        let mut out = vec![T::ZERO; self.n_rows * rank];
        threads.for_chunks(&mut out, PANEL * rank, |panel, out| {
            let first = panel * PANEL;
            let n_rows = out.len() / rank;
            let mut buffer = Vec::new();
            let rows = self.panel(first..first + n_rows, reading, &mut buffer);
            if let Some(narrow) = &narrow {
                narrow.products(rows.to_slice().expect("whole rows"), out);
            } else {
                let out = ArrayViewMut2::from_shape((n_rows, rank), out).expect("whole rows");
                add_product(out, true, rows, weights.view());
            }
        });
        Array2::from_shape_vec((self.n_rows, rank), out).expect("one row per row of X")
    }

    /// Q = Xᵀ Z for the leading factors.
    pub fn trailing(&self, factors: &[Array2<f64>], reading: Reading, threads: &Threads) -> Array2<f64> {
        let rank = factors[0].ncols();
        let leading = cast_all::<T>(&factors[..self.split]);
        let n_panels = self.n_rows.div_ceil(PANEL);
        let share = n_panels.div_ceil(PARTIAL_SUMS).max(1);
        let sums = threads.map(n_panels.div_ceil(share), |part| {
            // Narrow products come out as columns, the others as rows.
            let narrow = rank <= NARROW;
            let dim = if narrow { (rank, self.n_columns) } else { (self.n_columns, rank) };
            let mut sum = Array2::<f64>::zeros(dim);
            let mut partial = Array2::from_elem(dim, T::ZERO);
            let mut products = Array2::from_elem((PANEL, rank), T::ZERO);
            let mut buffer = Vec::new();
            let panels = part * share..((part + 1) * share).min(n_panels);
            for (count, panel) in panels.clone().enumerate() {
                let rows = panel * PANEL..((panel + 1) * PANEL).min(self.n_rows);
                let mut z = products.slice_mut(s![..rows.len(), ..]);
                khatri_rao_rows(&leading, rows.start, &mut z);
                let x = self.panel(rows, reading, &mut buffer);
                let replace = count % PANELS_TOGETHER == 0;
                if narrow {
                    if replace {
                        partial.fill(T::ZERO);
                    }
                    let (x, z) = (x.to_slice().expect("whole rows"), z.into_slice().expect("whole rows"));
                    let out = partial.as_slice_mut().expect("C order");
                    columns(x, self.n_columns, self.n_columns, z, rank, out, self.n_columns);
                } else {
                    add_product(partial.view_mut(), replace, x.t(), z.view());
                }
                if (count + 1) % PANELS_TOGETHER == 0 || panel + 1 == panels.end {
                    sum.zip_mut_with(&partial, |s, p| *s += p.to_f64());
                }
            }
            if narrow { sum.reversed_axes() } else { sum }
        });
        let mut total = Array2::zeros((self.n_columns, rank));
        for sum in &sums {
            total += sum;
        }
        total
    }

    /// Σ (x − x̂)² over the observed entries, for the model x̂ = Σ_r Π_m A_m[i_m, r].
    pub fn residual(&self, factors: &[Array2<f64>], threads: &Threads) -> f64 {
        let rank = factors[0].ncols();
        let leading = cast_all::<T>(&factors[..self.split]);
        let mut weights = Array2::from_elem((self.n_columns, rank), T::ZERO);
        khatri_rao_rows(&cast_all(&factors[self.split..]), 0, &mut weights.view_mut());
        let sums = threads.map(self.n_rows.div_ceil(PANEL), |panel| {
            let rows = panel * PANEL..((panel + 1) * PANEL).min(self.n_rows);
            let mut z = Array2::from_elem((rows.len(), rank), T::ZERO);
            khatri_rao_rows(&leading, rows.start, &mut z.view_mut());
            let mut model = Array2::from_elem((rows.len(), self.n_columns), T::ZERO);
            add_product(model.view_mut(), true, z.view(), weights.t());
            squared_distance(self.entries(&rows), model.as_slice().expect("C order"))
        });
        sums.into_iter().sum()
    }

    fn entries(&self, rows: &Range<usize>) -> &'a [T] {
        &self.x.data[rows.start * self.n_columns..rows.end * self.n_columns]
    }

    fn panel<'b>(&self, rows: Range<usize>, reading: Reading, buffer: &'b mut Vec<T>) -> ArrayView2<'b, T>
    where
        'a: 'b,
    {
        let entries = self.entries(&rows);
        let seen = match reading {
            Reading::Value => entries,
            Reading::Filled | Reading::Observed => {
                buffer.resize(entries.len(), T::ZERO);
                read(entries, reading == Reading::Filled, buffer);
                buffer
            }
        };
        ArrayView2::from_shape((rows.len(), self.n_columns), seen).expect("whole rows")
    }
}

vectorised! {
    /// What stands for entries with gaps: the entry or 0, or else 1 or 0.
    fn read<T: Real>(entries: &[T], values: bool, out: &mut [T]) {
        for (&v, out) in entries.iter().zip(out) {
            let seen = if values { v } else { T::ONE };
            *out = if v.is_nan() { T::ZERO } else { seen };
        }
    }
}

/// Σ (x − y)² where x is not NaN, in double precision.
pub fn squared_distance<T: Real>(x: &[T], y: &[T]) -> f64 {
    let mut total = 0.0;
    add_squared_distance(x, y, &mut total);
    total
}

vectorised! {
    fn add_squared_distance<T: Real>(x: &[T], y: &[T], total: &mut f64) {
        const LANES: usize = 16;
        let square = |x: T, y: T| {
            let difference = if x.is_nan() { T::ZERO } else { x - y };
            difference.to_f64() * difference.to_f64()
        };
        let mut lanes = [0.0_f64; LANES];
        let (whole_x, whole_y) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
        let rest = whole_x.remainder().iter().zip(whole_y.remainder());
        *total += rest.map(|(&x, &y)| square(x, y)).sum::<f64>();
        for (x, y) in whole_x.zip(whole_y) {
            for lane in 0..LANES {
                lanes[lane] += square(x[lane], y[lane]);
            }
        }
        *total += lanes.iter().sum::<f64>();
    }
}

/// Sums a half (P or Q: one row per joint index of the group) over all modes of the group but `mode`:
/// M[i, r] = Σ half[…i…, r] Π_{m ≠ mode} A_m[i_m, r].
pub fn contract_group<T: Real>(
    half: ArrayView2<'_, T>,
    group: &[Array2<f64>],
    mode: usize,
    threads: &Threads,
) -> Array2<f64> {
    let (n_rows, rank) = half.dim();
    // Whole slabs of the first mode, so that parts share no row of the result where that is the mode asked for.
    let slab = n_rows / group[0].nrows();
    let share = group[0].nrows().div_ceil(PARTIAL_SUMS);
    let few = n_rows * rank < WORTH_SHARING;
    let threads = if few { &Threads::one() } else { threads };
    let parts = threads.map(group[0].nrows().div_ceil(share), |part| {
        let places = part * share..((part + 1) * share).min(group[0].nrows());
        let rows = half.slice(s![places.start * slab..places.end * slab, ..]);
        let (length, skipped) =
            if mode == 0 { (places.len(), places.start) } else { (group[mode].nrows(), 0) };
        let mut out = Array2::<f64>::zeros((length, rank));
        let mut index = Odometer::new(group, places.start * slab);
        let mut weights = vec![0.0; rank];
        for row in rows.rows() {
            let mut target = out.row_mut(index.at[mode] - skipped);
            let target = target.as_slice_mut().expect("C order");
            let row = row.to_slice().expect("halves are kept in C order");
            weights.fill(1.0);
            for (m, factor) in group.iter().enumerate() {
                if m != mode {
                    let factor = factor.row(index.at[m]);
                    let factor = factor.to_slice().expect("factors are kept in C order");
                    weights.iter_mut().zip(factor).for_each(|(w, f)| *w *= f);
                }
            }
            for ((t, &value), w) in target.iter_mut().zip(row).zip(&weights) {
                *t += value.to_f64() * w;
            }
            index.advance();
        }
        out
    });
    if mode == 0 {
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        return concatenate(Axis(0), &views).expect("parts of equal width");
    }
    let mut total = Array2::<f64>::zeros((group[mode].nrows(), rank));
    for part in &parts {
        total += part;
    }
    total
}

/// Rows `first`, `first + 1`, … of the Khatri–Rao product of `factors`, the last mode running fastest.
fn khatri_rao_rows<T: Real>(factors: &[Array2<T>], first: usize, out: &mut ArrayViewMut2<'_, T>) {
    let mut index = Odometer::new(factors, first);
    for mut row in out.rows_mut() {
        row.assign(&factors[0].row(index.at[0]));
        for (factor, &i) in factors.iter().zip(&index.at).skip(1) {
            row.zip_mut_with(&factor.row(i), |r, f| *r *= *f);
        }
        index.advance();
    }
}

fn cast_all<T: Real>(factors: &[Array2<f64>]) -> Vec<Array2<T>> {
    factors.iter().map(|factor| cast(factor.view())).collect()
}

/// A joint index over several modes that counts up, the last fastest.
struct Odometer {
    at: Vec<usize>,
    lengths: Vec<usize>,
}

impl Odometer {
    fn new<T>(factors: &[Array2<T>], flat: usize) -> Self {
        let lengths: Vec<usize> = factors.iter().map(Array2::nrows).collect();
        let mut at = vec![0; lengths.len()];
        let mut rest = flat;
        for (position, length) in at.iter_mut().zip(&lengths).rev() {
            *position = rest % length;
            rest /= length;
        }
        Self { at, lengths }
    }

    fn advance(&mut self) {
        for (position, length) in self.at.iter_mut().zip(&self.lengths).rev() {
            *position += 1;
            if *position < *length {
                return;
            }
            *position = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::products::tests::random_tensor;
    use super::*;

    fn factors(shape: &[usize], rank: usize) -> Vec<Array2<f64>> {
        let make = |(m, &d): (usize, &usize)| {
            random_tensor::<f64>(&[d, rank], 20 + m as u64).into_dimensionality().unwrap()
        };
        shape.iter().enumerate().map(make).collect()
    }

    /// The definition: one entry at a time.
    fn slow<T: Real>(
        x: Dense<'_, T>,
        factors: &[Array2<f64>],
        mode: usize,
        read: fn(T) -> f64,
    ) -> Array2<f64> {
        let mut out = Array2::zeros(factors[mode].dim());
        let mut index = Odometer::new(factors, 0);
        for &value in x.data {
            for r in 0..out.ncols() {
                let others = (0..factors.len()).filter(|&m| m != mode);
                let weight: f64 = others.map(|m| factors[m][[index.at[m], r]]).product();
                out[[index.at[mode], r]] += read(value) * weight;
            }
            index.advance();
        }
        out
    }

    fn all_modes<T: Real>(
        x: Dense<'_, T>,
        factors: &[Array2<f64>],
        reading: Reading,
        n: usize,
    ) -> Vec<Array2<f64>> {
        let threads = Threads::new(Some(n)).unwrap();
        let halves = Halves::new(x);
        let leading = halves.leading(factors, reading, &threads);
        let trailing = halves.trailing(factors, reading, &threads);
        let (first, last) = factors.split_at(halves.split);
        let leading = (0..first.len()).map(|m| contract_group(leading.view(), first, m, &threads));
        let trailing = (0..last.len()).map(|m| contract_group(trailing.view(), last, m, &threads));
        leading.chain(trailing).collect()
    }

    fn agrees_with_the_definition<T: Real>() {
        for shape in
            [&[3, 2][..], &[1, 1], &[7, 1, 5], &[20, 30, 40], &[40, 30, 3], &[4, 3, 5, 2], &[2, 3, 1, 4, 40]]
        {
            for rank in [1, 2, 9] {
                let mut array = random_tensor::<T>(shape, 1);
                let factors = factors(shape, rank);
                let check = |array: &ndarray::ArrayD<T>, reading, read: fn(T) -> f64| {
                    let x = Dense::of(array);
                    let fast = all_modes(x, &factors, reading, 1);
                    for (mode, fast) in fast.iter().enumerate() {
                        let exact = slow(x, &factors, mode, read);
                        let size = exact.iter().fold(1.0_f64, |a, b| a.max(b.abs()));
                        let worst = (fast - &exact).iter().fold(0.0_f64, |a, b| a.max(b.abs()));
                        assert!(
                            worst <= 100.0 * T::EPSILON * size,
                            "{shape:?} rank {rank} mode {mode}: {worst:e}"
                        );
                    }
                    assert_eq!(fast, all_modes(x, &factors, reading, 2));
                    assert_eq!(fast, all_modes(x, &factors, reading, 5));
                };
                check(&array, Reading::Value, T::to_f64);
                array.iter_mut().step_by(3).for_each(|v| *v = T::NAN);
                check(&array, Reading::Filled, |v| if v.is_nan() { 0.0 } else { v.to_f64() });
                check(&array, Reading::Observed, |v| f64::from(u8::from(!v.is_nan())));
            }
        }
    }

    #[test]
    fn single() {
        agrees_with_the_definition::<f32>();
    }

    #[test]
    fn double() {
        agrees_with_the_definition::<f64>();
    }

    #[test]
    fn residual_is_the_distance_of_the_observed_entries() {
        let shape = [11, 7, 40];
        let mut array = random_tensor::<f64>(&shape, 2);
        array[[3, 2, 1]] = f64::NAN;
        let factors = factors(&shape, 3);
        let mut exact = 0.0;
        for ((i, j, k), &x) in array.clone().into_dimensionality::<ndarray::Ix3>().unwrap().indexed_iter() {
            let model: f64 =
                (0..3).map(|r| factors[0][[i, r]] * factors[1][[j, r]] * factors[2][[k, r]]).sum();
            exact += if x.is_nan() { 0.0 } else { (x - model).powi(2) };
        }
        let fast = Halves::new(Dense::of(&array)).residual(&factors, &Threads::one());
        assert!((fast - exact).abs() < 1e-12 * exact);
    }
}
