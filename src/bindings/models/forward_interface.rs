//! Perceptrons with forward and backward interfaces.

use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::bindings::arrays::{Number, dictionary, parameters};
use crate::bindings::call::{call, long_call};
use crate::models::forward_interface::training::{History, Options, fit};
use crate::models::forward_interface::{ForwardInterface, Loss, Structure};
use crate::monitor::Outcome;
use crate::numerics::parallel::Threads;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fit_forward_interface, module)?)?;
    module.add_function(wrap_pyfunction!(run_forward_interface, module)?)
}

#[pyfunction]
#[pyo3(signature = (x, y, *, hidden, synthesiser, backward, forward, loss, n_epochs, batch_size, learning_rate, synthesiser_learning_rate, seed, n_threads, progress))]
#[allow(clippy::too_many_arguments, reason = "keyword-only, one per public parameter")]
fn fit_forward_interface<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    hidden: Vec<usize>,
    synthesiser: Vec<usize>,
    backward: bool,
    forward: bool,
    loss: &str,
    n_epochs: usize,
    batch_size: usize,
    learning_rate: f64,
    synthesiser_learning_rate: f64,
    seed: u64,
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Option<PyErr>)> {
    let loss = match loss {
        "cross_entropy" => Loss::CrossEntropy,
        "mse" => Loss::SquaredError,
        _ => {
            let message = format!("loss is {loss:?}, expected \"cross_entropy\" or \"mse\"");
            return Err(PyValueError::new_err(message));
        }
    };
    let structure = Structure { sizes: hidden, synthesiser, backward, forward };
    let options = Options { loss, n_epochs, batch_size, learning_rate, synthesiser_learning_rate, seed };
    if let (Ok(x), Ok(y)) = (x.extract(), y.extract()) {
        return train::<f32>(py, x, y, structure, options, n_threads, progress);
    }
    let (x, y) = (double("X", x)?, double("y", y)?);
    train::<f64>(py, x, y, structure, options, n_threads, progress)
}

fn train<'py, R: Number>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, R>,
    y: PyReadonlyArray2<'py, R>,
    mut structure: Structure,
    options: Options,
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Option<PyErr>)> {
    let (x, y) = (x.as_array(), y.as_array());
    structure.sizes.insert(0, x.ncols());
    structure.sizes.push(y.ncols());
    let ((history, learned), exception) = long_call(py, progress, |monitor| {
        let mut model = ForwardInterface::<R>::random(&structure, options.seed)?;
        let history = fit(&mut model, x, y, &options, &Threads::new(n_threads)?, monitor)?;
        Ok((history, model.parameters()?))
    })?;
    let out = PyDict::new(py);
    out.set_item("parameters", dictionary(py, &learned)?)?;
    store(&out, history)?;
    Ok((out, exception))
}

fn store(out: &Bound<'_, PyDict>, history: History) -> PyResult<()> {
    let py = out.py();
    let table = |rows: &[Vec<f64>]| PyArray2::from_vec2(py, rows);
    out.set_item("backward_error", table(&history.backward_error)?)?;
    out.set_item("forward_error", table(&history.forward_error)?)?;
    out.set_item("loss", history.loss.into_pyarray(py))?;
    let outcome = if history.outcome == Outcome::Interrupted { "interrupted" } else { "finished" };
    out.set_item("outcome", outcome)
}

#[pyfunction]
#[pyo3(signature = (x, weights, *, unlocked, n_threads))]
fn run_forward_interface<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    unlocked: bool,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyList>> {
    if let Ok(x) = x.extract() {
        return run::<f32>(py, x, weights, unlocked, n_threads);
    }
    run::<f64>(py, double("X", x)?, weights, unlocked, n_threads)
}

fn run<'py, R: Number>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, R>,
    weights: &Bound<'py, PyAny>,
    unlocked: bool,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyList>> {
    let weights = parameters::<R>("parameters", weights)?;
    let x = x.as_array();
    let layers = call(py, || {
        ForwardInterface::from_parameters(&weights)?.run(x, unlocked, &Threads::new(n_threads)?)
    })?;
    PyList::new(py, layers.into_iter().map(|layer| layer.into_pyarray(py)))
}

fn double<'py>(name: &str, array: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray2<'py, f64>> {
    array.extract().map_err(|_| PyTypeError::new_err(format!("{name} is no matrix of float32 or float64")))
}
