//! Products of a few rows with matrices that are used again and again: the inside of a recurrent step.
//!
//! ```text
//! combine   out[i, :] = begin + Σ_s rows_s[i, :] B_s        i: samples; the sums stay in registers over all sources s
//! outer     out[i, k] += Σ_r left[r, i] right[r, k]         r: samples and steps; the gradient of a weight
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | B_s | [`Packed`] | inner × columns, packed once per call in panels that a register tile reads in order |
//! | rows_s | [`Source::rows`] | samples × inner, any row stride |
//! | out | | samples × padded columns |
//!
//! Rows of results are padded to whole registers ([`padded`]), so no kernel has a tail of columns; what stands in the
//! padding is zero in a packed matrix and without meaning in a sum of outer products. A general product packs its
//! operands in each call and cannot keep its sums between sources: at 64 units that costs more than the product.

#![allow(clippy::needless_range_loop, reason = "counted loops over registers, rows and columns together")]

use crate::numerics::lanes::{Kernel, Lanes, padded, quantum, widest};
use crate::real::Real;

/// A matrix of inner × columns in panels of two registers (the last one perhaps of one).
#[derive(Debug, Clone, Default)]
pub struct Packed<T> {
    n_inner: usize,
    n_columns: usize,
    data: Vec<T>,
}

impl<T: Real> Packed<T> {
    /// Room for `n_inner × n_columns` zeros; columns are padded to whole registers.
    pub fn zeros(n_inner: usize, n_columns: usize) -> Self {
        let n_columns = padded::<T>(n_columns);
        Self { n_inner, n_columns, data: vec![T::ZERO; n_inner * n_columns] }
    }

    /// Rows of the matrix, numbers to sum over.
    pub fn n_inner(&self) -> usize {
        self.n_inner
    }

    /// Columns, padding included.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Writes B[inner, column].
    pub fn set(&mut self, inner: usize, column: usize, value: T) {
        let width = 2 * quantum::<T>();
        let first = column / width * width;
        let panel_width = width.min(self.n_columns - first);
        self.data[first * self.n_inner + inner * panel_width + (column - first)] = value;
    }

    /// Writes a block of B, from (inner, column) on, of a matrix given row by row.
    pub fn set_block(&mut self, inner: usize, column: usize, n_columns: usize, values: &[T]) {
        let width = 2 * quantum::<T>();
        for (k, row) in values.chunks_exact(n_columns.max(1)).enumerate() {
            let mut done = 0;
            while done < row.len() {
                let first = (column + done) / width * width;
                let panel_width = width.min(self.n_columns - first);
                let offset = column + done - first;
                let run = (panel_width - offset).min(row.len() - done);
                let start = first * self.n_inner + (inner + k) * panel_width + offset;
                self.data[start..start + run].copy_from_slice(&row[done..done + run]);
                done += run;
            }
        }
    }

    /// Writes the transpose of a matrix given row by row: its rows become columns of B from (inner, column) on.
    pub fn set_transposed(&mut self, inner: usize, column: usize, n_inner: usize, values: &[T]) {
        let width = 2 * quantum::<T>();
        for (j, row) in values.chunks_exact(n_inner.max(1)).enumerate() {
            let first = (column + j) / width * width;
            let panel_width = width.min(self.n_columns - first);
            let start = first * self.n_inner + inner * panel_width + (column + j - first);
            for (to, &value) in self.data[start..].iter_mut().step_by(panel_width).zip(row) {
                *to = value;
            }
        }
    }
}

/// One summand of [`combine`].
#[derive(Debug, Clone, Copy)]
pub struct Source<'a, T> {
    /// Left rows, `stride` apart; each holds at least `matrix.n_inner()` numbers.
    pub rows: &'a [T],
    /// Distance of two rows.
    pub stride: usize,
    /// The matrix on the right.
    pub matrix: &'a Packed<T>,
}

/// What a sum starts from.
#[derive(Debug, Clone, Copy)]
pub enum Begin<'a, T> {
    /// Nothing.
    Zero,
    /// The same row everywhere, padded.
    Row(&'a [T]),
    /// What the result holds already.
    Out,
}

/// `out[i, ..] = begin + Σ rows_s[i, :] B_s` for `n_rows` rows of `n_columns` padded columns, `stride` apart.
pub fn combine<T: Real>(
    out: &mut [T],
    stride: usize,
    n_rows: usize,
    n_columns: usize,
    begin: Begin<'_, T>,
    sources: &[Source<'_, T>],
) {
    if n_rows == 0 {
        return;
    }
    assert!(n_columns.is_multiple_of(quantum::<T>()) && stride >= n_columns);
    assert!(out.len() >= (n_rows - 1) * stride + n_columns);
    for source in sources {
        assert!(source.matrix.n_columns == n_columns, "a matrix of other columns");
        assert!(source.rows.len() >= (n_rows - 1) * source.stride + source.matrix.n_inner);
    }
    if let Begin::Row(row) = begin {
        assert!(row.len() >= n_columns);
    }
    widest(Combine { out, stride, n_rows, n_columns, begin, sources });
}

struct Combine<'a, T> {
    out: &'a mut [T],
    stride: usize,
    n_rows: usize,
    n_columns: usize,
    begin: Begin<'a, T>,
    sources: &'a [Source<'a, T>],
}

impl<T: Real> Kernel<T> for Combine<'_, T> {
    #[inline(always)]
    unsafe fn run<L: Lanes<T>>(mut self) {
        let width = 2 * quantum::<T>();
        let mut column = 0;
        while column < self.n_columns {
            let panel_width = width.min(self.n_columns - column);
            let mut within = 0;
            while within < panel_width {
                // SAFETY: bounds were checked by `combine`; the registers are the caller's promise.
                unsafe {
                    if panel_width - within >= 2 * L::COUNT {
                        self.columns::<L, 2>(column, panel_width, within);
                        within += 2 * L::COUNT;
                    } else {
                        self.columns::<L, 1>(column, panel_width, within);
                        within += L::COUNT;
                    }
                }
            }
            column += panel_width;
        }
    }
}

impl<T: Real> Combine<'_, T> {
    /// All rows of a few registers of columns.
    #[inline(always)]
    unsafe fn columns<L: Lanes<T>, const WIDTH: usize>(
        &mut self,
        panel: usize,
        panel_width: usize,
        within: usize,
    ) {
        let mut row = 0;
        // SAFETY: rows below `n_rows`.
        unsafe {
            while L::MANY && row + 8 <= self.n_rows {
                self.tile::<L, 8, WIDTH>(row, panel, panel_width, within);
                row += 8;
            }
            while row + 4 <= self.n_rows {
                self.tile::<L, 4, WIDTH>(row, panel, panel_width, within);
                row += 4;
            }
            while row < self.n_rows {
                self.tile::<L, 1, WIDTH>(row, panel, panel_width, within);
                row += 1;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes<T>, const ROWS: usize, const WIDTH: usize>(
        &mut self,
        row: usize,
        panel: usize,
        panel_width: usize,
        within: usize,
    ) {
        // SAFETY: `combine` has checked that all rows and panels are there.
        unsafe {
            let out = self.out.as_mut_ptr().add(row * self.stride + panel + within);
            let mut sums = [[L::splat(T::ZERO); WIDTH]; ROWS];
            match self.begin {
                Begin::Zero => {}
                Begin::Row(values) => {
                    for w in 0..WIDTH {
                        let value = L::load(values.as_ptr().add(panel + within + w * L::COUNT));
                        for sums in &mut sums {
                            sums[w] = value;
                        }
                    }
                }
                Begin::Out => {
                    for i in 0..ROWS {
                        for w in 0..WIDTH {
                            sums[i][w] = L::load(out.add(i * self.stride + w * L::COUNT));
                        }
                    }
                }
            }
            for source in self.sources {
                let n_inner = source.matrix.n_inner;
                let mut matrix = source.matrix.data.as_ptr().add(panel * n_inner + within);
                let rows = source.rows.as_ptr().add(row * source.stride);
                for k in 0..n_inner {
                    let mut right = [L::splat(T::ZERO); WIDTH];
                    for w in 0..WIDTH {
                        right[w] = L::load(matrix.add(w * L::COUNT));
                    }
                    for i in 0..ROWS {
                        let left = L::splat(*rows.add(i * source.stride + k));
                        for w in 0..WIDTH {
                            sums[i][w] = right[w].multiply_add(left, sums[i][w]);
                        }
                    }
                    matrix = matrix.add(panel_width);
                }
            }
            for i in 0..ROWS {
                for w in 0..WIDTH {
                    sums[i][w].store(out.add(i * self.stride + w * L::COUNT));
                }
            }
        }
    }
}

/// Rows of samples, `stride` apart, of which the first `width` numbers count.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    /// All of them.
    pub values: &'a [T],
    /// Distance of two rows.
    pub stride: usize,
    /// Numbers of each that count; padded for the right side of an outer product.
    pub width: usize,
}

/// `out[i, k] += Σ_r left[r, i] right[r, k]` over `n_rows` rows; `out` has rows of `right.width`, which is padded.
pub fn add_outer<T: Real>(out: &mut [T], n_rows: usize, left: Rows<'_, T>, right: Rows<'_, T>) {
    if n_rows == 0 || left.width == 0 || right.width == 0 {
        return;
    }
    assert!(right.width.is_multiple_of(quantum::<T>()) && out.len() >= left.width * right.width);
    for side in [left, right] {
        assert!(side.values.len() >= (n_rows - 1) * side.stride + side.width);
    }
    widest(Outer { out, n_rows, left, right });
}

struct Outer<'a, T> {
    out: &'a mut [T],
    n_rows: usize,
    left: Rows<'a, T>,
    right: Rows<'a, T>,
}

impl<T: Real> Kernel<T> for Outer<'_, T> {
    #[inline(always)]
    unsafe fn run<L: Lanes<T>>(mut self) {
        let mut column = 0;
        while column < self.right.width {
            // SAFETY: bounds were checked by `add_outer`; the registers are the caller's promise.
            unsafe {
                if self.right.width - column >= 2 * L::COUNT {
                    self.columns::<L, 2>(column);
                    column += 2 * L::COUNT;
                } else {
                    self.columns::<L, 1>(column);
                    column += L::COUNT;
                }
            }
        }
    }
}

impl<T: Real> Outer<'_, T> {
    #[inline(always)]
    unsafe fn columns<L: Lanes<T>, const WIDTH: usize>(&mut self, column: usize) {
        let mut row = 0;
        // SAFETY: rows below `left.width`.
        unsafe {
            while L::MANY && row + 8 <= self.left.width {
                self.tile::<L, 8, WIDTH>(row, column);
                row += 8;
            }
            while row + 4 <= self.left.width {
                self.tile::<L, 4, WIDTH>(row, column);
                row += 4;
            }
            while row < self.left.width {
                self.tile::<L, 1, WIDTH>(row, column);
                row += 1;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes<T>, const ROWS: usize, const WIDTH: usize>(&mut self, row: usize, column: usize) {
        // SAFETY: `add_outer` has checked that all rows are there.
        unsafe {
            let mut sums = [[L::splat(T::ZERO); WIDTH]; ROWS];
            let mut left = self.left.values.as_ptr().add(row);
            let mut right = self.right.values.as_ptr().add(column);
            for _ in 0..self.n_rows {
                let mut values = [L::splat(T::ZERO); WIDTH];
                for w in 0..WIDTH {
                    values[w] = L::load(right.add(w * L::COUNT));
                }
                for i in 0..ROWS {
                    let factor = L::splat(*left.add(i));
                    for w in 0..WIDTH {
                        sums[i][w] = values[w].multiply_add(factor, sums[i][w]);
                    }
                }
                left = left.wrapping_add(self.left.stride);
                right = right.wrapping_add(self.right.stride);
            }
            let out = self.out.as_mut_ptr().add(row * self.right.width + column);
            for i in 0..ROWS {
                for w in 0..WIDTH {
                    let to = out.add(i * self.right.width + w * L::COUNT);
                    L::splat(T::ONE).multiply_add(sums[i][w], L::load(to)).store(to);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without pattern, without a generator (which this room may not use).
    fn numbers<T: Real>(n: usize, seed: u64) -> Vec<T> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            T::from_f64((state >> 11) as f64 / (1u64 << 53) as f64 - 0.5)
        };
        (0..n).map(|_| next()).collect()
    }

    fn combined_as_defined<T: Real>() {
        for (n_rows, n_columns, inner) in [
            (1, 1, [1, 0]),
            (3, 17, [5, 2]),
            (8, 64, [64, 8]),
            (13, 50, [50, 3]),
            (21, 100, [7, 100]),
            (4, 33, [0, 1]),
        ] {
            let width = padded::<T>(n_columns);
            let stride = width + 16;
            let rows: Vec<Vec<T>> = inner.iter().map(|k| numbers(n_rows * (k + 3), *k as u64 + 1)).collect();
            let matrices: Vec<Vec<T>> = inner.iter().map(|k| numbers(k * n_columns, *k as u64 + 7)).collect();
            let mut packed = [Packed::zeros(inner[0], n_columns), Packed::zeros(inner[1], n_columns)];
            packed[0].set_block(0, 0, n_columns, &matrices[0]);
            let transposed: Vec<T> =
                (0..n_columns).flat_map(|j| matrices[1].iter().skip(j).step_by(n_columns)).copied().collect();
            packed[1].set_transposed(0, 0, inner[1], &transposed);
            let sources: Vec<Source<'_, T>> =
                (0..2).map(|s| Source { rows: &rows[s], stride: inner[s] + 3, matrix: &packed[s] }).collect();
            let before: Vec<T> = numbers(n_rows * stride, 3);
            let row: Vec<T> = numbers(width, 4);
            for begin in [Begin::Zero, Begin::Row(&row), Begin::Out] {
                let mut out = before.clone();
                combine(&mut out, stride, n_rows, width, begin, &sources);
                for i in 0..n_rows {
                    for j in 0..n_columns {
                        let mut sum = match begin {
                            Begin::Zero => 0.0,
                            Begin::Row(row) => row[j].to_f64(),
                            Begin::Out => before[i * stride + j].to_f64(),
                        };
                        for s in 0..2 {
                            for k in 0..inner[s] {
                                sum += rows[s][i * (inner[s] + 3) + k].to_f64()
                                    * matrices[s][k * n_columns + j].to_f64();
                            }
                        }
                        let error = (out[i * stride + j].to_f64() - sum).abs();
                        assert!(error <= 40.0 * T::EPSILON, "{n_rows} {n_columns} {i} {j}: {error}");
                    }
                }
            }
        }
    }

    fn outer_as_defined<T: Real>() {
        for (n_rows, m, n) in [(1, 1, 1), (7, 5, 17), (40, 64, 64), (33, 50, 50), (2, 13, 100)] {
            let width = padded::<T>(n);
            let (left, right) = (numbers::<T>(n_rows * (m + 5), 1), numbers::<T>(n_rows * width, 2));
            let before: Vec<T> = numbers(m * width, 3);
            let mut out = before.clone();
            let left_rows = Rows { values: &left, stride: m + 5, width: m };
            let right_rows = Rows { values: &right, stride: width, width };
            add_outer(&mut out, n_rows, left_rows, right_rows);
            for i in 0..m {
                for k in 0..n {
                    let sum: f64 = (0..n_rows)
                        .map(|r| left[r * (m + 5) + i].to_f64() * right[r * width + k].to_f64())
                        .sum();
                    let error = (out[i * width + k].to_f64() - before[i * width + k].to_f64() - sum).abs();
                    assert!(error <= 40.0 * T::EPSILON, "{n_rows} {m} {n} {i} {k}: {error}");
                }
            }
        }
    }

    #[test]
    fn combined_single() {
        combined_as_defined::<f32>();
    }

    #[test]
    fn combined_double() {
        combined_as_defined::<f64>();
    }

    #[test]
    fn outer_single() {
        outer_as_defined::<f32>();
    }

    #[test]
    fn outer_double() {
        outer_as_defined::<f64>();
    }

    #[test]
    fn one_entry_at_a_time_is_the_same() {
        let values: Vec<f32> = numbers(9 * 50, 5);
        let (mut block, mut single) = (Packed::zeros(9, 50), Packed::zeros(9, 50));
        block.set_block(0, 0, 50, &values);
        for (place, &value) in values.iter().enumerate() {
            single.set(place / 50, place % 50, value);
        }
        assert_eq!(block.data, single.data);
    }
}
