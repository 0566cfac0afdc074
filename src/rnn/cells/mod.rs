//! What one step does to each unit by itself, and how a gradient passes back through it.
//!
//! A step of the network first sums up the drive of every unit (weights, noise, currents: see `forward`); the cell then
//! turns drive and state into the next state, unit by unit. Since nothing here mixes units, one call serves the
//! simulation and the adjoint, and, fed with unit vectors, gives the local Jacobians that online learning rules need.
//!
//! | symbol | name | shape, all rows padded to `width` |
//! | --- | --- | --- |
//! | r | activity: what units send on | samples × units |
//! | m | memories: states that stay inside (currents, cells, voltages) | memories × samples × units |
//! | z | drive, and what the cell keeps in its place for the way back | samples × slots × units |
//! | λ | gradient of the loss with respect to r and m | like r and m |
//! | δ | gradient with respect to the drive | like z |

mod gru;
mod lstm;
mod rate;
mod spiking;

use super::structure::{Cell, Leak, Structure};
use crate::numerics::lanes::padded;
use crate::real::Real;

/// A range of drive slots and the rows of weights ("gates") that feed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// First slot.
    pub slot: usize,
    /// Slots.
    pub n_slots: usize,
    /// First gate of the recurrent weights, if they feed it.
    pub recurrent: Option<usize>,
    /// First gate of input and feedback weights and bias, if they feed it.
    pub input: Option<usize>,
}

/// What the readout sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readout {
    /// The activity r.
    Activity,
    /// A memory.
    Memory(usize),
}

/// One step of all samples of a block.
pub struct Step<'a, R> {
    /// Padded number of units.
    pub width: usize,
    /// In: the drive. Out: what `pull_back` needs of it. Empty where the drive comes in `activity`.
    pub drive: &'a mut [R],
    /// r of the step before.
    pub activity_before: &'a [R],
    /// m of the step before.
    pub memory_before: &'a [R],
    /// Out: r.
    pub activity: &'a mut [R],
    /// Out: m.
    pub memory: &'a mut [R],
    /// Units that send nothing at this step, one flag each; empty: all send. Activity is set to zero by the caller; only
    /// cells whose memories follow their activity must look.
    pub silent: &'a [bool],
}

/// The way back through one step.
pub struct PullBack<'a, R> {
    /// Padded number of units.
    pub width: usize,
    /// What `step` left.
    pub drive: &'a [R],
    /// r of the step before.
    pub activity_before: &'a [R],
    /// m of the step before.
    pub memory_before: &'a [R],
    /// r of this step.
    pub activity: &'a [R],
    /// m of this step.
    pub memory: &'a [R],
    /// In: λ of r. Out: what passes to r of the step before without weights.
    pub lambda: &'a mut [R],
    /// In: λ of m. Out: λ of m of the step before.
    pub lambda_memory: &'a mut [R],
    /// Out: δ.
    pub delta: &'a mut [R],
    /// Adds the gradient of the leak α of every unit, if wanted (else empty).
    pub leak: &'a mut [R],
    /// As in the step; λ of silent units is zero already.
    pub silent: &'a [bool],
}

/// A kind of unit.
pub trait Dynamics<R: Real>: Send + Sync {
    /// How weights feed the drive.
    fn segments(&self) -> &'static [Segment];
    /// Slots of drive per unit.
    fn n_slots(&self) -> usize;
    /// The slot that private noise and injected currents enter.
    fn candidate(&self) -> usize;
    /// Memories per unit.
    fn memories(&self) -> &'static [&'static str];
    /// Whether the drive is kept for the way back; if not, it comes in the place of the activity.
    fn keeps_drive(&self) -> bool;
    /// What outputs are read from.
    fn readout(&self) -> Readout {
        Readout::Activity
    }
    /// The activity that goes with the initial memories, where they decide it (rates of currents).
    fn initial_activity(&self, _memory: &[R], _activity: &mut [R]) {}
    /// The way back through that: λ of the initial activity is passed on to the memories.
    fn pull_back_initial(&self, _activity: &[R], _lambda: &mut [R], _lambda_memory: &mut [R]) {}
    /// Forward.
    fn step(&self, step: Step<'_, R>);
    /// Backward.
    fn pull_back(&self, step: PullBack<'_, R>);
}

/// Weights of one gate that feed one slot.
const SINGLE: [Segment; 1] = [Segment { slot: 0, n_slots: 1, recurrent: Some(0), input: Some(0) }];

/// The cell of a network. `alpha` replaces the leak of the structure (a trained one).
pub fn dynamics<R: Real>(structure: &Structure, alpha: Option<&[R]>) -> Box<dyn Dynamics<R>> {
    match &structure.cell {
        Cell::Rate { activation, leak, alpha: fixed } => {
            let given =
                || alpha.map_or_else(|| fixed.iter().map(|&a| R::from_f64(a)).collect(), <[R]>::to_vec);
            let mut alpha: Vec<R> = given();
            let instant = alpha.iter().all(|&a| a == R::ONE);
            alpha.resize(padded::<R>(structure.n_units), R::ONE);
            match leak {
                Leak::Rate if instant => Box::new(rate::Instant { activation: *activation }),
                Leak::Rate => Box::new(rate::LeakyRate { activation: *activation, alpha }),
                Leak::Current => Box::new(rate::LeakyCurrent { activation: *activation, alpha }),
            }
        }
        Cell::Gru => Box::new(gru::Gru),
        Cell::Lstm => Box::new(lstm::Lstm),
        Cell::Spiking(spiking) => Box::new(spiking::Units { spiking: *spiking }),
    }
}

/// f of every value.
#[inline(always)]
fn in_place<R: Real>(values: &mut [R], f: impl Fn(R) -> R) {
    for value in values {
        *value = f(*value);
    }
}

/// out ← out · factor.
#[inline(always)]
fn multiply<R: Real>(out: &mut [R], factor: &[R]) {
    for (out, &factor) in out.iter_mut().zip(factor) {
        *out *= factor;
    }
}
