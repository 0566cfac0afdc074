//! The weights of a network as its time loops read them: packed once per call, forwards and backwards.
//!
//! ```text
//! z_t = b + W_in x_{t−e} + W_fb y_{t−1−f} + Σ_d (M_d ⊙ W) r_{t−1−d}        y_t = W_out q_t + b_out
//!       (low rank: W r = U (Vᵀ r))
//! ```
//! Each [`Segment`] of the cell's drive has its own matrices, since not all pathways feed all of it. M_d: connections of
//! delay d.

use std::borrow::Cow;

use super::cells::{Dynamics, Segment, dynamics};
use super::network::Network;
use crate::linalg::Packed;
use crate::numerics::lanes::padded;
use crate::real::Real;

/// Recurrent weights of one segment and one delay.
pub struct Recurrent<R> {
    /// Steps beyond the one that every connection takes.
    pub delay: usize,
    /// units (or rank) × slots
    pub forward: Packed<R>,
    /// slots × units (or rank)
    pub backward: Packed<R>,
}

/// What feeds one segment of the drive.
pub struct SegmentWeights<R> {
    /// Which slots, fed by which gates.
    pub segment: Segment,
    /// From units, by delay.
    pub recurrent: Vec<Recurrent<R>>,
    /// From inputs: inputs × slots.
    pub input: Option<Packed<R>>,
    /// From outputs: outputs × slots.
    pub feedback: Option<Packed<R>>,
    /// slots × outputs
    pub feedback_backward: Option<Packed<R>>,
}

/// Factored recurrent weights: what goes between U and V.
pub struct Factor<R> {
    /// Columns of U and V.
    pub rank: usize,
    /// units × rank: p = Vᵀ r
    pub forward: Packed<R>,
    /// rank × units
    pub backward: Packed<R>,
}

/// Everything a time loop reads.
pub struct Wiring<'n, R: Real> {
    /// Whose weights.
    pub network: Cow<'n, Network<R>>,
    /// Its units.
    pub dynamics: Box<dyn Dynamics<R>>,
    /// Weights into each segment of the drive.
    pub segments: Vec<SegmentWeights<R>>,
    /// Of low-rank weights.
    pub factor: Option<Factor<R>>,
    /// Biases by slots of the drive, padded.
    pub bias: Vec<R>,
    /// The readout: units × outputs.
    pub output: Packed<R>,
    /// Its bias, padded.
    pub output_bias: Vec<R>,
    /// outputs × units: passes errors of outputs back to what the readout sees. Feedback alignment puts its own here.
    pub output_backward: Packed<R>,
    /// Padded number of units.
    pub width: usize,
    /// Padded number of inputs.
    pub input_width: usize,
    /// Padded number of outputs.
    pub output_width: usize,
    /// Padded rank; 0 without one.
    pub rank_width: usize,
}

impl<'n, R: Real> Wiring<'n, R> {
    /// Packs a network's weights.
    pub fn new(network: &'n Network<R>) -> Self {
        Self::of(Cow::Borrowed(network))
    }

    /// Packs a network's weights and keeps the network with them.
    pub fn owning(network: Network<R>) -> Wiring<'static, R> {
        Wiring::of(Cow::Owned(network))
    }

    fn of(cow: Cow<'n, Network<R>>) -> Self {
        let network = cow.as_ref();
        let structure = network.structure();
        let (n, n_outputs) = (structure.n_units, structure.n_outputs);
        let alpha = network.parameters().values("alpha");
        let dynamics = dynamics::<R>(structure, alpha);
        let width = padded::<R>(n);
        let rank = network.rank();
        let segments =
            dynamics.segments().iter().map(|segment| segment_weights(network, *segment, width)).collect();
        let factor = rank.map(|rank| {
            let v = network.values("V");
            let (mut forward, mut backward) = (Packed::zeros(n, rank), Packed::zeros(rank, n));
            forward.set_block(0, 0, rank, v);
            backward.set_transposed(0, 0, rank, v);
            Factor { rank, forward, backward }
        });
        let mut bias = vec![R::ZERO; dynamics.n_slots() * width];
        for segment in dynamics.segments() {
            let (name, first) = match segment.input {
                Some(gate) => ("b", gate),
                None => ("b_n", 0),
            };
            let values = network.values(name);
            if !values.is_empty() {
                for k in 0..segment.n_slots {
                    let from = (first + k) * n;
                    bias[(segment.slot + k) * width..][..n].copy_from_slice(&values[from..from + n]);
                }
            }
        }
        let w_out = network.values("W_out");
        let (mut output, mut output_backward) = (Packed::zeros(n, n_outputs), Packed::zeros(n_outputs, n));
        output.set_transposed(0, 0, n, w_out);
        output_backward.set_block(0, 0, n, w_out);
        let mut output_bias = network.values("b_out").to_vec();
        output_bias.resize(padded::<R>(n_outputs), R::ZERO);
        let input_width = padded::<R>(structure.n_inputs);
        Self {
            network: cow,
            dynamics,
            segments,
            factor,
            bias,
            output,
            output_bias,
            output_backward,
            width,
            input_width,
            output_width: padded::<R>(n_outputs),
            rank_width: padded::<R>(rank.unwrap_or(0)),
        }
    }

    /// Numbers of drive per sample.
    pub fn drive_width(&self) -> usize {
        self.dynamics.n_slots() * self.width
    }

    /// Memories per unit.
    pub fn n_memories(&self) -> usize {
        self.dynamics.memories().len()
    }

    /// Replaces the readout: weights, outputs × units row by row, and bias (none: empty).
    pub fn set_readout(&mut self, weights: &[R], bias: &[R]) {
        let n = self.network.structure().n_units;
        self.output.set_transposed(0, 0, n, weights);
        self.output_backward.set_block(0, 0, n, weights);
        self.output_bias[..bias.len()].copy_from_slice(bias);
    }

    /// Replaces recurrent weights, units × units row by row, of cells with one gate, dense and of one delay.
    pub fn set_recurrent(&mut self, weights: &[R]) {
        let n = self.network.structure().n_units;
        for recurrent in self.segments.iter_mut().flat_map(|segment| &mut segment.recurrent) {
            recurrent.forward.set_transposed(0, 0, n, weights);
            recurrent.backward.set_block(0, 0, n, weights);
        }
    }

    /// Passes errors of outputs back through `matrix`, outputs × units row by row, instead of through the readout.
    pub fn replace_output_backward(&mut self, matrix: &[R]) {
        self.output_backward.set_block(0, 0, self.network.structure().n_units, matrix);
    }
}

fn segment_weights<R: Real>(network: &Network<R>, segment: Segment, width: usize) -> SegmentWeights<R> {
    let structure = network.structure();
    let n = structure.n_units;
    let columns = segment.n_slots * width;
    let pack = |name: &str, first: usize, n_inner: usize| {
        let values = network.values(name);
        let mut packed = Packed::zeros(n_inner, columns);
        for slot in 0..segment.n_slots {
            let rows = &values[(first + slot) * n * n_inner..(first + slot + 1) * n * n_inner];
            packed.set_transposed(0, slot * width, n_inner, rows);
        }
        packed
    };
    let pack_backward = |name: &str, first: usize, n_inner: usize| {
        let values = network.values(name);
        let mut packed = Packed::zeros(columns, n_inner);
        for slot in 0..segment.n_slots {
            let rows = &values[(first + slot) * n * n_inner..(first + slot + 1) * n * n_inner];
            packed.set_block(slot * width, 0, n_inner, rows);
        }
        packed
    };
    let recurrent = segment.recurrent.map_or_else(Vec::new, |first| {
        if let Some(rank) = network.rank() {
            let (forward, backward) = (pack("U", first, rank), pack_backward("U", first, rank));
            let delay = structure.recurrent_delays.longest();
            return vec![Recurrent { delay, forward, backward }];
        }
        structure
            .recurrent_delays
            .values()
            .into_iter()
            .map(|delay| {
                let Some(there) = network.delayed_by(delay) else {
                    return Recurrent {
                        delay,
                        forward: pack("W", first, n),
                        backward: pack_backward("W", first, n),
                    };
                };
                let (mut forward, mut backward) = (Packed::zeros(n, columns), Packed::zeros(columns, n));
                let values = network.values("W");
                for slot in 0..segment.n_slots {
                    for (place, _) in there.iter().enumerate().filter(|(_, there)| **there) {
                        let (to, from) = (place / n, place % n);
                        let value = values[(first + slot) * n * n + place];
                        forward.set(from, slot * width + to, value);
                        backward.set(slot * width + to, from, value);
                    }
                }
                Recurrent { delay, forward, backward }
            })
            .collect()
    });
    let input = segment.input.filter(|_| structure.n_inputs > 0);
    let feedback = segment.input.filter(|_| structure.feedback);
    SegmentWeights {
        segment,
        recurrent,
        input: input.map(|first| pack("W_in", first, structure.n_inputs)),
        feedback: feedback.map(|first| pack("W_fb", first, structure.n_outputs)),
        feedback_backward: feedback.map(|first| pack_backward("W_fb", first, structure.n_outputs)),
    }
}
