//! Sums of outer products of rows.

#![allow(clippy::needless_range_loop, reason = "counted loops over registers, rows and columns together")]

use crate::numerics::lanes::{Kernel, Lanes, quantum, widest};
use crate::real::Real;

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
