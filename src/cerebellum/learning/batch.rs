//! Batched learning: trials side by side, one update.

use super::pass::Pass;
use super::{Lesson, Squared};
use crate::cerebellum::module::Module;
use crate::cerebellum::plasticity::Sums;
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Trials go through in at most this many blocks, whatever the number of threads.
const MOST_BLOCKS: usize = 16;

/// Numbers that the sums of all blocks may have together, more or less.
const MOST_SUMS: usize = 1 << 26;

impl<R: Real> Module<R> {
    pub(super) fn learn_batch(
        &mut self,
        lesson: &Lesson<'_, R>,
        losses: &mut Vec<f64>,
        total: usize,
        threads: &Threads,
        monitor: &mut dyn Monitor,
    ) -> Result<()> {
        let size_of_sums = self.circuit.n_features() * self.circuit.n_zones();
        let size = lesson.n_trials.div_ceil((MOST_SUMS / size_of_sums).clamp(1, MOST_BLOCKS));
        let n_blocks = lesson.n_trials.div_ceil(size);
        let inner = if n_blocks < threads.count() { threads.clone() } else { Threads::one() };
        let (done, loss) = (losses.len(), losses.last().copied().unwrap_or(f64::NAN));
        let module = &*self;
        let one_block = |block: usize, stop: &dyn Fn() -> bool| {
            let trials = block * size..((block + 1) * size).min(lesson.n_trials);
            module.sum_over(lesson, trials, &inner, stop)
        };
        let found = threads.map_polled(n_blocks, one_block, &mut |blocks| {
            let done = done + (blocks * size).min(lesson.n_trials);
            monitor.report(Progress { done, total, loss }) == Flow::Continue
        });
        let circuit = &self.circuit;
        let mut sums = Sums::new(self.plasticity.rule, circuit.n_features(), circuit.n_zones());
        let mut new = Vec::with_capacity(lesson.n_trials);
        let mut ran_away = false;
        for block in found {
            match block {
                Ok((part, squared)) => {
                    sums.merge(&part);
                    ran_away |= squared.iter().any(|one| one.ran_away());
                    new.extend(squared.into_iter().map(Squared::mean));
                }
                // What the batch has learned so far is less than a batch: nothing changes.
                Err(Error::Interrupted) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        let kept = (self.circuit.weights().to_vec(), self.means.clone());
        self.plasticity.follow_batch(&mut self.circuit, &mut sums, lesson.n_trials, lesson.n_steps)?;
        self.keep_or_restore(&kept, ran_away, || {
            format!(" after the batch of pass {}", done / lesson.n_trials)
        })?;
        losses.extend(new);
        Ok(())
    }

    fn sum_over(
        &self,
        lesson: &Lesson<'_, R>,
        trials: std::ops::Range<usize>,
        threads: &Threads,
        stop: &dyn Fn() -> bool,
    ) -> Result<(Sums<R>, Vec<Squared>)> {
        let circuit = &self.circuit;
        let (n_features, n_zones) = (circuit.n_features(), circuit.n_zones());
        let (n_purkinje, n_nuclei) = (circuit.n_purkinje(), circuit.n_nuclei());
        let mut sums = Sums::new(self.plasticity.rule, n_features, n_zones);
        let mut pass = Pass::new(self, lesson.n_steps)?;
        let mut all = Vec::with_capacity(trials.len());
        let zeros = |width: usize| vec![R::ZERO; pass.stretch * width];
        let (mut purkinje, mut nuclei, mut fibres) = (zeros(n_purkinje), zeros(n_nuclei), zeros(n_zones));
        let traced = !self.eligibility.is_activity();
        let mut eligibility = zeros(if traced { n_features } else { 0 });
        for trial in trials {
            pass.clear();
            let mut squared = Squared::default();
            for first in (0..lesson.n_steps).step_by(pass.stretch) {
                if stop() {
                    return Err(Error::Interrupted);
                }
                let n = pass.features(self, lesson, trial, first, threads)?;
                let features = &pass.features[..n * n_features];
                circuit.purkinje(features, &mut purkinje[..n * n_purkinje]);
                circuit.nuclei(&purkinje[..n * n_purkinje], &mut nuclei[..n * n_nuclei]);
                for step in 0..n {
                    let row = trial * lesson.n_steps + first + step;
                    lesson.errors(row, &nuclei[step * n_nuclei..][..n_nuclei], &mut pass.errors);
                    squared.watch(&nuclei[step * n_nuclei..][..n_nuclei]);
                    squared.add(&pass.errors);
                    circuit.climbing_fibres(&pass.errors, pass.fibres.departing());
                    fibres[step * n_zones..][..n_zones].copy_from_slice(pass.fibres.arriving());
                }
                if traced {
                    let rows =
                        features.chunks_exact(n_features).zip(eligibility.chunks_exact_mut(n_features));
                    for (activity, into) in rows {
                        into.copy_from_slice(pass.trace.step(activity));
                    }
                }
                let rows = if traced { &eligibility[..n * n_features] } else { features };
                sums.add(&fibres[..n * n_zones], rows);
            }
            all.push(squared);
        }
        Ok((sums, all))
    }
}
