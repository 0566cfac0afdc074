//! What is known of a body at many moments: one row of numbers each, no time between them.

use super::arm::Arm;
use super::body::{Body, MAX_STATES};
use super::muscles::Muscles;
use super::scalar::Variable;
use crate::error::{Error, Result};
use crate::numerics::room::room;
use crate::real::Real;

/// Rows of `M` numbers.
fn map<R: Real, const M: usize>(n_rows: usize, f: impl Fn(usize) -> Result<[f64; M]>) -> Result<Vec<R>> {
    let mut out = room(&[n_rows, M], R::ZERO)?;
    for (row, out) in out.as_chunks_mut::<M>().0.iter_mut().enumerate() {
        *out = f(row)?.map(R::from_f64);
    }
    Ok(out)
}

/// One row in double precision.
fn row<R: Real>(values: &[R], n: usize, at: usize) -> [f64; MAX_STATES] {
    let mut wide = [0.0; MAX_STATES];
    for (wide, value) in wide.iter_mut().zip(&values[at * n..][..n]) {
        *wide = value.to_f64();
    }
    wide
}

fn pair<R: Real>(values: &[R], at: usize) -> [f64; 2] {
    [values[2 * at].to_f64(), values[2 * at + 1].to_f64()]
}

fn check(argument: &'static str, got: usize, n_rows: usize, n: usize) -> Result<()> {
    if got == n_rows * n { Ok(()) } else { Err(Error::shape(argument, &[got], format!("({n_rows}, {n})"))) }
}

fn count<B: Body>(states: usize) -> Result<usize> {
    check("state", states, states / B::N_STATES, B::N_STATES)?;
    Ok(states / B::N_STATES)
}

/// Positions and velocities of the hand, (rows, 4).
pub fn hands<B: Body, R: Real>(body: &B, states: &[R]) -> Result<Vec<R>> {
    let n = count::<B>(states.len())?;
    map(n, |at| Ok(body.hand(&row(states, B::N_STATES, at)[..])))
}

/// Kinetic energies, (rows).
pub fn energies<B: Body, R: Real>(body: &B, states: &[R]) -> Result<Vec<R>> {
    let n = count::<B>(states.len())?;
    map(n, |at| Ok([body.energy(&row(states, B::N_STATES, at))]))
}

/// Accelerations of the coordinates, (rows, 2).
pub fn accelerations<B: Body, R: Real>(
    body: &B,
    states: &[R],
    controls: &[R],
    loads: &[R],
) -> Result<Vec<R>> {
    let n = count::<B>(states.len())?;
    check(B::CONTROL, controls.len(), n, B::N_CONTROLS)?;
    check("load", loads.len(), n, 2)?;
    map(n, |at| {
        let (state, control) = (row(states, B::N_STATES, at), row(controls, B::N_CONTROLS, at));
        Ok(body.acceleration(&state[..B::N_STATES], &control[..B::N_CONTROLS], pair(loads, at)))
    })
}

/// What must drive a body, (rows, 2).
pub fn drives<B: Body, R: Real>(body: &B, states: &[R], accelerations: &[R], loads: &[R]) -> Result<Vec<R>> {
    let n = count::<B>(states.len())?;
    check("acceleration", accelerations.len(), n, 2)?;
    check("load", loads.len(), n, 2)?;
    map(n, |at| {
        let state = row(states, B::N_STATES, at);
        Ok(body.inverse_dynamics(&state, pair(accelerations, at), pair(loads, at)))
    })
}

/// Joint angles and velocities for hands, (rows, 4).
pub fn joints<R: Real>(arm: &Arm, hands: &[R]) -> Result<Vec<R>> {
    check("position", hands.len(), hands.len() / 4, 4)?;
    map(hands.len() / 4, |at| {
        let wide = row(hands, 4, at);
        let hand = [wide[0], wide[1], wide[2], wide[3]];
        arm.joints(hand).ok_or_else(|| {
            let [near, far] = arm.reach();
            let got = format!("({}, {})", hand[0], hand[1]);
            Error::value("position", got, format!("a place {near:.3} m to {far:.3} m from the shoulder"))
        })
    })
}

/// Lengths of muscles, (rows, 6), and their slopes by joint angles, (rows, 6, 2).
pub fn geometry<R: Real>(muscles: &Muscles, angles: &[R]) -> Result<(Vec<R>, Vec<R>)> {
    check("angles", angles.len(), angles.len() / 2, 2)?;
    let n = angles.len() / 2;
    let lengths = map(n, |at| Ok(muscles.geometry(pair(angles, at)).0))?;
    let arms = map(n, |at| {
        let arms = muscles.geometry(pair(angles, at)).1;
        Ok::<[f64; 12], Error>(std::array::from_fn(|i| arms[i / 2][i % 2]))
    })?;
    Ok((lengths, arms))
}

/// What losses of the hand ask of states: (∂hand/∂state)ᵀ of gradients by positions and velocities, (rows, 4) to (rows, states).
pub fn pull_hands_back<B: Body, R: Real>(body: &B, states: &[R], d_hands: &[R]) -> Result<Vec<R>> {
    let n = count::<B>(states.len())?;
    check("d_hand", d_hands.len(), n, 4)?;
    let mut out = room(&[n, B::N_STATES], R::ZERO)?;
    for (at, out) in out.chunks_exact_mut(B::N_STATES).enumerate() {
        let wide = row(states, B::N_STATES, at);
        let variables: [B::Dual; 4] = std::array::from_fn(|i| B::Dual::variable(wide[i], i));
        let hand = body.hand(&variables[..]);
        for (i, out) in out[..4].iter_mut().enumerate() {
            let slopes = hand.iter().zip(&row(d_hands, 4, at)).map(|(hand, d)| d * hand.tangent()[i]).sum();
            *out = R::from_f64(slopes);
        }
    }
    Ok(out)
}
