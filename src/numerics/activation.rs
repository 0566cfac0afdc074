//! Elementwise exponentials and the activation functions made of them, at the speed of vector instructions.
//!
//! ```text
//! exp x       = 2ⁿ (1 + p),              n = round(x / ln 2),  r = x − n ln 2,  p = eʳ − 1 = r + r² q(r)
//! tanh x      = sign(x) E / (E + 2),     E = e^(2|x|) − 1 = 2ⁿ p + (2ⁿ − 1)
//! sigmoid x   = (1 or e) / (1 + e),      e = exp(−|x|);  e above the line for x < 0
//! softplus x  = max(x, 0) + log(1 + e),  log(1 + e) = t + t w h(w),  t = e / (1 + e/2),  w = t²
//! ```
//!
//! | symbol | name | what |
//! | --- | --- | --- |
//! | n, p | `n`, `p` | from `polynomials`, as is h |
//! | E, e, t, w | `e`, `e`, `t`, `w` | as above |
//!
//! There are no branches, tables or calls, only selections, so that a loop over values becomes one over registers;
//! every comparison is written such that NaN passes through. Results are within 4 units in the last place, relative to
//! the result and down to subnormal numbers.

use super::polynomials::{LOG, either, reduced, rounded};
use super::simd::{multiply_add, vectorised};
use crate::real::Real;

/// eˣ of one value, for use inside `vectorised!` kernels.
#[inline(always)]
pub fn exp_one<T: Real, const FUSED: bool>(x: T) -> T {
    // Beyond these the result has overflowed, or has vanished even among subnormal numbers.
    let (low, high) = (either::<T>(-104.0, -746.0), either::<T>(89.0, 710.0));
    let x = if x < low { low } else { x };
    let x = if x > high { high } else { x };
    let (n, p) = reduced::<T, FUSED>(x);
    // 2ⁿ itself may lie outside the range of normal numbers, its two halves do not; only the last product rounds.
    let half = rounded::<T, FUSED>(n, T::from_f64(0.5));
    (T::ONE + p) * half.power_of_two() * (n - half).power_of_two()
}

/// tanh of one value, for use inside `vectorised!` kernels.
#[inline(always)]
pub fn tanh_one<T: Real, const FUSED: bool>(x: T) -> T {
    let twice = x.abs() + x.abs();
    // From here on E + 2 = E.
    let limit = either::<T>(20.0, 40.0);
    let (n, p) = reduced::<T, FUSED>(if twice > limit { limit } else { twice });
    let scale = n.power_of_two();
    let e = multiply_add::<T, FUSED>(scale, p, scale - T::ONE);
    (e / (e + T::from_f64(2.0))).copysign(x)
}

/// 1 / (1 + e⁻ˣ) of one value, for use inside `vectorised!` kernels.
#[inline(always)]
pub fn sigmoid_one<T: Real, const FUSED: bool>(x: T) -> T {
    let e = exp_one::<T, FUSED>(-x.abs());
    (if x < T::ZERO { e } else { T::ONE }) / (T::ONE + e)
}

/// log(1 + eˣ) of one value, for use inside `vectorised!` kernels.
#[inline(always)]
pub fn softplus_one<T: Real, const FUSED: bool>(x: T) -> T {
    let e = exp_one::<T, FUSED>(-x.abs());
    let t = e / multiply_add::<T, FUSED>(e, T::from_f64(0.5), T::ONE);
    let w = t * t;
    relu_one(x) + multiply_add::<T, FUSED>(t, w * LOG.at::<T, FUSED>(w), t)
}

/// max(0, x) of one value.
#[inline(always)]
pub fn relu_one<T: Real>(x: T) -> T {
    // Adding zero takes the sign off −0, and keeps the compiler from storing only what changed, value by value.
    (if x < T::ZERO { T::ZERO } else { x }) + T::ZERO
}

/// Values that are worked on at once: several vector registers wide.
const LANES: usize = 16;

/// Applies a function to all values. The rest at the end is padded to whole lanes, so that it is no slower.
#[inline(always)]
fn each<T: Real>(values: &mut [T], function: impl Fn(T) -> T) {
    let (groups, rest) = values.as_chunks_mut::<LANES>();
    for group in groups {
        *group = lanes(group, &function);
    }
    if !rest.is_empty() {
        let mut padded = [T::ZERO; LANES];
        padded[..rest.len()].copy_from_slice(rest);
        rest.copy_from_slice(&lanes(&padded, &function)[..rest.len()]);
    }
}

#[inline(always)]
fn lanes<T: Real>(values: &[T; LANES], function: impl Fn(T) -> T) -> [T; LANES] {
    let mut out = [T::ZERO; LANES];
    for (out, &value) in out.iter_mut().zip(values) {
        *out = function(value);
    }
    out
}

vectorised! {
    /// eˣ of every value, in place.
    pub fn exp<T: Real>(values: &mut [T]) { each(values, exp_one::<T, FUSED>); }
}
vectorised! {
    /// tanh of every value, in place.
    pub fn tanh<T: Real>(values: &mut [T]) { each(values, tanh_one::<T, FUSED>); }
}
vectorised! {
    /// 1 / (1 + e⁻ˣ) of every value, in place.
    pub fn sigmoid<T: Real>(values: &mut [T]) { each(values, sigmoid_one::<T, FUSED>); }
}
vectorised! {
    /// log(1 + eˣ) of every value, in place.
    pub fn softplus<T: Real>(values: &mut [T]) { each(values, softplus_one::<T, FUSED>); }
}
vectorised! {
    /// max(0, x) of every value, in place.
    pub fn relu<T: Real>(values: &mut [T]) {
        // So little work that groups of lanes would be unrolled into single values before they could become registers.
        for value in values {
            *value = relu_one(*value);
        }
    }
}
vectorised! {
    /// max(0, tanh x) of every value, in place.
    pub fn rectified_tanh<T: Real>(values: &mut [T]) { each(values, |x| relu_one(tanh_one::<T, FUSED>(x))); }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::rng;

    /// A function in place, the same for one value without fused products, and what it should be in double precision.
    type Case<T> = (&'static str, fn(&mut [T]), fn(T) -> T, fn(f64) -> f64);

    fn cases<T: Real>() -> [Case<T>; 6] {
        let logistic = |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
        [
            ("exp", exp, exp_one::<T, false>, f64::exp),
            ("tanh", tanh, tanh_one::<T, false>, f64::tanh),
            ("sigmoid", sigmoid, sigmoid_one::<T, false>, logistic),
            ("softplus", softplus, softplus_one::<T, false>, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
            ("relu", relu, relu_one, |x| x.max(0.0)),
            ("rectified_tanh", rectified_tanh, |x| relu_one(tanh_one::<T, false>(x)), |x| x.tanh().max(0.0)),
        ]
    }

    /// How many units in the last place of the right result lie between it and what was got.
    fn ulps<T: Real>(got: T, right: f64) -> f64 {
        let rounded = T::from_f64(right);
        if got == rounded || (got.is_nan() && right.is_nan()) {
            return 0.0;
        }
        let size = rounded.to_f64().abs();
        let spacing =
            if T::IS_SINGLE { f64::from((size as f32).next_up()) - size } else { size.next_up() - size };
        (got.to_f64() - right).abs() / spacing
    }

    /// Even steps through all that matters, random values, and every magnitude down to the smallest.
    fn inputs<T: Real>() -> Vec<T> {
        let mut stream = rng::stream(3, 0);
        let dense = (-80_000..=80_000).map(|k| f64::from(k) * 0.01);
        let fine = (-50_000..=50_000).map(|k| f64::from(k) * 1e-4);
        let magnitudes = (-1080..=10).flat_map(|k| [1.0, 1.37].map(|a| a * f64::from(k).exp2()));
        let mut all: Vec<f64> = dense.chain(fine).chain(magnitudes.flat_map(|x| [x, -x])).collect();
        all.extend((0..100_000).map(|k| rng::normal(&mut stream) * if k % 2 == 0 { 1.0 } else { 30.0 }));
        all.into_iter().map(T::from_f64).collect()
    }

    fn agrees_with_the_definitions<T: Real>() {
        let inputs = inputs::<T>();
        for (name, in_place, one, right) in cases::<T>() {
            let mut values = inputs.clone();
            in_place(&mut values);
            for (&x, &got) in inputs.iter().zip(&values) {
                for got in [got, one(x)] {
                    let off = ulps(got, right(x.to_f64()));
                    assert!(off <= 4.0, "{name}({x:?}) is {got:?}, {off} units off");
                }
            }
        }
    }

    #[test]
    fn single_precision_is_accurate() {
        agrees_with_the_definitions::<f32>();
    }

    #[test]
    fn double_precision_is_accurate() {
        agrees_with_the_definitions::<f64>();
    }

    fn every_length_gives_the_same_values<T: Real>() {
        let mut stream = rng::stream(4, 0);
        let inputs: Vec<T> = (0..70).map(|_| T::from_f64(3.0 * rng::normal(&mut stream))).collect();
        for (name, in_place, ..) in cases::<T>() {
            let mut whole = inputs.clone();
            in_place(&mut whole);
            for length in 0..70 {
                for first in [0, 1] {
                    let range = first.min(length)..length;
                    let mut part = inputs.clone();
                    in_place(&mut part[range.clone()]);
                    assert_eq!(part[range.clone()], whole[range.clone()], "{name}, {length} values");
                    assert_eq!(part[length..], inputs[length..], "{name} reaches beyond {length} values");
                    assert_eq!(part[..range.start], inputs[..range.start]);
                }
            }
        }
    }

    #[test]
    fn odd_tails_are_like_the_rest() {
        every_length_gives_the_same_values::<f32>();
        every_length_gives_the_same_values::<f64>();
    }

    fn keeps_to_the_limits<T: Real>() {
        let infinity = T::from_f64(f64::INFINITY);
        let tiny = T::from_f64(if T::IS_SINGLE { 1e-45 } else { 5e-324 });
        let special = [T::NAN, -T::NAN, infinity, -infinity, T::ZERO, -T::ZERO, tiny, -tiny];
        let at = special.map(T::to_f64);
        let half = [0.5; 4];
        let log = [std::f64::consts::LN_2; 4];
        let rows: [[f64; 8]; 6] = [
            [f64::NAN, f64::NAN, f64::INFINITY, 0.0, 1.0, 1.0, 1.0, 1.0],
            [f64::NAN, f64::NAN, 1.0, -1.0, at[4], at[5], at[6], at[7]],
            [f64::NAN, f64::NAN, 1.0, 0.0, half[0], half[1], half[2], half[3]],
            [f64::NAN, f64::NAN, f64::INFINITY, 0.0, log[0], log[1], log[2], log[3]],
            [f64::NAN, f64::NAN, f64::INFINITY, 0.0, 0.0, 0.0, at[6], 0.0],
            [f64::NAN, f64::NAN, 1.0, 0.0, 0.0, 0.0, at[6], 0.0],
        ];
        for ((name, in_place, one, _), expected) in cases::<T>().into_iter().zip(rows) {
            // Among other values, in every lane.
            for place in 0..=LANES {
                for (&x, right) in special.iter().zip(expected) {
                    let mut values = vec![T::ONE; LANES + 1];
                    values[place] = x;
                    in_place(&mut values);
                    let right = T::from_f64(right);
                    for got in [values[place], one(x)] {
                        assert!(got == right || (got.is_nan() && right.is_nan()), "{name}({x:?}) is {got:?}");
                    }
                    assert!(values.iter().enumerate().all(|(k, v)| k == place || !v.is_nan()));
                }
            }
        }
        // tanh is odd to the last bit, and so keeps the sign of zero.
        assert!((1.0 / tanh_one::<T, false>(-T::ZERO).to_f64()).is_sign_negative());
        let mut pair = [T::from_f64(0.3), T::from_f64(-0.3)];
        tanh(&mut pair);
        assert_eq!(pair[0], -pair[1]);
    }

    #[test]
    fn special_values_are_right() {
        keeps_to_the_limits::<f32>();
        keeps_to_the_limits::<f64>();
    }

    fn stays_within_its_range<T: Real>() {
        let inputs = inputs::<T>();
        let (zero, one) = (T::ZERO, T::ONE);
        for (name, in_place, ..) in cases::<T>() {
            let mut values = inputs.clone();
            in_place(&mut values);
            for (&x, &y) in inputs.iter().zip(&values) {
                // 1 − tanh 20 and 1 − sigmoid 40 are less than half the spacing below one.
                let saturated = x.abs() > T::from_f64(if name == "sigmoid" { 40.0 } else { 20.0 });
                let fits = match name {
                    "tanh" => y.abs() <= one && (!saturated || y == one.copysign(x)),
                    "sigmoid" => y >= zero && y <= one && (!saturated || x < zero || y == one),
                    "rectified_tanh" => {
                        y >= zero && y <= one && (!saturated || y == relu_one(one.copysign(x)))
                    }
                    "softplus" => y >= relu_one(x),
                    _ => y >= zero,
                };
                assert!(fits, "{name}({x:?}) is {y:?}");
            }
        }
    }

    #[test]
    fn ranges_are_kept() {
        stays_within_its_range::<f32>();
        stays_within_its_range::<f64>();
    }
}
