//! Published systems: classes that hold them, functions that fit them.

mod counterfactual;
mod forward_interface;
mod low_dimensional_feedback;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    counterfactual::register(module)?;
    forward_interface::register(module)?;
    low_dimensional_feedback::register(module)
}
