//! Motor adaptation as one or two states that learn from errors and forget.
//!
//! ```text
//! x_n = x_f + x_s,   e_n = f_n − x_n, 0 where f_n is NaN (error clamp)
//! two states   x_f ← A_f x_f + B_f e,   x_s ← A_s x_s + B_s e
//! cascade      x_f ← A_f x_f + B_f e,   x_s ← A_s x_s + B_s x_f            (x_f before the trial)
//! one state    x_s ← A_s x_s + B_s e,   x_f = 0
//! a pause of k trials before trial n:   x_f ← A_f^k x_f,   x_s ← A_s^k x_s
//! ```
//!
//! | symbol | name | shape |
//! | --- | --- | --- |
//! | f | `perturbation` | trials |
//! | k | `pauses`, in trials | trials |
//! | A_f, B_f, A_s, B_s | `parameters` | 4 |
//! | x_f, x_s | `fast`, `slow`, before the trial is learned from | trials |
//!
//! Two states: Smith, Ghazizadeh & Shadmehr, PLoS Biol 4:e179, 2006. The cascade, in which the fast state teaches the slow
//! one, and pauses in which memory fades as in trials without errors, are designs of this package.

mod fit;

pub use fit::{Fit, Problem, fit};

/// How the states are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Side by side.
    Two,
    /// The fast one teaches the slow one.
    Cascade,
    /// The slow one alone.
    One,
}

/// What is done to a person.
#[derive(Debug, Clone, Copy)]
pub struct Schedule<'a> {
    /// f.
    pub perturbation: &'a [f64],
    /// k; empty: none.
    pub pauses: &'a [f64],
}

/// Parameters: A_f, B_f, A_s, B_s.
pub type Rates = [f64; 4];

/// Both states in a trial, and how they change with each of the parameters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment {
    /// x_f.
    pub fast: f64,
    /// x_s.
    pub slow: f64,
    /// ∂x_f/∂(A_f, B_f, A_s, B_s).
    pub fast_slopes: Rates,
    /// ∂x_s/∂(A_f, B_f, A_s, B_s).
    pub slow_slopes: Rates,
}

/// Goes through the trials; `each` is shown every one before it is learned from.
pub fn follow(kind: Kind, rates: &Rates, schedule: &Schedule<'_>, mut each: impl FnMut(usize, &Moment)) {
    let [retention_fast, learning_fast, retention_slow, learning_slow] = *rates;
    let mut now = Moment::default();
    for (trial, &f) in schedule.perturbation.iter().enumerate() {
        if let Some(&pause) = schedule.pauses.get(trial)
            && pause > 0.0
        {
            rest(&mut now, rates, pause);
        }
        each(trial, &now);
        let before = now;
        let clamped = f.is_nan();
        let error = if clamped { 0.0 } else { f - before.fast - before.slow };
        let mut next = Moment::default();
        if kind != Kind::One {
            next.fast = retention_fast * before.fast + learning_fast * error;
        }
        let teacher = if kind == Kind::Cascade { before.fast } else { error };
        next.slow = retention_slow * before.slow + learning_slow * teacher;
        for k in 0..4 {
            let own = |number: usize| if k == number { 1.0 } else { 0.0 };
            let slope = if clamped { 0.0 } else { -before.fast_slopes[k] - before.slow_slopes[k] };
            if kind != Kind::One {
                next.fast_slopes[k] = own(0) * before.fast
                    + retention_fast * before.fast_slopes[k]
                    + own(1) * error
                    + learning_fast * slope;
            }
            let of_teacher = if kind == Kind::Cascade { before.fast_slopes[k] } else { slope };
            next.slow_slopes[k] = own(2) * before.slow
                + retention_slow * before.slow_slopes[k]
                + own(3) * teacher
                + learning_slow * of_teacher;
        }
        now = next;
    }
}

/// A pause of so many trials.
fn rest(now: &mut Moment, rates: &Rates, pause: f64) {
    let [fast, slow] = [rates[0], rates[2]].map(|retention| retention.max(0.0));
    let (keep_fast, keep_slow) = (fast.powf(pause), slow.powf(pause));
    // Of 0⁰ and 0^k there is no slope that would help.
    let slope = |retention: f64| if retention > 0.0 { pause * retention.powf(pause - 1.0) } else { 0.0 };
    for k in 0..4 {
        now.fast_slopes[k] *= keep_fast;
        now.slow_slopes[k] *= keep_slow;
    }
    now.fast_slopes[0] += slope(fast) * now.fast;
    now.slow_slopes[2] += slope(slow) * now.slow;
    now.fast *= keep_fast;
    now.slow *= keep_slow;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_finite_differences() {
        let perturbation: Vec<f64> = (0..60)
            .map(|n| match n {
                0..30 => 1.0,
                30..40 => -0.5,
                _ => f64::NAN,
            })
            .collect();
        let mut pauses = vec![0.0; 60];
        (pauses[20], pauses[45]) = (3.0, 1.5);
        let schedule = Schedule { perturbation: &perturbation, pauses: &pauses };
        let rates = [0.6, 0.2, 0.98, 0.04];
        let totals = |kind: Kind, rates: &Rates| {
            let mut all = Vec::new();
            follow(kind, rates, &schedule, |_, moment| all.push(moment.fast + moment.slow));
            all
        };
        for kind in [Kind::Two, Kind::Cascade, Kind::One] {
            let mut slopes = Vec::new();
            follow(kind, &rates, &schedule, |_, m| {
                slopes.push([0, 1, 2, 3].map(|k| m.fast_slopes[k] + m.slow_slopes[k]));
            });
            for k in 0..4 {
                let moved = |by: f64| {
                    let mut rates = rates;
                    rates[k] += by;
                    totals(kind, &rates)
                };
                let (above, below) = (moved(1e-6), moved(-1e-6));
                let size = slopes.iter().fold(1e-3_f64, |size, row| size.max(row[k].abs()));
                for trial in 0..60 {
                    let found = (above[trial] - below[trial]) / 2e-6;
                    assert!((found - slopes[trial][k]).abs() < 1e-6 * size, "{kind:?}, {k}, trial {trial}");
                }
            }
        }
    }
}
