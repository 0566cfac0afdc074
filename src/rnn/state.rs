//! Where a run stands: everything that the next step depends on.

use super::wiring::Wiring;
use crate::error::{Error, Result};
use crate::numerics::rng::{Stream, duplicate, stream};
use crate::real::Real;

/// The state of a block of samples, rows padded to whole registers.
#[derive(Debug)]
pub struct State<R> {
    /// Samples.
    pub n_samples: usize,
    /// Steps of activity that are kept.
    pub n_lags: usize,
    /// Steps since the start.
    pub step: usize,
    /// Activity of the last `1 + longest delay` steps, oldest first.
    pub activity: Vec<R>,
    /// Memories of the last step.
    pub memory: Vec<R>,
    /// Inputs on their way, oldest first.
    pub input: Vec<R>,
    /// Outputs on their way back, oldest first.
    pub output: Vec<R>,
    /// Noise of every sample, if there is any.
    pub noise: Vec<Stream>,
}

impl<R: Real> Clone for State<R> {
    fn clone(&self) -> Self {
        Self {
            n_samples: self.n_samples,
            n_lags: self.n_lags,
            step: self.step,
            activity: self.activity.clone(),
            memory: self.memory.clone(),
            input: self.input.clone(),
            output: self.output.clone(),
            noise: self.noise.iter().map(duplicate).collect(),
        }
    }
}

/// Where a variable of the state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// With the activity.
    Activity,
    /// Among the memories.
    Memory(usize),
}

/// The variables that a state consists of, in the order of Jacobians: what a user may set and look at.
pub fn variables<R: Real>(wiring: &Wiring<'_, R>) -> Vec<(&'static str, Place)> {
    let memories = wiring.dynamics.memories();
    match memories.first() {
        None => vec![("h", Place::Activity)],
        Some(&"current") => vec![("current", Place::Memory(0))],
        Some(&"cell") => vec![("h", Place::Activity), ("cell", Place::Memory(0))],
        Some(first) => {
            let others =
                memories.iter().enumerate().skip(1).map(|(index, name)| (*name, Place::Memory(index)));
            [(*first, Place::Memory(0)), ("h", Place::Activity)].into_iter().chain(others).collect()
        }
    }
}

/// An initial state that the caller gives, by name ("h" or a memory's): one row for all samples or one for each.
pub type Initial<'a, R> = [(&'a str, &'a [R])];

/// Whether a given state takes the place of the parameters "h0" and "c0", which then have no part in the run.
pub fn replaced<R: Real>(wiring: &Wiring<'_, R>, given: &Initial<'_, R>) -> (bool, bool) {
    let is_given = |name: &str| given.iter().any(|(known, _)| *known == name);
    (is_given(persistent(wiring)), is_given("cell"))
}

/// The variable that "h0" is: the rate or hidden state, or the current or voltage of a unit.
fn persistent<R: Real>(wiring: &Wiring<'_, R>) -> &'static str {
    match wiring.dynamics.memories().first() {
        None | Some(&"cell") => "h",
        Some(first) => first,
    }
}

impl<R: Real> State<R> {
    /// Rows of a variable now: samples × width.
    pub fn variable(&self, place: Place) -> &[R] {
        let n_lags = self.n_lags;
        let rows = self.activity.len() / n_lags;
        match place {
            Place::Activity => &self.activity[(n_lags - 1) * rows..],
            Place::Memory(index) => &self.memory[index * rows..(index + 1) * rows],
        }
    }

    /// The state before the first step of samples `first..first + n_samples` of `n_trials`.
    pub fn initial(
        wiring: &Wiring<'_, R>,
        first: usize,
        n_samples: usize,
        n_trials: usize,
        given: &Initial<'_, R>,
        seed: Option<u64>,
    ) -> Result<Self> {
        let structure = wiring.network.structure();
        let (n, width) = (structure.n_units, wiring.width);
        let memories = wiring.dynamics.memories();
        let size = n_samples * width;
        let mut activity = vec![R::ZERO; size];
        let mut memory = vec![R::ZERO; memories.len() * size];
        let first_memory = memories.first().copied();
        let mut place = |name: &str, values: &[R]| -> Result<()> {
            let rows: &mut [R] = match memories.iter().position(|known| *known == name) {
                Some(index) => &mut memory[index * size..(index + 1) * size],
                None if name == "h" && first_memory != Some("current") => &mut activity,
                None => {
                    let also = if first_memory == Some("current") { None } else { Some("h") };
                    let known: Vec<&str> = also.into_iter().chain(memories.iter().copied()).collect();
                    return Err(Error::value(
                        "initial_state",
                        name,
                        format!("names among {}", known.join(", ")),
                    ));
                }
            };
            if values.len() != n && values.len() != n_trials * n {
                return Err(Error::shape(
                    "initial_state",
                    &[values.len()],
                    format!("{name} of shape ({n},) or ({n_trials}, {n})"),
                ));
            }
            for (sample, row) in rows.chunks_exact_mut(width).enumerate() {
                let from = if values.len() == n && n_trials != 1 { 0 } else { (first + sample) * n };
                row[..n].copy_from_slice(&values[from % values.len()..][..n]);
            }
            Ok(())
        };
        for (name, parameter) in [(persistent(wiring), "h0"), ("cell", "c0")] {
            let values = wiring.network.values(parameter);
            if !values.is_empty() {
                place(name, values)?;
            }
        }
        for (name, values) in given {
            if values.iter().any(|v| !v.to_f64().is_finite()) {
                return Err(Error::value("initial_state", format!("not finite in {name}"), "finite numbers"));
            }
            place(name, values)?;
        }
        wiring.dynamics.initial_activity(&memory, &mut activity);
        let n_lags = structure.n_lags();
        let activity = activity.repeat(n_lags);
        let n_fed_back = if structure.feedback { 1 + structure.feedback_delay } else { 0 };
        let noise = match seed {
            Some(seed) => (first..first + n_samples).map(|trial| stream(seed, trial as u64)).collect(),
            None => Vec::new(),
        };
        Ok(Self {
            n_samples,
            n_lags,
            step: 0,
            activity,
            memory,
            input: vec![R::ZERO; structure.input_delay * n_samples * wiring.input_width],
            output: vec![R::ZERO; n_fed_back * n_samples * wiring.output_width],
            noise,
        })
    }
}
