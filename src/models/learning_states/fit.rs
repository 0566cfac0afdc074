//! Least squares by Levenberg and Marquardt, within bounds, from several starts.
//!
//! ```text
//! S(p) = Σ_n (y_n − x_n(p))², over trials that were measured
//! (JᵀJ + μ diag(JᵀJ)) δ = Jᵀ (y − x),   p ← clip(p + δ),   μ smaller after a step that helps, else larger
//! ```
//!
//! A parameter that stands at a bound and would leave it is held there for the step. In a cascade the slow state retains
//! no less than the fast one: it is searched as A_f = ρ A_s with ρ between 0 and 1, whose slopes are A_s ∂/∂A_f for ρ and
//! ∂/∂A_s + ρ ∂/∂A_f for A_s. States side by side need no such order: they can be exchanged.

use super::{Kind, Rates, Schedule, follow};
use crate::error::{Error, Result};

/// What is to be fitted.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// How the states are connected.
    pub kind: Kind,
    /// What was done.
    pub schedule: Schedule<'a>,
    /// y; NaN: not measured.
    pub data: &'a [f64],
    /// Lowest and highest parameters; of the fast retention of a cascade, those of ρ.
    pub bounds: [Rates; 2],
}

/// The best of all starts.
#[derive(Debug, Clone, Copy)]
pub struct Fit {
    /// A_f, B_f, A_s, B_s.
    pub rates: Rates,
    /// S.
    pub squares: f64,
    /// JᵀJ there.
    pub normal: [Rates; 4],
    /// Whether the steps came to an end by themselves.
    pub converged: bool,
}

const MOST_STEPS: usize = 200;

/// Fits from each start, and keeps the best.
pub fn fit(problem: &Problem<'_>, starts: &[Rates]) -> Result<Fit> {
    if problem.data.len() != problem.schedule.perturbation.len() {
        let expected = format!("({},): one number for each trial", problem.schedule.perturbation.len());
        return Err(Error::shape("data", &[problem.data.len()], expected));
    }
    let mut best: Option<Fit> = None;
    for start in starts {
        let found = from(problem, start);
        if best.is_none_or(|best| found.squares < best.squares) {
            best = Some(found);
        }
    }
    best.ok_or_else(|| Error::value("starts", 0, "at least one"))
}

/// The search's parameters from the model's.
fn searched(kind: Kind, rates: &Rates) -> Rates {
    let mut coordinates = *rates;
    if kind == Kind::Cascade {
        coordinates[0] = if rates[2] > 0.0 { rates[0] / rates[2] } else { 1.0 };
    }
    coordinates
}

/// The model's parameters from the search's.
fn natural(kind: Kind, coordinates: &Rates) -> Rates {
    let mut rates = *coordinates;
    if kind == Kind::Cascade {
        rates[0] = coordinates[0] * coordinates[2];
    }
    rates
}

/// S, and Jᵀ(y − x) and JᵀJ for the search's parameters.
fn look_around(problem: &Problem<'_>, coordinates: &Rates) -> (f64, Rates, [Rates; 4]) {
    let (squares, mut slope, mut normal) = look(problem, &natural(problem.kind, coordinates));
    if problem.kind == Kind::Cascade {
        let (ratio, slow) = (coordinates[0], coordinates[2]);
        slope[2] += ratio * slope[0];
        slope[0] *= slow;
        for row in &mut normal {
            row[2] += ratio * row[0];
            row[0] *= slow;
        }
        let above = normal[0];
        for (into, from) in normal[2].iter_mut().zip(above) {
            *into += ratio * from;
        }
        for into in &mut normal[0] {
            *into *= slow;
        }
    }
    (squares, slope, normal)
}

/// S, Jᵀ(y − x) and JᵀJ.
fn look(problem: &Problem<'_>, rates: &Rates) -> (f64, Rates, [Rates; 4]) {
    let (mut squares, mut slope, mut normal) = (0.0, [0.0; 4], [[0.0; 4]; 4]);
    follow(problem.kind, rates, &problem.schedule, |trial, moment| {
        let measured = problem.data[trial];
        if measured.is_nan() {
            return;
        }
        let missing = measured - moment.fast - moment.slow;
        squares += missing * missing;
        let row = [0, 1, 2, 3].map(|k| moment.fast_slopes[k] + moment.slow_slopes[k]);
        for (k, &by) in row.iter().enumerate() {
            slope[k] += by * missing;
            for (into, &other) in normal[k].iter_mut().zip(&row) {
                *into += by * other;
            }
        }
    });
    (squares, slope, normal)
}

fn from(problem: &Problem<'_>, start: &Rates) -> Fit {
    let [low, high] = problem.bounds;
    let clip = |rates: Rates| {
        let mut clipped = rates;
        for (value, (&low, &high)) in clipped.iter_mut().zip(low.iter().zip(&high)) {
            *value = value.clamp(low, high);
        }
        clipped
    };
    let mut rates = clip(searched(problem.kind, start));
    let (mut squares, mut slope, mut normal) = look_around(problem, &rates);
    let (mut damping, mut converged) = (1e-3, false);
    for _ in 0..MOST_STEPS {
        let held = [0, 1, 2, 3].map(|k| {
            (rates[k] <= low[k] && slope[k] < 0.0)
                || (rates[k] >= high[k] && slope[k] > 0.0)
                || normal[k][k] == 0.0
        });
        let step = solve(&normal, &slope, damping, held);
        let next = clip([0, 1, 2, 3].map(|k| rates[k] + step[k]));
        let moved = (0..4).map(|k| (next[k] - rates[k]).abs()).fold(0.0, f64::max);
        if moved < 1e-10 {
            converged = true;
            break;
        }
        let (there, its_slope, its_normal) = look_around(problem, &next);
        if there.is_finite() && there <= squares {
            let gained = squares - there;
            (rates, slope, normal) = (next, its_slope, its_normal);
            squares = there;
            damping = (damping * 0.2_f64).max(1e-12);
            if gained <= 1e-13 * squares && moved < 1e-6 {
                converged = true;
                break;
            }
        } else {
            damping *= 5.0;
            if damping > 1e12 {
                converged = true;
                break;
            }
        }
    }
    let rates = natural(problem.kind, &rates);
    let (squares, _, normal) = look(problem, &rates);
    Fit { rates, squares, normal, converged }
}

/// Gaussian elimination of the damped equations; those that are held stay.
fn solve(normal: &[Rates; 4], slope: &Rates, damping: f64, held: [bool; 4]) -> Rates {
    let (mut matrix, mut right) = (*normal, *slope);
    for k in 0..4 {
        matrix[k][k] += damping * normal[k][k];
        if held[k] {
            for row in &mut matrix {
                row[k] = 0.0;
            }
            matrix[k] = [0.0; 4];
            (matrix[k][k], right[k]) = (1.0, 0.0);
        }
    }
    // Positive definite once it is damped: no pivots are needed.
    for k in 0..4 {
        if matrix[k][k] <= 0.0 {
            return [0.0; 4];
        }
        for row in k + 1..4 {
            let factor = matrix[row][k] / matrix[k][k];
            let (above, below) = matrix.split_at_mut(row);
            for (value, &pivot) in below[0][k..].iter_mut().zip(&above[k][k..]) {
                *value -= factor * pivot;
            }
            right[row] -= factor * right[k];
        }
    }
    let mut found = [0.0; 4];
    for k in (0..4).rev() {
        let rest: f64 = (k + 1..4).map(|other| matrix[k][other] * found[other]).sum();
        found[k] = (right[k] - rest) / matrix[k][k];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_of_the_search_are_finite_differences() {
        let perturbation: Vec<f64> = (0..50).map(|n| if n < 40 { 1.0 } else { f64::NAN }).collect();
        let data: Vec<f64> = (0..50).map(|n| (f64::from(n) * 0.7).sin()).collect();
        let schedule = Schedule { perturbation: &perturbation, pauses: &[] };
        for kind in [Kind::Two, Kind::Cascade, Kind::One] {
            let problem = Problem { kind, schedule, data: &data, bounds: [[0.0; 4], [1.0; 4]] };
            let at = [0.6, 0.2, 0.95, 0.04];
            let (_, slope, _) = look_around(&problem, &at);
            for k in 0..4 {
                let moved = |by: f64| {
                    let mut there = at;
                    there[k] += by;
                    look_around(&problem, &there).0
                };
                let found = -(moved(1e-6) - moved(-1e-6)) / 4e-6;
                assert!((found - slope[k]).abs() < 1e-6 * slope[k].abs().max(1.0), "{kind:?}, {k}: {found}");
            }
        }
    }

    #[test]
    fn the_slow_state_of_a_cascade_retains_no_less_whatever_the_data() {
        // Overshoot, which a cascade whose slow state is the quicker one would follow better.
        let perturbation = vec![1.0; 80];
        let data: Vec<f64> =
            (0..80).map(|n| f64::from(n) * 0.2 * (-f64::from(n) / 6.0).exp() + 0.3).collect();
        let schedule = Schedule { perturbation: &perturbation, pauses: &[] };
        let problem = Problem { kind: Kind::Cascade, schedule, data: &data, bounds: [[0.0; 4], [1.0; 4]] };
        let starts = [[0.9, 0.3, 0.2, 0.9], [0.3, 0.3, 0.9, 0.1], [0.5, 0.2, 0.0, 0.5]];
        for start in starts {
            let found = fit(&problem, &[start]).unwrap().rates;
            assert!(found[0] <= found[2] && found.iter().all(|r| (0.0..=1.0).contains(r)), "{found:?}");
        }
    }

    #[test]
    fn exact_data_give_their_parameters_back() {
        let perturbation: Vec<f64> = (0..160)
            .map(|n| match n {
                0..20 => 0.0,
                20..110 => 1.0,
                110..122 => -1.0,
                _ => f64::NAN,
            })
            .collect();
        let schedule = Schedule { perturbation: &perturbation, pauses: &[] };
        for (kind, truth) in [
            (Kind::Two, [0.59, 0.21, 0.992, 0.02]),
            (Kind::Cascade, [0.59, 0.21, 0.992, 0.039]),
            (Kind::One, [0.0, 0.0, 0.98, 0.05]),
        ] {
            let mut data = vec![f64::NAN; 160];
            follow(kind, &truth, &schedule, |trial, m| {
                if trial % 7 != 3 {
                    data[trial] = m.fast + m.slow;
                }
            });
            let problem = Problem { kind, schedule, data: &data, bounds: [[0.0; 4], [1.0; 4]] };
            let found =
                fit(&problem, &[[0.3, 0.3, 0.9, 0.1], [0.8, 0.1, 0.95, 0.05], [0.5, 0.2, 0.99, 0.01]])
                    .unwrap();
            assert!(found.squares < 1e-16, "{kind:?}: {}", found.squares);
            for (k, (found, truth)) in found.rates.iter().zip(truth).enumerate() {
                assert!(kind == Kind::One && k < 2 || (found - truth).abs() < 1e-6, "{kind:?}, {k}: {found}");
            }
        }
    }
}
