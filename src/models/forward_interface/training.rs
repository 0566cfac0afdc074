//! Training of the parent module's model: epochs of shuffled batches, with Adam.
//!
//! β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸. Synthesisers have a learning rate of their own: what they predict moves with the main
//! model, and a main model that is faster than they are follows errors of theirs, until both leave the finite numbers.

use ndarray::ArrayView2;

use super::batch::{Batch, Loss};
use super::lesson::Squares;
use super::{ForwardInterface, check_inputs};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Outcome, Progress};
use crate::network::optimizer::{Method, Optimizer};
use crate::network::parameters::Parameters;
use crate::network::perceptron::Perceptron;
use crate::numerics::parallel::Threads;
use crate::numerics::rng::{stream, uniform};
use crate::real::Real;

/// Streams from this number on are for the order of the rows, one per epoch; those below are for weights.
const ORDERS: u64 = 1 << 32;
const ADAM: Method = Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/// How it is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What is lowered.
    pub loss: Loss,
    /// Passes over all rows.
    pub n_epochs: usize,
    /// Rows per update.
    pub batch_size: usize,
    /// Of the main model.
    pub learning_rate: f64,
    /// Of the synthesisers.
    pub synthesiser_learning_rate: f64,
    /// Of the order of rows.
    pub seed: u64,
}

/// What happened, epoch by epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Mean loss of the rows that have targets, each as the model was before the update that it taught.
    pub loss: Vec<f64>,
    /// Σ ‖C_B − g‖² / Σ ‖g‖² over the rows of an epoch, for each hidden layer; empty rows without backward synthesisers.
    pub backward_error: Vec<Vec<f64>>,
    /// Σ ‖C_F − h‖² / Σ ‖h‖² likewise.
    pub forward_error: Vec<Vec<f64>>,
    /// How it ended: iterations exhausted, or interrupted.
    pub outcome: Outcome,
}

/// Trains a model in place. An interrupted training keeps what was learned.
pub fn fit<R: Real>(
    model: &mut ForwardInterface<R>,
    inputs: ArrayView2<'_, R>,
    targets: ArrayView2<'_, R>,
    options: &Options,
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<History> {
    let n_rows = inputs.nrows();
    check_inputs(inputs, model.main[0].sizes()[0])?;
    let n_outputs = model.main[model.n_hidden()].sizes()[1];
    if targets.dim() != (n_rows, n_outputs) {
        let got = [targets.nrows(), targets.ncols()];
        return Err(Error::shape("y", &got, format!("({n_rows}, {n_outputs}), a row for each of X")));
    }
    for (name, value) in [("n_epochs", options.n_epochs), ("batch_size", options.batch_size)] {
        if value == 0 {
            return Err(Error::value(name, 0, "at least 1"));
        }
    }
    let mut optimizers = Optimizers::new(options)?;
    let mut batch = Batch::new(model, options.batch_size.min(n_rows));
    let mut history = History {
        loss: Vec::new(),
        backward_error: Vec::new(),
        forward_error: Vec::new(),
        outcome: Outcome::IterationsExhausted,
    };
    for epoch in 0..options.n_epochs {
        let order = shuffled(n_rows, options.seed, epoch);
        let mut sums = Sums::new(model);
        for rows in order.chunks(options.batch_size) {
            batch.gather(rows, inputs, targets);
            if !batch.is_silent() {
                let loss = batch.teach(model, options.loss, threads)?;
                let squares: f64 = batch.gradient.iter().map(Parameters::squared_norm).sum();
                if !(loss + squares).is_finite() {
                    return Err(diverged("the loss or its gradient", epoch));
                }
                sums.add(&batch, loss);
                optimizers.step(model, &batch.gradient)?;
            }
            let progress = Progress { done: epoch, total: options.n_epochs, loss: sums.mean_loss() };
            if monitor.report(progress) == Flow::Stop {
                history.outcome = Outcome::Interrupted;
                return Ok(history);
            }
        }
        if !model.pieces().all(|piece| piece.parameters().all_finite()) {
            return Err(diverged("a weight", epoch));
        }
        history.loss.push(sums.mean_loss());
        history.backward_error.push(ratios(&sums.backward));
        history.forward_error.push(ratios(&sums.forward));
    }
    Ok(history)
}

#[cold]
fn diverged(what: &'static str, epoch: usize) -> Error {
    Error::Diverged { what, place: format!(" in epoch {epoch}") }
}

/// One for the main model, one for its synthesisers.
struct Optimizers<R> {
    main: Optimizer<R>,
    synthesisers: Optimizer<R>,
}

impl<R: Real> Optimizers<R> {
    fn new(options: &Options) -> Result<Self> {
        // The optimiser would name its own argument.
        let rate = options.synthesiser_learning_rate;
        if !(rate.is_finite() && rate >= 0.0) {
            let expected = "a finite number that is not negative";
            return Err(Error::value("synthesiser_learning_rate", rate, expected));
        }
        let main = Optimizer::new(ADAM, options.learning_rate, 0.0, None)?;
        Ok(Self { main, synthesisers: Optimizer::new(ADAM, rate, 0.0, None)? })
    }

    fn step(&mut self, model: &mut ForwardInterface<R>, gradient: &[Parameters<R>]) -> Result<()> {
        let n_layers = model.main.len();
        let weights = model.pieces_mut().map(Perceptron::parameters_mut);
        let mut groups: Vec<_> = weights.zip(gradient).collect();
        let (main, synthesisers) = groups.split_at_mut(n_layers);
        self.main.step(main)?;
        if !synthesisers.is_empty() {
            self.synthesisers.step(synthesisers)?;
        }
        Ok(())
    }
}

/// Sums over the batches of an epoch.
struct Sums {
    loss: f64,
    n_taught: f64,
    backward: Vec<Squares>,
    forward: Vec<Squares>,
}

impl Sums {
    fn new<R: Real>(model: &ForwardInterface<R>) -> Self {
        let zeros = |exist: bool| vec![Squares::default(); if exist { model.n_hidden() } else { 0 }];
        let (backward, forward) = (zeros(model.backward.is_some()), zeros(model.forward.is_some()));
        Self { loss: 0.0, n_taught: 0.0, backward, forward }
    }

    fn add<R: Real>(&mut self, batch: &Batch<R>, loss: f64) {
        self.loss += loss * batch.n_taught;
        self.n_taught += batch.n_taught;
        for part in batch.parts() {
            for (sum, &squares) in self.backward.iter_mut().zip(&part.backward_squares) {
                sum.add(squares);
            }
            for (sum, &squares) in self.forward.iter_mut().zip(&part.forward_squares) {
                sum.add(squares);
            }
        }
    }

    fn mean_loss(&self) -> f64 {
        self.loss / self.n_taught
    }
}

fn ratios(squares: &[Squares]) -> Vec<f64> {
    squares.iter().map(|squares| squares.error / squares.target).collect()
}

/// The numbers of all rows in a random order, the same for the same seed and epoch.
fn shuffled(n_rows: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut stream = stream(seed, ORDERS + epoch as u64);
    let mut order: Vec<usize> = (0..n_rows).collect();
    for last in (1..n_rows).rev() {
        // A product that rounds up to the number itself would lead beyond the end.
        order.swap(last, ((uniform(&mut stream) * (last + 1) as f64) as usize).min(last));
    }
    order
}
