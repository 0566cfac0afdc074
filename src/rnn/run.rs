//! A run for its own sake: outputs and states of all trials, without what an adjoint would need.
//!
//! Blocks of trials run side by side, a stretch of steps at a time; only what the caller asked for is kept, so memory is
//! that of the result.

use std::sync::{Mutex, PoisonError};

use super::batch::{Batch, Workspace};
use super::forward::forward;
use super::state::{Place, State, variables};
use super::tape::Tape;
use super::wiring::Wiring;
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Steps between looks at the caller.
const STRETCH: usize = 32;

/// What a run gives.
#[derive(Debug, Clone)]
pub struct Run<R> {
    /// What units sent on: trials × steps × units.
    pub states: Vec<R>,
    /// trials × steps × outputs
    pub outputs: Vec<R>,
    /// Memories that were asked for: trials × steps × units each.
    pub recorded: Vec<Vec<R>>,
    /// The state after the last step: trials × units each.
    pub last: Vec<(&'static str, Vec<R>)>,
}

/// One array of the result while its blocks write to it.
struct Shares<'a, R> {
    width: usize,
    slices: Vec<Mutex<&'a mut [R]>>,
}

impl<'a, R> Shares<'a, R> {
    fn new(values: &'a mut [R], width: usize, n_steps: usize, n_samples: usize) -> Self {
        let size = (n_samples * n_steps * width).max(1);
        Self { width, slices: values.chunks_mut(size).map(Mutex::new).collect() }
    }
}

/// Runs all trials. `record` names memories to keep.
pub fn run<R: Real>(
    wiring: &Wiring<'_, R>,
    batch: &Batch<'_, R>,
    record: &[String],
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<Run<R>> {
    let structure = wiring.network.structure();
    let memories = wiring.dynamics.memories();
    let mut indices = Vec::with_capacity(record.len());
    for name in record {
        match memories.iter().position(|known| known == name) {
            Some(index) => indices.push(index),
            None => return Err(Error::value("record", name, format!("names among {}", memories.join(", ")))),
        }
    }
    let (n, n_steps) = (structure.n_units, batch.n_steps);
    let rows = batch.n_trials * n_steps;
    let room = |width: usize| -> Result<Vec<R>> {
        let mut values = Vec::<R>::new();
        let shape = vec![batch.n_trials, n_steps, width];
        values.try_reserve_exact(rows * width).map_err(|_| Error::Memory { shape })?;
        drop(values);
        // There is room; pages that the system gives as zeros are not written before they are needed.
        Ok(vec![R::ZERO; rows * width])
    };
    let (mut states, mut outputs) = (room(n)?, room(structure.n_outputs)?);
    let mut recorded = indices.iter().map(|_| room(n)).collect::<Result<Vec<_>>>()?;
    let mut blocks = Workspace::<R>::default();
    blocks.cut(batch.n_trials);
    let n_samples = blocks.blocks[0].n_samples;
    let share_states = Shares::new(&mut states, n, n_steps, n_samples);
    let share_outputs = Shares::new(&mut outputs, structure.n_outputs, n_steps, n_samples);
    let shares: Vec<Shares<'_, R>> =
        recorded.iter_mut().map(|values| Shares::new(values, n, n_steps, n_samples)).collect();
    let n_blocks = blocks.blocks.len();
    let one_block = |index: usize, stop: &dyn Fn() -> bool| -> Result<Option<State<R>>> {
        let block = &blocks.blocks[index];
        let mut state = block.start(wiring, batch)?;
        let mut tape = Tape::default();
        for first in (0..n_steps).step_by(STRETCH) {
            if stop() {
                return Ok(None);
            }
            let steps = STRETCH.min(n_steps - first);
            let inputs = block.inputs(wiring, batch);
            forward(wiring, inputs, steps, batch.perturbation, None, &mut state, &mut tape);
            for step in 0..steps {
                let at = first + step;
                let read = tape.activity_at(step, wiring.width);
                copy(&share_states, index, read, wiring.width, at, n_steps);
                let read = tape.output_at(step, wiring.output_width);
                copy(&share_outputs, index, read, wiring.output_width, at, n_steps);
                let all = tape.memory_at(step, wiring.width, wiring.n_memories());
                for (&memory, share) in indices.iter().zip(&shares) {
                    let size = block.n_samples * wiring.width;
                    copy(share, index, &all[memory * size..][..size], wiring.width, at, n_steps);
                }
            }
        }
        Ok(Some(state))
    };
    let ended = threads.map_polled(n_blocks, one_block, &mut |done| {
        // There is no loss to tell of; zero lets the caller's bar move.
        monitor.report(Progress { done, total: n_blocks, loss: 0.0 }) == Flow::Continue
    });
    let mut last: Vec<(&'static str, Vec<R>)> = variables(wiring)
        .into_iter()
        .map(|(name, _)| (name, Vec::with_capacity(batch.n_trials * n)))
        .collect();
    for state in ended {
        let state = state?.ok_or(Error::Interrupted)?;
        for ((_, place), (_, values)) in variables(wiring).into_iter().zip(&mut last) {
            values.extend(unpadded(&state, place, wiring.width, n));
        }
    }
    Ok(Run { states, outputs, recorded, last })
}

/// A variable's rows without padding.
pub fn unpadded<R: Real>(state: &State<R>, place: Place, width: usize, n: usize) -> Vec<R> {
    state.variable(place).chunks_exact(width).flat_map(|row| &row[..n]).copied().collect()
}

/// Writes one step of a block's samples to where it belongs.
fn copy<R: Real>(
    shares: &Shares<'_, R>,
    block: usize,
    rows: &[R],
    stride: usize,
    step: usize,
    n_steps: usize,
) {
    if shares.width == 0 {
        return;
    }
    let mut into = shares.slices[block].lock().unwrap_or_else(PoisonError::into_inner);
    for (sample, row) in rows.chunks_exact(stride).enumerate() {
        into[(sample * n_steps + step) * shares.width..][..shares.width]
            .copy_from_slice(&row[..shares.width]);
    }
}
