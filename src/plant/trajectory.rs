//! Whole movements of many trials, and the way back of their gradients.
//!
//! ```text
//! s_{n+1} = f(s_n, u_n, F_n)
//! λ_T = ∂L/∂s_T,   λ_n = ∂L/∂s_n + (∂f/∂s_n)ᵀ λ_{n+1},   dL/du_n = (∂f/∂u_n)ᵀ λ_{n+1},   dL/dF_n = (∂f/∂F_n)ᵀ λ_{n+1}
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | s | `states` | (trials, steps + 1, states) |
//! | u | `controls` | (trials, steps, controls) |
//! | F | `loads` | (trials, steps, 2) |
//! | f | `Stepping::step` | |
//! | ∂L/∂s | `outer`: as if states did not depend on each other | (trials, steps + 1, states) |
//! | λ₀ = dL/ds₀ | `Gradients::start` | (trials, states) |
//!
//! A step is computed in double precision and its result is rounded to the precision of the arrays, so that a run is its steps
//! one by one. Trials are independent and each is computed on one thread: the number of threads changes nothing.

use super::body::{Body, MAX_CONTROLS, MAX_STATES, Stepping};
use super::field::Field;
use super::scalar::{Scalar, Variable};
use crate::error::{Error, Result};
use crate::monitor::{Flow, Monitor, Progress};
use crate::numerics::parallel::Threads;
use crate::numerics::room::{length, room};
use crate::real::Real;

/// Trials that are one piece of work.
const TRIALS: usize = 4;
/// Substeps below which waking a thread takes longer than the work.
const FEW: usize = 2_000;
/// Substeps between two looks at the caller's wish to stop.
const BETWEEN_LOOKS: usize = 64;

/// What a movement is made of, apart from its beginning.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a, R> {
    /// How steps are taken.
    pub stepping: Stepping,
    /// Trials.
    pub n_trials: usize,
    /// Steps of each.
    pub n_steps: usize,
    /// u.
    pub controls: &'a [R],
    /// F, or none.
    pub loads: Option<&'a [R]>,
    /// One for all trials, or one for each.
    pub fields: &'a [Field],
}

/// dL/du, dL/dF and dL/ds₀.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients<R> {
    /// (trials, steps, controls).
    pub controls: Vec<R>,
    /// (trials, steps, 2).
    pub loads: Vec<R>,
    /// (trials, states).
    pub start: Vec<R>,
}

impl<R: Real> Course<'_, R> {
    fn check<B: Body>(&self, body: &B) -> Result<()> {
        let wanted = [self.n_trials, self.n_steps, B::N_CONTROLS];
        if self.controls.len() != length::<R>(&wanted)? {
            return Err(Error::shape(B::CONTROL, &[self.controls.len()], format!("{wanted:?}")));
        }
        if let Some(loads) = self.loads {
            let wanted = [self.n_trials, self.n_steps, 2];
            if loads.len() != length::<R>(&wanted)? {
                return Err(Error::shape("load", &[loads.len()], format!("{wanted:?}")));
            }
            if let Some(bad) = loads.iter().find(|load| !load.to_f64().is_finite()) {
                return Err(Error::value("load", bad, "finite numbers"));
            }
        }
        if self.fields.len() != 1 && self.fields.len() != self.n_trials {
            let expected = format!("one field, or one for each of {} trials", self.n_trials);
            return Err(Error::shape("field", &[self.fields.len()], expected));
        }
        self.controls.iter().try_for_each(|control| body.check_control(control.to_f64()))
    }

    fn field(&self, trial: usize) -> &Field {
        &self.fields[if self.fields.len() == 1 { 0 } else { trial }]
    }

    fn control(&self, trial: usize, step: usize, n: usize) -> &[R] {
        &self.controls[(trial * self.n_steps + step) * n..][..n]
    }

    fn load(&self, trial: usize, step: usize) -> [f64; 2] {
        let at = 2 * (trial * self.n_steps + step);
        self.loads.map_or([0.0; 2], |loads| [loads[at].to_f64(), loads[at + 1].to_f64()])
    }

    /// Steps between two looks at the caller's wish to stop.
    fn stride(&self) -> usize {
        (BETWEEN_LOOKS / self.stepping.n_substeps()).max(1)
    }

    /// Pieces of trials side by side.
    fn pieces<O: Send>(
        &self,
        threads: &Threads,
        monitor: &mut dyn Monitor,
        f: impl Fn(std::ops::Range<usize>, &dyn Fn() -> bool) -> Result<O> + Sync,
    ) -> Result<Vec<O>> {
        let work = self.n_trials.saturating_mul(self.n_steps).saturating_mul(self.stepping.n_substeps());
        let alone = Threads::one();
        let threads = if work < FEW { &alone } else { threads };
        let n_pieces = self.n_trials.div_ceil(TRIALS);
        let mut poll =
            |done| monitor.report(Progress { done, total: n_pieces, loss: f64::NAN }) == Flow::Continue;
        let piece = |i: usize, stopped: &dyn Fn() -> bool| {
            f(i * TRIALS..((i + 1) * TRIALS).min(self.n_trials), stopped)
        };
        threads.map_polled(n_pieces, piece, &mut poll).into_iter().collect()
    }
}

/// The states of all trials from their beginnings, (trials, states), on.
pub fn run<B: Body, R: Real>(
    body: &B,
    start: &[R],
    course: &Course<'_, R>,
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<Vec<R>> {
    const { assert!(B::N_STATES <= MAX_STATES && B::N_CONTROLS <= MAX_CONTROLS) };
    let n = B::N_STATES;
    course.check(body)?;
    if start.len() != course.n_trials * n {
        return Err(Error::shape("state", &[start.len()], format!("({}, {n})", course.n_trials)));
    }
    for state in start.chunks_exact(n) {
        body.check_state(&widened::<R>(state)[..n])?;
    }
    let width = (course.n_steps + 1) * n;
    length::<R>(&[course.n_trials, course.n_steps.saturating_add(1), n])?;
    let pieces = course.pieces(threads, monitor, |trials, stopped| {
        let mut states = room(&[trials.len(), width], R::ZERO)?;
        for (trial, states) in trials.zip(states.chunks_exact_mut(width)) {
            states[..n].copy_from_slice(&start[trial * n..][..n]);
            for step in 0..course.n_steps {
                if step % course.stride() == 0 && stopped() {
                    return Err(Error::Interrupted);
                }
                let (before, after) = states.split_at_mut((step + 1) * n);
                let mut state = widened::<R>(&before[step * n..]);
                let control = widened::<R>(course.control(trial, step, B::N_CONTROLS));
                let load = course.load(trial, step);
                let field = course.field(trial);
                course.stepping.step(body, &mut state[..n], &control[..B::N_CONTROLS], load, field);
                for (after, &state) in after.iter_mut().zip(&state[..n]) {
                    *after = R::from_f64(state);
                    if !after.to_f64().is_finite() {
                        return Err(Error::Diverged { what: "the state", place: place(step, trial) });
                    }
                }
            }
        }
        Ok(states)
    })?;
    Ok(pieces.concat())
}

/// The gradients of a loss, given those by each state as if it stood alone.
pub fn pull_back<B: Body, R: Real>(
    body: &B,
    states: &[R],
    outer: &[R],
    course: &Course<'_, R>,
    threads: &Threads,
    monitor: &mut dyn Monitor,
) -> Result<Gradients<R>> {
    let (n, c) = (B::N_STATES, B::N_CONTROLS);
    course.check(body)?;
    let wanted = [course.n_trials, course.n_steps + 1, n];
    for (argument, array) in [("states", states), ("d_states", outer)] {
        if array.len() != length::<R>(&wanted)? {
            return Err(Error::shape(argument, &[array.len()], format!("{wanted:?}")));
        }
        if let Some(bad) = array.iter().find(|value| !value.to_f64().is_finite()) {
            return Err(Error::value(argument, bad, "finite numbers"));
        }
    }
    let width = (course.n_steps + 1) * n;
    let pieces = course.pieces(threads, monitor, |trials, stopped| {
        let mut controls = room(&[trials.len(), course.n_steps, c], R::ZERO)?;
        let mut loads = room(&[trials.len(), course.n_steps, 2], R::ZERO)?;
        let mut start = room(&[trials.len(), n], R::ZERO)?;
        for (row, trial) in trials.enumerate() {
            let (states, outer) = (&states[trial * width..][..width], &outer[trial * width..][..width]);
            let mut adjoint = widened::<R>(&outer[course.n_steps * n..]);
            for step in (0..course.n_steps).rev() {
                if step % course.stride() == 0 && stopped() {
                    return Err(Error::Interrupted);
                }
                let state = widened::<R>(&states[step * n..][..n]);
                let control = widened::<R>(course.control(trial, step, c));
                let slopes = pull_step_back(
                    body,
                    &course.stepping,
                    &state[..n],
                    &control[..c],
                    course.load(trial, step),
                    course.field(trial),
                    &adjoint,
                );
                if slopes.iter().any(|slope| !slope.is_finite()) {
                    return Err(Error::Diverged { what: "the gradient", place: place(step, trial) });
                }
                for i in 0..n {
                    adjoint[i] = slopes[i] + outer[step * n + i].to_f64();
                }
                let at = row * course.n_steps + step;
                round(&mut controls[at * c..][..c], &slopes[n..]);
                round(&mut loads[at * 2..][..2], &slopes[n + c..]);
            }
            round(&mut start[row * n..][..n], &adjoint);
        }
        Ok(Gradients { controls, loads, start })
    })?;
    let mut all = Gradients { controls: Vec::new(), loads: Vec::new(), start: Vec::new() };
    for piece in pieces {
        all.controls.extend(piece.controls);
        all.loads.extend(piece.loads);
        all.start.extend(piece.start);
    }
    Ok(all)
}

/// Numbers that a step depends on, at the most: state, controls, load.
pub const MAX_SLOPES: usize = MAX_STATES + MAX_CONTROLS + 2;

/// (∂f/∂(s, u, F))ᵀ λ of one step: states first, then controls, then the load.
pub fn pull_step_back<B: Body>(
    body: &B,
    stepping: &Stepping,
    state: &[f64],
    control: &[f64],
    load: [f64; 2],
    field: &Field,
    adjoint: &[f64],
) -> [f64; MAX_SLOPES] {
    let (n, c) = (B::N_STATES, B::N_CONTROLS);
    let mut index = 0;
    let mut variable = |value: f64| {
        index += 1;
        B::Dual::variable(value, index - 1)
    };
    let mut dual_state = [B::Dual::constant(0.0); MAX_STATES];
    for (dual, &value) in dual_state[..n].iter_mut().zip(state) {
        *dual = variable(value);
    }
    let mut dual_control = [B::Dual::constant(0.0); MAX_CONTROLS];
    for (dual, &value) in dual_control[..c].iter_mut().zip(control) {
        *dual = variable(value);
    }
    let load = load.map(variable);
    stepping.step(body, &mut dual_state[..n], &dual_control[..c], load, field);
    let mut slopes = [0.0; MAX_SLOPES];
    for (dual, weight) in dual_state[..n].iter().zip(adjoint) {
        for (slope, tangent) in slopes.iter_mut().zip(dual.tangent()) {
            *slope += weight * tangent;
        }
    }
    slopes
}

fn place(step: usize, trial: usize) -> String {
    format!(" after step {step} of trial {trial}")
}

fn widened<R: Real>(values: &[R]) -> [f64; MAX_STATES] {
    let mut wide = [0.0; MAX_STATES];
    for (wide, value) in wide.iter_mut().zip(values) {
        *wide = value.to_f64();
    }
    wide
}

fn round<R: Real>(out: &mut [R], values: &[f64]) {
    for (out, &value) in out.iter_mut().zip(values) {
        *out = R::from_f64(value);
    }
}
