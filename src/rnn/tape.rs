//! What a run leaves behind for the way back.
//!
//! All rows are samples of one step, padded to whole registers, step after step: a step's rows are contiguous, and so
//! are those of many steps, which lets the gradient of a weight be one long sum of outer products.

use super::state::State;
use super::wiring::Wiring;
use crate::monitor::Stop;
use crate::real::Real;

/// Everything that was computed in steps `first .. first + n_steps` of a block of samples.
#[derive(Debug, Clone, Default)]
pub struct Tape<R> {
    /// First step, counted from the start of the run.
    pub first: usize,
    /// Steps.
    pub n_steps: usize,
    /// Samples.
    pub n_samples: usize,
    /// Steps of activity before the first one.
    pub n_lags: usize,
    /// r: (lags + steps) × samples × width.
    pub activity: Vec<R>,
    /// m: (1 + steps) × memories × samples × width.
    pub memory: Vec<R>,
    /// What the cell keeps of its drive: steps × samples × slots × width, or nothing.
    pub drive: Vec<R>,
    /// x, with noise: (delay + steps) × samples × width of inputs.
    pub input: Vec<R>,
    /// y: (steps fed back + steps) × samples × width of outputs.
    pub output: Vec<R>,
    /// Vᵀ r of low-rank weights: steps × samples × width of the rank.
    pub projected: Vec<R>,
    /// Exploration of the units' drive, where a rule asked for it: steps × samples × width.
    pub exploration: Vec<R>,
    /// Steps of input before the first one.
    pub input_lag: usize,
    /// Steps of output before the first one.
    pub output_lag: usize,
    /// Asked to stop, time loops end early; what they leave then has no meaning.
    pub stop: Stop,
}

impl<R: Real> Tape<R> {
    /// Makes room for a run from `state`, and copies what it looks back on. Reuses what was allocated.
    pub fn prepare(&mut self, wiring: &Wiring<'_, R>, state: &State<R>, n_steps: usize, explores: bool) {
        let structure = wiring.network.structure();
        let n = state.n_samples;
        self.first = state.step;
        self.n_steps = n_steps;
        self.n_samples = n;
        self.n_lags = structure.n_lags();
        self.input_lag = structure.input_delay;
        self.output_lag = if structure.feedback { 1 + structure.feedback_delay } else { 0 };
        resize(&mut self.activity, (self.n_lags + n_steps) * n * wiring.width);
        resize(&mut self.memory, (1 + n_steps) * wiring.n_memories() * n * wiring.width);
        let kept = if wiring.dynamics.keeps_drive() { wiring.drive_width() } else { 0 };
        resize(&mut self.drive, n_steps * n * kept);
        resize(&mut self.input, (self.input_lag + n_steps) * n * wiring.input_width);
        resize(&mut self.output, (self.output_lag + n_steps) * n * wiring.output_width);
        resize(&mut self.projected, n_steps * n * wiring.rank_width);
        resize(&mut self.exploration, if explores { n_steps * n * wiring.width } else { 0 });
        self.activity[..state.activity.len()].copy_from_slice(&state.activity);
        self.memory[..state.memory.len()].copy_from_slice(&state.memory);
        self.input[..state.input.len()].copy_from_slice(&state.input);
        self.output[..state.output.len()].copy_from_slice(&state.output);
    }

    /// Moves `state` to the end of the tape.
    pub fn advance(&self, wiring: &Wiring<'_, R>, state: &mut State<R>) {
        let n = self.n_samples;
        state.step = self.first + self.n_steps;
        let tail = |all: &[R], into: &mut Vec<R>| {
            let length = into.len();
            into.copy_from_slice(&all[all.len() - length..]);
        };
        tail(&self.activity, &mut state.activity);
        debug_assert_eq!(state.memory.len(), wiring.n_memories() * n * wiring.width);
        tail(&self.memory, &mut state.memory);
        tail(&self.input, &mut state.input);
        tail(&self.output, &mut state.output);
    }

    /// Activity after a step (counted from the tape's first), all samples.
    pub fn activity_at(&self, step: usize, width: usize) -> &[R] {
        self.activity_before(step + 1, width)
    }

    /// Activity before a step, all samples.
    pub fn activity_before(&self, step: usize, width: usize) -> &[R] {
        let rows = self.n_samples * width;
        &self.activity[(step + self.n_lags - 1) * rows..][..rows]
    }

    /// Memories after a step, all memories and samples.
    pub fn memory_at(&self, step: usize, width: usize, n_memories: usize) -> &[R] {
        self.memory_before(step + 1, width, n_memories)
    }

    /// Memories before a step, all memories and samples.
    pub fn memory_before(&self, step: usize, width: usize, n_memories: usize) -> &[R] {
        let rows = n_memories * self.n_samples * width;
        &self.memory[step * rows..][..rows]
    }

    /// Outputs after a step, all samples.
    pub fn output_at(&self, step: usize, width: usize) -> &[R] {
        let rows = self.n_samples * width;
        &self.output[(self.output_lag + step) * rows..][..rows]
    }

    /// What the cell kept of a step's drive, all samples; empty if it keeps none.
    pub fn drive_at(&self, step: usize, drive_width: usize) -> &[R] {
        if self.drive.is_empty() {
            return &[];
        }
        let rows = self.n_samples * drive_width;
        &self.drive[step * rows..][..rows]
    }
}

/// Sets the length; what is in it does not matter, so nothing that is there is cleared.
fn resize<R: Real>(values: &mut Vec<R>, length: usize) {
    values.resize(length, R::ZERO);
}
