//! The state of a network as one vector per sample, for rules that predict gradients with respect to it.
//!
//! ```text
//! s = h   rate units that leak on the rate, GRU          s = [h; c]            LSTM
//! s = v   rate units that leak on the current            s = [s; v; q (; a)]   spiking units
//! ```
//! Slots stand one after the other, units unpadded. A gradient with respect to s is what the adjoint carries between
//! steps; for units that leak on the current, whose r = φ(v) is no variable of its own, ∂L/∂v = μ + φ'(v) λ (λ, μ: carried
//! gradients of activity and memories). Where a unit is silenced r does not depend on v, and λ is dropped.
//!
//! With conduction delays or output feedback the state of the last step does not decide the next one, so that no
//! gradient with respect to it stands for all later losses: such networks are refused.

use crate::error::{Error, Result};
use crate::real::Real;
use crate::rnn::adjoint::Carry;
use crate::rnn::block::Block;
use crate::rnn::cells::dynamics;
use crate::rnn::network::Network;
use crate::rnn::perturbation::Perturbation;
use crate::rnn::wiring::Wiring;

/// Where a part of the state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The activity.
    Activity,
    /// A memory.
    Memory(usize),
}

/// How states of a network are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeState {
    /// Its parts, in order.
    pub slots: Vec<Slot>,
    n_units: usize,
}

impl WholeState {
    /// That of a network.
    pub fn of<R: Real>(network: &Network<R>) -> Self {
        let structure = network.structure();
        let memories = dynamics::<R>(structure, network.parameters().values("alpha")).memories();
        let current = memories.first() == Some(&"current");
        let activity = (!current).then_some(Slot::Activity);
        let slots = activity.into_iter().chain((0..memories.len()).map(Slot::Memory)).collect();
        Self { slots, n_units: structure.n_units }
    }

    /// Numbers per sample.
    pub fn size(&self) -> usize {
        self.slots.len() * self.n_units
    }

    /// An error unless the state after a step decides all that follows.
    pub fn suffices<R: Real>(network: &Network<R>) -> Result<()> {
        let structure = network.structure();
        if structure.has_delays() || structure.feedback {
            let what = if structure.feedback { "output feedback" } else { "delays" };
            return Err(Error::value(
                "rule",
                format!("one that predicts gradients of the state, for a network with {what}"),
                "a network without delays and output feedback, whose state after a step decides all that follows",
            ));
        }
        Ok(())
    }

    /// Appends the states of a block's samples before step `step` of its tape: samples × size.
    pub fn gather<R: Real>(
        &self,
        wiring: &Wiring<'_, R>,
        block: &Block<R>,
        step: usize,
        states: &mut Vec<R>,
    ) {
        let activity = block.tape.activity_before(step, wiring.width);
        let memory = block.tape.memory_before(step, wiring.width, wiring.n_memories());
        self.interleave(wiring.width, activity, memory, states);
    }

    /// Appends the gradients with respect to those states, given a carry that the way back brought to them.
    pub fn gather_gradient<R: Real>(
        &self,
        wiring: &Wiring<'_, R>,
        block: &Block<R>,
        perturbation: &Perturbation<R>,
        step: usize,
        gradients: &mut Vec<R>,
    ) {
        if self.slots[0] == Slot::Activity {
            self.interleave(wiring.width, &block.carry.activity, &block.carry.memory, gradients);
            return;
        }
        let (mut activity, mut memory) = (block.carry.activity.clone(), block.carry.memory.clone());
        if step > 0 {
            silence(perturbation.silent_at(step - 1, self.n_units), wiring.width, &mut activity);
        }
        let rates = block.tape.activity_before(step, wiring.width);
        wiring.dynamics.pull_back_initial(rates, &mut activity, &mut memory);
        self.interleave(wiring.width, &activity, &memory, gradients);
    }

    /// Adds gradients of states, samples × size, times a factor to a carry.
    pub fn add_to_carry<R: Real>(&self, width: usize, gradients: &[R], factor: f64, carry: &mut Carry<R>) {
        let factor = R::from_f64(factor);
        let n_samples = gradients.len() / self.size();
        for (sample, row) in gradients.chunks_exact(self.size()).enumerate() {
            for (slot, part) in self.slots.iter().zip(row.chunks_exact(self.n_units)) {
                let into = match slot {
                    Slot::Activity => &mut carry.activity[sample * width..],
                    Slot::Memory(index) => &mut carry.memory[(index * n_samples + sample) * width..],
                };
                for (into, &value) in into.iter_mut().zip(part) {
                    *into += factor * value;
                }
            }
        }
    }

    fn interleave<R: Real>(&self, width: usize, activity: &[R], memory: &[R], rows: &mut Vec<R>) {
        let n_samples = activity.len() / width;
        for sample in 0..n_samples {
            for slot in &self.slots {
                rows.extend_from_slice(match slot {
                    Slot::Activity => &activity[sample * width..][..self.n_units],
                    Slot::Memory(index) => &memory[(index * n_samples + sample) * width..][..self.n_units],
                });
            }
        }
    }
}

/// Sets rows to zero where units are silent.
pub fn silence<R: Real>(silent: &[bool], width: usize, rows: &mut [R]) {
    for row in rows.chunks_exact_mut(width) {
        for (value, &silent) in row.iter_mut().zip(silent) {
            if silent {
                *value = R::ZERO;
            }
        }
    }
}
