//! What must fit before a session begins.

use super::session::PLANE;
use super::{Condition, Memory, Settings, Trials};
use crate::cerebellum::module::Module;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::rnn::wiring::Wiring;

/// An error that names the first thing which does not fit.
pub fn check<R: Real>(
    wiring: &Wiring<'_, R>,
    module: &Module<R>,
    settings: &Settings<R>,
    memory: &Memory<R>,
    trials: &Trials<'_, R>,
) -> Result<()> {
    let structure = wiring.network.structure();
    let (n_trials, n_steps, n_units) = (trials.conditions.len(), trials.n_steps, structure.n_units);
    if n_trials == 0 || n_steps == 0 {
        return Err(Error::shape("inputs", &[n_trials, n_steps], "at least one trial and one step"));
    }
    if structure.n_outputs != PLANE || module.circuit().n_nuclei() != PLANE {
        let got = format!("{} and {}", structure.n_outputs, module.circuit().n_nuclei());
        return Err(Error::value("outputs of the cortex and nuclei", got, "two of each"));
    }
    let n_inputs = settings.cue.directions.len() + 1 + 2 * PLANE;
    if structure.n_inputs != n_inputs {
        let expected = format!("{n_inputs}: cells of the cue, hold, nuclei and plan");
        return Err(Error::value("n_inputs of the cortex", structure.n_inputs, expected));
    }
    let n_mossy = settings.sources.len() + 3 + 4;
    if module.n_mossy() != n_mossy {
        let expected = format!("{n_mossy}: sources, three inputs and four of the limb");
        return Err(Error::value("n_mossy of the cerebellum", module.n_mossy(), expected));
    }
    let (rows, n_granule) = (n_trials * n_steps, module.circuit().n_features());
    let sizes = [
        ("inputs", trials.inputs.len(), rows * 3),
        ("target", trials.target.len(), rows * 4),
        ("blocked", trials.blocked.len(), rows),
        ("shift", settings.shift.len(), n_mossy),
        ("scale", settings.scale.len(), n_mossy),
        ("rest", settings.rest.len(), PLANE * n_units),
        ("readout", memory.readout.len(), PLANE * n_units),
        ("plan_rest", settings.planning.rest.len(), PLANE * n_granule),
        ("plan", memory.plan.len(), PLANE * n_granule),
    ];
    for (name, got, expected) in sizes {
        if got != expected {
            return Err(Error::shape(name, &[got], format!("{expected} numbers")));
        }
    }
    for (name, places, n) in
        [("sources", &settings.sources, n_units), ("recorded", &settings.recorded, n_granule)]
    {
        if let Some(place) = places.iter().find(|&&place| place >= n) {
            return Err(Error::value(name, place, format!("numbers below {n}")));
        }
    }
    if settings.step >= n_steps || settings.preparing.is_empty() || settings.preparing.end > n_steps {
        let got = format!("{} and {:?}", settings.step, settings.preparing);
        return Err(Error::value("step and preparing", got, format!("some of {n_steps} steps")));
    }
    let numbers = trials.inputs.iter().map(|x| x.to_f64()).chain(trials.target.iter().copied());
    let conditions = trials
        .conditions
        .iter()
        .flat_map(|Condition { field, rotation, .. }| field.iter().copied().chain([*rotation]));
    let remembered = memory.readout.iter().chain(&memory.plan).map(|x| x.to_f64()).chain([memory.turn]);
    if numbers.chain(conditions).chain(remembered).any(|value| !value.is_finite()) {
        let expected = "finite numbers";
        return Err(Error::value("inputs, target, conditions or weights", "not finite in places", expected));
    }
    Ok(())
}
