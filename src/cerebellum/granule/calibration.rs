//! Thresholds by coding level: the share of pairs of cells and samples that are active.
//!
//! ```text
//! one threshold each:     θ_i = quantile over s of v_is        one for all:  θ = quantile over s and i of v_is
//! v_is = u_is b_s − c_s   with the inhibition b, c of sample s (see `golgi`)
//! feedback:  b, c depend on θ;   θ ← T(θ), with a longer step along the mean:  θ ← T(θ) + σ/(1 − σ) (T̄ − θ̄)
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | θ | `thresholds` | (n_granule) |
//! | T(θ) | `wanted` | (n_granule) |
//! | σ | `slope` of T̄ along θ̄, from the last two steps | |
//! | v | `values` of one cell | (samples) |
//!
//! A threshold stands halfway between two values that occur, so that rounding changes nothing. Where many values are the same (binary
//! inputs and equal weights) not every level can be had: the nearest is taken, and one at which something is active.

use std::cmp::Ordering;

use super::GranuleLayer;
use super::golgi::{Brake, Pathway};
use crate::error::{Error, Result};
use crate::monitor::Stop;
use crate::numerics::parallel::Threads;
use crate::numerics::room::room;
use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;

/// Cells of one piece of work.
const PIECE: usize = 64;
/// Steps towards the balance of thresholds and feedback; few are needed unless inhibition is very strong.
const MAX_STEPS: usize = 60;
/// The steepest slope of T that is believed: strong inhibition makes it close to one.
const STEEPEST: f64 = 0.9999;
/// The search ends when so small a share of active pairs of cells and samples is wrong.
const NEAR: f64 = 1e-3;
/// And the balance counts as found if the level is wrong by less than this share, or by one cell in each sample.
const NEAR_ENOUGH: f64 = 0.05;

/// Whose thresholds are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Nobody's: each cell is active in the same share of samples.
    Cell,
    /// Everybody's.
    Layer,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration<R> {
    /// One for each cell.
    pub thresholds: Vec<R>,
    /// Whether thresholds and feedback came into balance.
    pub balanced: bool,
}

pub fn calibrate<R: Real>(
    layer: &GranuleLayer<R>,
    mossy: &[R],
    coding_level: f64,
    scope: Scope,
    threads: &Threads,
    stop: &Stop,
) -> Result<Calibration<R>> {
    let (n_mossy, n_granule) = (layer.n_mossy(), layer.n_granule());
    let n_samples = layer.check_samples(mossy)?;
    if !(coding_level > 0.0 && coding_level < 1.0) {
        return Err(Error::value("coding_level", coding_level, "a number between 0 and 1"));
    }
    if let Some(odd) = mossy.iter().find(|x| !x.to_f64().is_finite()) {
        return Err(Error::value("mossy", odd, "finite numbers"));
    }
    let n_values = if scope == Scope::Cell { n_samples } else { n_samples.saturating_mul(n_granule) };
    let n_active = (coding_level * n_values as f64).round() as usize;
    if n_active == 0 || n_active >= n_values {
        let needed = (0.5 / coding_level.min(1.0 - coding_level)).ceil();
        let what = if scope == Scope::Cell { "samples" } else { "pairs of cells and samples" };
        return Err(Error::value("mossy", format!("{n_values} {what}"), format!("{needed} or more of them")));
    }
    let mut columns = room(&[n_mossy, n_samples], R::ZERO)?;
    threads.for_chunks(&mut columns, n_samples, |fibre, column| {
        for (value, sample) in column.iter_mut().zip(mossy.chunks_exact(n_mossy)) {
            *value = sample[fibre];
        }
    });
    let search = Search { layer, columns: &columns, n_samples, n_active, scope, stop };
    let golgi = layer.parts.golgi;
    let mut brakes = vec![Brake::none(); n_samples];
    let feedback = golgi.filter(|golgi| golgi.pathway == Pathway::Feedback);
    if let (None, Some(golgi)) = (feedback, golgi) {
        brakes = layer.inhibition(mossy, threads, stop)?.into_iter().map(|m| golgi.brake(m)).collect();
    }
    let mut thresholds = search.wanted(&brakes, &[], threads)?.thresholds;
    let Some(golgi) = feedback else { return Ok(Calibration { thresholds, balanced: true }) };

    let mut best: Option<(usize, Calibration<R>)> = None;
    let mut last_means: Option<(f64, f64)> = None;
    for _ in 0..MAX_STEPS {
        let now = layer.with_thresholds(thresholds)?;
        brakes = now.inhibition(mossy, threads, stop)?.into_iter().map(|m| golgi.brake(m)).collect();
        thresholds = now.parts.thresholds;
        let wanted = search.wanted(&brakes, &thresholds, threads)?;
        let Counts { wrong, now, intended } = wanted.counts;
        if best.as_ref().is_none_or(|(least, _)| wrong < *least) {
            let slack = (NEAR_ENOUGH * intended as f64) as usize + n_samples;
            let balanced = now.abs_diff(intended) <= slack;
            best = Some((wrong, Calibration { thresholds: thresholds.clone(), balanced }));
        }
        if wrong as f64 <= NEAR * intended as f64 {
            break;
        }
        let (mean_wanted, mean_now) = (mean(&wanted.thresholds), mean(&thresholds));
        let slope = last_means.map_or(0.0, |(w, t)| (mean_wanted - w) / (mean_now - t));
        // Inhibition falls as thresholds rise: T rises, but never as fast as θ.
        let slope = if slope.is_finite() { slope.clamp(0.0, STEEPEST) } else { 0.0 };
        last_means = Some((mean_wanted, mean_now));
        let further = R::from_f64(slope / (1.0 - slope) * (mean_wanted - mean_now));
        for (threshold, &wanted) in thresholds.iter_mut().zip(&wanted.thresholds) {
            *threshold = wanted + further;
        }
    }
    Ok(best.map_or(Calibration { thresholds, balanced: false }, |(_, found)| found))
}

fn mean<R: Real>(values: &[R]) -> f64 {
    values.iter().map(|value| value.to_f64()).sum::<f64>() / values.len() as f64
}

/// Thresholds for given inhibition, and how those of the moment do beside them.
struct Wanted<R> {
    thresholds: Vec<R>,
    counts: Counts,
}

/// Active pairs of cells and samples.
#[derive(Default)]
struct Counts {
    /// By how many the counts differ: of each cell where thresholds are its own, of all where they are common.
    wrong: usize,
    /// With the thresholds of the moment.
    now: usize,
    /// With the wanted ones.
    intended: usize,
}

struct Search<'a, R> {
    layer: &'a GranuleLayer<R>,
    /// Mossy activity (n_mossy, samples).
    columns: &'a [R],
    n_samples: usize,
    n_active: usize,
    scope: Scope,
    stop: &'a Stop,
}

impl<R: Real> Search<'_, R> {
    /// T; `now` is empty where there are no thresholds yet.
    fn wanted(&self, brakes: &[Brake<R>], now: &[R], threads: &Threads) -> Result<Wanted<R>> {
        let n_granule = self.layer.n_granule();
        let mut thresholds = vec![R::ZERO; n_granule];
        let mut counts = Counts::default();
        match self.scope {
            Scope::Cell => {
                let found = threads.map_chunks(&mut thresholds, PIECE, |piece, part| {
                    let mut values = vec![R::ZERO; self.n_samples];
                    let mut counts = Counts::default();
                    for (place, threshold) in part.iter_mut().enumerate() {
                        if self.stop.is_asked() {
                            break;
                        }
                        let cell = piece * PIECE + place;
                        self.values(cell, brakes, &mut values);
                        *threshold = split(&mut values, self.n_active);
                        let intended = above(&values, *threshold);
                        let now = now.get(cell).map_or(0, |&level| above(&values, level));
                        counts.wrong += now.abs_diff(intended);
                        counts.now += now;
                        counts.intended += intended;
                    }
                    counts
                });
                for part in found {
                    counts.wrong += part.wrong;
                    counts.now += part.now;
                    counts.intended += part.intended;
                }
            }
            Scope::Layer => {
                let mut values = room(&[n_granule, self.n_samples], R::ZERO)?;
                threads.for_chunks(&mut values, self.n_samples, |cell, part| {
                    if !self.stop.is_asked() {
                        self.values(cell, brakes, part);
                    }
                });
                if self.stop.is_asked() {
                    return Err(Error::Interrupted);
                }
                let threshold = split(&mut values, self.n_active);
                counts.intended = above(&values, threshold);
                counts.now = now.first().map_or(0, |&level| above(&values, level));
                counts.wrong = counts.now.abs_diff(counts.intended);
                thresholds.fill(threshold);
            }
        }
        if self.stop.is_asked() { Err(Error::Interrupted) } else { Ok(Wanted { thresholds, counts }) }
    }

    /// v of one cell.
    fn values(&self, cell: usize, brakes: &[Brake<R>], values: &mut [R]) {
        let parts = &self.layer.parts;
        let range = cell * self.layer.n_inputs..(cell + 1) * self.layer.n_inputs;
        values.fill(R::ZERO);
        for (&source, &weight) in parts.sources[range.clone()].iter().zip(&parts.weights[range]) {
            add_scaled(weight, &self.columns[source as usize * self.n_samples..][..self.n_samples], values);
        }
        for (value, brake) in values.iter_mut().zip(brakes) {
            *value = *value * brake.scale - brake.shift;
        }
    }
}

/// How many of the values are above a threshold.
fn above<R: Real>(values: &[R], threshold: R) -> usize {
    values.iter().filter(|&&value| value > threshold).count()
}

vectorised! {
    fn add_scaled<R: Real>(weight: R, column: &[R], values: &mut [R]) {
        for (value, &x) in values.iter_mut().zip(column) {
            *value = multiply_add::<R, FUSED>(weight, x, *value);
        }
    }
}

/// A threshold that `n_active` of the values exceed, or as close to that as they allow; moves the values about.
pub fn split<R: Real>(values: &mut [R], n_active: usize) -> R {
    let n = values.len();
    let order = |a: &R, b: &R| a.to_f64().total_cmp(&b.to_f64());
    let value = *values.select_nth_unstable_by(n - n_active, order).1;
    let (mut n_above, mut n_from) = (0, 0);
    let (mut below, mut above): (Option<R>, Option<R>) = (None, None);
    for &other in &*values {
        match order(&other, &value) {
            Ordering::Greater => {
                n_above += 1;
                n_from += 1;
                above = Some(above.map_or(other, |a| if other < a { other } else { a }));
            }
            Ordering::Equal => n_from += 1,
            Ordering::Less => below = Some(below.map_or(other, |b| if other > b { other } else { b })),
        }
    }
    match (below, above) {
        // All of the same: nobody stands out.
        (None, None) => value,
        (None, Some(above)) => halfway(value, above),
        // With those that are equal, more would be too many than are missing without them.
        (Some(_), Some(above)) if n_from - n_active > n_active - n_above => halfway(value, above),
        (Some(below), _) => halfway(below, value),
    }
}

/// A number not below `low` and below `high`.
fn halfway<R: Real>(low: R, high: R) -> R {
    let middle = R::from_f64(0.5 * low.to_f64() + 0.5 * high.to_f64());
    if middle < high { middle } else { low }
}
