//! Trials that go through the steps together, and all that is remembered of them.

use super::{FEW, Trials, World};
use crate::error::Result;
use crate::numerics::lanes::padded;
use crate::numerics::room::length;
use crate::plant::senses::Senses;
use crate::real::Real;
use crate::rnn::sums::Sums;
use crate::rnn::wiring::Wiring;

/// Arrays of all blocks, used again from call to call.
#[derive(Debug, Default)]
pub struct Workspace<R> {
    pub(super) blocks: Vec<Block<R>>,
}

/// One block. Network rows are samples of one step, padded, step after step; those of the body likewise, not padded.
#[derive(Debug, Default)]
pub struct Block<R> {
    /// First trial.
    pub first: usize,
    /// Trials.
    pub n: usize,
    /// o: steps × n × input width.
    pub inputs: Vec<R>,
    /// h: (1 + steps) × n × width.
    pub activity: Vec<R>,
    /// Memories of cells: (1 + steps) × memories × n × width.
    pub memory: Vec<R>,
    /// What the cell keeps of its drive: steps × n × drive width.
    pub drive: Vec<R>,
    /// y: steps × n × output width.
    pub outputs: Vec<R>,
    /// u: steps × n × controls.
    pub controls: Vec<f64>,
    /// p: steps × n × controls.
    pub efforts: Vec<f64>,
    /// s: (1 + steps) × n × states.
    pub states: Vec<f64>,
    /// (1 + steps) × n × 4.
    pub hands: Vec<f64>,
    /// (1 + steps) × n × limbs.
    pub limbs: Vec<f64>,
    pub(super) back: Back<R>,
    pub(super) sums: Sums<R>,
}

/// What the way back needs besides.
#[derive(Debug, Default)]
pub struct Back<R> {
    /// dL/ds, dL/dhand and dL/dlimbs, shaped as these.
    pub states: Vec<f64>,
    pub hands: Vec<f64>,
    pub limbs: Vec<f64>,
    /// dL/dh and dL/dmemory of one step.
    pub activity: Vec<R>,
    pub memory: Vec<R>,
    /// dL/dz and dL/dy of a few steps.
    pub drive: Vec<R>,
    pub outputs: Vec<R>,
    /// dL/do of one step.
    pub inputs: Vec<R>,
}

impl<R: Real> Workspace<R> {
    /// Cuts trials into blocks, whatever the number of threads.
    pub(super) fn cut(&mut self, n_trials: usize) -> Result<()> {
        let size = if n_trials <= FEW { 8 } else { 16 };
        length::<Block<R>>(&[n_trials.div_ceil(size)])?;
        self.blocks.resize_with(n_trials.div_ceil(size), Block::default);
        for (index, block) in self.blocks.iter_mut().enumerate() {
            block.first = index * size;
            block.n = size.min(n_trials - block.first);
        }
        Ok(())
    }

    /// Rows of all trials, (trials, steps, `n` of `width` numbers), from rows by step of each block.
    fn gathered<T: Copy>(
        &self,
        n_steps: usize,
        n: usize,
        width: usize,
        rows: impl Fn(&Block<R>) -> &[T],
    ) -> Vec<T> {
        let mut all = Vec::with_capacity(self.blocks.iter().map(|block| block.n * n_steps * n).sum());
        for block in &self.blocks {
            for trial in 0..block.n {
                for step in 0..n_steps {
                    all.extend_from_slice(&rows(block)[(step * block.n + trial) * width..][..n]);
                }
            }
        }
        all
    }

    /// States, (trials, steps + 1, states).
    pub fn states(&self, n_steps: usize, n: usize) -> Vec<f64> {
        self.gathered(n_steps + 1, n, n, |block| &block.states)
    }

    /// Controls, (trials, steps, controls).
    pub fn controls(&self, n_steps: usize, n: usize) -> Vec<f64> {
        self.gathered(n_steps, n, n, |block| &block.controls)
    }

    /// What units sent on, (trials, steps, units).
    pub fn activity(&self, n_steps: usize, n: usize) -> Vec<R> {
        let width = padded::<R>(n);
        self.gathered(n_steps, n, width, |block| &block.activity[block.n * width..])
    }

    /// What the network was told, (trials, steps, inputs).
    pub fn inputs(&self, n_steps: usize, n: usize) -> Vec<R> {
        let width = padded::<R>(n);
        self.gathered(n_steps, n, width, |block| &block.inputs)
    }
}

impl<R: Real> Block<R> {
    /// Makes room for a run. Numbers that it writes before it reads them are left as they are.
    pub(super) fn prepare<B: Senses>(
        &mut self,
        wiring: &Wiring<'_, R>,
        trials: &Trials<'_, R>,
    ) -> Result<()> {
        let (n, t) = (self.n, trials.n_steps);
        length::<f64>(&[t + 1, n, B::N_STATES.max(B::N_LIMBS)])?;
        length::<R>(&[t + 1, n, wiring.drive_width().max(wiring.input_width)])?;
        let rows = n * wiring.width;
        resize(&mut self.inputs, t * n * wiring.input_width, R::ZERO);
        resize(&mut self.activity, (1 + t) * rows, R::ZERO);
        resize(&mut self.memory, (1 + t) * wiring.n_memories() * rows, R::ZERO);
        let kept = if wiring.dynamics.keeps_drive() { wiring.drive_width() } else { 0 };
        resize(&mut self.drive, t * n * kept, R::ZERO);
        resize(&mut self.outputs, t * n * wiring.output_width, R::ZERO);
        for controls in [&mut self.controls, &mut self.efforts] {
            resize(controls, t * n * B::N_CONTROLS, 0.0);
        }
        resize(&mut self.states, (1 + t) * n * B::N_STATES, 0.0);
        resize(&mut self.hands, (1 + t) * n * 4, 0.0);
        resize(&mut self.limbs, (1 + t) * n * B::N_LIMBS, 0.0);
        Ok(())
    }

    /// The same for the way back.
    pub(super) fn prepare_back<B: Senses>(&mut self, _: &World<B>, wiring: &Wiring<'_, R>, chunk: usize) {
        let n = self.n;
        for (gradient, of) in [
            (&mut self.back.states, &self.states),
            (&mut self.back.hands, &self.hands),
            (&mut self.back.limbs, &self.limbs),
        ] {
            gradient.clear();
            gradient.resize(of.len(), 0.0);
        }
        for (values, size) in [
            (&mut self.back.activity, n * wiring.width),
            (&mut self.back.memory, n * wiring.width * wiring.n_memories()),
            (&mut self.back.drive, chunk * n * wiring.drive_width()),
            (&mut self.back.outputs, chunk * n * wiring.output_width),
            (&mut self.back.inputs, n * wiring.input_width),
        ] {
            values.clear();
            values.resize(size, R::ZERO);
        }
        self.sums.clear(wiring);
    }
}

fn resize<T: Copy>(values: &mut Vec<T>, size: usize, zero: T) {
    values.resize(size, zero);
}
