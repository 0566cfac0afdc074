//! The gradient against finite differences, and what must not change the numbers.

use super::{Channel, Costs, Cursor, Drive, Terms, Trials, Workspace, World};
use crate::error::Error;
use crate::monitor::Stop;
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;
use crate::plant::arm::{Arm, Links};
use crate::plant::body::{Method, Stepping};
use crate::plant::field::Field;
use crate::plant::muscles::{MuscleArm, Muscles};
use crate::plant::point_mass::PointMass;
use crate::plant::senses::Senses;
use crate::rnn::network::{Constraints, Network};
use crate::rnn::structure::{Activation, Cell, Leak, RecurrentDelays, Structure};

const STEPS: usize = 9;
const UNITS: usize = 5;
const TASK: usize = 3;

/// Numbers between low and high that look like chance.
fn numbers(n: usize, low: f64, high: f64, seed: f64) -> Vec<f64> {
    (0..n).map(|i| low + (high - low) * ((i as f64 + seed) * 0.754_877_666).fract()).collect()
}

fn arm() -> Arm {
    let links = Links {
        masses: [1.82, 1.43],
        lengths: [0.309, 0.333],
        centres: [0.135, 0.165],
        inertias: [0.051, 0.057],
    };
    Arm::new(&links, 0.3, None).unwrap()
}

fn muscle_arm() -> MuscleArm {
    let muscles = Muscles {
        max_forces: [838.0, 1207.0, 1422.0, 1549.0, 414.0, 603.0],
        rest_lengths: [0.151, 0.2322, 0.2859, 0.2355, 0.3329, 0.2989],
        linear: [[-0.03, 0.0], [0.03, 0.0], [0.0, -0.014], [0.0, 0.025], [-0.03, -0.016], [0.03, 0.03]],
        quadratic: [[0.0, 0.0], [0.0, 0.0], [0.0, -4e-3], [0.0, -2.2e-3], [0.0, -5.7e-3], [0.0, -3.2e-3]],
        activation_time: 0.015,
        deactivation_time: 0.05,
        min_activation: 0.001,
    };
    MuscleArm { arm: arm(), muscles: muscles.checked().unwrap() }
}

fn cells() -> Vec<Cell> {
    let alpha = vec![0.3, 0.7, 0.5, 0.4, 0.6];
    let rate = |activation, leak| Cell::Rate { activation, leak, alpha: alpha.clone() };
    vec![
        rate(Activation::Tanh, Leak::Rate),
        rate(Activation::Softplus, Leak::Current),
        Cell::Rate { activation: Activation::Tanh, leak: Leak::Rate, alpha: vec![1.0; UNITS] },
        Cell::Gru,
        Cell::Lstm,
    ]
}

fn network<B: Senses>(world: &World<B>, cell: Cell) -> Network<f64> {
    let n_inputs = TASK + world.widths().iter().sum::<usize>();
    let n_outputs = B::N_CONTROLS;
    let (rows, gru, lstm) = (cell.n_gates() * UNITS, cell == Cell::Gru, cell == Cell::Lstm);
    let mut parameters = Parameters::new();
    let mut seed = 0.0;
    let mut push = |name: &str, shape: &[usize]| {
        seed += 0.37;
        let values = numbers(shape.iter().product(), -0.6, 0.6, seed);
        parameters.push(name, shape, values).unwrap();
    };
    push("W", &[rows, UNITS]);
    push("W_in", &[rows, n_inputs]);
    push("b", &[rows]);
    push("W_out", &[n_outputs, UNITS]);
    push("b_out", &[n_outputs]);
    push("h0", &[UNITS]);
    if gru {
        push("b_n", &[UNITS]);
    }
    if lstm {
        push("c0", &[UNITS]);
    }
    let structure = Structure {
        n_inputs,
        n_units: UNITS,
        n_outputs,
        cell,
        noise: 0.0,
        input_noise: 0.0,
        feedback: false,
        recurrent_delays: RecurrentDelays::Uniform(0),
        input_delay: 0,
        feedback_delay: 0,
    };
    Network::new(structure, Constraints::default(), parameters).unwrap()
}

fn channel(n: usize, delay: usize, noise: f64) -> Channel {
    let gain = numbers(n, 0.5, 2.0, 0.1);
    Channel { delay, noise: vec![noise; n], gain, offset: numbers(n, -0.2, 0.2, 0.3) }
}

fn world<B: Senses>(body: B, delays: [usize; 2], noise: f64, drive: Drive) -> World<B> {
    World {
        stepping: Stepping::new(Method::SemiImplicitEuler, 1, 0.01).unwrap(),
        vision: Some(channel(4, delays[0], noise)),
        proprioception: Some(channel(B::N_LIMBS, delays[1], noise)),
        drive,
        costs: Costs {
            radius: Some(0.02),
            effort: 0.02,
            effort_change: 0.03,
            activity: 0.01,
            activity_change: 0.02,
        },
        body,
    }
}

/// What trials borrow from.
struct Lesson {
    n: usize,
    start: Vec<f64>,
    task: Vec<f64>,
    targets: Vec<f64>,
    weights: Vec<f64>,
    fields: Vec<Field>,
    cursors: Vec<Cursor>,
    loads: Vec<f64>,
}

impl Lesson {
    fn new<B: Senses>(n: usize) -> Self {
        let mut start = Vec::new();
        for trial in 0..n {
            let mut state = vec![0.7 + 0.02 * trial as f64, 1.2, 0.3, -0.4];
            state.resize(B::N_STATES, 0.2);
            start.extend(state);
        }
        let fields = (0..n).map(|i| Field {
            viscosity: [0.0, 5.0 * i as f64, -5.0 * i as f64, 1.0],
            stiffness: [20.0, 0.0, 3.0, 10.0],
            origin: [0.1, 0.2],
        });
        let cursors = (0..n).map(|i| {
            let (sine, cosine) = (0.2 * i as f64).sin_cos();
            Cursor { matrix: [cosine, -sine, sine, 1.1 * cosine], origin: [0.0, 0.3] }
        });
        Self {
            n,
            start,
            task: numbers(n * STEPS * TASK, -1.0, 1.0, 0.2),
            targets: numbers(n * STEPS * 2, 0.1, 0.6, 0.4),
            weights: numbers(n * STEPS, 0.0, 2.0, 0.6),
            fields: fields.collect(),
            cursors: cursors.collect(),
            loads: numbers(n * STEPS * 2, -1.0, 1.0, 0.8),
        }
    }

    fn trials(&self, seed: Option<u64>) -> Trials<'_, f64> {
        Trials {
            n_trials: self.n,
            n_steps: STEPS,
            start: &self.start,
            task: &self.task,
            targets: &self.targets,
            position_weights: &self.weights,
            velocity_weights: &self.weights,
            fields: &self.fields,
            cursors: &self.cursors,
            loads: Some(&self.loads),
            seed,
        }
    }
}

fn gradient<B: Senses>(
    world: &World<B>,
    network: &Network<f64>,
    lesson: &Lesson,
    threads: &Threads,
) -> (Terms, Parameters<f64>) {
    let mut workspace = Workspace::default();
    world.gradient(network, &lesson.trials(Some(3)), &mut workspace, threads, &Stop::default()).unwrap()
}

fn loss<B: Senses>(world: &World<B>, network: &Network<f64>, lesson: &Lesson) -> f64 {
    let (mut workspace, stop) = (Workspace::default(), Stop::default());
    world.run(network, &lesson.trials(Some(3)), &mut workspace, &Threads::one(), &stop).unwrap().total()
}

/// Largest error of the gradient, relative to the largest entry of its parameter.
fn worst<B: Senses>(world: &World<B>, cell: Cell) -> f64 {
    let lesson = Lesson::new::<B>(3);
    let network = network(world, cell);
    let (terms, found) = gradient(world, &network, &lesson, &Threads::one());
    assert!((terms.total() - loss(world, &network, &lesson)).abs() < 1e-15);
    let h = 1e-5;
    let mut worst = 0.0_f64;
    for (array, found) in network.parameters().iter().zip(&found) {
        let scale = found.values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        assert!(scale > 0.0, "no gradient of {}", array.name);
        // Enough entries of each.
        for at in (0..array.values.len()).step_by(1 + array.values.len() / 12) {
            let moved = |h: f64| {
                let mut other = network.clone();
                other.parameters_mut().get_mut(&array.name).unwrap().values[at] += h;
                loss(world, &other, &lesson)
            };
            // Fourth order: an error of h⁴.
            let slope = (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
            worst = worst.max((found.values[at] - slope).abs() / scale);
        }
    }
    worst
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    for cell in cells() {
        for (delays, noise) in [([0, 0], 0.0), ([3, 1], 0.02), ([2, 40], 0.01)] {
            let linear = Drive::Linear(2.0);
            for found in [
                worst(&world(PointMass::new(0.8, 0.2).unwrap(), delays, noise, linear), cell.clone()),
                worst(&world(arm(), delays, noise, linear), cell.clone()),
                worst(&world(muscle_arm(), delays, noise, Drive::Sigmoid), cell.clone()),
            ] {
                assert!(found < 1e-6, "{cell:?}, delays {delays:?}, noise {noise}: {found}");
            }
        }
    }
}

#[test]
fn squared_distances_and_runge_kutta_have_their_gradients() {
    let mut squared = world(arm(), [1, 2], 0.0, Drive::Linear(1.0));
    squared.costs.radius = None;
    squared.stepping = Stepping::new(Method::RungeKutta, 2, 0.02).unwrap();
    assert!(worst(&squared, Cell::Gru) < 1e-6);
    // Vision without velocity, and nothing felt.
    squared.vision = Some(channel(2, 1, 0.0));
    squared.proprioception = None;
    assert!(worst(&squared, Cell::Gru) < 1e-6);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let world = world(muscle_arm(), [2, 1], 0.05, Drive::Sigmoid);
    let (network, lesson) = (network(&world, Cell::Gru), Lesson::new::<MuscleArm>(70));
    let once = gradient(&world, &network, &lesson, &Threads::one());
    for n_threads in [2, 3] {
        let threads = Threads::new(Some(n_threads)).unwrap();
        assert_eq!(once, gradient(&world, &network, &lesson, &threads));
    }
}

#[test]
fn a_trial_does_not_depend_on_its_company() {
    let world = world(arm(), [2, 1], 0.05, Drive::Linear(1.0));
    let network = network(&world, Cell::Gru);
    let states = |n: usize| {
        let (lesson, mut workspace) = (Lesson::new::<Arm>(n), Workspace::default());
        let trials = lesson.trials(Some(3));
        world.run(&network, &trials, &mut workspace, &Threads::one(), &Stop::default()).unwrap();
        workspace.states(STEPS, 4)
    };
    let (few, many) = (states(1), states(40));
    assert_eq!(few[..(STEPS + 1) * 4], many[..(STEPS + 1) * 4]);
}

#[test]
fn what_was_asked_to_stop_stops() {
    let world = world(arm(), [0, 0], 0.0, Drive::Linear(1.0));
    let (network, lesson, stop) = (network(&world, Cell::Gru), Lesson::new::<Arm>(2), Stop::default());
    stop.ask();
    let mut workspace = Workspace::default();
    let found = world.gradient(&network, &lesson.trials(None), &mut workspace, &Threads::one(), &stop);
    assert_eq!(found.unwrap_err(), Error::Interrupted);
}

#[test]
fn what_does_not_fit_is_refused() {
    let good = world(arm(), [0, 0], 0.0, Drive::Linear(1.0));
    let (network, lesson) = (network(&good, Cell::Gru), Lesson::new::<Arm>(2));
    let refused = |world: &World<Arm>, trials: &Trials<'_, f64>| {
        let (mut workspace, stop) = (Workspace::default(), Stop::default());
        world.run(&network, trials, &mut workspace, &Threads::one(), &stop).unwrap_err().to_string()
    };
    let trials = lesson.trials(None);
    assert!(refused(&good, &Trials { targets: &[0.0; 3], ..trials }).starts_with("targets has shape"));
    assert!(refused(&good, &Trials { n_steps: 0, ..trials }).starts_with("task has shape"));
    assert!(
        refused(&good, &Trials { task: &[f64::NAN; 2 * STEPS * TASK], ..trials })
            .starts_with("task is not finite")
    );
    let blind = World { vision: None, costs: Costs { effort: -1.0, ..good.costs }, ..good.clone() };
    assert_eq!(refused(&blind, &trials), "effort is -1, expected a finite number, 0 or more");
    let odd = World { vision: Some(channel(3, 0, 0.0)), ..good };
    assert!(refused(&odd, &trials).starts_with("vision has shape [3, 3, 3]"));
}
