//! The tensor room.

mod chunks;
mod cp;
mod slicetca;

use numpy::{PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::monitor::Outcome;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    chunks::register(module)?;
    cp::register(module)?;
    slicetca::register(module)
}

/// A recording in either precision.
enum Recording<'py> {
    Single(PyReadonlyArrayDyn<'py, f32>),
    Double(PyReadonlyArrayDyn<'py, f64>),
}

impl<'py> Recording<'py> {
    fn new(x: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(x) = x.extract() {
            return Ok(Self::Single(x));
        }
        if let Ok(x) = x.extract() {
            return Ok(Self::Double(x));
        }
        let got = match x.cast::<PyUntypedArray>() {
            Ok(array) => format!("an array of {}", array.dtype()),
            Err(_) => format!("{}", x.get_type()),
        };
        Err(PyTypeError::new_err(format!("X is {got}, expected a float32 or float64 array")))
    }
}

/// Runs the same kernel on either precision.
macro_rules! in_either_precision {
    ($recording:expr, $x:ident => $body:expr) => {
        match $recording {
            crate::bindings::tensor::Recording::Single(array) => {
                let $x = array.as_array();
                $body
            }
            crate::bindings::tensor::Recording::Double(array) => {
                let $x = array.as_array();
                $body
            }
        }
    };
}
use in_either_precision;

type Mask<'py> = Option<PyReadonlyArrayDyn<'py, bool>>;

/// What the package calls the ways a fit can end.
fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Converged => "converged",
        Outcome::IterationsExhausted => "max_iter",
        Outcome::Interrupted => "interrupted",
    }
}

/// A start by its public name, or none for given arrays.
fn named_start<S>(init: &Bound<'_, PyAny>, svd: S, random: S) -> PyResult<Option<S>> {
    let Ok(name) = init.extract::<String>() else { return Ok(None) };
    match name.as_str() {
        "svd" => Ok(Some(svd)),
        "random" => Ok(Some(random)),
        _ => Err(PyValueError::new_err(format!(
            "init is {name:?}, expected \"svd\", \"random\" or a fitted model"
        ))),
    }
}
