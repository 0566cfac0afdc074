//! Many trials at once: cut into blocks of samples, which run side by side, each through all steps.
//!
//! The blocks depend on the number of trials alone, and their sums are added in order, so that every number is the same
//! on any number of threads.

use super::block::Block;
use super::forward::{Exploration, forward};
use super::network::Network;
use super::perturbation::Perturbation;
use super::state::Initial;
use super::sums::zero_gradient;
use super::tape::Tape;
use super::wiring::Wiring;
use crate::error::{Error, Result};
use crate::monitor::Stop;
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// The trials of a run.
#[derive(Clone, Copy)]
pub struct Batch<'a, R> {
    /// trials × steps × inputs, row by row.
    pub inputs: &'a [R],
    /// Trials.
    pub n_trials: usize,
    /// Steps.
    pub n_steps: usize,
    /// Initial states that replace the network's.
    pub initial: &'a Initial<'a, R>,
    /// What is done to the network.
    pub perturbation: &'a Perturbation<R>,
    /// Of the noise; None: no noise.
    pub seed: Option<u64>,
}

impl<R: Real> Batch<'_, R> {
    /// Whether it can be run by a network.
    pub fn check(&self, network: &Network<R>) -> Result<()> {
        let structure = network.structure();
        if self.n_trials == 0 || self.n_steps == 0 {
            let shape = [self.n_trials, self.n_steps, structure.n_inputs];
            return Err(Error::shape("inputs", &shape, "at least one trial and one step"));
        }
        if self.inputs.len() != self.n_trials * self.n_steps * structure.n_inputs {
            let shape = [self.n_trials, self.n_steps, self.inputs.len() / (self.n_trials * self.n_steps)];
            return Err(Error::shape(
                "inputs",
                &shape,
                format!("(trials, steps, {}): one column per input of the network", structure.n_inputs),
            ));
        }
        if let Some(place) = self.inputs.iter().position(|x| !x.to_f64().is_finite()) {
            let row = place / structure.n_inputs;
            let place = format!(
                "{} in trial {}, step {}",
                self.inputs[place],
                row / self.n_steps,
                row % self.n_steps
            );
            return Err(Error::value(
                "inputs",
                place,
                "finite numbers (what was not observed belongs in targets)",
            ));
        }
        self.perturbation.check(self.n_steps, structure.n_units)
    }

    /// Threads to run on: the calling one alone for what is done in microseconds. No number depends on it.
    pub fn threads(&self, network: &Network<R>, threads: &Threads) -> Threads {
        let shared = is_worth_sharing(work(network, self.n_trials, self.n_steps));
        if shared { threads.clone() } else { Threads::one() }
    }
}

/// Multiply-adds of a simulation.
pub fn work<R: Real>(network: &Network<R>, n_trials: usize, n_steps: usize) -> usize {
    let structure = network.structure();
    let weights = structure.n_units * (structure.n_units + structure.n_inputs) * structure.cell.n_gates();
    weights.saturating_mul(n_trials).saturating_mul(n_steps)
}

/// Whether waking other threads takes less time than they save.
pub fn is_worth_sharing(work: usize) -> bool {
    const MULTIPLY_ADDS: usize = 1 << 20;
    work >= MULTIPLY_ADDS
}

/// Samples that go through the steps together: enough to reuse the weights, few enough to share out.
fn block_size(n_trials: usize) -> usize {
    match n_trials {
        0..=32 => 8,
        33..=128 => 16,
        129..=512 => 32,
        _ => n_trials.div_ceil(16).next_multiple_of(8),
    }
}

/// Arrays of all blocks.
#[derive(Debug, Default)]
pub struct Workspace<R> {
    /// In the order of the trials.
    pub blocks: Vec<Block<R>>,
    /// Asked to stop, lessons end early, with an error.
    pub stop: Stop,
}

impl<R: Real> Workspace<R> {
    /// Cuts `n_trials` into blocks.
    pub fn cut(&mut self, n_trials: usize) {
        let size = block_size(n_trials);
        let n_blocks = n_trials.div_ceil(size);
        self.blocks.truncate(n_blocks);
        while self.blocks.len() < n_blocks {
            self.blocks.push(Block::default());
        }
        for (index, block) in self.blocks.iter_mut().enumerate() {
            block.first = index * size;
            block.tape.stop = self.stop.clone();
            block.n_samples = size.min(n_trials - block.first);
        }
    }

    /// Simulates all trials. `explore` gives the deviation and probability of exploration and its seed.
    pub fn simulate(
        &mut self,
        wiring: &Wiring<'_, R>,
        batch: &Batch<'_, R>,
        explore: Option<(f64, f64, u64)>,
        threads: &Threads,
    ) -> Result<()> {
        self.cut(batch.n_trials);
        let outcomes = threads.map_chunks(&mut self.blocks, 1, |_, blocks| {
            let block = &mut blocks[0];
            let mut state = block.start(wiring, batch)?;
            let mut exploration = explore.map(|(deviation, probability, seed)| Exploration {
                deviation,
                probability,
                streams: block.streams(seed),
            });
            let inputs = block.inputs(wiring, batch);
            let (steps, how) = (batch.n_steps, batch.perturbation);
            forward(wiring, inputs, steps, how, exploration.as_mut(), &mut state, &mut block.tape);
            block.state = Some(state);
            Ok(())
        });
        outcomes.into_iter().collect::<Result<()>>()?;
        self.check_stop()
    }

    /// An error if the caller has asked to stop: what was computed has no meaning then.
    pub fn check_stop(&self) -> Result<()> {
        if self.stop.is_asked() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Outputs, trials × steps × outputs.
    pub fn outputs(&self, wiring: &Wiring<'_, R>) -> Vec<R> {
        let n_outputs = wiring.network.structure().n_outputs;
        self.gather(n_outputs, wiring.output_width, |tape, step| tape.output_at(step, wiring.output_width))
    }

    /// Activity, trials × steps × units.
    pub fn activity(&self, wiring: &Wiring<'_, R>) -> Vec<R> {
        let n_units = wiring.network.structure().n_units;
        self.gather(n_units, wiring.width, |tape, step| tape.activity_at(step, wiring.width))
    }

    /// A memory, trials × steps × units.
    pub fn memory(&self, wiring: &Wiring<'_, R>, index: usize) -> Vec<R> {
        let (n_units, width) = (wiring.network.structure().n_units, wiring.width);
        self.gather(n_units, width, |tape, step| {
            let rows = tape.n_samples * width;
            &tape.memory_at(step, width, wiring.n_memories())[index * rows..(index + 1) * rows]
        })
    }

    fn gather<'t>(&'t self, n: usize, width: usize, at: impl Fn(&'t Tape<R>, usize) -> &'t [R]) -> Vec<R> {
        let n_values = self.blocks.iter().map(|b| b.n_samples * b.tape.n_steps * n).sum();
        let mut all = Vec::with_capacity(n_values);
        for block in &self.blocks {
            for sample in 0..block.n_samples {
                for step in 0..block.tape.n_steps {
                    all.extend_from_slice(&at(&block.tape, step)[sample * width..][..n]);
                }
            }
        }
        all
    }

    /// Hands every block its errors of outputs, given as trials × steps × outputs.
    pub fn distribute(&mut self, wiring: &Wiring<'_, R>, errors: &[R]) {
        for block in &mut self.blocks {
            let n_steps = block.tape.n_steps;
            block.take_errors(wiring, errors, n_steps, 0..n_steps);
        }
    }

    /// Lets every block fill its sums, and adds them up in order.
    pub fn gradient(
        &mut self,
        wiring: &Wiring<'_, R>,
        threads: &Threads,
        each: impl Fn(&mut Block<R>) + Sync,
    ) -> Parameters<R> {
        threads.for_chunks(&mut self.blocks, 1, |_, blocks| {
            blocks[0].sums.clear(wiring);
            each(&mut blocks[0]);
        });
        let mut gradient = zero_gradient(&wiring.network);
        for block in &self.blocks {
            block.sums.add_to(wiring, &mut gradient);
        }
        gradient
    }

    /// An error that says where, if an output is not finite.
    pub fn check_finite(&self, wiring: &Wiring<'_, R>) -> Result<()> {
        let n_outputs = wiring.network.structure().n_outputs;
        let mut found: Option<(usize, usize)> = None;
        for block in &self.blocks {
            for step in 0..block.tape.n_steps {
                let rows = block.tape.output_at(step, wiring.output_width);
                let bad = rows
                    .chunks_exact(wiring.output_width)
                    .position(|row| row[..n_outputs].iter().any(|y| !y.to_f64().is_finite()));
                if let Some(sample) = bad {
                    if found.is_none_or(|(earliest, _)| step < earliest) {
                        found = Some((step, block.first + sample));
                    }
                    break;
                }
            }
        }
        match found {
            None => Ok(()),
            Some((step, trial)) => Err(Error::Diverged {
                what: "the network's output",
                place: format!(" at step {step} of trial {trial}"),
            }),
        }
    }
}
