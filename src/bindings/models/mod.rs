//! Published systems: classes that hold them, functions that fit them.

mod forward_interface;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    forward_interface::register(module)
}
