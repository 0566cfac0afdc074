//! The loop, forwards: senses, network, body.

use super::block::Block;
use super::objective::{Quadratic, Terms};
use super::{Channel, Drive, Trials, World};
use crate::error::{Error, Result};
use crate::linalg::{Begin, Source, combine};
use crate::monitor::Stop;
use crate::numerics::rng::{Stream, normal, stream};
use crate::plant::body::MAX_STATES;
use crate::plant::senses::Senses;
use crate::real::Real;
use crate::rnn::cells::{Readout, Step};
use crate::rnn::wiring::Wiring;

impl<R: Real> Block<R> {
    /// All steps. Returns this block's share of the loss.
    pub(super) fn forward<B: Senses>(
        &mut self,
        world: &World<B>,
        wiring: &Wiring<'_, R>,
        trials: &Trials<'_, R>,
        stop: &Stop,
    ) -> Result<Terms> {
        self.prepare::<B>(wiring, trials)?;
        self.begin(world, wiring, trials);
        let mut streams: Vec<Stream> = trials.seed.map_or_else(Vec::new, |seed| {
            (self.first..self.first + self.n).map(|trial| stream(seed, trial as u64)).collect()
        });
        let mut terms = Terms::default();
        for step in 0..trials.n_steps {
            if stop.is_asked() {
                return Err(Error::Interrupted);
            }
            self.sense(world, wiring, trials, step, &mut streams);
            self.think(wiring, step);
            self.drive_body(world, wiring, step);
            self.move_body(world, trials, step, &mut terms)?;
        }
        self.add_costs(world, wiring, trials, &mut terms);
        Ok(terms)
    }

    /// Where everything starts.
    fn begin<B: Senses>(&mut self, world: &World<B>, wiring: &Wiring<'_, R>, trials: &Trials<'_, R>) {
        let network = wiring.network.as_ref();
        let rows = self.n * wiring.width;
        let fill = |rows: &mut [R], name: &str| {
            let initial = network.parameters().values(name).unwrap_or(&[]);
            for row in rows.chunks_exact_mut(wiring.width) {
                row.fill(R::ZERO);
                row[..initial.len()].copy_from_slice(initial);
            }
        };
        let memories = wiring.dynamics.memories();
        let (activity, memory) = (&mut self.activity[..rows], &mut self.memory[..memories.len() * rows]);
        match memories.first() {
            Some(&"cell") => {
                fill(activity, "h0");
                fill(memory, "c0");
            }
            Some(_) => {
                fill(memory, "h0");
                wiring.dynamics.initial_activity(memory, activity);
            }
            None => fill(activity, "h0"),
        }
        let n = self.n * B::N_STATES;
        self.states[..n].copy_from_slice(&trials.start[self.first * B::N_STATES..][..n]);
        for trial in 0..self.n {
            self.tell(world, 0, trial);
        }
    }

    /// Hand and limbs in a state.
    fn tell<B: Senses>(&mut self, world: &World<B>, at: usize, trial: usize) {
        let row = at * self.n + trial;
        let state = &self.states[row * B::N_STATES..][..B::N_STATES];
        self.hands[4 * row..][..4].copy_from_slice(&world.body.hand(state));
        if world.proprioception.is_some() {
            world.body.limbs(state, &mut self.limbs[row * B::N_LIMBS..][..B::N_LIMBS]);
        }
    }

    /// o_t.
    fn sense<B: Senses>(
        &mut self,
        world: &World<B>,
        wiring: &Wiring<'_, R>,
        trials: &Trials<'_, R>,
        step: usize,
        streams: &mut [Stream],
    ) {
        let n_inputs = wiring.network.structure().n_inputs;
        let [n_vision, n_limbs] = world.widths();
        let n_task = n_inputs - n_vision - n_limbs;
        let width = wiring.input_width;
        for (trial, row) in
            self.inputs[step * self.n * width..][..self.n * width].chunks_exact_mut(width.max(1)).enumerate()
        {
            let whole = self.first + trial;
            row[..n_task].copy_from_slice(&trials.task[(whole * trials.n_steps + step) * n_task..][..n_task]);
            row[n_inputs..].fill(R::ZERO);
            let mut noise = streams.get_mut(trial);
            if let Some(channel) = &world.vision {
                let at = step.saturating_sub(channel.delay) * self.n + trial;
                let seen = trials.cursor(whole).of(four(&self.hands[4 * at..]));
                told(channel, &seen, noise.as_deref_mut(), &mut row[n_task..]);
            }
            if let Some(channel) = &world.proprioception {
                let at = step.saturating_sub(channel.delay) * self.n + trial;
                let felt = &self.limbs[at * B::N_LIMBS..][..B::N_LIMBS];
                told(channel, felt, noise, &mut row[n_task + n_vision..]);
            }
        }
    }

    /// h_t and y_t.
    fn think(&mut self, wiring: &Wiring<'_, R>, step: usize) {
        let (n, width, stride) = (self.n, wiring.width, wiring.drive_width());
        let rows = n * width;
        let (past, present) = self.activity.split_at_mut((1 + step) * rows);
        let before = &past[step * rows..];
        let activity = &mut present[..rows];
        let n_memories = wiring.n_memories() * rows;
        let (memory_past, memory) = self.memory.split_at_mut((1 + step) * n_memories);
        let keeps = !self.drive.is_empty();
        let kept = if keeps { &mut self.drive[step * n * stride..][..n * stride] } else { &mut [][..] };
        let inputs = &self.inputs[step * n * wiring.input_width..][..n * wiring.input_width];
        for weights in &wiring.segments {
            let start = weights.segment.slot * width;
            let into = if keeps { &mut kept[start..] } else { &mut activity[start..] };
            let input = weights.input.as_ref().map(|matrix| Source {
                rows: inputs,
                stride: wiring.input_width,
                matrix,
            });
            let recurrent = weights.recurrent.first();
            let recurrent = recurrent.map(|r| Source { rows: before, stride: width, matrix: &r.forward });
            let begin = Begin::Row(&wiring.bias[start..]);
            let columns = weights.segment.n_slots * width;
            match (recurrent, input) {
                (Some(a), Some(b)) => combine(into, stride, n, columns, begin, &[a, b]),
                (Some(a), None) | (None, Some(a)) => combine(into, stride, n, columns, begin, &[a]),
                (None, None) => combine(into, stride, n, columns, begin, &[]),
            }
        }
        wiring.dynamics.step(Step {
            width,
            drive: kept,
            activity_before: before,
            memory_before: &memory_past[step * n_memories..],
            activity,
            memory: &mut memory[..n_memories],
            silent: &[],
        });
        let read: &[R] = match wiring.dynamics.readout() {
            Readout::Activity => activity,
            Readout::Memory(index) => &memory[index * rows..][..rows],
        };
        let w = wiring.output_width;
        let outputs = &mut self.outputs[step * n * w..][..n * w];
        let source = Source { rows: read, stride: width, matrix: &wiring.output };
        combine(outputs, w, n, w, Begin::Row(&wiring.output_bias), &[source]);
    }

    /// u_t and p_t.
    fn drive_body<B: Senses>(&mut self, world: &World<B>, wiring: &Wiring<'_, R>, step: usize) {
        let (c, w) = (B::N_CONTROLS, wiring.output_width);
        for row in step * self.n..(step + 1) * self.n {
            for k in 0..c {
                let y = self.outputs[row * w + k].to_f64();
                let (effort, control) = match world.drive {
                    Drive::Linear(unit) => (y, unit * y),
                    Drive::Sigmoid => {
                        let u = 1.0 / (1.0 + (-y).exp());
                        (u, u)
                    }
                };
                self.efforts[row * c + k] = effort;
                self.controls[row * c + k] = control;
            }
        }
    }

    /// s_{t+1}, and what it costs where the hand is then.
    fn move_body<B: Senses>(
        &mut self,
        world: &World<B>,
        trials: &Trials<'_, R>,
        step: usize,
        terms: &mut Terms,
    ) -> Result<()> {
        let (n, c) = (B::N_STATES, B::N_CONTROLS);
        for trial in 0..self.n {
            let (row, whole) = (step * self.n + trial, self.first + trial);
            let mut state = [0.0; MAX_STATES];
            state[..n].copy_from_slice(&self.states[row * n..][..n]);
            let control = &self.controls[row * c..][..c];
            let load = trials.load(whole, step);
            world.stepping.step(&world.body, &mut state[..n], control, load, trials.field(whole));
            if !state[..n].iter().all(|value| value.is_finite()) {
                let place = format!(" after step {step} of trial {whole}");
                return Err(Error::Diverged { what: "the state", place });
            }
            self.states[(row + self.n) * n..][..n].copy_from_slice(&state[..n]);
            self.tell(world, step + 1, trial);
            let hand = four(&self.hands[4 * (row + self.n)..]);
            let ([position, velocity], _) =
                world.costs.of_hand(trials, whole, step, hand, trials.cursor(whole));
            terms.position += position;
            terms.velocity += velocity;
        }
        Ok(())
    }

    /// Effort and activity.
    fn add_costs<B: Senses>(
        &self,
        world: &World<B>,
        wiring: &Wiring<'_, R>,
        trials: &Trials<'_, R>,
        terms: &mut Terms,
    ) {
        let effort = world.effort(trials);
        if !effort.is_free() {
            let steps = self.efforts.chunks_exact(self.n * B::N_CONTROLS);
            let mut before = &[][..];
            for now in steps {
                terms.effort += effort.cost(before, now);
                before = now;
            }
        }
        let activity = world.activity(wiring, trials);
        if !activity.is_free() {
            // Padding is no unit: it may be active where φ(0) is not 0.
            let (width, n_units) = (wiring.width, wiring.network.structure().n_units);
            let rows = self.activity.chunks_exact(width);
            for (row, (now, before)) in rows.clone().skip(self.n).zip(rows).enumerate() {
                let before = if row < self.n { &[][..] } else { &before[..n_units] };
                terms.activity += activity.cost(before, &now[..n_units]);
            }
        }
    }
}

impl<B: Senses> World<B> {
    pub(super) fn effort<R>(&self, trials: &Trials<'_, R>) -> Quadratic {
        let (b, t) = (trials.n_trials, trials.n_steps);
        Quadratic::new(self.costs.effort, self.costs.effort_change, b, t, B::N_CONTROLS)
    }

    pub(super) fn activity<R: Real>(&self, wiring: &Wiring<'_, R>, trials: &Trials<'_, R>) -> Quadratic {
        let (b, t) = (trials.n_trials, trials.n_steps);
        let n_units = wiring.network.structure().n_units;
        Quadratic::new(self.costs.activity, self.costs.activity_change, b, t, n_units)
    }
}

pub(super) fn four(values: &[f64]) -> [f64; 4] {
    [values[0], values[1], values[2], values[3]]
}

/// What the network gets of a sense.
fn told<R: Real>(channel: &Channel, sensed: &[f64], noise: Option<&mut Stream>, out: &mut [R]) {
    let parts = channel.gain.iter().zip(&channel.offset).zip(&channel.noise);
    let mut noise = noise;
    for ((out, &sensed), ((gain, offset), &deviation)) in out.iter_mut().zip(sensed).zip(parts) {
        let kick = match &mut noise {
            Some(stream) if deviation > 0.0 => deviation * normal(stream),
            _ => 0.0,
        };
        *out = R::from_f64(gain * (sensed + kick - offset));
    }
}
