//! What is lowered: distance from the target, speed where it should rest, effort, activity. Equations in the parent module.

use super::{Cursor, Trials};
use crate::error::{Error, Result};
use crate::numerics::simd::vectorised;
use crate::real::Real;

/// What counts how much.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Costs {
    /// r: errors much smaller count by their square, much larger by themselves; none: all by their square.
    pub radius: Option<f64>,
    /// `k_u`.
    pub effort: f64,
    /// `k_du`.
    pub effort_change: f64,
    /// `k_h`.
    pub activity: f64,
    /// `k_dh`.
    pub activity_change: f64,
}

/// The parts of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Terms {
    /// Weighted distance.
    pub position: f64,
    /// Weighted square of speed.
    pub velocity: f64,
    /// Of controls, and of their changes.
    pub effort: f64,
    /// Of units, and of their changes.
    pub activity: f64,
}

impl Terms {
    /// L.
    pub fn total(&self) -> f64 {
        self.position + self.velocity + self.effort + self.activity
    }

    /// Of all blocks, in their order.
    pub(super) fn sum<R>(blocks: Vec<Result<Self>>, trials: &Trials<'_, R>) -> Result<Self> {
        let mut sum = Self::default();
        for terms in blocks {
            let terms = terms?;
            sum.position += terms.position;
            sum.velocity += terms.velocity;
            sum.effort += terms.effort;
            sum.activity += terms.activity;
        }
        if sum.total().is_finite() {
            Ok(sum)
        } else {
            Err(Error::Diverged { what: "the loss", place: format!(" over {} trials", trials.n_trials) })
        }
    }
}

impl Costs {
    pub(super) fn check(&self) -> Result<()> {
        for (argument, value) in [
            ("effort", self.effort),
            ("effort_change", self.effort_change),
            ("activity", self.activity),
            ("activity_change", self.activity_change),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::value(argument, value, "a finite number, 0 or more"));
            }
        }
        match self.radius {
            Some(radius) if !(radius > 0.0 && radius.is_finite()) => {
                Err(Error::value("radius", radius, "a finite number above 0, or none"))
            }
            _ => Ok(()),
        }
    }

    /// ρ, and its gradient by d.
    fn distance(&self, [dx, dy]: [f64; 2]) -> (f64, [f64; 2]) {
        let square = dx * dx + dy * dy;
        match self.radius {
            None => (square, [2.0 * dx, 2.0 * dy]),
            Some(radius) => {
                let root = (square + radius * radius).sqrt();
                // √(d² + r²) − r without cancellation.
                (square / (root + radius), [dx / root, dy / root])
            }
        }
    }

    /// Distance and speed of a hand after step `step`, weighted, and their gradient by the hand.
    pub(super) fn of_hand<R>(
        &self,
        trials: &Trials<'_, R>,
        trial: usize,
        step: usize,
        hand: [f64; 4],
        cursor: &Cursor,
    ) -> ([f64; 2], [f64; 4]) {
        let at = trial * trials.n_steps + step;
        let mean = 1.0 / (trials.n_trials * trials.n_steps) as f64;
        let [position, velocity] = [trials.position_weights[at] * mean, trials.velocity_weights[at] * mean];
        let [x, y, ..] = cursor.of(hand);
        let (rho, [dx, dy]) = self.distance([x - trials.targets[2 * at], y - trials.targets[2 * at + 1]]);
        let [px, py, ..] = cursor.pull_back([position * dx, position * dy, 0.0, 0.0]);
        let [vx, vy] = [hand[2], hand[3]];
        ([position * rho, velocity * (vx * vx + vy * vy)], [px, py, 2.0 * velocity * vx, 2.0 * velocity * vy])
    }
}

/// k ⟨x_t²⟩ + k' ⟨(x_t − x_{t−1})²⟩: factors of squares and of squared differences, of numbers that come by step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quadratic {
    pub square: f64,
    pub change: f64,
}

impl Quadratic {
    /// Of so many numbers per step.
    pub fn new(square: f64, change: f64, n_trials: usize, n_steps: usize, width: usize) -> Self {
        let per_step = 1.0 / (n_trials * width) as f64;
        let changes = n_steps.saturating_sub(1).max(1) as f64;
        Self { square: square * per_step / n_steps as f64, change: change * per_step / changes }
    }

    /// Whether there is nothing to pay.
    pub fn is_free(&self) -> bool {
        self.square == 0.0 && self.change == 0.0
    }

    /// What numbers of a step cost; `before` is empty at the first.
    pub fn cost<R: Real>(&self, before: &[R], now: &[R]) -> f64 {
        let mut sums = [0.0; 2];
        if before.is_empty() {
            add_squares(now, &mut sums);
        } else {
            add_changes(before, now, &mut sums);
        }
        self.square * sums[0] + self.change * sums[1]
    }

    /// Adds the gradient of all costs by the numbers of a step; `before` and `after` are empty where there is none.
    pub fn add_slopes<R: Real>(&self, before: &[R], now: &[R], after: &[R], into: &mut [R]) {
        let neighbours = f64::from(u8::from(!before.is_empty()) + u8::from(!after.is_empty()));
        add_multiple(now, R::from_f64(2.0 * (self.square + neighbours * self.change)), into);
        for other in [before, after] {
            add_multiple(other, R::from_f64(-2.0 * self.change), into);
        }
    }
}

vectorised! {
    fn add_squares<R: Real>(now: &[R], out: &mut [f64; 2]) {
        let mut sums = [0.0; LANES];
        for now in now.chunks(LANES) {
            for (sum, &now) in sums.iter_mut().zip(now) {
                let now = now.to_f64();
                *sum += now * now;
            }
        }
        out[0] += sums.iter().sum::<f64>();
    }
}

vectorised! {
    fn add_changes<R: Real>(before: &[R], now: &[R], out: &mut [f64; 2]) {
        let (mut squares, mut changes) = ([0.0; LANES], [0.0; LANES]);
        for (before, now) in before.chunks(LANES).zip(now.chunks(LANES)) {
            let sums = squares.iter_mut().zip(&mut changes);
            for ((square, change), (&before, &now)) in sums.zip(before.iter().zip(now)) {
                let (before, now) = (before.to_f64(), now.to_f64());
                *square += now * now;
                *change += (now - before) * (now - before);
            }
        }
        out[0] += squares.iter().sum::<f64>();
        out[1] += changes.iter().sum::<f64>();
    }
}

vectorised! {
    fn add_multiple<R: Real>(values: &[R], factor: R, into: &mut [R]) {
        for (into, &value) in into.iter_mut().zip(values) {
            *into += factor * value;
        }
    }
}

/// Sums that run side by side, since one alone would wait for each addition to end.
const LANES: usize = 8;
