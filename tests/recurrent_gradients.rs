//! The adjoint of every cell and option against central finite differences of the simulated loss, in double precision.

use fastigial::network::objective::{MeanSquaredError, Weights};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng::{normal, stream, uniform};
use fastigial::rnn::batch::{Batch, Workspace};
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::perturbation::{Pathway, Perturbation};
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::bptt::Bptt;
use fastigial::rnn::rules::{Learned, Lesson, Rule};
use fastigial::rnn::structure::{Activation, Cell, Leak, RecurrentDelays, Structure};

const UNITS: usize = 5;
const INPUTS: usize = 3;
const OUTPUTS: usize = 2;
const TRIALS: usize = 11;
const STEPS: usize = 7;

/// What is tested beyond the cell.
#[derive(Clone, Default)]
struct Options {
    rank: Option<usize>,
    delays: Option<RecurrentDelays>,
    input_delay: usize,
    feedback: Option<usize>,
    initial: bool,
    leak: bool,
    noise: f64,
    perturbation: Perturbation<f64>,
    regularization: Regularization,
    constraints: Constraints,
}

fn rate(activation: Activation, leak: Leak, alpha: f64) -> Cell {
    Cell::Rate {
        activation,
        leak,
        alpha: (0..UNITS).map(|u| alpha - 0.03 * u as f64 * (1.0 - alpha)).collect(),
    }
}

fn network(cell: Cell, options: &Options) -> Network<f64> {
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

struct Setting {
    inputs: Vec<f64>,
    targets: Vec<f64>,
    weights: Vec<f64>,
}

fn setting() -> Setting {
    let mut draws = stream(9, 1);
    let mut targets: Vec<f64> = (0..TRIALS * STEPS * OUTPUTS).map(|_| normal(&mut draws)).collect();
    targets[5] = f64::NAN;
    Setting {
        inputs: (0..TRIALS * STEPS * INPUTS).map(|_| normal(&mut draws)).collect(),
        targets,
        weights: (0..TRIALS * STEPS).map(|_| uniform(&mut draws)).collect(),
    }
}

fn learn(
    network: &Network<f64>,
    setting: &Setting,
    options: &Options,
    rule: &mut dyn Rule<f64>,
    n_threads: usize,
) -> Learned<f64> {
    let mut objective =
        MeanSquaredError { targets: &setting.targets, weights: Weights::Steps(&setting.weights) };
    let batch = Batch {
        inputs: &setting.inputs,
        n_trials: TRIALS,
        n_steps: STEPS,
        initial: &[],
        perturbation: &options.perturbation,
        seed: Some(4),
    };
    batch.check(network).unwrap();
    rule.admits(network).unwrap();
    rule.learn(&mut Lesson {
        network,
        batch,
        objective: &mut objective,
        targets: None,
        regularization: &options.regularization,
        seed: 2,
        threads: &Threads::new(Some(n_threads)).unwrap(),
        workspace: &mut Workspace::default(),
    })
    .unwrap()
}

/// Largest difference between the adjoint and differences of the loss, relative to the largest gradient.
fn agrees(cell: &Cell, options: &Options) {
    let setting = setting();
    let network = network(cell.clone(), options);
    let exact = learn(&network, &setting, options, &mut Bptt::default(), 2);
    let step = 1e-5;
    let mut largest: f64 = 0.0;
    let mut worst: f64 = 0.0;
    let mut place = String::new();
    for (index, entry) in network.parameters().iter().enumerate() {
        let gradient = &exact.gradient.iter().nth(index).unwrap().values;
        for which in 0..entry.values.len() {
            if options.constraints.exists.get(&entry.name).is_some_and(|m| !m[which]) {
                assert_eq!(gradient[which], 0.0);
                continue;
            }
            let loss = |by: f64| {
                let mut moved = network.clone();
                moved.parameters_mut().get_mut(&entry.name).unwrap().values[which] += by;
                learn(&moved, &setting, options, &mut Bptt::default(), 1).loss
            };
            let difference = (loss(step) - loss(-step)) / (2.0 * step);
            largest = largest.max(difference.abs());
            if (difference - gradient[which]).abs() > worst {
                worst = (difference - gradient[which]).abs();
                place = format!("{}[{which}]: {} not {difference}", entry.name, gradient[which]);
            }
        }
    }
    assert!(largest > 1e-3, "nothing to compare");
    assert!(worst < 1e-7 * largest, "{cell:?}: {place}");
}

fn cells() -> Vec<Cell> {
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
fn kinds() -> Vec<Cell> {
    vec![
        Cell::Gru,
        Cell::Lstm,
        rate(Activation::Tanh, Leak::Rate, 0.4),
        rate(Activation::Tanh, Leak::Rate, 1.0),
        rate(Activation::Tanh, Leak::Current, 0.4),
    ]
}

#[test]
fn plain_networks() {
    for cell in cells() {
        agrees(&cell, &Options::default());
    }
}

#[test]
fn delays_on_every_pathway() {
    let mixed: Vec<usize> = (0..UNITS * UNITS).map(|k| [0, 2, 1, 5, 0][k % 5]).collect();
    for cell in kinds() {
        for delays in [RecurrentDelays::Uniform(2), RecurrentDelays::PerConnection(mixed.clone())] {
            let options = Options {
                delays: Some(delays),
                input_delay: 2,
                feedback: Some(1),
                initial: true,
                ..Options::default()
            };
            agrees(&cell, &options);
        }
    }
}

#[test]
fn feedback_initial_states_and_leaks() {
    for cell in kinds() {
        let leak = matches!(cell, Cell::Rate { .. });
        agrees(&cell, &Options { feedback: Some(0), initial: true, leak, noise: 0.3, ..Options::default() });
    }
}

#[test]
fn low_rank_weights() {
    for cell in kinds() {
        agrees(&cell, &Options { rank: Some(2), initial: true, ..Options::default() });
        let delays = Some(RecurrentDelays::Uniform(3));
        agrees(&cell, &Options { rank: Some(1), delays, feedback: Some(2), ..Options::default() });
    }
}

#[test]
fn perturbed_runs() {
    let perturbation = Perturbation {
        current: (0..STEPS * UNITS).map(|k| 0.1 * (k % 3) as f64).collect(),
        silent: (0..STEPS * UNITS).map(|k| k % 4 == 1).collect(),
        lesions: vec![(Pathway::Recurrent, 2..4), (Pathway::Input, 0..3), (Pathway::Feedback, 4..6)],
    };
    for cell in kinds() {
        let options = Options {
            perturbation: perturbation.clone(),
            feedback: Some(1),
            delays: Some(RecurrentDelays::Uniform(1)),
            initial: true,
            ..Options::default()
        };
        agrees(&cell, &options);
        agrees(&cell, &Options { rank: Some(2), delays: None, ..options });
    }
}

#[test]
fn costs_and_masks() {
    let regularization = Regularization {
        activity_l2: 0.3,
        activity_l1: 0.2,
        rate: 0.7,
        target_rate: 0.1,
        weight_l2: 0.05,
        weight_l1: 0.02,
    };
    for cell in kinds() {
        let rows = cell.n_gates() * UNITS;
        let exists =
            [("W".to_owned(), (0..rows * UNITS).map(|k| k % 3 != 0).collect())].into_iter().collect();
        let constraints = Constraints { exists, ..Constraints::default() };
        agrees(&cell, &Options { regularization, constraints, ..Options::default() });
    }
}

#[test]
fn windows_and_checkpoints() {
    let setting = setting();
    for cell in kinds() {
        let options = Options { initial: true, noise: 0.2, ..Options::default() };
        let network = network(cell, &options);
        let mut run = |rule: Bptt, n_threads| learn(&network, &setting, &options, &mut { rule }, n_threads);
        let exact = run(Bptt::default(), 1);
        assert_eq!(exact.gradient, run(Bptt { truncation: Some(STEPS), ..Bptt::default() }, 1).gradient);
        assert_ne!(exact.gradient, run(Bptt { truncation: Some(2), ..Bptt::default() }, 1).gradient);
        for every in [1, 2, 3, STEPS, 2 * STEPS] {
            let again = run(Bptt { checkpoint_every: Some(every), ..Bptt::default() }, 2);
            assert!((again.loss - exact.loss).abs() < 1e-14 * exact.loss);
            for (a, b) in again.gradient.iter().zip(exact.gradient.iter()) {
                for (a, b) in a.values.iter().zip(&b.values) {
                    assert!((a - b).abs() < 1e-13 * (1.0 + b.abs()), "{every}: {a} {b}");
                }
            }
        }
        for n_threads in [2, 5] {
            let other = run(Bptt::default(), n_threads);
            assert_eq!((exact.loss, &exact.gradient), (other.loss, &other.gradient));
        }
    }
}
