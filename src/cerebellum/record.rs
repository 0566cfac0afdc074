//! Results that blocks of trials write to side by side.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::real::Real;

/// One array, trials × steps × width, cut into blocks of trials.
pub struct Record<'a, R> {
    width: usize,
    n_steps: usize,
    blocks: Vec<Mutex<&'a mut [R]>>,
}

impl<'a, R: Real> Record<'a, R> {
    /// Cuts the array into blocks of `n_samples` trials. An array without width takes nothing.
    pub fn new(values: &'a mut [R], width: usize, n_steps: usize, n_samples: usize) -> Self {
        let size = (n_samples * n_steps * width).max(1);
        Self { width, n_steps, blocks: values.chunks_mut(size).map(Mutex::new).collect() }
    }

    /// All of a block.
    pub fn block(&self, block: usize) -> MutexGuard<'_, &'a mut [R]> {
        self.blocks[block].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one step of a block's samples, whose rows are `stride` apart.
    pub fn write(&self, block: usize, step: usize, rows: &[R], stride: usize) {
        if self.width == 0 {
            return;
        }
        let mut into = self.block(block);
        for (sample, row) in rows.chunks_exact(stride).enumerate() {
            into[(sample * self.n_steps + step) * self.width..][..self.width]
                .copy_from_slice(&row[..self.width]);
        }
    }
}
