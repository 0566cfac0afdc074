//! The loops over entries of the rules of the parent module, whose equations and symbols these are. Every array is
//! read and written once.

use crate::numerics::simd::{multiply_add, vectorised};

/// The constants of one step in the parameters' precision.
#[derive(Debug, Clone, Copy)]
pub struct Coefficients<T> {
    /// min(1, clip / n).
    pub scale: T,
    /// λ where it is a part of the gradient.
    pub decay: T,
    /// 1 − η λ where decay stands apart.
    pub keep: T,
    /// η, divided by 1 − β₁ᵗ for Adam.
    pub rate: T,
    /// μ or β₁.
    pub first: T,
    /// 1 − β₁, rounded once.
    pub one_minus_first: T,
    /// β₂.
    pub second: T,
    /// 1 − β₂, rounded once.
    pub one_minus_second: T,
    /// 1 / √(1 − β₂ᵗ).
    pub root: T,
    /// ε.
    pub epsilon: T,
}

vectorised! {
    /// Gradient descent.
    pub fn descend<T: Real>(values: &mut [T], gradient: &[T], c: Coefficients<T>) {
        for (value, &gradient) in values.iter_mut().zip(gradient) {
            let gradient = multiply_add::<T, FUSED>(c.decay, *value, gradient * c.scale);
            *value = multiply_add::<T, FUSED>(-c.rate, gradient, *value);
        }
    }
}

vectorised! {
    /// Gradient descent with momentum.
    pub fn descend_with_momentum<T: Real>(
        values: &mut [T], gradient: &[T], momentum: &mut [T], c: Coefficients<T>,
    ) {
        for ((value, &gradient), momentum) in values.iter_mut().zip(gradient).zip(momentum) {
            let gradient = multiply_add::<T, FUSED>(c.decay, *value, gradient * c.scale);
            *momentum = multiply_add::<T, FUSED>(c.first, *momentum, gradient);
            *value = multiply_add::<T, FUSED>(-c.rate, *momentum, *value);
        }
    }
}

vectorised! {
    /// Adam, and AdamW by its constants.
    pub fn adam<T: Real>(
        values: &mut [T], gradient: &[T], first: &mut [T], second: &mut [T], c: Coefficients<T>,
    ) {
        for (((value, &gradient), first), second) in values.iter_mut().zip(gradient).zip(first).zip(second) {
            let gradient = multiply_add::<T, FUSED>(c.decay, *value, gradient * c.scale);
            *first = multiply_add::<T, FUSED>(c.first, *first, c.one_minus_first * gradient);
            *second = multiply_add::<T, FUSED>(c.second, *second, c.one_minus_second * gradient * gradient);
            let change = *first / multiply_add::<T, FUSED>(second.sqrt(), c.root, c.epsilon);
            *value = multiply_add::<T, FUSED>(-c.rate, change, c.keep * *value);
        }
    }
}
