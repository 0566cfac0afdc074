//! Real-time recurrent learning is back-propagation; what rules cannot do is refused.

use fastigial::error::Error;
use fastigial::rnn::perturbation::{Pathway, Perturbation};
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::Rule;
use fastigial::rnn::rules::bptt::Bptt;
use fastigial::rnn::rules::eprop::EProp;
use fastigial::rnn::rules::feedback_alignment::FeedbackAlignment;
use fastigial::rnn::rules::kolen_pollack::KolenPollack;
use fastigial::rnn::rules::miconi::Miconi;
use fastigial::rnn::rules::node_perturbation::{Against, NodePerturbation};
use fastigial::rnn::rules::parts::feedback::Feedback;
use fastigial::rnn::rules::reinforce::Reinforce;
use fastigial::rnn::rules::rflo::Rflo;
use fastigial::rnn::rules::rtrl::Rtrl;
use fastigial::rnn::structure::{Cell, Leak};

use super::recurrent::{Options, STEPS, UNITS, cells, kinds, network, setting, try_learn};
use super::{LIF, agree, masks, mixed_delays, spiking, tanh};

#[test]
fn real_time_recurrent_learning_is_back_propagation() {
    for cell in cells().into_iter().chain(spiking()) {
        agree(&cell, &Options::default(), &mut Rtrl::new(), &mut Bptt::default());
    }
}

#[test]
fn real_time_recurrent_learning_knows_every_option() {
    let perturbation = Perturbation {
        current: (0..STEPS * UNITS).map(|k| 0.1 * (k % 3) as f64).collect(),
        silent: (0..STEPS * UNITS).map(|k| k % 4 == 1).collect(),
        lesions: vec![(Pathway::Recurrent, 2..4), (Pathway::Input, 0..3)],
    };
    let regularization = Regularization {
        activity_l2: 0.3,
        activity_l1: 0.2,
        rate: 0.7,
        target_rate: 0.1,
        weight_l2: 0.05,
        weight_l1: 0.02,
    };
    for cell in kinds().into_iter().chain(spiking()) {
        let leak = matches!(cell, Cell::Rate { .. });
        let options = Options { initial: true, leak, noise: 0.3, ..Options::default() };
        agree(&cell, &options, &mut Rtrl::new(), &mut Bptt::default());
        let perturbed = Options { perturbation: perturbation.clone(), ..options };
        agree(&cell, &perturbed, &mut Rtrl::new(), &mut Bptt::default());
        let constraints = masks(cell.n_gates() * UNITS);
        let costly = Options { regularization, constraints, ..Options::default() };
        agree(&cell, &costly, &mut Rtrl::new(), &mut Bptt::default());
    }
}

/// A rule and networks that it cannot teach.
type Refused<'a> = (&'a mut dyn Rule<f64>, Vec<(&'a Cell, &'a Options)>);

#[test]
fn what_rules_cannot_do_is_refused() {
    let plain = Options::default();
    let delayed = Options { delays: Some(mixed_delays()), ..plain.clone() };
    let late = Options { input_delay: 1, ..plain.clone() };
    let fed_back = Options { feedback: Some(0), ..plain.clone() };
    let low_rank = Options { rank: Some(2), ..plain.clone() };
    let initial = Options { initial: true, ..plain.clone() };
    let leaky = Options { leak: true, ..plain.clone() };
    let mut perturbing = NodePerturbation::new(0.1, Against::Unperturbed).unwrap();
    let mut rewarded = Reinforce::new(0.1, 0.5).unwrap();
    let mut miconi = Miconi::new(0.1, 0.5, 0.05, 0.5).unwrap();
    let mut eprop = EProp::new(Feedback::Random, 0).unwrap();
    let mut rflo = Rflo::new(Feedback::Random, 0).unwrap();
    let given = || Feedback::Given(vec![0.0; 3]);
    let mut odd = FeedbackAlignment::new(given(), 0).unwrap();
    let mut rtrl = Rtrl::new();
    let (rate, spiking) = (tanh(Leak::Rate), Cell::Spiking(LIF));
    let cases: Vec<Refused<'_>> = vec![
        (&mut rtrl, vec![(&rate, &delayed), (&rate, &late), (&rate, &fed_back), (&rate, &low_rank)]),
        (&mut eprop, vec![(&rate, &low_rank)]),
        (&mut rflo, vec![(&rate, &low_rank), (&Cell::Lstm, &plain)]),
        (&mut odd, vec![(&rate, &plain)]),
        (&mut perturbing, vec![(&Cell::Gru, &plain), (&rate, &low_rank), (&rate, &initial), (&rate, &leaky)]),
        (&mut rewarded, vec![(&Cell::Lstm, &plain), (&rate, &low_rank), (&rate, &initial)]),
        (&mut miconi, vec![(&spiking, &plain), (&rate, &leaky)]),
    ];
    for (rule, refused) in cases {
        for (cell, options) in refused {
            let error = rule.admits(&network(cell.clone(), options)).unwrap_err();
            assert!(matches!(error, Error::Value { argument: "rule", .. }), "{error}");
        }
    }
    assert!(NodePerturbation::<f64>::new(0.0, Against::Unperturbed).is_err());
    assert!(NodePerturbation::<f64>::new(0.1, Against::Running(1.0)).is_err());
    assert!(Reinforce::<f64>::new(f64::NAN, 0.5).is_err());
    assert!(
        Miconi::<f64>::new(0.1, 0.0, 0.05, 0.5).is_err() && Miconi::<f64>::new(0.1, 0.5, 1.0, 0.5).is_err()
    );
    assert!(KolenPollack::<f64>::new(-1.0, 0).is_err());
    assert!(EProp::new(Feedback::Given(vec![f64::INFINITY]), 0).is_err());
}

#[test]
fn costs_of_activity_are_refused_where_activity_is_not_seen() {
    let regularization = Regularization { activity_l2: 0.1, ..Regularization::default() };
    let options = Options { regularization, ..Options::default() };
    let network = network(tanh(Leak::Rate), &options);
    let mut rules: Vec<Box<dyn Rule<f64>>> = vec![
        Box::new(NodePerturbation::new(0.1, Against::Unperturbed).unwrap()),
        Box::new(Reinforce::new(0.1, 0.5).unwrap()),
        Box::new(Miconi::new(0.1, 0.5, 0.05, 0.5).unwrap()),
    ];
    for rule in &mut rules {
        let error = try_learn(&network, &setting(), &options, rule.as_mut(), 1).unwrap_err();
        assert!(matches!(error, Error::Value { argument: "regularization", .. }), "{error}");
    }
}
