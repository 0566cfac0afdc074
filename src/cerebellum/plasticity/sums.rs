//! Sums over the steps and trials of a batch.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::Rule;
use crate::cerebellum::eligibility::accumulate;
use crate::linalg::add_product;
use crate::real::Real;

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

    /// Σ (f − ⟨f⟩) (E − ⟨E⟩), or Σ f E, of a zone.
    pub(super) fn change(&mut self, zone: usize) -> &[R] {
        let n_features = self.products.len() / self.fibres.len();
        let place = zone * n_features..(zone + 1) * n_features;
        let products = &mut self.products[place.clone()];
        if !self.eligibility.is_empty() && self.n_observed[zone] > 0 {
            let mean = self.fibres[zone] / self.n_observed[zone] as f64;
            accumulate(products, R::ONE, R::from_f64(-mean), &self.eligibility[place]);
        }
        products
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
