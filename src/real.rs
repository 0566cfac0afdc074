//! The two scalar types of recordings, `f32` and `f64`.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A floating-point scalar: `f32` or `f64`, nothing else (which lets `linalg` cast slices by [`Real::IS_SINGLE`]).
pub trait Real:
    sealed::Sealed
    + Copy
    + Default
    + PartialOrd
    + Debug
    + Display
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
{
    /// Whether this is `f32`.
    const IS_SINGLE: bool;
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Not a number: an entry that was not observed.
    const NAN: Self;
    /// The relative spacing of numbers near one, as `f64`.
    const EPSILON: f64;
    /// Magnitudes whose squares, summed over any recording, neither overflow nor vanish.
    const SAFE_RANGE: std::ops::Range<f64>;

    /// Round from double precision.
    fn from_f64(value: f64) -> Self;
    /// Widen to double precision.
    fn to_f64(self) -> f64;
    /// Whether this is NaN.
    fn is_nan(self) -> bool;
    /// Absolute value.
    #[must_use]
    fn abs(self) -> Self;
    /// `self` · b + c, rounded once.
    #[must_use]
    fn fused_multiply_add(self, b: Self, c: Self) -> Self;
    /// Square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// The magnitude of `self` with the sign of `sign`.
    #[must_use]
    fn copysign(self, sign: Self) -> Self;
    /// 2 to the power of `self`, a whole number whose power is a normal number; anything else gives any number.
    #[must_use]
    fn power_of_two(self) -> Self;
}

macro_rules! real {
    ($type:ty, $single:expr, $range:expr, $shift:expr) => {
        impl Real for $type {
            const IS_SINGLE: bool = $single;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAN: Self = <$type>::NAN;
            const EPSILON: f64 = <$type>::EPSILON as f64;
            const SAFE_RANGE: std::ops::Range<f64> = $range;

            #[inline(always)]
            #[allow(clippy::cast_lossless)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            #[allow(clippy::cast_lossless)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self != self
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$type>::abs(self)
            }
            #[inline(always)]
            fn fused_multiply_add(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$type>::sqrt(self)
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                <$type>::copysign(self, sign)
            }
            #[inline(always)]
            fn power_of_two(self) -> Self {
                // So large a number has the lowest bit of its fraction at one: there stands the biased exponent, which
                // the shift brings to its place.
                <$type>::from_bits((self + $shift).to_bits() << (<$type>::MANTISSA_DIGITS - 1))
            }
        }
    };
}

real!(f32, true, 1e-12..1e12, 12_582_912.0 + 127.0);
real!(f64, false, 1e-120..1e120, 6_755_399_441_055_744.0 + 1023.0);
