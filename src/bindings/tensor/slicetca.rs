//! SliceTCA.

use numpy::{Element, IntoPyArray, PyReadonlyArray2, PyReadonlyArray3};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::super::call::{call, long_call, translated};
use super::{Mask, Recording, in_either_precision, named_start, outcome_name};
use crate::numerics::parallel::Threads;
use crate::real::Real;
use crate::tensor::slicetca::{self, Invariance, Options, Selection, SliceModel, Start, Starts};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fit_slicetca, module)?)?;
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
    let invariance = match invariance {
        Some("full") => Invariance::Full,
        Some("within") => Invariance::Within,
        None => Invariance::None,
        Some(other) => {
            let message = format!("invariance is {other:?}, expected \"full\", \"within\" or None");
            return Err(PyValueError::new_err(message));
        }
    };
    let starts = n_init.map_or(Starts::Auto, Starts::Fixed);
    let options =
        Options { ranks: n_components, nonnegative, start, starts, invariance, max_iter, tol, seed };
    let mask = mask.as_ref().map(|mask| mask.as_array());
    let out = PyDict::new(py);
    let exception = in_either_precision!(&recording, x => {
        let (fit, exception) = long_call(py, progress, |monitor| {
            slicetca::fit(x, mask, &options, &Threads::new(n_threads)?, monitor)
        })?;
        store_model(&out, fit.model)?;
        out.set_item("loss", fit.loss)?;
        out.set_item("score", fit.score)?;
        out.set_item("loss_history", fit.loss_history.into_pyarray(py))?;
        out.set_item("start_losses", fit.start_losses.into_pyarray(py))?;
        out.set_item("outcome", outcome_name(fit.outcome))?;
        exception
    });
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
