//! Synthetic gradients: a second network learns to predict what later losses will want of the state (a decoupled neural
//! interface, Jaderberg et al. 2017, ICML; as a model of cortex and cerebellum Pemberton et al. 2021, NeurIPS, and Boven et al.
//! 2023, Nat Commun 14:51).
//!
//! ```text
//! windows [0, K), [K, 2K), …, the last one up to T; s_b: state before step b; window [b, e), e = min(b + K, T)
//! seed     λ_e = γ C(s_e)                                                 a constant to all gradients
//! target   δ̄_b = Σ_{b ≤ τ < e} ∂L_τ/∂s_b + γ (∂s_e/∂s_b)ᵀ C(s_e)            nothing passes from a window to the one before it
//! cortex   ∂L/∂w ← Σ_windows ( Σ_{b ≤ τ < e} ∂L_τ/∂w + γ (∂s_e/∂w)ᵀ C(s_e) )     s_b held constant
//! C        L_C = Σ_windows Σ_trials ‖C(s_b) − δ̄_b‖²,   ∂L_C/∂C(s_b) = 2 (C(s_b) − δ̄_b),   nothing passes into s_b
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | K | `window` | steps of a window, the horizon of feedback |
//! | γ | `bootstrap` | how much of a prediction is believed; 0: truncated back-propagation alone |
//! | C | the synthesiser | perceptron from state to gradient: mossy fibres, granule cells (`hidden`, rectified), nuclei |
//! | L_τ | | the part of the loss that step τ's output and activity give rise to |
//! | s | [`WholeState`] | h, v, \[h; c\] … |
//!
//! C is trained on the state at the start of every window, that of step 0 (the initial state) included, and used at the end of
//! every window, that of the last one (s_T, where the true gradient is zero and C is not trained) included. All windows of
//! a lesson use the same C; cortex and C are changed together after it, by one optimiser and under one global norm. C's last
//! layer begins at zero, so that learning begins as truncated back-propagation. `frozen` (a lesion of the inferior olive): C
//! predicts in every lesson as it does in the first one with it, whatever an optimiser makes of its parameters meanwhile.
//!
//! Departures: L_τ has the scale of the network's objective, a mean over all trials, steps and outputs, where the published
//! code takes a mean over the observed entries of each window, so that a window with few of them counts as much as any
//! other. Weights of 1 / (entries of the window) make windows weigh equally here, with a common factor of one over the
//! number of windows. As there, L_C sums over trials. A state of units that leak on the current is v.

use std::sync::{Mutex, PoisonError};

use super::bptt::finish;
use super::parts::synthesizer::{
    Synthesizer, check_size, perceptron_of_state, perceptron_state, silent_perceptron, view,
};
use super::parts::whole_state::WholeState;
use super::{Learned, Lesson, Rule};
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::network::perceptron::{Perceptron, Trace};
use crate::real::Real;
use crate::rnn::adjoint::ActivityCost;
use crate::rnn::batch::Batch;
use crate::rnn::block::Block;
use crate::rnn::network::Network;
use crate::rnn::wiring::Wiring;

/// Numbers that shape the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// K.
    pub window: usize,
    /// γ.
    pub bootstrap: f64,
    /// Units of C's hidden layers; none: C is linear.
    pub hidden: Vec<usize>,
    /// State variables that each unit of C's first layer sees; None: all.
    pub n_kept: Option<usize>,
    /// C is used and not trained.
    pub frozen: bool,
    /// Of C's first weights.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { window: 1, bootstrap: 0.1, hidden: vec![400], n_kept: None, frozen: false, seed: 0 }
    }
}

/// The rule. C is made in the first lesson, when the size of the state is known.
pub struct SyntheticGradient<R> {
    /// May be changed between lessons, but for what C was made from.
    pub settings: Settings,
    synthesizer: Option<Perceptron<R>>,
    /// C's parameters as they were when it was frozen.
    kept: Option<Parameters<R>>,
    replacement: Option<Box<dyn Synthesizer<R>>>,
    scratch: Vec<Mutex<Scratch<R>>>,
    loss: f64,
}

/// Arrays of one block.
struct Scratch<R> {
    states: Vec<R>,
    predictions: Vec<R>,
    targets: Vec<R>,
    trace: Trace<R>,
    gradient: Parameters<R>,
    loss: Result<f64>,
}

impl<R: Real> SyntheticGradient<R> {
    /// A rule that has learned nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            synthesizer: None,
            kept: None,
            replacement: None,
            scratch: Vec::new(),
            loss: f64::NAN,
        }
    }

    /// A rule that asks something else than a perceptron, which is not trained.
    pub fn with_synthesizer(settings: Settings, replacement: Box<dyn Synthesizer<R>>) -> Self {
        Self { replacement: Some(replacement), ..Self::new(settings) }
    }

    /// L_C of the last lesson.
    pub fn synthesizer_loss(&self) -> f64 {
        self.loss
    }

    /// C; None before the first lesson.
    pub fn synthesizer(&self) -> Option<&Perceptron<R>> {
        self.synthesizer.as_ref()
    }

    /// Makes C, or puts it back to where it was frozen.
    fn prepare(&mut self, size: usize) -> Result<()> {
        if self.replacement.is_some() {
            return Ok(());
        }
        if self.synthesizer.is_none() {
            let Settings { hidden, n_kept, seed, .. } = &self.settings;
            self.synthesizer = Some(silent_perceptron(size, hidden, *n_kept, *seed)?);
        }
        if let Some(synthesizer) = &mut self.synthesizer {
            if let Some(kept) = self.kept.take() {
                synthesizer.set_parameters(kept)?;
            }
            self.kept = self.settings.frozen.then(|| synthesizer.parameters().clone());
        }
        Ok(())
    }
}

impl<R: Real> Rule<R> for SyntheticGradient<R> {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        WholeState::suffices(network)?;
        let Settings { window, bootstrap, hidden, n_kept, .. } = &self.settings;
        if *window == 0 {
            return Err(Error::value("window", 0, "at least one step"));
        }
        if !bootstrap.is_finite() {
            return Err(Error::value("bootstrap", bootstrap, "a finite number"));
        }
        if hidden.contains(&0) {
            return Err(Error::value("hidden", format!("{hidden:?}"), "at least one unit per layer"));
        }
        let size = WholeState::of(network).size();
        if let Some(kept) = n_kept
            && !(1..=size).contains(kept)
        {
            return Err(Error::value("n_kept", kept, format!("1 to {size}, the variables of the state")));
        }
        check_size(self.synthesizer.as_ref(), network)
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        let wiring = Wiring::new(lesson.network);
        let layout = WholeState::of(lesson.network);
        self.prepare(layout.size())?;
        let loss = lesson.simulate_with_errors(&wiring)?;
        let (activity_loss, cost) = lesson.regularization.activity(&wiring, lesson.workspace);
        let synthesizer = self.synthesizer.as_ref();
        let trained = synthesizer.filter(|_| !self.settings.frozen);
        let mut own = synthesizer.map_or_else(Parameters::new, |c| c.parameters().zeros_like());
        self.scratch.resize_with(lesson.workspace.blocks.len(), || Mutex::new(Scratch::new()));
        for scratch in &mut self.scratch {
            scratch.get_mut().unwrap_or_else(PoisonError::into_inner).gradient = own.clone();
        }
        let windows = Windows {
            wiring: &wiring,
            layout: &layout,
            batch: lesson.batch,
            cost: &cost,
            settings: &self.settings,
            synthesizer,
            replacement: self.replacement.as_deref(),
            trained,
        };
        let (scratch, size) = (&self.scratch, lesson.workspace.blocks[0].n_samples);
        let gradient = lesson.workspace.gradient(&wiring, lesson.threads, |block| {
            let mut scratch = scratch[block.first / size].lock().unwrap_or_else(PoisonError::into_inner);
            scratch.loss = windows.back(block, &mut scratch);
            block.add_initial_state(&wiring);
        });
        self.loss = 0.0;
        for scratch in &mut self.scratch {
            let scratch = scratch.get_mut().unwrap_or_else(PoisonError::into_inner);
            self.loss += scratch.loss.clone()?;
            own.add(&scratch.gradient)?;
        }
        let learned = finish(lesson, loss + activity_loss, gradient);
        Ok(Learned { own, ..learned })
    }

    fn state(&self) -> Parameters<R> {
        let Some(synthesizer) = &self.synthesizer else { return Parameters::new() };
        let parameters = self.kept.as_ref().unwrap_or_else(|| synthesizer.parameters());
        perceptron_state(synthesizer, parameters).unwrap_or_default()
    }

    fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        (self.synthesizer, self.kept) = (perceptron_of_state(state)?, None);
        Ok(())
    }

    fn own(&mut self) -> Option<&mut Parameters<R>> {
        self.synthesizer.as_mut().map(Perceptron::parameters_mut)
    }
}

impl<R: Real> Scratch<R> {
    fn new() -> Self {
        Self {
            states: Vec::new(),
            predictions: Vec::new(),
            targets: Vec::new(),
            trace: Trace::new(),
            gradient: Parameters::new(),
            loss: Ok(0.0),
        }
    }
}

/// What the way back of every block is told.
struct Windows<'a, R: Real> {
    wiring: &'a Wiring<'a, R>,
    layout: &'a WholeState,
    batch: Batch<'a, R>,
    cost: &'a ActivityCost<R>,
    settings: &'a Settings,
    synthesizer: Option<&'a Perceptron<R>>,
    replacement: Option<&'a dyn Synthesizer<R>>,
    trained: Option<&'a Perceptron<R>>,
}

impl<R: Real> Windows<'_, R> {
    /// All windows of a block, last first, and the gradient of L_C; gives L_C.
    fn back(&self, block: &mut Block<R>, scratch: &mut Scratch<R>) -> Result<f64> {
        let (wiring, layout, n_steps) = (self.wiring, self.layout, self.batch.n_steps);
        let Scratch { states, predictions, targets, trace, gradient, .. } = scratch;
        let bounds: Vec<usize> = (0..n_steps).step_by(self.settings.window).chain([n_steps]).collect();
        states.clear();
        for &bound in &bounds {
            layout.gather(wiring, block, bound, states);
        }
        let rows = block.n_samples * layout.size();
        predictions.clear();
        predictions.resize(states.len(), R::ZERO);
        let states = view(states, layout.size())?;
        if let Some(replacement) = self.replacement {
            let all = states.as_slice().unwrap_or(&[]).chunks_exact(rows);
            for ((&bound, states), out) in bounds.iter().zip(all).zip(predictions.chunks_exact_mut(rows)) {
                replacement.predict(block.first, bound, states, out)?;
            }
        } else if let Some(synthesizer) = self.synthesizer {
            let all = synthesizer.forward(states, trace)?;
            for (out, &value) in predictions.iter_mut().zip(all.iter()) {
                *out = value;
            }
        }
        targets.clear();
        targets.resize(bounds.len() * rows, R::ZERO);
        let mut target = Vec::with_capacity(rows);
        for index in (0..bounds.len() - 1).rev() {
            block.carry.clear(wiring, block.n_samples);
            let seed = &predictions[(index + 1) * rows..][..rows];
            layout.add_to_carry(wiring.width, seed, self.settings.bootstrap, &mut block.carry);
            block.go_back(wiring, &self.batch, self.cost, bounds[index]..bounds[index + 1]);
            target.clear();
            layout.gather_gradient(wiring, block, self.batch.perturbation, bounds[index], &mut target);
            targets[index * rows..][..rows].copy_from_slice(&target);
        }
        // The end of the last window has no target: its own prediction stands there, so that its error is zero.
        let last = (bounds.len() - 1) * rows;
        targets[last..].copy_from_slice(&predictions[last..]);
        let mut loss = 0.0;
        for (target, &prediction) in targets.iter_mut().zip(predictions.iter()) {
            let error = prediction - *target;
            loss += error.to_f64() * error.to_f64();
            *target = error + error;
        }
        if let Some(synthesizer) = self.trained {
            synthesizer.backward(states, view(targets, layout.size())?, trace, gradient, None)?;
        }
        Ok(loss)
    }
}
