//! Training of the parent module's network: one update by Adam for each batch, groups of weights that learn or do not.
//!
//! β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸. The gradient of what learns is clipped by its norm over all groups together. A group that
//! does not learn is left as it is to the bit, and Adam's memory of it too.

use super::batch::{Batch, Trials};
use super::{CerebellarBias, GROUPS};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::network::objective::{CrossEntropy, MeanSquaredError, Objective, Weights};
use crate::network::optimizer::{Method, Optimizer};
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;
use crate::real::Real;

const ADAM: Method = Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/// What is lowered, and how much each step counts.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a, R> {
    /// Squared error rather than cross-entropy.
    pub squared: bool,
    /// (trials, steps, outputs).
    pub targets: &'a [R],
    /// (trials, steps).
    pub weights: &'a [R],
}

/// How updates are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Trials per update.
    pub batch_size: usize,
    /// η.
    pub learning_rate: f64,
    /// Largest norm of the gradient.
    pub clip: f64,
    /// Whether core, readout and cerebellum learn.
    pub learns: [bool; 3],
}

/// Adam's memory, one for each group.
#[derive(Debug, Clone)]
pub struct Memory<R>([Optimizer<R>; 3]);

impl<R: Real> Memory<R> {
    /// None yet.
    pub fn new() -> Result<Self> {
        let fresh = || Optimizer::new(ADAM, 0.0, 0.0, None);
        Ok(Self([fresh()?, fresh()?, fresh()?]))
    }
}

impl<'a, R: Real> Lesson<'a, R> {
    /// The lesson of some of the trials.
    fn part(self, trials: std::ops::Range<usize>, n_steps: usize, n_outputs: usize) -> Lesson<'a, R> {
        let steps = trials.start * n_steps..trials.end * n_steps;
        Self {
            targets: &self.targets[steps.start * n_outputs..steps.end * n_outputs],
            weights: &self.weights[steps],
            ..self
        }
    }

    /// Whether there is a target and a weight for every step.
    pub fn check(self, [n_trials, n_steps]: [usize; 2], n_outputs: usize) -> Result<()> {
        let n = n_trials * n_steps;
        if self.targets.len() != n * n_outputs {
            let expected = format!("({n_trials}, {n_steps}, {n_outputs})");
            return Err(Error::shape("targets", &[self.targets.len()], expected));
        }
        if self.weights.len() != n {
            return Err(Error::shape(
                "weights",
                &[self.weights.len()],
                format!("({n_trials}, {n_steps}), one per step"),
            ));
        }
        Ok(())
    }

    /// Calls with the loss.
    pub fn with<O>(self, call: impl FnOnce(&mut dyn Objective<R>) -> O) -> O {
        let (targets, weights) = (self.targets, Weights::Steps(self.weights));
        if self.squared {
            call(&mut MeanSquaredError { targets, weights })
        } else {
            call(&mut CrossEntropy { targets, weights })
        }
    }
}

/// One update for each batch of the trials, in order; the losses before each. What was learned is kept when stopped.
pub fn train<R: Real>(
    network: &mut CerebellarBias<R>,
    memory: &mut Memory<R>,
    trials: Trials<'_, R>,
    lesson: Lesson<'_, R>,
    options: &Options,
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<Vec<f64>> {
    trials.check(network)?;
    let [n_trials, n_steps] = trials.shape;
    let (n_inputs, n_outputs) = (network.sizes.inputs, network.sizes.outputs);
    lesson.check(trials.shape, n_outputs)?;
    if options.batch_size == 0 {
        return Err(Error::value("batch_size", 0, "at least 1"));
    }
    if !(options.clip.is_finite() && options.clip > 0.0) {
        return Err(Error::value("clip", options.clip, "a positive number"));
    }
    for optimizer in &mut memory.0 {
        optimizer.set_learning_rate(options.learning_rate)?;
    }
    let mut batch = Batch::new(network, options.batch_size.min(n_trials));
    let n_updates = n_trials.div_ceil(options.batch_size);
    let mut losses = Vec::with_capacity(n_updates);
    for update in 0..n_updates {
        let rows = update * options.batch_size..((update + 1) * options.batch_size).min(n_trials);
        let inputs = &trials.inputs[rows.start * n_steps * n_inputs..rows.end * n_steps * n_inputs];
        let shape = [rows.len(), n_steps];
        let some = Trials { inputs, shape, ..trials };
        let loss = lesson
            .part(rows, n_steps, n_outputs)
            .with(|objective| batch.teach(network, some, objective, threads))?;
        losses.push(loss);
        step(network, memory, &mut batch.gradient, options)?;
        if monitor.report(Progress { done: update + 1, total: n_updates, loss }) == Flow::Stop {
            break;
        }
        threads.stay_awake();
    }
    Ok(losses)
}

/// One step of what learns, by a gradient whose norm is held to its bound.
fn step<R: Real>(
    network: &mut CerebellarBias<R>,
    memory: &mut Memory<R>,
    gradient: &mut [Parameters<R>; 3],
    options: &Options,
) -> Result<()> {
    let learning = |number: usize| options.learns[number];
    let squares: f64 =
        gradient.iter().enumerate().filter(|(n, _)| learning(*n)).map(|(_, part)| part.squared_norm()).sum();
    let norm = squares.sqrt();
    if !norm.is_finite() {
        return Err(Error::Diverged { what: "the gradient", place: String::new() });
    }
    for (number, group) in GROUPS.into_iter().enumerate() {
        let slope = &mut gradient[number];
        if !learning(number) || slope.is_empty() {
            continue;
        }
        if norm > options.clip {
            slope.scale(options.clip / norm);
        }
        memory.0[number].step(&mut [(network.part_mut(group), &*slope)])?;
    }
    Ok(())
}
