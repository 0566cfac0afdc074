//! The simulation: all steps of a block of samples.
//!
//! ```text
//! z_t = b + W_in (x_{t−e} + noise) + W_fb y_{t−1−f} + Σ_d W_d r_{t−1−d} + noise + current
//! (r_t, m_t) = cell(z_t, r_{t−1}, m_{t−1}),   r_t = 0 where silenced,   y_t = W_out q_t + b_out
//! ```
//! One sum per segment of drive, held in registers over inputs, recurrence and feedback. Noise: private, of standard
//! deviation σ √(2/α) in the drive of rate units (so that the noise of the state does not depend on dt; Song, Yang & Wang
//! 2016, PLoS Comput Biol 12:e1004792), σ elsewhere; where the leak is learned, noise keeps the scale of the leak that the
//! network began with. Every trial draws from a stream of its own.

use super::cells::{Readout, Step};
use super::perturbation::{Pathway, Perturbation};
use super::state::State;
use super::structure::Cell;
use super::tape::Tape;
use super::wiring::{SegmentWeights, Wiring};
use crate::linalg::{Begin, Source, combine};
use crate::numerics::rng::{Stream, normal};
use crate::real::Real;

/// Inputs of a block of samples: `sample(s)` rows of steps × inputs.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a, R> {
    /// samples × steps × inputs, row by row.
    pub values: &'a [R],
    /// Steps in each sample's rows.
    pub n_steps: usize,
    /// Inputs.
    pub n_inputs: usize,
}

/// Draws that a learning rule adds to the drive, and their standard deviation.
pub struct Exploration {
    /// Standard deviation.
    pub deviation: f64,
    /// Probability that a unit is perturbed at a step; 1: always.
    pub probability: f64,
    /// One stream per sample.
    pub streams: Vec<Stream>,
}

/// Runs `n_steps` steps from `state`, fills the tape and moves the state to its end.
pub fn forward<R: Real>(
    wiring: &Wiring<'_, R>,
    inputs: Inputs<'_, R>,
    n_steps: usize,
    perturbation: &Perturbation<R>,
    exploration: Option<&mut Exploration>,
    state: &mut State<R>,
    tape: &mut Tape<R>,
) {
    tape.prepare(wiring, state, n_steps, exploration.is_some());
    let mut pass = Pass { wiring, perturbation, noise: Noise::new(wiring), exploration };
    for step in 0..n_steps {
        if tape.stop.is_asked() {
            break;
        }
        pass.gather_inputs(inputs, step, state, tape);
        pass.step(step, &mut state.noise, tape);
    }
    tape.advance(wiring, state);
}

/// Standard deviations of noise.
struct Noise<R> {
    private: Vec<R>,
    input: f64,
}

impl<R: Real> Noise<R> {
    fn new(wiring: &Wiring<'_, R>) -> Self {
        let structure = wiring.network.structure();
        let scale = |unit: usize| match &structure.cell {
            Cell::Rate { alpha, .. } => (2.0 / alpha[unit]).sqrt(),
            _ => 1.0,
        };
        let n = if structure.noise > 0.0 { structure.n_units } else { 0 };
        let mean = (0..structure.n_units).map(scale).sum::<f64>() / structure.n_units as f64;
        Self {
            private: (0..n).map(|unit| R::from_f64(structure.noise * scale(unit))).collect(),
            input: structure.input_noise * mean,
        }
    }
}

struct Pass<'a, R: Real> {
    wiring: &'a Wiring<'a, R>,
    perturbation: &'a Perturbation<R>,
    noise: Noise<R>,
    exploration: Option<&'a mut Exploration>,
}

impl<R: Real> Pass<'_, R> {
    fn gather_inputs(&self, inputs: Inputs<'_, R>, step: usize, state: &mut State<R>, tape: &mut Tape<R>) {
        let width = self.wiring.input_width;
        let rows = tape.n_samples * width;
        let place = (tape.input_lag + step) * rows;
        let from = tape.first + step;
        for (sample, row) in tape.input[place..place + rows].chunks_exact_mut(width.max(1)).enumerate() {
            let start = (sample * inputs.n_steps + from) * inputs.n_inputs;
            row[..inputs.n_inputs].copy_from_slice(&inputs.values[start..start + inputs.n_inputs]);
            row[inputs.n_inputs..].fill(R::ZERO);
            if self.noise.input > 0.0
                && let Some(stream) = state.noise.get_mut(sample)
            {
                for value in &mut row[..inputs.n_inputs] {
                    *value += R::from_f64(self.noise.input * normal(stream));
                }
            }
        }
    }

    fn step(&mut self, step: usize, streams: &mut [Stream], tape: &mut Tape<R>) {
        let (n, width, drive_width) = (tape.n_samples, self.wiring.width, self.wiring.drive_width());
        let rows = n * width;
        let n_memories = self.wiring.n_memories();
        self.project(step, tape);
        let (past, present) = tape.activity.split_at_mut((tape.n_lags + step) * rows);
        let activity = &mut present[..rows];
        let kept = if tape.drive.is_empty() {
            &mut [][..]
        } else {
            &mut tape.drive[step * n * drive_width..][..n * drive_width]
        };
        let drive: &mut [R] = if kept.is_empty() { activity } else { kept };
        for segment in &self.wiring.segments {
            let looks = Looks {
                past,
                input: &tape.input,
                output: &tape.output,
                projected: &tape.projected,
                n_samples: n,
                n_lags: tape.n_lags,
            };
            self.drive(step + tape.first, step, segment, &looks, drive);
        }
        self.add_to_candidate(step, tape.first, streams, n, drive, &mut tape.exploration);
        let before = &past[past.len() - rows..];
        let (memory_past, memory) = tape.memory.split_at_mut((1 + step) * n_memories * rows);
        let memory_before = &memory_past[memory_past.len() - n_memories * rows..];
        let kept = if tape.drive.is_empty() {
            &mut [][..]
        } else {
            &mut tape.drive[step * n * drive_width..][..n * drive_width]
        };
        let activity = &mut present[..rows];
        let n_units = self.wiring.network.structure().n_units;
        let silent = self.perturbation.silent_at(tape.first + step, n_units);
        self.wiring.dynamics.step(Step {
            width,
            drive: kept,
            activity_before: before,
            memory_before,
            activity,
            memory: &mut memory[..n_memories * rows],
            silent,
        });
        if !silent.is_empty() {
            for row in activity.chunks_exact_mut(width) {
                for (value, &silent) in row.iter_mut().zip(silent) {
                    if silent {
                        *value = R::ZERO;
                    }
                }
            }
        }
        let read: &[R] = match self.wiring.dynamics.readout() {
            Readout::Activity => activity,
            Readout::Memory(index) => &memory[index * rows..(index + 1) * rows],
        };
        let output_width = self.wiring.output_width;
        let outputs = &mut tape.output[(tape.output_lag + step) * n * output_width..][..n * output_width];
        let source = Source { rows: read, stride: width, matrix: &self.wiring.output };
        combine(outputs, output_width, n, output_width, Begin::Row(&self.wiring.output_bias), &[source]);
    }

    /// p = Vᵀ r of low-rank weights.
    fn project(&self, step: usize, tape: &mut Tape<R>) {
        let Some(factor) = &self.wiring.factor else { return };
        let (n, width, rank_width) = (tape.n_samples, self.wiring.width, self.wiring.rank_width);
        let delay = self.wiring.network.structure().recurrent_delays.longest();
        let row = (tape.n_lags + step - 1 - delay) * n * width;
        let source =
            Source { rows: &tape.activity[row..row + n * width], stride: width, matrix: &factor.forward };
        let out = &mut tape.projected[step * n * rank_width..][..n * rank_width];
        combine(out, rank_width, n, rank_width, Begin::Zero, &[source]);
    }

    /// The sum over all pathways into one segment.
    fn drive(
        &self,
        absolute: usize,
        step: usize,
        weights: &SegmentWeights<R>,
        looks: &Looks<'_, R>,
        drive: &mut [R],
    ) {
        let wiring = self.wiring;
        let (n, stride) = (looks.n_samples, wiring.drive_width());
        let segment = weights.segment;
        let (start, columns) = (segment.slot * wiring.width, segment.n_slots * wiring.width);
        let out = &mut drive[start..];
        let open = |pathway| !self.perturbation.cuts(pathway, absolute);
        let input = weights.input.as_ref().filter(|_| open(Pathway::Input)).map(|matrix| Source {
            rows: &looks.input[step * n * wiring.input_width..][..n * wiring.input_width],
            stride: wiring.input_width,
            matrix,
        });
        let feedback = weights.feedback.as_ref().filter(|_| open(Pathway::Feedback)).map(|matrix| Source {
            rows: &looks.output[step * n * wiring.output_width..][..n * wiring.output_width],
            stride: wiring.output_width,
            matrix,
        });
        let recurrent = if open(Pathway::Recurrent) { &weights.recurrent[..] } else { &[] };
        let mut begin = Begin::Row(&wiring.bias[start..]);
        let mut sum = |sources: &[Source<'_, R>]| {
            combine(out, stride, n, columns, begin, sources);
            begin = Begin::Out;
        };
        let (first, others) = match recurrent.split_first() {
            Some((first, others)) => (Some(looks.recurrent(wiring, step, first)), others),
            None => (None, &[][..]),
        };
        match (first, input, feedback) {
            (Some(a), Some(b), Some(c)) => sum(&[a, b, c]),
            (Some(a), Some(b), None) | (Some(a), None, Some(b)) | (None, Some(a), Some(b)) => sum(&[a, b]),
            (Some(a), None, None) | (None, Some(a), None) | (None, None, Some(a)) => sum(&[a]),
            (None, None, None) => sum(&[]),
        }
        for other in others {
            sum(&[looks.recurrent(wiring, step, other)]);
        }
    }

    /// Private noise, injected current and exploration.
    fn add_to_candidate(
        &mut self,
        step: usize,
        first: usize,
        streams: &mut [Stream],
        n: usize,
        drive: &mut [R],
        exploration: &mut [R],
    ) {
        let structure = self.wiring.network.structure();
        let (width, stride) = (self.wiring.width, self.wiring.drive_width());
        let start = self.wiring.dynamics.candidate() * width;
        let current = self.perturbation.current_at(first + step, structure.n_units);
        for sample in 0..n {
            let row = &mut drive[sample * stride + start..][..width];
            for (value, &current) in row.iter_mut().zip(current) {
                *value += current;
            }
            if let Some(stream) = streams.get_mut(sample) {
                for (value, &deviation) in row.iter_mut().zip(&self.noise.private) {
                    *value += deviation * R::from_f64(normal(stream));
                }
            }
            if let Some(exploring) = self.exploration.as_deref_mut() {
                let kept = &mut exploration[(step * n + sample) * width..][..width];
                exploring.draw(sample, &mut kept[..structure.n_units]);
                for (value, &kick) in row.iter_mut().zip(kept.iter()) {
                    *value += kick;
                }
            }
        }
    }
}

impl Exploration {
    fn draw<R: Real>(&mut self, sample: usize, kicks: &mut [R]) {
        let stream = &mut self.streams[sample];
        for kick in kicks {
            let hits = self.probability >= 1.0 || crate::numerics::rng::uniform(stream) < self.probability;
            *kick = if hits { R::from_f64(self.deviation * normal(stream)) } else { R::ZERO };
        }
    }
}

/// Rows that a step looks back on.
struct Looks<'a, R> {
    past: &'a [R],
    input: &'a [R],
    output: &'a [R],
    projected: &'a [R],
    n_samples: usize,
    n_lags: usize,
}

impl<'a, R: Real> Looks<'a, R> {
    fn recurrent(
        &self,
        wiring: &'a Wiring<'_, R>,
        step: usize,
        weights: &'a super::wiring::Recurrent<R>,
    ) -> Source<'a, R> {
        let matrix = &weights.forward;
        if wiring.factor.is_some() {
            let stride = wiring.rank_width;
            let rows = &self.projected[step * self.n_samples * stride..][..self.n_samples * stride];
            return Source { rows, stride, matrix };
        }
        let rows = self.n_samples * wiring.width;
        let place = (self.n_lags + step - 1 - weights.delay) * rows;
        Source { rows: &self.past[place..place + rows], stride: wiring.width, matrix }
    }
}
