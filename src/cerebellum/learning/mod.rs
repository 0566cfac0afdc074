//! Learning over whole trials: after every step, or once from all of them.
//!
//! ```text
//! e_t = target_t − c_t, or as given;   f_t = C e_{t−d};   ΔW as in `plasticity`
//!
//! online      trials one after the other, W changes at every step
//! batched     trials side by side with W as it was, one ΔW from the sums over all of them
//! ```
//! A batch is cut into blocks that depend on the number of trials alone, and their sums are added in order, so that no
//! number depends on the number of threads. Within a trial, steps go through products together, a stretch at a time.
//! A weight that is not finite ends the learning with an error: weights are then as they were before that trial or batch.

mod batch;
mod pass;

use pass::Pass;

use super::module::{Module, check_mossy};
use super::plasticity::Means;
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Where errors come from: trials × steps × nuclei; NaN where nothing was observed.
#[derive(Debug, Clone, Copy)]
pub enum Teacher<'a, R> {
    /// What the nuclei should send.
    Targets(&'a [R]),
    /// What is missing in an output, whatever the nuclei send.
    Errors(&'a [R]),
}

/// Trials to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a, R> {
    /// trials × steps × mossy fibres.
    pub mossy: &'a [R],
    /// Trials.
    pub n_trials: usize,
    /// Steps.
    pub n_steps: usize,
    /// Errors.
    pub teacher: Teacher<'a, R>,
}

/// Sum of squared errors, and how many were observed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Squared {
    sum: f64,
    count: usize,
    ran_away: bool,
}

impl Squared {
    pub(super) fn add<R: Real>(&mut self, errors: &[R]) {
        for error in errors.iter().filter(|error| !error.is_nan()) {
            self.sum += error.to_f64() * error.to_f64();
            self.count += 1;
        }
    }

    /// Looks at nuclei: what is no number there is no target that was not observed.
    pub(super) fn watch<R: Real>(&mut self, nuclei: &[R]) {
        self.ran_away |= nuclei.iter().any(|c| !c.to_f64().is_finite());
    }

    /// Whether nuclei were not finite.
    pub(super) fn ran_away(self) -> bool {
        self.ran_away
    }

    /// NaN if nothing was observed.
    pub(super) fn mean(self) -> f64 {
        self.sum / self.count as f64
    }
}

impl<R: Real> Module<R> {
    /// Learns for `n_epochs` passes. Mean squared error of each trial of each pass; fewer of them if the caller stopped it.
    pub fn learn(
        &mut self,
        lesson: &Lesson<'_, R>,
        online: bool,
        n_epochs: usize,
        threads: &Threads,
        monitor: &mut dyn Monitor,
    ) -> Result<Vec<f64>> {
        check_mossy(lesson.mossy, lesson.n_trials, lesson.n_steps, self.n_mossy())?;
        self.check_teacher(lesson)?;
        let mut losses = Vec::with_capacity(n_epochs * lesson.n_trials);
        for _ in 0..n_epochs {
            let before = losses.len();
            let total = n_epochs * lesson.n_trials;
            if online {
                self.learn_online(lesson, &mut losses, total, threads, monitor)?;
            } else {
                self.learn_batch(lesson, &mut losses, total, threads, monitor)?;
            }
            if losses.len() < before + lesson.n_trials {
                break;
            }
        }
        Ok(losses)
    }

    fn check_teacher(&self, lesson: &Lesson<'_, R>) -> Result<()> {
        let n_nuclei = self.circuit.n_nuclei();
        let (name, values) = match lesson.teacher {
            Teacher::Targets(values) => ("targets", values),
            Teacher::Errors(values) => ("errors", values),
        };
        if values.len() != lesson.n_trials * lesson.n_steps * n_nuclei {
            let got = [lesson.n_trials, lesson.n_steps, values.len() / (lesson.n_trials * lesson.n_steps)];
            return Err(Error::shape(
                name,
                &got,
                format!("(trials, steps, {n_nuclei}): one column per nucleus"),
            ));
        }
        if values.iter().any(|value| value.to_f64().is_infinite()) {
            return Err(Error::value(
                name,
                "infinite in places",
                "finite numbers, or NaN where nothing was observed",
            ));
        }
        Ok(())
    }

    fn learn_online(
        &mut self,
        lesson: &Lesson<'_, R>,
        losses: &mut Vec<f64>,
        total: usize,
        threads: &Threads,
        monitor: &mut dyn Monitor,
    ) -> Result<()> {
        let mut pass = Pass::new(self, lesson.n_steps)?;
        let mut kept = (Vec::new(), self.means.clone());
        for trial in 0..lesson.n_trials {
            kept.0.clear();
            kept.0.extend_from_slice(self.circuit.weights());
            kept.1.clone_from(&self.means);
            pass.clear();
            let mut squared = Squared::default();
            for first in (0..lesson.n_steps).step_by(pass.stretch) {
                let loss = losses.last().copied().unwrap_or(f64::NAN);
                if monitor.report(Progress { done: losses.len(), total, loss }) == Flow::Stop {
                    return Ok(());
                }
                let n_steps = pass.features(self, lesson, trial, first, threads)?;
                for step in 0..n_steps {
                    self.learn_step(
                        lesson,
                        trial * lesson.n_steps + first + step,
                        step,
                        &mut pass,
                        &mut squared,
                    );
                }
            }
            self.plasticity.end_trial(&mut self.circuit);
            let epoch = losses.len() / lesson.n_trials;
            self.keep_or_restore(&kept, squared.ran_away(), || format!(" in trial {trial} of pass {epoch}"))?;
            losses.push(squared.mean());
        }
        Ok(())
    }

    /// One step of a trial: `row` is its place among all rows of the lesson.
    fn learn_step(
        &mut self,
        lesson: &Lesson<'_, R>,
        row: usize,
        step: usize,
        pass: &mut Pass<R>,
        squared: &mut Squared,
    ) {
        let n_features = self.circuit.n_features();
        let activity = &pass.features[step * n_features..][..n_features];
        let eligibility = pass.trace.step(activity);
        self.circuit.purkinje(activity, &mut pass.purkinje);
        self.circuit.nuclei(&pass.purkinje, &mut pass.nuclei);
        lesson.errors(row, &pass.nuclei, &mut pass.errors);
        squared.watch(&pass.nuclei);
        squared.add(&pass.errors);
        self.circuit.climbing_fibres(&pass.errors, pass.fibres.departing());
        let arrived = pass.fibres.arriving();
        self.plasticity.teach(&mut self.circuit, &mut self.means, arrived, eligibility, &mut pass.change);
    }

    /// Weights that are not finite, or whose nuclei were not, are not kept.
    pub(super) fn keep_or_restore(
        &mut self,
        kept: &(Vec<R>, Means<R>),
        ran_away: bool,
        place: impl FnOnce() -> String,
    ) -> Result<()> {
        if !ran_away && self.circuit.weights().iter().all(|weight| weight.to_f64().is_finite()) {
            return Ok(());
        }
        self.restore(kept);
        let place = format!("{}: the learning rate is too large", place());
        let what = if ran_away { "the activity of a nucleus" } else { "a weight of parallel fibres" };
        Err(Error::Diverged { what, place })
    }

    /// Takes weights and means back.
    pub(super) fn restore(&mut self, kept: &(Vec<R>, Means<R>)) {
        self.circuit.weights_mut().copy_from_slice(&kept.0);
        self.means.clone_from(&kept.1);
    }
}

impl<R: Real> Lesson<'_, R> {
    /// Errors of one row of nuclei.
    fn errors(&self, row: usize, nuclei: &[R], out: &mut [R]) {
        let place = row * nuclei.len()..(row + 1) * nuclei.len();
        match self.teacher {
            Teacher::Errors(errors) => out.copy_from_slice(&errors[place]),
            Teacher::Targets(targets) => {
                for ((error, &target), &nucleus) in out.iter_mut().zip(&targets[place]).zip(nuclei) {
                    *error = target - nucleus;
                }
            }
        }
    }
}
