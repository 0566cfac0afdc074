//! States that learn from errors: simulated, and fitted to people.

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bindings::arrays::array;
use crate::bindings::call::{call, long_call};
use crate::error::Error;
use crate::models::learning_states::{Fit, Kind, Problem, Rates, Schedule, fit, follow};
use crate::monitor::{Flow, Progress};
use crate::numerics::parallel::Threads;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(simulate_states, module)?)?;
    module.add_function(wrap_pyfunction!(fit_states, module)?)
}

fn read_kind(name: &str) -> PyResult<Kind> {
    match name {
        "two" => Ok(Kind::Two),
        "cascade" => Ok(Kind::Cascade),
        "one" => Ok(Kind::One),
        _ => Err(PyValueError::new_err(format!("kind is {name:?}, expected two, cascade or one"))),
    }
}

/// Fast and slow states in each trial, and the slopes of their sum: (trials,), (trials,), (trials, 4).
#[pyfunction]
fn simulate_states<'py>(
    py: Python<'py>,
    kind: &str,
    rates: Rates,
    perturbation: PyReadonlyArray1<'py, f64>,
    pauses: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyDict>> {
    let kind = read_kind(kind)?;
    let (perturbation, pauses) = (perturbation.as_array().to_vec(), pauses.as_array().to_vec());
    let n = perturbation.len();
    let (fast, slow, slopes) = call(py, || {
        let (mut fast, mut slow, mut slopes) = (vec![0.0; n], vec![0.0; n], Vec::with_capacity(4 * n));
        follow(kind, &rates, &Schedule { perturbation: &perturbation, pauses: &pauses }, |trial, moment| {
            (fast[trial], slow[trial]) = (moment.fast, moment.slow);
            slopes.extend((0..4).map(|k| moment.fast_slopes[k] + moment.slow_slopes[k]));
        });
        Ok((fast, slow, slopes))
    })?;
    let dict = PyDict::new(py);
    dict.set_item("fast", array(py, &[n], fast))?;
    dict.set_item("slow", array(py, &[n], slow))?;
    dict.set_item("slopes", array(py, &[n, 4], slopes))?;
    Ok(dict)
}

/// Fits each row of data by itself: rates (rows, 4), squares (rows,), normal (rows, 4, 4), converged (rows,).
#[pyfunction]
#[pyo3(signature = (kind, data, perturbation, pauses, starts, bounds, *, n_threads, progress))]
#[allow(clippy::too_many_arguments, reason = "one per argument")]
fn fit_states<'py>(
    py: Python<'py>,
    kind: &str,
    data: PyReadonlyArray2<'py, f64>,
    perturbation: PyReadonlyArray1<'py, f64>,
    pauses: PyReadonlyArray1<'py, f64>,
    starts: Vec<Rates>,
    bounds: [Rates; 2],
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let kind = read_kind(kind)?;
    let view = data.as_array();
    let (n_rows, n_trials) = view.dim();
    let data: Vec<f64> = view.iter().copied().collect();
    let (perturbation, pauses) = (perturbation.as_array().to_vec(), pauses.as_array().to_vec());
    let (fits, exception) = long_call(py, progress, |monitor| {
        let threads = Threads::new(n_threads)?;
        let schedule = Schedule { perturbation: &perturbation, pauses: &pauses };
        let one = |row: usize, stop: &dyn Fn() -> bool| {
            if stop() {
                return Err(Error::Interrupted);
            }
            let data = &data[row * n_trials..(row + 1) * n_trials];
            fit(&Problem { kind, schedule, data, bounds }, &starts)
        };
        let ended = threads.map_polled(n_rows, one, &mut |done| {
            monitor.report(Progress { done, total: n_rows, loss: 0.0 }) == Flow::Continue
        });
        ended.into_iter().collect::<Result<Vec<Fit>, Error>>()
    })?;
    if let Some(exception) = exception {
        return Err(exception);
    }
    let dict = PyDict::new(py);
    let rates = fits.iter().flat_map(|fit| fit.rates).collect();
    dict.set_item("rates", array::<f64>(py, &[n_rows, 4], rates))?;
    dict.set_item("squares", array::<f64>(py, &[n_rows], fits.iter().map(|fit| fit.squares).collect()))?;
    let normal = fits.iter().flat_map(|fit| fit.normal).flatten().collect();
    dict.set_item("normal", array::<f64>(py, &[n_rows, 4, 4], normal))?;
    dict.set_item("converged", fits.iter().map(|fit| fit.converged).collect::<Vec<_>>())?;
    Ok(dict)
}
