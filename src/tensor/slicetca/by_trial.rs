//! A model arranged for sweeps over trials (`gaps`): what belongs to one trial stands together, what all trials share
//! stands apart.

use ndarray::{Array2, Array3, s};

use super::super::dense::Dense;
use super::model::SliceModel;
use crate::real::Real;

/// A model, arranged by who shares what.
#[derive(Debug, Clone)]
pub struct Factors<T> {
    /// For each trial u_k (R_0), B_k (R_1 × T) and C_k (R_2 × N), one after the other.
    pub trials: Vec<T>,
    /// A (R_0 × N × T), v (R_1 × N), w (R_2 × T).
    pub shared: [Vec<T>; 3],
}

/// What the arrangement depends on.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Trials, neurons, steps.
    pub lengths: (usize, usize, usize),
    /// R_i.
    pub ranks: [usize; 3],
    /// Which types must not be negative.
    pub nonnegative: [bool; 3],
}

impl Layout {
    /// Numbers that belong to one trial.
    pub fn per_trial(&self) -> usize {
        self.range(2).end
    }

    /// Places of what the trials share of a type.
    pub fn width(&self, kind: usize) -> usize {
        let (_, n_neurons, n_steps) = self.lengths;
        [n_neurons * n_steps, n_neurons, n_steps][kind]
    }

    /// Where a trial keeps what belongs to a type.
    pub fn range(&self, kind: usize) -> std::ops::Range<usize> {
        let (_, n_neurons, n_steps) = self.lengths;
        let [r0, r1, r2] = self.ranks;
        let ends = [0, r0, r0 + r1 * n_steps, r0 + r1 * n_steps + r2 * n_neurons];
        ends[kind]..ends[kind + 1]
    }

    /// Cuts off what must not be negative of one trial.
    pub fn clip_trial<T: Real>(&self, trial: &mut [T]) {
        for kind in (0..3).filter(|&kind| self.nonnegative[kind]) {
            trial[self.range(kind)].iter_mut().for_each(clip);
        }
    }

    /// now + β (now − before), without what must not be negative.
    pub fn extrapolated<T: Real>(&self, now: &Factors<T>, before: &Factors<T>, beta: f64) -> Factors<T> {
        let beta = T::from_f64(beta);
        let mut next = Factors {
            trials: beyond(&now.trials, &before.trials, beta),
            shared: std::array::from_fn(|i| beyond(&now.shared[i], &before.shared[i], beta)),
        };
        for kind in (0..3).filter(|&kind| self.nonnegative[kind]) {
            next.shared[kind].iter_mut().for_each(clip);
        }
        if self.nonnegative.contains(&true) {
            next.trials.chunks_exact_mut(self.per_trial()).for_each(|trial| self.clip_trial(trial));
        }
        next
    }

    /// A model in this arrangement.
    pub fn factors<T: Real>(&self, model: &SliceModel<T>) -> Factors<T> {
        let (n_trials, n_neurons, n_steps) = self.lengths;
        let mut trials = Vec::with_capacity(n_trials * self.per_trial());
        for k in 0..n_trials {
            trials.extend(model.loadings[0].column(k));
            for kind in [1, 2] {
                trials.extend(model.slices[kind].slice(s![.., k, ..]).iter());
            }
        }
        let factors = Factors {
            trials,
            shared: [
                model.slices[0].iter().copied().collect(),
                model.loadings[1].iter().copied().collect(),
                model.loadings[2].iter().copied().collect(),
            ],
        };
        debug_assert_eq!(factors.shared[0].len(), self.ranks[0] * n_neurons * n_steps);
        factors
    }

    /// Zeros for trials, neurons and times that were never observed: no equation will ever say anything of them.
    pub fn clear_unobserved<T: Real>(&self, x: Dense<'_, T>, factors: &mut Factors<T>) {
        let (n_trials, n_neurons, n_steps) = self.lengths;
        let size = n_neurons * n_steps;
        let (mut pair, mut neuron, mut step) =
            (vec![false; size], vec![false; n_neurons], vec![false; n_steps]);
        for k in 0..n_trials {
            let (mut by_step, mut by_neuron) = (vec![false; n_steps], vec![false; n_neurons]);
            for (i, entry) in x.data[k * size..][..size].iter().enumerate() {
                let seen = !entry.is_nan();
                pair[i] |= seen;
                by_neuron[i / n_steps] |= seen;
                by_step[i % n_steps] |= seen;
            }
            neuron.iter_mut().zip(&by_neuron).for_each(|(all, &one)| *all |= one);
            step.iter_mut().zip(&by_step).for_each(|(all, &one)| *all |= one);
            let whole = by_step.contains(&true);
            let trial = &mut factors.trials[k * self.per_trial()..][..self.per_trial()];
            keep(&mut trial[self.range(0)], &[whole]);
            keep(&mut trial[self.range(1)], &by_step);
            keep(&mut trial[self.range(2)], &by_neuron);
        }
        keep(&mut factors.shared[0], &pair);
        keep(&mut factors.shared[1], &neuron);
        keep(&mut factors.shared[2], &step);
    }

    /// The model.
    pub fn model<T: Real>(&self, factors: &Factors<T>) -> SliceModel<T> {
        let (n_trials, n_neurons, n_steps) = self.lengths;
        let [r0, r1, r2] = self.ranks;
        let matrix = |rows, width, kind: usize| {
            Array2::from_shape_vec((rows, width), factors.shared[kind].clone())
                .expect("shared blocks keep their size")
        };
        let slices = Array3::from_shape_vec((r0, n_neurons, n_steps), factors.shared[0].clone());
        let mut model = SliceModel {
            loadings: [
                Array2::from_elem((r0, n_trials), T::ZERO),
                matrix(r1, n_neurons, 1),
                matrix(r2, n_steps, 2),
            ],
            slices: [
                slices.expect("shared blocks keep their size"),
                Array3::from_elem((r1, n_trials, n_steps), T::ZERO),
                Array3::from_elem((r2, n_trials, n_neurons), T::ZERO),
            ],
        };
        for (k, trial) in factors.trials.chunks_exact(self.per_trial()).enumerate() {
            model.loadings[0].column_mut(k).iter_mut().zip(&trial[self.range(0)]).for_each(|(a, &b)| *a = b);
            for kind in [1, 2] {
                let mut rows = model.slices[kind].slice_mut(s![.., k, ..]);
                rows.iter_mut().zip(&trial[self.range(kind)]).for_each(|(a, &b)| *a = b);
            }
        }
        model
    }
}

/// Zeros in every row of `values` where `observed` is false.
fn keep<T: Real>(values: &mut [T], observed: &[bool]) {
    for row in values.chunks_exact_mut(observed.len()) {
        row.iter_mut().zip(observed).filter(|(_, seen)| !**seen).for_each(|(value, _)| *value = T::ZERO);
    }
}

/// now + β (now − before).
pub fn beyond<T: Real>(now: &[T], before: &[T], beta: T) -> Vec<T> {
    now.iter().zip(before).map(|(&a, &old)| a + beta * (a - old)).collect()
}

fn clip<T: Real>(value: &mut T) {
    if *value < T::ZERO {
        *value = T::ZERO;
    }
}
