//! TCA.

use ndarray::Array2;
use numpy::{IntoPyArray, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::super::call::{call, long_call, translated};
use super::chunks::{Answer, Shared, answer, chunked_call, owned_shared};
use super::{Mask, Recording, in_either_precision, named_start, outcome_name};
use crate::numerics::parallel::Threads;
use crate::real::Real;
use crate::tensor::chunks::{Pass, Whole};
use crate::tensor::cp::{self, Core, Fit, Kruskal, Options, Start};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(compress_tca, module)?)?;
    module.add_function(wrap_pyfunction!(fit_tca, module)?)?;
    module.add_function(wrap_pyfunction!(fit_tca_chunks, module)?)?;
    module.add_function(wrap_pyfunction!(pass_tca, module)?)?;
    module.add_function(wrap_pyfunction!(transform_tca, module)?)?;
    module.add_function(wrap_pyfunction!(reconstruct_tca, module)?)
}

/// Directions of every mode, and the recording in their coordinates.
type CoreArrays<'py> = (Vec<PyReadonlyArray2<'py, f64>>, PyReadonlyArrayDyn<'py, f64>);

#[pyfunction]
#[pyo3(signature = (x, mask, *, n_components, n_threads))]
#[allow(clippy::needless_pass_by_value, reason = "what PyO3 extracts is owned")]
fn compress_tca<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    mask: Mask<'py>,
    n_components: usize,
    n_threads: Option<usize>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let recording = Recording::new(x)?;
    let mask = mask.as_ref().map(|mask| mask.as_array());
    let core = in_either_precision!(&recording, x => call(py, || {
        cp::compress(x, mask, n_components, &Threads::new(n_threads)?)
    }))?;
    let Some(Core { bases, tensor: Some(tensor) }) = core else { return Ok(None) };
    let bases: Vec<_> = bases.into_iter().map(|basis| basis.into_pyarray(py)).collect();
    (bases, tensor.into_pyarray(py)).into_pyobject(py).map(Some)
}

#[pyfunction]
#[pyo3(signature = (x, mask, *, n_components, nonnegative, init, n_init, max_iter, tol, seed, n_threads, progress, core=None))]
#[allow(clippy::too_many_arguments, reason = "keyword-only, one per public parameter")]
fn fit_tca<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    mask: Mask<'py>,
    n_components: usize,
    nonnegative: Vec<bool>,
    init: &Bound<'py, PyAny>,
    n_init: usize,
    max_iter: usize,
    tol: f64,
    seed: u64,
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
    core: Option<CoreArrays<'py>>,
) -> PyResult<(Bound<'py, PyDict>, Option<PyErr>)> {
    let recording = Recording::new(x)?;
    let start = if let Some(start) = named_start(init, Start::Svd, Start::Random)? {
        start
    } else {
        let factors: Vec<PyReadonlyArray2<'_, f64>> = init.extract()?;
        Start::Given(owned(&factors))
    };
    let options = Options { n_components, nonnegative, start, n_init, max_iter, tol, seed };
    let core = core.map(|(bases, tensor)| Core {
        bases: owned(&bases),
        tensor: Some(tensor.as_array().as_standard_layout().into_owned()),
    });
    let mask = mask.as_ref().map(|mask| mask.as_array());
    let (fit, exception) = in_either_precision!(&recording, x => long_call(py, progress, |monitor| {
        cp::fit(x, mask, &options, core.as_ref(), &Threads::new(n_threads)?, monitor)
    }))?;
    Ok((stored(py, fit)?, exception))
}

fn stored(py: Python<'_>, fit: Fit) -> PyResult<Bound<'_, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("weights", fit.model.weights.into_pyarray(py))?;
    let factors: Vec<_> = fit.model.factors.into_iter().map(|factor| factor.into_pyarray(py)).collect();
    out.set_item("factors", factors)?;
    out.set_item("loss", fit.loss)?;
    out.set_item("score", fit.score)?;
    out.set_item("loss_history", fit.loss_history.into_pyarray(py))?;
    out.set_item("start_losses", fit.start_losses.into_pyarray(py))?;
    out.set_item("outcome", outcome_name(fit.outcome))?;
    Ok(out)
}

#[pyfunction]
#[pyo3(signature = (x, mask, step, shared, rows, *, nonnegative, incomplete, scale, n_threads))]
#[allow(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "one per public parameter")]
fn pass_tca<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    mask: Mask<'py>,
    step: usize,
    shared: Shared<'py>,
    rows: PyReadonlyArray2<'py, f64>,
    nonnegative: Vec<bool>,
    incomplete: bool,
    scale: f64,
    n_threads: Option<usize>,
) -> PyResult<Answer<'py>> {
    let recording = Recording::new(x)?;
    let mask = mask.as_ref().map(|mask| mask.as_array());
    let (shared, rows) = (owned_shared(&shared), rows.as_array().to_owned());
    let part = in_either_precision!(&recording, x => call(py, || {
        let pass = Pass { step, shared: &shared, rows };
        cp::chunk(x, mask, (incomplete, scale), &nonnegative, pass, &Threads::new(n_threads)?)
    }))?;
    Ok(answer(py, part))
}

#[pyfunction]
#[pyo3(signature = (passes, *, shape, n_observed, sum_of_squares, incomplete, scale, single, n_components, nonnegative, init, max_iter, tol, progress))]
#[allow(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "one per public parameter")]
fn fit_tca_chunks<'py>(
    py: Python<'py>,
    passes: Py<PyAny>,
    shape: Vec<usize>,
    n_observed: usize,
    sum_of_squares: f64,
    incomplete: bool,
    scale: f64,
    single: bool,
    n_components: usize,
    nonnegative: Vec<bool>,
    init: Vec<PyReadonlyArray2<'py, f64>>,
    max_iter: usize,
    tol: f64,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Option<PyErr>)> {
    let start = Start::Given(owned(&init));
    let options = Options { n_components, nonnegative, start, n_init: 1, max_iter, tol, seed: 0 };
    let epsilon = if single { f32::EPSILON.into() } else { f64::EPSILON };
    let whole = Whole { shape: &shape, incomplete, sum_of_squares, scale, epsilon };
    let (fit, exception) = chunked_call(py, passes, progress, |chunks, monitor| {
        cp::fit_chunks(chunks, whole, n_observed, options, monitor)
    })?;
    Ok((stored(py, fit)?, exception))
}

fn model(
    py: Python<'_>,
    weights: &PyReadonlyArray1<'_, f64>,
    factors: &[PyReadonlyArray2<'_, f64>],
) -> PyResult<Kruskal> {
    Kruskal::new(weights.as_array().to_owned(), owned(factors)).map_err(|error| translated(py, &error))
}

fn owned(factors: &[PyReadonlyArray2<'_, f64>]) -> Vec<Array2<f64>> {
    factors.iter().map(|factor| factor.as_array().as_standard_layout().into_owned()).collect()
}

#[pyfunction]
#[pyo3(signature = (x, mask, weights, factors, *, nonnegative, n_threads))]
#[allow(clippy::needless_pass_by_value, reason = "what PyO3 extracts is owned")]
fn transform_tca<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    mask: Mask<'py>,
    weights: PyReadonlyArray1<'py, f64>,
    factors: Vec<PyReadonlyArray2<'py, f64>>,
    nonnegative: bool,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let recording = Recording::new(x)?;
    let model = model(py, &weights, &factors)?;
    let mask = mask.as_ref().map(|mask| mask.as_array());
    let rows = in_either_precision!(&recording, x => call(py, || {
        cp::transform(x, mask, &model, nonnegative, &Threads::new(n_threads)?)
    }))?;
    Ok(rows.into_pyarray(py).into_any())
}

#[pyfunction]
#[pyo3(signature = (weights, factors, *, components, single))]
#[allow(clippy::needless_pass_by_value, reason = "what PyO3 extracts is owned")]
fn reconstruct_tca<'py>(
    py: Python<'py>,
    weights: PyReadonlyArray1<'py, f64>,
    factors: Vec<PyReadonlyArray2<'py, f64>>,
    components: Vec<usize>,
    single: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let model = model(py, &weights, &factors)?;
    let whole = call(py, || model.reconstruct(&components))?;
    Ok(if single {
        whole.mapv(f32::from_f64).into_pyarray(py).into_any()
    } else {
        whole.into_pyarray(py).into_any()
    })
}
