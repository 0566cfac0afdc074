//! Cerebellar modules.

mod adaptive_filter;
mod coupled;
mod granule;
pub mod held;
pub mod module;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<granule::GranuleLayer>()?;
    module.add_function(wrap_pyfunction!(granule::random_wiring, module)?)?;
    module.add_function(wrap_pyfunction!(granule::local_wiring, module)?)?;
    module.add_class::<module::Cerebellum>()?;
    module.add_function(wrap_pyfunction!(module::eligibility_kernel, module)?)?;
    module.add_function(wrap_pyfunction!(coupled::run_coupled, module)?)?;
    adaptive_filter::register(module)
}

/// An error about a word.
fn unknown(argument: &str, got: &str, expected: &str) -> PyErr {
    PyValueError::new_err(format!("{argument} is {got:?}, expected {expected}"))
}
