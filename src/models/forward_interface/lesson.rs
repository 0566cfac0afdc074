//! What one batch teaches: the equations of the parent module, for a part of its rows.
//!
//! A part computes forwards, waits for the gradient of the loss at its outputs, and computes backwards. Gradients are sums over rows;
//! the training makes means of them.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::ForwardInterface;
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::network::perceptron::{Perceptron, Trace};
use crate::numerics::activation::relu;
use crate::real::Real;

/// Sums over rows of squares: of the errors of a synthesiser, and of what it predicts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Squares {
    /// Σ ‖prediction − target‖².
    pub error: f64,
    /// Σ ‖target‖².
    pub target: f64,
}

impl Squares {
    /// Adds those of other rows.
    pub fn add(&mut self, other: Self) {
        self.error += other.error;
        self.target += other.target;
    }
}

/// Buffers for a part of a batch, and what came of it.
#[derive(Debug, Clone)]
pub struct Part<R> {
    main: Vec<Trace<R>>,
    backward: Vec<Trace<R>>,
    forward: Vec<Trace<R>>,
    /// h_1 … h_L, then y.
    activities: Vec<Vec<R>>,
    /// ĥ_1 … ĥ_L.
    predictions: Vec<Vec<R>>,
    slopes: Vec<R>,
    next_slopes: Vec<R>,
    difference: Vec<R>,
    /// Sums over rows, one group per piece of the model, in its order.
    pub gradient: Vec<Parameters<R>>,
    /// Of the synthesisers of each hidden layer.
    pub backward_squares: Vec<Squares>,
    /// Of the synthesisers of each hidden layer.
    pub forward_squares: Vec<Squares>,
}

impl<R: Real> Part<R> {
    /// Nothing learned yet.
    pub fn new(model: &ForwardInterface<R>) -> Self {
        let n_hidden = model.n_hidden();
        let traces = |n: usize| (0..n).map(|_| Trace::new()).collect();
        Self {
            main: traces(n_hidden + 1),
            backward: traces(n_hidden),
            forward: traces(n_hidden),
            activities: vec![Vec::new(); n_hidden + 1],
            predictions: vec![Vec::new(); n_hidden],
            slopes: Vec::new(),
            next_slopes: Vec::new(),
            difference: Vec::new(),
            gradient: model.pieces().map(|piece| piece.parameters().zeros_like()).collect(),
            backward_squares: vec![Squares::default(); n_hidden],
            forward_squares: vec![Squares::default(); n_hidden],
        }
    }

    /// Computes activities, predictions of them, and outputs.
    pub fn compute(&mut self, model: &ForwardInterface<R>, rows: ArrayView2<'_, R>) -> Result<()> {
        for (number, synthesiser) in model.forward.iter().flatten().enumerate() {
            let prediction = synthesiser.forward(rows, &mut self.forward[number])?;
            keep(&mut self.predictions[number], prediction);
        }
        for (number, layer) in model.main.iter().enumerate() {
            let (before, after) = self.activities.split_at_mut(number);
            let input = input(model, number, rows, before, &self.predictions)?;
            keep(&mut after[0], layer.forward(input, &mut self.main[number])?);
            if number < model.n_hidden() {
                relu(&mut after[0]);
            }
        }
        Ok(())
    }

    /// Outputs of the rows that were computed last, row by row.
    pub fn outputs(&self) -> &[R] {
        self.activities.last().map_or(&[], Vec::as_slice)
    }

    /// Replaces gradients and squares by those of the rows that were computed last, given ∂ℓ/∂y.
    pub fn learn(
        &mut self,
        model: &ForwardInterface<R>,
        rows: ArrayView2<'_, R>,
        output_slopes: ArrayView2<'_, R>,
    ) -> Result<()> {
        let (n_rows, n_hidden) = (rows.nrows(), model.n_hidden());
        self.gradient.iter_mut().for_each(Parameters::fill_zero);
        keep(&mut self.slopes, output_slopes);
        let (main_gradient, others) = self.gradient.split_at_mut(n_hidden + 1);
        let (backward_gradient, forward_gradient) =
            others.split_at_mut(model.backward.as_ref().map_or(0, Vec::len));
        for number in (0..=n_hidden).rev() {
            let size = model.main[number].sizes()[1];
            if number < n_hidden {
                let activity = &self.activities[number];
                if let Some(synthesiser) = model.backward.as_ref().map(|pieces| &pieces[number]) {
                    let states = matrix(activity, n_rows, size)?;
                    let prediction = synthesiser.forward(states, &mut self.backward[number])?;
                    keep(&mut self.next_slopes, prediction);
                    self.backward_squares[number] = teach(
                        synthesiser,
                        states,
                        (&self.next_slopes, &self.slopes),
                        (&mut self.backward[number], &mut self.difference),
                        &mut backward_gradient[number],
                    )?;
                    std::mem::swap(&mut self.slopes, &mut self.next_slopes);
                }
                for (slope, &activity) in self.slopes.iter_mut().zip(activity) {
                    *slope = if activity > R::ZERO { *slope } else { R::ZERO };
                }
            }
            let input = input(model, number, rows, &self.activities[..number], &self.predictions)?;
            self.next_slopes.resize(n_rows * input.ncols(), R::ZERO);
            // Nobody learns from the gradient at x.
            let below = if number > 0 {
                Some(matrix_mut(&mut self.next_slopes, n_rows, input.ncols())?)
            } else {
                None
            };
            let slopes = matrix(&self.slopes, n_rows, size)?;
            model.main[number].backward(
                input,
                slopes,
                &mut self.main[number],
                &mut main_gradient[number],
                below,
            )?;
            std::mem::swap(&mut self.slopes, &mut self.next_slopes);
        }
        for (number, synthesiser) in model.forward.iter().flatten().enumerate() {
            self.forward_squares[number] = teach(
                synthesiser,
                rows,
                (&self.predictions[number], &self.activities[number]),
                (&mut self.forward[number], &mut self.difference),
                &mut forward_gradient[number],
            )?;
        }
        Ok(())
    }
}

/// What a layer computes from, given the activities of those below it.
fn input<'a, R: Real>(
    model: &ForwardInterface<R>,
    number: usize,
    rows: ArrayView2<'a, R>,
    activities: &'a [Vec<R>],
    predictions: &'a [Vec<R>],
) -> Result<ArrayView2<'a, R>> {
    let Some(below) = number.checked_sub(1) else { return Ok(rows) };
    let values = if model.forward.is_some() { &predictions[below] } else { &activities[below] };
    matrix(values, rows.nrows(), model.main[number].sizes()[0])
}

/// Adds to `gradient` that of Σ ‖prediction − target‖² for the rows that the trace is of.
fn teach<R: Real>(
    synthesiser: &Perceptron<R>,
    rows: ArrayView2<'_, R>,
    (prediction, target): (&[R], &[R]),
    (trace, difference): (&mut Trace<R>, &mut Vec<R>),
    gradient: &mut Parameters<R>,
) -> Result<Squares> {
    let mut squares = Squares::default();
    difference.clear();
    difference.extend(prediction.iter().zip(target).map(|(&prediction, &target)| {
        let error = prediction - target;
        squares.error += error.to_f64() * error.to_f64();
        squares.target += target.to_f64() * target.to_f64();
        error + error
    }));
    let size = prediction.len() / rows.nrows();
    synthesiser.backward(rows, matrix(difference, rows.nrows(), size)?, trace, gradient, None)?;
    Ok(squares)
}

fn keep<R: Real>(buffer: &mut Vec<R>, values: ArrayView2<'_, R>) {
    buffer.clear();
    buffer.extend(values.iter());
}

fn matrix<R>(values: &[R], n_rows: usize, n_columns: usize) -> Result<ArrayView2<'_, R>> {
    ArrayView2::from_shape((n_rows, n_columns), values).map_err(|_| misfit(values.len(), n_rows, n_columns))
}

fn matrix_mut<R>(values: &mut [R], n_rows: usize, n_columns: usize) -> Result<ArrayViewMut2<'_, R>> {
    let length = values.len();
    ArrayViewMut2::from_shape((n_rows, n_columns), values).map_err(|_| misfit(length, n_rows, n_columns))
}

#[cold]
fn misfit(length: usize, n_rows: usize, n_columns: usize) -> Error {
    Error::shape("rows", &[length], format!("those computed last, ({n_rows}, {n_columns})"))
}
