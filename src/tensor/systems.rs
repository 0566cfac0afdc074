//! Many systems of a few unknowns, side by side.
//!
//! A block of an alternating fit is a heap of small least-squares problems that share their form: every row of a
//! factor, every entry of a slice. Each minimises ½ a H aᵀ − b aᵀ over R unknowns. Here all of them move at once, one
//! in each lane of the vector registers, from the gradient g = b − a H at the present a:
//!
//! ```text
//! free           a ← a + g (H + μ I)⁻¹      μ a tiny share of H's mean diagonal: singular systems stay where they are
//! non-negative   a_r ← max(0, a_r + g_r / H_rr),  g ← g − step · H_r:     r = 0, 1, …, several times over
//!                (hierarchical alternating least squares: Cichocki & Phan 2009)
//! ```
//!
//! | symbol | array | layout |
//! | --- | --- | --- |
//! | a, g | `unknowns`, `gradient` | R × n: one row an unknown, one column a system |
//! | H | `Matrix` | upper triangle, (0, 0), (0, 1), …, (1, 1), …: R (R + 1) / 2 rows of n, or one number each if all share it |

use crate::numerics::simd::vectorised;
use crate::real::Real;

/// Systems that move at once.
const LANES: usize = 8;
/// μ for double precision; single precision takes a multiple of its rounding.
const RIDGE: f64 = 1e-10;
/// That multiple.
const RIDGE_UNITS: f64 = 16.0;
/// ν, where systems are drawn to zero.
const DRAWN: f64 = 1e-9;

/// The matrices of n systems.
#[derive(Clone, Copy)]
pub enum Matrix<'a, T> {
    /// The same for all.
    Shared(&'a [T]),
    /// One each.
    Each(&'a [T]),
}

/// Number of entries in the upper triangle.
pub fn n_pairs(rank: usize) -> usize {
    rank * (rank + 1) / 2
}

/// The pairs (r, s), r ≤ s, in the order of the upper triangle.
pub fn pairs(rank: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rank).flat_map(move |r| (r..rank).map(move |s| (r, s)))
}

/// Place of (r, s) in the upper triangle.
#[inline(always)]
pub fn place(rank: usize, r: usize, s: usize) -> usize {
    let (low, high) = if r < s { (r, s) } else { (s, r) };
    low * rank - low * low.saturating_sub(1) / 2 + high - low
}

type Lanes = [f64; LANES];

/// Memory for the systems that are being worked on; kept between calls.
#[derive(Default)]
pub struct Workspace {
    h: Vec<Lanes>,
    g: Vec<Lanes>,
    a: Vec<Lanes>,
    step: Vec<Lanes>,
    inverse: Vec<Lanes>,
}

/// Draws unknowns of which next to nothing is known towards zero, lest they grow without end: the minimum of
/// ½ a H aᵀ − b aᵀ + ½ ν ‖a‖², ν a tiny share of a `typical` entry of H's diagonal. A system that is known as well as
/// others hardly notices. Unknowns of which nothing is known become zero. Returns ν.
pub fn draw_to_zero<T: Real>(
    matrices: &mut [T],
    gradient: &mut [T],
    unknowns: &mut [T],
    rank: usize,
    typical: f64,
) -> f64 {
    let width = unknowns.len() / rank;
    for i in 0..width {
        if (0..rank).all(|r| matrices[place(rank, r, r) * width + i] == T::ZERO) {
            (0..rank).for_each(|r| unknowns[r * width + i] = T::ZERO);
        }
    }
    let pull = T::from_f64(typical * DRAWN.max(T::EPSILON));
    for r in 0..rank {
        let at = place(rank, r, r) * width;
        matrices[at..at + width].iter_mut().for_each(|h| *h += pull);
        let unknowns = &unknowns[r * width..][..width];
        gradient[r * width..][..width].iter_mut().zip(unknowns).for_each(|(g, &a)| *g -= pull * a);
    }
    pull.to_f64()
}

/// The mean of all diagonals.
pub fn mean_diagonal<T: Real>(matrices: &[T], rank: usize) -> f64 {
    let width = matrices.len() / n_pairs(rank);
    let diagonals = (0..rank).flat_map(|r| &matrices[place(rank, r, r) * width..][..width]);
    diagonals.map(|h| h.to_f64()).sum::<f64>() / (rank * width) as f64
}

/// Improves all systems; `gradient` becomes the step taken. Returns by how much Σ (a H aᵀ − 2 b aᵀ) fell.
/// `passes`: over the unknowns, where they must not be negative.
pub fn improve<T: Real>(
    matrix: Matrix<'_, T>,
    gradient: &mut [T],
    unknowns: &mut [T],
    rank: usize,
    nonnegative: Option<usize>,
    workspace: &mut Workspace,
) -> f64 {
    if unknowns.is_empty() {
        return 0.0;
    }
    let mut fallen = 0.0;
    workspace.h.resize(n_pairs(rank), [0.0; LANES]);
    for lanes in [&mut workspace.g, &mut workspace.a, &mut workspace.step, &mut workspace.inverse] {
        lanes.resize(rank, [0.0; LANES]);
    }
    match nonnegative {
        Some(passes) => descend(matrix, gradient, unknowns, rank, passes, workspace, &mut fallen),
        None => solve(matrix, gradient, unknowns, rank, workspace, &mut fallen),
    }
    fallen
}

vectorised! {
    fn solve<T: Real>(
        matrix: Matrix<'_, T>, gradient: &mut [T], unknowns: &mut [T], rank: usize, workspace: &mut Workspace,
        fallen: &mut f64,
    ) {
        let width = unknowns.len() / rank;
        let ridge = RIDGE.max(RIDGE_UNITS * T::EPSILON);
        for first in (0..width).step_by(LANES) {
            let n = LANES.min(width - first);
            load(matrix, gradient, width, first, n, rank, workspace);
            let Workspace { h, g, step, .. } = workspace;
            let mut mu = [0.0; LANES];
            for r in 0..rank {
                each(|lane| mu[lane] += h[place(rank, r, r)][lane]);
            }
            each(|lane| mu[lane] *= ridge / rank as f64);
            // H + μ = Lᵀ D L in place of H: row r of L scaled by D_r, and 1 / D_r on the diagonal.
            for r in 0..rank {
                let diagonal = place(rank, r, r);
                let mut inverse = [0.0; LANES];
                each(|lane| {
                    // Rounding may leave nothing of a pivot, or less.
                    let pivot = (h[diagonal][lane] + mu[lane]).max(mu[lane]);
                    inverse[lane] = if pivot > 0.0 { 1.0 / pivot } else { 0.0 };
                });
                for s in r + 1..rank {
                    let above = h[place(rank, r, s)];
                    let mut share = [0.0; LANES];
                    each(|lane| share[lane] = above[lane] * inverse[lane]);
                    for q in s..rank {
                        let other = h[place(rank, r, q)];
                        let target = &mut h[place(rank, s, q)];
                        each(|lane| target[lane] -= share[lane] * other[lane]);
                    }
                }
                h[diagonal] = inverse;
            }
            step.copy_from_slice(g);
            for r in 0..rank {
                let mut share = [0.0; LANES];
                each(|lane| share[lane] = step[r][lane] * h[place(rank, r, r)][lane]);
                for s in r + 1..rank {
                    let above = h[place(rank, r, s)];
                    each(|lane| step[s][lane] -= above[lane] * share[lane]);
                }
            }
            for r in (0..rank).rev() {
                let mut sum = step[r];
                for s in r + 1..rank {
                    let above = h[place(rank, r, s)];
                    let known = step[s];
                    each(|lane| sum[lane] -= above[lane] * known[lane]);
                }
                let inverse = h[place(rank, r, r)];
                each(|lane| step[r][lane] = sum[lane] * inverse[lane]);
            }
            for r in 0..rank {
                let targets = unknowns[r * width + first..][..n].iter_mut();
                for (lane, (a, g_out)) in targets.zip(&mut gradient[r * width + first..][..n]).enumerate() {
                    // What is left of the gradient is μ · step.
                    *fallen += step[r][lane] * (g[r][lane] + mu[lane] * step[r][lane]);
                    *a += T::from_f64(step[r][lane]);
                    *g_out = T::from_f64(step[r][lane]);
                }
            }
        }
    }
}

vectorised! {
    fn descend<T: Real>(
        matrix: Matrix<'_, T>, gradient: &mut [T], unknowns: &mut [T], rank: usize, passes: usize,
        workspace: &mut Workspace, fallen: &mut f64,
    ) {
        let width = unknowns.len() / rank;
        for first in (0..width).step_by(LANES) {
            let n = LANES.min(width - first);
            load(matrix, gradient, width, first, n, rank, workspace);
            let Workspace { h, g, a, step, inverse } = workspace;
            for r in 0..rank {
                let diagonal = &h[place(rank, r, r)];
                each(|lane| inverse[r][lane] = if diagonal[lane] > 0.0 { 1.0 / diagonal[lane] } else { 0.0 });
                let row = &unknowns[r * width + first..][..n];
                a[r] = [0.0; LANES];
                for (lane, value) in row.iter().enumerate() {
                    a[r][lane] = value.to_f64();
                }
                step[r] = [0.0; LANES];
            }
            for _ in 0..passes {
                for r in 0..rank {
                    let mut move_by = [0.0; LANES];
                    each(|lane| {
                        move_by[lane] = (g[r][lane] * inverse[r][lane]).max(-a[r][lane]);
                        a[r][lane] += move_by[lane];
                        step[r][lane] += move_by[lane];
                    });
                    for s in 0..rank {
                        let row = h[place(rank, r, s)];
                        each(|lane| g[s][lane] -= row[lane] * move_by[lane]);
                    }
                }
            }
            for r in 0..rank {
                let targets = unknowns[r * width + first..][..n].iter_mut();
                for (lane, (a_out, g_out)) in targets.zip(&mut gradient[r * width + first..][..n]).enumerate() {
                    *fallen += step[r][lane] * (g_out.to_f64() + g[r][lane]);
                    // Rounding must not leave a small negative.
                    let updated = T::from_f64(a[r][lane].max(0.0));
                    *g_out = updated - *a_out;
                    *a_out = updated;
                }
            }
        }
    }
}

#[inline(always)]
fn each(mut f: impl FnMut(usize)) {
    for lane in 0..LANES {
        f(lane);
    }
}

#[inline(always)]
fn load<T: Real>(
    matrix: Matrix<'_, T>,
    gradient: &[T],
    width: usize,
    first: usize,
    n: usize,
    rank: usize,
    workspace: &mut Workspace,
) {
    for (r, lanes) in workspace.g.iter_mut().enumerate() {
        fill(lanes, &gradient[r * width + first..][..n]);
    }
    for (pair, lanes) in workspace.h.iter_mut().enumerate().take(n_pairs(rank)) {
        match matrix {
            Matrix::Shared(h) => *lanes = [h[pair].to_f64(); LANES],
            Matrix::Each(h) => fill(lanes, &h[pair * width + first..][..n]),
        }
    }
}

#[inline(always)]
fn fill<T: Real>(lanes: &mut Lanes, values: &[T]) {
    if let Ok(values) = <&[T; LANES]>::try_from(values) {
        each(|lane| lanes[lane] = values[lane].to_f64());
    } else {
        *lanes = [0.0; LANES];
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = value.to_f64();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::rng;

    /// H = Z Zᵀ of each system, its gradient and its unknowns.
    fn systems(rank: usize, n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut stream = rng::stream(5, (rank * 100 + n) as u64);
        let z: Vec<f64> = (0..rank * (rank + 2) * n).map(|_| rng::normal(&mut stream)).collect();
        let at = |r: usize, c: usize, i: usize| z[(r * (rank + 2) + c) * n + i];
        let mut h = Vec::new();
        for (r, s) in pairs(rank) {
            h.extend((0..n).map(|i| (0..rank + 2).map(|c| at(r, c, i) * at(s, c, i)).sum::<f64>()));
        }
        let g = (0..rank * n).map(|_| rng::normal(&mut stream)).collect();
        let a = (0..rank * n).map(|_| rng::uniform(&mut stream)).collect();
        (h, g, a)
    }

    /// Σ ½ step H stepᵀ − g stepᵀ, twice.
    fn change(h: &[f64], g: &[f64], step: &[f64], rank: usize, n: usize) -> f64 {
        let mut total = 0.0;
        for i in 0..n {
            for r in 0..rank {
                total -= 2.0 * g[r * n + i] * step[r * n + i];
                for s in 0..rank {
                    total += h[place(rank, r, s) * n + i] * step[r * n + i] * step[s * n + i];
                }
            }
        }
        total
    }

    #[test]
    fn free_systems_are_solved() {
        for rank in [1, 2, 3, 7] {
            for n in [1, 7, 8, 29] {
                let (h, g, before) = systems(rank, n);
                let (mut a, mut step) = (before.clone(), g.clone());
                let fallen =
                    improve(Matrix::Each(&h), &mut step, &mut a, rank, None, &mut Workspace::default());
                for i in 0..n {
                    for r in 0..rank {
                        assert!((a[r * n + i] - before[r * n + i] - step[r * n + i]).abs() < 1e-12);
                        let left: f64 = g[r * n + i]
                            - (0..rank).map(|s| h[place(rank, r, s) * n + i] * step[s * n + i]).sum::<f64>();
                        assert!(left.abs() < 1e-6, "rank {rank}, {n} systems: {left:e}");
                    }
                }
                assert!((fallen + change(&h, &g, &step, rank, n)).abs() < 1e-6 * fallen.abs());
            }
        }
    }

    #[test]
    fn nonnegative_systems_end_where_no_single_unknown_can_improve() {
        for rank in [1, 3, 6] {
            let n = 13;
            let (h, g, before) = systems(rank, n);
            let (mut a, mut step) = (before.clone(), g.clone());
            let fallen =
                improve(Matrix::Each(&h), &mut step, &mut a, rank, Some(3000), &mut Workspace::default());
            assert!((fallen + change(&h, &g, &step, rank, n)).abs() < 1e-9 * fallen.abs());
            for i in 0..n {
                for r in 0..rank {
                    let left: f64 = g[r * n + i]
                        - (0..rank).map(|s| h[place(rank, r, s) * n + i] * step[s * n + i]).sum::<f64>();
                    assert!(a[r * n + i] >= 0.0);
                    assert!(if a[r * n + i] > 0.0 { left.abs() < 1e-6 } else { left < 1e-6 }, "{left:e}");
                }
            }
        }
    }

    #[test]
    fn a_shared_matrix_is_the_same_matrix_everywhere() {
        let (rank, n) = (3, 11);
        let (_, g, before) = systems(rank, n);
        let shared = [3.0, 0.5, -0.2, 2.0, 0.1, 1.0];
        let each: Vec<f64> = shared.iter().flat_map(|&h| std::iter::repeat_n(h, n)).collect();
        for nonnegative in [None, Some(4)] {
            let run = |matrix| {
                let (mut a, mut step) = (before.clone(), g.clone());
                improve(matrix, &mut step, &mut a, rank, nonnegative, &mut Workspace::default());
                (a, step)
            };
            assert_eq!(run(Matrix::Shared(&shared)), run(Matrix::Each(&each)));
        }
    }

    #[test]
    fn systems_of_which_nothing_is_known_stay() {
        let mut a = vec![0.5, 0.25];
        for nonnegative in [None, Some(2)] {
            let mut step = vec![0.0, 0.0];
            improve(Matrix::Each(&[0.0; 3]), &mut step, &mut a, 2, nonnegative, &mut Workspace::default());
            assert_eq!((a.as_slice(), step.as_slice()), (&[0.5, 0.25][..], &[0.0, 0.0][..]));
        }
    }
}
