//! Rules that predict gradients of the state: synthetic gradients and BP(λ).

mod setting;
mod traces;
mod windows;

use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::rules::Rule;
use fastigial::rnn::rules::bp_lambda::{self, BpLambda};
use fastigial::rnn::rules::synthetic_gradient::{Settings, SyntheticGradient};
use fastigial::rnn::structure::{Activation, Cell, Leak, Structure};
use setting::{OUTPUTS, Setting, UNITS, rate};

/// Numbers do not depend on threads, and a rule goes on from its state.
fn repeats(setting: &Setting, fresh: &dyn Fn() -> Box<dyn Rule<f64>>) {
    let run = |n_threads: usize, stop: bool| {
        let mut rule = fresh();
        assert!(rule.state().is_empty());
        let mut all = Vec::new();
        for round in 0..3 {
            let learned = setting.lesson(n_threads, |lesson| rule.learn(lesson)).unwrap();
            let own = rule.own().unwrap();
            for (p, g) in own.iter_mut().zip(&learned.own) {
                p.values.iter_mut().zip(&g.values).for_each(|(p, g)| *p -= 0.05 * g);
            }
            all.push(learned);
            if stop && round == 1 {
                let state = rule.state();
                rule = fresh();
                rule.set_state(&state).unwrap();
                assert_eq!(rule.state(), state);
            }
        }
        assert_ne!(all[0], all[2]);
        all
    };
    let one = run(1, false);
    for (n_threads, stop) in [(2, false), (5, false), (1, true)] {
        assert_eq!(run(n_threads, stop), one, "{n_threads} threads");
    }
}

#[test]
fn threads_and_states() {
    for cell in [Cell::Lstm, rate(Activation::Tanh, Leak::Current, 0.4)] {
        let setting = Setting::new(cell, None, Constraints::default());
        for n_kept in [None, Some(3)] {
            let settings =
                Settings { window: 2, bootstrap: 1.0, hidden: vec![6], n_kept, ..Settings::default() };
            repeats(&setting, &|| Box::new(SyntheticGradient::new(settings.clone())));
        }
        for hidden in [vec![], vec![6]] {
            let settings = bp_lambda::Settings { hidden, ..bp_lambda::Settings::default() };
            repeats(&setting, &|| Box::new(BpLambda::new(settings.clone())));
        }
    }
}

#[test]
fn masks_of_the_network_hold() {
    let exists = [("W".to_owned(), (0..UNITS * UNITS).map(|k| k % 3 != 0).collect())].into_iter().collect();
    let limits = Constraints { exists, ..Constraints::default() };
    let setting = Setting::new(rate(Activation::Tanh, Leak::Rate, 0.4), None, limits);
    let rules: [Box<dyn Rule<f64>>; 2] = [
        Box::new(SyntheticGradient::new(Settings::default())),
        Box::new(BpLambda::new(bp_lambda::Settings::default())),
    ];
    for mut rule in rules {
        let gradient = setting.learn(rule.as_mut()).gradient;
        for (k, g) in gradient.values("W").unwrap().iter().enumerate() {
            assert_eq!(*g == 0.0, k % 3 == 0);
        }
    }
}

#[test]
fn networks_whose_state_is_not_all_are_refused() {
    let plain = Setting::new(rate(Activation::Tanh, Leak::Rate, 0.4), None, Constraints::default()).network;
    let mut parameters = plain.parameters().clone();
    parameters.push("W_fb", &[UNITS, OUTPUTS], vec![0.1; UNITS * OUTPUTS]).unwrap();
    let structure = Structure { feedback: true, ..plain.structure().clone() };
    let fed_back = Network::new(structure, Constraints::default(), parameters).unwrap();
    let structure = Structure { input_delay: 1, ..plain.structure().clone() };
    let delayed = Network::new(structure, Constraints::default(), plain.parameters().clone()).unwrap();
    let synthetic = |settings: Settings| SyntheticGradient::<f64>::new(settings).admits(&plain);
    synthetic(Settings::default()).unwrap();
    for network in [fed_back, delayed] {
        assert!(SyntheticGradient::new(Settings::default()).admits(&network).is_err());
        assert!(BpLambda::new(bp_lambda::Settings::default()).admits(&network).is_err());
    }
    assert!(synthetic(Settings { window: 0, ..Settings::default() }).is_err());
    assert!(synthetic(Settings { n_kept: Some(UNITS + 1), ..Settings::default() }).is_err());
    assert!(synthetic(Settings { bootstrap: f64::NAN, ..Settings::default() }).is_err());
    // A synthesiser of another size.
    let mut rule = SyntheticGradient::new(Settings::default());
    Setting::new(Cell::Lstm, None, Constraints::default()).learn(&mut rule);
    assert!(rule.admits(&plain).is_err());
}
