//! What is wrong with a loop, its network or its trials, if anything is.

use super::{Cursor, Drive, Trials, World};
use crate::error::{Error, Result};
use crate::numerics::room::length;
use crate::plant::body::{MAX_CONTROLS, MAX_STATES};
use crate::plant::senses::{MAX_LIMBS, Senses};
use crate::real::Real;
use crate::rnn::network::Network;
use crate::rnn::structure::Cell;

impl<B: Senses> World<B> {
    fn check_channels(&self) -> Result<()> {
        for (argument, channel, allowed) in [
            ("vision", &self.vision, &[2, 4][..]),
            ("proprioception", &self.proprioception, &[B::N_LIMBS][..]),
        ] {
            let Some(channel) = channel else { continue };
            let n = channel.gain.len();
            if !allowed.contains(&n) || channel.noise.len() != n || channel.offset.len() != n {
                let got = [channel.gain.len(), channel.offset.len(), channel.noise.len()];
                return Err(Error::shape(
                    argument,
                    &got,
                    format!("gains, offsets and noise, {allowed:?} each"),
                ));
            }
            let finite = channel.gain.iter().chain(&channel.offset).all(|value| value.is_finite());
            if !finite || channel.noise.iter().any(|deviation| !(*deviation >= 0.0 && deviation.is_finite()))
            {
                return Err(Error::value(
                    argument,
                    "not finite or negative noise",
                    "finite numbers, noise 0 or more",
                ));
            }
        }
        match self.drive {
            Drive::Linear(unit) if !(unit > 0.0 && unit.is_finite()) => {
                Err(Error::value("control_scale", unit, "a finite number above 0"))
            }
            _ => self.costs.check(),
        }
    }

    pub(super) fn check<R: Real>(&self, network: &Network<R>, trials: &Trials<'_, R>) -> Result<()> {
        const { assert!(B::N_STATES <= MAX_STATES && B::N_CONTROLS <= MAX_CONTROLS && B::N_LIMBS <= MAX_LIMBS) };
        self.check_channels()?;
        let structure = network.structure();
        let plain = matches!(structure.cell, Cell::Rate { .. } | Cell::Gru | Cell::Lstm)
            && !structure.feedback
            && !structure.has_delays()
            && network.rank().is_none()
            && !network.learns_leak()
            && structure.noise == 0.0
            && structure.input_noise == 0.0;
        if !plain {
            let expected = "rate, GRU or LSTM cells with full weights and fixed leaks, without noise, delays or feedback";
            return Err(Error::value("network", "of another kind", expected));
        }
        let (b, t) = (trials.n_trials, trials.n_steps);
        if b == 0 || t == 0 {
            return Err(Error::shape("task", &[b, t], "at least one trial and one step"));
        }
        let senses: usize = self.widths().iter().sum();
        let Some(n_task) = structure.n_inputs.checked_sub(senses) else {
            return Err(Error::value(
                "n_inputs",
                structure.n_inputs,
                format!("{senses} of the senses, or more"),
            ));
        };
        if structure.n_outputs != B::N_CONTROLS {
            return Err(Error::value(
                "n_outputs",
                structure.n_outputs,
                format!("{}, as many as controls", B::N_CONTROLS),
            ));
        }
        if trials.task.len() != length::<R>(&[b, t, n_task])? {
            return Err(Error::shape("task", &[trials.task.len()], format!("({b}, {t}, {n_task})")));
        }
        if trials.task.iter().any(|value| !value.to_f64().is_finite()) {
            return Err(Error::value("task", "not finite", "finite numbers"));
        }
        for (argument, values, wanted) in [
            ("state", Some(trials.start), vec![b, B::N_STATES]),
            ("targets", Some(trials.targets), vec![b, t, 2]),
            ("position_weights", Some(trials.position_weights), vec![b, t]),
            ("velocity_weights", Some(trials.velocity_weights), vec![b, t]),
            ("load", trials.loads, vec![b, t, 2]),
        ] {
            let Some(values) = values else { continue };
            if values.len() != length::<f64>(&wanted)? {
                return Err(Error::shape(argument, &[values.len()], format!("{wanted:?}")));
            }
            if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
                return Err(Error::value(argument, bad, "finite numbers"));
            }
        }
        for (argument, n) in [("field", trials.fields.len()), ("cursor", trials.cursors.len())] {
            if n != 1 && n != b {
                return Err(Error::shape(argument, &[n], format!("one, or one for each of {b} trials")));
            }
        }
        let numbers = |c: &Cursor| c.matrix.into_iter().chain(c.origin);
        if trials.cursors.iter().flat_map(numbers).any(|value| !value.is_finite()) {
            return Err(Error::value("cursor", "not finite", "finite numbers"));
        }
        trials.start.chunks_exact(B::N_STATES).try_for_each(|state| self.body.check_state(state))
    }
}
