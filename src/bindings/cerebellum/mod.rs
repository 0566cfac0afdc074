//! Cerebellar modules.

mod adaptive_filter;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    adaptive_filter::register(module)
}
