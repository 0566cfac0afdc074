//! Published systems: classes that hold them, functions that fit them.

mod cerebellar_bias;
mod cerebello_cortical;
mod control_loop;
mod counterfactual;
mod forward_interface;
mod learning_states;
mod low_dimensional_feedback;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    cerebellar_bias::register(module)?;
    cerebello_cortical::register(module)?;
    control_loop::register(module)?;
    counterfactual::register(module)?;
    forward_interface::register(module)?;
    learning_states::register(module)?;
    low_dimensional_feedback::register(module)
}
