//! FORCE and full-FORCE against ridge regression, their own equations, and tasks they must learn.

mod setting;

use fastigial::network::parameters::Parameters;
use fastigial::real::Real;
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::rules::Rule;
use fastigial::rnn::rules::force::{self, Force};
use fastigial::rnn::rules::full_force::{self, FullForce};
use fastigial::rnn::structure::Leak;
use setting::{Setting, is_positive, network, sine, solve, spiking_units, tanh_units};

#[test]
fn without_feedback_the_readout_is_the_ridge_regression_of_all_that_was_seen() {
    let n = 9;
    let cells = [tanh_units(n, Leak::Rate, 0.4), tanh_units(n, Leak::Current, 0.4), spiking_units()];
    for cell in cells {
        let start = network::<f64>(cell, [2, n, 2], 1.2, false, Constraints::default());
        let (alpha, every, learn_start) = (0.7, 3, 2);
        let mut rule = Force::new(force::Settings { alpha, every, learn_start });
        let mut learner = start.clone();
        let bias = start.parameters().values("b_out").unwrap().to_vec();
        let mut gram = vec![vec![0.0; n]; n];
        (0..n).for_each(|k| gram[k][k] = alpha);
        let mut moments = vec![vec![0.0; n]; 2];
        let first: Vec<Vec<f64>> = (0..2)
            .map(|o| {
                let p = start.parameters();
                p.values("W_out").unwrap()[o * n..][..n].to_vec()
            })
            .collect();
        for o in 0..2 {
            (0..n).for_each(|k| moments[o][k] = alpha * first[o][k]);
        }
        for seed in [1, 2] {
            let mut trials = Setting::random(3, 11, 2, 2, seed);
            // Steps that are not observed do not count among every third one.
            for step in [4, 5, 16] {
                trials.targets[step * 2..][..2].fill(f64::NAN);
            }
            let (read, _) = trials.run(&learner);
            trials.learn(&mut learner, &mut rule);
            for trial in 0..3 {
                let seen =
                    (trial * 11 + learn_start..(trial + 1) * 11).filter(|s| !trials.targets[s * 2].is_nan());
                for step in seen.skip(every - 1).step_by(every) {
                    let q = &read[step * n..][..n];
                    for (row, &left) in gram.iter_mut().zip(q) {
                        row.iter_mut().zip(q).for_each(|(g, right)| *g += left * right);
                    }
                    for (o, moments) in moments.iter_mut().enumerate() {
                        let wanted = trials.targets[step * 2 + o] - bias[o];
                        moments.iter_mut().zip(q).for_each(|(m, q)| *m += q * wanted);
                    }
                }
            }
        }
        for (o, moments) in moments.iter().enumerate() {
            let ridge = solve(gram.clone(), moments.clone());
            let p = learner.parameters();
            let learned = &p.values("W_out").unwrap()[o * n..][..n];
            for (ridge, learned) in ridge.iter().zip(learned) {
                assert!((ridge - learned).abs() < 1e-8, "{ridge} {learned}");
            }
            assert!(ridge.iter().zip(&first[o]).any(|(a, b)| (a - b).abs() > 0.1), "nothing was learned");
        }
        // P is the inverse of the correlations, symmetric to the bit.
        let p = rule.inverse().unwrap();
        assert!(is_positive(p, n));
        for i in 0..n {
            for j in 0..n {
                assert_eq!(p[i * n + j], p[j * n + i]);
                let entry: f64 = (0..n).map(|k| p[i * n + k] * gram[k][j]).sum();
                assert!((entry - f64::from(u8::from(i == j))).abs() < 1e-9);
            }
        }
        for name in ["W", "W_in", "h0", "b_out"] {
            assert_eq!(learner.parameters().values(name), start.parameters().values(name));
        }
    }
}

#[test]
fn force_makes_a_network_go_on_with_a_sine_by_itself() {
    let n = 100;
    let cell = tanh_units(n, Leak::Current, 0.2);
    let mut learner = network::<f64>(cell, [0, n, 1], 1.5, true, Constraints::default());
    // As published: no bias, which FORCE would not learn.
    learner.parameters_mut().get_mut("b_out").unwrap().values.fill(0.0);
    let mut rule = Force::new(force::Settings { alpha: 0.1, every: 2, learn_start: 0 });
    let before = sine(300).error(&learner, 0);
    for _ in 0..8 {
        sine(600).learn(&mut learner, &mut rule);
    }
    let after = sine(300).error(&learner, 0);
    assert!(after < 1e-3 * before, "{before} {after}");
    assert!(is_positive(rule.inverse().unwrap(), n));
}

#[test]
fn full_force_makes_a_network_go_on_with_a_sine_by_itself() {
    for leak in [Leak::Current, Leak::Rate] {
        let n = 120;
        let mut learner =
            network::<f64>(tanh_units(n, leak, 0.2), [0, n, 1], 1.0, false, Constraints::default());
        let mut rule = FullForce::new(full_force::Settings { alpha: 0.1, every: 2, gain: 1.5, seed: 2 });
        // The target network needs a period to fall in with its hint, whatever is learned.
        let before = sine(300).error(&learner, 60);
        for _ in 0..8 {
            sine(600).learn(&mut learner, &mut rule);
        }
        let after = sine(300).error(&learner, 60);
        assert!(after < 1e-2 * before, "{leak:?}: {before} {after}");
    }
}

#[test]
fn one_update_of_full_force_is_its_equation() {
    let n = 4;
    let start =
        network::<f64>(tanh_units(n, Leak::Current, 0.3), [2, n, 2], 1.0, false, Constraints::default());
    let trials = Setting::<f64>::random(1, 1, 2, 2, 5);
    let alpha = 0.4;
    let mut rule = FullForce::new(full_force::Settings { alpha, every: 1, gain: 1.3, seed: 1 });
    let generator = rule.target_network(&start).unwrap();
    let mut learner = start.clone();
    let learned = trials.learn(&mut learner, &mut rule);
    // One step of either network from the same state v_0, by hand.
    let step = |network: &Network<f64>| -> Vec<f64> {
        let p = network.parameters();
        let (w, w_in, v) = (p.values("W").unwrap(), p.values("W_in").unwrap(), p.values("h0").unwrap());
        let drive = |i: usize| -> f64 {
            (0..n).map(|j| w[i * n + j] * v[j].tanh()).sum::<f64>()
                + (0..2).map(|k| w_in[i * 2 + k] * trials.inputs[k]).sum::<f64>()
        };
        (0..n).map(|i| (0.7 * v[i] + 0.3 * drive(i)).tanh()).collect()
    };
    let (r, shown) = (step(&start), step(&generator));
    let squares: f64 = r.iter().map(|r| r * r).sum();
    let gain: Vec<f64> = r.iter().map(|r| r / alpha / (1.0 + squares / alpha)).collect();
    let of = |network: &Network<f64>, name: &str| network.parameters().values(name).unwrap().to_vec();
    let (w, j, hint) = (of(&start, "W"), of(&generator, "W"), of(&generator, "W_fb"));
    let (w_out, b_out) = (of(&start, "W_out"), of(&start, "b_out"));
    let (new, new_out) = (of(&learner, "W"), of(&learner, "W_out"));
    let mut loss = 0.0;
    for i in 0..n {
        let error: f64 = (0..n).map(|k| w[i * n + k] * r[k] - j[i * n + k] * shown[k]).sum::<f64>()
            - (0..2).map(|o| hint[i * 2 + o] * trials.targets[o]).sum::<f64>();
        assert!(error.abs() > 1e-3);
        for k in 0..n {
            assert!((new[i * n + k] - (w[i * n + k] - error * gain[k])).abs() < 1e-12);
        }
    }
    for o in 0..2 {
        let y: f64 = (0..n).map(|k| w_out[o * n + k] * r[k]).sum::<f64>() + b_out[o];
        let error = y - trials.targets[o];
        loss += error * error / 2.0;
        for k in 0..n {
            assert!((new_out[o * n + k] - (w_out[o * n + k] - error * gain[k])).abs() < 1e-12);
        }
    }
    assert!((learned.loss - loss).abs() < 1e-12);
    assert!(hint.iter().all(|u| (-1.0..=1.0).contains(u)));
    assert_eq!(of(&learner, "b_out"), b_out);
}

#[test]
fn masks_hold_and_other_entries_learn() {
    let n = 8;
    let exists = [("W_out", 2 * n), ("W", n * n)]
        .map(|(name, size)| (name.to_owned(), (0..size).map(|k| k % 3 != 0).collect::<Vec<bool>>()));
    let limits = Constraints { exists: exists.into_iter().collect(), ..Constraints::default() };
    let trials = Setting::<f64>::random(2, 20, 2, 2, 1);
    let check = |rule: &mut dyn Rule<f64>| {
        let start = network::<f64>(tanh_units(n, Leak::Rate, 0.4), [2, n, 2], 1.0, false, limits.clone());
        let learned = trials.lesson(&start, true, |lesson| rule.learn(lesson)).unwrap();
        for name in ["W_out", "W"] {
            let change = learned.gradient.values(name).unwrap();
            for (k, change) in change.iter().enumerate() {
                assert!(k % 3 != 0 || *change == 0.0);
            }
            let learns = name == "W_out" || rule.admits(&with_feedback()).is_err();
            assert_eq!(change.iter().any(|&change| change != 0.0), learns, "{name}");
        }
    };
    check(&mut Force::default());
    check(&mut FullForce::default());
}

fn with_feedback() -> Network<f64> {
    network(tanh_units(5, Leak::Rate, 0.4), [1, 5, 1], 1.0, true, Constraints::default())
}

/// A rule that is put back to its state goes on exactly as the one that never stopped.
fn goes_on<R: Real, L: Rule<R>>(mut rule: L, mut fresh: L, feedback: bool) {
    let n = 12;
    let cell = tanh_units(n, Leak::Current, 0.3);
    let mut learner = network::<R>(cell, [2, n, 2], 1.2, feedback, Constraints::default());
    assert!(rule.state().is_empty());
    Setting::random(2, 30, 2, 2, 1).learn(&mut learner, &mut rule);
    fresh.set_state(&rule.state()).unwrap();
    assert_eq!(fresh.state(), rule.state());
    let mut other = learner.clone();
    let more = Setting::random(2, 30, 2, 2, 2);
    let (a, b) = (more.learn(&mut learner, &mut rule), more.learn(&mut other, &mut fresh));
    assert_eq!((a.loss, &a.gradient), (b.loss, &b.gradient));
    assert_eq!(fresh.state(), rule.state());
    // Another number of units.
    let small =
        network::<R>(tanh_units(3, Leak::Rate, 0.4), [2, 3, 2], 1.0, feedback, Constraints::default());
    assert!(more.lesson(&small, true, |lesson| rule.learn(lesson)).is_err());
    assert_eq!(fresh.state(), rule.state());
}

#[test]
fn states_go_on_exactly_in_both_precisions() {
    goes_on::<f64, _>(Force::default(), Force::default(), true);
    goes_on::<f32, _>(Force::default(), Force::default(), true);
    goes_on::<f64, _>(FullForce::default(), FullForce::default(), false);
    goes_on::<f32, _>(FullForce::default(), FullForce::default(), false);
    let mut odd = Parameters::new();
    odd.push("P", &[2, 3], vec![0.0_f64; 6]).unwrap();
    assert!(Rule::<f64>::set_state(&mut Force::default(), &odd).is_err());
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let network = with_feedback();
    let mut trials = Setting::<f64>::random(1, 5, 1, 1, 1);
    let learn = |trials: &Setting<f64>, given| {
        trials.lesson(&network, given, |lesson| Force::default().learn(lesson)).map(|_| ())
    };
    learn(&trials, true).unwrap();
    let error = learn(&trials, false).unwrap_err().to_string();
    assert!(error.starts_with("targets is not given"), "{error}");
    trials.targets.fill(f64::NAN);
    assert!(learn(&trials, true).is_err());
    for settings in [
        force::Settings { alpha: 0.0, ..force::Settings::default() },
        force::Settings { every: 0, ..force::Settings::default() },
    ] {
        assert!(Force::new(settings).admits(&network).is_err());
    }
    let error = FullForce::default().admits(&network).unwrap_err().to_string();
    assert!(error.contains("output feedback"), "{error}");
}
