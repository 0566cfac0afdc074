//! Trials, as Python gives them and as the core takes them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::bindings::arrays::{Number, in_order, read};
use crate::bindings::call::translated;
use crate::models::control_loop::{Cursor, Trials};
use crate::plant::field::Field;

/// Arrays of trials.
#[derive(FromPyObject)]
pub struct Given<'py> {
    #[pyo3(item)]
    state: Bound<'py, PyAny>,
    #[pyo3(item)]
    task: Bound<'py, PyAny>,
    #[pyo3(item)]
    targets: Bound<'py, PyAny>,
    #[pyo3(item)]
    position_weights: Bound<'py, PyAny>,
    #[pyo3(item)]
    velocity_weights: Bound<'py, PyAny>,
    #[pyo3(item)]
    fields: Bound<'py, PyAny>,
    #[pyo3(item)]
    cursors: Bound<'py, PyAny>,
    #[pyo3(item)]
    loads: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    seed: Option<u64>,
}

/// The same, read.
pub struct Lesson<R> {
    pub shape: [usize; 2],
    start: Vec<f64>,
    task: Vec<R>,
    targets: Vec<f64>,
    position_weights: Vec<f64>,
    velocity_weights: Vec<f64>,
    fields: Vec<Field>,
    cursors: Vec<Cursor>,
    loads: Option<Vec<f64>>,
    seed: Option<u64>,
}

impl<R: Number> Lesson<R> {
    pub fn read(py: Python<'_>, given: &Given<'_>) -> PyResult<Self> {
        let (shape, task) = in_order(&read::<R>("task", &given.task)?);
        let [n_trials, n_steps, _] = shape[..] else {
            let message = format!("task has shape {shape:?}, expected (trials, steps, inputs)");
            return Err(PyValueError::new_err(message));
        };
        let numbers = |name: &str, array| Ok::<_, PyErr>(in_order(&read::<f64>(name, array)?).1);
        let cursors = numbers("cursor", &given.cursors)?;
        if !cursors.len().is_multiple_of(6) {
            let message = format!("cursor holds {} numbers, expected six for each", cursors.len());
            return Err(PyValueError::new_err(message));
        }
        let cursor = |&[a, b, c, d, x, y]: &[f64; 6]| Cursor { matrix: [a, b, c, d], origin: [x, y] };
        Ok(Self {
            shape: [n_trials, n_steps],
            start: numbers("state", &given.state)?,
            task,
            targets: numbers("targets", &given.targets)?,
            position_weights: numbers("position_weights", &given.position_weights)?,
            velocity_weights: numbers("velocity_weights", &given.velocity_weights)?,
            fields: Field::from_numbers(&numbers("field", &given.fields)?)
                .map_err(|error| translated(py, &error))?,
            cursors: cursors.as_chunks::<6>().0.iter().map(cursor).collect(),
            loads: given.loads.as_ref().map(|loads| numbers("load", loads)).transpose()?,
            seed: given.seed,
        })
    }

    pub fn trials(&self) -> Trials<'_, R> {
        Trials {
            n_trials: self.shape[0],
            n_steps: self.shape[1],
            start: &self.start,
            task: &self.task,
            targets: &self.targets,
            position_weights: &self.position_weights,
            velocity_weights: &self.velocity_weights,
            fields: &self.fields,
            cursors: &self.cursors,
            loads: self.loads.as_deref(),
            seed: self.seed,
        }
    }
}
