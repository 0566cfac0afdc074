//! Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000), gates in PyTorch's
//! order.
//!
//! ```text
//! i, f, g, o = σ(z_i), σ(z_f), tanh(z_g), σ(z_o)
//! c ← f c + i g,   r = h = o tanh c
//!
//! μ += λ o (1 − tanh² c)                         gradient of c, that of later steps included
//! δ_i = μ g i(1 − i)   δ_f = μ c⁻ f(1 − f)   δ_g = μ i (1 − g²)   δ_o = λ tanh(c) o(1 − o)
//! μ⁻ = μ f,   λ⁻ = 0
//! ```

use super::{Dynamics, PullBack, Segment, Step};
use crate::numerics::activation::{sigmoid_one, tanh_one};
use crate::numerics::simd::vectorised;
use crate::real::Real;

pub struct Lstm;

const SEGMENTS: [Segment; 1] = [Segment { slot: 0, n_slots: 4, recurrent: Some(0), input: Some(0) }];

impl<R: Real> Dynamics<R> for Lstm {
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
        &["cell"]
    }
    fn keeps_drive(&self) -> bool {
        true
    }
    fn step(&self, step: Step<'_, R>) {
        forward(step.width, step.drive, step.memory_before, step.activity, step.memory);
    }
    fn pull_back(&self, step: PullBack<'_, R>) {
        backward(
            step.width,
            step.drive,
            step.memory_before,
            step.memory,
            step.lambda,
            step.lambda_memory,
            step.delta,
        );
    }
}

vectorised! {
    fn forward<R: Real>(width: usize, drive: &mut [R], before: &[R], activity: &mut [R], memory: &mut [R]) {
        let states = activity.chunks_exact_mut(width).zip(memory.chunks_exact_mut(width));
        let rows = drive.chunks_exact_mut(4 * width).zip(before.chunks_exact(width)).zip(states);
        for ((drive, before), (activity, memory)) in rows {
            let (i, rest) = drive.split_at_mut(width);
            let (f, rest) = rest.split_at_mut(width);
            let (g, o) = rest.split_at_mut(width);
            let (before, activity, memory) = (&before[..width], &mut activity[..width], &mut memory[..width]);
            let o = &mut o[..width];
            for unit in 0..width {
                i[unit] = sigmoid_one::<R, FUSED>(i[unit]);
                f[unit] = sigmoid_one::<R, FUSED>(f[unit]);
                g[unit] = tanh_one::<R, FUSED>(g[unit]);
                o[unit] = sigmoid_one::<R, FUSED>(o[unit]);
                memory[unit] = f[unit] * before[unit] + i[unit] * g[unit];
                activity[unit] = o[unit] * tanh_one::<R, FUSED>(memory[unit]);
            }
        }
    }
}

vectorised! {
    fn backward<R: Real>(
        width: usize,
        drive: &[R],
        before: &[R],
        memory: &[R],
        lambda: &mut [R],
        lambda_memory: &mut [R],
        delta: &mut [R],
    ) {
        let states = before.chunks_exact(width).zip(memory.chunks_exact(width));
        let gradients = lambda.chunks_exact_mut(width).zip(lambda_memory.chunks_exact_mut(width));
        let gates = drive.chunks_exact(4 * width).zip(delta.chunks_exact_mut(4 * width));
        for (((drive, delta), (before, memory)), (lambda, mu)) in gates.zip(states).zip(gradients) {
            let (i, f) = (&drive[..width], &drive[width..2 * width]);
            let (g, o) = (&drive[2 * width..3 * width], &drive[3 * width..4 * width]);
            let (before, memory) = (&before[..width], &memory[..width]);
            let (lambda, mu) = (&mut lambda[..width], &mut mu[..width]);
            let (d_i, rest) = delta.split_at_mut(width);
            let (d_f, rest) = rest.split_at_mut(width);
            let (d_g, d_o) = rest.split_at_mut(width);
            let d_o = &mut d_o[..width];
            for unit in 0..width {
                let squashed = tanh_one::<R, FUSED>(memory[unit]);
                let total = mu[unit] + lambda[unit] * o[unit] * (R::ONE - squashed * squashed);
                d_i[unit] = total * g[unit] * i[unit] * (R::ONE - i[unit]);
                d_f[unit] = total * before[unit] * f[unit] * (R::ONE - f[unit]);
                d_g[unit] = total * i[unit] * (R::ONE - g[unit] * g[unit]);
                d_o[unit] = lambda[unit] * squashed * o[unit] * (R::ONE - o[unit]);
                mu[unit] = total * f[unit];
                lambda[unit] = R::ZERO;
            }
        }
    }
}
