//! One trial at a time: the arithmetic of a plane (neurons × time) that stays in the cache.
//!
//! | symbol | name | shape | |
//! | --- | --- | --- | --- |
//! | e | `residual` | N × T | x − x̂ where observed, else 0 |
//! | m | `observed` | N × T | 1 where observed, else 0 |
//! | a, f | `coefficients`, `rows` | R × N and R × T (or R × N × T) | what is taken away: m_nt Σ_r a_rn f_r[n]t |

use crate::numerics::simd::{multiply_add, vectorised};
use crate::real::Real;
use crate::tensor::narrow::{self, RowWeights};

/// An R × N array, given by where its entries stand.
#[derive(Clone, Copy)]
pub struct Grid<'a, T> {
    /// The numbers.
    pub data: &'a [T],
    /// From a component to the next.
    pub component: usize,
    /// From a neuron to the next.
    pub neuron: usize,
}

impl<'a, T> Grid<'a, T> {
    /// One number for each component, whatever the neuron.
    pub fn of_trial(data: &'a [T]) -> Self {
        Self { data, component: 1, neuron: 0 }
    }

    /// R × N numbers in C order.
    pub fn of_neurons(data: &'a [T], n_neurons: usize) -> Self {
        Self { data, component: n_neurons, neuron: 1 }
    }
}

/// Courses over time, one for each component, or one for each component and neuron.
#[derive(Clone, Copy)]
pub struct Courses<'a, T> {
    /// The numbers; time runs fastest.
    pub data: &'a [T],
    /// From a component to the next.
    pub component: usize,
    /// From a neuron to the next; 0 if all share their course.
    pub neuron: usize,
}

impl<'a, T> Courses<'a, T> {
    /// R × T numbers in C order, the same for all neurons.
    pub fn common(data: &'a [T], n_steps: usize) -> Self {
        Self { data, component: n_steps, neuron: 0 }
    }
}

/// e ← e − m ∘ Σ_r a_r f_r over all neurons; the width of a row is the length of a course. Without `observed` all of e
/// is taken to be observed.
pub fn subtract<T: Real>(
    residual: &mut [T],
    observed: Option<&[T]>,
    n_steps: usize,
    rank: usize,
    coefficients: Grid<'_, T>,
    courses: Courses<'_, T>,
) {
    if rank > 0 {
        subtract_all(residual, observed, n_steps, rank, coefficients, courses);
    }
}

vectorised! {
    fn subtract_all<T: Real>(
        residual: &mut [T], observed: Option<&[T]>, n_steps: usize, rank: usize, coefficients: Grid<'_, T>,
        courses: Courses<'_, T>,
    ) {
        for (n, e) in residual.chunks_exact_mut(n_steps).enumerate() {
            for r in 0..rank {
                let a = T::ZERO - coefficients.data[r * coefficients.component + n * coefficients.neuron];
                let f = &courses.data[r * courses.component + n * courses.neuron..][..n_steps];
                if let Some(observed) = observed {
                    let m = &observed[n * n_steps..][..n_steps];
                    for ((e, &f), &m) in e.iter_mut().zip(f).zip(m) {
                        *e = multiply_add::<T, FUSED>(a * m, f, *e);
                    }
                } else {
                    for (e, &f) in e.iter_mut().zip(f) {
                        *e = multiply_add::<T, FUSED>(a, f, *e);
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Where x is NaN: m = 0 and e = 0; elsewhere m = 1 and e = x.
    pub fn split<T: Real>(x: &[T], residual: &mut [T], observed: &mut [T]) {
        for ((&x, e), m) in x.iter().zip(residual).zip(observed) {
            let missing = x.is_nan();
            *e = if missing { T::ZERO } else { x };
            *m = if missing { T::ZERO } else { T::ONE };
        }
    }
}

/// Σ a b, added up in double precision over short stretches.
pub fn inner<T: Real>(a: &[T], b: &[T]) -> f64 {
    let mut sum = 0.0;
    add_inner(a, b, &mut sum);
    sum
}

vectorised! {
    fn add_inner<T: Real>(a: &[T], b: &[T], sum: &mut f64) {
        const LANES: usize = 32;
        for (a, b) in a.chunks(1024).zip(b.chunks(1024)) {
            let mut lanes = [T::ZERO; LANES];
            let (whole_a, whole_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
            let rest = whole_a.remainder().iter().zip(whole_b.remainder());
            let rest: f64 = rest.map(|(&a, &b)| (a * b).to_f64()).sum();
            for (a, b) in whole_a.zip(whole_b) {
                for lane in 0..LANES {
                    lanes[lane] = multiply_add::<T, FUSED>(a[lane], b[lane], lanes[lane]);
                }
            }
            *sum += rest + lanes.iter().map(|v| v.to_f64()).sum::<f64>();
        }
    }
}

vectorised! {
    /// out_r += c_r y for each of the rows of `out`.
    pub fn add_outer<T: Real>(coefficients: &[T], y: &[T], out: &mut [T]) {
        for (&c, out) in coefficients.iter().zip(out.chunks_exact_mut(y.len())) {
            for (out, &y) in out.iter_mut().zip(y) {
                *out = multiply_add::<T, FUSED>(c, y, *out);
            }
        }
    }
}

/// out[r, t] += Σ_n q[n, r] y[n, t].
pub fn along_neurons<T: Real>(y: &[T], n_steps: usize, q: &[T], rank: usize, out: &mut [T]) {
    if rank > 0 {
        narrow::columns(y, n_steps, n_steps, q, rank, out, n_steps);
    }
}

/// out[r, n] += Σ_t y[n, t] w[t, r]; `buffer` holds N × R numbers.
pub fn along_time<T: Real>(y: &[T], weights: &RowWeights<T>, rank: usize, buffer: &mut [T], out: &mut [T]) {
    if rank == 0 {
        return;
    }
    weights.products(y, buffer);
    let n_neurons = buffer.len() / rank;
    for (n, row) in buffer.chunks_exact(rank).enumerate() {
        for (r, &value) in row.iter().enumerate() {
            out[r * n_neurons + n] += value;
        }
    }
}
