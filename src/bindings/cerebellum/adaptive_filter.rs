//! The adaptive filter, in either precision.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::bindings::arrays::{Number, array, in_order, read};
use crate::bindings::call::{long_call, translated};
use crate::cerebellum::adaptive_filter::{Filter, Kernel, Lesson, Teaching, Timing, run};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(run_adaptive_filter, module)?)
}

/// Outputs and the weights afterwards. Features: (trials, steps, features); weights: (outputs, features).
#[pyfunction]
#[pyo3(signature = (features, weights, taps, *, teaching, are_errors, learning_rate, online))]
#[allow(clippy::too_many_arguments, reason = "one per argument")]
fn run_adaptive_filter<'py>(
    features: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    taps: Vec<(usize, f64)>,
    teaching: Option<Bound<'py, PyAny>>,
    are_errors: bool,
    learning_rate: f64,
    online: bool,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let timing = if online { Timing::Online } else { Timing::Batched };
    if read::<f32>("features", features).is_ok() {
        adapt::<f32>(features, weights, taps, teaching, are_errors, learning_rate, timing)
    } else {
        adapt::<f64>(features, weights, taps, teaching, are_errors, learning_rate, timing)
    }
}

fn adapt<'py, R: Number>(
    features: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    taps: Vec<(usize, f64)>,
    teaching: Option<Bound<'py, PyAny>>,
    are_errors: bool,
    rate: f64,
    timing: Timing,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let py = features.py();
    let (shape, features) = in_order(&read::<R>("features", features)?);
    let (sizes, weights) = in_order(&read::<R>("weights", weights)?);
    let (&[n_trials, n_steps, n_features], &[n_outputs, given]) = (&shape[..], &sizes[..]) else {
        let message =
            format!("features and weights have shapes {shape:?} and {sizes:?}, expected three and two axes");
        return Err(PyValueError::new_err(message));
    };
    if given != n_features {
        let message = format!("weights has shape {sizes:?}, expected (n_outputs, {n_features})");
        return Err(PyValueError::new_err(message));
    }
    let teaching = teaching.map(|teaching| read::<R>("targets", &teaching)).transpose()?;
    let teaching = teaching.map(|teaching| in_order(&teaching).1);
    let taps = taps.into_iter().map(|(lag, gain)| (lag, R::from_f64(gain))).collect();
    let mut filter = Filter::new(n_features, weights).map_err(|error| translated(py, &error))?;
    let (outputs, exception) = long_call(py, None, |monitor| {
        let mut kernel = Kernel::within(n_steps, n_features, taps)?;
        let teaching = match &teaching {
            None => Teaching::Nothing,
            Some(given) if are_errors => Teaching::Errors(given),
            Some(given) => Teaching::Targets(given),
        };
        let lesson = Lesson { features: &features, n_steps, teaching, rate: R::from_f64(rate), timing };
        run(&mut filter, &mut kernel, &lesson, monitor)
    })?;
    if let Some(exception) = exception {
        return Err(exception);
    }
    let weights = array(py, &sizes, filter.weights().to_vec());
    Ok((array(py, &[n_trials, n_steps, n_outputs], outputs).into_any(), weights.into_any()))
}
