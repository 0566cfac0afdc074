//! Gradients while they are summed up: padded rows, one set per block of samples.

use super::network::Network;
use super::wiring::Wiring;
use crate::network::parameters::Parameters;
use crate::numerics::lanes::padded;
use crate::real::Real;

/// Sums of outer products, as the kernels write them: rows of gates × units, columns padded.
#[derive(Debug, Clone, Default)]
pub struct Sums<R> {
    /// One per delay (dense weights).
    pub recurrent: Vec<Vec<R>>,
    /// U.
    pub left: Vec<R>,
    /// V.
    pub right: Vec<R>,
    /// W_in.
    pub input: Vec<R>,
    /// W_fb.
    pub feedback: Vec<R>,
    /// b and `b_n`, by slots of the drive.
    pub bias: Vec<R>,
    /// W_out.
    pub output: Vec<R>,
    /// b_out.
    pub output_bias: Vec<R>,
    /// h0 (or the current's or voltage's).
    pub state: Vec<R>,
    /// c0.
    pub cell: Vec<R>,
    /// alpha.
    pub leak: Vec<R>,
}

impl<R: Real> Sums<R> {
    /// Zeros of the right sizes. Reuses what was allocated.
    pub fn clear(&mut self, wiring: &Wiring<'_, R>) {
        let network = wiring.network.as_ref();
        let structure = network.structure();
        let rows = structure.cell.n_gates() * structure.n_units;
        let n_delays = wiring.segments.iter().map(|s| s.recurrent.len()).max().unwrap_or(0);
        let dense = wiring.factor.is_none();
        let zero = |values: &mut Vec<R>, length: usize| {
            values.clear();
            values.resize(length, R::ZERO);
        };
        self.recurrent.resize(if dense { n_delays } else { 0 }, Vec::new());
        for values in &mut self.recurrent {
            zero(values, rows * wiring.width);
        }
        zero(&mut self.left, if dense { 0 } else { rows * wiring.rank_width });
        zero(&mut self.right, if dense { 0 } else { structure.n_units * wiring.rank_width });
        zero(&mut self.input, rows * wiring.input_width);
        zero(&mut self.feedback, if structure.feedback { rows * wiring.output_width } else { 0 });
        zero(&mut self.bias, wiring.drive_width());
        zero(&mut self.output, structure.n_outputs * wiring.width);
        zero(&mut self.output_bias, wiring.output_width);
        zero(&mut self.state, wiring.width);
        zero(&mut self.cell, wiring.width);
        zero(&mut self.leak, if network.learns_leak() { wiring.width } else { 0 });
    }

    /// Adds them to gradients laid out as the network's parameters.
    pub fn add_to(&self, wiring: &Wiring<'_, R>, gradient: &mut Parameters<R>) {
        let network = wiring.network.as_ref();
        let n = network.structure().n_units;
        for (index, weights) in self.recurrent.iter().enumerate() {
            let delay = wiring.segments.iter().find_map(|s| s.recurrent.get(index)).map_or(0, |r| r.delay);
            let there = network.delayed_by(delay);
            add_rows(gradient, "W", n, weights, |place| there.as_ref().is_none_or(|t| t[place % (n * n)]));
        }
        for (name, values, columns) in [
            ("U", &self.left, network.rank().unwrap_or(0)),
            ("V", &self.right, network.rank().unwrap_or(0)),
            ("W_in", &self.input, network.structure().n_inputs),
            ("W_fb", &self.feedback, network.structure().n_outputs),
            ("W_out", &self.output, n),
            ("b_out", &self.output_bias, network.structure().n_outputs),
            ("h0", &self.state, n),
            ("c0", &self.cell, n),
            ("alpha", &self.leak, n),
        ] {
            if columns > 0 && !values.is_empty() {
                add_rows(gradient, name, columns, values, |_| true);
            }
        }
        for segment in wiring.dynamics.segments() {
            let (name, first) = match segment.input {
                Some(gate) => ("b", gate),
                None => ("b_n", 0),
            };
            if let Some(parameter) = gradient.get_mut(name) {
                for k in 0..segment.n_slots {
                    let from = &self.bias[(segment.slot + k) * wiring.width..][..n];
                    for (value, &more) in parameter.values[(first + k) * n..].iter_mut().zip(from) {
                        *value += more;
                    }
                }
            }
        }
    }
}

fn add_rows<R: Real>(
    gradient: &mut Parameters<R>,
    name: &str,
    columns: usize,
    padded_rows: &[R],
    counts: impl Fn(usize) -> bool,
) {
    let Some(parameter) = gradient.get_mut(name) else { return };
    let rows = parameter.values.chunks_exact_mut(columns).zip(padded_rows.chunks_exact(padded::<R>(columns)));
    for (row, (values, more)) in rows.enumerate() {
        for (column, (value, &more)) in values.iter_mut().zip(more).enumerate() {
            if counts(row * columns + column) {
                *value += more;
            }
        }
    }
}

/// Gradients of a network, all zero.
pub fn zero_gradient<R: Real>(network: &Network<R>) -> Parameters<R> {
    network.parameters().zeros_like()
}
