//! Kernels against the machine's limits, measured in the same run: `cargo bench --bench kernels [-- FILTER]`.
//!
//! Each line gives the shortest of several runs (these machines are shared, so the shortest is the kernel and the rest
//! is the neighbours), the arithmetic and the bytes it stands for, and their share of what one core was measured to do
//! in fused multiply-adds and in reading memory, times the threads used.

mod limits;
mod networks;
mod work;

use std::time::Instant;

use limits::Limits;

/// One kernel on one input.
pub struct Case {
    /// What is measured.
    pub name: String,
    /// Multiply-adds it needs at least.
    pub multiply_adds: f64,
    /// Bytes it reads at least.
    pub bytes: f64,
    /// Whether single precision.
    pub single: bool,
    /// Runs it.
    pub run: Box<dyn FnMut()>,
}

/// The shortest of at least `n` runs, in seconds.
pub fn shortest(n: usize, mut run: impl FnMut()) -> f64 {
    run();
    let mut best = f64::INFINITY;
    for _ in 0..n {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn main() {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let limits = Limits::measure();
    println!("{limits}");
    println!(
        "{:<44} {:>7} {:>9} {:>9} {:>9} {:>7} {:>7}",
        "kernel", "threads", "ms", "GFLOP/s", "GB/s", "FMA", "memory"
    );
    for n_threads in [1, 2] {
        for mut case in work::cases(n_threads).into_iter().chain(networks::cases(n_threads)) {
            if !case.name.contains(&filter) {
                continue;
            }
            let seconds = shortest(15, &mut case.run);
            let flops = 2.0 * case.multiply_adds / seconds;
            let bandwidth = case.bytes / seconds;
            println!(
                "{:<44} {n_threads:>7} {:>9.3} {:>9.1} {:>9.1} {:>6.0}% {:>6.0}%",
                case.name,
                seconds * 1e3,
                flops / 1e9,
                bandwidth / 1e9,
                100.0 * flops / limits.flops(case.single, n_threads),
                100.0 * bandwidth / limits.bandwidth(n_threads),
            );
        }
    }
}
