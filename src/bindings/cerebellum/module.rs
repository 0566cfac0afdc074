//! Modules: granule layer, Purkinje cells and nuclei, with their plasticity.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use super::granule::GranuleLayer;
use super::held::{Away, Held, Shared, brief};
use super::unknown;
use crate::bindings::arrays::{self, Number, array, dictionary, in_order, read};
use crate::bindings::call::{call, long_call};
use crate::bindings::precision::{Either, in_either};
use crate::cerebellum::circuit::Circuit;
use crate::cerebellum::eligibility::{Eligibility, Shape};
use crate::cerebellum::expansion::Expansion;
use crate::cerebellum::learning::{Lesson, Teacher};
use crate::cerebellum::module::Module;
use crate::cerebellum::plasticity::{Per, Plasticity, Rule};
use crate::error::Error;
use crate::numerics::parallel::Threads;

/// A cerebellar module.
#[pyclass(module = "fastigial._core", frozen)]
pub struct Cerebellum {
    pub held: Shared,
}

fn build<R: Number>(
    py: Python<'_>,
    expansion: Expansion<R>,
    weights: &Bound<'_, PyAny>,
    settings: &Bound<'_, PyMapping>,
) -> PyResult<Arc<Mutex<Held<R>>>> {
    let parameters = arrays::parameters::<R>("parameters", weights)?;
    let zones: Vec<usize> = settings.get_item("zones")?.extract()?;
    let inhibited: bool = settings.get_item("inhibited")?.extract()?;
    let delay: usize = settings.get_item("delay")?.extract()?;
    let eligibility = eligibility(&settings.get_item("eligibility")?)?;
    let plasticity = plasticity(&settings.get_item("plasticity")?)?;
    let module = call(py, || {
        let (lag, shape) = eligibility;
        let circuit = Circuit::new(zones, inhibited, parameters)?;
        Module::new(expansion, circuit, Eligibility::new(lag, shape)?, plasticity, delay)
    })?;
    Ok(Held::new(module))
}

/// (kind, steps of delay, decay or kernel).
fn eligibility(given: &Bound<'_, PyAny>) -> PyResult<(usize, Shape)> {
    let (kind, lag, numbers): (String, usize, Vec<f64>) = given.extract()?;
    let decay = numbers.first().copied().unwrap_or(0.0);
    let shape = match kind.as_str() {
        "instantaneous" => Shape::Instantaneous,
        "exponential" => Shape::Exponential { decay },
        "alpha" => Shape::Alpha { decay },
        "array" => Shape::Array(numbers),
        _ => return Err(unknown("eligibility", &kind, "instantaneous, exponential, alpha or array")),
    };
    Ok((lag, shape))
}

fn plasticity(given: &Bound<'_, PyAny>) -> PyResult<Plasticity> {
    let number = |name: &str| -> PyResult<f64> { given.get_item(name)?.extract() };
    let kind: String = given.get_item("kind")?.extract()?;
    let rule = match kind.as_str() {
        "lms" => Rule::Lms,
        "covariance" => Rule::Covariance { rate: number("rate")? },
        _ => return Err(unknown("plasticity", &kind, "lms or covariance")),
    };
    let per = match given.get_item("per")?.extract::<String>()?.as_str() {
        "step" => Per::Step,
        "trial" => Per::Trial,
        other => return Err(unknown("forgetting_per", other, "step or trial")),
    };
    Ok(Plasticity {
        rule,
        learning_rate: number("learning_rate")?,
        low: number("low")?,
        high: number("high")?,
        forgetting: number("forgetting")?,
        per,
    })
}

#[pymethods]
impl Cerebellum {
    #[new]
    fn new(
        py: Python<'_>,
        expansion: &Bound<'_, PyAny>,
        parameters: &Bound<'_, PyAny>,
        settings: &Bound<'_, PyMapping>,
    ) -> PyResult<Self> {
        if let Ok(layer) = expansion.cast::<GranuleLayer>() {
            return Ok(Self {
                held: match &layer.get().layer {
                    Either::Single(layer) => {
                        Either::Single(build(py, Expansion::Granule(layer.clone()), parameters, settings)?)
                    }
                    Either::Double(layer) => {
                        Either::Double(build(py, Expansion::Granule(layer.clone()), parameters, settings)?)
                    }
                },
            });
        }
        let n_mossy: usize = expansion.extract()?;
        let weights = parameters.get_item("W_pf")?;
        let held = if read::<f32>("parameters", &weights).is_ok() {
            Either::Single(build(py, Expansion::Direct(n_mossy), parameters, settings)?)
        } else {
            Either::Double(build(py, Expansion::Direct(n_mossy), parameters, settings)?)
        };
        Ok(Self { held })
    }

    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        in_either!(&self.held, held => {
            let found = brief(py, held, |module, _| Ok(module.circuit().parameters().clone()))?;
            dictionary(py, &found)
        })
    }

    fn set_parameters(&self, parameters: &Bound<'_, PyAny>) -> PyResult<()> {
        fn set<R: Number>(held: &Mutex<Held<R>>, given: &Bound<'_, PyAny>) -> PyResult<()> {
            let given_by_name = arrays::parameters::<R>("parameters", given)?;
            brief(given.py(), held, |module, _| module.set(&given_by_name))
        }
        in_either!(&self.held, held => set(held, parameters))
    }

    fn means<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        in_either!(&self.held, held => {
            let found = brief(py, held, |module, _| module.means())?;
            dictionary(py, &found)
        })
    }

    fn set_means(&self, means: &Bound<'_, PyAny>) -> PyResult<()> {
        fn set<R: Number>(held: &Mutex<Held<R>>, given: &Bound<'_, PyAny>) -> PyResult<()> {
            let means = arrays::parameters::<R>("state", given)?;
            brief(given.py(), held, |module, _| module.set_means(&means))
        }
        in_either!(&self.held, held => set(held, means))
    }

    #[pyo3(signature = (mossy, *, features, n_threads, progress))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        mossy: &Bound<'py, PyAny>,
        features: bool,
        n_threads: Option<usize>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        in_either!(&self.held, held => {
            let ([n_trials, n_steps, _], mossy) = three_axes("mossy", mossy)?;
            let module = brief(py, held, |module, _| Ok(module.clone()))?;
            let (found, exception) = long_call(py, progress, |monitor| {
                let threads = Threads::new(n_threads)?;
                module.run(&mossy, n_trials, n_steps, features, &threads, monitor)
            })?;
            if let Some(exception) = exception {
                return Err(exception);
            }
            let dict = PyDict::new(py);
            for (name, values) in
                [("purkinje", found.purkinje), ("nuclei", found.nuclei), ("features", found.features)]
            {
                let width = values.len() / (n_trials * n_steps);
                dict.set_item(name, array(py, &[n_trials, n_steps, width], values))?;
            }
            Ok(dict)
        })
    }

    #[pyo3(signature = (mossy, targets, errors, *, online, n_epochs, n_threads, progress))]
    #[allow(clippy::too_many_arguments, reason = "one per keyword")]
    fn learn(
        &self,
        py: Python<'_>,
        mossy: &Bound<'_, PyAny>,
        targets: Option<&Bound<'_, PyAny>>,
        errors: Option<&Bound<'_, PyAny>>,
        online: bool,
        n_epochs: usize,
        n_threads: Option<usize>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Vec<f64>> {
        in_either!(&self.held, held => {
            let ([n_trials, n_steps, _], mossy) = three_axes("mossy", mossy)?;
            let (name, given) = match (targets, errors) {
                (Some(targets), None) => ("targets", targets),
                (None, Some(errors)) => ("errors", errors),
                _ => return Err(PyValueError::new_err("expected either targets or errors")),
            };
            let ([teacher_trials, teacher_steps, _], values) = three_axes(name, given)?;
            if [teacher_trials, teacher_steps] != [n_trials, n_steps] {
                let got = format!("{name} has {teacher_trials} trials and {teacher_steps} steps");
                return Err(PyValueError::new_err(format!("{got}, expected those of mossy, {n_trials} and {n_steps}")));
            }
            let mut away = Away::take(py, held)?;
            // It goes back before the interpreter is asked for again.
            let (losses, exception) = long_call(py, progress, move |monitor| {
                let threads = Threads::new(n_threads)?;
                let teacher =
                    if name == "targets" { Teacher::Targets(&values) } else { Teacher::Errors(&values) };
                let lesson = Lesson { mossy: &mossy, n_trials, n_steps, teacher };
                away.module()?.learn(&lesson, online, n_epochs, &threads, monitor)
            })?;
            match exception {
                Some(exception) => Err(exception),
                None => Ok(losses),
            }
        })
    }

    /// One step of trials side by side; the first one, or another number of trials, begins them.
    fn step<'py>(&self, py: Python<'py>, mossy: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        in_either!(&self.held, held => {
            let (shape, mossy) = in_order(&read("mossy", mossy)?);
            let [n_trials, n_mossy] = shape[..] else {
                return Err(PyValueError::new_err(format!("mossy has shape {shape:?}, expected (trials, mossy fibres)")));
            };
            let nuclei = brief(py, held, |module, moment| {
                if n_trials == 0 || n_mossy != module.n_mossy() {
                    let expected = format!("(trials, {}), at least one trial", module.n_mossy());
                    return Err(Error::shape("mossy", &shape, expected));
                }
                if moment.as_ref().is_none_or(|(going, _)| *going != n_trials) {
                    *moment = Some((n_trials, module.start(n_trials)?));
                }
                let Some((_, moment)) = moment else { return Err(Error::Interrupted) };
                module.advance(moment, &mossy, &Threads::one())?;
                Ok(moment.nuclei.clone())
            })?;
            let n_nuclei = nuclei.len() / n_trials;
            Ok(array(py, &[n_trials, n_nuclei], nuclei).into_any())
        })
    }

    /// Teaches the synapses the errors of the last step.
    fn teach(&self, errors: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = errors.py();
        in_either!(&self.held, held => {
            let (shape, errors) = in_order(&read("errors", errors)?);
            brief(py, held, |module, moment| {
                let Some((n_trials, moment)) = moment else {
                    return Err(Error::value("errors", "given before a step", "the errors of a step"));
                };
                let expected = [*n_trials, module.circuit().n_nuclei()];
                if shape != expected {
                    return Err(Error::shape("errors", &shape, format!("{expected:?}, as the last step")));
                }
                module.receive(moment, &errors);
                module.teach_or_restore(moment)
            })
        })
    }

    /// Forgets the trials that it is led through.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        in_either!(&self.held, held => brief(py, held, |_, moment| {
            *moment = None;
            Ok(())
        }))
    }
}

/// The kernel of an eligibility, for those who want to look at it.
#[pyfunction]
#[pyo3(signature = (eligibility, n_steps, /))]
pub fn eligibility_kernel(
    py: Python<'_>,
    eligibility: &Bound<'_, PyAny>,
    n_steps: usize,
) -> PyResult<Py<PyAny>> {
    let (lag, shape) = self::eligibility(eligibility)?;
    let kernel = call(py, || Eligibility::new(lag, shape)?.kernel(n_steps))?;
    Ok(array(py, &[n_steps], kernel).into_any().unbind())
}

/// An array of trials × steps × something, in order.
pub fn three_axes<R: Number>(name: &str, given: &Bound<'_, PyAny>) -> PyResult<([usize; 3], Vec<R>)> {
    let (shape, values) = in_order(&read(name, given)?);
    match shape[..] {
        [n_trials, n_steps, width] if n_trials > 0 && n_steps > 0 => Ok(([n_trials, n_steps, width], values)),
        _ => {
            let expected = "(trials, steps, cells), at least one trial and one step";
            Err(PyValueError::new_err(format!("{name} has shape {shape:?}, expected {expected}")))
        }
    }
}

/// An error about two precisions.
pub fn two_precisions() -> PyErr {
    PyTypeError::new_err("network and cerebellum are of two precisions, expected one")
}
