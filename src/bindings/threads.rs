//! The package's number of threads.

use pyo3::prelude::*;

use super::call::translated;
use crate::numerics::parallel;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(num_threads, module)?)?;
    module.add_function(wrap_pyfunction!(set_num_threads, module)?)
}

#[pyfunction]
fn num_threads() -> usize {
    parallel::num_threads()
}

#[pyfunction]
#[pyo3(signature = (n_threads, /))]
fn set_num_threads(py: Python<'_>, n_threads: Option<usize>) -> PyResult<()> {
    parallel::set_num_threads(n_threads).map_err(|error| translated(py, &error))
}
