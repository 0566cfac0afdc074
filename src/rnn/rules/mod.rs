//! Learning rules: estimates of the gradient of a loss with respect to the weights, exact or as a brain might have them.
//!
//! Every rule sees the same [`Lesson`] and gives the same [`Learned`]; optimisers, constraints and comparisons know no more
//! of it. One file each.

pub mod bp_lambda;
pub mod bptt;
pub mod eprop;
pub mod feedback_alignment;
pub mod force;
pub mod full_force;
pub mod kolen_pollack;
pub mod miconi;
pub mod node_perturbation;
pub mod parts;
pub mod reinforce;
pub mod rflo;
pub mod rtrl;
pub mod synthetic_gradient;

use super::batch::{Batch, Workspace};
use super::network::Network;
use super::regularization::Regularization;
use super::wiring::Wiring;
use crate::error::Result;
use crate::network::objective::Objective;
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Trials to learn from, and what is wanted of them.
pub struct Lesson<'a, R> {
    /// Who learns.
    pub network: &'a Network<R>,
    /// The trials.
    pub batch: Batch<'a, R>,
    /// The loss.
    pub objective: &'a mut dyn Objective<R>,
    /// What the outputs should be, trials × steps × outputs, NaN where nothing is known: for rules that learn from errors
    /// step by step instead of from the loss of all outputs.
    pub targets: Option<&'a [R]>,
    /// Costs besides the loss.
    pub regularization: &'a Regularization,
    /// Of whatever the rule draws in this lesson.
    pub seed: u64,
    /// Where to compute.
    pub threads: &'a Threads,
    /// Arrays to use again.
    pub workspace: &'a mut Workspace<R>,
}

/// What came of a lesson.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned<R> {
    /// Loss, costs included.
    pub loss: f64,
    /// The rule's estimate of its gradient, laid out as the network's parameters.
    pub gradient: Parameters<R>,
    /// The same for parameters that the rule itself learns; empty if there are none.
    pub own: Parameters<R>,
}

/// Gradients of the loss with respect to states at the starts of windows: windows × trials × variables of the state each.
#[derive(Debug, Clone, PartialEq)]
pub struct Signals<R> {
    /// windows, trials, variables
    pub shape: [usize; 3],
    /// The states.
    pub states: Vec<R>,
    /// What is predicted there.
    pub predicted: Vec<R>,
    /// What the prediction is trained on.
    pub target: Vec<R>,
    /// Back-propagation through all that comes.
    pub exact: Vec<R>,
}

/// A learning rule.
pub trait Rule<R: Real>: Send {
    /// Whether it can be used with a network; a `Value` error about `rule` if not.
    fn admits(&self, _network: &Network<R>) -> Result<()> {
        Ok(())
    }
    /// Its estimate from some trials. `network` and batch have been checked.
    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>>;
    /// What it predicts of gradients in some trials; None if it predicts none.
    fn signals(&mut self, _lesson: &mut Lesson<'_, R>) -> Result<Option<Signals<R>>> {
        Ok(None)
    }
    /// What it has besides the network's weights (feedback weights, running means, inverse correlations): arrays by name.
    fn state(&self) -> Parameters<R> {
        Parameters::new()
    }
    /// Takes back what [`Rule::state`] gave.
    fn set_state(&mut self, _state: &Parameters<R>) -> Result<()> {
        Ok(())
    }
    /// Parameters of its own that the network's optimiser is to change, by the gradients in [`Learned::own`].
    fn own(&mut self) -> Option<&mut Parameters<R>> {
        None
    }
    /// Whether its "gradient" is minus the change of the weights that it wants, past any optimiser.
    fn changes_weights_itself(&self) -> bool {
        false
    }
}

/// The seed of what a rule draws in one lesson, from its own seed and the lesson's.
pub fn seed_of_draws(rule: u64, lesson: u64) -> u64 {
    // Odd multiples keep neighbours apart: seeds are small numbers.
    lesson.wrapping_add(rule.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl<R: Real> Lesson<'_, R> {
    /// Simulates the trials, with exploration of the drive (deviation, probability) if wanted, and checks the outputs.
    pub fn simulate(&mut self, wiring: &Wiring<'_, R>, explore: Option<(f64, f64)>) -> Result<Vec<R>> {
        let explore = explore.map(|(deviation, probability)| (deviation, probability, self.seed));
        self.workspace.simulate(wiring, &self.batch, explore, self.threads)?;
        self.workspace.check_finite(wiring)?;
        Ok(self.workspace.outputs(wiring))
    }

    /// trials, steps, outputs
    pub fn output_shape(&self) -> [usize; 3] {
        [self.batch.n_trials, self.batch.n_steps, self.network.structure().n_outputs]
    }

    /// Simulates, evaluates the loss and hands the blocks its gradient with respect to the outputs: what every rule that
    /// works from errors begins with.
    pub fn simulate_with_errors(&mut self, wiring: &Wiring<'_, R>) -> Result<f64> {
        self.simulate_with_scaled_errors(wiring, &[])
    }

    /// The same with each step's gradient times a factor; none given: 1 everywhere.
    pub fn simulate_with_scaled_errors(&mut self, wiring: &Wiring<'_, R>, factors: &[f64]) -> Result<f64> {
        let outputs = self.simulate(wiring, None)?;
        let mut errors = vec![R::ZERO; outputs.len()];
        let shape = self.output_shape();
        let loss = self.objective.evaluate(shape, &outputs, Some(&mut errors), None)?;
        if !factors.is_empty() {
            let n_outputs = shape[2];
            for (step, row) in errors.chunks_exact_mut(n_outputs).enumerate() {
                let factor = R::from_f64(factors[step % shape[1]]);
                for error in row {
                    *error *= factor;
                }
            }
        }
        self.workspace.distribute(wiring, &errors);
        Ok(loss)
    }
}
