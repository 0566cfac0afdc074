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

impl Course {
    /// Nothing yet, but the memory for it: a course that does not fit is refused before it begins.
    fn with_room_for(n_trials: usize, n_steps: usize, n_features: usize) -> Result<Self> {
        let mut course = Self::default();
        for (part, length) in [
            (&mut course.outputs, n_steps),
            (&mut course.feedforward, n_steps),
            (&mut course.commands, n_steps),
            (&mut course.weights, n_features),
            (&mut course.rms, 1),
        ] {
            let room = n_trials.saturating_add(1).saturating_mul(length);
            part.try_reserve_exact(room).map_err(|_| Error::Memory { shape: vec![n_trials, length] })?;
        }
        Ok(course)
    }

    fn progress(&self, total: usize) -> Progress {
        Progress { done: self.rms.len(), total, loss: self.rms.last().copied().unwrap_or(f64::NAN) }
    }

    /// Drops the steps of a trial that was not finished.
    fn forget_unfinished(&mut self, n_steps: usize) {
        let length = self.rms.len() * n_steps;
        for part in [&mut self.outputs, &mut self.feedforward, &mut self.commands] {
            part.truncate(length);
        }
    }
}

/// Runs trials and learns. The monitor is asked after each step, and told the error of the last finished trial; if it stops
/// the learning, what is left are the trials that were finished.
pub fn learn<P: Plant>(
    closed: &mut ClosedLoop<P>,
    filter: &mut Filter<f64>,
    traces: &mut dyn Traces<f64>,
    setting: &Setting<'_>,
    monitor: &mut dyn Monitor,
) -> Result<Course> {
    check(filter, setting)?;
    let mut course = Course::with_room_for(setting.n_trials, setting.reference.len(), filter.n_features())?;
    course.weights.extend_from_slice(filter.weights());
    let mut buffers = Buffers::new(filter.n_features());
    for trial in 0..setting.n_trials {
        let Some(rms) = run_trial(closed, filter, traces, setting, &mut buffers, &mut course, monitor)?
        else {
            course.forget_unfinished(setting.reference.len());
            return Ok(course);
        };
        if !filter.is_finite() {
            return Err(Error::Diverged { what: "a weight", place: format!(" after trial {trial}") });
        }
        course.rms.push(rms);
        course.weights.extend_from_slice(filter.weights());
    }
    // The last trial is told of as well; there is nothing left to stop.
    monitor.report(course.progress(setting.n_trials));
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

/// The next trial: its error, or None if the monitor stopped it.
fn run_trial<P: Plant>(
    closed: &mut ClosedLoop<P>,
    filter: &mut Filter<f64>,
    traces: &mut dyn Traces<f64>,
    setting: &Setting<'_>,
    buffers: &mut Buffers,
    course: &mut Course,
    monitor: &mut dyn Monitor,
) -> Result<Option<f64>> {
    let (trial, progress) = (course.rms.len(), course.progress(setting.n_trials));
    closed.rest();
    traces.rest();
    buffers.change.fill(0.0);
    let mut stream = rng::stream(setting.seed, trial as u64);
    let mut feedforward = [0.0];
    let mut squares = 0.0;
    let rows = setting.features.chunks_exact(filter.n_features());
    for (step, ((features, &wanted), load)) in rows.zip(setting.reference).zip(setting.load).enumerate() {
        if monitor.report(progress) == Flow::Stop {
            return Ok(None);
        }
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
        if setting.rate > 0.0 {
            traces.step(features, &mut buffers.traces);
            correlate(&mut buffers.change, &[taught], &buffers.traces);
        }
        if setting.timing == Timing::Online {
            filter.add(setting.rate, &buffers.change);
            buffers.change.fill(0.0);
        }
        course.outputs.push(seen);
        course.feedforward.push(feedforward[0]);
        course.commands.push(command);
    }
    filter.add(setting.rate, &buffers.change);
    Ok(Some((squares / setting.reference.len() as f64).sqrt()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cerebellum::adaptive_filter::Kernel;
    use crate::models::counterfactual::{Feedback, ForwardModel};
    use crate::monitor::Silent;
    use crate::plant::linear::{Linear, StateSpace};

    const N_STEPS: usize = 50;

    fn parts() -> (StateSpace, Feedback, Vec<f64>, Vec<f64>) {
        let plant = StateSpace::new("plant", vec![0.9], vec![0.1], vec![1.0], 0.0).unwrap();
        let controller = StateSpace::new("controller", vec![1.0], vec![0.05], vec![1.0], 0.5).unwrap();
        let features = (0..N_STEPS * 2).map(|i| (0.05 * (i * i) as f64).cos()).collect();
        let reference = (0..N_STEPS).map(|i| (0.2 * i as f64).sin()).collect();
        (plant, Feedback { controller, delay: 3 }, features, reference)
    }

    fn setting<'a>(features: &'a [f64], reference: &'a [f64]) -> Setting<'a> {
        Setting {
            reference,
            load: &[0.0; N_STEPS],
            features,
            entry: Entry::Error,
            teacher: Teacher::Error,
            timing: Timing::Batched,
            rate: 1e-3,
            noise: 0.0,
            seed: 0,
            n_trials: 1,
        }
    }

    fn learned(weights: &[f64], setting: &Setting<'_>, forward_model: bool) -> Result<Course> {
        let (plant, feedback, ..) = parts();
        let mut closed = ClosedLoop::new(Linear::new(plant.clone(), 1), &feedback).unwrap();
        let mut filter = Filter::new(2, weights.to_vec()).unwrap();
        if forward_model {
            let mut traces = ForwardModel::new(&plant, &feedback, 2).unwrap();
            learn(&mut closed, &mut filter, &mut traces, setting, &mut Silent)
        } else {
            learn(&mut closed, &mut filter, &mut Kernel::delayed(2, 0).unwrap(), setting, &mut Silent)
        }
    }

    #[test]
    fn a_true_forward_model_gives_the_gradient() {
        let (_, _, features, reference) = parts();
        let (setting, start) = (setting(&features, &reference), [0.3, -0.4]);
        let half_squares =
            |weights: &[f64]| 0.5 * N_STEPS as f64 * learned(weights, &setting, true).unwrap().rms[0].powi(2);
        let course = learned(&start, &setting, true).unwrap();
        for j in 0..2 {
            let shifted = |by: f64| {
                let mut weights = start;
                weights[j] += by;
                half_squares(&weights)
            };
            let slope = (shifted(1e-4) - shifted(-1e-4)) / 2e-4;
            let change = (course.weights[2 + j] - start[j]) / setting.rate;
            assert!((change + slope).abs() < 1e-8 * slope.abs().max(1.0), "{change} {slope}");
        }
    }

    #[test]
    fn small_steps_within_a_trial_add_up_to_the_step_after_it() {
        let (_, _, features, reference) = parts();
        for teacher in [Teacher::Error, Teacher::Command] {
            let batched = Setting { rate: 1e-7, teacher, ..setting(&features, &reference) };
            let online = Setting { timing: Timing::Online, ..batched.clone() };
            let [after, within] =
                [&batched, &online].map(|setting| learned(&[0.1, 0.2], setting, false).unwrap().weights);
            for (a, b) in after[2..].iter().zip(&within[2..]) {
                assert!((a - b).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn noise_has_a_stream_for_each_trial() {
        let (_, _, features, reference) = parts();
        let noisy = Setting { noise: 1.0, n_trials: 3, ..setting(&features, &reference) };
        let [first, again] = [&noisy, &noisy].map(|setting| learned(&[0.0; 2], setting, true).unwrap());
        assert_eq!(first, again);
        let other = learned(&[0.0; 2], &Setting { seed: 1, ..noisy }, true).unwrap();
        assert_ne!(first.weights, other.weights);
    }

    #[test]
    fn a_monitor_that_stops_keeps_what_is_finished() {
        struct After(usize);
        impl Monitor for After {
            fn report(&mut self, progress: Progress) -> Flow {
                let trial = (self.0 - 1) / N_STEPS;
                assert_eq!((progress.total, progress.loss.is_nan()), (10, progress.done == 0));
                self.0 -= 1;
                assert!(progress.done + trial == 2, "{progress:?} {}", self.0);
                if self.0 == 0 { Flow::Stop } else { Flow::Continue }
            }
        }
        let (plant, feedback, features, reference) = parts();
        let mut closed = ClosedLoop::new(Linear::new(plant, 1), &feedback).unwrap();
        let mut filter = Filter::new(2, vec![0.0; 2]).unwrap();
        let setting = Setting { n_trials: 10, ..setting(&features, &reference) };
        let mut traces = Kernel::delayed(2, 0).unwrap();
        // Two trials, and the third all but its last step.
        let mut monitor = After(3 * N_STEPS);
        let course = learn(&mut closed, &mut filter, &mut traces, &setting, &mut monitor).unwrap();
        assert_eq!((course.rms.len(), course.weights.len(), course.outputs.len()), (2, 6, 2 * N_STEPS));
        assert_eq!((course.feedforward.len(), course.commands.len()), (2 * N_STEPS, 2 * N_STEPS));
    }

    #[test]
    fn more_trials_than_memory_holds_are_refused() {
        let (_, _, features, reference) = parts();
        let setting = Setting { n_trials: usize::MAX, ..setting(&features, &reference) };
        assert!(matches!(learned(&[0.0; 2], &setting, true), Err(Error::Memory { .. })));
    }

    #[test]
    fn what_diverges_is_named() {
        let (_, _, features, reference) = parts();
        let setting = setting(&features, &reference);
        let error = learned(&[1.7e308; 2], &setting, true).unwrap_err();
        assert!(error.to_string().starts_with("the output of the plant is not finite in trial 0"), "{error}");
        // No trial comes after the last update to show it.
        let setting = Setting { rate: 1e308, features: &[1e3; 2 * N_STEPS], ..setting };
        let error = learned(&[0.0; 2], &setting, true).unwrap_err();
        assert_eq!(error.to_string(), "a weight is not finite after trial 0");
    }
}
