//! Feedback that takes the place of the readout's transpose.

use fastigial::network::parameters::Parameters;
use fastigial::rnn::network::Network;
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::Rule;
use fastigial::rnn::rules::bptt::Bptt;
use fastigial::rnn::rules::feedback_alignment::FeedbackAlignment;
use fastigial::rnn::rules::kolen_pollack::KolenPollack;
use fastigial::rnn::rules::parts::feedback::Feedback;
use fastigial::rnn::structure::Leak;

use super::recurrent::{OUTPUTS, Options, UNITS, kinds, learn, network, setting};
use super::{cosine, difference, masks, mixed_delays, spiking, tanh};

/// The readout's transpose, units × outputs.
fn readout_transposed(network: &Network<f64>) -> Vec<f64> {
    let readout = network.parameters().values("W_out").unwrap();
    (0..UNITS * OUTPUTS).map(|k| readout[k % OUTPUTS * UNITS + k / OUTPUTS]).collect()
}

#[test]
fn feedback_alignment_with_the_transpose_is_back_propagation() {
    let regularization = Regularization { activity_l2: 0.3, rate: 0.5, ..Regularization::default() };
    for cell in kinds().into_iter().chain(spiking()) {
        let options =
            Options { delays: Some(mixed_delays()), feedback: Some(1), regularization, ..Options::default() };
        let (network, setting) = (network(cell, &options), setting());
        let exact = learn(&network, &setting, &options, &mut Bptt::default(), 1);
        for feedback in [Feedback::Symmetric, Feedback::Given(readout_transposed(&network))] {
            let mut rule = FeedbackAlignment::new(feedback, 0).unwrap();
            let ours = learn(&network, &setting, &options, &mut rule, 1);
            assert_eq!((ours.loss, ours.gradient), (exact.loss, exact.gradient.clone()));
        }
        let mut random = FeedbackAlignment::new(Feedback::Random, 0).unwrap();
        let ours = learn(&network, &setting, &options, &mut random, 1);
        assert!(difference(&ours.gradient, &exact.gradient) > 0.1);
    }
}

#[test]
fn random_feedback_has_the_deviation_of_the_paper() {
    let options = Options::default();
    let network = network(tanh(Leak::Rate), &options);
    let draws: Vec<f64> = (0..400)
        .flat_map(|seed| {
            let mut rule = FeedbackAlignment::new(Feedback::Random, seed).unwrap();
            learn(&network, &setting(), &options, &mut rule, 1);
            let state = Rule::<f64>::state(&rule);
            assert_eq!(state.get("feedback").unwrap().shape, [UNITS, OUTPUTS]);
            state.values("feedback").unwrap().to_vec()
        })
        .collect();
    let n = draws.len() as f64;
    let variance = 1.0 / OUTPUTS as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let squares = draws.iter().map(|b| b * b).sum::<f64>() / n;
    assert!(mean.abs() < 5.0 * (variance / n).sqrt());
    assert!((squares - variance).abs() < 5.0 * variance * (2.0 / n).sqrt());
}

#[test]
fn kolen_pollack_finds_the_transpose() {
    let (rate, decay, steps) = (0.1, 0.5, 200);
    let options = Options { constraints: masks(UNITS), ..Options::default() };
    let (mut network, setting) = (network(tanh(Leak::Rate), &options), setting());
    let mut rule = KolenPollack::new(decay, 1).unwrap();
    assert!(Rule::<f64>::own(&mut rule).is_none());
    let gap = |network: &Network<f64>, rule: &KolenPollack<f64>| -> Vec<f64> {
        let feedback = rule.state().values("feedback").unwrap().to_vec();
        readout_transposed(network).iter().zip(&feedback).map(|(w, b)| w - b).collect()
    };
    let back_propagated = |network: &Network<f64>| {
        learn(network, &setting, &options, &mut Bptt::default(), 1).gradient.values("W").unwrap().to_vec()
    };
    let mut start = Vec::new();
    let mut aligned = Vec::new();
    for _ in 0..steps {
        let learned = learn(&network, &setting, &options, &mut rule, 2);
        if start.is_empty() {
            start = gap(&network, &rule);
        }
        aligned.push(cosine(learned.gradient.values("W").unwrap(), &back_propagated(&network)));
        let descend = |parameters: &mut Parameters<f64>, gradient: &Parameters<f64>| {
            let mut change = gradient.clone();
            change.scale(-rate);
            parameters.add(&change).unwrap();
        };
        descend(network.parameters_mut(), &learned.gradient);
        network.constrain();
        descend(rule.own().unwrap(), &learned.own);
    }
    let shrunk = (1.0_f64 - rate * decay).powi(steps);
    for (k, (now, start)) in gap(&network, &rule).iter().zip(&start).enumerate() {
        assert!((now - shrunk * start).abs() < 1e-12, "{now} {start}");
        if (k % OUTPUTS * UNITS + k / OUTPUTS).is_multiple_of(4) {
            assert_eq!((*now, *start), (0.0, 0.0), "an absent connection has no partner");
        }
    }
    assert!(aligned[0] < 0.9 && *aligned.last().unwrap() > 0.9999, "{} {:?}", aligned[0], aligned.last());
}
