//! A recurrent cortex with a cerebellum that sends it a bias.

use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bindings::arrays::{Number, array, dictionary, in_order, parameters, read};
use crate::bindings::call::{call, long_call, translated};
use crate::bindings::precision::{Either, in_either, lock};
use crate::models::cerebellar_bias::training::{Lesson, Memory, Options, train};
use crate::models::cerebellar_bias::{Batch, CerebellarBias, GROUPS, Settings, Trials, run};
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CerebellarBiasCore>()
}

struct Held<R> {
    network: CerebellarBias<R>,
    memory: Memory<R>,
}

/// A network and what Adam remembers of it. Calls from several threads wait for one another.
#[pyclass(frozen, module = "fastigial._core", name = "CerebellarBias")]
struct CerebellarBiasCore {
    held: Either<Mutex<Held<f32>>, Mutex<Held<f64>>>,
}

fn hold<R: Number>(
    weights_of: &Bound<'_, PyAny>,
    masks: &Bound<'_, PyAny>,
    settings: Settings,
) -> PyResult<Mutex<Held<R>>> {
    let (weights, masks) = (parameters("parameters", weights_of)?, parameters("masks", masks)?);
    let py = weights_of.py();
    let (network, memory) = (CerebellarBias::new(&weights, masks, settings), Memory::new());
    let network = network.map_err(|error| translated(py, &error))?;
    Ok(Mutex::new(Held { network, memory: memory.map_err(|error| translated(py, &error))? }))
}

/// Trials in order, as kernels may keep them.
struct Given<R> {
    inputs: Vec<R>,
    shape: [usize; 2],
    lesion: Vec<bool>,
}

impl<R: Number> Given<R> {
    fn read(inputs: &Bound<'_, PyAny>, lesion: Vec<bool>) -> PyResult<Self> {
        let (shape, inputs) = in_order(&read::<R>("inputs", inputs)?);
        let &[n_trials, n_steps, _] = shape.as_slice() else {
            let message = format!("inputs has shape {shape:?}, expected (trials, steps, inputs)");
            return Err(PyValueError::new_err(message));
        };
        Ok(Self { inputs, shape: [n_trials, n_steps], lesion })
    }

    fn trials(&self) -> Trials<'_, R> {
        Trials { inputs: &self.inputs, shape: self.shape, lesion: &self.lesion }
    }
}

fn squared(loss: &str) -> PyResult<bool> {
    match loss {
        "mse" => Ok(true),
        "cross_entropy" => Ok(false),
        _ => Err(PyValueError::new_err(format!("loss is {loss:?}, expected \"cross_entropy\" or \"mse\""))),
    }
}

#[pymethods]
impl CerebellarBiasCore {
    #[new]
    #[pyo3(signature = (parameters, masks, *, tau, leak, bound, single))]
    fn new(
        parameters: &Bound<'_, PyAny>,
        masks: &Bound<'_, PyAny>,
        tau: f64,
        leak: f64,
        bound: f64,
        single: bool,
    ) -> PyResult<Self> {
        let settings = Settings { tau, leak, bound };
        let held = if single {
            Either::Single(hold(parameters, masks, settings)?)
        } else {
            Either::Double(hold(parameters, masks, settings)?)
        };
        Ok(Self { held })
    }

    /// All weights by name.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        in_either!(&self.held, held => {
            let all = call(py, || lock(held).network.parameters())?;
            dictionary(py, &all)
        })
    }

    /// States, bias and outputs of trials.
    #[pyo3(signature = (inputs, *, lesion, n_threads))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyAny>,
        lesion: Vec<bool>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        in_either!(&self.held, held => ran(py, held, &Given::read(inputs, lesion)?, n_threads))
    }

    /// The loss of trials, and its gradient by name.
    #[pyo3(signature = (inputs, targets, weights, *, loss, lesion, n_threads))]
    #[allow(clippy::too_many_arguments, reason = "keyword-only, one per public parameter")]
    fn gradient<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyAny>,
        targets: &Bound<'py, PyAny>,
        weights: &Bound<'py, PyAny>,
        loss: &str,
        lesion: Vec<bool>,
        n_threads: Option<usize>,
    ) -> PyResult<(f64, Bound<'py, PyDict>)> {
        let squared = squared(loss)?;
        in_either!(&self.held, held => {
            let given = Given::read(inputs, lesion)?;
            let (_, targets) = in_order(&read("targets", targets)?);
            let (_, weights) = in_order(&read("weights", weights)?);
            let lesson = Lesson { squared, targets: &targets, weights: &weights };
            let (loss, gradient) = call(py, || taught(held, given.trials(), lesson, n_threads))?;
            Ok((loss, dictionary(py, &gradient)?))
        })
    }

    /// One update per batch: the losses before each, and the exception that stopped it.
    #[pyo3(signature = (inputs, targets, weights, *, loss, lesion, batch_size, learning_rate, clip, learns, n_threads, progress))]
    #[allow(clippy::too_many_arguments, reason = "keyword-only, one per public parameter")]
    fn train(
        &self,
        py: Python<'_>,
        inputs: &Bound<'_, PyAny>,
        targets: &Bound<'_, PyAny>,
        weights: &Bound<'_, PyAny>,
        loss: &str,
        lesion: Vec<bool>,
        batch_size: usize,
        learning_rate: f64,
        clip: f64,
        learns: [bool; 3],
        n_threads: Option<usize>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<(Vec<f64>, Option<PyErr>)> {
        let squared = squared(loss)?;
        let options = Options { batch_size, learning_rate, clip, learns };
        in_either!(&self.held, held => {
            let given = Given::read(inputs, lesion)?;
            let (_, targets) = in_order(&read("targets", targets)?);
            let (_, weights) = in_order(&read("weights", weights)?);
            long_call(py, progress, |monitor| {
                let lesson = Lesson { squared, targets: &targets, weights: &weights };
                let mut held = lock(held);
                let Held { network, memory } = &mut *held;
                let threads = Threads::new(n_threads)?;
                train(network, memory, given.trials(), lesson, &options, &threads, monitor)
            })
        })
    }
}

fn ran<'py, R: Number>(
    py: Python<'py>,
    held: &Mutex<Held<R>>,
    given: &Given<R>,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let (sizes, found) = call(py, || {
        let held = lock(held);
        Ok((held.network.sizes, run(&held.network, given.trials(), &Threads::new(n_threads)?)?))
    })?;
    let [n_trials, n_steps] = given.shape;
    let out = PyDict::new(py);
    out.set_item("states", array(py, &[n_trials, n_steps, sizes.units], found.states))?;
    out.set_item("bias", array(py, &[n_trials, n_steps, sizes.units], found.bias))?;
    out.set_item("outputs", array(py, &[n_trials, n_steps, sizes.outputs], found.outputs))?;
    Ok(out)
}

fn taught<R: Number>(
    held: &Mutex<Held<R>>,
    trials: Trials<'_, R>,
    lesson: Lesson<'_, R>,
    n_threads: Option<usize>,
) -> crate::error::Result<(f64, Parameters<R>)> {
    let network = &lock(held).network;
    trials.check(network)?;
    lesson.check(trials.shape, network.sizes.outputs)?;
    let mut batch = Batch::new(network, trials.shape[0]);
    let threads = Threads::new(n_threads)?;
    let loss = lesson.with(|objective| batch.teach(network, trials, objective, &threads))?;
    let mut all = Parameters::new();
    for entry in GROUPS.iter().flat_map(|&group| batch.gradient[group as usize].iter()) {
        all.push(&entry.name, &entry.shape, entry.values.clone())?;
    }
    Ok((loss, all))
}
