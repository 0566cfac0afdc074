//! The adjoint of every cell and option against central finite differences of the simulated loss, in double precision.

use fastigial::rnn::network::Constraints;
use fastigial::rnn::perturbation::{Pathway, Perturbation};
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::bptt::Bptt;
use fastigial::rnn::structure::{Cell, RecurrentDelays};

#[path = "common/recurrent.rs"]
mod recurrent;

use recurrent::{Options, STEPS, UNITS, cells, kinds, learn, network, setting};

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
        let run = |rule: Bptt, n_threads| learn(&network, &setting, &options, &mut { rule }, n_threads);
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
