//! Networks, trials and a little algebra for the tests of least-squares rules.

use fastigial::network::objective::{MeanSquaredError, Weights};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng::{normal, stream};
use fastigial::real::Real;
use fastigial::rnn::batch::{Batch, Workspace};
use fastigial::rnn::cells::Readout;
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::perturbation::Perturbation;
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::{Learned, Lesson, Rule};
use fastigial::rnn::structure::{Activation, Cell, Leak, RecurrentDelays, Spiking, Structure};
use fastigial::rnn::wiring::Wiring;

/// A network of units that begin somewhere, with gain `gain` of its recurrent weights.
pub fn network<R: Real>(
    cell: Cell,
    sizes: [usize; 3],
    gain: f64,
    feedback: bool,
    limits: Constraints,
) -> Network<R> {
    let [n_inputs, n_units, n_outputs] = sizes;
    let mut draws = stream(3, n_units as u64);
    let structure = Structure {
        n_inputs,
        n_units,
        n_outputs,
        cell,
        noise: 0.0,
        input_noise: 0.0,
        feedback,
        recurrent_delays: RecurrentDelays::Uniform(0),
        input_delay: 0,
        feedback_delay: 0,
    };
    let mut parameters = Parameters::new();
    let mut add = |name: &str, shape: &[usize], scale: f64| {
        let values = (0..shape.iter().product()).map(|_| R::from_f64(scale * normal(&mut draws)));
        parameters.push(name, shape, values.collect()).unwrap();
    };
    add("W", &[n_units, n_units], gain / (n_units as f64).sqrt());
    add("W_in", &[n_units, n_inputs], 1.0);
    add("W_out", &[n_outputs, n_units], 0.1);
    add("b_out", &[n_outputs], 0.3);
    add("h0", &[n_units], 0.5);
    if feedback {
        add("W_fb", &[n_units, n_outputs], 1.0);
    }
    Network::new(structure, limits, parameters).unwrap()
}

pub fn tanh_units(n: usize, leak: Leak, alpha: f64) -> Cell {
    Cell::Rate { activation: Activation::Tanh, leak, alpha: vec![alpha; n] }
}

pub fn spiking_units() -> Cell {
    Cell::Spiking(Spiking {
        decay: 0.8,
        readout_decay: 0.7,
        threshold: 1.0,
        surrogate: 0.3,
        adaptation: None,
    })
}

pub struct Setting<R> {
    pub inputs: Vec<R>,
    pub targets: Vec<R>,
    pub n_trials: usize,
    pub n_steps: usize,
}

impl<R: Real> Setting<R> {
    pub fn random(n_trials: usize, n_steps: usize, n_inputs: usize, n_outputs: usize, seed: u64) -> Self {
        let mut draws = stream(seed, 7);
        let mut draw =
            |n: usize| (0..n * n_trials * n_steps).map(|_| R::from_f64(normal(&mut draws))).collect();
        Self { inputs: draw(n_inputs), targets: draw(n_outputs), n_trials, n_steps }
    }

    pub fn lesson<O>(
        &self,
        network: &Network<R>,
        targets: bool,
        f: impl FnOnce(&mut Lesson<'_, R>) -> O,
    ) -> O {
        let (none, regularization) = (Perturbation::default(), Regularization::default());
        f(&mut Lesson {
            network,
            batch: Batch {
                inputs: &self.inputs,
                n_trials: self.n_trials,
                n_steps: self.n_steps,
                initial: &[],
                perturbation: &none,
                seed: None,
            },
            objective: &mut MeanSquaredError { targets: &self.targets, weights: Weights::None },
            targets: targets.then_some(&self.targets),
            regularization: &regularization,
            seed: 0,
            threads: &Threads::one(),
            workspace: &mut Workspace::default(),
        })
    }

    /// Learns, and moves the network's weights.
    pub fn learn(&self, network: &mut Network<R>, rule: &mut impl Rule<R>) -> Learned<R> {
        rule.admits(network).unwrap();
        assert!(rule.changes_weights_itself());
        let learned = self.lesson(network, true, |lesson| rule.learn(lesson)).unwrap();
        for (p, change) in network.parameters_mut().iter_mut().zip(&learned.gradient) {
            p.values.iter_mut().zip(&change.values).for_each(|(p, &change)| *p -= change);
        }
        network.constrain();
        learned
    }

    /// What outputs are read from, and the outputs: trials × steps × columns.
    pub fn run(&self, network: &Network<R>) -> (Vec<f64>, Vec<f64>) {
        let wiring = Wiring::new(network);
        self.lesson(network, true, |lesson| {
            let outputs = lesson.simulate(&wiring, None).unwrap();
            let read = match wiring.dynamics.readout() {
                Readout::Activity => lesson.workspace.activity(&wiring),
                Readout::Memory(index) => lesson.workspace.memory(&wiring, index),
            };
            let wide = |values: Vec<R>| values.iter().map(|v| v.to_f64()).collect();
            (wide(read), wide(outputs))
        })
    }

    /// Mean squared error from a step on, with the weights as they are.
    pub fn error(&self, network: &Network<R>, from: usize) -> f64 {
        let (_, outputs) = self.run(network);
        let squares = outputs.iter().zip(&self.targets).map(|(y, t)| (y - t.to_f64()).powi(2));
        squares.skip(from).sum::<f64>() / (outputs.len() - from) as f64
    }
}

/// One trial of a sine of period 60.
pub fn sine<R: Real>(n_steps: usize) -> Setting<R> {
    let wave = |t: usize| R::from_f64((std::f64::consts::TAU * t as f64 / 60.0).sin());
    Setting { inputs: Vec::new(), targets: (0..n_steps).map(wave).collect(), n_trials: 1, n_steps }
}

/// x of A x = b by elimination; A symmetric positive definite.
pub fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        for i in k + 1..n {
            let ratio = a[i][k] / a[k][k];
            let pivot = a[k].clone();
            a[i].iter_mut().zip(&pivot).for_each(|(x, p)| *x -= ratio * p);
            b[i] -= ratio * b[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    b
}

/// Pivots of elimination are positive exactly if a symmetric matrix is positive definite.
pub fn is_positive(p: &[f64], n: usize) -> bool {
    let mut a: Vec<Vec<f64>> = p.chunks(n).map(<[f64]>::to_vec).collect();
    for k in 0..n {
        if a[k][k] <= 0.0 {
            return false;
        }
        let pivot = a[k].clone();
        for row in &mut a[k + 1..] {
            let ratio = row[k] / pivot[k];
            row.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= ratio * p);
        }
    }
    true
}
