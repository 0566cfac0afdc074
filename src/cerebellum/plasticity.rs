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
//! LMS: Widrow & Hoff 1960; as the rule of the cerebellum: Fujita, Biol Cybern 45:195, 1982. Covariance: Sejnowski, J Math Biol 4:303, 1977;
//! a constant offset of the error, which the mean takes up, does not teach. Forgetting may count trials instead of steps. Microzones
//! share a climbing fibre, so the outer products are summed once per zone.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::circuit::Circuit;
use super::eligibility::accumulate;
use crate::error::{Error, Result};
use crate::linalg::add_product;
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

/// Running means; NaN before anything was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Means<R> {
    /// ⟨E⟩ by features; nothing where the rule needs none.
    pub eligibility: Vec<R>,
    /// ⟨f⟩ by zones.
    pub fibres: Vec<R>,
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
        let n_features = circuit.n_features();
        for zone in 0..circuit.n_zones() {
            let change = &mut sums.products[zone * n_features..][..n_features];
            if !sums.eligibility.is_empty() && sums.n_observed[zone] > 0 {
                let mean = sums.fibres[zone] / sums.n_observed[zone] as f64;
                let row = &sums.eligibility[zone * n_features..][..n_features];
                accumulate(change, R::ONE, R::from_f64(-mean), row);
            }
            self.follow(circuit, zone, 1.0 - lost, R::ONE, change);
        }
        Ok(())
    }
}

impl<R: Real> Means<R> {
    /// What is observed for the first time is its own mean.
    fn begin(&mut self, fibres: &[R], eligibility: &[R]) {
        if self.eligibility.first().is_some_and(|mean| mean.is_nan()) {
            self.eligibility.fill(R::ZERO);
            self.add_eligibility(R::ONE, eligibility);
        }
        let n_zones = self.fibres.len();
        for (zone, mean) in self.fibres.iter_mut().enumerate() {
            if mean.is_nan() {
                *mean = observed_mean(fibres, zone, n_zones);
            }
        }
    }

    fn advance(&mut self, rate: R, fibres: &[R], eligibility: &[R]) {
        let n_zones = self.fibres.len();
        for (zone, mean) in self.fibres.iter_mut().enumerate() {
            let now = observed_mean(fibres, zone, n_zones);
            if !now.is_nan() {
                *mean += rate * (now - *mean);
            }
        }
        self.add_eligibility(rate, eligibility);
    }

    fn add_eligibility(&mut self, rate: R, eligibility: &[R]) {
        let n_features = self.eligibility.len();
        let share = rate / R::from_f64((eligibility.len() / n_features) as f64);
        for (index, row) in eligibility.chunks_exact(n_features).enumerate() {
            accumulate(&mut self.eligibility, if index == 0 { R::ONE - rate } else { R::ONE }, share, row);
        }
    }
}

/// Mean over trials of one zone's climbing fibre; NaN if there is none.
fn observed_mean<R: Real>(fibres: &[R], zone: usize, n_zones: usize) -> R {
    let (mut sum, mut count) = (R::ZERO, 0);
    for &fibre in fibres[zone..].iter().step_by(n_zones).filter(|fibre| !fibre.is_nan()) {
        sum += fibre;
        count += 1;
    }
    if count == 0 { R::NAN } else { sum / R::from_f64(f64::from(count)) }
}

/// Σ f E and what the covariance needs besides, over steps and trials.
#[derive(Debug, Clone, Default)]
pub struct Sums<R> {
    /// Σ f E: zones × features.
    products: Vec<R>,
    /// Σ E over what was observed: zones × features; nothing for LMS.
    eligibility: Vec<R>,
    /// Σ f by zones.
    fibres: Vec<f64>,
    n_observed: Vec<usize>,
    signals: Vec<R>,
}

impl<R: Real> Sums<R> {
    /// Nothing summed yet.
    pub fn new(rule: Rule, n_features: usize, n_zones: usize) -> Self {
        let needed = usize::from(rule != Rule::Lms);
        Self {
            products: vec![R::ZERO; n_zones * n_features],
            eligibility: vec![R::ZERO; needed * n_zones * n_features],
            fibres: vec![0.0; n_zones],
            n_observed: vec![0; n_zones],
            signals: Vec::new(),
        }
    }

    /// Adds rows of climbing fibres and of eligibility.
    pub fn add(&mut self, fibres: &[R], eligibility: &[R]) {
        let n_zones = self.fibres.len();
        for (place, &fibre) in fibres.iter().enumerate().filter(|(_, fibre)| !fibre.is_nan()) {
            self.fibres[place % n_zones] += fibre.to_f64();
            self.n_observed[place % n_zones] += 1;
        }
        self.signals.clear();
        self.signals.extend(fibres.iter().map(|&f| if f.is_nan() { R::ZERO } else { f }));
        add_outer(&mut self.products, &self.signals, eligibility, n_zones);
        if !self.eligibility.is_empty() {
            self.signals.clear();
            self.signals.extend(fibres.iter().map(|f| if f.is_nan() { R::ZERO } else { R::ONE }));
            add_outer(&mut self.eligibility, &self.signals, eligibility, n_zones);
        }
    }

    /// Adds the sums over other trials.
    pub fn merge(&mut self, other: &Self) {
        accumulate(&mut self.products, R::ONE, R::ONE, &other.products);
        accumulate(&mut self.eligibility, R::ONE, R::ONE, &other.eligibility);
        for zone in 0..self.fibres.len() {
            self.fibres[zone] += other.fibres[zone];
            self.n_observed[zone] += other.n_observed[zone];
        }
    }
}

/// out[z, :] += Σ_rows left[row, z] right[row, :]
fn add_outer<R: Real>(out: &mut [R], left: &[R], right: &[R], n_zones: usize) {
    let (n_rows, n_features) = (left.len() / n_zones, out.len() / n_zones);
    let views = (
        ArrayViewMut2::from_shape((n_zones, n_features), out),
        ArrayView2::from_shape((n_rows, n_zones), left),
        ArrayView2::from_shape((n_rows, n_features), right),
    );
    if let (Ok(out), Ok(left), Ok(right)) = views {
        add_product(out, false, left.t(), right);
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
