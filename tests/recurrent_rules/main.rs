//! Learning rules against back-propagation, against slow literal formulas, and against their own means over many draws.

use fastigial::network::parameters::Parameters;
use fastigial::rnn::network::Constraints;
use fastigial::rnn::rules::Rule;
use fastigial::rnn::structure::{Activation, Adaptation, Cell, Leak, RecurrentDelays, Spiking};

mod alignment;
mod every_rule;
mod exact;
mod exploration;
#[path = "../common/recurrent.rs"]
mod recurrent;
mod traces;

use recurrent::{INPUTS, OUTPUTS, Options, UNITS, learn, network, rate, setting};

const LIF: Spiking =
    Spiking { decay: 0.8, readout_decay: 0.6, threshold: 0.5, surrogate: 0.3, adaptation: None };

const ALIF: Spiking = Spiking { adaptation: Some(Adaptation { decay: 0.9, strength: 0.2 }), ..LIF };

fn spiking() -> [Cell; 2] {
    [Cell::Spiking(LIF), Cell::Spiking(ALIF)]
}

fn tanh(leak: Leak) -> Cell {
    rate(Activation::Tanh, leak, 0.4)
}

/// Largest difference of two gradients, relative to the largest entry of the second, parameter by parameter.
fn difference(ours: &Parameters<f64>, exact: &Parameters<f64>) -> f64 {
    let mut worst = 0.0_f64;
    exact.check_layout("gradient", ours).unwrap();
    for (ours, exact) in ours.iter().zip(exact) {
        let largest = exact.values.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        if largest == 0.0 && exact.name == "h0" {
            // Nothing of the initial state is left where units neither leak slowly nor are connected.
            assert!(ours.values.iter().all(|value| *value == 0.0));
            continue;
        }
        assert!(largest > 1e-6, "nothing to compare in {}", exact.name);
        for (a, b) in ours.values.iter().zip(&exact.values) {
            worst = worst.max((a - b).abs() / largest);
        }
    }
    worst
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn agree(cell: &Cell, options: &Options, ours: &mut dyn Rule<f64>, exact: &mut dyn Rule<f64>) {
    let (network, setting) = (network(cell.clone(), options), setting());
    let ours = learn(&network, &setting, options, ours, 2);
    let exact = learn(&network, &setting, options, exact, 1);
    assert!((ours.loss - exact.loss).abs() <= 1e-12 * exact.loss);
    let worst = difference(&ours.gradient, &exact.gradient);
    assert!(worst < 1e-9, "{cell:?}: {worst}");
}

fn mixed_delays() -> RecurrentDelays {
    RecurrentDelays::PerConnection((0..UNITS * UNITS).map(|k| [0, 2, 1, 3, 0][k % 5]).collect())
}

fn masks(rows: usize) -> Constraints {
    let mask = |n: usize, k: usize| (0..n).map(|i| i % k != 0).collect::<Vec<bool>>();
    Constraints {
        exists: [("W".into(), mask(rows * UNITS, 3)), ("W_out".into(), mask(OUTPUTS * UNITS, 4))].into(),
        learned: [("W_in".into(), mask(rows * INPUTS, 2)), ("b".into(), mask(rows, 2))].into(),
        ..Constraints::default()
    }
}
