//! A single trial of a lesson on its way: buffers, traces, and errors that are still to arrive.

use super::Lesson;
use crate::cerebellum::delay_line::DelayLine;
use crate::cerebellum::eligibility::Trace;
use crate::cerebellum::expansion::Layers;
use crate::cerebellum::module::{Module, stretch};
use crate::error::Result;
use crate::numerics::parallel::Threads;
use crate::real::Real;

/// Buffers and state of a single trial.
pub struct Pass<R> {
    /// Steps that are computed together.
    pub stretch: usize,
    /// Filters of the granule layer.
    pub layers: Layers<R>,
    /// Eligibility.
    pub trace: Trace<R>,
    /// Climbing fibres on their way.
    pub fibres: DelayLine<R>,
    /// g of a stretch.
    pub features: Vec<R>,
    /// p of a step.
    pub purkinje: Vec<R>,
    /// c of a step.
    pub nuclei: Vec<R>,
    /// e of a step.
    pub errors: Vec<R>,
    /// Room for one change of weights.
    pub change: Vec<R>,
}

impl<R: Real> Pass<R> {
    /// Before the first trial.
    pub fn new(module: &Module<R>, n_steps: usize) -> Result<Self> {
        let circuit = &module.circuit;
        let n_features = circuit.n_features();
        let stretch = stretch(n_features, n_steps);
        Ok(Self {
            stretch,
            layers: module.expansion.start(1)?,
            trace: Trace::new(&module.eligibility.within(n_steps), n_features)?,
            fibres: DelayLine::new(circuit.n_zones(), module.delay.min(n_steps), R::NAN)?,
            features: vec![R::ZERO; stretch * n_features],
            purkinje: vec![R::ZERO; circuit.n_purkinje()],
            nuclei: vec![R::ZERO; circuit.n_nuclei()],
            errors: vec![R::ZERO; circuit.n_nuclei()],
            change: vec![R::ZERO; n_features],
        })
    }

    /// To the start of a trial.
    pub fn clear(&mut self) {
        self.layers.clear();
        self.trace.clear();
        self.fibres.clear();
    }

    /// Activity of parallel fibres from step `first` on; how many steps of it.
    pub fn features(
        &mut self,
        module: &Module<R>,
        lesson: &Lesson<'_, R>,
        trial: usize,
        first: usize,
        threads: &Threads,
    ) -> Result<usize> {
        let (n_mossy, n_features) = (module.n_mossy(), module.circuit.n_features());
        let n_steps = self.stretch.min(lesson.n_steps - first);
        let mossy = &lesson.mossy[(trial * lesson.n_steps + first) * n_mossy..][..n_steps * n_mossy];
        module.expansion.steps(
            &mut self.layers,
            mossy,
            &mut self.features[..n_steps * n_features],
            threads,
        )?;
        Ok(n_steps)
    }
}
