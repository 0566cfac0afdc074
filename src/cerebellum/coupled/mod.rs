//! A recurrent network and a cerebellar module in a loop, with conduction delays both ways.
//!
//! ```text
//! ξ_t = [r_{t−1−a}; x_t; y_{t−1−a}], as far as asked for      what mossy fibres send
//! c_t = nuclei of ξ_t, 0 at steps where the module is off
//! r_t, y_t = step of the network with the input [x_t; γ c_{t−b}]
//!
//! error of the output   e_t = M (y*_t − y_t)
//! prediction            e_t = M y*_t − c_{t−h}, with traces that begin h steps later
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | x | `inputs`, external ones | trials × steps × (inputs − nuclei) |
//! | r, y | activity and outputs of the network; r_{−1} is its initial state, y_{−1} = 0 | |
//! | a, b | `delay_to`, `delay_back`, steps | |
//! | γ | `gain` | |
//! | y* | `targets`, NaN where nothing was observed | trials × steps × outputs |
//! | M | `mapping` | nuclei × outputs |
//! | h | `horizon`, steps | |
//!
//! Without delays the module's answer to r_{t−1} and x_t arrives in step t, as in Pemberton, Chadderton & Costa 2024 (Nat Commun
//! 15:10913) and Voce, Giannakakis & Clopath 2026 (arXiv 2605.10356). The prediction is that of Pemberton et al.: what was sent at t − h is held against
//! the target of t, and the synapses that sent it learn. Departures: their module is a multilayer perceptron that all learns; here
//! parallel-fibre synapses alone do. Steps at which the module is off teach nothing, and no prediction made then is compared.
//!
//! Online, trials follow each other and the weights change at every step; else they run side by side, and a batch is one update.

mod journey;

use journey::Journey;

use super::module::Module;
use super::plasticity::Sums;
use super::record::{Record, room};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;
use crate::rnn::batch::Workspace;
use crate::rnn::state::Initial;
use crate::rnn::wiring::Wiring;

/// Steps between looks at the caller.
const STRETCH: usize = 32;

/// What mossy fibres carry, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mossy {
    /// What units sent.
    pub activity: bool,
    /// External inputs.
    pub inputs: bool,
    /// What the network put out.
    pub outputs: bool,
}

/// What climbing fibres tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// The error of the network's output.
    Output,
    /// The error of a prediction of the target so many steps ahead.
    Prediction(usize),
}

/// How network and module are connected.
#[derive(Debug, Clone, PartialEq)]
pub struct Coupling<R> {
    /// From the network.
    pub mossy: Mossy,
    /// a.
    pub delay_to: usize,
    /// b.
    pub delay_back: usize,
    /// γ.
    pub gain: R,
    /// M.
    pub mapping: Vec<R>,
    /// What is learned.
    pub aim: Aim,
}

/// When weights change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learning {
    /// Never.
    Off,
    /// At every step, trial after trial.
    Online,
    /// Once, from all trials.
    Batched,
}

/// The trials of a run.
#[derive(Clone, Copy)]
pub struct Trials<'a, R> {
    /// x.
    pub inputs: &'a [R],
    /// y*; empty: none.
    pub targets: &'a [R],
    /// Trials.
    pub n_trials: usize,
    /// Steps.
    pub n_steps: usize,
    /// Steps at which the module is off; empty: none.
    pub off: &'a [bool],
    /// Initial states that replace the network's.
    pub initial: &'a Initial<'a, R>,
    /// Of the network's noise.
    pub seed: Option<u64>,
}

/// What a run gives: trials × steps × cells each.
#[derive(Debug, Clone)]
pub struct CoupledRun<R> {
    /// What units sent.
    pub states: Vec<R>,
    /// Outputs of the network.
    pub outputs: Vec<R>,
    /// Inputs of the network, what the module sent included.
    pub inputs: Vec<R>,
    /// ξ.
    pub mossy: Vec<R>,
    /// Nuclei, when they send.
    pub nuclei: Vec<R>,
    /// Purkinje cells.
    pub purkinje: Vec<R>,
    /// e, when it arises; nothing without targets.
    pub errors: Vec<R>,
}

/// What stays the same during a run.
struct Loop<'a, 'n, R: Real> {
    wiring: &'a Wiring<'n, R>,
    coupling: &'a Coupling<R>,
    trials: &'a Trials<'a, R>,
    n_external: usize,
}

/// Where the results of a run go.
struct Records<'a, R> {
    states: Record<'a, R>,
    outputs: Record<'a, R>,
    inputs: Record<'a, R>,
    mossy: Record<'a, R>,
    nuclei: Record<'a, R>,
    purkinje: Record<'a, R>,
    errors: Record<'a, R>,
}

/// Runs all trials, and learns if asked to.
pub fn run<R: Real>(
    wiring: &Wiring<'_, R>,
    module: &mut Module<R>,
    coupling: &Coupling<R>,
    trials: &Trials<'_, R>,
    learning: Learning,
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<CoupledRun<R>> {
    let run = Loop::new(wiring, module, coupling, trials, learning)?;
    let structure = wiring.network.structure();
    let (n_trials, n_steps) = (trials.n_trials, trials.n_steps);
    let (n_nuclei, n_purkinje) = (module.circuit.n_nuclei(), module.circuit.n_purkinje());
    let width_errors = if trials.targets.is_empty() { 0 } else { n_nuclei };
    let widths = [
        structure.n_units,
        structure.n_outputs,
        structure.n_inputs,
        module.n_mossy(),
        n_nuclei,
        n_purkinje,
        width_errors,
    ];
    let mut arrays = Vec::with_capacity(widths.len());
    for width in widths {
        arrays.push(room::<R>(n_trials, n_steps, width)?);
    }
    let mut workspace = Workspace::<R>::default();
    workspace.cut(n_trials);
    let n_samples = if learning == Learning::Online { 1 } else { workspace.blocks[0].n_samples };
    let mut cut =
        arrays.iter_mut().zip(widths).map(|(values, width)| Record::new(values, width, n_steps, n_samples));
    let mut next = || cut.next().ok_or(Error::Interrupted);
    let records = Records {
        states: next()?,
        outputs: next()?,
        inputs: next()?,
        mossy: next()?,
        nuclei: next()?,
        purkinje: next()?,
        errors: next()?,
    };
    if learning == Learning::Online {
        run.online(module, &records, monitor)?;
    } else {
        let blocks: Vec<_> = workspace.blocks.iter().map(|block| (block.first, block.n_samples)).collect();
        run.side_by_side(module, &blocks, learning, &records, threads, monitor)?;
    }
    drop(records);
    let mut arrays = arrays.into_iter();
    let mut take = || arrays.next().unwrap_or_default();
    Ok(CoupledRun {
        states: take(),
        outputs: take(),
        inputs: take(),
        mossy: take(),
        nuclei: take(),
        purkinje: take(),
        errors: take(),
    })
}

impl<'a, 'n, R: Real> Loop<'a, 'n, R> {
    /// Checks that everything fits.
    fn new(
        wiring: &'a Wiring<'n, R>,
        module: &Module<R>,
        coupling: &'a Coupling<R>,
        trials: &'a Trials<'a, R>,
        learning: Learning,
    ) -> Result<Self> {
        let structure = wiring.network.structure();
        let n_nuclei = module.circuit.n_nuclei();
        if n_nuclei > structure.n_inputs {
            let expected = format!("at least the {n_nuclei} nuclei's");
            return Err(Error::value("n_inputs of the network", structure.n_inputs, expected));
        }
        let n_external = structure.n_inputs - n_nuclei;
        let Mossy { activity, inputs, outputs } = coupling.mossy;
        let n_mossy = usize::from(activity) * structure.n_units
            + usize::from(inputs) * n_external
            + usize::from(outputs) * structure.n_outputs;
        if n_mossy != module.n_mossy() {
            let expected = format!("{n_mossy}, which is what the network sends");
            return Err(Error::value("n_mossy of the cerebellum", module.n_mossy(), expected));
        }
        let mapping = [n_nuclei, structure.n_outputs];
        if coupling.mapping.len() != mapping[0] * mapping[1] {
            let expected = format!("({n_nuclei}, {}): nuclei by outputs", structure.n_outputs);
            return Err(Error::shape("mapping", &[coupling.mapping.len()], expected));
        }
        if !coupling.gain.to_f64().is_finite() || coupling.mapping.iter().any(|m| !m.to_f64().is_finite()) {
            return Err(Error::value("gain or mapping", "not finite", "finite numbers"));
        }
        let Trials { n_trials, n_steps, .. } = *trials;
        if n_trials == 0 || n_steps == 0 {
            let got = [n_trials, n_steps, n_external];
            return Err(Error::shape("inputs", &got, "at least one trial and one step"));
        }
        let rows = n_trials * n_steps;
        if trials.inputs.len() != rows * n_external {
            let got = [n_trials, n_steps, trials.inputs.len() / rows];
            let expected =
                format!("(trials, steps, {n_external}): those of the network that are not the nuclei's");
            return Err(Error::shape("inputs", &got, expected));
        }
        if trials.inputs.iter().any(|x| !x.to_f64().is_finite()) {
            return Err(Error::value("inputs", "not finite in places", "finite numbers"));
        }
        if learning != Learning::Off && trials.targets.is_empty() {
            return Err(Error::value("targets", "nothing", "targets to learn from"));
        }
        if !trials.targets.is_empty() && trials.targets.len() != rows * structure.n_outputs {
            let got = [n_trials, n_steps, trials.targets.len() / rows];
            return Err(Error::shape("targets", &got, format!("(trials, steps, {})", structure.n_outputs)));
        }
        if trials.targets.iter().any(|y| y.to_f64().is_infinite()) {
            let expected = "finite numbers, or NaN where nothing was observed";
            return Err(Error::value("targets", "infinite in places", expected));
        }
        if !(trials.off.is_empty() || trials.off.len() == n_steps) {
            return Err(Error::shape("cerebellum_off", &[trials.off.len()], format!("({n_steps},)")));
        }
        Ok(Self { wiring, coupling, trials, n_external })
    }

    fn online(
        &self,
        module: &mut Module<R>,
        records: &Records<'_, R>,
        monitor: &mut dyn Monitor,
    ) -> Result<()> {
        let (total, mut loss) = (self.trials.n_trials, f64::NAN);
        for trial in 0..total {
            let kept = (module.circuit.weights().to_vec(), module.means.clone());
            let ended = self.one_trial(module, trial, loss, records, monitor);
            if let Err(Error::Diverged { .. }) = ended {
                module.restore(&kept);
            }
            loss = ended?;
            module.plasticity.end_trial(&mut module.circuit);
            module.keep_or_restore(&kept, trial, 0)?;
        }
        Ok(())
    }

    /// Learns from one trial; its mean squared error.
    fn one_trial(
        &self,
        module: &mut Module<R>,
        trial: usize,
        loss: f64,
        records: &Records<'_, R>,
        monitor: &mut dyn Monitor,
    ) -> Result<f64> {
        let mut journey = Journey::start(self, module, trial, trial, 1)?;
        let total = self.trials.n_trials;
        for step in 0..self.trials.n_steps {
            if step % STRETCH == 0 && monitor.report(Progress { done: trial, total, loss }) == Flow::Stop {
                return Err(Error::Interrupted);
            }
            journey.step(self, module, step, records)?;
            if !self.is_off(step) {
                module.teach(&mut journey.moment);
            }
        }
        Ok(journey.mean_squared_error())
    }

    fn side_by_side(
        &self,
        module: &mut Module<R>,
        blocks: &[(usize, usize)],
        learning: Learning,
        records: &Records<'_, R>,
        threads: &Threads,
        monitor: &mut dyn Monitor,
    ) -> Result<()> {
        let still = &*module;
        let (n_features, n_zones) = (still.circuit.n_features(), still.circuit.n_zones());
        let sums = || Sums::new(still.plasticity.rule, n_features, n_zones);
        let one_block = |block: usize, stop: &dyn Fn() -> bool| -> Result<Option<Sums<R>>> {
            let (first, n_samples) = blocks[block];
            let mut journey = Journey::start(self, still, block, first, n_samples)?;
            let mut part = (learning == Learning::Batched).then(sums);
            for step in 0..self.trials.n_steps {
                if step % STRETCH == 0 && stop() {
                    return Err(Error::Interrupted);
                }
                journey.step(self, still, step, records)?;
                if let (Some(part), false) = (&mut part, self.is_off(step)) {
                    part.add(&journey.moment.arrived, &journey.moment.eligibility);
                }
            }
            Ok(part)
        };
        let ended = threads.map_polled(blocks.len(), one_block, &mut |done| {
            // The losses of a run come with its result; zero lets the caller's bar move.
            monitor.report(Progress { done, total: blocks.len(), loss: 0.0 }) == Flow::Continue
        });
        let mut all = sums();
        for part in ended {
            if let Some(part) = part? {
                all.merge(&part);
            }
        }
        if learning == Learning::Batched {
            let kept = (module.circuit.weights().to_vec(), module.means.clone());
            let n_on = (0..self.trials.n_steps).filter(|&step| !self.is_off(step)).count();
            let n_trials = self.trials.n_trials;
            module.plasticity.follow_batch(&mut module.circuit, &mut all, n_trials, n_on)?;
            module.keep_or_restore(&kept, n_trials - 1, 0)?;
        }
        Ok(())
    }

    /// External inputs of a trial at a step.
    fn external(&self, trial: usize, step: usize) -> &[R] {
        &self.trials.inputs[(trial * self.trials.n_steps + step) * self.n_external..][..self.n_external]
    }

    fn is_off(&self, step: usize) -> bool {
        self.trials.off.get(step).copied().unwrap_or(false)
    }
}
