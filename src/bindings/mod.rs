//! The Python module `fastigial._core`: views in, one funnel for long calls, owned arrays out. No arithmetic.

mod call;
mod files;
mod tensor;
mod threads;

use pyo3::prelude::*;

/// The compiled core of fastigial. Its functions are called by the package's rooms, not by users.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    threads::register(module)?;
    files::register(module)?;
    tensor::register(module)
}
