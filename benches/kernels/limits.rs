//! What this machine can do: fused multiply-adds and bytes read per second, on one thread and on two.

use std::fmt;
use std::hint::black_box;

use crate::shortest;

/// Measured limits.
pub struct Limits {
    single: f64,
    double: f64,
    read: [f64; 2],
}

impl Limits {
    /// Takes about a second.
    pub fn measure() -> Self {
        let rounds = 200_000_u64;
        let single = shortest(20, || _ = black_box(multiply_add_f32(rounds)));
        let double = shortest(20, || _ = black_box(multiply_add_f64(rounds)));
        // Larger than any cache: what a recording that does not fit costs to read once.
        let large: Vec<f32> = vec![1.0; 48 << 20];
        let bytes = (large.len() * 4) as f64;
        let one = shortest(8, || _ = black_box(sum(black_box(&large))));
        let two = shortest(8, || {
            let (left, right) = black_box(&large).split_at(large.len() / 2);
            std::thread::scope(|scope| {
                let other = scope.spawn(|| sum(left));
                black_box(sum(right) + other.join().expect("sums do not panic"));
            });
        });
        let per_round = 2.0 * CHAINS as f64;
        Self {
            single: rounds as f64 * per_round * 8.0 / single,
            double: rounds as f64 * per_round * 4.0 / double,
            read: [bytes / one, bytes / two],
        }
    }

    /// Multiply-adds count twice.
    pub fn flops(&self, single: bool, n_threads: usize) -> f64 {
        n_threads as f64 * if single { self.single } else { self.double }
    }

    /// Bytes per second.
    pub fn bandwidth(&self, n_threads: usize) -> f64 {
        self.read[n_threads.min(2) - 1]
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let giga = 1e-9;
        write!(
            f,
            "one core: {:.0} GFLOP/s in f32, {:.0} in f64; reading: {:.1} GB/s with one thread, {:.1} with two",
            self.single * giga,
            self.double * giga,
            self.read[0] * giga,
            self.read[1] * giga
        )
    }
}

/// Independent chains: enough to hide the latency of a multiply-add.
const CHAINS: usize = 12;

macro_rules! multiply_add {
    ($name:ident, $type:ty, $lanes:expr) => {
        fn $name(rounds: u64) -> $type {
            #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma"))]
            fn chains(rounds: u64, factor: $type) -> $type {
                let mut sums = [[1.0 as $type; $lanes]; CHAINS];
                for _ in 0..rounds {
                    for sum in &mut sums {
                        for lane in sum.iter_mut() {
                            *lane = lane.mul_add(factor, factor);
                        }
                    }
                }
                sums.iter().flatten().sum()
            }
            #[cfg(target_arch = "x86_64")]
            assert!(
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
                "needs AVX2 and FMA"
            );
            // SAFETY: the features were asserted just above.
            #[cfg_attr(not(target_arch = "x86_64"), allow(unused_unsafe))]
            unsafe {
                chains(rounds, black_box(0.5))
            }
        }
    };
}

multiply_add!(multiply_add_f32, f32, 8);
multiply_add!(multiply_add_f64, f64, 4);

fn sum(data: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 64];
    for chunk in data.chunks_exact(64) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum()
}
