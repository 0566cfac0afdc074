//! Named arrays and a text in a file.

use std::path::PathBuf;

use numpy::{PyArrayDyn, PyReadonlyArrayDyn};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::call::call;
use crate::files::{self, Stored};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(write_arrays, module)?)?;
    module.add_function(wrap_pyfunction!(read_arrays, module)?)
}

#[pyfunction]
#[pyo3(signature = (path, arrays, text, /))]
fn write_arrays(py: Python<'_>, path: PathBuf, arrays: &Bound<'_, PyDict>, text: &str) -> PyResult<()> {
    let mut stored = Vec::new();
    for (name, array) in arrays {
        let name: String = name.extract()?;
        stored.push(if let Ok(array) = array.extract::<PyReadonlyArrayDyn<'_, f32>>() {
            let bytes = array.as_array().iter().flat_map(|v| v.to_le_bytes()).collect();
            Stored { name, single: true, shape: array.as_array().shape().to_vec(), bytes }
        } else if let Ok(array) = array.extract::<PyReadonlyArrayDyn<'_, f64>>() {
            let bytes = array.as_array().iter().flat_map(|v| v.to_le_bytes()).collect();
            Stored { name, single: false, shape: array.as_array().shape().to_vec(), bytes }
        } else {
            return Err(PyTypeError::new_err(format!("array {name:?} must be float32 or float64")));
        });
    }
    call(py, || files::write(&path, &stored, text))
}

#[pyfunction]
#[pyo3(signature = (path, /))]
fn read_arrays(py: Python<'_>, path: PathBuf) -> PyResult<(Bound<'_, PyDict>, String)> {
    let (stored, text) = call(py, || files::read(&path))?;
    let arrays = PyDict::new(py);
    for Stored { name, single, shape, bytes } in stored {
        if single {
            let values = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            arrays.set_item(name, array(py, &shape, values))?;
        } else {
            let values = bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
            arrays.set_item(name, array(py, &shape, values))?;
        }
    }
    Ok((arrays, text))
}

fn array<'py, T: numpy::Element>(
    py: Python<'py>,
    shape: &[usize],
    values: Vec<T>,
) -> Bound<'py, PyArrayDyn<T>> {
    let array =
        ndarray::ArrayD::from_shape_vec(shape, values).expect("sizes were checked when the file was read");
    PyArrayDyn::from_owned_array(py, array)
}
