//! Gated recurrent units (Cho et al. 2014), in PyTorch's form and order: the reset gate acts on the recurrent sum of the
//! candidate, not on the state.
//!
//! ```text
//! ρ, ζ = σ(z_r), σ(z_z),   n = tanh(x + ρ y)      x, y: what inputs and what recurrent weights send to the candidate
//! r = h ← (1 − ζ) n + ζ h⁻
//!
//! δ_x = λ (1 − ζ)(1 − n²)   δ_y = δ_x ρ   δ_r = δ_x y ρ(1 − ρ)   δ_z = λ (h⁻ − n) ζ(1 − ζ)   λ⁻ = λ ζ
//! ```
//! Slots of the drive: r, z, x, y.

use super::{Dynamics, PullBack, Segment, Step, in_place, multiply};
use crate::numerics::activation::{sigmoid_one, tanh_one};
use crate::numerics::simd::vectorised;
use crate::real::Real;

pub struct Gru;

const SEGMENTS: [Segment; 3] = [
    Segment { slot: 0, n_slots: 2, recurrent: Some(0), input: Some(0) },
    Segment { slot: 2, n_slots: 1, recurrent: None, input: Some(2) },
    Segment { slot: 3, n_slots: 1, recurrent: Some(2), input: None },
];

impl<R: Real> Dynamics<R> for Gru {
    fn segments(&self) -> &'static [Segment] {
        &SEGMENTS
    }
    fn n_slots(&self) -> usize {
        4
    }
    fn candidate(&self) -> usize {
        2
    }
    fn memories(&self) -> &'static [&'static str] {
        &[]
    }
    fn keeps_drive(&self) -> bool {
        true
    }
    fn step(&self, step: Step<'_, R>) {
        forward(step.width, step.drive, step.activity_before, step.activity);
    }
    fn pull_back(&self, step: PullBack<'_, R>) {
        backward(step.width, step.drive, step.activity_before, step.lambda, step.delta);
    }
}

vectorised! {
    fn forward<R: Real>(width: usize, drive: &mut [R], before: &[R], activity: &mut [R]) {
        let states = before.chunks_exact(width).zip(activity.chunks_exact_mut(width));
        for (drive, (before, activity)) in drive.chunks_exact_mut(4 * width).zip(states) {
            let (gates, rest) = drive.split_at_mut(2 * width);
            let (candidate, recurrent) = rest.split_at_mut(width);
            in_place(gates, sigmoid_one::<R, FUSED>);
            let (reset, update) = gates.split_at(width);
            add_product(candidate, reset, recurrent);
            in_place(candidate, tanh_one::<R, FUSED>);
            mix(activity, update, candidate, before);
        }
    }
}

vectorised! {
    fn backward<R: Real>(width: usize, drive: &[R], before: &[R], lambda: &mut [R], delta: &mut [R]) {
        let states = before.chunks_exact(width).zip(lambda.chunks_exact_mut(width));
        let gates = drive.chunks_exact(4 * width).zip(delta.chunks_exact_mut(4 * width));
        for ((drive, delta), (before, lambda)) in gates.zip(states) {
            let (reset, rest) = drive.split_at(width);
            let (update, rest) = rest.split_at(width);
            let (candidate, recurrent) = rest.split_at(width);
            let (d_reset, rest) = delta.split_at_mut(width);
            let (d_update, rest) = rest.split_at_mut(width);
            let (d_candidate, d_recurrent) = rest.split_at_mut(width);
            of_candidate(d_candidate, lambda, update, candidate);
            of_reset(d_reset, d_recurrent, d_candidate, recurrent, reset);
            of_update(d_update, lambda, before, candidate, update);
            multiply(lambda, update);
        }
    }
}

/// out += a b.
#[inline(always)]
fn add_product<R: Real>(out: &mut [R], a: &[R], b: &[R]) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out += a * b;
    }
}

/// h = (1 − ζ) n + ζ h⁻.
#[inline(always)]
fn mix<R: Real>(h: &mut [R], zeta: &[R], n: &[R], before: &[R]) {
    for (((h, &zeta), &n), &before) in h.iter_mut().zip(zeta).zip(n).zip(before) {
        *h = (R::ONE - zeta) * n + zeta * before;
    }
}

/// δ_x = λ (1 − ζ)(1 − n²).
#[inline(always)]
fn of_candidate<R: Real>(delta: &mut [R], lambda: &[R], zeta: &[R], n: &[R]) {
    for (((delta, &lambda), &zeta), &n) in delta.iter_mut().zip(lambda).zip(zeta).zip(n) {
        *delta = lambda * (R::ONE - zeta) * (R::ONE - n * n);
    }
}

/// δ_y = δ_x ρ,   δ_r = δ_x y ρ (1 − ρ).
#[inline(always)]
fn of_reset<R: Real>(d_reset: &mut [R], d_recurrent: &mut [R], d_candidate: &[R], y: &[R], rho: &[R]) {
    let out = d_reset.iter_mut().zip(d_recurrent);
    for ((((d_reset, d_recurrent), &d), &y), &rho) in out.zip(d_candidate).zip(y).zip(rho) {
        let through = d * rho;
        *d_recurrent = through;
        *d_reset = through * y * (R::ONE - rho);
    }
}

/// δ_z = λ (h⁻ − n) ζ (1 − ζ).
#[inline(always)]
fn of_update<R: Real>(delta: &mut [R], lambda: &[R], before: &[R], n: &[R], zeta: &[R]) {
    for ((((delta, &lambda), &before), &n), &zeta) in
        delta.iter_mut().zip(lambda).zip(before).zip(n).zip(zeta)
    {
        *delta = lambda * (before - n) * zeta * (R::ONE - zeta);
    }
}
