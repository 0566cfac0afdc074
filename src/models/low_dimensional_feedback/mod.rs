//! Low-dimensional feedback into a random network: what a cerebellum that feeds two numbers back does to cortical activity.
//!
//! ```text
//! dynamics   τ dx/dt = −x + J r + α V e_k + β U d,   r = tanh x,   Euler steps of dt
//! first run  d = t_k = (cos, sin)(2πk/8), the teacher;   W = argmin Σ ‖t_k − Wᵀ r‖²  over the late steps of each target
//! second run d = z = Wᵀ r, the loop is closed
//! sample     r at the last step but one of each target
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | x, r | `potential`, `rates` | (ratios, units) |
//! | J | `recurrent`, entries of variance g²/N | (units, units) |
//! | V | `targets_in`, entries of variance 1 | (8, units) here, (units, 8) outside |
//! | U | `feedback_in`, entries of SD `feedback_sd` | (2, units) here, (units, 2) outside |
//! | W | `readout` | (2, units) here, (units, 2) outside |
//! | z | `output` | (2) |
//! | α, β/α | `target_gain`, `ratios` | |
//! | e_k, t_k | `target`, [`direction`] | |
//!
//! Israely, Ninou, …, Kadmon & Prut (2025) Nat Commun, s41467-025-57832-4. A small β/α stands for a cerebellum that is blocked. Each target is held for
//! `n_steps`; targets come in random orders of all eight, `n_repeats` of them, and the state is carried over from one
//! to the next.
//!
//! All ratios that share one J advance together, so that J, which does not fit into the caches nearest to a core, is read
//! once for eight of them. Every row is summed in the same order whatever stands beside it: a ratio gives the same
//! numbers alone and among others. Departures: none in the equations (the published runs have no noise either). The Gram
//! matrix of the least squares is summed from blocks of one target each, in double precision; a share of 2⁻⁵² of its
//! mean diagonal is added to it.

mod dynamics;
mod experiment;
mod network;
mod readout;

pub use experiment::{Course, simulate};
pub use network::{Parts, direction};

use crate::error::{Error, Result};

/// Targets on the circle.
pub const N_TARGETS: usize = 8;

/// Numbers fed back: the two coordinates of a target.
pub const N_FEEDBACK: usize = 2;

/// Ratios that advance as one batch: as many rows as a register tile holds.
pub const BATCH: usize = 8;

/// Repeats beyond this are refused: a typing error, not an experiment.
const MAX_REPEATS: usize = 1_000_000;

/// What is held fixed over networks and ratios.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// N.
    pub n_units: usize,
    /// g, the gain of the recurrent weights.
    pub gain: f64,
    /// α.
    pub target_gain: f64,
    /// SD of the entries of U.
    pub feedback_sd: f64,
    /// dt/τ.
    pub rate: f64,
    /// Steps for which a target is held.
    pub n_steps: usize,
    /// First steps of each target that the readout is not fitted to.
    pub n_discarded: usize,
    /// Random orders of all targets, in each of the two runs.
    pub n_repeats: usize,
}

impl Setting {
    /// Refuses what has no meaning.
    pub fn check(&self) -> Result<()> {
        let positive = |argument, value: f64| {
            if value.is_finite() && value > 0.0 {
                return Ok(());
            }
            Err(Error::value(argument, value, "a positive number"))
        };
        let finite = |argument, value: f64| {
            if value.is_finite() { Ok(()) } else { Err(Error::value(argument, value, "a finite number")) }
        };
        if self.n_units == 0 {
            return Err(Error::value("n_units", 0, "at least 1"));
        }
        finite("gain", self.gain)?;
        finite("target_gain", self.target_gain)?;
        finite("feedback_sd", self.feedback_sd)?;
        positive("dt / tau", self.rate)?;
        if self.rate > 1.0 {
            return Err(Error::value("dt / tau", self.rate, "at most 1"));
        }
        if self.n_steps < 2 {
            return Err(Error::value("n_steps", self.n_steps, "at least 2"));
        }
        if self.n_discarded >= self.n_steps {
            let expected = format!("less than n_steps = {}", self.n_steps);
            return Err(Error::value("n_discarded", self.n_discarded, expected));
        }
        if !(1..=MAX_REPEATS).contains(&self.n_repeats) {
            let expected = format!("1 to {MAX_REPEATS}");
            return Err(Error::value("n_repeats", self.n_repeats, expected));
        }
        Ok(())
    }
}
