//! Counterfactual predictive control: responses of loops, traces, and learning over trials.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bindings::arrays::{array, in_order, read};
use crate::bindings::call::{long_call, translated};
use crate::cerebellum::adaptive_filter::{Filter, Kernel, Timing, Traces};
use crate::error::Result;
use crate::models::counterfactual::{
    ClosedLoop, Entry, Feedback, ForwardModel, Setting, Teacher, all_traces, learn, responses,
};
use crate::monitor::Monitor;
use crate::plant::linear::{Linear, StateSpace};
use crate::plant::pendulum::{GRAVITY, Pendulum};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("GRAVITY", GRAVITY)?;
    module.add_function(wrap_pyfunction!(closed_loop_responses, module)?)?;
    module.add_function(wrap_pyfunction!(counterfactual_traces, module)?)?;
    module.add_function(wrap_pyfunction!(learn_counterfactual, module)?)
}

/// A, B, C and D.
type Matrices<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, f64);
/// Plant, controller, and the delay in steps.
type Model<'py> = (Matrices<'py>, Matrices<'py>, usize);

/// What may be controlled.
#[derive(FromPyObject)]
enum Body<'py> {
    Linear(Matrices<'py>),
    /// Mass, height, dt.
    Pendulum((f64, f64, f64)),
}

fn system(argument: &'static str, matrices: &Matrices<'_>) -> PyResult<StateSpace> {
    let (a, b, c, direct) = matrices;
    let [a, b, c] = [a, b, c].map(|matrix| read::<f64>(argument, matrix).map(|array| in_order(&array).1));
    StateSpace::new(argument, a?, b?, c?, *direct).map_err(|error| translated(matrices.0.py(), &error))
}

fn feedback(controller: &Matrices<'_>, delay: usize) -> PyResult<Feedback> {
    Ok(Feedback { controller: system("controller", controller)?, delay })
}

fn matrix(argument: &str, values: &Bound<'_, PyAny>) -> PyResult<([usize; 2], Vec<f64>)> {
    let (shape, values) = in_order(&read::<f64>(argument, values)?);
    match shape[..] {
        [n_rows, n_columns] if !values.is_empty() => Ok(([n_rows, n_columns], values)),
        _ => {
            let message = format!("{argument} has shape {shape:?}, expected two axes, neither of them empty");
            Err(PyValueError::new_err(message))
        }
    }
}

/// The answer of a kernel that has nothing to give before its end.
fn stoppable<O: Send>(
    py: Python<'_>,
    kernel: impl FnOnce(&mut dyn Monitor) -> Result<O> + Send,
) -> PyResult<O> {
    match long_call(py, None, kernel)? {
        (answer, None) => Ok(answer),
        (_, Some(exception)) => Err(exception),
    }
}

/// Outputs and commands, (steps, signals), of a loop at rest to signals injected into copies of it.
#[pyfunction]
#[pyo3(signature = (model, signals, *, at_command))]
fn closed_loop_responses<'py>(
    model: Model<'py>,
    signals: &Bound<'py, PyAny>,
    at_command: bool,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let py = signals.py();
    let (plant, feedback) = (system("plant", &model.0)?, feedback(&model.1, model.2)?);
    let (shape, signals) = matrix("signals", signals)?;
    let entry = if at_command { Entry::Command } else { Entry::Error };
    let (outputs, commands) =
        stoppable(py, |monitor| responses(&plant, &feedback, &signals, shape[1], entry, monitor))?;
    Ok((array(py, &shape, outputs).into_any(), array(py, &shape, commands).into_any()))
}

/// What a synapse leads its features through.
enum Way {
    Model(StateSpace, Feedback),
    Delay(usize),
}

impl Way {
    fn read(model: Option<&Model<'_>>, trace_delay: usize) -> PyResult<Self> {
        let Some((plant, controller, delay)) = model else { return Ok(Self::Delay(trace_delay)) };
        Ok(Self::Model(system("nominal_plant", plant)?, feedback(controller, *delay)?))
    }

    fn traces(&self, n_features: usize) -> Result<Box<dyn Traces<f64>>> {
        Ok(match self {
            Self::Model(plant, feedback) => Box::new(ForwardModel::new(plant, feedback, n_features)?),
            Self::Delay(n_steps) => Box::new(Kernel::delayed(n_features, *n_steps)?),
        })
    }
}

/// Traces (steps, features): led through a model of the loop, or delayed by so many steps.
#[pyfunction]
#[pyo3(signature = (features, *, model, trace_delay))]
fn counterfactual_traces<'py>(
    features: &Bound<'py, PyAny>,
    model: Option<Model<'py>>,
    trace_delay: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let py = features.py();
    let (shape, features) = matrix("features", features)?;
    let way = Way::read(model.as_ref(), trace_delay)?;
    let found =
        stoppable(py, |monitor| all_traces(way.traces(shape[1])?.as_mut(), &features, shape[1], monitor))?;
    Ok(array(py, &shape, found).into_any())
}

/// What happened, by name, and the exception that stopped it, if one did.
#[pyfunction]
#[pyo3(signature = (plant, controller, delay, *, reference, load, features, weights, model, trace_delay, feedback_error,
    online, learning_rate, noise, seed, n_trials, progress))]
#[allow(clippy::too_many_arguments, reason = "one per argument")]
fn learn_counterfactual<'py>(
    plant: Body<'py>,
    controller: Matrices<'py>,
    delay: usize,
    reference: &Bound<'py, PyAny>,
    load: &Bound<'py, PyAny>,
    features: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    model: Option<Model<'py>>,
    trace_delay: usize,
    feedback_error: bool,
    online: bool,
    learning_rate: f64,
    noise: f64,
    seed: u64,
    n_trials: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Option<PyErr>)> {
    let py = features.py();
    let reference = in_order(&read::<f64>("reference", reference)?).1;
    let load = in_order(&read::<f64>("load", load)?).1;
    let (shape, features) = matrix("features", features)?;
    let weights = in_order(&read::<f64>("weights", weights)?).1;
    let way = Way::read(model.as_ref(), trace_delay)?;
    let feedback = feedback(&controller, delay)?;
    let setting = Setting {
        reference: &reference,
        load: &load,
        features: &features,
        entry: if feedback_error { Entry::Command } else { Entry::Error },
        teacher: if feedback_error { Teacher::Command } else { Teacher::Error },
        timing: if online { Timing::Online } else { Timing::Batched },
        rate: learning_rate,
        noise,
        seed,
        n_trials,
    };
    let plant = match plant {
        Body::Linear(matrices) => Ok(Linear::new(system("plant", &matrices)?, 1)),
        Body::Pendulum(sizes) => Err(sizes),
    };
    let (course, exception) = long_call(py, progress, |monitor| -> Result<_> {
        let (mut filter, mut traces) = (Filter::new(shape[1], weights)?, way.traces(shape[1])?);
        let (filter, traces) = (&mut filter, traces.as_mut());
        match plant {
            Ok(plant) => learn(&mut ClosedLoop::new(plant, &feedback)?, filter, traces, &setting, monitor),
            Err((mass, height, dt)) => {
                let plant = Pendulum::new(mass, height, dt, 1)?;
                learn(&mut ClosedLoop::new(plant, &feedback)?, filter, traces, &setting, monitor)
            }
        }
    })?;
    let (done, n_steps) = (course.rms.len(), reference.len());
    let answer = PyDict::new(py);
    answer.set_item("rms", array(py, &[done], course.rms))?;
    answer.set_item("weights", array(py, &[done + 1, shape[1]], course.weights))?;
    answer.set_item("outputs", array(py, &[done, n_steps], course.outputs))?;
    answer.set_item("feedforward", array(py, &[done, n_steps], course.feedforward))?;
    answer.set_item("commands", array(py, &[done, n_steps], course.commands))?;
    Ok((answer, exception))
}
