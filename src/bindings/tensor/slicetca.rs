//! SliceTCA.

use numpy::{Element, IntoPyArray, PyReadonlyArray2, PyReadonlyArray3};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::super::call::{call, long_call, translated};
use super::chunks::{Answer, Shared, answer, chunked_call, owned_shared};
use super::{Mask, Recording, in_either_precision, named_start, outcome_name};
use crate::numerics::parallel::Threads;
use crate::real::Real;
use crate::tensor::chunks::{Pass, Whole};
use crate::tensor::slicetca::{self, Fit, Invariance, Options, Selection, SliceModel, Start, Starts};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fit_slicetca, module)?)?;
    module.add_function(wrap_pyfunction!(fit_slicetca_chunks, module)?)?;
    module.add_function(wrap_pyfunction!(pass_slicetca, module)?)?;
    module.add_function(wrap_pyfunction!(transform_slicetca, module)?)?;
    module.add_function(wrap_pyfunction!(canonicalize_slicetca, module)?)?;
    module.add_function(wrap_pyfunction!(reconstruct_slicetca, module)?)
}

#[pyfunction]
#[pyo3(signature = (x, mask, *, n_components, nonnegative, init, n_init, invariance, max_iter, tol, seed, n_threads, progress))]
#[allow(clippy::too_many_arguments, reason = "keyword-only, one per public parameter")]
fn fit_slicetca<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    mask: Mask<'py>,
    n_components: [usize; 3],
    nonnegative: [bool; 3],
    init: &Bound<'py, PyAny>,
    n_init: Option<usize>,
    invariance: Option<&str>,
    max_iter: usize,
    tol: f64,
    seed: u64,
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Option<PyErr>)> {
    let recording = Recording::new(x)?;
    let start = if let Some(start) = named_start(init, Start::Svd, Start::Random)? {
        start
    } else {
        let (loadings, slices) = init.extract()?;
        Start::Given(Box::new(model(py, loadings, slices)?))
    };
    let invariance = named_invariance(invariance)?;
    let starts = n_init.map_or(Starts::Auto, Starts::Fixed);
    let options =
        Options { ranks: n_components, nonnegative, start, starts, invariance, max_iter, tol, seed };
    let mask = mask.as_ref().map(|mask| mask.as_array());
    let out = PyDict::new(py);
    let exception = in_either_precision!(&recording, x => {
        let (fit, exception) = long_call(py, progress, |monitor| {
            slicetca::fit(x, mask, &options, &Threads::new(n_threads)?, monitor)
        })?;
        store(&out, fit)?;
        exception
    });
    Ok((out, exception))
}

fn named_invariance(name: Option<&str>) -> PyResult<Invariance> {
    match name {
        Some("full") => Ok(Invariance::Full),
        Some("within") => Ok(Invariance::Within),
        None => Ok(Invariance::None),
        Some(other) => {
            let message = format!("invariance is {other:?}, expected \"full\", \"within\" or None");
            Err(PyValueError::new_err(message))
        }
    }
}

fn store<T: Real + Element>(out: &Bound<'_, PyDict>, fit: Fit<T>) -> PyResult<()> {
    store_model(out, fit.model)?;
    out.set_item("loss", fit.loss)?;
    out.set_item("score", fit.score)?;
    out.set_item("loss_history", fit.loss_history.into_pyarray(out.py()))?;
    out.set_item("start_losses", fit.start_losses.into_pyarray(out.py()))?;
    out.set_item("outcome", outcome_name(fit.outcome))
}

#[pyfunction]
#[pyo3(signature = (x, mask, step, shared, rows, *, nonnegative, scale, n_threads))]
#[allow(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "one per public parameter")]
fn pass_slicetca<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    mask: Mask<'py>,
    step: usize,
    shared: Shared<'py>,
    rows: PyReadonlyArray2<'py, f64>,
    nonnegative: [bool; 3],
    scale: f64,
    n_threads: Option<usize>,
) -> PyResult<Answer<'py>> {
    let recording = Recording::new(x)?;
    let mask = mask.as_ref().map(|mask| mask.as_array());
    let (shared, rows) = (owned_shared(&shared), rows.as_array().to_owned());
    let part = in_either_precision!(&recording, x => call(py, || {
        let pass = Pass { step, shared: &shared, rows };
        slicetca::chunk(x, mask, scale, nonnegative, pass, &Threads::new(n_threads)?)
    }))?;
    Ok(answer(py, part))
}

#[pyfunction]
#[pyo3(signature = (passes, *, shape, n_observed, sum_of_squares, incomplete, scale, single, n_components, nonnegative, init, invariance, max_iter, tol, n_threads, progress))]
#[allow(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "one per public parameter")]
fn fit_slicetca_chunks<'py>(
    py: Python<'py>,
    passes: Py<PyAny>,
    shape: Vec<usize>,
    n_observed: usize,
    sum_of_squares: f64,
    incomplete: bool,
    scale: f64,
    single: bool,
    n_components: [usize; 3],
    nonnegative: [bool; 3],
    init: ([PyReadonlyArray2<'py, f64>; 3], [PyReadonlyArray3<'py, f64>; 3]),
    invariance: Option<&str>,
    max_iter: usize,
    tol: f64,
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Option<PyErr>)> {
    let options = Options {
        ranks: n_components,
        nonnegative,
        start: Start::Given(Box::new(model(py, init.0, init.1)?)),
        starts: Starts::Fixed(1),
        invariance: named_invariance(invariance)?,
        max_iter,
        tol,
        seed: 0,
    };
    let epsilon = if single { f32::EPSILON.into() } else { f64::EPSILON };
    let whole = Whole { shape: &shape, incomplete, sum_of_squares, scale, epsilon };
    let (fit, exception) = chunked_call(py, passes, progress, |chunks, monitor| {
        slicetca::fit_chunks(chunks, whole, n_observed, options, &Threads::new(n_threads)?, monitor)
    })?;
    let out = PyDict::new(py);
    store(&out, fit)?;
    Ok((out, exception))
}

fn store_model<T: Real + Element>(out: &Bound<'_, PyDict>, model: SliceModel<T>) -> PyResult<()> {
    let py = out.py();
    out.set_item("loadings", PyList::new(py, model.loadings.map(|loading| loading.into_pyarray(py)))?)?;
    out.set_item("slices", PyList::new(py, model.slices.map(|slice| slice.into_pyarray(py)))?)
}

/// A model as the package holds it: double precision, which represents either.
fn model(
    py: Python<'_>,
    loadings: [PyReadonlyArray2<'_, f64>; 3],
    slices: [PyReadonlyArray3<'_, f64>; 3],
) -> PyResult<SliceModel<f64>> {
    let loadings = loadings.map(|loading| loading.as_array().as_standard_layout().into_owned());
    let slices = slices.map(|slice| slice.as_array().as_standard_layout().into_owned());
    SliceModel::new(loadings, slices).map_err(|error| translated(py, &error))
}

#[pyfunction]
#[pyo3(signature = (x, mask, loadings, slices, *, nonnegative, n_threads))]
fn transform_slicetca<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    mask: Mask<'py>,
    loadings: [PyReadonlyArray2<'py, f64>; 3],
    slices: [PyReadonlyArray3<'py, f64>; 3],
    nonnegative: [bool; 3],
    n_threads: Option<usize>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let recording = Recording::new(x)?;
    let model = model(py, loadings, slices)?;
    let mask = mask.as_ref().map(|mask| mask.as_array());
    let new = in_either_precision!(&recording, x => call(py, || {
        let x = x.mapv(Real::to_f64);
        slicetca::transform(x.view(), mask, &model, nonnegative, &Threads::new(n_threads)?)
    }))?;
    Ok((
        new.loadings.into_pyarray(py).into_any(),
        new.neuron_slices.into_pyarray(py).into_any(),
        new.time_slices.into_pyarray(py).into_any(),
    ))
}

#[pyfunction]
#[pyo3(signature = (loadings, slices, *, n_threads))]
fn canonicalize_slicetca<'py>(
    py: Python<'py>,
    loadings: [PyReadonlyArray2<'py, f64>; 3],
    slices: [PyReadonlyArray3<'py, f64>; 3],
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let model = model(py, loadings, slices)?;
    let out = PyDict::new(py);
    store_model(&out, call(py, || model.canonical(Invariance::Full, &Threads::new(n_threads)?))?)?;
    Ok(out)
}

#[pyfunction]
#[pyo3(signature = (loadings, slices, *, components, single, n_threads))]
fn reconstruct_slicetca<'py>(
    py: Python<'py>,
    loadings: [PyReadonlyArray2<'py, f64>; 3],
    slices: [PyReadonlyArray3<'py, f64>; 3],
    components: [Vec<usize>; 3],
    single: bool,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let model = model(py, loadings, slices)?;
    let whole = call(py, || {
        let selection = Selection::of(&model, components)?;
        model.reconstruct(&selection, &Threads::new(n_threads)?)
    })?;
    Ok(if single {
        whole.mapv(f32::from_f64).into_pyarray(py).into_any()
    } else {
        whole.into_pyarray(py).into_any()
    })
}
