//! The way back through windows.

use crate::real::Real;
use crate::rnn::adjoint::ActivityCost;
use crate::rnn::batch::Batch;
use crate::rnn::block::Block;
use crate::rnn::rules::parts::whole_state::WholeState;
use crate::rnn::wiring::Wiring;

/// What a window is told of all that comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// Nothing: truncated back-propagation.
    Nothing,
    /// What C predicts.
    Predicted,
    /// The gradient itself: back-propagation through all windows.
    Exact,
}

/// The way back through the windows, as every block goes it.
pub struct Way<'a, R: Real> {
    pub wiring: &'a Wiring<'a, R>,
    pub layout: WholeState,
    pub batch: Batch<'a, R>,
    /// Borders of windows: 0, K, 2K, …, T.
    pub bounds: Vec<usize>,
    /// Trials whose first state is that of the trial after them: all but the last one, unless each has its own. C sees that
    /// state once, with the sum of what all of them teach.
    pub alike: usize,
}

impl<'a, R: Real> Way<'a, R> {
    pub fn new(wiring: &'a Wiring<'a, R>, batch: Batch<'a, R>, window: usize) -> Self {
        let bounds = (0..batch.n_steps).step_by(window).chain([batch.n_steps]).collect();
        let alike = if batch.initial.is_empty() { batch.n_trials.saturating_sub(1) } else { 0 };
        Self { layout: WholeState::of(&wiring.network), wiring, batch, bounds, alike }
    }

    pub fn n_windows(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Where a block's rows at a border stand among those of all trials.
    pub fn place(&self, index: usize, block: &Block<R>, n_trials: usize) -> std::ops::Range<usize> {
        let first = (index * n_trials + block.first) * self.layout.size();
        first..first + block.n_samples * self.layout.size()
    }

    /// All windows of a block, last first; writes δ̄, windows × samples × size, if anything comes from beyond them.
    pub fn back(
        &self,
        block: &mut Block<R>,
        cost: &ActivityCost<R>,
        beyond: Beyond,
        predictions: &[R],
        bootstrap: f64,
        targets: &mut Vec<R>,
    ) {
        let rows = block.n_samples * self.layout.size();
        targets.resize(self.n_windows() * rows, R::ZERO);
        let mut target = Vec::with_capacity(rows);
        block.carry.clear(self.wiring, block.n_samples);
        for index in (0..self.n_windows()).rev() {
            if beyond != Beyond::Exact {
                block.carry.clear(self.wiring, block.n_samples);
            }
            if beyond == Beyond::Predicted {
                let seed = &predictions[self.place(index + 1, block, self.batch.n_trials)];
                self.layout.add_to_carry(self.wiring.width, seed, bootstrap, &mut block.carry);
            }
            block.go_back(self.wiring, &self.batch, cost, self.bounds[index]..self.bounds[index + 1]);
            if beyond != Beyond::Nothing {
                target.clear();
                let (perturbation, bound) = (self.batch.perturbation, self.bounds[index]);
                self.layout.gather_gradient(self.wiring, block, perturbation, bound, &mut target);
                targets[index * rows..][..rows].copy_from_slice(&target);
            }
        }
    }
}
