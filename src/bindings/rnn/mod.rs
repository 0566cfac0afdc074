//! Recurrent networks: classes that hold them, in either precision.
//!
//! A network lives behind a lock, so that a call can let go of the interpreter while it computes; two calls on the same
//! network from two Python threads wait for each other.

mod arrays;
mod lesson;
mod loss;
mod network;
mod optimizer;
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

/// A value in either precision.
pub enum Either<S, D> {
    Single(S),
    Double(D),
}

/// Runs the same code on either precision.
macro_rules! in_either {
    ($value:expr, $x:ident => $body:expr) => {
        match $value {
            $crate::bindings::rnn::Either::Single($x) => $body,
            $crate::bindings::rnn::Either::Double($x) => $body,
        }
    };
}
use in_either;

/// A lock that another thread's panic does not close.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
