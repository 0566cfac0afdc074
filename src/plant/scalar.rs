//! What equations of motion are written in: plain numbers, or numbers that carry their derivatives along.
//!
//! ```text
//! x = x₀ + Σ_i x_i ε_i,   ε_i ε_j = 0   ⇒   f(x) = f(x₀) + f'(x₀) Σ_i x_i ε_i
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | x₀ | `Dual::value` | () |
//! | x_i | `Dual::tangent` | (N) |
//!
//! Dual numbers (Clifford 1873), the forward mode of automatic differentiation. A step that is evaluated once in them gives
//! its whole Jacobian, exact but for rounding; there is no second copy of the equations that could differ from the first.
//! Where a step has a kink (a stop, a switch) the derivative is that of the side that was taken.

use std::ops::{Add, Mul, Neg, Sub};

/// A number, possibly with derivatives.
pub trait Scalar:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self>
{
    /// A number that depends on nothing.
    fn constant(value: f64) -> Self;
    /// The number alone.
    fn value(self) -> f64;
    /// Sine and cosine.
    fn sin_cos(self) -> (Self, Self);
    /// e to the power of this.
    #[must_use]
    fn exp(self) -> Self;
    /// One divided by this.
    #[must_use]
    fn reciprocal(self) -> Self;
    /// This times a number that depends on nothing.
    #[must_use]
    fn scaled(self, factor: f64) -> Self;
}

/// A scalar whose derivatives can be told apart.
pub trait Variable: Scalar {
    /// The variable of this index.
    fn variable(value: f64, index: usize) -> Self;
    /// Derivatives with respect to each variable.
    fn tangent(&self) -> &[f64];
}

impl Scalar for f64 {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn value(self) -> f64 {
        self
    }
    #[inline(always)]
    fn sin_cos(self) -> (Self, Self) {
        Self::sin_cos(self)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        Self::exp(self)
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        self.recip()
    }
    #[inline(always)]
    fn scaled(self, factor: f64) -> Self {
        self * factor
    }
}

/// A number and its derivatives with respect to N variables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual<const N: usize> {
    value: f64,
    tangent: [f64; N],
}

impl<const N: usize> Dual<N> {
    /// f(x), given f(x₀) and f'(x₀).
    #[inline(always)]
    fn through(self, value: f64, slope: f64) -> Self {
        Self { value, tangent: self.tangent.map(|t| slope * t) }
    }

    #[inline(always)]
    fn combined(self, other: Self, value: f64, first: f64, second: f64) -> Self {
        let tangent = std::array::from_fn(|i| first * self.tangent[i] + second * other.tangent[i]);
        Self { value, tangent }
    }
}

impl<const N: usize> Add for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let tangent = std::array::from_fn(|i| self.tangent[i] + other.tangent[i]);
        Self { value: self.value + other.value, tangent }
    }
}

impl<const N: usize> Sub for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let tangent = std::array::from_fn(|i| self.tangent[i] - other.tangent[i]);
        Self { value: self.value - other.value, tangent }
    }
}

impl<const N: usize> Mul for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.combined(other, self.value * other.value, other.value, self.value)
    }
}

impl<const N: usize> Neg for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.through(-self.value, -1.0)
    }
}

impl<const N: usize> Scalar for Dual<N> {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self { value, tangent: [0.0; N] }
    }
    #[inline(always)]
    fn value(self) -> f64 {
        self.value
    }
    #[inline(always)]
    fn sin_cos(self) -> (Self, Self) {
        let (sine, cosine) = self.value.sin_cos();
        (self.through(sine, cosine), self.through(cosine, -sine))
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let power = self.value.exp();
        self.through(power, power)
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        let inverse = self.value.recip();
        self.through(inverse, -inverse * inverse)
    }
    #[inline(always)]
    fn scaled(self, factor: f64) -> Self {
        self.through(self.value * factor, factor)
    }
}

impl<const N: usize> Variable for Dual<N> {
    fn variable(value: f64, index: usize) -> Self {
        Self { value, tangent: std::array::from_fn(|i| if i == index { 1.0 } else { 0.0 }) }
    }
    fn tangent(&self) -> &[f64] {
        &self.tangent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything a scalar can do, of two numbers.
    fn everything<S: Scalar>(x: S, y: S) -> S {
        let (sine, cosine) = (x * y).sin_cos();
        (sine - cosine.scaled(0.3) + (-x).exp() + S::constant(2.0)) * (y + S::constant(3.0)).reciprocal()
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let (x, y, h) = (0.7, -1.2, 1e-6);
        let dual = everything(Dual::<2>::variable(x, 0), Dual::<2>::variable(y, 1));
        assert_eq!(dual.value(), everything(x, y));
        let slopes = [
            (everything(x + h, y) - everything(x - h, y)) / (2.0 * h),
            (everything(x, y + h) - everything(x, y - h)) / (2.0 * h),
        ];
        for (tangent, slope) in dual.tangent().iter().zip(slopes) {
            assert!((tangent - slope).abs() < 1e-8, "{tangent} against {slope}");
        }
    }
}
