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
//! Without delays the module's answer to r_{t−1} and x_t arrives in step t, as in Pemberton, Chadderton & Costa 2024
//! (Nat Commun 15:10913) and Voce, Giannakakis & Clopath 2026 (arXiv 2605.10356). The prediction is that of Pemberton et
//! al.: what was sent at t − h is held against the target of t, and the synapses that sent it learn. Departures: their
//! module is a multilayer perceptron that all learns; here parallel-fibre synapses alone do. Where the module is off,
//! nothing is learned, errors are not sent, and no prediction is made that could be compared.
//!
//! Online, trials follow each other and weights change at every step; else trials run side by side, and a batch is one
//! update.

mod course;
mod journey;

use super::module::Module;
use super::record::Record;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::numerics::parallel::Threads;
use crate::numerics::room::room;
use crate::real::Real;
use crate::rnn::batch::Workspace;
use crate::rnn::state::Initial;
use crate::rnn::wiring::Wiring;

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
        arrays.push(room(&[n_trials, n_steps, width], R::ZERO)?);
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
