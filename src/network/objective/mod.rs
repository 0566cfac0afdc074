//! Losses of a network's outputs, with their gradients.
//!
//! An objective is a function of all outputs (trials, steps, outputs) in row-major order. Sums run in double precision
//! in the order of the entries, trial by trial, so that a loss does not depend on threads and the trials' shares add up to it.
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | y | `outputs` | (trials, steps, outputs) |
//! | y*, p | `targets` | (trials, steps, outputs); NaN: not observed |
//! | w | [`Weights`] | one, per (trial, step), or per entry |

use crate::error::{Error, Result};
use crate::real::Real;

mod cross_entropy;
mod mean_squared_error;

pub use cross_entropy::CrossEntropy;
pub use mean_squared_error::MeanSquaredError;

/// A loss of all trials, to be minimised.
pub trait Objective<R: Real> {
    /// The loss of all trials from outputs (trials, steps, outputs). Writes d loss / d outputs into `gradient` when given,
    /// and each trial's share of the loss (shares add up to the loss) into `per_trial` when given.
    fn evaluate(
        &mut self,
        shape: [usize; 3],
        outputs: &[R],
        gradient: Option<&mut [R]>,
        per_trial: Option<&mut [f64]>,
    ) -> Result<f64>;

    /// How much each step counts, all its trials and outputs together, on any scale; None where the loss does not say.
    fn weight_per_step(&self, _shape: [usize; 3]) -> Option<Vec<f64>> {
        None
    }
}

/// How much an entry counts. Weights are finite and not negative; their scale does not matter, since losses are means.
#[derive(Debug, Clone, Copy)]
pub enum Weights<'a, R> {
    /// Every observed entry the same.
    None,
    /// One weight per (trial, step), for all of its outputs.
    Steps(&'a [R]),
    /// One weight per (trial, step, output).
    Entries(&'a [R]),
}

impl<R: Real> Weights<'_, R> {
    /// The weight of an output at a step, counted through all trials.
    #[inline]
    fn at(self, step: usize, output: usize, n_outputs: usize) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Steps(weights) => weights[step].to_f64(),
            Self::Entries(weights) => weights[step * n_outputs + output].to_f64(),
        }
    }

    fn check(self, shape: [usize; 3]) -> Result<()> {
        let weights = match self {
            Self::None => return Ok(()),
            Self::Steps(weights) => {
                length("weights", weights.len(), &shape[..2])?;
                weights
            }
            Self::Entries(weights) => {
                length("weights", weights.len(), &shape)?;
                weights
            }
        };
        let bad = |weight: &&R| !(weight.to_f64().is_finite() && **weight >= R::ZERO);
        match weights.iter().find(bad) {
            None => Ok(()),
            Some(bad) => Err(Error::value("weights", bad, "finite numbers that are not negative")),
        }
    }
}

/// An error about `argument` unless it has as many entries as the shape.
fn length(argument: &'static str, got: usize, shape: &[usize]) -> Result<()> {
    let expected = shape.iter().try_fold(1, |n: usize, &size| n.checked_mul(size));
    if expected == Some(got) {
        return Ok(());
    }
    Err(Error::shape(argument, &[got], format!("as many values as the shape {shape:?} has")))
}

/// Sums over trials of what (trial, step) counts for.
fn by_step([n_trials, n_steps, _]: [usize; 3], weight: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..n_steps).map(|step| (0..n_trials).map(|trial| weight(trial * n_steps + step)).sum()).collect()
}

/// The sum of weights, unless there is none.
fn observed(total: f64) -> Result<f64> {
    if total > 0.0 {
        return Ok(total);
    }
    Err(Error::value("targets", "NaN or of weight zero everywhere", "at least one entry that is observed"))
}

/// Adds up steps within trials and trials within the loss. `step_loss` gets a step's number, its outputs, and where its
/// gradient goes.
fn by_trial<R: Real>(
    shape: [usize; 3],
    outputs: &[R],
    mut gradient: Option<&mut [R]>,
    mut per_trial: Option<&mut [f64]>,
    mut step_loss: impl FnMut(usize, &[R], Option<&mut [R]>) -> f64,
) -> Result<f64> {
    let [n_trials, n_steps, n_outputs] = shape;
    length("outputs", outputs.len(), &shape)?;
    if let Some(gradient) = &gradient {
        length("gradient", gradient.len(), &shape)?;
    }
    if let Some(per_trial) = &per_trial {
        length("per_trial", per_trial.len(), &shape[..1])?;
    }
    let mut loss = 0.0;
    for trial in 0..n_trials {
        let mut share = 0.0;
        for step in trial * n_steps..(trial + 1) * n_steps {
            let row = step * n_outputs..(step + 1) * n_outputs;
            let gradient = gradient.as_deref_mut().map(|gradient| &mut gradient[row.clone()]);
            share += step_loss(step, &outputs[row], gradient);
        }
        if let Some(per_trial) = per_trial.as_deref_mut() {
            per_trial[trial] = share;
        }
        loss += share;
    }
    Ok(loss)
}

/// What the tests of all objectives share.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::rng;

    pub fn normal(length: usize, item: u64) -> Vec<f64> {
        let mut stream = rng::stream(5, item);
        (0..length).map(|_| rng::normal(&mut stream)).collect()
    }

    /// The gradient is that of the loss, and the trials' shares are parts of it.
    pub fn agrees_with_differences(objective: &mut impl Objective<f64>, shape: [usize; 3]) {
        let n = shape.iter().product();
        let mut outputs = normal(n, 9);
        let (mut gradient, mut shares) = (vec![f64::NAN; n], vec![f64::NAN; shape[0]]);
        let loss = objective.evaluate(shape, &outputs, Some(&mut gradient), Some(&mut shares)).unwrap();
        assert_eq!(shares.iter().sum::<f64>(), loss);
        assert_eq!(objective.evaluate(shape, &outputs, None, None).unwrap(), loss);
        let scale = gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
        assert!(scale > 0.0);
        for k in 0..n {
            let (kept, step) = (outputs[k], 1e-5);
            outputs[k] = kept + step;
            let above = objective.evaluate(shape, &outputs, None, None).unwrap();
            outputs[k] = kept - step;
            let below = objective.evaluate(shape, &outputs, None, None).unwrap();
            outputs[k] = kept;
            let difference = (above - below) / (2.0 * step);
            assert!(
                (gradient[k] - difference).abs() < 1e-6 * scale,
                "entry {k}: {} {difference}",
                gradient[k]
            );
        }
    }

    #[test]
    fn arguments_of_wrong_lengths_are_named() {
        let targets = vec![0.0; 12];
        let shape = [2, 3, 2];
        let name = |weights, outputs: usize, gradient: usize, shares: usize| {
            let mut objective = MeanSquaredError { targets: &targets, weights };
            let (mut gradient, mut shares) = (vec![0.0; gradient], vec![0.0; shares]);
            match objective.evaluate(shape, &vec![0.0; outputs], Some(&mut gradient), Some(&mut shares)) {
                Err(Error::Shape { argument, .. }) => argument,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(name(Weights::None, 11, 12, 2), "outputs");
        assert_eq!(name(Weights::None, 12, 13, 2), "gradient");
        assert_eq!(name(Weights::None, 12, 12, 3), "per_trial");
        assert_eq!(name(Weights::Steps(&[1.0; 12]), 12, 12, 2), "weights");
        assert_eq!(name(Weights::Entries(&[1.0; 6]), 12, 12, 2), "weights");
        let mut short = MeanSquaredError { targets: &targets[1..], weights: Weights::None };
        let error = short.evaluate(shape, &[0.0; 12], None, None).unwrap_err();
        assert_eq!(error, Error::shape("targets", &[11], "as many values as the shape [2, 3, 2] has"));
        assert!(short.evaluate([usize::MAX, 3, 2], &[0.0; 12], None, None).is_err());
    }

    #[test]
    fn bad_weights_and_nothing_to_fit_are_refused() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let weights = [1.0, bad];
            let mut objective = MeanSquaredError { targets: &[0.0; 2], weights: Weights::Steps(&weights) };
            let error = objective.evaluate([1, 2, 1], &[0.0; 2], None, None).unwrap_err();
            assert!(matches!(error, Error::Value { argument: "weights", .. }), "{error}");
        }
        for (targets, weights) in
            [([f64::NAN; 2], [1.0; 2]), ([1.0; 2], [0.0; 2]), ([1.0, f64::NAN], [0.0, 1.0])]
        {
            let mut objective = MeanSquaredError { targets: &targets, weights: Weights::Steps(&weights) };
            let error = objective.evaluate([1, 2, 1], &[0.0; 2], None, None).unwrap_err();
            assert!(matches!(error, Error::Value { argument: "targets", .. }), "{error}");
        }
        let mut nothing = MeanSquaredError::<f64> { targets: &[], weights: Weights::None };
        for shape in [[0, 3, 2], [2, 0, 2], [2, 3, 0]] {
            assert!(nothing.evaluate(shape, &[], None, None).is_err());
        }
    }
}
