//! The weighted mean of cross-entropies between target probabilities and the softmax of the outputs.
//!
//! ```text
//! loss = Σ_bt w_bt (−Σ_o p_o log softmax(y)_o) / Σ_bt w_bt      w_bt = 0 where a p_o is NaN
//! log softmax(y)_o = y_o − m − log Σ_k exp(y_k − m),            m = max_k y_k
//! ∂loss/∂y_o = w_bt (softmax(y)_o Σ_k p_k − p_o) / Σ_bt w_bt
//! ```
//!
//! Symbols are those of the parent module. Probabilities are held to add up to 1 within 10⁻³; the gradient takes their
//! sum as it is, so that it is exact for what is computed.

use super::{Objective, Weights, by_step, by_trial, length, observed};
use crate::error::{Error, Result};
use crate::real::Real;

/// How far from 1 probabilities may add up, which leaves room for single precision and many outputs.
const TOLERANCE: f64 = 1e-3;

/// Cross-entropy; steps whose weight is zero may have any outputs and targets.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy<'a, R> {
    /// Probabilities (trials, steps, outputs), which add up to 1 over outputs; a NaN: the step was not observed.
    pub targets: &'a [R],
    /// How much each step counts: one weight per (trial, step) or none.
    pub weights: Weights<'a, R>,
}

impl<R: Real> CrossEntropy<'_, R> {
    /// Cross-entropies (trials, steps); NaN where nothing is observed.
    pub fn per_step(&self, shape: [usize; 3], outputs: &[R]) -> Result<Vec<f64>> {
        self.check(shape)?;
        length("outputs", outputs.len(), &shape)?;
        let n_outputs = shape[2];
        let loss = |step: usize| {
            if self.weight(step, n_outputs) == 0.0 {
                return f64::NAN;
            }
            let outputs = &outputs[step * n_outputs..][..n_outputs];
            entropy(self.row(step, n_outputs), outputs, log_partition(outputs))
        };
        Ok((0..shape[0] * shape[1]).map(loss).collect())
    }

    fn row(&self, step: usize, n_outputs: usize) -> &[R] {
        &self.targets[step * n_outputs..][..n_outputs]
    }

    /// The weight of a step; zero when it is not observed.
    fn weight(&self, step: usize, n_outputs: usize) -> f64 {
        let gap = self.row(step, n_outputs).iter().any(|p| p.is_nan());
        if gap { 0.0 } else { self.weights.at(step, 0, n_outputs) }
    }

    fn check(&self, shape: [usize; 3]) -> Result<()> {
        length("targets", self.targets.len(), &shape)?;
        if let Weights::Entries(weights) = self.weights {
            return Err(Error::shape("weights", &[weights.len()], "one weight per trial and step"));
        }
        self.weights.check(shape)?;
        for step in 0..shape[0] * shape[1] {
            if self.weight(step, shape[2]) == 0.0 {
                continue;
            }
            let row = self.row(step, shape[2]);
            let sum: f64 = row.iter().map(|p| p.to_f64()).sum();
            if row.iter().any(|&p| p < R::ZERO) || (sum - 1.0).abs() > TOLERANCE {
                let expected = "probabilities that add up to 1, or NaN where nothing was observed";
                return Err(Error::value("targets", format!("{row:?} at one step"), expected));
            }
        }
        Ok(())
    }
}

impl<R: Real> Objective<R> for CrossEntropy<'_, R> {
    fn evaluate(
        &mut self,
        shape: [usize; 3],
        outputs: &[R],
        gradient: Option<&mut [R]>,
        per_trial: Option<&mut [f64]>,
    ) -> Result<f64> {
        self.check(shape)?;
        let n_outputs = shape[2];
        let total = observed((0..shape[0] * shape[1]).map(|step| self.weight(step, n_outputs)).sum())?;
        by_trial(shape, outputs, gradient, per_trial, |step, outputs, gradient| {
            let weight = self.weight(step, n_outputs) / total;
            if weight == 0.0 {
                if let Some(gradient) = gradient {
                    gradient.fill(R::ZERO);
                }
                return 0.0;
            }
            let targets = self.row(step, n_outputs);
            let log_partition = log_partition(outputs);
            if let Some(gradient) = gradient {
                let sum: f64 = targets.iter().map(|p| p.to_f64()).sum();
                for ((slope, &p), &y) in gradient.iter_mut().zip(targets).zip(outputs) {
                    let softmax = (y.to_f64() - log_partition).exp();
                    *slope = R::from_f64(weight * (softmax * sum - p.to_f64()));
                }
            }
            weight * entropy(targets, outputs, log_partition)
        })
    }

    fn weight_per_step(&self, shape: [usize; 3]) -> Option<Vec<f64>> {
        self.check(shape).ok()?;
        Some(by_step(shape, |step| self.weight(step, shape[2])))
    }
}

/// log Σ exp y, with the largest y taken out so that nothing overflows.
fn log_partition<R: Real>(outputs: &[R]) -> f64 {
    let largest = outputs.iter().fold(f64::NEG_INFINITY, |m, y| m.max(y.to_f64()));
    largest + outputs.iter().map(|y| (y.to_f64() - largest).exp()).sum::<f64>().ln()
}

/// −Σ p log softmax(y); an output of probability zero adds nothing, whatever it is.
fn entropy<R: Real>(targets: &[R], outputs: &[R], log_partition: f64) -> f64 {
    let term = |(p, y): (&R, &R)| {
        let p = p.to_f64();
        if p == 0.0 { 0.0 } else { p * (log_partition - y.to_f64()) }
    };
    targets.iter().zip(outputs).map(term).sum()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{agrees_with_differences, normal};
    use super::*;

    /// Three outputs, random probabilities.
    fn probabilities(n_steps: usize) -> Vec<f64> {
        let raw: Vec<f64> = normal(3 * n_steps, 4).iter().map(|x| x.exp()).collect();
        raw.chunks(3).flat_map(|row| row.iter().map(|x| x / row.iter().sum::<f64>())).collect()
    }

    #[test]
    fn gradients_are_those_of_the_loss() {
        let shape = [2, 4, 3];
        let mut targets = probabilities(8);
        let weights: Vec<f64> = normal(8, 6).iter().map(|w| w.abs()).collect();
        agrees_with_differences(&mut CrossEntropy { targets: &targets, weights: Weights::None }, shape);
        targets[4] = f64::NAN;
        targets[6..9].copy_from_slice(&[0.0, 1.0, 0.0]);
        // Not quite 1, which is let through: the gradient still is the loss's.
        targets[10] += 5e-4;
        for weights in [Weights::None, Weights::Steps(&weights)] {
            agrees_with_differences(&mut CrossEntropy { targets: &targets, weights }, shape);
        }
    }

    #[test]
    fn cases_by_hand() {
        // Equal outputs: log 3 whatever the target. Outputs log 1, log 2, log 5 with the last one right: log(8/5).
        let targets = [0.2, 0.3, 0.5, 0.0, 0.0, 1.0, f64::NAN, 0.0, 0.0];
        let outputs = [7.0, 7.0, 7.0, 0.0, 2.0_f64.ln(), 5.0_f64.ln(), f64::NAN, 0.0, 0.0];
        let mut objective = CrossEntropy { targets: &targets, weights: Weights::Steps(&[1.0, 3.0, 5.0]) };
        let (mut gradient, mut shares) = ([f64::NAN; 9], [0.0; 3]);
        let loss = objective.evaluate([3, 1, 3], &outputs, Some(&mut gradient), Some(&mut shares)).unwrap();
        let (first, second) = (3.0_f64.ln(), 1.6_f64.ln());
        assert!((loss - (first + 3.0 * second) / 4.0).abs() < 1e-15);
        assert!((shares[0] - first / 4.0).abs() < 1e-15 && shares[2] == 0.0);
        let expected = [1.0 / 3.0 - 0.2, 1.0 / 3.0 - 0.3, 1.0 / 3.0 - 0.5, 3.0 / 8.0, 6.0 / 8.0, -9.0 / 8.0];
        for (got, expected) in gradient.iter().zip(expected.iter().chain(&[0.0; 3])) {
            assert!((got - expected / 4.0).abs() < 1e-15);
        }
        let steps = objective.per_step([3, 1, 3], &outputs).unwrap();
        assert!((steps[0] - first).abs() < 1e-15 && (steps[1] - second).abs() < 1e-15 && steps[2].is_nan());
    }

    #[test]
    fn large_outputs_neither_overflow_nor_lose_the_loss() {
        let targets = [1.0_f32, 0.0, 0.0, 1.0];
        let mut objective = CrossEntropy { targets: &targets, weights: Weights::None };
        let mut gradient = [0.0; 4];
        let outputs = [3e38, -3e38, 1e4, 0.0];
        let loss = objective.evaluate([1, 2, 2], &outputs, Some(&mut gradient), None).unwrap();
        assert_eq!(loss, 5e3);
        assert_eq!(gradient, [0.0, 0.0, 0.5, -0.5]);
    }

    #[test]
    fn shifting_all_outputs_of_a_step_changes_nothing() {
        let (targets, outputs) = (probabilities(5), normal(15, 8));
        let mut objective = CrossEntropy { targets: &targets, weights: Weights::None };
        let loss = objective.evaluate([1, 5, 3], &outputs, None, None).unwrap();
        let shifted: Vec<f64> = outputs.iter().map(|y| y + 100.0).collect();
        assert!((objective.evaluate([1, 5, 3], &shifted, None, None).unwrap() - loss).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let refused = |targets: &[f64], weights| {
            CrossEntropy { targets, weights }.evaluate([1, 1, 2], &[0.0; 2], None, None).unwrap_err()
        };
        for targets in [[0.5, 0.6], [-0.5, 1.5], [0.0, 0.0], [f64::INFINITY, 0.0]] {
            let error = refused(&targets, Weights::None);
            assert!(matches!(error, Error::Value { argument: "targets", .. }), "{error}");
        }
        let error = refused(&[0.5, 0.5], Weights::Entries(&[1.0, 1.0]));
        assert!(matches!(error, Error::Shape { argument: "weights", .. }), "{error}");
        let error = refused(&[f64::NAN, 0.5], Weights::None);
        assert!(matches!(error, Error::Value { argument: "targets", .. }), "{error}");
    }
}
