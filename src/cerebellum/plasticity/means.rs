//! Running means of eligibility and climbing fibres, for the covariance rule.

use crate::cerebellum::eligibility::accumulate;
use crate::real::Real;

/// Running means; NaN before anything was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Means<R> {
    /// ⟨E⟩ by features; nothing where the rule needs none.
    pub eligibility: Vec<R>,
    /// ⟨f⟩ by zones.
    pub fibres: Vec<R>,
}

impl<R: Real> Means<R> {
    /// What is observed for the first time is its own mean.
    pub(super) fn begin(&mut self, fibres: &[R], eligibility: &[R]) {
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

    /// ⟨x⟩ ← ⟨x⟩ + α (x − ⟨x⟩), with the mean over trials of what was observed.
    pub(super) fn advance(&mut self, rate: R, fibres: &[R], eligibility: &[R]) {
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
