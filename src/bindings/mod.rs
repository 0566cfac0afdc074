//! The Python module `fastigial._core`: views in, one funnel for long calls, owned arrays out. No arithmetic.

mod arrays;
mod call;
mod cerebellum;
mod files;
mod models;
mod plant;
mod precision;
mod rnn;
mod tensor;
mod threads;

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArrayDyn};
use pyo3::prelude::*;

/// The compiled core of fastigial. Its functions are called by the package's rooms, not by users.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    meet_numpy(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    threads::register(module)?;
    files::register(module)?;
    rnn::register(module)?;
    cerebellum::register(module)?;
    models::register(module)?;
    plant::register(module)?;
    tensor::register(module)
}

/// Finds NumPy's types and functions now. They would be looked up at the first use, once and for all; a process that is
/// forked off while another thread does so would wait for the end of it for ever.
fn meet_numpy(py: Python<'_>) -> PyResult<()> {
    let array = PyArray1::<f64>::zeros(py, 1, false);
    let _: PyReadonlyArrayDyn<'_, f64> = array.as_any().extract()?;
    drop(array.try_readwrite()?);
    Ok(())
}
