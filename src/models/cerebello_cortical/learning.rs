//! What changes between trials, outside the module: plan, readout, turn and aim.

use super::limb::{between, turned};
use super::session::{PLANE, Prepared};
use super::{Condition, Memory, Session, Settings, Trials};
use crate::cerebellum::circuit::rows_times;
use crate::real::Real;

/// Length of a plan below which the cortex has none, and moves by its cue.
const LEAST_PLAN: f64 = 0.5;

/// The end of a trial: every rule that the trial lets learn, and the aim of the next one.
pub fn learn<R: Real>(
    settings: &Settings<R>,
    trials: &Trials<'_, R>,
    trial: usize,
    prepared: &Prepared<R>,
    session: &mut Session<R>,
    aim: f64,
) -> f64 {
    let Condition { rotation, channel, learns, .. } = trials.conditions[trial];
    let hand = &session.hand[(trial * trials.n_steps + settings.step) * 4..][..2];
    let end = &trials.target[((trial + 1) * trials.n_steps - 1) * 4..][..2];
    // An error clamp: between walls there is no error of direction.
    let missing = if channel { 0.0 } else { between(turned(rotation, [hand[0], hand[1]]), [end[0], end[1]]) };
    let [cue, sent] = [prepared.cue, prepared.plan].map(|of| of.map(R::to_f64));
    if learns.fast {
        let planned = if sent[0].hypot(sent[1]) < LEAST_PLAN { cue } else { sent };
        let executed = between([hand[0], hand[1]], planned);
        let wrong = if channel { 0.0 } else { within_a_turn(missing - executed) };
        plan(settings, prepared, wrong, &mut session.memory);
    }
    if learns.slow {
        readout(settings, trial, trials.n_steps, session);
        let taught = cue[0] * sent[1] - cue[1] * sent[0];
        let kept = (1.0 - settings.slow.forgetting) * session.memory.turn;
        session.memory.turn = kept + settings.slow.turn_rate * taught;
    }
    if learns.aim { (1.0 - settings.aiming.forgetting) * aim + settings.aiming.rate * missing } else { aim }
}

/// An angle between −π and π.
fn within_a_turn(angle: f64) -> f64 {
    let (sin, cos) = angle.sin_cos();
    sin.atan2(cos)
}

/// W_q turns its plan by a share of the angle that was missing.
fn plan<R: Real>(settings: &Settings<R>, prepared: &Prepared<R>, missing: f64, memory: &mut Memory<R>) {
    let features = &prepared.features;
    let size: R = features.iter().map(|&g| g * g).sum();
    let mut planned = [R::ZERO; PLANE];
    rows_times(features, &memory.plan, features.len(), R::ONE, &[R::ZERO; PLANE], &mut planned);
    let rate = settings.planning.rate * missing;
    let step = if size > R::ZERO { R::from_f64(rate) / size } else { R::ZERO };
    let kept = R::from_f64(1.0 - settings.planning.forgetting);
    let rows = memory.plan.chunks_exact_mut(features.len());
    let rests = settings.planning.rest.chunks_exact(features.len());
    for ((weights, rest), across) in rows.zip(rests).zip([-planned[1], planned[0]]) {
        for ((weight, &rest), &feature) in weights.iter_mut().zip(rest).zip(features) {
            *weight = rest + kept * (*weight + step * across * feature - rest);
        }
    }
}

/// W_o follows what the cerebellum sent.
fn readout<R: Real>(settings: &Settings<R>, trial: usize, n_steps: usize, session: &mut Session<R>) {
    let n_units = settings.rest.len() / PLANE;
    let (rate, kept) = (R::from_f64(settings.slow.rate), R::from_f64(1.0 - settings.slow.forgetting));
    for (output, weights) in session.memory.readout.chunks_exact_mut(n_units).enumerate() {
        let rest = &settings.rest[output * n_units..][..n_units];
        for row in trial * n_steps..(trial + 1) * n_steps {
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
