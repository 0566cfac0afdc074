//! A cortex and a cerebellum that learn a movement together.

use std::sync::Mutex;

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use crate::bindings::arrays::{Number, array, in_order, read};
use crate::bindings::call::{call, long_call, translated};
use crate::bindings::cerebellum::held::{Away, Held};
use crate::bindings::cerebellum::module::{Cerebellum, two_precisions};
use crate::bindings::plant::{Body, method_named};
use crate::bindings::precision::{Either, lock};
use crate::bindings::rnn::network::{Held as HeldNetwork, Network};
use crate::models::cerebello_cortical::{
    Aiming, Condition, Cue, Learns, Limb, Memory, Planning, Senses, Settings, Slow, Trials, run,
};
use crate::plant::body::Stepping;
use crate::rnn::wiring::Wiring;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(run_reaching, module)?)
}

/// Runs a session; the module learns, the network stays as it is. See the stub for what `settings` and `trials` hold.
#[pyfunction]
#[pyo3(signature = (network, cerebellum, settings, trials, *, seed, progress))]
fn run_reaching<'py>(
    py: Python<'py>,
    network: &Bound<'py, Network>,
    cerebellum: &Bound<'py, Cerebellum>,
    settings: &Bound<'py, PyMapping>,
    trials: &Bound<'py, PyMapping>,
    seed: Option<u64>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, usize, Option<PyErr>)> {
    match (&network.get().held, &cerebellum.get().held) {
        (Either::Single(network), Either::Single(module)) => {
            session(py, network, module, settings, trials, seed, progress)
        }
        (Either::Double(network), Either::Double(module)) => {
            session(py, network, module, settings, trials, seed, progress)
        }
        _ => Err(two_precisions()),
    }
}

fn session<'py, R: Number>(
    py: Python<'py>,
    network: &Mutex<HeldNetwork<R>>,
    module: &Mutex<Held<R>>,
    settings: &Bound<'py, PyMapping>,
    trials: &Bound<'py, PyMapping>,
    seed: Option<u64>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, usize, Option<PyErr>)> {
    let memory = read_memory::<R>(settings)?;
    let settings = read_settings::<R>(py, settings)?;
    let conditions = read_conditions(trials)?;
    let (_, inputs) = in_order::<R>(&read("inputs", &trials.get_item("inputs")?)?);
    let (shape, target) = in_order::<f64>(&read("target", &trials.get_item("target")?)?);
    let given: bool = trials.get_item("given")?.extract()?;
    let blocked: PyReadonlyArray2<'_, bool> = trials.get_item("blocked")?.extract()?;
    let blocked: Vec<bool> = blocked.as_array().iter().copied().collect();
    let n_steps = shape.get(1).copied().unwrap_or(0);
    let network = call(py, || Ok(lock(network).network.clone()))?;
    let mut away = Away::take(py, module)?;
    let (found, exception) = long_call(py, progress, move |monitor| {
        let mut wiring = Wiring::new(&network);
        let trials = Trials {
            inputs: &inputs,
            target: &target,
            conditions: &conditions,
            blocked: &blocked,
            given,
            n_steps,
            seed,
        };
        run(&mut wiring, away.module()?, &settings, memory, &trials, monitor)
    })?;
    let (found, n_finished) = found;
    let n_trials = found.aim.len();
    let dict = PyDict::new(py);
    for (name, values) in [("hand", found.hand), ("body", found.body)] {
        dict.set_item(name, array(py, &[n_trials, n_steps, 4], values))?;
    }
    for (name, values) in [
        ("cortical", found.cortical),
        ("nuclei", found.nuclei),
        ("plan", found.plan),
        ("errors", found.errors),
        ("activity", found.activity),
        ("granule", found.granule),
    ] {
        let width = values.len() / (n_trials * n_steps);
        dict.set_item(name, array(py, &[n_trials, n_steps, width], values))?;
    }
    for (name, values) in [("aim", found.aim), ("turn", found.turn)] {
        dict.set_item(name, array(py, &[n_trials], values))?;
    }
    let Memory { readout, plan, turn } = found.memory;
    for (name, values) in [("readout", readout), ("plan_weights", plan)] {
        let width = values.len() / 2;
        dict.set_item(name, array(py, &[2, width], values))?;
    }
    dict.set_item("turn_after", turn)?;
    Ok((dict, n_finished, exception))
}

fn numbers<R: Number>(given: &Bound<'_, PyMapping>, name: &'static str) -> PyResult<Vec<R>> {
    Ok(in_order::<R>(&read(name, &given.get_item(name)?)?).1)
}

fn read_memory<R: Number>(given: &Bound<'_, PyMapping>) -> PyResult<Memory<R>> {
    Ok(Memory {
        readout: numbers(given, "readout")?,
        plan: numbers(given, "plan_weights")?,
        turn: given.get_item("turn")?.extract()?,
    })
}

fn read_settings<R: Number>(py: Python<'_>, given: &Bound<'_, PyMapping>) -> PyResult<Settings<R>> {
    let number = |name: &str| -> PyResult<f64> { given.get_item(name)?.extract() };
    let count = |name: &str| -> PyResult<usize> { given.get_item(name)?.extract() };
    Ok(Settings {
        sources: given.get_item("sources")?.extract()?,
        shift: numbers(given, "shift")?,
        scale: numbers(given, "scale")?,
        recorded: given.get_item("recorded")?.extract()?,
        rest: numbers(given, "rest")?,
        limb: read_limb(py, given)?,
        senses: Senses {
            delay: count("delay")?,
            stiffness: number("stiffness")?,
            damping: number("damping")?,
            reflex: number("reflex")?,
        },
        cue: Cue {
            directions: given.get_item("cue_directions")?.extract()?,
            sharpness: number("cue_sharpness")?,
        },
        preparing: count("prepare_from")?..count("prepare_to")?,
        step: count("direction_step")?,
        planning: Planning {
            rate: number("plan_rate")?,
            forgetting: number("plan_forgetting")?,
            rest: numbers(given, "plan_rest")?,
        },
        slow: Slow {
            rate: number("slow_rate")?,
            turn_rate: number("turn_rate")?,
            forgetting: number("slow_forgetting")?,
        },
        aiming: Aiming { rate: number("aim_rate")?, forgetting: number("aim_forgetting")? },
    })
}

fn read_limb(py: Python<'_>, given: &Bound<'_, PyMapping>) -> PyResult<Limb> {
    let body = given.get_item("body")?;
    let kind = body.cast::<Body>()?.get().limb()?;
    let method: String = given.get_item("method")?.extract()?;
    let method = method_named(&method)?;
    let n_substeps = given.get_item("n_substeps")?.extract()?;
    let stepping = Stepping::new(method, n_substeps, given.get_item("dt")?.extract()?);
    let start: [f64; 4] = given.get_item("start")?.extract()?;
    stepping.and_then(|stepping| Limb::new(kind, stepping, start)).map_err(|error| translated(py, &error))
}

fn read_conditions(given: &Bound<'_, PyMapping>) -> PyResult<Vec<Condition>> {
    let (_, field) = in_order::<f64>(&read("field", &given.get_item("field")?)?);
    let rotation: PyReadonlyArray1<'_, f64> = given.get_item("rotation")?.extract()?;
    let flags: PyReadonlyArray2<'_, bool> = given.get_item("flags")?.extract()?;
    let (rotation, flags) = (rotation.as_array(), flags.as_array());
    if flags.ncols() != 4 {
        let message = format!("flags has {} columns, expected channel, fast, slow and aims", flags.ncols());
        return Err(PyValueError::new_err(message));
    }
    Ok(field
        .chunks_exact(4)
        .zip(rotation)
        .zip(flags.rows())
        .map(|((field, &rotation), flags)| Condition {
            field: [field[0], field[1], field[2], field[3]],
            rotation,
            channel: flags[0],
            learns: Learns { fast: flags[1], slow: flags[2], aim: flags[3] },
        })
        .collect())
}
