//! Training steps of recurrent networks: forward, exact gradient and Adam, one batch, single precision.

use std::hint::black_box;

use fastigial::network::objective::{MeanSquaredError, Weights};
use fastigial::network::optimizer::{Method, Optimizer};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng::{normal, stream};
use fastigial::rnn::batch::{Batch, Workspace};
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::perturbation::Perturbation;
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::bptt::Bptt;
use fastigial::rnn::rules::{Lesson, Rule};
use fastigial::rnn::structure::{Activation, Cell, Leak, RecurrentDelays, Structure};

use crate::Case;

const INPUTS: usize = 8;
const OUTPUTS: usize = 2;
/// Units, trials, steps.
const SIZES: [[usize; 3]; 4] = [[64, 16, 100], [128, 32, 200], [256, 64, 200], [512, 64, 100]];

/// All cases for a number of threads.
pub fn cases(n_threads: usize) -> Vec<Case> {
    let threads = Threads::new(Some(n_threads)).expect("a small number");
    let mut cases = Vec::new();
    for name in ["leaky rate", "LSTM", "GRU"] {
        for [n, n_trials, n_steps] in SIZES {
            let cell = match name {
                "LSTM" => Cell::Lstm,
                "GRU" => Cell::Gru,
                _ => Cell::Rate { activation: Activation::Tanh, leak: Leak::Rate, alpha: vec![0.1; n] },
            };
            let gates = cell.n_gates();
            let rows = (n_trials * n_steps) as f64;
            // Forwards, backwards, and the outer products of the gradient.
            let weights = gates * n * (n + INPUTS) + n * OUTPUTS;
            cases.push(Case {
                name: format!("{name} step, {n} units, {n_trials} × {n_steps}"),
                multiply_adds: 3.0 * weights as f64 * rows,
                bytes: 4.0 * rows * (gates * n) as f64,
                single: true,
                run: step(cell, n, n_trials, n_steps, threads.clone()),
            });
        }
    }
    cases
}

fn step(cell: Cell, n: usize, n_trials: usize, n_steps: usize, threads: Threads) -> Box<dyn FnMut()> {
    let mut draws = stream(0, n as u64);
    let rows = cell.n_gates() * n;
    let mut parameters = Parameters::<f32>::new();
    let scale = 1.0 / (n as f64).sqrt();
    let mut shapes = vec![
        ("W", vec![rows, n]),
        ("W_in", vec![rows, INPUTS]),
        ("b", vec![rows]),
        ("W_out", vec![OUTPUTS, n]),
        ("b_out", vec![OUTPUTS]),
    ];
    if cell == Cell::Gru {
        shapes.push(("b_n", vec![n]));
    }
    for (name, shape) in shapes {
        let values = (0..shape.iter().product()).map(|_| (scale * normal(&mut draws)) as f32).collect();
        parameters.push(name, &shape, values).expect("names differ");
    }
    let structure = Structure {
        n_inputs: INPUTS,
        n_units: n,
        n_outputs: OUTPUTS,
        cell,
        noise: 0.0,
        input_noise: 0.0,
        feedback: false,
        recurrent_delays: RecurrentDelays::Uniform(0),
        input_delay: 0,
        feedback_delay: 0,
    };
    let mut network = Network::new(structure, Constraints::default(), parameters).expect("shapes fit");
    let mut numbers =
        |length: usize| -> Vec<f32> { (0..length).map(|_| normal(&mut draws) as f32).collect() };
    let inputs = numbers(n_trials * n_steps * INPUTS);
    let targets = numbers(n_trials * n_steps * OUTPUTS);
    let method = Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let mut optimizer = Optimizer::new(method, 1e-3, 0.0, None).expect("usual numbers");
    let mut workspace = Workspace::default();
    Box::new(move || {
        let learned = Bptt::default()
            .learn(&mut Lesson {
                network: &network,
                batch: Batch {
                    inputs: &inputs,
                    n_trials,
                    n_steps,
                    initial: &[],
                    perturbation: &Perturbation::default(),
                    seed: None,
                },
                objective: &mut MeanSquaredError { targets: &targets, weights: Weights::None },
                targets: None,
                regularization: &Regularization::default(),
                seed: 0,
                threads: &threads,
                workspace: &mut workspace,
            })
            .expect("a finite gradient");
        optimizer.step(&mut [(network.parameters_mut(), &learned.gradient)]).expect("a finite step");
        black_box(&network);
    })
}
