//! Matrices in the order in which a register tile reads them.

use crate::numerics::lanes::{padded, quantum};
use crate::real::Real;

/// A matrix of inner × columns in panels of two registers (the last one perhaps of one).
#[derive(Debug, Clone, Default)]
pub struct Packed<T> {
    pub(super) n_inner: usize,
    n_columns: usize,
    pub(super) data: Vec<T>,
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
