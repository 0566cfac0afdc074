//! Cerebellar modules through the public API: learning online and in batches, and loops with a network.

use fastigial::cerebellum::circuit::Circuit;
use fastigial::cerebellum::coupled::{self, Aim, Coupling, Learning, Mossy, Trials};
use fastigial::cerebellum::eligibility::{Eligibility, Shape};
use fastigial::cerebellum::expansion::Expansion;
use fastigial::cerebellum::learning::{Lesson, Teacher};
use fastigial::cerebellum::module::Module;
use fastigial::cerebellum::plasticity::{Per, Plasticity, Rule};
use fastigial::error::Error;
use fastigial::monitor::{Flow, Monitor, Progress, Silent};
use fastigial::network::parameters::Parameters;
use fastigial::numerics::parallel::Threads;
use fastigial::numerics::rng::{normal, stream};
use fastigial::rnn::batch::Batch;
use fastigial::rnn::network::{Constraints, Network};
use fastigial::rnn::perturbation::Perturbation;
use fastigial::rnn::structure::{Activation, Cell, Leak, RecurrentDelays, Structure};
use fastigial::rnn::wiring::Wiring;

const FIBRES: usize = 5;
const NUCLEI: usize = 2;
const TRIALS: usize = 37;
const STEPS: usize = 20;

fn draws(n: usize, item: u64) -> Vec<f64> {
    let mut rng = stream(11, item);
    (0..n).map(|_| normal(&mut rng)).collect()
}

fn module(n_mossy: usize, rule: Rule, shape: Shape) -> Module<f64> {
    let mut parameters = Parameters::new();
    for (item, (name, dims)) in [
        ("W_pf", vec![NUCLEI, n_mossy]),
        ("b_p", vec![NUCLEI]),
        ("B", vec![NUCLEI, NUCLEI]),
        ("b_n", vec![NUCLEI]),
    ]
    .into_iter()
    .enumerate()
    {
        parameters.push(name, &dims, draws(dims.iter().product(), item as u64)).unwrap();
    }
    parameters.push("C", &[NUCLEI, NUCLEI], vec![1.0, 0.0, 0.5, 1.0]).unwrap();
    let circuit = Circuit::new(vec![0, 1], true, parameters).unwrap();
    let plasticity =
        Plasticity { rule, learning_rate: 1e-3, low: -2.0, high: 2.0, forgetting: 1e-4, per: Per::Step };
    Module::new(Expansion::Direct(n_mossy), circuit, Eligibility::new(1, shape).unwrap(), plasticity, 2)
        .unwrap()
}

fn settings() -> [(Rule, Shape); 3] {
    [
        (Rule::Lms, Shape::Instantaneous),
        (Rule::Covariance { rate: 0.1 }, Shape::Alpha { decay: 0.7 }),
        (Rule::Lms, Shape::Array(vec![0.2, 0.5])),
    ]
}

#[test]
fn whole_trials_are_steps_one_after_the_other() {
    let (mossy, targets) = (draws(TRIALS * STEPS * FIBRES, 20), draws(TRIALS * STEPS * NUCLEI, 21));
    for (rule, shape) in settings() {
        let (mut whole, mut stepped) = (module(FIBRES, rule, shape.clone()), module(FIBRES, rule, shape));
        let teacher = Teacher::Targets(&targets);
        let lesson = Lesson { mossy: &mossy, n_trials: TRIALS, n_steps: STEPS, teacher };
        whole.learn(&lesson, true, 1, &Threads::one(), &mut Silent).unwrap();
        for trial in 0..TRIALS {
            let mut moment = stepped.start(1).unwrap();
            for row in trial * STEPS..(trial + 1) * STEPS {
                stepped.advance(&mut moment, &mossy[row * FIBRES..][..FIBRES], &Threads::one()).unwrap();
                let errors: Vec<f64> =
                    targets[row * NUCLEI..].iter().zip(&moment.nuclei).map(|(y, c)| y - c).collect();
                stepped.receive(&mut moment, &errors);
                stepped.teach(&mut moment);
            }
        }
        assert_eq!(whole.circuit().weights(), stepped.circuit().weights());
    }
}

#[test]
fn no_number_depends_on_threads() {
    let (mossy, targets) = (draws(TRIALS * STEPS * FIBRES, 20), draws(TRIALS * STEPS * NUCLEI, 21));
    for (rule, shape) in settings() {
        for online in [false, true] {
            let mut found = Vec::new();
            for n_threads in [1, 2, 5] {
                let threads = Threads::new(Some(n_threads)).unwrap();
                let mut module = module(FIBRES, rule, shape.clone());
                let teacher = Teacher::Targets(&targets);
                let lesson = Lesson { mossy: &mossy, n_trials: TRIALS, n_steps: STEPS, teacher };
                let losses = module.learn(&lesson, online, 2, &threads, &mut Silent).unwrap();
                let run = module.run(&mossy, TRIALS, STEPS, true, &threads, &mut Silent).unwrap();
                assert_eq!(run.features, mossy);
                found.push((losses, module.circuit().weights().to_vec(), run.nuclei));
            }
            assert!(found.iter().all(|other| *other == found[0]));
        }
    }
}

/// Says stop at the given report.
struct StopAt(usize);

impl Monitor for StopAt {
    fn report(&mut self, _: Progress) -> Flow {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 { Flow::Stop } else { Flow::Continue }
    }
}

#[test]
fn a_stopped_lesson_keeps_what_was_learned() {
    let (mossy, targets) = (draws(TRIALS * STEPS * FIBRES, 20), draws(TRIALS * STEPS * NUCLEI, 21));
    let lesson = |n_trials| Lesson {
        mossy: &mossy[..n_trials * STEPS * FIBRES],
        n_trials,
        n_steps: STEPS,
        teacher: Teacher::Targets(&targets[..n_trials * STEPS * NUCLEI]),
    };
    let (mut stopped, mut short) =
        (module(FIBRES, Rule::Lms, Shape::Instantaneous), module(FIBRES, Rule::Lms, Shape::Instantaneous));
    let losses = stopped.learn(&lesson(TRIALS), true, 3, &Threads::one(), &mut StopAt(5)).unwrap();
    assert_eq!(losses, short.learn(&lesson(4), true, 1, &Threads::one(), &mut Silent).unwrap());
    assert_eq!(stopped.circuit().weights(), short.circuit().weights());
    let losses = stopped.learn(&lesson(TRIALS), false, 3, &Threads::one(), &mut StopAt(5)).unwrap();
    assert!(losses.is_empty());
    assert_eq!(stopped.circuit().weights(), short.circuit().weights());
}

fn network() -> Network<f64> {
    let structure = Structure {
        n_inputs: 1 + NUCLEI,
        n_units: 6,
        n_outputs: 1,
        cell: Cell::Rate { activation: Activation::Tanh, leak: Leak::Rate, alpha: vec![0.3; 6] },
        noise: 0.1,
        input_noise: 0.0,
        feedback: false,
        recurrent_delays: RecurrentDelays::Uniform(1),
        input_delay: 2,
        feedback_delay: 0,
    };
    let mut parameters = Parameters::new();
    for (item, (name, dims)) in
        [("W", vec![6, 6]), ("W_in", vec![6, 1 + NUCLEI]), ("W_out", vec![1, 6])].into_iter().enumerate()
    {
        parameters.push(name, &dims, draws(dims.iter().product(), 40 + item as u64)).unwrap();
    }
    Network::new(structure, Constraints::default(), parameters).unwrap()
}

fn coupling(gain: f64) -> Coupling<f64> {
    Coupling {
        mossy: Mossy { activity: true, inputs: true, outputs: true },
        delay_to: 1,
        delay_back: 2,
        gain,
        mapping: vec![1.0, -0.5],
        aim: Aim::Output,
    }
}

#[test]
fn without_gain_a_network_runs_as_it_does_alone() {
    let network = network();
    let wiring = Wiring::new(&network);
    let (inputs, targets) = (draws(TRIALS * STEPS, 30), draws(TRIALS * STEPS, 31));
    let alone: Vec<f64> = inputs.iter().flat_map(|&x| [x, 0.0, 0.0]).collect();
    let batch = Batch {
        inputs: &alone,
        n_trials: TRIALS,
        n_steps: STEPS,
        initial: &[],
        perturbation: &Perturbation::default(),
        seed: Some(3),
    };
    let expected = fastigial::rnn::run::run(&wiring, &batch, &[], &Threads::one(), &mut Silent).unwrap();
    let mut trials = Trials {
        inputs: &inputs,
        targets: &targets,
        n_trials: TRIALS,
        n_steps: STEPS,
        off: &[],
        initial: &[],
        seed: Some(3),
    };
    for learning in [Learning::Off, Learning::Online, Learning::Batched] {
        for n_threads in [1, 3] {
            let threads = Threads::new(Some(n_threads)).unwrap();
            let mut module = module(6 + 1 + 1, Rule::Lms, Shape::Instantaneous);
            let found =
                coupled::run(&wiring, &mut module, &coupling(0.0), &trials, learning, &threads, &mut Silent)
                    .unwrap();
            assert_eq!((found.states, found.outputs), (expected.states.clone(), expected.outputs.clone()));
        }
    }
    let mut module = module(8, Rule::Lms, Shape::Instantaneous);
    let mut refused = |coupling: &Coupling<f64>, trials: &Trials<'_, f64>| {
        let threads = Threads::one();
        let found =
            coupled::run(&wiring, &mut module, coupling, trials, Learning::Online, &threads, &mut Silent);
        matches!(found, Err(Error::Shape { .. } | Error::Value { .. }))
    };
    let other = Coupling { mossy: Mossy { outputs: false, ..coupling(1.0).mossy }, ..coupling(1.0) };
    assert!(refused(&other, &trials));
    assert!(refused(&Coupling { mapping: vec![1.0], ..coupling(1.0) }, &trials));
    assert!(refused(&coupling(f64::NAN), &trials));
    trials.targets = &[];
    assert!(refused(&coupling(1.0), &trials));
}
