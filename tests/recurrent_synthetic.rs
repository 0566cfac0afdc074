//! Synthetic gradients and BP(λ): exact predictions make exact gradients, and what is learned is what the equations say.

use std::collections::BTreeMap;
use std::sync::Mutex;

use fastigial::error::Result;
use fastigial::network::objective::{MeanSquaredError, Weights};
use fastigial::network::optimizer::{Method, Optimizer};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng::{normal, stream};
use fastigial::rnn::batch::{Batch, Workspace};
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::perturbation::{Pathway, Perturbation};
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::bp_lambda::{self, BpLambda};
use fastigial::rnn::rules::bptt::Bptt;
use fastigial::rnn::rules::synthesizer::Synthesizer;
use fastigial::rnn::rules::synthetic_gradient::{Settings, SyntheticGradient};
use fastigial::rnn::rules::whole_state::WholeState;
use fastigial::rnn::rules::{Learned, Lesson, Rule};
use fastigial::rnn::structure::{Activation, Adaptation, Cell, Leak, RecurrentDelays, Spiking, Structure};
use fastigial::rnn::wiring::Wiring;

const UNITS: usize = 5;
const INPUTS: usize = 3;
const OUTPUTS: usize = 2;
const TRIALS: usize = 11;
const STEPS: usize = 7;

fn rate(activation: Activation, leak: Leak, alpha: f64) -> Cell {
    let alpha = (0..UNITS).map(|u| alpha - 0.03 * u as f64 * (1.0 - alpha)).collect();
    Cell::Rate { activation, leak, alpha }
}

fn kinds() -> Vec<Cell> {
    let adaptation = Some(Adaptation { decay: 0.9, strength: 0.4 });
    let spiking =
        Spiking { decay: 0.8, readout_decay: 0.6, threshold: 0.6, surrogate: 0.5, adaptation: None };
    vec![
        rate(Activation::Tanh, Leak::Rate, 0.4),
        rate(Activation::Tanh, Leak::Rate, 1.0),
        rate(Activation::Tanh, Leak::Current, 0.4),
        Cell::Gru,
        Cell::Lstm,
        Cell::Spiking(spiking),
        Cell::Spiking(Spiking { adaptation, ..spiking }),
    ]
}

struct Setting {
    network: Network<f64>,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    perturbation: Perturbation<f64>,
    regularization: Regularization,
    shape: [usize; 2],
}

impl Setting {
    fn new(cell: Cell, rank: Option<usize>, limits: Constraints) -> Self {
        let gates = cell.n_gates();
        let mut draws = stream(5, gates as u64);
        let structure = Structure {
            n_inputs: INPUTS,
            n_units: UNITS,
            n_outputs: OUTPUTS,
            cell: cell.clone(),
            noise: 0.2,
            input_noise: 0.1,
            feedback: false,
            recurrent_delays: RecurrentDelays::Uniform(0),
            input_delay: 0,
            feedback_delay: 0,
        };
        let mut parameters = Parameters::new();
        let mut add = |name: &str, shape: &[usize]| {
            let values = (0..shape.iter().product()).map(|_| 0.6 * normal(&mut draws)).collect();
            parameters.push(name, shape, values).unwrap();
        };
        let rows = gates * UNITS;
        match rank {
            Some(rank) => {
                add("U", &[rows, rank]);
                add("V", &[UNITS, rank]);
            }
            None => add("W", &[rows, UNITS]),
        }
        add("W_in", &[rows, INPUTS]);
        add("b", &[rows]);
        add("W_out", &[OUTPUTS, UNITS]);
        add("b_out", &[OUTPUTS]);
        add("h0", &[UNITS]);
        if cell == Cell::Lstm {
            add("c0", &[UNITS]);
        }
        let mut draws = stream(9, 1);
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut draws)).collect() };
        Self {
            network: Network::new(structure, limits, parameters).unwrap(),
            inputs: draw(TRIALS * STEPS * INPUTS),
            targets: draw(TRIALS * STEPS * OUTPUTS),
            perturbation: Perturbation::default(),
            regularization: Regularization::default(),
            shape: [TRIALS, STEPS],
        }
    }

    /// The same with units silenced, pathways cut and costly activity.
    fn disturbed(cell: Cell, rank: Option<usize>) -> Self {
        let perturbation = Perturbation {
            current: (0..STEPS * UNITS).map(|k| 0.1 * (k % 3) as f64).collect(),
            silent: (0..STEPS * UNITS).map(|k| k % 4 == 1).collect(),
            lesions: vec![(Pathway::Recurrent, 2..4), (Pathway::Input, 0..3)],
        };
        let regularization =
            Regularization { activity_l2: 0.3, activity_l1: 0.2, ..Regularization::default() };
        Self { perturbation, regularization, ..Self::new(cell, rank, Constraints::default()) }
    }

    fn lesson<O>(&self, n_threads: usize, f: impl FnOnce(&mut Lesson<'_, f64>) -> O) -> O {
        let [n_trials, n_steps] = self.shape;
        f(&mut Lesson {
            network: &self.network,
            batch: Batch {
                inputs: &self.inputs,
                n_trials,
                n_steps,
                initial: &[],
                perturbation: &self.perturbation,
                seed: Some(4),
            },
            objective: &mut MeanSquaredError { targets: &self.targets, weights: Weights::None },
            targets: None,
            regularization: &self.regularization,
            seed: 2,
            threads: &Threads::new(Some(n_threads)).unwrap(),
            workspace: &mut Workspace::default(),
        })
    }

    fn learn(&self, rule: &mut dyn Rule<f64>) -> Learned<f64> {
        rule.admits(&self.network).unwrap();
        self.lesson(2, |lesson| rule.learn(lesson)).unwrap()
    }

    /// States and exact gradients of all later losses with respect to them, before every step and after the last.
    fn truth(&self) -> Truth {
        let wiring = Wiring::new(&self.network);
        let layout = WholeState::of(&self.network);
        let truth = Mutex::new(Truth::default());
        self.lesson(1, |lesson| {
            lesson.simulate_with_errors(&wiring).unwrap();
            let (_, cost) = lesson.regularization.activity(&wiring, lesson.workspace);
            let batch = lesson.batch;
            lesson.workspace.gradient(&wiring, lesson.threads, |block| {
                block.carry.clear(&wiring, block.n_samples);
                for step in (0..=batch.n_steps).rev() {
                    if step < batch.n_steps {
                        block.go_back(&wiring, &batch, &cost, step..step + 1);
                    }
                    let (mut states, mut gradients) = (Vec::new(), Vec::new());
                    layout.gather(&wiring, block, step, &mut states);
                    layout.gather_gradient(&wiring, block, &self.perturbation, step, &mut gradients);
                    truth.lock().unwrap().insert((block.first, step), (states, gradients));
                }
            });
        });
        truth.into_inner().unwrap()
    }
}

/// By first trial of a block and step: states and gradients, samples × size.
type Truth = BTreeMap<(usize, usize), (Vec<f64>, Vec<f64>)>;

struct Exact(Truth);

impl Synthesizer<f64> for Exact {
    fn predict(&self, first: usize, step: usize, states: &[f64], predictions: &mut [f64]) -> Result<()> {
        let (known, gradients) = &self.0[&(first, step)];
        assert_eq!(known, states);
        predictions.copy_from_slice(gradients);
        Ok(())
    }
}

fn largest(all: &Parameters<f64>) -> f64 {
    all.iter().flat_map(|p| &p.values).fold(0.0, |most, v| v.abs().max(most))
}

/// Entries agree to a share of the largest.
fn close(a: &Parameters<f64>, b: &Parameters<f64>, tolerance: f64) {
    let scale = largest(b);
    assert!(scale > 1e-4, "nothing to compare");
    for (a, b) in a.iter().zip(b) {
        for (k, (x, y)) in a.values.iter().zip(&b.values).enumerate() {
            assert!((x - y).abs() <= tolerance * scale, "{}[{k}]: {x} {y}", b.name);
        }
    }
}

/// Makes the synthesiser predict something.
fn stir(own: &mut Parameters<f64>, size: f64) {
    let mut draws = stream(11, 0);
    own.iter_mut()
        .flat_map(|p| &mut p.values)
        .filter(|v| **v == 0.0)
        .for_each(|v| *v = size * normal(&mut draws));
}

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

/// The synthesiser of a rule with weights that predict something.
fn stirred(setting: &Setting, settings: bp_lambda::Settings) -> BpLambda<f64> {
    let mut rule = BpLambda::new(settings);
    setting.learn(&mut rule);
    stir(rule.own().unwrap(), 0.3);
    rule
}

#[test]
fn with_full_memory_the_traces_find_the_exact_gradient_that_nobody_computed() {
    for cell in kinds() {
        for rank in [None, Some(2)] {
            let setting = Setting::disturbed(cell.clone(), rank);
            for hidden in [vec![], vec![4]] {
                let settings =
                    bp_lambda::Settings { hidden: hidden.clone(), ..bp_lambda::Settings::default() };
                let mut rule = stirred(&setting, settings);
                let own = rule.own().unwrap().clone();
                let learned = setting.learn(&mut rule);
                // −(1/B) Σ (G − ĝ)ᵀ ∂ĝ/∂(A, a) with G from back-propagation.
                let size = WholeState::of(&setting.network).size();
                let arrays: Vec<&[f64]> = own.iter().map(|p| p.values.as_slice()).collect();
                let (last, bias) = (arrays[arrays.len() - 2], arrays[arrays.len() - 1]);
                let n_features = last.len() / size;
                let mut expected = learned.own.zeros_like();
                for ((_, step), (states, gradients)) in setting.truth() {
                    // Gradients of states after step t stand at t + 1; the last is not learned from.
                    if step == 0 || step == STEPS {
                        continue;
                    }
                    for (s, g) in states.chunks(size).zip(gradients.chunks(size)) {
                        let f: Vec<f64> = if hidden.is_empty() {
                            s.to_vec()
                        } else {
                            let unit = |k: usize| {
                                arrays[1][k] + (0..size).map(|j| arrays[0][k * size + j] * s[j]).sum::<f64>()
                            };
                            (0..n_features).map(|k| unit(k).max(0.0)).collect()
                        };
                        for i in 0..size {
                            let row = &last[i * n_features..][..n_features];
                            let predicted = bias[i] + row.iter().zip(&f).map(|(a, f)| a * f).sum::<f64>();
                            let error = (predicted - g[i]) / TRIALS as f64;
                            let mut arrays = expected.iter_mut().rev();
                            arrays.next().unwrap().values[i] += error;
                            let weights = &mut arrays.next().unwrap().values[i * n_features..][..n_features];
                            weights.iter_mut().zip(&f).for_each(|(w, f)| *w += error * f);
                        }
                    }
                }
                let pick = |all: &Parameters<f64>| {
                    let mut last = Parameters::new();
                    for array in all.iter().rev().take(2) {
                        last.push(array.name.clone(), &array.shape, array.values.clone()).unwrap();
                    }
                    last
                };
                close(&pick(&learned.own), &pick(&expected), 1e-11);
            }
        }
    }
}

/// A linear synthesiser, silent after the last step.
struct Linear(Parameters<f64>);

impl Synthesizer<f64> for Linear {
    fn predict(&self, _: usize, step: usize, states: &[f64], predictions: &mut [f64]) -> Result<()> {
        let (w, b) = (self.0.values("weight_0").unwrap(), self.0.values("bias_0").unwrap());
        let size = b.len();
        for (s, out) in states.chunks(size).zip(predictions.chunks_mut(size)) {
            for (i, out) in out.iter_mut().enumerate() {
                *out = b[i] + (0..size).map(|j| w[i * size + j] * s[j]).sum::<f64>();
            }
        }
        if step == STEPS {
            predictions.fill(0.0);
        }
        Ok(())
    }
}

#[test]
fn without_local_traces_the_cortex_learns_as_from_windows_of_one_step() {
    for cell in kinds() {
        let setting = Setting::disturbed(cell, None);
        let weight = 0.6;
        let settings = bp_lambda::Settings { weight, local_trace: false, ..bp_lambda::Settings::default() };
        let mut rule = stirred(&setting, settings);
        let linear = Linear(rule.own().unwrap().clone());
        let settings = Settings { window: 1, bootstrap: weight, ..Settings::default() };
        let mut windows = SyntheticGradient::with_synthesizer(settings, Box::new(linear));
        close(&setting.learn(&mut rule).gradient, &setting.learn(&mut windows).gradient, 1e-13);
    }
}

#[test]
fn a_literal_transcription_on_three_units() {
    const N: usize = 3;
    const T: usize = 4;
    let (alpha, lambda, gamma, weight) = (0.5, 0.7, 0.8, 0.3);
    let mut draws = stream(21, 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| 0.7 * normal(&mut draws)).collect() };
    let (w, w_in, w_out) = (draw(N * N), draw(N), draw(N));
    let (x, target) = (draw(T), draw(T));
    let structure = Structure {
        n_inputs: 1,
        n_units: N,
        n_outputs: 1,
        cell: Cell::Rate { activation: Activation::Tanh, leak: Leak::Rate, alpha: vec![alpha; N] },
        noise: 0.0,
        input_noise: 0.0,
        feedback: false,
        recurrent_delays: RecurrentDelays::Uniform(0),
        input_delay: 0,
        feedback_delay: 0,
    };
    let mut parameters = Parameters::new();
    parameters.push("W", &[N, N], w.clone()).unwrap();
    parameters.push("W_in", &[N, 1], w_in.clone()).unwrap();
    parameters.push("W_out", &[1, N], w_out.clone()).unwrap();
    let setting = Setting {
        network: Network::new(structure, Constraints::default(), parameters).unwrap(),
        inputs: x.clone(),
        targets: target.clone(),
        perturbation: Perturbation::default(),
        regularization: Regularization::default(),
        shape: [1, T],
    };
    let settings = bp_lambda::Settings { lambda, gamma, weight, ..bp_lambda::Settings::default() };
    let mut rule = stirred(&setting, settings);
    let (a, bias) = {
        let own = rule.own().unwrap();
        (own.values("weight_0").unwrap().to_vec(), own.values("bias_0").unwrap().to_vec())
    };
    let learned = setting.learn(&mut rule);

    // Forwards in time, with every trace written out.
    let mut h = [0.0; N];
    let (mut states, mut direct, mut jacobians) = (Vec::new(), Vec::new(), Vec::new());
    let mut own_trace = vec![vec![0.0; N * N]; N]; // ∂h_i/∂W_jk through unit i's own state
    let mut own_traces = Vec::new();
    for t in 0..T {
        let before = h;
        let phi: Vec<f64> = (0..N)
            .map(|i| (w_in[i] * x[t] + (0..N).map(|j| w[i * N + j] * before[j]).sum::<f64>()).tanh())
            .collect();
        let slope: Vec<f64> = phi.iter().map(|p| alpha * (1.0 - p * p)).collect();
        let mut jacobian = vec![0.0; N * N];
        for i in 0..N {
            h[i] = (1.0 - alpha) * before[i] + alpha * phi[i];
            for j in 0..N {
                jacobian[i * N + j] = slope[i] * w[i * N + j] + if i == j { 1.0 - alpha } else { 0.0 };
            }
            for jk in 0..N * N {
                own_trace[i][jk] *= 1.0 - alpha;
                own_trace[i][jk] += if jk / N == i { slope[i] * before[jk % N] } else { 0.0 };
            }
        }
        let y: f64 = (0..N).map(|i| w_out[i] * h[i]).sum();
        direct.push((0..N).map(|i| 2.0 * (y - target[t]) / T as f64 * w_out[i]).collect::<Vec<f64>>());
        states.push(h);
        jacobians.push(jacobian);
        own_traces.push(own_trace.clone());
    }
    let predicted: Vec<Vec<f64>> = (0..T)
        .map(|t| {
            let of = |i: usize| bias[i] + (0..N).map(|j| a[i * N + j] * states[t][j]).sum::<f64>();
            (0..N).map(|i| if t == T - 1 { 0.0 } else { of(i) }).collect()
        })
        .collect();
    let n_own = N * N + N;
    let mut trace = vec![vec![0.0; n_own]; N];
    let mut own = vec![0.0; n_own];
    for t in 0..T - 1 {
        let mut next = vec![vec![0.0; n_own]; N];
        for i in 0..N {
            for p in 0..n_own {
                let carried: f64 =
                    if t == 0 { 0.0 } else { (0..N).map(|m| jacobians[t][i * N + m] * trace[m][p]).sum() };
                let here = if p < N * N {
                    if p / N == i { states[t][p % N] } else { 0.0 }
                } else if p - N * N == i {
                    1.0
                } else {
                    0.0
                };
                next[i][p] = gamma * lambda * carried + here;
            }
        }
        trace = next;
        for i in 0..N {
            let later: f64 = (0..N)
                .map(|m| jacobians[t + 1][m * N + i] * (direct[t + 1][m] + gamma * predicted[t + 1][m]))
                .sum();
            (0..n_own).for_each(|p| own[p] -= (later - predicted[t][i]) * trace[i][p]);
        }
    }
    let mut cortex = vec![0.0; N * N];
    for t in 0..T {
        for i in 0..N {
            let signal = direct[t][i] + weight * predicted[t][i];
            (0..N * N).for_each(|jk| cortex[jk] += signal * own_traces[t][i][jk]);
        }
    }
    let got = learned.own.iter().flat_map(|p| &p.values).chain(learned.gradient.values("W").unwrap());
    for (k, (got, expected)) in got.zip(own.iter().chain(&cortex)).enumerate() {
        assert!((got - expected).abs() < 1e-13 * (1.0 + expected.abs()), "{k}: {got} {expected}");
    }
    assert!(own.iter().chain(&cortex).all(|g| g.abs() > 1e-9));
}

#[test]
fn a_linear_synthesiser_converges_to_the_true_gradient() {
    // Linear units that decay slowly and hear something at the first step only are asked to be silent at the end: the
    // gradient is nearly the same map of all states.
    let mut setting = Setting::new(rate(Activation::Linear, Leak::Rate, 1.0), None, Constraints::default());
    let structure = Structure { noise: 0.0, input_noise: 0.0, ..setting.network.structure().clone() };
    let parameters = setting.network.parameters().clone();
    setting.network = Network::new(structure, Constraints::default(), parameters).unwrap();
    for row in setting.inputs.chunks_mut(STEPS * INPUTS) {
        row[INPUTS..].fill(0.0);
    }
    for (k, w) in setting.network.parameters_mut().get_mut("W").unwrap().values.iter_mut().enumerate() {
        *w = 0.1 * *w + if k % UNITS == k / UNITS { 0.9 } else { 0.0 };
    }
    for (k, target) in setting.targets.iter_mut().enumerate() {
        *target = if k / OUTPUTS % STEPS == STEPS - 1 { 0.0 } else { f64::NAN };
    }
    let mut rule = BpLambda::new(bp_lambda::Settings::default());
    let method = Method::Adam { beta1: 0.9, beta2: 0.98, epsilon: 1e-9 };
    let mut optimizer = Optimizer::new(method, 3e-3, 0.0, None).unwrap();
    for _ in 0..1000 {
        let own = setting.learn(&mut rule).own;
        optimizer.step(&mut [(rule.own().unwrap(), &own)]).unwrap();
    }
    let linear = Linear(rule.own().unwrap().clone());
    let (mut dot, mut predicted, mut true_) = (0.0, 0.0, 0.0);
    for ((first, step), (states, gradients)) in setting.truth() {
        if step == 0 || step == STEPS {
            continue;
        }
        let mut predictions = vec![0.0; states.len()];
        linear.predict(first, step, &states, &mut predictions).unwrap();
        for (p, g) in predictions.iter().zip(&gradients) {
            dot += p * g;
            predicted += p * p;
            true_ += g * g;
        }
    }
    let cosine = dot / (predicted * true_).sqrt();
    assert!(cosine > 0.9, "{cosine}");
}
