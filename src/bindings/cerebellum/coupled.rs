//! A network and a module in a loop.

use std::sync::Mutex;

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use super::held::{Away, Held, brief};
use super::module::{Cerebellum, three_axes, two_precisions};
use super::unknown;
use crate::bindings::arrays::{Number, array, in_order, read};
use crate::bindings::call::{call, long_call};
use crate::bindings::precision::{Either, lock};
use crate::bindings::rnn::network::{Held as HeldNetwork, Network};
use crate::cerebellum::coupled::{Aim, Coupling, Learning, Mossy, Trials, run};
use crate::error::Error;
use crate::numerics::parallel::Threads;
use crate::rnn::wiring::Wiring;

/// Runs network and module together; see the stub for what `coupling` holds.
#[pyfunction]
#[pyo3(signature = (network, cerebellum, coupling, inputs, targets, *, off, learning, seed, n_threads, progress))]
#[allow(clippy::too_many_arguments, reason = "one per keyword")]
pub fn run_coupled<'py>(
    py: Python<'py>,
    network: &Bound<'py, Network>,
    cerebellum: &Bound<'py, Cerebellum>,
    coupling: &Bound<'py, PyMapping>,
    inputs: &Bound<'py, PyAny>,
    targets: Option<&Bound<'py, PyAny>>,
    off: PyReadonlyArray1<'py, bool>,
    learning: &str,
    seed: u64,
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let learning = match learning {
        "off" => Learning::Off,
        "online" => Learning::Online,
        "batched" => Learning::Batched,
        other => return Err(unknown("learn", other, "off, online or batched")),
    };
    let asked = Asked {
        coupling,
        inputs,
        targets,
        off: off.as_array().to_vec(),
        learning,
        seed,
        n_threads,
        progress,
    };
    match (&network.get().held, &cerebellum.get().held) {
        (Either::Single(network), Either::Single(module)) => together(py, network, module, asked),
        (Either::Double(network), Either::Double(module)) => together(py, network, module, asked),
        _ => Err(two_precisions()),
    }
}

struct Asked<'a, 'py> {
    coupling: &'a Bound<'py, PyMapping>,
    inputs: &'a Bound<'py, PyAny>,
    targets: Option<&'a Bound<'py, PyAny>>,
    off: Vec<bool>,
    learning: Learning,
    seed: u64,
    n_threads: Option<usize>,
    progress: Option<Py<PyAny>>,
}

fn together<'py, R: Number>(
    py: Python<'py>,
    network: &Mutex<HeldNetwork<R>>,
    module: &Mutex<Held<R>>,
    asked: Asked<'_, 'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let coupling = read_coupling(asked.coupling)?;
    let (shape, inputs) = in_order::<R>(&read("inputs", asked.inputs)?);
    let [n_trials, n_steps, _] = shape[..] else {
        return Err(crate::bindings::call::translated(
            py,
            &Error::shape("inputs", &shape, "(trials, steps, external inputs)"),
        ));
    };
    let targets = match asked.targets {
        Some(targets) => three_axes::<R>("targets", targets)?.1,
        None => Vec::new(),
    };
    let network = call(py, || Ok(lock(network).network.clone()))?;
    let learns = asked.learning != Learning::Off;
    let mut copy = if learns { None } else { Some(brief(py, module, |module, _| Ok(module.clone()))?) };
    let mut away = if learns { Some(Away::take(py, module)?) } else { None };
    let (found, exception) = long_call(py, asked.progress, move |monitor| {
        let module = match (&mut copy, &mut away) {
            (Some(copy), _) => copy,
            (None, Some(away)) => away.module()?,
            (None, None) => return Err(Error::Interrupted),
        };
        let wiring = Wiring::new(&network);
        let trials = Trials {
            inputs: &inputs,
            targets: &targets,
            n_trials,
            n_steps,
            off: &asked.off,
            initial: &[],
            seed: Some(asked.seed),
        };
        let threads = Threads::new(asked.n_threads)?;
        run(&wiring, module, &coupling, &trials, asked.learning, &threads, monitor)
    })?;
    if let Some(exception) = exception {
        return Err(exception);
    }
    let dict = PyDict::new(py);
    for (name, values) in [
        ("states", found.states),
        ("outputs", found.outputs),
        ("inputs", found.inputs),
        ("mossy", found.mossy),
        ("nuclei", found.nuclei),
        ("purkinje", found.purkinje),
        ("errors", found.errors),
    ] {
        let width = values.len() / (n_trials * n_steps);
        dict.set_item(name, array(py, &[n_trials, n_steps, width], values))?;
    }
    Ok(dict)
}

fn read_coupling<R: Number>(given: &Bound<'_, PyMapping>) -> PyResult<Coupling<R>> {
    let sent: Vec<String> = given.get_item("mossy")?.extract()?;
    let sends = |name: &str| sent.iter().any(|known| known == name);
    let horizon: Option<usize> = given.get_item("horizon")?.extract()?;
    Ok(Coupling {
        mossy: Mossy { activity: sends("activity"), inputs: sends("inputs"), outputs: sends("outputs") },
        delay_to: given.get_item("delay_to")?.extract()?,
        delay_back: given.get_item("delay_back")?.extract()?,
        gain: R::from_f64(given.get_item("gain")?.extract()?),
        mapping: in_order::<R>(&read("mapping", &given.get_item("mapping")?)?).1,
        aim: horizon.map_or(Aim::Output, Aim::Prediction),
    })
}
