//! Eligibility traces: exact without recurrence, else those of the papers.

use fastigial::numerics::parallel::Threads;
use fastigial::rnn::batch::{Batch, Workspace};
use fastigial::rnn::network::Network;
use fastigial::rnn::perturbation::Perturbation;
use fastigial::rnn::regularization::Regularization;
use fastigial::rnn::rules::Rule;
use fastigial::rnn::rules::bptt::Bptt;
use fastigial::rnn::rules::eprop::EProp;
use fastigial::rnn::rules::parts::feedback::Feedback;
use fastigial::rnn::rules::rflo::Rflo;
use fastigial::rnn::structure::{Cell, Leak, RecurrentDelays};
use fastigial::rnn::wiring::Wiring;

use super::recurrent::{
    INPUTS, OUTPUTS, Options, STEPS, Setting, TRIALS, UNITS, kinds, learn, network, setting,
};
use super::{difference, spiking, tanh};

#[test]
fn traces_are_exact_without_recurrence() {
    for cell in kinds().into_iter().chain(spiking()) {
        let leak = matches!(cell, Cell::Rate { .. });
        let regularization = Regularization { activity_l2: 0.3, rate: 0.5, ..Regularization::default() };
        let options =
            Options { initial: true, leak, input_delay: 2, noise: 0.1, regularization, ..Options::default() };
        let mut silent = network(cell.clone(), &options);
        silent.parameters_mut().get_mut("W").unwrap().values.fill(0.0);
        let exact = learn(&silent, &setting(), &options, &mut Bptt::default(), 1);
        let mut rules: Vec<Box<dyn Rule<f64>>> = vec![Box::new(EProp::new(Feedback::Symmetric, 0).unwrap())];
        if leak {
            rules.push(Box::new(Rflo::new(Feedback::Symmetric, 0).unwrap()));
        }
        for mut rule in rules {
            let ours = learn(&silent, &setting(), &options, rule.as_mut(), 1);
            let worst = difference(&ours.gradient, &exact.gradient);
            assert!(worst < 1e-12, "{cell:?}: {worst}");
            // With recurrence they are not.
            let connected = network(cell.clone(), &options);
            let ours = learn(&connected, &setting(), &options, rule.as_mut(), 1);
            let exact = learn(&connected, &setting(), &options, &mut Bptt::default(), 1);
            assert!(difference(&ours.gradient, &exact.gradient) > 1e-3);
        }
    }
}

/// What a run left, trials × steps × units (or outputs).
pub struct Run {
    pub activity: Vec<f64>,
    pub memories: Vec<Vec<f64>>,
    pub outputs: Vec<f64>,
}

pub fn run(network: &Network<f64>, setting: &Setting, kicks: Option<(f64, f64, u64)>) -> Run {
    let wiring = Wiring::new(network);
    let mut workspace = Workspace::default();
    let n_trials = setting.weights.len() / STEPS;
    let batch = Batch {
        inputs: &setting.inputs,
        n_trials,
        n_steps: STEPS,
        initial: &[],
        perturbation: &Perturbation::default(),
        seed: Some(4),
    };
    workspace.simulate(&wiring, &batch, kicks, &Threads::one()).unwrap();
    Run {
        activity: workspace.activity(&wiring),
        memories: (0..wiring.n_memories()).map(|index| workspace.memory(&wiring, index)).collect(),
        outputs: workspace.outputs(&wiring),
    }
}

/// ∂L/∂y of the setting's loss.
fn errors(setting: &Setting, outputs: &[f64]) -> Vec<f64> {
    let weight = |k: usize| if setting.targets[k].is_nan() { 0.0 } else { setting.weights[k / OUTPUTS] };
    let total: f64 = (0..outputs.len()).map(weight).sum();
    let error = |k: usize| match weight(k) {
        0.0 => 0.0,
        w => 2.0 * w * (outputs[k] - setting.targets[k]) / total,
    };
    (0..outputs.len()).map(error).collect()
}

/// Traces of one synapse onto `unit`, step by step, from what arrives at it; `slope` is the unit's at each step.
fn trace(cell: &Cell, unit: usize, slope: &[f64], arrives: &[f64]) -> Vec<f64> {
    let (mut voltage, mut adaptation, mut spike, mut filtered) = (0.0, 0.0, 0.0, 0.0);
    let step = |(&slope, &p): (&f64, &f64)| match cell {
        Cell::Rate { leak: Leak::Rate, alpha, .. } => {
            filtered = (1.0 - alpha[unit]) * filtered + alpha[unit] * slope * p;
            filtered
        }
        Cell::Rate { leak: Leak::Current, alpha, .. } => {
            voltage = (1.0 - alpha[unit]) * voltage + alpha[unit] * p;
            slope * voltage
        }
        Cell::Spiking(spiking) => {
            let (rho, beta) = spiking.adaptation.map_or((0.0, 0.0), |a| (a.decay, a.strength));
            voltage = spiking.decay * voltage + p;
            adaptation = rho * adaptation + spike;
            spike = slope * (voltage - beta * adaptation);
            filtered = spiking.readout_decay * filtered + (1.0 - spiking.readout_decay) * spike;
            filtered
        }
        Cell::Gru | Cell::Lstm => unreachable!("no literal traces here"),
    };
    slope.iter().zip(arrives).map(step).collect()
}

/// Slopes φ' or ψ of a unit in a trial, from the states of the run.
fn slopes(cell: &Cell, run: &Run, trial: usize, unit: usize) -> Vec<f64> {
    let at = |values: &[f64], step: usize| values[(trial * STEPS + step) * UNITS + unit];
    let slope = |step: usize| match cell {
        Cell::Rate { leak: Leak::Current, .. } => 1.0 - at(&run.activity, step).powi(2),
        Cell::Rate { alpha, .. } => {
            let before = if step == 0 { 0.0 } else { at(&run.activity, step - 1) };
            let phi = (at(&run.activity, step) - (1.0 - alpha[unit]) * before) / alpha[unit];
            1.0 - phi * phi
        }
        Cell::Spiking(spiking) => {
            let excess = spiking.adaptation.map_or(0.0, |a| a.strength * at(&run.memories[2], step));
            let distance =
                (at(&run.memories[0], step) - spiking.threshold - excess).abs() / spiking.threshold;
            spiking.surrogate / spiking.threshold * (1.0 - distance).max(0.0)
        }
        Cell::Gru | Cell::Lstm => unreachable!("no literal traces here"),
    };
    (0..STEPS).map(slope).collect()
}

#[test]
fn traces_are_those_of_the_papers() {
    let delays: Vec<usize> = (0..UNITS * UNITS).map(|k| [0, 2, 1, 3, 0][k % 5]).collect();
    let options = Options {
        delays: Some(RecurrentDelays::PerConnection(delays.clone())),
        input_delay: 1,
        feedback: Some(1),
        ..Options::default()
    };
    let setting = setting();
    for cell in [tanh(Leak::Rate), tanh(Leak::Current)].into_iter().chain(spiking()) {
        let network = network(cell.clone(), &options);
        let run = run(&network, &setting, None);
        if let Cell::Spiking(_) = cell {
            let spikes: f64 = run.activity.iter().sum();
            assert!(spikes > 20.0 && spikes < 0.9 * run.activity.len() as f64, "{spikes} spikes");
        }
        let errors = errors(&setting, &run.outputs);
        let mut rules: Vec<Box<dyn Rule<f64>>> = vec![Box::new(EProp::new(Feedback::Random, 3).unwrap())];
        if matches!(cell, Cell::Rate { .. }) {
            rules.push(Box::new(Rflo::new(Feedback::Random, 3).unwrap()));
        }
        for mut rule in rules {
            let ours = learn(&network, &setting, &options, rule.as_mut(), 2).gradient;
            let feedback = rule.state().values("feedback").unwrap().to_vec();
            let mut literal = ours.zeros_like();
            for trial in 0..TRIALS {
                let arrived = |values: &[f64], n: usize, column: usize, late: usize| -> Vec<f64> {
                    let at = |step: usize| {
                        step.checked_sub(late).map_or(0.0, |s| values[(trial * STEPS + s) * n + column])
                    };
                    (0..STEPS).map(at).collect()
                };
                for unit in 0..UNITS {
                    let slopes = slopes(&cell, &run, trial, unit);
                    let signal = |step: usize| -> f64 {
                        let error = |o: usize| errors[(trial * STEPS + step) * OUTPUTS + o];
                        (0..OUTPUTS).map(|o| feedback[unit * OUTPUTS + o] * error(o)).sum()
                    };
                    let mut add = |name: &str, place: usize, arrives: &[f64]| {
                        let trace = trace(&cell, unit, &slopes, arrives);
                        let sum: f64 = trace.iter().enumerate().map(|(step, e)| signal(step) * e).sum();
                        literal.get_mut(name).unwrap().values[place] += sum;
                    };
                    for j in 0..UNITS {
                        let place = unit * UNITS + j;
                        add("W", place, &arrived(&run.activity, UNITS, j, 1 + delays[place]));
                    }
                    for j in 0..INPUTS {
                        add("W_in", unit * INPUTS + j, &arrived(&setting.inputs, INPUTS, j, 1));
                    }
                    for j in 0..OUTPUTS {
                        add("W_fb", unit * OUTPUTS + j, &arrived(&run.outputs, OUTPUTS, j, 2));
                    }
                    add("b", unit, &[1.0; STEPS]);
                }
                let read = if run.memories.len() > 1 { &run.memories[1] } else { &run.activity };
                for step in trial * STEPS..(trial + 1) * STEPS {
                    for o in 0..OUTPUTS {
                        let error = errors[step * OUTPUTS + o];
                        literal.get_mut("b_out").unwrap().values[o] += error;
                        let row = &mut literal.get_mut("W_out").unwrap().values[o * UNITS..(o + 1) * UNITS];
                        for (sum, q) in row.iter_mut().zip(&read[step * UNITS..(step + 1) * UNITS]) {
                            *sum += error * q;
                        }
                    }
                }
            }
            let worst = difference(&ours, &literal);
            assert!(worst < 1e-11, "{cell:?}: {worst}");
        }
    }
}
