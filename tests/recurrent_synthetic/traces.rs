//! BP(λ): its traces find the exact gradient without computing it, and every number is that of the equations.

use fastigial::network::optimizer::{Method, Optimizer};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::rng::{normal, stream};
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::perturbation::Perturbation;
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::Rule;
use fastigial::rnn::rules::bp_lambda::{self, BpLambda};
use fastigial::rnn::rules::parts::synthesizer::Synthesizer;
use fastigial::rnn::rules::parts::whole_state::WholeState;
use fastigial::rnn::rules::synthetic_gradient::{Settings, SyntheticGradient};
use fastigial::rnn::structure::{Activation, Cell, Leak, RecurrentDelays, Structure};

use crate::setting::{INPUTS, Linear, OUTPUTS, STEPS, Setting, TRIALS, UNITS, close, kinds, rate, stir};

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

/// Three leaky tanh units with one input and one output, and one trial.
fn three_units(alpha: f64, [w, w_in, w_out]: [&[f64]; 3], x: &[f64], target: &[f64]) -> Setting {
    let structure = Structure {
        n_inputs: 1,
        n_units: 3,
        n_outputs: 1,
        cell: Cell::Rate { activation: Activation::Tanh, leak: Leak::Rate, alpha: vec![alpha; 3] },
        noise: 0.0,
        input_noise: 0.0,
        feedback: false,
        recurrent_delays: RecurrentDelays::Uniform(0),
        input_delay: 0,
        feedback_delay: 0,
    };
    let mut parameters = Parameters::new();
    parameters.push("W", &[3, 3], w.to_vec()).unwrap();
    parameters.push("W_in", &[3, 1], w_in.to_vec()).unwrap();
    parameters.push("W_out", &[1, 3], w_out.to_vec()).unwrap();
    Setting {
        network: Network::new(structure, Constraints::default(), parameters).unwrap(),
        inputs: x.to_vec(),
        targets: target.to_vec(),
        perturbation: Perturbation::default(),
        regularization: Regularization::default(),
        shape: [1, x.len()],
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
    let setting = three_units(alpha, [&w, &w_in, &w_out], &x, &target);
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
