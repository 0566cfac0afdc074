//! Published systems.

mod counterfactual;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    counterfactual::register(module)
}
