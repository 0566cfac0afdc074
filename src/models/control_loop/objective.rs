//! What is lowered: distance from the target, speed where it should rest, effort, activity. Equations in the parent module.

use super::{Cursor, Trials};
use crate::error::{Error, Result};

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

    /// What a number costs at its step.
    pub fn cost(&self, before: Option<f64>, now: f64) -> f64 {
        let change = before.map_or(0.0, |before| (now - before).powi(2));
        self.square * now * now + self.change * change
    }

    /// Gradient of all costs by a number.
    pub fn slope(&self, before: Option<f64>, now: f64, after: Option<f64>) -> f64 {
        let change = before.map_or(0.0, |before| now - before) + after.map_or(0.0, |after| now - after);
        2.0 * (self.square * now + self.change * change)
    }
}
