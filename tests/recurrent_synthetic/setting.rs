//! Networks and trials for the tests of synthetic gradients, and the exact gradients that they are held to.

use std::collections::BTreeMap;
use std::sync::Mutex;

use fastigial::error::Result;
use fastigial::network::objective::{MeanSquaredError, Weights};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng::{normal, stream};
use fastigial::rnn::batch::{Batch, Workspace};
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::perturbation::{Pathway, Perturbation};
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::parts::synthesizer::Synthesizer;
use fastigial::rnn::rules::parts::whole_state::WholeState;
use fastigial::rnn::rules::{Learned, Lesson, Rule};
use fastigial::rnn::structure::{Activation, Adaptation, Cell, Leak, RecurrentDelays, Spiking, Structure};
use fastigial::rnn::wiring::Wiring;

pub const UNITS: usize = 5;
pub const INPUTS: usize = 3;
pub const OUTPUTS: usize = 2;
pub const TRIALS: usize = 11;
pub const STEPS: usize = 7;

pub fn rate(activation: Activation, leak: Leak, alpha: f64) -> Cell {
    let alpha = (0..UNITS).map(|u| alpha - 0.03 * u as f64 * (1.0 - alpha)).collect();
    Cell::Rate { activation, leak, alpha }
}

pub fn kinds() -> Vec<Cell> {
    let adaptation = Some(Adaptation { decay: 0.9, strength: 0.4 });
    let spiking =
        Spiking { decay: 0.8, readout_decay: 0.6, threshold: 0.6, surrogate: 0.5, adaptation: None };
    vec![
        rate(Activation::Tanh, Leak::Rate, 0.4),
        rate(Activation::Tanh, Leak::Rate, 1.0),
        rate(Activation::Tanh, Leak::Current, 0.4),
        Cell::Gru,
        Cell::Lstm,
        Cell::Spiking(spiking),
        Cell::Spiking(Spiking { adaptation, ..spiking }),
    ]
}

pub struct Setting {
    pub network: Network<f64>,
    pub inputs: Vec<f64>,
    pub targets: Vec<f64>,
    pub perturbation: Perturbation<f64>,
    pub regularization: Regularization,
    pub shape: [usize; 2],
}

impl Setting {
    pub fn new(cell: Cell, rank: Option<usize>, limits: Constraints) -> Self {
        let gates = cell.n_gates();
        let mut draws = stream(5, gates as u64);
        let structure = Structure {
            n_inputs: INPUTS,
            n_units: UNITS,
            n_outputs: OUTPUTS,
            cell: cell.clone(),
            noise: 0.2,
            input_noise: 0.1,
            feedback: false,
            recurrent_delays: RecurrentDelays::Uniform(0),
            input_delay: 0,
            feedback_delay: 0,
        };
        let mut parameters = Parameters::new();
        let mut add = |name: &str, shape: &[usize]| {
            let values = (0..shape.iter().product()).map(|_| 0.6 * normal(&mut draws)).collect();
            parameters.push(name, shape, values).unwrap();
        };
        let rows = gates * UNITS;
        match rank {
            Some(rank) => {
                add("U", &[rows, rank]);
                add("V", &[UNITS, rank]);
            }
            None => add("W", &[rows, UNITS]),
        }
        add("W_in", &[rows, INPUTS]);
        add("b", &[rows]);
        add("W_out", &[OUTPUTS, UNITS]);
        add("b_out", &[OUTPUTS]);
        add("h0", &[UNITS]);
        if cell == Cell::Lstm {
            add("c0", &[UNITS]);
        }
        let mut draws = stream(9, 1);
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut draws)).collect() };
        Self {
            network: Network::new(structure, limits, parameters).unwrap(),
            inputs: draw(TRIALS * STEPS * INPUTS),
            targets: draw(TRIALS * STEPS * OUTPUTS),
            perturbation: Perturbation::default(),
            regularization: Regularization::default(),
            shape: [TRIALS, STEPS],
        }
    }

    /// The same with units silenced, pathways cut and costly activity.
    pub fn disturbed(cell: Cell, rank: Option<usize>) -> Self {
        let perturbation = Perturbation {
            current: (0..STEPS * UNITS).map(|k| 0.1 * (k % 3) as f64).collect(),
            silent: (0..STEPS * UNITS).map(|k| k % 4 == 1).collect(),
            lesions: vec![(Pathway::Recurrent, 2..4), (Pathway::Input, 0..3)],
        };
        let regularization =
            Regularization { activity_l2: 0.3, activity_l1: 0.2, ..Regularization::default() };
        Self { perturbation, regularization, ..Self::new(cell, rank, Constraints::default()) }
    }

    pub fn lesson<O>(&self, n_threads: usize, f: impl FnOnce(&mut Lesson<'_, f64>) -> O) -> O {
        let [n_trials, n_steps] = self.shape;
        f(&mut Lesson {
            network: &self.network,
            batch: Batch {
                inputs: &self.inputs,
                n_trials,
                n_steps,
                initial: &[],
                perturbation: &self.perturbation,
                seed: Some(4),
            },
            objective: &mut MeanSquaredError { targets: &self.targets, weights: Weights::None },
            targets: None,
            regularization: &self.regularization,
            seed: 2,
            threads: &Threads::new(Some(n_threads)).unwrap(),
            workspace: &mut Workspace::default(),
        })
    }

    pub fn learn(&self, rule: &mut dyn Rule<f64>) -> Learned<f64> {
        rule.admits(&self.network).unwrap();
        self.lesson(2, |lesson| rule.learn(lesson)).unwrap()
    }

    /// States and exact gradients of all later losses with respect to them, before every step and after the last.
    pub fn truth(&self) -> Truth {
        let wiring = Wiring::new(&self.network);
        let layout = WholeState::of(&self.network);
        let truth = Mutex::new(Truth::default());
        self.lesson(1, |lesson| {
            lesson.simulate_with_errors(&wiring).unwrap();
            let (_, cost) = lesson.regularization.activity(&wiring, lesson.workspace);
            let batch = lesson.batch;
            lesson.workspace.gradient(&wiring, lesson.threads, |block| {
                block.carry.clear(&wiring, block.n_samples);
                for step in (0..=batch.n_steps).rev() {
                    if step < batch.n_steps {
                        block.go_back(&wiring, &batch, &cost, step..step + 1);
                    }
                    let (mut states, mut gradients) = (Vec::new(), Vec::new());
                    layout.gather(&wiring, block, step, &mut states);
                    layout.gather_gradient(&wiring, block, &self.perturbation, step, &mut gradients);
                    truth.lock().unwrap().insert((block.first, step), (states, gradients));
                }
            });
        });
        truth.into_inner().unwrap()
    }
}

/// By first trial of a block and step: states and gradients, samples × size.
pub type Truth = BTreeMap<(usize, usize), (Vec<f64>, Vec<f64>)>;

pub struct Exact(pub Truth);

impl Synthesizer<f64> for Exact {
    fn predict(&self, first: usize, step: usize, states: &[f64], predictions: &mut [f64]) -> Result<()> {
        let (known, gradients) = &self.0[&(first, step)];
        assert_eq!(known, states);
        predictions.copy_from_slice(gradients);
        Ok(())
    }
}

pub fn largest(all: &Parameters<f64>) -> f64 {
    all.iter().flat_map(|p| &p.values).fold(0.0, |most, v| v.abs().max(most))
}

/// Entries agree to a share of the largest.
pub fn close(a: &Parameters<f64>, b: &Parameters<f64>, tolerance: f64) {
    let scale = largest(b);
    assert!(scale > 1e-4, "nothing to compare");
    for (a, b) in a.iter().zip(b) {
        for (k, (x, y)) in a.values.iter().zip(&b.values).enumerate() {
            assert!((x - y).abs() <= tolerance * scale, "{}[{k}]: {x} {y}", b.name);
        }
    }
}

/// Makes the synthesiser predict something.
pub fn stir(own: &mut Parameters<f64>, size: f64) {
    let mut draws = stream(11, 0);
    own.iter_mut()
        .flat_map(|p| &mut p.values)
        .filter(|v| **v == 0.0)
        .for_each(|v| *v = size * normal(&mut draws));
}

/// A linear synthesiser, silent after the last step.
pub struct Linear(pub Parameters<f64>);

impl Synthesizer<f64> for Linear {
    fn predict(&self, _: usize, step: usize, states: &[f64], predictions: &mut [f64]) -> Result<()> {
        let (w, b) = (self.0.values("weight_0").unwrap(), self.0.values("bias_0").unwrap());
        let size = b.len();
        for (s, out) in states.chunks(size).zip(predictions.chunks_mut(size)) {
            for (i, out) in out.iter_mut().enumerate() {
                *out = b[i] + (0..size).map(|j| w[i * size + j] * s[j]).sum::<f64>();
            }
        }
        if step == STEPS {
            predictions.fill(0.0);
        }
        Ok(())
    }
}
