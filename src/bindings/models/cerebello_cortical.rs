//! A cortex and a cerebellum that learn a movement together.

use std::sync::Mutex;

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use crate::bindings::arrays::{Number, array, in_order, read};
use crate::bindings::call::{call, long_call};
use crate::bindings::cerebellum::held::{Away, Held};
use crate::bindings::cerebellum::module::{Cerebellum, two_precisions};
use crate::bindings::precision::{Either, lock};
use crate::bindings::rnn::network::{Held as HeldNetwork, Network};
use crate::models::cerebello_cortical::{
    Aiming, Body, Condition, Learns, Senses, Settings, Slow, Trials, run,
};
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
    let settings = read_settings::<R>(settings)?;
    let conditions = read_conditions(trials)?;
    let (_, inputs) = in_order::<R>(&read("inputs", &trials.get_item("inputs")?)?);
    let (shape, plan) = in_order::<f64>(&read("plan", &trials.get_item("plan")?)?);
    let blocked: PyReadonlyArray2<'_, bool> = trials.get_item("blocked")?.extract()?;
    let blocked: Vec<bool> = blocked.as_array().iter().copied().collect();
    let n_steps = shape.get(1).copied().unwrap_or(0);
    let network = call(py, || Ok(lock(network).network.clone()))?;
    let mut away = Away::take(py, module)?;
    let (found, exception) = long_call(py, progress, move |monitor| {
        let mut wiring = Wiring::new(&network);
        let trials = Trials {
            inputs: &inputs,
            plan: &plan,
            conditions: &conditions,
            blocked: &blocked,
            n_steps,
            seed,
        };
        run(&mut wiring, away.module()?, &settings, &trials, monitor)
    })?;
    let (found, n_finished) = found;
    let n_trials = found.aim.len();
    let dict = PyDict::new(py);
    dict.set_item("hand", array(py, &[n_trials, n_steps, 4], found.hand))?;
    for (name, values) in [
        ("cortical", found.cortical),
        ("nuclei", found.nuclei),
        ("errors", found.errors),
        ("activity", found.activity),
    ] {
        let width = values.len() / (n_trials * n_steps);
        dict.set_item(name, array(py, &[n_trials, n_steps, width], values))?;
    }
    dict.set_item("aim", array(py, &[n_trials], found.aim))?;
    let n_units = found.readout.len() / 2;
    dict.set_item("readout", array(py, &[2, n_units], found.readout))?;
    Ok((dict, n_finished, exception))
}

fn read_settings<R: Number>(given: &Bound<'_, PyMapping>) -> PyResult<Settings<R>> {
    let number = |name: &str| -> PyResult<f64> { given.get_item(name)?.extract() };
    let numbers = |name: &'static str| -> PyResult<Vec<R>> {
        Ok(in_order::<R>(&read(name, &given.get_item(name)?)?).1)
    };
    Ok(Settings {
        sources: given.get_item("sources")?.extract()?,
        shift: numbers("shift")?,
        scale: numbers("scale")?,
        rest: numbers("rest")?,
        body: Body { mass: number("mass")?, dt: number("dt")? },
        senses: Senses {
            delay: given.get_item("delay")?.extract()?,
            stiffness: number("stiffness")?,
            damping: number("damping")?,
            reflex: number("reflex")?,
        },
        slow: Slow { rate: number("slow_rate")?, forgetting: number("slow_forgetting")? },
        aiming: Aiming {
            rate: number("aim_rate")?,
            forgetting: number("aim_forgetting")?,
            step: given.get_item("aim_step")?.extract()?,
        },
    })
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
