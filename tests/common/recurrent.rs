//! Small networks of every kind, trials for them, and one lesson: what the tests of gradients and of learning rules share.

use fastigial::error::Result;
use fastigial::network::objective::{MeanSquaredError, Weights};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng::{normal, stream, uniform};
use fastigial::rnn::batch::{Batch, Workspace};
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::perturbation::Perturbation;
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::{Learned, Lesson, Rule};
use fastigial::rnn::structure::{Activation, Cell, Leak, RecurrentDelays, Structure};

pub const UNITS: usize = 5;
pub const INPUTS: usize = 3;
pub const OUTPUTS: usize = 2;
pub const TRIALS: usize = 11;
pub const STEPS: usize = 7;

/// What is tested beyond the cell.
#[derive(Clone, Default)]
pub struct Options {
    pub rank: Option<usize>,
    pub delays: Option<RecurrentDelays>,
    pub input_delay: usize,
    pub feedback: Option<usize>,
    pub initial: bool,
    pub leak: bool,
    pub noise: f64,
    pub perturbation: Perturbation<f64>,
    pub regularization: Regularization,
    pub constraints: Constraints,
}

pub fn rate(activation: Activation, leak: Leak, alpha: f64) -> Cell {
    Cell::Rate {
        activation,
        leak,
        alpha: (0..UNITS).map(|u| alpha - 0.03 * u as f64 * (1.0 - alpha)).collect(),
    }
}

pub fn network(cell: Cell, options: &Options) -> Network<f64> {
    let gates = cell.n_gates();
    let mut draws = stream(5, gates as u64);
    let structure = Structure {
        n_inputs: INPUTS,
        n_units: UNITS,
        n_outputs: OUTPUTS,
        cell: cell.clone(),
        noise: options.noise,
        input_noise: options.noise,
        feedback: options.feedback.is_some(),
        recurrent_delays: options.delays.clone().unwrap_or(RecurrentDelays::Uniform(0)),
        input_delay: options.input_delay,
        feedback_delay: options.feedback.unwrap_or(0),
    };
    let mut parameters = Parameters::new();
    let mut add = |name: &str, shape: &[usize]| {
        let values = (0..shape.iter().product()).map(|_| 0.6 * normal(&mut draws)).collect();
        parameters.push(name, shape, values).unwrap();
    };
    let rows = gates * UNITS;
    match options.rank {
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
    if options.feedback.is_some() {
        add("W_fb", &[rows, OUTPUTS]);
    }
    if cell == Cell::Gru {
        add("b_n", &[UNITS]);
    }
    if options.initial {
        add("h0", &[UNITS]);
        if cell == Cell::Lstm {
            add("c0", &[UNITS]);
        }
    }
    if options.leak {
        let values = (0..UNITS).map(|u| 0.3 + 0.1 * u as f64).collect();
        parameters.push("alpha", &[UNITS], values).unwrap();
    }
    Network::new(structure, options.constraints.clone(), parameters).unwrap()
}

/// Inputs and what is wanted of the outputs, trials × steps each.
pub struct Setting {
    pub inputs: Vec<f64>,
    pub targets: Vec<f64>,
    pub weights: Vec<f64>,
    pub seed: u64,
}

pub fn setting() -> Setting {
    let mut draws = stream(9, 1);
    let mut targets: Vec<f64> = (0..TRIALS * STEPS * OUTPUTS).map(|_| normal(&mut draws)).collect();
    targets[5] = f64::NAN;
    Setting {
        inputs: (0..TRIALS * STEPS * INPUTS).map(|_| normal(&mut draws)).collect(),
        targets,
        weights: (0..TRIALS * STEPS).map(|_| uniform(&mut draws)).collect(),
        seed: 2,
    }
}

/// What comes of a lesson.
pub fn try_learn(
    network: &Network<f64>,
    setting: &Setting,
    options: &Options,
    rule: &mut dyn Rule<f64>,
    n_threads: usize,
) -> Result<Learned<f64>> {
    let mut objective =
        MeanSquaredError { targets: &setting.targets, weights: Weights::Steps(&setting.weights) };
    let batch = Batch {
        inputs: &setting.inputs,
        n_trials: setting.weights.len() / STEPS,
        n_steps: STEPS,
        initial: &[],
        perturbation: &options.perturbation,
        seed: Some(4),
    };
    batch.check(network).unwrap();
    rule.learn(&mut Lesson {
        network,
        batch,
        objective: &mut objective,
        targets: None,
        regularization: &options.regularization,
        seed: setting.seed,
        threads: &Threads::new(Some(n_threads)).unwrap(),
        workspace: &mut Workspace::default(),
    })
}

/// The same where nothing can go wrong.
pub fn learn(
    network: &Network<f64>,
    setting: &Setting,
    options: &Options,
    rule: &mut dyn Rule<f64>,
    n_threads: usize,
) -> Learned<f64> {
    rule.admits(network).unwrap();
    try_learn(network, setting, options, rule, n_threads).unwrap()
}

/// Rate cells of every activation and leak, and gated ones.
pub fn cells() -> Vec<Cell> {
    let mut cells = vec![Cell::Gru, Cell::Lstm];
    for activation in [
        Activation::Tanh,
        Activation::Softplus,
        Activation::Sigmoid,
        Activation::Relu,
        Activation::RectifiedTanh,
        Activation::Linear,
    ] {
        cells.push(rate(activation, Leak::Rate, 0.4));
        cells.push(rate(activation, Leak::Rate, 1.0));
        cells.push(rate(activation, Leak::Current, 0.4));
    }
    cells
}

/// One of each kind.
pub fn kinds() -> Vec<Cell> {
    vec![
        Cell::Gru,
        Cell::Lstm,
        rate(Activation::Tanh, Leak::Rate, 0.4),
        rate(Activation::Tanh, Leak::Rate, 1.0),
        rate(Activation::Tanh, Leak::Current, 0.4),
    ]
}
