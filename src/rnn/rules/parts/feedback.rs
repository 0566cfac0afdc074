//! Weights that bring errors of outputs to the units in the place of the readout's transpose.
//!
//! ```text
//! L_t = B ∂L/∂y_t        B: units × outputs;   random: B ~ N(0, 1 / n_outputs), drawn once;   symmetric: B = W_outᵀ
//! ```
//! Standard deviation 1 / √outputs as in Murray 2019 (eLife 8:e43299): a unit's learning signal has the size of one
//! output's error. Drawn in double precision when a rule first meets its network, by the rule's seed alone.

use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::numerics::rng::{normal, stream};
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::wiring::Wiring;

/// Where B comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Feedback<R> {
    /// Drawn once.
    Random,
    /// The readout's transpose, whatever it is at the time.
    Symmetric,
    /// Given, units × outputs row by row.
    Given(Vec<R>),
}

/// Name of B among a rule's arrays.
const NAME: &str = "feedback";

/// B, once it is known.
#[derive(Debug, Clone)]
pub struct FeedbackWeights<R> {
    origin: Feedback<R>,
    seed: u64,
    weights: Parameters<R>,
}

impl<R: Real> FeedbackWeights<R> {
    /// Checks what was given; nothing is drawn yet.
    pub fn new(origin: Feedback<R>, seed: u64) -> Result<Self> {
        if let Feedback::Given(values) = &origin
            && let Some(bad) = values.iter().find(|v| !v.to_f64().is_finite())
        {
            return Err(Error::value("feedback", bad, "finite numbers"));
        }
        Ok(Self { origin, seed, weights: Parameters::new() })
    }

    /// Whether B fits a network.
    pub fn admits(&self, network: &Network<R>) -> Result<()> {
        let shape = shape_for(network);
        let expected = || format!("feedback weights of shape {shape:?}: units, outputs");
        match (&self.origin, self.weights.get(NAME)) {
            (_, Some(known)) if known.shape != shape => Err(Error::value(
                "rule",
                format!("with feedback weights of shape {:?}", known.shape),
                expected(),
            )),
            (Feedback::Given(values), None) if values.len() != shape[0] * shape[1] => {
                Err(Error::value("rule", format!("with {} feedback weights", values.len()), expected()))
            }
            _ => Ok(()),
        }
    }

    /// Draws or takes B if it is not there yet; says whether it did.
    pub fn prepare(&mut self, network: &Network<R>) -> Result<bool> {
        self.admits(network)?;
        if !self.weights.is_empty() || self.origin == Feedback::Symmetric {
            return Ok(false);
        }
        let shape = shape_for(network);
        let values = if let Feedback::Given(values) = &self.origin {
            values.clone()
        } else {
            let mut draws = stream(self.seed, 0);
            let deviation = 1.0 / (shape[1] as f64).sqrt();
            (0..shape[0] * shape[1]).map(|_| R::from_f64(deviation * normal(&mut draws))).collect()
        };
        self.weights.push(NAME, &shape, values)?;
        Ok(true)
    }

    /// Lets errors of outputs go back through B.
    pub fn apply(&self, wiring: &mut Wiring<'_, R>) {
        if let Some(weights) = self.weights.get(NAME) {
            wiring.replace_output_backward(&transposed(&weights.values, weights.shape[1]));
        }
    }

    /// B as an array; none before it is drawn, or if it is the readout's transpose.
    pub fn state(&self) -> Parameters<R> {
        self.weights.clone()
    }

    /// B to be changed.
    pub fn weights_mut(&mut self) -> &mut Parameters<R> {
        &mut self.weights
    }

    /// Takes back what [`FeedbackWeights::state`] gave.
    pub fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        let fits = match (&self.origin, state.get(NAME)) {
            (Feedback::Symmetric, weights) => weights.is_none() && state.is_empty(),
            (_, Some(weights)) => state.len() == 1 && weights.shape.len() == 2 && state.all_finite(),
            (_, None) => state.is_empty(),
        };
        if !fits {
            let names: Vec<&str> = state.iter().map(|array| array.name.as_str()).collect();
            let expected = "nothing, or finite \"feedback\" of shape (units, outputs) unless it is symmetric";
            return Err(Error::value("state", format!("with arrays {names:?}"), expected));
        }
        self.weights = state.clone();
        Ok(())
    }
}

fn shape_for<R: Real>(network: &Network<R>) -> [usize; 2] {
    [network.structure().n_units, network.structure().n_outputs]
}

/// The transpose of a matrix given row by row.
pub fn transposed<R: Real>(values: &[R], n_columns: usize) -> Vec<R> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..n_columns {
        out.extend(values.iter().skip(column).step_by(n_columns));
    }
    out
}
