//! Leaky rate units.
//!
//! ```text
//! leak on the rate      h ← (1 − α) h + α φ(z),    r = h          δ = α φ'(z) λ,   λ⁻ = (1 − α) λ
//! leak on the current   v ← (1 − α) v + α z,       r = φ(v)       μ += φ'(v) λ,    δ = α μ,   μ⁻ = (1 − α) μ
//! leak of a unit        dL/dα += λ (φ − h⁻)   or   μ (v − v⁻) / α
//! ```
//! λ: gradient of h (or r), μ: of v; ⁻: the step before. φ' is recovered from φ, so that φ is all that is kept; with α = 1
//! it is the activity itself and nothing is kept.

use super::{Dynamics, PullBack, SINGLE, Segment, Step};
use crate::numerics::activation;
use crate::numerics::simd::vectorised;
use crate::real::Real;
use crate::rnn::structure::Activation;

/// h = φ(z).
pub struct Instant {
    pub activation: Activation,
}

/// Leak on the rate.
pub struct LeakyRate<R> {
    pub activation: Activation,
    pub alpha: Vec<R>,
}

/// Leak on the current.
pub struct LeakyCurrent<R> {
    pub activation: Activation,
    pub alpha: Vec<R>,
}

impl Activation {
    /// φ, in place.
    fn apply<R: Real>(self, values: &mut [R]) {
        match self {
            Self::Tanh => activation::tanh(values),
            Self::Relu => activation::relu(values),
            Self::Softplus => activation::softplus(values),
            Self::Sigmoid => activation::sigmoid(values),
            Self::RectifiedTanh => activation::rectified_tanh(values),
            Self::Linear => {}
        }
    }

    /// Multiplies `values` by φ', given φ.
    fn multiply_derivative<R: Real>(self, values: &mut [R], phi: &[R]) {
        match self {
            Self::Tanh => tanh_slope(values, phi),
            Self::Relu => relu_slope(values, phi),
            Self::Softplus => softplus_slope(values, phi),
            Self::Sigmoid => sigmoid_slope(values, phi),
            Self::RectifiedTanh => rectified_tanh_slope(values, phi),
            Self::Linear => {}
        }
    }
}

vectorised! {
    fn tanh_slope<R: Real>(values: &mut [R], phi: &[R]) {
        for (value, &phi) in values.iter_mut().zip(phi) {
            *value *= R::ONE - phi * phi;
        }
    }
}

vectorised! {
    fn relu_slope<R: Real>(values: &mut [R], phi: &[R]) {
        for (value, &phi) in values.iter_mut().zip(phi) {
            *value = if phi > R::ZERO { *value } else { R::ZERO };
        }
    }
}

vectorised! {
    fn softplus_slope<R: Real>(values: &mut [R], phi: &[R]) {
        for (value, &phi) in values.iter_mut().zip(phi) {
            *value *= R::ONE - activation::exp_one::<R, FUSED>(-phi);
        }
    }
}

vectorised! {
    fn sigmoid_slope<R: Real>(values: &mut [R], phi: &[R]) {
        for (value, &phi) in values.iter_mut().zip(phi) {
            *value *= phi * (R::ONE - phi);
        }
    }
}

vectorised! {
    fn rectified_tanh_slope<R: Real>(values: &mut [R], phi: &[R]) {
        for (value, &phi) in values.iter_mut().zip(phi) {
            *value = if phi > R::ZERO { *value * (R::ONE - phi * phi) } else { R::ZERO };
        }
    }
}

impl<R: Real> Dynamics<R> for Instant {
    fn segments(&self) -> &'static [Segment] {
        &SINGLE
    }
    fn n_slots(&self) -> usize {
        1
    }
    fn candidate(&self) -> usize {
        0
    }
    fn memories(&self) -> &'static [&'static str] {
        &[]
    }
    fn keeps_drive(&self) -> bool {
        false
    }
    fn step(&self, step: Step<'_, R>) {
        self.activation.apply(step.activity);
    }
    fn pull_back(&self, step: PullBack<'_, R>) {
        step.delta.copy_from_slice(step.lambda);
        self.activation.multiply_derivative(step.delta, step.activity);
        if !step.leak.is_empty() {
            leak_of_rates(step.leak, step.width, step.lambda, step.activity, step.activity_before);
        }
        step.lambda.fill(R::ZERO);
    }
}

impl<R: Real> Dynamics<R> for LeakyRate<R> {
    fn segments(&self) -> &'static [Segment] {
        &SINGLE
    }
    fn n_slots(&self) -> usize {
        1
    }
    fn candidate(&self) -> usize {
        0
    }
    fn memories(&self) -> &'static [&'static str] {
        &[]
    }
    fn keeps_drive(&self) -> bool {
        true
    }
    fn step(&self, step: Step<'_, R>) {
        self.activation.apply(step.drive);
        leaky(step.activity, step.activity_before, step.drive, &self.alpha);
    }
    fn pull_back(&self, step: PullBack<'_, R>) {
        if !step.leak.is_empty() {
            leak_of_rates(step.leak, step.width, step.lambda, step.drive, step.activity_before);
        }
        split(step.delta, step.lambda, &self.alpha);
        self.activation.multiply_derivative(step.delta, step.drive);
    }
}

impl<R: Real> Dynamics<R> for LeakyCurrent<R> {
    fn segments(&self) -> &'static [Segment] {
        &SINGLE
    }
    fn n_slots(&self) -> usize {
        1
    }
    fn candidate(&self) -> usize {
        0
    }
    fn memories(&self) -> &'static [&'static str] {
        &["current"]
    }
    fn keeps_drive(&self) -> bool {
        false
    }
    fn initial_activity(&self, memory: &[R], activity: &mut [R]) {
        activity.copy_from_slice(memory);
        self.activation.apply(activity);
    }
    fn pull_back_initial(&self, activity: &[R], lambda: &mut [R], lambda_memory: &mut [R]) {
        self.activation.multiply_derivative(lambda, activity);
        for (memory, lambda) in lambda_memory.iter_mut().zip(lambda) {
            *memory += *lambda;
            *lambda = R::ZERO;
        }
    }
    fn step(&self, step: Step<'_, R>) {
        leaky(step.memory, step.memory_before, step.activity, &self.alpha);
        step.activity.copy_from_slice(step.memory);
        self.activation.apply(step.activity);
    }
    fn pull_back(&self, step: PullBack<'_, R>) {
        self.activation.multiply_derivative(step.lambda, step.activity);
        for (memory, lambda) in step.lambda_memory.iter_mut().zip(step.lambda.iter_mut()) {
            *memory += *lambda;
            *lambda = R::ZERO;
        }
        if !step.leak.is_empty() {
            leak_of_currents(step.leak, &self.alpha, step.lambda_memory, step.memory, step.memory_before);
        }
        split(step.delta, step.lambda_memory, &self.alpha);
    }
}

vectorised! {
    /// out = (1 − α) before + α new.
    fn leaky<R: Real>(out: &mut [R], before: &[R], new: &[R], alpha: &[R]) {
        let width = alpha.len();
        let rows = out.chunks_exact_mut(width).zip(before.chunks_exact(width)).zip(new.chunks_exact(width));
        for ((out, before), new) in rows {
            for (((out, &before), &new), &alpha) in out.iter_mut().zip(before).zip(new).zip(alpha) {
                *out = (R::ONE - alpha) * before + alpha * new;
            }
        }
    }
}

vectorised! {
    /// delta = α λ;  λ ← (1 − α) λ.
    fn split<R: Real>(delta: &mut [R], lambda: &mut [R], alpha: &[R]) {
        let width = alpha.len();
        for (delta, lambda) in delta.chunks_exact_mut(width).zip(lambda.chunks_exact_mut(width)) {
            for ((delta, lambda), &alpha) in delta.iter_mut().zip(lambda).zip(alpha) {
                *delta = alpha * *lambda;
                *lambda *= R::ONE - alpha;
            }
        }
    }
}

fn leak_of_rates<R: Real>(leak: &mut [R], width: usize, lambda: &[R], phi: &[R], before: &[R]) {
    let rows = lambda.chunks_exact(width).zip(phi.chunks_exact(width)).zip(before.chunks_exact(width));
    for ((lambda, phi), before) in rows {
        for (((leak, &lambda), &phi), &before) in leak.iter_mut().zip(lambda).zip(phi).zip(before) {
            *leak += lambda * (phi - before);
        }
    }
}

fn leak_of_currents<R: Real>(leak: &mut [R], alpha: &[R], lambda: &[R], after: &[R], before: &[R]) {
    let width = alpha.len();
    let rows = lambda.chunks_exact(width).zip(after.chunks_exact(width)).zip(before.chunks_exact(width));
    for ((lambda, after), before) in rows {
        for (unit, leak) in leak.iter_mut().enumerate().take(width) {
            *leak += lambda[unit] * (after[unit] - before[unit]) / alpha[unit];
        }
    }
}
