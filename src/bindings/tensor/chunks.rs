//! Recordings in chunks: passes go through a callable of the package, which runs the kernels where the chunks are.

use std::sync::{Mutex, PoisonError};

use ndarray::ArrayD;
use numpy::{IntoPyArray, PyReadonlyArray2, PyReadonlyArrayDyn, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::super::call::{call, long_call, translated};
use super::{Mask, Recording, in_either_precision};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::numerics::parallel::Threads;
use crate::tensor::chunks::{self, Chunks, Joined, Part, Pass};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(survey_chunk, module)?)
}

/// What all trials share, as the package hands it over.
pub type Shared<'py> = Vec<PyReadonlyArrayDyn<'py, f64>>;
/// A chunk's answer: rows, sums, loss.
pub type Answer<'py> = (Bound<'py, PyAny>, Vec<Bound<'py, PyAny>>, f64);

/// The callable `passes(step, shared, rows)`, which returns the answers of all chunks in their order.
struct Caller {
    passes: Py<PyAny>,
    exception: Mutex<Option<PyErr>>,
}

/// Runs a fit whose passes go through `passes`. Returns what was fitted and the exception that stopped it, if one did.
pub fn chunked_call<O: Send>(
    py: Python<'_>,
    passes: Py<PyAny>,
    progress: Option<Py<PyAny>>,
    kernel: impl FnOnce(&dyn Chunks, &mut dyn Monitor) -> Result<O> + Send,
) -> PyResult<(O, Option<PyErr>)> {
    let caller = Caller { passes, exception: Mutex::new(None) };
    let outcome = long_call(py, progress, |monitor| kernel(&caller, monitor));
    let stopped = caller.exception.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (outcome, stopped) {
        (Ok((fit, exception)), stopped) => Ok((fit, stopped.or(exception))),
        // Stopped before the first sweep: there is nothing to keep.
        (Err(_), Some(exception)) | (Err(exception), None) => Err(exception),
    }
}

impl Chunks for Caller {
    fn pass(&self, pass: Pass<'_>) -> Result<Part> {
        let joined = Python::attach(|py| ask(py, &self.passes, pass));
        joined.map_err(|exception| {
            if let Ok(mut held) = self.exception.lock() {
                *held = Some(exception);
            }
            Error::Interrupted
        })
    }
}

fn ask(py: Python<'_>, passes: &Py<PyAny>, pass: Pass<'_>) -> PyResult<Part> {
    type Extracted<'py> = (PyReadonlyArray2<'py, f64>, Vec<PyReadonlyArray2<'py, f64>>, f64);
    let mut joined = Joined::new(pass.rows.nrows(), pass.rows.ncols());
    let shared = PyList::new(py, pass.shared.iter().map(|array| array.to_pyarray(py)))?;
    let answers = passes.bind(py).call1((pass.step, shared, pass.rows.into_pyarray(py)))?;
    for answer in answers.try_iter()? {
        let (rows, sums, loss): Extracted<'_> = answer?.extract()?;
        let sums: Vec<_> = sums.iter().map(|sum| sum.as_array()).collect();
        joined.add(rows.as_array(), &sums, loss).map_err(|error| translated(py, &error))?;
    }
    joined.finish().map_err(|error| translated(py, &error))
}

/// Arrays of the package as the kernels take them.
pub fn owned_shared(shared: &Shared<'_>) -> Vec<ArrayD<f64>> {
    shared.iter().map(|array| array.as_array().as_standard_layout().into_owned()).collect()
}

/// A chunk's answer as the package takes it.
pub fn answer(py: Python<'_>, part: Part) -> Answer<'_> {
    let sums = part.sums.into_iter().map(|sum| sum.into_pyarray(py).into_any()).collect();
    (part.rows.into_pyarray(py).into_any(), sums, part.loss)
}

#[pyfunction]
#[pyo3(signature = (x, mask, *, n_threads))]
#[allow(clippy::needless_pass_by_value, reason = "what PyO3 extracts is owned")]
fn survey_chunk<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    mask: Mask<'py>,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let recording = Recording::new(x)?;
    let mask = mask.as_ref().map(|mask| mask.as_array());
    let (survey, scale) = in_either_precision!(&recording, x => call(py, || {
        chunks::survey(x, mask, &Threads::new(n_threads)?)
    }))?;
    let out = PyDict::new(py);
    out.set_item("n_observed", survey.n_observed)?;
    out.set_item("sum_of_squares", survey.sum_of_squares)?;
    out.set_item("scale", scale)?;
    out.set_item("largest", survey.largest)?;
    Ok(out)
}
