//! A plant under delayed error feedback, copies side by side.
//!
//! ```text
//! error       e_n = a_n − y_n                  a: the reference, and what is injected as an error
//! controller  v_n = 𝒦 (e_{n−D})                D steps of transport delay, 0 before the first
//! plant       y = 𝒫 (v + b; load)              b: what is injected as a command
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | a | `at_error` | (copies) |
//! | b | `at_command` | (copies) |
//! | v | `commands` | (copies) |
//! | y | `outputs` | (copies) |
//! | D | `Feedback::delay` | () |

use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::plant::Plant;
use crate::plant::delay::DelayLine;
use crate::plant::linear::{Linear, StateSpace};

/// What turns errors into commands.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback {
    /// 𝒦.
    pub controller: StateSpace,
    /// D, in steps.
    pub delay: usize,
}

/// Where a signal is injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Into the error, before the delay.
    Error,
    /// Into the command, behind the controller.
    Command,
}

/// Copies of the loop, and where they are.
#[derive(Debug, Clone)]
pub struct ClosedLoop<P> {
    plant: P,
    controller: Linear,
    line: DelayLine,
    errors: Vec<f64>,
    commands: Vec<f64>,
    sums: Vec<f64>,
    outputs: Vec<f64>,
}

impl<P: Plant> ClosedLoop<P> {
    /// As many copies as the plant has, all at rest.
    pub fn new(plant: P, feedback: &Feedback) -> Result<Self> {
        if feedback.delay == 0 && plant.direct() != 0.0 && feedback.controller.direct() != 0.0 {
            let expected =
                "at least one step: plant and controller both answer at once, and would wait for each other";
            return Err(Error::value("delay", 0, expected));
        }
        let n = plant.n_copies();
        let zeros = vec![0.0; n];
        Ok(Self {
            plant,
            controller: Linear::new(feedback.controller.clone(), n),
            line: DelayLine::new(feedback.delay, n)?,
            errors: zeros.clone(),
            commands: zeros.clone(),
            sums: zeros.clone(),
            outputs: zeros,
        })
    }

    /// Puts everything to rest and empties the delay line.
    pub fn rest(&mut self) {
        self.plant.rest();
        self.controller.rest();
        self.line.clear();
    }

    /// v of the last step.
    pub fn commands(&self) -> &[f64] {
        &self.commands
    }

    /// y of the last step.
    pub fn outputs(&self) -> &[f64] {
        &self.outputs
    }

    /// One step of all copies.
    pub fn step(&mut self, at_error: &[f64], at_command: &[f64], load: &[f64]) {
        self.plant.output(&mut self.outputs);
        if let Some(arriving) = self.line.arriving() {
            self.controller.respond(arriving, &mut self.commands);
            self.sum_commands(at_command);
            self.show_at_once(load);
            self.compare(at_error);
            self.line.send(&self.errors);
        } else if self.plant.direct() == 0.0 {
            self.compare(at_error);
            self.controller.respond(&self.errors, &mut self.commands);
            self.sum_commands(at_command);
        } else {
            // The controller answers a step later: its command of now does not wait for the error of now.
            self.controller.output(&mut self.commands);
            self.sum_commands(at_command);
            self.show_at_once(load);
            self.compare(at_error);
            self.controller.respond(&self.errors, &mut self.commands);
        }
        self.plant.advance(&self.sums, load);
    }

    fn compare(&mut self, at_error: &[f64]) {
        for ((error, wanted), seen) in self.errors.iter_mut().zip(at_error).zip(&self.outputs) {
            *error = wanted - seen;
        }
    }

    fn sum_commands(&mut self, at_command: &[f64]) {
        for ((sum, command), added) in self.sums.iter_mut().zip(&self.commands).zip(at_command) {
            *sum = command + added;
        }
    }

    fn show_at_once(&mut self, load: &[f64]) {
        let direct = self.plant.direct();
        if direct != 0.0 {
            for ((out, command), load) in self.outputs.iter_mut().zip(&self.sums).zip(load) {
                *out += direct * (command + load);
            }
        }
    }
}

/// What a loop at rest answers to signals (steps × signals), each injected into a copy of its own: outputs and commands.
/// An error if the monitor stops it.
pub fn responses(
    plant: &StateSpace,
    feedback: &Feedback,
    signals: &[f64],
    n_signals: usize,
    entry: Entry,
    monitor: &mut dyn Monitor,
) -> Result<(Vec<f64>, Vec<f64>)> {
    if n_signals == 0 || !signals.len().is_multiple_of(n_signals) {
        let expected = format!("(n_steps, n_signals) with n_signals = {n_signals}, at least one of them");
        return Err(Error::shape("signals", &[signals.len()], expected));
    }
    let mut closed = ClosedLoop::new(Linear::new(plant.clone(), n_signals), feedback)?;
    let nothing = vec![0.0; n_signals];
    let (mut outputs, mut commands) = (Vec::with_capacity(signals.len()), Vec::with_capacity(signals.len()));
    let total = signals.len() / n_signals;
    for (done, signal) in signals.chunks_exact(n_signals).enumerate() {
        if monitor.report(Progress { done, total, loss: f64::NAN }) == Flow::Stop {
            return Err(Error::Interrupted);
        }
        match entry {
            Entry::Error => closed.step(signal, &nothing, &nothing),
            Entry::Command => closed.step(&nothing, signal, &nothing),
        }
        outputs.extend_from_slice(closed.outputs());
        commands.extend_from_slice(closed.commands());
    }
    Ok((outputs, commands))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;

    fn gain(value: f64) -> StateSpace {
        StateSpace::new("controller", vec![], vec![], vec![], value).unwrap()
    }

    /// y_{n+1} = ½ y_n + u_n.
    fn leak() -> StateSpace {
        StateSpace::new("plant", vec![0.5], vec![1.0], vec![1.0], 0.0).unwrap()
    }

    #[test]
    fn a_step_follows_its_difference_equation() {
        for delay in [0, 1, 3] {
            let feedback = Feedback { controller: gain(0.2), delay };
            let n = 30;
            let injected: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
            for entry in [Entry::Error, Entry::Command] {
                let (outputs, commands) =
                    responses(&leak(), &feedback, &injected, 1, entry, &mut Silent).unwrap();
                let mut y = vec![0.0; n + 1];
                for step in 0..n {
                    let past = step.checked_sub(delay);
                    let wanted = |at: usize| if entry == Entry::Error { injected[at] } else { 0.0 };
                    let command = past.map_or(0.0, |at| 0.2 * (wanted(at) - y[at]));
                    let added = if entry == Entry::Command { injected[step] } else { 0.0 };
                    y[step + 1] = 0.5 * y[step] + command + added;
                    assert!((outputs[step] - y[step]).abs() < 1e-15);
                    assert!((commands[step] - command).abs() < 1e-15);
                }
            }
        }
    }

    #[test]
    fn plants_that_answer_at_once_need_a_delay_or_a_slow_controller() {
        let at_once = StateSpace::new("plant", vec![], vec![], vec![], 2.0).unwrap();
        let without_delay = Feedback { controller: gain(0.2), delay: 0 };
        let error = responses(&at_once, &without_delay, &[1.0], 1, Entry::Error, &mut Silent);
        assert!(error.unwrap_err().to_string().starts_with("delay is 0, expected at least one step"));
        let (outputs, _) = responses(
            &at_once,
            &Feedback { controller: gain(0.2), delay: 1 },
            &[1.0, 0.0, 0.0],
            1,
            Entry::Error,
            &mut Silent,
        )
        .unwrap();
        assert!(outputs.iter().zip([0.0, 0.4, -0.16]).all(|(got, expected)| (got - expected).abs() < 1e-15));
        // The same with the delay as a state of the controller.
        let slow = StateSpace::new("controller", vec![0.0], vec![0.2], vec![1.0], 0.0).unwrap();
        let feedback = Feedback { controller: slow, delay: 0 };
        let (same, _) =
            responses(&at_once, &feedback, &[1.0, 0.0, 0.0], 1, Entry::Error, &mut Silent).unwrap();
        assert_eq!(outputs, same);
    }

    #[test]
    fn answers_that_nobody_waits_for_are_not_finished() {
        struct Third;
        impl Monitor for Third {
            fn report(&mut self, progress: Progress) -> Flow {
                assert!(progress.done <= 2 && progress.total == 9 && progress.loss.is_nan());
                if progress.done == 2 { Flow::Stop } else { Flow::Continue }
            }
        }
        let feedback = Feedback { controller: gain(0.2), delay: 1 };
        let stopped = responses(&leak(), &feedback, &[1.0; 9], 1, Entry::Error, &mut Third);
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }
}
