//! A session: trials one after the other, and the steps of each.

use super::check::check;
use super::learning::learn;
use super::limb::{Reach, turned};
use super::{Cue, Memory, Session, Settings, Trials};
use crate::cerebellum::circuit::rows_times;
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

/// Dimensions of the world, and of everything that is sent about it.
pub const PLANE: usize = 2;

/// Runs all trials; the module learns where trials say so. Stopped, it ends after the trials that are finished; after an
/// error the module is as it was before.
pub fn run<R: Real>(
    wiring: &mut Wiring<'_, R>,
    module: &mut Module<R>,
    settings: &Settings<R>,
    memory: Memory<R>,
    trials: &Trials<'_, R>,
    monitor: &mut dyn Monitor,
) -> Result<(Session<R>, usize)> {
    let before = module.clone();
    let ended = all_trials(wiring, module, settings, memory, trials, monitor);
    if ended.is_err() {
        *module = before;
    }
    ended
}

fn all_trials<R: Real>(
    wiring: &mut Wiring<'_, R>,
    module: &mut Module<R>,
    settings: &Settings<R>,
    memory: Memory<R>,
    trials: &Trials<'_, R>,
    monitor: &mut dyn Monitor,
) -> Result<(Session<R>, usize)> {
    check(wiring, module, settings, &memory, trials)?;
    let structure = wiring.network.structure();
    let (n_trials, n_steps) = (trials.conditions.len(), trials.n_steps);
    let zeros = |width: usize| room(&[n_trials, n_steps, width], R::ZERO);
    let mut session = Session {
        hand: room(&[n_trials, n_steps, 4], 0.0)?,
        body: room(&[n_trials, n_steps, 4], 0.0)?,
        cortical: zeros(PLANE)?,
        nuclei: zeros(PLANE)?,
        plan: zeros(PLANE)?,
        errors: zeros(PLANE)?,
        activity: zeros(structure.n_units)?,
        granule: zeros(settings.recorded.len())?,
        aim: vec![0.0; n_trials],
        turn: vec![0.0; n_trials],
        memory,
    };
    let bias = wiring.network.parameters().values("b_out").unwrap_or(&[]).to_vec();
    let n_features = module.circuit().n_features();
    let mut buffers = Buffers {
        mossy: vec![R::ZERO; module.n_mossy()],
        inputs: vec![R::ZERO; structure.n_inputs],
        errors: vec![R::ZERO; PLANE],
        tape: Tape::default(),
    };
    let mut prepared =
        Prepared { features: vec![R::ZERO; n_features], plan: [R::ZERO; PLANE], cue: [R::ZERO; PLANE] };
    let mut aim = 0.0;
    for trial in 0..n_trials {
        if monitor.report(Progress { done: trial, total: n_trials, loss: 0.0 }) == Flow::Stop {
            return Ok((session, trial));
        }
        wiring.set_readout(&session.memory.readout, &bias);
        session.aim[trial] = aim;
        session.turn[trial] = session.memory.turn;
        one_trial(wiring, module, settings, trials, trial, &mut buffers, &mut prepared, &mut session)?;
        aim = learn(settings, trials, trial, &prepared, &mut session, aim);
        let Memory { readout, plan, turn } = &session.memory;
        let learned = readout.iter().chain(plan).all(|weight| weight.to_f64().is_finite());
        if !(learned && turn.is_finite() && module.circuit().parameters().all_finite()) {
            let place = format!(" after trial {trial}: learning rates are too large");
            return Err(Error::Diverged { what: "a weight", place });
        }
    }
    Ok((session, n_trials))
}

/// What a step computes in.
struct Buffers<R> {
    mossy: Vec<R>,
    inputs: Vec<R>,
    errors: Vec<R>,
    tape: Tape<R>,
}

/// Means over the preparation of a movement.
pub struct Prepared<R> {
    /// ĝ.
    pub features: Vec<R>,
    /// q̄.
    pub plan: [R; PLANE],
    /// (x, y).
    pub cue: [R; PLANE],
}

impl<R: Real> Prepared<R> {
    fn clear(&mut self) {
        self.features.fill(R::ZERO);
        (self.plan, self.cue) = ([R::ZERO; PLANE], [R::ZERO; PLANE]);
    }

    fn add(&mut self, share: R, features: &[R], plan: &[R], cue: &[R]) {
        let sums = self.features.iter_mut().chain(&mut self.plan).chain(&mut self.cue);
        for (sum, &value) in sums.zip(features.iter().chain(plan).chain(cue)) {
            *sum += share * value;
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "what is read, what is written, and where to compute")]
fn one_trial<R: Real>(
    wiring: &Wiring<'_, R>,
    module: &mut Module<R>,
    settings: &Settings<R>,
    trials: &Trials<'_, R>,
    trial: usize,
    buffers: &mut Buffers<R>,
    prepared: &mut Prepared<R>,
    session: &mut Session<R>,
) -> Result<()> {
    let structure = wiring.network.structure();
    let (n_steps, n_units, n_cells) = (trials.n_steps, structure.n_units, settings.cue.directions.len());
    let condition = trials.conditions[trial];
    let noisy = structure.noise > 0.0 || structure.input_noise > 0.0;
    let seed = trials.seed.filter(|_| noisy);
    let mut state = State::initial(wiring, trial, 1, trials.conditions.len(), &[], seed)?;
    let mut moment: Moment<R> = module.start(1)?;
    let target_of = |step: usize| &trials.target[(trial * n_steps + step) * 4..][..4];
    let mut reach = Reach::new(&settings.limb, settings.senses, condition, target_of(n_steps - 1))?;
    let share = R::from_f64(1.0 / settings.preparing.len() as f64);
    prepared.clear();
    for step in 0..n_steps {
        let row = trial * n_steps + step;
        let hand = reach.hand();
        session.hand[row * 4..][..4].copy_from_slice(&hand);
        session.body[row * 4..][..4].copy_from_slice(&reach.state);
        reach.send(&hand, target_of(step));
        let error = reach.error();
        let [x, y] = turned(
            session.aim[trial] + session.turn[trial],
            [0, 1].map(|k| trials.inputs[row * 3 + k].to_f64()),
        );
        let shown = [R::from_f64(x), R::from_f64(y), trials.inputs[row * 3 + 2]];
        fill_mossy(settings, state.variable(Place::Activity), &shown, reach.felt(), &mut buffers.mossy);
        module.advance(&mut moment, &buffers.mossy, &Threads::one())?;
        let mut plan = [shown[0], shown[1]];
        if !trials.given {
            let weights = &session.memory.plan;
            rows_times(
                &moment.features,
                weights,
                moment.features.len(),
                R::ONE,
                &[R::ZERO; PLANE],
                &mut plan,
            );
        }
        if trials.blocked[row] {
            moment.nuclei.fill(R::ZERO);
            plan = [R::ZERO; PLANE];
        }
        if settings.preparing.contains(&step) {
            prepared.add(share, &moment.features, &plan, &shown[..2]);
        }
        fill_cells(&settings.cue, [x, y], &mut buffers.inputs[..n_cells]);
        buffers.inputs[n_cells] = shown[2];
        buffers.inputs[n_cells + 1..][..PLANE].copy_from_slice(&moment.nuclei);
        buffers.inputs[n_cells + 1 + PLANE..].copy_from_slice(&plan);
        // The kernel reads inputs at the state's own time; here there is one step of them.
        state.step = 0;
        let given = Inputs { values: &buffers.inputs, n_steps: 1, n_inputs: structure.n_inputs };
        forward(wiring, given, 1, &Perturbation::default(), None, &mut state, &mut buffers.tape);
        let cortical = &buffers.tape.output_at(0, wiring.output_width)[..PLANE];
        session.cortical[row * PLANE..][..PLANE].copy_from_slice(cortical);
        session.nuclei[row * PLANE..][..PLANE].copy_from_slice(&moment.nuclei);
        session.plan[row * PLANE..][..PLANE].copy_from_slice(&plan);
        let activity = &buffers.tape.activity_at(0, wiring.width)[..n_units];
        session.activity[row * n_units..][..n_units].copy_from_slice(activity);
        let recorded = &mut session.granule[row * settings.recorded.len()..][..settings.recorded.len()];
        for (into, &cell) in recorded.iter_mut().zip(&settings.recorded) {
            *into = moment.features[cell];
        }
        for (into, &error) in buffers.errors.iter_mut().zip(&error) {
            *into = R::from_f64(error);
        }
        session.errors[row * PLANE..][..PLANE].copy_from_slice(&buffers.errors);
        if condition.learns.fast {
            module.receive(&mut moment, &buffers.errors);
            module.teach(&mut moment);
        }
        let command = [0, 1].map(|k| (cortical[k] + moment.nuclei[k]).to_f64());
        reach.advance(command, error);
        if !reach.state.iter().chain(&command).all(|value| value.is_finite()) {
            let place = format!(" at step {step} of trial {trial}: learning rates are too large");
            return Err(Error::Diverged { what: "the motor command", place });
        }
    }
    if condition.learns.fast {
        module.end_trial();
    }
    Ok(())
}

fn fill_mossy<R: Real>(settings: &Settings<R>, activity: &[R], shown: &[R], felt: &[f64], mossy: &mut [R]) {
    let sent = settings.sources.iter().map(|&unit| activity[unit]);
    let all = sent.chain(shown.iter().copied()).chain(felt.iter().map(|&value| R::from_f64(value)));
    for (((into, value), &shift), &scale) in
        mossy.iter_mut().zip(all).zip(&settings.shift).zip(&settings.scale)
    {
        *into = scale * (value - shift);
    }
}

/// k, of a cue that is shown.
fn fill_cells<R: Real>(cue: &Cue, [x, y]: [f64; 2], cells: &mut [R]) {
    let size = x.hypot(y);
    for (cell, [cos, sin]) in cells.iter_mut().zip(&cue.directions) {
        *cell = R::from_f64(size * (cue.sharpness * (x * cos + y * sin - 1.0)).exp());
    }
}
