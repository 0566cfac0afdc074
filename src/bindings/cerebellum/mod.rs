//! Cerebellar modules: classes that hold them.

mod granule;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<granule::GranuleLayer>()?;
    module.add_function(wrap_pyfunction!(granule::random_wiring, module)?)?;
    module.add_function(wrap_pyfunction!(granule::local_wiring, module)?)
}
