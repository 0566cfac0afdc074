//! The influence of a network's parameters on its states, one step at a time: the inside of [`rtrl`](super::super::rtrl).
//!
//! ```text
//! P_t[s] = Σ_{s'} D[s, s'] P_{t−1}[s'] + Σ_k M[s, k] (W_k P_{t−1}[r] + u_k) + A[s] ⊗ 1_α
//! ```
//! Symbols are those of that file. Columns of P stand as gradients are summed up ([`Sums`](crate::rnn::sums::Sums)), padding
//! included; what is in the padding has no meaning.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2};

use super::local::Local;
use crate::linalg::add_product;
use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;
use crate::rnn::adjoint::ActivityCost;
use crate::rnn::block::Block;
use crate::rnn::cells::Readout;
use crate::rnn::perturbation::{Pathway, Perturbation};
use crate::rnn::state::{Initial, replaced};
use crate::rnn::tape::Tape;
use crate::rnn::wiring::Wiring;

/// Where the parameters stand in a row of the influence, laid out as they are summed up.
struct Layout {
    recurrent: Range<usize>,
    input: Range<usize>,
    bias: Range<usize>,
    state: Range<usize>,
    cell: Range<usize>,
    leak: Range<usize>,
    total: usize,
}

impl Layout {
    fn new<R: Real>(wiring: &Wiring<'_, R>) -> Self {
        let network = wiring.network.as_ref();
        let rows = network.structure().cell.n_gates() * network.structure().n_units;
        let mut total = 0;
        let mut take = |there: bool, length: usize| {
            let start = total;
            total += if there { length } else { 0 };
            start..total
        };
        let has = |name: &str| !network.values(name).is_empty();
        let recurrent = take(true, rows * wiring.width);
        let input = take(true, rows * wiring.input_width);
        let bias = take(has("b") || has("b_n"), wiring.drive_width());
        let state = take(has("h0"), wiring.width);
        let cell = take(has("c0"), wiring.width);
        let leak = take(has("alpha"), wiring.width);
        Self { recurrent, input, bias, state, cell, leak, total }
    }
}

/// The influence of all parameters on the states of one sample.
pub struct Influence<'a, R: Real> {
    wiring: &'a Wiring<'a, R>,
    perturbation: &'a Perturbation<R>,
    layout: Layout,
    local: Local<R>,
    now: Vec<R>,
    before: Vec<R>,
    through: Vec<R>,
    gradient: Vec<R>,
}

impl<'a, R: Real> Influence<'a, R> {
    /// Room for one sample's.
    pub fn new(wiring: &'a Wiring<'a, R>, perturbation: &'a Perturbation<R>) -> Self {
        let layout = Layout::new(wiring);
        let local = Local::new(wiring);
        let rows = wiring.network.structure().n_units * layout.total;
        Self {
            wiring,
            perturbation,
            now: vec![R::ZERO; local.n_states() * rows],
            before: vec![R::ZERO; local.n_states() * rows],
            through: vec![R::ZERO; wiring.dynamics.n_slots() * rows],
            gradient: vec![R::ZERO; layout.total],
            layout,
            local,
        }
    }

    /// Entries of `now` and `before` that belong to a state of a unit.
    fn row(&self, state: usize, unit: usize) -> Range<usize> {
        let start = (state * self.wiring.network.structure().n_units + unit) * self.layout.total;
        start..start + self.layout.total
    }

    /// The network's initial states are influenced by themselves alone, and not at all where others are given.
    pub fn start(&mut self, tape: &Tape<R>, sample: usize, given: &Initial<'_, R>) {
        self.now.fill(R::ZERO);
        let (wiring, width) = (self.wiring, self.wiring.width);
        let memories = wiring.dynamics.memories();
        let (state, cell) = match memories.first() {
            Some(&"cell") => (0, 1),
            Some(_) => (1, 0),
            None => (0, 0),
        };
        // What the initial activity owes to the first memory, where memories decide it.
        let (mut own, mut owed) = (vec![R::ONE; width], vec![R::ZERO; memories.len() * width]);
        let activity = &tape.activity_before(0, width)[sample * width..][..width];
        wiring.dynamics.pull_back_initial(activity, &mut own, &mut owed);
        let (no_state, no_cell) = replaced(wiring, given);
        let of_activity = if state == 0 { &own } else { &owed };
        for (unit, &activity) in of_activity.iter().enumerate().take(wiring.network.structure().n_units) {
            if !(no_state || self.layout.state.is_empty()) {
                let place = self.layout.state.start + unit;
                let rows = [(state, R::ONE), (0, activity)];
                for (state, influence) in rows {
                    let row = self.row(state, unit);
                    self.now[row][place] = influence;
                }
            }
            if !(no_cell || self.layout.cell.is_empty()) {
                let row = self.row(cell, unit);
                self.now[row][self.layout.cell.start + unit] = R::ONE;
            }
        }
    }

    /// Moves it on by a step.
    pub fn step(&mut self, tape: &Tape<R>, sample: usize, step: usize) {
        let wiring = self.wiring;
        std::mem::swap(&mut self.now, &mut self.before);
        self.local.linearise(wiring, tape, self.perturbation, sample, step);
        let connected = !self.perturbation.cuts(Pathway::Recurrent, tape.first + step);
        if connected {
            self.reach_through_weights();
        }
        for to in 0..self.local.n_states() {
            for unit in 0..wiring.network.structure().n_units {
                let row = self.row(to, unit);
                self.now[row.clone()].fill(R::ZERO);
                for from in 0..self.local.n_states() {
                    let factor = self.local.between(to, from)[unit];
                    if factor != R::ZERO {
                        let before = self.row(from, unit);
                        add_scaled(&mut self.now[row.clone()], factor, &self.before[before]);
                    }
                }
                for segment in
                    wiring.dynamics.segments().iter().filter(|s| connected && s.recurrent.is_some())
                {
                    for slot in segment.slot..segment.slot + segment.n_slots {
                        let factor = self.local.from_drive(to, slot)[unit];
                        let through = self.row(slot, unit);
                        add_scaled(&mut self.now[row.clone()], factor, &self.through[through]);
                    }
                }
                self.add_direct(tape, sample, step, to, unit);
            }
        }
    }

    /// W_k P[r] of every slot that recurrent weights feed.
    fn reach_through_weights(&mut self) {
        let n = self.wiring.network.structure().n_units;
        let total = self.layout.total;
        let weights = self.wiring.network.values("W");
        let before =
            ArrayView2::from_shape((n, total), &self.before[..n * total]).expect("all units' activity");
        for segment in self.wiring.dynamics.segments() {
            let Some(first) = segment.recurrent else { continue };
            for k in 0..segment.n_slots {
                let gate = &weights[(first + k) * n * n..][..n * n];
                let gate = ArrayView2::from_shape((n, n), gate).expect("one gate's weights");
                let out = &mut self.through[(segment.slot + k) * n * total..][..n * total];
                let out = ArrayViewMut2::from_shape((n, total), out).expect("all units of a slot");
                add_product(out, true, gate, before);
            }
        }
    }

    /// What a unit's own parameters do to it in this step.
    fn add_direct(&mut self, tape: &Tape<R>, sample: usize, step: usize, to: usize, unit: usize) {
        let wiring = self.wiring;
        let (n, width, input_width) = (wiring.network.structure().n_units, wiring.width, wiring.input_width);
        let row = self.row(to, unit);
        let out = &mut self.now[row];
        let cut = |pathway| self.perturbation.cuts(pathway, tape.first + step);
        for segment in wiring.dynamics.segments() {
            for k in 0..segment.n_slots {
                let factor = self.local.from_drive(to, segment.slot + k)[unit];
                if let Some(gate) = segment.recurrent.filter(|_| !cut(Pathway::Recurrent)) {
                    let activity = &tape.activity_before(step, width)[sample * width..][..width];
                    let weights = &mut out[self.layout.recurrent.clone()];
                    add_scaled(&mut weights[((gate + k) * n + unit) * width..][..width], factor, activity);
                }
                if let Some(gate) = segment.input.filter(|_| !cut(Pathway::Input)) {
                    let input = &tape.input[(step * tape.n_samples + sample) * input_width..][..input_width];
                    let weights = &mut out[self.layout.input.clone()];
                    let place = ((gate + k) * n + unit) * input_width;
                    add_scaled(&mut weights[place..][..input_width], factor, input);
                }
                if let Some(bias) = out[self.layout.bias.clone()].get_mut((segment.slot + k) * width + unit) {
                    *bias += factor;
                }
            }
        }
        if let Some(&leak) = self.local.from_leak(to).get(unit) {
            out[self.layout.leak.start + unit] += leak;
        }
    }

    /// The gradient of the loss and of costs of activity at one step.
    pub fn add_errors(&mut self, block: &Block<R>, cost: &ActivityCost<R>, sample: usize, step: usize) {
        let wiring = self.wiring;
        let (n, n_outputs) = (wiring.network.structure().n_units, wiring.network.structure().n_outputs);
        let row = step * block.n_samples + sample;
        let errors = &block.errors[row * wiring.output_width..][..n_outputs];
        let weights = wiring.network.values("W_out");
        let read = match wiring.dynamics.readout() {
            Readout::Activity => 0,
            Readout::Memory(index) => 1 + index,
        };
        let activity = &block.tape.activity_at(step, wiring.width)[sample * wiring.width..][..n];
        for (unit, &r) in activity.iter().enumerate() {
            let error = errors.iter().enumerate().map(|(o, &error)| error * weights[o * n + unit]).sum();
            let row = self.row(read, unit);
            add_scaled(&mut self.gradient, error, &self.now[row]);
            let slope = slope(cost, unit, r);
            if slope != R::ZERO {
                let row = self.row(0, unit);
                add_scaled(&mut self.gradient, slope, &self.now[row]);
            }
        }
    }

    /// Adds the gradient to the block's sums.
    pub fn hand_over(&self, block: &mut Block<R>) {
        let (layout, sums) = (&self.layout, &mut block.sums);
        let Some(recurrent) = sums.recurrent.first_mut() else { return };
        for (sum, range) in [
            (recurrent, &layout.recurrent),
            (&mut sums.input, &layout.input),
            (&mut sums.bias, &layout.bias),
            (&mut sums.state, &layout.state),
            (&mut sums.cell, &layout.cell),
            (&mut sums.leak, &layout.leak),
        ] {
            for (sum, &value) in sum.iter_mut().zip(&self.gradient[range.clone()]) {
                *sum += value;
            }
        }
    }
}

/// Derivative of the costs of activity with respect to one unit's activity at one step.
fn slope<R: Real>(cost: &ActivityCost<R>, unit: usize, r: R) -> R {
    let sign = if r == R::ZERO { R::ZERO } else { R::ONE.copysign(r) };
    let mean = cost.per_unit.get(unit).copied().unwrap_or(R::ZERO);
    R::from_f64(2.0 * cost.squared) * r + R::from_f64(cost.absolute) * sign + mean
}

vectorised! {
    /// out += factor · row.
    fn add_scaled<R: Real>(out: &mut [R], factor: R, row: &[R]) {
        for (out, &value) in out.iter_mut().zip(row) {
            *out = multiply_add::<R, FUSED>(factor, value, *out);
        }
    }
}
