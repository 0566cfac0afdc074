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

use super::{Dynamics, PullBack, Segment, Step, in_place, multiply};
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

// Each loop touches few arrays and calls nothing that branches, so that all become vector instructions; the activations are
// passes of their own over contiguous gates.

vectorised! {
    fn forward<R: Real>(width: usize, drive: &mut [R], before: &[R], activity: &mut [R], memory: &mut [R]) {
        let states = activity.chunks_exact_mut(width).zip(memory.chunks_exact_mut(width));
        let rows = drive.chunks_exact_mut(4 * width).zip(before.chunks_exact(width)).zip(states);
        for ((drive, before), (activity, memory)) in rows {
            let (input_and_forget, rest) = drive.split_at_mut(2 * width);
            let (g, o) = rest.split_at_mut(width);
            in_place(input_and_forget, sigmoid_one::<R, FUSED>);
            in_place(g, tanh_one::<R, FUSED>);
            in_place(o, sigmoid_one::<R, FUSED>);
            let (i, f) = input_and_forget.split_at(width);
            new_cell(memory, f, before, i, g);
            activity.copy_from_slice(memory);
            in_place(activity, tanh_one::<R, FUSED>);
            multiply(activity, o);
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
            let (i, rest) = drive.split_at(width);
            let (f, rest) = rest.split_at(width);
            let (g, o) = rest.split_at(width);
            let (d_i, rest) = delta.split_at_mut(width);
            let (d_f, rest) = rest.split_at_mut(width);
            let (d_g, d_o) = rest.split_at_mut(width);
            d_o.copy_from_slice(memory);
            in_place(d_o, tanh_one::<R, FUSED>);
            of_output(d_o, mu, lambda, o);
            of_gate(d_i, mu, g, i);
            of_gate(d_f, mu, before, f);
            of_candidate(d_g, mu, i, g);
            multiply(mu, f);
            lambda.fill(R::ZERO);
        }
    }
}

/// c = f c⁻ + i g.
#[inline(always)]
fn new_cell<R: Real>(c: &mut [R], f: &[R], before: &[R], i: &[R], g: &[R]) {
    for ((((c, &f), &before), &i), &g) in c.iter_mut().zip(f).zip(before).zip(i).zip(g) {
        *c = f * before + i * g;
    }
}

/// Given tanh c in δ_o: μ += λ o (1 − tanh² c), δ_o = λ tanh(c) o (1 − o).
#[inline(always)]
fn of_output<R: Real>(d_o: &mut [R], mu: &mut [R], lambda: &[R], o: &[R]) {
    for (((d_o, mu), &lambda), &o) in d_o.iter_mut().zip(mu).zip(lambda).zip(o) {
        let squashed = *d_o;
        let through = lambda * o;
        *mu += through * (R::ONE - squashed * squashed);
        *d_o = through * squashed * (R::ONE - o);
    }
}

/// δ = μ · other · gate (1 − gate).
#[inline(always)]
fn of_gate<R: Real>(delta: &mut [R], mu: &[R], other: &[R], gate: &[R]) {
    for (((delta, &mu), &other), &gate) in delta.iter_mut().zip(mu).zip(other).zip(gate) {
        *delta = mu * other * gate * (R::ONE - gate);
    }
}

/// δ_g = μ i (1 − g²).
#[inline(always)]
fn of_candidate<R: Real>(delta: &mut [R], mu: &[R], i: &[R], g: &[R]) {
    for (((delta, &mu), &i), &g) in delta.iter_mut().zip(mu).zip(i).zip(g) {
        *delta = mu * i * (R::ONE - g * g);
    }
}
