//! Recurrent networks: classes that hold them, in either precision.
//!
//! A network lives behind a lock, so that a call can let go of the interpreter while it computes; two calls on the same
//! network from two Python threads wait for each other.

mod lesson;
mod loss;
pub mod network;
pub mod optimizer;
mod rule;
mod stepper;
mod structure;
mod train;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<network::Network>()?;
    module.add_class::<stepper::Stepper>()?;
    module.add_class::<rule::Rule>()?;
    module.add_class::<optimizer::Optimizer>()?;
    module.add_function(wrap_pyfunction!(train::train_step, module)?)
}
