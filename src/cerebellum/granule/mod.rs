//! The granule layer: many cells with a few mossy inputs each, thresholds, and the inhibition of Golgi cells.
//!
//! ```text
//! u_i = Σ_{k<K} w_ik ξ_{s(i,k)}
//! subtractive:  a_i = u_i − θ_i − κ m          divisive:  a_i = u_i / (1 + κ [m]_+) − θ_i
//! feed-forward: m = mean_j ξ_j                 feedback:  m = mean_i g_i, of the same sample
//! rectified:    g_i = [a_i]_+                  binary:    g_i = 1 if a_i > 0, else 0
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | ξ | `mossy` | (samples, n_mossy) |
//! | s | `sources` | (n_granule, K), different ones for each cell |
//! | w | `weights` | (n_granule, K) |
//! | θ | `thresholds` | (n_granule) |
//! | κ | `Golgi::gain` | |
//! | m | `inhibition` | (samples) |
//! | g | `out` | (samples, n_granule) |
//!
//! The expansion and its thresholds are those of Marr (J Physiol 202:437, 1969) and Albus (Math Biosci 10:25, 1971); binary cells
//! with K inputs each those of Litwin-Kumar, Harris, Axel, Sompolinsky & Abbott (Neuron 93:1153, 2017). Golgi cells are one number
//! for the layer, a design of this package: all of them would see the same mean. Feedback is a balance within the sample (see
//! `golgi`), not the step before: so a layer has no state, and samples do not depend on their order.
//!
//! The cost is samples × cells × K, whatever the number of mossy fibres. One sample gives the same numbers alone, among others, and
//! on any number of threads.

mod calibration;
mod golgi;
mod kernels;
mod temporal_basis;
#[cfg(test)]
mod tests;
pub mod wiring;

pub use calibration::{Calibration, Scope};
pub use golgi::{Golgi, Inhibition, Pathway};
pub use kernels::Buffers;
pub use temporal_basis::{Shape, TemporalBasis};

use crate::error::{Error, Result};
use crate::monitor::Stop;
use crate::numerics::parallel::Threads;
use crate::numerics::room::room;
use crate::real::Real;
use kernels::{Drive, LANES};

/// Products between looks at the caller: some hundredths of a second.
const BETWEEN_LOOKS: usize = 1 << 25;

/// What a cell does above its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Its distance from the threshold.
    Relu,
    /// One.
    Binary,
}

/// What a layer is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts<R> {
    /// Number of mossy fibres.
    pub n_mossy: usize,
    /// K sources of each cell in turn.
    pub sources: Vec<u32>,
    /// A weight for each source.
    pub weights: Vec<R>,
    /// One for each cell.
    pub thresholds: Vec<R>,
    /// What cells do above it.
    pub activation: Activation,
    /// Inhibition, if there is any.
    pub golgi: Option<Golgi>,
    /// Filters in time, if there are any.
    pub basis: Option<TemporalBasis>,
}

/// A granule layer. It never changes: calibration gives thresholds for another one.
#[derive(Debug, Clone, PartialEq)]
pub struct GranuleLayer<R> {
    parts: Parts<R>,
    n_inputs: usize,
}

impl<R: Real> GranuleLayer<R> {
    /// Checks the parts and puts them together.
    pub fn new(parts: Parts<R>) -> Result<Self> {
        let n_granule = parts.thresholds.len();
        if n_granule == 0 || parts.n_mossy == 0 {
            return Err(Error::shape("thresholds", &[n_granule], "at least one cell, and one mossy fibre"));
        }
        let n_inputs = parts.sources.len() / n_granule;
        if n_inputs == 0 || n_inputs * n_granule != parts.sources.len() || n_inputs > parts.n_mossy {
            let expected = format!("{n_granule} times 1 to {} sources, as many for each cell", parts.n_mossy);
            return Err(Error::shape("sources", &[parts.sources.len()], expected));
        }
        if parts.weights.len() != parts.sources.len() {
            let expected = format!("({}): one for each source", parts.sources.len());
            return Err(Error::shape("weights", &[parts.weights.len()], expected));
        }
        wiring::check(&parts.sources, n_inputs, parts.n_mossy)?;
        for (argument, values) in [("weights", &parts.weights), ("thresholds", &parts.thresholds)] {
            if let Some(odd) = values.iter().find(|value| !value.to_f64().is_finite()) {
                return Err(Error::value(argument, odd, "finite numbers"));
            }
        }
        if let Some(golgi) = parts.golgi {
            golgi.check()?;
        }
        Ok(Self { parts, n_inputs })
    }

    /// The same layer with other thresholds, one for each cell.
    pub fn with_thresholds(&self, thresholds: Vec<R>) -> Result<Self> {
        if thresholds.len() != self.n_granule() {
            return Err(Error::shape("thresholds", &[thresholds.len()], format!("({})", self.n_granule())));
        }
        Self::new(Parts { thresholds, ..self.parts.clone() })
    }

    /// Number of mossy fibres.
    pub fn n_mossy(&self) -> usize {
        self.parts.n_mossy
    }

    /// Number of cells.
    pub fn n_granule(&self) -> usize {
        self.parts.thresholds.len()
    }

    /// Number of inputs of each cell, K.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// Filters in time, if there are any.
    pub fn basis(&self) -> Option<&TemporalBasis> {
        self.parts.basis.as_ref()
    }

    /// Numbers that come out at each step: one for each cell, or one for each cell and function of the basis.
    pub fn n_features(&self) -> usize {
        self.n_granule() * self.basis().map_or(1, TemporalBasis::n_functions)
    }

    /// Activity of the cells (samples, n_granule) for mossy activity (samples, n_mossy), without filters in time.
    pub fn forward(&self, mossy: &[R], out: &mut [R], threads: &Threads) -> Result<()> {
        self.forward_with(mossy, out, &Buffers::default(), threads)
    }

    /// The same for callers that come back: the second time nothing is allocated.
    pub fn forward_with(
        &self,
        mossy: &[R],
        out: &mut [R],
        buffers: &Buffers<R>,
        threads: &Threads,
    ) -> Result<()> {
        let n_samples = self.check_samples(mossy)?;
        let n_granule = self.n_granule();
        if out.len() != n_samples * n_granule {
            let expected = format!("({n_samples}, {n_granule}): as many samples as mossy has");
            return Err(Error::shape("out", &[out.len()], expected));
        }
        self.drive(mossy, out, buffers, threads);
        if let Some(golgi) = self.parts.golgi.filter(|golgi| golgi.pathway == Pathway::Feedback) {
            let balance = self.balance(golgi);
            threads.for_chunks(out, n_granule, |_, row| {
                let brake = golgi.brake(balance.solve(row));
                kernels::activate(row, &self.parts.thresholds, brake, self.parts.activation);
            });
        }
        Ok(())
    }

    /// What Golgi cells do to each sample: m, one number for each; zeros without Golgi cells.
    pub fn inhibition(&self, mossy: &[R], threads: &Threads, stop: &Stop) -> Result<Vec<R>> {
        let n_samples = self.check_samples(mossy)?;
        let n_granule = self.n_granule();
        let mut inhibition = room(&[n_samples], R::ZERO)?;
        match self.parts.golgi {
            None => {}
            Some(golgi) if golgi.pathway == Pathway::FeedForward => {
                for (m, row) in inhibition.iter_mut().zip(mossy.chunks_exact(self.n_mossy())) {
                    *m = golgi::mean(row);
                }
            }
            Some(golgi) => {
                let (balance, buffers) = (self.balance(golgi), Buffers::default());
                threads.for_chunks(&mut inhibition, LANES, |block, found| {
                    if stop.is_asked() {
                        return;
                    }
                    let rows = &mossy[block * LANES * self.n_mossy()..][..found.len() * self.n_mossy()];
                    let mut drive = vec![R::ZERO; found.len() * n_granule];
                    self.drive(rows, &mut drive, &buffers, &Threads::one());
                    for (m, row) in found.iter_mut().zip(drive.chunks_exact(n_granule)) {
                        *m = balance.solve(row);
                    }
                });
            }
        }
        if stop.is_asked() { Err(Error::Interrupted) } else { Ok(inhibition) }
    }

    /// Thresholds at which a fraction `coding_level` of all pairs of cells and samples is active, see [`Calibration`].
    pub fn calibrate(
        &self,
        mossy: &[R],
        coding_level: f64,
        scope: Scope,
        threads: &Threads,
        stop: &Stop,
    ) -> Result<Calibration<R>> {
        calibration::calibrate(self, mossy, coding_level, scope, threads, stop)
    }

    /// Features (trials, steps, n_features) of mossy activity (trials, steps, n_mossy); filters start at rest in each trial.
    pub fn features(
        &self,
        mossy: &[R],
        n_steps: usize,
        out: &mut [R],
        threads: &Threads,
        stop: &Stop,
    ) -> Result<()> {
        let n_samples = self.check_samples(mossy)?;
        let (n_mossy, n_granule, n_features) = (self.n_mossy(), self.n_granule(), self.n_features());
        if n_steps == 0 || !n_samples.is_multiple_of(n_steps) || out.len() != n_samples * n_features {
            let expected = format!("(trials, {n_steps}, {n_features}) for {n_samples} steps in all");
            return Err(Error::shape("out", &[out.len()], expected));
        }
        let buffers = Buffers::default();
        let Some(basis) = self.basis() else {
            let blocks = (BETWEEN_LOOKS / (LANES * self.parts.sources.len())).max(threads.count());
            let stretches =
                mossy.chunks(blocks * LANES * n_mossy).zip(out.chunks_mut(blocks * LANES * n_granule));
            for (mossy, out) in stretches {
                if stop.is_asked() {
                    return Err(Error::Interrupted);
                }
                self.forward_with(mossy, out, &buffers, threads)?;
            }
            return Ok(());
        };
        let failures = threads.map_chunks(out, n_steps * n_features, |trial, features| {
            let mossy = &mossy[trial * n_steps * n_mossy..][..n_steps * n_mossy];
            let mut state = basis.rest(n_granule);
            let mut granule = vec![R::ZERO; LANES * n_granule];
            let blocks = mossy.chunks(LANES * n_mossy).zip(features.chunks_mut(LANES * n_features));
            for (mossy, features) in blocks {
                if stop.is_asked() {
                    return Err(Error::Interrupted);
                }
                let granule = &mut granule[..mossy.len() / n_mossy * n_granule];
                self.forward_with(mossy, granule, &buffers, &Threads::one())?;
                for (g, row) in granule.chunks_exact(n_granule).zip(features.chunks_exact_mut(n_features)) {
                    basis.advance(&mut state, g, row);
                }
            }
            Ok(())
        });
        failures.into_iter().collect()
    }

    /// Filters at rest, for [`GranuleLayer::step`] of so many trials side by side.
    pub fn rest(&self, n_trials: usize) -> Result<Vec<R>> {
        let n_states = self.basis().map_or(0, TemporalBasis::n_states);
        room(&[n_trials, n_states, self.n_granule()], R::ZERO)
    }

    /// One step of some trials side by side: mossy activity (trials, n_mossy) to activity of the cells (trials, n_granule) and to
    /// features (trials, n_features), with the filters' state from [`GranuleLayer::rest`].
    pub fn step(
        &self,
        mossy: &[R],
        state: &mut [R],
        granule: &mut [R],
        features: &mut [R],
        buffers: &Buffers<R>,
        threads: &Threads,
    ) -> Result<()> {
        self.forward_with(mossy, granule, buffers, threads)?;
        let n_trials = mossy.len() / self.n_mossy();
        if features.len() != n_trials * self.n_features() {
            let expected = format!("({n_trials}, {})", self.n_features());
            return Err(Error::shape("features", &[features.len()], expected));
        }
        let Some(basis) = self.basis() else {
            features.copy_from_slice(granule);
            return Ok(());
        };
        let (n_granule, n_state) = (self.n_granule(), basis.n_states() * self.n_granule());
        if state.len() != n_trials * n_state {
            return Err(Error::shape("state", &[state.len()], format!("({n_trials}, {n_state})")));
        }
        let rows = granule.chunks_exact(n_granule).zip(features.chunks_exact_mut(self.n_features()));
        for (state, (g, row)) in state.chunks_exact_mut(n_state).zip(rows) {
            basis.advance(state, g, row);
        }
        Ok(())
    }

    fn check_samples(&self, mossy: &[R]) -> Result<usize> {
        if mossy.len().is_multiple_of(self.n_mossy()) {
            return Ok(mossy.len() / self.n_mossy());
        }
        let expected = format!("samples of {} mossy fibres each", self.n_mossy());
        Err(Error::shape("mossy", &[mossy.len()], expected))
    }

    /// Activity of the cells, or u alone where inhibition has to be found from all of them first.
    fn drive(&self, mossy: &[R], out: &mut [R], buffers: &Buffers<R>, threads: &Threads) {
        let parts = &self.parts;
        let then = match parts.golgi {
            Some(golgi) if golgi.pathway == Pathway::Feedback => Drive::Alone,
            golgi => Drive::Activity { thresholds: &parts.thresholds, golgi, activation: parts.activation },
        };
        let wires = kernels::Wires {
            sources: &parts.sources,
            weights: &parts.weights,
            n_inputs: self.n_inputs,
            n_mossy: parts.n_mossy,
        };
        kernels::drive(wires, mossy, then, out, buffers, threads);
    }

    fn balance(&self, golgi: Golgi) -> golgi::Balance<'_, R> {
        golgi::Balance::new(golgi, &self.parts.thresholds, self.parts.activation)
    }
}
