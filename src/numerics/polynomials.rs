//! Polynomials for eʳ and log(1 + e), and the reduction of any x to the range where the first holds.
//!
//! ```text
//! x = n ln 2 + r,   n = round(x / ln 2),   |r| ≤ ln 2 / 2
//! p = eʳ − 1 = r + r² q(r)                 q meets (eʳ − 1 − r) / r² at the Chebyshev nodes of |r| ≤ 0.3466
//! log((2 + t) / (2 − t)) = t + t w h(w)    h meets (2 atanh(t/2) / t − 1) / w at the Chebyshev nodes of 0 ≤ w ≤ 4/9
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | n, r, p | `n`, `r`, `p` | whole and remaining powers; no cancellation is left in p |
//! | w | `w` | t² |
//! | q, h | [`EXP`], [`LOG`] | coefficients, lowest power first: as many terms as each precision needs |
//!
//! ln 2 is subtracted in two parts, the first short enough that n times it is exact (Cody and Waite 1980, Software
//! Manual for the Elementary Functions, ch. 6).

use super::simd::multiply_add;
use crate::real::Real;

/// q.
pub(super) const EXP: Table<6, 10> = Table {
    single: [
        0.500_000_001_346_388_6,
        0.166_666_666_816_210_95,
        0.041_666_464_944_505_696,
        0.008_333_310_927_615_311,
        0.001_393_364_786_292_886_3,
        0.000_198_909_884_555_445_67,
    ],
    double: [
        0.5,
        0.166_666_666_666_666_69,
        0.041_666_666_666_624_136,
        0.008_333_333_333_330_063,
        0.001_388_888_891_720_967,
        0.000_198_412_698_630_505_06,
        2.480_152_130_224_108_2e-5,
        2.755_726_846_482_963e-6,
        2.762_008_545_501_841_4e-7,
        2.510_038_319_586_702e-8,
    ],
};

/// h.
pub(super) const LOG: Table<5, 10> = Table {
    single: [
        0.083_333_334_150_659_27,
        0.012_499_908_228_728_037,
        0.002_233_777_968_304_909,
        0.000_423_956_558_610_944_8,
        0.000_113_400_045_039_176_51,
    ],
    double: [
        0.083_333_333_333_333_33,
        0.012_500_000_000_004_558,
        0.002_232_142_856_805_371_8,
        0.000_434_027_787_449_762_97,
        8.877_826_873_111_747e-5,
        1.878_121_345_820_144_4e-5,
        4.063_154_360_856_609e-6,
        9.156_091_926_262_446e-7,
        1.678_607_651_928_839_5e-7,
        7.707_617_574_664_846e-8,
    ],
};

/// Coefficients of one polynomial for both precisions.
pub(super) struct Table<const S: usize, const D: usize> {
    single: [f64; S],
    double: [f64; D],
}

impl<const S: usize, const D: usize> Table<S, D> {
    /// The polynomial at x.
    #[inline(always)]
    pub(super) fn at<T: Real, const FUSED: bool>(&self, x: T) -> T {
        if T::IS_SINGLE {
            horner::<T, S, FUSED>(&self.single, x)
        } else {
            horner::<T, D, FUSED>(&self.double, x)
        }
    }
}

#[inline(always)]
fn horner<T: Real, const N: usize, const FUSED: bool>(coefficients: &[f64; N], x: T) -> T {
    let mut sum = T::from_f64(coefficients[N - 1]);
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = multiply_add::<T, FUSED>(sum, x, T::from_f64(coefficient));
    }
    sum
}

/// A number of either precision, chosen when the kernel is compiled.
#[inline(always)]
pub(super) fn either<T: Real>(single: f64, double: f64) -> T {
    T::from_f64(if T::IS_SINGLE { single } else { double })
}

/// x times a factor, rounded to a whole number: adding 1.5 · 2^(bits of the fraction) leaves no room for fractions.
#[inline(always)]
pub(super) fn rounded<T: Real, const FUSED: bool>(x: T, factor: T) -> T {
    let shift = either::<T>(12_582_912.0, 6_755_399_441_055_744.0);
    multiply_add::<T, FUSED>(x, factor, shift) - shift
}

/// n and p of the equations above, for x whose n is far from the limits of integers.
#[inline(always)]
pub(super) fn reduced<T: Real, const FUSED: bool>(x: T) -> (T, T) {
    let n = rounded::<T, FUSED>(x, T::from_f64(std::f64::consts::LOG2_E));
    // The two add up to ln 2; the first has 15 and 41 binary places.
    let high = either::<T>(0.693_145_751_953_125, 0.693_147_180_559_663);
    let low = either::<T>(1.428_606_820_309_417_3e-6, 2.823_529_056_303_157_7e-13);
    let r = multiply_add::<T, FUSED>(n, -low, multiply_add::<T, FUSED>(n, -high, x));
    (n, multiply_add::<T, FUSED>(r * r, EXP.at::<T, FUSED>(r), r))
}
