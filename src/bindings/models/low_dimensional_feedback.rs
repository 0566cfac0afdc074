//! Random networks with low-dimensional feedback.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bindings::arrays::{Number, array};
use crate::bindings::call::{call, long_call};
use crate::models::low_dimensional_feedback::{Course, N_FEEDBACK, N_TARGETS, Parts, Setting, simulate};
use crate::numerics::parallel::Threads;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(low_dimensional_feedback_parts, module)?)?;
    module.add_function(wrap_pyfunction!(run_low_dimensional_feedback, module)?)
}

/// n_units, gain, target_gain, feedback_sd, dt / tau, n_steps, n_discarded, n_repeats.
type Numbers = (usize, f64, f64, f64, f64, usize, usize, usize);

fn setting(numbers: Numbers) -> Setting {
    let (n_units, gain, target_gain, feedback_sd, rate, n_steps, n_discarded, n_repeats) = numbers;
    Setting { n_units, gain, target_gain, feedback_sd, rate, n_steps, n_discarded, n_repeats }
}

/// What a network is drawn to be, by name.
#[pyfunction]
fn low_dimensional_feedback_parts(
    py: Python<'_>,
    numbers: Numbers,
    seed: u64,
) -> PyResult<Bound<'_, PyDict>> {
    let setting = setting(numbers);
    let parts = call(py, || Parts::draw(&setting, seed))?;
    let n = setting.n_units;
    let answer = PyDict::new(py);
    answer.set_item("recurrent", array(py, &[n, n], parts.recurrent))?;
    answer.set_item("targets_in", array(py, &[N_TARGETS, n], parts.targets_in))?;
    answer.set_item("feedback_in", array(py, &[N_FEEDBACK, n], parts.feedback_in))?;
    let [fit, test] = parts.initial;
    answer.set_item("initial", (array(py, &[n], fit), array(py, &[n], test)))?;
    let [fit, test] = parts.orders;
    answer.set_item("orders", (fit, test))?;
    Ok(answer)
}

/// What happened, by name, with axes (networks, ratios, …), and the exception that came too late to stop it, if one did.
#[pyfunction]
#[pyo3(signature = (numbers, seeds, ratios, *, double, n_threads, progress))]
fn run_low_dimensional_feedback(
    py: Python<'_>,
    numbers: Numbers,
    seeds: Vec<u64>,
    ratios: Vec<f64>,
    double: bool,
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'_, PyDict>, Option<PyErr>)> {
    let setting = setting(numbers);
    if double {
        run::<f64>(py, &setting, &seeds, &ratios, n_threads, progress)
    } else {
        run::<f32>(py, &setting, &seeds, &ratios, n_threads, progress)
    }
}

fn run<'py, R: Number>(
    py: Python<'py>,
    setting: &Setting,
    seeds: &[u64],
    ratios: &[f64],
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Option<PyErr>)> {
    let (courses, exception): (Vec<Course<R>>, _) = long_call(py, progress, |monitor| {
        simulate(setting, seeds, ratios, &Threads::new(n_threads)?, monitor)
    })?;
    let (networks, n_ratios, n) = (seeds.len(), ratios.len(), setting.n_units);
    let n_samples = setting.n_repeats * N_TARGETS;
    let unexplained = courses.iter().map(|course| course.unexplained).collect();
    let readouts = courses.iter().flat_map(|course| course.readout.iter().copied()).collect();
    let outputs = courses.iter().flat_map(|course| course.outputs.iter().copied()).collect();
    let rates = courses.into_iter().flat_map(|course| course.rates).collect();
    let answer = PyDict::new(py);
    answer.set_item("unexplained", array(py, &[networks, n_ratios], unexplained))?;
    answer.set_item("readouts", array(py, &[networks, n_ratios, N_FEEDBACK, n], readouts))?;
    answer.set_item("outputs", array(py, &[networks, n_ratios, n_samples, N_FEEDBACK], outputs))?;
    answer.set_item("rates", array(py, &[networks, n_ratios, n_samples, n], rates))?;
    Ok((answer, exception))
}
