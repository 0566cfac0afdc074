//! A network.

use std::sync::{Arc, Mutex};

use numpy::{Element, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use super::lesson::{Asked, costs, extent, initial, learn, named, signals, trials};
use super::loss::Loss;
use super::rule::Rule;
use super::structure::{Description, unknown};
use crate::bindings::arrays::{self, Number, array, dictionary, in_order, read};
use crate::bindings::call::{call, long_call, stoppable_call, translated};
use crate::bindings::precision::{Either, in_either, lock};
use crate::monitor::Stop;
use crate::numerics::parallel::Threads;
use crate::rnn::batch::{Batch, Workspace};
use crate::rnn::jacobian::StepMap;
use crate::rnn::network::Network as CoreNetwork;
use crate::rnn::perturbation::{Pathway, Perturbation};
use crate::rnn::regularization::Regularization;
use crate::rnn::rules::Signals;
use crate::rnn::run::{Run, run};
use crate::rnn::wiring::Wiring;

/// A network and the arrays that its computations use again.
pub struct Held<R> {
    pub network: CoreNetwork<R>,
    pub workspace: Workspace<R>,
}

/// Shared by the class and by calls that let go of the interpreter.
pub type Shared = Either<Arc<Mutex<Held<f32>>>, Arc<Mutex<Held<f64>>>>;

/// Structure and weights of a recurrent network.
#[pyclass(module = "fastigial._core", frozen)]
pub struct Network {
    pub held: Shared,
}

impl Clone for Shared {
    fn clone(&self) -> Self {
        match self {
            Self::Single(held) => Self::Single(held.clone()),
            Self::Double(held) => Self::Double(held.clone()),
        }
    }
}

fn build<R: Number>(
    structure: &Bound<'_, PyMapping>,
    given: &Bound<'_, PyAny>,
) -> PyResult<Arc<Mutex<Held<R>>>> {
    let (structure, constraints) = Description(structure).read()?;
    let parameters = arrays::parameters::<R>("parameters", given)?;
    let network = call(given.py(), || CoreNetwork::new(structure, constraints, parameters))?;
    Ok(Arc::new(Mutex::new(Held { network, workspace: Workspace::default() })))
}

#[pymethods]
impl Network {
    #[new]
    fn new(structure: &Bound<'_, PyMapping>, parameters: &Bound<'_, PyAny>) -> PyResult<Self> {
        let values = parameters.cast::<PyMapping>()?.values()?;
        let first = values.get_item(0).map_err(|_| PyValueError::new_err("parameters is empty"))?;
        let single = read::<f32>("parameters", &first).is_ok();
        let held = if single {
            Either::Single(build::<f32>(structure, parameters)?)
        } else {
            Either::Double(build::<f64>(structure, parameters)?)
        };
        Ok(Self { held })
    }

    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        in_either!(&self.held, held => {
            let parameters = call(py, || Ok(lock(held).network.parameters().clone()))?;
            dictionary(py, &parameters)
        })
    }

    fn set_parameters(&self, parameters: &Bound<'_, PyAny>) -> PyResult<()> {
        fn set<R: Number>(held: &Mutex<Held<R>>, new: &Bound<'_, PyAny>) -> PyResult<()> {
            let given = arrays::parameters::<R>("parameters", new)?;
            call(new.py(), || lock(held).network.set(&given))
        }
        in_either!(&self.held, held => set(held, parameters))
    }

    #[pyo3(signature = (inputs, *, initial_state, seed, injected, silenced, lesions, record, n_threads, progress))]
    #[allow(clippy::too_many_arguments, reason = "one per keyword")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyAny>,
        initial_state: Option<&Bound<'py, PyAny>>,
        seed: Option<u64>,
        injected: Option<&Bound<'py, PyAny>>,
        silenced: Option<PyReadonlyArray2<'py, bool>>,
        lesions: Vec<(String, usize, usize)>,
        record: Vec<String>,
        n_threads: Option<usize>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        in_either!(&self.held, held => {
            let (shape, inputs) = trials(inputs)?;
            let perturbation = Perturbation {
                current: injected.map_or(Ok(Vec::new()), |a| Ok::<_, PyErr>(in_order(&read("injected", a)?).1))?,
                silent: silenced.map_or_else(Vec::new, |s| s.as_array().iter().copied().collect()),
                lesions: lesions.iter().map(lesion).collect::<PyResult<_>>()?,
            };
            let initial = initial(initial_state)?;
            let (found, exception) = long_call(py, progress, |monitor| {
                let held = lock(held);
                let given = named(&initial);
                let batch = Batch {
                    inputs: &inputs,
                    n_trials: shape[0],
                    n_steps: shape[1],
                    initial: &given,
                    perturbation: &perturbation,
                    seed,
                };
                batch.check(&held.network)?;
                let wiring = Wiring::new(&held.network);
                run(&wiring, &batch, &record, &Threads::new(n_threads)?, monitor)
            })?;
            match exception {
                Some(exception) => Err(exception),
                None => answer(py, found, &record, shape),
            }
        })
    }

    #[pyo3(signature = (inputs, loss, rule, *, seed, initial_state, regularization, n_threads))]
    #[allow(clippy::too_many_arguments, reason = "one per keyword")]
    fn gradient<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyAny>,
        loss: &Bound<'py, PyAny>,
        rule: &Bound<'py, Rule>,
        seed: Option<u64>,
        initial_state: Option<&Bound<'py, PyAny>>,
        regularization: &Bound<'py, PyMapping>,
        n_threads: Option<usize>,
    ) -> PyResult<(f64, Bound<'py, PyDict>)> {
        let regularization = costs(regularization)?;
        let rule = rule.get();
        in_either!(&self.held, held => {
            let (shape, inputs) = trials(inputs)?;
            let n_outputs = call(py, || Ok(lock(held).network.structure().n_outputs))?;
            let mut loss = Loss::read(loss, [shape[0], shape[1], n_outputs])?;
            let initial = initial(initial_state)?;
            let stop = Stop::default();
            let takes_long = call(py, || Ok(extent(&lock(held), rule, shape)))?.is_long && !loss.is_own();
            let kernel = || {
                let mut held = lock(held);
                let given = named(&initial);
                let initial = &given[..];
                let asked = Asked {
                    inputs: &inputs,
                    shape,
                    initial,
                    seed,
                    regularization: &regularization,
                    only_looks: true,
                    stop: stop.clone(),
                };
                Ok(learn(&mut held, rule, &mut loss, &asked, &Threads::new(n_threads)?))
            };
            let learned = if takes_long { stoppable_call(py, &stop, kernel)? } else { call(py, kernel)? };
            match (loss.exception(), learned) {
                (Some(exception), _) => Err(exception),
                (None, Err(error)) => Err(translated(py, &error)),
                (None, Ok(learned)) => Ok((learned.loss, dictionary(py, &learned.gradient)?)),
            }
        })
    }

    #[pyo3(signature = (inputs, loss, rule, *, seed, n_threads))]
    fn signals<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyAny>,
        loss: &Bound<'py, PyAny>,
        rule: &Bound<'py, Rule>,
        seed: Option<u64>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let rule = rule.get();
        in_either!(&self.held, held => {
            let (shape, inputs) = trials(inputs)?;
            let n_outputs = call(py, || Ok(lock(held).network.structure().n_outputs))?;
            let mut loss = Loss::read(loss, [shape[0], shape[1], n_outputs])?;
            let found = call(py, || {
                let (mut held, stop) = (lock(held), Stop::default());
                let regularization = &Regularization::default();
                let asked =
                    Asked { inputs: &inputs, shape, initial: &[], seed, regularization, only_looks: true, stop };
                Ok(signals(&mut held, rule, &mut loss, &asked, &Threads::new(n_threads)?))
            })?;
            if let Some(exception) = loss.exception() {
                return Err(exception);
            }
            let Signals { shape, states, predicted, target, exact } = found.map_err(|error| translated(py, &error))?;
            let dict = PyDict::new(py);
            for (name, values) in
                [("states", states), ("predicted", predicted), ("target", target), ("exact", exact)]
            {
                dict.set_item(name, array(py, &shape, values))?;
            }
            Ok(dict)
        })
    }

    fn jacobian<'py>(
        &self,
        py: Python<'py>,
        states: &Bound<'py, PyAny>,
        inputs: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        in_either!(&self.held, held => {
            let ((shape, states), (_, inputs)) = (in_order(&read("states", states)?), in_order(&read("inputs", inputs)?));
            let (found, exception) = long_call(py, None, |monitor| {
                let held = lock(held);
                StepMap::new(&held.network)?.jacobian(&states, &inputs, &Threads::new(None)?, monitor)
            })?;
            if let Some(exception) = exception {
                return Err(exception);
            }
            let n_state = shape.last().copied().unwrap_or(0);
            Ok(array(py, &[shape[0], n_state, n_state], found).into_any())
        })
    }

    fn advance<'py>(
        &self,
        py: Python<'py>,
        states: &Bound<'py, PyAny>,
        inputs: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        in_either!(&self.held, held => {
            let ((shape, states), (_, inputs)) = (in_order(&read("states", states)?), in_order(&read("inputs", inputs)?));
            let found = call(py, || StepMap::new(&lock(held).network)?.advance(&states, &inputs))?;
            Ok(array(py, &shape, found).into_any())
        })
    }
}

fn lesion((name, start, stop): &(String, usize, usize)) -> PyResult<(Pathway, std::ops::Range<usize>)> {
    let pathway = match name.as_str() {
        "recurrent" => Pathway::Recurrent,
        "input" => Pathway::Input,
        "feedback" => Pathway::Feedback,
        _ => return Err(unknown("lesion", name, "recurrent, input or feedback")),
    };
    Ok((pathway, *start..*stop))
}

fn answer<'py, R: Number + Element>(
    py: Python<'py>,
    found: Run<R>,
    record: &[String],
    shape: [usize; 3],
) -> PyResult<Bound<'py, PyDict>> {
    let [n_trials, n_steps, _] = shape;
    let width = |values: &[R]| values.len() / (n_trials * n_steps);
    let dict = PyDict::new(py);
    let n_units = width(&found.states);
    let n_outputs = width(&found.outputs);
    dict.set_item("states", array(py, &[n_trials, n_steps, n_units], found.states))?;
    dict.set_item("outputs", array(py, &[n_trials, n_steps, n_outputs], found.outputs))?;
    for (name, values) in record.iter().zip(found.recorded) {
        dict.set_item(name, array(py, &[n_trials, n_steps, n_units], values))?;
    }
    let last = PyDict::new(py);
    for (name, values) in found.last {
        last.set_item(name, array(py, &[n_trials, n_units], values))?;
    }
    dict.set_item("final", last)?;
    Ok(dict)
}
