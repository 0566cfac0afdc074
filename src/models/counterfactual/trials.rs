//! Learning over trials, each from rest: after each trial, or after each step while it runs.
//!
//! ```text
//! o_n = wᵀ x_n;   the loop makes its step;   e_n = r_n − y_n
//! taught by       e_n, or v_n (feedback error learning), plus σ ξ_n
//! w ← w + η h_n (e_n + σ ξ_n)
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | η | `rate` | () |
//! | σ | `noise` | () |
//! | ξ | one stream of `seed` for each trial | (steps) |

use super::closed_loop::{ClosedLoop, Entry};
use crate::cerebellum::adaptive_filter::{Filter, Timing, Traces, correlate};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::rng;
use crate::plant::Plant;

/// What the climbing fibre carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teacher {
    /// The error of the output.
    Error,
    /// What the feedback controller commands.
    Command,
}

/// What is the same in all trials.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// r, (steps).
    pub reference: &'a [f64],
    /// (steps).
    pub load: &'a [f64],
    /// x, steps × features.
    pub features: &'a [f64],
    /// Where o goes.
    pub entry: Entry,
    /// What teaches.
    pub teacher: Teacher,
    /// When weights change.
    pub timing: Timing,
    /// η.
    pub rate: f64,
    /// σ.
    pub noise: f64,
    /// Of the noise.
    pub seed: u64,
    /// Trials at the most.
    pub n_trials: usize,
}

/// What happened. All of it is trial by trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    /// Root mean square of e, (trials).
    pub rms: Vec<f64>,
    /// Before the first trial and after each, (trials + 1) × features.
    pub weights: Vec<f64>,
    /// y, trials × steps.
    pub outputs: Vec<f64>,
    /// o, trials × steps.
    pub feedforward: Vec<f64>,
    /// v, trials × steps.
    pub commands: Vec<f64>,
}

/// Runs trials and learns. Stops early if the monitor asks for it, with the trials that were finished.
pub fn learn<P: Plant>(
    closed: &mut ClosedLoop<P>,
    filter: &mut Filter<f64>,
    traces: &mut dyn Traces<f64>,
    setting: &Setting<'_>,
    monitor: &mut dyn Monitor,
) -> Result<Course> {
    check(filter, setting)?;
    let mut course = Course { weights: filter.weights().to_vec(), ..Course::default() };
    let mut buffers = Buffers::new(filter.n_features());
    for trial in 0..setting.n_trials {
        let rms = run_trial(closed, filter, traces, setting, trial, &mut buffers, &mut course)?;
        course.rms.push(rms);
        course.weights.extend_from_slice(filter.weights());
        if monitor.report(Progress { done: trial + 1, total: setting.n_trials, loss: rms }) == Flow::Stop {
            break;
        }
    }
    Ok(course)
}

struct Buffers {
    traces: Vec<f64>,
    change: Vec<f64>,
}

impl Buffers {
    fn new(n_features: usize) -> Self {
        Self { traces: vec![0.0; n_features], change: vec![0.0; n_features] }
    }
}

fn run_trial<P: Plant>(
    closed: &mut ClosedLoop<P>,
    filter: &mut Filter<f64>,
    traces: &mut dyn Traces<f64>,
    setting: &Setting<'_>,
    trial: usize,
    buffers: &mut Buffers,
    course: &mut Course,
) -> Result<f64> {
    closed.rest();
    traces.rest();
    buffers.change.fill(0.0);
    let mut stream = rng::stream(setting.seed, trial as u64);
    let mut feedforward = [0.0];
    let mut squares = 0.0;
    let rows = setting.features.chunks_exact(filter.n_features());
    for (step, ((features, &wanted), load)) in rows.zip(setting.reference).zip(setting.load).enumerate() {
        filter.output(features, &mut feedforward);
        let (at_error, at_command) = match setting.entry {
            Entry::Error => (wanted + feedforward[0], 0.0),
            Entry::Command => (wanted, feedforward[0]),
        };
        closed.step(&[at_error], &[at_command], &[*load]);
        let (seen, command) = (closed.outputs()[0], closed.commands()[0]);
        if !(seen.is_finite() && command.is_finite()) {
            let place = format!(" in trial {trial} at step {step}");
            return Err(Error::Diverged { what: "the output of the plant", place });
        }
        let error = wanted - seen;
        squares += error * error;
        let mut taught = match setting.teacher {
            Teacher::Error => error,
            Teacher::Command => command,
        };
        if setting.noise > 0.0 {
            taught += setting.noise * rng::normal(&mut stream);
        }
        traces.step(features, &mut buffers.traces);
        correlate(&mut buffers.change, &[taught], &buffers.traces);
        if setting.timing == Timing::Online {
            filter.add(setting.rate, &buffers.change);
            buffers.change.fill(0.0);
        }
        course.outputs.push(seen);
        course.feedforward.push(feedforward[0]);
        course.commands.push(command);
    }
    filter.add(setting.rate, &buffers.change);
    Ok((squares / setting.reference.len() as f64).sqrt())
}

fn check(filter: &Filter<f64>, setting: &Setting<'_>) -> Result<()> {
    let n_steps = setting.reference.len();
    if n_steps == 0 {
        return Err(Error::shape("reference", &[0], "(n_steps,) with at least one step"));
    }
    if setting.load.len() != n_steps {
        return Err(Error::shape("load", &[setting.load.len()], format!("({n_steps},), as the reference")));
    }
    if filter.n_outputs() != 1 || setting.features.len() != n_steps * filter.n_features() {
        let expected = format!("({n_steps}, {}), one weight for each feature", filter.n_features());
        return Err(Error::shape(
            "features",
            &[setting.features.len() / n_steps, filter.n_outputs()],
            expected,
        ));
    }
    for (argument, value) in [("learning_rate", setting.rate), ("noise", setting.noise)] {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Error::value(argument, value, "a finite number, not below 0"));
        }
    }
    Ok(())
}
