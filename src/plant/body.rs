//! Bodies that move in a plane, and how they are stepped through time.
//!
//! ```text
//! semi-implicit Euler      z' = Z_h(z, u),   v' = v + h a(q, v, z', u, F(q, v)),   q' = q + h v'
//! classical Runge–Kutta    s' = s + h/6 (k₁ + 2 k₂ + 2 k₃ + k₄),   k = ṡ at s, s + h/2 k₁, s + h/2 k₂, s + h k₃
//! after either             q' beyond a limit: q' = limit, and v' = 0 if it leads further out
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | s = (q, v, z) | `state` | (states) |
//! | q, v | its first four: coordinates and their velocities | (2), (2) |
//! | z | the others: activations of muscles | (states − 4) |
//! | u | `control`, held over the step | (controls) |
//! | F | field at the hand, plus `load`, held over the step | (2) |
//! | h = dt / `n_substeps` | length of a substep | () |
//!
//! Order 1 and order 4 (measured in `tests`). The mass matrix of an arm depends on q, so that semi-implicit Euler in (q, v) is not
//! symplectic there. A stop takes the velocity of its own joint and leaves the other's, so it is no impact of rigid bodies. Everything is computed in double precision.

use super::field::Field;
use super::scalar::{Scalar, Variable};
use crate::error::{Error, Result};

/// No body has more states.
pub const MAX_STATES: usize = 10;
/// More parts of a step are refused: nothing could stop it before its end.
pub const MAX_SUBSTEPS: usize = 10_000;
/// No body has more controls.
pub const MAX_CONTROLS: usize = 6;

/// A body with two coordinates and a hand.
pub trait Body: Sync {
    /// Coordinates, velocities and whatever else moves.
    const N_STATES: usize;
    /// What drives it.
    const N_CONTROLS: usize;
    /// The names of states and controls in Python.
    const CONTROL: &'static str;
    /// Numbers that carry the derivatives by states, controls and load.
    type Dual: Variable;

    /// Position and velocity of the hand.
    fn hand<S: Scalar>(&self, state: &[S]) -> [S; 4];
    /// v̇ under these controls and this force on the hand.
    fn acceleration<S: Scalar>(&self, state: &[S], control: &[S], force: [S; 2]) -> [S; 2];
    /// Where coordinates are stopped.
    fn limits(&self) -> Option<[[f64; 2]; 2]> {
        None
    }
    /// ż, the rest of the state.
    fn rest_rates<S: Scalar>(&self, _state: &[S], _control: &[S], _out: &mut [S]) {}
    /// Z_h: the rest of the state one substep on.
    fn advance_rest<S: Scalar>(&self, _state: &mut [S], _control: &[S], _h: f64) {}
    /// Keeps the rest of the state within bounds.
    fn bound_rest<S: Scalar>(&self, _rest: &mut [S]) {}
    /// Kinetic energy, J.
    fn energy(&self, state: &[f64]) -> f64;
    /// What must drive it, in N or N m, to be accelerated so under this force on the hand.
    fn inverse_dynamics(&self, state: &[f64], acceleration: [f64; 2], force: [f64; 2]) -> [f64; 2];
    /// What is wrong with a control, if anything is.
    fn check_control(&self, control: f64) -> Result<()> {
        if control.is_finite() { Ok(()) } else { Err(Error::value(Self::CONTROL, control, "finite numbers")) }
    }
    /// What is wrong with a state, if anything is.
    fn check_state(&self, state: &[f64]) -> Result<()> {
        match state.iter().find(|value| !value.is_finite()) {
            None => Ok(()),
            Some(bad) => Err(Error::value("state", bad, "finite numbers")),
        }
    }
}

/// How time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Velocities first, then coordinates with the new velocities.
    SemiImplicitEuler,
    /// The classical one of order four.
    RungeKutta,
}

/// How a step is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stepping {
    method: Method,
    n_substeps: usize,
    dt: f64,
}

impl Stepping {
    /// Steps of `dt` seconds in so many parts.
    pub fn new(method: Method, n_substeps: usize, dt: f64) -> Result<Self> {
        if !(dt > 0.0 && dt.is_finite()) {
            return Err(Error::value("dt", dt, "a finite number of seconds above 0"));
        }
        if !(1..=MAX_SUBSTEPS).contains(&n_substeps) {
            return Err(Error::value("n_substeps", n_substeps, format!("1 to {MAX_SUBSTEPS}")));
        }
        Ok(Self { method, n_substeps, dt })
    }

    /// Substeps of a step.
    pub fn n_substeps(&self) -> usize {
        self.n_substeps
    }

    /// Moves a state on by one step.
    #[inline(always)]
    pub fn step<B: Body, S: Scalar>(
        &self,
        body: &B,
        state: &mut [S],
        control: &[S],
        load: [S; 2],
        field: &Field,
    ) {
        let h = self.dt / self.n_substeps as f64;
        for _ in 0..self.n_substeps {
            match self.method {
                Method::SemiImplicitEuler => semi_implicit(body, state, control, load, field, h),
                Method::RungeKutta => runge_kutta(body, state, control, load, field, h),
            }
            stop(body, state);
        }
    }
}

#[inline(always)]
fn pushed<B: Body, S: Scalar>(body: &B, state: &[S], load: [S; 2], field: &Field) -> [S; 2] {
    let [fx, fy] = field.force(&body.hand(state));
    [fx + load[0], fy + load[1]]
}

#[inline(always)]
fn semi_implicit<B: Body, S: Scalar>(
    body: &B,
    state: &mut [S],
    control: &[S],
    load: [S; 2],
    field: &Field,
    h: f64,
) {
    body.advance_rest(state, control, h);
    let force = pushed(body, state, load, field);
    let acceleration = body.acceleration(state, control, force);
    for i in 0..2 {
        state[2 + i] = state[2 + i] + acceleration[i].scaled(h);
        state[i] = state[i] + state[2 + i].scaled(h);
    }
}

#[inline(always)]
fn runge_kutta<B: Body, S: Scalar>(
    body: &B,
    state: &mut [S],
    control: &[S],
    load: [S; 2],
    field: &Field,
    h: f64,
) {
    let n = B::N_STATES;
    let mut sum = [S::constant(0.0); MAX_STATES];
    let mut rate = [S::constant(0.0); MAX_STATES];
    let mut at = [S::constant(0.0); MAX_STATES];
    for (forward, weight) in [(0.0, 1.0), (0.5, 2.0), (0.5, 2.0), (1.0, 1.0)] {
        for i in 0..n {
            at[i] = state[i] + rate[i].scaled(forward * h);
        }
        let acceleration = body.acceleration(&at[..n], control, pushed(body, &at[..n], load, field));
        rate[..2].copy_from_slice(&at[2..4]);
        rate[2..4].copy_from_slice(&acceleration);
        body.rest_rates(&at[..n], control, &mut rate[4..n]);
        for i in 0..n {
            sum[i] = sum[i] + rate[i].scaled(weight);
        }
    }
    for i in 0..n {
        state[i] = state[i] + sum[i].scaled(h / 6.0);
    }
}

#[inline(always)]
fn stop<B: Body, S: Scalar>(body: &B, state: &mut [S]) {
    if let Some(limits) = body.limits() {
        for (i, [low, high]) in limits.into_iter().enumerate() {
            let (angle, velocity) = (state[i].value(), state[2 + i].value());
            if angle < low || angle > high {
                state[i] = S::constant(if angle < low { low } else { high });
                if (angle < low) == (velocity < 0.0) {
                    state[2 + i] = S::constant(0.0);
                }
            }
        }
    }
    body.bound_rest(&mut state[4..]);
}
