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
//! layer begins at zero, so that learning begins as truncated back-propagation (unless `random_start`). `frozen` (a lesion of
//! the inferior olive): C predicts in every lesson as it does in the first one with it, whatever an optimiser makes of its
//! parameters meanwhile. Frozen and with γ = 0 there is no C at all: truncated back-propagation.
//!
//! L_τ has the scale of the network's objective, a mean over all that is observed, W in weight. With `equal_windows` it is
//! that of the published code, a mean over what is observed in the window, so that a window with little counts as much as any
//! other:
//!
//! ```text
//! L_τ ← L_τ W / Σ_{b ≤ τ' < e} W_τ'      W_τ: weight of what is observed at step τ, in all trials; 0 in windows without any
//! ```
//!
//! The loss that is reported keeps its scale. As there, L_C sums over trials. A state of units that leak on the current is v.

mod way;

use std::sync::{Mutex, PoisonError};

use way::{Beyond, Way};

use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::network::perceptron::Perceptron;
use crate::real::Real;
use crate::rnn::adjoint::ActivityCost;
use crate::rnn::network::Network;
use crate::rnn::rules::bptt::finish;
use crate::rnn::rules::parts::rows::Rows;
use crate::rnn::rules::parts::synthesizer::{
    Synthesizer, check_size, perceptron, perceptron_of_state, perceptron_state, silent_perceptron,
};
use crate::rnn::rules::parts::whole_state::WholeState;
use crate::rnn::rules::{Learned, Lesson, Rule, Signals};
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
    /// C begins with a last layer of random weights instead of zeros.
    pub random_start: bool,
    /// Windows weigh equally, whatever is observed in them.
    pub equal_windows: bool,
    /// Of C's first weights.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: 1,
            bootstrap: 0.1,
            hidden: vec![400],
            n_kept: None,
            frozen: false,
            random_start: false,
            equal_windows: false,
            seed: 0,
        }
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
    rows: Rows<R>,
    /// States at the borders of windows, what C makes of them, and what it should: borders × trials × size.
    states: Vec<R>,
    predictions: Vec<R>,
    targets: Vec<R>,
    /// Each block's targets, windows × samples × size.
    block_targets: Vec<Mutex<Vec<R>>>,
    loss: f64,
}

impl<R: Real> SyntheticGradient<R> {
    /// A rule that has learned nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            synthesizer: None,
            kept: None,
            replacement: None,
            rows: Rows::default(),
            states: Vec::new(),
            predictions: Vec::new(),
            targets: Vec::new(),
            block_targets: Vec::new(),
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

    /// Whether C has a part in the lesson.
    fn asks(&self) -> bool {
        self.settings.bootstrap != 0.0 || !self.settings.frozen
    }

    /// Makes C, or puts it back to where it was frozen.
    fn prepare(&mut self, size: usize) -> Result<()> {
        if self.replacement.is_some() {
            return Ok(());
        }
        if self.synthesizer.is_none() && self.asks() {
            let Settings { hidden, n_kept, seed, .. } = &self.settings;
            let make = if self.settings.random_start { perceptron } else { silent_perceptron };
            self.synthesizer = Some(make(size, hidden, *n_kept, *seed)?);
        }
        if let Some(synthesizer) = &mut self.synthesizer {
            if let Some(kept) = self.kept.take() {
                synthesizer.set_parameters(kept)?;
            }
            self.kept = self.settings.frozen.then(|| synthesizer.parameters().clone());
        }
        Ok(())
    }

    /// By how much each step's loss is scaled; empty: not at all.
    fn factors(&self, lesson: &Lesson<'_, R>) -> Result<Vec<f64>> {
        if !self.settings.equal_windows {
            return Ok(Vec::new());
        }
        let weights = lesson.objective.weight_per_step(lesson.output_shape()).ok_or_else(|| {
            let expected =
                "mse or cross_entropy with equal_windows: a function does not say how its steps weigh";
            Error::value("loss", "a function, or its targets do not fit", expected)
        })?;
        let total: f64 = weights.iter().sum();
        let factor = |window: &[f64]| {
            let weight: f64 = window.iter().sum();
            vec![if weight > 0.0 { total / weight } else { 0.0 }; window.len()]
        };
        Ok(weights.chunks(self.settings.window).flat_map(factor).collect())
    }

    /// What C predicts at every border of windows.
    fn predict(&mut self, lesson: &Lesson<'_, R>, way: &Way<'_, R>) -> Result<()> {
        let (blocks, n_trials) = (&lesson.workspace.blocks, lesson.batch.n_trials);
        self.states.clear();
        for &bound in &way.bounds {
            for block in blocks {
                way.layout.gather(way.wiring, block, bound, &mut self.states);
            }
        }
        self.predictions.clear();
        self.predictions.resize(self.states.len(), R::ZERO);
        if let Some(replacement) = self.replacement.as_deref() {
            for (index, &bound) in way.bounds.iter().enumerate() {
                for block in blocks {
                    let place = way.place(index, block, n_trials);
                    let (states, out) = (&self.states[place.clone()], &mut self.predictions[place]);
                    replacement.predict(block.first, bound, states, out)?;
                }
            }
        } else if let Some(synthesizer) = &self.synthesizer {
            let skipped = way.alike * way.layout.size();
            let n_learned = way.n_windows() * n_trials - way.alike;
            let (states, out) = (&self.states[skipped..], &mut self.predictions[skipped..]);
            self.rows.forward(synthesizer, states, n_learned, out, lesson.threads)?;
            for row in 0..way.alike {
                let first = skipped..skipped + way.layout.size();
                self.predictions.copy_within(first, row * way.layout.size());
            }
        }
        Ok(())
    }

    /// The way back of all blocks; targets come to stand in `self.targets`, windows × trials × size, where anything
    /// from beyond the windows was asked for.
    fn go_back(
        &mut self,
        lesson: &mut Lesson<'_, R>,
        way: &Way<'_, R>,
        cost: &ActivityCost<R>,
        beyond: Beyond,
    ) -> Parameters<R> {
        self.block_targets.resize_with(lesson.workspace.blocks.len(), || Mutex::new(Vec::new()));
        let (targets, size) = (&self.block_targets, lesson.workspace.blocks[0].n_samples);
        let (predictions, bootstrap) = (&self.predictions, self.settings.bootstrap);
        let gradient = lesson.workspace.gradient(way.wiring, lesson.threads, |block| {
            let mut targets = targets[block.first / size].lock().unwrap_or_else(PoisonError::into_inner);
            way.back(block, cost, beyond, predictions, bootstrap, &mut targets);
            block.add_initial_state(way.wiring, way.batch.initial);
        });
        if beyond == Beyond::Nothing {
            return gradient;
        }
        let n_trials = lesson.batch.n_trials;
        self.targets.resize(way.n_windows() * n_trials * way.layout.size(), R::ZERO);
        for (block, targets) in lesson.workspace.blocks.iter().zip(&mut self.block_targets) {
            let targets = targets.get_mut().unwrap_or_else(PoisonError::into_inner);
            let rows = block.n_samples * way.layout.size();
            for (index, found) in targets.chunks_exact(rows).enumerate() {
                self.targets[way.place(index, block, n_trials)].copy_from_slice(found);
            }
        }
        gradient
    }

    /// The gradient of L_C, once the way back has found the targets.
    fn learn_to_predict(&mut self, lesson: &Lesson<'_, R>, way: &Way<'_, R>) -> Result<Parameters<R>> {
        self.loss = 0.0;
        for (target, &prediction) in self.targets.iter_mut().zip(&self.predictions) {
            let error = prediction - *target;
            self.loss += error.to_f64() * error.to_f64();
            *target = error + error;
        }
        match &self.synthesizer {
            None => Ok(Parameters::new()),
            Some(synthesizer) if self.settings.frozen => Ok(synthesizer.parameters().zeros_like()),
            Some(synthesizer) => {
                let skipped = way.alike * way.layout.size();
                let n_learned = way.n_windows() * lesson.batch.n_trials - way.alike;
                let (others, slopes) = self.targets.split_at_mut(skipped);
                for other in others.chunks_exact(way.layout.size()) {
                    for (slope, &other) in slopes.iter_mut().zip(other) {
                        *slope += other;
                    }
                }
                self.rows.backward(synthesizer, &self.states[skipped..], slopes, n_learned, lesson.threads)
            }
        }
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
        let way = Way::new(&wiring, lesson.batch, self.settings.window);
        self.prepare(way.layout.size())?;
        let loss = lesson.simulate_with_scaled_errors(&wiring, &self.factors(lesson)?)?;
        let (activity_loss, cost) = lesson.regularization.activity(&wiring, lesson.workspace);
        let asks = self.asks();
        if asks {
            self.predict(lesson, &way)?;
        }
        let gradient =
            self.go_back(lesson, &way, &cost, if asks { Beyond::Predicted } else { Beyond::Nothing });
        let own = if asks {
            self.learn_to_predict(lesson, &way)?
        } else {
            self.synthesizer.as_ref().map_or_else(Parameters::new, |c| c.parameters().zeros_like())
        };
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

    fn signals(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Option<Signals<R>>> {
        let wiring = Wiring::new(lesson.network);
        let way = Way::new(&wiring, lesson.batch, self.settings.window);
        self.prepare(way.layout.size())?;
        lesson.simulate_with_scaled_errors(&wiring, &self.factors(lesson)?)?;
        let (_, cost) = lesson.regularization.activity(&wiring, lesson.workspace);
        self.predict(lesson, &way)?;
        self.go_back(lesson, &way, &cost, Beyond::Predicted);
        let target = self.targets.clone();
        self.go_back(lesson, &way, &cost, Beyond::Exact);
        let shape = [way.n_windows(), lesson.batch.n_trials, way.layout.size()];
        let predicted = self.predictions[..target.len()].to_vec();
        let states = self.states[..target.len()].to_vec();
        Ok(Some(Signals { shape, states, predicted, target, exact: self.targets.clone() }))
    }

    fn own(&mut self) -> Option<&mut Parameters<R>> {
        self.synthesizer.as_mut().map(Perceptron::parameters_mut)
    }
}
