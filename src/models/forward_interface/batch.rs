//! A batch of rows, shared between threads.
//!
//! Each thread takes parts of a fixed size, and sums over parts run in their order: numbers do not depend on threads.

use ndarray::{ArrayView2, s};

use super::ForwardInterface;
use super::lesson::Part;
use crate::error::{Error, Result};
use crate::network::objective::{CrossEntropy, MeanSquaredError, Objective, Weights};
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Rows that one thread takes at once.
const ROWS: usize = 32;

/// What is lowered, a mean over rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Cross-entropy of target probabilities and the softmax of the outputs.
    CrossEntropy,
    /// Squared error; NaN targets are not observed.
    SquaredError,
}

/// Rows of a batch side by side, and what they teach.
pub struct Batch<R> {
    inputs: Vec<R>,
    targets: Vec<R>,
    n_rows: usize,
    /// How many of them have targets; a row of which k of n targets were observed counts k / n.
    pub n_taught: f64,
    n_inputs: usize,
    n_outputs: usize,
    parts: Vec<Part<R>>,
    outputs: Vec<R>,
    slopes: Vec<R>,
    /// Means over rows, one group per piece of the model; of the main model, over those with targets.
    pub gradient: Vec<Parameters<R>>,
}

impl<R: Real> Batch<R> {
    /// Room for so many rows.
    pub fn new(model: &ForwardInterface<R>, n_rows: usize) -> Self {
        Self {
            inputs: Vec::new(),
            targets: Vec::new(),
            n_rows: 0,
            n_taught: 0.0,
            n_inputs: model.main[0].sizes()[0],
            n_outputs: model.main[model.n_hidden()].sizes()[1],
            parts: (0..n_rows.div_ceil(ROWS)).map(|_| Part::new(model)).collect(),
            outputs: Vec::new(),
            slopes: Vec::new(),
            gradient: model.pieces().map(|piece| piece.parameters().zeros_like()).collect(),
        }
    }

    /// Takes the rows of these numbers.
    pub fn gather(&mut self, rows: &[usize], inputs: ArrayView2<'_, R>, targets: ArrayView2<'_, R>) {
        self.n_rows = rows.len();
        for (buffer, source) in [(&mut self.inputs, inputs), (&mut self.targets, targets)] {
            buffer.clear();
            for &row in rows {
                buffer.extend(source.row(row).iter());
            }
        }
        let n_observed = self.targets.iter().filter(|target| !target.is_nan()).count();
        self.n_taught = n_observed as f64 / self.n_outputs as f64;
    }

    /// Whether no target was observed.
    pub fn is_silent(&self) -> bool {
        self.n_taught == 0.0
    }

    /// The parts that these rows fill.
    pub fn parts(&self) -> &[Part<R>] {
        &self.parts[..self.n_rows.div_ceil(ROWS)]
    }

    /// The mean loss of the rows; their gradient stays here.
    pub fn teach(&mut self, model: &ForwardInterface<R>, loss: Loss, threads: &Threads) -> Result<f64> {
        let n_parts = self.n_rows.div_ceil(ROWS);
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
        let loss = evaluate(loss, shape, &self.outputs, &self.targets, self.n_taught, &mut self.slopes)?;
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
            let count = if piece < model.main.len() { self.n_taught } else { self.n_rows as f64 };
            sum.scale(1.0 / count);
        }
        Ok(loss)
    }
}

/// The mean loss of rows with targets; fills in the gradient of each row's own, which what is observed of other rows does
/// not change.
fn evaluate<R: Real>(
    loss: Loss,
    shape: [usize; 3],
    outputs: &[R],
    targets: &[R],
    n_taught: f64,
    slopes: &mut Vec<R>,
) -> Result<f64> {
    slopes.resize(outputs.len(), R::ZERO);
    let (weights, gradient) = (Weights::None, Some(slopes.as_mut_slice()));
    let mean = match loss {
        Loss::CrossEntropy => CrossEntropy { targets, weights }.evaluate(shape, outputs, gradient, None),
        Loss::SquaredError => MeanSquaredError { targets, weights }.evaluate(shape, outputs, gradient, None),
    }?;
    let n_taught = R::from_f64(n_taught);
    for slope in slopes.iter_mut() {
        *slope *= n_taught;
    }
    Ok(mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_of_a_row_are_its_own() {
        let (outputs, mut slopes) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Vec::new());
        let nan = f64::NAN;
        // Errors 1, 2 and −1; a row with half of its targets, one with all of them, one with none.
        let targets = [0.0, nan, 1.0, 5.0, nan, nan];
        let loss = evaluate(Loss::SquaredError, [3, 1, 2], &outputs, &targets, 1.5, &mut slopes).unwrap();
        assert_eq!((loss, &slopes[..]), (2.0, &[1.0, 0.0, 2.0, -1.0, 0.0, 0.0][..]));
        let alone = evaluate(Loss::SquaredError, [1, 1, 2], &outputs[2..4], &targets[2..4], 1.0, &mut slopes);
        assert_eq!((alone.unwrap(), &slopes[..]), (2.5, &[2.0, -1.0][..]));
    }
}
