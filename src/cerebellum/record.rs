//! Results that blocks of trials write to side by side.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::real::Real;

/// Zeros for trials × steps × width, or an error if there is no room for them.
pub fn room<R: Real>(n_trials: usize, n_steps: usize, width: usize) -> Result<Vec<R>> {
    let mut values = Vec::<R>::new();
    let memory = || Error::Memory { shape: vec![n_trials, n_steps, width] };
    let length = n_trials.checked_mul(n_steps).and_then(|n| n.checked_mul(width)).ok_or_else(memory)?;
    values.try_reserve_exact(length).map_err(|_| memory())?;
    drop(values);
    // There is room; pages that the system gives as zeros are not written before they are needed.
    Ok(vec![R::ZERO; length])
}

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
