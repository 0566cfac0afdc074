//! Rows times packed matrices, summed over sources in registers.

#![allow(clippy::needless_range_loop, reason = "counted loops over registers, rows and columns together")]

use super::Packed;
use crate::numerics::lanes::{Kernel, Lanes, quantum, widest};
use crate::real::Real;

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
        assert!(source.matrix.n_columns() == n_columns, "a matrix of other columns");
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
