//! Published systems: classes that hold them.

use pyo3::prelude::*;

#[allow(clippy::unnecessary_wraps, reason = "classes come here")]
pub fn register(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
