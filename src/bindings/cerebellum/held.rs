//! A module between Python and the core: behind a lock for short calls, and away from it for long ones.
//!
//! A long call comes back to Python every now and then, for Ctrl-C and for the progress callback. Python may then ask for
//! the same module, on the same thread: a lock that the call still held would never open.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::bindings::call::translated;
use crate::bindings::precision::{Either, lock};
use crate::cerebellum::module::{Module, Moment};
use crate::error::Result;
use crate::real::Real;

/// A module, and where the trials stand that it is led through step by step.
pub struct Held<R> {
    /// None while it learns from whole trials.
    module: Option<Module<R>>,
    moment: Option<(usize, Moment<R>)>,
}

/// Shared by the class and by calls that let go of the interpreter.
pub type Shared = Either<Arc<Mutex<Held<f32>>>, Arc<Mutex<Held<f64>>>>;

impl<R: Real> Held<R> {
    pub fn new(module: Module<R>) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { module: Some(module), moment: None }))
    }
}

/// A short call, which the others wait for.
pub fn brief<R: Real, O: Send>(
    py: Python<'_>,
    held: &Mutex<Held<R>>,
    kernel: impl FnOnce(&mut Module<R>, &mut Option<(usize, Moment<R>)>) -> Result<O> + Send,
) -> PyResult<O> {
    let done = py.detach(|| {
        let mut held = lock(held);
        let Held { module, moment } = &mut *held;
        module.as_mut().map(|module| kernel(module, moment))
    });
    done.ok_or_else(learning)?.map_err(|error| translated(py, &error))
}

/// A module away from its lock, which goes back when this is dropped.
pub struct Away<'a, R: Real> {
    module: Option<Module<R>>,
    held: &'a Mutex<Held<R>>,
}

impl<'a, R: Real> Away<'a, R> {
    pub fn take(py: Python<'_>, held: &'a Mutex<Held<R>>) -> PyResult<Self> {
        let module = py.detach(|| lock(held).module.take());
        Ok(Self { module: Some(module.ok_or_else(learning)?), held })
    }

    /// There is one until the end.
    pub fn module(&mut self) -> Result<&mut Module<R>> {
        self.module.as_mut().ok_or(crate::error::Error::Interrupted)
    }
}

impl<R: Real> Drop for Away<'_, R> {
    fn drop(&mut self) {
        lock(self.held).module = self.module.take();
    }
}

fn learning() -> PyErr {
    PyRuntimeError::new_err(
        "the module is learning: expected calls before or afterwards, not from a progress callback or another thread",
    )
}
