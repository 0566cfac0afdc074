//! BP(λ): synthetic gradients learned online from eligibility traces, without back-propagation through time (Pemberton & Costa
//! 2024, Transactions on Machine Learning Research).
//!
//! ```text
//! ĝ_t = A f(s_t) + a,   t < T − 1;   ĝ_{T−1} = 0            f(s) = s, or the last hidden layer of a perceptron
//! J_t = ∂s_{t+1}/∂s_t,   g_t = ∂L_t/∂s_t                    L_t: what step t adds to the loss, through its output and activity
//! δ_t = J_tᵀ (g_{t+1} + γ ĝ_{t+1}) − ĝ_t                     error of the prediction one step on
//! E_t = γλ J_{t−1} E_{t−1} + ∂ĝ_t/∂(A, a),   E_0 = ∂ĝ_0/∂(A, a),   ∂ĝ_i/∂A_jk = [i = j] f_k,   ∂ĝ_i/∂a_j = [i = j]
//! ∂(A, a) = −(1/B) Σ_trials Σ_t δ_tᵀ E_t                    minus the change that is wanted, for the optimiser
//! cortex   l_t = g_t + w ĝ_t,   ∂L/∂w ← Σ_t l_tᵀ e_t,   e_t = D_t e_{t−1} + ∂s_t/∂w |s_{t−1} constant
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | λ, γ | `lambda`, `gamma` | decay of the traces; discount of predictions |
//! | w | `weight` | how much of a prediction enters the cortex's learning signal |
//! | s | [`WholeState`] | state after step t |
//! | E | | trace of the synthesiser: state × state × (features + 1) |
//! | e, D | `local_trace` | trace of the network's weights; D_t: what a unit's own state passes on to itself. Without, D = 0 |
//! | B | | trials |
//!
//! With λ = γ = 1 the sum over t telescopes: Σ_t δ_tᵀ E_t = Σ_t (G_t − ĝ_t)ᵀ ∂ĝ_t/∂(A, a), G_t the exact gradient of all later
//! losses, although it has never been computed; this is what the tests hold it to. With D = 0 and w = 1, exact ĝ make the
//! cortex's gradient exact. With the unit's own trace (e-prop's, or RFLO's; the published choice) what a unit's own state
//! carries over counts twice where ĝ is right, hence w below one.
//!
//! Σ l_tᵀ e_t of local traces is computed on the way back, λ_t = l_t + D_{t+1}ᵀ λ_{t+1}, which is the same number as long as no
//! weight changes within a lesson and needs no trace per weight. Departures: weights change after a lesson, not at every step;
//! of a perceptron only the last layer has its trace, the hidden ones learn from δ_t and ∂ĝ_t/∂θ alone (as with λ = 0);
//! changes are clipped by the optimiser's global norm, not array by array.

use std::sync::{Mutex, PoisonError};

use super::bptt::finish;
use super::parts::prediction_trace::add_traced;
use super::parts::synthesizer::{check_size, perceptron_of_state, perceptron_state, silent_perceptron, view};
use super::parts::transition::Transition;
use super::parts::whole_state::WholeState;
use super::{Learned, Lesson, Rule};
use crate::error::{Error, Result};
use crate::linalg::Packed;
use crate::network::parameters::Parameters;
use crate::network::perceptron::{Perceptron, Trace};
use crate::numerics::activation::relu;
use crate::real::Real;
use crate::rnn::adjoint::ActivityCost;
use crate::rnn::batch::Batch;
use crate::rnn::block::Block;
use crate::rnn::network::Network;
use crate::rnn::sums::Sums;
use crate::rnn::wiring::Wiring;

/// Numbers that shape the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// λ, in [0, 1].
    pub lambda: f64,
    /// γ, in [0, 1].
    pub gamma: f64,
    /// w.
    pub weight: f64,
    /// Whether the cortex's traces keep what a unit's own state carries over.
    pub local_trace: bool,
    /// Units of the synthesiser's hidden layers; none: it is linear.
    pub hidden: Vec<usize>,
    /// Of the synthesiser's first weights.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lambda: 1.0, gamma: 1.0, weight: 0.1, local_trace: true, hidden: Vec::new(), seed: 0 }
    }
}

/// The rule. Its synthesiser is made in the first lesson, when the size of the state is known.
#[derive(Debug, Clone)]
pub struct BpLambda<R> {
    /// May be changed between lessons, but for what the synthesiser was made from.
    pub settings: Settings,
    synthesizer: Option<Perceptron<R>>,
}

impl<R: Real> BpLambda<R> {
    /// A rule that has learned nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, synthesizer: None }
    }

    /// The synthesiser; None before the first lesson.
    pub fn synthesizer(&self) -> Option<&Perceptron<R>> {
        self.synthesizer.as_ref()
    }
}

impl<R: Real> Rule<R> for BpLambda<R> {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        WholeState::suffices(network)?;
        let Settings { lambda, gamma, weight, hidden, .. } = &self.settings;
        for (argument, value) in [("lambda", lambda), ("gamma", gamma)] {
            if !(0.0..=1.0).contains(value) {
                return Err(Error::value(argument, value, "a number in [0, 1]"));
            }
        }
        if !weight.is_finite() {
            return Err(Error::value("weight", weight, "a finite number"));
        }
        if hidden.contains(&0) {
            return Err(Error::value("hidden", format!("{hidden:?}"), "at least one unit per layer"));
        }
        check_size(self.synthesizer.as_ref(), network)
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        let wiring = Wiring::new(lesson.network);
        let layout = WholeState::of(lesson.network);
        let synthesizer = match self.synthesizer.take() {
            Some(made) => made,
            None => silent_perceptron(layout.size(), &self.settings.hidden, None, self.settings.seed)?,
        };
        let synthesizer = self.synthesizer.insert(synthesizer);
        let loss = lesson.simulate_with_errors(&wiring)?;
        let (activity_loss, cost) = lesson.regularization.activity(&wiring, lesson.workspace);
        let local = self.settings.local_trace.then(|| without_recurrence(lesson.network));
        let pass = Pass {
            wiring: &wiring,
            cortex: local.as_ref().unwrap_or(&wiring),
            layout: &layout,
            batch: lesson.batch,
            cost: &cost,
            settings: &self.settings,
            synthesizer,
            body: body(synthesizer)?,
            transition: Transition::new(&wiring, &layout, lesson.batch.perturbation),
        };
        let mut own = synthesizer.parameters().zeros_like();
        let size = lesson.workspace.blocks[0].n_samples;
        let outcomes: Vec<Mutex<Result<Parameters<R>>>> =
            lesson.workspace.blocks.iter().map(|_| Mutex::new(Ok(Parameters::new()))).collect();
        let gradient = lesson.workspace.gradient(&wiring, lesson.threads, |block| {
            let outcome = pass.block(block);
            *outcomes[block.first / size].lock().unwrap_or_else(PoisonError::into_inner) = outcome;
        });
        for outcome in outcomes {
            own.add(&outcome.into_inner().unwrap_or_else(PoisonError::into_inner)?)?;
        }
        let learned = finish(lesson, loss + activity_loss, gradient);
        Ok(Learned { own, ..learned })
    }

    fn state(&self) -> Parameters<R> {
        let state = self.synthesizer.as_ref().map(|made| perceptron_state(made, made.parameters()));
        state.and_then(Result::ok).unwrap_or_default()
    }

    fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        self.synthesizer = perceptron_of_state(state)?;
        Ok(())
    }

    fn own(&mut self) -> Option<&mut Parameters<R>> {
        self.synthesizer.as_mut().map(Perceptron::parameters_mut)
    }
}

/// A network's wiring through which no unit sends gradients to another.
fn without_recurrence<R: Real>(network: &Network<R>) -> Wiring<'_, R> {
    let mut wiring = Wiring::new(network);
    for recurrent in wiring.segments.iter_mut().flat_map(|segment| &mut segment.recurrent) {
        if wiring.factor.is_none() {
            recurrent.backward = Packed::zeros(recurrent.backward.n_inner(), recurrent.backward.n_columns());
        }
    }
    if let Some(factor) = &mut wiring.factor {
        factor.backward = Packed::zeros(factor.backward.n_inner(), factor.backward.n_columns());
    }
    wiring
}

/// All layers but the last; None if there is only that.
fn body<R: Real>(synthesizer: &Perceptron<R>) -> Result<Option<Perceptron<R>>> {
    let sizes = synthesizer.sizes();
    if sizes.len() == 2 {
        return Ok(None);
    }
    let mut parameters = Parameters::new();
    for array in synthesizer.parameters().iter().take(2 * (sizes.len() - 2)) {
        parameters.push(array.name.clone(), &array.shape, array.values.clone())?;
    }
    Ok(Some(Perceptron::from_parameters(&sizes[..sizes.len() - 1], parameters, None)?))
}

/// What every block is told.
struct Pass<'a, R: Real> {
    wiring: &'a Wiring<'a, R>,
    cortex: &'a Wiring<'a, R>,
    layout: &'a WholeState,
    batch: Batch<'a, R>,
    cost: &'a ActivityCost<R>,
    settings: &'a Settings,
    synthesizer: &'a Perceptron<R>,
    body: Option<Perceptron<R>>,
    transition: Transition<'a, R>,
}

impl<R: Real> Pass<'_, R> {
    /// Fills the block's sums with the cortex's gradient and gives the synthesiser's.
    fn block(&self, block: &mut Block<R>) -> Result<Parameters<R>> {
        let (layout, n_steps, size) = (self.layout, self.batch.n_steps, self.layout.size());
        let rows = block.n_samples * size;
        let mut states = Vec::with_capacity(n_steps * rows);
        for step in 0..n_steps {
            layout.gather(self.wiring, block, step + 1, &mut states);
        }
        let states = view(&states, size)?;
        let mut trace = Trace::new();
        let mut predictions: Vec<R> = self.synthesizer.forward(states, &mut trace)?.iter().copied().collect();
        predictions[(n_steps - 1) * rows..].fill(R::ZERO);
        let mut errors = self.prediction_errors(block, &predictions);
        self.cortex(block, &predictions);
        let mut gradient = self.synthesizer.parameters().zeros_like();
        let scale = R::from_f64(-1.0 / self.batch.n_trials as f64);
        for error in &mut errors {
            *error *= scale;
        }
        let n_features = self.body.as_ref().map_or(size, |body| body.sizes()[body.sizes().len() - 1]);
        let mut sum = vec![R::ZERO; size * (n_features + 1)];
        let decay = R::from_f64(self.settings.gamma * self.settings.lambda);
        if let Some(body) = &self.body {
            let (mut trace_of_body, errors) = (Trace::new(), view(&errors, size)?);
            let mut features: Vec<R> = body.forward(states, &mut trace_of_body)?.iter().copied().collect();
            relu(&mut features);
            self.synthesizer.backward(states, errors, &mut trace, &mut gradient, None)?;
            add_traced(&self.transition, block, decay, &features, errors.as_slice().unwrap_or(&[]), &mut sum);
        } else {
            add_traced(&self.transition, block, decay, states.as_slice().unwrap_or(&[]), &errors, &mut sum);
        }
        let mut last = gradient.iter_mut().rev();
        if let (Some(bias), Some(weights)) = (last.next(), last.next()) {
            let rows = weights.values.chunks_exact_mut(n_features).zip(&mut bias.values);
            for ((weights, bias), sum) in rows.zip(sum.chunks_exact(n_features + 1)) {
                weights.copy_from_slice(&sum[..n_features]);
                *bias = sum[n_features];
            }
        }
        Ok(gradient)
    }

    /// δ_t for all steps: steps × samples × state; zero for the last.
    fn prediction_errors(&self, block: &mut Block<R>, predictions: &[R]) -> Vec<R> {
        let (wiring, layout, n_steps) = (self.wiring, self.layout, self.batch.n_steps);
        let rows = block.n_samples * layout.size();
        let mut errors = Vec::with_capacity(n_steps * rows);
        // The way back adds to sums, which are not wanted here.
        let mut aside = Sums::default();
        aside.clear(wiring);
        std::mem::swap(&mut block.sums, &mut aside);
        for step in 1..n_steps {
            block.carry.clear(wiring, block.n_samples);
            let later = &predictions[step * rows..][..rows];
            layout.add_to_carry(wiring.width, later, self.settings.gamma, &mut block.carry);
            block.go_back(wiring, &self.batch, self.cost, step..step + 1);
            layout.gather_gradient(wiring, block, self.batch.perturbation, step, &mut errors);
        }
        std::mem::swap(&mut block.sums, &mut aside);
        for (error, &prediction) in errors.iter_mut().zip(predictions) {
            *error -= prediction;
        }
        errors.resize(n_steps * rows, R::ZERO);
        errors
    }

    /// Σ l_tᵀ e_t.
    fn cortex(&self, block: &mut Block<R>, predictions: &[R]) {
        let rows = block.n_samples * self.layout.size();
        block.carry.clear(self.cortex, block.n_samples);
        for step in (0..self.batch.n_steps).rev() {
            if !self.settings.local_trace {
                block.carry.clear(self.cortex, block.n_samples);
            }
            let prediction = &predictions[step * rows..][..rows];
            let (width, weight) = (self.cortex.width, self.settings.weight);
            self.layout.add_to_carry(width, prediction, weight, &mut block.carry);
            block.go_back(self.cortex, &self.batch, self.cost, step..step + 1);
        }
        block.add_initial_state(self.cortex, self.batch.initial);
    }
}
