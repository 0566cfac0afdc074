//! Synthetic gradients over windows: exact with exact predictions, and learned as the equations say.

use fastigial::network::optimizer::{Method, Optimizer};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::rng::{normal, stream};
use fastigial::rnn::network::Constraints;
use fastigial::rnn::rules::Rule;
use fastigial::rnn::rules::bptt::Bptt;
use fastigial::rnn::rules::synthetic_gradient::{Settings, SyntheticGradient};
use fastigial::rnn::structure::{Activation, Cell, Leak};

use crate::setting::{Exact, INPUTS, OUTPUTS, STEPS, Setting, UNITS, close, kinds, largest, rate, stir};

#[test]
fn exact_predictions_make_windows_exact() {
    for cell in kinds() {
        for rank in [None, Some(2)] {
            for setting in [
                Setting::new(cell.clone(), rank, Constraints::default()),
                Setting::disturbed(cell.clone(), rank),
            ] {
                let exact = setting.learn(&mut Bptt::default());
                for window in [1, 3, STEPS, 2 * STEPS] {
                    let settings = Settings { window, bootstrap: 1.0, ..Settings::default() };
                    let mut rule =
                        SyntheticGradient::with_synthesizer(settings, Box::new(Exact(setting.truth())));
                    let learned = setting.learn(&mut rule);
                    assert_eq!(learned.loss, exact.loss);
                    close(&learned.gradient, &exact.gradient, 1e-12);
                    // What comes out at the start of a window is what was predicted there.
                    assert!(rule.synthesizer_loss() < 1e-24, "{}", rule.synthesizer_loss());
                    assert!(learned.own.is_empty());
                }
            }
        }
    }
}

#[test]
fn learning_begins_as_truncated_backpropagation() {
    for cell in kinds() {
        let setting = Setting::disturbed(cell, None);
        for window in [1, 2, 3] {
            let settings = Settings { window, bootstrap: 1.0, hidden: vec![8], ..Settings::default() };
            let mut rule = SyntheticGradient::new(settings);
            assert!(rule.own().is_none());
            let learned = setting.learn(&mut rule);
            let truncated = setting.learn(&mut Bptt { truncation: Some(window), ..Bptt::default() });
            assert_eq!((learned.loss, &learned.gradient), (truncated.loss, &truncated.gradient));
            learned.own.check_layout("own", rule.own().unwrap()).unwrap();
        }
    }
}

#[test]
fn the_synthesiser_descends_its_squared_error() {
    for (cell, n_kept) in [(Cell::Lstm, None), (rate(Activation::Tanh, Leak::Current, 0.4), Some(2))] {
        let setting = Setting::disturbed(cell, None);
        // Without bootstrapping targets do not depend on C, and its loss is a function that has differences.
        let settings = Settings { window: 2, bootstrap: 0.0, hidden: vec![6], n_kept, ..Settings::default() };
        let mut rule = SyntheticGradient::new(settings);
        setting.learn(&mut rule);
        let mask = rule.state().values("mask").map(<[f64]>::to_vec);
        assert_eq!(mask.is_some(), n_kept.is_some());
        let mut parameters = rule.own().unwrap().clone();
        for (k, array) in parameters.iter_mut().enumerate() {
            let mut draws = stream(12, k as u64);
            array
                .values
                .iter_mut()
                .filter(|v| **v == 0.0 && k > 0)
                .for_each(|v| *v = 0.3 * normal(&mut draws));
        }
        let mut loss = |parameters: &Parameters<f64>| {
            *rule.own().unwrap() = parameters.clone();
            let learned = setting.learn(&mut rule);
            (rule.synthesizer_loss(), learned.own)
        };
        let own = loss(&parameters).1;
        let scale = largest(&own);
        for (index, gradient) in own.iter().enumerate() {
            for (which, &gradient) in gradient.values.iter().enumerate() {
                if index == 0 && mask.as_ref().is_some_and(|mask| mask[which] == 0.0) {
                    assert_eq!(gradient, 0.0);
                    continue;
                }
                let mut at = |by: f64| {
                    let mut moved = parameters.clone();
                    moved.iter_mut().nth(index).unwrap().values[which] += by;
                    loss(&moved).0
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!(
                    (difference - gradient).abs() < 1e-7 * scale,
                    "{index}[{which}]: {gradient} {difference}"
                );
            }
        }
    }
}

#[test]
fn bootstrapped_targets_are_those_of_the_equations() {
    // Linear units, h_t = W h_{t−1} + W_in x_t + b, one trial of four steps in windows of two, by hand.
    let mut setting = Setting::new(rate(Activation::Linear, Leak::Rate, 1.0), None, Constraints::default());
    setting.shape = [1, 4];
    setting.inputs.truncate(4 * INPUTS);
    setting.targets.truncate(4 * OUTPUTS);
    let gamma = 0.7;
    let mut rule = SyntheticGradient::new(Settings {
        window: 2,
        bootstrap: gamma,
        hidden: vec![],
        ..Settings::default()
    });
    setting.learn(&mut rule);
    stir(rule.own().unwrap(), 0.4);
    let own = rule.own().unwrap().clone();
    let learned = setting.learn(&mut rule);
    let predict = |s: &[f64]| -> Vec<f64> {
        let (w, b) = (own.values("weight_0").unwrap(), own.values("bias_0").unwrap());
        (0..UNITS).map(|i| b[i] + (0..UNITS).map(|j| w[i * UNITS + j] * s[j]).sum::<f64>()).collect()
    };
    let p = setting.network.parameters();
    let (w, w_out, b_out) = (p.values("W").unwrap(), p.values("W_out").unwrap(), p.values("b_out").unwrap());
    let state = |step: usize| setting.truth()[&(0, step)].0.clone();
    // ∂L_t/∂h_t of the state after step t.
    let direct = |t: usize| -> Vec<f64> {
        let h = state(t + 1);
        let error = |o: usize| {
            let y: f64 = b_out[o] + (0..UNITS).map(|j| w_out[o * UNITS + j] * h[j]).sum::<f64>();
            2.0 * (y - setting.targets[t * OUTPUTS + o]) / (4 * OUTPUTS) as f64
        };
        (0..UNITS).map(|j| (0..OUTPUTS).map(|o| error(o) * w_out[o * UNITS + j]).sum()).collect()
    };
    let transposed = |v: &[f64]| -> Vec<f64> {
        (0..UNITS).map(|j| (0..UNITS).map(|i| w[i * UNITS + j] * v[i]).sum()).collect()
    };
    let plus = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
    let (mut weight, mut bias, mut loss) = (vec![0.0; UNITS * UNITS], vec![0.0; UNITS], 0.0);
    let mut recurrent = vec![0.0; UNITS * UNITS];
    for start in [0, 2] {
        let seed: Vec<f64> = predict(&state(start + 2)).iter().map(|c| gamma * c).collect();
        let second = plus(&direct(start + 1), &seed);
        let first = plus(&direct(start), &transposed(&second));
        let target = transposed(&first);
        let (s, c) = (state(start), predict(&state(start)));
        for i in 0..UNITS {
            loss += (c[i] - target[i]).powi(2);
            bias[i] += 2.0 * (c[i] - target[i]);
            for j in 0..UNITS {
                weight[i * UNITS + j] += 2.0 * (c[i] - target[i]) * s[j];
                recurrent[i * UNITS + j] += first[i] * s[j] + second[i] * state(start + 1)[j];
            }
        }
    }
    assert!((rule.synthesizer_loss() - loss).abs() < 1e-12 * loss);
    let mut expected = Parameters::new();
    expected.push("weight_0", &[UNITS, UNITS], weight).unwrap();
    expected.push("bias_0", &[UNITS], bias).unwrap();
    close(&learned.own, &expected, 1e-12);
    let scale = recurrent.iter().fold(0.0_f64, |most, g| g.abs().max(most));
    for (a, b) in learned.gradient.values("W").unwrap().iter().zip(&recurrent) {
        assert!((a - b).abs() < 1e-12 * scale);
    }
}

/// Cosine of two gradients of everything that lies before the readout.
fn cosine(a: &Parameters<f64>, b: &Parameters<f64>) -> f64 {
    let pick = |p: &Parameters<f64>| -> Vec<f64> {
        ["W", "W_in", "b"].iter().flat_map(|name| p.values(name).unwrap().to_vec()).collect()
    };
    let (a, b) = (pick(a), pick(b));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

#[test]
fn a_learned_synthesiser_reaches_beyond_its_window() {
    let mut setting = Setting::new(rate(Activation::Tanh, Leak::Rate, 0.4), None, Constraints::default());
    // Only the last step is asked for: truncated to one step, hardly anything of the gradient is left.
    for row in setting.targets.chunks_mut(STEPS * OUTPUTS) {
        row[..(STEPS - 1) * OUTPUTS].fill(f64::NAN);
    }
    let exact = setting.learn(&mut Bptt::default()).gradient;
    let settings = Settings { window: 1, bootstrap: 1.0, hidden: vec![60], ..Settings::default() };
    let mut rule = SyntheticGradient::new(settings);
    let before = cosine(&setting.learn(&mut rule).gradient, &exact);
    let method = Method::Adam { beta1: 0.9, beta2: 0.98, epsilon: 1e-9 };
    let mut optimizer = Optimizer::new(method, 3e-3, 0.0, None).unwrap();
    for _ in 0..1500 {
        let own = setting.learn(&mut rule).own;
        optimizer.step(&mut [(rule.own().unwrap(), &own)]).unwrap();
    }
    let after = cosine(&setting.learn(&mut rule).gradient, &exact);
    assert!(before < 0.8 && after > 0.95, "{before} {after}");
}

#[test]
fn a_frozen_synthesiser_stays_whatever_an_optimiser_does() {
    let setting = Setting::new(Cell::Lstm, None, Constraints::default());
    let mut rule =
        SyntheticGradient::new(Settings { bootstrap: 1.0, hidden: vec![6], ..Settings::default() });
    setting.learn(&mut rule);
    stir(rule.own().unwrap(), 0.3);
    let trained = setting.learn(&mut rule);
    rule.settings.frozen = true;
    let frozen = setting.learn(&mut rule);
    assert_eq!(frozen.gradient, trained.gradient);
    assert_eq!(largest(&frozen.own), 0.0);
    assert!(largest(&trained.own) > 0.0);
    let kept = rule.state();
    rule.own().unwrap().scale(0.9);
    assert_eq!(setting.learn(&mut rule).gradient, trained.gradient);
    assert_eq!(rule.state(), kept);
    // The lesion is healed: learning goes on from there.
    rule.own().unwrap().scale(0.9);
    rule.settings.frozen = false;
    assert_eq!(setting.learn(&mut rule), trained);
}
