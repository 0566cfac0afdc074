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

use super::{Dynamics, PullBack, Segment, Step};
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
            let (reset, rest) = drive.split_at_mut(width);
            let (update, rest) = rest.split_at_mut(width);
            let (candidate, recurrent) = rest.split_at_mut(width);
            let (before, activity) = (&before[..width], &mut activity[..width]);
            let recurrent = &recurrent[..width];
            for unit in 0..width {
                reset[unit] = sigmoid_one::<R, FUSED>(reset[unit]);
                update[unit] = sigmoid_one::<R, FUSED>(update[unit]);
                candidate[unit] = tanh_one::<R, FUSED>(candidate[unit] + reset[unit] * recurrent[unit]);
                activity[unit] = (R::ONE - update[unit]) * candidate[unit] + update[unit] * before[unit];
            }
        }
    }
}

vectorised! {
    fn backward<R: Real>(width: usize, drive: &[R], before: &[R], lambda: &mut [R], delta: &mut [R]) {
        let states = before.chunks_exact(width).zip(lambda.chunks_exact_mut(width));
        let gates = drive.chunks_exact(4 * width).zip(delta.chunks_exact_mut(4 * width));
        for ((drive, delta), (before, lambda)) in gates.zip(states) {
            let (reset, update) = (&drive[..width], &drive[width..2 * width]);
            let (candidate, recurrent) = (&drive[2 * width..3 * width], &drive[3 * width..4 * width]);
            let (before, lambda) = (&before[..width], &mut lambda[..width]);
            let (d_reset, rest) = delta.split_at_mut(width);
            let (d_update, rest) = rest.split_at_mut(width);
            let (d_candidate, d_recurrent) = rest.split_at_mut(width);
            let d_recurrent = &mut d_recurrent[..width];
            for unit in 0..width {
                let (n, zeta, rho) = (candidate[unit], update[unit], reset[unit]);
                let d_n = lambda[unit] * (R::ONE - zeta) * (R::ONE - n * n);
                d_reset[unit] = d_n * recurrent[unit] * rho * (R::ONE - rho);
                d_update[unit] = lambda[unit] * (before[unit] - n) * zeta * (R::ONE - zeta);
                d_candidate[unit] = d_n;
                d_recurrent[unit] = d_n * rho;
                lambda[unit] *= zeta;
            }
        }
    }
}
