//! Vector registers by name, for the few kernels that must hold their sums in registers.
//!
//! A kernel is written once, generic over [`Lanes`], and [`widest`] compiles it for AVX-512, for AVX2 and plainly, and
//! picks at run time. Everything in it must be `#[inline(always)]`, so that all of it is compiled each way.

use std::marker::PhantomData;

use crate::real::Real;

/// Bytes that rows of kernels are padded to: the widest register.
pub const ROW_BYTES: usize = 64;

/// Numbers that make up [`ROW_BYTES`].
pub const fn quantum<T>() -> usize {
    ROW_BYTES / size_of::<T>()
}

/// `n` rounded up to whole widest registers.
pub const fn padded<T>(n: usize) -> usize {
    n.next_multiple_of(quantum::<T>())
}

/// One vector register of numbers.
///
/// # Safety
/// Methods must only be called where the instructions of the register exist, which is what [`widest`] sees to.
pub unsafe trait Lanes<T: Real>: Copy {
    /// Numbers in it; divides [`quantum`].
    const COUNT: usize;
    /// Whether there are 32 of them to hold sums in, rather than 16.
    const MANY: bool;
    /// All lanes the same.
    unsafe fn splat(value: T) -> Self;
    /// From memory, aligned or not.
    unsafe fn load(from: *const T) -> Self;
    /// To memory, aligned or not.
    unsafe fn store(self, to: *mut T);
    /// self · b + c.
    #[must_use]
    unsafe fn multiply_add(self, b: Self, c: Self) -> Self;
}

/// Work that [`widest`] runs.
pub trait Kernel<T: Real> {
    /// Does it with registers `L`; `#[inline(always)]` in every implementation.
    ///
    /// # Safety
    /// The processor must have the instructions of `L`.
    unsafe fn run<L: Lanes<T>>(self);
}

/// Runs a kernel with the widest registers that the processor has.
pub fn widest<T: Real>(kernel: impl Kernel<T>) {
    #[cfg(target_arch = "x86_64")]
    {
        if super::simd::has_avx512() {
            // SAFETY: the processor has the instructions, as was just detected.
            return unsafe { x86::with_zmm(kernel) };
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: as above.
            return unsafe { x86::with_ymm(kernel) };
        }
    }
    // SAFETY: arrays need no instructions.
    unsafe { kernel.run::<Plain<T>>() }
}

/// An array, for processors of which nothing is known.
#[derive(Clone, Copy)]
struct Plain<T>([T; 4]);

// SAFETY: plain arithmetic; loads and stores touch COUNT numbers.
unsafe impl<T: Real> Lanes<T> for Plain<T> {
    const COUNT: usize = 4;
    const MANY: bool = false;
    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { from.cast::<[T; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[T; 4]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, b: Self, c: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * b.0[lane] + c.0[lane]))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    #[allow(clippy::wildcard_imports, reason = "instructions are named by what they do")]
    use std::arch::x86_64::*;

    use super::{Kernel, Lanes, PhantomData, Real};

    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
    pub unsafe fn with_zmm<T: Real>(kernel: impl Kernel<T>) {
        // SAFETY: the features are enabled here.
        unsafe { kernel.run::<Zmm<T>>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn with_ymm<T: Real>(kernel: impl Kernel<T>) {
        // SAFETY: the features are enabled here.
        unsafe { kernel.run::<Ymm<T>>() }
    }

    /// One register type for both precisions: `Real` is sealed, so `T` is `f32` or `f64`, known when it is compiled.
    macro_rules! register {
        ($name:ident, $bits:ty, $bytes:expr, $many:expr, $to_double:ident, $to_single:ident,
         $splat:ident, $load:ident, $store:ident, $fma:ident,
         $splat_double:ident, $load_double:ident, $store_double:ident, $fma_double:ident) => {
            #[derive(Clone, Copy)]
            pub struct $name<T>($bits, PhantomData<T>);

            // SAFETY: each method is one instruction of the register's set; loads and stores touch COUNT numbers.
            unsafe impl<T: Real> Lanes<T> for $name<T> {
                const COUNT: usize = $bytes / size_of::<T>();
                const MANY: bool = $many;
                #[inline(always)]
                unsafe fn splat(value: T) -> Self {
                    // SAFETY: the caller's; T is the type that is cast to.
                    let bits = unsafe {
                        let value = &raw const value;
                        if T::IS_SINGLE {
                            $splat(*value.cast::<f32>())
                        } else {
                            $to_single($splat_double(*value.cast::<f64>()))
                        }
                    };
                    Self(bits, PhantomData)
                }
                #[inline(always)]
                unsafe fn load(from: *const T) -> Self {
                    // SAFETY: the caller's.
                    let bits = unsafe {
                        if T::IS_SINGLE { $load(from.cast()) } else { $to_single($load_double(from.cast())) }
                    };
                    Self(bits, PhantomData)
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut T) {
                    // SAFETY: the caller's.
                    unsafe {
                        if T::IS_SINGLE {
                            $store(to.cast(), self.0);
                        } else {
                            $store_double(to.cast(), $to_double(self.0));
                        }
                    }
                }
                #[inline(always)]
                unsafe fn multiply_add(self, b: Self, c: Self) -> Self {
                    // SAFETY: the caller's.
                    let bits = unsafe {
                        if T::IS_SINGLE {
                            $fma(self.0, b.0, c.0)
                        } else {
                            $to_single($fma_double($to_double(self.0), $to_double(b.0), $to_double(c.0)))
                        }
                    };
                    Self(bits, PhantomData)
                }
            }
        };
    }

    register!(
        Zmm,
        __m512,
        64,
        true,
        _mm512_castps_pd,
        _mm512_castpd_ps,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_fmadd_pd
    );
    register!(
        Ymm,
        __m256,
        32,
        false,
        _mm256_castps_pd,
        _mm256_castpd_ps,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_fmadd_pd
    );
}
