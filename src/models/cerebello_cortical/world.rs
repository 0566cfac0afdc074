//! The hand, the forces on it, and what is seen of it.

use crate::cerebellum::delay_line::DelayLine;
use crate::error::{Error, Result};

use super::Condition;

/// A point mass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Body {
    /// μ, kg.
    pub mass: f64,
    /// Seconds per step.
    pub dt: f64,
}

/// What is seen of the hand, and what it is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Senses {
    /// d, steps.
    pub delay: usize,
    /// k_p, N/m.
    pub stiffness: f64,
    /// k_v, N s/m.
    pub damping: f64,
    /// ρ.
    pub reflex: f64,
}

/// The hand in one trial.
pub struct Reach {
    body: Body,
    senses: Senses,
    condition: Condition,
    /// Unit vector from the start to where the plan ends.
    direction: [f64; 2],
    /// p and v.
    pub hand: [f64; 4],
    /// Hand and plan on their way to the senses.
    line: DelayLine<f64>,
}

impl Reach {
    /// At rest in the start, with a plan that ends somewhere else.
    pub fn new(body: Body, senses: Senses, condition: Condition, end: &[f64]) -> Result<Self> {
        let length = end[0].hypot(end[1]);
        if length == 0.0 && condition.channel {
            return Err(Error::value("plan", "one that ends in the start", "a direction for the channel"));
        }
        let direction = if length > 0.0 { [end[0] / length, end[1] / length] } else { [1.0, 0.0] };
        let line = DelayLine::new(8, senses.delay, 0.0)?;
        Ok(Self { body, senses, condition, direction, hand: [0.0; 4], line })
    }

    /// What of a vector lies across the line to the target.
    fn across(&self, vector: [f64; 2]) -> [f64; 2] {
        let along = vector[0] * self.direction[0] + vector[1] * self.direction[1];
        [vector[0] - along * self.direction[0], vector[1] - along * self.direction[1]]
    }

    /// The plan of this step and the hand set out for the senses.
    pub fn send(&mut self, plan: &[f64]) {
        let into = self.line.departing();
        into[..4].copy_from_slice(&self.hand);
        into[4..].copy_from_slice(plan);
    }

    /// p and v, as they are felt.
    pub fn felt(&self) -> &[f64] {
        &self.line.arriving()[..4]
    }

    /// e, in newtons.
    pub fn error(&self) -> [f64; 2] {
        let (hand, plan) = self.line.arriving().split_at(4);
        let rotation = self.condition.rotation;
        let (position, velocity) =
            (turned(rotation, [hand[0], hand[1]]), turned(rotation, [hand[2], hand[3]]));
        let Senses { stiffness, damping, .. } = self.senses;
        let error =
            [0, 1].map(|k| stiffness * (plan[k] - position[k]) + damping * (plan[2 + k] - velocity[k]));
        if self.condition.channel {
            let across = self.across(error);
            return [error[0] - across[0], error[1] - across[1]];
        }
        error
    }

    /// Moves the hand on by a step under a command.
    pub fn advance(&mut self, command: [f64; 2], error: [f64; 2]) {
        let [_, _, x, y] = self.hand;
        let field = self.condition.field;
        let mut force = [0, 1]
            .map(|k| command[k] + self.senses.reflex * error[k] + field[2 * k] * x + field[2 * k + 1] * y);
        if self.condition.channel {
            let across = self.across(force);
            force = [force[0] - across[0], force[1] - across[1]];
        }
        let (position, velocity) = self.hand.split_at_mut(2);
        for ((place, speed), force) in position.iter_mut().zip(velocity).zip(force) {
            *speed += self.body.dt * force / self.body.mass;
            *place += self.body.dt * *speed;
        }
    }
}

/// A vector turned by an angle, counter-clockwise.
pub fn turned(angle: f64, vector: [f64; 2]) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]]
}
