//! Plasticity of parallel-fibre synapses under the climbing fibres' lessons.
//!
//! ```text
//! LMS           ΔW_q = s η f_z E − λ W_q                        z = z(q)
//! covariance    ΔW_q = s η (f_z − ⟨f_z⟩) (E − ⟨E⟩) − λ W_q
//! W ← min(high, max(low, W + ΔW))
//!
//! online        at every step; ⟨x⟩ ← ⟨x⟩ + α (x − ⟨x⟩) afterwards, and the first x observed is the first mean
//! batched       the sum of ΔW over all steps and trials with W as it was; ⟨x⟩ is the mean over the batch
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | W_q | weights of Purkinje cell q | features |
//! | E | eligibility | features |
//! | f | climbing fibres; NaN: nothing was observed, which teaches nothing and enters no mean | zones |
//! | s | −1 where Purkinje cells inhibit the nuclei: an error is a call for more output | |
//! | η, λ, α | `learning_rate`, `forgetting`, `rate` = 1 − exp(−dt/τ) | |
//!
//! LMS: Widrow & Hoff 1960; as the rule of the cerebellum: Fujita, Biol Cybern 45:195, 1982. Covariance: Sejnowski,
//! J Math Biol 4:303, 1977; a constant offset of the error, which the mean takes up, does not teach. Forgetting may count
//! trials instead of steps. Microzones share a climbing fibre, so outer products are summed once per zone.

mod means;
mod sums;

pub use means::Means;
pub use sums::Sums;

use super::circuit::Circuit;
use super::eligibility::accumulate;
use crate::error::{Error, Result};
use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;

/// What an error is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// The eligibility.
    Lms,
    /// Deviations of both from their means.
    Covariance {
        /// α.
        rate: f64,
    },
}

/// What forgetting counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// λ of the weights at each step.
    Step,
    /// λ of the weights at the end of each trial.
    Trial,
}

/// How weights follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Plasticity {
    /// Rule.
    pub rule: Rule,
    /// η.
    pub learning_rate: f64,
    /// Lowest weight.
    pub low: f64,
    /// Highest weight.
    pub high: f64,
    /// λ.
    pub forgetting: f64,
    /// Its unit.
    pub per: Per,
}

impl Plasticity {
    /// Whether its numbers can be used.
    pub fn check(&self) -> Result<()> {
        if !(self.learning_rate.is_finite() && self.learning_rate >= 0.0) {
            return Err(Error::value("learning_rate", self.learning_rate, "a finite number, not below 0"));
        }
        if !(0.0..=1.0).contains(&self.forgetting) {
            return Err(Error::value("forgetting", self.forgetting, "0 to 1"));
        }
        // NaN is no bound either.
        if self.low.is_nan() || self.high.is_nan() || self.low > self.high {
            return Err(Error::value(
                "bounds",
                format!("({}, {})", self.low, self.high),
                "low not above high",
            ));
        }
        match self.rule {
            Rule::Covariance { rate } if !(rate > 0.0 && rate <= 1.0) => {
                Err(Error::value("tau", format!("a rate of {rate} per step"), "above 0, up to 1"))
            }
            _ => Ok(()),
        }
    }

    /// An error about weights outside the bounds.
    pub fn check_weights<R: Real>(&self, weights: &[R]) -> Result<()> {
        let (low, high) = (R::from_f64(self.low), R::from_f64(self.high));
        match weights.iter().find(|&&w| w < low || w > high) {
            None => Ok(()),
            Some(w) => {
                let expected = format!("weights within the bounds ({low}, {high})");
                Err(Error::value("W_pf", format!("{w} in places"), expected))
            }
        }
    }

    /// Means before anything was observed.
    pub fn means<R: Real>(&self, n_features: usize, n_zones: usize) -> Means<R> {
        let needed = usize::from(self.rule != Rule::Lms);
        Means { eligibility: vec![R::NAN; needed * n_features], fibres: vec![R::NAN; needed * n_zones] }
    }

    /// One step of online learning. Rows are trials side by side, whose changes are summed; `change` holds one row.
    pub fn teach<R: Real>(
        &self,
        circuit: &mut Circuit<R>,
        means: &mut Means<R>,
        fibres: &[R],
        eligibility: &[R],
        change: &mut [R],
    ) {
        let (n_features, n_zones) = (circuit.n_features(), circuit.n_zones());
        let keep = if self.per == Per::Step { 1.0 - self.forgetting } else { 1.0 };
        if self.rule != Rule::Lms {
            means.begin(fibres, eligibility);
        }
        for zone in 0..n_zones {
            let mean = means.fibres.get(zone).copied().unwrap_or(R::ZERO);
            if eligibility.len() == n_features && self.rule == Rule::Lms {
                // One trial: its eligibility is the change.
                let signal = if fibres[zone].is_nan() { R::ZERO } else { fibres[zone] };
                if signal != R::ZERO || keep < 1.0 {
                    self.follow(circuit, zone, keep, signal, eligibility);
                }
                continue;
            }
            let (mut total, mut taught) = (R::ZERO, false);
            change.fill(R::ZERO);
            for (&fibre, row) in
                fibres[zone..].iter().step_by(n_zones).zip(eligibility.chunks_exact(n_features))
            {
                let signal = fibre - mean;
                // Comparison is false for NaN.
                if signal.abs() > R::ZERO {
                    accumulate(change, R::ONE, signal, row);
                    total += signal;
                    taught = true;
                }
            }
            if taught && !means.eligibility.is_empty() {
                accumulate(change, R::ONE, -total, &means.eligibility);
            }
            if taught || keep < 1.0 {
                self.follow(circuit, zone, keep, R::ONE, change);
            }
        }
        if let Rule::Covariance { rate } = self.rule {
            means.advance(R::from_f64(rate), fibres, eligibility);
        }
    }

    /// W_q ← clip(keep W_q + s η signal · change) for all Purkinje cells of a zone.
    fn follow<R: Real>(&self, circuit: &mut Circuit<R>, zone: usize, keep: f64, signal: R, change: &[R]) {
        let rate = signal * R::from_f64(circuit.sign() * self.learning_rate);
        let (keep, low, high) = (R::from_f64(keep), R::from_f64(self.low), R::from_f64(self.high));
        circuit.weights_of_zone(zone, |weights| bounded(weights, keep, rate, change, low, high));
    }

    /// Forgetting at the end of a trial.
    pub fn end_trial<R: Real>(&self, circuit: &mut Circuit<R>) {
        if self.per == Per::Trial && self.forgetting > 0.0 {
            let (keep, low, high) =
                (R::from_f64(1.0 - self.forgetting), R::from_f64(self.low), R::from_f64(self.high));
            shrunk(circuit.weights_mut(), keep, low, high);
        }
    }

    /// One update from the sums over a batch.
    pub fn follow_batch<R: Real>(
        &self,
        circuit: &mut Circuit<R>,
        sums: &mut Sums<R>,
        n_trials: usize,
        n_steps: usize,
    ) -> Result<()> {
        let count = if self.per == Per::Step { n_trials * n_steps } else { n_trials };
        let lost = self.forgetting * count as f64;
        if lost > 1.0 {
            let expected = format!(
                "at most 1 over a batch, that is {} with {count} of its steps or trials",
                1.0 / count as f64
            );
            return Err(Error::value("forgetting", self.forgetting, expected));
        }
        for zone in 0..circuit.n_zones() {
            self.follow(circuit, zone, 1.0 - lost, R::ONE, sums.change(zone));
        }
        Ok(())
    }
}

vectorised! {
    fn bounded<R: Real>(weights: &mut [R], keep: R, rate: R, change: &[R], low: R, high: R) {
        for (weight, &change) in weights.iter_mut().zip(change) {
            let free = multiply_add::<R, FUSED>(rate, change, keep * *weight);
            let above = if free < low { low } else { free };
            *weight = if above > high { high } else { above };
        }
    }
}

vectorised! {
    fn shrunk<R: Real>(weights: &mut [R], keep: R, low: R, high: R) {
        for weight in weights.iter_mut() {
            let free = keep * *weight;
            let above = if free < low { low } else { free };
            *weight = if above > high { high } else { above };
        }
    }
}
