//! Perceptrons against finite differences and cases by hand.

use ndarray::{Array2, array};

use super::*;
use crate::numerics::rng::{self, normal};

fn random_rows(n_rows: usize, n_columns: usize, item: u64) -> Array2<f64> {
    let mut stream = rng::stream(21, item);
    Array2::from_shape_fn((n_rows, n_columns), |_| normal(&mut stream))
}

/// Σ g ⊙ output, whose gradient with respect to the output is g.
fn loss(network: &Perceptron<f64>, rows: &Array2<f64>, g: &Array2<f64>) -> f64 {
    let mut trace = Trace::new();
    let outputs = network.forward(rows.view(), &mut trace).unwrap();
    (&outputs * g).sum()
}

#[test]
fn gradients_are_those_of_differences() {
    for (sizes, kept) in
        [(&[4, 3][..], None), (&[5, 7, 2], None), (&[5, 8, 2], Some(2)), (&[6, 9, 8, 3], Some(3))]
    {
        let mut network = Perceptron::<f64>::random(sizes, kept, &mut rng::stream(1, 0)).unwrap();
        let mut rows = random_rows(10, sizes[0], 1);
        let g = random_rows(10, sizes[sizes.len() - 1], 2);
        let mut trace = Trace::new();
        let mut gradient = network.parameters().zeros_like();
        let mut to_rows = Array2::from_elem(rows.dim(), f64::NAN);
        network.forward(rows.view(), &mut trace).unwrap();
        network.backward(rows.view(), g.view(), &mut trace, &mut gradient, Some(to_rows.view_mut())).unwrap();
        let step = 1e-6;
        for array in &gradient {
            let scale = array.values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            for (k, &slope) in array.values.iter().enumerate() {
                if array.name == "weight_0" && network.mask().is_some_and(|mask| !mask[k]) {
                    assert_eq!(slope, 0.0);
                    continue;
                }
                let mut at = |by: f64| {
                    network.parameters_mut().get_mut(&array.name).unwrap().values[k] += by;
                    loss(&network, &rows, &g)
                };
                let difference = (at(step) - at(-2.0 * step)) / (2.0 * step);
                at(step);
                assert!(
                    (slope - difference).abs() < 1e-6 * scale,
                    "{} {k}: {slope} {difference}",
                    array.name
                );
            }
        }
        let scale = to_rows.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        for row in 0..rows.nrows() {
            for column in 0..rows.ncols() {
                let mut at = |by: f64| {
                    rows[[row, column]] += by;
                    loss(&network, &rows, &g)
                };
                let difference = (at(step) - at(-2.0 * step)) / (2.0 * step);
                at(step);
                assert!((to_rows[[row, column]] - difference).abs() < 1e-6 * scale);
            }
        }
    }
}

/// Two inputs, two hidden units, one output.
fn by_hand() -> Perceptron<f32> {
    let mut parameters = Parameters::new();
    parameters.push("weight_0", &[2, 2], vec![1.0, -1.0, 2.0, 0.5]).unwrap();
    parameters.push("bias_0", &[2], vec![0.0, -1.0]).unwrap();
    parameters.push("weight_1", &[1, 2], vec![3.0, -2.0]).unwrap();
    parameters.push("bias_1", &[1], vec![0.25]).unwrap();
    Perceptron::from_parameters(&[2, 2, 1], parameters, None).unwrap()
}

#[test]
fn a_case_by_hand() {
    let network = by_hand();
    let rows = array![[1.0_f32, 2.0], [2.0, 0.0]];
    let mut trace = Trace::new();
    // Hidden: (max(0, −1), max(0, 2)) and (2, 3).
    let outputs = network.forward(rows.view(), &mut trace).unwrap();
    assert_eq!(outputs, array![[-3.75], [0.25]]);
    let mut gradient = network.parameters().zeros_like();
    let g = array![[1.0_f32], [10.0]];
    network.backward(rows.view(), g.view(), &mut trace, &mut gradient, None).unwrap();
    assert_eq!(gradient.values("bias_1"), Some(&[11.0][..]));
    assert_eq!(gradient.values("weight_1"), Some(&[20.0, 32.0][..]));
    // Slopes of the hidden units: (0, −2) for the first row, (30, −20) for the second.
    assert_eq!(gradient.values("bias_0"), Some(&[30.0, -22.0][..]));
    assert_eq!(gradient.values("weight_0"), Some(&[60.0, 0.0, -42.0, -4.0][..]));
    // A second pass adds to it.
    let once = gradient.clone();
    network.backward(rows.view(), g.view(), &mut trace, &mut gradient, None).unwrap();
    gradient.scale(0.5);
    assert_eq!(gradient, once);
}

#[test]
fn passes_of_the_same_size_do_not_allocate_and_smaller_ones_fit() {
    let network = Perceptron::<f64>::random(&[4, 6, 3, 2], None, &mut rng::stream(2, 0)).unwrap();
    let mut trace = Trace::new();
    let mut gradient = network.parameters().zeros_like();
    let mut places = Vec::new();
    for n_rows in [9, 9, 5, 0, 9, 9] {
        let (rows, g) = (random_rows(n_rows, 4, 3), random_rows(n_rows, 2, 4));
        let outputs = network.forward(rows.view(), &mut trace).unwrap();
        assert_eq!(outputs.dim(), (n_rows, 2));
        gradient.fill_zero();
        network.backward(rows.view(), g.view(), &mut trace, &mut gradient, None).unwrap();
        assert_eq!(n_rows > 0, gradient.squared_norm() > 0.0);
        let mut deltas = [trace.delta.as_ptr(), trace.next_delta.as_ptr()];
        deltas.sort();
        places.push((trace.activities.iter().map(Vec::as_ptr).collect::<Vec<_>>(), deltas));
    }
    // Which of the two buffers of slopes is used first alternates, so both have grown after two passes.
    assert!(places[2..].iter().all(|place| *place == places[1]));
}

#[test]
fn views_of_any_strides_are_read_alike() {
    let network = Perceptron::<f64>::random(&[4, 6, 2], Some(2), &mut rng::stream(2, 0)).unwrap();
    let (rows, g) = (random_rows(5, 4, 3), random_rows(5, 2, 4));
    let pass = |rows: ArrayView2<'_, f64>, g: ArrayView2<'_, f64>| {
        let (mut trace, mut gradient) = (Trace::new(), network.parameters().zeros_like());
        let mut to_rows = Array2::zeros((4, 5));
        let outputs = network.forward(rows, &mut trace).unwrap().to_owned();
        network
            .backward(rows, g, &mut trace, &mut gradient, Some(to_rows.view_mut().reversed_axes()))
            .unwrap();
        (outputs, gradient, to_rows)
    };
    let turned = |a: &Array2<f64>| a.t().as_standard_layout().into_owned();
    let (first, second) = (pass(rows.view(), g.view()), pass(turned(&rows).t(), turned(&g).t()));
    assert!((&first.0 - &second.0).iter().all(|d| d.abs() < 1e-14));
    assert!((&first.2 - &second.2).iter().all(|d| d.abs() < 1e-14));
    for (a, b) in first.1.iter().zip(second.1.iter()) {
        assert!(a.values.iter().zip(&b.values).all(|(a, b)| (a - b).abs() < 1e-13));
    }
}

#[test]
fn each_unit_keeps_as_many_inputs_as_asked_for() {
    let network = Perceptron::<f32>::random(&[10, 400, 2], Some(4), &mut rng::stream(3, 0)).unwrap();
    let mask = network.mask().unwrap();
    let mut uses = [0; 10];
    for (exists, weights) in mask.chunks(10).zip(network.parameters().values("weight_0").unwrap().chunks(10))
    {
        assert_eq!(exists.iter().filter(|&&exists| exists).count(), 4);
        for (input, (&exists, &weight)) in exists.iter().zip(weights).enumerate() {
            assert!(exists != (weight == 0.0) && weight.abs() <= 0.5);
            uses[input] += usize::from(exists);
        }
    }
    // Binomial with 400 draws of probability 0.4: five standard deviations are 49.
    assert!(uses.iter().all(|&n| (111..=209).contains(&n)), "{uses:?}");
    let again = Perceptron::<f32>::random(&[10, 400, 2], Some(4), &mut rng::stream(3, 0)).unwrap();
    assert_eq!(network, again);
    let all = Perceptron::<f32>::random(&[3, 4, 1], Some(3), &mut rng::stream(3, 0)).unwrap();
    assert!(all.mask().unwrap().iter().all(|&exists| exists));
}

#[test]
fn given_weights_of_missing_connections_become_zero() {
    let mask = vec![true, false, false, true];
    let network =
        Perceptron::from_parameters(&[2, 2, 1], by_hand().parameters().clone(), Some(mask)).unwrap();
    assert_eq!(network.parameters().values("weight_0"), Some(&[1.0, 0.0, 0.0, 0.5][..]));
}

#[test]
fn what_does_not_fit_is_named() {
    let named = |result: Result<()>| match result {
        Err(Error::Shape { argument, .. } | Error::Value { argument, .. }) => argument,
        other => panic!("{other:?}"),
    };
    let random =
        |sizes: &[usize], kept| Perceptron::<f32>::random(sizes, kept, &mut rng::stream(0, 0)).map(|_| ());
    for sizes in [&[][..], &[3], &[3, 0, 1]] {
        assert_eq!(named(random(sizes, None)), "sizes");
    }
    assert_eq!(named(random(&[3, 2], Some(0))), "n_kept");
    assert_eq!(named(random(&[3, 2], Some(4))), "n_kept");
    let mut network = by_hand();
    let parameters = network.parameters().clone();
    let mask = Some(vec![true; 3]);
    assert_eq!(named(Perceptron::from_parameters(&[2, 2, 1], parameters.clone(), mask).map(|_| ())), "mask");
    assert_eq!(named(network.set_parameters(Parameters::new())), "parameters");
    let (rows, g) = (Array2::<f32>::zeros((4, 2)), Array2::<f32>::zeros((4, 1)));
    let (mut trace, mut gradient) = (Trace::new(), parameters.zeros_like());
    let wide = Array2::zeros((4, 3));
    assert_eq!(named(network.forward(wide.view(), &mut trace).map(|_| ())), "rows");
    assert_eq!(named(network.backward(rows.view(), g.view(), &mut trace, &mut gradient, None)), "rows");
    network.forward(rows.view(), &mut trace).unwrap();
    let mut back =
        |g: &Array2<f32>, gradient: &mut Parameters<f32>, to_rows: Option<ArrayViewMut2<'_, f32>>| {
            named(network.backward(rows.view(), g.view(), &mut trace, gradient, to_rows))
        };
    assert_eq!(back(&wide, &mut gradient, None), "output_gradient");
    assert_eq!(back(&g, &mut Parameters::new(), None), "gradient");
    assert_eq!(back(&g, &mut gradient, Some(Array2::zeros((3, 2)).view_mut())), "input_gradient");
    let other = Perceptron::<f32>::random(&[2, 3, 1], None, &mut rng::stream(0, 0)).unwrap();
    other.forward(rows.view(), &mut trace).unwrap();
    assert_eq!(named(network.backward(rows.view(), g.view(), &mut trace, &mut gradient, None)), "trace");
    *network.parameters_mut() = Parameters::new();
    assert_eq!(named(network.forward(rows.view(), &mut trace).map(|_| ())), "parameters");
}

#[test]
fn sizes_beyond_memory_are_refused() {
    let mut stream = rng::stream(1, 0);
    for sizes in [&[4, 1 << 44][..], &[1 << 31, 1 << 31, 1 << 31], &[3, usize::MAX, 2], &[usize::MAX, 1]] {
        for kept in [None, Some(2)] {
            let error = Perceptron::<f64>::random(sizes, kept, &mut stream).unwrap_err();
            assert!(matches!(&error, Error::Memory { shape } if shape == sizes), "{error}");
        }
    }
}
