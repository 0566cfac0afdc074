//! What rules that learn from exploration share: kicks of the units' drive, losses of trials, and sums of products.
//!
//! ```text
//! z̃_t = z_t + ξ_t,  ξ ~ N(0, σ²)            units are kicked inside the nonlinearity, independently in every trial
//! ∂L/∂W ≈ Σ_b Σ_t f_b ξ_{bt} p_{bt}ᵀ        f_b = (change of trial b's share of the loss) / σ²;   p: presynaptic activity
//! ```
//! A trial's kicks change its own share of the loss only, so each trial is an estimate by itself. Kicks reach one slot of
//! drive, which is all that rate and spiking units have; of gated cells they would reach the candidate alone.

use std::ops::Range;

use super::super::Lesson;
use crate::error::{Error, Result};
use crate::linalg::{Rows, add_outer};
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::perturbation::{Pathway, Perturbation};
use crate::rnn::structure::Cell;
use crate::rnn::sums::Sums;
use crate::rnn::tape::Tape;
use crate::rnn::wiring::Wiring;

/// Rows of samples and steps whose outer products are summed at once.
const CHUNK_ROWS: usize = 256;

/// A standard deviation of kicks.
pub fn deviation(sigma: f64) -> Result<f64> {
    if sigma.is_finite() && sigma > 0.0 {
        return Ok(sigma);
    }
    Err(Error::value("sigma", sigma, "a standard deviation, finite and above 0"))
}

/// Whether all that a network learns can be explored by kicks of the drive.
pub fn admits<R: Real>(network: &Network<R>) -> Result<()> {
    let refuse = |got: &str, expected: &str| Err(Error::value("rule", got, expected));
    if matches!(network.structure().cell, Cell::Gru | Cell::Lstm) {
        let expected =
            "rate or spiking units: exploration reaches the candidate of a gated cell, not its gates";
        return refuse("one that explores, for gated units", expected);
    }
    if network.rank().is_some() {
        return refuse("one that explores, for low-rank weights", "full recurrent weights");
    }
    for (name, what) in [("h0", "initial states"), ("alpha", "leaks")] {
        if learns(network, name)? {
            let got = format!("one that explores the drive, for a network that learns {name}");
            return refuse(&got, &format!("{what} that are not trainable"));
        }
    }
    Ok(())
}

/// Whether any entry of a parameter is learned.
fn learns<R: Real>(network: &Network<R>, name: &str) -> Result<bool> {
    let length = network.values(name).len();
    let mut probe = Parameters::new();
    probe.push(name, &[length], vec![R::ONE; length])?;
    network.constrain_gradient(&mut probe);
    Ok(probe.squared_norm() > 0.0)
}

/// What came of a run.
pub struct Outcome {
    /// The loss.
    pub loss: f64,
    /// Losses of the trials, of which it is the mean.
    pub of_trials: Vec<f64>,
}

/// Runs the trials, kicked by (deviation, probability) if wanted, and hands the blocks the errors of their outputs.
pub fn run<R: Real>(
    lesson: &mut Lesson<'_, R>,
    wiring: &Wiring<'_, R>,
    kicks: Option<(f64, f64)>,
) -> Result<Outcome> {
    if lesson.regularization.needs_activity() {
        let expected =
            "costs of weights alone with a rule that explores, which sees the loss and not the activity";
        return Err(Error::value("regularization", "a cost of activity", expected));
    }
    let outputs = lesson.simulate(wiring, kicks)?;
    let mut errors = vec![R::ZERO; outputs.len()];
    let mut shares = vec![0.0; lesson.batch.n_trials];
    let shape = lesson.output_shape();
    let loss = lesson.objective.evaluate(shape, &outputs, Some(&mut errors), Some(&mut shares))?;
    lesson.workspace.distribute(wiring, &errors);
    let n_trials = shares.len() as f64;
    Ok(Outcome { loss, of_trials: shares.into_iter().map(|share| share * n_trials).collect() })
}

/// What arrives at the units, laid out as the tape's own arrays.
#[derive(Clone, Copy)]
pub struct Presynaptic<'a, R> {
    /// Activity.
    pub activity: &'a [R],
    /// Inputs.
    pub input: &'a [R],
    /// Outputs.
    pub output: &'a [R],
}

impl<'a, R: Real> Presynaptic<'a, R> {
    /// As it was.
    pub fn of(tape: &'a Tape<R>) -> Self {
        Self { activity: &tape.activity, input: &tape.input, output: &tape.output }
    }
}

/// Multiplies every sample's rows of steps × samples × width by its factor.
pub fn weigh<R: Real>(rows: &mut [R], width: usize, factors: &[f64]) {
    for of_step in rows.chunks_exact_mut(factors.len() * width) {
        for (row, &factor) in of_step.chunks_exact_mut(width).zip(factors) {
            let factor = R::from_f64(factor);
            for value in row {
                *value *= factor;
            }
        }
    }
}

/// Adds Σ_t score_t p_tᵀ to the sums of all weights into the units, where pathways are not cut.
pub fn add_products<R: Real>(
    wiring: &Wiring<'_, R>,
    tape: &Tape<R>,
    perturbation: &Perturbation<R>,
    scores: &[R],
    presynaptic: Presynaptic<'_, R>,
    sums: &mut Sums<R>,
) {
    let (n, width, n_units) = (tape.n_samples, wiring.width, wiring.network.structure().n_units);
    let left = |step: usize| Rows { values: &scores[step * n * width..], stride: width, width: n_units };
    let rows_of = |values, width| Rows { values, stride: width, width };
    for steps in open(perturbation, Pathway::Recurrent, tape) {
        let weights = wiring.segments.iter().flat_map(|segment| &segment.recurrent);
        for (sum, weights) in sums.recurrent.iter_mut().zip(weights) {
            let past = (tape.n_lags + steps.start - 1 - weights.delay) * n * width;
            let right = rows_of(&presynaptic.activity[past..], width);
            add_outer(sum, steps.len() * n, left(steps.start), right);
        }
    }
    for steps in open(perturbation, Pathway::Input, tape) {
        let right = rows_of(&presynaptic.input[steps.start * n * wiring.input_width..], wiring.input_width);
        add_outer(&mut sums.input, steps.len() * n, left(steps.start), right);
    }
    if !sums.feedback.is_empty() {
        for steps in open(perturbation, Pathway::Feedback, tape) {
            let width = wiring.output_width;
            let right = rows_of(&presynaptic.output[steps.start * n * width..], width);
            add_outer(&mut sums.feedback, steps.len() * n, left(steps.start), right);
        }
    }
    for row in scores.chunks_exact(width) {
        for (sum, &score) in sums.bias.iter_mut().zip(row) {
            *sum += score;
        }
    }
}

/// Stretches of steps in which a pathway is not cut, short enough for the cache.
fn open<R: Real>(perturbation: &Perturbation<R>, pathway: Pathway, tape: &Tape<R>) -> Vec<Range<usize>> {
    let longest = (CHUNK_ROWS / tape.n_samples.max(1)).max(1);
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for step in (0..tape.n_steps).filter(|step| !perturbation.cuts(pathway, tape.first + step)) {
        match stretches.last_mut() {
            Some(last) if last.end == step && last.len() < longest => last.end += 1,
            _ => stretches.push(step..step + 1),
        }
    }
    stretches
}
