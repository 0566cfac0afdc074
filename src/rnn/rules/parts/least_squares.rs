//! Recursive least squares, and what online rules that use it share.
//!
//! ```text
//! P ← I/α;   with every row of regressors r:   k = P r,   P ← P − k kᵀ / (1 + rᵀ k),   gain = P r = k / (1 + rᵀ k)
//! w ← w − (w r − target) gainᵀ         keeps w the minimiser of Σ (w r − target)² + α ‖w − w_0‖² over all rows so far
//! ```
//! (Haykin 2002, Adaptive Filter Theory, ch. 9.) P is double precision whatever the network's, and stays symmetric to the bit: both
//! triangles are computed from the same products. As an array it is cut into "P" and, in single precision, what that leaves
//! over, "P_rest", so that a rule goes on from its state exactly where it stood.

use super::super::Lesson;
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::regularization::Regularization;

/// The inverse correlation of the regressors.
#[derive(Debug, Clone, PartialEq)]
pub struct LeastSquares {
    size: usize,
    inverse: Vec<f64>,
    gain: Vec<f64>,
}

impl LeastSquares {
    /// Before the first row.
    pub fn new(size: usize, alpha: f64) -> Self {
        let mut inverse = vec![0.0; size * size];
        inverse.iter_mut().step_by(size + 1).for_each(|entry| *entry = 1.0 / alpha);
        Self { size, inverse, gain: vec![0.0; size] }
    }

    /// Number of regressors.
    pub fn size(&self) -> usize {
        self.size
    }

    /// P, row by row.
    pub fn inverse(&self) -> &[f64] {
        &self.inverse
    }

    /// Takes a row in; gives its gain.
    pub fn take(&mut self, r: &[f64]) -> &[f64] {
        self.gain.fill(0.0);
        weighted_rows(&mut self.gain, &self.inverse, r);
        let total = 1.0 + r.iter().zip(&self.gain).map(|(r, k)| r * k).sum::<f64>();
        let root = total.sqrt();
        self.gain.iter_mut().for_each(|k| *k /= root);
        subtract_square(&mut self.inverse, &self.gain);
        self.gain.iter_mut().for_each(|k| *k /= root);
        &self.gain
    }

    /// P as arrays of the network's precision. Rounds P to what they can hold.
    pub fn settle<R: Real>(&mut self) -> Parameters<R> {
        let high: Vec<R> = self.inverse.iter().map(|&p| R::from_f64(p)).collect();
        let rest = self.inverse.iter().zip(&high).map(|(&p, h)| R::from_f64(p - h.to_f64()));
        let rest: Vec<R> = rest.collect();
        for ((p, h), r) in self.inverse.iter_mut().zip(&high).zip(&rest) {
            *p = h.to_f64() + r.to_f64();
        }
        let mut state = Parameters::new();
        let shape = [self.size, self.size];
        // Names differ and lengths are those of the shape, so nothing here can fail.
        let _ = state.push("P", &shape, high);
        if R::IS_SINGLE {
            let _ = state.push("P_rest", &shape, rest);
        }
        state
    }

    /// Back from arrays; None if there are none.
    pub fn from_state<R: Real>(state: &Parameters<R>) -> Result<Option<Self>> {
        if state.is_empty() {
            return Ok(None);
        }
        let Some(high) = state.get("P") else {
            return Err(Error::value("state", "without P", "P, what the rule's state held"));
        };
        let size = high.shape.first().copied().unwrap_or(0);
        if high.shape != [size, size] || size == 0 || !state.all_finite() {
            return Err(Error::shape("state", &high.shape, "P, square and finite"));
        }
        let mut inverse: Vec<f64> = high.values.iter().map(|p| p.to_f64()).collect();
        if let Some(rest) = state.values("P_rest") {
            inverse.iter_mut().zip(rest).for_each(|(p, rest)| *p += rest.to_f64());
        }
        Ok(Some(Self { size, inverse, gain: vec![0.0; size] }))
    }

    /// Goes on from `before`, or begins; an error if that was for another number of regressors.
    pub fn resume(before: Option<&Self>, size: usize, alpha: f64) -> Result<Self> {
        match before {
            None => Ok(Self::new(size, alpha)),
            Some(before) if before.size == size => Ok(before.clone()),
            Some(before) => Err(Error::value(
                "rule",
                format!("with P of {} regressors", before.size),
                format!("the network's {size}, or a rule that has not been used yet"),
            )),
        }
    }
}

vectorised! {
    /// sum += Σ_j weights_j rows_j.
    fn weighted_rows<T: Real>(sum: &mut [T], rows: &[T], weights: &[T]) {
        for (row, &weight) in rows.chunks_exact(sum.len()).zip(weights) {
            for (sum, &value) in sum.iter_mut().zip(row) {
                *sum = multiply_add::<T, FUSED>(weight, value, *sum);
            }
        }
    }
}

vectorised! {
    /// P −= k kᵀ.
    fn subtract_square<T: Real>(matrix: &mut [T], k: &[T]) {
        for (row, &left) in matrix.chunks_exact_mut(k.len()).zip(k) {
            for (value, &right) in row.iter_mut().zip(k) {
                *value -= left * right;
            }
        }
    }
}

/// Numbers that such rules share.
pub fn check_settings(alpha: f64, every: usize) -> Result<()> {
    if !(alpha.is_finite() && alpha > 0.0) {
        return Err(Error::value("alpha", alpha, "a positive number"));
    }
    if every == 0 {
        return Err(Error::value("every", every, "at least one step"));
    }
    Ok(())
}

/// The targets of a lesson, checked.
pub fn targets<'a, R: Real>(lesson: &Lesson<'a, R>) -> Result<&'a [R]> {
    let expected = "targets of shape (trials, steps, outputs): the rule learns from errors step by step";
    let Some(targets) = lesson.targets else {
        return Err(Error::value("targets", "not given", expected));
    };
    if targets.len() != lesson.output_shape().iter().product::<usize>() {
        return Err(Error::shape("targets", &[targets.len()], expected));
    }
    if let Some(bad) = targets.iter().find(|target| target.to_f64().is_infinite()) {
        return Err(Error::value("targets", bad, "finite numbers, or NaN where nothing was observed"));
    }
    if targets.iter().all(|target| target.is_nan()) {
        return Err(Error::value("targets", "NaN everywhere", "at least one entry that is observed"));
    }
    if *lesson.regularization != Regularization::default() {
        return Err(Error::value("regularization", "given", "none: least squares have their own, alpha"));
    }
    Ok(targets)
}

/// What the weights lost from one network to the other: "gradients" of rules that change weights themselves.
pub fn loss_of_weights<R: Real>(before: &Network<R>, after: &Network<R>) -> Parameters<R> {
    let mut change = before.parameters().clone();
    for (change, after) in change.iter_mut().zip(after.parameters()) {
        for (change, &after) in change.values.iter_mut().zip(&after.values) {
            *change -= after;
        }
    }
    change
}

/// w_o −= e_o gainᵀ for outputs o whose error is known; `columns` numbers per row of w.
pub fn descend<R: Real>(weights: &mut [R], columns: usize, errors: &[Option<f64>], gain: &[f64]) {
    for (row, error) in weights.chunks_exact_mut(columns).zip(errors) {
        let Some(error) = error else { continue };
        for (weight, &gain) in row.iter_mut().zip(gain) {
            *weight = R::from_f64(weight.to_f64() - error * gain);
        }
    }
}
