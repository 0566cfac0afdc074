//! Eligibility: what a parallel-fibre synapse remembers of its input until the climbing fibre tells of an error.
//!
//! ```text
//! E_t = Σ_k κ_k g_{t−k}
//!
//! instantaneous   κ = 1 at k = d                  E_t = g_{t−d}
//! exponential     κ_{d+k} = (1 − a) aᵏ            E_t = a E_{t−1} + (1 − a) g_{t−d}
//! alpha           κ_{d+k} = (1 − a)² k aᵏ⁻¹       E_t = a E_{t−1} + (1 − a) z_{t−1},   z_t = a z_{t−1} + (1 − a) g_{t−d}
//! array           κ_{d+k} = any numbers           a sum over the array at each step
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | g | activity of parallel fibres | steps × features |
//! | E | eligibility | steps × features |
//! | a = exp(−dt/τ) | `decay` | |
//! | d | `lag`, steps | |
//! | κ | [`Eligibility::kernel`] | |
//!
//! Exponential and alpha kernels have the sum 1, so that one learning rate means the same with each of them; the alpha
//! kernel peaks τ after its onset. Recursions cost the same at any time constant, and a delay costs a copy; only
//! an array costs its own length. The trace of a synapse that is matched to the path from the cell to the error makes
//! its rule a gradient (Herreros, Arsiwalla & Verschure, NIPS 2016).

use super::delay_line::DelayLine;
use crate::error::{Error, Result};
use crate::numerics::room::room;
use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;

/// The course of a kernel from its onset on.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// One step.
    Instantaneous,
    /// Falls from the onset on.
    Exponential {
        /// a.
        decay: f64,
    },
    /// Rises, then falls.
    Alpha {
        /// a.
        decay: f64,
    },
    /// As given, onset first.
    Array(Vec<f64>),
}

/// A kernel κ.
#[derive(Debug, Clone, PartialEq)]
pub struct Eligibility {
    lag: usize,
    shape: Shape,
}

impl Eligibility {
    /// A kernel that begins `lag` steps after the activity.
    pub fn new(lag: usize, shape: Shape) -> Result<Self> {
        match &shape {
            Shape::Instantaneous => {}
            Shape::Exponential { decay } | Shape::Alpha { decay } => {
                if !(0.0..1.0).contains(decay) {
                    return Err(Error::value(
                        "eligibility",
                        format!("a decay of {decay} per step"),
                        "0 up to 1",
                    ));
                }
            }
            Shape::Array(kernel) => {
                if kernel.is_empty() || kernel.iter().any(|value| !value.is_finite()) {
                    return Err(Error::value(
                        "eligibility",
                        format!("{kernel:?}"),
                        "finite numbers, at least one",
                    ));
                }
            }
        }
        Ok(Self { lag, shape })
    }

    /// The same, beginning `n_steps` later.
    #[must_use]
    pub fn later(&self, n_steps: usize) -> Self {
        Self { lag: self.lag.saturating_add(n_steps), shape: self.shape.clone() }
    }

    /// The same for trials of `n_steps`: what a kernel would do after their end needs no memory.
    #[must_use]
    pub fn within(&self, n_steps: usize) -> Self {
        let shape = match &self.shape {
            Shape::Array(kernel) => Shape::Array(kernel[..kernel.len().min(n_steps.max(1))].to_vec()),
            other => other.clone(),
        };
        Self { lag: self.lag.min(n_steps), shape }
    }

    /// Whether E is g itself.
    pub fn is_activity(&self) -> bool {
        self.lag == 0 && self.shape == Shape::Instantaneous
    }

    /// κ_0 … κ_{n_steps − 1}.
    pub fn kernel(&self, n_steps: usize) -> Result<Vec<f64>> {
        let at = |k: usize| match &self.shape {
            Shape::Instantaneous => f64::from(u8::from(k == 0)),
            Shape::Exponential { decay } => (1.0 - decay) * decay.powf(k as f64),
            Shape::Alpha { .. } if k == 0 => 0.0,
            Shape::Alpha { decay } => (1.0 - decay).powi(2) * k as f64 * decay.powf(k as f64 - 1.0),
            Shape::Array(kernel) => kernel.get(k).copied().unwrap_or(0.0),
        };
        let mut values = room(&[n_steps], 0.0)?;
        for (k, value) in values.iter_mut().enumerate().skip(self.lag) {
            *value = at(k - self.lag);
        }
        Ok(values)
    }

    /// Steps of activity that are kept besides the present one.
    fn n_kept(&self) -> usize {
        match &self.shape {
            Shape::Array(kernel) => self.lag.saturating_add(kernel.len() - 1),
            _ => self.lag,
        }
    }
}

/// The eligibility of all synapses of one trial.
#[derive(Debug, Clone)]
pub struct Trace<R> {
    eligibility: Eligibility,
    /// g of earlier steps, where they are needed.
    past: DelayLine<R>,
    rise: Vec<R>,
    value: Vec<R>,
}

impl<R: Real> Trace<R> {
    /// At the start of a trial: nothing has been active.
    pub fn new(eligibility: &Eligibility, n_features: usize) -> Result<Self> {
        let zeros = |needed: bool| room(&[if needed { n_features } else { 0 }], R::ZERO);
        let kept = eligibility.n_kept();
        Ok(Self {
            past: DelayLine::new(if kept > 0 { n_features } else { 0 }, kept, R::ZERO)?,
            rise: zeros(matches!(eligibility.shape, Shape::Alpha { .. }))?,
            value: zeros(eligibility.shape != Shape::Instantaneous)?,
            eligibility: eligibility.clone(),
        })
    }

    /// Back to the start of a trial.
    pub fn clear(&mut self) {
        self.past.clear();
        self.rise.fill(R::ZERO);
        self.value.fill(R::ZERO);
    }

    /// Takes the activity of one step, and returns the eligibility of that step.
    pub fn step<'a>(&'a mut self, activity: &'a [R]) -> &'a [R] {
        let Self { eligibility, past, rise, value } = self;
        let arrived = if eligibility.n_kept() > 0 {
            past.departing().copy_from_slice(activity);
            past.back(eligibility.lag)
        } else {
            activity
        };
        match &eligibility.shape {
            Shape::Instantaneous => return arrived,
            Shape::Exponential { decay } => leak(value, *decay, arrived),
            Shape::Alpha { decay } => {
                leak(value, *decay, rise);
                leak(rise, *decay, arrived);
            }
            Shape::Array(kernel) => {
                value.fill(R::ZERO);
                for (k, &weight) in kernel.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
                    let row =
                        if eligibility.n_kept() > 0 { past.back(eligibility.lag + k) } else { activity };
                    accumulate(value, R::ONE, R::from_f64(weight), row);
                }
            }
        }
        value
    }
}

/// value ← a value + (1 − a) drive
fn leak<R: Real>(value: &mut [R], decay: f64, drive: &[R]) {
    accumulate(value, R::from_f64(decay), R::from_f64(1.0 - decay), drive);
}

vectorised! {
    /// sum ← keep · sum + weight · row
    pub fn accumulate<R: Real>(sum: &mut [R], keep: R, weight: R, row: &[R]) {
        for (sum, &value) in sum.iter_mut().zip(row) {
            *sum = multiply_add::<R, FUSED>(weight, value, keep * *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::rng;

    #[test]
    fn traces_are_convolutions_with_their_kernels() {
        let (n_steps, n_features) = (60, 3);
        let mut stream = rng::stream(1, 0);
        let activity: Vec<f64> = (0..n_steps * n_features).map(|_| rng::normal(&mut stream)).collect();
        let shapes = [
            Shape::Instantaneous,
            Shape::Exponential { decay: 0.9 },
            Shape::Exponential { decay: 0.0 },
            Shape::Alpha { decay: 0.0 },
            Shape::Alpha { decay: 0.8 },
            Shape::Array(vec![0.5]),
            Shape::Array(vec![0.1, 0.0, -0.7, 2.0]),
        ];
        for lag in [0, 1, 7] {
            for shape in &shapes {
                let eligibility = Eligibility::new(lag, shape.clone()).unwrap();
                let kernel = eligibility.kernel(n_steps).unwrap();
                let mut trace = Trace::new(&eligibility, n_features).unwrap();
                for _ in 0..2 {
                    for step in 0..n_steps {
                        let found = trace.step(&activity[step * n_features..][..n_features]).to_vec();
                        for (feature, &found) in found.iter().enumerate() {
                            let expected: f64 = (0..=step)
                                .map(|k| kernel[k] * activity[(step - k) * n_features + feature])
                                .sum();
                            assert!((found - expected).abs() < 1e-12, "{shape:?}, lag {lag}, step {step}");
                        }
                    }
                    trace.clear();
                }
            }
        }
    }

    #[test]
    fn smooth_kernels_sum_to_one_and_the_alpha_kernel_peaks_at_its_time_constant() {
        let decay = (-1.0_f64 / 50.0).exp();
        for shape in [Shape::Exponential { decay }, Shape::Alpha { decay }] {
            let kernel = Eligibility::new(5, shape).unwrap().kernel(3000).unwrap();
            assert!((kernel.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        let kernel = Eligibility::new(0, Shape::Alpha { decay }).unwrap().kernel(3000).unwrap();
        let peak = (0..3000).max_by(|&a, &b| kernel[a].total_cmp(&kernel[b])).unwrap();
        assert!((49..=50).contains(&peak), "{peak}");
    }

    #[test]
    fn kernels_that_never_end_are_refused() {
        assert!(Eligibility::new(0, Shape::Exponential { decay: 1.0 }).is_err());
        assert!(Eligibility::new(0, Shape::Alpha { decay: f64::NAN }).is_err());
        assert!(Eligibility::new(0, Shape::Array(Vec::new())).is_err());
        assert!(Eligibility::new(0, Shape::Array(vec![f64::INFINITY])).is_err());
    }
}
