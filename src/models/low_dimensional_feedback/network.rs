//! What is drawn: one stream of the seed for each part, so that none depends on the size of another.

use super::{N_FEEDBACK, N_TARGETS, Setting};
use crate::error::Result;
use crate::numerics::rng::{Stream, normal, stream, whole};
use crate::numerics::room::room;

/// Standard deviation of the state that a run begins with.
const INITIAL_SD: f64 = 0.5;

/// A network, and what its two runs begin with and are shown. In double precision; runs round it to theirs.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// J, row by row: to, from.
    pub recurrent: Vec<f64>,
    /// Vᵀ, one row for each target.
    pub targets_in: Vec<f64>,
    /// Uᵀ, one row for each number fed back.
    pub feedback_in: Vec<f64>,
    /// x₀ of either run.
    pub initial: [Vec<f64>; 2],
    /// Targets of either run, in the order in which they are shown.
    pub orders: [Vec<usize>; 2],
}

impl Parts {
    /// The network of a seed.
    pub fn draw(setting: &Setting, seed: u64) -> Result<Self> {
        setting.check()?;
        let n = setting.n_units;
        let scaled = |item: u64, shape: &[usize], sd: f64| -> Result<Vec<f64>> {
            let mut rng = stream(seed, item);
            let mut values = room(shape, 0.0)?;
            for value in &mut values {
                *value = sd * normal(&mut rng);
            }
            Ok(values)
        };
        Ok(Self {
            recurrent: scaled(0, &[n, n], setting.gain / (n as f64).sqrt())?,
            targets_in: scaled(1, &[N_TARGETS, n], 1.0)?,
            feedback_in: scaled(2, &[N_FEEDBACK, n], setting.feedback_sd)?,
            initial: [scaled(3, &[n], INITIAL_SD)?, scaled(4, &[n], INITIAL_SD)?],
            orders: [5, 6].map(|item| order(&mut stream(seed, item), setting.n_repeats)),
        })
    }
}

/// Random orders of all targets, one after another.
fn order(rng: &mut Stream, n_repeats: usize) -> Vec<usize> {
    let mut all = Vec::new();
    for _ in 0..n_repeats {
        let mut targets: [usize; N_TARGETS] = std::array::from_fn(|k| k);
        for last in (1..N_TARGETS).rev() {
            targets.swap(last, whole(rng, last as u32) as usize);
        }
        all.extend(targets);
    }
    all
}

/// t_k, on the unit circle.
pub fn direction(target: usize) -> [f64; N_FEEDBACK] {
    let angle = std::f64::consts::TAU * target as f64 / N_TARGETS as f64;
    [angle.cos(), angle.sin()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Setting {
        Setting {
            n_units: 200,
            gain: 1.75,
            target_gain: 0.25,
            feedback_sd: 0.5,
            rate: 0.1,
            n_steps: 20,
            n_discarded: 2,
            n_repeats: 3,
        }
    }

    fn variance(values: &[f64]) -> f64 {
        values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64
    }

    #[test]
    fn entries_have_the_variances_of_the_model() {
        let parts = Parts::draw(&small(), 3).unwrap();
        // Five standard errors of a variance: 5 √(2/n).
        for (values, right) in [
            (&parts.recurrent, 1.75 * 1.75 / 200.0),
            (&parts.targets_in, 1.0),
            (&parts.feedback_in, 0.25),
            (&parts.initial[0], 0.25),
            (&parts.initial[1], 0.25),
        ] {
            let tolerance = 5.0 * (2.0 / values.len() as f64).sqrt();
            assert!((variance(values) / right - 1.0).abs() < tolerance, "{right}: {}", variance(values));
        }
        assert_ne!(parts.initial[0], parts.initial[1]);
    }

    #[test]
    fn each_repeat_shows_every_target_once() {
        let parts = Parts::draw(&Setting { n_repeats: 500, n_units: 1, ..small() }, 0).unwrap();
        let mut first = [0; N_TARGETS];
        for orders in &parts.orders {
            for repeat in orders.chunks(N_TARGETS) {
                let mut sorted = repeat.to_vec();
                sorted.sort_unstable();
                assert!(sorted.into_iter().eq(0..N_TARGETS));
                first[repeat[0]] += 1;
            }
        }
        // 1000 repeats: each target comes first in 125, give or take five standard deviations.
        assert!(first.iter().all(|&n| (n - 125_i32).abs() < 53), "{first:?}");
        assert_ne!(parts.orders[0], parts.orders[1]);
    }

    #[test]
    fn more_repeats_change_no_weight() {
        let few = Parts::draw(&small(), 9).unwrap();
        let many = Parts::draw(&Setting { n_repeats: 7, ..small() }, 9).unwrap();
        assert_eq!(few.recurrent, many.recurrent);
        assert_eq!(few.orders[0], many.orders[0][..3 * N_TARGETS]);
        assert_ne!(few.recurrent, Parts::draw(&small(), 10).unwrap().recurrent);
    }
}
