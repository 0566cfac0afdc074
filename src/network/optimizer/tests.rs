//! Optimisers against their formulas, entry by entry in double precision.

use super::*;
use crate::numerics::rng;

const ADAM: Method = Method::Adam { beta1: 0.9, beta2: 0.99, epsilon: 1e-6 };
const ADAM_W: Method = Method::AdamW { beta1: 0.8, beta2: 0.999, epsilon: 1e-8 };
const METHODS: [Method; 4] = [Method::Sgd { momentum: 0.0 }, Method::Sgd { momentum: 0.9 }, ADAM, ADAM_W];

fn random<R: Real>(item: u64) -> Parameters<R> {
    let mut stream = rng::stream(11, item);
    let mut all = Parameters::new();
    for (name, shape) in [("W", vec![7, 5]), ("b", vec![3]), ("empty", vec![0, 2])] {
        let values = (0..shape.iter().product()).map(|_| R::from_f64(rng::normal(&mut stream)));
        all.push(name, &shape, values.collect()).unwrap();
    }
    all
}

fn flat<R: Real>(all: &[&Parameters<R>]) -> Vec<f64> {
    all.iter().flat_map(|a| a.iter()).flat_map(|a| a.values.iter().map(|v| v.to_f64())).collect()
}

/// The equations as they stand, for one long vector.
struct Slow {
    method: Method,
    rate: f64,
    decay: f64,
    clip: Option<f64>,
    t: i32,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Slow {
    fn step(&mut self, p: &mut [f64], g: &[f64]) -> f64 {
        let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
        let scale = self.clip.map_or(1.0, |clip| (clip / norm).min(1.0));
        self.t += 1;
        self.first.resize(p.len(), 0.0);
        self.second.resize(p.len(), 0.0);
        for k in 0..p.len() {
            let g = g[k] * scale;
            let (m, s) = (&mut self.first[k], &mut self.second[k]);
            let mut adam = |g: f64, beta1: f64, beta2: f64, epsilon: f64| {
                *m = beta1 * *m + (1.0 - beta1) * g;
                *s = beta2 * *s + (1.0 - beta2) * g * g;
                let (m, s) = (*m / (1.0 - beta1.powi(self.t)), *s / (1.0 - beta2.powi(self.t)));
                self.rate * m / (s.sqrt() + epsilon)
            };
            match self.method {
                Method::Sgd { momentum } => {
                    *m = momentum * *m + g + self.decay * p[k];
                    p[k] -= self.rate * *m;
                }
                Method::Adam { beta1, beta2, epsilon } => {
                    p[k] -= adam(g + self.decay * p[k], beta1, beta2, epsilon);
                }
                Method::AdamW { beta1, beta2, epsilon } => {
                    let change = adam(g, beta1, beta2, epsilon);
                    p[k] = p[k] * (1.0 - self.rate * self.decay) - change;
                }
            }
        }
        norm
    }
}

fn follows_the_equations<R: Real>() {
    for method in METHODS {
        for (decay, clip) in [(0.0, None), (0.1, None), (0.05, Some(2.0)), (0.0, Some(1e6))] {
            let mut optimizer = Optimizer::<R>::new(method, 0.03, decay, clip).unwrap();
            let mut slow =
                Slow { method, rate: 0.03, decay, clip, t: 0, first: Vec::new(), second: Vec::new() };
            let (mut one, mut two) = (random::<R>(0), random::<R>(1));
            let mut right = flat(&[&one, &two]);
            for step in 0..12 {
                if step == 6 {
                    optimizer.set_learning_rate(0.01).unwrap();
                    slow.rate = 0.01;
                }
                let (first, second) = (random::<R>(10 + 2 * step), random::<R>(11 + 2 * step));
                let norm = optimizer.step(&mut [(&mut one, &first), (&mut two, &second)]).unwrap();
                let expected = slow.step(&mut right, &flat(&[&first, &second]));
                assert!((norm - expected).abs() < 1e-12 * expected);
            }
            for (got, right) in flat(&[&one, &two]).iter().zip(&right) {
                // Twelve steps of a few roundings each.
                assert!(
                    (got - right).abs() < 50.0 * R::EPSILON,
                    "{method:?} {decay} {clip:?}: {got} {right}"
                );
            }
        }
    }
}

#[test]
fn single_precision_follows_the_equations() {
    follows_the_equations::<f32>();
}

#[test]
fn double_precision_follows_the_equations() {
    follows_the_equations::<f64>();
}

#[test]
fn a_clipped_step_has_the_length_of_the_clip() {
    let (mut one, mut two) = (random::<f64>(0), random::<f64>(1));
    let before = flat(&[&one, &two]);
    let (first, second) = (random(2), random(3));
    let mut optimizer = Optimizer::new(Method::Sgd { momentum: 0.0 }, 0.5, 0.0, Some(0.25)).unwrap();
    let norm = optimizer.step(&mut [(&mut one, &first), (&mut two, &second)]).unwrap();
    assert!(norm > 1.0);
    let moved: f64 = flat(&[&one, &two]).iter().zip(&before).map(|(a, b)| (a - b).powi(2)).sum();
    assert!((moved.sqrt() - 0.5 * 0.25).abs() < 1e-14);
}

#[test]
fn adams_first_step_is_the_sign_of_the_gradient() {
    let (mut parameters, gradient) = (random::<f64>(0), random::<f64>(1));
    let before = flat(&[&parameters]);
    let method = Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-12 };
    Optimizer::new(method, 0.01, 0.0, None).unwrap().step(&mut [(&mut parameters, &gradient)]).unwrap();
    for ((after, before), g) in flat(&[&parameters]).iter().zip(&before).zip(flat(&[&gradient])) {
        assert!((before - after - 0.01 * g.signum()).abs() < 1e-9);
    }
}

#[test]
fn entries_without_gradient_stay_exactly() {
    for method in METHODS {
        let mut optimizer = Optimizer::<f32>::new(method, 0.1, 0.0, Some(0.5)).unwrap();
        let mut parameters = random::<f32>(0);
        let before = parameters.get("b").unwrap().clone();
        for step in 0..5 {
            let mut gradient = random::<f32>(step + 1);
            gradient.get_mut("b").unwrap().values.fill(0.0);
            optimizer.step(&mut [(&mut parameters, &gradient)]).unwrap();
        }
        assert_eq!(parameters.get("b").unwrap(), &before, "{method:?}");
    }
}

fn resumes<R: Real>() {
    for method in METHODS {
        let mut whole = Optimizer::<R>::new(method, 0.02, 0.01, Some(1.0)).unwrap();
        let mut parameters = random::<R>(0);
        for step in 0..5 {
            whole.step(&mut [(&mut parameters, &random(step + 1))]).unwrap();
        }
        let (n_steps, memory) = whole.state();
        assert_eq!(n_steps, 5);
        let mut resumed = Optimizer::<R>::new(method, 0.02, 0.01, Some(1.0)).unwrap();
        resumed.set_state(n_steps, memory.clone()).unwrap();
        let mut same = parameters.clone();
        for step in 5..9 {
            whole.step(&mut [(&mut parameters, &random(step + 1))]).unwrap();
            resumed.step(&mut [(&mut same, &random(step + 1))]).unwrap();
        }
        assert_eq!(parameters, same, "{method:?}");
        assert_eq!(whole, resumed, "{method:?}");
    }
}

#[test]
fn a_state_resumes_to_the_bit() {
    resumes::<f32>();
    resumes::<f64>();
}

#[test]
fn states_of_something_else_are_refused() {
    let mut optimizer = Optimizer::<f64>::new(ADAM, 0.1, 0.0, None).unwrap();
    let mut parameters = random(0);
    optimizer.step(&mut [(&mut parameters, &random(1))]).unwrap();
    let memory = optimizer.state().1.clone();
    let names: Vec<&str> = memory.iter().map(|array| array.name.as_str()).collect();
    assert_eq!(names[..3], ["first_moment.0.W", "second_moment.0.W", "first_moment.0.b"]);
    let mut other = Optimizer::<f64>::new(Method::Sgd { momentum: 0.9 }, 0.1, 0.0, None).unwrap();
    assert!(other.set_state(1, memory.clone()).is_err());
    assert!(optimizer.set_state(0, memory.clone()).is_err());
    assert!(optimizer.set_state(1, Parameters::new()).is_err());
    for (name, value) in [("first_moment.0.b", f64::NAN), ("second_moment.0.b", -1.0)] {
        let mut bad = memory.clone();
        bad.get_mut(name).unwrap().values[0] = value;
        assert!(optimizer.set_state(1, bad).is_err());
    }
    // Of more groups or of none of these shapes: noticed by the step, which then changes nothing.
    let (mut second, before) = (random(5), parameters.clone());
    optimizer.set_state(1, memory.clone()).unwrap();
    let gradient = random(2);
    assert!(optimizer.step(&mut [(&mut parameters, &gradient), (&mut second, &gradient)]).is_err());
    assert!(optimizer.step(&mut []).is_err());
    let mut longer = memory;
    longer.push("first_moment.1.W", &[1], vec![0.0]).unwrap();
    optimizer.set_state(1, longer).unwrap();
    assert!(optimizer.step(&mut [(&mut parameters, &gradient)]).is_err());
    assert_eq!((parameters, second), (before, random(5)));
}

#[test]
fn a_bad_gradient_changes_nothing() {
    for method in METHODS {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut optimizer = Optimizer::<f32>::new(method, 0.1, 0.0, Some(1.0)).unwrap();
            let mut parameters = random::<f32>(0);
            optimizer.step(&mut [(&mut parameters, &random(1))]).unwrap();
            let (before, kept) = (parameters.clone(), optimizer.clone());
            let mut gradient = random::<f32>(2);
            gradient.get_mut("W").unwrap().values[3] = bad;
            let error = optimizer.step(&mut [(&mut parameters, &gradient)]).unwrap_err();
            assert!(matches!(error, Error::Value { argument: "gradient", .. }), "{error}");
            assert!(optimizer.step(&mut [(&mut parameters, &Parameters::new())]).is_err());
            assert_eq!((parameters, optimizer), (before, kept));
        }
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let named = |method, rate, decay, clip| match Optimizer::<f32>::new(method, rate, decay, clip) {
        Err(Error::Value { argument, .. }) => argument,
        other => panic!("{other:?}"),
    };
    let sgd = Method::Sgd { momentum: 0.0 };
    assert_eq!(named(Method::Sgd { momentum: 1.0 }, 0.1, 0.0, None), "momentum");
    assert_eq!(named(Method::Adam { beta1: -0.1, beta2: 0.9, epsilon: 1e-8 }, 0.1, 0.0, None), "beta1");
    assert_eq!(named(Method::AdamW { beta1: 0.9, beta2: f64::NAN, epsilon: 1e-8 }, 0.1, 0.0, None), "beta2");
    assert_eq!(named(Method::Adam { beta1: 0.9, beta2: 0.9, epsilon: 1e-60 }, 0.1, 0.0, None), "epsilon");
    assert_eq!(named(sgd, f64::NAN, 0.0, None), "learning_rate");
    assert_eq!(named(sgd, 0.1, -1.0, None), "weight_decay");
    assert_eq!(named(sgd, 0.1, 0.0, Some(0.0)), "clip");
    let mut fine = Optimizer::<f32>::new(sgd, 0.1, 0.0, None).unwrap();
    assert!(fine.set_learning_rate(-1.0).is_err());
    assert_eq!(fine.learning_rate(), 0.1);
}

#[test]
fn a_state_in_any_order_goes_on_to_the_bit() {
    let gradient = random::<f64>(2);
    let mut parameters = random::<f64>(1);
    let mut optimizer = Optimizer::new(ADAM, 0.1, 0.0, None).unwrap();
    optimizer.step(&mut [(&mut parameters, &gradient)]).unwrap();
    let (n_steps, memory) = optimizer.state();
    let mut reversed = Parameters::new();
    for array in memory.iter().rev() {
        reversed.push(array.name.clone(), &array.shape, array.values.clone()).unwrap();
    }
    let mut other = Optimizer::new(ADAM, 0.1, 0.0, None).unwrap();
    other.set_state(n_steps, reversed).unwrap();
    let mut theirs = parameters.clone();
    optimizer.step(&mut [(&mut parameters, &gradient)]).unwrap();
    other.step(&mut [(&mut theirs, &gradient)]).unwrap();
    assert_eq!(parameters, theirs);
}
