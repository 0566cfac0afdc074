//! What an experimenter does to a network while it runs: currents, silenced units, cut pathways.

use std::ops::Range;

use crate::error::{Error, Result};

/// A set of connections that can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pathway {
    /// Between units.
    Recurrent,
    /// From inputs.
    Input,
    /// From outputs back to units.
    Feedback,
}

/// Perturbations of a run of `n_steps` steps; steps count from its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Perturbation<R> {
    /// Added to the drive: steps × units, row by row. Empty: nothing.
    pub current: Vec<R>,
    /// Units that send nothing: steps × units, row by row. Empty: none.
    pub silent: Vec<bool>,
    /// Pathways that are cut, and when.
    pub lesions: Vec<(Pathway, Range<usize>)>,
}

impl<R> Perturbation<R> {
    /// Whether its arrays belong to a run of `n_steps` steps of `n_units` units.
    pub fn check(&self, n_steps: usize, n_units: usize) -> Result<()> {
        for (argument, length) in [("inject", self.current.len()), ("silence", self.silent.len())] {
            if length != 0 && length != n_steps * n_units {
                return Err(Error::shape(argument, &[length], format!("({n_steps}, {n_units})")));
            }
        }
        Ok(())
    }

    /// Whether a pathway is cut at a step.
    pub fn cuts(&self, pathway: Pathway, step: usize) -> bool {
        self.lesions.iter().any(|(cut, steps)| *cut == pathway && steps.contains(&step))
    }

    /// Units silent at a step, one flag each; empty if none is.
    pub fn silent_at(&self, step: usize, n_units: usize) -> &[bool] {
        if self.silent.is_empty() { &[] } else { &self.silent[step * n_units..][..n_units] }
    }

    /// Injected currents at a step; empty if there are none.
    pub fn current_at(&self, step: usize, n_units: usize) -> &[R] {
        if self.current.is_empty() { &[] } else { &self.current[step * n_units..][..n_units] }
    }
}
