//! Arrays by name between Python and the core.

use ndarray::{ArrayD, IxDyn};
use numpy::{Element, IntoPyArray, PyArrayDyn, PyReadonlyArrayDyn};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use crate::bindings::call::translated;
use crate::network::parameters::Parameters;
use crate::real::Real;

/// A precision of the core that NumPy has too.
pub trait Number: Real + Element {}
impl<R: Real + Element> Number for R {}

/// The name of a precision.
fn precision<R: Real>() -> &'static str {
    if R::IS_SINGLE { "float32" } else { "float64" }
}

/// An array of one precision, read where it lies if it lies in order.
pub fn read<'py, R: Number>(
    argument: &str,
    array: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArrayDyn<'py, R>> {
    array
        .extract()
        .map_err(|_| PyTypeError::new_err(format!("{argument} must be a {} array", precision::<R>())))
}

/// A copy of its numbers in order, which kernels may keep while the interpreter goes on.
pub fn in_order<R: Number>(array: &PyReadonlyArrayDyn<'_, R>) -> (Vec<usize>, Vec<R>) {
    let view = array.as_array();
    let shape = view.shape().to_vec();
    (shape, view.iter().copied().collect())
}

/// A new NumPy array of these numbers.
pub fn array<'py, R: Number>(py: Python<'py>, shape: &[usize], values: Vec<R>) -> Bound<'py, PyArrayDyn<R>> {
    let array = ArrayD::from_shape_vec(IxDyn(shape), values).expect("the core gives whole arrays");
    array.into_pyarray(py)
}

/// Arrays by name, all of one precision.
pub fn parameters<R: Number>(argument: &str, arrays: &Bound<'_, PyAny>) -> PyResult<Parameters<R>> {
    let mut found = Parameters::new();
    for item in arrays.cast::<PyMapping>()?.items()?.iter() {
        let (name, values): (String, Bound<'_, PyAny>) = item.extract()?;
        let array = read::<R>(&format!("{argument}[{name:?}]"), &values)?;
        let (shape, values) = in_order(&array);
        found.push(name, &shape, values).map_err(|error| translated(arrays.py(), &error))?;
    }
    Ok(found)
}

/// Arrays by name for Python.
pub fn dictionary<'py, R: Number>(
    py: Python<'py>,
    parameters: &Parameters<R>,
) -> PyResult<Bound<'py, PyDict>> {
    let arrays = PyDict::new(py);
    for entry in parameters {
        arrays.set_item(&entry.name, array(py, &entry.shape, entry.values.clone()))?;
    }
    Ok(arrays)
}
