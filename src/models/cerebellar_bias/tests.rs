use super::batch::Trials;
use super::training::{Lesson, Memory, Options, train};
use super::*;
use crate::monitor::Silent;
use crate::numerics::parallel::Threads;
use crate::numerics::rng::{normal, stream};

const SIZES: Sizes = Sizes { inputs: 2, units: 5, outputs: 3, granule: 7, purkinje: 4 };

fn weights(sizes: Sizes, scale: f64) -> Parameters<f64> {
    let mut all = Parameters::new();
    let mut rng = stream(3, 0);
    for (name, shape) in GROUPS.into_iter().flat_map(|group| layout(group, sizes)) {
        let n = shape.iter().product();
        all.push(name, &shape, (0..n).map(|_| scale * normal(&mut rng)).collect()).unwrap();
    }
    all
}

fn masks() -> Parameters<f64> {
    let mut masks = Parameters::new();
    let values = (0..49).map(|k| if k % 3 == 0 { 0.0 } else { 1.0 }).collect();
    masks.push("W_gc", &[7, 7], values).unwrap();
    masks
}

fn network(bound: f64) -> CerebellarBias<f64> {
    let settings = Settings { tau: 1.5, leak: 0.01, bound };
    CerebellarBias::new(&weights(SIZES, 0.6), masks(), settings).unwrap()
}

fn numbers(n: usize, item: u64) -> Vec<f64> {
    let mut rng = stream(8, item);
    (0..n).map(|_| normal(&mut rng)).collect()
}

/// Trials enough for two parts, with a lesion at one step, and a few steps that do not count.
fn agrees_with_differences(mut network: CerebellarBias<f64>, squared: bool) {
    let (n_trials, n_steps) = (35, 4);
    let inputs = numbers(n_trials * n_steps * 2, 1);
    let targets: Vec<f64> = if squared {
        numbers(n_trials * n_steps * 3, 2)
    } else {
        (0..n_trials * n_steps).flat_map(|k| [0, 1, 2].map(|o| f64::from(u8::from(k % 3 == o)))).collect()
    };
    let weights: Vec<f64> = (0..n_trials * n_steps).map(|k| if k % 5 == 0 { 0.0 } else { 1.0 }).collect();
    let lesion = [false, false, true, false];
    let trials = Trials { inputs: &inputs, shape: [n_trials, n_steps], lesion: &lesion };
    let lesson = Lesson { squared, targets: &targets, weights: &weights };
    let threads = Threads::one();
    let loss = |network: &CerebellarBias<f64>, batch: &mut Batch<f64>| {
        lesson.with(|objective| batch.teach(network, trials, objective, &threads)).unwrap()
    };
    let mut batch = Batch::new(&network, n_trials);
    loss(&network, &mut batch);
    let gradient = batch.gradient.clone();
    for group in GROUPS {
        let part = &gradient[group as usize];
        let size = part.iter().flat_map(|a| &a.values).fold(0.0_f64, |m, g| m.max(g.abs()));
        assert!(size > 1e-4 || part.is_empty(), "{group:?} {size}");
        for array in part {
            for k in 0..array.values.len() {
                let free = network.masks.values(&array.name).is_none_or(|mask| mask[k] == 1.0);
                if !free {
                    assert_eq!(array.values[k], 0.0);
                    continue;
                }
                let mut moved = |by: f64| {
                    network.part_mut(group).get_mut(&array.name).unwrap().values[k] += by;
                    let found = loss(&network, &mut batch);
                    network.part_mut(group).get_mut(&array.name).unwrap().values[k] -= by;
                    found
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!(
                    (difference - array.values[k]).abs() < 1e-6 * size,
                    "{} {k}: {} {difference}",
                    array.name,
                    array.values[k]
                );
            }
        }
    }
}

#[test]
fn gradients_are_those_of_the_loss_with_the_bound_reached() {
    agrees_with_differences(network(0.05), false);
    agrees_with_differences(network(0.05), true);
}

#[test]
fn gradients_are_those_of_the_loss_with_the_bound_reached_by_some() {
    agrees_with_differences(network(0.3), false);
}

#[test]
fn gradients_are_those_of_the_loss_without_a_bound() {
    agrees_with_differences(network(1e6), false);
}

#[test]
fn gradients_are_those_of_the_loss_without_a_cerebellum() {
    let sizes = Sizes { granule: 0, purkinje: 0, ..SIZES };
    let settings = Settings { tau: 1.5, leak: 0.01, bound: 1.0 };
    let network = CerebellarBias::new(&weights(sizes, 0.6), Parameters::new(), settings).unwrap();
    assert!(!network.has_cerebellum());
    agrees_with_differences(network, true);
}

#[test]
fn the_bias_reaches_its_bound_and_no_further() {
    let inputs = numbers(40 * 6 * 2, 5);
    let trials = Trials { inputs: &inputs, shape: [40, 6], lesion: &[] };
    let free = run(&network(1e9), trials, &Threads::one()).unwrap();
    let silent = Trials { lesion: &[true; 6], ..trials };
    assert!(run(&network(1.0), silent, &Threads::one()).unwrap().bias.iter().all(|&b| b == 0.0));
    let norm = |values: &[f64]| values.iter().map(|b| b * b).sum::<f64>().sqrt();
    // In the first step the drive comes from the inputs alone, whatever the bound.
    let weights = network(1.0);
    let (w, b) = (weights.values("W_x"), weights.values("b"));
    let drive = |trial: usize| {
        let x = &inputs[trial * 12..trial * 12 + 2];
        let drive: Vec<f64> = (0..5).map(|u| w[2 * u] * x[0] + w[2 * u + 1] * x[1] + b[u]).collect();
        norm(&drive)
    };
    let first = |found: &Run<f64>, trial: usize| found.bias[trial * 30..trial * 30 + 5].to_vec();
    let mut ratios: Vec<f64> = (0..40).map(|trial| norm(&first(&free, trial)) / drive(trial)).collect();
    ratios.sort_by(f64::total_cmp);
    // Half of the trials are beyond this bound.
    let bound = f64::midpoint(ratios[19], ratios[20]);
    let found = run(&network(bound), trials, &Threads::one()).unwrap();
    let mut held = 0;
    for trial in 0..40 {
        let (bias, unbounded, most) = (first(&found, trial), first(&free, trial), bound * drive(trial));
        if norm(&unbounded) > most {
            assert!((norm(&bias) - most).abs() < 1e-12 * most);
            held += 1;
        } else {
            assert_eq!(bias, unbounded);
        }
    }
    assert_eq!(held, 20);
}

fn options(learns: [bool; 3]) -> Options {
    Options { batch_size: 50, learning_rate: 1e-2, clip: 7.5, learns }
}

#[test]
fn what_is_frozen_stays_and_threads_change_nothing() {
    let (n_trials, n_steps) = (200, 5);
    let inputs = numbers(n_trials * n_steps * 2, 1);
    let targets = numbers(n_trials * n_steps * 3, 2);
    let weights = vec![1.0; n_trials * n_steps];
    let trials = Trials { inputs: &inputs, shape: [n_trials, n_steps], lesion: &[] };
    let lesson = Lesson { squared: true, targets: &targets, weights: &weights };
    let learned = |learns, n_threads| {
        let (mut network, mut memory) = (network(0.8), Memory::new().unwrap());
        let threads = Threads::new(Some(n_threads)).unwrap();
        let losses =
            train(&mut network, &mut memory, trials, lesson, &options(learns), &threads, &mut Silent)
                .unwrap();
        assert_eq!(losses.len(), 4);
        network
    };
    for learns in [[true, true, true], [false, true, true], [true, true, false], [false, false, true]] {
        let found = learned(learns, 1);
        assert_eq!(found, learned(learns, 3));
        for (number, group) in GROUPS.into_iter().enumerate() {
            assert_eq!(found.part(group) == network(0.8).part(group), !learns[number]);
        }
        let zero = |(value, mask): (&f64, &f64)| *mask == 1.0 || *value == 0.0;
        assert!(found.values("W_gc").iter().zip(found.masks.values("W_gc").unwrap()).all(zero));
    }
}

#[test]
fn misfits_are_named() {
    let settings = Settings { tau: 1.5, leak: 0.01, bound: 1.0 };
    let name = |given: &Parameters<f64>, settings| match CerebellarBias::new(given, masks(), settings) {
        Err(Error::Value { argument, .. } | Error::Shape { argument, .. }) => argument,
        other => panic!("{other:?}"),
    };
    let good = weights(SIZES, 1.0);
    assert_eq!(name(&good, Settings { tau: 0.5, ..settings }), "tau");
    assert_eq!(name(&good, Settings { leak: f64::NAN, ..settings }), "leak");
    assert_eq!(name(&good, Settings { bound: -1.0, ..settings }), "bound");
    assert_eq!(name(&weights(Sizes { granule: 8, ..SIZES }, 1.0), settings), "masks");
    assert_eq!(name(&Parameters::new(), settings), "parameters");
    let mut odd = good.clone();
    odd.push("more", &[1], vec![0.0]).unwrap();
    assert_eq!(name(&odd, settings), "parameters");
    let mut odd = good;
    odd.get_mut("b_pc").unwrap().values[0] = f64::INFINITY;
    assert_eq!(name(&odd, settings), "parameters");
    let inputs = [0.0; 12];
    for (shape, lesion) in [([2, 4], &[][..]), ([0, 3], &[]), ([2, 3], &[true])] {
        let trials = Trials { inputs: &inputs, shape, lesion };
        assert!(run(&network(1.0), trials, &Threads::one()).is_err());
    }
}
