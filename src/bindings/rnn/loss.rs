//! Losses as Python gives them: a name with targets and weights, or a function.

use numpy::PyReadonlyArrayDyn;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::structure::unknown;
use crate::bindings::arrays::{Number, array, in_order, read};
use crate::error::{Error, Result};
use crate::network::objective::{CrossEntropy, MeanSquaredError, Objective, Weights};

/// A loss that can leave the interpreter, or knows how to come back to it.
pub enum Loss<R> {
    /// Of targets.
    Named { squared: bool, targets: Vec<R>, weights: Option<Vec<R>>, per_entry: bool },
    /// Of steps at which nothing was observed, for rules that predict what comes after them.
    Unobserved,
    /// The caller's own.
    Own { function: Py<PyAny>, exception: Option<PyErr> },
}

impl<R: Number> Loss<R> {
    /// From the tuple or function. `shape`: trials, steps, outputs.
    pub fn read(loss: &Bound<'_, PyAny>, shape: [usize; 3]) -> PyResult<Self> {
        if loss.is_callable() {
            return Ok(Self::Own { function: loss.clone().unbind(), exception: None });
        }
        let (name, targets, weights): (String, Bound<'_, PyAny>, Option<Bound<'_, PyAny>>) =
            loss.extract()?;
        let squared = match name.as_str() {
            "mse" => true,
            "cross_entropy" => false,
            "unobserved" => return Ok(Self::Unobserved),
            _ => return Err(unknown("loss", &name, "mse, cross_entropy or a function")),
        };
        let (got, targets) = in_order(&read::<R>("targets", &targets)?);
        if got != shape {
            return Err(PyValueError::new_err(format!("targets has shape {got:?}, expected {shape:?}")));
        }
        let (mut per_entry, mut kept) = (false, None);
        if let Some(weights) = weights {
            let (got, weights) = in_order(&read::<R>("weights", &weights)?);
            per_entry = got == shape && shape[2] != 1;
            if !per_entry && got != [shape[0], shape[1], 1] {
                return Err(PyValueError::new_err(format!(
                    "weights has shape {got:?}, expected {shape:?} or {:?}",
                    [shape[0], shape[1], 1]
                )));
            }
            kept = Some(weights);
        }
        Ok(Self::Named { squared, targets, weights: kept, per_entry })
    }

    /// Whether it must be asked on the thread that holds the interpreter.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own { .. })
    }

    /// Targets, NaN where they do not count, for rules that learn from them directly; None of a function.
    pub fn observed(&self) -> Option<Vec<R>> {
        let Self::Named { targets, weights, per_entry, .. } = self else { return None };
        let Some(weights) = weights else { return Some(targets.clone()) };
        let per_weight = if *per_entry { 1 } else { targets.len() / weights.len().max(1) };
        let counts = |place: usize| weights[place / per_weight] != R::ZERO;
        Some(targets.iter().enumerate().map(|(place, &y)| if counts(place) { y } else { R::NAN }).collect())
    }

    /// What the caller's function raised, if it did.
    pub fn exception(&mut self) -> Option<PyErr> {
        match self {
            Self::Named { .. } | Self::Unobserved => None,
            Self::Own { exception, .. } => exception.take(),
        }
    }
}

impl<R: Number> Objective<R> for Loss<R> {
    fn evaluate(
        &mut self,
        shape: [usize; 3],
        outputs: &[R],
        gradient: Option<&mut [R]>,
        per_trial: Option<&mut [f64]>,
    ) -> Result<f64> {
        match self {
            Self::Named { squared, targets, weights, per_entry } => {
                let weights = as_weights(weights.as_deref(), *per_entry);
                if *squared {
                    MeanSquaredError { targets, weights }.evaluate(shape, outputs, gradient, per_trial)
                } else {
                    CrossEntropy { targets, weights }.evaluate(shape, outputs, gradient, per_trial)
                }
            }
            Self::Unobserved => {
                if let Some(gradient) = gradient {
                    gradient.fill(R::ZERO);
                }
                if let Some(per_trial) = per_trial {
                    per_trial.fill(0.0);
                }
                Ok(0.0)
            }
            Self::Own { function, exception } => {
                let asked = Python::attach(|py| ask(py, function, shape, outputs, gradient, per_trial));
                asked.map_err(|error| {
                    *exception = Some(error);
                    Error::Interrupted
                })
            }
        }
    }

    fn weight_per_step(&self, shape: [usize; 3]) -> Option<Vec<f64>> {
        match self {
            Self::Named { squared, targets, weights, per_entry } => {
                let weights = as_weights(weights.as_deref(), *per_entry);
                if *squared {
                    MeanSquaredError { targets, weights }.weight_per_step(shape)
                } else {
                    CrossEntropy { targets, weights }.weight_per_step(shape)
                }
            }
            Self::Unobserved => Some(vec![0.0; shape[1]]),
            Self::Own { .. } => None,
        }
    }
}

fn as_weights<R>(weights: Option<&[R]>, per_entry: bool) -> Weights<'_, R> {
    match weights {
        None => Weights::None,
        Some(weights) if per_entry => Weights::Entries(weights),
        Some(weights) => Weights::Steps(weights),
    }
}

fn ask<R: Number>(
    py: Python<'_>,
    function: &Py<PyAny>,
    shape: [usize; 3],
    outputs: &[R],
    gradient: Option<&mut [R]>,
    per_trial: Option<&mut [f64]>,
) -> PyResult<f64> {
    let answer = function.bind(py).call1((array(py, &shape, outputs.to_vec()),))?;
    let parts = answer.len().map_err(|_| wrong_answer())?;
    if parts != 2 && parts != 3 {
        return Err(wrong_answer());
    }
    let loss: f64 = answer.get_item(0)?.extract().map_err(|_| wrong_answer())?;
    if let Some(gradient) = gradient {
        let derivative = answer.get_item(1)?;
        let array: PyReadonlyArrayDyn<'_, R> = read("the loss's derivative", &derivative)?;
        let (got, values) = in_order(&array);
        if got != shape {
            return Err(PyValueError::new_err(format!(
                "the loss's derivative has shape {got:?}, expected {shape:?}"
            )));
        }
        gradient.copy_from_slice(&values);
    }
    if let Some(per_trial) = per_trial {
        if parts != 3 {
            return Err(PyTypeError::new_err(
                "this rule needs the loss of each trial: the loss function must return (loss, derivative, per_trial)",
            ));
        }
        let array: PyReadonlyArrayDyn<'_, f64> = read("per_trial", &answer.get_item(2)?)?;
        let (got, values) = in_order(&array);
        if got != [shape[0]] {
            return Err(PyValueError::new_err(format!(
                "per_trial has shape {got:?}, expected ({},)",
                shape[0]
            )));
        }
        per_trial.copy_from_slice(&values);
    }
    Ok(loss)
}

fn wrong_answer() -> PyErr {
    PyTypeError::new_err("the loss function must return (loss, derivative) or (loss, derivative, per_trial)")
}
