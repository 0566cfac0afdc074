//! Rules that explore: gradients in the mean, baselines, literal formulas.

use fastigial::error::Error;
use fastigial::rnn::perturbation::{Pathway, Perturbation};
use fastigial::rnn::rules::Rule;
use fastigial::rnn::rules::bptt::Bptt;
use fastigial::rnn::rules::eprop::EProp;
use fastigial::rnn::rules::miconi::Miconi;
use fastigial::rnn::rules::node_perturbation::{Against, NodePerturbation};
use fastigial::rnn::rules::parts::baseline::Baseline;
use fastigial::rnn::rules::parts::feedback::Feedback;
use fastigial::rnn::rules::reinforce::Reinforce;
use fastigial::rnn::structure::{Activation, Cell, Leak};

use super::recurrent::{
    INPUTS, OUTPUTS, Options, STEPS, Setting, TRIALS, UNITS, learn, network, rate, setting,
};
use super::traces::run;
use super::{mixed_delays, tanh};

/// Many trials of one kind.
fn identical(n_trials: usize) -> Setting {
    let one = setting();
    let repeat = |values: &[f64], n: usize| values[STEPS * n..2 * STEPS * n].repeat(n_trials);
    Setting {
        inputs: repeat(&one.inputs, INPUTS),
        targets: repeat(&one.targets, OUTPUTS),
        weights: repeat(&one.weights, 1),
        seed: 0,
    }
}

/// Means and standard errors of a rule's gradient over many lessons, against the exact one.
fn agrees_in_the_mean(cell: &Cell, options: &Options, rule: &mut dyn Rule<f64>) {
    let network = network(cell.clone(), options);
    let mut setting = identical(512);
    let exact = learn(&network, &setting, options, &mut Bptt::default(), 1);
    // The readout is not explored: it gets its own exact gradient, as with every rule that is local.
    let readout =
        learn(&network, &setting, options, &mut EProp::new(Feedback::Symmetric, 0).unwrap(), 1).gradient;
    let n = 40;
    let (mut sums, mut squares) = (exact.gradient.zeros_like(), exact.gradient.zeros_like());
    for seed in 0..n {
        setting.seed = 100 + seed;
        let drawn = learn(&network, &setting, options, rule, 2).gradient;
        for ((sum, square), drawn) in sums.iter_mut().zip(squares.iter_mut()).zip(&drawn) {
            for ((sum, square), value) in sum.values.iter_mut().zip(&mut square.values).zip(&drawn.values) {
                *sum += value;
                *square += value * value;
            }
        }
    }
    let n = n as f64;
    let mut strongest: f64 = 0.0;
    for ((sum, square), exact) in sums.iter().zip(&squares).zip(&exact.gradient) {
        if let Some(exact) = readout.values(&exact.name).filter(|_| exact.name.ends_with("_out")) {
            let largest = exact.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            let close = |(sum, exact): (&f64, &f64)| (sum / n - exact).abs() < 1e-3 * largest;
            assert!(sum.values.iter().zip(exact).all(close));
            continue;
        }
        for ((sum, square), exact_value) in sum.values.iter().zip(&square.values).zip(&exact.values) {
            let mean = sum / n;
            let error = ((square / n - mean * mean) / (n - 1.0)).sqrt();
            let off = (mean - exact_value).abs();
            assert!(off <= 5.0 * error + 1e-15, "{}: {mean} ± {error}, not {exact_value}", exact.name);
            strongest = strongest.max(exact_value.abs() / error.max(1e-300));
        }
    }
    assert!(strongest > 30.0, "nothing was measured: {strongest}");
}

fn everything_explored() -> Options {
    Options { delays: Some(mixed_delays()), input_delay: 1, feedback: Some(0), ..Options::default() }
}

#[test]
fn node_perturbation_is_the_gradient_in_the_mean() {
    for cell in [tanh(Leak::Rate), tanh(Leak::Current), rate(Activation::Softplus, Leak::Rate, 1.0)] {
        let noisy = Options { noise: 0.1, ..everything_explored() };
        agrees_in_the_mean(&cell, &noisy, &mut NodePerturbation::new(0.01, Against::Unperturbed).unwrap());
        let mut running = NodePerturbation::new(0.01, Against::Running(0.5)).unwrap();
        agrees_in_the_mean(&cell, &everything_explored(), &mut running);
    }
}

#[test]
fn kicks_know_what_is_cut_and_silent() {
    let perturbation = Perturbation {
        current: Vec::new(),
        silent: (0..STEPS * UNITS).map(|k| k % 7 == 1).collect(),
        lesions: vec![(Pathway::Recurrent, 2..4), (Pathway::Input, 0..3), (Pathway::Feedback, 4..6)],
    };
    let options = Options { perturbation, ..everything_explored() };
    let mut rule = NodePerturbation::new(0.01, Against::Unperturbed).unwrap();
    agrees_in_the_mean(&tanh(Leak::Rate), &options, &mut rule);
}

#[test]
fn rewards_are_compared_with_those_of_other_trials() {
    let mut baseline = Baseline::<f64>::new(0.5).unwrap();
    let first = baseline.advantages(&[1.0, 2.0, 4.0, 10.0], Some(&[0, 1, 0, 1])).unwrap();
    assert_eq!(first, [-3.0, -8.0, 3.0, 8.0]);
    assert_eq!(baseline.advantages(&[3.0, 7.0], Some(&[0, 2])).unwrap(), [0.5, 0.0]);
    assert_eq!(baseline.state().values("baseline").unwrap(), [2.75, 6.0, 7.0]);
    assert_eq!(baseline.advantages(&[1.0], None).unwrap(), [-1.75]);
}

#[test]
fn reinforce_is_the_gradient_in_the_mean() {
    for cell in [tanh(Leak::Rate), tanh(Leak::Current)] {
        let mut rule = Reinforce::new(0.01, 0.5).unwrap();
        agrees_in_the_mean(&cell, &everything_explored(), &mut rule);
        let mut rule = Reinforce::new(0.01, 0.5).unwrap();
        rule.contexts = Some((0..512).map(|trial| trial % 3).collect());
        agrees_in_the_mean(&cell, &everything_explored(), &mut rule);
        let baselines = Rule::<f64>::state(&rule);
        assert_eq!(baselines.values("seen").unwrap(), [1.0; 3]);
    }
}

#[test]
fn contexts_are_compared_with_themselves() {
    // Trials of two contexts that differ in their losses: one baseline would see the difference, two do not.
    let options = Options::default();
    let network = network(tanh(Leak::Rate), &options);
    let mut setting = identical(64);
    for (trial, targets) in setting.targets.chunks_exact_mut(STEPS * OUTPUTS).enumerate() {
        if trial % 2 == 1 {
            for target in targets {
                *target += 3.0;
            }
        }
    }
    let mut rule = Reinforce::new(1e-4, 0.5).unwrap();
    rule.contexts = Some((0..64).map(|trial| trial % 2).collect());
    learn(&network, &setting, &options, &mut rule, 1);
    let state = Rule::<f64>::state(&rule);
    for (context, baseline) in state.values("baseline").unwrap().iter().enumerate() {
        let mut alone = identical(1);
        for target in &mut alone.targets {
            *target += 3.0 * context as f64;
        }
        let loss = learn(&network, &alone, &options, &mut Bptt::default(), 1).loss;
        assert!((baseline + loss).abs() < 1e-3 * loss, "{baseline} {loss}");
    }
    let odd = Baseline::<f64>::check(Some(&[0; 63]), 64).unwrap_err();
    assert!(matches!(odd, Error::Shape { argument: "contexts", .. }), "{odd}");
    let odd = Baseline::<f64>::check(Some(&[usize::MAX]), 1).unwrap_err();
    assert!(matches!(odd, Error::Value { argument: "contexts", .. }), "{odd}");
}

#[test]
fn miconi_is_its_literal_formula() {
    let (sigma, probability, mean_decay, baseline_decay) = (0.5, 0.3, 0.2, 0.6);
    let (mut setting, options) = (setting(), Options::default());
    for cell in [tanh(Leak::Rate), tanh(Leak::Current)] {
        let network = network(cell, &options);
        let mut rule = Miconi::new(sigma, probability, mean_decay, baseline_decay).unwrap();
        setting.seed = 7;
        learn(&network, &setting, &options, &mut rule, 1);
        let baseline = Rule::<f64>::state(&rule).values("baseline").unwrap()[0];
        setting.seed = 8;
        let ours = learn(&network, &setting, &options, &mut rule, 2).gradient;
        let run = run(&network, &setting, Some((sigma, probability, 8)));
        let excitation = run.memories.first().unwrap_or(&run.activity);
        let weight = |k: usize| if setting.targets[k].is_nan() { 0.0 } else { setting.weights[k / OUTPUTS] };
        let total: f64 = (0..run.outputs.len()).map(weight).sum();
        let (mut w, mut w_in, mut b) = ([0.0; UNITS * UNITS], [0.0; UNITS * INPUTS], [0.0; UNITS]);
        let mut rewards = 0.0;
        for trial in 0..TRIALS {
            let entries = trial * STEPS * OUTPUTS..(trial + 1) * STEPS * OUTPUTS;
            let squared = |k: usize| match weight(k) {
                0.0 => 0.0,
                weight => weight * (run.outputs[k] - setting.targets[k]).powi(2) / total,
            };
            let reward = -(TRIALS as f64) * entries.map(squared).sum::<f64>();
            rewards += reward / TRIALS as f64;
            let factor = -(reward - baseline) / TRIALS as f64;
            for unit in 0..UNITS {
                let mut mean = 0.0;
                for step in 0..STEPS {
                    let x = excitation[(trial * STEPS + step) * UNITS + unit];
                    let change = x - mean;
                    mean = mean_decay * mean + (1.0 - mean_decay) * x;
                    for j in 0..UNITS {
                        let before = (step > 0).then(|| run.activity[(trial * STEPS + step - 1) * UNITS + j]);
                        w[unit * UNITS + j] += factor * (before.unwrap_or(0.0) * change).powi(3);
                    }
                    for j in 0..INPUTS {
                        let x = setting.inputs[(trial * STEPS + step) * INPUTS + j];
                        w_in[unit * INPUTS + j] += factor * (x * change).powi(3);
                    }
                    b[unit] += factor * change.powi(3);
                }
            }
        }
        for (name, literal) in [("W", &w[..]), ("W_in", &w_in), ("b", &b)] {
            let ours = ours.values(name).unwrap();
            let largest = literal.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            assert!(largest > 1e-6);
            assert!(ours.iter().zip(literal).all(|(a, b)| (a - b).abs() < 1e-12 * largest), "{name}");
        }
        let after = Rule::<f64>::state(&rule).values("baseline").unwrap()[0];
        let expected = baseline_decay * baseline + (1.0 - baseline_decay) * rewards;
        assert!((after - expected).abs() < 1e-12 * expected.abs());
    }
}
