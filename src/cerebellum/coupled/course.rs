//! The course of a run: what must fit, trials one after the other, trials side by side.

use super::journey::Journey;
use super::{Coupling, Learning, Loop, Mossy, Records, Trials};
use crate::cerebellum::module::Module;
use crate::cerebellum::plasticity::Sums;
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::real::Real;
use crate::rnn::wiring::Wiring;

/// Steps between looks at the caller.
const STRETCH: usize = 32;

impl<'a, 'n, R: Real> Loop<'a, 'n, R> {
    /// Checks that everything fits.
    pub fn new(
        wiring: &'a Wiring<'n, R>,
        module: &Module<R>,
        coupling: &'a Coupling<R>,
        trials: &'a Trials<'a, R>,
        learning: Learning,
    ) -> Result<Self> {
        let structure = wiring.network.structure();
        let n_nuclei = module.circuit.n_nuclei();
        if n_nuclei > structure.n_inputs {
            let expected = format!("at least the {n_nuclei} nuclei's");
            return Err(Error::value("n_inputs of the network", structure.n_inputs, expected));
        }
        let n_external = structure.n_inputs - n_nuclei;
        let Mossy { activity, inputs, outputs } = coupling.mossy;
        let n_mossy = usize::from(activity) * structure.n_units
            + usize::from(inputs) * n_external
            + usize::from(outputs) * structure.n_outputs;
        if n_mossy != module.n_mossy() {
            let expected = format!("{n_mossy}, which is what the network sends");
            return Err(Error::value("n_mossy of the cerebellum", module.n_mossy(), expected));
        }
        let mapping = [n_nuclei, structure.n_outputs];
        if coupling.mapping.len() != mapping[0] * mapping[1] {
            let expected = format!("({n_nuclei}, {}): nuclei by outputs", structure.n_outputs);
            return Err(Error::shape("mapping", &[coupling.mapping.len()], expected));
        }
        if !coupling.gain.to_f64().is_finite() || coupling.mapping.iter().any(|m| !m.to_f64().is_finite()) {
            return Err(Error::value("gain or mapping", "not finite", "finite numbers"));
        }
        let Trials { n_trials, n_steps, .. } = *trials;
        if n_trials == 0 || n_steps == 0 {
            let got = [n_trials, n_steps, n_external];
            return Err(Error::shape("inputs", &got, "at least one trial and one step"));
        }
        let rows = n_trials * n_steps;
        if trials.inputs.len() != rows * n_external {
            let got = [n_trials, n_steps, trials.inputs.len() / rows];
            let expected =
                format!("(trials, steps, {n_external}): those of the network that are not the nuclei's");
            return Err(Error::shape("inputs", &got, expected));
        }
        if trials.inputs.iter().any(|x| !x.to_f64().is_finite()) {
            return Err(Error::value("inputs", "not finite in places", "finite numbers"));
        }
        if learning != Learning::Off && trials.targets.is_empty() {
            return Err(Error::value("targets", "nothing", "targets to learn from"));
        }
        if !trials.targets.is_empty() && trials.targets.len() != rows * structure.n_outputs {
            let got = [n_trials, n_steps, trials.targets.len() / rows];
            return Err(Error::shape("targets", &got, format!("(trials, steps, {})", structure.n_outputs)));
        }
        if trials.targets.iter().any(|y| y.to_f64().is_infinite()) {
            let expected = "finite numbers, or NaN where nothing was observed";
            return Err(Error::value("targets", "infinite in places", expected));
        }
        if !(trials.off.is_empty() || trials.off.len() == n_steps) {
            return Err(Error::shape("cerebellum_off", &[trials.off.len()], format!("({n_steps},)")));
        }
        Ok(Self { wiring, coupling, trials, n_external })
    }

    /// Trials one after the other; weights change at every step.
    pub fn online(
        &self,
        module: &mut Module<R>,
        records: &Records<'_, R>,
        monitor: &mut dyn Monitor,
    ) -> Result<()> {
        let (total, mut loss) = (self.trials.n_trials, f64::NAN);
        for trial in 0..total {
            let kept = (module.circuit.weights().to_vec(), module.means.clone());
            let ended = self.one_trial(module, trial, loss, records, monitor);
            if let Err(Error::Diverged { .. }) = ended {
                module.restore(&kept);
            }
            loss = ended?;
            module.plasticity.end_trial(&mut module.circuit);
            module.keep_or_restore(&kept, false, || format!(" in trial {trial}"))?;
        }
        Ok(())
    }

    /// Learns from one trial; its mean squared error.
    fn one_trial(
        &self,
        module: &mut Module<R>,
        trial: usize,
        loss: f64,
        records: &Records<'_, R>,
        monitor: &mut dyn Monitor,
    ) -> Result<f64> {
        let mut journey = Journey::start(self, module, trial, trial, 1)?;
        let total = self.trials.n_trials;
        for step in 0..self.trials.n_steps {
            if step % STRETCH == 0 && monitor.report(Progress { done: trial, total, loss }) == Flow::Stop {
                return Err(Error::Interrupted);
            }
            journey.step(self, module, step, records)?;
            if !self.is_off(step) {
                module.teach(&mut journey.moment);
            }
        }
        Ok(journey.mean_squared_error())
    }

    /// Blocks of trials side by side; weights change once, if at all.
    pub fn side_by_side(
        &self,
        module: &mut Module<R>,
        blocks: &[(usize, usize)],
        learning: Learning,
        records: &Records<'_, R>,
        threads: &Threads,
        monitor: &mut dyn Monitor,
    ) -> Result<()> {
        let still = &*module;
        let (n_features, n_zones) = (still.circuit.n_features(), still.circuit.n_zones());
        let sums = || Sums::new(still.plasticity.rule, n_features, n_zones);
        let one_block = |block: usize, stop: &dyn Fn() -> bool| -> Result<Option<Sums<R>>> {
            let (first, n_samples) = blocks[block];
            let mut journey = Journey::start(self, still, block, first, n_samples)?;
            let mut part = (learning == Learning::Batched).then(sums);
            for step in 0..self.trials.n_steps {
                if step % STRETCH == 0 && stop() {
                    return Err(Error::Interrupted);
                }
                journey.step(self, still, step, records)?;
                if let (Some(part), false) = (&mut part, self.is_off(step)) {
                    part.add(&journey.moment.arrived, &journey.moment.eligibility);
                }
            }
            Ok(part)
        };
        let ended = threads.map_polled(blocks.len(), one_block, &mut |done| {
            // The losses of a run come with its result; zero lets the caller's bar move.
            monitor.report(Progress { done, total: blocks.len(), loss: 0.0 }) == Flow::Continue
        });
        let mut all = sums();
        for part in ended {
            if let Some(part) = part? {
                all.merge(&part);
            }
        }
        if learning == Learning::Batched {
            let kept = (module.circuit.weights().to_vec(), module.means.clone());
            let n_on = (0..self.trials.n_steps).filter(|&step| !self.is_off(step)).count();
            let n_trials = self.trials.n_trials;
            module.plasticity.follow_batch(&mut module.circuit, &mut all, n_trials, n_on)?;
            module.keep_or_restore(&kept, false, || " after the batch".to_owned())?;
        }
        Ok(())
    }

    /// External inputs of a trial at a step.
    pub fn external(&self, trial: usize, step: usize) -> &[R] {
        &self.trials.inputs[(trial * self.trials.n_steps + step) * self.n_external..][..self.n_external]
    }

    /// Whether the module is off at a step.
    pub fn is_off(&self, step: usize) -> bool {
        self.trials.off.get(step).copied().unwrap_or(false)
    }
}
