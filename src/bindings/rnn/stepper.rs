//! One step at a time.

use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::network::Network;
use crate::bindings::arrays::{Number, array, in_order, parameters, read};
use crate::bindings::call::{call, translated};
use crate::bindings::precision::{Either, in_either, lock};
use crate::rnn::stepper::Stepper as CoreStepper;

/// A running network.
#[pyclass(module = "fastigial._core", frozen)]
pub struct Stepper {
    held: Either<Mutex<CoreStepper<f32>>, Mutex<CoreStepper<f64>>>,
}

#[pymethods]
impl Stepper {
    #[new]
    fn new(py: Python<'_>, network: &Bound<'_, Network>, n_trials: usize, seed: u64) -> PyResult<Self> {
        let held = match &network.get().held {
            Either::Single(held) => {
                let made = call(py, || CoreStepper::new(lock(held).network.clone(), n_trials, Some(seed)))?;
                Either::Single(Mutex::new(made))
            }
            Either::Double(held) => {
                let made = call(py, || CoreStepper::new(lock(held).network.clone(), n_trials, Some(seed)))?;
                Either::Double(Mutex::new(made))
            }
        };
        Ok(Self { held })
    }

    fn step<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        in_either!(&self.held, held => {
            let (shape, inputs) = in_order(&read("inputs", inputs)?);
            let mut stepper = lock(held);
            if shape.first() != Some(&stepper.n_trials()) {
                let n_trials = stepper.n_trials();
                return Err(PyValueError::new_err(format!("inputs has shape {shape:?}, expected ({n_trials}, inputs)")));
            }
            // A step of a small network is shorter than letting go of the interpreter and taking it back.
            let (outputs, states) = stepper.step(&inputs).map_err(|error| translated(py, &error))?;
            let n = stepper.n_trials();
            let (o, u) = (outputs.len() / n, states.len() / n);
            Ok((array(py, &[n, o], outputs).into_any(), array(py, &[n, u], states).into_any()))
        })
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        in_either!(&self.held, held => {
            let stepper = lock(held);
            let (n, dict) = (stepper.n_trials(), PyDict::new(py));
            for (name, values) in stepper.variables() {
                let n_units = values.len() / n;
                dict.set_item(name, array(py, &[n, n_units], values))?;
            }
            for (name, values) in stepper.underway() {
                dict.set_item(name, array(py, &[values.len()], values.to_vec()))?;
            }
            Ok(dict)
        })
    }

    fn set_state(&self, state: &Bound<'_, PyAny>) -> PyResult<()> {
        fn set<R: Number>(stepper: &Mutex<CoreStepper<R>>, state: &Bound<'_, PyAny>) -> PyResult<()> {
            let given = parameters::<R>("state", state)?;
            let (underway, variables): (Vec<_>, Vec<_>) =
                given.iter().partition(|entry| entry.name.ends_with("_underway"));
            let variables: Vec<(&str, &[R])> =
                variables.iter().map(|e| (e.name.as_str(), &e.values[..])).collect();
            call(state.py(), || {
                let mut stepper = lock(stepper);
                stepper.set_variables(&variables)?;
                underway.iter().try_for_each(|entry| stepper.set_underway(&entry.name, &entry.values))
            })
        }
        in_either!(&self.held, held => set(held, state))
    }
}
