//! A session: what must fit, trials one after the other, and what changes between them.

use super::world::{Reach, turned};
use super::{Condition, Session, Settings, Trials};
use crate::cerebellum::module::{Module, Moment};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::numerics::room::room;
use crate::real::Real;
use crate::rnn::forward::{Inputs, forward};
use crate::rnn::perturbation::Perturbation;
use crate::rnn::state::{Place, State};
use crate::rnn::tape::Tape;
use crate::rnn::wiring::Wiring;

/// Dimensions of the world.
const PLANE: usize = 2;

/// Runs all trials; the module learns where trials say so. Stopped, it ends after the trials that are finished; after an
/// error the module is as it was before.
pub fn run<R: Real>(
    wiring: &mut Wiring<'_, R>,
    module: &mut Module<R>,
    settings: &Settings<R>,
    trials: &Trials<'_, R>,
    monitor: &mut dyn Monitor,
) -> Result<(Session<R>, usize)> {
    let before = module.clone();
    let ended = all_trials(wiring, module, settings, trials, monitor);
    if ended.is_err() {
        *module = before;
    }
    ended
}

fn all_trials<R: Real>(
    wiring: &mut Wiring<'_, R>,
    module: &mut Module<R>,
    settings: &Settings<R>,
    trials: &Trials<'_, R>,
    monitor: &mut dyn Monitor,
) -> Result<(Session<R>, usize)> {
    check(wiring, module, settings, trials)?;
    let structure = wiring.network.structure();
    let (n_trials, n_steps, n_units) = (trials.conditions.len(), trials.n_steps, structure.n_units);
    let mut session = Session {
        hand: room(&[n_trials, n_steps, 4], 0.0)?,
        cortical: room(&[n_trials, n_steps, PLANE], R::ZERO)?,
        nuclei: room(&[n_trials, n_steps, PLANE], R::ZERO)?,
        errors: room(&[n_trials, n_steps, PLANE], R::ZERO)?,
        activity: room(&[n_trials, n_steps, n_units], R::ZERO)?,
        aim: vec![0.0; n_trials],
        readout: values(wiring, "W_out"),
    };
    let bias = values(wiring, "b_out");
    let mut rows = Buffers {
        mossy: vec![R::ZERO; module.n_mossy()],
        inputs: vec![R::ZERO; structure.n_inputs],
        errors: vec![R::ZERO; PLANE],
        tape: Tape::default(),
    };
    let mut aim = 0.0;
    for trial in 0..n_trials {
        if monitor.report(Progress { done: trial, total: n_trials, loss: 0.0 }) == Flow::Stop {
            return Ok((session, trial));
        }
        session.aim[trial] = aim;
        one_trial(wiring, module, settings, trials, trial, &mut rows, &mut session)?;
        let condition = &trials.conditions[trial];
        if condition.learns.slow {
            follow(settings, trial, n_steps, n_units, &mut session);
            wiring.set_readout(&session.readout, &bias);
        }
        let learned = session.readout.iter().all(|weight| weight.to_f64().is_finite());
        if !(learned && module.circuit().parameters().all_finite()) {
            let place = format!(" after trial {trial}: learning rates are too large");
            return Err(Error::Diverged { what: "a weight", place });
        }
        if condition.learns.aim {
            aim = aimed(settings, trials, trial, &session, aim);
        }
    }
    Ok((session, n_trials))
}

fn values<R: Real>(wiring: &Wiring<'_, R>, name: &str) -> Vec<R> {
    wiring.network.parameters().values(name).unwrap_or(&[]).to_vec()
}

/// What a step computes in.
struct Buffers<R> {
    mossy: Vec<R>,
    inputs: Vec<R>,
    errors: Vec<R>,
    tape: Tape<R>,
}

fn one_trial<R: Real>(
    wiring: &Wiring<'_, R>,
    module: &mut Module<R>,
    settings: &Settings<R>,
    trials: &Trials<'_, R>,
    trial: usize,
    rows: &mut Buffers<R>,
    session: &mut Session<R>,
) -> Result<()> {
    let structure = wiring.network.structure();
    let (n_steps, n_units) = (trials.n_steps, structure.n_units);
    let n_external = structure.n_inputs - PLANE;
    let condition = trials.conditions[trial];
    let noisy = structure.noise > 0.0 || structure.input_noise > 0.0;
    let seed = trials.seed.filter(|_| noisy);
    let n_trials = trials.conditions.len();
    let mut state = State::initial(wiring, trial, 1, n_trials, &[], seed)?;
    let mut moment: Moment<R> = module.start(1)?;
    let plan_of = |step: usize| &trials.plan[(trial * n_steps + step) * 4..][..4];
    let mut reach = Reach::new(settings.body, settings.senses, condition, plan_of(n_steps - 1))?;
    let (sin, cos) = session.aim[trial].sin_cos();
    let (sin, cos) = (R::from_f64(sin), R::from_f64(cos));
    for step in 0..n_steps {
        let row = trial * n_steps + step;
        session.hand[row * 4..][..4].copy_from_slice(&reach.hand);
        reach.send(plan_of(step));
        let error = reach.error();
        let external = &mut rows.inputs[..n_external];
        external.copy_from_slice(&trials.inputs[row * n_external..][..n_external]);
        let (x, y) = (external[0], external[1]);
        (external[0], external[1]) = (cos * x - sin * y, sin * x + cos * y);
        fill_mossy(
            settings,
            state.variable(Place::Activity),
            &rows.inputs[..n_external],
            reach.felt(),
            &mut rows.mossy,
        );
        module.advance(&mut moment, &rows.mossy, &Threads::one())?;
        if trials.blocked[row] {
            moment.nuclei.fill(R::ZERO);
        }
        rows.inputs[n_external..].copy_from_slice(&moment.nuclei);
        // The kernel reads inputs at the state's own time; here there is one step of them.
        state.step = 0;
        let given = Inputs { values: &rows.inputs, n_steps: 1, n_inputs: structure.n_inputs };
        forward(wiring, given, 1, &Perturbation::default(), None, &mut state, &mut rows.tape);
        let cortical = &rows.tape.output_at(0, wiring.output_width)[..PLANE];
        session.cortical[row * PLANE..][..PLANE].copy_from_slice(cortical);
        session.nuclei[row * PLANE..][..PLANE].copy_from_slice(&moment.nuclei);
        let activity = &rows.tape.activity_at(0, wiring.width)[..n_units];
        session.activity[row * n_units..][..n_units].copy_from_slice(activity);
        for (into, &error) in rows.errors.iter_mut().zip(&error) {
            *into = R::from_f64(error);
        }
        session.errors[row * PLANE..][..PLANE].copy_from_slice(&rows.errors);
        if condition.learns.fast {
            module.receive(&mut moment, &rows.errors);
            module.teach(&mut moment);
        }
        let command = [0, 1].map(|k| (cortical[k] + moment.nuclei[k]).to_f64());
        if !(command[0].is_finite() && command[1].is_finite()) {
            let place = format!(" at step {step} of trial {trial}: learning rates are too large");
            return Err(Error::Diverged { what: "the motor command", place });
        }
        reach.advance(command, error);
    }
    if condition.learns.fast {
        module.end_trial();
    }
    Ok(())
}

fn fill_mossy<R: Real>(settings: &Settings<R>, activity: &[R], inputs: &[R], felt: &[f64], mossy: &mut [R]) {
    let sent = settings.sources.iter().map(|&unit| activity[unit]);
    let all = sent.chain(inputs.iter().copied()).chain(felt.iter().map(|&value| R::from_f64(value)));
    for (((into, value), &shift), &scale) in
        mossy.iter_mut().zip(all).zip(&settings.shift).zip(&settings.scale)
    {
        *into = scale * (value - shift);
    }
}

/// The slow rule.
fn follow<R: Real>(
    settings: &Settings<R>,
    trial: usize,
    n_steps: usize,
    n_units: usize,
    session: &mut Session<R>,
) {
    let (rate, kept) = (R::from_f64(settings.slow.rate), R::from_f64(1.0 - settings.slow.forgetting));
    for (output, weights) in session.readout.chunks_exact_mut(n_units).enumerate() {
        let rest = &settings.rest[output * n_units..][..n_units];
        for step in 0..n_steps {
            let row = trial * n_steps + step;
            let taught = rate * session.nuclei[row * PLANE + output];
            for (weight, &activity) in weights.iter_mut().zip(&session.activity[row * n_units..][..n_units]) {
                *weight += taught * activity;
            }
        }
        for (weight, &rest) in weights.iter_mut().zip(rest) {
            *weight = rest + kept * (*weight - rest);
        }
    }
}

/// ψ after a trial.
fn aimed<R: Real>(
    settings: &Settings<R>,
    trials: &Trials<'_, R>,
    trial: usize,
    session: &Session<R>,
    aim: f64,
) -> f64 {
    let row = trial * trials.n_steps + settings.aiming.step;
    let seen = turned(trials.conditions[trial].rotation, [session.hand[row * 4], session.hand[row * 4 + 1]]);
    let end = &trials.plan[((trial + 1) * trials.n_steps - 1) * 4..][..2];
    let missing = (seen[0] * end[1] - seen[1] * end[0]).atan2(seen[0] * end[0] + seen[1] * end[1]);
    (1.0 - settings.aiming.forgetting) * aim + settings.aiming.rate * missing
}

fn check<R: Real>(
    wiring: &Wiring<'_, R>,
    module: &Module<R>,
    settings: &Settings<R>,
    trials: &Trials<'_, R>,
) -> Result<()> {
    let structure = wiring.network.structure();
    let (n_trials, n_steps, n_units) = (trials.conditions.len(), trials.n_steps, structure.n_units);
    if n_trials == 0 || n_steps == 0 {
        return Err(Error::shape("inputs", &[n_trials, n_steps], "at least one trial and one step"));
    }
    if structure.n_outputs != PLANE || module.circuit().n_nuclei() != PLANE {
        let got = format!("{} and {}", structure.n_outputs, module.circuit().n_nuclei());
        return Err(Error::value(
            "outputs of the cortex and nuclei",
            got,
            "two of each: forces in the plane",
        ));
    }
    if structure.n_inputs < 2 * PLANE {
        return Err(Error::value(
            "n_inputs of the cortex",
            structure.n_inputs,
            "a cue of two, and two nuclei",
        ));
    }
    let n_external = structure.n_inputs - PLANE;
    let n_mossy = settings.sources.len() + n_external + 4;
    if module.n_mossy() != n_mossy {
        let expected = format!("{n_mossy}: sources, external inputs and four of the hand");
        return Err(Error::value("n_mossy of the cerebellum", module.n_mossy(), expected));
    }
    let rows = n_trials * n_steps;
    let sizes = [
        ("inputs", trials.inputs.len(), rows * n_external),
        ("plan", trials.plan.len(), rows * 4),
        ("blocked", trials.blocked.len(), rows),
        ("shift", settings.shift.len(), n_mossy),
        ("scale", settings.scale.len(), n_mossy),
        ("rest", settings.rest.len(), PLANE * n_units),
    ];
    for (name, got, expected) in sizes {
        if got != expected {
            return Err(Error::shape(name, &[got], format!("{expected} numbers")));
        }
    }
    if let Some(unit) = settings.sources.iter().find(|&&unit| unit >= n_units) {
        return Err(Error::value("sources", unit, format!("units among {n_units}")));
    }
    if settings.aiming.step >= n_steps {
        return Err(Error::value("aiming step", settings.aiming.step, format!("less than {n_steps}")));
    }
    let numbers = trials.inputs.iter().map(|x| x.to_f64()).chain(trials.plan.iter().copied());
    let conditions = trials
        .conditions
        .iter()
        .flat_map(|Condition { field, rotation, .. }| field.iter().copied().chain([*rotation]));
    if numbers.chain(conditions).any(|value| !value.is_finite()) {
        return Err(Error::value("inputs, plan or conditions", "not finite in places", "finite numbers"));
    }
    if !(settings.body.mass > 0.0 && settings.body.dt > 0.0) {
        return Err(Error::value("mass or dt", settings.body.mass, "positive numbers"));
    }
    Ok(())
}
