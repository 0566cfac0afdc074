//! Whole movements and the way back through them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::bindings::arrays::{Number, array, in_order, read};
use crate::bindings::call::{long_call, translated};
use crate::numerics::parallel::Threads;
use crate::plant::body::{Body as CoreBody, Method, Stepping};
use crate::plant::field::Field;
use crate::plant::trajectory::{Course, pull_back, run};

/// Arrays and settings of a movement, all but its beginning.
#[derive(FromPyObject)]
pub struct Drive<'py> {
    #[pyo3(item)]
    controls: Bound<'py, PyAny>,
    #[pyo3(item)]
    loads: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    fields: Bound<'py, PyAny>,
    #[pyo3(item)]
    dt: f64,
    #[pyo3(item)]
    method: String,
    #[pyo3(item)]
    n_substeps: usize,
    #[pyo3(item)]
    n_threads: Option<usize>,
}

/// How time passes.
pub fn method_named(name: &str) -> PyResult<Method> {
    match name {
        "semi_implicit_euler" => Ok(Method::SemiImplicitEuler),
        "rk4" => Ok(Method::RungeKutta),
        other => {
            let message = format!("method is {other:?}, expected semi_implicit_euler or rk4");
            Err(PyValueError::new_err(message))
        }
    }
}

/// How steps are taken.
pub fn stepping(py: Python<'_>, method: &str, n_substeps: usize, dt: f64) -> PyResult<Stepping> {
    Stepping::new(method_named(method)?, n_substeps, dt).map_err(|error| translated(py, &error))
}

/// The same, read.
struct Driven<R> {
    n_trials: usize,
    n_steps: usize,
    controls: Vec<R>,
    loads: Option<Vec<R>>,
    fields: Vec<Field>,
    stepping: Stepping,
    n_threads: Option<usize>,
}

impl<R: Number> Driven<R> {
    fn read(py: Python<'_>, drive: &Drive<'_>) -> PyResult<Self> {
        let (shape, controls) = in_order(&read::<R>("controls", &drive.controls)?);
        let [n_trials, n_steps, _] = shape[..] else {
            let message = format!("controls has shape {shape:?}, expected (trials, steps, controls)");
            return Err(PyValueError::new_err(message));
        };
        let loads = drive.loads.as_ref().map(|loads| read::<R>("load", loads)).transpose()?;
        let numbers = in_order(&read::<f64>("field", &drive.fields)?).1;
        Ok(Self {
            n_trials,
            n_steps,
            controls,
            loads: loads.map(|loads| in_order(&loads).1),
            fields: Field::from_numbers(&numbers).map_err(|error| translated(py, &error))?,
            stepping: stepping(py, &drive.method, drive.n_substeps, drive.dt)?,
            n_threads: drive.n_threads,
        })
    }

    fn course(&self) -> Course<'_, R> {
        Course {
            stepping: self.stepping,
            n_trials: self.n_trials,
            n_steps: self.n_steps,
            controls: &self.controls,
            loads: self.loads.as_deref(),
            fields: &self.fields,
        }
    }
}

/// States of a movement.
pub fn run_body<'py, B: CoreBody, R: Number>(
    body: &B,
    start: &Bound<'py, PyAny>,
    drive: &Drive<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = start.py();
    let start = in_order(&read::<R>("state", start)?).1;
    let driven = Driven::<R>::read(py, drive)?;
    let kernel = |monitor: &mut dyn crate::monitor::Monitor| {
        run(body, &start, &driven.course(), &Threads::new(driven.n_threads)?, monitor)
    };
    match long_call(py, None, kernel)? {
        (_, Some(exception)) => Err(exception),
        (states, None) => {
            Ok(array(py, &[driven.n_trials, driven.n_steps + 1, B::N_STATES], states).into_any())
        }
    }
}

/// Gradients by controls, loads and first states.
pub type Three<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// The way back.
pub fn pull_body_back<'py, B: CoreBody, R: Number>(
    body: &B,
    states: &Bound<'py, PyAny>,
    outer: &Bound<'py, PyAny>,
    drive: &Drive<'py>,
) -> PyResult<Three<'py>> {
    let py = states.py();
    let states = in_order(&read::<R>("states", states)?).1;
    let outer = in_order(&read::<R>("d_states", outer)?).1;
    let driven = Driven::<R>::read(py, drive)?;
    let kernel = |monitor: &mut dyn crate::monitor::Monitor| {
        pull_back(body, &states, &outer, &driven.course(), &Threads::new(driven.n_threads)?, monitor)
    };
    match long_call(py, None, kernel)? {
        (_, Some(exception)) => Err(exception),
        (found, None) => {
            let (n, t) = (driven.n_trials, driven.n_steps);
            Ok((
                array(py, &[n, t, B::N_CONTROLS], found.controls).into_any(),
                array(py, &[n, t, 2], found.loads).into_any(),
                array(py, &[n, B::N_STATES], found.start).into_any(),
            ))
        }
    }
}
