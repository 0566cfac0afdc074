//! A cerebellar module: granule layer, Purkinje cells, nuclei, and climbing fibres that come late.
//!
//! ```text
//! g_t = granule layer of ξ_t;   p_t = W_pf g_t + b_p;   c_t = b_n + s B p_t
//! E_t = Σ_k κ_k g_{t−k};        f_t = C e_{t−d}         d: delay of the climbing fibres
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | ξ | `mossy` | trials × steps × mossy fibres |
//! | g | `features` | trials × steps × features |
//! | p, c | `purkinje`, `nuclei` | trials × steps × cells |
//! | e | `errors`, at the nuclei | trials × steps × nuclei |
//! | E, f | `eligibility`, `fibres` | steps × features, steps × zones |
//!
//! The parts are in [`expansion`](super::expansion), [`circuit`](super::circuit), [`eligibility`](super::eligibility) and
//! [`plasticity`](super::plasticity). Every trial begins with nothing on its way and nothing remembered; the means of the
//! covariance rule go on from trial to trial. Errors that would arrive after the end of a trial are lost with it.

use super::circuit::Circuit;
use super::delay_line::DelayLine;
use super::eligibility::{Eligibility, Trace};
use super::expansion::{Expansion, Layers};
use super::plasticity::{Means, Plasticity};
use super::record::Record;
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::network::parameters::Parameters;
use crate::numerics::parallel::Threads;
use crate::numerics::room::room;
use crate::real::Real;

/// A module.
#[derive(Debug, Clone)]
pub struct Module<R> {
    pub(super) expansion: Expansion<R>,
    pub(super) circuit: Circuit<R>,
    pub(super) eligibility: Eligibility,
    pub(super) plasticity: Plasticity,
    pub(super) means: Means<R>,
    pub(super) delay: usize,
}

/// What a run gives, trials × steps × cells each.
#[derive(Debug, Clone)]
pub struct Run<R> {
    /// Purkinje cells.
    pub purkinje: Vec<R>,
    /// Nuclei.
    pub nuclei: Vec<R>,
    /// Parallel fibres, if they were asked for; else nothing.
    pub features: Vec<R>,
}

/// Trials that run side by side: where they stand, and what they came to at the last step.
#[derive(Debug, Clone)]
pub struct Moment<R> {
    layers: Layers<R>,
    traces: Vec<Trace<R>>,
    fibres: Vec<DelayLine<R>>,
    /// g: trials × features.
    pub features: Vec<R>,
    /// E: trials × features.
    pub eligibility: Vec<R>,
    /// p: trials × Purkinje cells.
    pub purkinje: Vec<R>,
    /// c: trials × nuclei.
    pub nuclei: Vec<R>,
    /// f that arrived: trials × zones.
    pub arrived: Vec<R>,
    change: Vec<R>,
    /// Weights and means before the last lesson.
    kept: (Vec<R>, Means<R>),
}

impl<R: Real> Module<R> {
    /// Puts the parts together.
    pub fn new(
        expansion: Expansion<R>,
        circuit: Circuit<R>,
        eligibility: Eligibility,
        plasticity: Plasticity,
        delay: usize,
    ) -> Result<Self> {
        if circuit.n_features() != expansion.n_features() {
            let expected = format!("W_pf with a column for each of {} features", expansion.n_features());
            return Err(Error::shape("parameters", &[circuit.n_purkinje(), circuit.n_features()], expected));
        }
        plasticity.check()?;
        plasticity.check_weights(circuit.weights())?;
        let means = plasticity.means(circuit.n_features(), circuit.n_zones());
        Ok(Self { expansion, circuit, eligibility, plasticity, means, delay })
    }

    /// Mossy fibres.
    pub fn n_mossy(&self) -> usize {
        self.expansion.n_mossy()
    }

    /// Purkinje cells, nuclei and climbing fibres.
    pub fn circuit(&self) -> &Circuit<R> {
        &self.circuit
    }

    /// Replaces some of the weights.
    pub fn set(&mut self, new: &Parameters<R>) -> Result<()> {
        if let Some(weights) = new.values("W_pf") {
            self.plasticity.check_weights(weights)?;
        }
        self.circuit.set(new)
    }

    /// The running means of the plasticity: "mean_E" and "mean_f", or nothing.
    pub fn means(&self) -> Result<Parameters<R>> {
        let mut found = Parameters::new();
        if !self.means.fibres.is_empty() {
            let Means { eligibility, fibres } = &self.means;
            found.push("mean_E", &[eligibility.len()], eligibility.clone())?;
            found.push("mean_f", &[fibres.len()], fibres.clone())?;
        }
        Ok(found)
    }

    /// Takes back what [`Module::means`] gave.
    pub fn set_means(&mut self, given: &Parameters<R>) -> Result<()> {
        self.means()?.check_layout("state", given)?;
        for (name, into) in [("mean_E", &mut self.means.eligibility), ("mean_f", &mut self.means.fibres)] {
            if let Some(values) = given.values(name) {
                into.copy_from_slice(values);
            }
        }
        Ok(())
    }

    /// The start of `n_trials` trials.
    pub fn start(&self, n_trials: usize) -> Result<Moment<R>> {
        self.start_with(n_trials, &self.eligibility, self.delay)
    }

    pub(super) fn start_with(
        &self,
        n_trials: usize,
        eligibility: &Eligibility,
        delay: usize,
    ) -> Result<Moment<R>> {
        let circuit = &self.circuit;
        let (n_features, n_zones) = (circuit.n_features(), circuit.n_zones());
        let zeros = |width: usize| room(&[n_trials, width], R::ZERO);
        Ok(Moment {
            layers: self.expansion.start(n_trials)?,
            traces: (0..n_trials).map(|_| Trace::new(eligibility, n_features)).collect::<Result<_>>()?,
            fibres: (0..n_trials).map(|_| DelayLine::new(n_zones, delay, R::NAN)).collect::<Result<_>>()?,
            features: zeros(n_features)?,
            eligibility: zeros(n_features)?,
            purkinje: zeros(circuit.n_purkinje())?,
            nuclei: zeros(circuit.n_nuclei())?,
            arrived: room(&[n_trials, n_zones], R::NAN)?,
            change: vec![R::ZERO; n_features],
            kept: (Vec::new(), self.means.clone()),
        })
    }

    /// One step of all trials of a moment, by their mossy fibres: trials × mossy fibres.
    pub fn advance(&self, moment: &mut Moment<R>, mossy: &[R], threads: &Threads) -> Result<()> {
        let n_features = self.circuit.n_features();
        self.expansion.step(&mut moment.layers, mossy, &mut moment.features, threads)?;
        let rows =
            moment.features.chunks_exact(n_features).zip(moment.eligibility.chunks_exact_mut(n_features));
        for (trace, (activity, eligibility)) in moment.traces.iter_mut().zip(rows) {
            eligibility.copy_from_slice(trace.step(activity));
        }
        self.circuit.purkinje(&moment.features, &mut moment.purkinje);
        self.circuit.nuclei(&moment.purkinje, &mut moment.nuclei);
        Ok(())
    }

    /// Sends errors of the step, trials × nuclei, along the climbing fibres; what arrives is in the moment.
    pub fn receive(&self, moment: &mut Moment<R>, errors: &[R]) {
        let (n_zones, n_nuclei) = (self.circuit.n_zones(), self.circuit.n_nuclei());
        let rows = errors.chunks_exact(n_nuclei).zip(moment.arrived.chunks_exact_mut(n_zones));
        for (line, (errors, arrived)) in moment.fibres.iter_mut().zip(rows) {
            self.circuit.climbing_fibres(errors, line.departing());
            arrived.copy_from_slice(line.arriving());
        }
    }

    /// Learns from what has arrived; the changes of all trials are summed.
    pub fn teach(&mut self, moment: &mut Moment<R>) {
        let Moment { arrived, eligibility, change, .. } = moment;
        self.plasticity.teach(&mut self.circuit, &mut self.means, arrived, eligibility, change);
    }

    /// Forgets what a trial's end takes.
    pub fn end_trial(&mut self) {
        self.plasticity.end_trial(&mut self.circuit);
    }

    /// The same as [`Module::teach`] for a lesson that stands alone: weights that would not be finite are an error, and stay as they were.
    pub fn teach_or_restore(&mut self, moment: &mut Moment<R>) -> Result<()> {
        moment.kept.0.clear();
        moment.kept.0.extend_from_slice(self.circuit.weights());
        moment.kept.1.clone_from(&self.means);
        self.teach(moment);
        self.keep_or_restore(&moment.kept, false, || " at this step".to_owned())
    }

    /// Runs trials without learning; `keeps_features` keeps the activity of all parallel fibres.
    pub fn run(
        &self,
        mossy: &[R],
        n_trials: usize,
        n_steps: usize,
        keeps_features: bool,
        threads: &Threads,
        monitor: &mut dyn Monitor,
    ) -> Result<Run<R>> {
        check_mossy(mossy, n_trials, n_steps, self.n_mossy())?;
        let (circuit, n_mossy) = (&self.circuit, self.n_mossy());
        let n_features = circuit.n_features();
        let mut purkinje = room(&[n_trials, n_steps, circuit.n_purkinje()], R::ZERO)?;
        let mut nuclei = room(&[n_trials, n_steps, circuit.n_nuclei()], R::ZERO)?;
        let mut features = room(&[n_trials, n_steps, if keeps_features { n_features } else { 0 }], R::ZERO)?;
        let [into_purkinje, into_nuclei, into_features] = [
            Record::new(&mut purkinje, circuit.n_purkinje(), n_steps, 1),
            Record::new(&mut nuclei, circuit.n_nuclei(), n_steps, 1),
            Record::new(&mut features, n_features, n_steps, 1),
        ];
        // Few trials share their granule cells out instead.
        let inner = if n_trials < threads.count() { threads.clone() } else { Threads::one() };
        let one_trial = |trial: usize, stop: &dyn Fn() -> bool| -> Result<()> {
            let mut layers = self.expansion.start(1)?;
            let stretch = stretch(n_features, n_steps);
            let mut rows = vec![R::ZERO; stretch * n_features];
            let (mut purkinje, mut nuclei) = (into_purkinje.block(trial), into_nuclei.block(trial));
            for first in (0..n_steps).step_by(stretch) {
                if stop() {
                    return Err(Error::Interrupted);
                }
                let n = stretch.min(n_steps - first);
                let given = &mossy[(trial * n_steps + first) * n_mossy..][..n * n_mossy];
                let features = &mut rows[..n * n_features];
                self.expansion.steps(&mut layers, given, features, &inner)?;
                let purkinje = &mut purkinje[first * circuit.n_purkinje()..][..n * circuit.n_purkinje()];
                circuit.purkinje(features, purkinje);
                circuit.nuclei(purkinje, &mut nuclei[first * circuit.n_nuclei()..][..n * circuit.n_nuclei()]);
                if keeps_features {
                    into_features.block(trial)[first * n_features..][..n * n_features]
                        .copy_from_slice(features);
                }
            }
            Ok(())
        };
        let ended = threads.map_polled(n_trials, one_trial, &mut |done| {
            // There is no loss to tell of; zero lets the caller's bar move.
            monitor.report(Progress { done, total: n_trials, loss: 0.0 }) == Flow::Continue
        });
        ended.into_iter().collect::<Result<()>>()?;
        Ok(Run { purkinje, nuclei, features })
    }
}

/// Steps that are computed together: enough to read weights seldom, few enough for their activity to stay near.
pub(super) fn stretch(n_features: usize, n_steps: usize) -> usize {
    ((1 << 18) / n_features).clamp(16, 256).min(n_steps)
}

/// An error unless these are finite numbers for all trials, steps and mossy fibres, and there are some.
pub(super) fn check_mossy<R: Real>(
    mossy: &[R],
    n_trials: usize,
    n_steps: usize,
    n_mossy: usize,
) -> Result<()> {
    if n_trials == 0 || n_steps == 0 {
        return Err(Error::shape("mossy", &[n_trials, n_steps, n_mossy], "at least one trial and one step"));
    }
    if mossy.len() != n_trials * n_steps * n_mossy {
        let got = [n_trials, n_steps, mossy.len() / (n_trials * n_steps)];
        return Err(Error::shape(
            "mossy",
            &got,
            format!("(trials, steps, {n_mossy}): one column per mossy fibre"),
        ));
    }
    if let Some(place) = mossy.iter().position(|x| !x.to_f64().is_finite()) {
        let row = place / n_mossy;
        let got = format!("{} in trial {}, step {}", mossy[place], row / n_steps, row % n_steps);
        return Err(Error::value(
            "mossy",
            got,
            "finite numbers (what was not observed belongs in targets or errors)",
        ));
    }
    Ok(())
}
