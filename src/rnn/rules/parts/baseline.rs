//! Running means of rewards, to be compared with: one, or one per context.
//!
//! ```text
//! a_b = R_b − R̄_c            c: context of trial b
//! R̄_c ← d R̄_c + (1 − d) ⟨R_b⟩_{b in c}        after the lesson
//! ```
//! The mean that a trial is compared with never contains the trial itself, which would bias what is learned from it: it is
//! that of lessons before, or, in a context's first lesson, that of the context's other trials (a single trial teaches nothing
//! then). Kept in the network's precision, so that a state that is written and read goes on to the bit.

use crate::error::{Error, Result};
use crate::network::parameters::Parameters;
use crate::real::Real;

/// More contexts than this are a typing error.
const MOST_CONTEXTS: usize = 1 << 20;

/// Running means of rewards.
#[derive(Debug, Clone)]
pub struct Baseline<R> {
    decay: f64,
    /// By context.
    mean: Vec<R>,
    /// One where a context has been met, else zero.
    seen: Vec<R>,
}

impl<R: Real> Baseline<R> {
    /// Nothing seen yet; `decay` is how much of the mean a lesson leaves.
    pub fn new(decay: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&decay) {
            return Err(Error::value("baseline_decay", decay, "at least 0 and below 1"));
        }
        Ok(Self { decay, mean: Vec::new(), seen: Vec::new() })
    }

    /// Whether contexts, if given, are one per trial.
    pub fn check(contexts: Option<&[usize]>, n_trials: usize) -> Result<()> {
        let Some(contexts) = contexts else { return Ok(()) };
        if contexts.len() != n_trials {
            return Err(Error::shape("contexts", &[contexts.len()], format!("one per trial: ({n_trials},)")));
        }
        match contexts.iter().find(|context| **context >= MOST_CONTEXTS) {
            Some(context) => {
                Err(Error::value("contexts", context, format!("numbers from 0 to {}", MOST_CONTEXTS - 1)))
            }
            None => Ok(()),
        }
    }

    /// By how much each trial's reward is above its baseline, which then takes the rewards in.
    pub fn advantages(&mut self, rewards: &[f64], contexts: Option<&[usize]>) -> Result<Vec<f64>> {
        Self::check(contexts, rewards.len())?;
        let context = |trial: usize| contexts.map_or(0, |contexts| contexts[trial]);
        let n_contexts = 1 + (0..rewards.len()).map(context).max().unwrap_or(0);
        if self.mean.len() < n_contexts {
            self.mean.resize(n_contexts, R::ZERO);
            self.seen.resize(n_contexts, R::ZERO);
        }
        let mut totals = vec![(0.0, 0.0); n_contexts];
        for (trial, reward) in rewards.iter().enumerate() {
            let (sum, count) = &mut totals[context(trial)];
            *sum += reward;
            *count += 1.0;
        }
        let advantage = |(trial, &reward): (usize, &f64)| {
            let (sum, count) = totals[context(trial)];
            if self.seen[context(trial)] == R::ONE {
                reward - self.mean[context(trial)].to_f64()
            } else if count > 1.0 {
                reward - (sum - reward) / (count - 1.0)
            } else {
                0.0
            }
        };
        let advantages = rewards.iter().enumerate().map(advantage).collect();
        for (context, &(sum, count)) in totals.iter().enumerate().filter(|(_, (_, count))| *count > 0.0) {
            let past = if self.seen[context] == R::ONE { self.decay } else { 0.0 };
            let mean = past * self.mean[context].to_f64() + (1.0 - past) * sum / count;
            (self.mean[context], self.seen[context]) = (R::from_f64(mean), R::ONE);
        }
        Ok(advantages)
    }

    /// "baseline" and "seen", by context; nothing before the first lesson.
    pub fn state(&self) -> Parameters<R> {
        let mut state = Parameters::new();
        if !self.mean.is_empty() {
            for (name, values) in [("baseline", &self.mean), ("seen", &self.seen)] {
                // Names differ and lengths are those of the shapes.
                let _ = state.push(name, &[values.len()], values.clone());
            }
        }
        state
    }

    /// Takes back what [`Baseline::state`] gave.
    pub fn set_state(&mut self, state: &Parameters<R>) -> Result<()> {
        let (mean, seen) = match (state.values("baseline"), state.values("seen")) {
            (Some(mean), Some(seen)) if state.len() == 2 => (mean, seen),
            (None, None) if state.is_empty() => (&[][..], &[][..]),
            _ => {
                let names: Vec<&str> = state.iter().map(|array| array.name.as_str()).collect();
                return Err(Error::value(
                    "state",
                    format!("with arrays {names:?}"),
                    "\"baseline\" and \"seen\"",
                ));
            }
        };
        let flags = seen.iter().all(|&flag| flag == R::ZERO || flag == R::ONE);
        if mean.len() != seen.len() || !flags || !state.all_finite() {
            let got = format!("{} means and {} flags", mean.len(), seen.len());
            return Err(Error::value(
                "state",
                got,
                "a finite \"baseline\" and a \"seen\" of 0 or 1 for each context",
            ));
        }
        (self.mean, self.seen) = (mean.to_vec(), seen.to_vec());
        Ok(())
    }
}
