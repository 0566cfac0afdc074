//! Run-time choice of vector instructions: wheels are portable, kernels use what the processor has.

/// Defines a function `$name` whose body is compiled three times, plainly, for AVX2 with fused multiply-adds and for
/// AVX-512, and which picks at run time. The body must be a chain of `#[inline(always)]` calls, so that all of it is compiled each way;
/// it sees the constant `FUSED`, to choose between [`multiply_add`]'s two forms.
macro_rules! vectorised {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident<$t:ident: Real>($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $visibility fn $name<$t: $crate::real::Real>($($argument: $type),*) {
            #[inline(always)]
            fn body<$t: $crate::real::Real, const FUSED: bool>($($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn widest<$t: $crate::real::Real>($($argument: $type),*) {
                    body::<$t, true>($($argument),*);
                }
                #[target_feature(enable = "avx2,fma")]
                fn wide<$t: $crate::real::Real>($($argument: $type),*) {
                    body::<$t, true>($($argument),*);
                }
                if $crate::numerics::simd::has_avx512() {
                    // SAFETY: the processor has all four sets, as was just detected.
                    return unsafe { widest::<$t>($($argument),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                    // SAFETY: the processor has both features, as was just detected.
                    return unsafe { wide::<$t>($($argument),*) };
                }
            }
            body::<$t, { cfg!(target_arch = "aarch64") }>($($argument),*);
        }
    };
}

pub(crate) use vectorised;

use crate::real::Real;

/// Whether the processor has the AVX-512 instructions that kernels are compiled for.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512bw")
}

/// a b + c, fused where the processor does that in one instruction (elsewhere a fused form would be a library call).
#[inline(always)]
pub fn multiply_add<T: Real, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.fused_multiply_add(b, c) } else { a * b + c }
}
