//! The adaptive filter: parallel fibres that carry basis signals, Purkinje cells that weigh and add them, and synapses
//! that learn where a trace of the past meets an error.
//!
//! ```text
//! o_n = W x_n
//! h_n = Σ_m κ_m x_{n−m}
//! online:    W ← W + η e_n h_nᵀ          after each step
//! batched:   W ← W + η Σ_n e_n h_nᵀ      after each trial
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | x | `features` | (trials, steps, features) |
//! | W | `weights` | (outputs, features) |
//! | o | `outputs` | (trials, steps, outputs) |
//! | e | `errors`, or `targets` − o | (trials, steps, outputs); NaN teaches nothing |
//! | h | `traces` | (features) |
//! | κ | `Kernel::taps` | pairs (m, κ_m) |
//!
//! Fujita (1982) Biol Cybern 45:195; Dean, Porrill, Ekerot & Jörntell (2010) Nat Rev Neurosci 11:30. With h = x this is
//! the rule of Widrow and Hoff (1960).

use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::room::room;
use crate::real::Real;

/// Weights from features to outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter<R> {
    n_features: usize,
    weights: Vec<R>,
}

impl<R: Real> Filter<R> {
    /// A filter with these weights, outputs × features.
    pub fn new(n_features: usize, weights: Vec<R>) -> Result<Self> {
        if n_features == 0 || weights.is_empty() || !weights.len().is_multiple_of(n_features) {
            let expected =
                format!("(n_outputs, n_features) with n_features = {n_features}, neither of them 0");
            return Err(Error::shape("weights", &[weights.len()], expected));
        }
        if weights.iter().any(|weight| !weight.to_f64().is_finite()) {
            return Err(Error::value("weights", "not finite", "finite numbers"));
        }
        Ok(Self { n_features, weights })
    }

    /// Outputs × features.
    pub fn weights(&self) -> &[R] {
        &self.weights
    }

    /// Features.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Outputs.
    pub fn n_outputs(&self) -> usize {
        self.weights.len() / self.n_features
    }

    /// o = W x.
    pub fn output(&self, features: &[R], out: &mut [R]) {
        for (out, weights) in out.iter_mut().zip(self.weights.chunks_exact(self.n_features)) {
            *out = weights.iter().zip(features).map(|(&w, &x)| w * x).sum();
        }
    }

    /// Whether all weights are numbers, and finite.
    pub fn is_finite(&self) -> bool {
        self.weights.iter().all(|weight| weight.to_f64().is_finite())
    }

    /// W += rate · change.
    pub fn add(&mut self, rate: R, change: &[R]) {
        for (weight, &change) in self.weights.iter_mut().zip(change) {
            *weight += rate * change;
        }
    }
}

/// change += e hᵀ, but for errors that were not observed.
pub fn correlate<R: Real>(change: &mut [R], errors: &[R], traces: &[R]) {
    for (change, &error) in change.chunks_exact_mut(traces.len()).zip(errors) {
        if !error.is_nan() {
            for (change, &trace) in change.iter_mut().zip(traces) {
                *change += error * trace;
            }
        }
    }
}

/// What a synapse keeps of its own past.
pub trait Traces<R> {
    /// Forgets all.
    fn rest(&mut self);
    /// Takes the features of this step in and gives h.
    fn step(&mut self, features: &[R], traces: &mut [R]);
}

/// A trace with a finite kernel: none at all, a delay, or any impulse response.
#[derive(Debug, Clone)]
pub struct Kernel<R> {
    n_features: usize,
    taps: Vec<(usize, R)>,
    /// A ring of steps × features.
    past: Vec<R>,
    at: usize,
}

impl<R: Real> Kernel<R> {
    /// h_n = Σ κ_m x_{n−m} over pairs (m, κ_m).
    pub fn new(n_features: usize, taps: Vec<(usize, R)>) -> Result<Self> {
        let Some(longest) = taps.iter().map(|tap| tap.0).max() else {
            return Err(Error::value("eligibility", "empty", "at least one tap"));
        };
        if taps.iter().any(|tap| !tap.1.to_f64().is_finite()) {
            return Err(Error::value("eligibility", "not finite", "finite numbers"));
        }
        let past = room(&[longest.saturating_add(1), n_features], R::ZERO)?;
        Ok(Self { n_features, taps, past, at: 0 })
    }

    /// The same for trials of `n_steps`: what would come after their end needs no memory.
    pub fn within(n_steps: usize, n_features: usize, mut taps: Vec<(usize, R)>) -> Result<Self> {
        for (lag, _) in &mut taps {
            *lag = n_steps.min(*lag);
        }
        Self::new(n_features, taps)
    }

    /// h_n = x_{n−m}.
    pub fn delayed(n_features: usize, n_steps: usize) -> Result<Self> {
        Self::new(n_features, vec![(n_steps, R::ONE)])
    }
}

impl<R: Real> Traces<R> for Kernel<R> {
    fn rest(&mut self) {
        self.past.fill(R::ZERO);
        self.at = 0;
    }

    fn step(&mut self, features: &[R], traces: &mut [R]) {
        let (n, length) = (self.n_features, self.past.len());
        self.past[self.at..self.at + n].copy_from_slice(features);
        traces.fill(R::ZERO);
        for &(lag, gain) in &self.taps {
            let from = (self.at + length - lag * n) % length;
            for (trace, &past) in traces.iter_mut().zip(&self.past[from..from + n]) {
                *trace += gain * past;
            }
        }
        self.at = (self.at + n) % length;
    }
}

/// What the climbing fibres carry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Teaching<'a, R> {
    /// Nothing: no learning.
    Nothing,
    /// What the outputs should have been.
    Targets(&'a [R]),
    /// What was wrong, from elsewhere.
    Errors(&'a [R]),
}

/// When weights change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// After each step.
    Online,
    /// After each trial.
    Batched,
}

/// Trials to run, and what to learn from them.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a, R> {
    /// trials × steps × features.
    pub features: &'a [R],
    /// Steps of each trial.
    pub n_steps: usize,
    /// What the climbing fibres carry.
    pub teaching: Teaching<'a, R>,
    /// η.
    pub rate: R,
    /// When weights change.
    pub timing: Timing,
}

/// Steps between looks at the caller.
const STRETCH: usize = 64;

/// Runs trials one after the other, each from empty traces, and learns. Gives outputs, trials × steps × outputs; after an error,
/// or where the caller stops it, weights are as they were.
pub fn run<R: Real>(
    filter: &mut Filter<R>,
    kernel: &mut Kernel<R>,
    lesson: &Lesson<'_, R>,
    monitor: &mut dyn Monitor,
) -> Result<Vec<R>> {
    let kept = filter.weights.clone();
    let found = follow(filter, kernel, lesson, monitor);
    if found.is_err() {
        filter.weights = kept;
    }
    found
}

fn follow<R: Real>(
    filter: &mut Filter<R>,
    kernel: &mut Kernel<R>,
    lesson: &Lesson<'_, R>,
    monitor: &mut dyn Monitor,
) -> Result<Vec<R>> {
    let Lesson { features, n_steps, teaching, rate, timing } = *lesson;
    let (n_features, n_outputs) = (filter.n_features(), filter.n_outputs());
    let per_trial = n_steps * n_features;
    if per_trial == 0 || !features.len().is_multiple_of(per_trial) {
        let expected = format!("(n_trials, n_steps, n_features) with n_features = {n_features}");
        return Err(Error::shape("features", &[features.len()], expected));
    }
    let n_trials = features.len() / per_trial;
    let mut outputs = room(&[n_trials, n_steps, n_outputs], R::ZERO)?;
    if let Teaching::Targets(given) | Teaching::Errors(given) = teaching
        && given.len() != outputs.len()
    {
        let expected = format!("one number for each of {} outputs of all steps and trials", outputs.len());
        return Err(Error::shape("targets", &[given.len()], expected));
    }
    let (mut traces, mut errors) = (vec![R::ZERO; n_features], vec![R::ZERO; n_outputs]);
    let mut change = vec![R::ZERO; n_outputs * n_features];
    for (trial, features) in features.chunks_exact(per_trial).enumerate() {
        kernel.rest();
        for (step, features) in features.chunks_exact(n_features).enumerate() {
            let now = Progress { done: trial, total: n_trials, loss: f64::NAN };
            if step % STRETCH == 0 && monitor.report(now) == Flow::Stop {
                return Err(Error::Interrupted);
            }
            let here = (trial * n_steps + step) * n_outputs..(trial * n_steps + step + 1) * n_outputs;
            let out = &mut outputs[here.clone()];
            filter.output(features, out);
            match teaching {
                Teaching::Nothing => continue,
                Teaching::Errors(given) => errors.copy_from_slice(&given[here]),
                Teaching::Targets(given) => {
                    for ((error, &target), &out) in errors.iter_mut().zip(&given[here]).zip(out.iter()) {
                        *error = target - out;
                    }
                }
            }
            kernel.step(features, &mut traces);
            correlate(&mut change, &errors, &traces);
            if timing == Timing::Online {
                filter.add(rate, &change);
                change.fill(R::ZERO);
            }
        }
        filter.add(rate, &change);
        change.fill(R::ZERO);
        if !filter.is_finite() {
            return Err(Error::Diverged { what: "a weight", place: format!(" after trial {trial}") });
        }
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;

    fn signal(n: usize) -> Vec<f64> {
        (0..n).map(|i| (0.7 * i as f64).sin() + (0.013 * (i * i) as f64).cos()).collect()
    }

    #[test]
    fn traces_are_convolutions() {
        let (n, taps) = (2, vec![(0, 0.5), (3, -1.0), (4, 2.0)]);
        let features = signal(40);
        let mut kernel = Kernel::new(n, taps.clone()).unwrap();
        let mut traces = vec![0.0; n];
        for round in 0..2 {
            for step in 0..20 {
                kernel.step(&features[step * n..][..n], &mut traces);
                for j in 0..n {
                    let past = |lag: usize| if lag > step { 0.0 } else { features[(step - lag) * n + j] };
                    let expected: f64 = taps.iter().map(|&(lag, gain)| gain * past(lag)).sum();
                    assert!((traces[j] - expected).abs() < 1e-14, "round {round} step {step}");
                }
            }
            kernel.rest();
        }
    }

    #[test]
    fn batched_changes_are_the_gradient_and_small_online_ones_approach_it() {
        let (n_features, n_steps) = (3, 15);
        let (features, targets) = (signal(n_features * n_steps), signal(n_steps));
        let start = vec![0.3, -0.2, 0.1];
        let loss = |weights: &[f64]| -> f64 {
            let filter = Filter::new(n_features, weights.to_vec()).unwrap();
            let mut out = [0.0];
            let rows = features.chunks_exact(n_features).zip(&targets);
            rows.map(|(x, target)| {
                filter.output(x, &mut out);
                0.5 * (target - out[0]).powi(2)
            })
            .sum()
        };
        let learned = |rate: f64, timing| {
            let mut filter = Filter::new(n_features, start.clone()).unwrap();
            let mut kernel = Kernel::delayed(n_features, 0).unwrap();
            let teaching = Teaching::Targets(&targets);
            let lesson = Lesson { features: &features, n_steps, teaching, rate, timing };
            run(&mut filter, &mut kernel, &lesson, &mut Silent).unwrap();
            filter
                .weights()
                .iter()
                .zip(&start)
                .map(|(after, before)| (after - before) / rate)
                .collect::<Vec<_>>()
        };
        let (batched, online) = (learned(1e-3, Timing::Batched), learned(1e-9, Timing::Online));
        for j in 0..n_features {
            let shifted = |by: f64| {
                let mut weights = start.clone();
                weights[j] += by;
                loss(&weights)
            };
            let slope = (shifted(1e-4) - shifted(-1e-4)) / 2e-4;
            assert!((batched[j] + slope).abs() < 1e-7 * slope.abs().max(1.0));
            assert!((online[j] + slope).abs() < 1e-5 * slope.abs().max(1.0));
        }
    }

    #[test]
    fn unobserved_targets_teach_nothing() {
        let features = signal(12);
        let mut filter = Filter::new(2, vec![1.0, 2.0]).unwrap();
        let mut kernel = Kernel::delayed(2, 1).unwrap();
        let teaching = Teaching::Targets(&[f64::NAN; 6]);
        let lesson = Lesson { features: &features, n_steps: 6, teaching, rate: 0.1, timing: Timing::Online };
        let outputs = run(&mut filter, &mut kernel, &lesson, &mut Silent).unwrap();
        assert_eq!(filter.weights(), [1.0, 2.0]);
        assert!(outputs.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn runaway_weights_are_reported() {
        let features = vec![1e200; 8];
        let mut filter = Filter::new(1, vec![1.0]).unwrap();
        let mut kernel = Kernel::delayed(1, 0).unwrap();
        let teaching = Teaching::Targets(&[0.0; 8]);
        let lesson = Lesson { features: &features, n_steps: 4, teaching, rate: 1.0, timing: Timing::Online };
        let error = run(&mut filter, &mut kernel, &lesson, &mut Silent).unwrap_err();
        assert_eq!(error.to_string(), "a weight is not finite after trial 0");
        assert_eq!(filter.weights(), [1.0]);
    }

    #[test]
    fn traces_beyond_memory_are_refused_and_those_beyond_a_trial_need_none() {
        assert!(Kernel::<f64>::delayed(3, usize::MAX).is_err());
        assert!(Kernel::<f64>::delayed(1 << 31, 1 << 31).is_err());
        let (features, mut traces) = (signal(6), vec![0.0; 2]);
        let mut kernel = Kernel::within(3, 2, vec![(usize::MAX, 1.0), (1, 2.0)]).unwrap();
        for step in 0..3 {
            kernel.step(&features[2 * step..][..2], &mut traces);
            let expected = if step == 0 { 0.0 } else { 2.0 * features[2 * step - 2] };
            assert_eq!(traces[0], expected);
        }
    }
}
