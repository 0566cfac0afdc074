//! The weighted mean of squared errors.
//!
//! ```text
//! loss = Σ w (y − y*)² / Σ w      over trials, steps and outputs; w = 0 where y* is NaN
//! ∂loss/∂y = 2 w (y − y*) / Σ w
//! ```
//!
//! Symbols are those of the parent module.

use super::{Objective, Weights, by_step, by_trial, length, observed};
use crate::error::{Error, Result};
use crate::real::Real;

/// Mean squared error; outputs whose weight is zero may be anything.
#[derive(Debug, Clone, Copy)]
pub struct MeanSquaredError<'a, R> {
    /// Targets (trials, steps, outputs); NaN: not observed.
    pub targets: &'a [R],
    /// How much each entry counts.
    pub weights: Weights<'a, R>,
}

impl<R: Real> MeanSquaredError<'_, R> {
    /// Squared errors (trials, steps), averaged over the outputs of a step by their weights; NaN where none is observed.
    pub fn per_step(&self, shape: [usize; 3], outputs: &[R]) -> Result<Vec<f64>> {
        self.check(shape)?;
        length("outputs", outputs.len(), &shape)?;
        let n_outputs = shape[2];
        let mean = |step: usize| {
            let (mut sum, mut total) = (0.0, 0.0);
            for (output, &y) in outputs[step * n_outputs..][..n_outputs].iter().enumerate() {
                if let Some((weight, target)) = self.entry(step, output, n_outputs) {
                    sum += weight * (y.to_f64() - target).powi(2);
                    total += weight;
                }
            }
            // 0 / 0 where nothing is observed.
            sum / total
        };
        Ok((0..shape[0] * shape[1]).map(mean).collect())
    }

    /// Weight and target of an entry that counts.
    #[inline]
    fn entry(&self, step: usize, output: usize, n_outputs: usize) -> Option<(f64, f64)> {
        let target = self.targets[step * n_outputs + output];
        let weight = self.weights.at(step, output, n_outputs);
        (weight > 0.0 && !target.is_nan()).then(|| (weight, target.to_f64()))
    }

    /// How much a step counts.
    fn weight(&self, step: usize, n_outputs: usize) -> f64 {
        let weight = |output| self.entry(step, output, n_outputs).map_or(0.0, |(weight, _)| weight);
        (0..n_outputs).map(weight).sum()
    }

    fn check(&self, shape: [usize; 3]) -> Result<()> {
        length("targets", self.targets.len(), &shape)?;
        if let Some(bad) = self.targets.iter().find(|target| target.to_f64().is_infinite()) {
            return Err(Error::value("targets", bad, "finite numbers, or NaN where nothing was observed"));
        }
        self.weights.check(shape)
    }
}

impl<R: Real> Objective<R> for MeanSquaredError<'_, R> {
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
        by_trial(shape, outputs, gradient, per_trial, |step, outputs, mut gradient| {
            let mut sum = 0.0;
            for (output, &y) in outputs.iter().enumerate() {
                let (loss, slope) = match self.entry(step, output, n_outputs) {
                    Some((weight, target)) => {
                        let error = y.to_f64() - target;
                        (weight * error * error, 2.0 * weight * error / total)
                    }
                    None => (0.0, 0.0),
                };
                sum += loss;
                if let Some(gradient) = gradient.as_deref_mut() {
                    gradient[output] = R::from_f64(slope);
                }
            }
            sum / total
        })
    }

    fn weight_per_step(&self, shape: [usize; 3]) -> Option<Vec<f64>> {
        self.check(shape).ok()?;
        Some(by_step(shape, |step| self.weight(step, shape[2])))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{agrees_with_differences, normal};
    use super::*;

    #[test]
    fn gradients_are_those_of_the_loss() {
        let shape = [3, 4, 2];
        let mut targets = normal(24, 1);
        let weights: Vec<f64> = normal(24, 2).iter().map(|w| w.abs()).collect();
        agrees_with_differences(&mut MeanSquaredError { targets: &targets, weights: Weights::None }, shape);
        targets[5] = f64::NAN;
        for weights in [Weights::None, Weights::Steps(&weights[..12]), Weights::Entries(&weights)] {
            agrees_with_differences(&mut MeanSquaredError { targets: &targets, weights }, shape);
        }
    }

    #[test]
    fn a_case_by_hand() {
        // Errors 1, 2, −3, not observed; weights of steps 1 and 2: (1 · 1 + 1 · 4 + 2 · 9) / (1 + 1 + 2).
        let targets = [0.0_f32, 0.0, 3.0, f32::NAN];
        let mut objective = MeanSquaredError { targets: &targets, weights: Weights::Steps(&[1.0, 2.0]) };
        let outputs = [1.0, 2.0, 0.0, f32::INFINITY];
        let mut gradient = [f32::NAN; 4];
        let mut shares = [0.0; 2];
        let loss = objective.evaluate([2, 1, 2], &outputs, Some(&mut gradient), Some(&mut shares)).unwrap();
        assert_eq!((loss, shares), (5.75, [1.25, 4.5]));
        assert_eq!(gradient, [0.5, 1.0, -3.0, 0.0]);
        assert_eq!(objective.per_step([2, 1, 2], &outputs).unwrap(), [2.5, 9.0]);
    }

    #[test]
    fn equal_weights_are_no_weights_and_scale_does_not_matter() {
        let (shape, targets, outputs) = ([2, 3, 2], normal(12, 1), normal(12, 2));
        let loss = |weights| {
            MeanSquaredError { targets: &targets, weights }.evaluate(shape, &outputs, None, None).unwrap()
        };
        let plain = loss(Weights::None);
        assert_eq!(loss(Weights::Steps(&[4.0; 6])), plain);
        assert_eq!(loss(Weights::Entries(&[0.25; 12])), plain);
        // A weight of zero is an entry not observed.
        let mut mask = [1.0; 12];
        mask[7] = 0.0;
        let masked = loss(Weights::Entries(&mask));
        let mut gaps = targets.clone();
        gaps[7] = f64::NAN;
        let mut objective = MeanSquaredError { targets: &gaps, weights: Weights::None };
        assert_eq!(objective.evaluate(shape, &outputs, None, None).unwrap(), masked);
        let steps = objective.per_step(shape, &outputs).unwrap();
        assert_eq!(steps[3], (outputs[6] - targets[6]).powi(2));
    }

    #[test]
    fn steps_without_targets_have_no_loss_and_infinite_targets_are_refused() {
        let targets = [f64::NAN, 1.0];
        let objective = MeanSquaredError { targets: &targets, weights: Weights::None };
        let steps = objective.per_step([1, 2, 1], &[0.0, 0.0]).unwrap();
        assert!(steps[0].is_nan() && steps[1] == 1.0);
        let infinite = [f64::INFINITY, 1.0];
        let objective = MeanSquaredError { targets: &infinite, weights: Weights::None };
        assert!(objective.per_step([1, 2, 1], &[0.0, 0.0]).is_err());
    }
}
