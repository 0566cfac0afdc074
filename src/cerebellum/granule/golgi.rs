//! Golgi cells: inhibition of the whole layer by one number for each sample.
//!
//! ```text
//! feed-forward: m = mean ξ
//! feedback:     m = F(m),   F(m) = mean_i φ(u_i b(m) − θ_i − c(m))
//! subtractive:  b = 1, c = κ m        divisive: b = 1 / (1 + κ [m]_+), c = 0
//! ```
//!
//! | symbol | name |
//! | --- | --- |
//! | m | what [`Balance::solve`] returns |
//! | b, c | `Brake::scale`, `Brake::shift` |
//! | κ | `Golgi::gain` |
//! | φ | rectification, or a step |
//!
//! Feedback is a design of this package: inhibition and activity of a sample balance, as they would if Golgi cells were fast beside
//! whatever drives the layer. Subtractive inhibition makes F − m fall with m, so there is one balance; so does divisive inhibition as long
//! as active cells have u > 0, which they do for thresholds not below 0. Rectified: Newton's method within a bracket, from below; F
//! is piecewise smooth and, for subtraction, convex, so that it ends after a few passes. Binary: F has steps, and F(m) = m may have no
//! solution. Then m is the largest number for which F(m) ≥ m still holds, up to rounding: more would silence too many.

use super::Activation;
use crate::error::{Error, Result};
use crate::real::Real;

/// Where inhibition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pathway {
    /// The mean of mossy fibres.
    FeedForward,
    /// The mean of granule cells, in balance.
    Feedback,
}

/// What inhibition does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inhibition {
    /// Raises thresholds.
    Subtractive,
    /// Divides sums.
    Divisive,
}

/// Inhibition of the layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Golgi {
    /// Where it comes from.
    pub pathway: Pathway,
    /// What it does.
    pub inhibition: Inhibition,
    /// κ.
    pub gain: f64,
}

/// What inhibition comes to for one sample: sums are multiplied, then thresholds are raised.
#[derive(Debug, Clone, Copy)]
pub struct Brake<R> {
    pub scale: R,
    pub shift: R,
}

impl<R: Real> Brake<R> {
    pub fn none() -> Self {
        Self { scale: R::ONE, shift: R::ZERO }
    }
}

impl Golgi {
    /// Refuses a gain that is none.
    pub fn check(self) -> Result<()> {
        if self.gain.is_finite() && self.gain >= 0.0 {
            return Ok(());
        }
        Err(Error::value("golgi_gain", self.gain, "a finite number not below 0"))
    }

    /// What inhibition of `m` does.
    pub fn brake<R: Real>(self, m: R) -> Brake<R> {
        let amount = self.gain * m.to_f64();
        match self.inhibition {
            Inhibition::Subtractive => Brake { scale: R::ONE, shift: R::from_f64(amount) },
            Inhibition::Divisive => {
                Brake { scale: R::from_f64(1.0 / (1.0 + amount.max(0.0))), shift: R::ZERO }
            }
        }
    }
}

/// Mean of a row, summed in double precision.
pub fn mean<R: Real>(row: &[R]) -> R {
    R::from_f64(row.iter().map(|x| x.to_f64()).sum::<f64>() / row.len() as f64)
}

/// Numbers that are summed in the layer's precision before they go into a double.
const RUN: usize = 64;
/// Passes over the cells at the most; Newton's method takes about five, bisection as many as a number has binary digits.
const MAX_STEPS: usize = 64;

/// Feedback in a layer.
pub struct Balance<'a, R> {
    golgi: Golgi,
    thresholds: &'a [R],
    activation: Activation,
    /// Mean of [−θ]_+: no activity under infinite division is above it.
    ceiling: f64,
}

/// Sums over cells.
struct Sums {
    /// Of activity.
    activity: f64,
    /// Of active cells.
    n_active: f64,
    /// Of u of active cells.
    drive: f64,
}

impl<'a, R: Real> Balance<'a, R> {
    pub fn new(golgi: Golgi, thresholds: &'a [R], activation: Activation) -> Self {
        let below = thresholds.iter().map(|theta| (-theta.to_f64()).max(0.0));
        let ceiling = match golgi.inhibition {
            Inhibition::Subtractive => 0.0,
            Inhibition::Divisive => below.sum::<f64>() / thresholds.len() as f64,
        };
        Self { golgi, thresholds, activation, ceiling }
    }

    /// The inhibition that the cells with these sums balance.
    pub fn solve(&self, drive: &[R]) -> R {
        match self.activation {
            Activation::Relu => self.solve_rectified(drive),
            Activation::Binary => self.solve_binary(drive),
        }
    }

    fn solve_rectified(&self, drive: &[R]) -> R {
        let n = drive.len() as f64;
        let gain = self.golgi.gain;
        let start = self.sums(drive, R::ZERO).activity / n;
        let (mut low, mut high) = (0.0, start + self.ceiling);
        let mut m = 0.0;
        for _ in 0..MAX_STEPS {
            let sums = self.sums(drive, R::from_f64(m));
            let excess = sums.activity / n - m;
            if excess.abs() <= 2.0 * R::EPSILON * m || excess.is_nan() {
                break;
            }
            if excess > 0.0 {
                low = m;
            } else {
                high = m;
            }
            let slope = match self.golgi.inhibition {
                Inhibition::Subtractive => -gain * sums.n_active / n,
                Inhibition::Divisive => -gain * sums.drive / n / (1.0 + gain * m).powi(2),
            };
            let newton = m - excess / (slope - 1.0);
            let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
            if (next - m).abs() <= R::EPSILON * m {
                break;
            }
            m = next;
        }
        R::from_f64(m)
    }

    fn solve_binary(&self, drive: &[R]) -> R {
        let n = drive.len() as f64;
        // Enough cells are active at `low`, too few at `high`.
        let (mut low, mut high) = (R::ZERO, R::from_f64(1.0 + 1.0 / n));
        for _ in 0..MAX_STEPS {
            let m = R::from_f64(0.5 * (low.to_f64() + high.to_f64()));
            if m <= low || m >= high {
                break;
            }
            if self.sums(drive, m).n_active >= n * m.to_f64() { low = m } else { high = m }
        }
        // One cell stands exactly at its threshold there; a little less, and it is active whichever way sums are rounded.
        low * R::from_f64(1.0 - 8.0 * R::EPSILON)
    }

    fn sums(&self, drive: &[R], m: R) -> Sums {
        let mut sums = [0.0; 3];
        add(drive, self.thresholds, self.golgi.brake(m), &mut sums);
        let [activity, n_active, drive] = sums;
        Sums { activity, n_active, drive }
    }
}

crate::numerics::simd::vectorised! {
    fn add<R: Real>(drive: &[R], thresholds: &[R], brake: Brake<R>, sums: &mut [f64; 3]) {
        const LANES: usize = 16;
        for (drive, thresholds) in drive.chunks(LANES * RUN).zip(thresholds.chunks(LANES * RUN)) {
            let mut totals = [[R::ZERO; LANES]; 3];
            let (whole, rest) = drive.as_chunks::<LANES>();
            let (levels, last) = thresholds.as_chunks::<LANES>();
            for (values, levels) in whole.iter().zip(levels) {
                for lane in 0..LANES {
                    one::<R, FUSED>(values[lane], levels[lane], brake, lane, &mut totals);
                }
            }
            for (lane, (&value, &level)) in rest.iter().zip(last).enumerate() {
                one::<R, FUSED>(value, level, brake, lane, &mut totals);
            }
            for (sum, total) in sums.iter_mut().zip(&totals) {
                *sum += total.iter().map(|x| x.to_f64()).sum::<f64>();
            }
        }
    }
}

#[inline(always)]
fn one<R: Real, const FUSED: bool>(u: R, theta: R, brake: Brake<R>, lane: usize, totals: &mut [[R; 16]; 3]) {
    let above = crate::numerics::simd::multiply_add::<R, FUSED>(u, brake.scale, -(theta + brake.shift));
    let active = above > R::ZERO;
    totals[0][lane] += if active { above } else { R::ZERO };
    totals[1][lane] += if active { R::ONE } else { R::ZERO };
    totals[2][lane] += if active { u } else { R::ZERO };
}
