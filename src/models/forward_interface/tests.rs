use ndarray::{Array2, ArrayView2, Axis};

use super::lesson::Part;
use super::training::{Options, fit};
use super::{ForwardInterface, Loss, Structure};
use crate::error::Error;
use crate::monitor::{Flow, Monitor, Outcome, Progress, Silent};
use crate::network::objective::{CrossEntropy, Objective, Weights};
use crate::network::parameters::Parameters;
use crate::network::perceptron::Perceptron;
use crate::numerics::parallel::Threads;
use crate::numerics::rng;

const SIZES: [usize; 5] = [4, 6, 5, 7, 3];

fn structure(backward: bool, forward: bool) -> Structure {
    Structure { sizes: SIZES.to_vec(), synthesiser: vec![8], backward, forward }
}

/// A model none of whose weights is zero.
fn model(backward: bool, forward: bool) -> ForwardInterface<f64> {
    let mut made = ForwardInterface::random(&structure(backward, forward), 3).unwrap();
    let mut stream = rng::stream(4, 0);
    for array in made.pieces_mut().flat_map(|piece| piece.parameters_mut().iter_mut()) {
        array.values.iter_mut().for_each(|value| *value += 0.3 * rng::normal(&mut stream));
    }
    made
}

fn normal(n_rows: usize, n_columns: usize, item: u64) -> Array2<f64> {
    let mut stream = rng::stream(5, item);
    Array2::from_shape_fn((n_rows, n_columns), |_| rng::normal(&mut stream))
}

/// Classes in turn.
fn classes(n_rows: usize) -> Array2<f64> {
    Array2::from_shape_fn((n_rows, SIZES[4]), |(row, class)| f64::from(row % SIZES[4] == class))
}

/// The mean loss, and what the rows teach: gradients are means over rows.
fn lesson(
    model: &ForwardInterface<f64>,
    inputs: ArrayView2<'_, f64>,
    targets: ArrayView2<'_, f64>,
) -> (f64, Part<f64>) {
    let n_rows = inputs.nrows();
    let mut part = Part::new(model);
    part.compute(model, inputs).unwrap();
    let mut slopes = vec![0.0; part.outputs().len()];
    let targets = targets.as_standard_layout().into_owned();
    let mut objective = CrossEntropy { targets: targets.as_slice().unwrap(), weights: Weights::None };
    let shape = [n_rows, 1, targets.ncols()];
    let loss = objective.evaluate(shape, part.outputs(), Some(&mut slopes), None).unwrap();
    part.learn(model, inputs, ArrayView2::from_shape(targets.dim(), &slopes).unwrap()).unwrap();
    (loss, part)
}

fn agree(got: &[Parameters<f64>], expected: &[Parameters<f64>]) {
    for (got, expected) in got.iter().zip(expected) {
        for (got, expected) in got.iter().zip(expected) {
            assert_eq!(got.shape, expected.shape);
            for (a, b) in got.values.iter().zip(&expected.values) {
                assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{}: {a} {b}", got.name);
            }
        }
    }
}

/// The gradient of a piece against differences of a function of its weights.
fn agrees_with_differences(
    model: &ForwardInterface<f64>,
    piece: usize,
    gradient: &Parameters<f64>,
    function: impl Fn(&ForwardInterface<f64>) -> f64,
) {
    let scale = gradient.iter().flat_map(|array| &array.values).fold(0.0_f64, |m, g| m.max(g.abs()));
    assert!(scale > 0.0);
    for (number, array) in gradient.iter().enumerate() {
        for (entry, &slope) in array.values.iter().enumerate() {
            let at = |step: f64| {
                let mut moved = model.clone();
                let weights = moved.pieces_mut().nth(piece).unwrap().parameters_mut();
                weights.iter_mut().nth(number).unwrap().values[entry] += step;
                function(&moved)
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (slope - difference).abs() < 1e-6 * scale,
                "{} {entry}: {slope} {difference}",
                array.name
            );
        }
    }
}

#[test]
fn a_locked_model_follows_the_gradient_of_its_loss() {
    let (model, inputs, targets) = (model(false, false), normal(6, 4, 1), classes(6));
    let (_, part) = lesson(&model, inputs.view(), targets.view());
    for piece in 0..4 {
        agrees_with_differences(&model, piece, &part.gradient[piece], |moved| {
            lesson(moved, inputs.view(), targets.view()).0
        });
    }
}

#[test]
fn synthesisers_follow_the_gradient_of_their_own_errors() {
    for (backward, forward) in [(true, false), (false, true), (true, true)] {
        let (model, inputs, targets) = (model(backward, forward), normal(6, 4, 1), classes(6));
        let (_, part) = lesson(&model, inputs.view(), targets.view());
        for layer in 0..3 {
            // Targets are held: those of a synthesiser do not depend on its own weights.
            if backward {
                agrees_with_differences(&model, 4 + layer, &part.gradient[4 + layer], |moved| {
                    lesson(moved, inputs.view(), targets.view()).1.backward_squares[layer].error
                });
            }
            if forward {
                let piece = if backward { 7 } else { 4 } + layer;
                agrees_with_differences(&model, piece, &part.gradient[piece], |moved| {
                    lesson(moved, inputs.view(), targets.view()).1.forward_squares[layer].error
                });
            }
        }
    }
}

/// A perceptron of given layers, each with weights and biases.
fn perceptron(layers: &[(Array2<f64>, Vec<f64>)]) -> Perceptron<f64> {
    let mut parameters = Parameters::new();
    let mut sizes = vec![layers[0].0.ncols()];
    for (number, (weights, biases)) in layers.iter().enumerate() {
        sizes.push(weights.nrows());
        let values = weights.iter().copied().collect();
        parameters.push(format!("weight_{number}"), &[weights.nrows(), weights.ncols()], values).unwrap();
        parameters.push(format!("bias_{number}"), &[biases.len()], biases.clone()).unwrap();
    }
    Perceptron::from_parameters(&sizes, parameters, None).unwrap()
}

fn layer(piece: &Perceptron<f64>) -> (Array2<f64>, Vec<f64>) {
    let values = |name| piece.parameters().values(name).unwrap().to_vec();
    let weights = Array2::from_shape_vec((piece.sizes()[1], piece.sizes()[0]), values("weight_0")).unwrap();
    (weights, values("bias_0"))
}

/// Forward synthesisers that compute what the layers below do.
fn exact_forward(main: &[Perceptron<f64>]) -> Vec<Perceptron<f64>> {
    let layers: Vec<_> = main.iter().map(layer).collect();
    let upto = |number: usize| {
        let size = layers[number].1.len();
        let identity = (Array2::eye(size), vec![0.0; size]);
        perceptron(&[&layers[..=number], &[identity]].concat())
    };
    (0..layers.len() - 1).map(upto).collect()
}

/// Backward synthesisers that give, whatever they read, the gradient of one row, as it is at active units.
fn exact_backward(gradient: &[Parameters<f64>]) -> Vec<Perceptron<f64>> {
    let constant = |gradient: &Parameters<f64>| {
        let slopes = gradient.values("bias_0").unwrap().to_vec();
        perceptron(&[(Array2::zeros((slopes.len(), slopes.len())), slopes)])
    };
    gradient[..gradient.len() - 1].iter().map(constant).collect()
}

#[test]
fn with_exact_synthesisers_an_unlocked_update_is_that_of_back_propagation() {
    let (locked, inputs, targets) = (model(false, false), normal(9, 4, 1), classes(9));
    let main = locked.main.clone();
    let (loss, expected) = lesson(&locked, inputs.view(), targets.view());
    let forward = Some(exact_forward(&main));
    let unlocked = ForwardInterface::from_parts(main.clone(), None, forward.clone()).unwrap();
    let (same, found) = lesson(&unlocked, inputs.view(), targets.view());
    assert!((same - loss).abs() < 1e-12);
    agree(&found.gradient[..4], &expected.gradient);
    assert!(found.forward_squares.iter().all(|squares| squares.error < 1e-24 * squares.target));
    for (row, target) in inputs.axis_chunks_iter(Axis(0), 1).zip(targets.axis_chunks_iter(Axis(0), 1)) {
        let (_, expected) = lesson(&locked, row, target);
        let backward = Some(exact_backward(&expected.gradient));
        for forward in [None, forward.clone()] {
            let unlocked = ForwardInterface::from_parts(main.clone(), backward.clone(), forward).unwrap();
            let (_, found) = lesson(&unlocked, row, target);
            agree(&found.gradient[..4], &expected.gradient);
        }
    }
}

#[test]
fn a_layer_that_is_unlocked_reads_nothing_of_its_neighbours() {
    let (model, inputs, targets) = (model(true, true), normal(5, 4, 1), classes(5));
    let (_, expected) = lesson(&model, inputs.view(), targets.view());
    let mut other = model.clone();
    for piece in [0, 2, 3] {
        let weights = other.pieces_mut().nth(piece).unwrap().parameters_mut();
        weights.iter_mut().for_each(|array| array.values.fill(0.7));
    }
    let (_, found) = lesson(&other, inputs.view(), targets.view());
    // The second layer learns the same whatever the first, the third and the output layer are.
    assert_eq!(found.gradient[1], expected.gradient[1]);
    assert_ne!(found.gradient[2], expected.gradient[2]);
}

fn options(n_epochs: usize) -> Options {
    Options {
        loss: Loss::CrossEntropy,
        n_epochs,
        batch_size: 70,
        learning_rate: 4e-3,
        synthesiser_learning_rate: 1e-2,
        seed: 6,
    }
}

#[test]
fn numbers_do_not_depend_on_threads_and_losses_fall() {
    let (inputs, targets) = (normal(150, 4, 1), classes(150));
    let inputs = &inputs + &targets.dot(&normal(3, 4, 2));
    for (backward, forward) in [(false, false), (true, false), (false, true), (true, true)] {
        let trained = |n_threads| {
            let mut model = ForwardInterface::random(&structure(backward, forward), 1).unwrap();
            let threads = Threads::new(Some(n_threads)).unwrap();
            let history =
                fit(&mut model, inputs.view(), targets.view(), &options(60), &threads, &mut Silent).unwrap();
            (model, history)
        };
        let (model, history) = trained(1);
        for n_threads in [2, 3] {
            assert_eq!(trained(n_threads), (model.clone(), history.clone()));
        }
        assert_eq!(history.outcome, Outcome::IterationsExhausted);
        let most = if backward { 1.0 } else { 0.9 };
        let (first, last) = (history.loss[0], history.loss[59]);
        assert!(last < most * first, "{backward} {forward}: {first} {last}");
        let columns = |exist| if exist { 3 } else { 0 };
        assert!(history.backward_error.iter().all(|row| row.len() == columns(backward)));
        assert!(history.forward_error.iter().all(|row| row.len() == columns(forward)));
    }
}

#[test]
fn a_run_is_that_of_the_layers_in_turn_for_any_number_of_rows() {
    let (model, inputs) = (model(true, true), normal(600, 4, 1));
    let threads = Threads::new(Some(2)).unwrap();
    let mut activity = inputs.clone();
    for (number, found) in model.run(inputs.view(), false, &threads).unwrap().iter().enumerate() {
        let (weights, biases) = layer(&model.main[number]);
        activity = activity.dot(&weights.t()) + ndarray::arr1(&biases);
        if number < 3 {
            activity.mapv_inplace(|value| value.max(0.0));
        }
        assert!((found - &activity).iter().all(|error| error.abs() < 1e-12));
    }
    let unlocked = model.run(inputs.view(), true, &threads).unwrap();
    let (weights, biases) = layer(&model.main[3]);
    let outputs = unlocked[2].dot(&weights.t()) + ndarray::arr1(&biases);
    assert!((&unlocked[3] - &outputs).iter().all(|error| error.abs() < 1e-12));
    let again = ForwardInterface::from_parameters(&model.parameters().unwrap()).unwrap();
    assert_eq!(again, model);
}

struct After(usize);

impl Monitor for After {
    fn report(&mut self, progress: Progress) -> Flow {
        if progress.done < self.0 { Flow::Continue } else { Flow::Stop }
    }
}

#[test]
fn an_interrupted_training_keeps_its_epochs() {
    let (inputs, targets) = (normal(30, 4, 1), classes(30));
    let mut model = ForwardInterface::random(&structure(true, true), 1).unwrap();
    let threads = Threads::one();
    let history =
        fit(&mut model, inputs.view(), targets.view(), &options(9), &threads, &mut After(4)).unwrap();
    assert_eq!((history.loss.len(), history.outcome), (4, Outcome::Interrupted));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (inputs, targets, threads) = (normal(30, 4, 1), classes(30), Threads::one());
    let mut model = model(true, true);
    let mut refused = |inputs: &Array2<f64>, targets: &Array2<f64>, options: &Options| {
        fit(&mut model, inputs.view(), targets.view(), options, &threads, &mut Silent)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&normal(30, 5, 1), &targets, &options(1)).starts_with("X has shape [30, 5]"));
    assert!(refused(&inputs, &classes(29), &options(1)).starts_with("y has shape [29, 3]"));
    assert!(refused(&(&inputs * f64::NAN), &targets, &options(1)).starts_with("X is not finite"));
    assert!(refused(&inputs, &targets, &options(0)).starts_with("n_epochs is 0"));
    let far = Options { learning_rate: -1.0, ..options(1) };
    assert!(refused(&inputs, &targets, &far).starts_with("learning_rate is -1"));
    let far = Options { synthesiser_learning_rate: f64::NAN, ..options(1) };
    assert!(refused(&inputs, &targets, &far).starts_with("synthesiser_learning_rate is NaN"));
    let shallow = Structure { sizes: vec![4, 3], ..structure(true, true) };
    assert!(matches!(ForwardInterface::<f64>::random(&shallow, 0), Err(Error::Value { .. })));
    let locked = ForwardInterface::<f64>::random(&structure(true, false), 0).unwrap();
    assert!(locked.run(inputs.view(), true, &threads).is_err());
    let mut parameters = locked.parameters().unwrap();
    parameters.push("main_9.weight_0", &[1, 1], vec![0.0]).unwrap();
    assert!(ForwardInterface::from_parameters(&parameters).is_err());
    assert!(ForwardInterface::<f64>::from_parameters(&Parameters::new()).is_err());
}
