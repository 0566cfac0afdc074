//! What holds of every rule: threads, states, masks, precisions.

use fastigial::network::objective::{MeanSquaredError, Weights};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::parallel::Threads;
use fastigial::real::Real;
use fastigial::rnn::batch::{Batch, Workspace};
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::perturbation::Perturbation;
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::eprop::EProp;
use fastigial::rnn::rules::feedback_alignment::FeedbackAlignment;
use fastigial::rnn::rules::kolen_pollack::KolenPollack;
use fastigial::rnn::rules::miconi::Miconi;
use fastigial::rnn::rules::node_perturbation::{Against, NodePerturbation};
use fastigial::rnn::rules::parts::feedback::Feedback;
use fastigial::rnn::rules::reinforce::Reinforce;
use fastigial::rnn::rules::rflo::Rflo;
use fastigial::rnn::rules::rtrl::Rtrl;
use fastigial::rnn::rules::{Lesson, Rule};
use fastigial::rnn::structure::Leak;

use super::recurrent::{Options, STEPS, TRIALS, UNITS, kinds, learn, network, setting};
use super::{cosine, masks, spiking, tanh};

fn every_rule<R: Real>() -> Vec<(&'static str, Box<dyn Rule<R>>)> {
    vec![
        ("rtrl", Box::new(Rtrl::new())),
        ("eprop", Box::new(EProp::new(Feedback::Random, 1).unwrap())),
        ("rflo", Box::new(Rflo::new(Feedback::Random, 1).unwrap())),
        ("feedback alignment", Box::new(FeedbackAlignment::new(Feedback::Random, 1).unwrap())),
        ("Kolen-Pollack", Box::new(KolenPollack::new(0.1, 1).unwrap())),
        ("perturbation", Box::new(NodePerturbation::new(0.1, Against::Unperturbed).unwrap())),
        ("running perturbation", Box::new(NodePerturbation::new(0.1, Against::Running(0.7)).unwrap())),
        ("reinforce", Box::new(Reinforce::new(0.1, 0.7).unwrap())),
        ("miconi", Box::new(Miconi::new(0.5, 0.2, 0.1, 0.7).unwrap())),
    ]
}

#[test]
fn threads_change_no_number() {
    let options = Options { noise: 0.2, constraints: masks(UNITS), ..Options::default() };
    for cell in [tanh(Leak::Rate), tanh(Leak::Current)] {
        let network = network(cell, &options);
        for number in 0..every_rule::<f64>().len() {
            let results = [1, 2, 5].map(|n_threads| {
                let (name, mut rule) = every_rule::<f64>().swap_remove(number);
                learn(&network, &setting(), &options, rule.as_mut(), n_threads);
                let learned = learn(&network, &setting(), &options, rule.as_mut(), n_threads);
                (name, learned.loss, learned.gradient, learned.own, rule.state())
            });
            assert!(results[0] == results[1] && results[0] == results[2], "{}", results[0].0);
        }
    }
}

#[test]
fn states_that_are_written_and_read_go_on_alike() {
    let options = Options::default();
    let (network, mut setting) = (network(tanh(Leak::Rate), &options), setting());
    for ((name, mut rule), (_, mut other)) in every_rule::<f64>().into_iter().zip(every_rule()) {
        for seed in 0..3 {
            setting.seed = seed;
            learn(&network, &setting, &options, rule.as_mut(), 1);
        }
        let state = rule.state();
        let bare = ["rtrl", "perturbation"].contains(&name);
        assert_eq!(state.is_empty(), bare, "{name}");
        other.set_state(&state).unwrap();
        setting.seed = 9;
        let ours = learn(&network, &setting, &options, rule.as_mut(), 1);
        let theirs = learn(&network, &setting, &options, other.as_mut(), 1);
        assert_eq!(
            (ours.loss, ours.gradient, ours.own),
            (theirs.loss, theirs.gradient, theirs.own),
            "{name}"
        );
        assert_eq!(rule.state(), other.state());
        let mut odd = Parameters::new();
        odd.push("odd", &[1], vec![1.0]).unwrap();
        assert!(name == "rtrl" || other.set_state(&odd).is_err(), "{name}");
        other.set_state(&Parameters::new()).unwrap();
        assert!(other.state().is_empty());
    }
}

#[test]
fn absent_and_fixed_entries_have_no_gradient() {
    for cell in kinds().into_iter().chain(spiking()) {
        let regularization = Regularization { weight_l2: 0.1, ..Regularization::default() };
        let constraints = masks(cell.n_gates() * UNITS);
        let options = Options { constraints: constraints.clone(), regularization, ..Options::default() };
        let network = network(cell, &options);
        for (name, mut rule) in every_rule() {
            if rule.admits(&network).is_err() {
                continue;
            }
            let gradient = learn(&network, &setting(), &options, rule.as_mut(), 2).gradient;
            for (parameter, mask) in constraints.exists.iter().chain(&constraints.learned) {
                let values = gradient.values(parameter).unwrap();
                assert!(values.iter().zip(mask).all(|(g, keep)| *keep || *g == 0.0), "{name}: {parameter}");
                assert!(values.iter().any(|g| *g != 0.0), "{name}: {parameter}");
            }
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    fn single(values: &[f64]) -> Vec<f32> {
        values.iter().map(|&value| f32::from_f64(value)).collect()
    }
    let (options, setting) = (Options::default(), setting());
    for cell in [tanh(Leak::Rate), tanh(Leak::Current)] {
        let network = network(cell, &options);
        let mut parameters = Parameters::new();
        for entry in network.parameters() {
            parameters.push(&entry.name, &entry.shape, single(&entry.values)).unwrap();
        }
        let structure = network.structure().clone();
        let narrow = Network::<f32>::new(structure, Constraints::default(), parameters).unwrap();
        let (inputs, targets) = (single(&setting.inputs), single(&setting.targets));
        let weights = single(&setting.weights);
        for ((name, mut wide), (_, mut rule)) in every_rule::<f64>().into_iter().zip(every_rule::<f32>()) {
            let mut lesson = Lesson {
                network: &narrow,
                batch: Batch {
                    inputs: &inputs,
                    n_trials: TRIALS,
                    n_steps: STEPS,
                    initial: &[],
                    perturbation: &Perturbation::default(),
                    seed: Some(4),
                },
                objective: &mut MeanSquaredError { targets: &targets, weights: Weights::Steps(&weights) },
                targets: None,
                regularization: &Regularization::default(),
                seed: setting.seed,
                threads: &Threads::one(),
                workspace: &mut Workspace::default(),
            };
            let gradient = rule.learn(&mut lesson).unwrap().gradient;
            let exact = learn(&network, &setting, &options, wide.as_mut(), 1).gradient;
            for (ours, exact) in gradient.iter().zip(&exact) {
                let ours: Vec<f64> = ours.values.iter().map(|value| value.to_f64()).collect();
                let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
                assert!(cosine(&ours, &exact.values) > 1.0 - 1e-7, "{name}: {}", exact.name);
                assert!((norm(&ours) / norm(&exact.values) - 1.0).abs() < 1e-4, "{name}: {}", exact.name);
            }
        }
    }
}
