//! Training of the parent module's model: epochs of shuffled batches, with Adam.
//!
//! Rows of a batch are shared between threads in parts of a fixed size, and sums over parts run in their order: numbers do not depend on
//! threads. β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸. Synthesisers have a learning rate of their own: what they predict moves with the main
//! model, and a main model that is faster than they are follows errors of theirs, until both leave the finite numbers.

use ndarray::{ArrayView2, s};

use super::lesson::{Part, Squares};
use super::{ForwardInterface, check_inputs};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Outcome, Progress};
use crate::network::objective::{CrossEntropy, MeanSquaredError, Objective, Weights};
use crate::network::optimizer::{Method, Optimizer};
use crate::network::parameters::Parameters;
use crate::network::perceptron::Perceptron;
use crate::numerics::parallel::Threads;
use crate::numerics::rng::{stream, uniform};
use crate::real::Real;

/// Rows that one thread takes at once.
const ROWS: usize = 32;
/// Streams from this number on are for the order of the rows, one per epoch; those below are for weights.
const ORDERS: u64 = 1 << 32;
const ADAM: Method = Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/// What is lowered, a mean over rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Cross-entropy of target probabilities and the softmax of the outputs.
    CrossEntropy,
    /// Squared error; NaN targets are not observed.
    SquaredError,
}

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
    /// Mean loss of the rows, each as the model was before the update that it taught.
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
            if !batch.targets.iter().all(|target| target.is_nan()) {
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

/// Rows of a batch side by side, and what they teach.
struct Batch<R> {
    inputs: Vec<R>,
    targets: Vec<R>,
    n_rows: usize,
    n_inputs: usize,
    n_outputs: usize,
    parts: Vec<Part<R>>,
    outputs: Vec<R>,
    slopes: Vec<R>,
    /// Means over rows, one group per piece of the model.
    gradient: Vec<Parameters<R>>,
}

impl<R: Real> Batch<R> {
    fn new(model: &ForwardInterface<R>, n_rows: usize) -> Self {
        Self {
            inputs: Vec::new(),
            targets: Vec::new(),
            n_rows: 0,
            n_inputs: model.main[0].sizes()[0],
            n_outputs: model.main[model.n_hidden()].sizes()[1],
            parts: (0..n_rows.div_ceil(ROWS)).map(|_| Part::new(model)).collect(),
            outputs: Vec::new(),
            slopes: Vec::new(),
            gradient: model.pieces().map(|piece| piece.parameters().zeros_like()).collect(),
        }
    }

    fn gather(&mut self, rows: &[usize], inputs: ArrayView2<'_, R>, targets: ArrayView2<'_, R>) {
        self.n_rows = rows.len();
        for (buffer, source) in [(&mut self.inputs, inputs), (&mut self.targets, targets)] {
            buffer.clear();
            for &row in rows {
                buffer.extend(source.row(row).iter());
            }
        }
    }

    /// The parts that these rows fill.
    fn n_parts(&self) -> usize {
        self.n_rows.div_ceil(ROWS)
    }

    /// The mean loss of the rows; their gradient stays here.
    fn teach(&mut self, model: &ForwardInterface<R>, loss: Loss, threads: &Threads) -> Result<f64> {
        let n_parts = self.n_parts();
        let inputs = ArrayView2::from_shape((self.n_rows, self.n_inputs), &self.inputs)
            .map_err(|_| Error::shape("X", &[self.inputs.len()], "whole rows"))?;
        let rows = |part: usize| s![part * ROWS..((part + 1) * ROWS).min(inputs.nrows()), ..];
        let computed = threads.map_chunks(&mut self.parts[..n_parts], 1, |number, part| {
            part.iter_mut().try_for_each(|part| part.compute(model, inputs.slice(rows(number))))
        });
        computed.into_iter().collect::<Result<()>>()?;
        self.outputs.clear();
        for part in &self.parts[..n_parts] {
            self.outputs.extend_from_slice(part.outputs());
        }
        let shape = [self.n_rows, 1, self.n_outputs];
        let loss = evaluate(loss, shape, &self.outputs, &self.targets, &mut self.slopes)?;
        let slopes = ArrayView2::from_shape((self.n_rows, self.n_outputs), &self.slopes)
            .map_err(|_| Error::shape("y", &[self.slopes.len()], "whole rows"))?;
        let learned = threads.map_chunks(&mut self.parts[..n_parts], 1, |number, part| {
            let (inputs, slopes) = (inputs.slice(rows(number)), slopes.slice(rows(number)));
            part.iter_mut().try_for_each(|part| part.learn(model, inputs, slopes))
        });
        learned.into_iter().collect::<Result<()>>()?;
        threads.stay_awake();
        for (piece, sum) in self.gradient.iter_mut().enumerate() {
            sum.fill_zero();
            for part in &self.parts[..n_parts] {
                sum.add(&part.gradient[piece])?;
            }
            sum.scale(1.0 / self.n_rows as f64);
        }
        Ok(loss)
    }
}

/// The mean loss of rows; fills in the gradient of each row's own.
fn evaluate<R: Real>(
    loss: Loss,
    shape: [usize; 3],
    outputs: &[R],
    targets: &[R],
    slopes: &mut Vec<R>,
) -> Result<f64> {
    slopes.resize(outputs.len(), R::ZERO);
    let (weights, gradient) = (Weights::None, Some(slopes.as_mut_slice()));
    let mean = match loss {
        Loss::CrossEntropy => CrossEntropy { targets, weights }.evaluate(shape, outputs, gradient, None),
        Loss::SquaredError => MeanSquaredError { targets, weights }.evaluate(shape, outputs, gradient, None),
    }?;
    let n_rows = R::from_f64(shape[0] as f64);
    for slope in slopes.iter_mut() {
        *slope *= n_rows;
    }
    Ok(mean)
}

/// Sums over the batches of an epoch.
struct Sums {
    loss: f64,
    n_rows: usize,
    backward: Vec<Squares>,
    forward: Vec<Squares>,
}

impl Sums {
    fn new<R: Real>(model: &ForwardInterface<R>) -> Self {
        let zeros = |exist: bool| vec![Squares::default(); if exist { model.n_hidden() } else { 0 }];
        let (backward, forward) = (zeros(model.backward.is_some()), zeros(model.forward.is_some()));
        Self { loss: 0.0, n_rows: 0, backward, forward }
    }

    fn add<R: Real>(&mut self, batch: &Batch<R>, loss: f64) {
        self.loss += loss * batch.n_rows as f64;
        self.n_rows += batch.n_rows;
        for part in &batch.parts[..batch.n_parts()] {
            for (sum, &squares) in self.backward.iter_mut().zip(&part.backward_squares) {
                sum.add(squares);
            }
            for (sum, &squares) in self.forward.iter_mut().zip(&part.forward_squares) {
                sum.add(squares);
            }
        }
    }

    fn mean_loss(&self) -> f64 {
        self.loss / self.n_rows as f64
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
