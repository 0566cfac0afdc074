//! The two runs of every network at every ratio.

use ndarray::Array2;

use super::dynamics::{States, Weights, rows};
use super::network::Parts;
use super::readout::Sums;
use super::{BATCH, N_FEEDBACK, N_TARGETS, Setting};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::numerics::room::room;
use crate::real::Real;

/// What happened at one ratio.
#[derive(Debug, Clone, PartialEq)]
pub struct Course<T> {
    /// W, (2, units).
    pub readout: Vec<f64>,
    /// Share of the targets' squares that the readout left unexplained in the run it was fitted to.
    pub unexplained: f64,
    /// r where it was sampled, (repeats × 8, units), in the order in which targets were shown.
    pub rates: Vec<T>,
    /// z there, (repeats × 8, 2).
    pub outputs: Vec<T>,
}

/// Runs networks of these seeds at these ratios: seed after seed, ratio after ratio.
pub fn simulate<T: Real>(
    setting: &Setting,
    seeds: &[u64],
    ratios: &[f64],
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<Vec<Course<T>>> {
    setting.check()?;
    if let Some(bad) = ratios.iter().find(|ratio| !ratio.is_finite()) {
        return Err(Error::value("ratios", bad, "finite numbers"));
    }
    let batches: Vec<(u64, &[f64])> =
        seeds.iter().flat_map(|&seed| ratios.chunks(BATCH).map(move |batch| (seed, batch))).collect();
    let total = batches.len();
    let pieces = threads.map_polled(
        total,
        |i, stop| piece(setting, batches[i].0, batches[i].1, stop),
        // There is no loss; any number lets the progress be shown.
        &mut |done| monitor.report(Progress { done, total, loss: 0.0 }) == Flow::Continue,
    );
    let mut courses = Vec::new();
    for courses_of_piece in pieces {
        courses.extend(courses_of_piece?);
    }
    Ok(courses)
}

/// One network at a few ratios.
fn piece<T: Real>(
    setting: &Setting,
    seed: u64,
    ratios: &[f64],
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Course<T>>> {
    let parts = Parts::draw(setting, seed)?;
    let weights = Weights::new(setting, &parts);
    let betas: Vec<f64> = ratios.iter().map(|ratio| ratio * setting.target_gain).collect();
    let readouts = fit(setting, &parts, &weights, &betas, stop)?;
    close(setting, &parts, &weights, &betas, readouts, stop)
}

/// The first run: the readout of each ratio, and what it leaves unexplained.
fn fit<T: Real>(
    setting: &Setting,
    parts: &Parts,
    weights: &Weights<T>,
    betas: &[f64],
    stop: &dyn Fn() -> bool,
) -> Result<Vec<(Array2<f64>, f64)>> {
    let mut states = States::new(weights, &parts.initial[0], betas)?;
    let mut sums = betas.iter().map(|_| Sums::new(setting)).collect::<Result<Vec<_>>>()?;
    let mut square = Array2::from_elem((setting.n_units, setting.n_units), T::ZERO);
    for &target in &parts.orders[0] {
        states.show(weights, target, true);
        for step in 0..setting.n_steps {
            if stop() {
                return Err(Error::Interrupted);
            }
            if step >= setting.n_discarded {
                for (sums, rates) in sums.iter_mut().zip(states.rates.chunks_exact(weights.width)) {
                    sums.hold(rates);
                }
            }
            states.step(weights, &[]);
        }
        for sums in &mut sums {
            sums.add(target, &mut square);
        }
    }
    finite(&states.rates)?;
    sums.iter().map(Sums::solve).collect()
}

/// The second run: samples of activity and output.
fn close<T: Real>(
    setting: &Setting,
    parts: &Parts,
    weights: &Weights<T>,
    betas: &[f64],
    readouts: Vec<(Array2<f64>, f64)>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Course<T>>> {
    let (n, width) = (setting.n_units, weights.width);
    let rounded: Vec<T> = readouts
        .iter()
        .flat_map(|(found, _)| rows(&found.iter().copied().collect::<Vec<_>>(), n, width, 1.0))
        .collect();
    let mut states = States::new(weights, &parts.initial[1], betas)?;
    let mut outputs = vec![[T::ZERO; N_FEEDBACK]; betas.len()];
    let n_samples = setting.n_repeats * N_TARGETS;
    let mut courses = Vec::new();
    for (readout, unexplained) in readouts {
        let mut rates = room(&[n_samples, n], T::ZERO)?;
        rates.clear();
        courses.push(Course {
            readout: readout.into_iter().collect(),
            unexplained,
            rates,
            outputs: Vec::new(),
        });
    }
    for &target in &parts.orders[1] {
        states.show(weights, target, false);
        for step in 0..setting.n_steps {
            if stop() {
                return Err(Error::Interrupted);
            }
            states.read(&rounded, &mut outputs);
            if step + 2 == setting.n_steps {
                let now = states.rates.chunks_exact(width).zip(&outputs);
                for (course, (rates, output)) in courses.iter_mut().zip(now) {
                    course.rates.extend_from_slice(&rates[..n]);
                    course.outputs.extend_from_slice(output);
                }
            }
            states.step(weights, &outputs);
        }
    }
    finite(&states.rates)?;
    Ok(courses)
}

/// Activity that left the numbers stays outside.
fn finite<T: Real>(rates: &[T]) -> Result<()> {
    if rates.iter().any(|rate| rate.is_nan()) {
        return Err(Error::Diverged { what: "activity", place: String::new() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;

    fn setting() -> Setting {
        Setting {
            n_units: 37,
            gain: 1.75,
            target_gain: 0.25,
            feedback_sd: 0.5,
            rate: 0.1,
            n_steps: 12,
            n_discarded: 3,
            n_repeats: 2,
        }
    }

    fn run<T: Real>(seeds: &[u64], ratios: &[f64], n_threads: usize) -> Vec<Course<T>> {
        simulate(&setting(), seeds, ratios, &Threads::new(Some(n_threads)).unwrap(), &mut Silent).unwrap()
    }

    fn alone_is_as_among_others<T: Real>() {
        let ratios: Vec<f64> = (0..13).map(|k| 0.1 * f64::from(k)).collect();
        let all = run::<T>(&[4, 9], &ratios, 1);
        assert_eq!(all.len(), 26);
        for n_threads in [2, 3] {
            assert_eq!(run::<T>(&[4, 9], &ratios, n_threads), all);
        }
        for (k, ratio) in ratios.iter().enumerate() {
            assert_eq!(run::<T>(&[9], &[*ratio], 1), all[13 + k..14 + k], "ratio {ratio}");
        }
    }

    #[test]
    fn numbers_depend_neither_on_threads_nor_on_company() {
        alone_is_as_among_others::<f32>();
        alone_is_as_among_others::<f64>();
    }

    #[test]
    fn a_stop_is_heard() {
        struct Impatient;
        impl Monitor for Impatient {
            fn report(&mut self, _: Progress) -> Flow {
                Flow::Stop
            }
        }
        for n_threads in [1, 2] {
            let threads = Threads::new(Some(n_threads)).unwrap();
            let setting = Setting { n_repeats: 5000, ..setting() };
            let found = simulate::<f32>(&setting, &[0], &[1.0], &threads, &mut Impatient);
            assert_eq!(found.unwrap_err(), Error::Interrupted);
        }
    }

    #[test]
    fn activity_that_leaves_the_numbers_is_an_error() {
        let setting = Setting { feedback_sd: 1e300, ..setting() };
        let found = simulate::<f32>(&setting, &[0], &[1.0], &Threads::one(), &mut Silent);
        assert!(matches!(found, Err(Error::Diverged { .. } | Error::Factorization { .. })), "{found:?}");
    }
}
