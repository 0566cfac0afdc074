//! Back-propagation through time, exact or truncated.
//!
//! Truncation to K steps cuts the run into windows [0, K), [K, 2K), …; within each the gradient is exact, and nothing is
//! passed back from one to the one before (Williams & Peng 1990, with windows that do not overlap).
//!
//! With `checkpoint_every` only the states between segments of that many steps are kept, and each segment is simulated
//! again on the way back (Griewank & Walther 2000): memory for one segment instead of all, one more simulation. The
//! noise is drawn again from where it stood, so the gradient is the same.

use super::{Learned, Lesson, Rule};
use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::real::Real;
use crate::rnn::adjoint::ActivityCost;
use crate::rnn::forward::forward;
use crate::rnn::network::Network;
use crate::rnn::state::State;
use crate::rnn::wiring::Wiring;

/// The rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bptt {
    /// Steps of a window; None: the whole run.
    pub truncation: Option<usize>,
    /// Steps of a segment between states that are kept; None: everything is kept.
    pub checkpoint_every: Option<usize>,
}

impl<R: Real> Rule<R> for Bptt {
    fn admits(&self, network: &Network<R>) -> Result<()> {
        for (argument, value) in
            [("truncation", self.truncation), ("checkpoint_every", self.checkpoint_every)]
        {
            if value == Some(0) {
                return Err(Error::value(argument, 0, "at least one step, or None"));
            }
        }
        let structure = network.structure();
        if self.checkpoint_every.is_some() && (structure.has_delays() || structure.feedback) {
            return Err(Error::value(
                "checkpoint_every",
                "given",
                "a network without delays and output feedback, whose segments depend on states alone",
            ));
        }
        if self.checkpoint_every.is_some() && self.truncation.is_some() {
            return Err(Error::value(
                "checkpoint_every",
                "given",
                "None with a truncation: windows need no more",
            ));
        }
        Ok(())
    }

    fn learn(&mut self, lesson: &mut Lesson<'_, R>) -> Result<Learned<R>> {
        let wiring = Wiring::new(lesson.network);
        if let Some(every) = self.checkpoint_every {
            return with_checkpoints(lesson, &wiring, every);
        }
        let loss = lesson.simulate_with_errors(&wiring)?;
        back(lesson, &wiring, loss, self.truncation)
    }
}

/// The way back through what was simulated, in windows if wanted.
pub fn back<R: Real>(
    lesson: &mut Lesson<'_, R>,
    wiring: &Wiring<'_, R>,
    loss: f64,
    truncation: Option<usize>,
) -> Result<Learned<R>> {
    let (activity_loss, cost) = lesson.regularization.activity(wiring, lesson.workspace);
    let batch = lesson.batch;
    let gradient = lesson.workspace.gradient(wiring, lesson.threads, |block| {
        let window = truncation.unwrap_or(batch.n_steps).max(1);
        let n_windows = batch.n_steps.div_ceil(window);
        for index in (0..n_windows).rev() {
            let steps = index * window..((index + 1) * window).min(batch.n_steps);
            block.carry.clear(wiring, block.n_samples);
            block.go_back(wiring, &batch, &cost, steps);
        }
        block.add_initial_state(wiring, batch.initial);
    });
    Ok(finish(lesson, loss + activity_loss, gradient))
}

/// Costs of weights and constraints: how every rule's gradient ends.
pub fn finish<R: Real>(lesson: &Lesson<'_, R>, loss: f64, mut gradient: Parameters<R>) -> Learned<R> {
    let weights = lesson.regularization.weights(lesson.network, &mut gradient);
    lesson.network.constrain_gradient(&mut gradient);
    Learned { loss: loss + weights, gradient, own: Parameters::new() }
}

fn with_checkpoints<R: Real>(
    lesson: &mut Lesson<'_, R>,
    wiring: &Wiring<'_, R>,
    every: usize,
) -> Result<Learned<R>> {
    let batch = lesson.batch;
    lesson.workspace.cut(batch.n_trials);
    let n_outputs = lesson.network.structure().n_outputs;
    let segments: Vec<std::ops::Range<usize>> =
        (0..batch.n_steps).step_by(every).map(|start| start..(start + every).min(batch.n_steps)).collect();
    if lesson.regularization.needs_activity() {
        return Err(Error::value("checkpoint_every", "given", "None with costs of activity"));
    }
    // Forwards: states between segments, and outputs.
    let forwards = lesson.threads.map_chunks(&mut lesson.workspace.blocks, 1, |_, blocks| {
        let block = &mut blocks[0];
        let mut state = block.start(wiring, &batch)?;
        let mut states: Vec<State<R>> = Vec::with_capacity(segments.len());
        let mut outputs = vec![R::ZERO; block.n_samples * batch.n_steps * n_outputs];
        for steps in &segments {
            states.push(state.clone());
            let inputs = block.inputs(wiring, &batch);
            forward(wiring, inputs, steps.len(), batch.perturbation, None, &mut state, &mut block.tape);
            for (index, step) in steps.clone().enumerate() {
                let rows = block.tape.output_at(index, wiring.output_width);
                for (sample, row) in rows.chunks_exact(wiring.output_width).enumerate() {
                    outputs[(sample * batch.n_steps + step) * n_outputs..][..n_outputs]
                        .copy_from_slice(&row[..n_outputs]);
                }
            }
        }
        Ok((states, outputs))
    });
    let (mut states, mut outputs) = (Vec::new(), Vec::new());
    for forward in forwards {
        let (between, y) = forward?;
        states.push(between);
        outputs.extend(y);
    }
    if let Some(place) = outputs.iter().position(|y| !y.to_f64().is_finite()) {
        let row = place / n_outputs;
        let place = format!(" at step {} of trial {}", row % batch.n_steps, row / batch.n_steps);
        return Err(Error::Diverged { what: "the network's output", place });
    }
    let mut errors = vec![R::ZERO; outputs.len()];
    let loss = lesson.objective.evaluate(lesson.output_shape(), &outputs, Some(&mut errors), None)?;
    // Backwards: each segment again, then its adjoint.
    let states = states.into_iter().map(std::sync::Mutex::new).collect::<Vec<_>>();
    let size = lesson.workspace.blocks[0].n_samples;
    let cost = ActivityCost::default();
    let gradient = lesson.workspace.gradient(wiring, lesson.threads, |block| {
        block.carry.clear(wiring, block.n_samples);
        let mut states = states[block.first / size].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for steps in segments.iter().rev() {
            let Some(mut state) = states.pop() else { return };
            let inputs = block.inputs(wiring, &batch);
            forward(wiring, inputs, steps.len(), batch.perturbation, None, &mut state, &mut block.tape);
            block.take_errors(wiring, &errors, batch.n_steps, steps.clone());
            block.go_back(wiring, &batch, &cost, 0..steps.len());
        }
        block.add_initial_state(wiring, batch.initial);
    });
    Ok(finish(lesson, loss, gradient))
}
